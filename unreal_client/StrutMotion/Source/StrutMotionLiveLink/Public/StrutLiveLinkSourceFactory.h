// Live Link > Add Source > Strut.
#pragma once

#include "CoreMinimal.h"
#include "LiveLinkSourceFactory.h"

#include "StrutLiveLinkSourceFactory.generated.h"

/** Makes the characters of the running game Live Link subjects: the canonical skeleton's 22 joints, a frame each tick. */
UCLASS()
class STRUTMOTIONLIVELINK_API UStrutLiveLinkSourceFactory : public ULiveLinkSourceFactory
{
    GENERATED_BODY()

public:
    virtual FText GetSourceDisplayName() const override;
    virtual FText GetSourceTooltip() const override;
    virtual EMenuType GetMenuType() const override;
    virtual TSharedPtr<ILiveLinkSource> CreateSource(const FString& ConnectionString) const override;
};
