#include "strut/relay.h"

#include <cmath>
#include <cstring>

namespace strut {

namespace {

constexpr std::uint8_t kVersion = 1;
// version, encoding, count, one spare; anchor's number; start; playhead; anchor.
constexpr std::size_t kHeader = 4 + 4 + 8 + 8 + 24;
constexpr double kFarthest = 1e9;

template <typename Value>
void put(std::vector<std::uint8_t>& out, const Value& value) {
    const std::size_t at = out.size();
    out.resize(at + sizeof value);
    std::memcpy(out.data() + at, &value, sizeof value);
}

template <typename Value>
void get(const std::uint8_t*& data, Value& value) noexcept {
    std::memcpy(&value, data, sizeof value);
    data += sizeof value;
}

bool sane(double value) noexcept {
    return std::isfinite(value) && std::fabs(value) < kFarthest;
}

}  // namespace

void pack_relayed(const ReplySlot& window, const Anchor& anchor, double playhead, std::vector<std::uint8_t>& out) {
    put(out, kVersion);
    put(out, static_cast<std::uint8_t>(window.encoding));
    put(out, static_cast<std::uint8_t>(window.count));
    put(out, std::uint8_t{0});
    put(out, anchor.id);
    put(out, window.start);
    put(out, playhead);
    put(out, anchor.x);
    put(out, anchor.y);
    put(out, anchor.z);
    out.insert(out.end(), window.data.begin(), window.data.end());
}

bool read_relayed(const std::uint8_t* data, std::size_t size, RelayedWindow& out) noexcept {
    if (data == nullptr || size < kHeader || data[0] != kVersion) return false;
    const auto encoding = static_cast<FrameEncoding>(data[1]);
    out.count = data[2];
    data += 4;
    get(data, out.anchor.id);
    get(data, out.start);
    get(data, out.playhead);
    get(data, out.anchor.x);
    get(data, out.anchor.y);
    get(data, out.anchor.z);
    if (out.count < 1 || out.count > kMaxWindow || out.start < 0 || !sane(static_cast<double>(out.start))) return false;
    if (!sane(out.playhead) || !sane(out.anchor.x) || !sane(out.anchor.y) || !sane(out.anchor.z)) return false;
    if (!valid_records(encoding, data, size - kHeader, out.count)) return false;
    const std::size_t record = record_bytes(encoding);
    for (int i = 0; i < out.count; ++i)
        decode_record(encoding, data + record * static_cast<std::size_t>(i), out.frames[static_cast<std::size_t>(i)]);
    return true;
}

}  // namespace strut
