// Root modes: who moves whom, the motion or the game. Pure functions, any thread.
//
// MotionDrives needs none of this: the game takes Character::root, and says where collision left the character
// (Character::correct_root).
#pragma once

#include <cmath>

#include "strut/math.h"

namespace strut {

// A place to stand.
struct Placement {
    double x = 0.0, z = 0.0;  // metres in the world
    double heading = 0.0;     // radians
};

class RootDriver {
  public:
    static constexpr double kFollowLimit = 0.15;    // metres
    static constexpr double kFollowHalfLife = 0.2;  // seconds

    // Where the root comes to that follows the game's place: weight 1 is GameDrives, less is Blend.
    static Placement follow(const Placement& root, const Placement& place, double dt, double weight) noexcept {
        const double keep = std::pow(0.5, dt / kFollowHalfLife);
        double x = (root.x - place.x) * keep, z = (root.z - place.z) * keep;
        const double size = std::hypot(x, z);
        if (size > kFollowLimit) {
            x *= kFollowLimit / size;
            z *= kFollowLimit / size;
        }
        const double heading = place.heading + wrap(root.heading - place.heading) * keep;
        return {root.x + weight * (place.x + x - root.x), root.z + weight * (place.z + z - root.z),
                root.heading + weight * wrap(heading - root.heading)};
    }
};

}  // namespace strut
