"""Installs everything into a virtual environment of its own and runs all checks.

    python3 tests/run.py                 all of them
    python3 tests/run.py lint types      some of them
    python3 tests/run.py --list          what there is

Needs nothing but Python (3.10 or later, with venv): it makes `.venv-dev` in the checkout and installs Strut there in
editable mode with every extra that the checks need. Checks on real motion capture run where the archives are found:
in the folder that the environment variable STRUT_MOTION_CAPTURE names, or in `../shared/data`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-dev"
EXTRAS = "bench,cluster,cpu,dev,postgresql,smplx,text,tracing,train,video"
BINARIES = "Scripts" if os.name == "nt" else "bin"

SHARE_OF_REAL = 0.8
"""Of the recognition of real clips, what the student must reach on the small sample: a broken bundle is far below."""

CHECKS: dict[str, Callable[[], None]] = {}


class CheckError(Exception):
    """A check that failed; the message says what was found and what is allowed."""


def check(function: Callable[[], None]) -> Callable[[], None]:
    """Registers a check under its function's name; the order of definition is the order of the run."""
    CHECKS[function.__name__] = function
    return function


def run(*command: str | Path, directory: Path = ROOT) -> None:
    """Runs a command with its output shown; a CalledProcessError fails the check."""
    print("$", *command, flush=True)
    subprocess.run([str(part) for part in command], cwd=directory, check=True, stdin=subprocess.DEVNULL)


def tool(name: str, environment: Path = ENVIRONMENT) -> Path:
    """The path of a command inside a virtual environment."""
    return environment / BINARIES / (f"{name}.exe" if os.name == "nt" else name)


def install() -> None:
    """Makes or refreshes the environment of the checks."""
    if not tool("python").exists():
        run(sys.executable, "-m", "venv", ENVIRONMENT)
    constraints = ROOT / "tests" / "constraints.txt"
    run(tool("python"), "-m", "pip", "install", "--quiet", "-c", constraints, "-e", f".[{EXTRAS}]")


def motion_capture() -> Path | None:
    """The folder with the archives of motion capture, or None where there is none."""
    folder = Path(os.environ.get("STRUT_MOTION_CAPTURE", ROOT.parent / "shared" / "data"))
    return folder if any(folder.glob("*.tar.xz")) else None


@check
def lint() -> None:
    """Style of the Python code: ruff's rules and format."""
    run(tool("ruff"), "check", ".")
    run(tool("ruff"), "format", "--check", ".")


@check
def types() -> None:
    """Static types: mypy."""
    run(tool("mypy"))


@check
def proto() -> None:
    """The contract's generated stubs are current; its lint is among the tests."""
    run(tool("python"), "proto/generate.py", "--check")


@check
def wheel() -> None:
    """The wheel installs in a fresh environment without PyTorch, and serves the README's example there."""
    with tempfile.TemporaryDirectory(prefix="strut-wheel-") as name:
        work = Path(name)
        environment = work / "venv"
        run(tool("python"), "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", work, ".")
        (built,) = work.glob("*.whl")
        run(sys.executable, "-m", "venv", environment)
        run(tool("python", environment), "-m", "pip", "install", "--quiet", f"{built}[cpu]")
        # Isolated (-I): nothing of the checkout is importable there but what the wheel brought.
        script, readme = ROOT / "tests" / "installed.py", ROOT / "README.md"
        run(tool("python", environment), "-I", script, readme, directory=work)


@check
def training() -> None:
    """The whole way at a tiny scale: weights, BVH, data set, encoder, teacher, student, bundle, motion."""
    strut, configs = tool("strut"), ROOT / "tests" / "configs"
    with tempfile.TemporaryDirectory(prefix="strut-training-") as name:
        work = Path(name)
        # Clips are the model's own, so that the check needs no motion capture.
        for style in ("normal", "youthful", "exhausted"):
            (work / "clips" / style).mkdir(parents=True)
            for content in ("walk", "run"):
                clip = work / "clips" / style / f"{content}_1.bvh"
                run(strut, "generate", "--style", style, "--content", content, "--seconds", "8", "--out", clip)
        pack, split = work / "pack", work / "split.json"
        run(strut, "data", "import", work / "clips", "--out", pack, "--quiet")
        run(strut, "data", "split", pack, "--out", split)
        data: tuple[str | Path, ...] = ("--data", pack, "--split", split, "--device", "cpu")
        encoder, teacher, student = (work / kind / f"{kind}.pt" for kind in ("encoder", "teacher", "student"))
        run(strut, "train", "encoder", *data, "--config", configs / "encoder.yaml", "--out", encoder.parent)
        run(
            strut, "train", "teacher", *data, "--config", configs / "teacher.yaml", "--encoder", encoder,
            "--out", teacher.parent,
        )  # fmt: skip
        run(
            strut, "distill", *data, "--config", configs / "student.yaml", "--encoder", encoder, "--teacher", teacher,
            "--out", student.parent,
        )  # fmt: skip
        bundle = work / "bundle"
        run(strut, "export", *data[:4], "--encoder", encoder, "--student", student, "--out", bundle)
        run(strut, "generate", "--bundle", bundle, "--style", "exhausted", "--seconds", "2", "--out", work / "new.bvh")


def held_out_sample(archive: Path, folder: Path) -> None:
    """Unpacks the clips of the split that evaluation starts from, and one in ten of those that trained."""
    split = json.loads((ROOT / "model" / "splits" / "bandai_namco.json").read_text(encoding="utf-8"))
    held_out = {clip for clip, rows in split.items() if any(row["set"] == "held_out" for row in rows)}
    wanted = held_out | set(sorted(split.keys() - held_out)[::10])
    folder.mkdir()
    with tarfile.open(archive) as files:
        for member in files:
            stored = files.extractfile(member) if Path(member.name).stem in wanted and member.isfile() else None
            if stored is not None:
                (folder / Path(member.name).name).write_bytes(stored.read())


@check
def quality() -> None:
    """The shipped bundle on a small sample of real clips, where the archive is at hand."""
    archives = motion_capture()
    if archives is None or not (archives / "bandai_namco.tar.xz").is_file():
        print("no bandai_namco.tar.xz in STRUT_MOTION_CAPTURE or ../shared/data: nothing to compare with")
        return
    strut = tool("strut")
    with tempfile.TemporaryDirectory(prefix="strut-quality-") as name:
        work = Path(name)
        held_out_sample(archives / "bandai_namco.tar.xz", work / "clips")
        run(strut, "data", "import", work / "clips", "--preset", "bandai-namco", "--out", work / "pack", "--quiet")
        run(
            strut, "eval", "--quick", "--data", work / "pack", "--subjects", "real,student_2", "--no-pictures",
            "--out", work / "report",
        )  # fmt: skip
        metrics = json.loads((work / "report" / "metrics.json").read_text(encoding="utf-8"))
    real, student = metrics["real"], metrics["student_2"]
    if student["nonfinite_windows"]["value"] != 0:
        raise CheckError(f"nonfinite_windows: {student['nonfinite_windows']['value']}, allowed: 0")
    for figure in ("style_accuracy", "content_accuracy"):
        least = SHARE_OF_REAL * real[figure]["value"]
        if not student[figure]["value"] >= least:
            raise CheckError(f"{figure}: {student[figure]['value']:.3f}, must be {least:.3f} or more")


@check
def speed() -> None:
    """The shipped bundle is whole; what windows cost, alone and served to many (a report, not a test)."""
    run(tool("strut"), "bench", "model", "--batch", "1,8,32", "--steps", "1,2,4", "--rounds", "10")
    load = ("--characters", "1,64,250", "--seconds", "3", "--rounds", "1", "--min-steps", "1")
    run(tool("strut"), "bench", "serve", *load)


@check
def unity() -> None:
    """The Unity package: generated code is current, its C# compiles, and streams from live servers."""
    run(tool("python"), "tests/unity/check.py", "--cache", ENVIRONMENT)


@check
def console() -> None:
    """The designer's console: types, unit tests, the page in the package is what its source builds, a real browser."""
    folder, page = ROOT / "console", ROOT / "server" / "strut_server" / "console" / "page"
    # npm's scripts look for node on the path.
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{tool('node').parent}{os.pathsep}{path}"
    try:
        run(tool("npm"), "ci", "--no-audit", "--no-fund", directory=folder)
        with tempfile.TemporaryDirectory(prefix="strut-console-") as name:
            run(tool("npm"), "run", "build", "--", "--outDir", name, "--emptyOutDir", directory=folder)
            run(tool("npm"), "test", directory=folder)
            built, kept = files_in(Path(name)), files_in(page)
    finally:
        os.environ["PATH"] = path
    stale = sorted(name for name in built.keys() | kept.keys() if built.get(name) != kept.get(name))
    if stale:
        raise CheckError(f"{page}: not what console/ builds: {', '.join(stale)}; run `npm run build` there")
    run(tool("pytest"), "-q", "-s", "tests/console")


def files_in(folder: Path) -> dict[str, bytes]:
    """The contents of a folder's files, by their names in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def clang_format_14() -> bool:
    """Whether there is the version whose format the C++ code has: others differ in details."""
    if shutil.which("clang-format") is None:
        return False
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=True).stdout
    return " 14." in version


def unscattered() -> tuple[str, ...]:
    """What starts a program without random addresses, where that is allowed: ThreadSanitizer of older compilers finds
    no room for itself where the kernel scatters them too widely."""
    command = ("setarch", "--addr-no-randomize")
    if shutil.which("setarch") is None or subprocess.run([*command, "true"], check=False).returncode != 0:
        return ()
    return command


@check
def unreal() -> None:
    """The Unreal client: the plugin compiles against declarations; the core is tested, also under the sanitizers."""
    lacking = [
        name
        for name in ("cmake", "ninja", "pkg-config", "protoc", "grpc_cpp_plugin", "c++")
        if shutil.which(name) is None
    ]
    if lacking:
        print(f"not installed: {', '.join(lacking)}; .ci/run names the Debian packages")
        return
    run(tool("python"), "tests/unreal/plugin.py")
    core = ROOT / "unreal_client" / "core"
    if clang_format_14():
        sources = sorted(path for path in core.glob("[ilst]*/**/*") if path.suffix in (".h", ".cpp"))
        run("clang-format", "--dry-run", "--Werror", *sources, directory=core)
    for preset in ("develop", "address", "thread"):
        run("cmake", "--preset", preset, directory=core)
        run("cmake", "--build", "--preset", preset, directory=core)
        # The simulated crowds have one thread, and take half a minute under ThreadSanitizer.
        start, left_out = (unscattered(), ("-tce=*crowd*,*400 characters*",)) if preset == "thread" else ((), ())
        run(*start, core / "build" / preset / "strut_tests", *left_out, directory=core)
    # Once against a real server with the sanitizers' eyes open.
    os.environ["STRUT_UNREAL_BUILD"] = str(core / "build" / "address")
    try:
        run(tool("pytest"), "-q", "tests/unreal", "-k", "own_events or options")
    finally:
        del os.environ["STRUT_UNREAL_BUILD"]


@check
def tests() -> None:
    """The test suite but for the console's; last, so that its closing line closes the run."""
    run(tool("pytest"), "-q", "--ignore=tests/console")


def main() -> int:
    parser = argparse.ArgumentParser(description="Installs everything and runs all checks.")
    parser.add_argument("names", nargs="*", metavar="CHECK", help="which checks to run (default: all)")
    parser.add_argument("--list", action="store_true", help="list the checks and exit")
    parser.add_argument("--no-install", action="store_true", help="use the environment as it is")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in CHECKS]
    if unknown:
        parser.error(f"no such check: {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    if arguments.list:
        for name, function in CHECKS.items():
            print(f"{name:10} {(function.__doc__ or '').splitlines()[0]}")
        return 0

    if not arguments.no_install:
        install()
    failed = []
    for name, function in CHECKS.items():
        if arguments.names and name not in arguments.names:
            continue
        print(f"\n=== {name}: {(function.__doc__ or '').splitlines()[0]}", flush=True)
        start = time.monotonic()
        try:
            function()
        except (CheckError, subprocess.CalledProcessError) as error:
            print(f"=== {name} failed: {error}", flush=True)
            failed.append(name)
        if name != "tests":
            print(f"=== {name}: {time.monotonic() - start:.0f} s", flush=True)
    if failed:
        print(f"failed checks: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
