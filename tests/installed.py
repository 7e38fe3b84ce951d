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
import urllib.request
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


def check_texts_are_refused(address: str) -> None:
    """The same of a server: what tests/server can only test where the extra is not installed."""
    import grpc

    from strut_proto.v1 import (
        controls_pb2,
        motion_service_pb2,
        motion_service_pb2_grpc,
        scene_service_pb2,
        scene_service_pb2_grpc,
    )

    wanted = b"CAPABILITY_SCENE_TEXT"
    with grpc.insecure_channel(address) as channel:
        try:
            request = scene_service_pb2.EncodeSceneRequest(text="a windy ridge")
            answer = scene_service_pb2_grpc.SceneServiceStub(channel).EncodeScene(request, timeout=30)
            raise SystemExit(f"EncodeScene reads a text without the extra: {answer}")
        except grpc.RpcError as error:
            said = b"".join(
                bytes(m.value) for m in error.trailing_metadata() or () if m.key == "grpc-status-details-bin"
            )
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED or wanted not in said:
                raise SystemExit(f"EncodeScene does not name its capability: {error.code()} {said!r}") from None
        window = motion_service_pb2.WindowRequest(
            character=1, sequence=1, controls=controls_pb2.Controls(scene=controls_pb2.SceneControl(text="a swamp"))
        )
        window.timeline.cold_start.SetInParent()
        stub = motion_service_pb2_grpc.MotionServiceStub(channel)
        replies = stub.GenerateWindows(motion_service_pb2.GenerateWindowsRequest(requests=[window]), timeout=30).replies
        if replies[0].WhichOneof("result") != "error" or wanted not in replies[0].error.SerializeToString():
            raise SystemExit(f"a window with a scene in words does not name its capability: {replies[0]}")


def check_console(line: str) -> None:
    """The console's page came with the wheel, with all that it loads."""
    found = re.search(r"console at (http://\S+:\d+/)", line)
    if found is None:
        raise SystemExit(f"strut serve --console names no console: {line}")
    with urllib.request.urlopen(found[1], timeout=30) as response:
        page = response.read().decode()
    parts = re.findall(r'"/(assets/[^"]+)"', page)
    if not parts:
        raise SystemExit("the console's page loads nothing")
    for part in parts:
        with urllib.request.urlopen(found[1] + part, timeout=30) as response:
            print(part, len(response.read()), "bytes", flush=True)


def check_serving(program: str) -> None:
    """`strut serve` on a free port answers the example, and stops when it is told to."""
    server = subprocess.Popen([STRUT, "serve", "--port", "0", "--console-port", "0"], stdout=subprocess.PIPE, text=True)
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
        check_texts_are_refused(address[1])
        check_console(server.stdout.readline())
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
