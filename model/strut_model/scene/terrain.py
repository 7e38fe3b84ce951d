"""Ground that is not level: height samples, and a clip's feet placed on them.

This is the geometry for whole clips; ``strut_model.streaming.ground`` does the same for windows as they are streamed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from strut_model import rotations as rot
from strut_model.clip import Clip
from strut_model.data.pack import SYNTHETIC
from strut_model.data.synthesis.takes import Array, Take, smoothstep
from strut_model.heights import HeightField
from strut_model.scene.gait import Feet, Gait, swings
from strut_model.skeleton import CONTACT_REST_HEIGHTS

SOLE = np.array([[0.0, -0.117, -0.05], [0.0, -0.117, 0.02], [0.0, -0.117, 0.09], [0.0, -0.117, 0.17]])
"""(4, 3) metres, points under heel, arch, ball and toes of a foot that stands flat, from its ankle."""
FARTHEST_SHIFT = 0.24
"""Metres along the foot by which a stance is moved so that it does not rest across an edge."""
EDGE = 0.015
"""Metres by which the ground under a sole may leave a straight line before it counts as an edge."""
SWING_MARGIN = 0.02
"""Metres that soles keep above the ground in the middle of a swing."""
STEEPEST = np.radians(35.0)
_OFFSETS = np.linspace(-FARTHEST_SHIFT, FARTHEST_SHIFT, 49)
_FOLLOWING = 4.0  # frames, how smoothly the pelvis follows the feet


def inclined(angle: float, length: float = 12.0) -> HeightField:
    """A plane through the origin that rises towards +Z.

    Args:
        angle: radians.
        length: metres from the origin to the grid's border.
    """
    count = int(np.ceil(length)) + 1
    line = np.linspace(-length, length, count)
    heights = np.repeat((np.tan(angle) * line)[:, None], count, axis=1)
    return HeightField(np.array([-length, -length]), np.array(0.0), 2 * length / (count - 1), heights)


def staircase(rise: float, tread: float, steps: int, begin: float = 0.5, width: float = 4.0) -> HeightField:
    """Stairs that lead up (down where ``rise`` is negative) towards +Z.

    Args:
        rise: metres of each step, at most .4 in size.
        tread: metres, depth of each step.
        steps: how many.
        begin: metres from the origin to the first riser.
        width: metres to each side.
    """
    if abs(rise) > 0.4:
        raise ValueError(f"rise: is {rise:g}; allowed: -0.4 to 0.4 metres")
    spacing = 0.02
    z = np.arange(-2.0, begin + steps * tread + 3.0, spacing)
    level = np.clip(np.floor((z - begin) / tread) + 1, 0, steps)
    columns = int(2 * width / spacing) + 1
    return HeightField(np.array([-width, z[0]]), np.array(0.0), spacing, np.repeat((rise * level)[:, None], columns, 1))


def on_ground(clip: Clip, ground: HeightField) -> Clip:
    """A clip walked on a ground instead of a level one: feet, pelvis and contacts' places follow it.

    Standing feet rest on the ground with their soles along it, are moved along the foot where they would rest across an
    edge, and swinging feet go over what lies between. The pelvis follows the feet and comes down where a leg would not
    reach. How a scene's slope changes posture and steps is `apply.apply_scene`'s business, done before.

    Args:
        clip: on level ground at height 0.
        ground: one field, without batch axes.
    """
    gait = Gait.of(clip)
    feet = Feet.of(gait.take)
    ankles, soles = feet.ankles.copy(), feet.soles.copy()
    base = np.zeros((gait.frames, 2))
    for side, runs in enumerate(gait.stances):
        if runs:
            _place(ankles[:, side], soles[:, side], base[:, side], runs, ground)
        else:
            base[:, side] = ground.at(ankles[:, side][:, [0, 2]])
            ankles[:, side, 1] += base[:, side]
    follow = gaussian_filter1d(base.mean(axis=1), _FOLLOWING, mode="nearest")
    pelvis = gait.take.pelvis + follow[:, None] * np.array([0.0, 1.0, 0.0])
    placed = gait.with_feet(Feet(ankles, soles), Take(pelvis, gait.take.rotations))
    return replace(
        clip,
        pelvis=placed.take.pelvis.astype(np.float32),
        rotations=placed.take.rotations.astype(np.float32),
        tags=(*(tag for tag in clip.tags if tag != SYNTHETIC), SYNTHETIC, "terrain"),
    )


def sole_points(ankles: Array, soles: Array) -> Array:
    """(..., 4, 3) metres, the points of `SOLE` of feet with ankles (..., 3) and orientations (..., 4)."""
    points = np.broadcast_to(SOLE, (*ankles.shape[:-1], 4, 3))
    turns = np.broadcast_to(soles[..., None, :], (*soles.shape[:-1], 4, 4))
    return ankles[..., None, :] + rot.rotate(turns, points)


def _place(ankles: Array, soles: Array, base: Array, runs: list[tuple[int, int]], ground: HeightField) -> None:
    """One foot put onto the ground, in place: ankles (T, 3), soles (T, 4), and the ground's height under it (T,)."""
    frames = np.arange(len(ankles), dtype=np.float64)
    shifts, heights, pitches = [], [], []
    for start, stop in runs:
        middle = (start + stop - 1) // 2
        heading = float(rot.heading_of(soles[middle]))
        shift, height, pitch = _foothold(ankles[middle][[0, 2]], heading, ground)
        shifts.append(shift * np.array([np.sin(heading), np.cos(heading)]))
        heights.append(height)
        pitches.append(pitch)
    level = sole_points(ankles, soles)[..., 1].min(axis=1)
    share = _going_over(frames, runs)
    index = np.minimum(share.astype(int), len(runs) - 1)
    later = np.minimum(index + 1, len(runs) - 1)
    weight = share - index

    def between(values: Array) -> Array:
        w = weight[:, None] if values.ndim == 2 else weight
        return values[index] * (1 - w) + values[later] * w

    base[:] = between(np.array(heights))
    # Before its first stance and after its last one a foot goes along the ground below it.
    first, last = runs[0][0], runs[-1][1]
    under = ground.at(ankles[:, [0, 2]])
    base[:first] += under[:first] - under[first]
    base[last:] += under[last:] - under[last - 1]
    ankles[:, [0, 2]] += between(np.array(shifts))
    ankles[:, 1] += base
    facing = rot.heading_of(soles)
    axis = np.stack((np.cos(facing), np.zeros(len(facing)), -np.sin(facing)), axis=-1)
    incline = between(np.array(pitches))
    turn = rot.from_axis_angle(-axis * incline[:, None])
    # The foot turns about where it stands, not about its ankle.
    pivot = np.array([0.0, CONTACT_REST_HEIGHTS[0], 0.0])
    ankles += rot.rotate(turn, np.broadcast_to(pivot, ankles.shape)) - pivot
    soles[:] = rot.multiply(turn, soles)
    for lifted, landed in [(0, first), *swings(runs), (last, len(ankles))]:
        if landed > lifted:
            swing = slice(lifted, landed)
            ankles[swing, 1] += _over(ankles[swing], soles[swing], level[swing], ground)


def _foothold(place: Array, heading: float, ground: HeightField) -> tuple[float, float, float]:
    """How far a stance is moved along the foot, the ground's height under its ankle, and its pitch (radians)."""
    ahead = np.array([np.sin(heading), np.cos(heading)])
    along = np.linspace(SOLE[0, 2], SOLE[-1, 2], 12)
    points = place + (_OFFSETS[:, None, None] + along[None, :, None]) * ahead
    heights = ground.at(points.reshape(-1, 2)).reshape(len(_OFFSETS), len(along))
    slope = (heights[:, -1] - heights[:, 0]) / (along[-1] - along[0])
    line = heights[:, :1] + slope[:, None] * (along - along[0])
    rough = np.abs(heights - line).max(axis=1) + np.where(np.abs(np.arctan(slope)) > STEEPEST, 1.0, 0.0)
    # The nearest foothold without an edge; where there is none, the least uneven.
    best = int(np.argmin(np.where(rough < EDGE, np.abs(_OFFSETS), 10 + rough)))
    under = line[best, 0] - slope[best] * along[0]
    return float(_OFFSETS[best]), float(under), float(np.arctan(slope[best]))


def _going_over(frames: Array, runs: list[tuple[int, int]]) -> Array:
    """(T,) number of the stance that a foot belongs to, going over smoothly in its swings."""
    out = np.zeros(len(frames))
    for number, (lifted, landed) in enumerate(swings(runs)):
        out[landed:] = number + 1
        out[lifted:landed] = number + smoothstep((frames[lifted:landed] - lifted + 1) / (landed - lifted + 1))
    return out


def _over(ankles: Array, soles: Array, level: Array, ground: HeightField) -> Array:
    """(T,) metres that a swing is lifted so that the sole clears the ground; little at both ends.

    Captured soles touch the floor in mid-swing: they are lifted no higher than they were over level ground, ``level``
    (T,) metres.
    """
    points = sole_points(ankles, soles)
    heights = ground.at(points[..., [0, 2]].reshape(-1, 2)).reshape(points.shape[:-1])
    need = np.maximum((heights - points[..., 1]).max(axis=1) + np.minimum(level, SWING_MARGIN), 0.0)
    if need.max() == 0:
        return need
    phase = (np.arange(len(ankles)) + 1) / (len(ankles) + 1)
    eased = gaussian_filter1d(maximum_filter1d(need, 7, mode="nearest"), 1.5, mode="nearest")
    return eased * smoothstep(phase / 0.15) * smoothstep((1 - phase) / 0.15)
