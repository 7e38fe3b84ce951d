// Frames of the canonical skeleton onto a rig, and back (docs/client_core.md, "Retargeting").
//
// A Rig and a RigMap are plain descriptions; a Retargeter is made of both once, which allocates, and then retargets
// without allocating. A Retargeter is used by one thread at a time; several characters of one rig may share it there.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "strut/coordinates.h"
#include "strut/frame.h"

namespace strut {

// A bone of a rig: its rest pose local to the parent, in the engine's space and unit.
struct Bone {
    std::string name;
    int parent = -1;  // index, less than the bone's own; -1 for none
    Quat rotation;
    Vec3 translation;
};

using Rig = std::vector<Bone>;

// Where a bone's rotation comes from: a joint, or a share of the way from it to the next.
struct BoneSource {
    std::string bone;
    Joint joint = Joint::pelvis;
    Joint next = Joint::pelvis;  // of no meaning where share is 0
    float share = 0.0f;
};

// A bone that shows a share of another one's twist about an axis of its own.
struct TwistBone {
    std::string bone, source;
    Vec3 axis;
    float share = 0.0f;
};

// A correction that brings a bone of the rest pose into T-pose, in component space.
struct PoseCorrection {
    std::string bone;
    Quat rotation;
};

// How a rig shows the canonical skeleton. One JSON schema for Python, Unity and Unreal; who reads it fills this.
struct RigMap {
    EngineSpace space = EngineSpace::unreal_facing_y;
    std::vector<BoneSource> bones;
    std::vector<PoseCorrection> t_pose;  // in place of those that are found automatically
    std::vector<TwistBone> twists;
    float hip_scale = 0.0f;  // 0: measured
    bool foot_ik = true;
};

// A map for a rig by the names of its bones: Unreal's mannequin, Mixamo, Unity's humanoid, the canonical names.
// Joints that it does not find are left out; a map without a pelvis fits nothing.
RigMap automatic_map(const Rig& rig, EngineSpace space);

// The joint of a name such as left_knee; false for other names.
bool joint_of_name(std::string_view name, Joint& out) noexcept;

class Retargeter {
  public:
    // Checks and prepares. An empty string on success, else what is wrong: bone, value, what is allowed.
    std::string prepare(const Rig& rig, const RigMap& map,
                        const std::array<Vec3, kJoints>& rest_offsets = kRestOffsets);

    // A frame onto the rig.
    //   rotations: in: local rotations of the bones that are not mapped (those of the rest pose, or of other
    //   animation);
    //     out: those of all bones, in the engine's space. As many as the rig has bones.
    //   pelvis: out: place of the pelvis bone in component space, engine units.
    void retarget(const Frame& frame, Quat* rotations, Vec3& pelvis) noexcept;

    // A rig's pose into a frame: rotations and pelvis as above; root, heading and contacts stay.
    void inverse_retarget(const Quat* rotations, Vec3 pelvis, Frame& out) noexcept;

    int bone_count() const noexcept { return static_cast<int>(bones_.size()); }
    int pelvis_bone() const noexcept { return pelvis_bone_; }
    // The bone that shows a joint as a whole; -1 for none.
    int bone_of(Joint joint) const noexcept { return bone_of_[static_cast<std::size_t>(joint)]; }
    float hip_scale() const noexcept { return hip_scale_; }
    EngineSpace space() const noexcept { return space_; }
    Quat rest_rotation(int bone) const noexcept { return bones_[static_cast<std::size_t>(bone)].rest; }
    // Places of all bones in component space, from local rotations and the pelvis' place; for tests and debugging.
    void places(const Quat* rotations, Vec3 pelvis, Vec3* out) const noexcept;

  private:
    struct BoneState {
        int parent = -1;
        int joint = -1, next = -1;  // -1: not mapped
        float share = 0.0f;
        bool placed = false;  // its place is needed for the feet
        Quat rest;            // local
        Vec3 translation;
        Quat t_pose;  // component space
        Vec3 rest_place;
    };
    struct Leg {
        int hip = -1, knee = -1, ankle = -1;
        int ankle_joint = 0;
        float ankle_height = 0.0f;  // metres at rest
    };
    struct Twist {
        int bone, source;
        Vec3 axis;
        float share;
    };

    void correct_t_pose(const std::vector<Quat>& rest);
    void place_feet(const std::array<Vec3, kJoints>& canonical, Vec3& pelvis) noexcept;

    EngineSpace space_ = EngineSpace::unreal_facing_y;
    std::vector<BoneState> bones_;
    std::vector<Twist> twists_;
    std::vector<Quat> world_;   // component space, of the frame at work
    std::vector<Vec3> places_;  // the same
    std::array<int, kJoints> bone_of_{};
    std::array<Vec3, kJoints> offsets_{};
    std::array<Leg, 2> legs_;
    int pelvis_bone_ = -1;
    Vec3 pelvis_rest_;
    float hip_scale_ = 1.0f;
    Vec3 up_;
    bool foot_ik_ = false;
};

}  // namespace strut
