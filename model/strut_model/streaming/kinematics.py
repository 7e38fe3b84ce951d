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


def _bilinear(a: Float, b: Float, table: Float, first: Float = _FIRST, second: Float = _SECOND) -> Float:
    outer = _spread(a, first)
    outer = np.multiply(outer, _spread(b, second), out=outer) if a.shape == b.shape else outer * _spread(b, second)
    lead = outer.shape[:-1]
    flat: Float = np.matmul(outer.reshape(*lead[:1], -1, len(table)), table)
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


def _dot(a: Float, b: Float) -> Float:
    """Dot products (...) of vectors (3, ...)."""
    total: Float = a[0] * b[0]
    total += a[1] * b[1]
    total += a[2] * b[2]
    return total


def quaternions_of_six_d(six: Float) -> Float:
    """Unit quaternions (B, ..., 4) of 6D codes (B, ..., 6), by Gram-Schmidt; stable for every rotation, of either sign.

    4 outer(q, q) is linear in the matrix; its row with the largest diagonal entry is q times a number that is at least
    one, so normalising it is safe.
    """
    # Number by number, each of them for everybody: axes of six, three and four are slow in numpy.
    numbers = np.ascontiguousarray(six.reshape(-1, 6).T, np.float32)
    a, b = numbers[:3], numbers[3:]
    a /= np.sqrt(_dot(a, a) + _TINY)
    b -= a * _dot(a, b)
    b /= np.sqrt(_dot(b, b) + _TINY)
    c = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
    one = np.float32(1.0)
    xx, yy = one + a[0] - b[1] - c[2], one - a[0] + b[1] - c[2]
    zz, ww = one - a[0] - b[1] + c[2], one + a[0] + b[1] + c[2]
    xy, xz, yz = b[0] + a[1], c[0] + a[2], c[1] + b[2]
    xw, yw, zw = b[2] - c[1], c[0] - a[2], a[1] - b[0]
    by_y, by_w = yy > xx, ww > zz
    later = np.maximum(zz, ww) > np.maximum(xx, yy)
    squares = ((xx, xy, xz, xw), (xy, yy, yz, yw), (xz, yz, zz, zw), (xw, yw, zw, ww))
    q = [np.where(later, np.where(by_w, w, z), np.where(by_y, y, x)) for x, y, z, w in squares]
    length = np.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3])
    out = np.empty((len(length), 4), np.float32)
    for place, component in enumerate(q):
        np.divide(component, length, out=out[:, place])
    return out.reshape(*six.shape[:-1], 4)


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
_BONES = np.repeat(REST_OFFSETS[1:], 3, axis=1).astype(np.float32)  # (21, 9): times rows, summed over axes, is the bone
_BONE_SUM = np.tile(np.eye(3, dtype=np.float32), (3, 1))


def _rows_tables() -> tuple[Float, Float, Float]:
    """(9, 27), (9, 27), (27, 9): (a @ first) * (b @ second) @ product is the product of the rows a and b, all flat.
    Numpy's own product of stacks of small matrices takes four times as long."""
    eye = np.eye(3, dtype=np.float32)
    first = np.einsum("ia,kc->ikac", eye, eye)[:, :, :, None, :].repeat(3, axis=3)
    second = np.einsum("kc,jb->kjbc", eye, eye)[:, :, None].repeat(3, axis=2)
    product = np.einsum("ai,bj->abij", eye, eye)[:, :, None].repeat(3, axis=2)
    return first.reshape(9, 27), second.reshape(9, 27), product.reshape(27, 9)


_LEFT_ROWS, _RIGHT_ROWS, _ROWS_PRODUCT = _rows_tables()


def joint_positions(rows: Float, pelvis: Float) -> Float:
    """Positions (..., 22, 3) metres of all joints.

    Args:
        rows: (..., 22, 3, 3) local rotations as rows, the pelvis' in the space wanted.
        pelvis: (..., 3) metres.
    """
    local = rows.reshape(*rows.shape[:-2], 9)
    orientation = np.empty_like(local)
    orientation[..., 0, :] = local[..., 0, :]
    for level, parents in _LEVELS[:-1]:
        orientation[..., level, :] = _bilinear(
            local[..., level, :], orientation[..., parents, :], _ROWS_PRODUCT, _LEFT_ROWS, _RIGHT_ROWS
        )
    positions = np.empty((*rows.shape[:-2], 3), np.float32)
    positions[..., 0, :] = pelvis
    bones = _spread(orientation[..., PARENTS[1:], :] * _BONES, _BONE_SUM)
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
