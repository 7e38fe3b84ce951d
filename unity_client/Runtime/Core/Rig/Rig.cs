#nullable enable
using System;
using System.Collections.Generic;

namespace Strut.Core
{
    /// <summary>A bone's rest pose, local to its parent, in the engine's space.</summary>
    public readonly struct Bone
    {
        public readonly string Name;

        /// <summary>Index of the parent, which comes before it; -1 for none.</summary>
        public readonly int Parent;

        public readonly Quat Rotation;
        public readonly Vec3 Translation;

        public Bone(string name, int parent, Quat rotation, Vec3 translation)
        {
            Name = name;
            Parent = parent;
            Rotation = rotation;
            Translation = translation;
        }
    }

    /// <summary>A rig's bones, parents first; its space is the ground under the root, facing forward. Unchanging.</summary>
    public sealed class Rig
    {
        private readonly Dictionary<string, int> index = new Dictionary<string, int>();

        /// <exception cref="ArgumentException">a bone comes before its parent, or two share a name.</exception>
        public Rig(IReadOnlyList<Bone> bones)
        {
            Bones = new Bone[bones.Count];
            RestRotations = new Quat[bones.Count];
            RestPlaces = new Vec3[bones.Count];
            for (var bone = 0; bone < bones.Count; bone++)
            {
                var now = Bones[bone] = bones[bone];
                if (now.Parent >= bone)
                {
                    throw new ArgumentException($"bones[{bone}].parent: is {now.Parent}, it must be below {bone}");
                }

                if (index.ContainsKey(now.Name))
                {
                    throw new ArgumentException($"bones[{bone}].name: is {now.Name}, which another bone has already");
                }

                index.Add(now.Name, bone);
                var above = now.Parent;
                RestRotations[bone] = above < 0 ? now.Rotation : RestRotations[above] * now.Rotation;
                RestPlaces[bone] = above < 0
                    ? now.Translation
                    : RestPlaces[above] + RestRotations[above] * now.Translation;
            }
        }

        public Bone[] Bones { get; }

        /// <summary>Rotations at rest in the rig's space.</summary>
        public Quat[] RestRotations { get; }

        /// <summary>Places at rest in the rig's space.</summary>
        public Vec3[] RestPlaces { get; }

        /// <summary>The bone of a name; -1 where there is none.</summary>
        public int IndexOf(string name) => index.TryGetValue(name, out var bone) ? bone : -1;
    }
}
