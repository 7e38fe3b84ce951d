#nullable enable
using Strut.Core;
using Unity.Profiling;

namespace Strut.Motion
{
    /// <summary>What the Unity Profiler shows of Strut: markers of the frame's work, counters of every stage of a window.</summary>
    public static class StrutProfiler
    {
        /// <summary>Taking replies over, sampling, asking.</summary>
        public static readonly ProfilerMarker Update = new ProfilerMarker(ProfilerCategory.Scripts, "Strut.Update");

        /// <summary>Retargeting, and handing the pose to the rig.</summary>
        public static readonly ProfilerMarker Pose = new ProfilerMarker(ProfilerCategory.Scripts, "Strut.Pose");

        private static readonly ProfilerCounterValue<long> RoundTrip = Time("Strut Request To Reply");
        private static readonly ProfilerCounterValue<long> Queue = Time("Strut Queue");
        private static readonly ProfilerCounterValue<long> BatchWait = Time("Strut Batch Wait");
        private static readonly ProfilerCounterValue<long> Inference = Time("Strut Inference");
        private static readonly ProfilerCounterValue<long> Postprocess = Time("Strut Post-processing");
        private static readonly ProfilerCounterValue<long> Wire = Time("Strut Wire");
        private static readonly ProfilerCounterValue<long> Lead = Time("Strut Buffer Lead");
        private static readonly ProfilerCounterValue<long> Underruns = Count("Strut Underruns");
        private static readonly ProfilerCounterValue<long> LateFrames = Count("Strut Late Frames");
        private static readonly ProfilerCounterValue<long> Characters = Count("Strut Characters");

        /// <summary>Hands a frame's numbers to the profiler; compiled away in builds without it.</summary>
        [System.Diagnostics.Conditional("ENABLE_PROFILER")]
        public static void Sample(Client client)
        {
            const long microsecond = 1000;
            var newest = client.Statistics.Newest;
            Set(RoundTrip, newest.RoundTrip * microsecond);
            Set(Queue, newest.Queue * microsecond);
            Set(BatchWait, newest.BatchWait * microsecond);
            Set(Inference, newest.Inference * microsecond);
            Set(Postprocess, newest.Postprocess * microsecond);
            Set(Wire, newest.Wire * microsecond);
            Set(Lead, LeastLead(client));
            Set(Underruns, client.Statistics.Underruns);
            Set(LateFrames, client.Statistics.LateFrames);
            Set(Characters, client.Characters.Count);
        }

        // Nanoseconds of the character that has least; what is seldom is not seen in a mean.
        private static long LeastLead(Client client)
        {
            var least = 0.0;
            for (var index = 0; index < client.Characters.Count; index++)
            {
                var character = client.Characters[index];
                if (character.State != CharacterState.Culled)
                {
                    least = index == 0 ? character.LeadSeconds : System.Math.Min(least, character.LeadSeconds);
                }
            }

            return (long)(System.Math.Max(least, 0) * 1e9);
        }

        // The counters are handles: setting a copy sets the counter.
        private static void Set(ProfilerCounterValue<long> counter, long value) => counter.Value = value;

        private static ProfilerCounterValue<long> Time(string name) => new ProfilerCounterValue<long>(
            ProfilerCategory.Network, name, ProfilerMarkerDataUnit.TimeNanoseconds, ProfilerCounterOptions.FlushOnEndOfFrame);

        private static ProfilerCounterValue<long> Count(string name) => new ProfilerCounterValue<long>(
            ProfilerCategory.Network, name, ProfilerMarkerDataUnit.Count, ProfilerCounterOptions.FlushOnEndOfFrame);
    }
}
