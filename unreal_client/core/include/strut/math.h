// Vectors, unit quaternions and springs: pure functions, callable on any thread.
//
// Quaternions are (x, y, z, w); a rotation a * b turns by b first. Angles in radians. Everything is noexcept and
// allocates nothing.
#pragma once

#include <cmath>

namespace strut {

inline constexpr float kPi = 3.14159265358979f;

// A point or a direction; which space and unit, the holder says.
struct Vec3 {
    float x = 0.0f, y = 0.0f, z = 0.0f;
};

// A unit rotation.
struct Quat {
    float x = 0.0f, y = 0.0f, z = 0.0f, w = 1.0f;
};

inline Vec3 operator+(Vec3 a, Vec3 b) noexcept {
    return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline Vec3 operator-(Vec3 a, Vec3 b) noexcept {
    return {a.x - b.x, a.y - b.y, a.z - b.z};
}
inline Vec3 operator*(Vec3 a, float s) noexcept {
    return {a.x * s, a.y * s, a.z * s};
}
inline float dot(Vec3 a, Vec3 b) noexcept {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec3 cross(Vec3 a, Vec3 b) noexcept {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline float length(Vec3 a) noexcept {
    return std::sqrt(dot(a, a));
}

inline float dot(Quat a, Quat b) noexcept {
    return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}
inline Quat operator*(Quat a, Quat b) noexcept {
    return {a.w * b.x + b.w * a.x + a.y * b.z - a.z * b.y, a.w * b.y + b.w * a.y + a.z * b.x - a.x * b.z,
            a.w * b.z + b.w * a.z + a.x * b.y - a.y * b.x, a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z};
}
inline Quat inverse(Quat q) noexcept {
    return {-q.x, -q.y, -q.z, q.w};
}
inline Vec3 imaginary(Quat q) noexcept {
    return {q.x, q.y, q.z};
}
inline Quat normalised(Quat q) noexcept {
    const float s = 1.0f / std::sqrt(dot(q, q));
    return {q.x * s, q.y * s, q.z * s, q.w * s};
}
inline Vec3 rotate(Quat q, Vec3 v) noexcept {
    const Vec3 u = imaginary(q);
    const Vec3 t = cross(u, v) * 2.0f;
    return v + t * q.w + cross(u, t);
}

// Along the shorter way; linear and normalised where the two are nearly parallel.
inline Quat slerp(Quat a, Quat b, float t) noexcept {
    float cosine = dot(a, b);
    if (cosine < 0.0f) {
        b = {-b.x, -b.y, -b.z, -b.w};
        cosine = -cosine;
    }
    float s = 1.0f - t;
    if (cosine <= 0.9995f) {
        const float angle = std::acos(cosine);
        const float scale = 1.0f / std::sin(angle);
        s = std::sin(s * angle) * scale;
        t = std::sin(t * angle) * scale;
    }
    return normalised({s * a.x + t * b.x, s * a.y + t * b.y, s * a.z + t * b.z, s * a.w + t * b.w});
}

// The rotation vector of the shorter way.
inline Vec3 logarithm(Quat q) noexcept {
    const float sign = q.w < 0.0f ? -1.0f : 1.0f;
    const Vec3 v = imaginary(q) * sign;
    const float sine = length(v);
    if (sine < 1e-9f) return v * 2.0f;
    return v * (2.0f * std::atan2(sine, q.w * sign) / sine);
}

// The rotation of a rotation vector.
inline Quat exponential(Vec3 v) noexcept {
    const float angle = length(v);
    if (angle < 1e-9f) return {0.5f * v.x, 0.5f * v.y, 0.5f * v.z, 1.0f};
    const float s = std::sin(0.5f * angle) / angle;
    return {v.x * s, v.y * s, v.z * s, std::cos(0.5f * angle)};
}

// The shortest arc from one direction to another; neither need have length 1, neither may be 0, and they may not be
// opposite.
inline Quat between(Vec3 u, Vec3 v) noexcept {
    const Vec3 n = cross(u, v);
    return normalised({n.x, n.y, n.z, dot(u, v) + std::sqrt(dot(u, u) * dot(v, v))});
}

// An angle brought to [-pi, pi).
inline float wrap(float angle) noexcept {
    return angle - 2.0f * kPi * std::floor((angle + kPi) / (2.0f * kPi));
}
inline double wrap(double angle) noexcept {
    constexpr double pi = 3.14159265358979323846;
    return angle - 2.0 * pi * std::floor((angle + pi) / (2.0 * pi));
}

// How a critically damped spring lets an offset x, moving by v a frame, die away within t frames:
// offset * from_offset + v * from_step.
struct SpringShares {
    float from_offset, from_step;
};
inline SpringShares spring_shares(float decay, float t) noexcept {
    const float fade = std::exp(-decay * t);
    return {(1.0f + decay * t) * fade, t * fade};
}

}  // namespace strut
