#include "strut/character.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "strut/connection.h"

namespace strut {

namespace {

ErrorReason reason_of(const Error& error) noexcept {
    if (error.reason == "SEQUENCE_UNKNOWN") return ErrorReason::sequence_unknown;
    if (error.reason == "SUPERSEDED") return ErrorReason::superseded;
    if (error.reason == "RELEASED") return ErrorReason::released;
    if (error.reason == "REPLAN_TOO_SOON") return ErrorReason::replan_too_soon;
    return ErrorReason::other;
}

// What a character does whose controls name no content.
const std::shared_ptr<const Content>& idle_content() noexcept {
    static const std::shared_ptr<const Content> content = [] {
        auto made = std::make_shared<Content>();
        made->label = "idle";
        return made;
    }();
    return content;
}

bool same_content(const std::shared_ptr<const Content>& a, const std::shared_ptr<const Content>& b) noexcept {
    if (a == b) return true;
    return a != nullptr && b != nullptr && !a->label.empty() && a->label == b->label;
}

}  // namespace

void Character::begin(std::uint64_t number, const CharacterSettings& settings, LatencyEstimator* latency,
                      Statistics* statistics) noexcept {
    number_ = number;
    alive_ = true;
    passive_ = settings.passive;
    named_ = was_late_ = false;
    level_ = LevelOfDetail::near_by;
    priority_ = 0;
    source_ = settings.source;
    listener_ = nullptr;
    statistics_ = statistics;
    name_.fill('\0');
    std::memcpy(name_.data(), settings.name.data(), std::min(settings.name.size(), name_.size() - 1));
    PacerSettings pacing;
    pacing.character = number;
    pacer_ = Pacer(latency, pacing);
    ground_ = settings.ground;
    anchor_ = Anchor();
    if (std::max(std::fabs(settings.start.x), std::fabs(settings.start.z)) > kAnchorLimit || settings.ground != 0.0)
        anchor_ = {1, std::round(settings.start.x), settings.ground, std::round(settings.start.z)};
    const Frame& idle = settings.idle != nullptr ? *settings.idle : idle_pose();
    Frame standing = settings.pose != nullptr ? *settings.pose : idle;
    standing.root_x = static_cast<float>(settings.start.x - anchor_.x);
    standing.root_z = static_cast<float>(settings.start.z - anchor_.z);
    standing.heading = static_cast<float>(wrap(settings.start.heading));
    buffer_.reset(standing, idle);
    for (Sent& sent : sent_) sent = Sent();
    locks_ = FootLocks();
    window_start_ = 0;
    window_count_ = 0;
    has_phase_ = false;
    shown_.reset();
    timing_ = ServerTiming();
    warnings_ = errors_ = 0;
    last_error_ = Error();
    sample();
}

Placement Character::root() const noexcept {
    return {anchor_.x + pose_.root_x, anchor_.z + pose_.root_z, pose_.heading};
}

void Character::set_level(LevelOfDetail level) noexcept {
    level_ = level;
    pacer_.set_culled(level == LevelOfDetail::culled);
}

void Character::advance(double dt) noexcept {
    pacer_.advance(dt);
    if (level_ == LevelOfDetail::culled) return;
    const bool late = pacer_.is_late();
    ++statistics_->frames;
    statistics_->late_frames += late;
    statistics_->underruns += late && !was_late_;
    was_late_ = late;
    keep_near_anchor();
}

void Character::sample() noexcept {
    buffer_.fill(pacer_.first());
    buffer_.sample(pacer_.playhead(), pose_);
}

Character::Sent* Character::find_sent(std::uint64_t sequence) noexcept {
    for (Sent& sent : sent_)
        if (sent.sequence == sequence) return &sent;
    return nullptr;
}

void Character::ask(Connection& connection, std::uint64_t epoch, double now, double time_scale,
                    double game_time) noexcept {
    Request request;
    if (passive_ || source_ == nullptr) return;
    if (!connection.has_room()) return;  // the network thread is behind: in the next update
    if (!pacer_.decide(now, time_scale, request)) return;
    RequestSlot* slot = connection.new_request();
    slot->character = number_;
    slot->epoch = epoch;
    slot->request = request;
    slot->anchor = anchor_;
    slot->priority = priority_;
    slot->first = !named_;
    slot->name = name_;
    named_ = true;
    buffer_.fill(request.start);
    plan(request, game_time, slot->controls);
    write_history(request, *slot);

    Sent& sent = sent_[request.sequence % sent_.size()];
    sent.sequence = request.sequence;
    sent.move = Move();
    sent.moved = false;
    sent.content = slot->controls.content;
    // A gesture goes on by itself only where the server remembers its window.
    const Content& content = *slot->controls.content;
    float phase = 0.0f;
    const bool known = known_phase(request.start, slot->controls.content, phase);
    slot->has_phase = known && request.origin != Origin::continues && !content.gesture_phase.has_value();
    slot->phase = phase;
    sent.phase = content.gesture_phase.value_or(phase);
    ++statistics_->requests;
    statistics_->replans += request.replan;
    connection.send(slot);
}

void Character::plan(const Request& request, double game_time, Controls& controls) noexcept {
    const Frame& last = buffer_.at(request.start - 1);
    const Frame& before = buffer_.at(std::max(request.start - 2, buffer_.begin()));
    PlanQuery query;
    query.seconds_ahead = (static_cast<double>(request.start) - pacer_.playhead()) / kFps;
    query.x = anchor_.x + last.root_x;
    query.z = anchor_.z + last.root_z;
    query.heading = last.heading;
    query.velocity_x = (last.root_x - before.root_x) * kFps;
    query.velocity_z = (last.root_z - before.root_z) * kFps;
    query.frames = request.frames;
    query.game_time = game_time;
    controls.clear();
    source_->plan(query, controls);
    if (controls.content == nullptr) controls.content = idle_content();
    if (level_ == LevelOfDetail::far_off) controls.steps = controls.min_steps = least_steps_;
    if (controls.min_steps == 0) controls.min_steps = least_steps_;
    drop_unsupported(controls, capabilities_);
    for (int i = 0; i < controls.trajectory.count; ++i) {
        TrajectorySample& sample = controls.trajectory.samples[static_cast<std::size_t>(i)];
        sample.x -= anchor_.x;
        sample.z -= anchor_.z;
    }
}

void Character::write_history(const Request& request, RequestSlot& slot) noexcept {
    slot.history_count = 0;
    slot.has_locks = false;
    if (request.origin == Origin::continues) return;
    std::int64_t from = request.start - 1;
    if (request.origin == Origin::history) {
        const int most = std::min(history_frames_, kMaxHistory);
        from = std::max(request.start - most, buffer_.begin());
        slot.has_locks = request.start == pacer_.base_end();
        slot.locks = locks_;
    }
    for (std::int64_t k = from; k < request.start; ++k) {
        encode_float32(buffer_.at(k), slot.history.data() + kFloat32Record * static_cast<std::size_t>(k - from));
        ++slot.history_count;
    }
    const Frame& last = buffer_.at(request.start - 1);
    slot.root_x = last.root_x;
    slot.root_z = last.root_z;
    slot.heading = last.heading;
}

bool Character::known_phase(std::int64_t start, const std::shared_ptr<const Content>& content,
                            float& phase) const noexcept {
    if (!has_phase_ || window_count_ == 0 || !same_content(shown_, content)) return false;
    const float share = static_cast<float>(start - window_start_) / static_cast<float>(window_count_);
    phase = std::min(std::max(phase_start_ + share * (phase_end_ - phase_start_), 0.0f), 1.0f);
    return true;
}

void Character::on_reply(ReplySlot& reply, double now) noexcept {
    if (reply.has_window) {
        take_window(reply, now);
        return;
    }
    if (!pacer_.on_error(reply.sequence, reason_of(reply.error), reply.error.retry, now)) return;
    if (reply.error.reason == "SUPERSEDED") return;
    // Swapped, not copied: texts need memory.
    std::swap(last_error_, reply.error);
    ++errors_;
    ++statistics_->errors;
}

void Character::take_window(const ReplySlot& reply, double now) noexcept {
    const double playhead = pacer_.playhead();
    const double lead = (static_cast<double>(pacer_.server_end()) - playhead) / kFps;
    const Arrival arrival = pacer_.on_window(reply.sequence, reply.start, reply.count, now);
    if (arrival.action == Arrival::Action::ignored) return;
    Statistics& s = *statistics_;
    s.round_trip.add_seconds(arrival.round_trip);
    s.wire.add_seconds(arrival.round_trip - reply.timing.total);
    s.server.add_seconds(reply.timing.total);
    s.queue.add_seconds(reply.timing.queue);
    s.batch_wait.add_seconds(reply.timing.batch_wait);
    s.inference.add_seconds(reply.timing.inference);
    s.postprocess.add_seconds(reply.timing.postprocess);
    s.lead.add_seconds(lead);
    s.newest = {arrival.round_trip,       arrival.round_trip - reply.timing.total,
                reply.timing.total,       reply.timing.queue,
                reply.timing.batch_wait,  reply.timing.inference,
                reply.timing.postprocess, lead};
    s.bytes_received += reply.data.size();
    timing_ = reply.timing;
    warnings_ = reply.warnings;
    s.fewer_steps += reply.warnings >> kWarningFewerSteps & 1;
    if (arrival.action == Arrival::Action::dropped) {
        ++s.dropped_windows;
        return;
    }
    ++s.windows;
    s.late_windows += arrival.late;
    s.seams += arrival.seam;

    const Sent* sent = find_sent(reply.sequence);
    const bool moved = sent != nullptr && sent->moved;
    const auto skipped = static_cast<int>(arrival.splice - reply.start);
    Frame frames[kMaxWindow];
    const int count = std::min(reply.count - skipped, kMaxWindow);
    const std::size_t record = record_bytes(reply.encoding);
    for (int i = 0; i < count; ++i) {
        decode_record(reply.encoding, reply.data.data() + record * static_cast<std::size_t>(skipped + i), frames[i]);
        if (moved) sent->move.frame(frames[i]);
    }
    buffer_.join(arrival.splice, frames, count, arrival.seam);
    locks_ = reply.locks;
    window_start_ = reply.start;
    window_count_ = reply.count;
    has_phase_ = reply.has_phase;
    phase_end_ = reply.phase;
    phase_start_ = sent != nullptr ? sent->phase : 0.0f;
    if (sent != nullptr) shown_ = sent->content;
    // The server remembers the window where it was made.
    if (moved) pacer_.on_moved();
    if (listener_ != nullptr) listener_->on_window(number_, reply);
}

void Character::apply(const Move& move) noexcept {
    buffer_.move(move);
    move.frame(pose_);
    for (Sent& sent : sent_) {
        sent.move = move.after(sent.move);
        sent.moved = true;
    }
    pacer_.on_moved();
}

void Character::move_to(const Placement& to) noexcept {
    const Placement at = root();
    // What does not show does not cost the server its memory of the window.
    const double turn = wrap(to.heading - at.heading);
    if (std::hypot(to.x - at.x, to.z - at.z) < 1e-3 && std::fabs(turn) < 1e-3) return;
    // Far away the space changes with the place, so that the frames keep their precision.
    Anchor next = anchor_;
    if (std::max(std::fabs(to.x - anchor_.x), std::fabs(to.z - anchor_.z)) > kAnchorLimit)
        next = {anchor_.id + 1, std::round(to.x), anchor_.y, std::round(to.z)};
    apply(Move::between(pose_.root_x, pose_.root_z, at.heading, to.x - next.x, to.z - next.z, at.heading + turn));
    anchor_ = next;
}

void Character::correct_root(const Placement& expected, const Placement& stands) noexcept {
    Placement to = root();
    const Move move = Move::between(expected.x, expected.z, expected.heading, stands.x, stands.z, stands.heading);
    move.place(to.x, to.z);
    to.heading += move.heading;
    move_to(to);
}

Placement Character::follow(const Placement& to, double dt, double weight) noexcept {
    move_to(RootDriver::follow(root(), to, dt, weight));
    return root();
}

void Character::resume_from(const Frame& pose, const Frame& previous) noexcept {
    const auto number = static_cast<std::int64_t>(std::floor(pacer_.playhead()));
    buffer_.fill(number + 1);
    const auto placed = [this](Frame frame, const Frame& at) {
        frame.root_x = at.root_x;
        frame.root_z = at.root_z;
        frame.heading = at.heading;
        return frame;
    };
    buffer_.hand_over(number, placed(pose, pose_), placed(previous, pose_));
    pacer_.on_handed_over();
    sample();
}

void Character::on_relayed(std::int64_t start, const Frame* frames, int count, double playhead) noexcept {
    if (count < Pacer::kMinUsable) return;
    const bool first = !pacer_.started();
    if (first || std::fabs(playhead - pacer_.playhead()) > count) {
        // Comes in the middle of a motion: stands in its first pose until that is on screen, or keeps what is shown.
        const Frame standing = first ? frames[0] : pose_;
        const auto from = static_cast<std::int64_t>(std::floor(std::max(playhead, 0.0)));
        buffer_.reset(standing, idle_pose(), from);
        pacer_.set_playhead(std::max(playhead, 0.0));
        if (first && from >= start && from - start <= count - Pacer::kMinUsable) {
            buffer_.join(from, frames + (from - start), count - static_cast<int>(from - start), false);
            pacer_.on_relayed(start + count);
            return;
        }
    }
    const std::int64_t splice = std::max(start, pacer_.first());
    const auto skipped = static_cast<int>(splice - start);
    if (count - skipped < Pacer::kMinUsable) return;
    buffer_.join(splice, frames + skipped, count - skipped, start < pacer_.first());
    pacer_.on_relayed(start + count);
}

void Character::on_relayed(const RelayedWindow& window) noexcept {
    // The sender's space may be another one; a late joiner takes it over.
    if (!pacer_.started()) {
        anchor_ = window.anchor;
        ground_ = window.anchor.y;
    }
    Frame frames[kMaxWindow];
    for (int i = 0; i < window.count; ++i) {
        Frame& frame = frames[i] = window.frames[static_cast<std::size_t>(i)];
        frame.root_x = static_cast<float>(window.anchor.x - anchor_.x + frame.root_x);
        frame.root_z = static_cast<float>(window.anchor.z - anchor_.z + frame.root_z);
    }
    on_relayed(window.start, frames, window.count, window.playhead);
}

void Character::keep_near_anchor() noexcept {
    if (std::max(std::fabs(pose_.root_x), std::fabs(pose_.root_z)) <= kAnchorLimit) return;
    const Placement at = root();
    const Anchor next = {anchor_.id + 1, std::round(at.x), anchor_.y, std::round(at.z)};
    apply({0.0, anchor_.x - next.x, anchor_.z - next.z});
    anchor_ = next;
}

}  // namespace strut
