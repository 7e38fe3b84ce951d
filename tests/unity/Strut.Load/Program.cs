using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using Strut.Core;
using Strut.Testing;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var options = Options.Of(args);
switch (args.FirstOrDefault())
{
    case "stream":
        return Load.Stream(options);
    case "disturb":
        return Load.Disturb(options);
    case "cost":
        return Load.Cost(options);
    default:
        Console.WriteLine("""
            Measures the C# client against a live server.

              stream  [--characters 200] [--seconds 60] [--rate 60] [--warm-up 10] [--replan 0] [--address http://127.0.0.1:50051]
                      late frames, latencies, allocations, the cost of a frame. --replan: seconds between changed controls.
                      Without an address a server is started.
              disturb [--characters 8] [--seconds 20]
                      a killed server, a stalled network, pause, hitch, slow motion, teleport: the largest joint
                      acceleration against the undisturbed 99.9th percentile.
              cost    [--seconds 5]
                      microseconds that a character costs a frame: sampling, and the retargeting of 22 joints with foot IK.

            STRUT_PYTHON names the Python that has Strut installed.
            """);
        return args.Length == 0 || args[0] is "-h" or "--help" or "help" ? 0 : 2;
}

/// <summary>Options by their names.</summary>
internal sealed class Options
{
    private readonly Dictionary<string, string> values = new();

    public static Options Of(string[] arguments)
    {
        var options = new Options();
        for (var index = 1; index + 1 < arguments.Length; index += 2)
        {
            options.values[arguments[index]] = arguments[index + 1];
        }

        return options;
    }

    public double Number(string name, double otherwise) =>
        values.TryGetValue(name, out var value) ? double.Parse(value) : otherwise;

    public string? Text(string name) => values.GetValueOrDefault(name);
}

internal static class Load
{
    public static int Stream(Options options)
    {
        using var server = options.Text("--address") == null ? ServerProcess.Start() : null;
        var characters = (int)options.Number("--characters", 200);
        var (rate, seconds) = (options.Number("--rate", 60), options.Number("--seconds", 60));
        using var game = new Game(Channels.Transport(options.Text("--address") ?? server!.Address));
        game.Add(characters);
        if (!game.PlayUntilStreaming())
        {
            Console.WriteLine($"the characters did not begin to stream: {game.Client.LastFailure}");
            return 1;
        }

        var retargeter = Rigs.MakeCanonical();
        var replan = options.Number("--replan", 0) * rate;
        long updates = 0;
        Func<bool> update = () =>
        {
            for (var index = 0; index < characters; index++)
            {
                retargeter.Retarget(game.Client.Characters[index].Pose);
                if (replan > 0 && (updates + index) % (long)replan == 0)
                {
                    game.Paths[index].Replan();
                }
            }

            updates++;
            return true;
        };
        game.Play(options.Number("--warm-up", 10), rate, update);
        game.Client.Statistics.Clear();
        updates = 0;
        var total = GC.GetTotalAllocatedBytes(true);
        var own = GC.GetAllocatedBytesForCurrentThread();
        game.Play(seconds, rate, update);
        own = GC.GetAllocatedBytesForCurrentThread() - own;
        total = GC.GetTotalAllocatedBytes(true) - total;
        Report(game.Client.Statistics, characters, updates, own, total - own);
        return 0;
    }

    public static int Disturb(Options options)
    {
        using var game = new Disturbances((int)options.Number("--characters", 8));
        var undisturbed = game.Undisturbed(options.Number("--seconds", 20));
        Console.WriteLine($"undisturbed, 99.9th percentile: {undisturbed:F1} m/s^2");
        var worst = 0.0;
        foreach (var found in game.All())
        {
            var ratio = found.Largest / undisturbed;
            worst = Math.Max(worst, found.Broken > 0 || !found.Recovered ? double.PositiveInfinity : ratio);
            Console.WriteLine($"{found.Name,-32} {found.Largest,8:F1} m/s^2  {ratio,5:F2}  broken {found.Broken}  recovered {found.Recovered}");
        }

        Console.WriteLine($"largest ratio {worst:F2}, allowed 1.5");
        return worst <= 1.5 ? 0 : 1;
    }

    public static int Cost(Options options)
    {
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
        while (since.Elapsed.TotalSeconds < options.Number("--seconds", 5))
        {
            sampling.Add(Microseconds(sample));
            retargeting.Add(Microseconds(retarget));
        }

        Console.WriteLine($"interpolation: {Median(sampling):F2} us, retargeting with foot IK: {Median(retargeting):F2} us a character and frame (medians)");
        return 0;
    }

    private static double Microseconds(Action action)
    {
        const int times = 1000;
        var began = Stopwatch.GetTimestamp();
        for (var index = 0; index < times; index++)
        {
            action();
        }

        return Stopwatch.GetElapsedTime(began).TotalMicroseconds / times;
    }

    private static double Median(List<double> values) => values.OrderBy(value => value).ElementAt(values.Count / 2);

    private static void Report(Statistics found, int characters, long updates, long own, long others)
    {
        Console.WriteLine($"{characters} characters, {updates} updates, {found.Windows} windows, {found.Requests} requests, {found.Replans} re-planned");
        Console.WriteLine($"late frames: {found.LateFrames} of {found.Frames} = {100.0 * found.LateFrames / found.Frames:F3} % (allowed .1 %)");
        Console.WriteLine($"late windows: {found.LateWindows}, dropped: {found.DroppedWindows}, underruns: {found.Underruns}, seams: {found.Seams}");
        Console.WriteLine($"allocated on the frame's thread: {own} bytes = {(double)own / updates:F1} a frame (allowed 0)");
        Console.WriteLine($"allocated elsewhere: {others} bytes = {(double)others / found.BytesReceived:F2} times the {found.BytesReceived} received (allowed 2)");
        Console.WriteLine($"update of all characters: p50 {found.Frame.Percentile(0.5)} us, p99 {found.Frame.Percentile(0.99)} us; mean {found.Frame.Mean / characters:F2} us a character (goal with retargeting 10)");
        foreach (var (name, histogram) in new[]
        {
            ("round trip", found.RoundTrip), ("wire", found.Wire), ("server", found.Server), ("queue", found.Queue),
            ("batch wait", found.BatchWait), ("inference", found.Inference), ("post-processing", found.Postprocess),
            ("lead", found.Lead),
        })
        {
            Console.WriteLine($"{name,-16} ms: p50 {Ms(histogram, 0.5)}  p95 {Ms(histogram, 0.95)}  p99 {Ms(histogram, 0.99)}  max {histogram.Maximum / 1000.0:F1}");
        }

        foreach (var (reason, count) in found.Errors)
        {
            Console.WriteLine($"error {reason}: {count}");
        }
    }

    private static string Ms(Histogram histogram, double share) => $"{histogram.Percentile(share) / 1000.0:F1}";
}
