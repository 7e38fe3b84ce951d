"""Rays against the mannequin's limbs, vectorised over pixels: exact silhouettes and normals without triangles.

A limb becomes round after a linear map (its squeeze undone, its axis turned onto +Y), where the intersection
is that of a ray with a rounded cone (after Inigo Quilez, "Rounded cone - intersection", MIT licence).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.exports.mannequin import LimbArrays

Array = NDArray[np.floating]
FAR = np.float32(1e9)


@dataclass(frozen=True)
class PosedLimbs:
    """Limbs (L) placed in the world.

    Attributes:
        to_local: (L, 3, 3) world direction to the limb's round frame, whose axis is +Y.
        start, end: (L, 3) metres, sphere centres in the world.
        length: (L,) distance of the centres in the round frame.
        radii: (L, 2) metres in the round frame.
        reach: (L, 2) metres, radii in the world at most.
        tone: (L,) tone of each limb.
    """

    to_local: Array
    start: Array
    end: Array
    length: Array
    radii: Array
    reach: Array
    tone: NDArray[np.int64]


def pose(body: LimbArrays, positions: Array, orientations: Array) -> PosedLimbs:
    """The limbs for joint positions (22, 3) in metres and orientations (22, 4), world."""
    turn = rot.to_matrix(orientations[body.joint]).astype(np.float32)  # joint to world
    length = np.linalg.norm(body.axis, axis=-1)
    up = np.broadcast_to(np.array([0.0, 1.0, 0.0], np.float32), body.axis.shape)
    direction = np.where(length[:, None] > 1e-6, body.axis, up)
    align = rot.to_matrix(rot.between(direction, up)).astype(np.float32)
    unsqueeze = align / body.squeeze[:, None, :]
    start = positions[body.joint] + np.einsum("lij,lj->li", turn, body.origin)
    end = start + np.einsum("lij,lj->li", turn, body.axis * body.squeeze)
    return PosedLimbs(
        to_local=np.einsum("lij,lkj->lik", unsqueeze, turn).astype(np.float32),
        start=start.astype(np.float32),
        end=end.astype(np.float32),
        length=length.astype(np.float32),
        radii=body.radii,
        reach=body.radii * body.squeeze.max(axis=-1, keepdims=True),
        tone=body.tone,
    )


@dataclass
class Hits:
    """What the nearest limb looks like at every pixel (h, w) of a picture.

    ``depth`` is in metres along the ray (FAR where nothing was hit), ``normal`` (3, h, w) in the world,
    ``owner`` the number of the body hit and ``tone`` its tone.
    """

    depth: Array
    normal: Array
    owner: NDArray[np.int16]
    tone: NDArray[np.int8]

    @staticmethod
    def empty(height: int, width: int) -> Hits:
        """Nothing hit yet."""
        return Hits(
            np.full((height, width), FAR, np.float32),
            np.zeros((3, height, width), np.float32),
            np.full((height, width), -1, np.int16),
            np.zeros((height, width), np.int8),
        )


def cast(
    hits: Hits,
    limbs: PosedLimbs,
    origin: Array,
    directions: Array,
    boxes: NDArray[np.int64],
    owner: int,
) -> None:
    """Adds a body to the picture where it is nearer than what is there.

    Args:
        hits: changed in place.
        limbs: the body.
        origin: (3,) for one eye, or (3, h, w) for parallel rays; metres.
        directions: (3, h, w) unit vectors, or (3, 1, 1) for parallel rays.
        boxes: (L, 4) pixels [top, bottom, left, right) that contain each limb.
        owner: number of the body.
    """
    for i, (top, bottom, left, right) in enumerate(boxes):
        if top >= bottom or left >= right:
            continue
        window = (slice(top, bottom), slice(left, right))
        ray = directions if directions.shape[1] == 1 else directions[:, window[0], window[1]]
        eye = origin[:, None, None] if origin.ndim == 1 else origin[:, window[0], window[1]]
        m = limbs.to_local[i]
        d = _apply(m, ray)
        o = _apply(m, eye - limbs.start[i][:, None, None])
        scale = np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
        d = d / scale
        # Rays start at their point nearest to the limb: far eyes would cost float32 its digits.
        ahead = -(o[0] * d[0] + o[1] * d[1] + o[2] * d[2])
        t, normal = _rounded_cone(o + ahead * d, d, limbs.length[i], *limbs.radii[i])
        t = np.where(t < FAR, (t + ahead) / scale, FAR)
        nearer = t < hits.depth[window]
        if not nearer.any():
            continue
        world = _apply(m.T, normal)
        hits.depth[window][nearer] = np.broadcast_to(t, nearer.shape)[nearer]
        for axis in range(3):
            hits.normal[axis][window][nearer] = world[axis][nearer]
        hits.owner[window][nearer] = owner
        hits.tone[window][nearer] = limbs.tone[i]


def _apply(m: Array, v: Array) -> Array:
    """Matrix (3, 3) times vectors (3, ...)."""
    return np.tensordot(m, v, axes=1)


def _rounded_cone(o: Array, d: Array, length: float, start_radius: float, end_radius: float) -> tuple[Array, Array]:
    """Distance (h, w) (FAR where missed) and outward normal (3, h, w), not unit, of the cone along +Y from 0."""
    dot_od = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
    dot_oo = o[0] * o[0] + o[1] * o[1] + o[2] * o[2]
    start = dot_od * dot_od - dot_oo + start_radius**2
    if length < 1e-6:
        return _sphere(start, dot_od, o, d)
    end_od = dot_od - length * d[1]
    end = end_od * end_od - (dot_oo - 2 * length * o[1] + length**2) + end_radius**2

    taper = start_radius - end_radius
    d2 = length**2 - taper**2
    m1, m2 = length * o[1], length * d[1]
    k2 = d2 - m2 * m2
    k1 = d2 * dot_od - m1 * m2 + m2 * taper * start_radius
    k0 = d2 * dot_oo - m1 * m1 + 2 * m1 * taper * start_radius - (length * start_radius) ** 2
    h = k1 * k1 - k0 * k2
    # A ray along the axis meets an end, never the side.
    aslant = np.abs(k2) > 1e-5 * d2
    cone = (-np.sqrt(np.maximum(h, 0)) - k1) / np.where(aslant, k2, 1)
    y = m1 - start_radius * taper + cone * m2
    on_cone = aslant & (h >= 0) & (y > 0) & (y < d2)

    t_start = np.where(start > 0, -dot_od - np.sqrt(np.maximum(start, 0)), FAR)
    t_end = np.where(end > 0, -end_od - np.sqrt(np.maximum(end, 0)), FAR)
    t = np.where(on_cone, cone, np.minimum(t_start, t_end))
    p = o + np.where(t < FAR, t, 0) * d
    # The normal on the cone leans along the axis by the taper; on the ends it points from the sphere's centre.
    centre = np.where(on_cone, y * (length / d2), np.where(t_start <= t_end, 0, length))
    return t, np.stack((p[0], p[1] - centre, p[2]))


def _sphere(discriminant: Array, dot_od: Array, o: Array, d: Array) -> tuple[Array, Array]:
    t = np.where(discriminant > 0, -dot_od - np.sqrt(np.maximum(discriminant, 0)), FAR)
    return t, o + np.where(t < FAR, t, 0) * d
