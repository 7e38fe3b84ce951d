// Makes rig maps in the content browser.
#pragma once

#include "CoreMinimal.h"
#include "Factories/Factory.h"

#include "StrutRigMapFactory.generated.h"

/** Content browser > Add > Animation > Strut Rig Map. */
UCLASS()
class STRUTMOTIONEDITOR_API UStrutRigMapFactory : public UFactory
{
    GENERATED_BODY()

public:
    UStrutRigMapFactory();

    virtual UObject* FactoryCreateNew(UClass* Class, UObject* Parent, FName Name, EObjectFlags Flags, UObject* Context,
                                      FFeedbackContext* Warn) override;
    virtual uint32 GetMenuCategories() const override;
    virtual FText GetDisplayName() const override;
};
