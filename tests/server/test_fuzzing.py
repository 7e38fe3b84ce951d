"""A server under hostile messages answers them, and everybody else."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from google.protobuf.message import DecodeError
from tests.server.messages import Stream

from strut_proto.v1 import motion_service_pb2
from strut_server.bench import hostile
from strut_server.local import local_server
from strut_server.settings import ServerSettings
from strut_server.stream import BACKLOG_MESSAGES

MESSAGES = 300
SEED = 1


def test_the_same_seed_sends_the_same_and_another_one_something_else() -> None:
    kind = motion_service_pb2.GenerateWindowsRequest.DESCRIPTOR
    sent = [hostile.any_message(random.Random(seed), kind) for seed in (1, 1, 2)]
    assert sent[0] == sent[1] != sent[2]


def test_hostile_messages_hold_what_is_dangerous() -> None:
    """Without these the test below would prove nothing."""
    chance = random.Random(0)
    kind = motion_service_pb2.GenerateWindowsRequest.DESCRIPTOR
    sent = [hostile.any_message(chance, kind) for _ in range(200)]
    whole = []
    for data in sent:
        try:
            whole.append(motion_service_pb2.GenerateWindowsRequest.FromString(data))
        except DecodeError:
            continue
    assert 0.2 < len(whole) / len(sent) < 0.9
    text = "".join(str(message) for message in whole)
    for dangerous in ("nan", "inf", "18446744073709551615", "DROP TABLE", "etc/passwd"):
        assert dangerous in text
    assert max(map(len, sent)) > 100_000


def test_hostile_messages_are_answered_and_leave_the_server_serving_others(bundle_path: Path, tmp_path: Path) -> None:
    """The command's short form; whether windows were late is not asked, since that is the machine's doing too."""
    # A process of its own: gRPC's asyncio client leaves a mark on the process whose event loop has ended.
    command = ["-m", "strut_server.cli", "bench", "fuzz", "--bundle", str(bundle_path), "--out", str(tmp_path)]
    numbers = ["--messages", str(MESSAGES), "--seed", str(SEED)]
    done = subprocess.run([sys.executable, *command, *numbers], capture_output=True, text=True)
    assert (tmp_path / "fuzz.json").is_file(), done.stderr
    found = json.loads((tmp_path / "fuzz.json").read_text())
    assert found["faults"] == [], done.stderr
    # Nor does what hostile clients do fill the log with tracebacks, in which a fault would be overlooked.
    log = (tmp_path / "fuzz.log").read_text()
    assert "Traceback" not in log, log
    assert found["attacked"]["errors"] == {}
    assert found["attacked"]["windows"] > 10
    assert found["messages"] == MESSAGES
    for status in ("INVALID_ARGUMENT", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"):
        assert found["answers"][status] > 0, found["answers"]
    assert f"{MESSAGES} hostile messages, seed {SEED}" in done.stdout


def test_who_sends_bad_messages_and_reads_no_answers_is_not_read_from(bundle_path: Path) -> None:
    """Else every answer would be kept for a client that never takes it."""
    count = 5000
    with local_server(ServerSettings(port=0, bundle=bundle_path)) as running, Stream(running.address) as stream:
        for _ in range(count):
            stream.send(motion_service_pb2.StreamMotionRequest())
        assert running._server is not None
        give_up = time.monotonic() + 30
        while not running._server.runtime.streams and time.monotonic() < give_up:
            time.sleep(0.02)
        (served,) = running._server.runtime.streams.values()
        waiting = [0]
        for _ in range(40):
            time.sleep(0.05)
            waiting.append(len(served._messages))
        assert max(waiting) <= BACKLOG_MESSAGES
        # Once it reads, every message is answered after all.
        for _ in range(count):
            assert stream.receive().WhichOneof("message") == "error"
