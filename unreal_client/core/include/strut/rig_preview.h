// A range of motion that shows at a glance whether a rig map is right: one limb at a time, in words that say which, so
// that sides that are swapped, bones that turn the wrong way and joints without a bone are seen before a server is.
//
// Made once for a rig, which allocates; then used by one thread at a time without allocating.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "strut/frame.h"
#include "strut/rig.h"
#include "strut/rig_pose.h"

namespace strut {

// How long one movement takes, out and back, and all of them together; seconds.
inline constexpr double kPreviewMovementSeconds = 2.0;
double preview_seconds() noexcept;

// The frame of the range of motion at a time, which may be any; what moves, in English.
void preview_frame(double seconds, Frame& out) noexcept;
const char* preview_caption(double seconds) noexcept;

class RigPreview {
  public:
    // As RigPose::prepare.
    std::string prepare(const Rig& rig, const RigMap& map);
    bool ready() const noexcept { return pose_.ready(); }
    int bone_count() const noexcept { return static_cast<int>(rest_.size()); }

    // The rig's pose: local to the parent, engine's space and unit, one of each for every bone.
    void pose(double seconds, Quat* rotations, Vec3* translations) noexcept;
    // Places of the canonical skeleton's joints in the component's space, in the rig's size, to be drawn beside it.
    void skeleton(double seconds, std::array<Vec3, kJoints>& places) const noexcept;
    // Joints that no bone shows, by name and with commas; empty where there are none.
    const std::string& missing() const noexcept { return missing_; }

  private:
    RigPose pose_;
    std::vector<Bone> rest_;
    std::string missing_;
    EngineSpace space_ = EngineSpace::unreal_facing_y;
    float scale_ = 1.0f;
};

}  // namespace strut
