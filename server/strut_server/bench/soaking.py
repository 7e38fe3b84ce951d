"""`strut bench soak`: many windows on one server, and what becomes of its memory and its latency."""

from __future__ import annotations

import asyncio
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from strut_server.bench.load import Load, LoadRun, Result
from strut_server.bench.processes import Served, usage

NO_END_SECONDS = 1e6
SETTLING_WINDOWS = 20_000
"""After the warm-up. By then buffers have had their largest sizes, and what the allocator keeps has found its level."""
LEAST_LOOKS = 6


@dataclass(frozen=True)
class Sample:
    """A look at the server.

    Attributes:
        windows: made so far.
        memory_bytes: resident.
        p50_ms, p99_ms: latency of the windows since the last look.
    """

    windows: int
    memory_bytes: float
    p50_ms: float
    p99_ms: float


@dataclass
class Soak:
    """What was found.

    Attributes:
        warm_up_windows: after which memory is compared.
        samples: the looks, the first one at the end of the warm-up.
        result: of all loads together, the warm-up's too.
    """

    warm_up_windows: int
    samples: list[Sample] = field(default_factory=list)
    result: Result = field(default_factory=Result)

    @property
    def grown_bytes(self) -> float:
        """By how much the memory grew after the warm-up; NaN where the system does not say."""
        return self.samples[-1].memory_bytes - self.samples[0].memory_bytes

    @property
    def settled(self) -> list[float]:
        """Bytes at the looks after the first 20,000 windows."""
        begin = self.samples[0].windows + SETTLING_WINDOWS
        return [sample.memory_bytes for sample in self.samples if sample.windows >= begin]

    @property
    def later_grown_bytes(self) -> float:
        """By how much the memory went on growing after the first 20,000 windows: from the median of the first third of
        the looks to that of the last, since an allocator's level goes up and down by megabytes from look to look. NaN
        where there were too few looks."""
        looks = self.settled
        third = len(looks) // 3
        if len(looks) < LEAST_LOOKS:
            return math.nan
        return statistics.median(looks[-third:]) - statistics.median(looks[:third])

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        grown, later = self.grown_bytes, self.later_grown_bytes
        return {
            "windows": self.samples[-1].windows,
            "warm_up_windows": self.warm_up_windows,
            "grown_bytes": None if math.isnan(grown) else grown,
            "later_grown_bytes": None if math.isnan(later) else later,
            "errors": dict(self.result.errors),
            "samples": [vars(sample) for sample in self.samples],
        }


def soak(
    served: Served,
    styles: tuple[str, ...],
    characters: int,
    windows: int,
    warm_up: int,
    looks: int,
    on_window: Callable[[], object],
) -> Soak:
    """Make windows as fast as the server can, on a new stream for each look, so that streams come and go too.

    Args:
        served: the server.
        styles: names of styles.
        characters: how many at a time.
        windows: how many after the warm-up.
        warm_up: windows before memory is compared.
        looks: how often memory is looked at.
        on_window: called after each window.
    """
    found = Soak(warm_up)
    made = 0
    for part in (warm_up, *_parts(windows, looks)):
        load = Load(characters, NO_END_SECONDS, windows=part)
        result = asyncio.run(LoadRun(served.address, load, styles, warm_up_seconds=0.0, on_window=on_window).run())
        made += result.windows
        found.result.add(result)
        memory = usage(served).memory_bytes
        found.samples.append(Sample(made, memory, result.latency.percentile(50.0), result.latency.percentile(99.0)))
    return found


def _parts(total: int, count: int) -> list[int]:
    """``total`` in ``count`` parts that differ by one at most."""
    return [total // count + (part < total % count) for part in range(count) if total // count + (part < total % count)]
