"""Trials: what one character is asked to do, from which real frames it starts, and rolling many of them out.

Trials go through ``streaming.rollout`` and so through the same code as a server's windows. Rollouts are batched by
length; a trial's motion depends on the trial and the seed alone, not on the batch.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.game_paths import AHEAD, as_planned
from strut_model.features import WINDOW
from strut_model.motion import Motion
from strut_model.streaming.generator import MotionGenerator, WindowRequests, WindowResults
from strut_model.streaming.rollout import rollout

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Control:
    """What holds from a frame on.

    Attributes:
        frame: generated frame, a multiple of 16: windows take the controls of their first frame.
        style: (5, S) vector per part.
        content: (C,) vector.
        style_guidance: guidance weight of the style.
        phase: a gesture's phase at that frame and its advance a frame; None for what is no gesture.
    """

    frame: int
    style: Array
    content: Array
    style_guidance: float
    phase: tuple[float, float] | None = None


@dataclass(frozen=True)
class Trial:
    """One character's task.

    Attributes:
        name: unique; the character's noise follows from it and the evaluation seed.
        clip: the clip that it starts from; figures are clustered by it.
        history: (8) real frames before the first generated one.
        path: (T, 2) metres, asked root places in the space of the history.
        facing: (T,) radians.
        controls: in order of their frames, the first at frame 0.
        style, content: labels that the judges should find at the end.
        dataset: data set of the style.
        real: the real frames that follow the history, where there are any.
        event: generated frames in which a gesture happens.
        sampled: the path is asked as a game does, by samples ahead that are planned like a server's requests (see
            ``game_paths``), rather than frame by frame.
        notes: what a measure has to know besides, by name.
    """

    name: str
    clip: str
    history: Motion
    path: Array
    facing: Array
    controls: tuple[Control, ...]
    style: str
    content: str
    dataset: str
    real: Motion | None = None
    event: tuple[int, int] | None = None
    sampled: bool = False
    notes: dict[str, float | str] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Generated frames."""
        return int(self.facing.shape[0])


class CountingGenerator:
    """A generator that counts windows and those with values that are not finite; for the rest it is the one inside."""

    def __init__(self, inner: MotionGenerator) -> None:
        self.inner = inner
        self.bundle = inner.bundle
        self.windows = 0
        self.nonfinite = 0

    def generate(self, requests: WindowRequests) -> WindowResults:
        """See ``MotionGenerator.generate``."""
        results = self.inner.generate(requests)
        self.windows += requests.batch
        self.nonfinite += int(requests.batch - np.count_nonzero(results.finite))
        return results


class PlanningGenerator:
    """A generator that plans some characters' trajectories from their asked paths, window by window.

    Args:
        inner: answers.
        path: (B, T, 2) metres; facing: (B, T) radians: what is asked of the batch that is rolled out.
        rows: (B,) whose trajectories are planned.
    """

    def __init__(self, inner: CountingGenerator, path: Array, facing: Array, rows: NDArray[np.bool_]) -> None:
        self.inner = inner
        self.bundle = inner.bundle
        self.path, self.facing, self.rows = path, facing, rows

    def generate(self, requests: WindowRequests) -> WindowResults:
        """See ``MotionGenerator.generate``."""
        return self.inner.generate(as_planned(requests, self.path, self.facing, self.rows))


def trial_seed(name: str, seed: int) -> int:
    """The noise seed of a trial: a hash of its name, moved by the evaluation seed."""
    return (zlib.crc32(name.encode()) << 16) + seed


def roll(
    generator: CountingGenerator,
    trials: Sequence[Trial],
    seed: int,
    steps: int,
    batch: int = 192,
    progress: Callable[[int], object] | None = None,
) -> list[Motion]:
    """The generated frames of every trial, in the trials' order.

    Args:
        generator: of the subject.
        trials: any mix of lengths.
        seed: evaluation seed.
        steps: network evaluations a window.
        batch: characters at a time.
        progress: called with the number of trials done.
    """
    motions: list[Motion | None] = [None] * len(trials)
    order = sorted(range(len(trials)), key=lambda i: trials[i].frames)
    for first in range(0, len(order), batch):
        rows = order[first : first + batch]
        group = [trials[i] for i in rows]
        motion = _roll_group(generator, group, seed, steps)
        for row, i in enumerate(rows):
            motions[i] = motion[row].slice_frames(0, trials[i].frames)
        if progress is not None:
            progress(len(rows))
    return [m for m in motions if m is not None]


def _roll_group(generator: CountingGenerator, trials: Sequence[Trial], seed: int, steps: int) -> Motion:
    frames = max(t.frames for t in trials)
    path = np.stack([_extended(t.path, frames) for t in trials]).astype(np.float32)
    facing = np.stack([np.pad(t.facing, (0, frames - t.frames), mode="edge") for t in trials]).astype(np.float32)
    seeds = np.array([trial_seed(t.name, seed) for t in trials], dtype=np.uint64)
    guidance = np.empty((len(trials), 2), np.float32)
    guidance[:, 0] = [t.controls[0].style_guidance for t in trials]
    guidance[:, 1] = generator.bundle.manifest.content_guidance.default
    if all(len(t.controls) == 1 for t in trials):
        style = np.stack([t.controls[0].style for t in trials])
        content = np.stack([t.controls[0].content for t in trials])
    else:
        style = np.stack([_over_time([(c.frame, c.style) for c in t.controls], frames) for t in trials])
        content = np.stack([_over_time([(c.frame, c.content) for c in t.controls], frames) for t in trials])
    planning: CountingGenerator | PlanningGenerator = generator
    sampled = np.array([t.sampled for t in trials])
    if sampled.any():
        # The samples of the last frames lie beyond the trial's end.
        beyond = np.stack([_extended(t.path, frames + AHEAD) for t in trials])
        turned = np.stack([np.pad(t.facing, (0, frames + AHEAD - t.frames), mode="edge") for t in trials])
        planning = PlanningGenerator(generator, beyond, turned, sampled)
    return rollout(
        planning,  # type: ignore[arg-type]  # counts windows and is otherwise the generator
        Motion.stack([t.history for t in trials]),
        path,
        facing,
        style,
        content,
        phase=np.stack([_phases(t, frames) for t in trials]),
        guidance=guidance,
        seed=seeds,
        steps=steps,
    )


def _extended(path: Array, frames: int) -> Array:
    """A path (T, 2) that goes on with its last step; batches are as long as their longest trial."""
    missing = frames - len(path)
    if missing <= 0:
        return path
    step = path[-1] - path[-2] if len(path) > 1 else np.zeros(2, path.dtype)
    return np.concatenate((path, path[-1] + step * np.arange(1, missing + 1, dtype=path.dtype)[:, None]))


def _over_time(values: Sequence[tuple[int, Array]], frames: int) -> Array:
    out = np.empty((frames, *values[0][1].shape), np.float32)
    for start, value in values:
        if start % WINDOW:
            raise ValueError(f"frame: {start} is not where a window starts, allowed: multiples of {WINDOW}")
        out[start:] = value
    return out


def _phases(trial: Trial, frames: int) -> Array:
    """(T, 3) phase input of every frame."""
    out = np.zeros((frames, 3), np.float32)
    for control in trial.controls:
        out[control.frame :] = 0
        if control.phase is None:
            continue
        start, advance = control.phase
        phase = start + advance * np.arange(frames - control.frame)
        out[control.frame :, 0] = np.minimum(phase, 1)
        out[control.frame :, 1] = np.where(phase < 1, advance, 0)
        out[control.frame :, 2] = 1
    return out
