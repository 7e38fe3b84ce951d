#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>Angles, bounds and the spring that seams and easing share.</summary>
    public static class Maths
    {
        /// <summary>An angle in radians, brought into [-pi, pi).</summary>
        public static double Wrap(double angle)
        {
            const double turn = 2 * Math.PI;
            return angle - turn * Math.Floor((angle + Math.PI) / turn);
        }

        public static double Clamp(double value, double low, double high) =>
            value < low ? low : value > high ? high : value;

        public static int Clamp(int value, int low, int high) => value < low ? low : value > high ? high : value;

        public static bool IsFinite(double value) => !double.IsNaN(value) && !double.IsInfinity(value);

        /// <summary>A critically damped spring's offset.</summary>
        /// <param name="offset">where it is at time 0.</param>
        /// <param name="step">its velocity, a frame.</param>
        /// <param name="decay">of the spring, per frame.</param>
        /// <param name="time">frames.</param>
        public static double Spring(double offset, double step, double decay, double time) =>
            (offset + (step + decay * offset) * time) * Math.Exp(-decay * time);

        /// <summary>What <see cref="Spring(double, double, double, double)"/> makes of an offset and of a step: its two factors.</summary>
        public static (float OfOffset, float OfStep) SpringFactors(double decay, double time)
        {
            var fade = Math.Exp(-decay * time);
            return ((float)((1 + decay * time) * fade), (float)(time * fade));
        }
    }
}
