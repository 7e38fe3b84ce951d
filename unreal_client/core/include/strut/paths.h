// Where a character is to go, as games know it: a velocity, or the corners of a path. Made into a trajectory when a
// window is asked for.
//
// Values of the game thread: a ControlSource holds one, the game sets it, `plan` fills a trajectory from it. Nothing
// here allocates. Metres and seconds in Strut's world.
#pragma once

#include <array>

#include "strut/controls.h"

namespace strut {

// A velocity that goes over into a wanted one: what a player's stick, or a movement component, gives.
class VelocityPath {
  public:
    static constexpr float kAhead = 1.2f, kStep = 0.15f;    // seconds
    static constexpr double kFaster = 0.3, kTurned = 0.94;  // metres a second, cosine: changes that plan anew
    static constexpr double kMoves = 0.05;                  // metres a second; less is standing
    static constexpr float kFacingTurned = 0.35f;           // radians: the same of the facing

    // vx, vz: now. wanted_x, wanted_z: what it comes to. half_life: seconds in which half the difference goes.
    void set(double vx, double vz, double wanted_x, double wanted_z, double half_life) noexcept;
    void set(double vx, double vz) noexcept { set(vx, vz, vx, vz, 0.0); }
    // Radians; NaN: along the path.
    void face(float heading) noexcept { facing_ = heading; }
    // Whether it is so different from what was planned with that a new plan is due.
    bool changed() const noexcept;
    void plan(const PlanQuery& query, Trajectory& path) noexcept;

  private:
    double vx_ = 0.0, vz_ = 0.0, wanted_x_ = 0.0, wanted_z_ = 0.0, half_life_ = 0.0;
    float facing_ = TrajectorySample::kAbsent;
    double planned_x_ = 0.0, planned_z_ = 0.0;
    float planned_facing_ = TrajectorySample::kAbsent;
};

// The corners of a path, at a speed, to a stand at its end: what path finding gives. At a speed of 0 the style walks as
// fast as it does.
class CornerPath {
  public:
    static constexpr int kCapacity = 64;                 // corners
    static constexpr float kAhead = 1.6f, kStep = 0.2f;  // seconds
    static constexpr double kFreeStep = 0.3;             // metres between samples where the speed is the style's
    static constexpr double kSame = 0.05;                // metres: corners that are no other path

    struct Corner {
        double x = 0.0, z = 0.0;
    };

    // next: the first corner that is not passed yet. Of more corners than the capacity those from there on are taken.
    void set(const Corner* corners, int count, int next, double speed) noexcept;
    // Stands where it is.
    void stop() noexcept;
    // Radians that the character faces on its way; NaN: along the path.
    void face(float heading) noexcept { facing_ = heading; }
    // Whether the path is another one than what was planned with; that corners were passed does not count.
    bool changed() const noexcept { return changed_; }
    bool moves() const noexcept { return count_ > 0; }
    void plan(const PlanQuery& query, Trajectory& path) noexcept;

  private:
    std::array<Corner, kCapacity> corners_{};
    int count_ = 0;
    double speed_ = 0.0;
    float facing_ = TrajectorySample::kAbsent;
    bool changed_ = false;
};

}  // namespace strut
