#include "AnimNode_StrutMotion.h"

#include "Animation/AnimInstanceProxy.h"
#include "Animation/AnimRootMotionProvider.h"
#include "Animation/AttributesRuntime.h"
#include "Animation/BuiltInAttributeTypes.h"
#include "BoneContainer.h"
#include "GameFramework/Actor.h"
#include "StrutControls.h"
#include "StrutModule.h"
#include "StrutMotionComponent.h"
#include "StrutRigMap.h"
#include "StrutSpace.h"

namespace
{

const FName GLeftFoot(TEXT("Strut_LeftFoot"));
const FName GRightFoot(TEXT("Strut_RightFoot"));
const FName GStreaming(TEXT("Strut_Streaming"));

// A rig of the bones that this level of detail has.
strut::Rig RigOf(const FBoneContainer& Bones)
{
    strut::Rig Rig;
    for (int32 Index = 0; Index < Bones.GetCompactPoseNumBones(); ++Index)
    {
        const FCompactPoseBoneIndex Bone(Index);
        const FTransform& Rest = Bones.GetRefPoseTransform(Bone);
        const FName Name = Bones.GetReferenceSkeleton().GetBoneName(Bones.MakeMeshPoseIndex(Bone).GetInt());
        Rig.push_back({StrutControls::ToText(Name.ToString()), Bones.GetParentBoneIndex(Bone).GetInt(),
                       StrutSpace::ToQuat(Rest.GetRotation()), StrutSpace::ToVec(Rest.GetTranslation())});
    }
    return Rig;
}

} // namespace

void FAnimNode_StrutMotion::Initialize_AnyThread(const FAnimationInitializeContext& Context)
{
    DECLARE_SCOPE_HIERARCHICAL_COUNTER_ANIMNODE(Initialize_AnyThread)
    FAnimNode_Base::Initialize_AnyThread(Context);
    Source.Initialize(Context);
    bRootShown = false;
}

void FAnimNode_StrutMotion::CacheBones_AnyThread(const FAnimationCacheBonesContext& Context)
{
    DECLARE_SCOPE_HIERARCHICAL_COUNTER_ANIMNODE(CacheBones_AnyThread)
    Source.CacheBones(Context);
    PreparePose(Context.AnimInstanceProxy->GetRequiredBones());
}

void FAnimNode_StrutMotion::PreparePose(const FBoneContainer& Bones)
{
    bMapChanged = false;
    const strut::Rig Rig = RigOf(Bones);
    const strut::RigMap Wanted =
        bAutomaticMap ? strut::automatic_map(Rig, strut::EngineSpace::unreal_facing_y) : Map;
    const std::string Wrong = Pose.prepare(Rig, Wanted);
    if (!Wrong.empty())
    {
        UE_LOG(LogStrut, Warning, TEXT("the rig map does not fit: %s"), UTF8_TO_TCHAR(Wrong.c_str()));
    }
    Rotations.SetNumUninitialized(static_cast<int32>(Rig.size()));
    Translations.SetNumUninitialized(static_cast<int32>(Rig.size()));
}

void FAnimNode_StrutMotion::PreUpdate(const UAnimInstance* InAnimInstance)
{
    if (!Component.IsValid())
    {
        const AActor* Owner = InAnimInstance->GetOwningActor();
        Component = Owner != nullptr ? Owner->FindComponentByClass<UStrutMotionComponent>() : nullptr;
    }
    UStrutMotionComponent* Found = Component.Get();
    if (Found != nullptr && !bMapRead)
    {
        bMapRead = true;
        if (Found->RigMap != nullptr && !Found->RigMap->Json.IsEmpty())
        {
            const FString Wrong = Found->RigMap->Read(Map);
            bAutomaticMap = !Wrong.IsEmpty();
            UE_CLOG(bAutomaticMap, LogStrut, Warning, TEXT("%s: %s; mapped by names"), *Found->RigMap->GetName(), *Wrong);
            // Bones may have been cached already, by their names.
            bMapChanged = true;
        }
    }
    const strut::Character* Character = Found != nullptr ? Found->GetCharacter() : nullptr;
    bShown = Character != nullptr && StrutConsole::Enabled.GetValueOnGameThread() != 0;
    if (!bShown)
    {
        bRootShown = false;
        return;
    }
    // Copied: the client goes on while other threads evaluate.
    Frame = Character->pose();
    bStreaming = Character->state() == strut::CharacterState::streaming;
    bRootAttribute = Found->WritesRootAttribute();
    Offset = Found->GetRootOffset();
    if (bRootAttribute)
    {
        const strut::Placement Place = Character->root();
        Root = FTransform(FRotator(0.0, StrutSpace::ToYaw(Place) - 90.0, 0.0), StrutSpace::ToLocation(Place, 0.0));
        Offset = strut::Placement();
    }
    bCapture = Found->WantsCapture();
    if (bCaptured)
    {
        bCaptured = false;
        bCapture = false;
        Found->Captured(CapturedPose, CapturedBefore);
    }
}

void FAnimNode_StrutMotion::Update_AnyThread(const FAnimationUpdateContext& Context)
{
    DECLARE_SCOPE_HIERARCHICAL_COUNTER_ANIMNODE(Update_AnyThread)
    GetEvaluateGraphExposedInputs().Execute(Context);
    if (bMapChanged)
    {
        PreparePose(Context.AnimInstanceProxy->GetRequiredBones());
    }
    Weight = bShown && IsLODEnabled(Context.AnimInstanceProxy) ? FMath::Clamp(Alpha, 0.f, 1.f) : 0.f;
    DeltaSeconds = Context.GetDeltaTime();
    // The input is needed for bones that are not mapped, whatever the weight.
    Source.Update(Context);
}

void FAnimNode_StrutMotion::Evaluate_AnyThread(FPoseContext& Output)
{
    DECLARE_SCOPE_HIERARCHICAL_COUNTER_ANIMNODE(Evaluate_AnyThread)
    SCOPE_CYCLE_COUNTER(STAT_StrutPose);
    Source.Evaluate(Output);
    if (!Pose.ready() || Rotations.Num() != Output.Pose.GetNumBones())
    {
        return;
    }
    for (const FCompactPoseBoneIndex Bone : Output.Pose.ForEachBoneIndex())
    {
        Rotations[Bone.GetInt()] = StrutSpace::ToQuat(Output.Pose[Bone].GetRotation());
        Translations[Bone.GetInt()] = StrutSpace::ToVec(Output.Pose[Bone].GetTranslation());
    }
    if (bCapture && !bCaptured)
    {
        // Two poses, a frame of the motion apart.
        CaptureAge += DeltaSeconds;
        if (CaptureAge <= DeltaSeconds)
        {
            Pose.capture(Rotations.GetData(), Translations.GetData(), CapturedBefore);
        }
        else if (CaptureAge >= 1.f / static_cast<float>(strut::kFps))
        {
            Pose.capture(Rotations.GetData(), Translations.GetData(), CapturedPose);
            bCaptured = true;
        }
    }
    else if (!bCapture)
    {
        CaptureAge = 0.f;
    }
    if (Weight <= 0.f)
    {
        return;
    }
    Pose.evaluate(Frame, Offset, Weight, Rotations.GetData(), Translations.GetData());
    for (const FCompactPoseBoneIndex Bone : Output.Pose.ForEachBoneIndex())
    {
        Output.Pose[Bone].SetRotation(StrutSpace::FromQuat(Rotations[Bone.GetInt()]));
        Output.Pose[Bone].SetTranslation(StrutSpace::FromVec(Translations[Bone.GetInt()]));
    }
    if (bCurves)
    {
        Output.Curve.Set(GLeftFoot, Weight * FMath::Max(Frame.contacts[0], Frame.contacts[1]));
        Output.Curve.Set(GRightFoot, Weight * FMath::Max(Frame.contacts[2], Frame.contacts[3]));
        Output.Curve.Set(GStreaming, bStreaming ? 1.f : 0.f);
    }
    if (bRootAttribute)
    {
        WriteRootMotion(Output);
    }
}

void FAnimNode_StrutMotion::WriteRootMotion(FPoseContext& Output)
{
    // Since the last evaluation, not the last update: with update rate optimisation several updates make one pose.
    FTransform Delta = bRootShown ? Root.GetRelativeTransform(RootShown) : FTransform::Identity;
    RootShown = Root;
    bRootShown = true;
    if (Weight < 1.f)
    {
        Delta.BlendWith(FTransform::Identity, 1.f - Weight);
    }
    const UE::Anim::FAttributeId Attribute(UE::Anim::IAnimRootMotionProvider::AttributeName, FCompactPoseBoneIndex(0));
    Output.CustomAttributes.FindOrAdd<FTransformAnimationAttribute>(Attribute)->Value = Delta;
}

void FAnimNode_StrutMotion::GatherDebugData(FNodeDebugData& DebugData)
{
    DebugData.AddDebugItem(FString::Printf(TEXT("%s: weight %.2f, %s"), *DebugData.GetNodeName(this), Weight,
                                           bStreaming ? TEXT("streaming") : TEXT("not streaming")));
    Source.GatherDebugData(DebugData);
}
