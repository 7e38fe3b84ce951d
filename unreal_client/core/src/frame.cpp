#include "strut/frame.h"

namespace strut {

const std::array<Vec3, kJoints> kRestOffsets = {{
    {0.0f, 0.0f, 0.0f},          {0.0647f, -0.0219000001f, 0.0f},      {-0.0647f, -0.0219000001f, 0.0f},
    {0.0f, 0.157399997f, 0.0f},  {0.0f, -0.390799999f, 0.0f},          {-0.0f, -0.390799999f, 0.0f},
    {0.0f, 0.0449000001f, 0.0f}, {0.0f, -0.40990001f, 0.0f},           {-0.0f, -0.40990001f, 0.0f},
    {0.0f, 0.0449000001f, 0.0f}, {0.0f, -0.074500002f, 0.0908999965f}, {-0.0f, -0.074500002f, 0.0908999965f},
    {0.0f, 0.163800001f, 0.0f},  {0.0498000011f, 0.129899994f, 0.0f},  {-0.0498000011f, 0.129899994f, 0.0f},
    {0.0f, 0.0645999983f, 0.0f}, {0.0535000004f, 0.0f, 0.0f},          {-0.0535000004f, 0.0f, 0.0f},
    {0.243300006f, 0.0f, 0.0f},  {-0.243300006f, 0.0f, 0.0f},          {0.222900003f, 0.0f, 0.0f},
    {-0.222900003f, 0.0f, 0.0f},
}};

namespace {

// The shipped bundle's idle pose, rounded; the shared vectors hold the same (idle_pose).
constexpr Vec3 kIdlePelvis = {0.0f, 0.9344f, -0.0f};
const std::array<Quat, kJoints> kIdleRotations = {{
    {0.0f, -0.0193002651f, 0.0f, 0.999813733f},
    {-0.00659993291f, -0.0237997581f, 0.00319996747f, 0.999689838f},
    {-0.0300993964f, 0.0339993182f, -0.0132997333f, 0.998879968f},
    {-0.0818026893f, 0.000300009863f, -0.00560018411f, 0.996632765f},
    {0.0861980981f, 0.0f, 0.0f, 0.996278017f},
    {0.101404614f, 0.0f, 0.0f, 0.994845266f},
    {0.0435983618f, 0.0192992748f, -0.000699973699f, 0.998862468f},
    {-0.0797022994f, -0.0240006924f, -0.00140004039f, 0.99652875f},
    {-0.0723010831f, 0.0345005168f, 0.0119001783f, 0.996714931f},
    {0.0435983618f, 0.0192992748f, -0.000699973699f, 0.998862468f},
    {0.0f, 0.0f, 0.0f, 1.0f},
    {0.0f, 0.0f, 0.0f, 1.0f},
    {0.0293987f, 0.0311986204f, 0.0157993014f, 0.998955827f},
    {0.0f, 0.00259992689f, 0.0211994039f, 0.999771887f},
    {0.0f, 0.00249995653f, 0.02069964f, 0.999782614f},
    {0.00279998902f, 0.0f, 0.0f, 0.99999608f},
    {0.143206752f, -0.20890985f, -0.642930315f, 0.722834082f},
    {0.317601015f, 0.350801121f, 0.520001661f, 0.711102272f},
    {-0.000200009088f, -0.101404607f, -0.000300013631f, 0.994845202f},
    {0.0007000142f, 0.0966019596f, 0.00230004666f, 0.99532019f},
    {0.0f, 0.0f, 0.0f, 1.0f},
    {0.0f, 0.0f, 0.0f, 1.0f},
}};

Frame make_idle_pose() noexcept {
    Frame frame;
    frame.pelvis = kIdlePelvis;
    frame.rotations = kIdleRotations;
    frame.contacts.fill(1.0f);
    return frame;
}

}  // namespace

const Frame& idle_pose() noexcept {
    static const Frame frame = make_idle_pose();
    return frame;
}

void interpolate(const Frame& a, const Frame& b, float t, Frame& out) noexcept {
    out.root_x = a.root_x + t * (b.root_x - a.root_x);
    out.root_z = a.root_z + t * (b.root_z - a.root_z);
    out.heading = a.heading + t * wrap(b.heading - a.heading);
    out.pelvis = a.pelvis + (b.pelvis - a.pelvis) * t;
    for (int j = 0; j < kJoints; ++j) out.rotations[j] = slerp(a.rotations[j], b.rotations[j], t);
    for (int i = 0; i < kContacts; ++i) out.contacts[i] = a.contacts[i] + t * (b.contacts[i] - a.contacts[i]);
}

void forward_kinematics(const Frame& frame, const std::array<Vec3, kJoints>& rest_offsets,
                        std::array<Vec3, kJoints>& places, std::array<Quat, kJoints>& rotations) noexcept {
    places[0] = frame.pelvis;
    rotations[0] = frame.rotations[0];
    for (int j = 1; j < kJoints; ++j) {
        const int parent = kParents[j];
        rotations[j] = rotations[parent] * frame.rotations[j];
        places[j] = places[parent] + rotate(rotations[parent], rest_offsets[j]);
    }
}

void Move::place(double& px, double& pz) const noexcept {
    const double c = std::cos(heading), s = std::sin(heading);
    const double turned_x = c * px + s * pz, turned_z = c * pz - s * px;
    px = turned_x + x;
    pz = turned_z + z;
}

void Move::frame(Frame& frame) const noexcept {
    double px = frame.root_x, pz = frame.root_z;
    place(px, pz);
    frame.root_x = static_cast<float>(px);
    frame.root_z = static_cast<float>(pz);
    frame.heading = static_cast<float>(frame.heading + heading);
}

Move Move::after(const Move& first) const noexcept {
    Move both = {heading + first.heading, first.x, first.z};
    place(both.x, both.z);
    return both;
}

Move Move::between(double x, double z, double heading, double to_x, double to_z, double to_heading) noexcept {
    Move move = {to_heading - heading, 0.0, 0.0};
    move.place(x, z);
    move.x = to_x - x;
    move.z = to_z - z;
    return move;
}

}  // namespace strut
