// Windows that a game relays: bytes of one client, poses of another.
#include "strut/relay.h"

#include "scripted.h"
#include "vectors.h"

using namespace strut;
using namespace strut::test;

namespace {

struct Recorder final : WindowListener {
    void on_window(std::uint64_t, const ReplySlot& window) noexcept override {
        packed.clear();
        pack_relayed(window, source->anchor(), source->playhead(), packed);
    }
    const Character* source = nullptr;
    std::vector<std::uint8_t> packed;
};

}  // namespace

TEST_CASE("a passive character shows what its original shows, also far from the origin and joining late") {
    Game game, other;
    Character* original = game.add(4000.0, -3000.0, 1.0);
    Recorder recorder;
    recorder.source = original;
    original->set_window_listener(&recorder);
    game.run(1.5);
    recorder.packed.clear();
    CharacterSettings passive;
    passive.passive = true;
    Character* shown = other.client.add(passive);
    double worst = 0.0;
    for (int i = 0; i < 180; ++i) {
        game.step();
        if (!recorder.packed.empty()) {
            RelayedWindow window;
            REQUIRE(read_relayed(recorder.packed.data(), recorder.packed.size(), window));
            shown->on_relayed(window);
            recorder.packed.clear();
        }
        other.step();
        if (i < 60 || shown->state() != CharacterState::streaming) continue;
        worst = std::max(worst, std::hypot(original->root().x - shown->root().x, original->root().z - shown->root().z));
    }
    CHECK(shown->state() == CharacterState::streaming);
    // One update of 1.2 m/s lies between the two.
    CHECK(worst < 0.03);
}

TEST_CASE("relayed bytes that are no window are refused") {
    ReplySlot window;
    window.start = 8;
    window.count = 4;
    window.encoding = FrameEncoding::float32;
    window.data.resize(4 * kFloat32Record);
    for (std::size_t i = 0; i < 4; ++i) encode_float32(idle_pose(), window.data.data() + i * kFloat32Record);
    std::vector<std::uint8_t> packed;
    pack_relayed(window, {3, 100.0, 2.0, -50.0}, 7.5, packed);
    RelayedWindow read;
    REQUIRE(read_relayed(packed.data(), packed.size(), read));
    CHECK(read.start == 8);
    CHECK(read.count == 4);
    CHECK(read.playhead == 7.5);
    CHECK(read.anchor.x == 100.0);
    CHECK_FALSE(read_relayed(nullptr, 0, read));
    for (std::size_t size : {std::size_t{0}, std::size_t{47}, std::size_t{48}, packed.size() - 1})
        CHECK_FALSE(read_relayed(packed.data(), size, read));
    for (const std::size_t byte : {0, 1, 2}) {
        std::vector<std::uint8_t> broken = packed;
        broken[byte] ^= 0x5a;
        CHECK_FALSE(read_relayed(broken.data(), broken.size(), read));
    }
    // A playhead that is no number.
    std::vector<std::uint8_t> broken = packed;
    for (std::size_t i = 16; i < 24; ++i) broken[i] = 0xff;
    CHECK_FALSE(read_relayed(broken.data(), broken.size(), read));
}
