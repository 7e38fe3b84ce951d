"""A critically damped spring over the frames of a window: how a carried quantity goes to what is asked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strut_model.features import WINDOW

Float = npt.NDArray[np.float32]

SETTLED = np.float32(5e-4)
"""Metres, and metres a frame, within which a spring has arrived."""
_AHEAD = np.arange(1, WINDOW + 1, dtype=np.float32)


def sprung(begin: Float, speed: Float, target: Float, decay: np.float32) -> Float:
    """(M, 16, 2) a quantity in each frame, and by how much more it is each frame.

    Args:
        begin, speed: (M,) the same in the frame before the first.
        target: (M,) where it goes.
        decay: y of the spring, per frame.
    """
    offset = begin - target
    moving = speed + decay * offset
    fade = np.exp(-decay * _AHEAD)
    out = np.empty((len(target), WINDOW, 2), np.float32)
    out[..., 0] = (offset[:, None] + moving[:, None] * _AHEAD) * fade
    out[..., 1] = (moving[:, None] - decay * (offset[:, None] + moving[:, None] * _AHEAD)) * fade
    out[(np.abs(out) < SETTLED).all(axis=-1)] = 0.0
    out[..., 0] += target[:, None]
    return out
