#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>
    /// Puts frames onto a rig (docs/client_core.md, "Retargeting"). Any thread, one at a time; allocates in its
    /// constructor alone.
    /// </summary>
    public sealed class Retargeter
    {
        private const float Reach = 0.999f;

        private readonly Rig rig;
        private readonly EngineSpace space;
        private readonly int[] joints;
        private readonly int[] nexts;
        private readonly float[] shares;
        private readonly int[] boneOf = new int[Skeleton.Joints];
        private readonly Quat[] tPose;
        private readonly Quat[] tPoseInverse;
        private readonly Twist[] twists;
        private readonly bool feet;
        private readonly Vec3 restPelvis;
        private readonly Vec3 lateral;
        private readonly Vec3 up;
        private readonly Quat[] turned = new Quat[Skeleton.Joints];
        private readonly Vec3[] places = new Vec3[Skeleton.Joints];
        private readonly Quat[] world;
        private readonly Leg left;
        private readonly Leg right;

        /// <exception cref="ArgumentException">the map names a bone that the rig does not have, or does not map the pelvis.</exception>
        public Retargeter(Rig rig, RigMap map)
        {
            this.rig = rig;
            space = map.Space;
            var count = rig.Bones.Length;
            joints = new int[count];
            nexts = new int[count];
            shares = new float[count];
            world = new Quat[count];
            Array.Fill(joints, -1);
            Array.Fill(boneOf, -1);
            foreach (var entry in map.Bones)
            {
                var bone = BoneOf(entry.Bone, "bones");
                joints[bone] = entry.Joint;
                nexts[bone] = entry.Next;
                shares[bone] = entry.Share;
                if (entry.Share == 0f)
                {
                    boneOf[entry.Joint] = bone;
                }
            }

            if (boneOf[0] < 0)
            {
                throw new ArgumentException("bones: none has the joint pelvis with share 0, one must");
            }

            tPose = TPoses(map);
            tPoseInverse = new Quat[count];
            for (var bone = 0; bone < count; bone++)
            {
                tPoseInverse[bone] = tPose[bone].Inverse;
            }

            restPelvis = Coordinates.PositionTo(space, new Vec3(0f, Skeleton.PelvisHeight, 0f));
            lateral = Imaginary(Coordinates.RotationTo(space, new Quat(1f, 0f, 0f, 0f)));
            up = Coordinates.PositionTo(space, new Vec3(0f, 1f, 0f)).Normalised(default);
            HipScale = map.HipScale ?? MeasureHipScale();
            left = new Leg(this, "left");
            right = new Leg(this, "right");
            feet = map.FootIk && left.Mapped && right.Mapped;
            twists = new Twist[map.Twists.Count];
            for (var index = 0; index < twists.Length; index++)
            {
                var entry = map.Twists[index];
                twists[index] = new Twist
                {
                    Bone = BoneOf(entry.Bone, "twists.bone"),
                    Source = BoneOf(entry.Source, "twists.source"),
                    Axis = entry.Axis,
                    Share = entry.Share,
                };
            }

            LocalRotations = new Quat[count];
        }

        /// <summary>Factor from the canonical hips' movement to the rig's.</summary>
        public float HipScale { get; }

        /// <summary>Local rotation of every bone of the rig, in the engine's space.</summary>
        public Quat[] LocalRotations { get; }

        /// <summary>The pelvis bone.</summary>
        public int PelvisBone => boneOf[0];

        /// <summary>Place of the pelvis bone in the rig's space.</summary>
        public Vec3 PelvisPlace { get; private set; }

        /// <summary>Whether a bone's rotation is the motion's; others keep their rest or the input pose.</summary>
        public bool IsMapped(int bone) => joints[bone] >= 0;

        /// <summary>Puts a frame onto the rig; unmapped bones are at rest.</summary>
        public void Retarget(Frame frame)
        {
            ForwardKinematics(frame);
            for (var bone = 0; bone < world.Length; bone++)
            {
                var joint = joints[bone];
                if (joint < 0)
                {
                    var parent = rig.Bones[bone].Parent;
                    world[bone] = parent < 0 ? rig.Bones[bone].Rotation : world[parent] * rig.Bones[bone].Rotation;
                    continue;
                }

                var rotation = shares[bone] > 0f ? Quat.Slerp(turned[joint], turned[nexts[bone]], shares[bone]) : turned[joint];
                world[bone] = Coordinates.RotationTo(space, rotation) * tPose[bone];
            }

            var moved = Coordinates.PositionTo(space, frame.Pelvis) - restPelvis;
            PelvisPlace = rig.RestPlaces[boneOf[0]] + moved * HipScale;
            if (feet)
            {
                PlaceFeet();
            }

            MakeLocal();
            foreach (var twist in twists)
            {
                LocalRotations[twist.Bone] = TwistOf(twist);
            }
        }

        /// <summary>The other way: makes a frame's pelvis and rotations of a pose of the rig.</summary>
        /// <param name="rotations">of every bone, in the rig's space.</param>
        /// <param name="pelvisPlace">of the pelvis bone, in the rig's space.</param>
        /// <param name="frame">its root, heading and contacts stay as they are.</param>
        public void Inverse(Quat[] rotations, Vec3 pelvisPlace, Frame frame)
        {
            for (var joint = 0; joint < Skeleton.Joints; joint++)
            {
                var parent = Skeleton.Parents[joint];
                var bone = boneOf[joint];
                turned[joint] = bone >= 0
                    ? Coordinates.RotationFrom(space, rotations[bone] * tPoseInverse[bone])
                    : turned[parent];
                frame.Rotations[joint] = (parent < 0 ? turned[joint] : turned[parent].Inverse * turned[joint]).Normalised();
            }

            var moved = (pelvisPlace - rig.RestPlaces[boneOf[0]]) * (1f / HipScale) + restPelvis;
            frame.Pelvis = Coordinates.PositionFrom(space, moved);
        }

        /// <summary>Places of all bones in the rig's space, as the last frame has them.</summary>
        public void Places(Vec3[] into)
        {
            for (var bone = 0; bone < world.Length; bone++)
            {
                var parent = rig.Bones[bone].Parent;
                world[bone] = parent < 0 ? LocalRotations[bone] : world[parent] * LocalRotations[bone];
                into[bone] = bone == boneOf[0] ? PelvisPlace
                    : parent < 0 ? rig.Bones[bone].Translation
                    : into[parent] + world[parent] * rig.Bones[bone].Translation;
            }
        }

        private static Vec3 Imaginary(Quat q) => new Vec3(q.X, q.Y, q.Z);

        private int BoneOf(string name, string field)
        {
            var bone = rig.IndexOf(name);
            return bone >= 0 ? bone : throw new ArgumentException($"{field}: the rig has no bone {name}");
        }

        private float MeasureHipScale()
        {
            var (first, second) = (boneOf[Skeleton.IndexOf("left_hip")], boneOf[Skeleton.IndexOf("right_hip")]);
            if (first < 0 || second < 0)
            {
                return Height(boneOf[0]) / Skeleton.PelvisHeight;
            }

            return (Height(first) + Height(second)) * 0.5f / Skeleton.HipHeight;
        }

        private float Height(int bone) => Coordinates.PositionFrom(space, rig.RestPlaces[bone]).Y;

        private Quat[] TPoses(RigMap map)
        {
            var corrections = new Quat[rig.Bones.Length];
            Array.Fill(corrections, Quat.Identity);
            foreach (var side in new[] { "left_", "right_" })
            {
                Limb(corrections, side + "shoulder", side + "elbow", side + "wrist", true);
                Limb(corrections, side + "hip", side + "knee", side + "ankle", false);
            }

            foreach (var pair in map.TPose)
            {
                corrections[BoneOf(pair.Key, "t_pose")] = pair.Value.Normalised();
            }

            for (var bone = 0; bone < corrections.Length; bone++)
            {
                corrections[bone] *= rig.RestRotations[bone];
            }

            return corrections;
        }

        private void Limb(Quat[] corrections, string first, string second, string third, bool withEnd)
        {
            var chain = new[] { Skeleton.IndexOf(first), Skeleton.IndexOf(second), Skeleton.IndexOf(third) };
            if (boneOf[chain[0]] < 0 || boneOf[chain[1]] < 0 || boneOf[chain[2]] < 0)
            {
                return;
            }

            var above = Quat.Identity;
            for (var link = 0; link < 2; link++)
            {
                var (bone, end) = (boneOf[chain[link]], boneOf[chain[link + 1]]);
                var direction = above * (rig.RestPlaces[end] - rig.RestPlaces[bone]);
                var wanted = Coordinates.PositionTo(space, Skeleton.RestOffsets[chain[link + 1]]);
                above = Quat.Between(direction, wanted) * above;
                corrections[bone] = above;
            }

            if (withEnd)
            {
                corrections[boneOf[chain[2]]] = above;
            }
        }

        private void ForwardKinematics(Frame frame)
        {
            turned[0] = frame.Rotations[0];
            places[0] = frame.Pelvis;
            for (var joint = 1; joint < Skeleton.Joints; joint++)
            {
                var parent = Skeleton.Parents[joint];
                turned[joint] = turned[parent] * frame.Rotations[joint];
                if (feet)
                {
                    places[joint] = places[parent] + turned[parent] * Skeleton.RestOffsets[joint];
                }
            }
        }

        private void PlaceFeet()
        {
            var drop = 0f;
            left.Aim();
            right.Aim();
            drop = Math.Max(drop, left.Shortfall());
            drop = Math.Max(drop, right.Shortfall());
            var shift = up * drop;
            left.Bend(shift);
            right.Bend(shift);
            PelvisPlace -= shift;
        }

        private void MakeLocal()
        {
            for (var bone = 0; bone < world.Length; bone++)
            {
                var parent = rig.Bones[bone].Parent;
                if (joints[bone] < 0)
                {
                    // What hangs on a bone that the feet have turned turns with it.
                    LocalRotations[bone] = rig.Bones[bone].Rotation;
                    world[bone] = parent < 0 ? LocalRotations[bone] : world[parent] * LocalRotations[bone];
                }
                else
                {
                    LocalRotations[bone] = parent < 0 ? world[bone] : world[parent].Inverse * world[bone];
                }
            }
        }

        private Quat TwistOf(in Twist twist)
        {
            var delta = rig.Bones[twist.Source].Rotation.Inverse * LocalRotations[twist.Source];
            var along = Vec3.Dot(Imaginary(delta), twist.Axis);
            var part = new Quat(twist.Axis.X * along, twist.Axis.Y * along, twist.Axis.Z * along, delta.W).Normalised();
            return rig.Bones[twist.Bone].Rotation * Quat.Slerp(Quat.Identity, part, twist.Share);
        }

        /// <summary>Place of a bone in the rig's space, from the rotations there.</summary>
        private Vec3 PlaceOf(int bone)
        {
            if (bone == boneOf[0])
            {
                return PelvisPlace;
            }

            var parent = rig.Bones[bone].Parent;
            return parent < 0
                ? rig.Bones[bone].Translation
                : PlaceOf(parent) + world[parent] * rig.Bones[bone].Translation;
        }

        private struct Twist
        {
            public int Bone;
            public int Source;
            public Vec3 Axis;
            public float Share;
        }

        /// <summary>Hip, knee and ankle: two-bone inverse kinematics.</summary>
        private sealed class Leg
        {
            private readonly Retargeter owner;
            private readonly int hip;
            private readonly int knee;
            private readonly int ankle;
            private readonly int ankleJoint;
            private Vec3 h;
            private Vec3 k;
            private Vec3 a;
            private Vec3 target;
            private float thigh;
            private float shank;

            public Leg(Retargeter owner, string side)
            {
                this.owner = owner;
                ankleJoint = Skeleton.IndexOf(side + "_ankle");
                hip = owner.boneOf[Skeleton.IndexOf(side + "_hip")];
                knee = owner.boneOf[Skeleton.IndexOf(side + "_knee")];
                ankle = owner.boneOf[ankleJoint];
            }

            public bool Mapped => hip >= 0 && knee >= 0 && ankle >= 0;

            private float FullReach => Reach * (thigh + shank);

            /// <summary>Where the leg is, and where its ankle belongs.</summary>
            public void Aim()
            {
                h = owner.PlaceOf(hip);
                k = owner.PlaceOf(knee);
                a = owner.PlaceOf(ankle);
                thigh = (k - h).Length;
                shank = (a - k).Length;
                var wanted = owner.places[ankleJoint];
                var height = owner.Height(ankle) + owner.HipScale * (wanted.Y - Skeleton.AnkleHeight);
                target = Coordinates.PositionTo(owner.space, new Vec3(wanted.X, height, wanted.Z));
            }

            /// <summary>By how much the pelvis must come down for the ankle to reach its target.</summary>
            public float Shortfall()
            {
                var way = h - target;
                var rise = Vec3.Dot(way, owner.up);
                var across = way - owner.up * rise;
                return rise - (float)Math.Sqrt(Math.Max(FullReach * FullReach - across.LengthSquared, 0f));
            }

            /// <summary>Turns hip and knee, after the pelvis was lowered by <paramref name="shift"/>.</summary>
            public void Bend(Vec3 shift)
            {
                h -= shift;
                k -= shift;
                a -= shift;
                Vec3 u = k - h, v = a - k;
                double l1 = thigh, l2 = shank;
                var d = Maths.Clamp((target - h).Length, Math.Abs(l1 - l2) + 1e-4 * l1, FullReach);
                var normal = Vec3.Cross(u, v);
                double size = normal.Length;
                var flexion = Math.Atan2(size, Vec3.Dot(u, v));
                if (size < 1e-4 * l1 * l2)
                {
                    // A straight leg has no plane of its own.
                    normal = owner.world[hip] * owner.tPoseInverse[hip] * owner.lateral;
                }

                normal = normal.Normalised(owner.lateral);
                var wanted = Math.Acos(Maths.Clamp((d * d - l1 * l1 - l2 * l2) / (2 * l1 * l2), -1, 1));
                var bend = Quat.AngleAxis(wanted - flexion, normal);
                var swing = Quat.Between(k + bend * v - h, target - h);
                owner.world[knee] = swing * (bend * owner.world[knee]);
                owner.world[hip] = swing * owner.world[hip];
            }
        }
    }
}
