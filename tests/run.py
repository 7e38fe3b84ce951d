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
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-dev"
EXTRAS = "cpu,dev,smplx,train,video"
BINARIES = "Scripts" if os.name == "nt" else "bin"

CHECKS: dict[str, Callable[[], None]] = {}


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
def tests() -> None:
    """The test suite; last, so that its closing line closes the run."""
    run(tool("pytest"), "-q")


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
        except subprocess.CalledProcessError as error:
            print(f"=== {name} failed: exit status {error.returncode}", flush=True)
            failed.append(name)
        if name != "tests":
            print(f"=== {name}: {time.monotonic() - start:.0f} s", flush=True)
    if failed:
        print(f"failed checks: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
