"""Rotations and forward kinematics in few numpy calls, for the path that every window takes.

At batch 1 a window's arrays are so small that the number of numpy calls is its cost, so each product of quaternions is
an outer product and one small matrix multiplication (all its terms are bilinear) instead of some thirty calls as in
:mod:`strut_model.rotations`, which this agrees with and is tested against. The stacked multiplications are made row by
row of the batch: a row's result does not depend on its company.

Rotation matrices are held as *rows* (..., 3, 3) with ``rows[..., k, :]`` the image of axis k, the transpose of
the usual matrix: a row vector ``v`` turns as ``v @ rows``, and the 6D code is simply the first two rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strut_model import rotations as rot
from strut_model.skeleton import JOINT_INDEX, JOINTS, PARENTS, REST_OFFSETS

Float = npt.NDArray[np.float32]


def _product_table() -> Float:
    """(16, 4): outer(a, b) @ table is the Hamilton product a b."""
    table = np.empty((4, 4, 4), np.float32)
    for i in range(4):
        for j in range(4):
            table[i, j] = rot.multiply(np.eye(4)[i], np.eye(4)[j])
    return table.reshape(16, 4)


def rotation_table(vectors: npt.NDArray[np.floating]) -> Float:
    """(16, 3 n): outer(q, q) @ table is each of the vectors (n, 3) turned by the unit quaternion q."""
    vectors = np.asarray(vectors, np.float64).reshape(-1, 3)
    pure = np.concatenate((vectors, np.zeros((len(vectors), 1))), axis=1)
    conjugate = np.diag([-1.0, -1.0, -1.0, 1.0])
    table = np.empty((4, 4, len(vectors), 3), np.float32)
    for i in range(4):
        for j in range(4):
            table[i, j] = rot.multiply(rot.multiply(np.eye(4)[i], pure), conjugate[j])[:, :3]
    return table.reshape(16, -1)


_PRODUCT = _product_table()
_QUOTIENT = np.ascontiguousarray(  # a b^-1: the table of the product with b's vector part negated
    (_PRODUCT.reshape(4, 4, 4) * np.array([-1, -1, -1, 1], np.float32)[None, :, None]).reshape(16, 4)
)
_INVERSE_PRODUCT = np.ascontiguousarray(  # a^-1 b
    (_PRODUCT.reshape(4, 4, 4) * np.array([-1, -1, -1, 1], np.float32)[:, None, None]).reshape(16, 4)
)
_ROWS = rotation_table(np.eye(3))
_TINY = np.float32(1e-12)


def _spreads(size: int) -> tuple[Float, Float]:
    """(size, size^2) each: (a @ first) * (b @ second) is outer(a, b), flat. The same numbers, but a fifth of the time
    of broadcasting over axes of four."""
    eye = np.eye(size, dtype=np.float32)
    return np.repeat(eye, size, axis=1), np.tile(eye, (1, size))


_FIRST, _SECOND = _spreads(4)
_FIRST_OF_3, _SECOND_OF_3 = _spreads(3)


def _bilinear(a: Float, b: Float, table: Float) -> Float:
    outer = _spread(a, _FIRST)
    outer = np.multiply(outer, _spread(b, _SECOND), out=outer) if a.shape == b.shape else outer * _spread(b, _SECOND)
    lead = outer.shape[:-1]
    flat: Float = np.matmul(outer.reshape(*lead[:1], -1, 16), table)
    return flat.reshape(*lead, table.shape[1])


def _spread(values: Float, table: Float) -> Float:
    size, wide = table.shape
    flat = np.matmul(values.reshape(*values.shape[:1][: values.ndim - 1], -1, size), table)
    return flat.reshape(*values.shape[:-1], wide)


def multiply(a: Float, b: Float) -> Float:
    """Hamilton product (B, ..., 4); the shapes broadcast."""
    return _bilinear(a, b, _PRODUCT)


def quotient(a: Float, b: Float) -> Float:
    """a b^-1 (B, ..., 4): the rotation that takes b to a, seen from outside."""
    return _bilinear(a, b, _QUOTIENT)


def inverse_product(a: Float, b: Float) -> Float:
    """a^-1 b (B, ..., 4): b seen from a."""
    return _bilinear(a, b, _INVERSE_PRODUCT)


def rotated(q: Float, table: Float) -> Float:
    """The vectors of a :func:`rotation_table`, turned by q (B, ..., 4): (B, ..., 3 n)."""
    return _bilinear(q, q, table)


def rows_of(q: Float) -> Float:
    """Rows (B, ..., 3, 3) of unit quaternions (B, ..., 4)."""
    return _bilinear(q, q, _ROWS).reshape(*q.shape[:-1], 3, 3)


def _quaternion_table() -> tuple[Float, Float]:
    """(9, 16) and (16,): rows as 9 numbers @ table + constant is 4 outer(q, q)."""
    index = np.arange(9).reshape(3, 3).T  # index[i, j]: where the usual matrix' entry (i, j) lies among the rows
    table = np.zeros((9, 4, 4), np.float32)
    for k in range(3):
        sign = np.full(3, -1.0)
        sign[k] = 1.0
        table[index[[0, 1, 2], [0, 1, 2]], k, k] = sign
        table[index[k, k], 3, 3] = 1.0
        i, j = (k + 1) % 3, (k + 2) % 3
        table[index[j, i], k, 3] = table[index[j, i], 3, k] = 1.0
        table[index[i, j], k, 3] = table[index[i, j], 3, k] = -1.0
        table[index[i, j], i, j] = table[index[j, i], i, j] = 1.0
        table[index[i, j], j, i] = table[index[j, i], j, i] = 1.0
    return table.reshape(9, 16), np.eye(4, dtype=np.float32).reshape(16)


_SQUARES, _SQUARES_OFFSET = _quaternion_table()


def quaternions_of(rows: Float) -> Float:
    """Unit quaternions (B, ..., 4) of rows (B, ..., 3, 3), stable for every rotation, of either sign.

    4 outer(q, q) is linear in the matrix; its row with the largest diagonal entry is q times a number that is at least
    one, so normalising it is safe.
    """
    lead = rows.shape[:-2]
    squares = np.matmul(rows.reshape(lead[0], -1, 9), _SQUARES)
    squares += _SQUARES_OFFSET
    flat = squares.reshape(-1, 4)
    best = squares.reshape(-1, 16)[:, ::5].argmax(axis=1)
    best += np.arange(0, len(flat), 4)
    q = flat[best]
    q /= np.sqrt(np.einsum("ni,ni->n", q, q))[:, None]
    return q.reshape(*lead, 4)


def _cross_table() -> Float:
    """(9, 3): outer(a, b) @ table is the cross product."""
    table = np.zeros((3, 3, 3), np.float32)
    for i in range(3):
        for j in range(3):
            table[i, j] = np.cross(np.eye(3)[i], np.eye(3)[j])
    return table.reshape(9, 3)


_CROSS = _cross_table()


def cross(a: Float, b: Float) -> Float:
    """Cross product (B, ..., 3) of arrays of one shape."""
    outer = _spread(a, _FIRST_OF_3)
    outer *= _spread(b, _SECOND_OF_3)
    return np.matmul(outer.reshape(outer.shape[0], -1, 9), _CROSS).reshape(a.shape)


def rows_of_six_d(six: Float) -> Float:
    """Rows (B, ..., 3, 3) of 6D codes (B, ..., 6), by Gram-Schmidt."""
    # Number by number: broadcasting over axes of three costs more than all of the arithmetic.
    numbers = np.moveaxis(six, -1, 0)
    first, second = numbers[:3], numbers[3:]
    rows = np.empty((*six.shape[:-1], 3, 3), np.float32)
    a, b = (np.moveaxis(rows[..., row, :], -1, 0) for row in (0, 1))
    _unit(first, a)
    along = _dot(a, second)
    for axis in range(3):
        np.subtract(second[axis], along * a[axis], out=b[axis])
    _unit(b, b)
    rows[..., 2, :] = cross(rows[..., 0, :], rows[..., 1, :])
    return rows


def _dot(a: Float, b: Float) -> Float:
    """Dot products (...) of vectors (3, ...)."""
    total: Float = a[0] * b[0]
    total += a[1] * b[1]
    total += a[2] * b[2]
    return total


def _unit(vectors: Float, out: Float) -> None:
    """Vectors (3, ...) brought to unit length."""
    length = _dot(vectors, vectors)
    length += _TINY
    np.sqrt(length, out=length)
    for axis in range(3):
        np.divide(vectors[axis], length, out=out[axis])


def logarithm(q: Float) -> Float:
    """Rotation vectors (..., 3), radians, at most pi long, of unit quaternions (..., 4)."""
    vector, scalar = q[..., :3], q[..., 3]
    sine = np.sqrt(np.einsum("...i,...i->...", vector, vector))
    scale = np.arctan2(sine, np.abs(scale_free := scalar))
    scale *= np.copysign(np.float32(2.0), scale_free)
    # For tiny angles angle / sine tends to 2; the added number moves neither by more than rounding does.
    scale /= np.maximum(sine, np.float32(1e-20))
    np.copyto(scale, np.copysign(np.float32(2.0), scale_free), where=sine < np.float32(1e-6))
    return vector * scale[..., None]


def exponential(vector: Float) -> Float:
    """Unit quaternions (..., 4) of rotation vectors (..., 3), radians."""
    half = np.sqrt(np.einsum("...i,...i->...", vector, vector))
    half *= np.float32(0.5)
    q = np.empty((*vector.shape[:-1], 4), np.float32)
    np.cos(half, out=q[..., 3])
    # sin(h) / 2h, which is 1/2 at nought; 1e-12 keeps the quotient there.
    half += _TINY
    scale = np.sin(half)
    scale /= half
    scale *= np.float32(0.5)
    np.multiply(vector, scale[..., None], out=q[..., :3])
    return q


def heading_quaternions(heading: Float) -> Float:
    """Quaternions (..., 4) that turn +Z to the heading (...,), radians."""
    half = heading * np.float32(0.5)
    q = np.zeros((*heading.shape, 4), np.float32)
    np.sin(half, out=q[..., 1])
    np.cos(half, out=q[..., 3])
    return q


def turn_ground(vectors: Float, cosine: Float, sine: Float) -> Float:
    """Ground vectors (..., 2) [x, z] turned by the heading whose cosine and sine are given (broadcast to ...)."""
    turned = np.empty(np.broadcast_shapes(vectors.shape, (*cosine.shape, 2)), np.float32)
    x, z = vectors[..., 0], vectors[..., 1]
    np.add(cosine * x, sine * z, out=turned[..., 0])
    np.subtract(cosine * z, sine * x, out=turned[..., 1])
    return turned


# Joints of one depth are neighbours in the canonical order, and so, but for one level, are their parents.
_LEVELS: tuple[tuple[slice, slice | npt.NDArray[np.int64]], ...] = (
    (slice(1, 4), slice(0, 1)),
    (slice(4, 7), slice(1, 4)),
    (slice(7, 10), slice(4, 7)),
    (slice(10, 15), PARENTS[10:15]),
    (slice(15, 18), slice(12, 15)),
    (slice(18, 20), slice(16, 18)),
    (slice(20, 22), slice(18, 20)),
)
_BONES = np.ascontiguousarray(REST_OFFSETS[1:, None, :])  # (21, 1, 3)


def joint_positions(rows: Float, pelvis: Float) -> Float:
    """Positions (..., 22, 3) metres of all joints.

    Args:
        rows: (..., 22, 3, 3) local rotations as rows, the pelvis' in the space wanted.
        pelvis: (..., 3) metres.
    """
    orientation = np.empty_like(rows)
    orientation[..., 0, :, :] = rows[..., 0, :, :]
    for level, parents in _LEVELS[:-1]:
        np.matmul(rows[..., level, :, :], orientation[..., parents, :, :], out=orientation[..., level, :, :])
    positions = np.empty((*rows.shape[:-2], 3), np.float32)
    positions[..., 0, :] = pelvis
    bones = np.matmul(_BONES, orientation[..., PARENTS[1:], :, :])[..., 0, :]
    for level, parents in _LEVELS:
        np.add(
            positions[..., parents, :],
            bones[..., level.start - 1 : level.stop - 1, :],
            out=positions[..., level, :],
        )
    return positions


HIPS = slice(JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"] + 1)
KNEES = slice(JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"] + 1)
ANKLES = slice(JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"] + 1)
assert JOINTS == 22, "the slices above follow the canonical joint order"
