#nullable enable
using System.Collections.Generic;

namespace Strut.Core
{
    /// <summary>Where a client's time goes, and what went wrong. Game thread.</summary>
    public sealed class Statistics
    {
        /// <summary>Microseconds from a request's leaving to its reply's arrival.</summary>
        public Histogram RoundTrip { get; } = new Histogram();

        /// <summary>Microseconds of that outside the server.</summary>
        public Histogram Wire { get; } = new Histogram();

        /// <summary>Microseconds in the server.</summary>
        public Histogram Server { get; } = new Histogram();

        /// <summary>Microseconds in the server's queue.</summary>
        public Histogram Queue { get; } = new Histogram();

        /// <summary>Microseconds of waiting for the batch to fill.</summary>
        public Histogram BatchWait { get; } = new Histogram();

        /// <summary>Microseconds of the network's evaluations.</summary>
        public Histogram Inference { get; } = new Histogram();

        /// <summary>Microseconds of decoding, seams and foot locks.</summary>
        public Histogram Postprocess { get; } = new Histogram();

        /// <summary>Microseconds of motion in hand when a window comes.</summary>
        public Histogram Lead { get; } = new Histogram();

        /// <summary>Microseconds that an update takes.</summary>
        public Histogram Frame { get; } = new Histogram();

        /// <summary>The newest window's times.</summary>
        public StageTimes Newest { get; internal set; }

        /// <summary>Windows taken over.</summary>
        public long Windows { get; internal set; }

        /// <summary>Windows that came after their first frame was needed.</summary>
        public long LateWindows { get; internal set; }

        /// <summary>Windows that came too late to be of use.</summary>
        public long DroppedWindows { get; internal set; }

        /// <summary>Times that a character ran out of motion.</summary>
        public long Underruns { get; internal set; }

        /// <summary>Characters' updates.</summary>
        public long Frames { get; internal set; }

        /// <summary>Of these, those that showed a frame which the client had to make.</summary>
        public long LateFrames { get; internal set; }

        public long Requests { get; internal set; }

        /// <summary>Requests that changed what was already there.</summary>
        public long Replans { get; internal set; }

        /// <summary>Windows that were blended onto what was on screen.</summary>
        public long Seams { get; internal set; }

        /// <summary>Streams opened after the first.</summary>
        public long Reconnects { get; internal set; }

        public long BytesReceived { get; internal set; }

        /// <summary>Errors by their reason. With room for all reasons of the contract, so that a new one allocates nothing.</summary>
        public Dictionary<string, long> Errors { get; } = new Dictionary<string, long>(64);

        /// <summary>Forgets everything.</summary>
        public void Clear()
        {
            foreach (var histogram in new[] { RoundTrip, Wire, Server, Queue, BatchWait, Inference, Postprocess, Lead, Frame })
            {
                histogram.Clear();
            }

            Windows = LateWindows = DroppedWindows = Underruns = Frames = LateFrames = 0;
            Requests = Replans = Seams = Reconnects = BytesReceived = 0;
            Errors.Clear();
        }

        internal void Add(in StageTimes times)
        {
            Newest = times;
            RoundTrip.Add(times.RoundTrip);
            Wire.Add(times.Wire);
            Server.Add(times.Server);
            Queue.Add(times.Queue);
            BatchWait.Add(times.BatchWait);
            Inference.Add(times.Inference);
            Postprocess.Add(times.Postprocess);
        }

        internal void AddError(string reason)
        {
            Errors.TryGetValue(reason, out var count);
            Errors[reason] = count + 1;
        }
    }
}
