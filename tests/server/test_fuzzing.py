"""A server under hostile messages answers them, and everybody else."""

from __future__ import annotations

import asyncio
import json
import random
import time
from pathlib import Path

from google.protobuf.message import DecodeError
from tests.server.messages import Stream, request
from tests.server.processes import ServerProcess

from strut_proto.v1 import motion_service_pb2
from strut_server.bench import hostile
from strut_server.bench.fuzzing import fuzz
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


def test_hostile_messages_are_answered_and_leave_the_server_serving_others(bundle_path: Path) -> None:
    # A process of its own: gRPC's asyncio client and server do not share one between two event loops.
    with ServerProcess("--port", "0", "--bundle", str(bundle_path)) as running:
        found = asyncio.run(fuzz(running.address, MESSAGES, SEED, lambda: None))
        assert found.faults == []
        assert found.attacked.errors == {}
        assert len(found.attacked.latencies_ms) > 10
        assert found.messages == MESSAGES
        written = json.loads(json.dumps(found.as_dict()))
        assert written["answers"] == dict(found.answers)
        assert written["attacked"]["windows"] == len(found.attacked.latencies_ms)
        for status in ("INVALID_ARGUMENT", "UNIMPLEMENTED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"):
            assert found.answers[status] > 0, found.answers
        with Stream(running.address) as stream:
            assert stream.window(request()).frames.count == 16


def test_who_sends_bad_messages_and_reads_no_answers_is_not_read_from(bundle_path: Path) -> None:
    """Else every answer would be kept for a client that never takes it."""
    count = 5000
    with local_server(ServerSettings(port=0, bundle=bundle_path)) as running, Stream(running.address) as stream:
        for _ in range(count):
            stream.send(motion_service_pb2.StreamMotionRequest())
        assert running._server is not None
        (served,) = running._server.runtime.streams.values()
        waiting = [0]
        for _ in range(40):
            time.sleep(0.05)
            waiting.append(len(served._messages))
        assert max(waiting) <= BACKLOG_MESSAGES
        # Once it reads, every message is answered after all.
        for _ in range(count):
            assert stream.receive().WhichOneof("message") == "error"
