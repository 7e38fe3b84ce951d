#include <algorithm>
#include <cmath>

#include "strut/rig.h"

namespace strut {

namespace {

constexpr float kReach = 0.999f;

std::size_t at(int index) noexcept {
    return static_cast<std::size_t>(index);
}

int find(const Rig& rig, const std::string& name) noexcept {
    for (std::size_t i = 0; i < rig.size(); ++i)
        if (rig[i].name == name) return static_cast<int>(i);
    return -1;
}

constexpr Joint kLimbs[4][3] = {{Joint::left_shoulder, Joint::left_elbow, Joint::left_wrist},
                                {Joint::left_hip, Joint::left_knee, Joint::left_ankle},
                                {Joint::right_shoulder, Joint::right_elbow, Joint::right_wrist},
                                {Joint::right_hip, Joint::right_knee, Joint::right_ankle}};

}  // namespace

bool joint_of_name(std::string_view name, Joint& out) noexcept {
    for (int j = 0; j < kJoints; ++j) {
        if (name == kJointNames[at(j)]) {
            out = static_cast<Joint>(j);
            return true;
        }
    }
    return false;
}

std::string Retargeter::prepare(const Rig& rig, const RigMap& map, const std::array<Vec3, kJoints>& rest_offsets) {
    space_ = map.space;
    offsets_ = rest_offsets;
    bone_of_.fill(-1);
    twists_.clear();
    bones_.assign(rig.size(), BoneState());
    world_.assign(rig.size(), Quat());
    places_.assign(rig.size(), Vec3());
    up_ = to_engine(space_, Vec3{0.0f, 1.0f, 0.0f});
    up_ = up_ * (1.0f / length(up_));
    std::vector<Quat> rest(rig.size());
    for (std::size_t i = 0; i < rig.size(); ++i) {
        const Bone& bone = rig[i];
        if (bone.parent >= static_cast<int>(i))
            return "bone " + bone.name + ": parent is " + std::to_string(bone.parent) +
                   ", it must be less than the bone's own index " + std::to_string(i);
        BoneState& state = bones_[i];
        state.parent = bone.parent;
        state.rest = bone.rotation;
        state.translation = bone.translation;
        rest[i] = bone.parent < 0 ? bone.rotation : rest[at(bone.parent)] * bone.rotation;
        state.rest_place = bone.parent < 0
                               ? bone.translation
                               : bones_[at(bone.parent)].rest_place + rotate(rest[at(bone.parent)], bone.translation);
    }
    for (const BoneSource& source : map.bones) {
        const int bone = find(rig, source.bone);
        if (bone < 0) return "bones: the rig has no bone " + source.bone;
        if (!(source.share >= 0.0f && source.share <= 1.0f))
            return "bones: share of " + source.bone + " is " + std::to_string(source.share) + ", it must be 0 to 1";
        BoneState& state = bones_[at(bone)];
        state.joint = static_cast<int>(source.joint);
        state.next = static_cast<int>(source.next);
        state.share = source.share;
        if (source.share == 0.0f) bone_of_[at(state.joint)] = bone;
    }
    pelvis_bone_ = bone_of(Joint::pelvis);
    if (pelvis_bone_ < 0) return "bones: no bone shows the joint pelvis";
    for (const PoseCorrection& correction : map.t_pose)
        if (find(rig, correction.bone) < 0) return "t_pose: the rig has no bone " + correction.bone;
    for (const TwistBone& twist : map.twists) {
        const Twist found = {find(rig, twist.bone), find(rig, twist.source), twist.axis, twist.share};
        if (found.bone < 0) return "twists: the rig has no bone " + twist.bone;
        if (found.source < 0) return "twists: the rig has no bone " + twist.source;
        twists_.push_back(found);
    }
    correct_t_pose(rest);
    for (const PoseCorrection& correction : map.t_pose) {
        const int bone = find(rig, correction.bone);
        bones_[at(bone)].t_pose = correction.rotation * rest[at(bone)];
    }

    foot_ik_ = map.foot_ik;
    float hips = 0.0f;
    for (std::size_t side = 0; side < 2; ++side) {
        const Joint* limb = kLimbs[2 * side + 1];
        Leg& leg = legs_[side];
        leg = {bone_of(limb[0]), bone_of(limb[1]), bone_of(limb[2]), static_cast<int>(limb[2]), 0.0f};
        if (leg.hip < 0 || leg.knee < 0 || leg.ankle < 0) {
            foot_ik_ = false;
            continue;
        }
        leg.ankle_height = from_engine(space_, bones_[at(leg.ankle)].rest_place).y;
        // The places of the leg and of all above it are needed.
        for (int bone = leg.ankle; bone >= 0; bone = bones_[at(bone)].parent) bones_[at(bone)].placed = true;
    }
    const int left = bone_of(Joint::left_hip), right = bone_of(Joint::right_hip);
    hip_scale_ = map.hip_scale;
    if (hip_scale_ <= 0.0f) {
        if (left < 0 || right < 0) return "hip_scale: is absent, and no bones show both left_hip and right_hip";
        hips = 0.5f * (from_engine(space_, bones_[at(left)].rest_place).y +
                       from_engine(space_, bones_[at(right)].rest_place).y);
        const float canonical = kPelvisRestHeight + 0.5f * (offsets_[at(static_cast<int>(Joint::left_hip))].y +
                                                            offsets_[at(static_cast<int>(Joint::right_hip))].y);
        hip_scale_ = hips / canonical;
    }
    if (!(hip_scale_ > 0.0f))
        return "hip_scale: is " + std::to_string(hip_scale_) +
               ", it must be above 0: the rig's origin is on the ground";
    pelvis_rest_ = bones_[at(pelvis_bone_)].rest_place;
    return {};
}

void Retargeter::correct_t_pose(const std::vector<Quat>& rest) {
    for (std::size_t i = 0; i < bones_.size(); ++i) bones_[i].t_pose = rest[i];
    for (const Joint(&limb)[3] : kLimbs) {
        if (bone_of(limb[0]) < 0 || bone_of(limb[1]) < 0 || bone_of(limb[2]) < 0) continue;
        Quat above;
        for (int k = 0; k < 2; ++k) {
            const int bone = bone_of(limb[k]), child = bone_of(limb[k + 1]);
            const Vec3 u = rotate(above, bones_[at(child)].rest_place - bones_[at(bone)].rest_place);
            const Vec3 d = to_engine(space_, offsets_[at(static_cast<int>(limb[k + 1]))]);
            above = between(u, d) * above;
            bones_[at(bone)].t_pose = above * rest[at(bone)];
        }
        // The hand goes on where the arm points; feet stand flat in both.
        if (limb[2] == Joint::left_wrist || limb[2] == Joint::right_wrist)
            bones_[at(bone_of(limb[2]))].t_pose = above * rest[at(bone_of(limb[2]))];
    }
}

void Retargeter::retarget(const Frame& frame, Quat* rotations, Vec3& pelvis) noexcept {
    std::array<Quat, kJoints> turned;
    std::array<Vec3, kJoints> canonical;
    forward_kinematics(frame, offsets_, canonical, turned);
    for (std::size_t i = 0; i < bones_.size(); ++i) {
        const BoneState& bone = bones_[i];
        if (bone.joint >= 0) {
            Quat q = turned[at(bone.joint)];
            if (bone.share > 0.0f) q = slerp(q, turned[at(bone.next)], bone.share);
            world_[i] = to_engine(space_, q) * bone.t_pose;
        } else {
            world_[i] = bone.parent < 0 ? rotations[i] : world_[at(bone.parent)] * rotations[i];
        }
    }
    const Vec3 sway = frame.pelvis - Vec3{0.0f, kPelvisRestHeight, 0.0f};
    pelvis = pelvis_rest_ + to_engine(space_, sway) * hip_scale_;
    if (foot_ik_) place_feet(canonical, pelvis);
    for (std::size_t i = 0; i < bones_.size(); ++i) {
        const BoneState& bone = bones_[i];
        if (bone.joint < 0) {
            // What hangs on a bone that the feet have turned turns with it.
            world_[i] = bone.parent < 0 ? rotations[i] : world_[at(bone.parent)] * rotations[i];
        } else {
            rotations[i] = bone.parent < 0 ? world_[i] : inverse(world_[at(bone.parent)]) * world_[i];
        }
    }
    for (const Twist& twist : twists_) {
        const Quat delta = inverse(bones_[at(twist.source)].rest) * rotations[at(twist.source)];
        const Vec3 along = twist.axis * dot(imaginary(delta), twist.axis);
        Quat part = {along.x, along.y, along.z, delta.w};
        if (dot(part, part) < 1e-12f) continue;
        rotations[at(twist.bone)] = bones_[at(twist.bone)].rest * slerp(Quat(), normalised(part), twist.share);
    }
}

void Retargeter::place_feet(const std::array<Vec3, kJoints>& canonical, Vec3& pelvis) noexcept {
    for (std::size_t i = 0; i < bones_.size(); ++i) {
        const BoneState& bone = bones_[i];
        if (!bone.placed) continue;
        if (static_cast<int>(i) == pelvis_bone_)
            places_[i] = pelvis;
        else if (bone.parent < 0)
            places_[i] = bone.translation;
        else
            places_[i] = places_[at(bone.parent)] + rotate(world_[at(bone.parent)], bone.translation);
    }
    std::array<Vec3, 2> targets;
    std::array<float, 2> thighs, shanks;
    float drop = 0.0f;
    for (std::size_t side = 0; side < 2; ++side) {
        const Leg& leg = legs_[side];
        const Vec3 ankle = canonical[at(leg.ankle_joint)];
        const float height = leg.ankle_height + hip_scale_ * (ankle.y - kAnkleRestHeight);
        targets[side] = to_engine(space_, Vec3{ankle.x, height, ankle.z});
        thighs[side] = length(places_[at(leg.knee)] - places_[at(leg.hip)]);
        shanks[side] = length(places_[at(leg.ankle)] - places_[at(leg.knee)]);
        const Vec3 way = places_[at(leg.hip)] - targets[side];
        const float rise = dot(way, up_);
        const Vec3 flat = way - up_ * rise;
        const float reach = kReach * (thighs[side] + shanks[side]);
        drop = std::max(drop, rise - std::sqrt(std::max(reach * reach - dot(flat, flat), 0.0f)));
    }
    pelvis = pelvis - up_ * drop;
    for (std::size_t side = 0; side < 2; ++side) {
        const Leg& leg = legs_[side];
        const Vec3 h = places_[at(leg.hip)] - up_ * drop;
        const Vec3 k = places_[at(leg.knee)] - up_ * drop;
        const Vec3 a = places_[at(leg.ankle)] - up_ * drop;
        const Vec3 target = targets[side];
        const float l1 = thighs[side], l2 = shanks[side];
        const float d = std::min(std::max(length(target - h), std::fabs(l1 - l2) + 1e-4f * l1), kReach * (l1 + l2));
        const Vec3 u = k - h, v = a - k;
        Vec3 n = cross(u, v);
        float size = length(n);
        const float flexion = std::atan2(size, dot(u, v));
        Quat& hip = world_[at(leg.hip)];
        if (size < 1e-4f * l1 * l2) {
            // A straight leg has no plane of its own: it bends about the hip's lateral axis.
            const Vec3 lateral = imaginary(to_engine(space_, Quat{1.0f, 0.0f, 0.0f, 0.0f}));
            n = rotate(hip * inverse(bones_[at(leg.hip)].t_pose), lateral);
            size = length(n);
        }
        n = n * (1.0f / size);
        const float cosine = (d * d - l1 * l1 - l2 * l2) / (2.0f * l1 * l2);
        const float wanted = std::acos(std::min(std::max(cosine, -1.0f), 1.0f));
        const Quat bend = exponential(n * (wanted - flexion));
        const Quat swing = between(k + rotate(bend, v) - h, target - h);
        world_[at(leg.knee)] = swing * bend * world_[at(leg.knee)];
        hip = swing * hip;
    }
}

void Retargeter::inverse_retarget(const Quat* rotations, Vec3 pelvis, Frame& out) noexcept {
    std::array<Quat, kJoints> turned;
    for (std::size_t i = 0; i < bones_.size(); ++i)
        world_[i] = bones_[i].parent < 0 ? rotations[i] : world_[at(bones_[i].parent)] * rotations[i];
    for (int j = 0; j < kJoints; ++j) {
        const int bone = bone_of_[at(j)];
        const Quat above = j == 0 ? Quat() : turned[at(kParents[at(j)])];
        turned[at(j)] = bone < 0 ? above : from_engine(space_, world_[at(bone)] * inverse(bones_[at(bone)].t_pose));
        out.rotations[at(j)] = normalised(inverse(above) * turned[at(j)]);
    }
    out.pelvis = Vec3{0.0f, kPelvisRestHeight, 0.0f} + from_engine(space_, pelvis - pelvis_rest_) * (1.0f / hip_scale_);
}

void Retargeter::places(const Quat* rotations, Vec3 pelvis, Vec3* out) const noexcept {
    std::vector<Quat> world(bones_.size());
    for (std::size_t i = 0; i < bones_.size(); ++i) {
        const BoneState& bone = bones_[i];
        world[i] = bone.parent < 0 ? rotations[i] : world[at(bone.parent)] * rotations[i];
        out[i] = bone.parent < 0 ? bone.translation
                                 : out[at(bone.parent)] + rotate(world[at(bone.parent)], bone.translation);
        if (static_cast<int>(i) == pelvis_bone_) out[i] = pelvis;
    }
}

}  // namespace strut
