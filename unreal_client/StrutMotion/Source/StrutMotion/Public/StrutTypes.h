// What Blueprints and the details panel see of the contract: styles, scenes, surroundings, keyframes, timing.
#pragma once

#include "CoreMinimal.h"

#include "StrutTypes.generated.h"

/** What a character is doing. */
UENUM(BlueprintType)
enum class EStrutState : uint8
{
    /** No motion has come yet: stands in its idle pose. */
    Starting,
    /** The server's motion is on screen. */
    Streaming,
    /** The motion has run out: on its way into the idle pose. */
    Easing,
    /** Stands at ease until the server is back. */
    Idle,
    /** Not seen; asks for nothing. */
    Culled,
};

/** Who moves a character. */
UENUM(BlueprintType)
enum class EStrutRootMode : uint8
{
    /** The motion moves the actor, with the movement component's collision. */
    MotionDrives,
    /** The pose follows the actor, at most 15 cm off. */
    GameDrives,
    /** The pose is drawn to the actor less firmly, by RootBlend. */
    Blend,
    /** The motion's root goes into the graph's root motion attribute, for others to move the actor by. */
    Attribute,
};

/** Where a character's path comes from. */
UENUM(BlueprintType)
enum class EStrutPathSource : uint8
{
    /** Set by SetPath, SetVelocity and SetTrajectory. */
    Script,
    /** The path of the AI controller's path following. */
    PathFollowing,
    /** The movement component's velocity and input, carried on. */
    Movement,
};

/** A part of the body; the numbers are those of the contract. */
UENUM(BlueprintType)
enum class EStrutBodyPart : uint8
{
    None = 0 UMETA(Hidden),
    Torso = 1,
    LeftLeg = 2,
    RightLeg = 3,
    LeftArm = 4,
    RightArm = 5,
};

/** A stored style and its share in a mix. */
USTRUCT(BlueprintType)
struct STRUTMOTION_API FStrutStyleWeight
{
    GENERATED_BODY()

    /** A style's name, as `strut styles list` gives it. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FString Name;

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", meta = (ClampMin = "0", UIMax = "1"))
    float Weight = 1.f;

    /** On a part of the body where two styles differ only those of the highest priority count. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", meta = (ClampMin = "-100", ClampMax = "100"))
    int32 Priority = 0;
};

/** The style of one body part, in place of the whole body's. */
USTRUCT(BlueprintType)
struct STRUTMOTION_API FStrutPartStyle
{
    GENERATED_BODY()

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    EStrutBodyPart Part = EStrutBodyPart::Torso;

    /** Styles of this part; empty for the whole body's. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    TArray<FStrutStyleWeight> Styles;

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", meta = (ClampMin = "0", ClampMax = "1.5"))
    float Strength = 1.f;
};

/** How a character moves. */
USTRUCT(BlueprintType)
struct STRUTMOTION_API FStrutStyle
{
    GENERATED_BODY()

    /** The styles mixed; empty for the neutral one. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    TArray<FStrutStyleWeight> Styles;

    /** 0 is the neutral style, 1 the style as it is, more exaggerates it. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", meta = (ClampMin = "0", ClampMax = "1.5"))
    float Strength = 1.f;

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    TArray<FStrutPartStyle> Parts;

    /** Changes along named dimensions, such as amplitude and tempo, in standard deviations. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", NotReplicated)
    TMap<FString, float> Dimensions;
};

/** What a character does. */
USTRUCT(BlueprintType)
struct STRUTMOTION_API FStrutContent
{
    GENERATED_BODY()

    /** A content's name, such as walk, run, idle, bow. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FString Label = TEXT("walk");

    /** The content in words, in place of a name; needs a server that can. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FString Text;

    /** Seconds that a gesture takes; 0 for its usual length. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", meta = (ClampMin = "0", ClampMax = "30"))
    float GestureSeconds = 0.f;

    /** Keeps a gesture where it is, such as at the low point of a bow. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    bool bHoldGesture = false;
};

/** Where a character is. */
USTRUCT(BlueprintType)
struct STRUTMOTION_API FStrutScene
{
    GENERATED_BODY()

    /** A scene preset's name, such as rain or snow; empty for none. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FString Preset;

    /** The scene in words, in place of a preset; needs a server that can. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FString Text;

    /** Quantities by name, as the contract's SceneDescriptor has them: slope, friction, water_depth, ... */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", NotReplicated)
    TMap<FString, float> Quantities;

    /** How strongly the scene shows. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", meta = (ClampMin = "0", ClampMax = "1.5"))
    float Alpha = 1.f;
};

/** Something that the path must not enter, in the world: a cylinder where Radius is not 0, else a box. */
USTRUCT(BlueprintType)
struct STRUTMOTION_API FStrutObstacle
{
    GENERATED_BODY()

    /** Middle of its floor. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FVector Location = FVector::ZeroVector;

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    float Radius = 0.f;

    /** Whole extent of a box along its own X and Y, centimetres. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FVector2D Extent = FVector2D::ZeroVector;

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    float Yaw = 0.f;

    /** Centimetres from Location up; 0 for too high to matter. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    float Height = 0.f;
};

/** A goal for one joint at a time ahead. */
USTRUCT(BlueprintType)
struct STRUTMOTION_API FStrutKeyframe
{
    GENERATED_BODY()

    /** Seconds from when it is set. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    float Time = 0.5f;

    /** A joint of the canonical skeleton, such as right_wrist. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FString Joint = TEXT("right_wrist");

    /** Where it should be, in the world. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FVector Location = FVector::ZeroVector;

    /** How firmly it is met. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", meta = (ClampMin = "0", ClampMax = "1"))
    float Weight = 1.f;
};

/** A sample of a path ahead, in the world. */
USTRUCT(BlueprintType)
struct STRUTMOTION_API FStrutPathSample
{
    GENERATED_BODY()

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    FVector Location = FVector::ZeroVector;

    /** Seconds from when it is set. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    float Time = 0.f;

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut")
    bool bHasYaw = false;

    /** Where the character faces, where bHasYaw. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut", meta = (EditCondition = "bHasYaw"))
    float Yaw = 0.f;
};

/** One stage of a window's way, in milliseconds. */
USTRUCT(BlueprintType)
struct STRUTMOTION_API FStrutStage
{
    GENERATED_BODY()

    UPROPERTY(BlueprintReadOnly, Category = "Strut")
    FString Name;

    UPROPERTY(BlueprintReadOnly, Category = "Strut")
    float Median = 0.f;

    UPROPERTY(BlueprintReadOnly, Category = "Strut")
    float Percentile99 = 0.f;

    UPROPERTY(BlueprintReadOnly, Category = "Strut")
    float Most = 0.f;
};
