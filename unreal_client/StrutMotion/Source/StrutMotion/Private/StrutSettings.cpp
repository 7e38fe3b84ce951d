#include "StrutSettings.h"

UStrutSettings::UStrutSettings() = default;

FName UStrutSettings::GetCategoryName() const
{
    return FName(TEXT("Plugins"));
}
