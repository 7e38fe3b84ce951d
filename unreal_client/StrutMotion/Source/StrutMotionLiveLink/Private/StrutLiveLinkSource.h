// A source that hands on what the game's characters show. Game thread.
#pragma once

#include "CoreMinimal.h"
#include "ILiveLinkSource.h"

class UStrutMotionComponent;

class FStrutLiveLinkSource final : public ILiveLinkSource
{
public:
    virtual void ReceiveClient(ILiveLinkClient* InClient, FGuid InSourceGuid) override;
    virtual void Update() override;
    virtual bool IsSourceStillValid() const override;
    virtual bool RequestSourceShutdown() override;
    virtual FText GetSourceType() const override;
    virtual FText GetSourceMachineName() const override;
    virtual FText GetSourceStatus() const override;

private:
    void Push(const UStrutMotionComponent& Component);

    ILiveLinkClient* Client = nullptr;
    FGuid Guid;
    TSet<FName> Known;
};
