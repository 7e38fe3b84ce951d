#include "strut/paths.h"

#include <algorithm>
#include <cmath>

namespace strut {

void VelocityPath::set(double vx, double vz, double wanted_x, double wanted_z, double half_life) noexcept {
    vx_ = vx;
    vz_ = vz;
    wanted_x_ = wanted_x;
    wanted_z_ = wanted_z;
    half_life_ = half_life;
}

bool VelocityPath::changed() const noexcept {
    const double now = std::hypot(wanted_x_, wanted_z_), then = std::hypot(planned_x_, planned_z_);
    if (std::fabs(now - then) > kFaster) return true;
    if (now > kFaster && then > kFaster && wanted_x_ * planned_x_ + wanted_z_ * planned_z_ < kTurned * now * then)
        return true;
    if (std::isnan(facing_) != std::isnan(planned_facing_)) return true;
    return !std::isnan(facing_) && std::fabs(wrap(facing_ - planned_facing_)) > kFacingTurned;
}

void VelocityPath::plan(const PlanQuery& query, Trajectory& path) noexcept {
    planned_x_ = wanted_x_;
    planned_z_ = wanted_z_;
    planned_facing_ = facing_;
    // The velocity is of now; the window begins a little later.
    const double rate = half_life_ > 1e-3 ? std::log(2.0) / half_life_ : 0.0;
    const double gone = rate > 0.0 ? std::exp(-rate * query.seconds_ahead) : 0.0;
    const double off_x = (vx_ - wanted_x_) * gone, off_z = (vz_ - wanted_z_) * gone;
    const int count = static_cast<int>(std::lround(kAhead / kStep));
    for (int i = 0; i <= count; ++i) {
        const double t = static_cast<double>(kStep) * i;
        const double share = rate > 0.0 ? (1.0 - std::exp(-rate * t)) / rate : 0.0;
        TrajectorySample sample;
        sample.x = query.x + wanted_x_ * t + off_x * share;
        sample.z = query.z + wanted_z_ * t + off_z * share;
        sample.time = static_cast<float>(t);
        sample.facing = facing_;
        // With a speed the path goes on beyond its last sample.
        if (i == count) sample.speed = static_cast<float>(std::hypot(wanted_x_, wanted_z_));
        if (i == count && sample.speed < kMoves) sample.speed = 0.0f;
        path.add(sample);
    }
}

void CornerPath::set(const Corner* corners, int count, int next, double speed) noexcept {
    next = std::min(std::max(next, 0), count);
    const int taken = std::min(count - next, kCapacity);
    const auto far = [](const Corner& a, const Corner& b) { return std::hypot(a.x - b.x, a.z - b.z) > kSame; };
    // Corners that were passed are gone from the front: both are compared from their ends.
    bool other = (taken == 0) != (count_ == 0) || taken > count_ || std::fabs(speed - speed_) > VelocityPath::kFaster;
    for (int i = 1; !other && i <= taken; ++i)
        other = far(corners[next + taken - i], corners_[static_cast<std::size_t>(count_ - i)]);
    changed_ = changed_ || other;
    std::copy(corners + next, corners + next + taken, corners_.begin());
    count_ = taken;
    speed_ = speed;
}

void CornerPath::stop() noexcept {
    changed_ = changed_ || count_ > 0;
    count_ = 0;
}

void CornerPath::plan(const PlanQuery& query, Trajectory& path) noexcept {
    changed_ = false;
    double x = query.x, z = query.z;
    int next = 0;
    const bool free = speed_ <= 0.0 && count_ > 0;
    const double step = free ? kFreeStep : speed_ * kStep;
    const int count = static_cast<int>(std::lround(kAhead / kStep));
    for (int i = 0; i <= count; ++i) {
        TrajectorySample sample;
        sample.x = x;
        sample.z = z;
        if (!free || i == 0) sample.time = kStep * static_cast<float>(i);
        sample.facing = facing_;
        const bool arrived = next == count_;
        if (arrived && (free || i == count)) sample.speed = 0.0f;
        if (!arrived && !free && i == count) sample.speed = static_cast<float>(speed_);
        path.add(sample);
        if (free && arrived) break;
        double left = step;
        while (next < count_ && left > 0.0) {
            const Corner& corner = corners_[static_cast<std::size_t>(next)];
            const double way = std::hypot(corner.x - x, corner.z - z);
            if (way > left) {
                x += (corner.x - x) * left / way;
                z += (corner.z - z) * left / way;
                break;
            }
            x = corner.x;
            z = corner.z;
            left -= way;
            ++next;
        }
    }
}

}  // namespace strut
