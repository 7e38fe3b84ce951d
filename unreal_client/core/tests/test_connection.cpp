// The connection's life over a scripted transport.
#include "scripted.h"
#include "vectors.h"

using namespace strut;
using namespace strut::test;

namespace {

struct Heard final : ClientListener {
    int ready = 0, lost = 0, failed = 0, events = 0, errors = 0;
    Error last;
    ServerEvent event;
    void on_ready(const std::shared_ptr<const ServerInfo>&) noexcept override { ++ready; }
    void on_lost(const Error& error) noexcept override { ++lost, last = error; }
    void on_connect_failed(const Error& error) noexcept override { ++failed, last = error; }
    void on_server_event(const ServerEvent& heard) noexcept override { ++events, event = heard; }
    void on_character_error(std::uint64_t, const Error& error) noexcept override { ++errors, last = error; }
};

}  // namespace

TEST_CASE("a server that is not there is tried again after 0.1, 0.2, 0.4 and then every 0.5 s") {
    Heard heard;
    Game game(1, &heard);
    game.script->refuse = true;
    std::vector<double> attempts;
    int opened = 0;
    for (int i = 0; i < 2000; ++i) {
        game.step(0.001);
        if (game.script->opened != opened) attempts.push_back(game.now);
        opened = game.script->opened;
    }
    REQUIRE(attempts.size() >= 6);
    const double expected[] = {0.1, 0.2, 0.4, 0.5, 0.5};
    for (std::size_t i = 0; i < 5; ++i)
        CHECK(attempts[i + 1] - attempts[i] == doctest::Approx(expected[i]).epsilon(0.03));
    CHECK(heard.failed >= 5);
    CHECK(heard.ready == 0);
    game.script->refuse = false;
    game.run(1.0);
    CHECK(heard.ready == 1);
    CHECK(game.client.connection_state() == ConnectionState::ready);
}

TEST_CASE("who is refused tries again every 5 s") {
    Heard heard;
    Game game(1, &heard);
    game.step();
    game.script->refuse = true;
    game.script->end(16);
    game.step();
    CHECK(heard.lost == 1);
    const int opened = game.script->opened;
    game.run(4.0);
    CHECK(game.script->opened == opened);
    game.run(2.0);
    CHECK(game.script->opened > opened);
}

TEST_CASE("a hello that does not come is waited for 5 s") {
    Heard heard;
    Game game(1, &heard);
    game.script->greet = false;
    game.run(4.5);
    CHECK(game.script->opened == 1);
    game.script->greet = true;
    game.run(1.5);
    CHECK(game.script->opened == 2);
    CHECK(heard.failed == 1);
    CHECK(heard.ready == 1);
}

TEST_CASE("a stream that stops answering is given up, one without requests is not") {
    Heard heard;
    Game game(1, &heard);
    Character* character = game.add();
    game.run(2.0);
    SUBCASE("requests wait") {
        game.answering = false;
        game.run(8.0);
        CHECK(heard.lost >= 1);
        CHECK(heard.last.message.find("stopped answering") != std::string::npos);
    }
    SUBCASE("nothing waits") {
        character->set_level(LevelOfDetail::culled);
        game.run(20.0);
        CHECK(heard.lost == 0);
    }
}

TEST_CASE("a draining server answers what waits, and is left for a new stream at once") {
    Heard heard;
    Game game(4, &heard);
    std::vector<Character*> characters;
    for (int i = 0; i < 4; ++i) characters.push_back(game.add(3.0 * i));
    game.run(3.0);
    ServerEvent event;
    event.kind = ServerEvent::Kind::draining;
    event.remaining = 10.0;
    game.script->listener->on_event(event);
    game.run(0.7);
    CHECK(heard.events == 1);
    CHECK(heard.event.kind == ServerEvent::Kind::draining);
    CHECK(game.script->opened == 2);
    game.run(2.0);
    CHECK(game.client.statistics().late_frames == 0);
    for (const Character* character : characters) CHECK(character->state() == CharacterState::streaming);
}

TEST_CASE("requests go in messages of at most max_batch") {
    Game game(600);
    for (int i = 0; i < 600; ++i) game.add(i);
    game.answering = false;
    game.step();
    game.step();
    CHECK(game.script->requests.size() == 600);
    CHECK(game.script->batches == std::vector<std::size_t>{256, 256, 88});
}

TEST_CASE("a message that is refused as a whole is asked anew") {
    Heard heard;
    Game game(1, &heard);
    game.add();
    game.run(2.0);
    game.answering = false;
    while (game.script->requests.empty()) game.step();
    game.script->requests.clear();
    game.due.clear();
    Error error;
    error.code = 8;
    error.reason = "BATCH_TOO_LARGE";
    game.script->listener->on_message_error(error);
    game.step();
    game.step();
    CHECK(heard.errors == 1);
    CHECK(game.script->requests.size() == 1);
}

TEST_CASE("the client tells the server what it has seen, every 10 s") {
    Game game;
    game.add();
    game.run(25.0);
    CHECK(game.script->reports == 2);
}

TEST_CASE("a report has the means of what came since the last one") {
    Game game;
    game.add();
    const auto next_report_is_right = [&game] {
        const int before = game.script->reports;
        double lead = 0.0, wire = 0.0;
        std::uint64_t seen = game.client.statistics().lead.count(), count = 0;
        while (game.script->reports == before) {
            game.step();
            const Statistics& now = game.client.statistics();
            if (now.lead.count() == seen) continue;
            REQUIRE(now.lead.count() == seen + 1);
            seen = now.lead.count();
            ++count;
            lead += std::max(now.newest.lead, 0.0);
            wire += std::max(now.newest.wire, 0.0);
        }
        REQUIRE(count > 10);
        const double share = 1000.0 / static_cast<double>(count);
        CHECK(game.script->newest_report.mean_lead_ms == doctest::Approx(lead * share).epsilon(1e-3));
        CHECK(game.script->newest_report.mean_wire_ms == doctest::Approx(wire * share).epsilon(1e-3));
    };
    for (const double latency : {0.03, 0.12, 0.06}) {
        CAPTURE(latency);
        game.latency = latency;
        next_report_is_right();
    }
    game.client.reset_statistics();
    game.latency = 0.1;
    next_report_is_right();
}
