"""Path and facing: how closely the body, not the root channel, follows what was asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from strut_model import rotations as rot
from strut_model.motion import Motion, explicit_root
from strut_model.skeleton import JOINTS

Array = NDArray[np.floating]


def body_path(motion: Motion) -> tuple[Array, Array]:
    """Where a motion's body is and faces: ground position (T, 2) in metres and heading (T,) in radians.

    The low-passed pelvis and the low-passed facing of hips and chest, taken from the joints by the same filter that
    gives a real clip its root path. The motion's own root is not used.
    """
    body = explicit_root(motion.world_pelvis(), motion.world_rotations(), motion.contacts)
    return body.root_position, body.root_heading


def low_passed(path: Array) -> Array:
    """A path (T, 2) through the filter that ``body_path`` puts the pelvis through, so that the two can be compared.

    A smooth path hardly changes; one with a corner does, and a body that took the corner as it is would else be found
    20 cm away from it.
    """
    pelvis = np.stack((path[:, 0], np.zeros(len(path)), path[:, 1]), axis=-1)
    still = rot.identity((len(path), JOINTS)).astype(pelvis.dtype)
    return explicit_root(pelvis, still, np.zeros((len(path), 4))).root_position


def path_error(position: Array, asked: Array) -> Array:
    """Distance (T,) in cm between where the body is and where it was asked to be, frame by frame.

    Args:
        position: (T, 2) metres.
        asked: (T, 2) metres; frames that were not asked for are NaN.
    """
    return np.linalg.norm(position - asked, axis=-1) * 100


def facing_error(heading: Array, asked: Array) -> Array:
    """Absolute wrapped difference (T,) in degrees of two headings in radians."""
    return np.degrees(np.abs(rot.wrap_angle(heading - asked)))


def leg_extension(positions: Array) -> Array:
    """Distance hip to ankle over the leg's length, (..., T, 2), left and right: 1 is a straight leg."""
    from strut_model.skeleton import JOINT_INDEX, REST_OFFSETS

    out = []
    for side in ("left", "right"):
        hip, knee, ankle = (JOINT_INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
        length = np.linalg.norm(REST_OFFSETS[knee]) + np.linalg.norm(REST_OFFSETS[ankle])
        out.append(np.linalg.norm(positions[..., hip, :] - positions[..., ankle, :], axis=-1) / length)
    return np.stack(out, axis=-1)


def smoothed_speed(pelvis: Array, sigma: float = 2.0) -> Array:
    """Ground speed (T,) in m/s of a pelvis path (T, 3), low-passed so that steps do not count."""
    path = gaussian_filter1d(pelvis[:, [0, 2]].astype(np.float64), sigma, axis=0, mode="nearest")
    return np.linalg.norm(np.gradient(path, axis=0), axis=-1) * 30.0
