// The latency overlay: strut.ShowLatency 1. Game thread.
#pragma once

#include "CoreMinimal.h"

class APlayerController;
class UCanvas;

class FStrutOverlay
{
public:
    void Start();
    void Stop();

private:
    static void Draw(UCanvas* Canvas, APlayerController* Player);

    FDelegateHandle Handle;
};
