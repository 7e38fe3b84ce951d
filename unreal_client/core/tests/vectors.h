// The shared test vectors, and comparing with them.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "strut/frame.h"

namespace strut::test {

using Json = nlohmann::json;

inline Json load(const std::string& name) {
    std::ifstream file(std::string(STRUT_VECTORS) + "/" + name);
    REQUIRE_MESSAGE(file.good(), name);
    return Json::parse(file);
}

inline const Json& core() {
    static const Json vectors = load("client_core.json");
    return vectors;
}

inline Vec3 vec3(const Json& v) {
    return {v[0].get<float>(), v[1].get<float>(), v[2].get<float>()};
}

inline Quat quat(const Json& v) {
    return {v[0].get<float>(), v[1].get<float>(), v[2].get<float>(), v[3].get<float>()};
}

inline Frame frame(const Json& v) {
    Frame f;
    f.root_x = v["root"][0].get<float>();
    f.root_z = v["root"][1].get<float>();
    f.heading = v["heading"].get<float>();
    f.pelvis = vec3(v["pelvis"]);
    for (std::size_t j = 0; j < kJoints; ++j) f.rotations[j] = quat(v["rotations"][j]);
    for (std::size_t i = 0; i < kContacts; ++i) f.contacts[i] = v["contacts"][i].get<float>();
    return f;
}

inline void check_close(Vec3 a, Vec3 b, double tolerance = 1e-5) {
    CHECK(length(a - b) <= tolerance);
}

// The same rotation, whatever the sign.
inline void check_close(Quat a, Quat b, double tolerance = 1e-5) {
    const float s = dot(a, b) < 0.0f ? -1.0f : 1.0f;
    const Quat d = {a.x - s * b.x, a.y - s * b.y, a.z - s * b.z, a.w - s * b.w};
    CHECK(std::sqrt(dot(d, d)) <= tolerance);
}

inline void check_close(const Frame& a, const Frame& b, double tolerance = 1e-5) {
    CHECK(std::fabs(a.root_x - b.root_x) <= tolerance);
    CHECK(std::fabs(a.root_z - b.root_z) <= tolerance);
    CHECK(std::fabs(wrap(a.heading - b.heading)) <= tolerance);
    check_close(a.pelvis, b.pelvis, tolerance);
    for (std::size_t j = 0; j < kJoints; ++j) check_close(a.rotations[j], b.rotations[j], tolerance);
    for (std::size_t i = 0; i < kContacts; ++i) CHECK(std::fabs(a.contacts[i] - b.contacts[i]) <= tolerance);
}

}  // namespace strut::test
