#include <algorithm>
#include <cctype>

#include "strut/rig.h"

namespace strut {

namespace {

// What a bone's name says: lower case, the part after the last ':' or '|', letters and digits alone.
std::string plain(const std::string& name) {
    const std::size_t prefix = name.find_last_of(":|");
    std::string out;
    for (std::size_t i = prefix == std::string::npos ? 0 : prefix + 1; i < name.size(); ++i) {
        const auto letter = static_cast<unsigned char>(name[i]);
        if (std::isalnum(letter)) out.push_back(static_cast<char>(std::tolower(letter)));
    }
    return out;
}

struct Aliases {
    Joint joint;
    // Unreal's mannequin, Mixamo, Unity's humanoid; null where there is none.
    const char* names[3];
};

constexpr Aliases kAliases[] = {
    {Joint::pelvis, {"pelvis", "hips", nullptr}},
    {Joint::neck, {"neck01", "neck", nullptr}},
    {Joint::head, {"head", nullptr, nullptr}},
    {Joint::left_hip, {"thighl", "leftupleg", "leftupperleg"}},
    {Joint::left_knee, {"calfl", "leftleg", "leftlowerleg"}},
    {Joint::left_ankle, {"footl", "leftfoot", nullptr}},
    {Joint::left_foot, {"balll", "lefttoebase", "lefttoes"}},
    {Joint::left_collar, {"claviclel", "leftshoulder", nullptr}},
    {Joint::left_shoulder, {"upperarml", "leftarm", "leftupperarm"}},
    {Joint::left_elbow, {"lowerarml", "leftforearm", "leftlowerarm"}},
    {Joint::left_wrist, {"handl", "lefthand", nullptr}},
    {Joint::right_hip, {"thighr", "rightupleg", "rightupperleg"}},
    {Joint::right_knee, {"calfr", "rightleg", "rightlowerleg"}},
    {Joint::right_ankle, {"footr", "rightfoot", nullptr}},
    {Joint::right_foot, {"ballr", "righttoebase", "righttoes"}},
    {Joint::right_collar, {"clavicler", "rightshoulder", nullptr}},
    {Joint::right_shoulder, {"upperarmr", "rightarm", "rightupperarm"}},
    {Joint::right_elbow, {"lowerarmr", "rightforearm", "rightlowerarm"}},
    {Joint::right_wrist, {"handr", "righthand", nullptr}},
};

constexpr Joint kSpine[4] = {Joint::pelvis, Joint::spine1, Joint::spine2, Joint::spine3};

int find_named(const std::vector<std::string>& names, const std::string& wanted) {
    const auto found = std::find(names.begin(), names.end(), wanted);
    return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

}  // namespace

RigMap automatic_map(const Rig& rig, EngineSpace space) {
    RigMap map;
    map.space = space;
    std::vector<std::string> names;
    for (const Bone& bone : rig) names.push_back(plain(bone.name));

    // The canonical names mean what they say: there left_foot is the toes, where others mean the ankle.
    const bool canonical = std::all_of(kJointNames.begin(), kJointNames.end(),
                                       [&](const char* name) { return find_named(names, plain(name)) >= 0; });
    if (canonical) {
        for (int j = 0; j < kJoints; ++j) {
            const int bone = find_named(names, plain(kJointNames[static_cast<std::size_t>(j)]));
            map.bones.push_back({rig[static_cast<std::size_t>(bone)].name, static_cast<Joint>(j), Joint::pelvis, 0.0f});
        }
        return map;
    }

    int pelvis = -1, neck = -1;
    for (const Aliases& aliases : kAliases) {
        for (const char* name : aliases.names) {
            const int bone = name == nullptr ? -1 : find_named(names, name);
            if (bone < 0) continue;
            map.bones.push_back({rig[static_cast<std::size_t>(bone)].name, aliases.joint, Joint::pelvis, 0.0f});
            if (aliases.joint == Joint::pelvis) pelvis = bone;
            if (aliases.joint == Joint::neck) neck = bone;
            break;
        }
    }
    std::vector<int> spine;
    int bone = neck < 0 ? -1 : rig[static_cast<std::size_t>(neck)].parent;
    for (; bone >= 0 && bone != pelvis; bone = rig[static_cast<std::size_t>(bone)].parent) spine.push_back(bone);
    if (bone < 0) return map;  // the neck does not hang on the pelvis: no spine to share
    std::reverse(spine.begin(), spine.end());
    const auto count = spine.size();
    for (std::size_t i = 1; i <= count; ++i) {
        const std::size_t whole = 3 * i / count, rest = 3 * i % count;
        const float share = static_cast<float>(rest) / static_cast<float>(count);
        map.bones.push_back({rig[static_cast<std::size_t>(spine[i - 1])].name, kSpine[whole],
                             kSpine[std::min<std::size_t>(whole + 1, 3)], share});
    }
    return map;
}

}  // namespace strut
