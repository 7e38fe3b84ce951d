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

// Where the motion's root is as the game's object sees it: metres along the object's own right-handed axes, radians.
inline Placement relative_to(const Placement& root, const Placement& object) noexcept {
    const double dx = root.x - object.x, dz = root.z - object.z;
    const double c = std::cos(object.heading), s = std::sin(object.heading);
    // A heading h faces (sin h, cos h) in (x, z).
    return {c * dx - s * dz, s * dx + c * dz, wrap(root.heading - object.heading)};
}

enum class RootMode : unsigned char {
    motion_drives,  // the motion moves the game's object
    game_drives,    // the pose follows the game's object
    blend,          // between the two, by a weight
};

// The mode on this machine: where another one says where the object is (movement is replicated), the pose follows.
inline RootMode root_mode_here(RootMode wanted, bool has_authority) noexcept {
    return has_authority ? wanted : RootMode::game_drives;
}

class RootDriver {
  public:
    static constexpr double kFollowLimit = 0.15;    // metres
    static constexpr double kFollowHalfLife = 0.2;  // seconds

    static constexpr double kBlocked = 0.01;  // metres

    // MotionDrives: whether something kept the character from where the motion had it, so that the motion must be told.
    static bool blocked(const Placement& wanted, const Placement& stands) noexcept {
        return std::hypot(stands.x - wanted.x, stands.z - wanted.z) > kBlocked;
    }

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
