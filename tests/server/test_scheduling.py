"""Batches: by deadline while all can be in time, with fewer steps where that gets tight, in fair shares beyond."""

from __future__ import annotations

import math
from collections import Counter, deque

import pytest
from tests.server.works import Work, keys, scheduler, work

from strut_server.clock import monotonic_ns
from strut_server.costs import Costs
from strut_server.scheduling import Choice, Scheduler, by_importance

SECOND = 1000.0
"""Milliseconds."""


def chosen(one: Scheduler, works: list[Work]) -> Choice[Work]:
    return one.choose(works, monotonic_ns())


def crowd(count: int, seconds: float, owner: str = "a", steps: tuple[int, ...] = (2,), priority: int = 0) -> list[Work]:
    return [work(f"{owner}{n}", seconds * SECOND + n, owner, steps, priority) for n in range(count)]


def test_steps_are_what_was_wanted_as_long_as_there_is_time() -> None:
    choice = chosen(scheduler(evaluation_seconds=0.1), crowd(4, 60.0, steps=(4, 2, 1)))
    assert (len(choice.works), choice.steps) == (4, 4)


def test_steps_go_down_as_far_as_it_takes() -> None:
    # Four windows of 4, 2 or 1 evaluations of 100 ms take 1.6, 0.8 or 0.4 seconds; half of the time should do.
    for seconds, steps in ((4.0, 4), (2.0, 2), (1.0, 1)):
        choice = chosen(scheduler(evaluation_seconds=0.1), crowd(4, seconds, steps=(4, 2, 1)))
        assert choice.steps == steps, seconds


def test_steps_never_go_below_what_the_client_allows() -> None:
    works = crowd(4, 1.0, "exact", (4,)) + crowd(4, 1.0, "to two", (4, 2)) + crowd(4, 1.0, "any", (4, 2, 1))
    one = scheduler(evaluation_seconds=0.1)
    used: dict[str, set[int]] = {}
    while works:
        choice = chosen(one, works)
        for each in choice.works:
            used.setdefault(each.owner, set()).add(choice.steps)
            works.remove(each)
    assert used == {"exact": {4}, "to two": {2}, "any": {1}}


def in_real_time(target_seconds: float, load: float, steps: tuple[int, ...], seconds: float = 30.0) -> list[float]:
    """Latencies, in seconds, of 250 characters that ask for a window every 16 frames, on a simulated clock.

    Args:
        target_seconds: of the scheduler.
        load: what the windows would cost with the first number of steps, over the time that there is.
        steps: that the characters allow.
        seconds: for how long; the first third is not looked at.
    """
    characters, every = 250, 16 / 30
    one = scheduler(max_batch=256, max_seconds=0.06, evaluation_seconds=load * every / characters / steps[0])
    one = Scheduler(one.costs, 0.06, target_seconds=target_seconds)
    asked = [n * every / characters for n in range(int(seconds / every * characters))]
    now, latencies, waiting = 0.0, [], deque[Work]()
    upcoming = deque(asked)
    while upcoming or waiting:
        while upcoming and upcoming[0] <= now:
            at = int(upcoming.popleft() * 1e9)
            waiting.append(Work("", deadline_ns=at + 10**9, step_choices=steps, received_ns=at))
        if not waiting:
            now = upcoming[0]
            continue
        choice = one.choose(list(waiting), int(now * 1e9))
        now += one.costs.batch_seconds(len(choice.works), choice.steps)
        for made in choice.works:
            waiting.remove(made)
            if now > seconds / 3:
                latencies.append(now - made.received_ns / 1e9)
    return sorted(latencies)


def test_steps_are_saved_before_the_target_is_missed() -> None:
    # A fifth more than can be made with two steps.
    saving = in_real_time(0.15, 1.2, (2, 1))
    assert saving[int(0.99 * len(saving))] < 0.2
    # Deadlines, which are a second away, would say so far later.
    late = in_real_time(math.inf, 1.2, (2, 1))
    assert late[len(late) // 2] > 0.2


def test_no_more_steps_are_saved_than_the_target_takes() -> None:
    one = scheduler(evaluation_seconds=0.01, target_seconds=0.15)
    for count, steps in ((3, 4), (7, 2), (15, 1)):  # a window's four evaluations take 40 ms
        assert chosen(one, crowd(count, 60.0, steps=(4, 2, 1))).steps == steps, count
    # Who allows no fewer is not given fewer.
    assert chosen(one, crowd(15, 60.0, steps=(4,))).steps == 4


def test_what_has_waited_counts_towards_the_target() -> None:
    one = scheduler(evaluation_seconds=0.01, target_seconds=0.15)
    works = crowd(3, 60.0, steps=(4, 2, 1))
    for each in works:
        each.received_ns -= 60_000_000
    assert chosen(one, works).steps == 2


def test_a_batch_takes_no_longer_than_it_may() -> None:
    works = crowd(12, 600.0)
    assert len(chosen(scheduler(max_seconds=1.0, evaluation_seconds=0.1), works).works) == 5  # two evaluations each
    assert len(chosen(scheduler(max_seconds=0.01, evaluation_seconds=0.1), works).works) == 1
    assert len(chosen(scheduler(max_batch=8, evaluation_seconds=0.1), works).works) == 8
    # Small batches are no good to a machine that is too slow anyway.
    costs = Costs(16)
    costs.observe(1, 1, 0.1)
    assert len(chosen(Scheduler(costs, 0.01, least=6), works).works) == 6


def test_batches_at_the_same_time_leave_time_for_more_steps() -> None:
    # Twelve windows of 200 or 100 ms, four to a batch: three batches one after the other, or two and a half.
    works = crowd(12, 4.2, steps=(2, 1))
    one = scheduler(max_batch=4, evaluation_seconds=0.1)
    assert chosen(one, works).steps == 1
    assert chosen(Scheduler(one.costs, 3600.0, least=1, parallel=2), works).steps == 2
    # A batch itself takes no less time.
    hasty = crowd(4, 1.5, steps=(2, 1))
    assert chosen(Scheduler(one.costs, 3600.0, least=1, parallel=2), hasty).steps == 1


def test_models_do_not_share_a_batch() -> None:
    works = crowd(4, 60.0)
    works[1].group = works[3].group = "another"
    assert keys(chosen(scheduler(), works).works) == ["a0", "a2"]


def test_who_floods_gets_no_more_than_a_share() -> None:
    one = scheduler(max_seconds=0.8, evaluation_seconds=0.1)  # four windows a batch
    served: Counter[str] = Counter()
    waiting = crowd(40, 2.0, "flood")
    for _ in range(10):
        # The quiet stream asks for two at a time, with a later deadline than any of the flood's.
        waiting += crowd(2 - sum(w.owner == "quiet" for w in waiting), 3.0, "quiet")
        waiting += crowd(40 - sum(w.owner == "flood" for w in waiting), 2.0, "flood")
        for each in chosen(one, waiting).works:
            served[each.owner] += 1
            waiting.remove(each)
    assert served == {"quiet": 20, "flood": 20}


def test_shares_are_fair_although_a_batch_has_fewer_places_than_there_are_streams() -> None:
    one = scheduler(max_batch=2, evaluation_seconds=0.5)
    served: Counter[str] = Counter()
    owners = ["one", "two", "three"]
    for _ in range(9):
        for each in chosen(one, [w for owner in owners for w in crowd(5, 1.0, owner)]).works:
            served[each.owner] += 1
    assert set(served.values()) == {6}


def test_nobody_saves_up_for_a_flood_of_its_own() -> None:
    one = scheduler(max_seconds=0.8, evaluation_seconds=0.1)
    for _ in range(10):
        chosen(one, crowd(40, 1.0, "busy"))
    works = crowd(40, 1.0, "busy") + crowd(40, 1.0, "newcomer")
    assert Counter(each.owner for each in chosen(one, works).works) == {"busy": 2, "newcomer": 2}


def test_when_not_all_can_be_in_time_the_least_important_wait() -> None:
    # Five windows of 0.2 seconds, and time for three.
    works = [
        work("near 1", 650.0, priority=1),
        work("far 1", 640.0, priority=900),
        work("near 2", 660.0, priority=1),
        work("far 2", 630.0, priority=500),
        work("here", 670.0, priority=0),
    ]
    choice = chosen(scheduler(evaluation_seconds=0.1), works)
    assert keys(choice.works) == ["near 1", "near 2", "here", "far 2", "far 1"]


def test_of_equal_importance_the_later_deadline_waits() -> None:
    works = sorted(crowd(4, 0.5), key=lambda w: w.deadline_ns)
    assert keys(by_importance(works, [0.2] * 4, monotonic_ns())) == ["a0", "a1", "a2", "a3"]


def test_costs_are_learned_and_grow_with_the_batch() -> None:
    costs = Costs(64)
    for _ in range(50):
        costs.observe(1, 2, 0.02)
        costs.observe(8, 2, 0.08)
    assert abs(costs.batch_seconds(1, 4) - 0.04) < 1e-9
    assert abs(costs.batch_seconds(8, 1) - 0.04) < 1e-9
    assert costs.batch_seconds(1, 1) < costs.batch_seconds(4, 1) < costs.batch_seconds(8, 1)
    assert abs(costs.batch_seconds(32, 1) - 0.16) < 1e-9
    assert costs.largest_batch(1, 0.16) == 32
    assert costs.largest_batch(1, 0.001) == 1


def test_a_bad_moment_is_not_believed_against_the_other_sizes() -> None:
    costs = Costs(64)
    for size, seconds in ((1, 0.01), (8, 0.04), (64, 0.2)):
        costs.observe(size, 1, seconds)
    costs.observe(8, 1, 100.0)
    assert costs.batch_seconds(8, 1) <= 8 * 0.01  # so that such batches are made, and measured, again
    costs.observe(1, 1, 100.0)
    assert costs.batch_seconds(1, 1) <= costs.batch_seconds(64, 1) == pytest.approx(0.2)
