// The module's log, statistics and console variables.
#pragma once

#include "CoreMinimal.h"
#include "HAL/IConsoleManager.h"
#include "Stats/Stats.h"

DECLARE_LOG_CATEGORY_EXTERN(LogStrut, Log, All);

// `stat Strut`
DECLARE_STATS_GROUP(TEXT("Strut"), STATGROUP_Strut, STATCAT_Advanced);
DECLARE_CYCLE_STAT_EXTERN(TEXT("Update"), STAT_StrutUpdate, STATGROUP_Strut, );
DECLARE_CYCLE_STAT_EXTERN(TEXT("Component"), STAT_StrutComponent, STATGROUP_Strut, );
DECLARE_CYCLE_STAT_EXTERN(TEXT("Pose"), STAT_StrutPose, STATGROUP_Strut, );

namespace strut
{
class Client;
}

namespace StrutStats
{

/** Hands a frame's numbers to `stat Strut` and to Unreal Insights. Game thread, once a frame. */
void Publish(const strut::Client& Client);

} // namespace StrutStats

namespace StrutConsole
{

/** strut.Enabled: whether the client is updated and meshes are posed. */
extern TAutoConsoleVariable<int32> Enabled;
/** strut.ShowLatency: the overlay. */
extern TAutoConsoleVariable<int32> ShowLatency;
/** strut.FarDistance: in place of the setting, centimetres; negative for the setting. */
extern TAutoConsoleVariable<float> FarDistance;
/** strut.CullUnseen: in place of the setting; negative for the setting. */
extern TAutoConsoleVariable<int32> CullUnseen;
/** strut.MinSteps: in place of the components', where it is not negative. */
extern TAutoConsoleVariable<int32> MinSteps;

} // namespace StrutConsole
