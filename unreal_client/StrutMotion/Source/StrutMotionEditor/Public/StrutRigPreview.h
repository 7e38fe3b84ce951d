// A rig map shown on its mesh in the editor's viewport.
#pragma once

#include "ActorFactories/ActorFactory.h"
#include "CoreMinimal.h"
#include "GameFramework/Actor.h"

#include "strut/rig_preview.h"

#include "StrutRigPreview.generated.h"

class UPoseableMeshComponent;
class UStrutRigMap;
class UTextRenderComponent;

/**
 * Moves a rig map's mesh limb by limb, beside the canonical skeleton as lines, and says which limb it is: what moves
 * otherwise is mapped wrongly. Drag a rig map into the level, or place one and choose the map. Not in games.
 */
UCLASS(NotBlueprintable, HideCategories = (Collision, Input, Physics, Replication))
class STRUTMOTIONEDITOR_API AStrutRigPreview : public AActor
{
    GENERATED_BODY()

public:
    AStrutRigPreview();

    /** The map that is shown, on the mesh that it names. */
    UPROPERTY(EditAnywhere, Category = "Strut")
    TObjectPtr<UStrutRigMap> RigMap;

    /** How fast it moves; 0 stands still at Time. */
    UPROPERTY(EditAnywhere, Category = "Strut", meta = (ClampMin = "0", ClampMax = "4"))
    float Speed = 1.f;

    /** Seconds into the range of motion. */
    UPROPERTY(EditAnywhere, Category = "Strut")
    float Time = 0.f;

    /** Centimetres to the mesh's right at which the canonical skeleton is drawn. */
    UPROPERTY(EditAnywhere, Category = "Strut")
    float SkeletonOffset = 150.f;

    UPROPERTY(VisibleAnywhere, Category = "Strut")
    TObjectPtr<UPoseableMeshComponent> Mesh;

    UPROPERTY(VisibleAnywhere, Category = "Strut")
    TObjectPtr<UTextRenderComponent> Caption;

    /** Reads the map anew, as after a change to its text. */
    UFUNCTION(CallInEditor, Category = "Strut")
    void Reload();

    virtual bool ShouldTickIfViewportsOnly() const override;
    virtual void Tick(float DeltaSeconds) override;
    virtual void PostEditChangeProperty(FPropertyChangedEvent& Event) override;

private:
    void ShowPose();
    void DrawSkeleton() const;

    strut::RigPreview Preview;
    TArray<strut::Quat> Rotations;
    TArray<strut::Vec3> Translations;
    FString Problem;
    FString ShownJson;
    bool bRead = false;
};

/** Lets rig maps be dragged into a level. */
UCLASS()
class STRUTMOTIONEDITOR_API UStrutRigPreviewFactory : public UActorFactory
{
    GENERATED_BODY()

public:
    UStrutRigPreviewFactory();

    virtual bool CanCreateActorFrom(const FAssetData& Asset, FText& Error) override;
    virtual void PostSpawnActor(UObject* Asset, AActor* Actor) override;
};
