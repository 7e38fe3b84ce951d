#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>
    /// The local frames after the last one of the server: the root rolls out in place, the body eases into the idle
    /// pose, with continuous velocity. Used by the frame buffer that owns it.
    /// </summary>
    public sealed class Easing
    {
        private readonly Vec3[] offsets = new Vec3[Skeleton.Joints];
        private readonly Vec3[] steps = new Vec3[Skeleton.Joints];
        private Frame idle;
        private float rootX;
        private float rootZ;
        private float heading;
        private float stepX;
        private float stepZ;
        private float stepHeading;
        private Vec3 pelvis;
        private Vec3 pelvisStep;

        public Easing(Frame idle) => this.idle = idle;

        /// <summary>Begins anew after two frames; <paramref name="before"/> may be <paramref name="last"/> itself.</summary>
        public void Begin(Frame last, Frame before, Frame idlePose)
        {
            idle = idlePose;
            rootX = last.RootX;
            rootZ = last.RootZ;
            heading = last.Heading;
            stepX = last.RootX - before.RootX;
            stepZ = last.RootZ - before.RootZ;
            stepHeading = (float)Maths.Wrap((double)last.Heading - before.Heading);
            pelvis = last.Pelvis - idle.Pelvis;
            pelvisStep = last.Pelvis - before.Pelvis;
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                var away = idle.Rotations[joint].Inverse;
                offsets[joint] = (last.Rotations[joint] * away).Log();
                var step = offsets[joint] - (before.Rotations[joint] * away).Log();
                steps[joint] = step.Length > Math.PI
                    ? (last.Rotations[joint] * before.Rotations[joint].Inverse).Log()
                    : step;
            }
        }

        /// <summary>Moves what is to come rigidly on the ground.</summary>
        public void Move(in GroundMove move)
        {
            var (x, z) = move.Apply(rootX, rootZ);
            var (ahead, aside) = move.Apply((double)rootX + stepX, (double)rootZ + stepZ);
            rootX = (float)x;
            rootZ = (float)z;
            stepX = (float)(ahead - x);
            stepZ = (float)(aside - z);
            heading = (float)(heading + move.Turn);
        }

        /// <summary>Writes the frame <paramref name="time"/> frames after the last one.</summary>
        public void Write(long time, Frame frame)
        {
            const double y = Constants.EaseDecay;
            var rolled = (float)(2 / y - (2 / y + time) * Math.Exp(-y * time));
            frame.RootX = rootX + stepX * rolled;
            frame.RootZ = rootZ + stepZ * rolled;
            frame.Heading = heading + stepHeading * rolled;
            var (ofOffset, ofStep) = Maths.SpringFactors(y, time);
            frame.Pelvis = idle.Pelvis + pelvis * ofOffset + pelvisStep * ofStep;
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                var offset = offsets[joint] * ofOffset + steps[joint] * ofStep;
                frame.Rotations[joint] = Quat.Exp(offset) * idle.Rotations[joint];
            }

            frame.Contacts = Contacts.All(time <= Constants.Settled ? 0f : 1f);
        }
    }
}
