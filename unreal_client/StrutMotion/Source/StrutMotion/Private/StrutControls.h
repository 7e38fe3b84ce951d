// What the details panel shows as what the core sends. Game thread; allocates, so only when something has changed.
#pragma once

#include "StrutTypes.h"

#include "strut/controls.h"

namespace StrutControls
{

std::string ToText(const FString& Text);
std::shared_ptr<const strut::Content> MakeContent(const FStrutContent& Content);
/** Null for the neutral style. */
std::shared_ptr<const strut::StyleMix> MakeStyle(const FStrutStyle& Style);
/** Null for none. */
std::shared_ptr<const strut::Scene> MakeScene(const FStrutScene& Scene);
strut::Obstacle MakeObstacle(const FStrutObstacle& Obstacle);
/** Goals for unknown joints are left out. */
std::shared_ptr<const std::vector<strut::Keyframe>> MakeKeyframes(const TArray<FStrutKeyframe>& Keyframes);

} // namespace StrutControls
