"""The bounded queue between the streams and the batcher thread.

Streams put work in from the event loop; the batcher takes batches out. At most one piece of work per character waits:
a newer one takes the place of the older, which is handed back to be answered as superseded. Batches go by earliest
deadline. What is late is handed back without costing an evaluation.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from strut_server.clock import NANOSECONDS, monotonic_ns


class Queued(Protocol):
    """What the queue needs to know of a piece of work."""

    queued_ns: int
    """Stamp of its coming into the queue, which the queue sets."""

    @property
    def key(self) -> Hashable:
        """Work of the same key supersedes; a character of a stream."""
        ...

    @property
    def steps(self) -> int:
        """Work of different steps cannot share an evaluation."""
        ...

    @property
    def deadline_ns(self) -> int:
        """Stamp after which the work is of no use."""
        ...


Work = TypeVar("Work", bound=Queued)


class QueueFullError(Exception):
    """The queue holds as much as it may."""


@dataclass
class Batch(Generic[Work]):
    """What the batcher takes out at once.

    Attributes:
        works: work of equal steps, earliest deadline first.
        late: work whose deadline has passed.
        opened_ns: when the batcher was free and began to collect.
        closed_ns: when the batch was complete.
    """

    works: list[Work] = field(default_factory=list)
    late: list[Work] = field(default_factory=list)
    opened_ns: int = 0
    closed_ns: int = 0


class WorkQueue(Generic[Work]):
    """A bounded earliest-deadline-first queue in which the newest work of a character wins. Thread-safe.

    Args:
        capacity: most works that wait.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._waiting: dict[Hashable, Work] = {}
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, works: Sequence[Work]) -> list[Work]:
        """Add works together, so that a batch may take them together.

        Returns:
            The works that these have superseded.

        Raises:
            QueueFullError: they do not fit; none was added.
        """
        now = monotonic_ns()
        with self._changed:
            added = sum(work.key not in self._waiting for work in works)
            if len(self._waiting) + added > self.capacity:
                raise QueueFullError
            replaced = []
            for work in works:
                older = self._waiting.pop(work.key, None)
                if older is not None:
                    replaced.append(older)
                work.queued_ns = now
                self._waiting[work.key] = work
            self._changed.notify_all()
        return replaced

    def discard(self, keys: Sequence[Hashable]) -> list[Work]:
        """Take the works of these keys out; returns those that were there."""
        with self._changed:
            return [work for key in keys if (work := self._waiting.pop(key, None)) is not None]

    def close(self) -> None:
        """Refuse to wait any longer: `take` gives what is left and then None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, max_batch: int, max_delay_seconds: float) -> Batch[Work] | None:
        """Wait for work and take a batch.

        Args:
            max_batch: most works in it.
            max_delay_seconds: longest wait for company, counted from when the oldest work was queued.

        Returns:
            The batch; None when the queue is closed and empty.
        """
        batch: Batch[Work] = Batch(opened_ns=monotonic_ns())
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait()
            batch.opened_ns = max(batch.opened_ns, min(work.queued_ns for work in self._waiting.values()))
            delay_ns = int(max_delay_seconds * NANOSECONDS)
            while self._waiting and len(self._waiting) < max_batch and not self._closed:
                remaining = self._patience(delay_ns) - monotonic_ns()
                if remaining <= 0:
                    break
                self._changed.wait(remaining / NANOSECONDS)
            self._fill(batch, max_batch)
        return batch

    def _patience(self, delay_ns: int) -> int:
        """The stamp until which to wait for company: no work waits longer than the delay, or half of its time."""
        return min(
            work.queued_ns + min(delay_ns, (work.deadline_ns - work.queued_ns) // 2) for work in self._waiting.values()
        )

    def _fill(self, batch: Batch[Work], max_batch: int) -> None:
        batch.closed_ns = monotonic_ns()
        ordered = sorted(self._waiting.values(), key=lambda work: work.deadline_ns)
        for work in ordered:
            if work.deadline_ns < batch.closed_ns:
                batch.late.append(work)
            elif not batch.works or (work.steps == batch.works[0].steps and len(batch.works) < max_batch):
                batch.works.append(work)
            else:
                continue
            del self._waiting[work.key]
