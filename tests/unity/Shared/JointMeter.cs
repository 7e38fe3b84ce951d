using System;
using System.Collections.Generic;
using System.Linq;
using Strut.Core;

namespace Strut.Testing;

/// <summary>Accelerations of a character's joints over the frames that were on screen, whatever the rate of updates.</summary>
internal sealed class JointMeter
{
    private readonly Vec3[][] last = { Places(), Places(), Places() };
    private readonly Quat[] turned = new Quat[Skeleton.Joints];
    private readonly Character character;
    private readonly bool moved;
    private long next;
    private int seen;

    /// <param name="character">who.</param>
    /// <param name="moved">
    /// whether the game may move it meanwhile: frames are then compared as they lie now, all of them moved alike, so that
    /// a teleport does not count and what is wrong with the pose does.
    /// </param>
    public JointMeter(Character character, bool moved = false)
    {
        this.character = character;
        this.moved = moved;
        next = (long)Math.Floor(character.Playhead);
    }

    /// <summary>Metres a second squared, the largest of every frame.</summary>
    public List<double> Accelerations { get; } = new();

    /// <summary>Frames that were not whole: a number not finite, or a rotation without unit length.</summary>
    public int Broken { get; private set; }

    /// <summary>Takes what has been on screen since the last time; after every update.</summary>
    public void Measure()
    {
        for (; next <= (long)Math.Floor(character.Playhead); next++)
        {
            Add(next);
        }
    }

    private void Add(long number)
    {
        var pose = character.FrameAt(number);
        Put(pose, last[seen % 3]);
        for (var before = 1; moved && before <= 2 && seen >= before; before++)
        {
            Put(character.FrameAt(number - before), last[(seen - before) % 3]);
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

    /// <summary>A share (0 to 1) of the values of several characters is not above this.</summary>
    public static double Percentile(IEnumerable<JointMeter> meters, double share)
    {
        var values = meters.SelectMany(meter => meter.Accelerations).ToArray();
        Array.Sort(values);
        return values.Length == 0 ? 0 : values[(int)Math.Max(Math.Ceiling(share * values.Length) - 1, 0)];
    }

    private void Put(Frame pose, Vec3[] places)
    {
        var turn = Quat.AboutY(pose.Heading);
        turned[0] = turn * pose.Rotations[0];
        places[0] = new Vec3(pose.RootX, 0, pose.RootZ) + turn * pose.Pelvis;
        for (var joint = 1; joint < Skeleton.Joints; joint++)
        {
            var parent = Skeleton.Parents[joint];
            places[joint] = places[parent] + turned[parent] * Skeleton.RestOffsets[joint];
            turned[joint] = turned[parent] * pose.Rotations[joint];
        }
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
