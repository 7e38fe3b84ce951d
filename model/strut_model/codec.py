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
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    if q.size and length.min() < 1e-6:
        raise ValueError(f"quaternions: length is {length.min():.3g}, it must be 1")
    q = q / length
    largest = np.abs(q).argmax(axis=-1)
    sign = np.where(np.take_along_axis(q, largest[..., None], axis=-1) < 0.0, -1.0, 1.0)
    small = np.take_along_axis(q * sign, _REMAINING[largest], axis=-1)
    steps = np.rint(small * (_HALF_STEPS / _RANGE)).astype(np.int64) + _HALF_STEPS
    code = np.clip(steps, 0, 2 * _HALF_STEPS).astype(np.uint16)
    code[..., 0] |= ((largest & 1) << _BITS).astype(np.uint16)
    code[..., 1] |= ((largest >> 1) << _BITS).astype(np.uint16)
    return code


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
    largest = (words[..., 0] >> _BITS).astype(np.int64) | ((words[..., 1] >> _BITS).astype(np.int64) << 1)
    small = ((words & _MASK).astype(np.float64) - _HALF_STEPS) * (_RANGE / _HALF_STEPS)
    missing = np.sqrt(np.maximum(0.0, 1.0 - np.square(small).sum(axis=-1)))
    q = np.empty((*words.shape[:-1], 4), dtype=np.float64)
    np.put_along_axis(q, _REMAINING[largest], small, axis=-1)
    np.put_along_axis(q, largest[..., None], missing[..., None], axis=-1)
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., 3:] < 0.0, -q, q).astype(np.float32)
