using UnrealBuildTool;

// What a game uses: subsystem, component, animation node, rig maps.
public class StrutMotion : ModuleRules
{
    public StrutMotion(ReadOnlyTargetRules Target) : base(Target)
    {
        PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
        PublicDependencyModuleNames.AddRange(new[]
        {
            "AIModule", "AnimGraphRuntime", "Core", "CoreUObject", "DeveloperSettings", "Engine", "NavigationSystem",
        });
        PrivateDependencyModuleNames.AddRange(new[] { "Json", "NetCore", "TraceLog" });
        // The core, gRPC and protobuf: one library, in this module alone. Its headers name no type of gRPC's.
        PublicDependencyModuleNames.Add("StrutGrpc");
    }
}
