#include "StrutOverlay.h"

#include "Debug/DebugDrawService.h"
#include "Engine/Canvas.h"
#include "Engine/Engine.h"
#include "Engine/GameInstance.h"
#include "Engine/World.h"
#include "GameFramework/Actor.h"
#include "GameFramework/PlayerController.h"
#include "StrutModule.h"
#include "StrutMotionComponent.h"
#include "StrutSubsystem.h"

void FStrutOverlay::Start()
{
    Handle = UDebugDrawService::Register(TEXT("Game"), FDebugDrawDelegate::CreateStatic(&FStrutOverlay::Draw));
}

void FStrutOverlay::Stop()
{
    UDebugDrawService::Unregister(Handle);
}

void FStrutOverlay::Draw(UCanvas* Canvas, APlayerController* Player)
{
    const int32 Detail = StrutConsole::ShowLatency.GetValueOnGameThread();
    const UWorld* World = Player != nullptr ? Player->GetWorld() : nullptr;
    const UGameInstance* Game = World != nullptr ? World->GetGameInstance() : nullptr;
    const UStrutSubsystem* Strut = Game != nullptr ? Game->GetSubsystem<UStrutSubsystem>() : nullptr;
    if (Detail <= 0 || Canvas == nullptr || Strut == nullptr || Strut->GetClient() == nullptr)
    {
        return;
    }

    float Y = 60.f;
    const auto Line = [Canvas, &Y](const FString& Text, const FColor& Color)
    {
        Canvas->SetDrawColor(Color);
        Canvas->DrawText(GEngine->GetSmallFont(), Text, 40.f, Y);
        Y += 16.f;
    };
    const strut::Client& Client = *Strut->GetClient();
    const strut::Statistics& All = Client.statistics();
    Line(FString::Printf(TEXT("Strut: %d characters, lead %.0f ms, late frames %.2f %%, underruns %llu%s"),
                         Client.character_count(), 1000.0 * Client.latency().lead(), 100.f * Strut->GetLateShare(),
                         static_cast<unsigned long long>(All.underruns),
                         Strut->IsConnected() ? TEXT("") : TEXT(", not connected")),
         Strut->IsConnected() ? FColor::Green : FColor::Red);
    Line(FString::Printf(TEXT("%-14s %8s %8s %8s ms"), TEXT(""), TEXT("50 %"), TEXT("99 %"), TEXT("most")), FColor::White);
    for (const FStrutStage& Stage : Strut->GetLatency())
    {
        Line(FString::Printf(TEXT("%-14s %8.1f %8.1f %8.1f"), *Stage.Name, Stage.Median, Stage.Percentile99, Stage.Most),
             FColor::White);
    }
    if (Detail < 2)
    {
        return;
    }
    for (const TWeakObjectPtr<UStrutMotionComponent>& Entry : Strut->GetComponents())
    {
        const UStrutMotionComponent* Component = Entry.Get();
        if (Component == nullptr || Component->GetOwner() == nullptr)
        {
            continue;
        }
        const bool bShort = Component->GetLead() < 0.f;
        Line(FString::Printf(TEXT("%s: %s, %.0f ms in hand %s"), *Component->GetOwner()->GetName(),
                             *UEnum::GetValueAsString(Component->GetState()), 1000.f * Component->GetLead(),
                             *Component->GetLastError()),
             bShort ? FColor::Red : FColor::White);
    }
}
