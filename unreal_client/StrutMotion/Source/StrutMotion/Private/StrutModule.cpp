#include "StrutModule.h"

#include "Engine/GameInstance.h"
#include "Engine/World.h"
#include "Modules/ModuleManager.h"
#include "StrutOverlay.h"
#include "StrutSubsystem.h"

DEFINE_LOG_CATEGORY(LogStrut);

namespace StrutConsole
{

TAutoConsoleVariable<int32> Enabled(TEXT("strut.Enabled"), 1, TEXT("0 stops updating characters and posing meshes."));
TAutoConsoleVariable<int32> ShowLatency(TEXT("strut.ShowLatency"), 0,
                                        TEXT("1 shows where windows spend their time, 2 also what each character does."));
TAutoConsoleVariable<float> FarDistance(TEXT("strut.FarDistance"), -1.f,
                                        TEXT("Centimetres beyond which characters are far; negative: the setting."));
TAutoConsoleVariable<int32> CullUnseen(TEXT("strut.CullUnseen"), -1,
                                       TEXT("Whether unseen characters ask for nothing; negative: the setting."));
TAutoConsoleVariable<int32> MinSteps(TEXT("strut.MinSteps"), -1,
                                     TEXT("What a loaded server may go down to; negative: as the components say."));

} // namespace StrutConsole

namespace
{

UStrutSubsystem* StrutOf(const UWorld* World)
{
    const UGameInstance* Game = World != nullptr ? World->GetGameInstance() : nullptr;
    return Game != nullptr ? Game->GetSubsystem<UStrutSubsystem>() : nullptr;
}

void Reset(UWorld* World)
{
    if (UStrutSubsystem* Strut = StrutOf(World))
    {
        Strut->ResetStatistics();
    }
}

void Dump(UWorld* World)
{
    const UStrutSubsystem* Strut = StrutOf(World);
    if (Strut == nullptr)
    {
        return;
    }
    UE_LOG(LogStrut, Display, TEXT("late frames %.3f %%; milliseconds at 50 %%, 99 %%, most:"), 100.f * Strut->GetLateShare());
    for (const FStrutStage& Stage : Strut->GetLatency())
    {
        UE_LOG(LogStrut, Display, TEXT("%s %.1f %.1f %.1f"), *Stage.Name, Stage.Median, Stage.Percentile99, Stage.Most);
    }
}

FAutoConsoleCommandWithWorld ResetCommand(TEXT("strut.Reset"), TEXT("Begins the statistics anew."),
                                          FConsoleCommandWithWorldDelegate::CreateStatic(&Reset));
FAutoConsoleCommandWithWorld DumpCommand(TEXT("strut.Dump"), TEXT("Writes the statistics to the log."),
                                         FConsoleCommandWithWorldDelegate::CreateStatic(&Dump));

} // namespace

// Everything that has threads belongs to the subsystem, whose end joins them: long before modules are unloaded.
class FStrutMotionModule final : public IModuleInterface
{
public:
    virtual void StartupModule() override { Overlay.Start(); }
    virtual void ShutdownModule() override { Overlay.Stop(); }

private:
    FStrutOverlay Overlay;
};

IMPLEMENT_MODULE(FStrutMotionModule, StrutMotion)
