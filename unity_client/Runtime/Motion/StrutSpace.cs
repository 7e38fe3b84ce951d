#nullable enable
using Strut.Core;
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>Between Unity's world and Strut's: positions and headings here, rig poses in the retargeter.</summary>
    public static class StrutSpace
    {
        /// <summary>A transform's place on the ground, facing along its forward axis.</summary>
        public static Placement PlacementOf(Transform transform) =>
            PlacementOf(transform.position, transform.eulerAngles.y);

        /// <summary>A place in Unity's world, metres and degrees.</summary>
        public static Placement PlacementOf(Vector3 position, float yaw) =>
            new Placement(-position.x, position.z, Coordinates.YawToHeading(yaw));

        /// <summary>A place in Unity's world at a height.</summary>
        public static Vector3 PositionOf(in Placement place, float height) =>
            new Vector3((float)-place.X, height, (float)place.Z);

        /// <summary>Turned about the up axis to the heading.</summary>
        public static Quaternion RotationOf(in Placement place) =>
            Quaternion.Euler(0f, (float)Coordinates.HeadingToYaw(place.Heading), 0f);

        /// <summary>The same numbers in Unity's type.</summary>
        public static Vector3 ToUnity(Vec3 v) => new Vector3(v.X, v.Y, v.Z);

        /// <summary>The same numbers in Unity's type.</summary>
        public static Quaternion ToUnity(Quat q) => new Quaternion(q.X, q.Y, q.Z, q.W);

        /// <summary>The same numbers in Strut's type.</summary>
        public static Vec3 ToStrut(Vector3 v) => new Vec3(v.x, v.y, v.z);

        /// <summary>The same numbers in Strut's type.</summary>
        public static Quat ToStrut(Quaternion q) => new Quat(q.x, q.y, q.z, q.w);
    }
}
