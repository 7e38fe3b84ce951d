#include "strut/rig_pose.h"

#include <algorithm>
#include <cmath>

namespace strut {

namespace {

Quat about_up(double heading) noexcept {
    return {0.0f, static_cast<float>(std::sin(0.5 * heading)), 0.0f, static_cast<float>(std::cos(0.5 * heading))};
}

}  // namespace

RigMap present_in(const RigMap& map, const Rig& rig) {
    const auto absent = [&rig](const std::string& name) {
        return std::none_of(rig.begin(), rig.end(), [&name](const Bone& bone) { return bone.name == name; });
    };
    const auto without = [&absent](auto& entries) {
        entries.erase(std::remove_if(entries.begin(), entries.end(), [&](const auto& e) { return absent(e.bone); }),
                      entries.end());
    };
    RigMap out = map;
    without(out.bones);
    without(out.t_pose);
    without(out.twists);
    out.twists.erase(std::remove_if(out.twists.begin(), out.twists.end(),
                                    [&absent](const TwistBone& twist) { return absent(twist.source); }),
                     out.twists.end());
    return out;
}

std::string RigPose::prepare(const Rig& rig, const RigMap& map, const std::array<Vec3, kJoints>& rest_offsets) {
    const std::string wrong = retargeter_.prepare(rig, present_in(map, rig), rest_offsets);
    ready_ = wrong.empty();
    parents_.clear();
    for (const Bone& bone : rig) parents_.push_back(bone.parent);
    shown_.assign(rig.size(), Quat());
    return wrong;
}

void RigPose::above_pelvis(const Quat* rotations, const Vec3* translations, Quat& rotation,
                           Vec3& place) const noexcept {
    rotation = Quat();
    place = Vec3();
    for (int bone = parents_[static_cast<std::size_t>(retargeter_.pelvis_bone())]; bone >= 0;
         bone = parents_[static_cast<std::size_t>(bone)]) {
        place = translations[bone] + rotate(rotations[bone], place);
        rotation = rotations[bone] * rotation;
    }
}

void RigPose::evaluate(const Frame& frame, const Placement& offset, float weight, Quat* rotations,
                       Vec3* translations) noexcept {
    if (weight <= 0.0f) return;
    std::copy(rotations, rotations + shown_.size(), shown_.begin());
    Vec3 pelvis;
    retargeter_.retarget(frame, shown_.data(), pelvis);
    const EngineSpace space = retargeter_.space();
    const Quat turn = to_engine(space, about_up(offset.heading));
    pelvis =
        rotate(turn, pelvis) + to_engine(space, Vec3{static_cast<float>(offset.x), 0.0f, static_cast<float>(offset.z)});
    Quat above;
    Vec3 place;
    above_pelvis(rotations, translations, above, place);
    const auto bone = static_cast<std::size_t>(retargeter_.pelvis_bone());
    shown_[bone] = inverse(above) * turn * above * shown_[bone];
    pelvis = rotate(inverse(above), pelvis - place);
    if (weight >= 1.0f) {
        std::copy(shown_.begin(), shown_.end(), rotations);
        translations[bone] = pelvis;
        return;
    }
    for (std::size_t i = 0; i < shown_.size(); ++i) rotations[i] = slerp(rotations[i], shown_[i], weight);
    translations[bone] = translations[bone] + (pelvis - translations[bone]) * weight;
}

void RigPose::capture(const Quat* rotations, const Vec3* translations, Frame& out) noexcept {
    Quat above;
    Vec3 place;
    above_pelvis(rotations, translations, above, place);
    const Vec3 pelvis = place + rotate(above, translations[retargeter_.pelvis_bone()]);
    retargeter_.inverse_retarget(rotations, pelvis, out);
}

}  // namespace strut
