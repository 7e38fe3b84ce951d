"""Checks the Unreal plugin's sources where there is no Unreal Engine: `python tests/unreal/plugin.py`.

- **Compiles** every source, and every header by itself, against declarations of the engine's types that were written
  for this (engine_declarations/), and against the core's real headers. Names, types and the core's interface are
  checked so; the engine's own headers, its header tool and the linker are not.
- **Lints** what the engine's header tool and its linker want: prefixes, GENERATED_BODY and where it stands, the
  module's API macro, `.generated.h` as the last include, UPROPERTY on everything that the garbage collector must see,
  and a dependency in Build.cs on every module whose headers are included.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGIN = ROOT / "unreal_client" / "StrutMotion"
CORE = ROOT / "unreal_client" / "core" / "include"
DECLARATIONS = Path(__file__).resolve().parent / "engine_declarations"

# Headers of the engine that the plugin includes, and the module that each belongs to.
ENGINE_HEADERS = {
    "AIController.h": "AIModule",
    "ActorFactories/ActorFactory.h": "UnrealEd",
    "AnimGraphNode_Base.h": "AnimGraph",
    "Animation/AnimInstanceProxy.h": "Engine",
    "Animation/AnimNodeBase.h": "Engine",
    "Animation/AnimRootMotionProvider.h": "Engine",
    "Animation/AttributesRuntime.h": "Engine",
    "Animation/BuiltInAttributeTypes.h": "Engine",
    "AssetRegistry/AssetData.h": "CoreUObject",
    "AssetTypeCategories.h": "AssetTools",
    "BoneContainer.h": "Engine",
    "Components/ActorComponent.h": "Engine",
    "Components/BrushComponent.h": "Engine",
    "Components/CapsuleComponent.h": "Engine",
    "Components/PoseableMeshComponent.h": "Engine",
    "Components/SkeletalMeshComponent.h": "Engine",
    "Components/TextRenderComponent.h": "Engine",
    "CoreMinimal.h": "Core",
    "Debug/DebugDrawService.h": "Engine",
    "Dom/JsonObject.h": "Json",
    "DrawDebugHelpers.h": "Engine",
    "Engine/Canvas.h": "Engine",
    "Engine/DataAsset.h": "Engine",
    "Engine/DeveloperSettings.h": "DeveloperSettings",
    "Engine/Engine.h": "Engine",
    "Engine/EngineBaseTypes.h": "Engine",
    "Engine/EngineTypes.h": "Engine",
    "Engine/GameInstance.h": "Engine",
    "Engine/SkeletalMesh.h": "Engine",
    "Engine/World.h": "Engine",
    "Factories/Factory.h": "UnrealEd",
    "GameFramework/Actor.h": "Engine",
    "GameFramework/Character.h": "Engine",
    "GameFramework/CharacterMovementComponent.h": "Engine",
    "GameFramework/PlayerController.h": "Engine",
    "GameFramework/RootMotionSource.h": "Engine",
    "GameFramework/Volume.h": "Engine",
    "GameFramework/WorldSettings.h": "Engine",
    "HAL/IConsoleManager.h": "Core",
    "HAL/PlatformMisc.h": "Core",
    "HAL/PlatformTime.h": "Core",
    "ILiveLinkClient.h": "LiveLinkInterface",
    "ILiveLinkSource.h": "LiveLinkInterface",
    "LiveLinkSourceFactory.h": "LiveLinkInterface",
    "Misc/App.h": "Core",
    "Misc/FileHelper.h": "Core",
    "Modules/ModuleManager.h": "Core",
    "Navigation/PathFollowingComponent.h": "AIModule",
    "NavigationData.h": "NavigationSystem",
    "Net/UnrealNetwork.h": "Engine",
    "ProfilingDebugging/CountersTrace.h": "Core",
    "ReferenceSkeleton.h": "Engine",
    "Roles/LiveLinkAnimationRole.h": "LiveLinkInterface",
    "Roles/LiveLinkAnimationTypes.h": "LiveLinkInterface",
    "Serialization/JsonReader.h": "Json",
    "Serialization/JsonSerializer.h": "Json",
    "Serialization/JsonWriter.h": "Json",
    "Stats/Stats.h": "Core",
    "Subsystems/GameInstanceSubsystem.h": "Engine",
}

WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wnon-virtual-dtor", "-Werror")
# Of the declarations: what is only declared is never defined.
SILENCED = (
    "-Wno-undefined-internal",
    "-Wno-unknown-warning-option",
    "-Wno-unused-private-field",
    "-Wno-undefined-inline",
)

TYPE = re.compile(
    r"^(?P<macro>UCLASS|USTRUCT|UENUM)\((?P<arguments>.*?)\)\s*\n"
    r"(?P<kind>class|struct|enum class)\s+(?:(?P<api>[A-Z]+_API)\s+)?(?P<name>\w+)\s*(?::\s*(?P<bases>[^{]*?))?\s*\{",
    re.MULTILINE | re.DOTALL,
)
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
OBJECT_MEMBER = re.compile(
    r"^    (?:TObjectPtr<\w+>|TArray<TObjectPtr<\w+>>|[UA][A-Z]\w+\s*\*)\s*\w+\s*(?:=[^;]*)?;", re.MULTILINE
)


@dataclass(frozen=True)
class Reflected:
    """A class, struct or enum that the header tool reads."""

    macro: str
    name: str
    api: str | None
    bases: tuple[str, ...]
    body: str
    line: int
    """Of its first line, from 1."""


def without_comments(text: str) -> str:
    """The text with comments blanked out; lines stay where they are."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())  # noqa: E731
    return re.sub(r"//[^\n]*|/\*.*?\*/", blank, text, flags=re.DOTALL)


def reflected(text: str) -> Iterator[Reflected]:
    """The types of a header that the header tool reads."""
    for match in TYPE.finditer(text):
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        bases = tuple(part.split()[-1] for part in (match["bases"] or "").split(",") if part.strip())
        yield Reflected(
            match["macro"],
            match["name"],
            match["api"],
            bases,
            text[match.end() : end],
            text.count("\n", 0, match.start()) + 1,
        )


def modules(plugin: Path) -> dict[str, Path]:
    """The plugin's modules with sources, by name."""
    return {
        folder.name: folder
        for folder in sorted((plugin / "Source").iterdir())
        if folder.is_dir() and (folder / f"{folder.name}.Build.cs").is_file()
    }


def sources(plugin: Path) -> list[Path]:
    """All headers and sources."""
    return sorted(
        path for folder in modules(plugin).values() for path in folder.rglob("*") if path.suffix in (".h", ".cpp")
    )


def prefix_of(kind: Reflected) -> str:
    """The letter that the name must begin with."""
    if kind.macro == "UENUM":
        return "E"
    if kind.macro == "USTRUCT":
        return "F"
    return "A" if kind.bases and kind.bases[0].startswith("A") else "U"


def lint_type(kind: Reflected, module: str) -> Iterator[str]:
    """What the header tool or the linker would object to in a type."""
    prefix = prefix_of(kind)
    if not re.match(rf"{prefix}[A-Z]", kind.name):
        yield f"{kind.name}: must begin with {prefix}"
    if kind.macro == "UENUM":
        return
    api = f"{module.upper()}_API"
    if kind.api != api:
        yield f"{kind.name}: has {kind.api or 'no API macro'}, it must have {api}"
    if not re.match(r"\s*GENERATED_BODY\(\)", kind.body):
        yield f"{kind.name}: GENERATED_BODY() must stand first in it"
    for base in kind.bases[1:]:
        if "::" in base or not re.match(r"I[A-Z]", base):
            yield f"{kind.name}: its base {base} is none that the header tool takes; only interfaces follow the first"
    if kind.macro == "UCLASS" and "public:" not in kind.body:
        yield f"{kind.name}: has no public part"
    lines = kind.body.split("\n")
    for match in OBJECT_MEMBER.finditer(kind.body):
        above = kind.body.count("\n", 0, match.start())
        if not lines[above - 1].strip().startswith("UPROPERTY("):
            yield f"{kind.name}: {match.group().strip()} must have UPROPERTY for the garbage collector"
    for index, line in enumerate(lines):
        found = re.match(r"    UPROPERTY\((.*)\)\s*$", line)
        if found and "Category" not in found[1] and ("Edit" in found[1] or "Blueprint" in found[1]):
            yield f"{kind.name}: {lines[index + 1].strip()} is shown and must have a Category"
        found = re.match(r"    UFUNCTION\((.*)\)\s*$", line)
        if found and "Category" not in found[1] and "Blueprint" in found[1]:
            yield f"{kind.name}: {lines[index + 1].strip()} is callable and must have a Category"


def lint_includes(path: Path, text: str, module: str, folder: Path, own: dict[str, str]) -> Iterator[str]:
    """Includes that are unknown, in the wrong place, or of modules that Build.cs does not name."""
    build = (folder / f"{folder.name}.Build.cs").read_text(encoding="utf-8")
    depends = set(re.findall(r'"(\w+)"', build))
    includes = INCLUDE.findall(text)
    generated = f"{path.stem}.generated.h"
    if path.suffix == ".h":
        if not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield "has no #pragma once"
        needs = any(True for _ in reflected(text))
        if needs and (not includes or includes[-1] != generated):
            yield f"its last include must be {generated}"
        if not needs and generated in includes:
            yield f"includes {generated} but has nothing for the header tool"
    for name in includes:
        if name.endswith(".generated.h"):
            continue
        if name.startswith("strut/"):
            owner = "StrutGrpc"
            if not (CORE / name).is_file():
                yield f"{name}: the core has no such header"
        elif name in own:
            owner = own[name]
        elif name in ENGINE_HEADERS:
            owner = ENGINE_HEADERS[name]
        else:
            yield f"{name}: is neither the plugin's nor known of the engine (ENGINE_HEADERS)"
            continue
        if owner != module and owner not in depends:
            yield f"{name}: is of the module {owner}, on which {folder.name}.Build.cs does not depend"


def lint(plugin: Path) -> list[str]:
    """What the engine's build would object to, as far as it shows in the text."""
    faults = []
    described = json.loads((plugin / f"{plugin.name}.uplugin").read_text(encoding="utf-8"))
    named = {module["Name"] for module in described["Modules"]}
    if named != set(modules(plugin)):
        faults.append(f"{plugin.name}.uplugin: names {sorted(named)}, there are {sorted(modules(plugin))}")
    own = {path.name: name for name, folder in modules(plugin).items() for path in folder.rglob("*.h")}
    for name, folder in modules(plugin).items():
        texts = {
            path: without_comments(path.read_text(encoding="utf-8"))
            for path in sorted(folder.rglob("*.[hc]*"))
            if path.suffix in (".h", ".cpp")
        }
        for path, text in texts.items():
            where = path.relative_to(plugin)
            for kind in reflected(text) if path.suffix == ".h" else ():
                faults += [f"{where}:{kind.line}: {fault}" for fault in lint_type(kind, name)]
            if path.suffix == ".cpp" and re.search(r"^(UCLASS|USTRUCT|UENUM)\(", text, re.MULTILINE):
                faults.append(f"{where}: the header tool reads headers alone")
            faults += [f"{where}: {fault}" for fault in lint_includes(path, text, name, folder, own)]
        implemented = sum(
            len(re.findall(rf"^IMPLEMENT_MODULE\(\w+, {name}\)", text, re.MULTILINE)) for text in texts.values()
        )
        if implemented != 1:
            faults.append(f"{name}: has {implemented} IMPLEMENT_MODULE, it must have one")
    return faults


def write_generated(plugin: Path, folder: Path) -> None:
    """Stands in for the header tool: a `.generated.h` for each header, and the engine's headers, all of which lead to
    the declarations."""
    for name in ENGINE_HEADERS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('#pragma once\n#include "declarations.h"\n', encoding="utf-8")
    for path in sources(plugin):
        if path.suffix != ".h":
            continue
        text = without_comments(path.read_text(encoding="utf-8"))
        lines = ["#pragma once", "#undef CURRENT_FILE_ID", f"#define CURRENT_FILE_ID {path.stem}"]
        for kind in reflected(text):
            if kind.macro == "UENUM":
                continue
            at = kind.line + text.split("\n")[kind.line - 1 :].index("    GENERATED_BODY()")
            body = f"using Super [[maybe_unused]] = {kind.bases[0]}; " if kind.bases else ""
            body += f"using ThisClass [[maybe_unused]] = {kind.name}; "
            body += (
                "static UClass* StaticClass(); private:"
                if kind.macro == "UCLASS"
                else "static UScriptStruct* StaticStruct(); public:"
            )
            lines.append(f"#define {path.stem}_{at}_GENERATED_BODY public: {body}")
        (folder / f"{path.stem}.generated.h").write_text("\n".join(lines) + "\n", encoding="utf-8")


def compile_all(plugin: Path, compiler: str) -> list[str]:
    """What the compiler says of each source and header, where it says anything."""
    faults = []
    with tempfile.TemporaryDirectory(prefix="strut-plugin-") as name:
        folder = Path(name)
        write_generated(plugin, folder)
        flags = ["-std=c++20", "-fsyntax-only", *WARNINGS]
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
        flags += SILENCED if "clang" in version else ()
        paths = {path.parent for path in sources(plugin)}
        flags += [f"-I{path}" for path in sorted(paths)] + [f"-I{CORE}", f"-isystem{folder}", f"-isystem{DECLARATIONS}"]
        for path in sources(plugin):
            unit = path
            if path.suffix == ".h":
                # By itself: it must bring what it needs, but for what the engine's shared header brings to all.
                unit = folder / "alone.cpp"
                unit.write_text(f'#include "CoreMinimal.h"\n#include "{path}"\n', encoding="utf-8")
            done = subprocess.run([compiler, *flags, str(unit)], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                faults.append(f"{path.relative_to(plugin)}:\n{done.stderr}")
    return faults


def main() -> int:
    """The command; returns its exit status."""
    faults = lint(PLUGIN) + compile_all(PLUGIN, "c++")
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(sources(PLUGIN))} files of the plugin, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
