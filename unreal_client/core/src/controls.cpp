#include "strut/controls.h"

#include <cmath>

namespace strut {

namespace {

double mix(double a, double b, double t) noexcept {
    // An absent value stays absent only where both are.
    if (std::isnan(a)) return b;
    return std::isnan(b) ? a : a + t * (b - a);
}

constexpr int kScene = 7, kSceneText = 8, kTerrain = 9, kObstacles = 10, kKeyframes = 11, kSceneSpeed = 17;

}  // namespace

void drop_unsupported(Controls& controls, std::uint64_t capabilities) noexcept {
    const auto has = [capabilities](int capability) { return (capabilities >> capability & 1) != 0; };
    if (controls.scene != nullptr) {
        const bool named = !controls.scene->preset.empty() || controls.scene->descriptor.has_value();
        const bool text = !named && !controls.scene->text.empty();
        if (!has(kScene) && (!has(kSceneSpeed) || !controls.scene->vector.empty())) controls.scene.reset();
        if (text && !has(kSceneText)) controls.scene.reset();
    }
    if (controls.surroundings != nullptr) {
        const Surroundings& around = *controls.surroundings;
        // Shared with the game: what cannot be said in part is left out as a whole.
        if ((around.ground.has_value() && !has(kTerrain)) || (!around.obstacles.empty() && !has(kObstacles)))
            controls.surroundings.reset();
    }
    if (!has(kKeyframes)) controls.keyframes.reset();
}

void HeldControls::set(const Controls& controls, double game_time) noexcept {
    held_ = controls;
    set_at_ = game_time;
    restarts_ = false;
}

void HeldControls::change(const Controls& controls, double game_time) noexcept {
    held_ = controls;
    if (restarts_) set_at_ = game_time;
    restarts_ = false;
}

void HeldControls::plan(const PlanQuery& query, Controls& controls) noexcept {
    controls = held_;
    const auto passed = static_cast<float>(query.game_time - set_at_ + query.seconds_ahead);
    controls.keyframes_passed += passed;
    Trajectory& path = controls.trajectory;
    int first = 0;
    for (int i = 0; i < path.count; ++i) {
        TrajectorySample& sample = path.samples[static_cast<std::size_t>(i)];
        if (std::isnan(sample.time)) continue;
        sample.time -= passed;
        if (sample.time < 0.0f) first = i;
    }
    TrajectorySample& last = path.samples[static_cast<std::size_t>(first)];
    if (path.count > 0 && last.time < 0.0f) {
        // Of what is past one sample stays, brought to time 0.
        if (first + 1 < path.count) {
            const TrajectorySample& next = path.samples[static_cast<std::size_t>(first + 1)];
            if (!std::isnan(next.time)) {
                const float share = -last.time / (next.time - last.time);
                last.x = mix(last.x, next.x, share);
                last.z = mix(last.z, next.z, share);
                last.facing += std::isnan(next.facing) ? 0.0f : share * wrap(next.facing - last.facing);
                last.speed = static_cast<float>(mix(last.speed, next.speed, share));
            }
        }
        last.time = 0.0f;
    }
    for (int i = first; i < path.count; ++i)
        path.samples[static_cast<std::size_t>(i - first)] = path.samples[static_cast<std::size_t>(i)];
    path.count -= first;
}

}  // namespace strut
