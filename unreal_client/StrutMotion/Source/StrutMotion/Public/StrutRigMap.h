// A rig map as an asset: the JSON that Python, Unity and Unreal share (docs/client_core.md, "Retargeting").
#pragma once

#include "CoreMinimal.h"
#include "Engine/DataAsset.h"

#include "strut/rig.h"

#include "StrutRigMap.generated.h"

class USkeletalMesh;
struct FReferenceSkeleton;

/** Which bones of a skeletal mesh take which joints. Without one a mesh is mapped by its bones' names. */
UCLASS(BlueprintType)
class STRUTMOTION_API UStrutRigMap : public UDataAsset
{
    GENERATED_BODY()

public:
    /** The mesh that it was made for. */
    UPROPERTY(EditAnywhere, Category = "Strut")
    TSoftObjectPtr<USkeletalMesh> Mesh;

    /** The map as text; empty maps by names. */
    UPROPERTY(EditAnywhere, BlueprintReadOnly, Category = "Strut", meta = (MultiLine = "true"))
    FString Json;

    /** Maps the mesh by its bones' names, as text to correct by hand. */
    UFUNCTION(BlueprintCallable, CallInEditor, Category = "Strut")
    void MakeAutomatically();

    /** What is wrong with the map for its mesh; empty where it fits. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    FString Check() const;

    /** Reads the text. An empty string on success, else which field is wrong and what is allowed. */
    FString Read(strut::RigMap& Out) const;

    /** Writes a map as text. */
    static FString ToJson(const strut::RigMap& Map);
    /** Reads a map from text; as Read. */
    static FString FromJson(const FString& Text, strut::RigMap& Out);
    /** A mesh's bones and rest pose. */
    static strut::Rig RigOf(const FReferenceSkeleton& Skeleton);

#if WITH_EDITOR
    virtual void PostEditChangeProperty(FPropertyChangedEvent& Event) override;
#endif
};
