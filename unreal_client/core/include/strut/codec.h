// Frames as records on the wire (docs/contract.md, "Frames to the byte"). Pure functions, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "strut/frame.h"

namespace strut {

// Layout of a record; the numbers are those of the contract.
enum class FrameEncoding : std::uint8_t { float32 = 1, quat48 = 2 };

inline constexpr std::size_t kFloat32Record = 380;
inline constexpr std::size_t kQuat48Record = 152;

// Bytes of one frame; 0 for an encoding that is none of the two.
std::size_t record_bytes(FrameEncoding encoding) noexcept;

// Whether data is exactly count whole records, all of whose numbers are finite and whose rotations have length 1.
bool valid_records(FrameEncoding encoding, const std::uint8_t* data, std::size_t size, int count) noexcept;

// Decodes one record that `valid_records` has passed.
void decode_record(FrameEncoding encoding, const std::uint8_t* record, Frame& out) noexcept;

// Writes a frame as a FLOAT32 record of kFloat32Record bytes.
void encode_float32(const Frame& frame, std::uint8_t* record) noexcept;

// Three words of the smallest-three code as a unit quaternion with w >= 0.
Quat decode_quat48(std::uint16_t a, std::uint16_t b, std::uint16_t c) noexcept;

}  // namespace strut
