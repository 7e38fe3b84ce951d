// A rig's local pose from a frame, as animation systems want it: over an input pose, by a weight, and moved against the
// engine's component where that is not where the motion has its root.
//
// Made once for a rig, which allocates; then used by one thread at a time without allocating.
#pragma once

#include <string>
#include <vector>

#include "strut/rig.h"
#include "strut/root_driver.h"

namespace strut {

// The part of a map whose bones a rig has: rigs lose bones with their level of detail.
RigMap present_in(const RigMap& map, const Rig& rig);

class RigPose {
  public:
    // An empty string on success, else what is wrong; then nothing else may be called. Bones of the map that the rig
    // has not are left out.
    std::string prepare(const Rig& rig, const RigMap& map,
                        const std::array<Vec3, kJoints>& rest_offsets = kRestOffsets);
    bool ready() const noexcept { return ready_; }
    int bone_count() const noexcept { return retargeter_.bone_count(); }

    // A frame over an input pose.
    //   offset: where the motion's root is as the component sees it, metres and radians; zeros in MotionDrives.
    //   weight: 0 keeps the input pose, 1 replaces it.
    //   rotations, translations: in and out: local to the parent, engine's space and unit, one for each bone.
    void evaluate(const Frame& frame, const Placement& offset, float weight, Quat* rotations,
                  Vec3* translations) noexcept;
    // The frame that a pose shows; root, heading and contacts of `out` stay.
    void capture(const Quat* rotations, const Vec3* translations, Frame& out) noexcept;

  private:
    // Rotation and place of the bone above the pelvis, in component space.
    void above_pelvis(const Quat* rotations, const Vec3* translations, Quat& rotation, Vec3& place) const noexcept;

    Retargeter retargeter_;
    std::vector<int> parents_;
    std::vector<Quat> shown_;
    bool ready_ = false;
};

}  // namespace strut
