#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>What a character is doing as to its supply of motion.</summary>
    public enum CharacterState
    {
        /// <summary>No window has come yet; it stands in its first pose.</summary>
        Starting,

        /// <summary>The server's motion is on screen.</summary>
        Streaming,

        /// <summary>Out of motion: it eases into the idle pose.</summary>
        Easing,

        /// <summary>Out of motion: it stands.</summary>
        Idle,

        /// <summary>Not seen: nothing is asked for.</summary>
        Culled,
    }

    /// <summary>What a window goes on from.</summary>
    public enum Origin
    {
        Cold,
        Continues,
        History,
    }

    /// <summary>A request that the pacer wants made.</summary>
    public readonly struct RequestPlan
    {
        public readonly ulong Sequence;
        public readonly long Start;
        public readonly int Frames;
        public readonly Origin Origin;
        public readonly ulong Continues;

        /// <summary>Wall seconds.</summary>
        public readonly double Deadline;

        /// <summary>Whether it changes what was already there.</summary>
        public readonly bool Replans;

        public RequestPlan(
            ulong sequence, long start, int frames, Origin origin, ulong continues, double deadline, bool replans)
        {
            Sequence = sequence;
            Start = start;
            Frames = frames;
            Origin = origin;
            Continues = continues;
            Deadline = deadline;
            Replans = replans;
        }
    }

    /// <summary>What becomes of a window that came.</summary>
    public enum WindowAction
    {
        /// <summary>Nobody waits for it.</summary>
        Ignored,

        /// <summary>Too late to be of use.</summary>
        Dropped,

        /// <summary>It goes into the buffer.</summary>
        Joined,
    }

    /// <summary>What is to be done with a window.</summary>
    public readonly struct WindowDecision
    {
        public readonly WindowAction Action;

        /// <summary>Number of the first frame that is taken.</summary>
        public readonly long Splice;

        /// <summary>Whether it is blended onto the frames before.</summary>
        public readonly bool Seam;

        /// <summary>Whether it came after its first frame was needed.</summary>
        public readonly bool Late;

        /// <summary>The moves of the character since it was asked for.</summary>
        public readonly GroundMove Moved;

        public WindowDecision(WindowAction action, long splice, bool seam, bool late, in GroundMove moved)
        {
            Action = action;
            Splice = splice;
            Seam = seam;
            Late = late;
            Moved = moved;
        }
    }

    /// <summary>
    /// When to ask for what, and what to do with an answer; knows no poses. Belongs to the game thread. Times are wall
    /// seconds of any clock that only goes forward.
    /// </summary>
    public sealed class Pacer
    {
        private readonly ulong character;
        private readonly LatencyEstimator latency;
        private readonly Waiting[] waiting = new Waiting[Constants.RecentRequests];
        private int waitingCount;
        private bool hasBase;
        private ulong baseSequence;
        private long baseStart;
        private long baseEnd;
        private int attempt;
        private double notBefore;
        private double replannedAt = double.NegativeInfinity;

        /// <param name="character">its number, which spreads the first windows of many characters.</param>
        /// <param name="latency">shared by all characters of a client.</param>
        public Pacer(ulong character, LatencyEstimator latency)
        {
            this.character = character;
            this.latency = latency;
        }

        /// <summary>Frames that one request asks for.</summary>
        public int WindowFrames { get; set; } = 16;

        /// <summary>Frames from the start of one window to that of its successor, at least.</summary>
        public int MinReplanFrames { get; set; } = 4;

        /// <summary>Wall seconds, the server's longest deadline.</summary>
        public double MaxDeadline { get; set; } = 10;

        public bool Connected { get; set; }

        public bool Culled { get; set; }

        /// <summary>Set when controls have changed; cleared by the next request.</summary>
        public bool ReplanWanted { get; set; }

        /// <summary>Frames, what is on screen.</summary>
        public double Playhead { get; private set; }

        public long ServerEnd { get; private set; }

        public bool Started { get; private set; }

        /// <summary>Windows taken over since the character last began, or ran out of motion.</summary>
        public long Windows { get; private set; }

        /// <summary>Updates that showed a frame which the client had to make.</summary>
        public long LateFrames { get; private set; }

        /// <summary>Times that it ran out of motion.</summary>
        public long Underruns { get; private set; }

        /// <summary>Number of the first frame that may change.</summary>
        public long First => (long)Math.Floor(Playhead) + Constants.Committed;

        /// <summary>Whether a frame that the client had to make is, or is about to be, on screen.</summary>
        public bool Underrun => ServerEnd < First;

        /// <summary>Whether a request waits for its reply.</summary>
        public bool Waits => waitingCount > 0;

        /// <summary>End of the window that a request may continue; -1 where there is none.</summary>
        public long BaseEnd => hasBase ? baseEnd : -1;

        /// <summary>Requests without a reply.</summary>
        public int WaitingCount => waitingCount;

        public CharacterState State
        {
            get
            {
                if (Culled)
                {
                    return CharacterState.Culled;
                }

                if (!Started)
                {
                    return CharacterState.Starting;
                }

                if (!Underrun)
                {
                    return CharacterState.Streaming;
                }

                return First - 1 - ServerEnd >= Constants.Settled ? CharacterState.Idle : CharacterState.Easing;
            }
        }

        /// <summary>Plays some seconds of game time.</summary>
        public void Advance(double seconds)
        {
            if (Culled)
            {
                return;
            }

            var before = Underrun;
            Playhead += Math.Min(seconds, Constants.MaxStep) * Constants.Fps;
            if (Started && Underrun)
            {
                LateFrames++;
                Underruns += before ? 0 : 1;
            }
        }

        /// <summary>Whether a request is to be made now; it then counts as made.</summary>
        public bool Decide(double now, double timeScale, out RequestPlan plan)
        {
            plan = default;
            if (Culled || !Connected || !(timeScale > 0) || now < notBefore)
            {
                return false;
            }

            var pause = !Started || Underrun;
            var ahead = First + latency.Ahead(timeScale, pause ? Constants.MaxAheadAtRest : Constants.MaxAhead);
            // In slow motion as much is held as at normal speed, which may come back at once.
            var append = pause || ServerEnd - Playhead <= latency.Lead * Constants.Fps * Math.Max(timeScale, 1);
            var start = pause ? ahead : ServerEnd;
            var heldBack = waitingCount > 0 && now < waiting[waitingCount - 1].ExpiresAt;
            var replan = ReplanWanted && !pause && Playhead - replannedAt >= MinReplanFrames;
            if (replan)
            {
                var least = hasBase ? Math.Max(ahead, baseStart + MinReplanFrames) : ahead;
                start = Math.Min(least, ServerEnd);
            }

            if (!replan && (!append || heldBack))
            {
                return false;
            }

            plan = Request(start, now, timeScale, replan);
            return true;
        }

        /// <summary>What is to be done with a window that came.</summary>
        public WindowDecision OnWindow(ulong sequence, long start, int count, double now)
        {
            var found = Find(sequence);
            if (found < 0)
            {
                return default;
            }

            var request = waiting[found];
            latency.Add(now - request.SentAt);
            Forget(found + 1);
            attempt = 0;
            notBefore = 0;
            var splice = Math.Max(start, First);
            if (start + count - splice < Constants.MinUsable)
            {
                hasBase = false;
                return new WindowDecision(WindowAction.Dropped, splice, false, true, request.Moved);
            }

            var late = start < First;
            var clean = request.Intact && !late;
            for (var index = 0; index < waitingCount; index++)
            {
                waiting[index].Intact &= splice >= waiting[index].Start;
            }

            ServerEnd = start + count;
            Started = true;
            Windows++;
            // The server remembers it where it was asked for: it cannot be continued from where the game has put it since.
            hasBase = clean && request.Moved.IsNone;
            baseSequence = sequence;
            baseStart = start;
            baseEnd = start + count;
            return new WindowDecision(WindowAction.Joined, splice, !clean, late, request.Moved);
        }

        /// <summary>Takes note of an error that answers a request; <paramref name="retry"/> in seconds, 0 where none was said.</summary>
        public void OnError(ulong sequence, string reason, double retry, double now)
        {
            var found = Find(sequence);
            if (found < 0)
            {
                return;
            }

            Array.Copy(waiting, found + 1, waiting, found, waitingCount - found - 1);
            waitingCount--;
            if (reason == "SEQUENCE_UNKNOWN" || reason == "REPLAN_TOO_SOON")
            {
                hasBase = false;
            }

            if (reason != "SEQUENCE_UNKNOWN" && reason != "SUPERSEDED" && reason != "RELEASED")
            {
                notBefore = now + Math.Max(retry, Constants.BackOff(attempt));
                attempt++;
            }
        }

        /// <summary>The stream is gone, with all that waited.</summary>
        public void OnDisconnected()
        {
            waitingCount = 0;
            hasBase = false;
            attempt = 0;
            notBefore = 0;
        }

        /// <summary>The character was moved: answers on their way are moved alike, and none can be continued.</summary>
        public void OnMoved(in GroundMove move)
        {
            hasBase = false;
            for (var index = 0; index < waitingCount; index++)
            {
                waiting[index].Moved = waiting[index].Moved.Then(move);
            }
        }

        /// <summary>Another pose was put on screen: only frames made by the client follow, and answers on their way need a seam.</summary>
        public void OnResumed()
        {
            hasBase = false;
            ServerEnd = Math.Min(ServerEnd, First - 1);
            ReplanWanted = true;
            for (var index = 0; index < waitingCount; index++)
            {
                waiting[index].Intact = false;
            }
        }

        /// <summary>A window that came without a request, at a place of the timeline that may be set anew.</summary>
        public void OnRelayed(long start, int count, double playhead, bool jump)
        {
            if (jump)
            {
                Playhead = playhead;
            }

            ServerEnd = start + count;
            Started = true;
            Windows++;
            hasBase = false;
        }

        private RequestPlan Request(long start, double now, double timeScale, bool replans)
        {
            var origin = Origin.History;
            ulong continues = 0;
            if (!Started)
            {
                origin = Origin.Cold;
            }
            else if (hasBase && baseStart < start && start <= baseEnd
                && (start - baseStart >= MinReplanFrames || start == baseEnd))
            {
                origin = Origin.Continues;
                continues = baseSequence;
            }

            if (!Started || Underrun)
            {
                Windows = 0;
            }

            var frames = WindowFrames - Spread();
            var deadline = (start + frames - Constants.MinUsable - Playhead) / Constants.Fps / timeScale;
            deadline = Maths.Clamp(deadline, Constants.MinDeadline, MaxDeadline);
            if (waitingCount == waiting.Length)
            {
                Forget(1);
            }

            waiting[waitingCount++] = new Waiting
            {
                Sequence = ++Sequence,
                Start = start,
                SentAt = now,
                ExpiresAt = now + deadline,
                Intact = true,
            };
            ReplanWanted = false;
            replannedAt = Playhead;
            return new RequestPlan(Sequence, start, frames, origin, continues, deadline, replans);
        }

        private ulong Sequence { get; set; }

        // Characters that began together, or came back together, shall not ask together for ever: their ends are brought
        // to each of a window's frames in turn.
        private int Spread()
        {
            var spread = (int)(character % (ulong)Math.Max(WindowFrames, 1));
            return Windows switch
            {
                0 => (spread + 1) / 2,
                1 => spread / 2,
                _ => 0,
            };
        }

        private int Find(ulong sequence)
        {
            for (var index = 0; index < waitingCount; index++)
            {
                if (waiting[index].Sequence == sequence)
                {
                    return index;
                }
            }

            return -1;
        }

        private void Forget(int count)
        {
            Array.Copy(waiting, count, waiting, 0, waitingCount - count);
            waitingCount -= count;
        }

        private struct Waiting
        {
            public ulong Sequence;
            public long Start;
            public double SentAt;
            public double ExpiresAt;
            public bool Intact;
            public GroundMove Moved;
        }
    }
}
