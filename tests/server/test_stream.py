"""A stream whose client does not read: what is held for it is bounded, and in the end it is closed."""

from __future__ import annotations

import time
from pathlib import Path

import grpc
from grpc_status import rpc_status
from tests.server.messages import Stream, details, request

from strut_server.local import local_server
from strut_server.settings import ServerSettings

CHARACTERS = 100
WINDOW_BYTES = 8000
"""More than a reply with a window of 16 FLOAT32 frames takes."""
LIMIT = 65536


def test_who_does_not_read_is_held_little_for_and_closed(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, max_unread_bytes=LIMIT, unread_seconds=2.0)
    with local_server(settings) as running, Stream(running.address) as deaf:
        assert running._server is not None
        runtime = running._server.runtime
        while not runtime.streams:
            time.sleep(0.01)
        (served,) = runtime.streams.values()
        for sequence in range(1, 60):
            deaf.ask(*(request(character=n, sequence=sequence) for n in range(1, CHARACTERS + 1)))
            # At once, newer requests would take the place of older ones, and next to nothing would be there to read.
            time.sleep(0.02)
            waited = time.monotonic() + 5
            while served._pending and served._has_room() and time.monotonic() < waited:
                time.sleep(0.002)
        held = 0
        give_up = time.monotonic() + 60
        while runtime.streams and time.monotonic() < give_up:
            held = max(held, served._waiting_bytes + served._in_hand_bytes)
            time.sleep(0.002)
        # What had come in by then is still answered: a window for each character, and the message that was read.
        assert LIMIT < held <= LIMIT + 2 * CHARACTERS * WINDOW_BYTES
        assert not runtime.streams
        assert runtime.characters == 0
        # Nobody else has to do with it.
        with Stream(running.address) as other:
            assert other.window(request()).frames.count == 16
        # Once it reads after all, it is told why.
        ending = deaf.ending()
    status = rpc_status.from_call(ending)
    assert ending.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert status is not None
    assert details(status)[0] == "NOT_READ"
    assert "without being read" in status.message


def test_a_client_that_reads_slowly_gets_everything(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, max_unread_bytes=LIMIT, unread_seconds=10.0)
    rounds = 20
    with local_server(settings) as running, Stream(running.address) as slow:
        for sequence in range(1, rounds + 1):
            slow.ask(*(request(character=n, sequence=sequence) for n in range(1, CHARACTERS + 1)))
        answered = 0
        while answered < rounds * CHARACTERS:
            answered += len(slow.receive().replies.replies)
            time.sleep(0.01)
        assert slow.window(request(sequence=rounds + 1)).frames.count == 16
