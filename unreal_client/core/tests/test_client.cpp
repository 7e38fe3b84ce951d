// Characters and their client over a scripted transport.
#include <algorithm>
#include <chrono>
#include <thread>

#include "../load/allocations.h"
#include "scripted.h"
#include "vectors.h"

using namespace strut;
using namespace strut::test;

namespace {

using Places = std::array<Vec3, kJoints>;

// Joints in the world.
Places joints(const Character& character) {
    Places places;
    std::array<Quat, kJoints> turned;
    forward_kinematics(character.pose(), kRestOffsets, places, turned);
    const Placement root = character.root();
    const auto c = static_cast<float>(std::cos(root.heading)), s = static_cast<float>(std::sin(root.heading));
    for (Vec3& p : places)
        p = {static_cast<float>(root.x) + c * p.x + s * p.z, p.y, static_cast<float>(root.z) + c * p.z - s * p.x};
    return places;
}

// The largest second difference of any joint, update by update, in metres a second squared.
class Smoothness {
  public:
    explicit Smoothness(double rate) : rate_(static_cast<float>(rate)) {}
    void add(const Character& character) {
        const Places now = joints(character);
        if (count_++ >= 2)
            for (std::size_t j = 0; j < kJoints; ++j)
                accelerations.push_back(length(now[j] - before_[j] * 2.0f + earlier_[j]) * rate_ * rate_);
        earlier_ = before_;
        before_ = now;
    }
    float largest() const { return *std::max_element(accelerations.begin(), accelerations.end()); }
    float percentile(double share) const {
        std::vector<float> sorted = accelerations;
        std::sort(sorted.begin(), sorted.end());
        return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
    }
    std::vector<float> accelerations;

  private:
    float rate_;
    int count_ = 0;
    Places before_, earlier_;
};

}  // namespace

TEST_CASE("a character starts from its place, streams, and moves smoothly at every frame rate") {
    for (const double rate : {30.0, 60.0, 90.0, 144.0}) {
        CAPTURE(rate);
        Game game;
        Character* character = game.add(3.0, -4.0, 1.0);
        REQUIRE(character != nullptr);
        CHECK(character->state() == CharacterState::starting);
        CHECK(character->root().x == doctest::Approx(3.0));
        Smoothness smoothness(rate);
        for (int i = 0; i < static_cast<int>(6 * rate); ++i) {
            game.step(1.0 / rate);
            smoothness.add(*character);
            for (const Quat& q : character->pose().rotations) CHECK(dot(q, q) == doctest::Approx(1.0).epsilon(1e-5));
        }
        CHECK(character->state() == CharacterState::streaming);
        CHECK(game.client.statistics().late_frames == 0);
        CHECK(game.client.statistics().seams == 0);
        // Six seconds at 1.2 m/s along a bend.
        CHECK(std::hypot(character->root().x - 3.0, character->root().z + 4.0) > 2.0);
        // A frame is 33 ms of steps between which poses are mixed evenly, so the rate of display adds its share.
        CHECK(smoothness.largest() < 40.0f * static_cast<float>(rate / 30.0));
    }
}

TEST_CASE("the first request starts cold from the pose on screen, later ones continue") {
    Game game;
    Frame pose = idle_pose();
    pose.rotations[4] = exponential({0.3f, 0.0f, 0.0f});
    CharacterSettings settings;
    settings.source = &game.source;
    settings.start = {1.0, 2.0, 0.5};
    settings.pose = &pose;
    settings.name = "guard";
    game.client.add(settings);
    game.answering = false;
    game.step();
    game.step();
    REQUIRE(game.script->requests.size() == 1);
    const RequestSlot& first = game.script->requests.front();
    CHECK(first.request.origin == Origin::cold);
    CHECK(first.root_x == doctest::Approx(1.0));
    CHECK(first.root_z == doctest::Approx(2.0));
    CHECK(first.heading == doctest::Approx(0.5));
    CHECK(first.history_count == 1);
    CHECK(std::string(first.name.data()) == "guard");
    Frame sent;
    decode_record(FrameEncoding::float32, first.history.data(), sent);
    check_close(sent.rotations[4], pose.rotations[4]);
    game.answering = true;
    while (game.source.plans < 2) game.step();
    CHECK(game.script->requests.front().request.origin == Origin::continues);
    CHECK(game.script->requests.front().request.continues == 1);
    CHECK_FALSE(game.script->requests.front().first);
}

TEST_CASE("without answers the motion plays out, eases into standing in place, and comes back without a pop") {
    for (const double rate : {60.0, 144.0}) {
        CAPTURE(rate);
        Game game;
        Character* character = game.add();
        game.run(3.0, rate);
        Smoothness undisturbed(rate), easing(rate), resuming(rate);
        for (int i = 0; i < static_cast<int>(10.0 * rate); ++i) {
            game.step(1.0 / rate);
            undisturbed.add(*character);
        }
        SUBCASE("a network that stalls for 2 s") {
            game.answering = false;
            for (int i = 0; i < static_cast<int>(2.0 * rate); ++i) {
                game.step(1.0 / rate);
                easing.add(*character);
            }
            game.answering = true;
        }
        SUBCASE("a server that is gone for 3 s") {
            game.script->refuse = true;
            game.script->end();
            for (int i = 0; i < static_cast<int>(3.0 * rate); ++i) {
                game.step(1.0 / rate);
                easing.add(*character);
            }
            CHECK(character->state() == CharacterState::idle);
            const Placement at = character->root();
            game.run(0.2, rate);
            CHECK(std::hypot(character->root().x - at.x, character->root().z - at.z) < 1e-3);
            game.script->refuse = false;
        }
        for (int i = 0; i < static_cast<int>(3.0 * rate); ++i) {
            game.step(1.0 / rate);
            resuming.add(*character);
        }
        CHECK(character->state() == CharacterState::streaming);
        CHECK(game.client.statistics().underruns == 1);
        // The script's walk has no footfalls, whose accelerations hide what easing adds; strut_load looks at a real
        // one.
        CHECK(easing.largest() < 2.0f * undisturbed.percentile(0.999));
        // The way back is the server's, from the pose on screen: the script's starts mid-stride. Only what had been
        // asked for before the stall may still join late.
        CHECK(game.client.statistics().seams <= 1);
        CHECK(resuming.largest() < 4.0f * undisturbed.percentile(0.999));
    }
}

TEST_CASE("after a lost stream the history goes with the request, to whichever server answers") {
    Game game;
    Character* character = game.add();
    game.run(2.0);
    game.script->end();
    game.client.step_network(game.now);
    CHECK(game.client.connection_state() == ConnectionState::waiting);
    game.answering = false;
    while (game.script->requests.empty()) game.step();
    CHECK(game.script->opened == 2);
    const RequestSlot& request = game.script->requests.front();
    CHECK(request.request.origin == Origin::history);
    CHECK(request.history_count == 8);
    for (int i = 0; i < 8; ++i) {
        Frame sent;
        decode_record(FrameEncoding::float32, request.history.data() + kFloat32Record * static_cast<std::size_t>(i),
                      sent);
        check_close(sent, character->buffer().at(request.request.start - 8 + i));
    }
}

TEST_CASE("a window that comes late joins with a seam, and the next request brings what was shown") {
    Game game;
    Character* character = game.add();
    game.run(2.0);
    Smoothness smoothness(60.0);
    game.latency = 0.5;
    const std::uint64_t seams = game.client.statistics().seams;
    while (game.client.statistics().seams == seams) {
        game.step();
        smoothness.add(*character);
    }
    game.latency = 0.06;
    CHECK(game.client.statistics().late_windows >= 1);
    for (int i = 0; i < 60; ++i) {
        game.step();
        smoothness.add(*character);
    }
    CHECK(smoothness.largest() < 90.0f);
    CHECK(character->state() == CharacterState::streaming);
}

TEST_CASE("errors: an unknown sequence is asked again with the history, a full server when it says") {
    Game game;
    game.add();
    game.run(2.0);
    game.answering = false;
    while (game.script->requests.empty()) game.step();
    game.script->fail("SEQUENCE_UNKNOWN");
    game.due.clear();
    game.step();
    REQUIRE(game.script->requests.size() == 1);
    CHECK(game.script->requests.front().request.origin == Origin::history);
    game.script->fail("QUEUE_FULL", 0.2, 8);
    game.due.clear();
    const double failed = game.now;
    while (game.script->requests.empty()) game.step();
    CHECK(game.now - failed >= 0.2);
    CHECK(game.now - failed < 0.25);
    CHECK(game.client.statistics().errors == 2);
}

TEST_CASE("a teleport keeps pose and movement, and what was on its way comes along") {
    Game game;
    Character* character = game.add();
    game.run(2.0);
    game.answering = false;
    while (game.script->requests.empty()) game.step();
    const Frame before = character->pose();
    SUBCASE("near") {
        character->teleport({-30.0, 12.0, 2.0});
    }
    SUBCASE("across a large world") {
        character->teleport({-250000.0, 12.0, 2.0});
    }
    const Placement at = character->root();
    CHECK(std::fabs(at.z - 12.0) < 1e-4);
    CHECK(std::fabs(wrap(at.heading - 2.0)) < 1e-5);
    CHECK(std::fabs(character->pose().root_x) < 500.0f);
    Frame moved = character->pose();
    moved.root_x = before.root_x;
    moved.root_z = before.root_z;
    moved.heading = before.heading;
    check_close(moved, before);
    // The window that was asked for in the old place joins in the new one, without a seam.
    game.answering = true;
    game.due.push_back(game.now);
    Placement last = at;
    for (int i = 0; i < 60; ++i) {
        game.step();
        const Placement now = character->root();
        CHECK(std::hypot(now.x - last.x, now.z - last.z) < 0.05);
        last = now;
    }
    CHECK(game.client.statistics().seams == 0);
    CHECK(game.client.statistics().late_frames == 0);
}

TEST_CASE("far from the world's origin frames stay precise: the anchor goes along") {
    Game game;
    Character* character = game.add(1234567.25, -7654321.5, 0.3);
    CHECK(character->root().x == doctest::Approx(1234567.25).epsilon(1e-12));
    game.run(2.0);
    const Frame pose = character->pose();
    CHECK(std::fabs(pose.root_x) < 10.0f);
    CHECK(character->anchor().id == 1);
    // The sources see the world, the server the anchor's space.
    CHECK(std::fabs(game.source.last.x - 1234567.25) < 10.0);
    game.answering = false;
    while (game.script->requests.empty()) game.step();
    CHECK(std::fabs(game.script->requests.front().controls.trajectory.samples[0].x) < 10.0);
}

TEST_CASE("pause, slow motion, double speed and hitches are the game's time, not underruns") {
    Game game;
    Character* character = game.add();
    game.run(2.0);
    const auto late = [&] { return game.client.statistics().late_frames; };
    SUBCASE("a pause stands still and asks for nothing") {
        const double playhead = character->playhead();
        const int plans = game.source.plans;
        game.run(3.0, 60.0, 0.0);
        CHECK(character->playhead() == playhead);
        CHECK(game.source.plans == plans);
        game.run(1.0);
        CHECK(late() == 0);
    }
    SUBCASE("slow motion and double speed") {
        game.run(3.0, 60.0, 0.2);
        game.run(3.0, 60.0, 2.0);
        CHECK(late() == 0);
    }
    SUBCASE("a hitch of 5 s plays a quarter of one and goes on") {
        const double playhead = character->playhead();
        game.step(5.0);
        CHECK(character->playhead() - playhead == doctest::Approx(7.5));
        game.run(1.0);
        CHECK(character->state() == CharacterState::streaming);
    }
    SUBCASE("ticks of any length") {
        const double ticks[] = {0.001, 0.03, 0.0167, 0.05, 0.1, 0.004};
        for (int i = 0; i < 400; ++i) game.step(ticks[i % 6]);
        CHECK(late() == 0);
    }
}

TEST_CASE("changed controls are asked for at once, and not oftener than every 4 frames") {
    Game game;
    Character* character = game.add();
    game.run(2.0);
    const std::uint64_t requests = game.client.statistics().requests, replans = game.client.statistics().replans;
    for (int i = 0; i < 60; ++i) {
        character->replan();
        game.step();
    }
    CHECK(game.client.statistics().replans - replans >= 6);
    CHECK(game.client.statistics().requests - requests <= 9);
    CHECK(game.client.statistics().seams == 0);
    CHECK(game.client.statistics().late_frames == 0);
}

TEST_CASE("culled characters ask for nothing and come back in the pose that they had") {
    Game game(500);
    std::vector<Character*> characters;
    for (int i = 0; i < 50; ++i) characters.push_back(game.add(2.0 * i));
    game.run(3.0);
    for (std::size_t i = 10; i < 50; ++i) characters[i]->set_level(LevelOfDetail::culled);
    const Frame pose = characters[20]->pose();
    game.run(0.5);
    game.script->requests.clear();
    game.due.clear();
    game.answering = false;
    for (int i = 0; i < 120; ++i) {
        game.step();
        for (const RequestSlot& request : game.script->requests) CHECK((request.character & 0xfffff) <= 10);
        game.script->requests.clear();
        game.due.clear();
    }
    game.answering = true;
    characters[20]->set_level(LevelOfDetail::near_by);
    check_close(characters[20]->pose(), pose);
    Smoothness smoothness(60.0);
    for (int i = 0; i < 90; ++i) {
        game.step();
        smoothness.add(*characters[20]);
    }
    CHECK(characters[20]->state() == CharacterState::streaming);
    CHECK(smoothness.largest() < 60.0f);
}

TEST_CASE("far characters ask for one step") {
    Game game;
    Character* character = game.add();
    character->set_level(LevelOfDetail::far_off);
    character->set_priority(70);
    game.answering = false;
    game.step();
    game.step();
    REQUIRE(game.script->requests.size() == 1);
    CHECK(game.script->requests.front().controls.steps == 1);
    CHECK(game.script->requests.front().priority == 70);
}

TEST_CASE("the newest window's times and the summaries are those of what came") {
    Game game;
    game.add();
    game.run(3.0);
    const Statistics& statistics = game.client.statistics();
    CHECK(statistics.newest.server == doctest::Approx(0.01));
    CHECK(statistics.newest.round_trip == doctest::Approx(statistics.newest.server + statistics.newest.wire));
    CHECK(statistics.newest.lead > 0.1);
    const auto stages = stage_summaries(statistics);
    CHECK(std::string(stages[2].name) == "server");
    CHECK(stages[2].p50 == doctest::Approx(10.0).epsilon(0.05));
    CHECK(stages[0].p50 >= 60.0);
    CHECK(stages[0].most >= stages[0].p99);
}

TEST_CASE("a correction that comes frames later moves the character by what it was off") {
    Game game;
    Character* character = game.add();
    game.run(2.0);
    const Placement expected = character->root();
    game.step();
    const Placement before = character->root();
    character->correct_root(expected, {expected.x - 0.3, expected.z + 0.1, expected.heading});
    CHECK(character->root().x == doctest::Approx(before.x - 0.3).epsilon(1e-3));
    CHECK(character->root().z == doctest::Approx(before.z + 0.1).epsilon(1e-3));
    CHECK(character->root().heading == doctest::Approx(before.heading));
    CHECK(character->lead() > 0.0);
}

TEST_CASE("changed controls keep the times of a path, a restarted one begins anew") {
    HeldControls held;
    Controls controls;
    TrajectorySample sample;
    sample.x = sample.z = 1.0;
    sample.time = 2.0f;
    controls.trajectory.add(sample);
    auto keyframes = std::make_shared<std::vector<Keyframe>>(1);
    controls.keyframes = keyframes;
    held.set(controls, 10.0);
    const auto planned = [&held](double game_time) {
        PlanQuery query;
        query.game_time = game_time;
        Controls out;
        held.plan(query, out);
        return out;
    };
    held.change(controls, 11.0);
    CHECK(planned(11.5).trajectory.samples[0].time == doctest::Approx(0.5));
    CHECK(planned(11.5).keyframes_passed == doctest::Approx(1.5));
    held.restart();
    held.change(controls, 12.0);
    CHECK(planned(12.5).trajectory.samples[0].time == doctest::Approx(1.5));
}

TEST_CASE("a loaded server may save evaluations unless the game says else") {
    Game game;
    game.add();
    game.answering = false;
    game.step();
    game.step();
    REQUIRE(game.script->requests.size() == 1);
    CHECK(game.script->requests.front().controls.steps == 0);
    CHECK(game.script->requests.front().controls.min_steps == 1);
}

TEST_CASE("a removed character is released, and late replies find nobody in its place") {
    Game game(1);
    Character* first = game.add();
    CHECK(game.add() == nullptr);
    game.run(2.0);
    game.answering = false;
    while (game.script->requests.empty()) game.step();
    const std::uint64_t number = first->number();
    const RequestSlot waiting = game.script->requests.front();
    game.client.remove(first);
    CHECK(game.client.character_count() == 0);
    game.step();
    CHECK(game.script->released == std::vector<std::uint64_t>{number});
    Character* second = game.add(50.0);
    REQUIRE(second != nullptr);
    CHECK(second->number() != number);
    ReplySlot* late = game.script->listener->next_reply();
    answer(waiting, *late, game.script->memory);
    game.script->listener->on_reply(late);
    game.step();
    CHECK(second->state() == CharacterState::starting);
    game.answering = true;
    game.run(1.0);
    CHECK(second->state() == CharacterState::streaming);
    CHECK(second->root().x > 40.0);
}

TEST_CASE("following the game's place is that of the shared vectors") {
    for (const Json& entry : core()["moves"]["follow"]) {
        Game game;
        Character* character = game.add(entry["root"][0], entry["root"][1], entry["heading"]);
        const Placement to = {entry["place"][0], entry["place"][1], entry["place_heading"]};
        const Placement at = character->follow(to, entry["dt"], entry["weight"]);
        CHECK(at.x == doctest::Approx(entry["root_after"][0].get<double>()).epsilon(1e-6));
        CHECK(at.z == doctest::Approx(entry["root_after"][1].get<double>()).epsilon(1e-6));
        CHECK(std::fabs(wrap(at.heading - entry["heading_after"].get<double>())) < 1e-5);
    }
}

TEST_CASE("a character that follows its capsule stays within 15 cm of it") {
    Game game;
    Character* character = game.add();
    double x = 0.0;
    for (int i = 0; i < 300; ++i) {
        game.step();
        x += 2.5 / 60.0;  // faster than the motion
        character->follow({x, 0.0, 1.5}, 1.0 / 60.0);
        const Placement at = character->root();
        CHECK(std::hypot(at.x - x, at.z) < 0.151);
    }
    CHECK(game.client.statistics().seams == 0);
    CHECK(character->state() == CharacterState::streaming);
}

TEST_CASE("a pose handed over by another animation is gone on from") {
    Game game;
    Character* character = game.add();
    game.run(2.0);
    Frame pose = idle_pose();
    pose.rotations[16] = exponential({0.0f, 0.0f, 1.0f});
    const Placement at = character->root();
    character->resume_from(pose, pose);
    CHECK(character->root().x == doctest::Approx(at.x).epsilon(1e-4));
    check_close(character->pose().rotations[16], pose.rotations[16], 0.02);
    Smoothness smoothness(60.0);
    for (int i = 0; i < 90; ++i) {
        game.step();
        smoothness.add(*character);
    }
    CHECK(smoothness.largest() < 90.0f);
    CHECK(character->state() == CharacterState::streaming);
}

TEST_CASE("a passive character shows what is relayed, also to a late joiner") {
    Game game;
    Character* leader = game.add();
    CharacterSettings settings;
    settings.passive = true;
    Character* follower = game.client.add(settings);

    struct Relay final : WindowListener {
        Character *from = nullptr, *to = nullptr;
        void on_window(std::uint64_t, const ReplySlot& window) noexcept override {
            Frame frames[kMaxWindow];
            for (int i = 0; i < window.count; ++i)
                decode_record(window.encoding, window.data.data() + kFloat32Record * static_cast<std::size_t>(i),
                              frames[i]);
            to->on_relayed(window.start, frames, window.count, from->playhead());
        }
    } relay;
    relay.from = leader;
    relay.to = follower;
    game.run(5.0);
    leader->set_window_listener(&relay);
    game.run(2.0);
    CHECK(follower->state() == CharacterState::streaming);
    CHECK(follower->playhead() == doctest::Approx(leader->playhead()).epsilon(0.01));
    check_close(follower->pose(), leader->pose(), 0.05);
    CHECK(game.client.statistics().late_frames == 0);
}

TEST_CASE("held controls move their times on with the game, and keep one sample of what is past") {
    HeldControls held;
    Controls controls;
    for (int i = 0; i < 4; ++i) {
        TrajectorySample sample;
        sample.x = i;
        sample.z = 0.0;
        sample.time = static_cast<float>(i);
        controls.trajectory.add(sample);
    }
    held.set(controls, 10.0);
    PlanQuery query;
    query.game_time = 11.0;
    query.seconds_ahead = 0.25;
    Controls planned;
    held.plan(query, planned);
    REQUIRE(planned.trajectory.count == 3);
    CHECK(planned.trajectory.samples[0].time == 0.0f);
    CHECK(planned.trajectory.samples[0].x == doctest::Approx(1.25));
    CHECK(planned.trajectory.samples[1].time == doctest::Approx(0.75));
    query.game_time = 100.0;
    held.plan(query, planned);
    CHECK(planned.trajectory.count == 1);
    CHECK(planned.trajectory.samples[0].x == 3.0);
}

TEST_CASE("a gesture's phase goes with a history, since the server that gets it knows none") {
    struct Bow final : ControlSource {
        std::shared_ptr<const Content> content = [] {
            auto made = std::make_shared<Content>();
            made->label = "bow";
            return made;
        }();
        void plan(const PlanQuery&, Controls& controls) noexcept override { controls.content = content; }
    } bow;
    Game game;
    CharacterSettings settings;
    settings.source = &bow;
    game.client.add(settings);
    game.answering = false;
    game.step();
    game.step();
    ReplySlot* reply = game.script->listener->next_reply();
    answer(game.script->requests.front(), *reply, game.script->memory);
    reply->has_phase = true;
    reply->phase = 0.6f;
    const int count = reply->count;
    game.script->listener->on_reply(reply);
    game.script->requests.clear();
    game.due.clear();
    while (game.script->requests.empty()) game.step();
    CHECK_FALSE(game.script->requests.front().has_phase);
    game.script->fail("SEQUENCE_UNKNOWN");
    game.step();
    REQUIRE(game.script->requests.size() == 1);
    const RequestSlot& again = game.script->requests.front();
    CHECK(again.request.origin == Origin::history);
    CHECK(again.has_phase);
    CHECK(again.phase == doctest::Approx(0.6 * static_cast<double>(count) / count));
}

TEST_CASE("a game frame allocates nothing after warm-up") {
    Game game(64);
    std::vector<Character*> characters;
    for (int i = 0; i < 32; ++i) characters.push_back(game.add(2.0 * i));
    game.run(4.0);
    std::uint64_t allocated = 0;
    for (int i = 0; i < 300; ++i) {
        // The script's side allocates; the update may not.
        game.now += 1.0 / 60.0;
        while (!game.due.empty() && game.due.front() <= game.now && game.script->reply()) game.due.pop_front();
        game.client.step_network(game.now);
        if (i % 50 == 0) characters[3]->replan();
        characters[5]->follow({10.0, 0.01 * i, 0.0}, 1.0 / 60.0);
        const std::uint64_t before = thread_allocations().count;
        game.client.update(game.now, 1.0 / 60.0);
        allocated += thread_allocations().count - before;
        game.client.step_network(game.now);
        while (game.due.size() < game.script->requests.size()) game.due.push_back(game.now + game.latency);
    }
    CHECK(game.client.statistics().windows > 200);
    CHECK(allocated == 0);
}

TEST_CASE("with threads: characters stream while streams end again and again") {
    ConnectionSettings settings;
    settings.max_characters = 16;
    Client client(std::make_unique<ThreadedTransport>(40), settings);
    WalkOn source;
    CharacterSettings made;
    made.source = &source;
    std::vector<Character*> characters;
    for (int i = 0; i < 12; ++i) {
        made.start.x = 2.0 * i;
        characters.push_back(client.add(made));
    }
    const auto start = std::chrono::steady_clock::now();
    double now = 0.0, last = 0.0;
    while (now < 4.0) {
        now = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        client.update(now, now - last);
        last = now;
        if (client.statistics().requests % 50 == 49) {
            client.remove(characters[0]);
            characters[0] = client.add(made);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(4));
    }
    CHECK(client.statistics().reconnects >= 1);
    CHECK(client.statistics().windows > 60);
    for (const Character* character : characters) CHECK(character->buffer().end() > 0);
}
