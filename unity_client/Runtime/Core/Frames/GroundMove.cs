#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>A rigid move on the ground: a turn about +Y of the origin, then a shift.</summary>
    public readonly struct GroundMove
    {
        /// <summary>Radians.</summary>
        public readonly double Turn;

        /// <summary>Metres.</summary>
        public readonly double X;

        /// <summary>Metres.</summary>
        public readonly double Z;

        public GroundMove(double turn, double x, double z)
        {
            Turn = turn;
            X = x;
            Z = z;
        }

        public static GroundMove None => default;

        public bool IsNone => Turn == 0 && X == 0 && Z == 0;

        /// <summary>The move that takes one placement to another.</summary>
        public static GroundMove Between(in Placement from, in Placement to)
        {
            var turn = Maths.Wrap(to.Heading - from.Heading);
            var (x, z) = Rotate(turn, from.X, from.Z);
            return new GroundMove(turn, to.X - x, to.Z - z);
        }

        public (double X, double Z) Apply(double x, double z)
        {
            var (turnedX, turnedZ) = Rotate(Turn, x, z);
            return (turnedX + X, turnedZ + Z);
        }

        public Placement Apply(in Placement place)
        {
            var (x, z) = Apply(place.X, place.Z);
            return new Placement(x, z, place.Heading + Turn);
        }

        /// <summary>This move and then another.</summary>
        public GroundMove Then(in GroundMove next)
        {
            var (x, z) = next.Apply(X, Z);
            return new GroundMove(Turn + next.Turn, x, z);
        }

        private static (double X, double Z) Rotate(double turn, double x, double z)
        {
            if (turn == 0)
            {
                return (x, z);
            }

            var sine = Math.Sin(turn);
            var cosine = Math.Cos(turn);
            return (cosine * x + sine * z, cosine * z - sine * x);
        }
    }

    /// <summary>A place and a heading on the ground, metres and radians.</summary>
    public readonly struct Placement
    {
        public readonly double X;
        public readonly double Z;
        public readonly double Heading;

        public Placement(double x, double z, double heading)
        {
            X = x;
            Z = z;
            Heading = heading;
        }
    }
}
