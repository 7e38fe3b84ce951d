// The animation graph's node.
#pragma once

#include "AnimGraphNode_Base.h"
#include "AnimNode_StrutMotion.h"
#include "CoreMinimal.h"

#include "AnimGraphNode_StrutMotion.generated.h"

UCLASS()
class STRUTMOTIONUNCOOKED_API UAnimGraphNode_StrutMotion : public UAnimGraphNode_Base
{
    GENERATED_BODY()

public:
    UPROPERTY(EditAnywhere, Category = "Settings")
    FAnimNode_StrutMotion Node;

    virtual FText GetNodeTitle(ENodeTitleType::Type TitleType) const override;
    virtual FText GetTooltipText() const override;
    virtual FText GetMenuCategory() const override;
    virtual FLinearColor GetNodeTitleColor() const override;
    virtual void GetOutputLinkAttributes(FNodeAttributeArray& OutAttributes) const override;
};
