#include "StrutModule.h"

#include "Modules/ModuleManager.h"
#include "StrutOverlay.h"

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
