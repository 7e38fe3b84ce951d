using System;
using System.Linq;
using System.Threading;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Strut.Core;
using Strut.Testing;
using Strut.V1;
using Xunit;

namespace Strut.Tests.Scripted;

public class ClientTests
{
    private readonly ScriptedServer server = new();

    [Fact]
    public void AGestureGoesOnWhereItWasWhenTheStreamIsLost()
    {
        server.Answer = request =>
        {
            var window = ScriptedServer.Standing(request);
            window.GesturePhase = Math.Min((window.StartFrame + (float)request.Frames) / 120f, 1f);
            return new WindowReply { Window = window };
        };
        using var game = new Game(server);
        game.Add(1);
        game.Paths[0].Controls.Content = new Content { Label = "wave" };
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Windows >= 3));
        // Where the server knows the window that is continued, it knows the phase as well.
        var continuing = server.Requests.Where(request => request.Timeline.ContinuesSequence > 0);
        Assert.All(continuing, request => Assert.Null(request.Controls.Content.Gesture));
        var before = server.Requests.Count;
        server.Drop();
        Assert.True(game.PlayUntil(() => server.Requests.Count > before));
        var first = server.Requests.ElementAt(before);
        Assert.NotNull(first.Timeline.History);
        Assert.Equal(8, (int)first.Timeline.History.Frames.Count);
        Assert.Equal(first.Timeline.StartFrame - 1, first.Timeline.History.EndFrame);
        // The gesture's phase runs with the frames: a hundred and twenty of them.
        Assert.Equal(first.Timeline.StartFrame / 120.0, first.Controls.Content.Gesture.Phase, 0.15);
        // What the game set was not written into.
        Assert.Null(game.Paths[0].Controls.Content.Gesture);
    }

    [Fact]
    public void TheFirstRequestStartsFromThePoseOnScreenAndLaterOnesContinue()
    {
        using var game = new Game(server);
        game.Add(1);
        // On a busy machine a window may come late, and what follows it then starts from a history.
        Assert.True(game.PlayUntil(() => server.Requests.Any(request => request.Timeline.ContinuesSequence > 0)));
        var first = server.Requests.First();
        Assert.Equal(1u, first.Timeline.ColdStart.Pose.Count);
        Assert.Equal(380, first.Timeline.ColdStart.Pose.Data.Length);
        Assert.Equal(4f, first.Timeline.ColdStart.Position.Z, 3);
        Assert.Equal("walker 1", first.Name);
        Assert.True(first.DeadlineMs > 0 && first.ClientSendTimeNs > 0);
        var next = server.Requests.First(request => request.Timeline.ContinuesSequence > 0);
        var continued = server.Requests.Single(request => request.Sequence == next.Timeline.ContinuesSequence);
        Assert.Equal(continued.Timeline.StartFrame + continued.Frames, next.Timeline.StartFrame);
    }

    [Fact]
    public void FarCharactersAskForOneStepBehindTheOthers()
    {
        using var game = new Game(server);
        game.Add(2);
        game.Client.Characters[1].Detail = LevelOfDetail.Far;
        game.Client.Characters[1].Priority = 80;
        Assert.True(game.PlayUntil(() => server.Requests.Count >= 4));
        foreach (var request in server.Requests)
        {
            Assert.Equal(request.Character == 2, request.Controls.HasSteps);
            Assert.Equal(request.Character == 2 ? 80u : 0u, request.Priority);
        }

        Assert.All(server.Requests.Where(request => request.Character == 2), request => Assert.Equal(1u, request.Controls.Steps));
    }

    [Fact]
    public void RequestsOfAFrameGoTogetherAndInNoGreaterMessagesThanTheServerTakes()
    {
        var small = new ScriptedServer { MaxBatch = 4 };
        using var game = new Game(small);
        game.Add(10);
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Windows >= 10));
        Assert.Equal([4, 4, 2], small.Batches.Take(3));
    }

    [Fact]
    public void AMessageThatIsRefusedAsAWholeDoesNotEndTheStream()
    {
        server.Answers = false;
        using var game = new Game(server);
        game.Add(1);
        Assert.True(game.PlayUntil(() => server.Requests.Count >= 1));
        server.Answers = true;
        var info = new ErrorInfo { Reason = "BATCH_TOO_LARGE", Domain = "strut" };
        var refused = new Google.Rpc.Status { Code = 8, Message = "too many", Details = { Any.Pack(info) } };
        server.Say(new StreamMotionResponse { Error = refused });
        Assert.True(game.PlayUntil(() => game.Client.LastFailure?.Reason == "BATCH_TOO_LARGE"));
        // Its requests expire at their deadlines, and are made again.
        Assert.True(game.PlayUntilStreaming());
        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public void AWindowThatIsNotWholeIsRefused()
    {
        server.Answer = request =>
        {
            var window = ScriptedServer.Standing(request);
            window.Frames.Count++;
            return new WindowReply { Window = window };
        };
        using var game = new Game(server);
        game.Add(1);
        Assert.True(game.PlayUntil(() => game.Client.Characters[0].LastFailure != null));
        Assert.Equal("DATA_LOSS", game.Client.Characters[0].LastFailure!.Value.Reason);
        Assert.Equal(CharacterState.Starting, game.Client.Characters[0].State);
    }

    [Fact]
    public void AServerThatSaysNothingIsLeft()
    {
        server.Answers = false;
        using var game = new Game(server, new ConnectionSettings { ReplyTimeout = 0.3 });
        game.Add(1);
        Assert.True(game.PlayUntil(() => server.Connections >= 3));
        Assert.Contains("no reply", game.Client.LastFailure?.Message ?? "no reply");
        server.Answers = true;
        Assert.True(game.PlayUntilStreaming());
    }

    [Fact]
    public void ADrainingStreamIsFollowedByAnotherAtOnce()
    {
        using var game = new Game(server);
        game.Add(1);
        Assert.True(game.PlayUntilStreaming());
        server.Say(new StreamMotionResponse { Event = new ServerEvent { Draining = new Draining { RemainingMs = 1000 } } });
        Assert.True(game.PlayUntil(() => server.Connections == 2 && game.Client.State == ConnectionState.Ready));
        Assert.Empty(game.Client.Statistics.Errors);
    }

    [Fact]
    public void AServerThatRefusesIsHeardThoughItReadsNoWord()
    {
        // As a server does that knows from the headers alone that it will not serve.
        server.Refusal = new RpcException(new Grpc.Core.Status(StatusCode.Unauthenticated, "who are you?"));
        using var game = new Game(server);
        Failure? told = null;
        var state = ConnectionState.Disconnected;
        game.Client.Disconnected = failure =>
        {
            told ??= failure;
            state = game.Client.State;
        };
        Assert.True(game.PlayUntil(() => told != null));
        Assert.Equal(StatusCode.Unauthenticated, told!.Value.Code);
        // What the game is told, and what is done about it, go together.
        Assert.Equal(ConnectionState.Waiting, state);
        Assert.Equal(1, server.Connections);
    }

    [Fact]
    public void WhatOnlyTheClientSeesIsReportedNowAndThen()
    {
        using var game = new Game(server);
        game.Add(1);
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Windows >= 3));
        // What is on its way comes in before the report, and nothing after it.
        server.Answers = false;
        var coming = System.Diagnostics.Stopwatch.StartNew();
        game.PlayUntil(() => coming.Elapsed.TotalSeconds > 0.2);
        Assert.Empty(server.Reports);
        var seen = game.Client.Statistics;
        var (late, underruns) = ((ulong)seen.LateWindows, (ulong)seen.Underruns);
        var now = 3600.0;
        game.Client.Update(0, 0, now);
        Assert.True(SpinWait.SpinUntil(() => server.Reports.Count == 1, TimeSpan.FromSeconds(30)));
        var first = server.Reports.Single();
        Assert.Equal((late, underruns), (first.LateWindows, first.Underruns));
        Assert.Equal(seen.Lead.Mean / 1000, first.MeanLeadMs, 1.0);
        Assert.Equal(seen.Wire.Mean / 1000, first.MeanWireMs, 1.0);

        // Nothing has happened since, and none is due.
        game.Client.Update(0, 0, now + Constants.ReportInterval - 1);
        game.Client.Update(0, 0, now + Constants.ReportInterval);
        Assert.True(SpinWait.SpinUntil(() => server.Reports.Count == 2, TimeSpan.FromSeconds(30)));
        var second = server.Reports.Last();
        Assert.Equal((0ul, 0f), (second.LateWindows, second.MeanLeadMs));
    }

    [Fact]
    public void AReportThatCouldNotBeSentGoesWithTheNextStream()
    {
        using var game = new Game(server);
        game.Add(1);
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Windows >= 2));
        // A second without a look at the clock of the motion: it runs out.
        server.Answers = false;
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Underruns >= 1));
        var underruns = (ulong)game.Client.Statistics.Underruns;
        server.Refusal = new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "gone"));
        game.Client.Update(0, 0, 3600);
        Assert.True(game.PlayUntil(() => game.Client.State == ConnectionState.Waiting));
        Assert.Empty(server.Reports);
        (server.Refusal, server.Answers) = (null, true);
        Assert.True(SpinWait.SpinUntil(() => !server.Reports.IsEmpty, TimeSpan.FromSeconds(30)));
        Assert.True(server.Reports.First().Underruns >= underruns);
    }

    [Fact]
    public void WhatWasOnItsWayThroughATeleportComesAlongAndIsNotContinued()
    {
        using var game = new Game(server);
        game.Add(1);
        Assert.True(game.PlayUntil(() => server.Requests.Any(request => request.Timeline.ContinuesSequence > 0)));
        server.Answers = false;
        var asked = server.Requests.Count;
        Assert.True(game.PlayUntil(() => server.Requests.Count > asked));
        var walker = game.Client.Characters[0];
        walker.Teleport(new Placement(60, -30, 2));
        var onItsWay = server.Requests.Last();
        var windows = game.Client.Statistics.Windows;
        server.Say(new StreamMotionResponse { Replies = new WindowReplyBatch { Replies = { ScriptedServer.Reply(onItsWay) } } });
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Windows > windows));
        server.Answers = true;
        // The server remembers that window where it was asked for: what follows says itself where it goes on from.
        Assert.True(game.PlayUntil(() => server.Requests.Last().Sequence > onItsWay.Sequence));
        var next = server.Requests.First(request => request.Sequence > onItsWay.Sequence);
        Assert.Equal(0ul, next.Timeline.ContinuesSequence);
        Assert.Null(next.Timeline.History.FootLocks);
        var last = new Frame();
        var record = FrameCodec.RecordBytes(Core.FrameEncoding.Float32);
        Assert.True(FrameCodec.Read(next.Timeline.History.Frames.Data.Span[^record..], Core.FrameEncoding.Float32, last));
        Assert.Equal((60f, -30f), (MathF.Round(last.RootX), MathF.Round(last.RootZ)));
    }

    [Fact]
    public void AReleasedCharacterIsForgotten()
    {
        using var game = new Game(server);
        game.Add(2);
        Assert.True(game.PlayUntilStreaming());
        game.Client.Remove(game.Client.Characters[0]);
        game.Play(0.2);
        var before = server.Requests.Count;
        Assert.True(game.PlayUntil(() => server.Requests.Count >= before + 2));
        Assert.All(server.Requests.Skip(before), request => Assert.Equal(2ul, request.Character));
    }
}
