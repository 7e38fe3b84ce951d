"""Curves, corners and facing apart from travel: a gait's root path bent, its stances set down again.

The body follows the bent path; each stance is moved as a whole, so that a foot that stood keeps standing.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from strut_model import rotations as rot
from strut_model.data.synthesis.footing import Stances, along, standing
from strut_model.data.synthesis.takes import Array, Root, Take, smoothstep
from strut_model.skeleton import JOINT_INDEX

GRAVITY = 9.81
SIDEWAYS = 1.9
"""m/s^2: the acceleration to the side that a gait is slowed down to."""
SLOWEST = 0.6
"""The least factor on a gait's tempo."""
_LEAN = 0.6
"""Share of the lean that would balance the acceleration to the side: the rest is the body's own suppleness."""
_TWIST = (("spine1", 0.1), ("spine2", 0.1), ("spine3", 0.1))
"""Shares of the facing that the chest turns beyond the pelvis."""
_EASE = 0.45
"""Metres of way in which a curve begins and ends."""


def arc(way: Array, radius: float, begin: float) -> Array:
    """Curvature (T,) in 1/m of a path that goes over into a circle.

    Args:
        way: (T,) metres along the path.
        radius: metres, positive to the left.
        begin: metres, where the curve begins.
    """
    return smoothstep((way - begin) / _EASE) / radius


def corner(way: Array, radius: float, angle: float, begin: float) -> Array:
    """Curvature of a path that turns by an angle (radians, positive to the left) at a radius and goes on straight."""
    length = max(abs(angle) * abs(radius) - _EASE, 0.05)
    shape = smoothstep((way - begin) / _EASE) * (1 - smoothstep((way - begin - _EASE - length) / _EASE))
    total = float((0.5 * (shape[1:] + shape[:-1]) * np.diff(way)).sum())
    # Where the path is long enough for the whole corner its angle comes out exactly.
    complete = way[-1] > begin + 2 * _EASE + length
    return shape * (angle / total if complete and total > 0 else np.sign(angle) / abs(radius))


def serpentine(way: Array, radius: float, length: float, begin: float) -> Array:
    """Curvature of an S: left and right in turn, the first way by the sign of the radius.

    Args:
        way: (T,) metres.
        radius: metres, the tightest.
        length: metres of one whole S.
        begin: metres.
    """
    return np.where(way > begin, np.sin(2 * np.pi * (way - begin) / length), 0.0) / radius


def tempo_for(speed: float, radius: float) -> float:
    """Factor on a gait's tempo with which it can take a curve of this radius."""
    return float(np.clip(np.sqrt(SIDEWAYS * abs(radius)) / max(speed, 1e-6), SLOWEST, 1.0))


def at_tempo(gait: Take, tempo: float) -> Take:
    """The gait at another tempo."""
    return gait if tempo == 1.0 else gait.at(np.arange(0, gait.frames - 1 + 1e-9, tempo))


def bend(gait: Take, curvature: Array, facing: Array | None = None, stances: Stances | None = None) -> Take:
    """A gait on a bent path.

    Args:
        gait: T frames.
        curvature: (T,) 1/m, what is added to the path's own, positive to the left; see `way_of`.
        facing: (T,) radians that the character is turned against its path; none when None.
        stances: when its feet stand; looked for when None.
    """
    root = gait.root()
    step = np.diff(root.position, axis=0)
    length = np.linalg.norm(step, axis=-1)
    turned = np.concatenate(([0.0], np.cumsum(0.5 * (curvature[1:] + curvature[:-1]) * length)))
    middle = 0.5 * (turned[1:] + turned[:-1])
    position = root.position[0] + np.concatenate((np.zeros((1, 2)), np.cumsum(rot.rotate_ground(middle, step), axis=0)))
    heading = root.heading + turned
    body = gait
    if facing is not None:
        twist = sum(share for _, share in _TWIST)
        # Hips and chest weigh the same in the facing.
        heading = heading + facing * (1 - 0.5 * twist)
        body = _twisted(gait, facing)
    leaning = _leaning(body, root, position, turned)
    return along(leaning, standing(gait) if stances is None else stances, root, Root(position, heading))


def way_of(gait: Take) -> Array:
    """(T,) metres along the root's path."""
    step = np.linalg.norm(np.diff(gait.root().position, axis=0), axis=-1)
    return np.concatenate(([0.0], np.cumsum(step)))


def _twisted(gait: Take, facing: Array) -> Take:
    rotations = gait.rotations.copy()
    for name, share in _TWIST:
        joint = JOINT_INDEX[name]
        rotations[:, joint] = rot.multiply(rot.heading_rotation(share * facing), rotations[:, joint])
    return Take(gait.pelvis, rot.normalise(rotations))


def _leaning(gait: Take, root: Root, position: Array, turned: Array) -> Take:
    """The gait leaning into the curve, still on its own path; the feet are set down afterwards."""
    speed = np.linalg.norm(np.gradient(position, axis=0), axis=-1) * 30.0
    rate = np.gradient(turned) * 30.0
    lean = gaussian_filter1d(_LEAN * np.arctan(speed * rate / GRAVITY), 5.0, mode="nearest")
    if np.abs(lean).max() < 1e-3:
        return gait
    # About the direction of travel, through the ground: to the left is towards +X of the travel frame.
    step = np.gradient(root.position, axis=0)
    travel = step / np.maximum(np.linalg.norm(step, axis=-1, keepdims=True), 1e-9)
    axis = np.stack((travel[:, 0], np.zeros(len(travel)), travel[:, 1]), axis=-1)
    roll = rot.from_axis_angle(-lean[:, None] * axis)
    base = np.stack((root.position[:, 0], np.zeros(len(travel)), root.position[:, 1]), axis=-1)
    rotations = gait.rotations.copy()
    rotations[:, 0] = rot.multiply(roll, rotations[:, 0])
    return Take(base + rot.rotate(roll, gait.pelvis - base), rot.normalise(rotations))
