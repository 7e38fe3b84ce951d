using System.IO;
using UnrealBuildTool;

// The engine-free core with its transport, gRPC and protobuf as one static library, made by build.py beside this file.
// Everything but the core's own symbols is local to it, so that other plugins may bring a protobuf of their own.
public class StrutGrpc : ModuleRules
{
    public StrutGrpc(ReadOnlyTargetRules Target) : base(Target)
    {
        Type = ModuleType.External;

        PublicSystemIncludePaths.Add(Path.Combine(ModuleDirectory, "include"));
        string Folder = Path.Combine(ModuleDirectory, "lib", Target.Platform.ToString());
        bool bWindows = Target.Platform == UnrealTargetPlatform.Win64;
        string Library = Path.Combine(Folder, bWindows ? "strut.lib" : "libstrut.a");
        if (!File.Exists(Library))
        {
            throw new BuildException("{0} is missing; make it with {1}", Library,
                "python Source/ThirdParty/StrutGrpc/build.py --platform " + Target.Platform + " --engine <UE folder>");
        }

        PublicAdditionalLibraries.Add(Library);
        // gRPC is built against these very libraries: two OpenSSL in a process do not go well together.
        AddEngineThirdPartyPrivateStaticDependencies(Target, "OpenSSL", "zlib");
        if (bWindows)
        {
            PublicSystemLibraries.AddRange(new[] { "bcrypt.lib", "crypt32.lib", "dbghelp.lib", "ws2_32.lib" });
        }
        else if (Target.Platform == UnrealTargetPlatform.Mac)
        {
            PublicFrameworks.Add("CoreFoundation");
        }
    }
}
