#include "strut/frame_buffer.h"

#include <algorithm>

namespace strut {

namespace {

// Where the old motion is against the new one a frame before that begins. A motion that merely accelerates has a gap
// without any seam: that part is expected, not to be eased away.
Seam::Offsets seam_offsets(Vec3 gap, Vec3 s1, Vec3 s2, Vec3 s4, Vec3 s5) noexcept {
    const Vec3 acceleration = s2 - s1 + s5 - s4;
    return {gap - acceleration * 0.5f, acceleration + s2 - s4};
}

Vec3 ground(const Frame& from, const Frame& to) noexcept {
    return {to.root_x - from.root_x, to.root_z - from.root_z, wrap(to.heading - from.heading)};
}

}  // namespace

Seam::Seam(const Frame* old_frames, int old_count, const Frame* new_frames) noexcept {
    const Frame* f[6] = {&old_frames[old_count >= 3 ? old_count - 3 : 0],
                         &old_frames[old_count >= 2 ? old_count - 2 : 0],
                         &old_frames[old_count - 1],
                         &new_frames[0],
                         &new_frames[1],
                         &new_frames[2]};
    Vec3 root[5], pelvis[5];
    for (int i = 0; i < 5; ++i) {
        root[i] = ground(*f[i], *f[i + 1]);
        pelvis[i] = f[i + 1]->pelvis - f[i]->pelvis;
    }
    root_ = seam_offsets(root[3] - root[2], root[0], root[1], root[3], root[4]);
    pelvis_ = seam_offsets(pelvis[3] - pelvis[2], pelvis[0], pelvis[1], pelvis[3], pelvis[4]);
    for (std::size_t j = 0; j < kJoints; ++j) {
        Quat ratio[5];
        for (int i = 0; i < 5; ++i) ratio[i] = f[i + 1]->rotations[j] * inverse(f[i]->rotations[j]);
        joints_[j] = seam_offsets(logarithm(inverse(ratio[2]) * ratio[3]), logarithm(ratio[0]), logarithm(ratio[1]),
                                  logarithm(ratio[3]), logarithm(ratio[4]));
    }
}

void Seam::apply(int t, Frame& frame) const noexcept {
    const SpringShares shares = spring_shares(kSeamDecay, static_cast<float>(t));
    const auto shift = [&](const Offsets& o) { return o.offset * shares.from_offset + o.step * shares.from_step; };
    const Vec3 moved = shift(root_);
    frame.root_x += moved.x;
    frame.root_z += moved.y;
    frame.heading += moved.z;
    frame.pelvis = frame.pelvis + shift(pelvis_);
    for (std::size_t j = 0; j < kJoints; ++j)
        frame.rotations[j] = normalised(exponential(shift(joints_[j])) * frame.rotations[j]);
}

void Easing::begin(const Frame& before, const Frame& last, const Frame& idle) noexcept {
    last_ = last;
    idle_ = idle;
    step_x_ = last.root_x - before.root_x;
    step_z_ = last.root_z - before.root_z;
    step_heading_ = wrap(last.heading - before.heading);
    pelvis_offset_ = last.pelvis - idle.pelvis;
    pelvis_step_ = last.pelvis - before.pelvis;
    for (std::size_t j = 0; j < kJoints; ++j) {
        const Quat back = inverse(idle.rotations[j]);
        offsets_[j] = logarithm(last.rotations[j] * back);
        steps_[j] = offsets_[j] - logarithm(before.rotations[j] * back);
        // The two lie on either side of a half turn, and their difference is not the way between them.
        if (length(steps_[j]) > kPi) steps_[j] = logarithm(last.rotations[j] * inverse(before.rotations[j]));
    }
}

void Easing::frame(int t, Frame& out) const noexcept {
    const SpringShares shares = spring_shares(kEaseDecay, static_cast<float>(t));
    const float rolled =
        2.0f / kEaseDecay - (2.0f / kEaseDecay + static_cast<float>(t)) * std::exp(-kEaseDecay * static_cast<float>(t));
    out.root_x = last_.root_x + step_x_ * rolled;
    out.root_z = last_.root_z + step_z_ * rolled;
    out.heading = last_.heading + step_heading_ * rolled;
    out.pelvis = idle_.pelvis + pelvis_offset_ * shares.from_offset + pelvis_step_ * shares.from_step;
    for (std::size_t j = 0; j < kJoints; ++j)
        out.rotations[j] =
            exponential(offsets_[j] * shares.from_offset + steps_[j] * shares.from_step) * idle_.rotations[j];
    out.contacts.fill(t <= kSettled ? 0.0f : 1.0f);
}

void Easing::move(const Move& move) noexcept {
    move.frame(last_);
    double x = step_x_, z = step_z_;
    Move{move.heading, 0.0, 0.0}.place(x, z);
    step_x_ = static_cast<float>(x);
    step_z_ = static_cast<float>(z);
}

void FrameBuffer::reset(const Frame& standing, const Frame& idle, std::int64_t first) noexcept {
    begin_ = end_ = server_end_ = first;
    standing_ = standing;
    idle_ = idle;
    started_ = false;
    easing_ready_ = false;
    fill(first + 2);
}

void FrameBuffer::put(const Frame& frame) noexcept {
    frames_[index(end_)] = frame;
    ++end_;
    begin_ = std::max(begin_, end_ - kCapacity);
}

void FrameBuffer::begin_easing() noexcept {
    const std::int64_t last = server_end_ - 1;
    easing_.begin(at(std::max(last - 1, begin_)), at(last), idle_);
    easing_ready_ = true;
}

void FrameBuffer::fill(std::int64_t end) noexcept {
    while (end_ < end) {
        if (!started_) {
            put(standing_);
            continue;
        }
        if (!easing_ready_) begin_easing();
        Frame frame;
        easing_.frame(static_cast<int>(std::min<std::int64_t>(end_ - server_end_ + 1, 1 << 20)), frame);
        put(frame);
    }
}

void FrameBuffer::join(std::int64_t splice, const Frame* frames, int count, bool seam) noexcept {
    fill(splice);
    end_ = splice;
    const int old_count = static_cast<int>(std::min<std::int64_t>(splice - begin_, 3));
    if (seam && old_count > 0) {
        Frame old_frames[3];
        for (int i = 0; i < old_count; ++i) old_frames[i] = at(splice - old_count + i);
        const Seam join(old_frames, old_count, frames);
        for (int i = 0; i < count; ++i) {
            put(frames[i]);
            join.apply(i + 1, frames_[index(splice + i)]);
        }
    } else {
        for (int i = 0; i < count; ++i) put(frames[i]);
    }
    server_end_ = end_;
    started_ = true;
    easing_ready_ = false;
}

void FrameBuffer::hand_over(std::int64_t number, const Frame& frame, const Frame& previous) noexcept {
    fill(number + 1);
    end_ = number + 1;
    frames_[index(number)] = frame;
    if (number > begin_) frames_[index(number - 1)] = previous;
    server_end_ = end_;
    started_ = true;
    easing_ready_ = false;
}

void FrameBuffer::move(const Move& move) noexcept {
    const double c = std::cos(move.heading), s = std::sin(move.heading);
    for (std::int64_t k = begin_; k < end_; ++k) {
        Frame& frame = frames_[index(k)];
        const double x = frame.root_x, z = frame.root_z;
        frame.root_x = static_cast<float>(c * x + s * z + move.x);
        frame.root_z = static_cast<float>(c * z - s * x + move.z);
        frame.heading = static_cast<float>(frame.heading + move.heading);
    }
    move.frame(standing_);
    if (easing_ready_) easing_.move(move);
}

void FrameBuffer::sample(double playhead, Frame& out) const noexcept {
    const double whole = std::floor(playhead);
    const auto number = static_cast<std::int64_t>(whole);
    interpolate(at(number), at(number + 1), static_cast<float>(playhead - whole), out);
}

}  // namespace strut
