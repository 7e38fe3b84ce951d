"""The batcher: batches at the same time, a character in one of them at a time, nothing of the released remembered."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.server.messages import controls, request

from strut_model.bundle import Bundle, load_bundle
from strut_model.frames import FrameEncoding
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_server.batcher import Batcher
from strut_server.clock import NANOSECONDS, monotonic_ns
from strut_server.costs import Costs
from strut_server.memory import CharacterMemory, WindowMemory
from strut_server.queue import WorkQueue
from strut_server.scheduling import Scheduler
from strut_server.settings import ServerSettings
from strut_server.styles import BundleStyles
from strut_server.validation import RequestReader
from strut_server.windows import Outcome, WindowMaker, WindowWork

PATIENCE = 30.0


@pytest.fixture(scope="module")
def bundle(bundle_path: Path) -> Bundle:
    return load_bundle(bundle_path)


class Gated(OnnxEngine):
    """A network that says when it is entered and waits to be let on."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle)
        self.entered = threading.Semaphore(0)
        self.let_on = threading.Semaphore(0)

    def sample(self, conditions, noise, steps):  # type: ignore[no-untyped-def]
        self.entered.release()
        assert self.let_on.acquire(timeout=PATIENCE)
        return super().sample(conditions, noise, steps)


class Running:
    """A batcher of two threads, what it is given and what comes of it."""

    def __init__(self, bundle: Bundle) -> None:
        self.memory = WindowMemory(3)
        self.engine = Gated(bundle)
        self._maker = WindowMaker(bundle, MotionGenerator(bundle, self.engine), self.memory, 4)
        self._reader = RequestReader(bundle, BundleStyles(bundle), ServerSettings())
        costs = Costs(1)  # one window a batch
        self.queue: WorkQueue[WindowWork] = WorkQueue(16, Scheduler(costs, 3600.0, parallel=2))
        self.outcomes: list[Outcome] = []
        self._delivered = threading.Semaphore(0)
        self.batcher = Batcher(self.queue, self.memory, costs, 0.0, self._deliver, threads=2)
        self.batcher.start()

    def _deliver(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes += outcomes
        for _ in outcomes:
            self._delivered.release()

    def ask(self, character: int, memory: CharacterMemory, sequence: int = 1, continues: int | None = None) -> None:
        message = request(character=character, controls=controls())
        message.sequence = sequence
        if continues is not None:
            message.timeline.start_frame = 16 * continues
            message.timeline.continues_sequence = continues
        now = monotonic_ns()
        valid = replace(self._reader.read(message, FrameEncoding.FLOAT32, True), sequence=sequence)
        work = WindowWork(
            key=character,
            owner="a stream",
            maker=self._maker,
            request=valid,
            memory=memory,
            received_ns=now,
            deadline_ns=now + 600 * NANOSECONDS,
            done=lambda outcome: None,
        )
        self.queue.put([work])

    def entered(self) -> bool:
        return self.engine.entered.acquire(timeout=PATIENCE)

    def delivered(self, count: int) -> None:
        for _ in range(count):
            assert self._delivered.acquire(timeout=PATIENCE)


def test_two_batches_are_made_at_the_same_time(bundle: Bundle) -> None:
    running = Running(bundle)
    for character in (1, 2):
        running.ask(character, CharacterMemory())
    # Nobody has been let on yet: both are in the network at once.
    assert running.entered()
    assert running.entered()
    running.engine.let_on.release(2)
    running.delivered(2)
    assert all(outcome.window is not None for outcome in running.outcomes)
    running.batcher.stop()


def test_a_character_goes_on_from_its_window_that_is_being_made(bundle: Bundle) -> None:
    running, memory = Running(bundle), CharacterMemory()
    running.ask(1, memory)
    assert running.entered()
    running.ask(1, memory, sequence=2, continues=1)
    running.ask(2, CharacterMemory())
    assert running.entered()  # the other thread takes the other character, although the first one asked before it
    running.engine.let_on.release(3)
    running.delivered(3)
    assert [outcome.error for outcome in running.outcomes] == [None] * 3
    assert sorted(memory.windows) == [1, 2]
    running.batcher.stop()


def test_a_character_released_while_its_window_is_made_leaves_nothing_behind(bundle: Bundle) -> None:
    running, memory = Running(bundle), CharacterMemory()
    running.ask(1, memory)
    assert running.entered()
    running.batcher.forget([memory])
    other = CharacterMemory()
    running.ask(2, other)  # whoever makes this frees the memory of the first one
    assert running.entered()
    running.engine.let_on.release(2)
    running.delivered(2)
    assert running.memory.rows_used == len(other.windows) == 1
    running.batcher.stop()


def test_stopping_finishes_what_waits(bundle: Bundle) -> None:
    running = Running(bundle)
    running.engine.let_on.release(5)
    for character in range(5):
        running.ask(character, CharacterMemory())
    running.batcher.stop()
    assert len(running.outcomes) == 5
