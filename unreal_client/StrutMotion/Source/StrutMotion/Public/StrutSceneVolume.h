// A volume that sets the scene of the characters inside: mud, rain, a steep slope.
#pragma once

#include "CoreMinimal.h"
#include "GameFramework/Volume.h"
#include "StrutTypes.h"

#include "StrutSceneVolume.generated.h"

UCLASS()
class STRUTMOTION_API AStrutSceneVolume : public AVolume
{
    GENERATED_BODY()

public:
    AStrutSceneVolume();

    UPROPERTY(EditAnywhere, BlueprintReadOnly, Category = "Strut")
    FStrutScene Scene;

    /** Of several volumes around a character the highest counts. */
    UPROPERTY(EditAnywhere, BlueprintReadOnly, Category = "Strut")
    int32 Priority = 0;

    virtual void NotifyActorBeginOverlap(AActor* Other) override;
    virtual void NotifyActorEndOverlap(AActor* Other) override;
};
