#include "AnimGraphNode_StrutMotion.h"

#include "Animation/AnimRootMotionProvider.h"

#define LOCTEXT_NAMESPACE "StrutMotion"

FText UAnimGraphNode_StrutMotion::GetNodeTitle(ENodeTitleType::Type) const
{
    return LOCTEXT("Title", "Strut Motion");
}

FText UAnimGraphNode_StrutMotion::GetTooltipText() const
{
    return LOCTEXT("Tooltip", "Shows the motion that the Strut server streams to this actor's Strut Motion component.");
}

FText UAnimGraphNode_StrutMotion::GetMenuCategory() const
{
    return LOCTEXT("Category", "Animation|Strut");
}

FLinearColor UAnimGraphNode_StrutMotion::GetNodeTitleColor() const
{
    return FLinearColor(0.1f, 0.55f, 0.5f);
}

void UAnimGraphNode_StrutMotion::GetOutputLinkAttributes(FNodeAttributeArray& OutAttributes) const
{
    Super::GetOutputLinkAttributes(OutAttributes);
    OutAttributes.Add(UE::Anim::IAnimRootMotionProvider::AttributeName);
}

#undef LOCTEXT_NAMESPACE
