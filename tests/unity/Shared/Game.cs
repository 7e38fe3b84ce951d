using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Strut.Core;

namespace Strut.Testing;

/// <summary>A game without an engine: characters in a grid, updated at a steady rate on the calling thread.</summary>
internal sealed class Game : IDisposable
{
    public Game(ITransport transport, ConnectionSettings? settings = null) =>
        // A busy machine is no dead server: those who test what is done about one set their own timeout.
        Client = new Client(transport, settings ?? new ConnectionSettings { ClientName = "strut-tests", ReplyTimeout = 30 });

    public Client Client { get; }

    public List<CirclePath> Paths { get; } = new();

    public void Add(int count)
    {
        for (var index = 0; index < count; index++)
        {
            var path = new CirclePath(12 * (Paths.Count % 16), 12 * (Paths.Count / 16));
            Paths.Add(path);
            Client.Add(new CharacterSettings { Name = $"walker {Paths.Count}", Place = path.Start, Controls = path });
        }
    }

    /// <summary>Plays in real time.</summary>
    /// <param name="seconds">wall seconds.</param>
    /// <param name="rate">updates a second.</param>
    /// <param name="update">called after every update; null for nothing. Ends the game early by answering false.</param>
    /// <param name="timeScale">game seconds in a wall second.</param>
    public void Play(double seconds, double rate = 60, Func<bool>? update = null, double timeScale = 1)
    {
        var began = Stopwatch.GetTimestamp();
        var ticks = (long)Math.Ceiling(seconds * rate);
        for (long tick = 1; tick <= ticks; tick++)
        {
            Client.Update(timeScale / rate, timeScale);
            if (update != null && !update())
            {
                return;
            }

            var due = tick / rate - Stopwatch.GetElapsedTime(began).TotalSeconds;
            if (due > 0)
            {
                Thread.Sleep(TimeSpan.FromSeconds(due));
            }
        }
    }

    /// <summary>Plays until something holds, for a minute at most.</summary>
    public bool PlayUntil(Func<bool> condition, double rate = 60, Action? update = null)
    {
        var held = false;
        Play(60, rate, () =>
        {
            update?.Invoke();
            return !(held = condition());
        });
        return held;
    }

    /// <summary>Plays until the server's motion of all characters is on screen.</summary>
    public bool PlayUntilStreaming() => PlayUntil(() => All(CharacterState.Streaming));

    public bool All(CharacterState state)
    {
        foreach (var character in Client.Characters)
        {
            if (character.State != state)
            {
                return false;
            }
        }

        return true;
    }

    public void Dispose() => Client.Dispose();
}
