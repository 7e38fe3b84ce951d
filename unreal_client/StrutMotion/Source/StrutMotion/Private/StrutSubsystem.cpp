#include "StrutSubsystem.h"

#include "Engine/GameInstance.h"
#include "Engine/World.h"
#include "GameFramework/WorldSettings.h"
#include "HAL/PlatformMisc.h"
#include "HAL/PlatformTime.h"
#include "Misc/App.h"
#include "Misc/FileHelper.h"
#include "StrutControls.h"
#include "StrutModule.h"
#include "StrutMotionComponent.h"
#include "StrutSettings.h"

#include "strut/grpc_transport.h"

// What the client says goes to the subsystem. (Classes that the header tool reads derive from the engine's alone.)
class FStrutListener final : public strut::ClientListener
{
public:
    explicit FStrutListener(UStrutSubsystem& InSubsystem) : Subsystem(InSubsystem) {}

    virtual void on_ready(const std::shared_ptr<const strut::ServerInfo>& Info) noexcept override
    {
        Subsystem.LastSaid.Reset();
        UE_LOG(LogStrut, Log, TEXT("connected to %s, model %s on %s"), UTF8_TO_TCHAR(Info->server_version.c_str()),
               UTF8_TO_TCHAR(Info->model_name.c_str()), UTF8_TO_TCHAR(Info->device.c_str()));
        Subsystem.OnConnected.Broadcast(UTF8_TO_TCHAR(Info->model_name.c_str()));
    }

    virtual void on_lost(const strut::Error& Error) noexcept override
    {
        Subsystem.Say(TEXT("the server was lost"), Error);
        Subsystem.OnDisconnected.Broadcast(UTF8_TO_TCHAR(Error.message.c_str()));
    }

    virtual void on_connect_failed(const strut::Error& Error) noexcept override
    {
        Subsystem.Say(TEXT("no connection"), Error);
    }

    virtual void on_server_event(const strut::ServerEvent& Event) noexcept override
    {
        if (Event.kind == strut::ServerEvent::Kind::draining)
        {
            UE_LOG(LogStrut, Log, TEXT("the server is about to go; another one will be asked"));
        }
    }

    virtual void on_character_error(std::uint64_t, const strut::Error& Error) noexcept override
    {
        Subsystem.Say(TEXT("a request was refused"), Error);
    }

private:
    UStrutSubsystem& Subsystem;
};

bool UStrutSubsystem::ShouldCreateSubsystem(UObject* Outer) const
{
    // Dedicated servers pose nobody: they replicate movement and controls, and their clients connect.
    return !IsRunningDedicatedServer() && Super::ShouldCreateSubsystem(Outer);
}

void UStrutSubsystem::Initialize(FSubsystemCollectionBase& Collection)
{
    Super::Initialize(Collection);
    Listener = MakeShared<FStrutListener>(*this);
    Token = FPlatformMisc::GetEnvironmentVariable(*GetDefault<UStrutSettings>()->TokenVariable);
    // After the time of the frame is known, before any actor ticks.
    TickHandle = FWorldDelegates::OnWorldPreActorTick.AddUObject(this, &UStrutSubsystem::OnWorldPreActorTick);
    Connect(GetDefault<UStrutSettings>()->Target);
}

void UStrutSubsystem::Deinitialize()
{
    FWorldDelegates::OnWorldPreActorTick.Remove(TickHandle);
    Disconnect();
    Super::Deinitialize();
}

void UStrutSubsystem::Connect(const FString& Target)
{
    Disconnect();
    const UStrutSettings& Settings = *GetDefault<UStrutSettings>();
    strut::ConnectionSettings Wanted;
    Wanted.max_characters = Settings.MaxCharacters;
    Wanted.transport.target = StrutControls::ToText(Target);
    // The contract allows 64 characters.
    Wanted.transport.client_name = StrutControls::ToText(FString(FApp::GetProjectName()).Left(64));
    Wanted.transport.encoding =
        Settings.bCompactFrames ? strut::FrameEncoding::quat48 : strut::FrameEncoding::float32;
    Wanted.transport.tls = Settings.bTls;
    if (!Token.IsEmpty())
    {
        Wanted.transport.metadata.emplace_back("authorization", "Bearer " + StrutControls::ToText(Token));
    }
    const FString& Roots = Settings.RootCertificates.FilePath;
    FString Pem;
    if (Settings.bTls && !Roots.IsEmpty() && !FFileHelper::LoadFileToString(Pem, *Roots))
    {
        UE_LOG(LogStrut, Error, TEXT("RootCertificates: %s cannot be read; not connected"), *Roots);
        return;
    }
    Wanted.transport.root_certificates = StrutControls::ToText(Pem);
    Client = MakeShared<strut::Client>(strut::make_grpc_transport(), Wanted, Listener.Get());
    for (const TWeakObjectPtr<UStrutMotionComponent>& Component : Components)
    {
        if (UStrutMotionComponent* Found = Component.Get())
        {
            Found->Join(*Client);
        }
    }
}

void UStrutSubsystem::Disconnect()
{
    for (const TWeakObjectPtr<UStrutMotionComponent>& Component : Components)
    {
        if (UStrutMotionComponent* Found = Component.Get())
        {
            Found->Forget();
        }
    }
    // Joins its threads.
    Client.Reset();
}

bool UStrutSubsystem::IsConnected() const
{
    return Client.IsValid() && Client->connection_state() == strut::ConnectionState::ready;
}

TArray<FString> UStrutSubsystem::GetContents() const
{
    TArray<FString> Names;
    if (Client.IsValid() && Client->server() != nullptr)
    {
        for (const strut::ContentInfo& Content : Client->server()->contents)
        {
            Names.Add(UTF8_TO_TCHAR(Content.name.c_str()));
        }
    }
    return Names;
}

TArray<FString> UStrutSubsystem::GetStyles() const
{
    TArray<FString> Names;
    if (Client.IsValid() && Client->server() != nullptr)
    {
        for (const std::string& Style : Client->server()->styles)
        {
            Names.Add(UTF8_TO_TCHAR(Style.c_str()));
        }
    }
    return Names;
}

TArray<FStrutStage> UStrutSubsystem::GetLatency() const
{
    TArray<FStrutStage> Stages;
    if (Client.IsValid())
    {
        for (const strut::StageSummary& Summary : strut::stage_summaries(Client->statistics()))
        {
            FStrutStage& Stage = Stages.AddDefaulted_GetRef();
            Stage.Name = UTF8_TO_TCHAR(Summary.name);
            Stage.Median = static_cast<float>(Summary.p50);
            Stage.Percentile99 = static_cast<float>(Summary.p99);
            Stage.Most = static_cast<float>(Summary.most);
        }
    }
    return Stages;
}

float UStrutSubsystem::GetLateShare() const
{
    if (!Client.IsValid() || Client->statistics().frames == 0)
    {
        return 0.f;
    }
    const strut::Statistics& All = Client->statistics();
    return static_cast<float>(static_cast<double>(All.late_frames) / static_cast<double>(All.frames));
}

void UStrutSubsystem::ResetStatistics()
{
    if (Client.IsValid())
    {
        Client->reset_statistics();
    }
}

void UStrutSubsystem::SetToken(const FString& NewToken)
{
    Token = NewToken;
}

void UStrutSubsystem::Register(UStrutMotionComponent& Component)
{
    Components.Add(&Component);
    if (Client.IsValid())
    {
        Component.Join(*Client);
    }
}

void UStrutSubsystem::Unregister(UStrutMotionComponent& Component)
{
    Component.Forget();
    Components.RemoveAllSwap([&Component](const TWeakObjectPtr<UStrutMotionComponent>& Entry)
                             { return !Entry.IsValid() || Entry.Get() == &Component; });
}

void UStrutSubsystem::OnWorldPreActorTick(UWorld* World, ELevelTick, float DeltaSeconds)
{
    if (!Client.IsValid() || World == nullptr || World != GetGameInstance()->GetWorld() ||
        StrutConsole::Enabled.GetValueOnGameThread() == 0)
    {
        return;
    }
    SCOPE_CYCLE_COUNTER(STAT_StrutUpdate);
    const bool bPaused = World->IsPaused();
    const AWorldSettings* Rules = World->GetWorldSettings();
    const double Scale = bPaused ? 0.0 : Rules != nullptr ? Rules->GetEffectiveTimeDilation() : 1.0;
    Client->update(FPlatformTime::Seconds(), bPaused ? 0.0 : DeltaSeconds, Scale);
    StrutStats::Publish(*Client);
}

void UStrutSubsystem::Say(const TCHAR* What, const strut::Error& Error)
{
    // Once for each reason, not once a request.
    const FString Text = FString::Printf(TEXT("%s: %s %s"), What, UTF8_TO_TCHAR(Error.reason.c_str()),
                                         UTF8_TO_TCHAR(Error.message.c_str()));
    if (Text != LastSaid)
    {
        LastSaid = Text;
        UE_LOG(LogStrut, Warning, TEXT("%s"), *Text);
    }
}
