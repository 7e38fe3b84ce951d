"""One run of `strut bench serve`: echo, network and server in turns, for each number of characters.

Machines are never quiet, so what is compared is measured in turns, round after round; what is reported beside a floor
is the median of each round's own ratio.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from strut_model.bundle import Bundle
from strut_model.streaming.engine import OnnxEngine
from strut_server.bench.floor import measure_floor
from strut_server.bench.load import WINDOW_FRAMES, Load, LoadRun, Result
from strut_server.bench.processes import Served, usage

FPS = 30.0
WINDOW_SECONDS = WINDOW_FRAMES / FPS
REPLAN_SECONDS = 0.5
FLOOR_ROUNDS = 10
PHASES = ("echo", "network", "closed loop", "open loop", "re-planning")


@dataclass
class Row:
    """What was measured with one number of characters.

    Attributes:
        characters: how many.
        echo, closed, open, replan: loads on the echo server and on the server; the last two in real time.
        floors_ms: by round, milliseconds of the bare network for a batch of the closed loop's mean size.
        ratios: by round, the closed loop's median latency over echo's and network's together.
        model_shares: by round, processor time in the network over the server's, in the closed loop.
        cpu_ms: by round, the server's processor time for each window of the closed loop, milliseconds.
        memory_bytes: the server's at the end.
    """

    characters: int
    echo: Result = field(default_factory=Result)
    closed: Result = field(default_factory=Result)
    open: Result = field(default_factory=Result)
    replan: Result = field(default_factory=Result)
    floors_ms: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    model_shares: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    memory_bytes: float = 0.0

    @property
    def real_time_characters(self) -> float:
        """How many characters the closed loop's throughput would serve in real time."""
        return self.closed.windows / self.closed.seconds * WINDOW_SECONDS if self.closed.seconds else 0.0

    @property
    def bytes_per_character_second(self) -> float:
        """Of the replies, when a character plays its windows in real time."""
        return self.closed.received_bytes / self.closed.windows / WINDOW_SECONDS if self.closed.windows else 0.0

    @property
    def mean_batch(self) -> float:
        """Mean over the closed loop's windows of the size of their batch."""
        return self.closed.batch_sizes / self.closed.windows if self.closed.windows else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The row as a JSON object; times in milliseconds."""
        return {
            "characters": self.characters,
            "real_time_characters": round(self.real_time_characters, 1),
            "windows_per_second": round(self.closed.windows / self.closed.seconds, 1) if self.closed.seconds else 0.0,
            "mean_batch": round(self.mean_batch, 1),
            "model_cpu_share": _median(self.model_shares),
            "server_cpu_ms_per_window": _median(self.cpu_ms),
            "latency_over_floor": _median(self.ratios),
            "network_ms": _median(self.floors_ms),
            "bytes_per_character_second": round(self.bytes_per_character_second),
            "memory_bytes": self.memory_bytes,
            "echo": result_dict(self.echo),
            "closed_loop": result_dict(self.closed),
            "open_loop": result_dict(self.open),
            "re_planning": result_dict(self.replan),
        }


def result_dict(result: Result) -> dict[str, Any]:
    """A load's result as a JSON object."""
    return {
        "windows": result.windows,
        "seconds": round(result.seconds, 3),
        "latency_ms": result.latency.as_dict(),
        "response_ms": result.response.as_dict(),
        "wire_ms": result.wire.as_dict(),
        "stages_ms": {name: latencies.as_dict() for name, latencies in result.stages.items()},
        "errors": dict(result.errors),
        "steps": {str(steps): count for steps, count in sorted(result.steps.items())},
    }


@dataclass(frozen=True)
class Plan:
    """What to measure.

    Attributes:
        characters: numbers of them, one row each.
        seconds: of each phase in each round.
        rounds: how often the phases take turns.
        steps, min_steps: network evaluations asked for; None for the server's choice and for no fewer.
    """

    characters: Sequence[int]
    seconds: float
    rounds: int
    steps: int | None = None
    min_steps: int | None = None


class Measuring:
    """A run.

    Args:
        plan: what to measure.
        bundle: what the server serves.
        engine: the bare network, as the server runs it.
        server, echo: the processes.
        on_phase: called after each phase, for a progress bar.
    """

    def __init__(
        self,
        plan: Plan,
        bundle: Bundle,
        engine: OnnxEngine,
        server: Served,
        echo: Served,
        on_phase: Callable[[], object],
    ) -> None:
        self._plan = plan
        self._bundle = bundle
        self._engine = engine
        self._server = server
        self._echo = echo
        self._on_phase = on_phase
        self._styles = tuple(style.name for style in bundle.manifest.styles)

    def run(self) -> list[Row]:
        """Measure all rows."""
        rows = []
        for characters in self._plan.characters:
            row = Row(characters)
            for _ in range(self._plan.rounds):
                self._round(row)
            row.memory_bytes = usage(self._server).memory_bytes
            rows.append(row)
        return rows

    def _round(self, row: Row) -> None:
        echo = self._load(self._echo, row.characters)
        row.echo.add(echo)
        before = usage(self._server)
        closed = self._load(self._server, row.characters)
        after = usage(self._server)
        row.closed.add(closed)
        cpu = after.cpu_seconds - before.cpu_seconds
        made = after.windows - before.windows
        if cpu > 0 and made > 0:
            row.model_shares.append((after.model_cpu_seconds - before.model_cpu_seconds) / cpu)
            row.cpu_ms.append(cpu / made * 1000.0)
        if closed.windows:
            size = max(round(closed.batch_sizes / closed.windows), 1)
            steps = closed.steps.most_common(1)[0][0]
            floor = measure_floor(self._bundle, self._engine, size, steps, FLOOR_ROUNDS)
            row.floors_ms.append(floor.milliseconds)
            beneath = echo.latency.percentile(50.0) + floor.milliseconds
            row.ratios.append(closed.latency.percentile(50.0) / beneath)
        self._on_phase()
        row.open.add(self._load(self._server, row.characters, every_seconds=WINDOW_SECONDS))
        row.replan.add(self._load(self._server, row.characters, every_seconds=REPLAN_SECONDS, replan=True))

    def _load(self, served: Served, characters: int, **how: Any) -> Result:
        load = Load(characters, self._plan.seconds, steps=self._plan.steps, min_steps=self._plan.min_steps, **how)
        result = asyncio.run(LoadRun(served.address, load, self._styles).run())
        self._on_phase()
        return result


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values), 4) if values else None
