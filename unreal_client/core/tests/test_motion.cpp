// Interpolation, seams, easing and moves against the shared vectors, and what the buffer makes of them.
#include <cmath>
#include <vector>

#include "strut/frame_buffer.h"
#include "vectors.h"

using namespace strut;
using namespace strut::test;

namespace {

std::vector<Frame> frames(const Json& list) {
    std::vector<Frame> out;
    for (const Json& entry : list) out.push_back(frame(entry));
    return out;
}

Move move_of(const Json& v) {
    return {v[0], v[1], v[2]};
}

}  // namespace

TEST_CASE("the idle pose is that of the shared vectors") {
    check_close(idle_pose(), frame(core()["idle_pose"]), 1e-6);
}

TEST_CASE("poses between frames at 60, 90 and 144 Hz are those of the shared vectors") {
    const std::vector<Frame> held = frames(core()["interpolation"]["frames"]);
    FrameBuffer buffer;
    buffer.reset(idle_pose(), idle_pose());
    buffer.join(0, held.data(), static_cast<int>(held.size()), false);
    for (const Json& shown : core()["interpolation"]["shown"]) {
        CAPTURE(shown["playhead"].get<double>());
        Frame pose;
        buffer.sample(shown["playhead"], pose);
        check_close(pose, frame(shown["frame"]));
    }
}

TEST_CASE("seams join as in the shared vectors") {
    for (const Json& entry : core()["seams"]) {
        const std::vector<Frame> old_frames = frames(entry["old"]), new_frames = frames(entry["new"]);
        const auto count = static_cast<int>(old_frames.size());
        const Seam seam(&old_frames[old_frames.size() - static_cast<std::size_t>(std::min(count, 3))],
                        std::min(count, 3), new_frames.data());
        for (std::size_t i = 0; i < new_frames.size(); ++i) {
            Frame joined = new_frames[i];
            seam.apply(static_cast<int>(i + 1), joined);
            check_close(joined, frame(entry["joined"][i]), 2e-5);
        }
    }
}

TEST_CASE("easing goes the way of the shared vectors") {
    for (const Json& entry : core()["easing"]) {
        Easing easing;
        easing.begin(frame(entry["before"]), frame(entry["last"]), idle_pose());
        for (const Json& local : entry["local"]) {
            Frame pose;
            easing.frame(local["t"], pose);
            check_close(pose, frame(local["frame"]));
        }
    }
}

TEST_CASE("moves compose and apply as in the shared vectors") {
    for (const Json& entry : core()["moves"]["composed"]) {
        const Move both = move_of(entry["second"]).after(move_of(entry["first"]));
        CHECK(both.heading == doctest::Approx(entry["both"][0].get<double>()));
        CHECK(both.x == doctest::Approx(entry["both"][1].get<double>()));
        CHECK(both.z == doctest::Approx(entry["both"][2].get<double>()));
        double x = entry["root"][0], z = entry["root"][1];
        both.place(x, z);
        CHECK(x == doctest::Approx(entry["moved"][0].get<double>()));
        CHECK(z == doctest::Approx(entry["moved"][1].get<double>()));
    }
    const Move there = Move::between(1.0, 2.0, 0.5, -4.0, 7.0, 2.5);
    double x = 1.0, z = 2.0;
    there.place(x, z);
    CHECK(x == doctest::Approx(-4.0));
    CHECK(z == doctest::Approx(7.0));
    CHECK(there.heading == doctest::Approx(2.0));
}

TEST_CASE("a buffer that runs dry eases on, moved or not, and takes a window with a seam back") {
    const std::vector<Frame> held = frames(core()["interpolation"]["frames"]);
    FrameBuffer buffer;
    buffer.reset(idle_pose(), idle_pose());
    buffer.join(0, held.data(), static_cast<int>(held.size()), false);
    buffer.fill(60);
    CHECK(buffer.server_end() == 7);
    Easing easing;
    easing.begin(held[5], held[6], idle_pose());
    Frame expected;
    easing.frame(20, expected);
    check_close(buffer.at(26), expected);

    // Moved in the middle of easing, what is there and what is still to come move alike.
    const Move move = {0.7, 3.0, -2.0};
    buffer.move(move);
    buffer.fill(90);
    easing.frame(70, expected);
    move.frame(expected);
    check_close(buffer.at(76), expected, 2e-5);

    const Frame before = buffer.at(39);
    buffer.join(40, held.data(), 7, true);
    CHECK(buffer.end() == 47);
    check_close(buffer.at(39), before);
    // Without the seam the new motion would begin metres away.
    const double x = buffer.at(40).root_x - before.root_x, z = buffer.at(40).root_z - before.root_z;
    CHECK(std::hypot(x, z) < 0.1);
}

TEST_CASE("a buffer holds its newest frames and forgets the oldest") {
    FrameBuffer buffer;
    buffer.reset(idle_pose(), idle_pose());
    buffer.fill(1000);
    CHECK(buffer.end() == 1000);
    CHECK(buffer.begin() == 1000 - FrameBuffer::kCapacity);
}
