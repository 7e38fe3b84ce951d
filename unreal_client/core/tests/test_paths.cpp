// Trajectories from what a game knows, levels of detail, and what a server cannot do.
#include <doctest/doctest.h>

#include <cmath>

#include "strut/level_rules.h"
#include "strut/paths.h"

using namespace strut;

namespace {

PlanQuery at(double x, double z, double seconds_ahead = 0.0) {
    PlanQuery query;
    query.x = x;
    query.z = z;
    query.seconds_ahead = seconds_ahead;
    return query;
}

}  // namespace

TEST_CASE("a velocity is carried on from the window's start, with a speed at its end") {
    VelocityPath path;
    path.set(1.5, 0.0);
    Trajectory made;
    path.plan(at(10.0, -2.0, 0.2), made);
    REQUIRE(made.count == 9);
    CHECK(made.samples[0].x == doctest::Approx(10.0));
    CHECK(made.samples[8].x == doctest::Approx(11.8));
    CHECK(made.samples[8].z == doctest::Approx(-2.0));
    CHECK(made.samples[8].time == doctest::Approx(1.2));
    CHECK(made.samples[8].speed == doctest::Approx(1.5));
    CHECK(std::isnan(made.samples[3].speed));
    CHECK(std::isnan(made.samples[3].facing));
}

TEST_CASE("a velocity goes over into the wanted one by its half-life") {
    VelocityPath path;
    path.set(0.0, 0.0, 2.0, 0.0, 0.3);
    path.face(0.5f);
    Trajectory made;
    path.plan(at(0.0, 0.0), made);
    // After one half-life half the speed is there, after 1.2 seconds 15 of 16 parts.
    const auto speed = [&made](int i) {
        return (made.samples[static_cast<std::size_t>(i + 1)].x - made.samples[static_cast<std::size_t>(i)].x) / 0.15;
    };
    CHECK((speed(1) + speed(2)) / 2.0 == doctest::Approx(1.0).epsilon(0.02));
    CHECK(speed(7) > 1.8);
    CHECK(speed(7) < 2.0);
    CHECK(made.samples[5].facing == doctest::Approx(0.5));
    // Half of the difference is gone when the window begins that much later.
    Trajectory later;
    path.plan(at(0.0, 0.0, 0.3), later);
    CHECK(later.samples[1].x / 0.15 > 1.0);
}

TEST_CASE("a velocity asks to be planned anew when it turns, stops, or the character faces elsewhere") {
    VelocityPath path;
    Trajectory made;
    const auto after = [&](double x, double z) {
        path.set(1.0, 0.0);
        made.clear();
        path.plan(at(0.0, 0.0), made);
        path.set(x, z);
        return path.changed();
    };
    CHECK_FALSE(after(1.0, 0.0));
    CHECK_FALSE(after(1.1, 0.1));
    CHECK(after(0.0, 0.0));
    CHECK(after(1.5, 0.0));
    CHECK(after(0.8, 0.6));
    path.plan(at(0.0, 0.0), made);
    path.face(0.1f);
    CHECK(path.changed());
    path.plan(at(0.0, 0.0), made);
    path.face(0.2f);
    CHECK_FALSE(path.changed());
    path.face(-0.4f);
    CHECK(path.changed());
}

TEST_CASE("a path goes round its corners at its speed and ends standing") {
    const CornerPath::Corner corners[] = {{-5.0, 0.0}, {0.0, 0.0}, {1.0, 0.0}, {1.0, 0.5}};
    CornerPath path;
    path.set(corners, 4, 2, 1.5);
    CHECK(path.changed());
    Trajectory made;
    path.plan(at(0.0, 0.0), made);
    CHECK_FALSE(path.changed());
    REQUIRE(made.count == 9);
    CHECK(made.samples[2].x == doctest::Approx(0.6));
    CHECK(made.samples[4].x == doctest::Approx(1.0));
    CHECK(made.samples[4].z == doctest::Approx(0.2));
    CHECK(made.samples[8].x == doctest::Approx(1.0));
    CHECK(made.samples[8].z == doctest::Approx(0.5));
    CHECK(made.samples[8].speed == 0.0f);
}

TEST_CASE("without a speed of its own a path has places alone, and ends where it ends") {
    const CornerPath::Corner corners[] = {{0.0, 1.0}};
    CornerPath path;
    path.set(corners, 1, 0, 0.0);
    Trajectory made;
    path.plan(at(0.0, 0.0), made);
    REQUIRE(made.count == 5);
    CHECK(made.samples[0].time == 0.0f);
    CHECK(std::isnan(made.samples[1].time));
    CHECK(std::isnan(made.samples[1].speed));
    CHECK(made.samples[3].z == doctest::Approx(0.9));
    CHECK(made.samples[4].z == doctest::Approx(1.0));
    CHECK(made.samples[4].speed == 0.0f);
    // Further on it does not end.
    const CornerPath::Corner further[] = {{0.0, 9.0}};
    path.set(further, 1, 0, 0.0);
    made.clear();
    path.plan(at(0.0, 0.0), made);
    CHECK(made.count == 9);
    CHECK(std::isnan(made.samples[8].speed));
}

TEST_CASE("corners that are passed are no other path; another end, speed or more corners are") {
    CornerPath::Corner corners[] = {{0.0, 0.0}, {1.0, 0.0}, {1.0, 4.0}};
    CornerPath path;
    Trajectory made;
    path.set(corners, 3, 1, 1.0);
    path.plan(at(0.0, 0.0), made);
    path.set(corners, 3, 1, 1.0);
    CHECK_FALSE(path.changed());
    path.set(corners, 3, 2, 1.0);
    CHECK_FALSE(path.changed());
    CHECK(path.moves());
    path.set(corners, 3, 1, 1.0);
    CHECK(path.changed());
    made.clear();
    path.plan(at(0.0, 0.0), made);
    corners[2].z = 5.0;
    path.set(corners, 3, 1, 1.0);
    CHECK(path.changed());
    made.clear();
    path.plan(at(0.0, 0.0), made);
    path.set(corners, 3, 1, 2.0);
    CHECK(path.changed());
    made.clear();
    path.plan(at(0.0, 0.0), made);
    path.stop();
    CHECK(path.changed());
    made.clear();
    path.plan(at(3.0, 1.0), made);
    CHECK(made.samples[8].x == doctest::Approx(3.0));
    CHECK(made.samples[8].speed == 0.0f);
    path.stop();
    CHECK_FALSE(path.changed());
}

TEST_CASE("a path of more corners than there is room for keeps the next ones") {
    std::array<CornerPath::Corner, 100> corners;
    for (std::size_t i = 0; i < corners.size(); ++i) corners[i] = {static_cast<double>(i), 0.0};
    CornerPath path;
    path.set(corners.data(), 100, 10, 1.0);
    Trajectory made;
    path.plan(at(9.5, 0.0), made);
    CHECK(made.samples[8].x == doctest::Approx(11.1));
}

TEST_CASE("levels of detail: far by distance, with hysteresis; culled after a while unseen, seen at once") {
    LevelRules rules;
    LevelSelector selector;
    CHECK(selector.update(rules, 10.0, true, 0.1) == LevelOfDetail::near_by);
    CHECK(selector.update(rules, 26.0, true, 0.1) == LevelOfDetail::far_off);
    CHECK(selector.priority() == 26);
    CHECK(selector.update(rules, 24.0, true, 0.1) == LevelOfDetail::far_off);
    CHECK(selector.update(rules, 22.0, true, 0.1) == LevelOfDetail::near_by);
    CHECK(selector.update(rules, 22.0, false, 0.3) == LevelOfDetail::near_by);
    CHECK(selector.update(rules, 22.0, false, 0.3) == LevelOfDetail::culled);
    CHECK(selector.update(rules, 22.0, true, 0.1) == LevelOfDetail::near_by);
    rules.cull_unseen = false;
    CHECK(selector.update(rules, 5000.0, false, 9.0) == LevelOfDetail::far_off);
    CHECK(selector.priority() == 1000);
}

TEST_CASE("what the server cannot do is not asked for") {
    auto scene = std::make_shared<Scene>();
    scene->preset = "rain";
    auto around = std::make_shared<Surroundings>();
    around->obstacles.push_back({1.0, 2.0, 0.5f, 0.0f, 0.0f, 0.0f, std::nullopt, std::nullopt});
    Controls all;
    all.scene = scene;
    all.surroundings = around;
    all.keyframes = std::make_shared<std::vector<Keyframe>>(1);
    const auto kept = [&all](std::uint64_t capabilities) {
        Controls controls = all;
        drop_unsupported(controls, capabilities);
        return (controls.scene != nullptr) + 2 * (controls.surroundings != nullptr) +
               4 * (controls.keyframes != nullptr);
    };
    CHECK(kept(~0ull) == 7);
    CHECK(kept(0) == 0);
    CHECK(kept(1ull << 7) == 1);
    CHECK(kept(1ull << 17) == 1);
    CHECK(kept(1ull << 10) == 2);
    CHECK(kept(1ull << 11) == 4);
    around->ground = HeightField();
    CHECK(kept(1ull << 10) == 0);
    CHECK(kept(1ull << 10 | 1ull << 9) == 2);
    scene->preset.clear();
    scene->text = "a wet deck";
    CHECK(kept(1ull << 7) == 0);
    CHECK(kept(1ull << 7 | 1ull << 8) == 1);
}
