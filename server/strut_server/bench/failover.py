"""`strut bench failover`: a server dies under its characters, and another one goes on with them.

The characters walk in real time, by the asyncio client and nothing else: it finds the successor by itself, and sends
the histories of which that one knows nothing.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from strut_client import AsyncCharacter, AsyncClient, StrutError, TrajectorySample, Window
from strut_model.evaluation.smoothness import acceleration
from strut_model.motion import Motion
from strut_model.skeleton import FPS
from strut_server.bench.load import LOOK_AHEAD, RADIUS, SPEED
from strut_server.bench.processes import Served, strut_server

SUCCESSORS = ("same", "second")
PATIENCE_SECONDS = 120.0
"""How long the client goes on trying: a server's start on a busy machine included."""
LAST_WORDS_SECONDS = 0.05
"""What was sent before the kill arrives within this time. Whoever lost a request waits for longer before he tries
again."""
FIRST_WINDOWS = 2
"""Windows after the cold start whose accelerations do not count."""
SEED = 0
RESAMPLES = 500


@dataclass
class Walk:
    """A character's windows as they came.

    Attributes:
        windows: without gaps.
        arrived_ns: when each of them came, on the client's monotonic clock.
        error: what ended the walk before its time.
    """

    windows: list[Window] = field(default_factory=list)
    arrived_ns: list[int] = field(default_factory=list)
    error: StrutError | None = None

    def first_after(self, stamp_ns: int) -> int | None:
        """Index of the first window that came after a moment; None where none did."""
        return next((index for index, arrived in enumerate(self.arrived_ns) if arrived > stamp_ns), None)

    @property
    def motion(self) -> Motion:
        """All frames."""
        return Motion.concatenate([window.motion for window in self.windows])


@dataclass(frozen=True)
class Failover:
    """What was found.

    Attributes:
        walks: of all characters.
        killed_ns, ready_ns: when the server was dead, and when its successor was ready (not before the former).
    """

    walks: Sequence[Walk]
    killed_ns: int
    ready_ns: int

    @property
    def resumed(self) -> list[int | None]:
        """Index of each character's first window from the successor."""
        return [walk.first_after(self.killed_ns + int(LAST_WORDS_SECONDS * 1e9)) for walk in self.walks]

    @property
    def lost(self) -> int:
        """Characters that never had a window of the successor."""
        return self.resumed.count(None)

    @property
    def gaps(self) -> int:
        """Windows that do not begin at the frame after the one before."""
        return sum(
            after.start_frame != before.end_frame
            for walk in self.walks
            for before, after in zip(walk.windows, walk.windows[1:])
        )

    def seconds(self, since_ns: int) -> list[float]:
        """Seconds from a moment to each character's first window from the successor; 0 where it came before."""
        return [
            max(walk.arrived_ns[index] - since_ns, 0) / 1e9
            for walk, index in zip(self.walks, self.resumed)
            if index is not None
        ]

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        resume, outage = self.seconds(self.ready_ns), self.seconds(self.killed_ns)
        return {
            "characters": len(self.walks),
            "lost": self.lost,
            "gaps": self.gaps,
            "errors": dict(Counter(walk.error.reason or walk.error.code.name for walk in self.walks if walk.error)),
            "start_s": (self.ready_ns - self.killed_ns) / 1e9,
            "resume_s": {"p50": _percentile(resume, 50), "max": max(resume, default=math.nan)},
            "outage_s": {"p50": _percentile(outage, 50), "max": max(outage, default=math.nan)},
            **self.accelerations(),
        }

    def accelerations(self) -> dict[str, float]:
        """Joint accelerations, m/s^2, each frame's largest: undisturbed, over the windows that resumed, their ratio.

        `ordinary_ratio` is the same ratio of as many windows that nothing happened to, one of each character taken at
        random: the mean over many draws, and 95 of a hundred draws lie below `ordinary_ratio_p95`.
        """
        undisturbed: list[npt.NDArray[np.floating]] = []
        resume: list[float] = []
        ordinary: list[list[float]] = []
        for walk, resumed in zip(self.walks, self.resumed):
            if len(walk.windows) <= FIRST_WINDOWS:
                continue
            # The first entry is the second frame's.
            largest = np.concatenate(([np.nan], acceleration(walk.motion.positions()).max(axis=-1), [np.nan]))
            begin = walk.windows[0].start_frame
            calm = []
            for index, window in enumerate(walk.windows[FIRST_WINDOWS:], FIRST_WINDOWS):
                frames = largest[window.start_frame - begin - 1 : window.end_frame - begin - 1]
                if index == resumed:
                    resume.append(float(frames.max()))
                else:
                    undisturbed.append(frames)
                    calm.append(float(frames.max()))
            ordinary.append(calm)
        if not undisturbed:
            return {}
        high = float(np.percentile(np.concatenate(undisturbed), 99.9))
        generator = np.random.default_rng(SEED)
        rows = [np.array(calm) for calm in ordinary if calm]
        draws = np.max([row[generator.integers(len(row), size=RESAMPLES)] for row in rows], axis=0) / high
        return {
            "undisturbed_p99_9": high,
            "undisturbed_max": float(np.concatenate(undisturbed).max()),
            "resume_max": max(resume, default=math.nan),
            "ratio": max(resume, default=math.nan) / high,
            "ordinary_ratio": float(draws.mean()),
            "ordinary_ratio_p95": float(np.percentile(draws, 95)),
        }


def failover(
    options: Sequence[str],
    styles: Sequence[str],
    characters: int,
    seconds: float,
    successor: str,
    on_window: Callable[[], object] = lambda: None,
) -> Failover:
    """Kill a server under its characters.

    Args:
        options: of `strut serve`.
        styles: names of styles, for one character after the other.
        characters: how many.
        seconds: for how long they walk before the kill, and again after all of them have been resumed.
        successor: "same", a server that is started on the same port then; "second", one that runs on another port, the
            client's second address.
        on_window: called after each window.

    Raises:
        ProcessError: a server did not start.
    """
    with ExitStack() as stack:
        served = stack.enter_context(strut_server(options))
        targets = [served.address]
        if successor == "second":
            targets.append(stack.enter_context(strut_server(options)).address)
        target = f"ipv4:{','.join(targets)}"

        def start_again() -> None:
            if successor == "same":
                port = served.address.rpartition(":")[2]
                stack.enter_context(strut_server([*options, "--port", port]))

        crowd = Crowd(target, styles, characters, on_window)
        return asyncio.run(crowd.survive(served, seconds, start_again))


class Crowd:
    """Characters that walk in circles, in real time.

    Args:
        target: gRPC target.
        styles: names of styles.
        characters: how many.
        on_window: called after each window.
    """

    def __init__(
        self, target: str, styles: Sequence[str], characters: int, on_window: Callable[[], object] = lambda: None
    ) -> None:
        self._target = target
        self._styles = styles
        self._count = characters
        self._on_window = on_window
        self._ended = False

    async def survive(self, served: Served, seconds: float, start_again: Callable[[], None]) -> Failover:
        """Walk, kill the server, start the next one, walk on.

        Args:
            served: the server that is killed.
            seconds: to walk before and after.
            start_again: returns when the successor is ready; called on a thread of its own.
        """
        async with AsyncClient(self._target, patience=PATIENCE_SECONDS, client_name="strut bench failover") as client:
            walkers = [
                await client.character(self._styles[number % len(self._styles)], "walk", position=place_at(number, 0.0))
                for number in range(self._count)
            ]
            walks = [Walk() for _ in walkers]
            begin = time.monotonic()
            tasks = [
                asyncio.ensure_future(self._walk(walker, walk, number, begin))
                for number, (walker, walk) in enumerate(zip(walkers, walks))
            ]
            await asyncio.sleep(seconds)
            os.kill(served.pid, signal.SIGKILL)
            killed = time.monotonic_ns()
            await asyncio.to_thread(start_again)
            found = Failover(walks, killed, time.monotonic_ns())
            while found.lost and not all(task.done() for task in tasks):
                await asyncio.sleep(0.05)
            await asyncio.sleep(seconds)
            self._ended = True
            await asyncio.gather(*tasks)
            return found

    async def _walk(self, character: AsyncCharacter, walk: Walk, number: int, begin: float) -> None:
        # Evenly spread over a window's time, as in a game.
        due = begin + number / self._count * 16 / FPS
        while not self._ended:
            await asyncio.sleep(max(due - time.monotonic(), 0.0))
            try:
                window = await character.next(path_at(number, character.frame))
            except StrutError as error:
                walk.error = error
                return
            walk.windows.append(window)
            walk.arrived_ns.append(time.monotonic_ns())
            self._on_window()
            # A character that had to stand still goes on from then.
            due = max(due + window.motion.frames / FPS, time.monotonic())


def place_at(number: int, seconds: float) -> tuple[float, float]:
    """Where a character should be on its circle: x and z, metres."""
    angle = number + SPEED / RADIUS * seconds
    return RADIUS * math.sin(angle), RADIUS * math.cos(angle)


def path_at(number: int, frame: int) -> list[TrajectorySample]:
    """The path of the window from a frame on."""
    return [TrajectorySample(place_at(number, frame / FPS + ahead), time=ahead) for ahead in LOOK_AHEAD]


def _percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else math.nan
