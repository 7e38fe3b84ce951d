// How long things take: the latency that pacing goes by, and histograms with percentiles.
//
// Values of fixed size; each belongs to one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "strut/frame.h"

namespace strut {

// Moving mean and deviation of the seconds from request to reply (Jacobson's estimator, as TCP has it).
class LatencyEstimator {
  public:
    static constexpr double kGain = 0.125, kDeviationGain = 0.25;
    static constexpr double kMinLead = 0.2, kMaxLead = 0.45, kLeadMargin = 0.0667;
    static constexpr int kMaxAhead = 8, kMaxAheadAtRest = 30;

    void add(double seconds) noexcept;
    // How many requests wait for a reply. Each reply is then one of so many measurements of the same moment, and counts
    // for as much less (RFC 7323, appendix G): the mean is over round trips, not over the replies of one batch.
    void set_in_flight(int requests) noexcept { in_flight_ = std::max(requests, 1); }
    double latency() const noexcept { return latency_; }
    double deviation() const noexcept { return deviation_; }
    // Wall seconds of motion to have in hand.
    double lead() const noexcept {
        return std::min(std::max(latency_ + 4.0 * deviation_ + kLeadMargin, kMinLead), kMaxLead);
    }
    // Frames from the first that may change to the start of a window asked for now.
    int ahead(double time_scale, int most = kMaxAhead) const noexcept;

  private:
    double latency_ = 0.1, deviation_ = 0.05;
    int in_flight_ = 1;
    bool first_ = true;
};

// Whole microseconds in buckets of a 32nd of an octave: percentiles are at most 1/32 too high.
class Histogram {
  public:
    static constexpr std::uint64_t kLargest = 0x7fffffff;

    void add(std::uint64_t microseconds) noexcept;
    void add_seconds(double seconds) noexcept { add(seconds > 0.0 ? static_cast<std::uint64_t>(seconds * 1e6) : 0); }
    // The value that a share of the values does not exceed; 0 where there are none.
    std::uint64_t percentile(double share) const noexcept;
    // Which share of the values is at most this, to the bucket; 1 where there are none.
    double share_within(std::uint64_t microseconds) const noexcept;
    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t maximum() const noexcept { return maximum_; }
    // The sum of the values.
    std::uint64_t total() const noexcept { return total_; }
    void clear() noexcept { *this = Histogram(); }

  private:
    static constexpr std::size_t kBuckets = 64 + 32 * 25;
    static std::size_t bucket(std::uint64_t value) noexcept;
    static std::uint64_t highest(std::size_t bucket) noexcept;

    std::array<std::uint32_t, kBuckets> counts_{};
    std::uint64_t count_ = 0;
    std::uint64_t maximum_ = 0;
    std::uint64_t total_ = 0;
};

// The mean of what a histogram was given between two looks at it. Belongs to whoever looks.
class MeanSince {
  public:
    // Milliseconds, of the values since the last look; 0 where there are none. A cleared histogram begins anew.
    float look(const Histogram& histogram) noexcept;

  private:
    std::uint64_t count_ = 0, total_ = 0;
};

// Where one window's time went, seconds.
struct WindowTimes {
    double round_trip = 0.0, wire = 0.0, server = 0.0, queue = 0.0, batch_wait = 0.0, inference = 0.0,
           postprocess = 0.0, lead = 0.0;
};

// What a client has measured. Game thread; `Client::statistics` gives a reference that is valid as long as the client.
struct Statistics {
    // Of windows: request to reply, on the wire both ways, and in the server by stage.
    Histogram round_trip, wire, server, queue, batch_wait, inference, postprocess;
    Histogram lead;                     // motion in hand when a window came
    WindowTimes newest;                 // of the newest window, of whichever character
    Histogram frame;                    // cost of an update, all characters
    std::uint64_t windows = 0;          // joined
    std::uint64_t late_windows = 0;     // joined after they were needed
    std::uint64_t fewer_steps = 0;      // made by a loaded server with fewer evaluations than asked for
    std::uint64_t dropped_windows = 0;  // too late as a whole
    std::uint64_t underruns = 0;        // times that a character ran out of motion
    std::uint64_t frames = 0;           // character updates
    std::uint64_t late_frames = 0;      // of these, without motion of the server although it had begun
    std::uint64_t requests = 0, replans = 0, seams = 0, errors = 0, reconnects = 0;
    std::uint64_t bytes_received = 0;  // of frames
};

// A stage of a window's way, for people.
struct StageSummary {
    const char* name = "";
    double p50 = 0.0, p90 = 0.0, p99 = 0.0, most = 0.0;  // milliseconds
};

inline constexpr int kStages = 9;

// Request to reply and its parts, motion in hand, and the cost of an update; for overlays and logs.
std::array<StageSummary, kStages> stage_summaries(const Statistics& statistics) noexcept;

}  // namespace strut
