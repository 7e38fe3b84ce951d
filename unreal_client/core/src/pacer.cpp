#include "strut/pacer.h"

#include <algorithm>

namespace strut {

void Pacer::set_limits(const PacerSettings& settings) noexcept {
    const std::uint64_t character = settings_.character;
    settings_ = settings;
    settings_.character = character;
}

void Pacer::advance(double dt) noexcept {
    if (culled_) return;
    playhead_ += std::min(dt, kMaxStep) * kFps;
    late_frames_ += is_late();
}

CharacterState Pacer::state() const noexcept {
    if (culled_) return CharacterState::culled;
    if (!started_) return CharacterState::starting;
    if (!underrun()) return CharacterState::streaming;
    return first() - 1 - server_end_ >= kSettledFrames ? CharacterState::idle : CharacterState::easing;
}

bool Pacer::continues(std::int64_t start) const noexcept {
    if (!has_base_ || start <= base_start_ || start > base_end_) return false;
    return start - base_start_ >= settings_.min_replan_frames || start == base_end_;
}

bool Pacer::decide(double now, double time_scale, Request& out) noexcept {
    if (culled_ || !connected_ || time_scale <= 0.0 || now < not_before_) return false;
    const bool rest = !started_ || underrun();
    const std::int64_t ahead =
        first() + latency_->ahead(time_scale, rest ? LatencyEstimator::kMaxAheadAtRest : LatencyEstimator::kMaxAhead);
    const double left = static_cast<double>(server_end_) - playhead_;
    const bool append = rest || left <= latency_->lead() * kFps * std::max(time_scale, 1.0);
    const bool held_back = waiting_count_ > 0 && now < waiting_[waiting_count_ - 1].expires_at;
    std::int64_t start = rest ? ahead : server_end_;
    const bool replan = replan_wanted_ && !rest && playhead_ - replanned_at_ >= settings_.min_replan_frames;
    if (replan) {
        std::int64_t least = ahead;
        if (has_base_) least = std::max(least, base_start_ + settings_.min_replan_frames);
        start = std::min(least, server_end_);
    } else if (!append || held_back) {
        return false;
    }

    out = Request();
    out.start = start;
    out.replan = replan;
    if (!started_) {
        out.origin = Origin::cold;
    } else if (continues(start)) {
        out.origin = Origin::continues;
        out.continues = base_sequence_;
    } else {
        out.origin = Origin::history;
    }
    // Characters that began together, or came back together, shall not ask together for ever: their ends are brought to
    // each of a window's frames in turn.
    if (rest) windows_ = 0;
    const auto spread = static_cast<int>(settings_.character % static_cast<std::uint64_t>(settings_.window_frames));
    out.frames = settings_.window_frames;
    if (windows_ == 0) out.frames -= (spread + 1) / 2;
    if (windows_ == 1) out.frames -= spread / 2;
    const double deadline = (static_cast<double>(start + out.frames - kMinUsable) - playhead_) / kFps / time_scale;
    out.deadline = std::min(std::max(deadline, kMinDeadline), settings_.max_deadline);
    out.sequence = ++sequence_;
    if (waiting_count_ == kRecentRequests) forget(0);
    waiting_[waiting_count_++] = {sequence_, start, now, now + out.deadline, true};
    replan_wanted_ = false;
    replanned_at_ = playhead_;
    return true;
}

void Pacer::forget(int index) noexcept {
    for (int i = index + 1; i < waiting_count_; ++i) waiting_[i - 1] = waiting_[i];
    --waiting_count_;
}

bool Pacer::waits_for(std::uint64_t sequence) const noexcept {
    for (int i = 0; i < waiting_count_; ++i)
        if (waiting_[i].sequence == sequence) return true;
    return false;
}

Arrival Pacer::on_window(std::uint64_t sequence, std::int64_t start, int count, double now) noexcept {
    Arrival arrival;
    int found = 0;
    while (found < waiting_count_ && waiting_[found].sequence != sequence) ++found;
    if (found == waiting_count_) return arrival;
    const Waiting request = waiting_[found];
    arrival.round_trip = now - request.sent_at;
    latency_->add(arrival.round_trip);
    for (; found >= 0; --found) forget(0);
    attempt_ = 0;
    not_before_ = 0.0;
    arrival.splice = std::max(start, first());
    if (start + count - arrival.splice < kMinUsable) {
        has_base_ = false;
        arrival.action = Arrival::Action::dropped;
        return arrival;
    }
    arrival.action = Arrival::Action::joined;
    arrival.late = start < first();
    arrival.seam = arrival.late || !request.intact;
    for (int i = 0; i < waiting_count_; ++i)
        waiting_[i].intact = waiting_[i].intact && arrival.splice >= waiting_[i].start;
    server_end_ = start + count;
    started_ = true;
    ++windows_;
    has_base_ = !arrival.seam;
    base_sequence_ = sequence;
    base_start_ = start;
    base_end_ = server_end_;
    return arrival;
}

bool Pacer::on_error(std::uint64_t sequence, ErrorReason reason, double retry, double now) noexcept {
    int found = 0;
    while (found < waiting_count_ && waiting_[found].sequence != sequence) ++found;
    if (found == waiting_count_) return false;
    forget(found);
    if (reason == ErrorReason::sequence_unknown || reason == ErrorReason::replan_too_soon) has_base_ = false;
    if (reason == ErrorReason::replan_too_soon || reason == ErrorReason::other) {
        not_before_ = now + std::max(retry, kBackOff[static_cast<std::size_t>(std::min(attempt_, 3))]);
        ++attempt_;
    }
    return true;
}

void Pacer::on_disconnected() noexcept {
    waiting_count_ = 0;
    has_base_ = false;
    attempt_ = 0;
    not_before_ = 0.0;
}

void Pacer::on_handed_over() noexcept {
    server_end_ = first() - 1;
    started_ = true;
    has_base_ = false;
    for (int i = 0; i < waiting_count_; ++i) waiting_[i].intact = false;
}

void Pacer::on_relayed(std::int64_t server_end) noexcept {
    server_end_ = server_end;
    started_ = true;
    has_base_ = false;
}

}  // namespace strut
