// What strut_load looks at in every frame that it would show.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "strut/character.h"
#include "strut/rig.h"

namespace strut::load {

// Joints of a character in the world.
std::array<Vec3, kJoints> world_joints(const Frame& pose, const std::array<Vec3, kJoints>& rest_offsets,
                                       const Placement& root) noexcept;

// Follows one character: are its frames whole, and how smoothly do its joints move?
class MotionCheck {
  public:
    struct Totals {
        std::uint64_t frames = 0, broken = 0;
        std::string first_fault;
        Histogram calm, disturbed;  // joint accelerations, millimetres a second squared
    };

    // dt: game seconds since the frame before. Nothing is said of a frame that is not to be continuous with the last.
    void frame(const Character& character, const std::array<Vec3, kJoints>& rest_offsets, double dt, bool calm,
               Totals& totals) noexcept;
    // What comes next is not continuous: a teleport, a new character.
    void restart() noexcept { held_ = 0; }

  private:
    void fault(Totals& totals, const char* what, double value, std::uint64_t character) noexcept;

    int held_ = 0;
    double step_ = 0.0;
    std::array<Vec3, kJoints> before_, earlier_;
    Placement place_;
};

// How far feet slide while they are in contact, on the canonical skeleton and on rigs of other proportions.
class SlideCheck {
  public:
    struct OtherRig {
        std::string name;
        Retargeter retargeter;
        std::vector<Quat> rest, rotations;
        std::vector<Vec3> places;
        std::array<int, 4> contact_bones{};
        double slide = 0.0;  // metres
    };

    // Both other rigs: long legs and narrow hips in A-pose like Unreal's mannequin, and short legs with wide hips.
    explicit SlideCheck(const std::array<Vec3, kJoints>& rest_offsets);
    // The frames of one character, one after another.
    void frame(const Character& character) noexcept;
    void restart() noexcept { held_ = false; }
    double ratio(std::size_t rig) const noexcept { return canonical_ > 0.0 ? rigs_[rig].slide / canonical_ : 0.0; }
    double metres_per_second() const noexcept { return seconds_ > 0.0 ? canonical_ / seconds_ : 0.0; }
    const std::vector<OtherRig>& rigs() const noexcept { return rigs_; }

  private:
    std::array<Vec3, kJoints> rest_offsets_;
    std::vector<OtherRig> rigs_;
    bool held_ = false;
    std::int64_t number_ = 0;
    std::array<Vec3, 4> feet_;
    std::vector<std::array<Vec3, 4>> rig_feet_;
    std::array<float, 4> contacts_{};
    double canonical_ = 0.0, seconds_ = 0.0;
};

// The canonical skeleton as a rig of Unreal with other proportions: arms in A-pose, legs and hips scaled.
Rig proportioned_rig(const std::array<Vec3, kJoints>& rest_offsets, float leg_scale, float hip_width_scale,
                     float a_pose);

}  // namespace strut::load
