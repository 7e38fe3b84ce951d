"""Generates the C# messages and stubs of the contract into the Unity package, or checks that they are current.

    python proto/generate_csharp.py --toolchain DIR            # writes unity_client/Runtime/Protocol/Generated
    python proto/generate_csharp.py --toolchain DIR --check    # exits with 1 and names the files that are stale

DIR holds ``bin/protoc``, ``bin/include`` and ``bin/grpc_csharp_plugin``; other versions than those that wrote the files
(protoc 35.1, Grpc.Tools 2.85.0) may write others. The stubs are the client's alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

# Beside this file; its functions know of files, not of languages.
from generate import ROOT, THIRD_PARTY, proto_files

OUTPUT = ROOT.parent / "unity_client" / "Runtime" / "Protocol" / "Generated"
# Status and the details of errors are part of the contract's replies.
ERROR_MODEL = ["google/rpc/error_details.proto", "google/rpc/status.proto"]


def generate(toolchain: Path) -> dict[str, str]:
    """Compiles the contract.

    Args:
        toolchain: folder whose ``bin`` holds the compiler and its plugin.

    Returns:
        The text of every generated file by its name.

    Raises:
        subprocess.CalledProcessError: the compiler refused a file; it has printed which and why.
        FileNotFoundError: the compiler or its plugin is not there.
    """
    tools = toolchain.resolve() / "bin"
    with tempfile.TemporaryDirectory() as name:
        includes = [f"-I{path}" for path in (THIRD_PARTY, ROOT, tools / "include")]
        outputs = [f"--csharp_out={name}", f"--grpc_out={name}", "--grpc_opt=no_server"]
        plugin = f"--plugin=protoc-gen-grpc={tools / 'grpc_csharp_plugin'}"
        command = [str(tools / "protoc"), *includes, plugin, *outputs, *proto_files(), *ERROR_MODEL]
        subprocess.run(command, check=True)
        texts = {path.name: path.read_text(encoding="utf-8-sig") for path in sorted(Path(name).glob("*.cs"))}
    # A file without services would be a file of comments alone.
    return {name: text.rstrip() + "\n" for name, text in texts.items() if "class " in text}


def stale_files(files: dict[str, str], folder: Path = OUTPUT) -> list[str]:
    """Names the C# files in ``folder`` that differ from ``files``, are missing, or belong to no proto any more."""
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.cs")}
    return sorted(name for name in present.keys() | files.keys() if present.get(name) != files.get(name))


def main() -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Generate the C# code of proto/strut for the Unity package.")
    parser.add_argument("--toolchain", type=Path, required=True, help="folder with bin/protoc and its plugin")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where the files are stale")
    arguments = parser.parse_args()
    files = generate(arguments.toolchain)
    stale = stale_files(files)
    if arguments.check:
        for name in stale:
            print(f"stale: {OUTPUT.relative_to(ROOT.parent) / name}", file=sys.stderr)
        return 1 if stale else 0
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in files:
            (OUTPUT / name).write_text(files[name], encoding="utf-8", newline="\n")
        else:
            (OUTPUT / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
