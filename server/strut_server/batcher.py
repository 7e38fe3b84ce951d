"""The batcher: threads that take batches out of the queue, have their windows made, and hand the outcomes over."""

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

    Each thread makes one batch at a time. With two, the network evaluates one batch while the other is decoded and
    packed, and both cores of a small machine are used. A character is in one batch at a time.

    Args:
        queue: where the work waits.
        memory: of all characters; touched by these threads alone.
        costs: learns what evaluations cost.
        max_delay_seconds: longest wait for company.
        deliver: is called, on one of the batcher's threads, with the outcomes of a batch.
        threads: batches that are made at the same time.
    """

    def __init__(
        self,
        queue: WorkQueue[WindowWork],
        memory: WindowMemory,
        costs: Costs,
        max_delay_seconds: float,
        deliver: Callable[[Sequence[Outcome]], None],
        threads: int = 1,
    ) -> None:
        self._queue = queue
        self._memory = memory
        self._costs = costs
        self._max_delay_seconds = max_delay_seconds
        self._deliver = deliver
        self._released: deque[CharacterMemory] = deque()
        self._threads = [
            threading.Thread(target=self._run, name=f"strut-batcher-{number}", daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is in the queue and end the threads."""
        self._queue.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def forget(self, memories: Sequence[CharacterMemory]) -> None:
        """Free the memory of released characters, before the next batch. Thread-safe."""
        for memory in memories:
            memory.released = True
        self._released.extend(memories)

    def _run(self) -> None:
        while (batch := self._queue.take(self._max_delay_seconds)) is not None:
            self._forget_released()
            if batch.late:
                self._deliver(_late(batch))
            if batch.works:
                outcomes = self._make(batch)
                self._queue.finished([work.key for work in batch.works])
                self._deliver(outcomes)
                self._learn(batch.steps, outcomes)

    def _forget_released(self) -> None:
        while True:
            try:
                memory = self._released.popleft()
            except IndexError:
                return
            self._memory.forget(memory)

    def _make(self, batch: Batch[WindowWork]) -> list[Outcome]:
        try:
            maker = batch.works[0].maker
            outcomes = maker.make(batch.works, batch.steps, batch.opened_ns, batch.closed_ns)
        except Exception as fault:  # whatever goes wrong with one batch, the next one is served
            error = incident(f"a batch of {len(batch.works)} windows failed", fault)
            outcomes = [Outcome(work, error=error) for work in batch.works]
        # Another thread may have freed the memory of a character that was released meanwhile; nobody does again.
        for work in batch.works:
            if work.memory is not None and work.memory.released:
                self._memory.forget(work.memory)
        return outcomes

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
