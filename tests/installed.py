"""Run by the Python of a fresh environment into which the wheel was installed: does it serve, and without PyTorch?

    python -I tests/installed.py README.md

Starts `strut serve`, runs the README's Python example against it and writes a file with `strut generate`.
"""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

STRUT = Path(sys.executable).with_name("strut")


def example(readme: Path) -> str:
    """The README's first Python example."""
    found = re.search(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise SystemExit(f"{readme} has no Python example")
    return found[1]


def check_installation() -> None:
    """What is installed, and what is not."""
    package = resources.files("strut_model")
    print("strut_motion", metadata.version("strut-motion"), "in", package, flush=True)
    if "site-packages" not in str(package):
        raise SystemExit(f"strut_model is imported from {package}, not from the installed wheel")
    if importlib.util.find_spec("torch") is not None:
        raise SystemExit("PyTorch is installed here: this environment proves nothing")
    terms = [file for file in metadata.files("strut-motion") or [] if "licenses" in file.parts]
    if {file.name for file in terms} != {"LICENSE", "LICENSE.md", "NOTICE"}:
        raise SystemExit(f"licence files in the wheel: {', '.join(map(str, terms)) or 'none'}")


def check_without_text() -> None:
    """Scenes in words need an extra that is not installed here, and the command says which."""
    done = subprocess.run([STRUT, "scene", "describe", "a windy ridge"], capture_output=True, text=True)
    if done.returncode == 0 or "[text]" not in done.stderr:
        raise SystemExit(f"strut scene describe does not name its extra: {done.stdout}{done.stderr}")


def check_serving(program: str) -> None:
    """`strut serve` on a free port answers the example, and stops when it is told to."""
    server = subprocess.Popen([STRUT, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        ready = server.stdout.readline().strip()
        print(ready, flush=True)
        address = re.search(r"ready on (\S+:\d+)", ready)
        if address is None:
            raise SystemExit("strut serve did not get ready")
        asked = program.replace("localhost:50051", address[1])
        answer = subprocess.run([sys.executable, "-I", "-c", asked], check=True, capture_output=True, text=True).stdout
        print(answer, end="", flush=True)
        if len(answer.splitlines()) < 5:
            raise SystemExit("the example printed fewer than 5 windows")
        server.send_signal(signal.SIGTERM)
        if server.wait(30) != 0:
            raise SystemExit(f"strut serve ended with {server.returncode} after SIGTERM")
    finally:
        server.kill()


def main() -> None:
    check_installation()
    check_without_text()
    check_serving(example(Path(sys.argv[1])))
    subprocess.run([STRUT, "generate", "--style", "youthful", "--seconds", "2", "--out", "walk.glb"], check=True)
    print("served and generated without PyTorch")


if __name__ == "__main__":
    main()
