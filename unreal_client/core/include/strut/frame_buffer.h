// The frames that a character holds, by their number, and what is written between them: seams and easing.
//
// Called on the game thread alone, owned by a Character. Memory is part of the object: nothing is allocated.
// docs/client_core.md says what the numbers mean.
#pragma once

#include <array>
#include <cstdint>

#include "strut/frame.h"

namespace strut {

inline constexpr float kSeamDecay = 0.3f;  // a frame
inline constexpr float kEaseDecay = 0.2f;  // a frame
inline constexpr int kSettled = 30;        // frames

// What joins new frames to old ones in position and velocity. A value: set up at the seam, then applied frame by frame.
class Seam {
  public:
    struct Offsets {
        Vec3 offset, step;
    };

    // The last 1 to 3 old frames, and the first 3 new ones.
    Seam(const Frame* old_frames, int old_count, const Frame* new_frames) noexcept;
    // Moves the t-th new frame, t from 1.
    void apply(int t, Frame& frame) const noexcept;

  private:
    Offsets root_, pelvis_;  // of the root: x, z, heading
    std::array<Offsets, kJoints> joints_;
};

// The way from a motion into standing. A value; set up once at the motion's end, then asked for single frames.
class Easing {
  public:
    // last is the motion's last frame, before the one before it, idle the pose to come to.
    void begin(const Frame& before, const Frame& last, const Frame& idle) noexcept;
    // The local frame t frames after the last one, t from 1.
    void frame(int t, Frame& out) const noexcept;
    void move(const Move& move) noexcept;

  private:
    Frame last_;
    Frame idle_;
    float step_x_ = 0.0f, step_z_ = 0.0f, step_heading_ = 0.0f;
    Vec3 pelvis_offset_, pelvis_step_;
    std::array<Vec3, kJoints> offsets_, steps_;
};

// A ring of frames. The numbers of frames grow without bound; the newest kCapacity are held.
class FrameBuffer {
  public:
    static constexpr int kCapacity = 128;

    // Begins anew: stands in a pose, from frame 0 on. The character comes back to idle whenever motion runs out.
    void reset(const Frame& standing, const Frame& idle, std::int64_t first = 0) noexcept;
    // The pose to come back to from the next time on that motion runs out.
    void set_idle(const Frame& idle) noexcept { idle_ = idle; }

    std::int64_t begin() const noexcept { return begin_; }
    std::int64_t end() const noexcept { return end_; }
    // Frames from here on are local: the client's own.
    std::int64_t server_end() const noexcept { return server_end_; }
    // A frame from begin() to end() - 1.
    const Frame& at(std::int64_t number) const noexcept { return frames_[index(number)]; }

    // Makes local frames until end() is at least `end`.
    void fill(std::int64_t end) noexcept;
    // Takes a window's frames from `splice` on; what was held from there on is dropped, and what lacks before is
    // filled. With a seam the frames join the three before. At least 3 frames.
    void join(std::int64_t splice, const Frame* frames, int count, bool seam) noexcept;
    // Puts a pose onto the screen: `frame` at `number`, `previous` before it, everything after becomes local.
    void hand_over(std::int64_t number, const Frame& frame, const Frame& previous) noexcept;
    // Moves everything.
    void move(const Move& move) noexcept;
    // The pose at a playhead; both of its frames must be held (fill).
    void sample(double playhead, Frame& out) const noexcept;

  private:
    static std::size_t index(std::int64_t number) noexcept { return static_cast<std::size_t>(number) % kCapacity; }
    void put(const Frame& frame) noexcept;
    void begin_easing() noexcept;

    std::array<Frame, kCapacity> frames_;
    std::int64_t begin_ = 0, end_ = 0, server_end_ = 0;
    Frame idle_, standing_;
    Easing easing_;
    bool easing_ready_ = false;
    bool started_ = false;
};

}  // namespace strut
