// Strut's space and those of the engines (strut_model.coordinates is the reference). Pure functions, any thread.
#pragma once

#include "strut/math.h"

namespace strut {

// A left-handed space beside Strut's right-handed one.
enum class EngineSpace : unsigned char {
    unity,            // Y up, metres, facing +Z: p = (-x, y, z), q = (x, -y, -z, w)
    unreal_facing_y,  // Z up, centimetres, mannequin meshes: p = 100 (x, z, y), q = (-x, -z, -y, w)
    unreal_facing_x,  // Z up, centimetres, actors: p = 100 (z, -x, y), q = (-z, x, -y, w)
};

// A point in doubles, for places in the world.
struct DVec3 {
    double x = 0.0, y = 0.0, z = 0.0;
};

inline Vec3 to_engine(EngineSpace space, Vec3 p) noexcept {
    switch (space) {
        case EngineSpace::unity:
            return {-p.x, p.y, p.z};
        case EngineSpace::unreal_facing_y:
            return {100.0f * p.x, 100.0f * p.z, 100.0f * p.y};
        case EngineSpace::unreal_facing_x:
            return {100.0f * p.z, -100.0f * p.x, 100.0f * p.y};
    }
    return p;
}

inline DVec3 to_engine(EngineSpace space, DVec3 p) noexcept {
    switch (space) {
        case EngineSpace::unity:
            return {-p.x, p.y, p.z};
        case EngineSpace::unreal_facing_y:
            return {100.0 * p.x, 100.0 * p.z, 100.0 * p.y};
        case EngineSpace::unreal_facing_x:
            return {100.0 * p.z, -100.0 * p.x, 100.0 * p.y};
    }
    return p;
}

inline Quat to_engine(EngineSpace space, Quat q) noexcept {
    switch (space) {
        case EngineSpace::unity:
            return {q.x, -q.y, -q.z, q.w};
        case EngineSpace::unreal_facing_y:
            return {-q.x, -q.z, -q.y, q.w};
        case EngineSpace::unreal_facing_x:
            return {-q.z, q.x, -q.y, q.w};
    }
    return q;
}

inline DVec3 from_engine(EngineSpace space, DVec3 p) noexcept {
    switch (space) {
        case EngineSpace::unity:
            return {-p.x, p.y, p.z};
        case EngineSpace::unreal_facing_y:
            return {0.01 * p.x, 0.01 * p.z, 0.01 * p.y};
        case EngineSpace::unreal_facing_x:
            return {-0.01 * p.y, 0.01 * p.z, 0.01 * p.x};
    }
    return p;
}

inline Vec3 from_engine(EngineSpace space, Vec3 p) noexcept {
    const DVec3 d = from_engine(space, DVec3{p.x, p.y, p.z});
    return {static_cast<float>(d.x), static_cast<float>(d.y), static_cast<float>(d.z)};
}

inline Quat from_engine(EngineSpace space, Quat q) noexcept {
    switch (space) {
        case EngineSpace::unity:
            return {q.x, -q.y, -q.z, q.w};
        case EngineSpace::unreal_facing_y:
            return {-q.x, -q.z, -q.y, q.w};
        case EngineSpace::unreal_facing_x:
            return {q.y, -q.z, -q.x, q.w};
    }
    return q;
}

// Radians to the engines' degrees about their up axis.
inline double heading_to_yaw(double heading) noexcept {
    return -heading * (180.0 / 3.14159265358979323846);
}
inline double yaw_to_heading(double yaw) noexcept {
    return -yaw * (3.14159265358979323846 / 180.0);
}

}  // namespace strut
