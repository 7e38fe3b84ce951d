"""Where a foot can stand: the nearest place along the foot without an edge under the sole, and the plane there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

HEEL, TIP = -0.05, 0.17
"""Metres along the foot from the ankle's joint to the sole's ends."""
SOLE_DEPTH = 0.117
"""Metres from the ankle's joint down to the sole of a foot that stands flat."""
EDGE = 0.015
"""Metres by which the ground under a sole may leave a plane before it counts as an edge."""
STEEPEST = float(np.tan(np.radians(35.0)))
"""Incline of the steepest ground that a foot is put on."""

_MARGIN = 0.015
_SPAN = 13  # samples under a sole, with a little room at both ends
_FINER = 2  # places to a sample
_STEP = (TIP - HEEL + 2 * _MARGIN) / (_SPAN - 1) / _FINER
_SHIFTS = 41  # -.208 to .208 m
_HALF_WIDTH = 0.035
_BESIDE_EDGE = 0.03
"""Metres that a foothold right beside an edge counts as farther: feet do not land to the centimetre."""
ALONG = (HEEL - _MARGIN + _STEP * (np.arange(_FINER * (_SPAN - 1) + _SHIFTS) - _SHIFTS // 2)).astype(np.float32)
"""(65,) metres along the foot from the ankle, where the ground is sampled for a foothold."""
_OFFSETS = (_STEP * (np.arange(_SHIFTS) - _SHIFTS // 2)).astype(np.float32)
_LENGTH = np.float32(_FINER * _STEP * (_SPAN - 1))
_RAMP = (np.arange(_SPAN) * _FINER * _STEP).astype(np.float32)
_SAMPLES = np.arange(_SHIFTS)[:, None] + _FINER * np.arange(
    _SPAN
)  # (41, 13) which samples lie under the sole at each shift


@dataclass(frozen=True)
class Footholds:
    """Places to stand, leading axes (...,).

    Attributes:
        shift: metres along the foot from the place asked for.
        height: metres, of the ground's plane below the ankle, after the shift.
        pitch: radians, toes up.
        roll: radians, of the ground across the foot: up towards its left.
        offset: metres, height of the ground's plane at the origin.
        incline: (..., 2) its rise along x and z.
    """

    shift: Float
    height: Float
    pitch: Float
    roll: Float
    offset: Float
    incline: Float


def sample_points(ankle: Float, direction: Float) -> Float:
    """Ground points (..., 130, 2) to be sampled for footholds.

    Args:
        ankle: (..., 2) metres.
        direction: (..., 2) unit vectors from heel to toe.
    """
    left = np.stack((direction[..., 1], -direction[..., 0]), axis=-1)
    side = (ankle[..., None, :] + np.array([[_HALF_WIDTH], [-_HALF_WIDTH]], np.float32) * left[..., None, :])[
        ..., None, :
    ]
    points = side + ALONG[:, None] * direction[..., None, None, :]
    return points.reshape(*ankle.shape[:-1], 2 * len(ALONG), 2)


def nearest(heights: Float, ankle: Float, direction: Float, wanted: Bool) -> Footholds:
    """The nearest foothold without an edge; where there is none within reach, the least uneven.

    Args:
        heights: (..., 130) metres at `sample_points`.
        ankle, direction: as they were given there.
        wanted: (...,) whether it is looked for at all; else the ground is taken as it is there.
    """
    lines = heights.reshape(-1, 2, len(ALONG))
    middle = slice(_SHIFTS // 2, _SHIFTS // 2 + _FINER * _SPAN, _FINER)
    # Most grounds have no edge under the foot: only the others are searched.
    height, along, across, rough = _planes(lines[..., middle])
    shift = np.zeros(len(lines), np.float32)
    uneven = np.flatnonzero((rough >= EDGE) & wanted.ravel())
    if uneven.size:
        found = _planes(lines[uneven][..., _SAMPLES])
        across_edge = found[3] >= EDGE
        beside = across_edge.copy()
        beside[:, 1:] |= across_edge[:, :-1]
        beside[:, :-1] |= across_edge[:, 1:]
        away = np.abs(_OFFSETS) + np.float32(_BESIDE_EDGE) * beside
        best = np.where(across_edge, 10 + found[3], away).argmin(axis=-1)
        rows = np.arange(len(uneven))
        shift[uneven] = _OFFSETS[best]
        for into, values in zip((height, along, across), found):
            into[uneven] = values[rows, best]
        np.clip(across, -STEEPEST, STEEPEST, out=across)
        np.clip(along, -STEEPEST, STEEPEST, out=along)
    lead = ankle.shape[:-1]
    off, rise, pitch, roll = (values.reshape(lead) for values in (shift, height, along, across))
    left = np.stack((direction[..., 1], -direction[..., 0]), axis=-1)
    incline = pitch[..., None] * direction + roll[..., None] * left
    offset = rise - np.einsum("...i,...i->...", incline, ankle) - off * pitch
    return Footholds(off, rise, np.arctan(pitch), np.arctan(roll), offset, incline)


def _planes(soles: Float) -> tuple[Float, Float, Float, Float]:
    """Of planes through the ground under soles (n, 2, ..., 13): the height below the ankle, the rise along and across
    the foot, and how far the ground leaves the plane; a metre is added to that where it is too steep to stand on."""
    slope = (soles[..., -1] - soles[..., 0]) * np.float32(1 / _LENGTH)
    plane = soles[..., 0, None] + slope[..., None] * _RAMP
    off = soles - plane
    highest, lowest = off.max(axis=-1).max(axis=1), off.min(axis=-1).min(axis=1)
    centre = plane[..., _SPAN // 2]
    across = (centre[:, 0] - centre[:, 1]) * np.float32(1 / (2 * _HALF_WIDTH))
    along = (slope[:, 0] + slope[:, 1]) * np.float32(0.5)
    rough = np.maximum(highest, -lowest)
    rough += (np.abs(along) > STEEPEST) | (np.abs(across) > STEEPEST)
    # A sole rests on what stands out of the plane.
    height = (soles[:, 0, ..., 0] + soles[:, 1, ..., 0]) * np.float32(0.5) + highest
    height -= along * np.float32(HEEL - _MARGIN)
    return height, along, across, rough
