#include "StrutSceneVolume.h"

#include "Components/BrushComponent.h"
#include "StrutMotionComponent.h"

AStrutSceneVolume::AStrutSceneVolume()
{
    GetBrushComponent()->SetCollisionProfileName(TEXT("OverlapAllDynamic"));
    GetBrushComponent()->SetGenerateOverlapEvents(true);
}

void AStrutSceneVolume::NotifyActorBeginOverlap(AActor* Other)
{
    Super::NotifyActorBeginOverlap(Other);
    if (UStrutMotionComponent* Component = Other != nullptr ? Other->FindComponentByClass<UStrutMotionComponent>() : nullptr)
    {
        Component->Enter(*this);
    }
}

void AStrutSceneVolume::NotifyActorEndOverlap(AActor* Other)
{
    Super::NotifyActorEndOverlap(Other);
    if (UStrutMotionComponent* Component = Other != nullptr ? Other->FindComponentByClass<UStrutMotionComponent>() : nullptr)
    {
        Component->Leave(*this);
    }
}
