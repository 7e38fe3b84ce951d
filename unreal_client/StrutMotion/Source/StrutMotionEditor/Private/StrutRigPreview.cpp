#include "StrutRigPreview.h"

#include "AssetRegistry/AssetData.h"
#include "Components/PoseableMeshComponent.h"
#include "Components/TextRenderComponent.h"
#include "DrawDebugHelpers.h"
#include "Engine/SkeletalMesh.h"
#include "ReferenceSkeleton.h"
#include "StrutRigMap.h"
#include "StrutSpace.h"

#define LOCTEXT_NAMESPACE "StrutMotion"

AStrutRigPreview::AStrutRigPreview()
{
    PrimaryActorTick.bCanEverTick = true;
    bIsEditorOnlyActor = true;
    Mesh = CreateDefaultSubobject<UPoseableMeshComponent>(TEXT("Mesh"));
    SetRootComponent(Mesh);
    Caption = CreateDefaultSubobject<UTextRenderComponent>(TEXT("Caption"));
    Caption->SetupAttachment(Mesh);
    Caption->SetRelativeLocation(FVector(0.0, 0.0, 210.0));
    Caption->SetHorizontalAlignment(EHTA_Center);
    Caption->SetWorldSize(14.f);
}

bool AStrutRigPreview::ShouldTickIfViewportsOnly() const
{
    return true;
}

void AStrutRigPreview::PostEditChangeProperty(FPropertyChangedEvent& Event)
{
    Super::PostEditChangeProperty(Event);
    Reload();
}

void AStrutRigPreview::Reload()
{
    bRead = true;
    Problem = FString();
    Preview = strut::RigPreview();
    USkeletalMesh* Shown = RigMap != nullptr ? RigMap->Mesh.LoadSynchronous() : nullptr;
    Mesh->SetSkinnedAssetAndUpdate(Shown);
    ShownJson = RigMap != nullptr ? RigMap->Json : FString();
    if (Shown == nullptr)
    {
        Problem = RigMap == nullptr ? TEXT("RigMap: is empty") : TEXT("the rig map's Mesh is empty");
        return;
    }
    const strut::Rig Rig = UStrutRigMap::RigOf(Shown->GetRefSkeleton());
    strut::RigMap Map = strut::automatic_map(Rig, strut::EngineSpace::unreal_facing_y);
    if (!RigMap->Json.IsEmpty())
    {
        Problem = RigMap->Read(Map);
    }
    if (Problem.IsEmpty())
    {
        Problem = FString(UTF8_TO_TCHAR(Preview.prepare(Rig, Map).c_str()));
    }
    Rotations.SetNumUninitialized(static_cast<int32>(Rig.size()));
    Translations.SetNumUninitialized(static_cast<int32>(Rig.size()));
}

void AStrutRigPreview::Tick(float DeltaSeconds)
{
    Super::Tick(DeltaSeconds);
    if (!bRead || (RigMap != nullptr && RigMap->Json != ShownJson))
    {
        Reload();
    }
    if (!Problem.IsEmpty() || !Preview.ready())
    {
        Caption->SetText(FText::FromString(Problem));
        return;
    }
    Time += DeltaSeconds * Speed;
    FString Text(strut::preview_caption(Time));
    if (!Preview.missing().empty())
    {
        Text = Text + TEXT("<br>no bone for: ") + FString(UTF8_TO_TCHAR(Preview.missing().c_str()));
    }
    Caption->SetText(FText::FromString(Text));
    ShowPose();
    DrawSkeleton();
}

void AStrutRigPreview::ShowPose()
{
    if (Mesh->BoneSpaceTransforms.Num() != Rotations.Num())
    {
        return;
    }
    Preview.pose(Time, Rotations.GetData(), Translations.GetData());
    for (int32 Bone = 0; Bone < Rotations.Num(); ++Bone)
    {
        Mesh->BoneSpaceTransforms[Bone].SetRotation(StrutSpace::FromQuat(Rotations[Bone]));
        Mesh->BoneSpaceTransforms[Bone].SetTranslation(StrutSpace::FromVec(Translations[Bone]));
    }
    Mesh->MarkRefreshTransformDirty();
}

void AStrutRigPreview::DrawSkeleton() const
{
    std::array<strut::Vec3, strut::kJoints> Places;
    Preview.skeleton(Time, Places);
    const FTransform& Here = Mesh->GetComponentTransform();
    const auto At = [&](std::size_t Joint)
    {
        return Here.TransformPosition(StrutSpace::FromVec(Places[Joint]) - FVector(SkeletonOffset, 0.0, 0.0));
    };
    for (std::size_t Joint = 1; Joint < Places.size(); ++Joint)
    {
        DrawDebugLine(GetWorld(), At(static_cast<std::size_t>(strut::kParents[Joint])), At(Joint), FColor::Green);
    }
}

UStrutRigPreviewFactory::UStrutRigPreviewFactory()
{
    DisplayName = LOCTEXT("RigPreview", "Strut Rig Preview");
    NewActorClass = AStrutRigPreview::StaticClass();
}

bool UStrutRigPreviewFactory::CanCreateActorFrom(const FAssetData& Asset, FText& Error)
{
    // Without an asset it is placed by itself.
    if (!Asset.IsValid() || Asset.IsInstanceOf(UStrutRigMap::StaticClass()))
    {
        return true;
    }
    Error = LOCTEXT("NoRigMap", "Not a Strut rig map");
    return false;
}

void UStrutRigPreviewFactory::PostSpawnActor(UObject* Asset, AActor* Actor)
{
    Super::PostSpawnActor(Asset, Actor);
    AStrutRigPreview* Preview = Cast<AStrutRigPreview>(Actor);
    UStrutRigMap* Map = Cast<UStrutRigMap>(Asset);
    if (Preview != nullptr && Map != nullptr)
    {
        Preview->RigMap = Map;
        Preview->Reload();
    }
}

#undef LOCTEXT_NAMESPACE
