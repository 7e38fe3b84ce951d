using UnrealBuildTool;

// Making and checking rig maps.
public class StrutMotionEditor : ModuleRules
{
    public StrutMotionEditor(ReadOnlyTargetRules Target) : base(Target)
    {
        PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
        PrivateDependencyModuleNames.AddRange(new[]
        {
            "AssetTools", "Core", "CoreUObject", "Engine", "SlateCore", "StrutGrpc", "StrutMotion", "UnrealEd",
        });
    }
}
