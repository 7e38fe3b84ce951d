// Coordinates and records against the vectors that all languages share.
#include <cstdint>
#include <vector>

#include "strut/codec.h"
#include "strut/coordinates.h"
#include "vectors.h"

using namespace strut;
using namespace strut::test;

namespace {

std::vector<std::uint8_t> from_base64(const std::string& text) {
    std::vector<std::uint8_t> bytes;
    const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    int held = 0;
    for (char letter : text) {
        const auto value = letters.find(letter);
        if (value == std::string::npos) break;
        bits = bits << 6 | static_cast<unsigned>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes.push_back(static_cast<std::uint8_t>(bits >> held & 0xffu));
        }
    }
    return bytes;
}

}  // namespace

TEST_CASE("coordinates of every engine are those of the shared vectors, there and back") {
    const Json file = load("coordinates.json");
    const std::pair<const char*, EngineSpace> spaces[] = {{"unity", EngineSpace::unity},
                                                          {"unreal_facing_y", EngineSpace::unreal_facing_y},
                                                          {"unreal_facing_x", EngineSpace::unreal_facing_x}};
    for (const auto& [name, space] : spaces) {
        CAPTURE(name);
        for (std::size_t i = 0; i < file["strut"]["positions"].size(); ++i) {
            const Vec3 p = vec3(file["strut"]["positions"][i]);
            const Quat q = quat(file["strut"]["rotations"][i]);
            check_close(to_engine(space, p), vec3(file[name]["positions"][i]), 1e-3);
            check_close(to_engine(space, q), quat(file[name]["rotations"][i]));
            check_close(from_engine(space, to_engine(space, p)), p);
            check_close(from_engine(space, to_engine(space, q)), q);
            const double heading = file["strut"]["headings"][i];
            CHECK(heading_to_yaw(heading) == doctest::Approx(file[name]["yaws"][i].get<double>()));
            CHECK(yaw_to_heading(heading_to_yaw(heading)) == doctest::Approx(heading));
        }
    }
}

TEST_CASE("records decode to the frames of the shared vectors") {
    const Json file = load("frames.json");
    for (const auto& [name, entry] : file["encodings"].items()) {
        CAPTURE(name);
        const auto encoding = static_cast<FrameEncoding>(entry["number"].get<int>());
        const std::vector<std::uint8_t> data = from_base64(entry["data"]);
        const std::size_t count = entry["received"]["root_heading"].size();
        REQUIRE(record_bytes(encoding) == entry["record_bytes"].get<std::size_t>());
        REQUIRE(valid_records(encoding, data.data(), data.size(), static_cast<int>(count)));
        for (std::size_t i = 0; i < count; ++i) {
            Json expected = {{"heading", entry["received"]["root_heading"][i]},
                             {"root", entry["received"]["root_position"][i]}};
            for (const char* field : {"pelvis", "rotations", "contacts"}) expected[field] = entry["received"][field][i];
            Frame decoded;
            decode_record(encoding, data.data() + record_bytes(encoding) * i, decoded);
            check_close(decoded, frame(expected));
            if (encoding != FrameEncoding::float32) continue;
            std::uint8_t again[kFloat32Record];
            encode_float32(decoded, again);
            CHECK(std::equal(again, again + kFloat32Record, data.data() + kFloat32Record * i));
        }
    }
}

TEST_CASE("QUAT48 words decode to the shared rotations") {
    const Json& cases = core()["quat48"];
    for (std::size_t i = 0; i < cases["words"].size(); ++i) {
        const Json& w = cases["words"][i];
        check_close(decode_quat48(w[0], w[1], w[2]), quat(cases["rotations"][i]), 1e-6);
    }
}

TEST_CASE("records that are cut, not finite or no rotations are refused") {
    std::vector<std::uint8_t> data(2 * kFloat32Record);
    encode_float32(idle_pose(), data.data());
    encode_float32(idle_pose(), data.data() + kFloat32Record);
    const auto valid = [&](std::size_t size, int count) {
        return valid_records(FrameEncoding::float32, data.data(), size, count);
    };
    CHECK(valid(data.size(), 2));
    CHECK_FALSE(valid(data.size() - 1, 2));
    CHECK_FALSE(valid(data.size(), 1));
    CHECK_FALSE(valid(0, 0));
    CHECK_FALSE(valid_records(static_cast<FrameEncoding>(9), data.data(), data.size(), 2));
    SUBCASE("a place that is not a number") {
        data[kFloat32Record + 3] = 0x7f;
        data[kFloat32Record + 2] = 0xc0;
        CHECK_FALSE(valid(data.size(), 2));
    }
    SUBCASE("a rotation of length 0") {
        for (std::size_t i = 0; i < 16; ++i) data[24 + i] = 0;
        CHECK_FALSE(valid(data.size(), 2));
    }
}
