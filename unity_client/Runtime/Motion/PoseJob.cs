#nullable enable
using Strut.Core;
using Unity.Collections;
using UnityEngine;
using UnityEngine.Animations;
using UnityEngine.Playables;

namespace Strut.Motion
{
    /// <summary>Writes a pose into an animation stream. Runs on the animation's threads.</summary>
    internal struct PoseJob : IAnimationJob
    {
        public NativeArray<TransformStreamHandle> Bones;

        [ReadOnly]
        public NativeArray<Quaternion> Rotations;

        public TransformStreamHandle Pelvis;
        public Vector3 PelvisPosition;
        public float Weight;

        public void ProcessRootMotion(AnimationStream stream)
        {
            // The component moves the object itself.
        }

        public void ProcessAnimation(AnimationStream stream)
        {
            if (Weight <= 0f)
            {
                return;
            }

            for (var index = 0; index < Bones.Length; index++)
            {
                var bone = Bones[index];
                var rotation = Weight < 1f
                    ? Quaternion.Slerp(bone.GetLocalRotation(stream), Rotations[index], Weight)
                    : Rotations[index];
                bone.SetLocalRotation(stream, rotation);
            }

            var position = Weight < 1f ? Vector3.Lerp(Pelvis.GetLocalPosition(stream), PelvisPosition, Weight) : PelvisPosition;
            Pelvis.SetLocalPosition(stream, position);
        }
    }

    /// <summary>
    /// Poses a rig through its Animator: the motion lies over the Animator's own controller, whose pose stays on bones
    /// that are not mapped.
    /// </summary>
    internal sealed class AnimationJobApplier : IPoseApplier
    {
        private readonly RigPose pose;
        private PlayableGraph graph;
        private AnimationScriptPlayable playable;
        private NativeArray<TransformStreamHandle> bones;
        private NativeArray<Quaternion> rotations;

        public AnimationJobApplier(RigPose pose, Animator animator)
        {
            this.pose = pose;
            bones = new NativeArray<TransformStreamHandle>(pose.Mapped.Length, Allocator.Persistent);
            rotations = new NativeArray<Quaternion>(pose.Mapped.Length, Allocator.Persistent);
            for (var index = 0; index < pose.Mapped.Length; index++)
            {
                bones[index] = animator.BindStreamTransform(pose.Bone(pose.Mapped[index]));
                rotations[index] = pose.Bone(pose.Mapped[index]).localRotation;
            }

            graph = PlayableGraph.Create("Strut");
            graph.SetTimeUpdateMode(DirectorUpdateMode.GameTime);
            var job = new PoseJob
            {
                Bones = bones,
                Rotations = rotations,
                Pelvis = animator.BindStreamTransform(pose.Bone(pose.PelvisBone)),
            };
            playable = AnimationScriptPlayable.Create(graph, job, 1);
            if (animator.runtimeAnimatorController != null)
            {
                var below = AnimatorControllerPlayable.Create(graph, animator.runtimeAnimatorController);
                graph.Connect(below, 0, playable, 0);
                playable.SetInputWeight(0, 1f);
            }

            AnimationPlayableOutput.Create(graph, "Strut", animator).SetSourcePlayable(playable);
            graph.Play();
        }

        public bool AfterAnimation => false;

        public void Apply(Frame frame, Quaternion offset, Vector3 shift, float weight)
        {
            pose.Update(frame, offset, shift);
            // The job of the frame before has ended: animation is done with before the next Update.
            for (var index = 0; index < pose.Mapped.Length; index++)
            {
                rotations[index] = pose.Rotations[pose.Mapped[index]];
            }

            var job = playable.GetJobData<PoseJob>();
            job.PelvisPosition = pose.PelvisPosition;
            job.Weight = weight;
            playable.SetJobData(job);
        }

        public void Dispose()
        {
            if (graph.IsValid())
            {
                graph.Destroy();
            }

            if (bones.IsCreated)
            {
                bones.Dispose();
                rotations.Dispose();
            }
        }
    }
}
