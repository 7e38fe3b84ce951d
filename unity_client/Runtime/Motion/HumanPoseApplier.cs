#nullable enable
using System.Collections.Generic;
using Strut.Core;
using UnityEngine;

namespace Strut.Motion
{
    /// <summary>
    /// Poses a humanoid through Unity's muscles: the canonical skeleton is made as hidden objects with an avatar of
    /// their own, and its pose goes over by HumanPoseHandler. No rig map is needed; feet are not locked on the rig. Main
    /// thread, LateUpdate.
    /// </summary>
    internal sealed class HumanPoseApplier : IPoseApplier
    {
        private static readonly (string Joint, string Human)[] Names =
        {
            ("pelvis", "Hips"), ("spine1", "Spine"), ("spine2", "Chest"), ("spine3", "UpperChest"), ("neck", "Neck"),
            ("head", "Head"), ("left_hip", "LeftUpperLeg"), ("left_knee", "LeftLowerLeg"), ("left_ankle", "LeftFoot"),
            ("left_foot", "LeftToes"), ("left_collar", "LeftShoulder"), ("left_shoulder", "LeftUpperArm"),
            ("left_elbow", "LeftLowerArm"), ("left_wrist", "LeftHand"), ("right_hip", "RightUpperLeg"),
            ("right_knee", "RightLowerLeg"), ("right_ankle", "RightFoot"), ("right_foot", "RightToes"),
            ("right_collar", "RightShoulder"), ("right_shoulder", "RightUpperArm"), ("right_elbow", "RightLowerArm"),
            ("right_wrist", "RightHand"),
        };

        private readonly GameObject ghost;
        private readonly Transform[] joints = new Transform[Skeleton.Joints];
        private readonly Avatar avatar;
        private readonly HumanPoseHandler from;
        private readonly HumanPoseHandler to;
        private readonly float scale;
        private HumanPose shown;
        private HumanPose before;

        public HumanPoseApplier(Animator animator)
        {
            ghost = new GameObject("Strut Skeleton") { hideFlags = HideFlags.HideAndDontSave };
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                var parent = Skeleton.Parents[joint];
                joints[joint] = new GameObject(Skeleton.Names[joint]) { hideFlags = HideFlags.HideAndDontSave }.transform;
                joints[joint].SetParent(parent < 0 ? ghost.transform : joints[parent], false);
                joints[joint].localPosition = RestPlace(joint);
            }

            avatar = AvatarBuilder.BuildHumanAvatar(ghost, Description());
            from = new HumanPoseHandler(avatar, ghost.transform);
            to = new HumanPoseHandler(animator.avatar, animator.transform);
            // Body positions are in units of the figure's height.
            scale = 1f / (animator.humanScale * animator.transform.lossyScale.x);
        }

        public bool AfterAnimation => true;

        public void Apply(Frame frame, Quaternion offset, Vector3 shift, float weight)
        {
            joints[0].localPosition = StrutSpace.ToUnity(Coordinates.PositionTo(EngineSpace.Unity, frame.Pelvis));
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                joints[joint].localRotation = StrutSpace.ToUnity(Coordinates.RotationTo(EngineSpace.Unity, frame.Rotations[joint]));
            }

            from.GetHumanPose(ref shown);
            shown.bodyPosition = offset * shown.bodyPosition + shift * scale;
            shown.bodyRotation = offset * shown.bodyRotation;
            if (weight < 1f)
            {
                Blend(weight);
            }

            to.SetHumanPose(ref shown);
        }

        public void Dispose()
        {
            from.Dispose();
            to.Dispose();
            Object.Destroy(avatar);
            Object.Destroy(ghost);
        }

        private void Blend(float weight)
        {
            to.GetHumanPose(ref before);
            shown.bodyPosition = Vector3.Lerp(before.bodyPosition, shown.bodyPosition, weight);
            shown.bodyRotation = Quaternion.Slerp(before.bodyRotation, shown.bodyRotation, weight);
            for (var muscle = 0; muscle < shown.muscles.Length; muscle++)
            {
                shown.muscles[muscle] = Mathf.Lerp(before.muscles[muscle], shown.muscles[muscle], weight);
            }
        }

        private static Vector3 RestPlace(int joint)
        {
            var offset = joint == 0 ? new Vec3(0f, Skeleton.PelvisHeight, 0f) : Skeleton.RestOffsets[joint];
            return StrutSpace.ToUnity(Coordinates.PositionTo(EngineSpace.Unity, offset));
        }

        private HumanDescription Description()
        {
            var human = new List<HumanBone>();
            foreach (var (joint, name) in Names)
            {
                human.Add(new HumanBone { boneName = joint, humanName = name, limit = new HumanLimit { useDefaultValues = true } });
            }

            var skeleton = new List<SkeletonBone> { At(ghost.name, Vector3.zero) };
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                skeleton.Add(At(Skeleton.Names[joint], RestPlace(joint)));
            }

            return new HumanDescription
            {
                human = human.ToArray(),
                skeleton = skeleton.ToArray(),
                upperArmTwist = 0.5f,
                lowerArmTwist = 0.5f,
                upperLegTwist = 0.5f,
                lowerLegTwist = 0.5f,
                armStretch = 0.05f,
                legStretch = 0.05f,
            };
        }

        private static SkeletonBone At(string name, Vector3 position) =>
            new SkeletonBone { name = name, position = position, rotation = Quaternion.identity, scale = Vector3.one };
    }
}
