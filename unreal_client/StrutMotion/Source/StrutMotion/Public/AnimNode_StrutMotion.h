// The node that poses a mesh. PreUpdate gathers on the game thread; everything else runs on any thread and touches
// nothing but what was gathered. Allocates when bones are cached, not in a frame.
#pragma once

#include "Animation/AnimNodeBase.h"
#include "CoreMinimal.h"

#include "strut/rig_pose.h"

#include "AnimNode_StrutMotion.generated.h"

class UStrutMotionComponent;
struct FBoneContainer;

/** Shows the motion of the actor's Strut Motion component over the input pose. */
USTRUCT(BlueprintInternalUseOnly)
struct STRUTMOTION_API FAnimNode_StrutMotion : public FAnimNode_Base
{
    GENERATED_BODY()

    /** What bones show that the motion does not know, such as fingers; all of the pose where Alpha is 0. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Links")
    FPoseLink Source;

    /** 0 keeps the input pose, 1 replaces it. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Settings", meta = (PinShownByDefault, ClampMin = "0", ClampMax = "1"))
    float Alpha = 1.f;

    /** Write the curves Strut_LeftFoot and Strut_RightFoot (1 where the foot stands) and Strut_Streaming. */
    UPROPERTY(EditAnywhere, Category = "Settings")
    bool bCurves = true;

    /** The last level of detail at which the node works; -1 for all. */
    UPROPERTY(EditAnywhere, Category = "Performance")
    int32 LODThreshold = INDEX_NONE;

    virtual void Initialize_AnyThread(const FAnimationInitializeContext& Context) override;
    virtual void CacheBones_AnyThread(const FAnimationCacheBonesContext& Context) override;
    virtual void Update_AnyThread(const FAnimationUpdateContext& Context) override;
    virtual void Evaluate_AnyThread(FPoseContext& Output) override;
    virtual void GatherDebugData(FNodeDebugData& DebugData) override;
    virtual bool HasPreUpdate() const override { return true; }
    virtual void PreUpdate(const UAnimInstance* InAnimInstance) override;
    virtual int32 GetLODThreshold() const override { return LODThreshold; }

private:
    void PreparePose(const FBoneContainer& Bones);
    void WriteRootMotion(FPoseContext& Output);

    // Game thread, and constant while others run.
    TWeakObjectPtr<UStrutMotionComponent> Component;
    strut::RigMap Map;
    bool bAutomaticMap = true;
    bool bMapRead = false;
    bool bMapChanged = false;
    strut::Frame Frame;
    strut::Placement Offset;
    FTransform Root = FTransform::Identity;
    bool bShown = false;
    bool bStreaming = false;
    bool bRootAttribute = false;
    // What a capture leaves for the next PreUpdate.
    bool bCapture = false;
    bool bCaptured = false;
    strut::Frame CapturedPose;
    strut::Frame CapturedBefore;

    // Any thread.
    strut::RigPose Pose;
    FTransform RootShown = FTransform::Identity;
    bool bRootShown = false;
    TArray<strut::Quat> Rotations;
    TArray<strut::Vec3> Translations;
    float Weight = 1.f;
    float CaptureAge = 0.f;
    float DeltaSeconds = 0.f;
};
