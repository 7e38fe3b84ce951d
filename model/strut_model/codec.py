"""QUAT48: unit quaternions as three 16-bit words ("smallest three"), in packed data sets and on the wire.

The component of largest magnitude is left out: the unit length gives it back. The other three lie within
+-1/sqrt(2) and are stored with 15 bits each; the index of the missing one takes the two remaining spare bits.
The largest error is under .02 degrees (the step is 4.3e-5, so each component is off by 2.2e-5 at most).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BITS = 15
_MASK = (1 << _BITS) - 1
# An even count of steps about the centre, so that zero (thus the identity) is stored exactly.
_HALF_STEPS = (_MASK - 1) // 2
_RANGE = 1.0 / np.sqrt(2.0)
_REMAINING = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])


def encode_quat48(quaternions: ArrayLike) -> NDArray[np.uint16]:
    """Pack unit quaternions.

    Args:
        quaternions: (..., 4), order (x, y, z, w), unit length; q and -q give the same code.

    Returns:
        (..., 3) uint16. The top bits of words 0 and 1 hold the index of the component left out (low bit first).

    Raises:
        ValueError: the last axis is not 4 long, or a value is not finite, or a quaternion has no length.
    """
    q = np.asarray(quaternions, dtype=np.float64)
    if q.ndim == 0 or q.shape[-1] != 4:
        raise ValueError(f"quaternions: shape is {q.shape}, the last axis must be 4 long (x, y, z, w)")
    if not np.isfinite(q).all():
        raise ValueError("quaternions: a value is not finite, all must be finite")
    # Flat indices instead of take_along_axis and its like: a server does this for every frame of everybody.
    flat = q.reshape(-1, 4)
    length = np.sqrt(np.einsum("ni,ni->n", flat, flat))
    if length.size and length.min() < 1e-6:
        raise ValueError(f"quaternions: length is {length.min():.3g}, it must be 1")
    largest = np.abs(flat).argmax(axis=1)
    first = np.arange(0, flat.size, 4)
    scale = np.copysign((_HALF_STEPS / _RANGE) / length, flat.take(first + largest))
    steps = np.rint(flat.take(first[:, None] + _REMAINING[largest]) * scale[:, None])
    steps += _HALF_STEPS
    code = np.clip(steps, 0, 2 * _HALF_STEPS, out=steps).astype(np.uint16)
    code[:, 0] |= ((largest & 1) << _BITS).astype(np.uint16)
    code[:, 1] |= ((largest >> 1) << _BITS).astype(np.uint16)
    return code.reshape(*q.shape[:-1], 3)


def decode_quat48(code: ArrayLike) -> NDArray[np.float32]:
    """Unpack quaternions.

    Args:
        code: (..., 3) uint16, as `encode_quat48` makes it.

    Returns:
        (..., 4) float32 unit quaternions (x, y, z, w) with w >= 0.

    Raises:
        ValueError: the last axis is not 3 long.
    """
    words = np.asarray(code, dtype=np.uint16)
    if words.ndim == 0 or words.shape[-1] != 3:
        raise ValueError(f"code: shape is {words.shape}, the last axis must be 3 long (QUAT48 words)")
    flat = words.reshape(-1, 3)
    high = (flat[:, :2] >> _BITS).astype(np.int64)
    largest = high[:, 0] | (high[:, 1] << 1)
    small = (flat & _MASK).astype(np.float64)
    small -= _HALF_STEPS
    small *= _RANGE / _HALF_STEPS
    missing = np.sqrt(np.maximum(0.0, 1.0 - np.einsum("ni,ni->n", small, small)))
    q = np.empty((len(flat), 4), dtype=np.float64)
    first = np.arange(0, q.size, 4)
    q.put(first[:, None] + _REMAINING[largest], small)
    q.put(first + largest, missing)
    # Turned to w >= 0, and of unit length also where the three were longer than that.
    q *= np.copysign(1.0 / np.sqrt(np.einsum("ni,ni->n", q, q)), q[:, 3])[:, None]
    return q.astype(np.float32).reshape(*words.shape[:-1], 4)
