// The range of motion that shows whether a rig map is right.
#include "strut/rig_preview.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "../load/checks.h"

using namespace strut;

namespace {

// A time at which the movement with this caption is farthest out.
double when(const std::string& caption) {
    for (double seconds = kPreviewMovementSeconds / 2.0; seconds < preview_seconds();
         seconds += kPreviewMovementSeconds)
        if (preview_caption(seconds) == caption) return seconds;
    FAIL("no such movement: " << caption);
    return 0.0;
}

// Places of a rig's bones in component space, by the canonical names that the rig has.
std::vector<Vec3> places(const Rig& rig, RigPreview& preview, double seconds) {
    std::vector<Quat> rotations(rig.size());
    std::vector<Vec3> out(rig.size());
    preview.pose(seconds, rotations.data(), out.data());
    for (std::size_t i = 0; i < rig.size(); ++i) {
        if (rig[i].parent < 0) continue;
        const auto p = static_cast<std::size_t>(rig[i].parent);
        out[i] = out[p] + rotate(rotations[p], out[i]);
        rotations[i] = rotations[p] * rotations[i];
    }
    return out;
}

std::size_t bone_of(const RigMap& map, const Rig& rig, Joint joint) {
    for (const BoneSource& bone : map.bones)
        if (bone.joint == joint && bone.share == 0.0f)
            for (std::size_t i = 0; i < rig.size(); ++i)
                if (rig[i].name == bone.bone) return i;
    FAIL("no bone shows the joint");
    return 0;
}

}  // namespace

TEST_CASE("the range of motion is smooth, begins again, and moves every joint by itself") {
    std::array<bool, kJoints> moved{};
    Frame before, frame;
    preview_frame(-0.01, before);
    for (double seconds = 0.0; seconds < 2.0 * preview_seconds(); seconds += 0.01) {
        preview_frame(seconds, frame);
        for (std::size_t j = 0; j < kJoints; ++j) {
            CHECK(std::fabs(dot(frame.rotations[j], frame.rotations[j]) - 1.0f) < 1e-5f);
            CHECK(std::fabs(dot(frame.rotations[j], before.rotations[j])) > std::cos(0.03f));
            moved[j] = moved[j] || std::fabs(frame.rotations[j].w) < 0.99f;
        }
        before = frame;
    }
    CHECK_FALSE(moved[static_cast<std::size_t>(Joint::pelvis)]);
    CHECK(std::count(moved.begin(), moved.end(), true) == kJoints - 1);
    preview_frame(std::numeric_limits<double>::quiet_NaN(), frame);
    CHECK(frame.rotations[0].w == 1.0f);
}

TEST_CASE("what the caption says is what a rig does") {
    const Rig rig = load::proportioned_rig(kRestOffsets, 1.1f, 1.0f, 0.5f);
    const RigMap map = automatic_map(rig, EngineSpace::unreal_facing_y);
    RigPreview preview;
    REQUIRE(preview.prepare(rig, map) == "");
    CHECK(preview.ready());
    CHECK(preview.bone_count() == static_cast<int>(rig.size()));
    CHECK(preview.missing() == "");
    const std::vector<Vec3> still = places(rig, preview, 0.0);
    // Unreal's component space: x to the mesh's left, y ahead, z up.
    const auto way = [&](const char* caption, Joint joint) {
        const std::size_t bone = bone_of(map, rig, joint);
        return places(rig, preview, when(caption))[bone] - still[bone];
    };
    CHECK(still[bone_of(map, rig, Joint::left_wrist)].x > 40.0f);
    CHECK(way("left arm down", Joint::left_wrist).z < -40.0f);
    CHECK(length(way("left arm down", Joint::right_wrist)) < 0.1f);
    CHECK(way("right arm down", Joint::right_wrist).z < -40.0f);
    CHECK(way("left elbow bent, hand ahead", Joint::left_wrist).y > 20.0f);
    CHECK(way("right elbow bent, hand ahead", Joint::right_wrist).y > 20.0f);
    CHECK(way("left shoulder up, left hand down", Joint::left_shoulder).z > 1.0f);
    CHECK(way("left leg ahead, knee bent", Joint::left_knee).y > 20.0f);
    CHECK(way("right leg ahead, knee bent", Joint::right_knee).y > 20.0f);
    CHECK(way("right leg ahead, knee bent", Joint::right_ankle).z > 10.0f);
    CHECK(way("trunk turned to the left", Joint::left_wrist).y < -20.0f);
    CHECK(way("head bowed", Joint::head).y > 1.0f);
}

TEST_CASE("a map with its sides swapped shows the other arm") {
    const Rig rig = load::proportioned_rig(kRestOffsets, 1.0f, 1.0f, 0.0f);
    const RigMap right = automatic_map(rig, EngineSpace::unreal_facing_y);
    RigMap swapped = right;
    const auto swap = [](Joint joint, Joint left, Joint other) {
        return joint == left ? other : joint == other ? left : joint;
    };
    for (BoneSource& bone : swapped.bones) {
        bone.joint = swap(bone.joint, Joint::left_shoulder, Joint::right_shoulder);
        bone.next = swap(bone.next, Joint::left_shoulder, Joint::right_shoulder);
    }
    RigPreview preview;
    REQUIRE(preview.prepare(rig, swapped) == "");
    const std::vector<Vec3> still = places(rig, preview, 0.0), down = places(rig, preview, when("left arm down"));
    const std::size_t left = bone_of(right, rig, Joint::left_elbow), other = bone_of(right, rig, Joint::right_elbow);
    CHECK(length(down[left] - still[left]) < 0.1f);
    CHECK(length(down[other] - still[other]) > 10.0f);
}

TEST_CASE("joints without a bone are named, and a map that does not fit says why") {
    const Rig rig = load::proportioned_rig(kRestOffsets, 1.0f, 1.0f, 0.0f);
    RigMap map = automatic_map(rig, EngineSpace::unreal_facing_y);
    const auto of = [](Joint joint) {
        return [joint](const BoneSource& b) { return b.joint == joint || (b.share > 0.0f && b.next == joint); };
    };
    for (const Joint joint : {Joint::left_foot, Joint::right_foot})
        map.bones.erase(std::remove_if(map.bones.begin(), map.bones.end(), of(joint)), map.bones.end());
    RigPreview preview;
    REQUIRE(preview.prepare(rig, map) == "");
    CHECK(preview.missing() == "left_foot, right_foot");
    map.bones.erase(std::remove_if(map.bones.begin(), map.bones.end(), of(Joint::pelvis)), map.bones.end());
    CHECK(preview.prepare(rig, map) != "");
    CHECK_FALSE(preview.ready());
}

TEST_CASE("the canonical skeleton is drawn in the rig's size") {
    for (const float scale : {0.6f, 1.0f}) {
        CAPTURE(scale);
        const Rig rig = load::proportioned_rig(kRestOffsets, scale, 1.0f, 0.0f);
        const RigMap map = automatic_map(rig, EngineSpace::unreal_facing_y);
        RigPreview preview;
        REQUIRE(preview.prepare(rig, map) == "");
        std::array<Vec3, kJoints> drawn;
        preview.skeleton(0.0, drawn);
        const std::vector<Vec3> shown = places(rig, preview, 0.0);
        CHECK(drawn[0].z == doctest::Approx(shown[bone_of(map, rig, Joint::pelvis)].z).epsilon(0.05));
        CHECK(drawn[static_cast<std::size_t>(Joint::left_wrist)].x > 20.0f);
    }
}
