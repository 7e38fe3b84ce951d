using System;
using System.Linq;
using System.Reflection;
using System.Text.Json;
using Strut.Core;
using Xunit;

namespace Strut.Tests.Vectors;

public class TimingVectorTests
{
    [Fact]
    public void ConstantsAreTheSharedOnes()
    {
        foreach (var constant in SharedVectors.ClientCore.GetProperty("constants").EnumerateObject())
        {
            if (constant.Name == "BACK_OFF")
            {
                var waits = constant.Value.EnumerateArray().Select(item => item.GetDouble());
                Assert.Equal(waits, Enumerable.Range(0, 4).Select(Constants.BackOff));
                continue;
            }

            var name = string.Concat(constant.Name.Split('_').Select(word => word[..1] + word[1..].ToLowerInvariant()));
            var field = typeof(Constants).GetField(name, BindingFlags.Public | BindingFlags.Static);
            Assert.True(field != null, $"there is no constant {name}");
            Assert.Equal(constant.Value.GetDouble(), Convert.ToDouble(field.GetValue(null)));
        }
    }

    [Theory]
    [InlineData("after", false)]
    [InlineData("after_in_flight", true)]
    public void TheLatencyEstimatorIsThatOfTheVectors(string expectation, bool crowded)
    {
        var file = SharedVectors.ClientCore.GetProperty("latency");
        var estimator = new LatencyEstimator();
        var samples = file.Items("samples").Select(item => item.GetDouble()).ToArray();
        var inFlight = file.Items("in_flight").Select(item => item.GetInt32()).ToArray();
        var row = 0;
        foreach (var expected in file.Items(expectation))
        {
            if (row > 0)
            {
                estimator.InFlight = crowded ? inFlight[row - 1] : 1;
                estimator.Add(samples[row - 1]);
            }

            SharedVectors.Close(expected[0].GetDouble(), estimator.Latency, "latency");
            SharedVectors.Close(expected[1].GetDouble(), estimator.Deviation, "deviation");
            SharedVectors.Close(expected[2].GetDouble(), estimator.Lead, "lead");
            Assert.Equal(expected[3].GetInt32(), estimator.Ahead(1, Constants.MaxAhead));
            row++;
        }
    }

    [Fact]
    public void PercentilesAreThoseOfTheVectors()
    {
        foreach (var item in SharedVectors.ClientCore.Items("percentiles"))
        {
            var histogram = new Histogram();
            foreach (var value in item.Items("values"))
            {
                histogram.Add(value.GetInt64());
            }

            var found = item.Items("shares").Select(share => histogram.Percentile(share.GetDouble()));
            Assert.Equal(item.Items("percentiles").Select(value => value.GetInt64()), found);
        }
    }

    public static TheoryData<int> Lives()
    {
        var numbers = new TheoryData<int>();
        for (var index = 0; index < SharedVectors.ClientCore.GetProperty("pacing").GetArrayLength(); index++)
        {
            numbers.Add(index);
        }

        return numbers;
    }

    [Theory]
    [MemberData(nameof(Lives))]
    public void ThePacerDecidesAsInTheVectors(int number)
    {
        var life = SharedVectors.ClientCore.GetProperty("pacing")[number];
        var settings = life.GetProperty("settings");
        var character = settings.TryGetProperty("character", out var given) ? given.GetUInt64() : 1;
        var pacer = new Pacer(character, new LatencyEstimator()) { Connected = true };
        var (state, serverEnd, lateFrames) = ("", 0L, 0L);
        var step = 0;
        foreach (var update in life.Items("steps"))
        {
            var where = $"{life.GetProperty("name").GetString()}, step {step++}";
            var now = update.Number("now");
            Arrive(pacer, update, now, where);
            Call(pacer, update);
            pacer.Advance(update.Number("dt"));
            var scale = update.TryGetProperty("scale", out var slower) ? slower.GetDouble() : 1;
            var asked = pacer.Decide(now, scale, out var plan);
            Assert.True(update.TryGetProperty("request", out var request) == asked, $"{where}: asked {asked}");
            if (asked)
            {
                Assert.Equal((where, Expected(request)), (where, Told(plan)));
                SharedVectors.Close(request.Number("deadline"), plan.Deadline, where);
                SharedVectors.Close(update.Number("playhead"), pacer.Playhead, where);
            }

            state = update.TryGetProperty("state", out var newState) ? newState.GetString()! : state;
            serverEnd = update.TryGetProperty("server_end", out var newEnd) ? newEnd.GetInt64() : serverEnd;
            lateFrames = update.TryGetProperty("late_frames", out var newLate) ? newLate.GetInt64() : lateFrames;
            Assert.Equal((where, state, serverEnd, lateFrames), (where, pacer.State.ToString(), pacer.ServerEnd, pacer.LateFrames));
        }
    }

    private static void Arrive(Pacer pacer, JsonElement update, double now, string where)
    {
        if (!update.TryGetProperty("arrived", out var arrived))
        {
            return;
        }

        foreach (var answer in arrived.EnumerateArray())
        {
            var sequence = answer.GetProperty("sequence").GetUInt64();
            if (answer.TryGetProperty("reason", out var reason))
            {
                pacer.OnError(sequence, reason.GetString()!, answer.Number("retry"), now);
                continue;
            }

            var result = answer.GetProperty("result");
            var decision = pacer.OnWindow(sequence, answer.GetProperty("start").GetInt64(), answer.GetProperty("count").GetInt32(), now);
            Assert.Equal((where, result.GetProperty("action").GetString()), (where, decision.Action.ToString().ToLowerInvariant()));
            if (decision.Action == WindowAction.Joined)
            {
                Assert.Equal(result.GetProperty("splice").GetInt64(), decision.Splice);
                Assert.Equal((where, result.GetProperty("seam").GetBoolean()), (where, decision.Seam));
                Assert.Equal((where, result.GetProperty("late").GetBoolean()), (where, decision.Late));
            }
        }
    }

    private static void Call(Pacer pacer, JsonElement update)
    {
        if (!update.TryGetProperty("calls", out var calls))
        {
            return;
        }

        foreach (var call in calls.EnumerateArray())
        {
            switch (call.GetString())
            {
                case "replan":
                    pacer.ReplanWanted = true;
                    break;
                case "disconnect":
                    pacer.Connected = false;
                    pacer.OnDisconnected();
                    break;
                case "connect":
                    pacer.Connected = true;
                    break;
                case "move":
                    pacer.OnMoved(new GroundMove(0, 1, 0));
                    break;
                case "cull":
                    pacer.Culled = true;
                    break;
                case "show":
                    pacer.Culled = false;
                    break;
                default:
                    throw new InvalidOperationException($"unknown call {call}");
            }
        }
    }

    private static string Expected(JsonElement request) =>
        $"{request.GetProperty("sequence")} start {request.GetProperty("start")} frames {request.GetProperty("frames")} "
        + $"{request.GetProperty("origin").GetString()} {request.GetProperty("continues")}";

    private static string Told(in RequestPlan plan) =>
        $"{plan.Sequence} start {plan.Start} frames {plan.Frames} {plan.Origin.ToString().ToLowerInvariant()} {plan.Continues}";
}
