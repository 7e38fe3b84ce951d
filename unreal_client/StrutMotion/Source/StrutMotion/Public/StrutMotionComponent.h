// A character that moves as the server's motion says. Game thread.
#pragma once

#include "Components/ActorComponent.h"
#include "CoreMinimal.h"
#include "StrutTypes.h"

#include "strut/character.h"
#include "strut/level_rules.h"

#include "StrutMotionComponent.generated.h"

class ACharacter;
class AStrutSceneVolume;
class UCharacterMovementComponent;
class UPathFollowingComponent;
class USkeletalMeshComponent;
class UStrutMotionComponent;
class UStrutRigMap;
class UStrutSubsystem;

namespace strut
{
class Client;
}

DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FStrutStateChanged, UStrutMotionComponent*, Component, EStrutState, State);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(FStrutWindow, UStrutMotionComponent*, Component, const TArray<uint8>&, Bytes);

/**
 * Goes onto an actor with a skeletal mesh whose animation blueprint has a Strut Motion node. Says where the character
 * is to go, what it does, how and where, and moves the actor as its root mode says.
 */
UCLASS(ClassGroup = (Strut), meta = (BlueprintSpawnableComponent))
class STRUTMOTION_API UStrutMotionComponent : public UActorComponent
{
    GENERATED_BODY()

public:
    UStrutMotionComponent();

    /** Which bones take which joints; empty maps by the bones' names. */
    UPROPERTY(EditAnywhere, BlueprintReadOnly, Category = "Strut|Rig")
    TObjectPtr<UStrutRigMap> RigMap;

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut|Root")
    EStrutRootMode RootMode = EStrutRootMode::MotionDrives;

    /** In Blend: 0 lets the motion go its way, 1 draws it to the actor as GameDrives does. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut|Root", meta = (ClampMin = "0", ClampMax = "1"))
    float RootBlend = 0.5f;

    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut|Path")
    EStrutPathSource PathSource = EStrutPathSource::PathFollowing;

    /** Of PathFollowing, centimetres a second; 0: the style's usual speed for the content; negative: the movement's. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut|Path")
    float PathSpeed = 0.f;

    /** Of Movement: seconds in which half of the way to the wanted velocity is gone. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut|Path", meta = (ClampMin = "0", ClampMax = "2"))
    float VelocityHalfLife = 0.15f;

    /** Network evaluations a window; 0 for the server's choice. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut|Quality", meta = (ClampMin = "0", ClampMax = "4"))
    int32 Steps = 0;

    /** What a loaded server may go down to; 0 for the fewest that the model has. */
    UPROPERTY(EditAnywhere, BlueprintReadWrite, Category = "Strut|Quality", meta = (ClampMin = "0", ClampMax = "4"))
    int32 MinSteps = 0;

    /** Asks for nothing and shows what the game relays with TakeRelayedWindow. */
    UPROPERTY(EditAnywhere, BlueprintReadOnly, Category = "Strut|Multiplayer")
    bool bPassive = false;

    /** Hand every window that comes to OnWindow, for the game to relay. */
    UPROPERTY(EditAnywhere, BlueprintReadOnly, Category = "Strut|Multiplayer")
    bool bRelay = false;

    UPROPERTY(BlueprintAssignable, Category = "Strut")
    FStrutStateChanged OnStateChanged;

    UPROPERTY(BlueprintAssignable, Category = "Strut|Multiplayer")
    FStrutWindow OnWindow;

    // What it does, how and where. Replicated; a change plans anew at once.

    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetContent(const FStrutContent& NewContent);

    /** A content by its name, such as run. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetContentLabel(const FString& Label);

    UFUNCTION(BlueprintPure, Category = "Strut")
    FStrutContent GetContent() const { return Content; }

    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetStyle(const FStrutStyle& NewStyle);

    /** One style alone. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetStyleName(const FString& Name, float Strength = 1.f);

    UFUNCTION(BlueprintPure, Category = "Strut")
    FStrutStyle GetStyle() const { return Style; }

    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetScene(const FStrutScene& NewScene);

    UFUNCTION(BlueprintPure, Category = "Strut")
    FStrutScene GetScene() const { return Scene; }

    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetObstacles(const TArray<FStrutObstacle>& Obstacles, bool bBendPath = true);

    /** Heights of the ground around, row after row: Columns samples along +X of the grid, which is turned by Yaw. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetGround(const FVector& Origin, float Yaw, float Spacing, int32 Columns, const TArray<float>& Heights);

    UFUNCTION(BlueprintCallable, Category = "Strut")
    void ClearSurroundings();

    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetKeyframes(const TArray<FStrutKeyframe>& Keyframes);

    /** The same motion for the same seed; negative for the character's own. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetSeed(int64 NewSeed);

    // Where it goes, with the path source Script.

    /** Along points at a speed in centimetres a second (0: the style's usual one), to a stand at the last one. */
    UFUNCTION(BlueprintCallable, Category = "Strut|Path")
    void SetPath(const TArray<FVector>& Points, float Speed);

    /** With a velocity, until something else is set. Faces along its way. */
    UFUNCTION(BlueprintCallable, Category = "Strut|Path")
    void SetVelocity(const FVector& Velocity);

    /** With a velocity, facing a yaw in degrees. */
    UFUNCTION(BlueprintCallable, Category = "Strut|Path")
    void SetVelocityFacing(const FVector& Velocity, float Yaw);

    /** Places with times. */
    UFUNCTION(BlueprintCallable, Category = "Strut|Path")
    void SetTrajectory(const TArray<FStrutPathSample>& Samples);

    // Between the motion and the game.

    /** Goes on elsewhere: pose and movement stay. Moves the actor. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void Teleport(const FVector& Location, float Yaw);

    /** Plans anew at once. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void Replan();

    /**
     * Goes on from the pose that the mesh shows: after a montage or a ragdoll, when the node's weight comes back.
     * Takes effect with the mesh's next evaluation.
     */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void ResumeFromMesh();

    /** A window that another machine's OnWindow gave. False where the bytes are none. */
    UFUNCTION(BlueprintCallable, Category = "Strut|Multiplayer")
    bool TakeRelayedWindow(const TArray<uint8>& Bytes);

    UFUNCTION(BlueprintPure, Category = "Strut")
    EStrutState GetState() const { return State; }

    /** Motion in hand, seconds; below 0 it has run out. */
    UFUNCTION(BlueprintPure, Category = "Strut")
    float GetLead() const;

    /** Why the newest refused request was refused; empty where none was. */
    UFUNCTION(BlueprintPure, Category = "Strut")
    FString GetLastError() const;

    /** 0 (matters most) to 1: for the animation budget allocator and the significance manager. */
    UFUNCTION(BlueprintPure, Category = "Strut")
    float GetDistanceShare() const;

    virtual void BeginPlay() override;
    virtual void EndPlay(const EEndPlayReason::Type Reason) override;
    virtual void TickComponent(float DeltaTime, ELevelTick TickType, FActorComponentTickFunction* Function) override;
#if WITH_EDITOR
    virtual void PostEditChangeProperty(FPropertyChangedEvent& Event) override;
#endif
    virtual void GetLifetimeReplicatedProps(TArray<FLifetimeProperty>& OutLifetimeProps) const override;

    // For the animation node, the volume, the subsystem and Live Link.

    strut::Character* GetCharacter() const { return Character; }
    /** Where the motion's root is as the mesh sees it. */
    strut::Placement GetRootOffset() const { return RootOffset; }
    bool WritesRootAttribute() const { return RootMode == EStrutRootMode::Attribute; }
    USkeletalMeshComponent* GetMesh() const { return Mesh.Get(); }
    /** The pose that the mesh showed last, when ResumeFromMesh asked for it. */
    bool WantsCapture() const { return bCapture; }
    void Captured(const strut::Frame& Pose, const strut::Frame& Before);
    void Enter(AStrutSceneVolume& Volume);
    void Leave(AStrutSceneVolume& Volume);
    /** The client is gone, or about to be. */
    void Forget();
    /** There is a client. */
    void Join(strut::Client& Client);

private:
    friend class FStrutSource;

    UFUNCTION()
    void OnRep_Controls();

    void MarkChanged();
    void PrepareControls();
    void PreparePath();
    void PreparePathFollowing();
    void PrepareMovement();
    bool ActorMoves() const;
    void ChooseLevel(float DeltaTime);
    void MoveRoot(float DeltaTime);
    void DriveActor(const strut::Placement& Wanted, float DeltaTime);
    void StopDriving();
    strut::Placement StandsAt() const;
    double GroundHeight() const;

    UPROPERTY(EditAnywhere, ReplicatedUsing = OnRep_Controls, Category = "Strut", meta = (AllowPrivateAccess = "true"))
    FStrutContent Content;

    UPROPERTY(EditAnywhere, ReplicatedUsing = OnRep_Controls, Category = "Strut", meta = (AllowPrivateAccess = "true"))
    FStrutStyle Style;

    UPROPERTY(EditAnywhere, ReplicatedUsing = OnRep_Controls, Category = "Strut", meta = (AllowPrivateAccess = "true"))
    FStrutScene Scene;

    UPROPERTY(Transient)
    TArray<TObjectPtr<AStrutSceneVolume>> Volumes;

    UPROPERTY(Transient)
    TObjectPtr<UStrutSubsystem> Subsystem;

    TWeakObjectPtr<USkeletalMeshComponent> Mesh;
    TWeakObjectPtr<UCharacterMovementComponent> Movement;
    TWeakObjectPtr<UPathFollowingComponent> PathFollowing;

    TSharedPtr<class FStrutSource> Source;
    strut::Character* Character = nullptr;
    strut::LevelSelector Level;
    strut::Placement RootOffset;
    strut::Placement Driven;
    EStrutState State = EStrutState::Starting;
    float DistanceShare = 0.f;
    uint16 DrivingSource = 0;
    bool bDriven = false;
    bool bCapture = false;
    bool bControlsChanged = true;
};
