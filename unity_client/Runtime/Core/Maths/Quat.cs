#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>A unit quaternion (x, y, z, w).</summary>
    public struct Quat : IEquatable<Quat>
    {
        public float X;
        public float Y;
        public float Z;
        public float W;

        public Quat(float x, float y, float z, float w)
        {
            X = x;
            Y = y;
            Z = z;
            W = w;
        }

        public static Quat Identity => new Quat(0f, 0f, 0f, 1f);

        /// <summary>The inverse rotation.</summary>
        public Quat Inverse => new Quat(-X, -Y, -Z, W);

        /// <summary>First <paramref name="b"/>, then <paramref name="a"/>.</summary>
        public static Quat operator *(Quat a, Quat b) => new Quat(
            a.W * b.X + a.X * b.W + a.Y * b.Z - a.Z * b.Y,
            a.W * b.Y - a.X * b.Z + a.Y * b.W + a.Z * b.X,
            a.W * b.Z + a.X * b.Y - a.Y * b.X + a.Z * b.W,
            a.W * b.W - a.X * b.X - a.Y * b.Y - a.Z * b.Z);

        /// <summary>The turned vector.</summary>
        public static Vec3 operator *(Quat q, Vec3 v)
        {
            var imaginary = new Vec3(q.X, q.Y, q.Z);
            var twice = Vec3.Cross(imaginary, v) * 2f;
            return v + twice * q.W + Vec3.Cross(imaginary, twice);
        }

        public static Quat operator -(Quat q) => new Quat(-q.X, -q.Y, -q.Z, -q.W);

        public static float Dot(Quat a, Quat b) => a.X * b.X + a.Y * b.Y + a.Z * b.Z + a.W * b.W;

        /// <summary>A rotation about a unit axis by an angle in radians.</summary>
        public static Quat AngleAxis(double angle, Vec3 axis)
        {
            var sine = (float)Math.Sin(angle * 0.5);
            return new Quat(axis.X * sine, axis.Y * sine, axis.Z * sine, (float)Math.Cos(angle * 0.5));
        }

        /// <summary>A turn about +Y by a heading in radians.</summary>
        public static Quat AboutY(double heading) =>
            new Quat(0f, (float)Math.Sin(heading * 0.5), 0f, (float)Math.Cos(heading * 0.5));

        /// <summary>The shortest rotation that takes the direction of <paramref name="from"/> to that of <paramref name="to"/>.</summary>
        public static Quat Between(Vec3 from, Vec3 to)
        {
            double fx = from.X, fy = from.Y, fz = from.Z, tx = to.X, ty = to.Y, tz = to.Z;
            var length = Math.Sqrt((fx * fx + fy * fy + fz * fz) * (tx * tx + ty * ty + tz * tz));
            if (length < 1e-20)
            {
                return Identity;
            }

            double x = fy * tz - fz * ty, y = fz * tx - fx * tz, z = fx * ty - fy * tx;
            var w = length + fx * tx + fy * ty + fz * tz;
            if (w < 1e-9 * length)
            {
                // Opposite directions: half a turn about any axis across.
                var across = Math.Abs(fx) < 0.6 * Math.Sqrt(fx * fx + fy * fy + fz * fz)
                    ? Vec3.Cross(from, new Vec3(1f, 0f, 0f))
                    : Vec3.Cross(from, new Vec3(0f, 1f, 0f));
                across = across.Normalised(new Vec3(0f, 0f, 1f));
                return new Quat(across.X, across.Y, across.Z, 0f);
            }

            var scale = 1.0 / Math.Sqrt(x * x + y * y + z * z + w * w);
            return new Quat((float)(x * scale), (float)(y * scale), (float)(z * scale), (float)(w * scale));
        }

        /// <summary>Between two rotations along the shorter way; linear where they are close.</summary>
        public static Quat Slerp(Quat a, Quat b, float share)
        {
            var dot = Dot(a, b);
            var sign = 1f;
            if (dot < 0f)
            {
                dot = -dot;
                sign = -1f;
            }

            float first, second;
            if (dot > 0.9995f)
            {
                first = 1f - share;
                second = share * sign;
            }
            else
            {
                var angle = Math.Acos(dot);
                var scale = 1.0 / Math.Sin(angle);
                first = (float)(Math.Sin((1.0 - share) * angle) * scale);
                second = (float)(Math.Sin(share * angle) * scale) * sign;
            }

            return new Quat(
                first * a.X + second * b.X,
                first * a.Y + second * b.Y,
                first * a.Z + second * b.Z,
                first * a.W + second * b.W).Normalised();
        }

        /// <summary>The rotation of a rotation vector in radians.</summary>
        public static Quat Exp(Vec3 vector)
        {
            double x = vector.X, y = vector.Y, z = vector.Z;
            var angle = Math.Sqrt(x * x + y * y + z * z);
            var scale = angle < 1e-6 ? 0.5 : Math.Sin(angle * 0.5) / angle;
            return new Quat((float)(x * scale), (float)(y * scale), (float)(z * scale), (float)Math.Cos(angle * 0.5));
        }

        /// <summary>The rotation vector of the shorter way, in radians.</summary>
        public Vec3 Log()
        {
            double x = X, y = Y, z = Z, w = W;
            if (w < 0)
            {
                (x, y, z, w) = (-x, -y, -z, -w);
            }

            var sine = Math.Sqrt(x * x + y * y + z * z);
            var scale = sine < 1e-9 ? 2.0 : 2.0 * Math.Atan2(sine, w) / sine;
            return new Vec3((float)(x * scale), (float)(y * scale), (float)(z * scale));
        }

        public Quat Normalised()
        {
            var squared = X * X + Y * Y + Z * Z + W * W;
            if (!(squared > 1e-20f))
            {
                return Identity;
            }

            var scale = (float)(1.0 / Math.Sqrt(squared));
            return new Quat(X * scale, Y * scale, Z * scale, W * scale);
        }

        /// <summary>The same rotation with w at least 0, as it goes over the wire.</summary>
        public Quat Positive() => W < 0f ? -this : this;

        public bool Equals(Quat other) => X == other.X && Y == other.Y && Z == other.Z && W == other.W;

        public override bool Equals(object? other) => other is Quat quat && Equals(quat);

        public override int GetHashCode() => (X, Y, Z, W).GetHashCode();

        public override string ToString() => $"({X}, {Y}, {Z}, {W})";
    }
}
