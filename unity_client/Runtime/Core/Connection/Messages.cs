#nullable enable
using System;
using Google.Protobuf;
using Strut.V1;

namespace Strut.Core
{
    /// <summary>
    /// A request on its way from the game thread to the connection's, which gives it back when it was sent. Made once
    /// and used again and again.
    /// </summary>
    internal sealed class Request
    {
        public readonly ControlPlan Plan = new ControlPlan();
        public readonly WindowRequest Message = new WindowRequest();

        /// <summary>The stream that it was made for; another one does not send it.</summary>
        public int Session;

        public Outbox? Owner;
        public ulong Character;
        public string Name = "";
        public RequestPlan Timing;
        public uint Priority;
        public uint? Steps;
        public uint LeastSteps;
        public Anchor Anchor;
        public Placement Place;
        public float? GesturePhase;
        public FootLocks? Locks;

        /// <summary>The frames before the start; in a cold start the pose.</summary>
        public Frame[] History = Array.Empty<Frame>();
        public int HistoryCount;
        private byte[] bytes = Array.Empty<byte>();

        public Request() => ReserveHistory(8);

        /// <summary>Bytes that stay as they are until the request was written.</summary>
        public byte[] ReserveBytes(int count)
        {
            if (bytes.Length < count)
            {
                bytes = new byte[count];
            }

            return bytes;
        }

        public void ReserveHistory(int frames)
        {
            if (History.Length >= frames)
            {
                return;
            }

            History = new Frame[frames];
            for (var index = 0; index < frames; index++)
            {
                History[index] = new Frame();
            }
        }
    }

    /// <summary>What the two threads know of a character together: the newest request that is on its way.</summary>
    internal sealed class Outbox
    {
        private long newest;

        public ulong Newest
        {
            get => (ulong)System.Threading.Interlocked.Read(ref newest);
            set => System.Threading.Interlocked.Exchange(ref newest, (long)value);
        }
    }

    /// <summary>The place in the world of the space of a character's frames. Its heading is 0.</summary>
    public readonly struct Anchor : IEquatable<Anchor>
    {
        public readonly uint Id;

        /// <summary>Metres.</summary>
        public readonly double X;

        /// <summary>Metres.</summary>
        public readonly double Z;

        public Anchor(uint id, double x, double z)
        {
            Id = id;
            X = x;
            Z = z;
        }

        public bool Equals(Anchor other) => Id == other.Id && X == other.X && Z == other.Z;

        public override bool Equals(object? other) => other is Anchor anchor && Equals(anchor);

        public override int GetHashCode() => (Id, X, Z).GetHashCode();
    }

    /// <summary>What a message from the connection is.</summary>
    internal enum InboxKind
    {
        Window,
        Error,
        Connected,
        Disconnected,
        MessageRefused,
        ModelChanged,
        ControlsOverridden,
    }

    /// <summary>Something on its way from the connection to the game thread, which gives it back.</summary>
    internal sealed class InboxItem
    {
        public InboxKind Kind;
        public int Session;
        public ulong Character;
        public ulong Sequence;
        public Failure Failure;
        public ServerHello? Hello;
        public ModelInfo? Model;

        public long Start;
        public int Count;
        public Frame[] Frames = Array.Empty<Frame>();
        public FootLocks? Locks;
        public float? GesturePhase;
        public FrameEncoding Encoding;
        public ByteString Data = ByteString.Empty;
        public StageTimes Times;
        public int Bytes;

        public void ReserveFrames(int count)
        {
            if (Frames.Length >= count)
            {
                return;
            }

            var more = new Frame[count];
            Array.Copy(Frames, more, Frames.Length);
            for (var index = Frames.Length; index < count; index++)
            {
                more[index] = new Frame();
            }

            Frames = more;
        }
    }

    /// <summary>Where a window's time went, in microseconds.</summary>
    public struct StageTimes
    {
        /// <summary>From the request's leaving this client to the reply's arrival.</summary>
        public long RoundTrip;

        /// <summary>Of that, outside the server.</summary>
        public long Wire;

        public long Server;
        public long Queue;
        public long BatchWait;
        public long Inference;
        public long Postprocess;

        /// <summary>Windows evaluated together.</summary>
        public int BatchSize;
    }
}
