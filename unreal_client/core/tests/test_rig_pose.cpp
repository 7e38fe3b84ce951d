// Local poses for animation systems: offsets, weights, lost bones, and back into a frame.
#include "strut/rig_pose.h"

#include <doctest/doctest.h>

#include "../load/checks.h"

using namespace strut;

namespace {

// A rig whose root bone is turned and lifted, as some exporters have it.
Rig turned_rig() {
    Rig rig = load::proportioned_rig(kRestOffsets, 1.0f, 1.0f, 0.5f);
    Rig out;
    const Quat turn = exponential({0.0f, 0.0f, 1.2f});
    out.push_back({"armature", -1, turn, {3.0f, -2.0f, 5.0f}});
    for (Bone bone : rig) {
        if (bone.parent < 0) {
            bone.rotation = inverse(turn) * bone.rotation;
            bone.translation = rotate(inverse(turn), bone.translation - Vec3{3.0f, -2.0f, 5.0f});
        }
        ++bone.parent;
        out.push_back(bone);
    }
    return out;
}

struct Pose {
    explicit Pose(const Rig& rig) {
        for (const Bone& bone : rig) {
            rotations.push_back(bone.rotation);
            translations.push_back(bone.translation);
        }
    }
    // Places in component space.
    std::vector<Vec3> places(const Rig& rig) const {
        std::vector<Vec3> out(rig.size());
        std::vector<Quat> turned(rig.size());
        for (std::size_t i = 0; i < rig.size(); ++i) {
            const int parent = rig[i].parent;
            const auto p = static_cast<std::size_t>(parent);
            turned[i] = parent < 0 ? rotations[i] : turned[p] * rotations[i];
            out[i] = parent < 0 ? translations[i] : out[p] + rotate(turned[p], translations[i]);
        }
        return out;
    }
    std::vector<Quat> rotations;
    std::vector<Vec3> translations;
};

Frame stride() {
    Frame frame = idle_pose();
    frame.rotations[1] = exponential({-0.5f, 0.05f, 0.0f}) * frame.rotations[1];
    frame.rotations[2] = exponential({0.4f, 0.0f, 0.1f}) * frame.rotations[2];
    frame.rotations[16] = exponential({0.3f, 0.4f, 0.0f}) * frame.rotations[16];
    return frame;
}

void same_places(const std::vector<Vec3>& a, const std::vector<Vec3>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(length(a[i] - b[i]) < 0.02f);
}

}  // namespace

TEST_CASE("a pose does not depend on how the bones above the pelvis stand") {
    const Rig plain = load::proportioned_rig(kRestOffsets, 1.0f, 1.0f, 0.5f), turned = turned_rig();
    RigPose a, b;
    REQUIRE(a.prepare(plain, automatic_map(plain, EngineSpace::unreal_facing_y)) == "");
    REQUIRE(b.prepare(turned, automatic_map(turned, EngineSpace::unreal_facing_y)) == "");
    Pose first(plain), second(turned);
    a.evaluate(stride(), {0.1, -0.2, 0.3}, 1.0f, first.rotations.data(), first.translations.data());
    b.evaluate(stride(), {0.1, -0.2, 0.3}, 1.0f, second.rotations.data(), second.translations.data());
    std::vector<Vec3> places = second.places(turned);
    places.erase(places.begin());
    same_places(first.places(plain), places);
}

TEST_CASE("an offset moves the whole body rigidly over the ground") {
    const Rig rig = turned_rig();
    RigPose pose;
    REQUIRE(pose.prepare(rig, automatic_map(rig, EngineSpace::unreal_facing_y)) == "");
    Pose still(rig), moved(rig);
    pose.evaluate(stride(), {}, 1.0f, still.rotations.data(), still.translations.data());
    pose.evaluate(stride(), {0.15, 0.05, 0.4}, 1.0f, moved.rotations.data(), moved.translations.data());
    std::vector<Vec3> expected = still.places(rig);
    const Quat turn = to_engine(EngineSpace::unreal_facing_y, exponential({0.0f, 0.4f, 0.0f}));
    for (Vec3& place : expected) place = rotate(turn, place) + Vec3{15.0f, 5.0f, 0.0f};
    expected[0] = moved.places(rig)[0];  // the armature stays
    same_places(moved.places(rig), expected);
}

TEST_CASE("a weight of 0 keeps the input pose, 1 replaces it, and between it lies between") {
    const Rig rig = turned_rig();
    RigPose pose;
    REQUIRE(pose.prepare(rig, automatic_map(rig, EngineSpace::unreal_facing_y)) == "");
    const Pose input(rig);
    Pose none(rig), half(rig), full(rig);
    pose.evaluate(stride(), {}, 0.0f, none.rotations.data(), none.translations.data());
    pose.evaluate(stride(), {}, 0.5f, half.rotations.data(), half.translations.data());
    pose.evaluate(stride(), {}, 1.0f, full.rotations.data(), full.translations.data());
    bool differs = false;
    for (std::size_t i = 0; i < rig.size(); ++i) {
        CHECK(dot(none.rotations[i], input.rotations[i]) == doctest::Approx(1.0));
        const float apart = length(logarithm(inverse(input.rotations[i]) * full.rotations[i]));
        const float way = length(logarithm(inverse(input.rotations[i]) * half.rotations[i]));
        CHECK(way == doctest::Approx(0.5 * apart).epsilon(0.01));
        differs = differs || apart > 0.3f;
    }
    CHECK(differs);
}

TEST_CASE("what a pose shows is found again") {
    const Rig rig = turned_rig();
    RigPose pose;
    RigMap map = automatic_map(rig, EngineSpace::unreal_facing_y);
    map.foot_ik = false;
    REQUIRE(pose.prepare(rig, map) == "");
    Pose shown(rig);
    pose.evaluate(stride(), {}, 1.0f, shown.rotations.data(), shown.translations.data());
    Frame found = idle_pose();
    pose.capture(shown.rotations.data(), shown.translations.data(), found);
    CHECK(length(found.pelvis - stride().pelvis) < 1e-3f);
    for (const std::size_t joint : {1u, 2u, 4u, 16u, 18u})
        CHECK(std::fabs(dot(found.rotations[joint], stride().rotations[joint])) == doctest::Approx(1.0).epsilon(1e-4));
}

TEST_CASE("bones that a level of detail has not are left out of the map, without a pelvis nothing fits") {
    Rig rig = load::proportioned_rig(kRestOffsets, 1.0f, 1.0f, 0.0f);
    RigMap map = automatic_map(rig, EngineSpace::unreal_facing_y);
    map.twists.push_back({rig[4].name, "lost", {1.0f, 0.0f, 0.0f}, 0.5f});
    map.bones.push_back({"also_lost", Joint::head, Joint::head, 0.0f});
    RigPose pose;
    CHECK(pose.prepare(rig, map) == "");
    CHECK(pose.ready());
    CHECK(present_in(map, rig).twists.empty());
    rig[static_cast<std::size_t>(0)].name = "nobody";
    CHECK(pose.prepare(rig, map) != "");
    CHECK_FALSE(pose.ready());
}

TEST_CASE("an offset is seen from the object") {
    // The object faces +X; the root is one metre before it and half a metre to its left, turned by 0.2.
    const Placement seen = relative_to({11.0, -3.5 - 0.5 + 1.0, 1.7707963}, {10.0, -3.5 + 0.0, 1.5707963});
    CHECK(seen.z == doctest::Approx(1.0));
    CHECK(seen.x == doctest::Approx(-0.5));
    CHECK(seen.heading == doctest::Approx(0.2));
}

TEST_CASE("who moves a character in a game of several players") {
    CHECK(root_mode_here(RootMode::motion_drives, true) == RootMode::motion_drives);
    CHECK(root_mode_here(RootMode::blend, true) == RootMode::blend);
    CHECK(root_mode_here(RootMode::motion_drives, false) == RootMode::game_drives);
    CHECK_FALSE(RootDriver::blocked({1.0, 2.0, 0.0}, {1.005, 2.0, 1.0}));
    CHECK(RootDriver::blocked({1.0, 2.0, 0.0}, {1.02, 2.0, 0.0}));
}
