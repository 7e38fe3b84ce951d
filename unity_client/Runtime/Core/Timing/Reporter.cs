#nullable enable
using Strut.V1;

namespace Strut.Core
{
    /// <summary>Now and then what only the client sees, for the server's telemetry. Game thread.</summary>
    internal sealed class Reporter
    {
        private double reportedAt = double.NaN;
        private long lateWindows;
        private long underruns;
        private long leads;
        private long wires;
        private double leadSum;
        private double wireSum;

        /// <summary>Whether it is time for a report; never at the first time of asking.</summary>
        public bool IsDue(double now)
        {
            if (double.IsNaN(reportedAt))
            {
                reportedAt = now;
            }

            return now - reportedAt >= Constants.ReportInterval;
        }

        /// <summary>Adds what happened since the report before to one that may hold what was not sent yet.</summary>
        public void Fill(ClientReport report, Statistics statistics, double now)
        {
            reportedAt = now;
            if (statistics.LateWindows < lateWindows || statistics.Underruns < underruns || statistics.Wire.Count < wires)
            {
                // The statistics were cleared.
                (lateWindows, underruns, leads, wires, leadSum, wireSum) = (0, 0, 0, 0, 0, 0);
            }

            report.LateWindows += (ulong)(statistics.LateWindows - lateWindows);
            report.Underruns += (ulong)(statistics.Underruns - underruns);
            report.MeanLeadMs = Mean(statistics.Lead, leads, leadSum);
            report.MeanWireMs = Mean(statistics.Wire, wires, wireSum);
            (lateWindows, underruns) = (statistics.LateWindows, statistics.Underruns);
            (leads, leadSum) = (statistics.Lead.Count, statistics.Lead.Sum);
            (wires, wireSum) = (statistics.Wire.Count, statistics.Wire.Sum);
        }

        // Milliseconds; 0 where there was nothing.
        private static float Mean(Histogram values, long before, double sumBefore) =>
            values.Count > before ? (float)((values.Sum - sumBefore) / (values.Count - before) * 1e-3) : 0f;
    }
}
