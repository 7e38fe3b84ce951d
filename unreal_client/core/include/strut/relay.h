// A window as bytes, for games whose players must see the same pose: one client packs what it took, the game carries
// the bytes, the others read them into passive characters. Pure functions, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "strut/messages.h"

namespace strut {

// What a passive character takes: Character::on_relayed.
struct RelayedWindow {
    std::int64_t start = 0;
    double playhead = 0.0;  // of the client that took it
    Anchor anchor;          // the space of the frames
    int count = 0;
    std::array<Frame, kMaxWindow> frames;
};

// Appends a window: the sender's anchor and playhead, and the contract's records as they came. Little-endian.
void pack_relayed(const ReplySlot& window, const Anchor& anchor, double playhead, std::vector<std::uint8_t>& out);

// False where the bytes are no whole window; they may come from anybody.
bool read_relayed(const std::uint8_t* data, std::size_t size, RelayedWindow& out) noexcept;

}  // namespace strut
