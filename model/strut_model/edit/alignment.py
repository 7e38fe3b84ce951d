"""Bringing one clip's steps to the time of another's: phases of gait from where feet land."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strut_model.data.synthesis.footing import Stances
from strut_model.scene.gait import Gait

Array = NDArray[np.floating]

FEWEST_LANDINGS = 3
"""Landings without which there is no gait to align."""
RATES = (0.4, 2.5)
"""Playing rates beyond which steps are not brought to each other's time."""


def aligned_times(gait: Gait, other: Gait) -> Array:
    """(T,) frames of another gait that go with the frames of a gait.

    Where both step, steps of the same foot go together, over and over; else the other is stretched to the length.
    """
    found = step_times(gait.stances, gait.frames, other.stances, other.frames, near=0.0)
    if found is None or not 0 <= found.min() <= found.max() <= other.frames - 1:
        cycled = _cycled(gait, other)
        return np.linspace(0, other.frames - 1, gait.frames) if cycled is None else cycled
    return found


def landings(stances: Stances, frames: int) -> tuple[Array, Array]:
    """Frames at which feet land, and each landing's phase: even for the left foot, odd for the right, ascending.

    Stances that a clip begins with have no landing.

    Args:
        stances: of both feet.
        frames: length of the clip.
    """
    events = sorted(
        (start, side)
        for side, runs in enumerate(stances)
        for start, stop in runs
        if 0 < start < frames and stop > start
    )
    times: list[float] = []
    phases: list[float] = []
    for time, side in events:
        if not phases:
            phase = float(side)
        else:
            last = phases[-1]
            if time - times[-1] < 1:
                continue  # both at once is no step
            phase = last + (1.0 if int(last) % 2 != side else 2.0)
        times.append(float(time))
        phases.append(phase)
    return np.array(times), np.array(phases)


def step_times(a: Stances, frames: int, b: Stances, other_frames: int, near: float | None = None) -> Array | None:
    """(T,) frames of motion b that go with frames of motion a, so that the same foot lands at the same time.

    Args:
        a: stances of the motion whose times count, ``frames`` long.
        b: stances of the other, ``other_frames`` long.
        near: frame of a at which the two are to be in time most nearly; None for all along.

    Returns:
        None where either does not step, or steps too fast or slowly for the other.
    """
    here, phase = landings(a, frames)
    there, other_phase = landings(b, other_frames)
    if len(here) < FEWEST_LANDINGS or len(there) < FEWEST_LANDINGS:
        return None
    at = _extended(np.arange(frames, dtype=np.float64), here, phase)
    best: Array | None = None
    apart = np.inf
    turns = range(int(phase[0] - other_phase[-1]) // 2 - 2, int(phase[-1] - other_phase[0]) // 2 + 3)
    for turn in turns:
        times = _extended(at - 2 * turn, other_phase, there)
        away = np.abs(times - np.arange(frames))
        score = float(away.mean() if near is None else away[int(near)])
        if score < apart:
            best, apart = times, score
    assert best is not None
    rates = np.diff(best)
    if not RATES[0] <= np.median(rates) <= RATES[1]:
        return None
    return best


def _extended(x: Array, known: Array, values: Array) -> Array:
    """Linear interpolation that goes on beyond both ends with the mean slope."""
    slope = (values[-1] - values[0]) / max(known[-1] - known[0], 1e-9)
    out = np.interp(x, known, values)
    out = np.where(x < known[0], values[0] + slope * (x - known[0]), out)
    return np.asarray(np.where(x > known[-1], values[-1] + slope * (x - known[-1]), out))


def _cycled(gait: Gait, other: Gait) -> Array | None:
    """Times of the other gait's whole cycles, over and over."""
    here, phase = landings(gait.stances, gait.frames)
    there, other_phase = landings(other.stances, other.frames)
    if len(here) < FEWEST_LANDINGS or len(there) < FEWEST_LANDINGS:
        return None
    at = _extended(np.arange(gait.frames, dtype=np.float64), here, phase)
    span = 2 * int((other_phase[-1] - other_phase[0]) // 2)
    first = other_phase[0]
    if span < 2:
        return None
    # There and back again, so that the seam between the last cycle and the first is none.
    folded = np.mod(at - first, span) + first
    return np.clip(_extended(folded, other_phase, there), 0, other.frames - 1)
