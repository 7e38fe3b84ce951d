"""Bringing motion of any frame rate to another: low-pass before decimation, slerp in between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, firwin, sosfiltfilt

from strut_model import rotations as rot
from strut_model.skeleton import FPS

Array = NDArray[np.floating]

SAME_RATE = 0.005
"""Relative difference of frame rates below which frames are taken as they are (29.97 against 30)."""


def resample(pelvis: Array, rotations: Array, fps: float, target: float = FPS) -> tuple[Array, Array]:
    """Motion at another frame rate, from the same first instant to at most the same last one.

    Args:
        pelvis: (T, 3) positions.
        rotations: (T, J, 4) quaternions.
        fps: frames a second of the input.
        target: frames a second wanted.

    Returns:
        pelvis (T', 3) and rotations (T', J, 4).

    Raises:
        ValueError: a frame rate is not positive, or there is no frame.
    """
    if not fps > 0 or not target > 0:
        raise ValueError(f"fps: {fps} to {target}, both must be above 0")
    if len(pelvis) == 0:
        raise ValueError("pelvis: 0 frames, at least 1 is needed")
    if abs(fps / target - 1.0) < SAME_RATE or len(pelvis) == 1:
        return pelvis, rotations
    rotations = rot.unroll(rotations)
    if fps > target * 1.01:
        taps = _decimation_filter(fps / target)
        pelvis = _convolve(pelvis, taps)
        rotations = rot.unroll(rot.normalise(_convolve(rotations, taps)))
    # A hair of slack, so that rounding of the frame time does not cost the last frame.
    count = int(np.floor((len(pelvis) - 1) * target / fps + 1e-6)) + 1
    at = np.minimum(np.arange(count) * fps / target, len(pelvis) - 1)
    low = np.minimum(at.astype(np.int64), len(pelvis) - 2)
    share = at - low
    positions = pelvis[low] * (1 - share[:, None]) + pelvis[low + 1] * share[:, None]
    return positions, rot.slerp(
        rotations[low], rotations[low + 1], np.repeat(share[:, None], rotations.shape[1], axis=1)
    )


def smooth(pelvis: Array, rotations: Array, fps: float, cutoff: float) -> tuple[Array, Array]:
    """Motion without what is faster than `cutoff` Hz, without delay (4th-order Butterworth, both ways).

    Args:
        pelvis: (T, 3), more than a few frames.
        rotations: (T, J, 4).
        fps: frames a second.
        cutoff: Hz, below fps / 2.
    """
    if not 0 < cutoff < fps / 2:
        raise ValueError(f"cutoff: {cutoff} Hz, allowed above 0 and below {fps / 2:g}")
    sections = butter(2, cutoff, fs=fps, output="sos")
    if len(pelvis) < 16:
        return pelvis, rotations
    smoothed = sosfiltfilt(sections, rot.unroll(rotations), axis=0)
    return sosfiltfilt(sections, pelvis, axis=0), rot.normalise(smoothed)


def _decimation_filter(ratio: float) -> Array:
    """Symmetric low-pass whose half-power frequency is at .9 of the new Nyquist frequency."""
    half = int(np.ceil(3 * ratio))
    return firwin(2 * half + 1, 0.9 / ratio, window="hann")


def _convolve(values: Array, taps: Array) -> Array:
    """Filter along the first axis; the ends are continued by point reflection, so that they keep value and slope."""
    half = len(taps) // 2
    index = np.arange(-half, len(values) + half)
    inside = np.clip(index, 0, len(values) - 1)
    mirrored = np.clip(2 * inside - index, 0, len(values) - 1)
    padded = np.where(
        (index == inside).reshape((-1,) + (1,) * (values.ndim - 1)),
        values[inside],
        2 * values[inside] - values[mirrored],
    )
    out = np.zeros_like(values)
    for tap, weight in enumerate(taps):
        out += weight * padded[tap : tap + len(values)]
    return out
