"""What `strut bench serve --check` asks of a server, on the machine that it runs on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from strut_server.bench.measuring import Row


@dataclass(frozen=True)
class Must:
    """A figure that must be reached.

    Attributes:
        name: what is measured.
        least, most: it counts for rows with so many characters.
        figure: of a row.
        limit: what is allowed.
        above: the limit is the lowest allowed, not the highest.
    """

    name: str
    least: int
    most: float
    figure: Callable[[Row], float]
    limit: float
    above: bool = False

    def met(self, value: float) -> bool:
        """Whether a figure is allowed; what was not measured is not."""
        return value >= self.limit if self.above else value <= self.limit


@dataclass(frozen=True)
class Verdict:
    """What became of a must on a row; ``characters`` is None where no row had as many as it takes."""

    must: Must
    characters: int | None
    value: float

    @property
    def met(self) -> bool:
        """Whether the figure is allowed."""
        return self.must.met(self.value)

    def line(self) -> str:
        """One line for people."""
        must = self.must
        allowed = f"{'at least' if must.above else 'at most'} {must.limit:g}"
        if self.characters is None:
            most = "" if math.isinf(must.most) else f" to {must.most:g}"
            return f"not measured: {must.name} ({allowed}; takes {must.least}{most} characters)"
        return (
            f"{'met' if self.met else 'MISSED'}: {must.name}, {self.characters} character(s): "
            f"{self.value:.4g} ({allowed})"
        )


def _figure(row: Row, name: str) -> float:
    value = row.as_dict()[name]
    return math.nan if value is None else float(value)


MUSTS: tuple[Must, ...] = (
    Must("share of processor time in the network", 64, math.inf, lambda r: _figure(r, "model_cpu_share"), 0.6, True),
    Must("real time: 99th percentile, ms", 250, 400, lambda r: r.open.latency.percentile(99.0), 200.0),
    Must("re-planning: 99th percentile, ms", 150, 249, lambda r: r.replan.latency.percentile(99.0), 200.0),
    Must("median latency over network and echo", 1, 1, lambda r: _figure(r, "latency_over_floor"), 2.5),
    Must(
        "changed control to its first frame: 95th percentile, ms",
        64,
        149,
        lambda r: r.replan.response.percentile(95.0),
        250.0,
    ),
    Must("bytes a second and character", 1, math.inf, lambda r: r.bytes_per_character_second, 5000.0),
)


def verdicts(rows: Sequence[Row], threads: int = 1) -> list[Verdict]:
    """Every must on every row that it counts for.

    Args:
        rows: what was measured.
        threads: of an evaluation. The server knows the processor time of the one that calls the network alone, so that
            with several nothing is said of the network's share.
    """
    found = []
    for must in MUSTS if threads == 1 else MUSTS[1:]:
        own = [row for row in rows if must.least <= row.characters <= must.most]
        found += [Verdict(must, row.characters, must.figure(row)) for row in own]
        if not own:
            found.append(Verdict(must, None, math.nan))
    return found
