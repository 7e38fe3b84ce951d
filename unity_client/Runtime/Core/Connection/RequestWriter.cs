#nullable enable
using System;
using Google.Protobuf;
using Strut.V1;

namespace Strut.Core
{
    /// <summary>Turns requests into the contract's messages, which are made once and changed in place. Connection's thread.</summary>
    internal static class RequestWriter
    {
        /// <summary>Brings a request's message up to date.</summary>
        /// <param name="request">the request.</param>
        /// <param name="nowNs">this client's clock, nanoseconds.</param>
        public static void Write(Request request, ulong nowNs)
        {
            var message = request.Message;
            message.Character = request.Character;
            message.Sequence = request.Timing.Sequence;
            message.Frames = (uint)request.Timing.Frames;
            message.Priority = request.Priority;
            message.DeadlineMs = (uint)Math.Ceiling(request.Timing.Deadline * 1000);
            message.ClientSendTimeNs = nowNs;
            message.Name = request.Name;
            message.Anchor ??= new V1.Anchor();
            message.Anchor.Id = request.Anchor.Id;
            message.Anchor.X = request.Anchor.X;
            message.Anchor.Z = request.Anchor.Z;
            WriteTimeline(request, message.Timeline ??= new Timeline());
            WriteControls(request, message.Controls ??= new V1.Controls());
        }

        private static void WriteTimeline(Request request, Timeline timeline)
        {
            timeline.StartFrame = request.Timing.Start;
            switch (request.Timing.Origin)
            {
                case Origin.Continues:
                    timeline.ContinuesSequence = request.Timing.Continues;
                    break;
                case Origin.Cold:
                    timeline.ColdStart = new ColdStart
                    {
                        Position = new GroundPoint { X = (float)request.Place.X, Z = (float)request.Place.Z },
                        Heading = (float)request.Place.Heading,
                        Pose = Pack(request, 1, request.History),
                    };
                    break;
                default:
                    timeline.History = new History
                    {
                        EndFrame = request.Timing.Start - 1,
                        Frames = Pack(request, request.HistoryCount, request.History),
                        FootLocks = request.Locks,
                    };
                    break;
            }
        }

        private static PackedFrames Pack(Request request, int count, Frame[] frames)
        {
            var record = FrameCodec.RecordBytes(FrameEncoding.Float32);
            var bytes = request.ReserveBytes(count * record);
            for (var index = 0; index < count; index++)
            {
                FrameCodec.WriteFloat32(frames[index], bytes.AsSpan(index * record, record));
            }

            // Not copied: the request is not used again before it was written.
            return new PackedFrames
            {
                Encoding = V1.FrameEncoding.Float32,
                Count = (uint)count,
                Data = UnsafeByteOperations.UnsafeWrap(bytes.AsMemory(0, count * record)),
            };
        }

        private static void WriteControls(Request request, V1.Controls message)
        {
            var controls = request.Plan.Controls;
            message.Content = controls?.Content ?? new Content { Label = "idle" };
            message.Style = controls?.Style;
            message.Scene = controls?.Scene;
            if (request.GesturePhase is float phase)
            {
                // What the game set stays as it is.
                message.Content = message.Content.Clone();
                message.Content.Gesture ??= new Gesture();
                message.Content.Gesture.Phase = phase;
            }

            WriteNumbers(request, controls, message);
            WritePath(request, message);
        }

        private static void WriteNumbers(Request request, Controls? controls, V1.Controls message)
        {
            if (controls?.Seed is ulong seed)
            {
                message.Seed = seed;
            }
            else
            {
                message.ClearSeed();
            }

            if ((request.Steps ?? controls?.Steps) is uint steps)
            {
                message.Steps = steps;
            }
            else
            {
                message.ClearSteps();
            }

            // Where the level of detail says how many, there is nothing to be saved.
            if (request.Steps == null)
            {
                message.MinSteps = controls?.MinSteps ?? request.LeastSteps;
            }
            else
            {
                message.ClearMinSteps();
            }
        }

        private static void WritePath(Request request, V1.Controls message)
        {
            var plan = request.Plan;
            if (plan.SampleCount == 0)
            {
                message.Trajectory = null;
                return;
            }

            var path = message.Trajectory ??= new Trajectory();
            path.Timing = plan.Controls?.Timing ?? TrajectoryTiming.Unspecified;
            while (path.Samples.Count > plan.SampleCount)
            {
                path.Samples.RemoveAt(path.Samples.Count - 1);
            }

            while (path.Samples.Count < plan.SampleCount)
            {
                path.Samples.Add(new TrajectorySample());
            }

            for (var index = 0; index < plan.SampleCount; index++)
            {
                WriteSample(plan.Samples[index], request.Anchor, path.Samples[index]);
            }
        }

        private static void WriteSample(in PathSample sample, in Anchor anchor, TrajectorySample message)
        {
            if (sample.HasPlace)
            {
                message.Position ??= new GroundPoint();
                message.Position.X = (float)(sample.X - anchor.X);
                message.Position.Z = (float)(sample.Z - anchor.Z);
            }
            else
            {
                message.Position = null;
            }

            if (sample.HasFacing)
            {
                message.Facing = sample.Facing;
            }
            else
            {
                message.ClearFacing();
            }

            if (sample.HasSpeed)
            {
                message.Speed = sample.Speed;
            }
            else
            {
                message.ClearSpeed();
            }

            if (sample.HasTime)
            {
                message.Time = sample.Time;
            }
            else
            {
                message.ClearTime();
            }
        }
    }
}
