// When to ask for what, and what to do with an answer. Knows frame numbers and times, no poses.
//
// Called on the game thread alone, owned by a Character; the latency estimator is the client's and shared. Allocates
// nothing. docs/client_core.md, "Pacer", is its specification, the shared vectors run it through whole lives.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "strut/timing.h"

namespace strut {

// What a request goes on from.
enum class Origin : std::uint8_t { cold, continues, history };

// What a character is doing.
enum class CharacterState : std::uint8_t {
    starting,   // no window has come yet
    streaming,  // motion of the server is on screen
    easing,     // it has run out; on its way into the idle pose
    idle,       // stands
    culled,     // not seen; asks for nothing
};

// How a request ended without a window.
enum class ErrorReason : std::uint8_t { sequence_unknown, superseded, released, replan_too_soon, other };

// What the pacer wants to be asked.
struct Request {
    std::uint64_t sequence = 0;
    std::int64_t start = 0;
    int frames = 0;
    Origin origin = Origin::cold;
    std::uint64_t continues = 0;  // sequence of the continued window, where origin is continues
    double deadline = 0.0;        // wall seconds
    bool replan = false;
};

// What is to be done with a window.
struct Arrival {
    enum class Action : std::uint8_t { ignored, dropped, joined };
    Action action = Action::ignored;
    std::int64_t splice = 0;
    bool seam = false;
    bool late = false;
    double round_trip = 0.0;  // seconds
};

struct PacerSettings {
    std::uint64_t character = 1;
    int window_frames = 16;
    int history_frames = 8;
    int min_replan_frames = 4;
    double max_deadline = 10.0;
};

class Pacer {
  public:
    static constexpr double kMaxStep = 0.25;
    static constexpr int kCommitted = 2;
    static constexpr int kMinUsable = 3;
    static constexpr double kMinDeadline = 0.05;
    static constexpr std::array<double, 4> kBackOff = {0.1, 0.2, 0.4, 0.5};
    static constexpr int kRecentRequests = 8;
    static constexpr int kSettledFrames = 30;

    explicit Pacer(LatencyEstimator* latency = nullptr, const PacerSettings& settings = {}) noexcept
        : latency_(latency), settings_(settings) {}

    // The server's limits, from its hello; keeps everything else.
    void set_limits(const PacerSettings& settings) noexcept;
    void set_connected(bool connected) noexcept { connected_ = connected; }
    void set_culled(bool culled) noexcept { culled_ = culled; }
    void want_replan() noexcept { replan_wanted_ = true; }

    // Plays dt seconds of game time.
    void advance(double dt) noexcept;
    // The request to be made now; false when there is none.
    bool decide(double now, double time_scale, Request& out) noexcept;

    Arrival on_window(std::uint64_t sequence, std::int64_t start, int count, double now) noexcept;
    // False where the request is not known any more.
    bool on_error(std::uint64_t sequence, ErrorReason reason, double retry, double now) noexcept;
    void on_disconnected() noexcept;
    void on_moved() noexcept { has_base_ = false; }
    // The pose on screen is another one: motion of the server ends here, and what waits needs a seam.
    void on_handed_over() noexcept;
    // A relayed window was joined without a request.
    void on_relayed(std::int64_t server_end) noexcept;
    void set_playhead(double playhead) noexcept { playhead_ = playhead; }

    double playhead() const noexcept { return playhead_; }
    std::int64_t server_end() const noexcept { return server_end_; }
    std::int64_t first() const noexcept { return static_cast<std::int64_t>(std::floor(playhead_)) + kCommitted; }
    bool underrun() const noexcept { return server_end_ < first(); }
    bool started() const noexcept { return started_; }
    bool is_late() const noexcept { return started_ && !culled_ && underrun(); }
    std::uint64_t late_frames() const noexcept { return late_frames_; }
    CharacterState state() const noexcept;
    // End of the window that a request may continue, 0 for none: the frame where its foot locks belong.
    std::int64_t base_end() const noexcept { return has_base_ ? base_end_ : 0; }
    bool waits_for(std::uint64_t sequence) const noexcept;
    bool waits() const noexcept { return waiting_count_ > 0; }

  private:
    struct Waiting {
        std::uint64_t sequence;
        std::int64_t start;
        double sent_at, expires_at;
        bool intact;
    };

    bool continues(std::int64_t start) const noexcept;
    void forget(int index) noexcept;

    LatencyEstimator* latency_;
    PacerSettings settings_;
    bool connected_ = true, culled_ = false, started_ = false, replan_wanted_ = false, has_base_ = false;
    double playhead_ = 0.0;
    std::int64_t server_end_ = 0;
    std::uint64_t base_sequence_ = 0;
    std::int64_t base_start_ = 0, base_end_ = 0;
    std::array<Waiting, kRecentRequests> waiting_{};
    int waiting_count_ = 0;
    std::uint64_t sequence_ = 0;
    int attempt_ = 0, windows_ = 0;
    double not_before_ = 0.0;
    double replanned_at_ = -std::numeric_limits<double>::infinity();
    std::uint64_t late_frames_ = 0;
};

}  // namespace strut
