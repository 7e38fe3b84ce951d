#include "StrutLiveLinkSource.h"

#include "Engine/Engine.h"
#include "Engine/GameInstance.h"
#include "Engine/World.h"
#include "GameFramework/Actor.h"
#include "HAL/PlatformTime.h"
#include "ILiveLinkClient.h"
#include "Roles/LiveLinkAnimationRole.h"
#include "Roles/LiveLinkAnimationTypes.h"
#include "StrutLiveLinkSourceFactory.h"
#include "StrutMotionComponent.h"
#include "StrutSpace.h"
#include "StrutSubsystem.h"

#include "strut/frame.h"

#define LOCTEXT_NAMESPACE "StrutMotion"

namespace
{

// The canonical skeleton in the mesh's space: facing +Y, joint frames aligned with it in the rest pose.
constexpr strut::EngineSpace GSpace = strut::EngineSpace::unreal_facing_y;

FTransform LocalOf(const strut::Frame& Frame, int32 Joint)
{
    const std::size_t Index = static_cast<std::size_t>(Joint);
    const strut::Vec3 Offset = Joint == 0 ? Frame.pelvis : strut::kRestOffsets[Index];
    return FTransform(StrutSpace::FromQuat(strut::to_engine(GSpace, Frame.rotations[Index])),
                      StrutSpace::FromVec(strut::to_engine(GSpace, Offset)));
}

} // namespace

void FStrutLiveLinkSource::ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid)
{
    Client = InClient;
    Guid = InSourceGuid;
}

void FStrutLiveLinkSource::Update()
{
    if (Client == nullptr || GEngine == nullptr)
    {
        return;
    }
    for (const FWorldContext& Context : GEngine->GetWorldContexts())
    {
        const UGameInstance* Game = Context.World() != nullptr ? Context.World()->GetGameInstance() : nullptr;
        const UStrutSubsystem* Strut = Game != nullptr ? Game->GetSubsystem<UStrutSubsystem>() : nullptr;
        if (Strut == nullptr)
        {
            continue;
        }
        for (const TWeakObjectPtr<UStrutMotionComponent>& Component : Strut->GetComponents())
        {
            if (Component.IsValid() && Component->GetCharacter() != nullptr)
            {
                Push(*Component);
            }
        }
    }
}

void FStrutLiveLinkSource::Push(const UStrutMotionComponent& Component)
{
    const FLiveLinkSubjectKey Key(Guid, FName(*(TEXT("Strut_") + Component.GetOwner()->GetName())));
    if (!Known.Contains(Key.SubjectName.Name))
    {
        Known.Add(Key.SubjectName.Name);
        FLiveLinkStaticDataStruct Static(FLiveLinkSkeletonStaticData::StaticStruct());
        FLiveLinkSkeletonStaticData& Skeleton = *Static.Cast<FLiveLinkSkeletonStaticData>();
        TArray<FName> Names;
        TArray<int32> Parents;
        for (std::size_t Joint = 0; Joint < strut::kJointNames.size(); ++Joint)
        {
            Names.Add(FName(strut::kJointNames[Joint]));
            Parents.Add(strut::kParents[Joint]);
        }
        Skeleton.SetBoneNames(Names);
        Skeleton.SetBoneParents(Parents);
        Client->PushSubjectStaticData_AnyThread(Key, ULiveLinkAnimationRole::StaticClass(), MoveTemp(Static));
    }
    FLiveLinkFrameDataStruct Data(FLiveLinkAnimationFrameData::StaticStruct());
    FLiveLinkAnimationFrameData& Animation = *Data.Cast<FLiveLinkAnimationFrameData>();
    Animation.WorldTime = FPlatformTime::Seconds();
    for (int32 Joint = 0; Joint < strut::kJoints; ++Joint)
    {
        Animation.Transforms.Add(LocalOf(Component.GetCharacter()->pose(), Joint));
    }
    Client->PushSubjectFrameData_AnyThread(Key, MoveTemp(Data));
}

bool FStrutLiveLinkSource::IsSourceStillValid() const
{
    return Client != nullptr;
}

bool FStrutLiveLinkSource::RequestSourceShutdown()
{
    Client = nullptr;
    return true;
}

FText FStrutLiveLinkSource::GetSourceType() const
{
    return LOCTEXT("Type", "Strut");
}

FText FStrutLiveLinkSource::GetSourceMachineName() const
{
    return LOCTEXT("Machine", "this game");
}

FText FStrutLiveLinkSource::GetSourceStatus() const
{
    return Known.IsEmpty() ? LOCTEXT("Waits", "no characters yet") : LOCTEXT("Works", "streaming");
}

FText UStrutLiveLinkSourceFactory::GetSourceDisplayName() const
{
    return LOCTEXT("Source", "Strut");
}

FText UStrutLiveLinkSourceFactory::GetSourceTooltip() const
{
    return LOCTEXT("SourceTooltip", "The characters that Strut moves in the running game, as animation subjects.");
}

ULiveLinkSourceFactory::EMenuType UStrutLiveLinkSourceFactory::GetMenuType() const
{
    return EMenuType::MenuEntry;
}

TSharedPtr<ILiveLinkSource> UStrutLiveLinkSourceFactory::CreateSource(const FString&) const
{
    return MakeShared<FStrutLiveLinkSource>();
}

#undef LOCTEXT_NAMESPACE
