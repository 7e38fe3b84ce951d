// Declarations of the Unreal Engine's types that the plugin uses, written for this check and taken from nowhere: names
// and signatures alone, as the engine's documentation gives them for 5.4, with bodies only where the compiler wants one.
// They let a compiler see that the plugin's sources are whole, agree with each other and with the core. They are not the
// engine, nothing here runs, and what compiles here may still need a change there.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using int8 = std::int8_t;
using int16 = std::int16_t;
using int32 = std::int32_t;
using int64 = std::int64_t;
using uint8 = std::uint8_t;
using uint16 = std::uint16_t;
using uint32 = std::uint32_t;
using uint64 = std::uint64_t;
using TCHAR = char16_t;
using UTF8CHAR = char;

#define TEXT(Text) u##Text
#define INDEX_NONE (-1)
#define UE_KINDA_SMALL_NUMBER (1.e-4f)
#define WITH_EDITOR 1
#define UTF8_TO_TCHAR(Text) ((void)sizeof(Text), u"")
#define TCHAR_TO_UTF8(Text) ((void)sizeof(Text), "")

// What the header tool reads; GENERATED_BODY comes from the check, a macro for each class and line.
#define UCLASS(...)
#define USTRUCT(...)
#define UENUM(...)
#define UMETA(...)
#define UPROPERTY(...)
#define UFUNCTION(...)
#define STRUT_JOIN(A, B, C) A##_##B##_##C
#define STRUT_JOINED(A, B, C) STRUT_JOIN(A, B, C)
#define GENERATED_BODY() STRUT_JOINED(CURRENT_FILE_ID, __LINE__, GENERATED_BODY)
#define STRUTMOTION_API
#define STRUTMOTIONUNCOOKED_API
#define STRUTMOTIONEDITOR_API
#define STRUTMOTIONLIVELINK_API

// Core.

template <typename T>
typename std::remove_reference<T>::type&& MoveTemp(T&& Value) { return static_cast<typename std::remove_reference<T>::type&&>(Value); }

template <typename T>
struct TNumericLimits { static T Lowest(); static T Max(); };

template <typename K, typename V>
struct TPair { K Key; V Value; };

struct FMath {
    template <typename T> static T Max(T A, T B) { return A < B ? B : A; }
    template <typename T> static T Min(T A, T B) { return B < A ? B : A; }
    template <typename T> static T Clamp(T V, T Low, T High) { return Max(Low, Min(V, High)); }
};

template <uint32 Count> struct TInlineAllocator {};
struct FDefaultAllocator {};

template <typename T, typename Allocator = FDefaultAllocator>
class TArray {
  public:
    TArray() = default;
    TArray(const T* Data, int32 Count);
    int32 Num() const;
    bool IsEmpty() const;
    int32 Add(const T& Item);
    int32 AddUnique(const T& Item);
    T& AddDefaulted_GetRef();
    int32 Remove(const T& Item);
    template <typename P> int32 RemoveAllSwap(P Predicate) { return std::is_invocable_r_v<bool, P, const T&> ? 0 : 1; }
    void SetNumUninitialized(int32 Count);
    T* GetData();
    const T* GetData() const;
    T& operator[](int32 Index);
    const T& operator[](int32 Index) const;
    T* begin();
    T* end();
    const T* begin() const;
    const T* end() const;
};

template <typename T> class TSet {
  public:
    bool Contains(const T&) const;
    void Add(const T&);
    bool IsEmpty() const;
};

template <typename K, typename V> class TMap {
  public:
    bool IsEmpty() const;
    const TPair<K, V>* begin() const;
    const TPair<K, V>* end() const;
};

class FString {
  public:
    FString() = default;
    FString(const TCHAR*) {}
    FString(const char*) {}
    bool IsEmpty() const;
    void Reset();
    FString Left(int32 Count) const;
    const TCHAR* operator*() const;
    template <typename... Args> static FString Printf(const TCHAR* Format, Args... Values) { ((void)sizeof(Values), ...); return FString(Format); }
    friend FString operator+(const FString&, const FString&);
    friend FString operator+(const TCHAR*, const FString&);
    bool operator==(const FString&) const;
    bool operator!=(const FString&) const;
};

class FName {
  public:
    FName() = default;
    FName(const TCHAR*) {}
    FName(const char*) {}
    FString ToString() const;
    bool operator==(const FName&) const;
};

class FText { public: static FText FromString(const FString&); };
#define LOCTEXT(Key, Text) FText::FromString(u##Text)

struct FColor { static const FColor Green, Red, White; };
struct FLinearColor { FLinearColor(float, float, float) {} };
struct FGuid {};

struct FVector2D { double X = 0, Y = 0; static const FVector2D ZeroVector; };

struct FQuat {
    double X = 0, Y = 0, Z = 0, W = 1;
    FQuat() = default;
    FQuat(double InX, double InY, double InZ, double InW) : X(InX), Y(InY), Z(InZ), W(InW) {}
};

struct FVector {
    double X = 0, Y = 0, Z = 0;
    FVector() = default;
    FVector(double InX, double InY, double InZ) : X(InX), Y(InY), Z(InZ) {}
    static const FVector ZeroVector;
    FVector operator-(const FVector&) const;
    FVector operator/(double) const;
    FVector operator*(double) const;
    FVector GetClampedToMaxSize(double) const;
    static double Dist(const FVector&, const FVector&);
};

struct FRotator {
    double Pitch = 0, Yaw = 0, Roll = 0;
    FRotator() = default;
    FRotator(double InPitch, double InYaw, double InRoll) : Pitch(InPitch), Yaw(InYaw), Roll(InRoll) {}
};

struct FTransform {
    FTransform() = default;
    FTransform(const FQuat&, const FVector&) {}
    FTransform(const FRotator&, const FVector&) {}
    static const FTransform Identity;
    FQuat GetRotation() const;
    FVector GetTranslation() const;
    void SetRotation(const FQuat&);
    void SetTranslation(const FVector&);
    FTransform GetRelativeTransform(const FTransform&) const;
    void BlendWith(const FTransform&, float);
    FVector TransformPosition(const FVector&) const;
};

template <typename T> class TSharedRef;
template <typename T>
class TSharedPtr {
  public:
    TSharedPtr() = default;
    TSharedPtr(std::nullptr_t) {}
    template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>> TSharedPtr(const TSharedPtr<U>&) {}
    template <typename U, typename = std::enable_if_t<std::is_convertible_v<U*, T*>>> TSharedPtr(const TSharedRef<U>&) {}
    T* Get() const { return nullptr; }
    T* operator->() const { return nullptr; }
    T& operator*() const { return *Get(); }
    bool IsValid() const;
    void Reset();
};
template <typename T>
class TSharedRef {
  public:
    T* operator->() const { return nullptr; }
    T& operator*() const { return *operator->(); }
    template <typename U, typename = std::enable_if_t<std::is_convertible_v<T*, U*>>> operator TSharedRef<U>() const;
};
template <typename T, typename... Args>
TSharedRef<T> MakeShared(Args&&... Values) { (void)sizeof(T(std::forward<Args>(Values)...)); return {}; }

template <typename T>
class TWeakObjectPtr {
  public:
    TWeakObjectPtr() = default;
    TWeakObjectPtr(T*) {}
    T* Get() const { return nullptr; }
    T* operator->() const { return nullptr; }
    T& operator*() const { return *Get(); }
    bool IsValid() const;
};
template <typename T>
class TObjectPtr {
  public:
    TObjectPtr() = default;
    TObjectPtr(T*) {}
    TObjectPtr(std::nullptr_t) {}
    operator T*() const { return nullptr; }
    T* operator->() const { return nullptr; }
    T& operator*() const { return *operator->(); }
};
template <typename T> class TSoftObjectPtr { public: T* LoadSynchronous() const; bool IsNull() const; };

class FDelegateHandle {};

template <typename... Args>
class TMulticastDelegate {
  public:
    template <typename U, typename F> FDelegateHandle AddUObject(U* Object, F Function) {
        static_assert(std::is_invocable_v<F, U*, Args...>, "the function takes other arguments");
        (void)Object, (void)Function;
        return {};
    }
    void Remove(FDelegateHandle);
    void Broadcast(Args...);
};
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(Name, T1, P1) class Name : public TMulticastDelegate<T1> {}
#define DECLARE_DYNAMIC_MULTICAST_DELEGATE_TwoParams(Name, T1, P1, T2, P2) class Name : public TMulticastDelegate<T1, T2> {}

struct FPlatformTime { static double Seconds(); };
struct FPlatformMisc { static FString GetEnvironmentVariable(const TCHAR*); };
struct FApp { static const TCHAR* GetProjectName(); };
struct FFileHelper { static bool LoadFileToString(FString&, const TCHAR*); };
bool IsRunningDedicatedServer();

#define DECLARE_LOG_CATEGORY_EXTERN(Name, Default, Compiled) extern int Name
#define DEFINE_LOG_CATEGORY(Name) int Name
namespace StrutCheck { template <typename... Args> void Log(int, const TCHAR*, Args...) {} }
#define UE_LOG(Category, Verbosity, Format, ...) StrutCheck::Log(Category, Format, ##__VA_ARGS__)
#define UE_CLOG(Condition, Category, Verbosity, Format, ...) do { if (Condition) StrutCheck::Log(Category, Format, ##__VA_ARGS__); } while (false)

template <typename T>
class TAutoConsoleVariable {
  public:
    TAutoConsoleVariable(const TCHAR*, const T&, const TCHAR*, uint32 = 0) {}
    T GetValueOnGameThread() const;
    T GetValueOnAnyThread() const;
};

struct FStatGroup_STATCAT_Advanced {};
#define DECLARE_STATS_GROUP(Description, Id, Category) struct FStatGroup_##Id : FStatGroup_##Category {}
#define DECLARE_CYCLE_STAT_EXTERN(Description, Id, Group, Api) extern FStatGroup_##Group* const Id
#define DEFINE_STAT(Id) decltype(Id) Id = nullptr
#define DECLARE_FLOAT_COUNTER_STAT(Description, Id, Group) [[maybe_unused]] static FStatGroup_##Group* const Id = nullptr
#define DECLARE_DWORD_COUNTER_STAT(Description, Id, Group) [[maybe_unused]] static FStatGroup_##Group* const Id = nullptr
#define SCOPE_CYCLE_COUNTER(Id) (void)(Id)
#define SET_FLOAT_STAT(Id, Value) ((void)(Id), (void)static_cast<float>(Value))
#define SET_DWORD_STAT(Id, Value) ((void)(Id), (void)static_cast<uint32>(Value))
#define TRACE_DECLARE_FLOAT_COUNTER(Name, Text) [[maybe_unused]] static std::atomic<double> GTraceCounter##Name
#define TRACE_DECLARE_INT_COUNTER(Name, Text) [[maybe_unused]] static std::atomic<int64> GTraceCounter##Name
#define TRACE_COUNTER_SET(Name, Value) GTraceCounter##Name.store(Value)

class IModuleInterface { public: virtual ~IModuleInterface() = default; virtual void StartupModule() {} virtual void ShutdownModule() {} };
class FDefaultModuleImpl : public IModuleInterface {};
#define IMPLEMENT_MODULE(Class, Name) IModuleInterface* MakeModule##Name(); IModuleInterface* MakeModule##Name() { return new Class(); }

// CoreUObject.

class UClass;
class UScriptStruct;
class FReferenceCollector;
enum EObjectFlags : int32 { RF_NoFlags = 0 };

class UObject {
  public:
    virtual ~UObject() = default;
    static UClass* StaticClass();
    FString GetName() const;
    bool Modify(bool bAlwaysMarkDirty = true);
    virtual class UWorld* GetWorld() const;
    virtual void PostEditChangeProperty(struct FPropertyChangedEvent&) {}
    virtual void GetLifetimeReplicatedProps(TArray<struct FLifetimeProperty>&) const {}
};
class UClass : public UObject {};
class UEnum { public: template <typename T> static FString GetValueAsString(T Value); };
struct FPropertyChangedEvent {};
struct FLifetimeProperty {};
#define DOREPLIFETIME(Class, Property) ((void)OutLifetimeProps, (void)&Class::Property)

template <typename T, typename U> T* Cast(U* Object) { return dynamic_cast<T*>(const_cast<UObject*>(static_cast<const UObject*>(Object))); }
template <typename T> T* NewObject(UObject* Outer, UClass* Class, FName Name, EObjectFlags Flags);
template <typename T> const T* GetDefault();

struct FFilePath { FString FilePath; };

// Engine.

enum ELevelTick : int { LEVELTICK_All = 2 };
enum ETickingGroup : int { TG_PrePhysics };
enum ENetMode : int { NM_Standalone, NM_DedicatedServer, NM_ListenServer, NM_Client };
enum class ETeleportType : uint8 { None, TeleportPhysics };
namespace EEndPlayReason { enum Type : int { Destroyed }; }
struct FHitResult {};
struct FTickFunction { bool bCanEverTick = false; ETickingGroup TickGroup = TG_PrePhysics; };
struct FActorComponentTickFunction : FTickFunction {};

class AWorldSettings { public: float GetEffectiveTimeDilation() const; };

class APlayerController;
struct FConstPlayerControllerIterator {
    explicit operator bool() const;
    FConstPlayerControllerIterator& operator++();
    const TWeakObjectPtr<APlayerController>* operator->() const;
};

class UGameInstance : public UObject {
  public:
    template <typename T> T* GetSubsystem() const;
};

class UWorld : public UObject {
  public:
    bool IsPaused() const;
    AWorldSettings* GetWorldSettings() const;
    UGameInstance* GetGameInstance() const;
    FConstPlayerControllerIterator GetPlayerControllerIterator() const;
};
struct FWorldContext { UWorld* World() const; };
struct FWorldDelegates { static TMulticastDelegate<UWorld*, ELevelTick, float> OnWorldPreActorTick; };

class FConsoleCommandWithWorldDelegate { public: static FConsoleCommandWithWorldDelegate CreateStatic(void (*)(UWorld*)); };
class FAutoConsoleCommandWithWorld { public: FAutoConsoleCommandWithWorld(const TCHAR*, const TCHAR*, const FConsoleCommandWithWorldDelegate&); };

class UFont;
class UEngine : public UObject {
  public:
    static UFont* GetSmallFont();
    const TArray<FWorldContext>& GetWorldContexts() const;
};
extern UEngine* GEngine;

class UDataAsset : public UObject {};
class UDeveloperSettings : public UObject { public: virtual FName GetCategoryName() const; };
class FSubsystemCollectionBase {};
class USubsystem : public UObject {
  public:
    virtual bool ShouldCreateSubsystem(UObject*) const { return true; }
    virtual void Initialize(FSubsystemCollectionBase&) {}
    virtual void Deinitialize() {}
};
class UGameInstanceSubsystem : public USubsystem { public: UGameInstance* GetGameInstance() const; };

class AActor;
class USceneComponent;
class UActorComponent : public UObject {
  public:
    FActorComponentTickFunction PrimaryComponentTick;
    AActor* GetOwner() const;
    ENetMode GetNetMode() const;
    void SetIsReplicatedByDefault(bool);
    void SetComponentTickEnabled(bool);
    void AddTickPrerequisiteComponent(UActorComponent*);
    virtual void BeginPlay() {}
    virtual void EndPlay(const EEndPlayReason::Type) {}
    virtual void TickComponent(float, ELevelTick, FActorComponentTickFunction*) {}
};
class AActor : public UObject {
  public:
    template <typename T> T* FindComponentByClass() const;
    FVector GetActorLocation() const;
    FRotator GetActorRotation() const;
    bool SetActorRotation(const FRotator&);
    bool SetActorLocationAndRotation(const FVector&, const FRotator&, bool bSweep = false, FHitResult* = nullptr, ETeleportType = ETeleportType::None);
    bool HasAuthority() const;
    FTickFunction PrimaryActorTick;
    uint8 bIsEditorOnlyActor : 1;
    template <typename T> T* CreateDefaultSubobject(FName);
    bool SetRootComponent(USceneComponent*);
    virtual bool ShouldTickIfViewportsOnly() const { return false; }
    virtual void Tick(float) {}
    virtual void NotifyActorBeginOverlap(AActor*) {}
    virtual void NotifyActorEndOverlap(AActor*) {}
};
class USceneComponent : public UActorComponent {
  public:
    void SetupAttachment(USceneComponent*);
    void SetRelativeLocation(FVector);
    const FTransform& GetComponentTransform() const;
};
class UPrimitiveComponent : public USceneComponent {
  public:
    void SetCollisionProfileName(FName);
    void SetGenerateOverlapEvents(bool);
    bool WasRecentlyRendered(float Tolerance) const;
};
class UBrushComponent : public UPrimitiveComponent {};
class AVolume : public AActor { public: UBrushComponent* GetBrushComponent() const; };
class AController : public AActor {};
class APlayerController : public AController {
  public:
    bool IsLocalController() const;
    void GetPlayerViewPoint(FVector&, FRotator&) const;
};
class APawn : public AActor { public: AController* GetController() const; };
class UCapsuleComponent : public UPrimitiveComponent { public: float GetScaledCapsuleHalfHeight() const; };
class ACharacter : public APawn { public: UCapsuleComponent* GetCapsuleComponent() const; };

enum class ERootMotionAccumulateMode : uint8 { Override, Additive };
enum class ERootMotionSourceSettingsFlags : uint8 { UseSensitiveLiftoffCheck = 1, DisablePartialEndTick = 2, IgnoreZAccumulate = 4 };
struct FRootMotionSourceSettings { void SetFlag(ERootMotionSourceSettingsFlags); };
struct FRootMotionSource {
    virtual ~FRootMotionSource() = default;
    FName InstanceName;
    ERootMotionAccumulateMode AccumulateMode = ERootMotionAccumulateMode::Override;
    FRootMotionSourceSettings Settings;
    float Duration = -1.f;
};
struct FRootMotionSource_ConstantForce : FRootMotionSource { FVector Force; };

class UCharacterMovementComponent : public UActorComponent {
  public:
    FVector Velocity;
    bool bOrientRotationToMovement = false, bUseControllerDesiredRotation = false;
    float GetMaxSpeed() const;
    float GetMaxAcceleration() const;
    FVector GetCurrentAcceleration() const;
    uint16 ApplyRootMotionSource(TSharedPtr<FRootMotionSource>);
    TSharedPtr<FRootMotionSource> GetRootMotionSourceByID(uint16);
    void RemoveRootMotionSourceByID(uint16);
};

struct FReferenceSkeleton {
    int32 GetNum() const;
    const TArray<FTransform>& GetRefBonePose() const;
    FName GetBoneName(int32) const;
    int32 GetParentIndex(int32) const;
};
class USkinnedAsset : public UObject {};
class USkeletalMesh : public USkinnedAsset { public: const FReferenceSkeleton& GetRefSkeleton() const; };
class USkinnedMeshComponent : public UPrimitiveComponent { public: virtual void SetSkinnedAssetAndUpdate(USkinnedAsset*, bool bReinitPose = true); };
class USkeletalMeshComponent : public USkinnedMeshComponent {};
class UPoseableMeshComponent : public USkinnedMeshComponent {
  public:
    TArray<FTransform> BoneSpaceTransforms;
    void MarkRefreshTransformDirty();
};
enum EHorizTextAligment : int { EHTA_Left, EHTA_Center, EHTA_Right };
class UTextRenderComponent : public UPrimitiveComponent {
  public:
    void SetText(const FText&);
    void SetHorizontalAlignment(EHorizTextAligment);
    void SetWorldSize(float);
};
void DrawDebugLine(const UWorld*, const FVector&, const FVector&, const FColor&, bool bPersistentLines = false, float LifeTime = -1.f, uint8 DepthPriority = 0, float Thickness = 0.f);

class UCanvas { public: void SetDrawColor(const FColor&); float DrawText(const UFont*, const FString&, float, float); };
class FDebugDrawDelegate { public: static FDebugDrawDelegate CreateStatic(void (*)(UCanvas*, APlayerController*)); };
class UDebugDrawService { public: static FDelegateHandle Register(const TCHAR*, const FDebugDrawDelegate&); static void Unregister(FDelegateHandle); };

// AIModule, NavigationSystem.

struct FNavPathPoint { FVector Location; };
struct FNavigationPath { bool IsValid() const; const TArray<FNavPathPoint>& GetPathPoints() const; };
using FNavPathSharedPtr = TSharedPtr<FNavigationPath>;
namespace EPathFollowingStatus { enum Type : int { Idle, Waiting, Paused, Moving }; }
class UPathFollowingComponent : public UActorComponent {
  public:
    const FNavPathSharedPtr GetPath() const;
    uint32 GetNextPathIndex() const;
    EPathFollowingStatus::Type GetStatus() const;
};
class AAIController : public AController { public: UPathFollowingComponent* GetPathFollowingComponent() const; };

// Animation.

struct FMeshPoseBoneIndex { explicit FMeshPoseBoneIndex(int32) {} int32 GetInt() const; };
struct FCompactPoseBoneIndex { explicit FCompactPoseBoneIndex(int32) {} int32 GetInt() const; };
struct FBoneContainer {
    int32 GetCompactPoseNumBones() const;
    FCompactPoseBoneIndex GetParentBoneIndex(const FCompactPoseBoneIndex&) const;
    const FTransform& GetRefPoseTransform(const FCompactPoseBoneIndex&) const;
    FMeshPoseBoneIndex MakeMeshPoseIndex(const FCompactPoseBoneIndex&) const;
    const FReferenceSkeleton& GetReferenceSkeleton() const;
};
struct FCompactPose {
    int32 GetNumBones() const;
    FTransform& operator[](const FCompactPoseBoneIndex&);
    const std::vector<FCompactPoseBoneIndex>& ForEachBoneIndex() const;
};
struct FBlendedCurve { void Set(FName, float); };

namespace UE::Anim {
struct FAttributeId { FAttributeId(const FName&, const FCompactPoseBoneIndex&) {} };
struct FStackAttributeContainer { template <typename T> T* FindOrAdd(const FAttributeId&) { static T Value; return &Value; } };
class IAnimRootMotionProvider { public: static const FName AttributeName; };
}  // namespace UE::Anim
struct FTransformAnimationAttribute { FTransform Value; };

class UAnimInstance : public UObject {
  public:
    AActor* GetOwningActor() const;
    USkeletalMeshComponent* GetSkelMeshComponent() const;
};
struct FAnimInstanceProxy { const FBoneContainer& GetRequiredBones() const; };
struct FAnimationBaseContext { FAnimInstanceProxy* AnimInstanceProxy = nullptr; };
struct FAnimationInitializeContext : FAnimationBaseContext {};
struct FAnimationCacheBonesContext : FAnimationBaseContext {};
struct FAnimationUpdateContext : FAnimationBaseContext { float GetDeltaTime() const; };
struct FPoseContext : FAnimationBaseContext {
    FCompactPose Pose;
    FBlendedCurve Curve;
    UE::Anim::FStackAttributeContainer CustomAttributes;
};
struct FNodeDebugData { void AddDebugItem(const FString&); FString GetNodeName(const struct FAnimNode_Base*); };
struct FPoseLink {
    void Initialize(const FAnimationInitializeContext&);
    void CacheBones(const FAnimationCacheBonesContext&);
    void Update(const FAnimationUpdateContext&);
    void Evaluate(FPoseContext&);
    void GatherDebugData(FNodeDebugData&);
};
struct FExposedValueHandler { void Execute(const FAnimationBaseContext&) const; };
struct FAnimNode_Base {
    virtual ~FAnimNode_Base() = default;
    virtual void Initialize_AnyThread(const FAnimationInitializeContext&);
    virtual void CacheBones_AnyThread(const FAnimationCacheBonesContext&);
    virtual void Update_AnyThread(const FAnimationUpdateContext&);
    virtual void Evaluate_AnyThread(FPoseContext&);
    virtual void GatherDebugData(FNodeDebugData&);
    virtual bool HasPreUpdate() const;
    virtual void PreUpdate(const UAnimInstance*);
    virtual int32 GetLODThreshold() const;

  protected:
    bool IsLODEnabled(FAnimInstanceProxy*);
    const FExposedValueHandler& GetEvaluateGraphExposedInputs() const;
};
#define DECLARE_SCOPE_HIERARCHICAL_COUNTER_ANIMNODE(Name)

// AnimGraph, UnrealEd.

namespace ENodeTitleType { enum Type : int { FullTitle }; }
struct FNodeAttributeArray { void Add(const FName&); };
class UAnimGraphNode_Base : public UObject {
  public:
    virtual FText GetNodeTitle(ENodeTitleType::Type) const;
    virtual FText GetTooltipText() const;
    virtual FText GetMenuCategory() const;
    virtual FLinearColor GetNodeTitleColor() const;
    virtual void GetOutputLinkAttributes(FNodeAttributeArray&) const;
};
class FFeedbackContext;
namespace EAssetTypeCategories { enum Type : uint32 { Animation = 2 }; }
class UFactory : public UObject {
  public:
    UClass* SupportedClass = nullptr;
    bool bCreateNew = false, bEditAfterNew = false;
    virtual UObject* FactoryCreateNew(UClass*, UObject*, FName, EObjectFlags, UObject*, FFeedbackContext*);
    virtual uint32 GetMenuCategories() const;
    virtual FText GetDisplayName() const;
};
struct FAssetData { bool IsValid() const; bool IsInstanceOf(const UClass*) const; };
class UActorFactory : public UObject {
  public:
    FText DisplayName;
    UClass* NewActorClass = nullptr;
    virtual bool CanCreateActorFrom(const FAssetData&, FText&) { return false; }
    virtual void PostSpawnActor(UObject*, AActor*) {}
};

// Json.

class FJsonObject;
class FJsonValue {
  public:
    virtual ~FJsonValue() = default;
    bool TryGetNumber(double&) const;
    bool TryGetObject(const TSharedPtr<FJsonObject>*&) const;
};
class FJsonObject {
  public:
    TMap<FString, TSharedPtr<FJsonValue>> Values;
    bool TryGetArrayField(const FString&, const TArray<TSharedPtr<FJsonValue>>*&) const;
    bool TryGetStringField(const FString&, FString&) const;
    bool TryGetNumberField(const FString&, double&) const;
    bool TryGetBoolField(const FString&, bool&) const;
    bool TryGetObjectField(const FString&, const TSharedPtr<FJsonObject>*&) const;
    void SetNumberField(const FString&, double);
    void SetStringField(const FString&, const FString&);
    void SetBoolField(const FString&, bool);
    void SetArrayField(const FString&, const TArray<TSharedPtr<FJsonValue>>&);
    void SetObjectField(const FString&, const TSharedPtr<FJsonObject>&);
};
class FJsonValueNumber : public FJsonValue { public: FJsonValueNumber(double) {} };
class FJsonValueObject : public FJsonValue { public: FJsonValueObject(const TSharedPtr<FJsonObject>&) {} };
template <typename T = TCHAR> class TJsonReader {};
template <typename T = TCHAR> struct TJsonReaderFactory { static TSharedRef<TJsonReader<T>> Create(const FString&); };
template <typename T = TCHAR> class TJsonWriter {};
template <typename T = TCHAR> struct TJsonWriterFactory { static TSharedRef<TJsonWriter<T>> Create(FString*); };
struct FJsonSerializer {
    static bool Deserialize(const TSharedRef<TJsonReader<>>&, TSharedPtr<FJsonObject>&);
    static bool Serialize(const TSharedRef<FJsonObject>&, const TSharedRef<TJsonWriter<>>&);
};

// LiveLinkInterface.

struct FLiveLinkSubjectName { FName Name; };
struct FLiveLinkSubjectKey { FLiveLinkSubjectKey(FGuid, FName) {} FLiveLinkSubjectName SubjectName; };
struct FLiveLinkSkeletonStaticData {
    static UScriptStruct* StaticStruct();
    void SetBoneNames(const TArray<FName>&);
    void SetBoneParents(const TArray<int32>&);
};
struct FLiveLinkWorldTime { FLiveLinkWorldTime& operator=(double); };
struct FLiveLinkAnimationFrameData { static UScriptStruct* StaticStruct(); FLiveLinkWorldTime WorldTime; TArray<FTransform> Transforms; };
struct FLiveLinkStaticDataStruct { explicit FLiveLinkStaticDataStruct(const UScriptStruct*) {} FLiveLinkStaticDataStruct(FLiveLinkStaticDataStruct&&) = default; template <typename T> T* Cast(); };
struct FLiveLinkFrameDataStruct { explicit FLiveLinkFrameDataStruct(const UScriptStruct*) {} FLiveLinkFrameDataStruct(FLiveLinkFrameDataStruct&&) = default; template <typename T> T* Cast(); };
class ULiveLinkRole : public UObject {};
class ULiveLinkAnimationRole : public ULiveLinkRole { public: static UClass* StaticClass(); };
class ILiveLinkClient {
  public:
    void PushSubjectStaticData_AnyThread(const FLiveLinkSubjectKey&, UClass*, FLiveLinkStaticDataStruct&&);
    void PushSubjectFrameData_AnyThread(const FLiveLinkSubjectKey&, FLiveLinkFrameDataStruct&&);
};
class ILiveLinkSource {
  public:
    virtual ~ILiveLinkSource() = default;
    virtual void ReceiveClient(ILiveLinkClient*, FGuid) = 0;
    virtual void Update() {}
    virtual bool IsSourceStillValid() const = 0;
    virtual bool RequestSourceShutdown() = 0;
    virtual FText GetSourceType() const = 0;
    virtual FText GetSourceMachineName() const = 0;
    virtual FText GetSourceStatus() const = 0;
};
class ULiveLinkSourceFactory : public UObject {
  public:
    enum class EMenuType { SubPanel, MenuEntry, Disabled };
    virtual FText GetSourceDisplayName() const;
    virtual FText GetSourceTooltip() const;
    virtual EMenuType GetMenuType() const;
    virtual TSharedPtr<ILiveLinkSource> CreateSource(const FString&) const;
};
