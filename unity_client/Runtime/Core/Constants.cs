#nullable enable
namespace Strut.Core
{
    /// <summary>The numbers that both engine clients share; docs/client_core.md says what each is for.</summary>
    public static class Constants
    {
        /// <summary>Frames a second of the timeline.</summary>
        public const double Fps = 30;

        /// <summary>Seconds of game time that one update plays at most.</summary>
        public const double MaxStep = 0.25;

        /// <summary>Frames from the one on screen on that never change.</summary>
        public const int Committed = 2;

        /// <summary>Frames that a window must still have when it comes.</summary>
        public const int MinUsable = 3;

        /// <summary>Wall seconds, the least lead.</summary>
        public const double MinLead = 0.2;

        /// <summary>Wall seconds, the greatest lead.</summary>
        public const double MaxLead = 0.45;

        /// <summary>Wall seconds added to the lead: two frames.</summary>
        public const double LeadMargin = 0.0667;

        /// <summary>Wall seconds, the latency before the first reply.</summary>
        public const double InitialLatency = 0.1;

        /// <summary>Wall seconds, its mean deviation before the first reply.</summary>
        public const double InitialDeviation = 0.05;

        /// <summary>Gain of the latency's moving mean.</summary>
        public const double LatencyGain = 0.125;

        /// <summary>Gain of the deviation's moving mean.</summary>
        public const double DeviationGain = 0.25;

        /// <summary>Most frames by which a re-planned window starts after the committed ones.</summary>
        public const int MaxAhead = 8;

        /// <summary>The same in an underrun or before the start, when nothing is lost by planning late.</summary>
        public const int MaxAheadAtRest = 30;

        /// <summary>Requests of a character that may wait for a reply.</summary>
        public const int RecentRequests = 8;

        /// <summary>Per frame, the spring of the client's seams.</summary>
        public const double SeamDecay = 0.3;

        /// <summary>Per frame, the spring into the idle pose.</summary>
        public const double EaseDecay = 0.2;

        /// <summary>Frames after which an eased pose counts as standing.</summary>
        public const int Settled = 30;

        /// <summary>Metres that the pose may be off the game's place in GameDrives.</summary>
        public const double FollowLimit = 0.15;

        /// <summary>Seconds in which half of that offset goes.</summary>
        public const double FollowHalfLife = 0.2;

        /// <summary>Metres from the anchor at which a new one is taken.</summary>
        public const double AnchorLimit = 500;

        /// <summary>Seconds without any reply after which a stream counts as lost.</summary>
        public const double ReplyTimeout = 5;

        /// <summary>Seconds that are waited for the server's reason when a message could not be sent.</summary>
        public const double StatusWait = 0.25;

        /// <summary>Seconds between reports of what only the client sees.</summary>
        public const double ReportInterval = 10;

        /// <summary>Seconds that a draining stream may go on for what waits.</summary>
        public const double DrainWait = 0.5;

        /// <summary>Seconds between attempts that are not expected to succeed soon.</summary>
        public const double RefusedWait = 5;

        /// <summary>Seconds, the shortest deadline.</summary>
        public const double MinDeadline = 0.05;

        private static readonly double[] BackOffs = { 0.1, 0.2, 0.4, 0.5 };

        /// <summary>Seconds to wait after attempt number <paramref name="attempt"/>, from 0.</summary>
        public static double BackOff(int attempt) => BackOffs[attempt < 3 ? attempt : 3];
    }
}
