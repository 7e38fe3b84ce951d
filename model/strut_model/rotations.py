"""Rotations as numpy arrays: quaternions (x, y, z, w), matrices, the 6D code, axis-angle and Euler angles.

All functions are vectorised over leading axes and keep the floating type of their input. The 6D code is the
first two columns of the matrix (Zhou et al. 2019, "On the Continuity of Rotation Representations").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating]

_AXES = {"x": 0, "y": 1, "z": 2}


def identity(shape: tuple[int, ...] = (), dtype: type = np.float32) -> Array:
    """Quaternions (*shape, 4) that rotate by nothing."""
    out: Array = np.zeros((*shape, 4), dtype=dtype)
    out[..., 3] = 1
    return out


def normalise(q: Array) -> Array:
    """Unit quaternions (..., 4) with w >= 0."""
    q = q / np.maximum(np.linalg.norm(q, axis=-1, keepdims=True), 1e-12).astype(q.dtype)
    return np.where(q[..., 3:] < 0, -q, q)


def multiply(a: Array, b: Array) -> Array:
    """Hamilton product (..., 4): the rotation b followed by a."""
    ax, ay, az, aw = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bx, by, bz, bw = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    return np.stack(
        (
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ),
        axis=-1,
    )


def inverse(q: Array) -> Array:
    """Inverse of unit quaternions (..., 4)."""
    return q * np.array([-1, -1, -1, 1], dtype=q.dtype)


def _cross(a: Array, b: Array) -> Array:
    # numpy.cross is several times slower for small trailing axes.
    return np.stack(
        (
            a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1],
            a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
            a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0],
        ),
        axis=-1,
    )


def rotate(q: Array, v: Array) -> Array:
    """Vectors v (..., 3) turned by unit quaternions q (..., 4)."""
    t = 2 * _cross(q[..., :3], v)
    return v + q[..., 3:] * t + _cross(q[..., :3], t)


def to_matrix(q: Array) -> Array:
    """Rotation matrices (..., 3, 3) of unit quaternions (..., 4)."""
    x, y, z, w = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    return np.stack(
        (
            np.stack((1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)), axis=-1),
            np.stack((2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)), axis=-1),
            np.stack((2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)), axis=-1),
        ),
        axis=-2,
    )


def from_matrix(m: Array) -> Array:
    """Unit quaternions (..., 4), w >= 0, of rotation matrices (..., 3, 3), stable for every rotation."""
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    # The largest of the four squared components is at least 1/4, so dividing by its root is safe.
    squares = np.stack((1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22, 1 + m00 + m11 + m22), axis=-1)
    a, b, c = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    d, e, f = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    candidates = np.stack(
        (
            np.stack((squares[..., 0], d, e, a), axis=-1),
            np.stack((d, squares[..., 1], f, b), axis=-1),
            np.stack((e, f, squares[..., 2], c), axis=-1),
            np.stack((a, b, c, squares[..., 3]), axis=-1),
        ),
        axis=-2,
    )
    best = np.argmax(squares, axis=-1)[..., None, None]
    return normalise(np.take_along_axis(candidates, best, axis=-2)[..., 0, :])


def to_six_d(q: Array) -> Array:
    """The 6D code (..., 6) of unit quaternions: the matrix' first column, then its second."""
    x, y, z, w = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    return np.stack(
        (
            1 - 2 * (y * y + z * z),
            2 * (x * y + z * w),
            2 * (x * z - y * w),
            2 * (x * y - z * w),
            1 - 2 * (x * x + z * z),
            2 * (y * z + x * w),
        ),
        axis=-1,
    )


def from_six_d(six: Array) -> Array:
    """Unit quaternions (..., 4) of 6D codes (..., 6), by Gram-Schmidt."""
    a, b = six[..., :3], six[..., 3:]
    first = a / np.maximum(np.sqrt(np.sum(a * a, axis=-1, keepdims=True)), 1e-8).astype(six.dtype)
    b = b - np.sum(first * b, axis=-1, keepdims=True) * first
    second = b / np.maximum(np.sqrt(np.sum(b * b, axis=-1, keepdims=True)), 1e-8).astype(six.dtype)
    third = _cross(first, second)
    return from_matrix(np.stack((first, second, third), axis=-1))


def from_axis_angle(v: Array) -> Array:
    """Unit quaternions (..., 4), w >= 0, of rotation vectors (..., 3) in radians."""
    v = np.asarray(v)
    angle = np.sqrt(np.sum(v * v, axis=-1, keepdims=True))
    half = angle / 2
    scale = np.where(angle < 1e-4, 0.5 - angle * angle / 48, np.sin(half) / np.maximum(angle, 1e-12))
    return normalise(np.concatenate((v * scale, np.cos(half)), axis=-1).astype(v.dtype, copy=False))


def to_axis_angle(q: Array) -> Array:
    """Rotation vectors (..., 3) in radians, at most pi long, of unit quaternions (..., 4)."""
    q = np.where(q[..., 3:] < 0, -q, q)
    sine = np.sqrt(np.sum(q[..., :3] ** 2, axis=-1, keepdims=True))
    angle = 2 * np.arctan2(sine, q[..., 3:])
    scale = np.where(sine < 1e-6, 2.0, angle / np.maximum(sine, 1e-12))
    return (q[..., :3] * scale).astype(q.dtype, copy=False)


def from_euler(angles: Array, order: str, intrinsic: bool = True) -> Array:
    """Unit quaternions (..., 4) of Euler angles.

    Args:
        angles: (..., len(order)) degrees, in the order of ``order``.
        order: axes such as "zxy". Intrinsic (BVH): R = R_z R_x R_y for "zxy".
        intrinsic: False turns about the fixed axes instead, in the same order.
    """
    angles = np.asarray(angles)
    result = identity(angles.shape[:-1], dtype=angles.dtype.type)
    half = np.radians(angles) / 2
    for i, axis in enumerate(order.lower()):
        q = np.zeros((*angles.shape[:-1], 4), dtype=angles.dtype)
        q[..., _AXES[axis]] = np.sin(half[..., i])
        q[..., 3] = np.cos(half[..., i])
        result = multiply(result, q) if intrinsic else multiply(q, result)
    return normalise(result)


def to_euler(q: Array, order: str) -> Array:
    """Intrinsic Euler angles (..., 3) in degrees for three different axes, such as "zxy"."""
    i, j, k = (_AXES[axis] for axis in order.lower())
    sign = 1.0 if (i, j, k) in ((0, 1, 2), (1, 2, 0), (2, 0, 1)) else -1.0
    m = to_matrix(q)
    middle = np.arcsin(np.clip(sign * m[..., i, k], -1, 1))
    first = np.arctan2(-sign * m[..., j, k], m[..., k, k])
    last = np.arctan2(-sign * m[..., i, j], m[..., i, i])
    # At the poles only the sum of the outer angles is defined: give it all to the first.
    pole = np.abs(m[..., i, k]) > 1 - 1e-6
    first = np.where(pole, np.arctan2(sign * m[..., k, j], m[..., j, j]), first)
    last = np.where(pole, 0.0, last)
    return np.degrees(np.stack((first, middle, last), axis=-1))


def slerp(a: Array, b: Array, t: ArrayLike) -> Array:
    """Spherical interpolation (..., 4) from a to b by t in [0, 1], the short way round."""
    t = np.asarray(t, dtype=a.dtype)[..., None]
    dot = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    dot = np.clip(np.abs(dot), 0, 1)
    angle = np.arccos(dot)
    sine = np.sin(angle)
    near = sine < 1e-5
    safe = np.where(near, 1, sine)
    wa = np.where(near, 1 - t, np.sin((1 - t) * angle) / safe)
    wb = np.where(near, t, np.sin(t * angle) / safe)
    return normalise(wa * a + wb * b)


def between(u: Array, v: Array) -> Array:
    """The smallest rotation (..., 4) that takes the direction u (..., 3) to v (..., 3)."""
    u = u / np.linalg.norm(u, axis=-1, keepdims=True)
    v = v / np.linalg.norm(v, axis=-1, keepdims=True)
    w = 1 + np.sum(u * v, axis=-1, keepdims=True)
    # Opposite directions: half a turn about any axis across u.
    across = np.where(
        np.abs(u[..., :1]) > 0.9, _cross(u, np.array([0.0, 1.0, 0.0])), _cross(u, np.array([1.0, 0.0, 0.0]))
    )
    opposite = w < 1e-8
    q = np.concatenate((np.where(opposite, across, _cross(u, v)), np.where(opposite, 0, w)), axis=-1)
    return normalise(q)


def heading_rotation(heading: ArrayLike) -> Array:
    """Quaternions (..., 4) that turn +Z to the heading: the angle in radians about +Y from +Z towards +X."""
    heading = np.asarray(heading)
    q = np.zeros((*heading.shape, 4), dtype=np.result_type(heading.dtype, np.float32))
    q[..., 1] = np.sin(heading / 2)
    q[..., 3] = np.cos(heading / 2)
    return q


def heading_of(q: Array) -> Array:
    """Heading (...,) in radians of orientations (..., 4): where +Z points to on the ground."""
    forward = rotate(q, np.array([0.0, 0.0, 1.0], dtype=q.dtype))
    return np.arctan2(forward[..., 0], forward[..., 2])


def rotate_ground(heading: ArrayLike, xz: Array) -> Array:
    """Ground vectors (..., 2) [x, z] turned by a heading (...,) in radians."""
    heading = np.asarray(heading, dtype=xz.dtype)
    c, s = np.cos(heading), np.sin(heading)
    x, z = xz[..., 0], xz[..., 1]
    return np.stack((c * x + s * z, -s * x + c * z), axis=-1)


def wrap_angle(angle: ArrayLike) -> Array:
    """Angles (...,) in radians brought into [-pi, pi)."""
    angle = np.asarray(angle)
    return (angle + np.pi) % (2 * np.pi) - np.pi


def unroll(q: Array, axis: int = 0) -> Array:
    """Quaternions (..., 4) with signs chosen so that neighbours along ``axis`` lie in one hemisphere."""
    q = np.moveaxis(np.array(q), axis, 0)
    flips = np.sum(q[1:] * q[:-1], axis=-1) < 0
    signs = np.where(np.cumsum(flips, axis=0) % 2 == 1, -1, 1).astype(q.dtype)
    q[1:] *= signs[..., None]
    return np.moveaxis(q, 0, axis)
