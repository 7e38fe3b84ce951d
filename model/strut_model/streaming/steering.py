"""Steering: what a window lacks of the asked path at its end is made up for within it, as far as a body may.

The network follows an asked path by a share only, so tight curves run wide and corners are cut late. Games close such
gaps by warping root motion; so does this, over the whole body and evenly over the window, before the feet are locked:
those that stand stay where they are.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strut_model.features import WINDOW
from strut_model.streaming import kinematics as kin

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

WAY_SHARE = 0.3
"""A window's way is changed by at most this share of the way asked for."""
TURN_SHARE = 0.2
"""And its turn by at most this share of the turn asked for."""
_RAMP = np.arange(1, WINDOW + 1, dtype=np.float32) / np.float32(WINDOW)


def steer(linear: Float, rotations: Float, asked: Float, heading: Float, placed: Bool, faced: Bool) -> None:
    """Lead windows to the end of the asked path, in place.

    Args:
        linear: (B, 16, 6) root x and z, its heading, pelvis x, y and z in the canonical frame; metres and radians.
        rotations: (B, 16, 22, 4), the pelvis' in the canonical frame.
        asked: (B, 2) metres, where the root shall be in the last frame, in the canonical frame.
        heading: (B,) radians, how it shall face there, likewise.
        placed, faced: (B,) whether they are asked for at all.
    """
    short = asked - linear[:, -1, :2]
    limit = np.float32(WAY_SHARE) * np.hypot(asked[:, 0], asked[:, 1]) * placed
    length = np.hypot(short[:, 0], short[:, 1])
    short *= np.minimum(np.float32(1.0), limit / np.maximum(length, np.float32(1e-9)))[:, None]

    turn = _half_turns(heading)
    limit = np.float32(TURN_SHARE) * np.abs(turn) * faced
    angle = np.clip(_half_turns(turn - linear[:, -1, 2]), -limit, limit)[:, None] * _RAMP
    relative = kin.turn_ground(linear[..., 3::2] - linear[..., :2], np.cos(angle), np.sin(angle))
    linear[..., :2] += short[:, None] * _RAMP[:, None]
    linear[..., 2] += angle
    linear[..., 3::2] = linear[..., :2] + relative
    rotations[:, :, 0] = kin.multiply(kin.heading_quaternions(angle), rotations[:, :, 0])


def _half_turns(angle: Float) -> Float:
    """Angles in [-pi, pi)."""
    full = np.float32(2 * np.pi)
    return np.asarray((angle + np.float32(np.pi)) % full - np.float32(np.pi))
