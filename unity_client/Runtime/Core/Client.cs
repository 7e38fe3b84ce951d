#nullable enable
using System;
using System.Collections.Generic;
using System.Diagnostics;
using Strut.V1;

namespace Strut.Core
{
    /// <summary>
    /// Owns the connection and the characters of a game process. Everything here belongs to the game thread, and none
    /// of it waits, throws for a reason of the network's, or, once warm, allocates.
    /// </summary>
    public sealed class Client : IDisposable
    {
        // One on its way, one that is being made.
        private const int RequestsPerCharacter = 2;

        private readonly Connection connection;
        private readonly List<Character> characters = new List<Character>();
        private readonly Dictionary<ulong, Character> byNumber = new Dictionary<ulong, Character>();
        private readonly Stopwatch clock = Stopwatch.StartNew();
        private readonly InboxItem decoded = new InboxItem();
        private readonly Reporter reporter = new Reporter();
        private ulong lastNumber;
        private int session;
        private bool connectedBefore;
        private bool sending;
        private bool disposed;

        /// <param name="transport">used by the connection's thread alone from now on.</param>
        /// <param name="settings">how to connect.</param>
        public Client(ITransport transport, ConnectionSettings settings) => connection = new Connection(transport, settings);

        /// <summary>What the connection is doing.</summary>
        public ConnectionState State => connection.State;

        /// <summary>Who serves; null before the first hello.</summary>
        public ServerHello? Server { get; private set; }

        /// <summary>Why the connection was lost or refused; null while it is there.</summary>
        public Failure? LastFailure { get; private set; }

        /// <summary>The characters, in the order in which they were added.</summary>
        public IReadOnlyList<Character> Characters => characters;

        /// <summary>Where the time goes.</summary>
        public Statistics Statistics { get; } = new Statistics();

        /// <summary>Wall seconds of motion that are kept in hand.</summary>
        public double Lead => Latency.Lead;

        /// <summary>Called when the server's hello has come, and after it has changed its model.</summary>
        public Action<ServerHello>? Connected { get; set; }

        /// <summary>Called when a stream was lost or refused.</summary>
        public Action<Failure>? Disconnected { get; set; }

        internal LatencyEstimator Latency { get; } = new LatencyEstimator();

        internal int HistoryFrames { get; private set; } = 8;

        internal uint LeastSteps { get; private set; } = 1;

        internal int MaxSamples { get; private set; } = ControlPlan.MaxSamples;

        /// <summary>A new character, which stands until its first window.</summary>
        public Character Add(CharacterSettings settings)
        {
            connection.Mail.Reserve(RequestsPerCharacter);
            var character = new Character(this, ++lastNumber, settings);
            characters.Add(character);
            byNumber.Add(character.Number, character);
            if (session != 0 && Server != null)
            {
                character.OnConnected(Server);
            }

            return character;
        }

        /// <summary>Ends a character, here and on the server.</summary>
        public void Remove(Character character)
        {
            if (byNumber.Remove(character.Number))
            {
                characters.Remove(character);
                connection.Release(character.Number);
                connection.Wake();
            }
        }

        /// <summary>Once a game frame: takes what came, shows every character's pose, asks for what is needed.</summary>
        /// <param name="seconds">of game time since the last update.</param>
        /// <param name="timeScale">game seconds in a wall second; 0 while the game is paused.</param>
        public void Update(double seconds, double timeScale = 1) => Update(seconds, timeScale, clock.Elapsed.TotalSeconds);

        /// <summary>The same by a clock of the caller's, in wall seconds.</summary>
        public void Update(double seconds, double timeScale, double now)
        {
            if (disposed)
            {
                return;
            }

            var began = Stopwatch.GetTimestamp();
            var inFlight = 0;
            for (var index = 0; index < characters.Count; index++)
            {
                inFlight += characters[index].Waits ? 1 : 0;
            }

            Latency.InFlight = inFlight;
            while (connection.Mail.Take() is InboxItem item)
            {
                Take(item, now);
                connection.Mail.Return(item);
            }

            for (var index = 0; index < characters.Count; index++)
            {
                characters[index].Update(seconds, timeScale, now, Statistics);
            }

            if (session != 0 && reporter.IsDue(now) && connection.RentReport() is ClientReport report)
            {
                reporter.Fill(report, Statistics, now);
                connection.Report(report);
                sending = true;
            }

            if (sending)
            {
                sending = false;
                connection.Wake();
            }

            Statistics.Frame.Add((Stopwatch.GetTimestamp() - began) * 1_000_000 / Stopwatch.Frequency);
        }

        /// <summary>Begins to end, without waiting; the thread ends soon after.</summary>
        public void Close()
        {
            disposed = true;
            connection.Close();
        }

        /// <summary>Ends; waits for half a second at most.</summary>
        public void Dispose()
        {
            disposed = true;
            connection.Dispose();
        }

        internal Request? Rent() => connection.Mail.Rent();

        internal void GiveBack(Request request) => connection.Mail.GiveBack(request);

        internal void Send(Request request)
        {
            request.Session = session;
            sending |= connection.Mail.Send(request);
        }

        /// <summary>The frames of a relayed window; null where they cannot be read.</summary>
        internal InboxItem? Decode(in RelayedWindow window)
        {
            var record = FrameCodec.RecordBytes(window.Encoding);
            if (record == 0 || window.Data.Length != record * window.Count)
            {
                return null;
            }

            decoded.ReserveFrames(window.Count);
            decoded.Start = window.Start;
            decoded.Count = window.Count;
            for (var index = 0; index < window.Count; index++)
            {
                var bytes = window.Data.Span.Slice(index * record, record);
                if (!FrameCodec.Read(bytes, window.Encoding, decoded.Frames[index]))
                {
                    return null;
                }
            }

            return decoded;
        }

        private void Take(InboxItem item, double now)
        {
            switch (item.Kind)
            {
                case InboxKind.Connected:
                    OnConnected(item.Hello!, item.Session);
                    break;
                case InboxKind.Disconnected:
                    OnDisconnected(item.Failure);
                    break;
                case InboxKind.MessageRefused:
                    LastFailure = item.Failure;
                    Statistics.AddError(item.Failure.Reason);
                    break;
                case InboxKind.ModelChanged when Server != null:
                    Server.Model = item.Model;
                    OnConnected(Server, session);
                    break;
                case InboxKind.ControlsOverridden:
                    if (byNumber.TryGetValue(item.Character, out var overridden))
                    {
                        overridden.IsOverridden = item.Count > 0;
                    }

                    break;
                case InboxKind.Window:
                case InboxKind.Error:
                    OnReply(item, now);
                    break;
            }
        }

        private void OnReply(InboxItem item, double now)
        {
            Statistics.BytesReceived += item.Bytes;
            if (item.Kind == InboxKind.Window)
            {
                Statistics.Add(item.Times);
            }
            else
            {
                Statistics.AddError(item.Failure.Reason);
            }

            if (item.Session == session && byNumber.TryGetValue(item.Character, out var character))
            {
                character.OnReply(item, now, Statistics);
            }
        }

        private void OnConnected(ServerHello hello, int number)
        {
            if (number != session)
            {
                Statistics.Reconnects += connectedBefore ? 1 : 0;
                connectedBefore = true;
            }

            session = number;
            Server = hello;
            LastFailure = null;
            HistoryFrames = (int)hello.Model.HistoryFrames;
            // Ascending, as the contract has them.
            LeastSteps = hello.Model.Steps.Count > 0 ? hello.Model.Steps[0] : 1;
            MaxSamples = (int)hello.Limits.MaxTrajectorySamples;
            foreach (var character in characters)
            {
                character.OnConnected(hello);
            }

            Connected?.Invoke(hello);
        }

        private void OnDisconnected(in Failure failure)
        {
            session = 0;
            foreach (var character in characters)
            {
                character.OnDisconnected();
            }

            if (failure.Message != null)
            {
                LastFailure = failure;
                Statistics.AddError(failure.Reason);
                Disconnected?.Invoke(failure);
            }
        }
    }
}
