using System;
using System.Diagnostics;
using System.Linq;
using Strut.Core;
using Strut.Testing;

namespace Strut.Load;

/// <summary>A crowd in steady state.</summary>
internal sealed class StreamLoad
{
    private readonly int characters;
    private readonly double seconds;
    private readonly double rate;
    private readonly double warmUp;
    private readonly double replanSeconds;
    private readonly uint? steps;
    private readonly uint? minSteps;
    private readonly string content;
    private readonly string[] styles;
    private readonly string? address;
    private readonly string? token;
    private readonly string[] serve;
    private readonly double mostLate;
    private readonly double mostFrameBytes;
    private readonly double mostNetwork;
    private readonly double mostMicroseconds;
    private readonly Retargeter retargeter = Rigs.MakeCanonical();
    private readonly Histogram posing = new();
    private long updates;

    /// <exception cref="OptionException">an option cannot be used.</exception>
    public StreamLoad(Options options)
    {
        characters = (int)options.Number("--characters", 200, 1);
        (seconds, rate) = (options.Number("--seconds", 60, 0.1), options.Number("--rate", 60, 1));
        (warmUp, replanSeconds) = (options.Number("--warm-up", 10), options.Number("--replan", 0));
        (steps, minSteps) = (options.Count("--steps"), options.Count("--min-steps"));
        content = options.Text("--content") ?? "walk";
        styles = options.Text("--styles")?.Split(',') ?? Array.Empty<string>();
        (address, token) = (options.Text("--address"), options.Text("--token"));
        serve = options.All("--serve").ToArray();
        mostLate = options.Number("--max-late-percent", 0.1);
        mostFrameBytes = options.Number("--max-frame-bytes", 0);
        mostNetwork = options.Number("--max-network-ratio", 2);
        mostMicroseconds = options.Number("--max-microseconds", 10);
        options.RefuseOthers();
    }

    public int Run()
    {
        using var server = address == null ? ServerProcess.Start(0, serve) : null;
        var settings = new ConnectionSettings { ClientName = "strut-load", Token = token };
        using var game = new Game(Channels.Transport(address ?? server!.Address), settings);
        game.Add(characters);
        for (var index = 0; index < characters; index++)
        {
            Set(game.Paths[index].Controls, index);
        }

        if (!game.PlayUntilStreaming())
        {
            Console.WriteLine($"the characters did not begin to stream: {game.Client.State}, {game.Client.LastFailure}, "
                + string.Join(", ", game.Client.Statistics.Errors.Select(pair => $"{pair.Key} {pair.Value}")));
            return 1;
        }

        var replan = (long)(replanSeconds * rate);
        Func<bool> update = () => Update(game, replan);
        game.Play(warmUp, rate, update);
        game.Client.Statistics.Clear();
        posing.Clear();
        updates = 0;
        // In this order, so that nothing of the measurement itself counts.
        var total = GC.GetTotalAllocatedBytes(true);
        var own = GC.GetAllocatedBytesForCurrentThread();
        game.Play(seconds, rate, update);
        own = GC.GetAllocatedBytesForCurrentThread() - own;
        total = GC.GetTotalAllocatedBytes(true) - total;
        return Report(game.Client.Statistics, own, total - own);
    }

    private void Set(Core.Controls controls, int index)
    {
        (controls.Steps, controls.MinSteps) = (steps, minSteps);
        controls.Content = new V1.Content { Label = content };
        if (styles.Length > 0)
        {
            var style = new V1.StyleComponent { Name = styles[index % styles.Length] };
            controls.Style = new V1.StyleMix { Components = { style } };
        }
    }

    private bool Update(Game game, long replan)
    {
        var began = Stopwatch.GetTimestamp();
        for (var index = 0; index < characters; index++)
        {
            retargeter.Retarget(game.Client.Characters[index].Pose);
        }

        posing.Add((Stopwatch.GetTimestamp() - began) * 1_000_000 / Stopwatch.Frequency);
        for (var index = 0; replan > 0 && index < characters; index++)
        {
            if ((updates + index) % replan == 0)
            {
                game.Paths[index].Replan();
            }
        }

        updates++;
        return true;
    }

    private int Report(Statistics found, long own, long others)
    {
        var late = 100.0 * found.LateFrames / found.Frames;
        var network = (double)others / found.BytesReceived;
        // The median frame: what else the machine does meanwhile is not the character's cost.
        var (updating, retargeting) = ((double)found.Frame.Percentile(0.5) / characters, (double)posing.Percentile(0.5) / characters);
        Console.WriteLine($"{characters} characters, {updates} updates, {found.Windows} windows, {found.Requests} requests, {found.Replans} re-planned");
        Console.WriteLine($"late frames: {found.LateFrames} of {found.Frames} = {late:F3} %");
        Console.WriteLine($"late windows: {found.LateWindows}, dropped: {found.DroppedWindows}, underruns: {found.Underruns}, seams: {found.Seams}, reconnects: {found.Reconnects}");
        Console.WriteLine($"allocated on the frame's thread: {own} bytes = {(double)own / updates:F1} a frame");
        Console.WriteLine($"allocated elsewhere: {others} bytes = {network:F2} times the {found.BytesReceived} received");
        Console.WriteLine($"a character and frame, medians: update {updating:F2} us + retargeting {retargeting:F2} us; whole update p99 {found.Frame.Percentile(0.99)} us");
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

        var bounds = new Bounds();
        bounds.AtMost("late frames, per cent,", late, mostLate);
        bounds.AtMost("bytes that a frame allocates on its thread", (double)own / updates, mostFrameBytes);
        bounds.AtMost("bytes allocated elsewhere, to those received,", network, mostNetwork);
        if (mostMicroseconds > 0)
        {
            bounds.AtMost("microseconds that a character costs a frame", updating + retargeting, mostMicroseconds);
        }

        return bounds.Verdict();
    }

    private static string Ms(Histogram histogram, double share) => $"{histogram.Percentile(share) / 1000.0:F1}";
}
