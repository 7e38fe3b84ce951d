// Unreal's types and those of the core. Pure functions, any thread.
#pragma once

#include "CoreMinimal.h"

#include "strut/coordinates.h"
#include "strut/root_driver.h"

namespace StrutSpace
{

/** Where an actor stands: facing +X, centimetres. */
inline strut::Placement ToPlacement(const FVector& Location, double Yaw)
{
    const strut::DVec3 Place =
        strut::from_engine(strut::EngineSpace::unreal_facing_x, strut::DVec3{Location.X, Location.Y, Location.Z});
    return {Place.x, Place.z, strut::yaw_to_heading(Yaw)};
}

/** A place on the ground at a height in centimetres. */
inline FVector ToLocation(const strut::Placement& Place, double Z)
{
    const strut::DVec3 Point =
        strut::to_engine(strut::EngineSpace::unreal_facing_x, strut::DVec3{Place.x, 0.0, Place.z});
    return FVector(Point.x, Point.y, Z);
}

inline double ToYaw(const strut::Placement& Place)
{
    return strut::heading_to_yaw(Place.heading);
}

/** A point or a velocity in metres; heights go along. */
inline strut::DVec3 ToPoint(const FVector& V)
{
    return strut::from_engine(strut::EngineSpace::unreal_facing_x, strut::DVec3{V.X, V.Y, V.Z});
}

inline strut::Quat ToQuat(const FQuat& Q)
{
    return {static_cast<float>(Q.X), static_cast<float>(Q.Y), static_cast<float>(Q.Z), static_cast<float>(Q.W)};
}

inline FQuat FromQuat(const strut::Quat& Q)
{
    return FQuat(Q.x, Q.y, Q.z, Q.w);
}

inline strut::Vec3 ToVec(const FVector& V)
{
    return {static_cast<float>(V.X), static_cast<float>(V.Y), static_cast<float>(V.Z)};
}

inline FVector FromVec(const strut::Vec3& V)
{
    return FVector(V.x, V.y, V.z);
}

} // namespace StrutSpace
