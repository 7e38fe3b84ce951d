"""The queue: newest of a character wins, nothing late is evaluated, who floods it crowds out itself."""

from __future__ import annotations

import threading
import time

from tests.server.works import Work, keys, scheduler, work

from strut_server.queue import WorkQueue


def queue_of(capacity: int = 10, max_batch: int = 16) -> WorkQueue[Work]:
    return WorkQueue(capacity, scheduler(max_batch))


def taken(queue: WorkQueue[Work]) -> list[str]:
    batch = queue.take(0.0)
    assert batch is not None
    return keys(batch.works)


def test_a_batch_goes_by_earliest_deadline() -> None:
    queue = queue_of(max_batch=2)
    queue.put([work("late", 50_000), work("soon", 10_000), work("between", 20_000)])
    assert taken(queue) == ["soon", "between"]
    assert taken(queue) == ["late"]


def test_newer_work_of_a_key_hands_the_older_back() -> None:
    queue = queue_of()
    older, newer = work("a"), work("a")
    assert queue.put([older, work("b")]).superseded == []
    assert queue.put([newer]).superseded == [older]
    batch = queue.take(0.0)
    assert batch is not None
    assert {id(one) for one in batch.works} & {id(older), id(newer)} == {id(newer)}


def test_work_of_different_steps_does_not_share_a_batch() -> None:
    queue = queue_of()
    queue.put([work("a", 10_000, steps=(1,)), work("b", 11_000, steps=(4,)), work("c", 12_000, steps=(1,))])
    assert taken(queue) == ["a", "c"]
    assert taken(queue) == ["b"]


def test_late_work_is_handed_back_apart() -> None:
    queue = queue_of()
    queue.put([work("late", -1.0), work("in time")])
    batch = queue.take(0.0)
    assert batch is not None
    assert (keys(batch.works), keys(batch.late)) == (["in time"], ["late"])
    assert len(queue) == 0


def test_a_full_queue_gives_up_what_matters_least() -> None:
    queue = queue_of(capacity=2)
    queue.put([work("a", 10_000), work("far away", 10_000, priority=9)])
    refused = queue.put([work("b", 20_000), work("a", 5_000)])
    assert (keys(refused.superseded), keys(refused.crowded_out)) == (["a"], ["far away"])
    assert keys(queue.put([work("c", 30_000)]).crowded_out) == ["c"]
    assert taken(queue) == ["a", "b"]


def test_who_fills_the_queue_makes_room_for_others() -> None:
    queue = queue_of(capacity=6)
    queue.put([work(f"flood {n}", 1_000 + n, owner="flood") for n in range(6)])
    refused = queue.put([work(f"quiet {n}", 50_000, owner="quiet", priority=1000) for n in range(2)])
    assert sorted(keys(refused.crowded_out)) == ["flood 4", "flood 5"]
    # Beyond its half, the quiet one gives up its own.
    refused = queue.put([work(f"more {n}", 60_000, owner="quiet", priority=1000) for n in range(3)])
    owners = [one.owner for one in refused.crowded_out]
    assert sorted(owners) == ["flood", "quiet", "quiet"]


def test_discarded_work_is_gone() -> None:
    queue = queue_of()
    queue.put([work("a"), work("b")])
    assert keys(queue.discard(["a", "c"])) == ["a"]
    assert taken(queue) == ["b"]


def batches_of(queue: WorkQueue[Work], max_delay_seconds: float) -> tuple[threading.Thread, list[list[str]]]:
    """A thread that takes one batch, and where it puts it."""
    batches: list[list[str]] = []

    def take() -> None:
        batch = queue.take(max_delay_seconds)
        assert batch is not None
        assert batch.closed_ns >= batch.opened_ns
        batches.append(keys(batch.works))

    taker = threading.Thread(target=take)
    taker.start()
    return taker, batches


def test_a_batch_waits_for_company_until_it_is_full() -> None:
    queue = queue_of(max_batch=2)
    taker, batches = batches_of(queue, 30.0)
    queue.put([work("a")])
    time.sleep(0.05)
    assert not batches
    queue.put([work("b")])
    taker.join(20.0)
    assert batches == [["a", "b"]]


def test_nobody_waits_for_company_that_is_not_there() -> None:
    queue = queue_of()
    queue.company = 2
    taker, batches = batches_of(queue, 3600.0)
    queue.put([work("a"), work("b")])
    taker.join(20.0)
    assert batches == [["a", "b"]]


def test_nobody_waits_for_company_beyond_half_of_its_time() -> None:
    queue = queue_of()
    queue.put([work("hasty", 3000.0)])
    batch = queue.take(30.0)
    assert batch is not None
    assert (keys(batch.works), batch.late) == (["hasty"], [])


def test_a_closed_queue_gives_what_is_left_and_then_nothing() -> None:
    queue = queue_of()
    queue.put([work("a")])
    queue.close()
    assert taken(queue) == ["a"]
    assert queue.take(0.0) is None


def test_closing_wakes_who_waits() -> None:
    queue = queue_of()
    results: list[object] = ["waiting"]
    taker = threading.Thread(target=lambda: results.append(queue.take(1.0)))
    taker.start()
    queue.close()
    taker.join(20.0)
    assert results == ["waiting", None]


def test_work_of_a_character_that_is_in_a_batch_waits_until_that_is_finished() -> None:
    queue = queue_of()
    queue.put([work("a")])
    assert taken(queue) == ["a"]
    queue.put([work("a", 5_000), work("b", 10_000)])
    assert taken(queue) == ["b"]
    taker, batches = batches_of(queue, 0.0)
    time.sleep(0.05)
    assert not batches
    queue.finished(["a", "b"])
    taker.join(20.0)
    assert batches == [["a"]]


def test_nobody_waits_for_those_who_are_in_a_batch() -> None:
    queue = queue_of()
    queue.company = 3
    taker, batches = batches_of(queue, 3600.0)
    queue.put([work("a"), work("b"), work("c")])
    taker.join(20.0)
    queue.finished(["c"])
    taker, batches = batches_of(queue, 3600.0)
    queue.put([work("c")])
    taker.join(20.0)
    assert batches == [["c"]]
