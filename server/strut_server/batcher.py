"""The batcher: one thread that takes batches out of the queue, has their windows made, and hands the outcomes over."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from strut_server import errors
from strut_server.clock import MILLISECOND, NANOSECONDS, BatchTimes
from strut_server.costs import Costs
from strut_server.memory import CharacterMemory, WindowMemory
from strut_server.queue import Batch, WorkQueue
from strut_server.windows import Outcome, WindowWork, incident

log = logging.getLogger(__name__)


class Batcher:
    """Runs the windows of all characters and streams.

    Args:
        queue: where the work waits.
        memory: of all characters; touched by this thread alone.
        costs: learns what evaluations cost.
        max_delay_seconds: longest wait for company.
        deliver: is called, on the batcher's thread, with the outcomes of a batch.
    """

    def __init__(
        self,
        queue: WorkQueue[WindowWork],
        memory: WindowMemory,
        costs: Costs,
        max_delay_seconds: float,
        deliver: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self._queue = queue
        self._memory = memory
        self._costs = costs
        self._max_delay_seconds = max_delay_seconds
        self._deliver = deliver
        self._released: deque[CharacterMemory] = deque()
        self._thread = threading.Thread(target=self._run, name="strut-batcher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is in the queue and end the thread."""
        self._queue.close()
        if self._thread.is_alive():
            self._thread.join()

    def forget(self, memories: Sequence[CharacterMemory]) -> None:
        """Free the memory of released characters, before the next batch. Thread-safe."""
        self._released.extend(memories)

    def _run(self) -> None:
        while (batch := self._queue.take(self._max_delay_seconds)) is not None:
            while self._released:
                self._memory.forget(self._released.popleft())
            if batch.late:
                self._deliver(_late(batch))
            if batch.works:
                outcomes = self._make(batch)
                self._deliver(outcomes)
                self._learn(batch.steps, outcomes)

    def _make(self, batch: Batch[WindowWork]) -> list[Outcome]:
        try:
            maker = batch.works[0].maker
            return maker.make(batch.works, batch.steps, batch.opened_ns, batch.closed_ns)
        except Exception as fault:  # whatever goes wrong with one batch, the next one is served
            error = incident(f"a batch of {len(batch.works)} windows failed", fault)
            return [Outcome(work, error=error) for work in batch.works]

    def _learn(self, steps: int, outcomes: Sequence[Outcome]) -> None:
        times = next((o.times for o in outcomes if o.times is not None and o.times.size), None)
        if times is not None:
            spent = times.featurise + times.inference + times.postprocess + times.serialise
            self._costs.observe(times.padded_size, steps, spent / NANOSECONDS)


def _late(batch: Batch[WindowWork]) -> list[Outcome]:
    times = BatchTimes(batch.opened_ns, batch.closed_ns)
    return [
        Outcome(
            work,
            error=errors.deadline_exceeded((batch.closed_ns - work.deadline_ns) / MILLISECOND),
            times=times,
        )
        for work in batch.late
    ]
