#nullable enable
using System.Collections.Generic;
using Strut.Core;
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>A character's bones with their rest pose, in the space of its root, in metres.</summary>
    public sealed class RigCapture
    {
        private RigCapture(Rig rig, Transform[] bones)
        {
            Rig = rig;
            Bones = bones;
        }

        /// <summary>The rest pose.</summary>
        public Rig Rig { get; }

        /// <summary>The bones in the rig's order.</summary>
        public Transform[] Bones { get; }

        /// <summary>Captures a rig.</summary>
        /// <param name="root">the character's object: on the ground, facing forward.</param>
        /// <param name="avatar">whose skeleton is the rest pose; null for the pose that the transforms are in.</param>
        public static RigCapture Of(Transform root, Avatar? avatar)
        {
            var rest = RestPose(avatar);
            var bones = new List<Bone>();
            var transforms = new List<Transform>();
            Add(root, -1, root, root.lossyScale.x, rest, bones, transforms);
            return new RigCapture(new Rig(bones), transforms.ToArray());
        }

        private static void Add(
            Transform parent,
            int parentIndex,
            Transform root,
            float scale,
            Dictionary<string, SkeletonBone> rest,
            List<Bone> bones,
            List<Transform> transforms)
        {
            for (var index = 0; index < parent.childCount; index++)
            {
                var child = parent.GetChild(index);
                var known = rest.TryGetValue(child.name, out var pose);
                var position = known ? pose.position : child.localPosition;
                var rotation = known ? pose.rotation : child.localRotation;
                var name = Unique(child.name, bones);
                bones.Add(new Bone(name, parentIndex, StrutSpace.ToStrut(rotation), StrutSpace.ToStrut(position * scale)));
                transforms.Add(child);
                var size = known ? pose.scale.x : child.localScale.x;
                Add(child, bones.Count - 1, root, scale * size, rest, bones, transforms);
            }
        }

        private static Dictionary<string, SkeletonBone> RestPose(Avatar? avatar)
        {
            var rest = new Dictionary<string, SkeletonBone>();
            if (avatar != null && avatar.isValid && avatar.isHuman)
            {
                foreach (var bone in avatar.humanDescription.skeleton)
                {
                    rest[bone.name] = bone;
                }
            }

            return rest;
        }

        // Objects that hang on bones, such as weapons, may repeat a name.
        private static string Unique(string name, List<Bone> bones)
        {
            var unique = name;
            for (var copy = 2; bones.Exists(bone => bone.Name == unique); copy++)
            {
                unique = name + " " + copy;
            }

            return unique;
        }
    }
}
