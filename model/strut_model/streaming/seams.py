"""Inertialised seams: a new window takes over position and velocity of what came before, at once and without a step.

The difference between the history, extrapolated, and the new window is carried on as an offset that a critically damped
spring lets die away (Bollo, "Inertialization", GDC 2018; the spring of Holden, "Spring-It-On"): with the offset p0 and
its velocity v0 one frame before the new motion, frame t of it is moved by (p0 + (v0 + y p0) t) exp(-y t). Rotations
do this with rotation vectors. Borders inside a window, where a network has them, are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from strut_model.streaming import kinematics as kin

Float = npt.NDArray[np.float32]

SEAM_DECAY = 0.6
"""y of the spring, per frame: .35 is softer and dulls style, 1.0 leaves a fifth more acceleration at the seam."""

_PI = np.float32(np.pi)
_TWO_PI = np.float32(2 * np.pi)
_STEPS = np.array([0, 1, 3, 4])


@lru_cache(maxsize=64)
def _curves(frames: int, borders: tuple[int, ...], decay: float) -> Float:
    """(frames, 2 n): how much of each border's position and velocity offset each frame gets."""
    curves = np.zeros((frames, 2 * len(borders)), np.float32)
    for column, border in enumerate(borders):
        time = np.arange(1, frames - border + 1)
        fade = np.exp(-decay * time)
        curves[border:, 2 * column] = (1 + decay * time) * fade
        curves[border:, 2 * column + 1] = time * fade
    return curves


def inertialise(
    linear: Float,
    rotations: Float,
    previous_linear: Float,
    previous_rotations: Float,
    borders: Sequence[int] = (0,),
    decay: float = SEAM_DECAY,
    angular: slice = slice(0, 0),
) -> tuple[Float, Float]:
    """Join a window to the three frames before it.

    Args:
        linear: (B, T, C) channels that add up: positions, and angles where ``angular`` says so.
        rotations: (B, T, J, 4) unit quaternions.
        previous_linear: (B, 3, C) the same channels in the last three frames of the history.
        previous_rotations: (B, 3, J, 4).
        borders: frames of the window where an offset is taken up; 0 is the seam itself. At most T - 3.
        decay: y of the spring, per frame.
        angular: channels of ``linear`` that are angles in radians, whose differences wrap.

    Returns:
        The joined channels and rotations, new arrays of the same shapes.
    """
    batch, frames, channels = linear.shape
    joints = rotations.shape[2]
    borders = tuple(borders)
    shifts = np.empty((batch, 2 * len(borders), channels), np.float32)
    turns = np.empty((batch, 2 * len(borders), joints, 3), np.float32)
    for index, border in enumerate(borders):
        if border >= 3:
            before, turned = linear[:, border - 3 : border], rotations[:, border - 3 : border]
        else:
            before = np.concatenate((previous_linear[:, border:], linear[:, :border]), axis=1)
            turned = np.concatenate((previous_rotations[:, border:], rotations[:, :border]), axis=1)
        row = slice(2 * index, 2 * index + 2)
        _linear_offsets(before, linear[:, border : border + 3], angular, shifts[:, row])
        _angular_offsets(turned, rotations[:, border : border + 3], turns[:, row])
    curves = _curves(frames, borders, decay)
    shifted = np.matmul(curves, shifts)
    shifted += linear
    turned_by = np.matmul(curves, turns.reshape(batch, -1, 3 * joints)).reshape(batch, frames, joints, 3)
    return shifted, kin.multiply(kin.exponential(turned_by), rotations)


def _offsets(gap: Float, steps: Float, out: Float) -> None:
    """Position and velocity offset of the old motion against the new one a frame before it begins.

    Args:
        gap: (B, ...) from the new motion's first frame, taken back by its first step, to the old motion's last.
        steps: (B, 4, ...) the old motion's last two steps from frame to frame and the new one's first two.
        out: (B, 2, ...) written.
    """
    # A motion that merely accelerates by a has the gap a and the steps' difference -2 a without any seam: that part
    # is expected, not to be eased away.
    acceleration = steps[:, 1] - steps[:, 0]
    acceleration += steps[:, 3]
    acceleration -= steps[:, 2]
    np.subtract(gap, acceleration * np.float32(0.5), out=out[:, 0])
    acceleration += steps[:, 1]
    np.subtract(acceleration, steps[:, 2], out=out[:, 1])


def _linear_offsets(before: Float, after: Float, angular: slice, out: Float) -> None:
    """Offsets (B, 2, C) between the old frames (B, 3, C) and the new ones (B, 3, C)."""
    frames = np.concatenate((before, after), axis=1)
    steps = frames[:, 1:] - frames[:, :-1]  # of which the middle one crosses the seam
    if angular.start != angular.stop:
        angles = steps[..., angular]
        angles += _PI
        angles %= _TWO_PI
        angles -= _PI
    gap = steps[:, 3] - steps[:, 2]
    _offsets(gap, steps[:, _STEPS], out)


def _angular_offsets(before: Float, after: Float, out: Float) -> None:
    """The same for rotations (B, 3, J, 4), as rotation vectors (B, 2, J, 3) seen from the parent."""
    frames = np.concatenate((before, after), axis=1)
    velocity = kin.quotient(frames[:, 1:], frames[:, :-1])  # (B, 5, J, 4)
    # One frame back from the new motion: n(-1) = velocity^-1 n(0), so old n(-1)^-1 = (n(0) old^-1)^-1 velocity.
    velocity[:, 2] = kin.inverse_product(velocity[:, 2], velocity[:, 3])
    logs = kin.logarithm(velocity)
    _offsets(logs[:, 2], logs[:, _STEPS], out)
