#nullable enable
namespace Strut.Core
{
    /// <summary>
    /// Joins new frames to the three before them in position and velocity (inertialisation). Not for use on two
    /// threads at once.
    /// </summary>
    public sealed class Seam
    {
        private readonly Vec3[] offsets = new Vec3[Skeleton.Joints];
        private readonly Vec3[] steps = new Vec3[Skeleton.Joints];
        private Vec3 root;
        private Vec3 rootStep;
        private Vec3 pelvis;
        private Vec3 pelvisStep;

        /// <summary>Measures the seam between three old frames and the first three new ones.</summary>
        public void Measure(Frame old0, Frame old1, Frame old2, Frame new0, Frame new1, Frame new2)
        {
            (root, rootStep) = Offsets(
                Step(old0, old1), Step(old1, old2), Step(old2, new0), Step(new0, new1), Step(new1, new2));
            (pelvis, pelvisStep) = Offsets(
                old1.Pelvis - old0.Pelvis,
                old2.Pelvis - old1.Pelvis,
                new0.Pelvis - old2.Pelvis,
                new1.Pelvis - new0.Pelvis,
                new2.Pelvis - new1.Pelvis);
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                Quat a = old0.Rotations[joint], b = old1.Rotations[joint], c = old2.Rotations[joint];
                Quat d = new0.Rotations[joint], e = new1.Rotations[joint], f = new2.Rotations[joint];
                var pace = e * d.Inverse;
                // One frame back from the new motion is pace^-1 d; the gap is from there to the old motion's last.
                var gap = ((d * c.Inverse).Inverse * pace).Log();
                var s1 = (b * a.Inverse).Log();
                var s2 = (c * b.Inverse).Log();
                var s4 = pace.Log();
                var s5 = (f * e.Inverse).Log();
                (offsets[joint], steps[joint]) = OffsetsOfGap(gap, s1, s2, s4, s5);
            }
        }

        /// <summary>Moves the new frame number <paramref name="time"/>, counted from 1.</summary>
        public void Apply(int time, Frame frame)
        {
            var (ofOffset, ofStep) = Maths.SpringFactors(Constants.SeamDecay, time);
            var shift = root * ofOffset + rootStep * ofStep;
            frame.RootX += shift.X;
            frame.RootZ += shift.Y;
            frame.Heading += shift.Z;
            frame.Pelvis += pelvis * ofOffset + pelvisStep * ofStep;
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                var turn = offsets[joint] * ofOffset + steps[joint] * ofStep;
                frame.Rotations[joint] = Quat.Exp(turn) * frame.Rotations[joint];
            }
        }

        // Root x, z and heading as one vector.
        private static Vec3 Step(Frame from, Frame to) => new Vec3(
            to.RootX - from.RootX, to.RootZ - from.RootZ, (float)Maths.Wrap((double)to.Heading - from.Heading));

        private static (Vec3 Offset, Vec3 Step) Offsets(Vec3 s1, Vec3 s2, Vec3 s3, Vec3 s4, Vec3 s5) =>
            OffsetsOfGap(s4 - s3, s1, s2, s4, s5);

        // The motion's own acceleration is expected at a seam, and is not eased away.
        private static (Vec3 Offset, Vec3 Step) OffsetsOfGap(Vec3 gap, Vec3 s1, Vec3 s2, Vec3 s4, Vec3 s5)
        {
            var acceleration = s2 - s1 + s5 - s4;
            return (gap - acceleration * 0.5f, acceleration + s2 - s4);
        }
    }
}
