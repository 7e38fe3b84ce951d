using System;
using System.Linq;
using Strut.Core;
using Strut.Testing;
using Xunit;

namespace Strut.Tests.Live;

[Collection(LiveCollection.Name)]
public class StreamingTests
{
    private readonly LiveServer server;

    public StreamingTests(LiveServer server) => this.server = server;

    [Theory]
    [InlineData(FrameEncoding.Float32)]
    [InlineData(FrameEncoding.Quat48)]
    public void ACharacterWalksAlongItsPath(FrameEncoding encoding)
    {
        using var game = new Game(Channels.Transport(server.Address), new ConnectionSettings { Encoding = encoding });
        game.Add(1);
        Assert.True(game.PlayUntilStreaming());
        Assert.Equal(22, game.Client.Server!.Model.Skeleton.Joints.Count);
        var walker = game.Client.Characters[0];
        var meter = new JointMeter(walker);
        var start = walker.Place;
        game.Play(3, 30, () => Measured(meter));
        Assert.Equal(0, meter.Broken);
        // 3 s at 1.2 m/s, begun from standing; a chord of the circle is shorter.
        Assert.InRange(Distance(start, walker.Place), 0.8, 4);
        Assert.True(game.Client.Statistics.Windows > 3);
        LiveServer.AssertOnlyLate(game.Client.Statistics);
        var stages = game.Client.Statistics;
        Assert.True(stages.RoundTrip.Percentile(0.5) >= stages.Server.Percentile(0.5));
        Assert.True(stages.Inference.Count == stages.RoundTrip.Count);
    }

    [Fact]
    public void ManyCharactersShareOneStream()
    {
        using var game = new Game(Channels.Transport(server.Address));
        game.Add(40);
        Assert.True(game.PlayUntil(() => game.Client.Characters.All(c => c.State != CharacterState.Starting)));
        var starts = game.Client.Characters.Select(c => c.Place).ToArray();
        // However busy the machine: all of them get on.
        Assert.True(game.PlayUntil(() => game.Client.Characters.Zip(starts).All(pair => Distance(pair.Second, pair.First.Place) > 0.5)));
        Assert.All(game.Client.Characters, walker => Assert.True(walker.Pose.IsFinite()));

        // Sixty updates are thirty frames, of which a window has ten at least: nothing is asked for twice.
        var statistics = game.Client.Statistics;
        Assert.InRange(statistics.Windows, 40, statistics.Frames / 2 / 10 + 2 * 40);
        LiveServer.AssertOnlyLate(statistics);
    }

    [Fact]
    public void ChangedControlsAreAskedForAtOnce()
    {
        using var game = new Game(Channels.Transport(server.Address));
        game.Add(1);
        Assert.True(game.PlayUntilStreaming());
        game.Paths[0].Controls.Style = StyleOf("youthful");
        var before = game.Client.Statistics.Replans;
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Replans - before >= 3, 60, () =>
        {
            if (game.Client.Statistics.Frames % 30 == 0)
            {
                game.Paths[0].Replan();
            }
        }));
        game.Play(1);
        LiveServer.AssertOnlyLate(game.Client.Statistics);
    }

    [Fact]
    public void ASceneThatTheServerTakesSlowsItsCharacters()
    {
        using var game = new Game(Channels.Transport(server.Address));
        game.Add(2);
        Assert.True(game.PlayUntilStreaming());
        var scene = Scenes.Control(game.Client.Server, "wading", "", 1);
        Assert.NotNull(scene);
        game.Paths[0].Controls.Scene = scene;
        game.Paths[0].Replan();
        game.Play(1);
        var starts = game.Client.Characters.Select(walker => walker.Place).ToArray();
        Assert.True(game.PlayUntil(() => Distance(starts[1], game.Client.Characters[1].Place) > 2));
        Assert.InRange(Distance(starts[0], game.Client.Characters[0].Place), 0.1, 1.6);
        Assert.All(game.Client.Characters, walker => Assert.Null(walker.LastFailure));
    }

    [Fact]
    public void ARefusedFieldIsToldWithItsName()
    {
        using var game = new Game(Channels.Transport(server.Address));
        game.Add(1);
        game.Paths[0].Controls.Style = StyleOf("no such style");
        Assert.True(game.PlayUntil(() => game.Client.Characters[0].LastFailure != null));
        var failure = game.Client.Characters[0].LastFailure!.Value;
        Assert.Equal("INVALID_FIELD", failure.Reason);
        Assert.Contains("controls.style.components[0].name", failure.Message);
        // It stands at ease meanwhile, and goes on once the field is mended.
        Assert.Equal(CharacterState.Starting, game.Client.Characters[0].State);
        game.Paths[0].Controls.Style = null;
        Assert.True(game.PlayUntilStreaming());
    }

    [Fact]
    public void ACulledCharacterAsksForNothingAndComesBackWithoutAPop()
    {
        using var game = new Game(Channels.Transport(server.Address));
        game.Add(1);
        Assert.True(game.PlayUntilStreaming());
        var walker = game.Client.Characters[0];
        walker.Detail = LevelOfDetail.Culled;
        game.Play(1);
        var requests = game.Client.Statistics.Requests;
        var place = walker.Place;
        game.Play(1);
        Assert.Equal(requests, game.Client.Statistics.Requests);
        Assert.Equal(place, walker.Place);
        walker.Detail = LevelOfDetail.Near;
        game.Client.Update(1 / 60.0);
        Assert.InRange(Distance(place, walker.Place), 0, 0.1);
        Assert.True(game.PlayUntil(() => game.Client.Statistics.Requests > requests));
    }

    [Fact]
    public void AWorldFarFromItsOriginLosesNoPrecision()
    {
        using var game = new Game(Channels.Transport(server.Address));
        var path = new CirclePath(1e6, -2e6);
        var walker = game.Client.Add(new CharacterSettings { Place = path.Start, Controls = path });
        Assert.True(game.PlayUntilStreaming());
        var (before, start) = (walker.Place, walker.Place);
        var longest = 0.0;
        game.Play(2, 30, () =>
        {
            longest = Math.Max(longest, Distance(before, walker.Place));
            before = walker.Place;
            return true;
        });
        // At this distance a float has steps of 0.125 m.
        Assert.InRange(longest, 0.001, 0.1);
        Assert.InRange(Distance(start, walker.Place), 0.5, 4);
    }

    internal static double Distance(in Placement a, in Placement b) =>
        Math.Sqrt((a.X - b.X) * (a.X - b.X) + (a.Z - b.Z) * (a.Z - b.Z));

    private static bool Measured(JointMeter meter)
    {
        meter.Measure();
        return true;
    }

    private static V1.StyleMix StyleOf(string name) => new() { Components = { new V1.StyleComponent { Name = name } } };
}
