#include "checks.h"

#include <cmath>
#include <cstdio>

namespace strut::load {

namespace {

constexpr float kContact = 0.6f;
constexpr std::size_t kContactJoints[4] = {7, 10, 8, 11};

Vec3 to_world(Vec3 p, const Placement& root) noexcept {
    const auto c = static_cast<float>(std::cos(root.heading)), s = static_cast<float>(std::sin(root.heading));
    return {static_cast<float>(root.x) + c * p.x + s * p.z, p.y, static_cast<float>(root.z) + c * p.z - s * p.x};
}

double across(Vec3 a, Vec3 b) noexcept {
    return std::hypot(static_cast<double>(a.x - b.x), static_cast<double>(a.z - b.z));
}

}  // namespace

std::array<Vec3, kJoints> world_joints(const Frame& pose, const std::array<Vec3, kJoints>& rest_offsets,
                                       const Placement& root) noexcept {
    std::array<Vec3, kJoints> places;
    std::array<Quat, kJoints> turned;
    forward_kinematics(pose, rest_offsets, places, turned);
    for (Vec3& place : places) place = to_world(place, root);
    return places;
}

void MotionCheck::fault(Totals& totals, const char* what, double value, std::uint64_t character) noexcept {
    ++totals.broken;
    if (!totals.first_fault.empty()) return;
    char text[160];
    std::snprintf(text, sizeof text, "character %llu: %s is %g", static_cast<unsigned long long>(character), what,
                  value);
    totals.first_fault = text;
}

void MotionCheck::frame(const Character& character, const std::array<Vec3, kJoints>& rest_offsets, double dt, bool calm,
                        Totals& totals) noexcept {
    ++totals.frames;
    const Frame& pose = character.pose();
    for (const Quat& q : pose.rotations) {
        const float size = dot(q, q);
        if (!(std::fabs(size - 1.0f) < 1e-3f))
            fault(totals, "length of a rotation", std::sqrt(size), character.number());
    }
    if (!(pose.pelvis.y > 0.3f && pose.pelvis.y < 1.4f))
        fault(totals, "pelvis height", pose.pelvis.y, character.number());
    const Placement root = character.root();
    const std::array<Vec3, kJoints> now = world_joints(pose, rest_offsets, root);
    for (const Vec3& place : now)
        if (!(place.y > -0.25f && place.y < 2.6f)) fault(totals, "height of a joint", place.y, character.number());
    if (dt <= 0.0) return;  // a pause
    if (held_ >= 1) {
        const double leap = std::hypot(root.x - place_.x, root.z - place_.z);
        if (leap > 0.05 + 10.0 * dt) fault(totals, "way of the root in a frame", leap, character.number());
    }
    // Frames of unequal length have no second difference.
    if (held_ >= 2 && std::fabs(dt - step_) < 0.2 * dt) {
        float largest = 0.0f;
        for (std::size_t j = 0; j < kJoints; ++j)
            largest = std::fmax(largest, length(now[j] - before_[j] * 2.0f + earlier_[j]));
        const double acceleration = largest / (dt * dt);
        (calm ? totals.calm : totals.disturbed).add(static_cast<std::uint64_t>(acceleration * 1000.0));
    }
    earlier_ = before_;
    before_ = now;
    place_ = root;
    step_ = dt;
    ++held_;
}

Rig proportioned_rig(const std::array<Vec3, kJoints>& rest_offsets, float leg_scale, float hip_width_scale,
                     float a_pose) {
    Rig rig(kJoints);
    float pelvis = kAnkleRestHeight * leg_scale;
    for (std::size_t j = 0; j < kJoints; ++j) {
        Vec3 offset = rest_offsets[j];
        if (j == 1 || j == 2) offset.x *= hip_width_scale;
        if (j == 1 || j == 2 || j == 4 || j == 5 || j == 7 || j == 8) offset.y *= leg_scale;
        if (j == 1 || j == 4 || j == 7) pelvis -= offset.y;
        if (j == 10 || j == 11) offset = offset * leg_scale;
        rig[j].name = kJointNames[j];
        rig[j].parent = kParents[j];
        rig[j].translation = to_engine(EngineSpace::unreal_facing_y, offset);
    }
    rig[0].translation = to_engine(EngineSpace::unreal_facing_y, Vec3{0.0f, pelvis, 0.0f});
    rig[16].rotation = to_engine(EngineSpace::unreal_facing_y, exponential({0.0f, 0.0f, -a_pose}));
    rig[17].rotation = to_engine(EngineSpace::unreal_facing_y, exponential({0.0f, 0.0f, a_pose}));
    return rig;
}

SlideCheck::SlideCheck(const std::array<Vec3, kJoints>& rest_offsets) : rest_offsets_(rest_offsets) {
    const struct {
        const char* name;
        float legs, hips, a_pose;
    } kinds[] = {{"long, A-pose", 1.06f, 1.35f, 0.8f}, {"short, wide", 0.86f, 1.3f, 0.0f}};
    for (const auto& kind : kinds) {
        const Rig rig = proportioned_rig(rest_offsets, kind.legs, kind.hips, kind.a_pose);
        OtherRig& other = rigs_.emplace_back();
        other.name = kind.name;
        const std::string fault =
            other.retargeter.prepare(rig, automatic_map(rig, EngineSpace::unreal_facing_y), rest_offsets);
        if (!fault.empty()) std::fprintf(stderr, "rig %s: %s\n", kind.name, fault.c_str());
        for (const Bone& bone : rig) other.rest.push_back(bone.rotation);
        other.rotations = other.rest;
        other.places.resize(rig.size());
        for (std::size_t i = 0; i < 4; ++i) other.contact_bones[i] = static_cast<int>(kContactJoints[i]);
    }
    rig_feet_.resize(rigs_.size());
}

void SlideCheck::frame(const Character& character) noexcept {
    // Contacts are labels of whole frames: feet are compared there, whatever the rate of display.
    const auto number = static_cast<std::int64_t>(std::floor(character.playhead()));
    if (held_ && number == number_) return;
    if (number < character.buffer().begin() || number >= character.buffer().end()) return;
    const Frame& frame = character.buffer().at(number);
    const bool follows = held_ && number == number_ + 1 && character.state() == CharacterState::streaming;
    const Placement root = {frame.root_x, frame.root_z, frame.heading};
    const std::array<Vec3, kJoints> joints = world_joints(frame, rest_offsets_, root);
    for (std::size_t i = 0; i < 4; ++i) {
        const Vec3 foot = joints[kContactJoints[i]];
        if (follows && contacts_[i] > kContact && frame.contacts[i] > kContact) {
            canonical_ += across(foot, feet_[i]);
            seconds_ += 1.0 / kFps;
        }
        feet_[i] = foot;
    }
    for (std::size_t r = 0; r < rigs_.size(); ++r) {
        OtherRig& rig = rigs_[r];
        Vec3 pelvis;
        rig.rotations = rig.rest;
        rig.retargeter.retarget(frame, rig.rotations.data(), pelvis);
        rig.retargeter.places(rig.rotations.data(), pelvis, rig.places.data());
        for (std::size_t i = 0; i < 4; ++i) {
            const Vec3 place = rig.places[static_cast<std::size_t>(rig.contact_bones[i])];
            const Vec3 foot = to_world(from_engine(EngineSpace::unreal_facing_y, place), root);
            if (follows && contacts_[i] > kContact && frame.contacts[i] > kContact)
                rig.slide += across(foot, rig_feet_[r][i]);
            rig_feet_[r][i] = foot;
        }
    }
    contacts_ = frame.contacts;
    number_ = number;
    held_ = true;
}

}  // namespace strut::load
