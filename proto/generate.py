"""Generates the Python stubs of the contract into ``strut_proto``, or checks that they are current.

    python proto/generate.py            # writes proto/strut_proto
    python proto/generate.py --check    # exits with 1 and names the files that are stale

The stubs are checked in, so that nobody needs a compiler to install Strut. They come from the versions of grpcio-tools
and mypy-protobuf that the ``dev`` extra pins: other versions write other headers. The package ``strut.v1`` of the
protos becomes the import package ``strut_proto.v1``, so that Strut claims no top-level name besides its own.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import sysconfig
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent
THIRD_PARTY = ROOT / "third_party"
PACKAGE = ROOT / "strut_proto"
# What the compiler writes for `import "strut/v1/x.proto"`, in code (.py) and in type stubs (.pyi).
IMPORT = re.compile(r"^from strut\.(v\d+) import ", re.MULTILINE)

PACKAGE_DOC = '"""The contract\'s generated Python stubs; `proto/generate.py` writes them."""\n'


def proto_files(root: Path = ROOT) -> list[str]:
    """The contract's files relative to ``root``, in a stable order."""
    return sorted(path.relative_to(root).as_posix() for path in root.glob("strut/v*/*.proto"))


def compile_protos(arguments: list[str], root: Path = ROOT) -> None:
    """Runs the protobuf compiler over the whole contract.

    Raises:
        RuntimeError: the compiler refused a file; it has printed which and why.
    """
    includes = [f"-I{path}" for path in (root, THIRD_PARTY, resources.files("grpc_tools").joinpath("_proto"))]
    code = protoc.main(["protoc", *includes, *arguments, *proto_files(root)])
    if code != 0:
        raise RuntimeError(f"protoc ended with {code} for {' '.join(arguments)}; its message is above")


def descriptor_set(path: Path, root: Path = ROOT) -> None:
    """Writes the contract's FileDescriptorSet with comments and imports to ``path``: what lints read."""
    compile_protos([f"--descriptor_set_out={path}", "--include_source_info", "--include_imports"], root)


def plugin_path(name: str) -> Path:
    """A compiler plugin beside the running Python, whether or not its environment is activated.

    Raises:
        FileNotFoundError: mypy-protobuf is not installed there.
    """
    scripts = sysconfig.get_path("scripts")
    found = shutil.which(f"protoc-gen-{name}", path=scripts)
    if found is None:
        raise FileNotFoundError(f"protoc-gen-{name}: not in {scripts}, install mypy-protobuf (the dev extra has it)")
    return Path(found)


def generate(root: Path = ROOT) -> dict[str, str]:
    """Compiles the contract.

    Returns:
        The text of every generated file by its path relative to ``strut_proto``.
    """
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        outputs = ["python", "grpc_python", "mypy", "mypy_grpc"]
        plugins = [f"--plugin=protoc-gen-{name}={plugin_path(name)}" for name in outputs if name.startswith("mypy")]
        options = {"mypy": "quiet:", "mypy_grpc": "quiet:"}
        compile_protos([*plugins, *(f"--{name}_out={options.get(name, '')}{out}" for name in outputs)], root)
        files = {"__init__.py": PACKAGE_DOC, "py.typed": ""}
        for path in sorted((out / "strut").rglob("*.py*")):
            relative = path.relative_to(out / "strut").as_posix()
            if "_pb2_grpc." in relative and "_service_pb2_grpc." not in relative:
                continue  # a file without services has no stubs worth importing
            files[relative] = IMPORT.sub(r"from strut_proto.\1 import ", path.read_text(encoding="utf-8"))
        for version in sorted({name.split("/")[0] for name in files if "/" in name}):
            files[f"{version}/__init__.py"] = PACKAGE_DOC
    return files


def stale_files(files: dict[str, str], package: Path = PACKAGE) -> list[str]:
    """Names the files under ``package`` that differ from ``files``, are missing, or belong to no proto any more."""
    present = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    changed = {name for name in present & files.keys() if (package / name).read_text(encoding="utf-8") != files[name]}
    return sorted(changed | (present ^ files.keys()))


def write_files(files: dict[str, str], package: Path = PACKAGE) -> None:
    """Makes ``package`` hold exactly ``files``."""
    for name in stale_files(files, package):
        path = package / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8")
        else:
            path.unlink()


def main() -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Generate the Python stubs of proto/strut.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where the stubs are stale")
    files = generate()
    if not parser.parse_args().check:
        write_files(files)
        return 0
    stale = stale_files(files)
    for name in stale:
        print(f"stale: proto/strut_proto/{name}", file=sys.stderr)
    if stale:
        print("run `python proto/generate.py` with the versions that the dev extra pins", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
