// What a character is to do, as a game says it: proto/strut/v1/controls.proto tells meanings, units and ranges.
//
// Content, StyleMix, Scene, Surroundings and Keyframes are made by the game, on any thread, and are not changed once
// they are shared: the client's threads read them. A Controls is filled on the game thread, in `ControlSource::plan`.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "strut/coordinates.h"
#include "strut/frame.h"
#include "strut/root_driver.h"

namespace strut {

// A part of the body; the numbers are those of the contract.
enum class BodyPart : std::uint8_t { torso = 1, left_leg = 2, right_leg = 3, left_arm = 4, right_arm = 5 };

// What the character does: exactly one of label, text and code.
struct Content {
    std::string label;        // such as walk
    std::string text;         // needs the server's capability
    std::vector<float> code;  // 64 values
    std::optional<float> gesture_phase, gesture_duration;
    bool gesture_hold = false;
};

// One style of a mix: a name or a vector of 320 values.
struct StyleComponent {
    std::string name;
    std::vector<float> vector;
    float weight = 1.0f;
    int priority = 0;
};

struct PartStyle {
    BodyPart part = BodyPart::torso;
    std::vector<StyleComponent> components;  // empty: those of the mix
    std::optional<float> strength;
};

struct StyleDimension {
    std::string name;
    float value = 0.0f;
};

// Whether the content may weaken the style where the body needs its balance.
enum class StyleGating : std::uint8_t { unspecified = 0, off = 1, automatic = 2 };

// How the character moves.
struct StyleMix {
    std::vector<StyleComponent> components;  // empty: the neutral style
    std::optional<float> strength;
    std::vector<PartStyle> parts;
    std::vector<StyleDimension> dimensions;
    StyleGating gating = StyleGating::unspecified;
};

// A scene's quantities; what is absent is that of a level, dry, roomy, mild place in daylight.
struct SceneDescriptor {
    std::optional<float> slope, friction, compliance, sink_depth, roughness, water_depth, snow_depth, clearance,
        footing_width, precipitation, visibility, temperature, ground_temperature, crowding, platform_tilt,
        platform_period, step_height;
    std::optional<Vec3> wind;
};

// Where the character is: at most one of preset, text, descriptor and vector.
struct Scene {
    std::string preset;
    std::string text;
    std::optional<SceneDescriptor> descriptor;
    std::vector<float> vector;  // 320 values
    std::optional<float> alpha;
};

// A grid of ground heights, in the world; the contract's HeightField.
struct HeightField {
    DVec3 origin;  // of the first sample, metres
    float heading = 0.0f;
    float spacing = 0.25f;  // metres
    int columns = 0;
    std::vector<float> heights;   // metres above origin.y, row after row
    std::vector<float> ceilings;  // the same of what hangs above; as many, or none
};

// Something that the path must not enter, in the world: a cylinder where radius is not 0, else a box.
struct Obstacle {
    double x = 0.0, z = 0.0;  // metres
    float radius = 0.0f;
    float width = 0.0f, depth = 0.0f, heading = 0.0f;
    std::optional<double> bottom, top;  // heights; absent: on the ground, too high to matter
};

// The geometry around a character.
struct Surroundings {
    std::optional<HeightField> ground;
    std::vector<Obstacle> obstacles;
    bool bend_path = false;  // whether the server leads the path around the obstacles
};

// A goal for one joint, in the world.
struct JointTarget {
    Joint joint = Joint::pelvis;
    std::optional<DVec3> position;
    std::optional<Quat> rotation;
};

// A pose, or goals for single joints, to be met ahead.
struct Keyframe {
    float time = 0.0f;          // seconds, as the times of the trajectory
    std::optional<Frame> pose;  // its root counts for nothing: that is `place`
    Placement place;
    std::vector<JointTarget> targets;
    std::optional<float> weight;
};

// One sample of the path ahead, in the world; what is NaN is absent, and not all may be.
struct TrajectorySample {
    static constexpr float kAbsent = std::numeric_limits<float>::quiet_NaN();

    double x = std::numeric_limits<double>::quiet_NaN();  // metres; x and z together
    double z = std::numeric_limits<double>::quiet_NaN();
    float facing = kAbsent;  // radians
    float speed = kAbsent;   // metres a second
    float time = kAbsent;    // seconds from the window's first frame
};

// The path ahead: a list of fixed capacity, so that filling it allocates nothing.
struct Trajectory {
    static constexpr int kCapacity = 64;

    std::array<TrajectorySample, kCapacity> samples;
    int count = 0;
    bool fixed_timing = false;  // else the scene may stretch the times

    void clear() noexcept {
        count = 0;
        fixed_timing = false;
    }
    // False, and nothing added, when it is full.
    bool add(const TrajectorySample& sample) noexcept {
        if (count == kCapacity) return false;
        samples[static_cast<std::size_t>(count++)] = sample;
        return true;
    }
};

// Everything that a window is generated from besides its history.
struct Controls {
    Trajectory trajectory;                                   // none: the network's choice
    std::shared_ptr<const Content> content;                  // none: idle
    std::shared_ptr<const StyleMix> style;                   // none: the neutral style
    std::shared_ptr<const Scene> scene;                      // none: level ground
    std::shared_ptr<const Surroundings> surroundings;        // none: nothing is known of the ground
    std::shared_ptr<const std::vector<Keyframe>> keyframes;  // ascending in time
    double keyframes_passed = 0.0;          // seconds to take from their times; what is past is left out
    std::optional<float> content_guidance;  // none: the model's own
    std::optional<std::uint64_t> seed;      // none: the character's number
    std::uint32_t steps = 0;                // network evaluations a window; 0: the server's choice
    // What a loaded server may go down to; 0: the fewest that the model has, since a window in time is worth more than
    // a second evaluation. For exactly `steps` set both.
    std::uint32_t min_steps = 0;

    void clear() noexcept { *this = Controls(); }
};

// What a source may want to know of the window that it plans.
struct PlanQuery {
    double seconds_ahead = 0.0;                 // game time from now to the window's first frame
    double x = 0.0, z = 0.0;                    // where the root will be one frame before it, metres in the world
    double heading = 0.0;                       // radians
    double velocity_x = 0.0, velocity_z = 0.0;  // metres a second
    int frames = 0;                             // of the window
    double game_time = 0.0;                     // the client's, seconds
};

// Takes out of controls what a server without these capabilities (numbers of the contract's Capability, as bits) would
// refuse the request for, so that the character moves without it.
void drop_unsupported(Controls& controls, std::uint64_t capabilities) noexcept;

// Asked for the controls of a request when it is made. Implemented by the game, called on the game thread within
// Client::update, must outlive the character, may not throw, wait or allocate, nor add or remove characters.
class ControlSource {
  public:
    virtual ~ControlSource() = default;
    // Fills controls, which come empty.
    virtual void plan(const PlanQuery& query, Controls& controls) noexcept = 0;
};

// Controls that hold until they are set anew; times of their trajectory count from the moment of setting. Game thread.
class HeldControls final : public ControlSource {
  public:
    // game_time is the client's: Client::game_time.
    void set(const Controls& controls, double game_time) noexcept;
    // As set, but times go on counting from the last set, or from the first change after restart.
    void change(const Controls& controls, double game_time) noexcept;
    void restart() noexcept { restarts_ = true; }
    void plan(const PlanQuery& query, Controls& controls) noexcept override;

  private:
    Controls held_;
    double set_at_ = 0.0;
    bool restarts_ = true;
};

}  // namespace strut
