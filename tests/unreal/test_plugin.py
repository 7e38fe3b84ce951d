"""The Unreal plugin's sources: they compile against the declarations, keep the header tool's rules, and the checks see
what is wrong."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unreal import plugin as checks

PLUGIN = checks.PLUGIN
PUBLIC = Path("Source/StrutMotion/Public")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the plugin to break."""
    folder = tmp_path / "StrutMotion"
    shutil.copytree(PLUGIN, folder, ignore=shutil.ignore_patterns("include", "lib", "build"))
    return folder


def change(path: Path, old: str, new: str) -> None:
    """Replaces what must be there once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_plugin_keeps_the_header_tools_rules() -> None:
    assert checks.lint(PLUGIN) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        (
            "StrutSettings.h",
            "class STRUTMOTION_API UStrutSettings",
            "class UStrutSettings",
            "must have STRUTMOTION_API",
        ),
        ("StrutSettings.h", "    GENERATED_BODY()\n", "", "GENERATED_BODY() must stand first"),
        (
            "StrutSettings.h",
            '#include "StrutSettings.generated.h"\n',
            '#include "StrutSettings.generated.h"\n#include "CoreMinimal.h"\n',
            "its last include must be StrutSettings.generated.h",
        ),
        ("StrutTypes.h", "enum class EStrutState", "enum class StrutState", "StrutState: must begin with E"),
        (
            "StrutMotionComponent.h",
            "    UPROPERTY(Transient)\n    TObjectPtr<UStrutSubsystem> Subsystem;",
            "    TObjectPtr<UStrutSubsystem> Subsystem;",
            "must have UPROPERTY",
        ),
        (
            "StrutSubsystem.h",
            ": public UGameInstanceSubsystem\n",
            ": public UGameInstanceSubsystem, public strut::ClientListener\n",
            "none that the header tool takes",
        ),
        ("StrutSpace.h", '#include "CoreMinimal.h"', '#include "Nowhere.h"', "Nowhere.h: is neither"),
        (
            "StrutSpace.h",
            '#include "CoreMinimal.h"',
            '#include "ILiveLinkClient.h"',
            "Build.cs does not depend",
        ),
        ("StrutSceneVolume.h", 'Category = "Strut")\n    int32', 'Meta = "")\n    int32', "must have a Category"),
    ],
)
def test_what_the_header_tool_would_refuse_is_named(copy: Path, file: str, old: str, new: str, fault: str) -> None:
    change(copy / PUBLIC / file, old, new)
    assert re.search(re.escape(fault), "\n".join(checks.lint(copy)))


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_a_call_that_the_core_has_not_does_not_compile(copy: Path) -> None:
    # Few files are left, so that it does not take long.
    for path in checks.sources(copy):
        if path.suffix == ".cpp" and path.name != "StrutSettings.cpp":
            path.unlink()
    for path in checks.sources(copy):
        if path.name not in ("StrutSettings.cpp", "StrutSettings.h", "StrutSpace.h"):
            path.unlink()
    assert checks.compile_all(copy, "c++") == []
    change(copy / PUBLIC / "StrutSpace.h", "strut::yaw_to_heading(Yaw)", "strut::yaw_to_headings(Yaw)")
    (fault,) = checks.compile_all(copy, "c++")
    assert "yaw_to_headings" in fault


def engine_for(folder: Path) -> Path:
    """The folders that the build script looks for in an engine."""
    target = "x86_64-unknown-linux-gnu"
    for name in (
        f"Extras/ThirdPartyNotUE/SDKs/HostLinux/Linux_x64/v22_clang-16/{target}",
        f"Source/ThirdParty/OpenSSL/1.1.1t/lib/Unix/{target}",
        "Source/ThirdParty/OpenSSL/1.1.1t/lib/Mac",
        "Source/ThirdParty/OpenSSL/1.1.1t/lib/Win64/VS2015",
        f"Source/ThirdParty/zlib/1.3/lib/Unix/{target}",
        "Source/ThirdParty/zlib/1.3/lib/Win64",
    ):
        (folder / "Engine" / name).mkdir(parents=True)
    return folder


def planned(platform: str, engine: Path) -> subprocess.CompletedProcess[str]:
    """What the build script would do."""
    script = PLUGIN / "Source" / "ThirdParty" / "StrutGrpc" / "build.py"
    command = [sys.executable, str(script), "--platform", platform, "--engine", str(engine), "--dry-run"]
    environment = {name: value for name, value in os.environ.items() if name != "LINUX_MULTIARCH_ROOT"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_the_libraries_are_built_with_the_engines_own_compiler_and_libraries(tmp_path: Path) -> None:
    engine = engine_for(tmp_path)
    linux, mac, windows = (planned(platform, engine) for platform in ("Linux", "Mac", "Win64"))
    for done in (linux, mac, windows):
        assert done.returncode == 0, done.stderr
        assert "-DgRPC_SSL_PROVIDER=package" in done.stdout
        assert f"{engine}/Engine/Source/ThirdParty/OpenSSL/1.1.1t/include" in done.stdout
    assert "v22_clang-16/x86_64-unknown-linux-gnu/bin/clang++" in linux.stdout
    assert "Unix/LibCxx/include/c++/v1" in linux.stdout
    # Only the core's symbols can be seen.
    assert "--keep-global-symbol=_ZN*5strut*" in linux.stdout
    assert "-exported_symbol,__ZN*5strut*" in mac.stdout
    assert "/OUT:" in windows.stdout


def test_what_the_engine_lacks_is_named(tmp_path: Path) -> None:
    done = planned("Linux", tmp_path)
    assert done.returncode == 1
    assert "no toolchain in" in done.stderr
