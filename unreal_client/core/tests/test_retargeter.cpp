// Retargeting against the shared vectors: the canonical skeleton in each engine, the mannequin's A-pose, a short rig.
#include <set>

#include "strut/rig.h"
#include "vectors.h"

using namespace strut;
using namespace strut::test;

namespace {

EngineSpace space_of(const std::string& name) {
    if (name == "unity") return EngineSpace::unity;
    return name == "unreal_facing_x" ? EngineSpace::unreal_facing_x : EngineSpace::unreal_facing_y;
}

Rig rig_of(const Json& list) {
    Rig rig;
    for (const Json& bone : list)
        rig.push_back({bone["name"], bone["parent"], quat(bone["rotation"]), vec3(bone["translation"])});
    return rig;
}

Joint joint_of(const std::string& name) {
    Joint joint = Joint::pelvis;
    REQUIRE(joint_of_name(name, joint));
    return joint;
}

RigMap map_of(const Json& json) {
    RigMap map;
    map.space = space_of(json["space"]);
    for (const Json& entry : json["bones"]) {
        const Joint joint = joint_of(entry["joint"]);
        const std::string next = entry.value("next", entry["joint"].get<std::string>());
        map.bones.push_back({entry["bone"], joint, joint_of(next), entry.value("share", 0.0f)});
    }
    if (json.contains("t_pose"))
        for (const auto& [bone, rotation] : json["t_pose"].items()) map.t_pose.push_back({bone, quat(rotation)});
    if (json.contains("twists"))
        for (const Json& twist : json["twists"])
            map.twists.push_back({twist["bone"], twist["source"], vec3(twist["axis"]), twist["share"]});
    map.hip_scale = json.value("hip_scale", 0.0f);
    map.foot_ik = json.value("foot_ik", true);
    return map;
}

std::vector<Quat> rest_of(const Rig& rig) {
    std::vector<Quat> rotations;
    for (const Bone& bone : rig) rotations.push_back(bone.rotation);
    return rotations;
}

std::vector<Quat> component(const Rig& rig, const std::vector<Quat>& rotations) {
    std::vector<Quat> world = rotations;
    for (std::size_t i = 0; i < rig.size(); ++i)
        if (rig[i].parent >= 0) world[i] = world[static_cast<std::size_t>(rig[i].parent)] * rotations[i];
    return world;
}

const Json& case_named(const std::string& name) {
    for (const Json& entry : core()["retargeting"])
        if (entry["name"] == name) return entry;
    FAIL("no such case: " << name);
    return core();
}

}  // namespace

TEST_CASE("frames on rigs are those of the shared vectors") {
    for (const Json& entry : core()["retargeting"]) {
        const std::string name = entry["name"];
        CAPTURE(name);
        const Rig rig = rig_of(entry["rig"]);
        Retargeter retargeter;
        REQUIRE(retargeter.prepare(rig, map_of(entry["map"])) == "");
        CHECK(retargeter.hip_scale() == doctest::Approx(entry["hip_scale"].get<double>()).epsilon(1e-5));
        // Vectors are compared in metres.
        const double unit = retargeter.space() == EngineSpace::unity ? 1.0 : 100.0;
        for (const Json& shown : entry["shown"]) {
            std::vector<Quat> rotations = rest_of(rig);
            std::vector<Vec3> places(rig.size());
            Vec3 pelvis;
            retargeter.retarget(frame(shown["frame"]), rotations.data(), pelvis);
            retargeter.places(rotations.data(), pelvis, places.data());
            check_close(pelvis, vec3(shown["pelvis"]), 1e-5 * unit);
            for (std::size_t i = 0; i < rig.size(); ++i) {
                CAPTURE(rig[i].name);
                check_close(rotations[i], quat(shown["rotations"][i]), 2e-5);
                check_close(places[i], vec3(shown["places"][i]), 1e-5 * unit);
            }
        }
    }
}

TEST_CASE("the inverse brings a rig's pose back as the frame that it shows") {
    for (const char* name : {"mannequin", "short", "canonical, unreal_facing_x"}) {
        CAPTURE(name);
        const Json& entry = case_named(name);
        const Rig rig = rig_of(entry["rig"]);
        RigMap map = map_of(entry["map"]);
        map.foot_ik = false;
        Retargeter retargeter;
        REQUIRE(retargeter.prepare(rig, map) == "");
        // Joints that the rig has no bone of its own for cannot come back: spines of another count.
        const Frame shown = frame(entry["shown"][2]["frame"]);
        std::vector<Quat> rotations = rest_of(rig), again = rest_of(rig);
        Vec3 pelvis, pelvis_again;
        retargeter.retarget(shown, rotations.data(), pelvis);
        Frame back = idle_pose();
        retargeter.inverse_retarget(rotations.data(), pelvis, back);
        check_close(back.pelvis, shown.pelvis, 2e-5);
        retargeter.retarget(back, again.data(), pelvis_again);
        const std::vector<Quat> world = component(rig, rotations), world_again = component(rig, again);
        for (const BoneSource& source : map.bones) {
            if (source.share > 0.0f) continue;
            CAPTURE(source.bone);
            const auto i = static_cast<std::size_t>(retargeter.bone_of(source.joint));
            check_close(world_again[i], world[i], 1e-4);
        }
    }
}

TEST_CASE("automatic maps find the bones that hand-made ones name") {
    for (const char* name : {"mannequin", "short", "canonical, unity"}) {
        CAPTURE(name);
        const Json& entry = case_named(name);
        const RigMap made = automatic_map(rig_of(entry["rig"]), space_of(entry["map"]["space"]));
        const RigMap expected = map_of(entry["map"]);
        CHECK(made.bones.size() == expected.bones.size());
        for (const BoneSource& wanted : expected.bones) {
            CAPTURE(wanted.bone);
            const auto found = std::find_if(made.bones.begin(), made.bones.end(),
                                            [&](const BoneSource& source) { return source.bone == wanted.bone; });
            REQUIRE(found != made.bones.end());
            CHECK(found->joint == wanted.joint);
            CHECK(found->share == doctest::Approx(wanted.share));
            if (wanted.share > 0.0f) CHECK(found->next == wanted.next);
        }
    }
}

TEST_CASE("Mixamo's names are known with their prefix") {
    Rig rig;
    const auto add = [&](const char* name, int parent, Vec3 place) { rig.push_back({name, parent, Quat(), place}); };
    add("mixamorig:Hips", -1, {0, 1, 0});
    add("mixamorig:Spine", 0, {0, 0.1f, 0});
    add("mixamorig:Spine1", 1, {0, 0.1f, 0});
    add("mixamorig:Spine2", 2, {0, 0.1f, 0});
    add("mixamorig:Neck", 3, {0, 0.1f, 0});
    add("mixamorig:LeftUpLeg", 0, {-0.1f, 0, 0});
    add("mixamorig:RightUpLeg", 0, {0.1f, 0, 0});
    const RigMap map = automatic_map(rig, EngineSpace::unity);
    std::set<std::pair<std::string, int>> found;
    for (const BoneSource& source : map.bones) {
        CHECK(source.share == 0.0f);
        found.insert({source.bone.substr(10), static_cast<int>(source.joint)});
    }
    const std::set<std::pair<std::string, int>> expected = {
        {"Hips", 0}, {"Spine", 3}, {"Spine1", 6}, {"Spine2", 9}, {"Neck", 12}, {"LeftUpLeg", 1}, {"RightUpLeg", 2}};
    CHECK(found == expected);
}

TEST_CASE("what does not fit a rig is said with the bone's name") {
    const Rig rig = rig_of(case_named("short")["rig"]);
    const RigMap good = map_of(case_named("short")["map"]);
    Retargeter retargeter;
    RigMap map = good;
    map.bones[3].bone = "Tail";
    CHECK(retargeter.prepare(rig, map) == "bones: the rig has no bone Tail");
    map = good;
    map.bones[1].share = 1.5f;
    CHECK(retargeter.prepare(rig, map).find("it must be 0 to 1") != std::string::npos);
    map = good;
    map.bones.erase(map.bones.begin());
    CHECK(retargeter.prepare(rig, map) == "bones: no bone shows the joint pelvis");
    map = good;
    map.twists.push_back({"Spine", "Tail", {1, 0, 0}, 0.5f});
    CHECK(retargeter.prepare(rig, map) == "twists: the rig has no bone Tail");
    Rig turned = rig;
    turned[2].parent = 5;
    CHECK(retargeter.prepare(turned, good).find("parent is 5") != std::string::npos);
}
