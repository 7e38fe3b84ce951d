using System;
using System.Collections.Generic;
using System.Linq;
using Strut.Core;

namespace Strut.Testing;

/// <summary>What a disturbance did to the motion on screen.</summary>
/// <param name="Name">of the disturbance.</param>
/// <param name="Largest">metres a second squared, the largest acceleration of any joint, from before it until after.</param>
/// <param name="Broken">frames that were not whole.</param>
/// <param name="Recovered">whether all characters had the server's motion again.</param>
internal sealed record Disturbance(string Name, double Largest, int Broken, bool Recovered);

/// <summary>
/// A server that is killed, a network that stalls, a game that pauses, hitches, goes slow and teleports: the same game
/// through all of it, with a server of its own behind a proxy.
/// </summary>
internal sealed class Disturbances : IDisposable
{
    private readonly int port = ServerProcess.FreePort();
    private readonly TcpProxy proxy;
    private readonly Game game;
    private readonly string[] serve;
    private ServerProcess server;

    /// <param name="characters">how many walk.</param>
    /// <param name="serve">options of strut serve.</param>
    public Disturbances(int characters, params string[] serve)
    {
        this.serve = serve;
        server = ServerProcess.Start(port, serve);
        proxy = new TcpProxy(port);
        game = new Game(Channels.Transport(proxy.Address), new ConnectionSettings { ReplyTimeout = 1.5 });
        game.Add(characters);
        if (!game.PlayUntilStreaming())
        {
            throw new InvalidOperationException("the characters did not begin to stream");
        }
    }

    /// <summary>Metres a second squared: the 99.9th percentile of the largest joint acceleration without a disturbance.</summary>
    public double Undisturbed(double seconds)
    {
        var meters = Meters(false);
        game.Play(1);
        game.Play(seconds, 60, () => Measured(meters));
        return JointMeter.Percentile(meters, 0.999);
    }

    public IEnumerable<Disturbance> All()
    {
        yield return Through("server killed for 3 s", () =>
        {
            server.Kill();
        }, 3, () => server = ServerProcess.Start(port, serve));
        yield return Through("network stalled for 2 s", proxy.Stall, 2, proxy.Resume);
        yield return Through("connection reset", proxy.Reset, 0.5, () => { });
        yield return Through("everything 150 ms later", () => proxy.Delay = TimeSpan.FromMilliseconds(150), 2, () => proxy.Delay = TimeSpan.Zero);
        yield return Through("pause of 1 s", () => { }, 1, () => { }, 0);
        yield return Through("a quarter of the speed for 2 s", () => { }, 2, () => { }, 0.25);
        yield return Through("double speed for 2 s", () => { }, 2, () => { }, 2);
        yield return Through("hitch of 5 s", () => game.Client.Update(5), 0, () => { });
        yield return Through("teleport", Teleport, 1, () => { }, 1, true);
        yield return Through("cull and show", () => Detail(LevelOfDetail.Culled), 1, () => Detail(LevelOfDetail.Near));
    }

    public void Dispose()
    {
        game.Dispose();
        proxy.Dispose();
        server.Dispose();
    }

    private Disturbance Through(
        string name, Action begin, double seconds, Action end, double timeScale = 1, bool moved = false)
    {
        var meters = Meters(moved);
        game.Play(0.5, 60, () => Measured(meters));
        begin();
        game.Play(seconds, 60, () => Measured(meters), timeScale);
        end();
        var recovered = game.PlayUntil(() => game.All(CharacterState.Streaming), 60, () => Measured(meters));
        game.Play(1.5, 60, () => Measured(meters));
        return new Disturbance(name, JointMeter.Percentile(meters, 1), meters.Sum(meter => meter.Broken), recovered);
    }

    private List<JointMeter> Meters(bool moved) =>
        game.Client.Characters.Select(character => new JointMeter(character, moved)).ToList();

    private static bool Measured(List<JointMeter> meters)
    {
        foreach (var meter in meters)
        {
            meter.Measure();
        }

        return true;
    }

    private void Teleport()
    {
        foreach (var (character, path) in game.Client.Characters.Zip(game.Paths))
        {
            // To the other side of its circle, facing along it there.
            var place = character.Place;
            var (x, z) = path.Centre;
            character.Teleport(new Placement(2 * x - place.X, 2 * z - place.Z, place.Heading + Math.PI));
        }
    }

    private void Detail(LevelOfDetail detail)
    {
        foreach (var character in game.Client.Characters)
        {
            character.Detail = detail;
        }
    }
}
