using UnrealBuildTool;

// The animation graph's node, which animation blueprints are compiled with.
public class StrutMotionUncooked : ModuleRules
{
    public StrutMotionUncooked(ReadOnlyTargetRules Target) : base(Target)
    {
        PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
        PrivateDependencyModuleNames.AddRange(new[]
        {
            "AnimGraph", "AnimGraphRuntime", "BlueprintGraph", "Core", "CoreUObject", "Engine", "StrutMotion",
        });
    }
}
