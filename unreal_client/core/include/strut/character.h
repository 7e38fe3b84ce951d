// One character: its pacer, its frames, its pose of this game frame.
//
// Made by Client::add and owned by the Client; a pointer is valid until Client::remove. Everything is called on the
// game thread. After the first seconds nothing here allocates. Places are metres in Strut's world (right-handed, Y up).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "strut/controls.h"
#include "strut/frame_buffer.h"
#include "strut/messages.h"
#include "strut/pacer.h"
#include "strut/relay.h"
#include "strut/root_driver.h"
#include "strut/timing.h"

namespace strut {

class Connection;

// How much a character matters.
enum class LevelOfDetail : std::uint8_t {
    // (near and far are macros of Windows' headers.)
    near_by,  // as the controls say
    far_off,  // one network evaluation
    culled,   // asks for nothing; stands still until it is seen again
};

struct CharacterSettings {
    ControlSource* source = nullptr;  // required unless passive; outlives the character
    Placement start;
    double ground = 0.0;          // height of the ground, metres
    std::string name;             // for people, at most 63 bytes
    const Frame* pose = nullptr;  // to start from; null: the idle pose
    const Frame* idle = nullptr;  // to ease into; null: idle_pose()
    bool passive = false;         // asks for nothing; is fed by on_relayed
};

// Hears of every window that a character takes, as it came: a game that shows the same pose elsewhere relays it.
// Called on the game thread within Client::update.
class WindowListener {
  public:
    virtual ~WindowListener() = default;
    virtual void on_window(std::uint64_t character, const ReplySlot& window) noexcept = 0;
};

class Character {
  public:
    // Metres from the anchor at which a new one is taken.
    static constexpr double kAnchorLimit = 500.0;

    std::uint64_t number() const noexcept { return number_; }
    CharacterState state() const noexcept { return pacer_.state(); }

    // The pose of this frame; its root is relative to the anchor.
    const Frame& pose() const noexcept { return pose_; }
    // The root in the world: of this frame, in doubles.
    Placement root() const noexcept;
    // Height of the ground that the frames stand on.
    double ground() const noexcept { return ground_; }
    void set_ground(double ground) noexcept { ground_ = ground; }

    // Controls have changed: plans anew at once, at most every 4 frames.
    void replan() noexcept { pacer_.want_replan(); }
    void set_level(LevelOfDetail level) noexcept;
    LevelOfDetail level() const noexcept { return level_; }
    // Of requests, 0 most important, to 1000.
    void set_priority(std::uint32_t priority) noexcept { priority_ = priority; }
    void set_idle_pose(const Frame& idle) noexcept { buffer_.set_idle(idle); }
    void set_window_listener(WindowListener* listener) noexcept { listener_ = listener; }

    // Goes on elsewhere: pose and movement stay.
    void teleport(const Placement& to) noexcept { move_to(to); }
    // Collision has kept the character from where the motion had it: it stands here.
    void correct_root(const Placement& to) noexcept { move_to(to); }
    // The same for games that hear of it later: it stands there instead of where it was expected, in an earlier frame.
    void correct_root(const Placement& expected, const Placement& stands) noexcept;
    // GameDrives (weight 1) and Blend: draws the character to where the game has it, and says where it now is.
    Placement follow(const Placement& to, double dt, double weight = 1.0) noexcept;
    // Another animation has the body: `pose` is on screen now, `previous` was a 30th of a second ago; their roots are
    // ignored. The motion goes on from there.
    void resume_from(const Frame& pose, const Frame& previous) noexcept;
    // Of a passive character: a window that another client took, and that client's playhead.
    void on_relayed(std::int64_t start, const Frame* frames, int count, double playhead) noexcept;

    void on_relayed(const RelayedWindow& window) noexcept;

    // Motion in hand, seconds of game time; below 0 it has run out.
    double lead() const noexcept { return (static_cast<double>(pacer_.server_end()) - pacer_.playhead()) / kFps; }
    double playhead() const noexcept { return pacer_.playhead(); }
    const FrameBuffer& buffer() const noexcept { return buffer_; }
    const Anchor& anchor() const noexcept { return anchor_; }
    // Of the newest window.
    const ServerTiming& timing() const noexcept { return timing_; }
    std::uint64_t warnings() const noexcept { return warnings_; }
    // The newest error of a request, and how many there were.
    const Error& last_error() const noexcept { return last_error_; }
    std::uint64_t errors() const noexcept { return errors_; }
    std::uint64_t late_frames() const noexcept { return pacer_.late_frames(); }

  private:
    friend class Client;

    // What is remembered of a request until its reply comes.
    struct Sent {
        std::uint64_t sequence = 0;
        Move move;  // of the character since then
        bool moved = false;
        float phase = 0.0f;  // of a gesture at its start
        std::shared_ptr<const Content> content;
    };

    void begin(std::uint64_t number, const CharacterSettings& settings, LatencyEstimator* latency,
               Statistics* statistics) noexcept;
    void advance(double dt) noexcept;
    void ask(Connection& connection, std::uint64_t epoch, double now, double time_scale, double game_time) noexcept;
    void sample() noexcept;
    void on_reply(ReplySlot& reply, double now) noexcept;
    void take_window(const ReplySlot& reply, double now) noexcept;
    void move_to(const Placement& to) noexcept;
    void apply(const Move& move) noexcept;
    void plan(const Request& request, double game_time, Controls& controls) noexcept;
    void write_history(const Request& request, RequestSlot& slot) noexcept;
    bool known_phase(std::int64_t start, const std::shared_ptr<const Content>& content, float& phase) const noexcept;
    void keep_near_anchor() noexcept;
    Sent* find_sent(std::uint64_t sequence) noexcept;

    std::uint64_t number_ = 0;
    bool alive_ = false, passive_ = false, named_ = false, was_late_ = false;
    LevelOfDetail level_ = LevelOfDetail::near_by;
    std::uint32_t priority_ = 0;
    ControlSource* source_ = nullptr;
    WindowListener* listener_ = nullptr;
    Statistics* statistics_ = nullptr;
    std::array<char, 64> name_{};
    Pacer pacer_;
    FrameBuffer buffer_;
    Frame pose_;
    Anchor anchor_;
    double ground_ = 0.0;
    int history_frames_ = 8;
    std::uint32_t least_steps_ = 0;       // of the model; 0: not known
    std::uint64_t capabilities_ = ~0ull;  // of the server, as bits
    std::array<Sent, Pacer::kRecentRequests> sent_;
    // Of the newest window.
    FootLocks locks_;
    std::int64_t window_start_ = 0;
    int window_count_ = 0;
    bool has_phase_ = false;
    float phase_start_ = 0.0f, phase_end_ = 0.0f;
    std::shared_ptr<const Content> shown_;
    ServerTiming timing_;
    std::uint64_t warnings_ = 0;
    Error last_error_;
    std::uint64_t errors_ = 0;
};

}  // namespace strut
