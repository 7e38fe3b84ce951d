#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>The canonical skeleton: 22 joints of the SMPL body, T-pose at rest, in the contract's order and space.</summary>
    public static class Skeleton
    {
        public const int Joints = 22;

        /// <summary>Metres, the hips above the ground at rest.</summary>
        public const float HipHeight = 0.9177f;

        /// <summary>Metres, the ankles above the ground at rest.</summary>
        public const float AnkleHeight = 0.117f;

        /// <summary>Metres, the pelvis above the ground at rest.</summary>
        public const float PelvisHeight = 0.9396f;

        /// <summary>Names of the joints.</summary>
        public static readonly string[] Names =
        {
            "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle",
            "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head",
            "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
        };

        /// <summary>Index of each joint's parent, which comes before it; -1 for the pelvis.</summary>
        public static readonly int[] Parents =
        {
            -1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19,
        };

        /// <summary>Metres, each joint relative to its parent at rest; the pelvis' is zero.</summary>
        public static readonly Vec3[] RestOffsets =
        {
            new Vec3(0f, 0f, 0f),
            new Vec3(0.0647f, -0.0219f, 0f), new Vec3(-0.0647f, -0.0219f, 0f),
            new Vec3(0f, 0.1574f, 0f),
            new Vec3(0f, -0.3908f, 0f), new Vec3(0f, -0.3908f, 0f),
            new Vec3(0f, 0.0449f, 0f),
            new Vec3(0f, -0.4099f, 0f), new Vec3(0f, -0.4099f, 0f),
            new Vec3(0f, 0.0449f, 0f),
            new Vec3(0f, -0.0745f, 0.0909f), new Vec3(0f, -0.0745f, 0.0909f),
            new Vec3(0f, 0.1638f, 0f),
            new Vec3(0.0498f, 0.1299f, 0f), new Vec3(-0.0498f, 0.1299f, 0f),
            new Vec3(0f, 0.0646f, 0f),
            new Vec3(0.0535f, 0f, 0f), new Vec3(-0.0535f, 0f, 0f),
            new Vec3(0.2433f, 0f, 0f), new Vec3(-0.2433f, 0f, 0f),
            new Vec3(0.2229f, 0f, 0f), new Vec3(-0.2229f, 0f, 0f),
        };

        /// <summary>The joint of a name; -1 where there is none.</summary>
        public static int IndexOf(string name) => Array.IndexOf(Names, name);
    }
}
