#nullable enable
using System;
using Strut.Core;
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>Puts poses onto a rig. Main thread.</summary>
    internal interface IPoseApplier : IDisposable
    {
        /// <summary>Whether it writes after animation, in LateUpdate, instead of before it.</summary>
        bool AfterAnimation { get; }

        /// <summary>Puts a pose onto the rig.</summary>
        /// <param name="frame">the pose.</param>
        /// <param name="offset">turn of the root against the character's object.</param>
        /// <param name="shift">metres, place of the root in the character's object.</param>
        /// <param name="weight">0 leaves the rig as it is, 1 replaces its pose.</param>
        void Apply(Frame frame, Quaternion offset, Vector3 shift, float weight);
    }

    /// <summary>What all appliers over a retargeter share.</summary>
    internal sealed class RigPose
    {
        private readonly Retargeter retargeter;
        private readonly RigCapture capture;
        private readonly Quaternion parentRotation;
        private readonly Vector3 parentPlace;
        private readonly float parentScale;

        public RigPose(RigCapture capture, RigMap map)
        {
            this.capture = capture;
            retargeter = new Retargeter(capture.Rig, map);
            var parent = capture.Rig.Bones[retargeter.PelvisBone].Parent;
            parentRotation = parent < 0 ? Quaternion.identity : StrutSpace.ToUnity(capture.Rig.RestRotations[parent]);
            parentPlace = parent < 0 ? Vector3.zero : StrutSpace.ToUnity(capture.Rig.RestPlaces[parent]);
            parentScale = capture.Bones[retargeter.PelvisBone].parent.lossyScale.x;
            Rotations = new Quaternion[capture.Bones.Length];
            Mapped = MappedBones();
        }

        /// <summary>Local rotation of every bone.</summary>
        public Quaternion[] Rotations { get; }

        /// <summary>Indices of the bones whose rotation is the motion's.</summary>
        public int[] Mapped { get; }

        public int PelvisBone => retargeter.PelvisBone;

        /// <summary>Local position of the pelvis bone.</summary>
        public Vector3 PelvisPosition { get; private set; }

        public Transform Bone(int index) => capture.Bones[index];

        /// <summary>Retargets a frame.</summary>
        public void Update(Frame frame, Quaternion offset, Vector3 shift)
        {
            retargeter.Retarget(frame);
            for (var index = 0; index < Mapped.Length; index++)
            {
                var bone = Mapped[index];
                Rotations[bone] = StrutSpace.ToUnity(retargeter.LocalRotations[bone]);
            }

            // The offset is one of the root's space, which the pelvis bone's parent need not share.
            var turn = Quaternion.Inverse(parentRotation) * offset * parentRotation;
            Rotations[PelvisBone] = turn * Rotations[PelvisBone];
            var place = shift + offset * StrutSpace.ToUnity(retargeter.PelvisPlace);
            PelvisPosition = Quaternion.Inverse(parentRotation) * (place - parentPlace) / parentScale;
        }

        private int[] MappedBones()
        {
            var mapped = new System.Collections.Generic.List<int>();
            for (var bone = 0; bone < capture.Bones.Length; bone++)
            {
                if (retargeter.IsMapped(bone))
                {
                    mapped.Add(bone);
                }
            }

            return mapped.ToArray();
        }
    }

    /// <summary>Writes transforms in LateUpdate: for rigs without an Animator.</summary>
    internal sealed class TransformApplier : IPoseApplier
    {
        private readonly RigPose pose;

        public TransformApplier(RigPose pose) => this.pose = pose;

        public bool AfterAnimation => true;

        public void Apply(Frame frame, Quaternion offset, Vector3 shift, float weight)
        {
            pose.Update(frame, offset, shift);
            for (var index = 0; index < pose.Mapped.Length; index++)
            {
                var bone = pose.Mapped[index];
                var transform = pose.Bone(bone);
                transform.localRotation = Quaternion.Slerp(transform.localRotation, pose.Rotations[bone], weight);
            }

            var pelvis = pose.Bone(pose.PelvisBone);
            pelvis.localPosition = Vector3.Lerp(pelvis.localPosition, pose.PelvisPosition, weight);
        }

        public void Dispose()
        {
        }
    }
}
