"""Checks the Unity package where there is no Unity: `python tests/unity/check.py`.

.meta files and generated code are current; all assemblies compile, those with components against declarations of the
engine's types; the tests pass, with real servers on loopback. `--grpc nuget` takes the real gRPC packages instead of
the stand-ins, from the package source of the machine.

The .NET SDK is the machine's own (8 or later), else it is unpacked from ../shared/toolchain/dotnet.tar.xz into the
folder that --cache names. Where there is neither, this says so and ends well.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ARCHIVE = ROOT.parent / "shared" / "toolchain" / "dotnet.tar.xz"
OLDEST_SDK = 8


def run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    """Runs a command with its output shown; raises CalledProcessError when it fails."""
    print("$", *command, flush=True)
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True, env=environment, stdin=subprocess.DEVNULL)


def unpacked(cache: Path) -> Path | None:
    """The folder of the toolchain, unpacked where it was not yet; None where there is no archive."""
    folder = cache / "dotnet-toolchain"
    if not (folder / "dotnet" / "dotnet").exists():
        if not ARCHIVE.is_file():
            return None
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(folder)
    return folder


def own_sdk() -> str | None:
    """The machine's own dotnet, if it has an SDK that is new enough."""
    dotnet = shutil.which("dotnet")
    if dotnet is None:
        return None
    version = subprocess.run([dotnet, "--version"], capture_output=True, text=True, check=False).stdout
    major = version.partition(".")[0]
    return dotnet if major.isdigit() and int(major) >= OLDEST_SDK else None


def main() -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Check the Unity package's C# where there is no Unity.")
    parser.add_argument("--cache", type=Path, default=HERE / ".artifacts", help="where the toolchain is unpacked")
    parser.add_argument("--grpc", choices=["standin", "nuget"], default="standin", help="which gRPC packages")
    parser.add_argument("--filter", default="", help="run only these tests, as `dotnet test --filter` has it")
    arguments = parser.parse_args()

    run(sys.executable, HERE / "package_metas.py", "--check")
    toolchain = unpacked(arguments.cache)
    if toolchain is None:
        print(f"no {ARCHIVE}: whether the generated C# is current was not checked")
    else:
        run(sys.executable, ROOT / "proto" / "generate_csharp.py", "--toolchain", toolchain, "--check")

    dotnet = own_sdk()
    environment = {
        **os.environ,
        "DOTNET_CLI_HOME": str(arguments.cache),
        "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
        "DOTNET_NOLOGO": "1",
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
        "MSBUILDDISABLENODEREUSE": "1",
        "STRUT_PYTHON": sys.executable,
    }
    options = ["-c", "Release", f"-p:Grpc={arguments.grpc}"]
    if dotnet is None:
        if toolchain is None:
            print(f"no .NET SDK, and no {ARCHIVE}: the C# code was not compiled")
            return 0
        dotnet = str(toolchain / "dotnet" / "dotnet")
        environment["DOTNET_ROOT"] = str(toolchain / "dotnet")
    if toolchain is not None and arguments.grpc == "standin":
        options += [f"-p:RestoreSources={toolchain / 'nuget'}"]
    # The compiler's server would outlive the check.
    options += ["-p:UseSharedCompilation=false"]
    only = ["--filter", arguments.filter] if arguments.filter else []
    run(dotnet, "test", HERE / "Strut.Unity.sln", *options, *only, environment=environment)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode or 1)
