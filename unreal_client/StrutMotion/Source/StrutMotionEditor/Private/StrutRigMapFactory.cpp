#include "StrutRigMapFactory.h"

#include "AssetTypeCategories.h"
#include "StrutRigMap.h"

#define LOCTEXT_NAMESPACE "StrutMotion"

UStrutRigMapFactory::UStrutRigMapFactory()
{
    SupportedClass = UStrutRigMap::StaticClass();
    bCreateNew = true;
    bEditAfterNew = true;
}

UObject* UStrutRigMapFactory::FactoryCreateNew(UClass* Class, UObject* Parent, FName Name, EObjectFlags Flags, UObject*,
                                               FFeedbackContext*)
{
    return NewObject<UStrutRigMap>(Parent, Class, Name, Flags);
}

uint32 UStrutRigMapFactory::GetMenuCategories() const
{
    return EAssetTypeCategories::Animation;
}

FText UStrutRigMapFactory::GetDisplayName() const
{
    return LOCTEXT("RigMap", "Strut Rig Map");
}

#undef LOCTEXT_NAMESPACE
