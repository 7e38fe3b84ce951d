"""Conversion between Strut's space and those of Unity and Unreal, positions and rotations alike.

Strut is right-handed, Y up, metres, and a character at rest faces +Z. Both engines are left-handed:

- Unity: Y up, metres, facing +Z.
- Unreal: Z up, centimetres. Its actors face +X, its mannequin mesh +Y: two spaces, and who converts says which.

A change of handedness M (a signed permutation with determinant -1) takes a position p to scale * M p and a rotation R
to M R M^-1. The axis of a rotation is an axial vector, so the quaternion's imaginary part v becomes det(M) M v = -M v.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True)
class EngineSpace:
    """A left-handed space beside Strut's.

    Attributes:
        name: for people.
        axes: for each axis of the engine, the axis of Strut (0 x, 1 y, 2 z) that lies along it.
        signs: for each axis of the engine, whether it runs along (+1) or against (-1) that axis.
        scale: engine units in a metre.
    """

    name: str
    axes: tuple[int, int, int]
    signs: tuple[int, int, int]
    scale: float

    def positions_to(self, positions: ArrayLike) -> Array:
        """Positions (..., 3) in metres to engine units."""
        p = _vectors(positions, 3, "positions")
        return p[..., list(self.axes)] * (np.array(self.signs, dtype=p.dtype) * p.dtype.type(self.scale))

    def positions_from(self, positions: ArrayLike) -> Array:
        """Positions (..., 3) in engine units to metres."""
        p = _vectors(positions, 3, "positions")
        out = np.empty_like(p)
        out[..., list(self.axes)] = p * (np.array(self.signs, dtype=p.dtype) / p.dtype.type(self.scale))
        return out

    def rotations_to(self, rotations: ArrayLike) -> Array:
        """Quaternions (..., 4), order (x, y, z, w), to the engine's space. The sign of w stays."""
        q = _vectors(rotations, 4, "rotations")
        imaginary = -q[..., list(self.axes)] * np.array(self.signs, dtype=q.dtype)
        return np.concatenate((imaginary, q[..., 3:]), axis=-1)

    def rotations_from(self, rotations: ArrayLike) -> Array:
        """Quaternions (..., 4) from the engine's space. The sign of w stays."""
        q = _vectors(rotations, 4, "rotations")
        out = np.empty_like(q)
        out[..., list(self.axes)] = -q[..., :3] * np.array(self.signs, dtype=q.dtype)
        out[..., 3] = q[..., 3]
        return out


UNITY = EngineSpace("Unity", axes=(0, 1, 2), signs=(-1, 1, 1), scale=1.0)
"""p = (-x, y, z), q = (x, -y, -z, w)."""
UNREAL_FACING_Y = EngineSpace("Unreal facing +Y", axes=(0, 2, 1), signs=(1, 1, 1), scale=100.0)
"""p = 100 (x, z, y), q = (-x, -z, -y, w): the mannequin mesh."""
UNREAL_FACING_X = EngineSpace("Unreal facing +X", axes=(2, 0, 1), signs=(1, -1, 1), scale=100.0)
"""p = 100 (z, -x, y), q = (-z, x, -y, w): actors."""

ENGINE_SPACES = {"unity": UNITY, "unreal_facing_y": UNREAL_FACING_Y, "unreal_facing_x": UNREAL_FACING_X}


def heading_to_yaw(heading: ArrayLike) -> Array:
    """Heading in radians to yaw in degrees, in either engine: what the rest pose is turned by about the up axis."""
    return -np.degrees(np.asarray(heading, dtype=np.float64))


def yaw_to_heading(yaw: ArrayLike) -> Array:
    """Yaw in degrees, in either engine, to heading in radians."""
    return -np.radians(np.asarray(yaw, dtype=np.float64))


def _vectors(values: ArrayLike, size: int, name: str) -> Array:
    """The values as floating numbers of their own width, checked for the last axis.

    Raises:
        ValueError: the last axis has another length.
    """
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float64)
    if array.ndim == 0 or array.shape[-1] != size:
        raise ValueError(f"{name}: shape is {array.shape}, the last axis must be {size} long")
    return array
