"""Feet: slide in stance, share of time in stance, steps, swing clearance and penetration.

All on level ground at height 0. A heel (by the ankle joint) or a toe is near the ground when it is within 2.5 cm of
its rest height: ankles rest at 11.7 cm and toes at 4.25, so no fixed height would do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS, FPS

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class StanceRule:
    """When a heel or toe stands, between one frame and the next.

    Args:
        height: metres above its rest height, at both frames.
        vertical_speed: m/s; a foot that moves up or down faster is landing or leaving.
        horizontal_speed: m/s; a foot carried past the ground faster is swinging (real swings: 2 to 4 m/s). Feet that
            glide faster than this lower the stance share instead of raising the slide.
    """

    height: float = 0.025
    vertical_speed: float = 0.15
    horizontal_speed: float = 1.0


def _speeds(positions: Array) -> tuple[Array, Array, Array]:
    """Height above rest (..., T, 4), and per interval horizontal and vertical speed (..., T-1, 4)."""
    joints = positions[..., CONTACT_JOINTS, :]
    step = np.diff(joints, axis=-3) * FPS
    return joints[..., 1] - CONTACT_REST_HEIGHTS, np.hypot(step[..., 0], step[..., 2]), step[..., 1]


def stance(positions: Array, rule: StanceRule | None = None) -> Mask:
    """Which heels and toes stand, (..., T-1, 4) for each interval between frames.

    Args:
        positions: (..., T, 22, 3) metres, world.
        rule: thresholds.
    """
    rule = rule or StanceRule()
    height, horizontal, vertical = _speeds(positions)
    low = height < rule.height
    mask: Mask = (
        low[..., 1:, :]
        & low[..., :-1, :]
        & (np.abs(vertical) < rule.vertical_speed)
        & (horizontal < rule.horizontal_speed)
    )
    return mask


def stance_slide(positions: Array, rule: StanceRule | None = None) -> Array:
    """Horizontal speed of each standing foot, (..., T-1, 2) in cm/s; NaN where the foot does not stand.

    A foot's slide is that of the slower of its standing points (a foot that rolls over its toe does not slide). The
    interval before and the one after must be stance, too: touching down and lifting off are not sliding.
    """
    mask = stance(positions, rule)
    inner = mask.copy()
    inner[..., 1:, :] &= mask[..., :-1, :]
    inner[..., :-1, :] &= mask[..., 1:, :]
    _, horizontal, _ = _speeds(positions)
    speed = np.where(inner, horizontal * 100, np.inf)
    slowest = speed.reshape(*speed.shape[:-1], 2, 2).min(axis=-1)
    return np.where(np.isfinite(slowest), slowest, np.nan)


def foot_stance(positions: Array, rule: StanceRule | None = None) -> Mask:
    """Which feet stand on heel or toe, (..., T-1, 2), left then right."""
    mask = stance(positions, rule)
    return np.asarray(mask.reshape(*mask.shape[:-1], 2, 2).any(axis=-1))


@dataclass(frozen=True)
class Gait:
    """Steps of one motion; NaN where it has too few.

    Attributes:
        stance_share: share of time a foot stands, mean of both.
        step_length: metres on the ground from a foot's landing to the other's next.
        cadence: landings per second.
        swing_clearance: metres, mean over swings of the toe's greatest height above its rest height.
    """

    stance_share: float
    step_length: float
    cadence: float
    swing_clearance: float


def _runs(mask: Mask, value: bool, minimum: int) -> list[tuple[int, int]]:
    """[start, end) of the runs of ``value`` of at least so many intervals."""
    edges = np.flatnonzero(np.diff(np.concatenate(([not value], mask, [not value])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in pairwise(edges) if mask[a] == value and b - a >= minimum]


def gait(positions: Array, rule: StanceRule | None = None, minimum: int = 3) -> Gait:
    """Steps of one motion.

    Args:
        positions: (T, 22, 3) metres, world.
        rule: when a foot stands.
        minimum: intervals that a stance or a swing must last.
    """
    feet = foot_stance(positions, rule)
    landings: list[tuple[int, int]] = []
    clearances = []
    for foot, toe in enumerate((1, 3)):
        stances = _runs(feet[:, foot], True, minimum)
        landings += [(start, foot) for start, _ in stances if start > 0]
        height = positions[:, CONTACT_JOINTS[toe], 1] - CONTACT_REST_HEIGHTS[toe]
        for (_, lifted), (landed, _) in pairwise(stances):
            clearances.append(float(height[lifted : landed + 1].max()))
    landings.sort()
    lengths = [
        float(np.linalg.norm(_foot_place(positions, *later) - _foot_place(positions, *earlier)))
        for earlier, later in pairwise(landings)
        if earlier[1] != later[1]
    ]
    seconds = len(feet) / FPS
    return Gait(
        stance_share=float(feet.mean()) if feet.size else float("nan"),
        step_length=float(np.mean(lengths)) if lengths else float("nan"),
        cadence=len(landings) / seconds if landings else float("nan"),
        swing_clearance=float(np.mean(clearances)) if clearances else float("nan"),
    )


def _foot_place(positions: Array, frame: int, foot: int) -> Array:
    """Ground position (2,) of a foot's ankle shortly after it landed, when it has come to rest."""
    later = min(frame + 2, len(positions) - 1)
    return positions[later, CONTACT_JOINTS[2 * foot]][[0, 2]]


def penetration(positions: Array) -> Array:
    """How far the deepest heel or toe lies under the ground, (..., T) in cm; 0 where none does."""
    height = positions[..., CONTACT_JOINTS, 1] - CONTACT_REST_HEIGHTS
    return np.maximum(-height.min(axis=-1), 0) * 100
