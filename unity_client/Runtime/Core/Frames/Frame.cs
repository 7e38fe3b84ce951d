#nullable enable
namespace Strut.Core
{
    /// <summary>
    /// One frame of motion in the contract's space. Owned by whoever made it; not for use on two threads at once.
    /// </summary>
    public sealed class Frame
    {
        /// <summary>Metres, the root on the ground of the window's space.</summary>
        public float RootX;

        /// <summary>Metres, the root on the ground of the window's space.</summary>
        public float RootZ;

        /// <summary>Radians about +Y from +Z towards +X.</summary>
        public float Heading;

        /// <summary>Metres, relative to the root in its heading frame.</summary>
        public Vec3 Pelvis;

        /// <summary>Local to the parent; the first relative to the root's heading.</summary>
        public readonly Quat[] Rotations = new Quat[Skeleton.Joints];

        /// <summary>0 to 1: left ankle, left foot, right ankle, right foot.</summary>
        public Contacts Contacts;

        public void CopyFrom(Frame other)
        {
            RootX = other.RootX;
            RootZ = other.RootZ;
            Heading = other.Heading;
            Pelvis = other.Pelvis;
            Contacts = other.Contacts;
            other.Rotations.CopyTo(Rotations, 0);
        }

        /// <summary>The place on screen between two frames.</summary>
        public void Interpolate(Frame a, Frame b, float share)
        {
            RootX = a.RootX + (b.RootX - a.RootX) * share;
            RootZ = a.RootZ + (b.RootZ - a.RootZ) * share;
            Heading = (float)(a.Heading + Maths.Wrap((double)b.Heading - a.Heading) * share);
            Pelvis = Vec3.Lerp(a.Pelvis, b.Pelvis, share);
            Contacts = Contacts.Lerp(a.Contacts, b.Contacts, share);
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                Rotations[joint] = Quat.Slerp(a.Rotations[joint], b.Rotations[joint], share);
            }
        }

        /// <summary>Moves the frame rigidly on the ground.</summary>
        public void Move(in GroundMove move)
        {
            var (x, z) = move.Apply(RootX, RootZ);
            RootX = (float)x;
            RootZ = (float)z;
            Heading = (float)(Heading + move.Turn);
        }

        /// <summary>Whether every number is finite.</summary>
        public bool IsFinite()
        {
            double sum = (double)RootX + RootZ + Heading + Pelvis.X + Pelvis.Y + Pelvis.Z;
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                var q = Rotations[joint];
                sum += (double)q.X + q.Y + q.Z + q.W;
            }

            return Maths.IsFinite(sum);
        }
    }

    /// <summary>How firmly heels and toes stand on the ground, 0 to 1.</summary>
    public struct Contacts
    {
        public float LeftAnkle;
        public float LeftFoot;
        public float RightAnkle;
        public float RightFoot;

        public Contacts(float leftAnkle, float leftFoot, float rightAnkle, float rightFoot)
        {
            LeftAnkle = leftAnkle;
            LeftFoot = leftFoot;
            RightAnkle = rightAnkle;
            RightFoot = rightFoot;
        }

        public static Contacts All(float value) => new Contacts(value, value, value, value);

        public static Contacts Lerp(Contacts a, Contacts b, float share) => new Contacts(
            a.LeftAnkle + (b.LeftAnkle - a.LeftAnkle) * share,
            a.LeftFoot + (b.LeftFoot - a.LeftFoot) * share,
            a.RightAnkle + (b.RightAnkle - a.RightAnkle) * share,
            a.RightFoot + (b.RightFoot - a.RightFoot) * share);
    }
}
