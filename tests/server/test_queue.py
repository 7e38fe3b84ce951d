"""The queue: newest of a character wins, earliest deadline first, nothing late is evaluated."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import pytest

from strut_server.clock import MILLISECOND, monotonic_ns
from strut_server.queue import QueueFullError, WorkQueue

FAR = 60_000


@dataclass
class Work:
    key: str
    steps: int = 2
    deadline_ns: int = 0
    queued_ns: int = 0


def work(key: str, deadline_ms: float = FAR, steps: int = 2) -> Work:
    return Work(key, steps, monotonic_ns() + int(deadline_ms * MILLISECOND))


def keys(works: list[Work]) -> list[str]:
    return [one.key for one in works]


def taken(queue: WorkQueue[Work], max_batch: int = 16) -> list[str]:
    batch = queue.take(max_batch, 0.0)
    assert batch is not None
    return keys(batch.works)


def test_a_batch_goes_by_earliest_deadline() -> None:
    queue: WorkQueue[Work] = WorkQueue(10)
    queue.put([work("late", 50_000), work("soon", 10_000), work("between", 20_000)])
    assert taken(queue, 2) == ["soon", "between"]
    assert taken(queue) == ["late"]


def test_newer_work_of_a_key_hands_the_older_back() -> None:
    queue: WorkQueue[Work] = WorkQueue(10)
    older, newer = work("a"), work("a")
    assert queue.put([older, work("b")]) == []
    assert queue.put([newer]) == [older]
    batch = queue.take(16, 0.0)
    assert batch is not None
    assert {id(one) for one in batch.works} & {id(older), id(newer)} == {id(newer)}


def test_work_of_different_steps_does_not_share_a_batch() -> None:
    queue: WorkQueue[Work] = WorkQueue(10)
    queue.put([work("a", 10_000, steps=1), work("b", 11_000, steps=4), work("c", 12_000, steps=1)])
    assert taken(queue) == ["a", "c"]
    assert taken(queue) == ["b"]


def test_late_work_is_handed_back_apart() -> None:
    queue: WorkQueue[Work] = WorkQueue(10)
    queue.put([work("late", -1.0), work("in time")])
    batch = queue.take(16, 0.0)
    assert batch is not None
    assert (keys(batch.works), keys(batch.late)) == (["in time"], ["late"])
    assert len(queue) == 0


def test_a_full_queue_takes_all_or_none() -> None:
    queue: WorkQueue[Work] = WorkQueue(2)
    queue.put([work("a")])
    with pytest.raises(QueueFullError):
        queue.put([work("b"), work("c")])
    assert len(queue) == 1
    queue.put([work("a"), work("b")])  # the first takes the place of what is there
    assert sorted(taken(queue)) == ["a", "b"]


def test_discarded_work_is_gone() -> None:
    queue: WorkQueue[Work] = WorkQueue(10)
    queue.put([work("a"), work("b")])
    assert keys(queue.discard(["a", "c"])) == ["a"]
    assert taken(queue) == ["b"]


def test_a_batch_waits_for_company_until_it_is_full() -> None:
    queue: WorkQueue[Work] = WorkQueue(10)
    batches: list[list[str]] = []

    def take() -> None:
        batch = queue.take(2, 30.0)
        assert batch is not None
        assert batch.closed_ns >= batch.opened_ns
        batches.append(keys(batch.works))

    taker = threading.Thread(target=take)
    taker.start()
    queue.put([work("a")])
    time.sleep(0.05)
    assert not batches
    queue.put([work("b")])
    taker.join(20.0)
    assert batches == [["a", "b"]]


def test_nobody_waits_for_company_beyond_half_of_its_time() -> None:
    queue: WorkQueue[Work] = WorkQueue(10)
    queue.put([work("hasty", 3000.0)])
    batch = queue.take(16, 30.0)
    assert batch is not None
    assert (keys(batch.works), batch.late) == (["hasty"], [])


def test_a_closed_queue_gives_what_is_left_and_then_nothing() -> None:
    queue: WorkQueue[Work] = WorkQueue(10)
    queue.put([work("a")])
    queue.close()
    assert taken(queue) == ["a"]
    assert queue.take(16, 0.0) is None


def test_closing_wakes_who_waits() -> None:
    queue: WorkQueue[Work] = WorkQueue(10)
    results: list[object] = ["waiting"]
    taker = threading.Thread(target=lambda: results.append(queue.take(16, 1.0)))
    taker.start()
    queue.close()
    taker.join(20.0)
    assert results == ["waiting", None]
