"""Pieces of work without their motion, for what schedules them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from strut_server.clock import MILLISECOND, monotonic_ns
from strut_server.costs import Costs
from strut_server.scheduling import Scheduler

FAR = 600_000.0


@dataclass(eq=False)
class Work:
    """A piece of work as the queue sees it."""

    key: str
    owner: str = "a"
    deadline_ns: int = 0
    step_choices: tuple[int, ...] = (2,)
    priority: int = 0
    group: str = "model"
    queued_ns: int = 0
    received_ns: int = field(default_factory=monotonic_ns)


def work(
    key: str, deadline_ms: float = FAR, owner: str = "a", steps: tuple[int, ...] = (2,), priority: int = 0
) -> Work:
    """A work whose deadline is so many milliseconds from now."""
    return Work(key, owner, monotonic_ns() + int(deadline_ms * MILLISECOND), steps, priority)


def scheduler(
    max_batch: int = 16,
    max_seconds: float = 3600.0,
    evaluation_seconds: float = 1e-6,
    target_seconds: float = math.inf,
) -> Scheduler:
    """A scheduler that believes an evaluation of one window to take so many seconds."""
    costs = Costs(max_batch)
    costs.observe(1, 1, evaluation_seconds)
    return Scheduler(costs, max_seconds, least=1, target_seconds=target_seconds)


def keys(works: list[Work]) -> list[str]:
    """The names of works."""
    return [one.key for one in works]
