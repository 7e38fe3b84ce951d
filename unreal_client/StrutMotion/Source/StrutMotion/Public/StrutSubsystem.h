// The connection of a game process. Game thread.
#pragma once

#include "CoreMinimal.h"
#include "Engine/EngineBaseTypes.h"
#include "StrutTypes.h"
#include "Subsystems/GameInstanceSubsystem.h"

#include "strut/client.h"

#include "StrutSubsystem.generated.h"

class UStrutMotionComponent;

DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FStrutConnected, const FString&, ModelName);
DECLARE_DYNAMIC_MULTICAST_DELEGATE_OneParam(FStrutDisconnected, const FString&, Reason);

/** Owns the client: connects when the game begins, and again whenever the server was lost. Not on dedicated servers. */
UCLASS()
class STRUTMOTION_API UStrutSubsystem : public UGameInstanceSubsystem
{
    GENERATED_BODY()

public:
    virtual bool ShouldCreateSubsystem(UObject* Outer) const override;
    virtual void Initialize(FSubsystemCollectionBase& Collection) override;
    virtual void Deinitialize() override;

    /** Leaves the server and connects to another one; characters go on from the pose on screen. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void Connect(const FString& Target);

    /** Leaves the server; characters ease into standing. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void Disconnect();

    UFUNCTION(BlueprintPure, Category = "Strut")
    bool IsConnected() const;

    /** What characters may do, as the server lists it. */
    UFUNCTION(BlueprintPure, Category = "Strut")
    TArray<FString> GetContents() const;

    /** Styles that characters may have, as the server listed them when it was connected. */
    UFUNCTION(BlueprintPure, Category = "Strut")
    TArray<FString> GetStyles() const;

    /** Where windows spend their time, over all since the last reset. */
    UFUNCTION(BlueprintPure, Category = "Strut")
    TArray<FStrutStage> GetLatency() const;

    /** Share of the frames for which motion came too late. */
    UFUNCTION(BlueprintPure, Category = "Strut")
    float GetLateShare() const;

    UFUNCTION(BlueprintCallable, Category = "Strut")
    void ResetStatistics();

    /** A token in place of the environment's; takes effect with the next Connect. */
    UFUNCTION(BlueprintCallable, Category = "Strut")
    void SetToken(const FString& Token);

    UPROPERTY(BlueprintAssignable, Category = "Strut")
    FStrutConnected OnConnected;

    UPROPERTY(BlueprintAssignable, Category = "Strut")
    FStrutDisconnected OnDisconnected;

    /** The client; null between Disconnect and Connect. */
    strut::Client* GetClient() const { return Client.Get(); }
    const TArray<TWeakObjectPtr<UStrutMotionComponent>>& GetComponents() const { return Components; }

    void Register(UStrutMotionComponent& Component);
    void Unregister(UStrutMotionComponent& Component);

private:
    friend class FStrutListener;

    void OnWorldPreActorTick(UWorld* World, ELevelTick TickType, float DeltaSeconds);
    void Say(const TCHAR* What, const strut::Error& Error);

    TSharedPtr<class FStrutListener> Listener;
    TSharedPtr<strut::Client> Client;
    TArray<TWeakObjectPtr<UStrutMotionComponent>> Components;
    FDelegateHandle TickHandle;
    FString Token;
    FString LastSaid;
};
