"""The bounded queue between the streams and the batcher thread.

Streams put work in from the event loop; the batcher's threads take batches out. At most one piece of work per character
waits: a newer one takes the place of the older, which is handed back to be answered as superseded. What is late is
handed back without costing an evaluation. Which works make a batch is the scheduler's to say. Work whose character is
in a batch that is not finished waits for that, since it usually goes on from there.
"""

from __future__ import annotations

import heapq
import threading
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from strut_server.clock import NANOSECONDS, monotonic_ns
from strut_server.scheduling import Schedulable, Scheduler


class Queued(Schedulable, Protocol):
    """What the queue needs to know of a piece of work."""

    queued_ns: int
    """Stamp of its coming into the queue, which the queue sets."""

    @property
    def key(self) -> Hashable:
        """Work of the same key supersedes; a character of a stream."""
        ...


Work = TypeVar("Work", bound=Queued)


@dataclass(frozen=True)
class Refused(Generic[Work]):
    """What did not stay in the queue.

    Attributes:
        superseded: works that newer ones of their characters replaced.
        crowded_out: works, old or new, for which there is no place.
    """

    superseded: list[Work]
    crowded_out: list[Work]


@dataclass
class Batch(Generic[Work]):
    """What the batcher takes out at once.

    Attributes:
        works: work of one group.
        steps: network evaluations that all of them get.
        late: work whose deadline has passed.
        opened_ns: when the batcher was free and began to collect.
        closed_ns: when the batch was complete.
    """

    works: list[Work] = field(default_factory=list)
    steps: int = 0
    late: list[Work] = field(default_factory=list)
    opened_ns: int = 0
    closed_ns: int = 0


class WorkQueue(Generic[Work]):
    """A bounded queue in which the newest work of a character wins. Thread-safe.

    Args:
        capacity: most works that wait.
        scheduler: chooses batches.

    Attributes:
        company: most works that may come to wait together, such as the number of characters; when so many are there,
            nobody is waited for. None where nobody knows.
    """

    def __init__(self, capacity: int, scheduler: Scheduler) -> None:
        self.capacity = capacity
        self.company: int | None = None
        self._scheduler = scheduler
        self._waiting: dict[Hashable, Work] = {}
        self._busy: set[Hashable] = set()  # keys of the batches that are being made
        self._changed = threading.Condition()
        self._turn = threading.Lock()  # one thread collects at a time: two would get half a batch each
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, works: Sequence[Work]) -> Refused[Work]:
        """Add works together, so that a batch may take them together.

        A full queue gives up works of the owner who has most of them there, the least important first: whoever floods
        the queue crowds out itself.
        """
        now = monotonic_ns()
        superseded = []
        with self._changed:
            for work in works:
                older = self._waiting.pop(work.key, None)
                if older is not None:
                    superseded.append(older)
                work.queued_ns = now
                self._waiting[work.key] = work
            crowded_out = self._give_up(len(self._waiting) - self.capacity)
            self._changed.notify_all()
        return Refused(superseded, crowded_out)

    def discard(self, keys: Sequence[Hashable]) -> list[Work]:
        """Take the works of these keys out; returns those that were there."""
        with self._changed:
            return [work for key in keys if (work := self._waiting.pop(key, None)) is not None]

    def close(self) -> None:
        """Refuse to wait any longer: `take` gives what is left and then None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, max_delay_seconds: float) -> Batch[Work] | None:
        """Wait for work and take a batch.

        Args:
            max_delay_seconds: longest wait for company, counted from when the oldest work was queued.

        Returns:
            The batch, which may hold late works alone; None when the queue is closed and empty.
        """
        batch: Batch[Work] = Batch(opened_ns=monotonic_ns())
        with self._turn, self._changed:
            while not (ready := self._ready()):
                if self._closed and not self._waiting:
                    return None
                self._changed.wait()
            batch.opened_ns = max(batch.opened_ns, min(work.queued_ns for work in ready))
            delay_ns = int(max_delay_seconds * NANOSECONDS)
            while ready and not self._closed and len(ready) < self._wanted():
                remaining = _patience(ready, delay_ns) - monotonic_ns()
                if remaining <= 0:
                    break
                self._changed.wait(remaining / NANOSECONDS)
                ready = self._ready()
            self._fill(batch, ready)
        return batch

    def finished(self, keys: Sequence[Hashable]) -> None:
        """Works of these keys that were taken are done: others of the same keys may be taken."""
        with self._changed:
            self._busy.difference_update(keys)
            self._changed.notify_all()

    def _ready(self) -> list[Work]:
        """Works that wait and may be taken."""
        if not self._busy:
            return list(self._waiting.values())
        return [work for key, work in self._waiting.items() if key not in self._busy]

    def _wanted(self) -> int:
        most = self._scheduler.max_batch
        return most if self.company is None else min(most, self.company - len(self._busy))

    def _fill(self, batch: Batch[Work], ready: list[Work]) -> None:
        batch.closed_ns = monotonic_ns()
        batch.late = [work for work in ready if work.deadline_ns < batch.closed_ns]
        for work in batch.late:
            del self._waiting[work.key]
        in_time = [work for work in ready if work.deadline_ns >= batch.closed_ns]
        if in_time:
            choice = self._scheduler.choose(in_time, batch.closed_ns)
            batch.works, batch.steps = choice.works, choice.steps
            for work in batch.works:
                del self._waiting[work.key]
            self._busy.update(work.key for work in batch.works)

    def _give_up(self, count: int) -> list[Work]:
        """Take out ``count`` works, always of the owner who has most."""
        given_up: list[Work] = []
        while len(given_up) < count:
            places = Counter(work.owner for work in self._waiting.values())
            (owner, most), *others = places.most_common(2)
            # As many at once as leave the owner the one with most.
            surplus = max(most - (others[0][1] if others else 0), 1)
            own = (work for work in self._waiting.values() if work.owner == owner)
            some = heapq.nlargest(
                min(surplus, count - len(given_up)), own, key=lambda work: (work.priority, work.deadline_ns)
            )
            for work in some:
                del self._waiting[work.key]
            given_up += some
        return given_up


def _patience(works: Sequence[Work], delay_ns: int) -> int:
    """The stamp until which to wait for company: no work waits longer than the delay, or half of its time."""
    return min(work.queued_ns + min(delay_ns, (work.deadline_ns - work.queued_ns) // 2) for work in works)
