using System;
using System.Collections.Generic;
using System.Linq;
using Strut.Core;
using Strut.Testing;
using Xunit;

namespace Strut.Tests.Live;

[Collection(LiveCollection.Name)]
public class RootTests
{
    private readonly LiveServer server;

    public RootTests(LiveServer server) => this.server = server;

    [Fact]
    public void ATeleportKeepsPoseAndMovement()
    {
        using var game = new Game(Channels.Transport(server.Address));
        game.Add(1);
        Assert.True(game.PlayUntilStreaming());
        game.Play(1);
        var walker = game.Client.Characters[0];
        var before = new Frame();
        before.CopyFrom(walker.Pose);
        var target = new Placement(700, -800, 1);
        var lead = walker.LeadSeconds;
        walker.Teleport(target);
        Assert.Equal(target.X, walker.Place.X, 3);
        Assert.Equal(target.Z, walker.Place.Z, 3);
        Assert.Equal(before.Rotations, walker.Pose.Rotations);
        game.Client.Update(1 / 60.0);
        // Beyond 500 m another anchor is taken, so that floats stay small.
        Assert.InRange(Math.Abs(walker.Pose.RootX), 0, 500);
        Assert.InRange(StreamingTests.Distance(target, walker.Place), 0, 0.1);
        // No motion in hand was lost.
        Assert.True(walker.LeadSeconds >= lead - 0.02);
    }

    [Fact]
    public void InGameDrivesThePoseStaysWithTheGamesObject()
    {
        using var game = new Game(Channels.Transport(server.Address));
        game.Add(1);
        Assert.True(game.PlayUntilStreaming());
        var walker = game.Client.Characters[0];
        var place = walker.Place;
        game.Play(3, 60, () =>
        {
            // The game walks it straight on, whatever the path says.
            place = new Placement(place.X + 1.2 / 60, place.Z, Math.PI / 2);
            walker.Follow(place, 1 / 60.0);
            Assert.InRange(StreamingTests.Distance(place, walker.Place), 0, Constants.FollowLimit + 1e-6);
            return true;
        });
        Assert.True(game.PlayUntil(() => walker.State == CharacterState.Streaming, 60, () => walker.Follow(place, 1 / 60.0)));
        LiveServer.AssertOnlyLate(game.Client.Statistics);
    }

    [Fact]
    public void AnotherAnimationsPoseIsTakenOver()
    {
        using var game = new Game(Channels.Transport(server.Address));
        game.Add(1);
        Assert.True(game.PlayUntilStreaming());
        var walker = game.Client.Characters[0];
        var bowed = IdlePose.Make();
        bowed.Rotations[3] = Quat.AngleAxis(1, new Vec3(1, 0, 0)) * bowed.Rotations[3];
        bowed.RootX = walker.Pose.RootX;
        bowed.RootZ = walker.Pose.RootZ;
        bowed.Heading = walker.Pose.Heading;
        walker.ResumeFrom(bowed, bowed);
        var meter = new JointMeter(walker);
        game.Client.Update(0);
        Assert.InRange(Quat.Dot(walker.Pose.Rotations[3], bowed.Rotations[3]), 0.99, 1.01);
        // It eases out of the bow, and the server goes on from there.
        Assert.True(game.PlayUntil(() => walker.State == CharacterState.Streaming, 60, meter.Measure));
        game.Play(1, 60, () =>
        {
            meter.Measure();
            return true;
        });
        Assert.Equal(0, meter.Broken);
        Assert.InRange(JointMeter.Percentile([meter], 1), 0, 200);
    }

    [Fact]
    public void ALateJoinerShowsWhatIsRelayed()
    {
        using var game = new Game(Channels.Transport(server.Address));
        using var elsewhere = new Game(Channels.Transport(server.Address));
        game.Add(1);
        var walker = game.Client.Characters[0];
        var windows = new List<(RelayedWindow Window, byte[] Bytes)>();
        walker.WindowArrived = (_, window) => windows.Add((window, window.Data.ToArray()));
        Assert.True(game.PlayUntil(() => windows.Count >= 4));

        var shown = elsewhere.Client.Add(new CharacterSettings { Passive = true, Place = walker.Place });
        var taken = windows.Count - 1;
        game.Play(2, 60, () =>
        {
            for (; taken < windows.Count; taken++)
            {
                var (window, bytes) = windows[taken];
                var copy = new RelayedWindow(window.Start, window.Count, window.Encoding, window.Anchor, bytes);
                shown.OnRelayed(copy, walker.Playhead);
            }

            elsewhere.Client.Update(1 / 60.0);
            return true;
        });
        Assert.Equal(CharacterState.Streaming, shown.State);
        Assert.Equal(0, elsewhere.Client.Statistics.Requests);
        Assert.InRange(Math.Abs(shown.Playhead - walker.Playhead), 0, 4);
        Assert.InRange(StreamingTests.Distance(shown.Place, walker.Place), 0, 0.3);
        foreach (var (there, here) in shown.Pose.Rotations.Zip(walker.Pose.Rotations))
        {
            Assert.InRange(Math.Abs(Quat.Dot(there, here)), 0.95, 1.01);
        }
    }
}
