#include "strut/codec.h"

#include <cstring>

namespace strut {

namespace {

constexpr float kHeadingStep = 2.0f * kPi / 65536.0f;
constexpr float kSwayStep = 1e-4f;
constexpr int kHalfSteps = 16383;
constexpr float kSmallStep = 0.70710678118654752f / kHalfSteps;

// Byte by byte, so that neither the machine's byte order nor alignment matters; compilers make single loads of these.
std::uint16_t read_u16(const std::uint8_t* p) noexcept {
    return static_cast<std::uint16_t>(p[0] | p[1] << 8);
}

float read_f32(const std::uint8_t* p) noexcept {
    const std::uint32_t bits = p[0] | p[1] << 8 | p[2] << 16 | static_cast<std::uint32_t>(p[3]) << 24;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

void write_f32(std::uint8_t* p, float value) noexcept {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; ++i) p[i] = static_cast<std::uint8_t>(bits >> 8 * i);
}

bool finite(const Frame& frame) noexcept {
    float sum = frame.root_x + frame.root_z + frame.heading + frame.pelvis.x + frame.pelvis.y + frame.pelvis.z;
    if (!std::isfinite(sum)) return false;
    for (const Quat& q : frame.rotations) {
        const float size = dot(q, q);
        if (!(size > 0.998f && size < 1.002f)) return false;
    }
    return true;
}

void decode_float32(const std::uint8_t* p, Frame& out) noexcept {
    out.root_x = read_f32(p);
    out.root_z = read_f32(p + 4);
    out.heading = read_f32(p + 8);
    out.pelvis = {read_f32(p + 12), read_f32(p + 16), read_f32(p + 20)};
    p += 24;
    for (Quat& q : out.rotations) {
        q = {read_f32(p), read_f32(p + 4), read_f32(p + 8), read_f32(p + 12)};
        p += 16;
    }
    for (int i = 0; i < kContacts; ++i) out.contacts[i] = static_cast<float>(p[i]) / 255.0f;
}

void decode_quat48_record(const std::uint8_t* p, Frame& out) noexcept {
    out.root_x = read_f32(p);
    out.root_z = read_f32(p + 4);
    const int turns = read_u16(p + 12);
    out.heading = static_cast<float>(turns > 32768 ? turns - 65536 : turns) * kHeadingStep;
    out.pelvis.x = static_cast<float>(static_cast<std::int16_t>(read_u16(p + 14))) * kSwayStep;
    out.pelvis.y = read_f32(p + 8);
    out.pelvis.z = static_cast<float>(static_cast<std::int16_t>(read_u16(p + 16))) * kSwayStep;
    p += 18;
    for (Quat& q : out.rotations) {
        q = decode_quat48(read_u16(p), read_u16(p + 2), read_u16(p + 4));
        p += 6;
    }
    const unsigned contacts = read_u16(p);
    for (int i = 0; i < kContacts; ++i) out.contacts[i] = static_cast<float>(contacts >> 4 * i & 15u) / 15.0f;
}

}  // namespace

std::size_t record_bytes(FrameEncoding encoding) noexcept {
    switch (encoding) {
        case FrameEncoding::float32:
            return kFloat32Record;
        case FrameEncoding::quat48:
            return kQuat48Record;
    }
    return 0;
}

bool valid_records(FrameEncoding encoding, const std::uint8_t* data, std::size_t size, int count) noexcept {
    const std::size_t record = record_bytes(encoding);
    if (record == 0 || count <= 0 || size != record * static_cast<std::size_t>(count)) return false;
    Frame frame;
    for (int i = 0; i < count; ++i) {
        decode_record(encoding, data + record * static_cast<std::size_t>(i), frame);
        if (!finite(frame)) return false;
    }
    return true;
}

void decode_record(FrameEncoding encoding, const std::uint8_t* record, Frame& out) noexcept {
    if (encoding == FrameEncoding::float32)
        decode_float32(record, out);
    else
        decode_quat48_record(record, out);
}

void encode_float32(const Frame& frame, std::uint8_t* p) noexcept {
    const float head[6] = {frame.root_x, frame.root_z, frame.heading, frame.pelvis.x, frame.pelvis.y, frame.pelvis.z};
    for (float value : head) {
        write_f32(p, value);
        p += 4;
    }
    for (const Quat& q : frame.rotations) {
        const float sign = q.w < 0.0f ? -1.0f : 1.0f;
        const float parts[4] = {sign * q.x, sign * q.y, sign * q.z, sign * q.w};
        for (float value : parts) {
            write_f32(p, value);
            p += 4;
        }
    }
    for (int i = 0; i < kContacts; ++i) {
        const float held = std::fmin(std::fmax(frame.contacts[i], 0.0f), 1.0f);
        p[i] = static_cast<std::uint8_t>(std::lround(255.0f * held));
    }
}

Quat decode_quat48(std::uint16_t a, std::uint16_t b, std::uint16_t c) noexcept {
    const int largest = (a >> 15) | (b >> 15) << 1;
    const float small[3] = {static_cast<float>((a & 0x7fff) - kHalfSteps) * kSmallStep,
                            static_cast<float>((b & 0x7fff) - kHalfSteps) * kSmallStep,
                            static_cast<float>((c & 0x7fff) - kHalfSteps) * kSmallStep};
    const float rest = 1.0f - small[0] * small[0] - small[1] * small[1] - small[2] * small[2];
    float q[4];
    for (int i = 0, k = 0; i < 4; ++i) q[i] = i == largest ? std::sqrt(std::fmax(rest, 0.0f)) : small[k++];
    const float sign = q[3] < 0.0f ? -1.0f : 1.0f;
    return normalised({sign * q[0], sign * q[1], sign * q[2], sign * q[3]});
}

}  // namespace strut
