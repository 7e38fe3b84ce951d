// The pacer through the scripted lives of the shared vectors: every decision must be the reference's.
#include <map>
#include <optional>

#include "strut/pacer.h"
#include "vectors.h"

using namespace strut;
using namespace strut::test;

namespace {

const std::map<std::string, CharacterState> kStates = {{"Starting", CharacterState::starting},
                                                       {"Streaming", CharacterState::streaming},
                                                       {"Easing", CharacterState::easing},
                                                       {"Idle", CharacterState::idle},
                                                       {"Culled", CharacterState::culled}};
const std::map<std::string, Origin> kOrigins = {
    {"cold", Origin::cold}, {"continues", Origin::continues}, {"history", Origin::history}};
const std::map<std::string, ErrorReason> kReasons = {{"SEQUENCE_UNKNOWN", ErrorReason::sequence_unknown},
                                                     {"SUPERSEDED", ErrorReason::superseded},
                                                     {"RELEASED", ErrorReason::released},
                                                     {"REPLAN_TOO_SOON", ErrorReason::replan_too_soon}};

void deliver(Pacer& pacer, const Json& answer, double now) {
    if (answer.contains("reason")) {
        const auto found = kReasons.find(answer["reason"]);
        pacer.on_error(answer["sequence"], found == kReasons.end() ? ErrorReason::other : found->second,
                       answer["retry"], now);
        return;
    }
    const Arrival arrival = pacer.on_window(answer["sequence"], answer["start"], answer["count"], now);
    const Json& expected = answer["result"];
    const std::string action = expected["action"];
    CHECK((arrival.action == Arrival::Action::ignored) == (action == "ignored"));
    CHECK((arrival.action == Arrival::Action::dropped) == (action == "dropped"));
    if (action != "joined") return;
    CHECK(arrival.splice == expected["splice"].get<std::int64_t>());
    CHECK(arrival.seam == expected["seam"].get<bool>());
    CHECK(arrival.late == expected["late"].get<bool>());
}

void call(Pacer& pacer, const std::string& name) {
    if (name == "replan") pacer.want_replan();
    if (name == "disconnect") {
        pacer.set_connected(false);
        pacer.on_disconnected();
    }
    if (name == "connect") pacer.set_connected(true);
    if (name == "move") pacer.on_moved();
    if (name == "cull" || name == "show") pacer.set_culled(name == "cull");
}

}  // namespace

TEST_CASE("every decision of the scripted lives is the reference's") {
    for (const Json& script : core()["pacing"]) {
        const std::string name = script["name"];
        CAPTURE(name);
        LatencyEstimator latency;
        PacerSettings settings;
        settings.character = script["settings"].value("character", 1u);
        Pacer pacer(&latency, settings);
        for (const Json& step : script["steps"]) {
            const double now = step["now"];
            CAPTURE(now);
            if (step.contains("arrived"))
                for (const Json& answer : step["arrived"]) deliver(pacer, answer, now);
            if (step.contains("calls"))
                for (const Json& what : step["calls"]) call(pacer, what);
            pacer.advance(step["dt"]);
            Request request;
            const bool made = pacer.decide(now, step.value("scale", 1.0), request);
            REQUIRE(made == step.contains("request"));
            if (made) {
                const Json& expected = step["request"];
                CHECK(pacer.playhead() == step["playhead"].get<double>());
                CHECK(request.sequence == expected["sequence"].get<std::uint64_t>());
                CHECK(request.start == expected["start"].get<std::int64_t>());
                CHECK(request.frames == expected["frames"].get<int>());
                CHECK(request.origin == kOrigins.at(expected["origin"]));
                CHECK(request.continues == expected["continues"].get<std::uint64_t>());
                CHECK(request.deadline == doctest::Approx(expected["deadline"].get<double>()).epsilon(1e-12));
            }
            if (step.contains("state")) CHECK(pacer.state() == kStates.at(step["state"]));
            if (step.contains("server_end")) CHECK(pacer.server_end() == step["server_end"].get<std::int64_t>());
            if (step.contains("late_frames")) CHECK(pacer.late_frames() == step["late_frames"].get<std::uint64_t>());
        }
    }
}

TEST_CASE("a pose that is handed over ends the motion and gives what waits a seam") {
    LatencyEstimator latency;
    Pacer pacer(&latency);
    Request request;
    pacer.advance(0.02);
    REQUIRE(pacer.decide(0.02, 1.0, request));
    REQUIRE(pacer.on_window(request.sequence, request.start, request.frames, 0.05).action == Arrival::Action::joined);
    while (!pacer.decide(1.0, 1.0, request)) pacer.advance(0.02);
    pacer.on_handed_over();
    CHECK(pacer.state() == CharacterState::easing);
    const Arrival arrival = pacer.on_window(request.sequence, request.start, request.frames, 1.05);
    CHECK(arrival.action == Arrival::Action::joined);
    CHECK(arrival.seam);
    // What it continues from then on is not what the server remembers.
    CHECK(pacer.base_end() == 0);
}

TEST_CASE("the constants are those of the shared vectors") {
    const Json& c = core()["constants"];
    CHECK(c["FPS"] == kFps);
    CHECK(c["MAX_STEP"] == Pacer::kMaxStep);
    CHECK(c["COMMITTED"] == Pacer::kCommitted);
    CHECK(c["MIN_USABLE"] == Pacer::kMinUsable);
    CHECK(c["MIN_DEADLINE"] == Pacer::kMinDeadline);
    CHECK(c["BACK_OFF"] == Json(Pacer::kBackOff));
    CHECK(c["RECENT_REQUESTS"] == Pacer::kRecentRequests);
    CHECK(c["MIN_LEAD"] == LatencyEstimator::kMinLead);
    CHECK(c["MAX_LEAD"] == LatencyEstimator::kMaxLead);
    CHECK(c["MAX_AHEAD"] == LatencyEstimator::kMaxAhead);
    CHECK(c["MAX_AHEAD_AT_REST"] == LatencyEstimator::kMaxAheadAtRest);
}
