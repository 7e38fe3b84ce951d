#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>
    /// The frames that a character holds, by their number on its timeline. Frames from <see cref="ServerEnd"/> on are
    /// made by the client. Belongs to the game thread; allocates only when more frames are needed at once than ever before.
    /// </summary>
    public sealed class FrameBuffer
    {
        private readonly Frame rest = new Frame();
        private readonly Easing easing;
        private readonly Seam seam = new Seam();
        private Frame[] ring;
        private bool easingReady;
        private bool empty = true;

        /// <param name="idle">the pose of standing at ease; kept.</param>
        /// <param name="capacity">frames held at first; a power of two.</param>
        public FrameBuffer(Frame idle, int capacity = 64)
        {
            Idle = idle;
            easing = new Easing(idle);
            rest.CopyFrom(idle);
            ring = new Frame[capacity];
            for (var index = 0; index < capacity; index++)
            {
                ring[index] = new Frame();
            }
        }

        /// <summary>The pose that easing ends in.</summary>
        public Frame Idle { get; set; }

        /// <summary>Number of the first frame held.</summary>
        public long Begin { get; private set; }

        /// <summary>Number of the frame after the last one held.</summary>
        public long End { get; private set; }

        /// <summary>Number of the first frame that is not the server's.</summary>
        public long ServerEnd { get; private set; }

        /// <summary>Empties the buffer; until a window comes, all frames are <paramref name="pose"/>.</summary>
        public void Start(Frame pose, long frame = 0)
        {
            rest.CopyFrom(pose);
            Begin = End = ServerEnd = frame;
            easingReady = false;
            empty = true;
        }

        /// <summary>The frame of a number; made where it is not held yet. It stays the buffer's.</summary>
        public Frame Get(long number)
        {
            if (number < Begin)
            {
                return Begin < End ? At(Begin) : rest;
            }

            while (End <= number)
            {
                Append();
            }

            return At(number);
        }

        /// <summary>Takes frames over from <paramref name="splice"/> on; what was held from there on goes.</summary>
        /// <param name="splice">number of the first one that is taken.</param>
        /// <param name="source">the window's frames; copied.</param>
        /// <param name="offset">which of them comes first.</param>
        /// <param name="count">how many.</param>
        /// <param name="joined">blend them onto the frames before.</param>
        public void Write(long splice, Frame[] source, int offset, int count, bool joined)
        {
            if (splice > Begin || Begin < End)
            {
                // What is missing up to there is made.
                Get(splice - 1);
            }

            if (splice <= Begin)
            {
                Begin = End = splice;
                joined = false;
            }

            if (joined)
            {
                seam.Measure(
                    At(Math.Max(splice - 3, Begin)),
                    At(Math.Max(splice - 2, Begin)),
                    At(splice - 1),
                    source[offset],
                    source[offset + 1],
                    source[offset + 2]);
            }

            End = splice;
            for (var index = 0; index < count; index++)
            {
                var frame = Push();
                frame.CopyFrom(source[offset + index]);
                if (joined)
                {
                    seam.Apply(index + 1, frame);
                }
            }

            ServerEnd = End;
            easingReady = false;
            empty = false;
        }

        /// <summary>Puts two frames at <paramref name="number"/> and before it; everything after is made by the client.</summary>
        public void Resume(long number, Frame frame, Frame previous)
        {
            Get(number);
            At(number).CopyFrom(frame);
            if (number > Begin)
            {
                At(number - 1).CopyFrom(previous);
            }

            End = ServerEnd = number + 1;
            easingReady = false;
            empty = false;
        }

        /// <summary>Moves everything that is held rigidly on the ground.</summary>
        public void Move(in GroundMove move)
        {
            for (var number = Begin; number < End; number++)
            {
                At(number).Move(move);
            }

            rest.Move(move);
            easing.Move(move);
        }

        /// <summary>Lets frames go that come before <paramref name="number"/>.</summary>
        public void Trim(long number)
        {
            if (number > Begin)
            {
                Begin = Math.Min(number, End);
            }
        }

        private Frame At(long number) => ring[number & (ring.Length - 1)];

        private void Append()
        {
            if (empty)
            {
                Push().CopyFrom(rest);
                return;
            }

            if (!easingReady)
            {
                // The frames that it begins with may be let go later.
                easing.Begin(At(ServerEnd - 1), At(Math.Max(ServerEnd - 2, Begin)), Idle);
                easingReady = true;
            }

            var time = End - ServerEnd + 1;
            easing.Write(time, Push());
        }

        private Frame Push()
        {
            if (End - Begin == ring.Length)
            {
                Grow();
            }

            End++;
            return At(End - 1);
        }

        private void Grow()
        {
            var larger = new Frame[ring.Length * 2];
            for (var number = Begin; number < End; number++)
            {
                larger[number & (larger.Length - 1)] = At(number);
            }

            for (var index = 0; index < larger.Length; index++)
            {
                larger[index] ??= new Frame();
            }

            ring = larger;
        }
    }
}
