#include "StrutMotionComponent.h"

#include "AIController.h"
#include "Components/CapsuleComponent.h"
#include "Components/SkeletalMeshComponent.h"
#include "Engine/GameInstance.h"
#include "Engine/World.h"
#include "GameFramework/Character.h"
#include "GameFramework/CharacterMovementComponent.h"
#include "GameFramework/PlayerController.h"
#include "GameFramework/RootMotionSource.h"
#include "NavigationData.h"
#include "Navigation/PathFollowingComponent.h"
#include "Net/UnrealNetwork.h"
#include "StrutControls.h"
#include "StrutModule.h"
#include "StrutRigMap.h"
#include "StrutSceneVolume.h"
#include "StrutSettings.h"
#include "StrutSpace.h"
#include "StrutSubsystem.h"

#include "strut/client.h"
#include "strut/paths.h"

// What the client asks when it makes a request, and whom it tells of windows. (Classes that the header tool reads
// derive from the engine's alone.)
class FStrutSource final : public strut::ControlSource, public strut::WindowListener
{
public:
    explicit FStrutSource(UStrutMotionComponent& InComponent) : Component(InComponent) {}

    virtual void plan(const strut::PlanQuery& Query, strut::Controls& Out) noexcept override
    {
        Held.plan(Query, Out);
        switch (Kind)
        {
        case EKind::Held:
            break;
        case EKind::Velocity:
            Out.trajectory.clear();
            Velocity.plan(Query, Out.trajectory);
            break;
        case EKind::Corners:
            Out.trajectory.clear();
            Corners.plan(Query, Out.trajectory);
            break;
        }
    }

    virtual void on_window(std::uint64_t, const strut::ReplySlot& Window) noexcept override
    {
        Packed.clear();
        strut::pack_relayed(Window, Component.Character->anchor(), Component.Character->playhead(), Packed);
        Component.OnWindow.Broadcast(&Component, TArray<uint8>(Packed.data(), static_cast<int32>(Packed.size())));
    }

    bool PathChanged() const
    {
        return Kind == EKind::Velocity ? Velocity.changed() : Kind == EKind::Corners && Corners.changed();
    }

    enum class EKind
    {
        Held,
        Velocity,
        Corners,
    };

    EKind Kind = EKind::Velocity;
    strut::HeldControls Held;
    strut::Controls Controls;
    strut::Surroundings Around;
    strut::VelocityPath Velocity;
    strut::CornerPath Corners;

private:
    UStrutMotionComponent& Component;
    std::vector<std::uint8_t> Packed;
};

namespace
{

EStrutState ToState(strut::CharacterState State)
{
    switch (State)
    {
    case strut::CharacterState::starting:
        return EStrutState::Starting;
    case strut::CharacterState::streaming:
        return EStrutState::Streaming;
    case strut::CharacterState::easing:
        return EStrutState::Easing;
    case strut::CharacterState::idle:
        return EStrutState::Idle;
    case strut::CharacterState::culled:
        return EStrutState::Culled;
    }
    return EStrutState::Starting;
}

strut::RootMode ToRootMode(EStrutRootMode Mode)
{
    switch (Mode)
    {
    case EStrutRootMode::GameDrives:
        return strut::RootMode::game_drives;
    case EStrutRootMode::Blend:
        return strut::RootMode::blend;
    case EStrutRootMode::MotionDrives:
    case EStrutRootMode::Attribute:
        break;
    }
    return strut::RootMode::motion_drives;
}

} // namespace

UStrutMotionComponent::UStrutMotionComponent()
{
    PrimaryComponentTick.bCanEverTick = true;
    PrimaryComponentTick.TickGroup = TG_PrePhysics;
    SetIsReplicatedByDefault(true);
    Source = MakeShared<FStrutSource>(*this);
}

void UStrutMotionComponent::GetLifetimeReplicatedProps(TArray<FLifetimeProperty>& OutLifetimeProps) const
{
    Super::GetLifetimeReplicatedProps(OutLifetimeProps);
    DOREPLIFETIME(UStrutMotionComponent, Content);
    DOREPLIFETIME(UStrutMotionComponent, Style);
    DOREPLIFETIME(UStrutMotionComponent, Scene);
}

void UStrutMotionComponent::BeginPlay()
{
    Super::BeginPlay();
    AActor* Owner = GetOwner();
    Mesh = Owner->FindComponentByClass<USkeletalMeshComponent>();
    Movement = Owner->FindComponentByClass<UCharacterMovementComponent>();
    // Where it is to go must be known before the movement moves.
    if (Movement.IsValid())
    {
        Movement->AddTickPrerequisiteComponent(this);
    }
    if (Mesh.IsValid())
    {
        Mesh->AddTickPrerequisiteComponent(this);
    }
    if (GetNetMode() == NM_DedicatedServer)
    {
        SetComponentTickEnabled(false);
        if (RootMode != EStrutRootMode::GameDrives)
        {
            UE_LOG(LogStrut, Warning, TEXT("%s: a dedicated server has no motion to move by; use GameDrives"),
                   *Owner->GetName());
        }
        return;
    }
    const UGameInstance* Game = GetWorld()->GetGameInstance();
    Subsystem = Game != nullptr ? Game->GetSubsystem<UStrutSubsystem>() : nullptr;
    if (Subsystem != nullptr)
    {
        Subsystem->Register(*this);
    }
}

void UStrutMotionComponent::EndPlay(const EEndPlayReason::Type Reason)
{
    StopDriving();
    if (Subsystem != nullptr)
    {
        Subsystem->Unregister(*this);
    }
    Subsystem = nullptr;
    Super::EndPlay(Reason);
}

void UStrutMotionComponent::Join(strut::Client& Client)
{
    // The client's game time is another one.
    Source->Held.restart();
    PrepareControls();
    strut::CharacterSettings Settings;
    Settings.source = Source.Get();
    Settings.start = StandsAt();
    Settings.ground = 0.01 * GroundHeight();
    Settings.name = StrutControls::ToText(GetOwner()->GetName());
    Settings.passive = bPassive;
    Character = Client.add(Settings);
    if (Character == nullptr)
    {
        UE_LOG(LogStrut, Warning, TEXT("%s: more characters than MaxCharacters in the project's settings"),
               *GetOwner()->GetName());
        return;
    }
    if (bRelay && !bPassive)
    {
        Character->set_window_listener(Source.Get());
    }
}

void UStrutMotionComponent::Forget()
{
    if (Character != nullptr && Subsystem != nullptr && Subsystem->GetClient() != nullptr)
    {
        Subsystem->GetClient()->remove(Character);
    }
    Character = nullptr;
    bDriven = false;
}

void UStrutMotionComponent::TickComponent(float DeltaTime, ELevelTick TickType, FActorComponentTickFunction* Function)
{
    Super::TickComponent(DeltaTime, TickType, Function);
    if (Character == nullptr)
    {
        return;
    }
    SCOPE_CYCLE_COUNTER(STAT_StrutComponent);
    if (bControlsChanged)
    {
        PrepareControls();
        Character->replan();
    }
    PreparePath();
    if (Source->PathChanged())
    {
        Character->replan();
    }
    ChooseLevel(DeltaTime);
    Character->set_ground(0.01 * GroundHeight());
    MoveRoot(DeltaTime);

    const EStrutState Now = ToState(Character->state());
    if (Now != State)
    {
        State = Now;
        OnStateChanged.Broadcast(this, State);
    }
}

// What it does, how and where.

void UStrutMotionComponent::MarkChanged()
{
    bControlsChanged = true;
}

void UStrutMotionComponent::OnRep_Controls()
{
    MarkChanged();
}

void UStrutMotionComponent::PrepareControls()
{
    bControlsChanged = false;
    const FStrutScene* Shown = &Scene;
    int32 Highest = TNumericLimits<int32>::Lowest();
    for (const AStrutSceneVolume* Volume : Volumes)
    {
        if (Volume != nullptr && Volume->Priority >= Highest)
        {
            Highest = Volume->Priority;
            Shown = &Volume->Scene;
        }
    }
    strut::Controls& Controls = Source->Controls;
    Controls.content = StrutControls::MakeContent(Content);
    Controls.style = StrutControls::MakeStyle(Style);
    Controls.scene = StrutControls::MakeScene(*Shown);
    Controls.steps = static_cast<std::uint32_t>(FMath::Max(Steps, 0));
    const int32 Least = StrutConsole::MinSteps.GetValueOnGameThread();
    Controls.min_steps = static_cast<std::uint32_t>(FMath::Max(Least >= 0 ? Least : MinSteps, 0));
    const strut::Client* Client = Subsystem != nullptr ? Subsystem->GetClient() : nullptr;
    Source->Held.change(Controls, Client != nullptr ? Client->game_time() : 0.0);
}

void UStrutMotionComponent::SetContent(const FStrutContent& NewContent)
{
    Content = NewContent;
    MarkChanged();
}

void UStrutMotionComponent::SetContentLabel(const FString& Label)
{
    FStrutContent Wanted;
    Wanted.Label = Label;
    SetContent(Wanted);
}

void UStrutMotionComponent::SetStyle(const FStrutStyle& NewStyle)
{
    Style = NewStyle;
    MarkChanged();
}

void UStrutMotionComponent::SetStyleName(const FString& Name, float Strength)
{
    FStrutStyle Wanted;
    Wanted.Strength = Strength;
    Wanted.Styles.AddDefaulted_GetRef().Name = Name;
    SetStyle(Wanted);
}

void UStrutMotionComponent::SetScene(const FStrutScene& NewScene)
{
    Scene = NewScene;
    MarkChanged();
}

void UStrutMotionComponent::Enter(AStrutSceneVolume& Volume)
{
    Volumes.AddUnique(&Volume);
    MarkChanged();
}

void UStrutMotionComponent::Leave(AStrutSceneVolume& Volume)
{
    Volumes.Remove(&Volume);
    MarkChanged();
}

void UStrutMotionComponent::SetObstacles(const TArray<FStrutObstacle>& Obstacles, bool bBendPath)
{
    Source->Around.obstacles.clear();
    for (const FStrutObstacle& Obstacle : Obstacles)
    {
        Source->Around.obstacles.push_back(StrutControls::MakeObstacle(Obstacle));
    }
    Source->Around.bend_path = bBendPath;
    Source->Controls.surroundings = std::make_shared<const strut::Surroundings>(Source->Around);
    MarkChanged();
}

void UStrutMotionComponent::SetGround(const FVector& Origin, float Yaw, float Spacing, int32 Columns,
                                      const TArray<float>& Heights)
{
    strut::HeightField& Field = Source->Around.ground.emplace();
    Field.origin = StrutSpace::ToPoint(Origin);
    Field.heading = static_cast<float>(strut::yaw_to_heading(Yaw));
    Field.spacing = 0.01f * Spacing;
    Field.columns = Columns;
    for (const float Height : Heights)
    {
        Field.heights.push_back(0.01f * Height);
    }
    Source->Controls.surroundings = std::make_shared<const strut::Surroundings>(Source->Around);
    MarkChanged();
}

void UStrutMotionComponent::ClearSurroundings()
{
    Source->Around = strut::Surroundings();
    Source->Controls.surroundings = nullptr;
    MarkChanged();
}

void UStrutMotionComponent::SetKeyframes(const TArray<FStrutKeyframe>& Keyframes)
{
    Source->Controls.keyframes = StrutControls::MakeKeyframes(Keyframes);
    Source->Held.restart();
    MarkChanged();
}

void UStrutMotionComponent::SetSeed(int64 NewSeed)
{
    Source->Controls.seed.reset();
    if (NewSeed >= 0)
    {
        Source->Controls.seed = static_cast<std::uint64_t>(NewSeed);
    }
    MarkChanged();
}

// Where it goes.

void UStrutMotionComponent::SetPath(const TArray<FVector>& Points, float Speed)
{
    TArray<strut::CornerPath::Corner, TInlineAllocator<strut::CornerPath::kCapacity>> Corners;
    for (const FVector& Point : Points)
    {
        const strut::DVec3 Place = StrutSpace::ToPoint(Point);
        Corners.Add({Place.x, Place.z});
    }
    Source->Kind = FStrutSource::EKind::Corners;
    Source->Corners.set(Corners.GetData(), Corners.Num(), 0, 0.01 * Speed);
    Replan();
}

void UStrutMotionComponent::SetVelocity(const FVector& Velocity)
{
    const strut::DVec3 V = StrutSpace::ToPoint(Velocity);
    Source->Kind = FStrutSource::EKind::Velocity;
    Source->Velocity.set(V.x, V.z);
    Source->Velocity.face(strut::TrajectorySample::kAbsent);
}

void UStrutMotionComponent::SetVelocityFacing(const FVector& Velocity, float Yaw)
{
    SetVelocity(Velocity);
    Source->Velocity.face(static_cast<float>(strut::yaw_to_heading(Yaw)));
}

void UStrutMotionComponent::SetTrajectory(const TArray<FStrutPathSample>& Samples)
{
    strut::Trajectory& Path = Source->Controls.trajectory;
    Path.clear();
    for (const FStrutPathSample& Sample : Samples)
    {
        const strut::DVec3 Place = StrutSpace::ToPoint(Sample.Location);
        strut::TrajectorySample Made;
        Made.x = Place.x;
        Made.z = Place.z;
        Made.time = Sample.Time;
        if (Sample.bHasYaw)
        {
            Made.facing = static_cast<float>(strut::yaw_to_heading(Sample.Yaw));
        }
        Path.add(Made);
    }
    Source->Kind = FStrutSource::EKind::Held;
    Source->Held.restart();
    MarkChanged();
}

void UStrutMotionComponent::PreparePath()
{
    switch (PathSource)
    {
    case EStrutPathSource::Script:
        break;
    case EStrutPathSource::PathFollowing:
        PreparePathFollowing();
        break;
    case EStrutPathSource::Movement:
        PrepareMovement();
        break;
    }
}

void UStrutMotionComponent::PreparePathFollowing()
{
    Source->Kind = FStrutSource::EKind::Corners;
    if (!PathFollowing.IsValid())
    {
        const APawn* Pawn = Cast<APawn>(GetOwner());
        const AAIController* Controller = Pawn != nullptr ? Cast<AAIController>(Pawn->GetController()) : nullptr;
        PathFollowing = Controller != nullptr ? Controller->GetPathFollowingComponent() : nullptr;
    }
    const UPathFollowingComponent* Following = PathFollowing.Get();
    const FNavigationPath* Path = Following != nullptr ? Following->GetPath().Get() : nullptr;
    if (Path == nullptr || !Path->IsValid() || Following->GetStatus() != EPathFollowingStatus::Moving)
    {
        Source->Corners.stop();
        return;
    }
    const TArray<FNavPathPoint>& Points = Path->GetPathPoints();
    const int32 Next = static_cast<int32>(Following->GetNextPathIndex());
    TArray<strut::CornerPath::Corner, TInlineAllocator<strut::CornerPath::kCapacity>> Corners;
    for (int32 Index = FMath::Max(Next, 0); Index < Points.Num() && Corners.Num() < strut::CornerPath::kCapacity; ++Index)
    {
        const strut::DVec3 Place = StrutSpace::ToPoint(Points[Index].Location);
        Corners.Add({Place.x, Place.z});
    }
    const double Speed = PathSpeed < 0.f && Movement.IsValid() ? Movement->GetMaxSpeed() : FMath::Max(PathSpeed, 0.f);
    Source->Corners.set(Corners.GetData(), Corners.Num(), 0, 0.01 * Speed);
}

void UStrutMotionComponent::PrepareMovement()
{
    Source->Kind = FStrutSource::EKind::Velocity;
    const UCharacterMovementComponent* Moves = Movement.Get();
    if (Moves == nullptr)
    {
        return;
    }
    // What the stick, or whoever steers, asks for; the velocity comes to it.
    const strut::DVec3 Now = StrutSpace::ToPoint(Moves->Velocity);
    const FVector Input = Moves->GetCurrentAcceleration().GetClampedToMaxSize(Moves->GetMaxAcceleration());
    const double Share = Moves->GetMaxAcceleration() > 0.f ? Moves->GetMaxSpeed() / Moves->GetMaxAcceleration() : 0.0;
    const strut::DVec3 Wanted = StrutSpace::ToPoint(Input * Share);
    Source->Velocity.set(Now.x, Now.z, Wanted.x, Wanted.z, VelocityHalfLife);
    const bool bFacesAlong = Moves->bOrientRotationToMovement && !Moves->bUseControllerDesiredRotation;
    Source->Velocity.face(bFacesAlong ? strut::TrajectorySample::kAbsent
                                      : static_cast<float>(strut::yaw_to_heading(GetOwner()->GetActorRotation().Yaw)));
}

// Level of detail.

void UStrutMotionComponent::ChooseLevel(float DeltaTime)
{
    const UStrutSettings& Settings = *GetDefault<UStrutSettings>();
    const float FarOverride = StrutConsole::FarDistance.GetValueOnGameThread();
    const int32 CullOverride = StrutConsole::CullUnseen.GetValueOnGameThread();
    strut::LevelRules Rules;
    Rules.far_distance = 0.01 * (FarOverride >= 0.f ? FarOverride : Settings.FarDistance);
    Rules.cull_unseen = CullOverride >= 0 ? CullOverride != 0 : Settings.bCullUnseen;
    Rules.unseen_time = Settings.UnseenTime;

    double Nearest = -1.0;
    for (FConstPlayerControllerIterator It = GetWorld()->GetPlayerControllerIterator(); It; ++It)
    {
        const APlayerController* Player = It->Get();
        if (Player == nullptr || !Player->IsLocalController())
        {
            continue;
        }
        FVector Eye;
        FRotator Direction;
        Player->GetPlayerViewPoint(Eye, Direction);
        const double Distance = 0.01 * FVector::Dist(Eye, GetOwner()->GetActorLocation());
        Nearest = Nearest < 0.0 ? Distance : FMath::Min(Nearest, Distance);
    }
    const bool bSeen = !Mesh.IsValid() || Mesh->WasRecentlyRendered(0.2f);
    Character->set_level(Level.update(Rules, FMath::Max(Nearest, 0.0), bSeen || Nearest < 0.0, DeltaTime));
    Character->set_priority(Level.priority());
    DistanceShare = static_cast<float>(FMath::Clamp(FMath::Max(Nearest, 0.0) / FMath::Max(Rules.far_distance, 1.0), 0.0, 1.0));
}

// Root.

strut::Placement UStrutMotionComponent::StandsAt() const
{
    return StrutSpace::ToPlacement(GetOwner()->GetActorLocation(), GetOwner()->GetActorRotation().Yaw);
}

double UStrutMotionComponent::GroundHeight() const
{
    const ACharacter* Owner = Cast<ACharacter>(GetOwner());
    const double Half = Owner != nullptr ? Owner->GetCapsuleComponent()->GetScaledCapsuleHalfHeight() : 0.0;
    return GetOwner()->GetActorLocation().Z - Half;
}

void UStrutMotionComponent::MoveRoot(float DeltaTime)
{
    const bool bOwn = GetOwner()->HasAuthority() && !bPassive;
    const strut::RootMode Mode = strut::root_mode_here(ToRootMode(RootMode), bOwn);
    strut::Placement Stands = StandsAt();
    if (Mode == strut::RootMode::motion_drives)
    {
        // Collision, or the edge of a floor, may have kept it from where the motion was in the last frame.
        if (bDriven && strut::RootDriver::blocked(Driven, Stands))
        {
            Character->correct_root(Driven, Stands);
        }
        Driven = Character->root();
        bDriven = true;
        if (RootMode == EStrutRootMode::MotionDrives)
        {
            DriveActor(Driven, DeltaTime);
            Stands = Driven;
        }
        else
        {
            StopDriving();
        }
    }
    else
    {
        StopDriving();
        bDriven = false;
        const double Weight = Mode == strut::RootMode::blend ? RootBlend : 1.0;
        Character->follow(Stands, DeltaTime, Weight);
    }
    RootOffset = strut::relative_to(Character->root(), Stands);
}

void UStrutMotionComponent::DriveActor(const strut::Placement& Wanted, float DeltaTime)
{
    AActor* Owner = GetOwner();
    const FVector At = Owner->GetActorLocation();
    const FVector Place = StrutSpace::ToLocation(Wanted, At.Z);
    const FRotator Turned(0.0, StrutSpace::ToYaw(Wanted), 0.0);
    UCharacterMovementComponent* Moves = Movement.Get();
    if (Moves == nullptr)
    {
        Owner->SetActorLocationAndRotation(Place, Turned, true);
        return;
    }
    // The movement component goes there with its own collision, floors and steps; what steers it has no say meanwhile.
    Owner->SetActorRotation(Turned);
    TSharedPtr<FRootMotionSource> Driving = Moves->GetRootMotionSourceByID(DrivingSource);
    if (!Driving.IsValid())
    {
        const TSharedPtr<FRootMotionSource_ConstantForce> Made = MakeShared<FRootMotionSource_ConstantForce>();
        Made->InstanceName = TEXT("Strut");
        Made->AccumulateMode = ERootMotionAccumulateMode::Override;
        Made->Settings.SetFlag(ERootMotionSourceSettingsFlags::IgnoreZAccumulate);
        Made->Duration = -1.f;
        DrivingSource = Moves->ApplyRootMotionSource(Made);
        Driving = Made;
    }
    FVector Velocity = DeltaTime > UE_KINDA_SMALL_NUMBER ? (Place - At) / DeltaTime : FVector::ZeroVector;
    Velocity.Z = 0.0;
    static_cast<FRootMotionSource_ConstantForce*>(Driving.Get())->Force = Velocity;
}

void UStrutMotionComponent::StopDriving()
{
    if (DrivingSource != 0 && Movement.IsValid())
    {
        Movement->RemoveRootMotionSourceByID(DrivingSource);
    }
    DrivingSource = 0;
}

void UStrutMotionComponent::Teleport(const FVector& Location, float Yaw)
{
    GetOwner()->SetActorLocationAndRotation(Location, FRotator(0.0, Yaw, 0.0), false, nullptr, ETeleportType::TeleportPhysics);
    bDriven = false;
    if (Character != nullptr)
    {
        Character->teleport(StandsAt());
    }
}

void UStrutMotionComponent::Replan()
{
    // Controls are made anew too: properties may have been changed directly.
    MarkChanged();
}

#if WITH_EDITOR
void UStrutMotionComponent::PostEditChangeProperty(FPropertyChangedEvent& Event)
{
    Super::PostEditChangeProperty(Event);
    MarkChanged();
}
#endif

void UStrutMotionComponent::ResumeFromMesh()
{
    bCapture = true;
}

void UStrutMotionComponent::Captured(const strut::Frame& Pose, const strut::Frame& Before)
{
    bCapture = false;
    if (Character != nullptr)
    {
        Character->teleport(StandsAt());
        Character->resume_from(Pose, Before);
    }
}

bool UStrutMotionComponent::TakeRelayedWindow(const TArray<uint8>& Bytes)
{
    strut::RelayedWindow Window;
    if (Character == nullptr || !bPassive ||
        !strut::read_relayed(Bytes.GetData(), static_cast<std::size_t>(Bytes.Num()), Window))
    {
        return false;
    }
    Character->on_relayed(Window);
    return true;
}

float UStrutMotionComponent::GetLead() const
{
    return Character != nullptr ? static_cast<float>(Character->lead()) : 0.f;
}

FString UStrutMotionComponent::GetLastError() const
{
    return Character != nullptr ? FString(UTF8_TO_TCHAR(Character->last_error().message.c_str())) : FString();
}

float UStrutMotionComponent::GetDistanceShare() const
{
    return DistanceShare;
}
