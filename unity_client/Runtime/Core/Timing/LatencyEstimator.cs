#nullable enable
using System;

namespace Strut.Core
{
    /// <summary>Moving mean and deviation of the time from request to reply. One for all characters; game thread.</summary>
    public sealed class LatencyEstimator
    {
        private bool any;

        /// <summary>Wall seconds, the mean.</summary>
        public double Latency { get; private set; } = Constants.InitialLatency;

        /// <summary>Wall seconds, the mean deviation.</summary>
        public double Deviation { get; private set; } = Constants.InitialDeviation;

        /// <summary>Wall seconds of motion to have in hand.</summary>
        public double Lead =>
            Maths.Clamp(Latency + 4 * Deviation + Constants.LeadMargin, Constants.MinLead, Constants.MaxLead);

        /// <summary>
        /// Requests that wait for a reply. Each reply is then one of so many measurements of the same moment, and counts
        /// for as much less (RFC 7323, appendix G): the mean is over round trips, not over the replies of one batch.
        /// </summary>
        public int InFlight { get; set; } = 1;

        /// <summary>Takes a sample in wall seconds.</summary>
        public void Add(double seconds)
        {
            if (any)
            {
                Deviation += Constants.DeviationGain / Math.Max(InFlight, 1) * (Math.Abs(seconds - Latency) - Deviation);
                Latency += Constants.LatencyGain / Math.Max(InFlight, 1) * (seconds - Latency);
            }
            else
            {
                (Latency, Deviation, any) = (seconds, seconds / 2, true);
            }
        }

        /// <summary>Frames from the first that may change to the start of a window asked for now.</summary>
        /// <param name="timeScale">game seconds in a wall second.</param>
        /// <param name="most">frames.</param>
        public int Ahead(double timeScale, int most)
        {
            var frames = Math.Ceiling((Latency + 2 * Deviation) * Constants.Fps * timeScale);
            return (int)Maths.Clamp(frames, 1, most);
        }
    }
}
