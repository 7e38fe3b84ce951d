"""Which of the waiting works go into the next batch, and with how many network evaluations.

- As long as everything that waits can be made well in time, works go by earliest deadline. In time is what is done
  within a target after its arrival, and within half of what is left until its deadline.
- Where that gets tight, works whose clients allow it are made with fewer evaluations: as few steps down as it takes.
- Where not even that is enough, the streams share the network fairly (start-time fair queueing, charged with what a
  window costs): one that floods waits for itself. Within a stream, what cannot all be in time is chosen by priority
  (Moore and Hodgson's rule: go by deadline, and whenever one would be late, put off the least important so far).

A batch takes at most `max_seconds`, so that what comes while it runs need not wait for long.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from strut_server.clock import NANOSECONDS
from strut_server.costs import Costs

LEAST_BATCH = 16
HEADROOM = 0.5
"""Share of its time after which a work should be done. What things will cost is a guess: beyond this share, steps are
saved, and streams are protected from one another."""


class Schedulable(Protocol):
    """What scheduling needs to know of a piece of work."""

    @property
    def owner(self) -> Hashable:
        """Who shares fairly with whom: a stream."""
        ...

    @property
    def group(self) -> Hashable:
        """Work of different groups cannot share a batch: the model."""
        ...

    @property
    def step_choices(self) -> Sequence[int]:
        """Network evaluations that are allowed, the wanted number first, then descending."""
        ...

    @property
    def received_ns(self) -> int:
        """Stamp of its arrival."""
        ...

    @property
    def deadline_ns(self) -> int:
        """Stamp after which the work is of no use."""
        ...

    @property
    def priority(self) -> int:
        """0 matters most."""
        ...


Work = TypeVar("Work", bound=Schedulable)


@dataclass(frozen=True)
class Choice(Generic[Work]):
    """The next batch: works of one group, and the evaluations that all of them get."""

    works: list[Work]
    steps: int


class Scheduler:
    """Chooses batches. Not thread-safe: the queue locks.

    Args:
        costs: what evaluations cost; its `max_batch` is the most windows in a batch.
        max_seconds: longest that a batch should take, where it holds more than ``least`` windows.
        least: size that a batch may have however long it takes. Small batches waste what a slow machine has not got.
        target_seconds: longest that works should take from their arrival, whatever their deadlines: what saves steps
            early, and protects streams from one another, before anything is late.
        parallel: batches that are made at the same time.
    """

    def __init__(
        self,
        costs: Costs,
        max_seconds: float,
        least: int = LEAST_BATCH,
        target_seconds: float = math.inf,
        parallel: int = 1,
    ) -> None:
        self.costs = costs
        self._parallel = parallel
        self._least = least
        self._target_seconds = target_seconds
        self._max_seconds = max_seconds
        self._spent: dict[Hashable, float] = {}
        self._virtual = 0.0

    @property
    def max_batch(self) -> int:
        """Most windows in a batch."""
        return self.costs.max_batch

    def choose(self, works: Sequence[Work], now_ns: int) -> Choice[Work]:
        """The next batch out of the works that wait, of which there is one at least; none of them is late."""
        ordered = sorted(works, key=lambda work: work.deadline_ns)
        level, overloaded = self._relief(ordered, now_ns)
        if overloaded:
            return self._share(ordered, level, now_ns)
        self._spent.clear()
        self._virtual = 0.0
        first = ordered[0]
        steps = steps_at(first, level)
        limit = self._limit(steps)
        alike = [work for work in ordered if work.group == first.group and steps_at(work, level) == steps]
        return Choice(alike[:limit], steps)

    def _relief(self, ordered: Sequence[Work], now_ns: int) -> tuple[int, bool]:
        """By how many choices to go down with the steps, and whether works may be late all the same."""
        allowed = np.array([self._allowed(work, now_ns) for work in ordered])
        count = len(ordered)
        numbers = {number for work in ordered for number in work.step_choices}
        each = {number: self.costs.window_seconds(count, number) for number in numbers}
        deepest = max(len(work.step_choices) for work in ordered) - 1
        for level in range(deepest + 1):
            steps = [steps_at(work, level) for work in ordered]
            # A window is there when its whole batch is.
            size = self._limit(steps[0])
            first = np.arange(count) // size * size
            behind = np.minimum(first + size, count)
            total = np.concatenate(([0.0], np.cumsum([each[number] for number in steps])))
            # Batches begin one after the other, as threads come free, and each takes its whole time.
            ends = total[first] / self._parallel + (total[behind] - total[first])
            if (ends <= allowed).all():
                return level, False
        return deepest, True

    def _allowed(self, work: Work, now_ns: int) -> float:
        """Seconds from now in which a work should be done."""
        until_target = self._target_seconds - (now_ns - work.received_ns) / NANOSECONDS
        return min(HEADROOM * (work.deadline_ns - now_ns) / NANOSECONDS, until_target)

    def _limit(self, steps: int) -> int:
        return min(max(self.costs.largest_batch(steps, self._max_seconds), self._least), self.max_batch)

    def _share(self, ordered: Sequence[Work], level: int, now_ns: int) -> Choice[Work]:
        """Fair shares of a batch to the owners, to each by importance."""
        by_owner: dict[Hashable, list[Work]] = defaultdict(list)
        for work in ordered:
            by_owner[work.owner].append(work)
        shares = len(by_owner)
        count = len(ordered)

        def cost(work: Work) -> float:
            return self.costs.window_seconds(count, steps_at(work, level)) / self._parallel

        lines = {
            owner: deque(by_importance(own, [cost(work) * shares for work in own], now_ns))
            for owner, own in by_owner.items()
        }
        # The place in the order of arrival breaks ties: owners need not be comparable.
        turns = [
            (max(self._spent.get(owner, 0.0), self._virtual), place, owner) for place, owner in enumerate(by_owner)
        ]
        heapq.heapify(turns)
        chosen: list[Work] = []
        steps, limit = 0, 1
        while turns and len(chosen) < limit:
            spent, place, owner = heapq.heappop(turns)
            line = lines[owner]
            work = line.popleft()
            if not chosen:
                steps = steps_at(work, level)
                limit = self._limit(steps)
            if not chosen or (work.group == chosen[0].group and steps_at(work, level) == steps):
                chosen.append(work)
                self._virtual = spent
                spent += cost(work)
                self._spent[owner] = spent
            if line:
                heapq.heappush(turns, (spent, place, owner))
        self._spent = {owner: spent for owner, spent in self._spent.items() if spent > self._virtual}
        return Choice(chosen, steps)


def steps_at(work: Schedulable, level: int) -> int:
    """A work's evaluations when it goes down by ``level`` choices."""
    choices = work.step_choices
    return choices[min(level, len(choices) - 1)]


def by_importance(ordered: Sequence[Work], seconds: Sequence[float], now_ns: int) -> list[Work]:
    """Works of one owner in the order in which to make them: first those that will be in time, by deadline, then those
    that were put off, by priority.

    Args:
        ordered: by deadline.
        seconds: what each will take.
        now_ns: when the first one begins.
    """
    time = 0.0
    heap: list[tuple[int, int]] = []
    put_off: list[int] = []
    for index, work in enumerate(ordered):
        heapq.heappush(heap, (-work.priority, -index))
        time += seconds[index]
        if time > (work.deadline_ns - now_ns) / NANOSECONDS:
            _, worst = heapq.heappop(heap)
            put_off.append(-worst)
            time -= seconds[-worst]
    kept = sorted(-index for _, index in heap)
    put_off.sort(key=lambda index: (ordered[index].priority, index))
    return [ordered[index] for index in (*kept, *put_off)]
