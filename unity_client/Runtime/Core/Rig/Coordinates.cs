#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>The left-handed spaces beside Strut's.</summary>
    public enum EngineSpace
    {
        /// <summary>Unity: Y up, metres, facing +Z.</summary>
        Unity,

        /// <summary>Unreal's meshes: Z up, centimetres, facing +Y.</summary>
        UnrealFacingY,

        /// <summary>Unreal's actors: Z up, centimetres, facing +X.</summary>
        UnrealFacingX,
    }

    /// <summary>Between Strut's space and an engine's, positions and rotations alike.</summary>
    public static class Coordinates
    {
        public static Vec3 PositionTo(EngineSpace space, Vec3 p) => space switch
        {
            EngineSpace.Unity => new Vec3(-p.X, p.Y, p.Z),
            EngineSpace.UnrealFacingY => new Vec3(100f * p.X, 100f * p.Z, 100f * p.Y),
            _ => new Vec3(100f * p.Z, -100f * p.X, 100f * p.Y),
        };

        public static Vec3 PositionFrom(EngineSpace space, Vec3 p) => space switch
        {
            EngineSpace.Unity => new Vec3(-p.X, p.Y, p.Z),
            EngineSpace.UnrealFacingY => new Vec3(0.01f * p.X, 0.01f * p.Z, 0.01f * p.Y),
            _ => new Vec3(-0.01f * p.Y, 0.01f * p.Z, 0.01f * p.X),
        };

        public static Quat RotationTo(EngineSpace space, Quat q) => space switch
        {
            EngineSpace.Unity => new Quat(q.X, -q.Y, -q.Z, q.W),
            EngineSpace.UnrealFacingY => new Quat(-q.X, -q.Z, -q.Y, q.W),
            _ => new Quat(-q.Z, q.X, -q.Y, q.W),
        };

        public static Quat RotationFrom(EngineSpace space, Quat q) => space switch
        {
            EngineSpace.Unity => new Quat(q.X, -q.Y, -q.Z, q.W),
            EngineSpace.UnrealFacingY => new Quat(-q.X, -q.Z, -q.Y, q.W),
            _ => new Quat(q.Y, -q.Z, -q.X, q.W),
        };

        /// <summary>Degrees about the engine's up axis, from radians.</summary>
        public static double HeadingToYaw(double heading) => -heading * (180 / Math.PI);

        /// <summary>Radians, from degrees about the engine's up axis.</summary>
        public static double YawToHeading(double yaw) => -yaw * (Math.PI / 180);
    }
}
