// How much a character matters: near, far or culled, and the priority of its requests.
//
// A value for each character; game thread, once a frame.
#pragma once

#include <algorithm>
#include <cstdint>

#include "strut/character.h"

namespace strut {

struct LevelRules {
    double far_distance = 25.0;  // metres beyond which one evaluation will do
    double hysteresis = 0.1;     // share by which the distance must fall short again
    double unseen_time = 0.5;    // seconds unseen after which nothing is asked for; at once is seen
    bool cull_unseen = true;
};

class LevelSelector {
  public:
    // distance: metres to the nearest viewer. seen: by anybody, or by what renders its shadow.
    LevelOfDetail update(const LevelRules& rules, double distance, bool seen, double dt) noexcept {
        unseen_ = seen ? 0.0 : unseen_ + dt;
        const double limit = rules.far_distance * (far_ ? 1.0 - rules.hysteresis : 1.0);
        far_ = distance > limit;
        distance_ = distance;
        if (rules.cull_unseen && unseen_ > 0.0 && unseen_ >= rules.unseen_time) return LevelOfDetail::culled;
        return far_ ? LevelOfDetail::far_off : LevelOfDetail::near_by;
    }
    // Of requests: metres, 0 to 1000.
    std::uint32_t priority() const noexcept {
        return static_cast<std::uint32_t>(std::min(std::max(distance_, 0.0), 1000.0));
    }

  private:
    double unseen_ = 0.0, distance_ = 0.0;
    bool far_ = false;
};

}  // namespace strut
