using System;
using System.Collections.Generic;
using Strut.Core;

namespace Strut.Testing;

/// <summary>Accelerations of a character's joints, taken at the timeline's own rate (updates of 1/30 s).</summary>
internal sealed class JointMeter
{
    private readonly Vec3[][] last = { Places(), Places(), Places() };
    private readonly Quat[] turned = new Quat[Skeleton.Joints];
    private int seen;

    /// <summary>Metres a second squared, the largest of every frame.</summary>
    public List<double> Accelerations { get; } = new();

    /// <summary>Frames whose pose was not whole: a number not finite, or a rotation without unit length.</summary>
    public int Broken { get; private set; }

    /// <summary>Takes the pose on screen.</summary>
    /// <param name="character">who.</param>
    /// <param name="inPlace">relative to the root, so that a teleport does not count.</param>
    public void Add(Character character, bool inPlace = false)
    {
        var places = last[seen % 3];
        var pose = character.Pose;
        var heading = inPlace ? 0 : pose.Heading;
        var turn = Quat.AboutY(heading);
        var root = inPlace ? Vec3.Zero : new Vec3((float)character.Place.X, 0, (float)character.Place.Z);
        turned[0] = turn * pose.Rotations[0];
        places[0] = root + turn * pose.Pelvis;
        for (var joint = 1; joint < Skeleton.Joints; joint++)
        {
            var parent = Skeleton.Parents[joint];
            places[joint] = places[parent] + turned[parent] * Skeleton.RestOffsets[joint];
            turned[joint] = turned[parent] * pose.Rotations[joint];
        }

        Broken += IsWhole(pose) ? 0 : 1;
        seen++;
        if (seen < 3)
        {
            return;
        }

        var largest = 0.0;
        var (a, b, c) = (last[seen % 3], last[(seen + 1) % 3], last[(seen + 2) % 3]);
        for (var joint = 0; joint < Skeleton.Joints; joint++)
        {
            var second = c[joint] - b[joint] * 2f + a[joint];
            largest = Math.Max(largest, second.Length * Constants.Fps * Constants.Fps);
        }

        Accelerations.Add(largest);
    }

    public double Percentile(double share)
    {
        var sorted = Accelerations.ToArray();
        Array.Sort(sorted);
        return sorted.Length == 0 ? 0 : sorted[(int)Math.Min(Math.Ceiling(share * sorted.Length), sorted.Length - 1)];
    }

    private static bool IsWhole(Frame pose)
    {
        foreach (var q in pose.Rotations)
        {
            if (!(Math.Abs(Quat.Dot(q, q) - 1) < 1e-3))
            {
                return false;
            }
        }

        return pose.IsFinite() && pose.Pelvis.Y > 0.3f && pose.Pelvis.Y < 1.5f;
    }

    private static Vec3[] Places() => new Vec3[Skeleton.Joints];
}
