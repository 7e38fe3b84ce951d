#nullable enable
using System;
using Strut.V1;

namespace Strut.Core
{
    /// <summary>How much a character matters just now.</summary>
    public enum LevelOfDetail
    {
        /// <summary>Asks with its controls' steps.</summary>
        Near,

        /// <summary>Asks with one step, behind the near ones.</summary>
        Far,

        /// <summary>Is not seen and asks for nothing.</summary>
        Culled,
    }

    /// <summary>How a character begins.</summary>
    public sealed class CharacterSettings
    {
        /// <summary>Its name for people. Default: empty.</summary>
        public string Name { get; set; } = "";

        /// <summary>Where it stands in the world. Default: the origin.</summary>
        public Placement Place { get; set; }

        /// <summary>What it is to do. Default: new <see cref="HeldControls"/>.</summary>
        public IControlSource? Controls { get; set; }

        /// <summary>The pose that it begins in. Default: null, standing at ease.</summary>
        public Frame? Pose { get; set; }

        /// <summary>Asks for nothing and is fed by <see cref="Character.OnRelayed"/>. Default: false.</summary>
        public bool Passive { get; set; }
    }

    /// <summary>
    /// One character: its pacer, its frames, and the pose of this frame. Made by <see cref="Client.Add"/>; game thread.
    /// </summary>
    public sealed class Character
    {
        // Frames before the playhead that a history or a seam may still need, besides the history itself.
        private const int Behind = 4;

        private readonly Client client;
        private readonly Pacer pacer;
        private readonly FrameBuffer buffer;
        private readonly Frame previous = new Frame();
        private readonly Frame[] kept = { new Frame(), new Frame(), new Frame() };
        private readonly bool passive;
        private GroundMove relayedMove;
        private FootLocks? locks;
        private float? phaseAtStart;
        private float? phaseAtEnd;
        private long phaseStart;
        private int phaseFrames;
        private string phaseContent = "";
        private LevelOfDetail detail;

        internal Character(Client client, ulong number, CharacterSettings settings)
        {
            this.client = client;
            Number = number;
            Name = settings.Name;
            passive = settings.Passive;
            Controls = settings.Controls ?? new HeldControls();
            pacer = new Pacer(number, client.Latency);
            Anchor = AnchorAt(0, settings.Place);
            buffer = new FrameBuffer(IdlePose.Make());
            var pose = new Frame();
            pose.CopyFrom(settings.Pose ?? buffer.Idle);
            pose.RootX = (float)(settings.Place.X - Anchor.X);
            pose.RootZ = (float)(settings.Place.Z - Anchor.Z);
            pose.Heading = (float)settings.Place.Heading;
            buffer.Start(pose);
            Pose.CopyFrom(pose);
        }

        /// <summary>Its number in the stream, which is its seed where none is set.</summary>
        public ulong Number { get; }

        /// <summary>Its name for people.</summary>
        public string Name { get; }

        /// <summary>Asked for controls whenever a request is made.</summary>
        public IControlSource Controls { get; set; }

        /// <summary>What is on screen now, in the space of <see cref="Anchor"/>. It stays the character's.</summary>
        public Frame Pose { get; } = new Frame();

        /// <summary>The space of its frames.</summary>
        public Anchor Anchor { get; private set; }

        /// <summary>Where the root is on screen, in the world.</summary>
        public Placement Place => new Placement(Anchor.X + Pose.RootX, Anchor.Z + Pose.RootZ, Pose.Heading);

        /// <summary>Where it is as to its supply of motion.</summary>
        public CharacterState State => pacer.State;

        /// <summary>Frames on its timeline, what is on screen.</summary>
        public double Playhead => pacer.Playhead;

        /// <summary>Seconds of motion of the server in hand; negative in an underrun.</summary>
        public double LeadSeconds => (pacer.ServerEnd - pacer.Playhead) / Constants.Fps;

        /// <summary>Updates that showed a frame which the client had to make.</summary>
        public long LateFrames => pacer.LateFrames;

        /// <summary>Whether a request waits for its reply.</summary>
        internal bool Waits => pacer.Waits;

        /// <summary>Why its last request failed; null after a window.</summary>
        public Failure? LastFailure { get; private set; }

        /// <summary>Whether a designer's hand lies on it.</summary>
        public bool IsOverridden { get; internal set; }

        /// <summary>How much its windows matter where the server is full: 0 most, 1000 least. Default: 0.</summary>
        public uint Priority { get; set; }

        /// <summary>Called with every window as it came; null for none.</summary>
        public Action<Character, RelayedWindow>? WindowArrived { get; set; }

        /// <summary>How much it matters just now.</summary>
        public LevelOfDetail Detail
        {
            get => detail;
            set
            {
                detail = value;
                pacer.Culled = value == LevelOfDetail.Culled;
            }
        }

        internal Outbox Outbox { get; } = new Outbox();

        /// <summary>A frame held, by its number; made where it is not there yet. It stays the character's.</summary>
        public Frame FrameAt(long number) => buffer.Get(number);

        /// <summary>Goes on elsewhere: pose and movement stay.</summary>
        public void Teleport(in Placement place) => MoveTo(place);

        /// <summary>MotionDrives: where collision kept the game's object from where the motion is.</summary>
        public void CorrectRoot(in Placement place) => MoveTo(place);

        /// <summary>GameDrives and Blend: the pose follows the game's object.</summary>
        /// <param name="place">where the game has it.</param>
        /// <param name="seconds">of game time since the last time.</param>
        /// <param name="weight">0 for the motion, 1 for the game.</param>
        public void Follow(in Placement place, double seconds, double weight = 1) =>
            MoveTo(RootDriver.Follow(Place, place, seconds, weight));

        /// <summary>Takes over from other animation: its pose on screen and the one a thirtieth of a second before.</summary>
        /// <param name="frame">in the space of <see cref="Anchor"/>.</param>
        /// <param name="before">the frame before it.</param>
        public void ResumeFrom(Frame frame, Frame before)
        {
            buffer.Resume((long)Math.Floor(pacer.Playhead), frame, before);
            pacer.OnResumed();
            locks = null;
        }

        /// <summary>A window that the game relays to a passive character.</summary>
        /// <param name="window">as <see cref="WindowArrived"/> gave it elsewhere.</param>
        /// <param name="playhead">frames, what is on screen there.</param>
        public void OnRelayed(in RelayedWindow window, double playhead)
        {
            var item = client.Decode(window);
            if (item == null)
            {
                return;
            }

            var shift = new GroundMove(0, window.Anchor.X - Anchor.X, window.Anchor.Z - Anchor.Z).Then(relayedMove);
            var far = Math.Abs(playhead - pacer.Playhead) > window.Count;
            var jump = !pacer.Started || far;
            if (jump && pacer.Started)
            {
                KeepOnScreen((long)Math.Floor(playhead) + 1);
            }

            var first = jump ? (long)Math.Floor(playhead) + (pacer.Started ? 1 : 0) : pacer.First;
            Join(item, Math.Max(window.Start, first), shift, pacer.Started && (jump || window.Start < first));
            pacer.OnRelayed(window.Start, window.Count, playhead, jump);
        }

        internal void OnConnected(ServerHello hello)
        {
            pacer.Connected = !passive;
            pacer.WindowFrames = (int)hello.Model.WindowFrames;
            pacer.MinReplanFrames = (int)hello.Limits.MinReplanFrames;
            pacer.MaxDeadline = hello.Limits.MaxDeadlineMs * 1e-3;
        }

        internal void OnDisconnected()
        {
            pacer.Connected = false;
            pacer.OnDisconnected();
            Outbox.Newest = 0;
        }

        /// <summary>Takes a reply over.</summary>
        internal void OnReply(InboxItem item, double now, Statistics statistics)
        {
            if (item.Kind == InboxKind.Error)
            {
                pacer.OnError(item.Sequence, item.Failure.Reason, item.Failure.Retry, now);
                if (item.Failure.Reason != "SUPERSEDED" && item.Failure.Reason != "RELEASED")
                {
                    LastFailure = item.Failure;
                }

                return;
            }

            statistics.Lead.Add((long)(Math.Max(LeadSeconds, 0) * 1e6));
            var decision = pacer.OnWindow(item.Sequence, item.Start, item.Count, now);
            if (decision.Action == WindowAction.Dropped)
            {
                statistics.DroppedWindows++;
            }

            if (decision.Action != WindowAction.Joined)
            {
                return;
            }

            statistics.Windows++;
            statistics.LateWindows += decision.Late ? 1 : 0;
            statistics.Seams += decision.Seam ? 1 : 0;
            LastFailure = null;
            WindowArrived?.Invoke(this, new RelayedWindow(item.Start, item.Count, item.Encoding, Anchor, item.Data.Memory));
            Join(item, decision.Splice, decision.Moved, decision.Seam);
            locks = decision.Moved.IsNone ? item.Locks : null;
            phaseAtStart = phaseAtEnd == null ? 0 : PhaseAt(item.Start);
            phaseAtEnd = item.GesturePhase;
            phaseStart = item.Start;
            phaseFrames = item.Count;
        }

        /// <summary>Plays on, shows, and asks for what is needed.</summary>
        internal void Update(double seconds, double timeScale, double now, Statistics statistics)
        {
            var late = pacer.LateFrames;
            var underruns = pacer.Underruns;
            Controls.Advance(seconds);
            pacer.Advance(seconds);
            statistics.Frames++;
            statistics.LateFrames += pacer.LateFrames - late;
            statistics.Underruns += pacer.Underruns - underruns;
            Show();
            if (Math.Abs(Pose.RootX) > Constants.AnchorLimit || Math.Abs(Pose.RootZ) > Constants.AnchorLimit)
            {
                TakeAnchor(AnchorAt(Anchor.Id + 1, Place));
            }

            if (passive)
            {
                return;
            }

            pacer.ReplanWanted |= Controls.TakeReplan();
            // While none is free, what is wanted is wanted in the next frame as well.
            if (client.Rent() is Request request)
            {
                if (pacer.Decide(now, timeScale, out var plan))
                {
                    Ask(request, plan, statistics);
                }
                else
                {
                    client.GiveBack(request);
                }
            }
        }

        private static Anchor AnchorAt(uint id, in Placement place) =>
            Math.Abs(place.X) <= Constants.AnchorLimit && Math.Abs(place.Z) <= Constants.AnchorLimit && id == 0
                ? default
                : new Anchor(Math.Max(id, 1), Math.Round(place.X), Math.Round(place.Z));

        private void Show()
        {
            var playhead = pacer.Playhead;
            var number = (long)Math.Floor(playhead);
            var next = buffer.Get(number + 1);
            Pose.Interpolate(buffer.Get(number), next, (float)(playhead - number));
            buffer.Trim(number - client.HistoryFrames - Behind);
        }

        private void Ask(Request request, in RequestPlan plan, Statistics statistics)
        {
            var last = buffer.Get(plan.Start - 1);
            var before = buffer.Get(plan.Start - 2);
            var fps = (float)Constants.Fps;
            request.Plan.Clear(client.MaxSamples);
            Controls.Plan(
                new ControlQuery(
                    (plan.Start - pacer.Playhead) / Constants.Fps,
                    new Placement(Anchor.X + last.RootX, Anchor.Z + last.RootZ, last.Heading),
                    (last.RootX - before.RootX) * fps,
                    (last.RootZ - before.RootZ) * fps,
                    plan.Frames),
                request.Plan);
            request.Character = Number;
            request.Owner = Outbox;
            request.Name = plan.Origin == Origin.Continues ? "" : Name;
            request.Timing = plan;
            request.Priority = Priority;
            request.Steps = Detail == LevelOfDetail.Far ? client.LeastSteps : (uint?)null;
            request.LeastSteps = client.LeastSteps;
            request.Anchor = Anchor;
            request.Locks = null;
            request.GesturePhase = null;
            request.HistoryCount = 0;
            if (plan.Origin == Origin.Cold)
            {
                request.History[0].CopyFrom(last);
                request.Place = new Placement(last.RootX, last.RootZ, last.Heading);
            }
            else if (plan.Origin == Origin.History)
            {
                FillHistory(plan, request);
            }

            KnowPhase(plan, request);
            Outbox.Newest = plan.Sequence;
            statistics.Requests++;
            statistics.Replans += plan.Replans ? 1 : 0;
            client.Send(request);
        }

        private void FillHistory(in RequestPlan plan, Request request)
        {
            request.ReserveHistory(client.HistoryFrames);
            var first = Math.Max(plan.Start - client.HistoryFrames, buffer.Begin);
            for (var number = first; number < plan.Start; number++)
            {
                request.History[request.HistoryCount++].CopyFrom(buffer.Get(number));
            }

            request.Locks = plan.Start == pacer.BaseEnd ? locks : null;
        }

        /// <summary>A gesture goes on by itself only where the server remembers its window.</summary>
        private void KnowPhase(in RequestPlan plan, Request request)
        {
            var content = request.Plan.Controls?.Content.Label ?? "";
            if (content != phaseContent)
            {
                phaseAtEnd = null;
                phaseContent = content;
            }
            else if (plan.Origin != Origin.Continues && phaseAtEnd != null
                && request.Plan.Controls?.Content.Gesture?.HasPhase != true)
            {
                request.GesturePhase = PhaseAt(plan.Start);
            }
        }

        private float? PhaseAt(long frame)
        {
            if (!(phaseAtEnd is float end) || !(phaseAtStart is float start) || phaseFrames == 0)
            {
                return null;
            }

            var share = (float)(frame - phaseStart) / phaseFrames;
            return (float)Maths.Clamp(start + share * (end - start), 0, 1);
        }

        private void Join(InboxItem item, long splice, in GroundMove moved, bool seam)
        {
            var offset = (int)(splice - item.Start);
            if (offset < 0 || item.Count - offset < Constants.MinUsable)
            {
                return;
            }

            if (!moved.IsNone)
            {
                for (var index = offset; index < item.Count; index++)
                {
                    item.Frames[index].Move(moved);
                }
            }

            buffer.Write(splice, item.Frames, offset, item.Count - offset, seam);
        }

        // What is on screen, and how it moved, becomes the frames before a timeline's new place.
        private void KeepOnScreen(long splice)
        {
            var number = (long)Math.Floor(pacer.Playhead);
            for (var index = 0; index < kept.Length; index++)
            {
                kept[index].CopyFrom(buffer.Get(number - 2 + index));
            }

            buffer.Start(kept[0], splice - kept.Length);
            buffer.Write(splice - kept.Length, kept, 0, kept.Length, false);
        }

        private void MoveTo(in Placement place)
        {
            var move = GroundMove.Between(
                new Placement(Pose.RootX, Pose.RootZ, Pose.Heading),
                new Placement(place.X - Anchor.X, place.Z - Anchor.Z, place.Heading));
            const double nothing = 1e-7;
            if (Math.Abs(move.Turn) < nothing && Math.Abs(move.X) < nothing && Math.Abs(move.Z) < nothing)
            {
                return;
            }

            Move(move);
        }

        private void Move(in GroundMove move)
        {
            buffer.Move(move);
            Pose.Move(move);
            pacer.OnMoved(move);
            relayedMove = relayedMove.Then(move);
            locks = null;
        }

        private void TakeAnchor(in Anchor anchor)
        {
            Move(new GroundMove(0, Anchor.X - anchor.X, Anchor.Z - anchor.Z));
            // A relayed window is shifted into the anchor's space anyway.
            relayedMove = relayedMove.Then(new GroundMove(0, anchor.X - Anchor.X, anchor.Z - Anchor.Z));
            Anchor = anchor;
        }
    }
}
