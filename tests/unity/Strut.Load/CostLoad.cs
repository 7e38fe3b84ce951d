using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using Strut.Core;
using Strut.Testing;

namespace Strut.Load;

/// <summary>What a character costs a frame.</summary>
internal static class CostLoad
{
    /// <exception cref="OptionException">an option cannot be used.</exception>
    public static int Run(Options options)
    {
        var seconds = options.Number("--seconds", 5, 0.1);
        var most = options.Number("--max-microseconds", 10);
        options.RefuseOthers();
        var (first, second) = (IdlePose.Make(), IdlePose.Make());
        for (var joint = 0; joint < Skeleton.Joints; joint++)
        {
            second.Rotations[joint] = Quat.Exp(new Vec3(0.1f, 0.05f, -0.2f)) * second.Rotations[joint];
        }

        var shown = new Frame();
        var retargeter = Rigs.MakeCanonical();
        Action sample = () => shown.Interpolate(first, second, 0.3f);
        Action retarget = () => retargeter.Retarget(shown);
        // In turns, so that a busy moment of the machine hits both.
        var (sampling, retargeting) = (new List<double>(), new List<double>());
        var since = Stopwatch.StartNew();
        while (since.Elapsed.TotalSeconds < seconds)
        {
            sampling.Add(Microseconds(sample));
            retargeting.Add(Microseconds(retarget));
        }

        var (one, other) = (Median(sampling), Median(retargeting));
        Console.WriteLine($"interpolation {one:F2} us + retargeting with foot IK {other:F2} us = {one + other:F2} us a character and frame (medians)");
        var bounds = new Bounds();
        bounds.AtMost("microseconds that a character costs a frame", one + other, most);
        return bounds.Verdict();
    }

    private static double Microseconds(Action action)
    {
        // Short turns: most of them lie between what else the machine does.
        const int times = 50;
        var began = Stopwatch.GetTimestamp();
        for (var index = 0; index < times; index++)
        {
            action();
        }

        return Stopwatch.GetElapsedTime(began).TotalMicroseconds / times;
    }

    private static double Median(List<double> values) => values.OrderBy(value => value).ElementAt(values.Count / 2);
}
