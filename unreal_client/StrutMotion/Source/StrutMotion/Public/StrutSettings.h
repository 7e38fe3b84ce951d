// Project Settings > Plugins > Strut.
#pragma once

#include "CoreMinimal.h"
#include "Engine/DeveloperSettings.h"

#include "StrutSettings.generated.h"

/** How the game connects, and the rules for all characters. */
UCLASS(Config = Game, DefaultConfig, meta = (DisplayName = "Strut"))
class STRUTMOTION_API UStrutSettings : public UDeveloperSettings
{
    GENERATED_BODY()

public:
    UStrutSettings();

    /** Host and port of the server. */
    UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Connection")
    FString Target = TEXT("localhost:50051");

    /** Encrypt, and check the server's certificate. */
    UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Connection")
    bool bTls = false;

    /** PEM file of the authority that the certificate is checked against; empty for the system's. */
    UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Connection", meta = (EditCondition = "bTls"))
    FFilePath RootCertificates;

    /** Environment variable that holds the token, so that none is stored in the project. */
    UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Connection")
    FString TokenVariable = TEXT("STRUT_TOKEN");

    /** 48 bits a rotation: two fifths of the bytes, off by less than 0.02 degrees. */
    UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Connection")
    bool bCompactFrames = true;

    /** Most characters at a time. Memory is taken once. */
    UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Characters", meta = (ClampMin = "1", ClampMax = "65536"))
    int32 MaxCharacters = 512;

    /** Centimetres from the nearest viewer beyond which one network evaluation will do. */
    UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Characters", meta = (ClampMin = "0"))
    float FarDistance = 2500.f;

    /** Ask for nothing while a character is not rendered. */
    UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Characters")
    bool bCullUnseen = true;

    /** Seconds unseen after which nothing is asked for. */
    UPROPERTY(Config, EditAnywhere, BlueprintReadOnly, Category = "Characters", meta = (ClampMin = "0"))
    float UnseenTime = 0.5f;

    virtual FName GetCategoryName() const override;
};
