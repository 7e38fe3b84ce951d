"""Seams, jerk and how lively hands, feet and head are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from strut_model.skeleton import FPS, JOINT_INDEX

Array = NDArray[np.floating]

HANDS = (JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"])
FEET = (JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"])
HEAD = (JOINT_INDEX["head"],)


def acceleration(positions: Array) -> Array:
    """Joint accelerations (..., T-2, J) in m/s^2; entry i belongs to frame i + 1."""
    return np.linalg.norm(np.diff(positions, n=2, axis=-3), axis=-1) * FPS**2


def jerk(positions: Array) -> Array:
    """Joint jerks (..., T-3, J) in m/s^3."""
    return np.linalg.norm(np.diff(positions, n=3, axis=-3), axis=-1) * FPS**3


def speed(positions: Array, joints: tuple[int, ...]) -> Array:
    """Speeds (..., T-1, len(joints)) in m/s."""
    return np.linalg.norm(np.diff(positions[..., list(joints), :], axis=-3), axis=-1) * FPS


def seam_and_inside(positions: Array, frames_per_window: int = 16, blend: int = 8) -> tuple[Array, Array]:
    """Largest joint acceleration over each seam's blend, and over equally long stretches inside windows.

    Args:
        positions: (T, 22, 3) metres; the last history frame, then the generated frames, so that window k starts at
            frame 1 + k * frames_per_window and the first seam lies between frames 0 and 1.
        frames_per_window: frames that are used of a window.
        blend: frames of a stretch: a seam's begins with the last frame before the window, the one inside ends with
            the last frame but one, so that the two never share a frame.

    Returns:
        (seams,) and (seams,) m/s^2: the greatest over frames and joints. The motion's first seam is left out: its
        history is real and its acceleration needs frames before it.
    """
    largest = acceleration(positions).max(axis=-1)  # entry i is frame i + 1
    seams, insides = [], []
    first = 1 + frames_per_window
    while first + frames_per_window - 1 <= len(positions) - 2:
        seams.append(largest[first - 2 : first - 2 + blend].max())
        insides.append(largest[first - 2 + blend : first - 2 + 2 * blend].max())
        first += frames_per_window
    return np.array(seams), np.array(insides)


def band_energy(positions: Array, joints: tuple[int, ...], low: float = 2.0, high: float = 8.0) -> float:
    """Root mean square speed in m/s of some joints in a frequency band in Hz; NaN for motions under a second."""
    if len(positions) < 30:
        return float("nan")
    filtered = sosfiltfilt(
        butter(3, (low, high), "bandpass", fs=FPS, output="sos"), positions[:, list(joints)], axis=0, padlen=15
    )
    return float(np.sqrt((speed(filtered, tuple(range(len(joints)))) ** 2).mean()))


def lean(positions: Array) -> float:
    """Mean inclination of the trunk in degrees: the angle of the line from pelvis to neck to the vertical.

    Args:
        positions: (T, 22, 3) metres.
    """
    trunk = positions[:, JOINT_INDEX["neck"]] - positions[:, JOINT_INDEX["pelvis"]]
    upright = trunk[:, 1] / np.linalg.norm(trunk, axis=-1)
    return float(np.degrees(np.arccos(np.clip(upright, -1, 1))).mean())


def amplitude(local: Array) -> float:
    """How far joints range: mean over joints of the spread (m) of their place relative to the pelvis.

    Args:
        local: (T, 22, 3) metres, joints relative to the pelvis in the heading frame.
    """
    return float(np.sqrt(local.var(axis=0).sum(axis=-1)).mean())
