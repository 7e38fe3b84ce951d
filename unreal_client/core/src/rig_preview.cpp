#include "strut/rig_preview.h"

#include <algorithm>
#include <cmath>

#include "strut/coordinates.h"

namespace strut {

namespace {

struct Turn {
    Joint joint;
    Vec3 degrees;  // rotation vector in the joint's own space at rest: x to the left, y up, z ahead
};

struct Movement {
    const char* caption;
    std::array<Turn, 3> turns;
};

constexpr Vec3 kNone{};
constexpr Turn kStill{Joint::pelvis, kNone};

constexpr std::array<Movement, 13> kMovements = {{
    {"T-pose, facing ahead", {{kStill, kStill, kStill}}},
    {"left arm down", {{{Joint::left_shoulder, {0.0f, 0.0f, -80.0f}}, kStill, kStill}}},
    {"right arm down", {{{Joint::right_shoulder, {0.0f, 0.0f, 80.0f}}, kStill, kStill}}},
    {"left elbow bent, hand ahead", {{{Joint::left_elbow, {0.0f, -100.0f, 0.0f}}, kStill, kStill}}},
    {"right elbow bent, hand ahead", {{{Joint::right_elbow, {0.0f, 100.0f, 0.0f}}, kStill, kStill}}},
    {"left shoulder up, left hand down",
     {{{Joint::left_collar, {0.0f, 0.0f, 20.0f}}, {Joint::left_wrist, {0.0f, 0.0f, -60.0f}}, kStill}}},
    {"right shoulder up, right hand down",
     {{{Joint::right_collar, {0.0f, 0.0f, -20.0f}}, {Joint::right_wrist, {0.0f, 0.0f, 60.0f}}, kStill}}},
    {"left leg ahead, knee bent",
     {{{Joint::left_hip, {-70.0f, 0.0f, 0.0f}}, {Joint::left_knee, {80.0f, 0.0f, 0.0f}}, kStill}}},
    {"right leg ahead, knee bent",
     {{{Joint::right_hip, {-70.0f, 0.0f, 0.0f}}, {Joint::right_knee, {80.0f, 0.0f, 0.0f}}, kStill}}},
    {"left heel up on its toes",
     {{{Joint::left_ankle, {35.0f, 0.0f, 0.0f}}, {Joint::left_foot, {-35.0f, 0.0f, 0.0f}}, kStill}}},
    {"right heel up on its toes",
     {{{Joint::right_ankle, {35.0f, 0.0f, 0.0f}}, {Joint::right_foot, {-35.0f, 0.0f, 0.0f}}, kStill}}},
    {"trunk turned to the left",
     {{{Joint::spine1, {0.0f, 20.0f, 0.0f}},
       {Joint::spine2, {0.0f, 20.0f, 0.0f}},
       {Joint::spine3, {0.0f, 20.0f, 0.0f}}}}},
    {"head bowed", {{{Joint::neck, {25.0f, 0.0f, 0.0f}}, {Joint::head, {25.0f, 0.0f, 0.0f}}, kStill}}},
}};

// Which movement it is, and how far out it is, from 0 to 1 and back.
const Movement& movement_at(double seconds, float& share) noexcept {
    const double all = preview_seconds();
    const double within = std::isfinite(seconds) ? seconds - all * std::floor(seconds / all) : 0.0;
    const auto index = std::min(static_cast<std::size_t>(within / kPreviewMovementSeconds), kMovements.size() - 1);
    const double phase = within / kPreviewMovementSeconds - static_cast<double>(index);
    share = static_cast<float>(0.5 - 0.5 * std::cos(2.0 * static_cast<double>(kPi) * phase));
    return kMovements[index];
}

}  // namespace

double preview_seconds() noexcept {
    return kPreviewMovementSeconds * static_cast<double>(kMovements.size());
}

void preview_frame(double seconds, Frame& out) noexcept {
    out = Frame();
    out.pelvis = {0.0f, kPelvisRestHeight, 0.0f};
    float share = 0.0f;
    for (const Turn& turn : movement_at(seconds, share).turns)
        if (length(turn.degrees) > 0.0f)
            out.rotations[static_cast<std::size_t>(turn.joint)] = exponential(turn.degrees * (share * kPi / 180.0f));
}

const char* preview_caption(double seconds) noexcept {
    float share = 0.0f;
    return movement_at(seconds, share).caption;
}

std::string RigPreview::prepare(const Rig& rig, const RigMap& map) {
    const std::string wrong = pose_.prepare(rig, map);
    rest_ = rig;
    missing_.clear();
    if (!wrong.empty()) return wrong;
    space_ = map.space;
    Retargeter retargeter;
    const RigMap present = present_in(map, rig);
    const std::string again = retargeter.prepare(rig, present);
    if (!again.empty()) return again;
    scale_ = retargeter.hip_scale();
    std::array<bool, kJoints> shown{};
    for (const BoneSource& bone : present.bones) {
        shown[static_cast<std::size_t>(bone.joint)] = true;
        if (bone.share > 0.0f) shown[static_cast<std::size_t>(bone.next)] = true;
    }
    for (std::size_t joint = 0; joint < shown.size(); ++joint)
        if (!shown[joint]) missing_ += (missing_.empty() ? "" : ", ") + std::string(kJointNames[joint]);
    return std::string();
}

void RigPreview::pose(double seconds, Quat* rotations, Vec3* translations) noexcept {
    for (std::size_t bone = 0; bone < rest_.size(); ++bone) {
        rotations[bone] = rest_[bone].rotation;
        translations[bone] = rest_[bone].translation;
    }
    Frame frame;
    preview_frame(seconds, frame);
    pose_.evaluate(frame, Placement(), 1.0f, rotations, translations);
}

void RigPreview::skeleton(double seconds, std::array<Vec3, kJoints>& places) const noexcept {
    Frame frame;
    preview_frame(seconds, frame);
    std::array<Quat, kJoints> turned;
    forward_kinematics(frame, kRestOffsets, places, turned);
    for (Vec3& place : places) place = to_engine(space_, place * scale_);
}

}  // namespace strut
