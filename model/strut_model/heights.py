"""Ground that is not level: grids of heights, one at a time or as a ragged batch of characters' own grids.

Grids are those of the contract's ``HeightField``: turned and placed in the window's space, bilinear between samples,
and going on beyond their border as at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot

Array = NDArray[np.floating]
Float = NDArray[np.float32]

OPEN = 1000.0
"""Metres, the ceiling of what is open above."""


@dataclass(frozen=True)
class HeightField:
    """Ground heights on a grid.

    Attributes:
        origin: (..., 2) metres, x and z of the first sample.
        heading: (...,) radians, where the grid's +Z points.
        spacing: metres between neighbours.
        heights: (..., rows, columns) metres; columns along the grid's +X, rows along its +Z. Leading axes are any
            batch; the ground goes on beyond the grid as at its border.
        ceilings: of the same shape, metres, the height of what hangs over the ground; None where nothing does.
    """

    origin: Array
    heading: Array
    spacing: float
    heights: Array
    ceilings: Array | None = None

    def __post_init__(self) -> None:
        if self.heights.ndim < 2 or min(self.heights.shape[-2:]) < 2:
            raise ValueError(f"heights: has the shape {self.heights.shape}; allowed: 2 or more rows and columns")
        if not 0.02 <= self.spacing <= 2:
            raise ValueError(f"spacing: is {self.spacing:g}; allowed: 0.02 to 2 metres")
        if not np.isfinite(self.heights).all():
            raise ValueError("heights: hold a number that is not finite; allowed: -1000 to 1000 metres")
        if self.ceilings is not None and self.ceilings.shape != self.heights.shape:
            raise ValueError(f"ceilings: has the shape {self.ceilings.shape}; allowed: {self.heights.shape}")

    def at(self, points: Array) -> Array:
        """Heights (..., N) in metres at ground points (..., N, 2) [x, z], the leading axes those of the grid."""
        local = rot.rotate_ground(-np.asarray(self.heading)[..., None], points - self.origin[..., None, :])
        rows, columns = self.heights.shape[-2:]
        u = np.clip(local[..., 0] / self.spacing, 0, columns - 1)
        v = np.clip(local[..., 1] / self.spacing, 0, rows - 1)
        i = np.minimum(u.astype(np.int64), columns - 2)
        j = np.minimum(v.astype(np.int64), rows - 2)
        u, v = u - i, v - j
        flat = self.heights.reshape(*self.heights.shape[:-2], rows * columns)

        def sample(row: Array, column: Array) -> Array:
            return np.take_along_axis(flat, row * columns + column, axis=-1)

        near = sample(j, i) * (1 - u) + sample(j, i + 1) * u
        far = sample(j + 1, i) * (1 - u) + sample(j + 1, i + 1) * u
        return near * (1 - v) + far * v


@dataclass(frozen=True)
class HeightFields:
    """The grids of M characters, each of its own size, for the path that every window takes.

    Attributes:
        origin: (M, 2) metres, float64: subtracted before anything is rounded.
        heading: (M,) radians.
        inverse_spacing: (M,) samples a metre.
        columns, rows: (M,) samples.
        start: (M,) where each grid begins in ``heights``.
        heights: (S,) metres, all grids one after the other.
        ceilings: (S,) metres likewise, `OPEN` where nothing hangs; None where no grid has any.
    """

    origin: Array
    heading: Array
    inverse_spacing: Float
    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    start: NDArray[np.int64]
    heights: Float
    ceilings: Float | None = None

    @staticmethod
    def stack(fields: Sequence[HeightField]) -> HeightFields:
        """Single grids as a batch."""
        sizes = np.array([field.heights.size for field in fields], np.int64)
        ceilings = None
        if any(field.ceilings is not None for field in fields):
            above = [np.full(f.heights.shape, OPEN) if f.ceilings is None else f.ceilings for f in fields]
            ceilings = np.concatenate([grid.ravel() for grid in above]).astype(np.float32)
        return HeightFields(
            origin=np.array([field.origin for field in fields], np.float64).reshape(-1, 2),
            heading=np.array([field.heading for field in fields], np.float64).reshape(-1),
            inverse_spacing=np.array([1 / field.spacing for field in fields], np.float32),
            columns=np.array([field.heights.shape[1] for field in fields], np.int64),
            rows=np.array([field.heights.shape[0] for field in fields], np.int64),
            start=np.cumsum(sizes) - sizes,
            heights=np.concatenate([field.heights.ravel() for field in fields]).astype(np.float32),
            ceilings=ceilings,
        )

    def seen_from(self, position: Array, heading: Array) -> HeightFields:
        """The same grids in the spaces whose origins lie at ``position`` (M, 2) with ``heading`` (M,)."""
        moved = rot.rotate_ground(-np.asarray(heading, np.float64), self.origin - position)
        return replace(self, origin=moved, heading=self.heading - heading)

    def at(self, points: Float) -> Float:
        """Heights (M, N) metres at ground points (M, N, 2) [x, z]."""
        return self._read(self.heights, *self._place(points))

    def both_at(self, points: Float) -> tuple[Float, Float]:
        """Heights and ceilings (M, N) metres at ground points (M, N, 2) [x, z]."""
        places = self._place(points)
        heights = self._read(self.heights, *places)
        if self.ceilings is None:
            return heights, np.full_like(heights, OPEN)
        return heights, self._read(self.ceilings, *places)

    def _place(self, points: Float) -> tuple[NDArray[np.int64], NDArray[np.int64], Float, Float]:
        """Index of each point's cell, its row's length, and its shares along the cell's sides."""
        scale = self.inverse_spacing
        cosine = (np.cos(self.heading) * scale).astype(np.float32)[:, None]
        sine = (np.sin(self.heading) * scale).astype(np.float32)[:, None]
        x = points[..., 0] - self.origin[:, :1].astype(np.float32)
        z = points[..., 1] - self.origin[:, 1:].astype(np.float32)
        u = cosine * x - sine * z
        v = cosine * z + sine * x
        columns = self.columns[:, None]
        # minimum and maximum cost half of what clip does on small arrays.
        np.minimum(np.maximum(u, np.float32(0.0), out=u), (self.columns - 1).astype(np.float32)[:, None], out=u)
        np.minimum(np.maximum(v, np.float32(0.0), out=v), (self.rows - 1).astype(np.float32)[:, None], out=v)
        i = np.minimum(u.astype(np.int64), columns - 2)
        j = np.minimum(v.astype(np.int64), self.rows[:, None] - 2)
        u -= i
        v -= j
        j *= columns
        j += i
        j += self.start[:, None]
        return j, columns, u, v

    @staticmethod
    def _read(values: Float, cell: NDArray[np.int64], columns: NDArray[np.int64], u: Float, v: Float) -> Float:
        near = values[cell]
        near += (values[cell + 1] - near) * u
        cell = cell + columns
        far = values[cell]
        far += (values[cell + 1] - far) * u
        far -= near
        far *= v
        near += far
        return near
