// One frame of motion on the canonical skeleton, and what is constant about that skeleton.
//
// Plain values: any thread, owned by whoever holds them. Space: right-handed, Y up, metres, radians; a heading h faces
// (sin h, 0, cos h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "strut/math.h"

namespace strut {

inline constexpr int kJoints = 22;
inline constexpr int kContacts = 4;
inline constexpr double kFps = 30.0;

// The joints in their order on the wire.
enum class Joint : std::uint8_t {
    pelvis,
    left_hip,
    right_hip,
    spine1,
    left_knee,
    right_knee,
    spine2,
    left_ankle,
    right_ankle,
    spine3,
    left_foot,
    right_foot,
    neck,
    left_collar,
    right_collar,
    head,
    left_shoulder,
    right_shoulder,
    left_elbow,
    right_elbow,
    left_wrist,
    right_wrist
};

inline constexpr std::array<const char*, kJoints> kJointNames = {
    "pelvis",     "left_hip",    "right_hip",    "spine1",     "left_knee",     "right_knee",
    "spine2",     "left_ankle",  "right_ankle",  "spine3",     "left_foot",     "right_foot",
    "neck",       "left_collar", "right_collar", "head",       "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist",   "right_wrist"};

inline constexpr std::array<int, kJoints> kParents = {-1, 0, 0, 0, 1,  2,  3,  4,  5,  6,  7,
                                                      8,  9, 9, 9, 12, 13, 14, 16, 17, 18, 19};

// Metres, height of the contact joint at the heel when the foot stands flat.
inline constexpr float kAnkleRestHeight = 0.117f;
inline constexpr float kPelvisRestHeight = 0.9396f;

// Each joint's place in its parent's frame in the rest pose, metres; the pelvis' is zero. A server's hello brings its
// own; these are those of the shipped model.
extern const std::array<Vec3, kJoints> kRestOffsets;

// One frame at 30 Hz.
struct Frame {
    float root_x = 0.0f, root_z = 0.0f;  // metres in the character's space
    float heading = 0.0f;
    Vec3 pelvis;                              // relative to the root, in its heading frame
    std::array<Quat, kJoints> rotations;      // local to the parent, the first one relative to the root's heading
    std::array<float, kContacts> contacts{};  // 0 to 1: left ankle, left foot, right ankle, right foot
};

// Standing at ease at the origin: what a character without motion eases into unless it has a pose of its own.
const Frame& idle_pose() noexcept;

// The pose between two frames, t from 0 to 1.
void interpolate(const Frame& a, const Frame& b, float t, Frame& out) noexcept;

// Places (metres) and rotations of all joints in the root's space.
void forward_kinematics(const Frame& frame, const std::array<Vec3, kJoints>& rest_offsets,
                        std::array<Vec3, kJoints>& places, std::array<Quat, kJoints>& rotations) noexcept;

// A rigid motion on the ground: a turn about the origin, then a shift.
struct Move {
    double heading = 0.0;
    double x = 0.0, z = 0.0;

    void place(double& px, double& pz) const noexcept;
    void frame(Frame& frame) const noexcept;
    // This move after another one.
    Move after(const Move& first) const noexcept;
    // The move that takes one placement to another.
    static Move between(double x, double z, double heading, double to_x, double to_z, double to_heading) noexcept;
};

}  // namespace strut
