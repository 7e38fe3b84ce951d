#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>Who moves a character.</summary>
    public enum RootMode
    {
        /// <summary>The motion moves the game's object.</summary>
        MotionDrives,

        /// <summary>The pose follows the game's object, at most <see cref="Constants.FollowLimit"/> off.</summary>
        GameDrives,

        /// <summary>Between the two, by a weight.</summary>
        Blend,
    }

    /// <summary>Where the root goes when the game has its own idea of where it is.</summary>
    public static class RootDriver
    {
        /// <summary>GameDrives (weight 1), and Blend.</summary>
        /// <param name="root">where the motion has the root.</param>
        /// <param name="place">where the game has it.</param>
        /// <param name="seconds">of game time since the last time.</param>
        /// <param name="weight">0 for the motion, 1 for the game.</param>
        public static Placement Follow(in Placement root, in Placement place, double seconds, double weight)
        {
            var keep = Math.Pow(0.5, seconds / Constants.FollowHalfLife);
            var x = (root.X - place.X) * keep;
            var z = (root.Z - place.Z) * keep;
            var length = Math.Sqrt(x * x + z * z);
            if (length > Constants.FollowLimit)
            {
                x *= Constants.FollowLimit / length;
                z *= Constants.FollowLimit / length;
            }

            var turned = place.Heading + Maths.Wrap(root.Heading - place.Heading) * keep;
            return new Placement(
                root.X + weight * (place.X + x - root.X),
                root.Z + weight * (place.Z + z - root.Z),
                root.Heading + weight * Maths.Wrap(turned - root.Heading));
        }
    }
}
