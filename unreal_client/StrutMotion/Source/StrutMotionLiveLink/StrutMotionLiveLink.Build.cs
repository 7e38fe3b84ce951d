using UnrealBuildTool;

// Characters of a running game as Live Link subjects.
public class StrutMotionLiveLink : ModuleRules
{
    public StrutMotionLiveLink(ReadOnlyTargetRules Target) : base(Target)
    {
        PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
        PrivateDependencyModuleNames.AddRange(new[]
        {
            "Core", "CoreUObject", "Engine", "LiveLinkInterface", "StrutGrpc", "StrutMotion",
        });
    }
}
