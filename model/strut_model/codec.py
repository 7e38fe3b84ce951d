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


def encode_quat48(quaternions: ArrayLike) -> NDArray[np.uint16]:
    """Pack unit quaternions.

    Args:
        quaternions: (..., 4), order (x, y, z, w), unit length; q and -q give the same code.

    Returns:
        (..., 3) uint16. The top bits of words 0 and 1 hold the index of the component left out (low bit first).

    Raises:
        ValueError: the last axis is not 4 long, or a value is not finite, or a quaternion has no length.
    """
    q = np.asarray(quaternions)
    if q.ndim == 0 or q.shape[-1] != 4:
        raise ValueError(f"quaternions: shape is {q.shape}, the last axis must be 4 long (x, y, z, w)")
    if not np.isfinite(q).all():
        raise ValueError("quaternions: a value is not finite, all must be finite")
    # Component by component: a server does this for every frame of everybody, and short rows are slow in numpy.
    components = q.reshape(-1, 4).T.astype(q.dtype if q.dtype == np.float32 else np.float64, order="C")
    x, y, z, w = components
    length = np.sqrt(_sum_of_squares(components.astype(np.float64, copy=False)))
    if length.size and length.min() < 1e-6:
        raise ValueError(f"quaternions: length is {length.min():.3g}, it must be 1")
    sizes = np.abs(components)
    second, fourth = sizes[1] > sizes[0], sizes[3] > sizes[2]
    upper = np.maximum(sizes[2], sizes[3]) > np.maximum(sizes[0], sizes[1])
    largest = np.where(upper, fourth + np.uint16(2), second)
    left_out = np.where(upper, np.where(fourth, w, z), np.where(second, y, x))
    scale = np.copysign((_HALF_STEPS / _RANGE) / length, left_out)
    kept = np.where(largest == 0, y, x), np.where(largest <= 1, z, y), np.where(largest == 3, z, w)
    code = np.empty((len(length), 3), np.uint16)
    for word, component in enumerate(kept):
        steps = component * scale
        np.rint(steps, out=steps)
        steps += _HALF_STEPS
        code[:, word] = np.clip(steps, 0, 2 * _HALF_STEPS, out=steps)
    code[:, 0] |= (largest & 1) << _BITS
    code[:, 1] |= (largest >> 1) << _BITS
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
    words_by_place = np.ascontiguousarray(words.reshape(-1, 3).T)
    largest = words_by_place[0] >> _BITS
    largest |= (words_by_place[1] >> _BITS) << 1
    small = (words_by_place & _MASK).astype(np.float64)
    small -= _HALF_STEPS
    small *= _RANGE / _HALF_STEPS
    first, second, third = small
    squares = _sum_of_squares(small)
    missing = np.sqrt(np.maximum(0.0, 1.0 - squares))
    is_x, is_w, lower = largest == 0, largest == 3, largest <= 1
    x = np.where(is_x, missing, first)
    y = np.where(is_x, first, np.where(lower, missing, second))
    z = np.where(lower, second, np.where(is_w, third, missing))
    w = np.where(is_w, missing, third)
    # Turned to w >= 0, and of unit length also where the three were longer than that.
    factor = np.copysign(1.0 / np.sqrt(squares + missing * missing), w)
    q = np.empty((len(factor), 4), np.float32)
    for place, component in enumerate((x, y, z, w)):
        np.multiply(component, factor, out=q[:, place], casting="same_kind")
    return q.reshape(*words.shape[:-1], 4)


def _sum_of_squares(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) of arrays (C, N), in their order."""
    total: NDArray[np.float64] = components[0] * components[0]
    for component in components[1:]:
        total += component * component
    return total
