"""Shadows for the renderer: soft ones of the limbs on the floor, and those of limbs on each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from strut_model.exports import raycast
from strut_model.exports.raycast import Hits, PosedLimbs

Array = NDArray[np.floating]

FLOOR_TEXEL = 0.02  # metres of floor per texel
FLOOR_MARGIN = 0.7  # metres around the bodies' shadow
LIGHT_TEXEL = 0.012  # metres per texel of the light's view
PENUMBRA, PENUMBRA_PER_METRE = 0.015, 0.09
SKY_REACH, SKY_HEIGHT = 0.35, 0.6  # metres around and above the floor within which limbs hide the sky


@dataclass(frozen=True)
class FloorShadow:
    """Light that reaches the floor, (h, w) in [0, 1], on texels that start at ``origin`` (x, z)."""

    light: Array
    origin: Array


def light_axes(light: Array) -> tuple[Array, Array]:
    """Right and up (3,) of the view from the light."""
    right = np.array([light[2], 0.0, -light[0]], np.float32)
    right /= np.linalg.norm(right)
    return right, np.cross(light, right)


def floor_shadow(posed: list[PosedLimbs], light: Array) -> FloorShadow:
    """Soft shadow of the key light, times the sky's light that the bodies hold off near the floor."""
    reach = max(float(p.reach.max()) for p in posed)
    ends = np.concatenate([np.concatenate((p.start, p.end)) for p in posed])
    both = np.concatenate((_dropped(ends, light), ends[:, [0, 2]]))
    low = both.min(axis=0) - FLOOR_MARGIN - reach
    size = np.ceil((both.max(axis=0) + FLOOR_MARGIN + reach - low) / FLOOR_TEXEL).astype(int)
    key = np.ones((size[1], size[0]), np.float32)
    sky = np.zeros_like(key)
    for body in posed:
        for start, end, radii in zip(body.start, body.end, body.reach, strict=True):
            _cast(key, start, end, radii, low, light)
            _hold_off_sky(sky, start, end, radii, low)
    return FloorShadow((0.42 + 0.58 * key) * np.exp(-1.1 * sky), low)


def sample_shadow(shadow: FloorShadow, x: Array, z: Array) -> Array:
    """The light at floor points of equal shape, metres; 1 outside of the texels."""
    column = (x - shadow.origin[0]) / FLOOR_TEXEL - 0.5
    row = (z - shadow.origin[1]) / FLOOR_TEXEL - 0.5
    height, width = shadow.light.shape
    out = np.ones_like(x)
    inside = (column > 0) & (column < width - 1) & (row > 0) & (row < height - 1)
    out[inside] = map_coordinates(shadow.light, np.stack((row[inside], column[inside])), order=1, mode="nearest")
    return out


def self_shadow(posed: list[PosedLimbs], points: Array, normals: Array, light: Array) -> Array:
    """Share (N,) of the key light that reaches surface points (3, N), by a depth map seen from the light."""
    right, upward = light_axes(light)
    ends = np.concatenate([np.concatenate((p.start, p.end)) for p in posed])
    reach = max(float(p.reach.max()) for p in posed) + 2 * LIGHT_TEXEL
    u, v = ends @ right, ends @ upward
    low = np.array([u.min() - reach, v.min() - reach], np.float32)
    columns = int(np.ceil((u.max() + reach - low[0]) / LIGHT_TEXEL))
    rows = int(np.ceil((v.max() + reach - low[1]) / LIGHT_TEXEL))
    top = float((ends @ light).max()) + 1.0
    hits = _seen_from_light(posed, light, low, (rows, columns), top)

    # Points are moved out along the normal, against shadows of a surface on itself.
    moved = points + 0.018 * normals
    column = (right @ moved - low[0]) / LIGHT_TEXEL - 0.5
    row = (upward @ moved - low[1]) / LIGHT_TEXEL - 0.5
    depth = top - light @ moved
    first_column, first_row = np.floor(column).astype(int), np.floor(row).astype(int)
    across, down = column - first_column, row - first_row
    total = np.zeros(len(depth), np.float32)
    for dr, dc in ((0, 0), (0, 1), (1, 0), (1, 1)):
        c, r = np.clip(first_column + dc, 0, columns - 1), np.clip(first_row + dr, 0, rows - 1)
        share = (across if dc else 1 - across) * (down if dr else 1 - down)
        total += share * (hits.depth[r, c] > depth - 0.012)
    return total


def _seen_from_light(posed: list[PosedLimbs], light: Array, low: Array, shape: tuple[int, int], top: float) -> Hits:
    """Depths (rows, columns) below a plane at height ``top`` along the light."""
    right, upward = light_axes(light)
    rows, columns = shape
    u = low[0] + (np.arange(columns, dtype=np.float32) + 0.5) * LIGHT_TEXEL
    v = low[1] + (np.arange(rows, dtype=np.float32) + 0.5) * LIGHT_TEXEL
    origin = right[:, None, None] * u + upward[:, None, None] * v[:, None] + (light * np.float32(top))[:, None, None]
    hits = Hits.empty(rows, columns)
    for number, body in enumerate(posed):
        margin = body.reach.max(axis=-1) + LIGHT_TEXEL
        box = []
        for axis, start, size in ((upward, low[1], rows), (right, low[0], columns)):
            a, b = body.start @ axis, body.end @ axis
            box.append(np.clip((np.minimum(a, b) - margin - start) / LIGHT_TEXEL, 0, size))
            box.append(np.clip((np.maximum(a, b) + margin - start) / LIGHT_TEXEL + 1, 0, size))
        raycast.cast(hits, body, origin, -light[:, None, None], np.stack(box, axis=-1).astype(np.int64), number)
    return hits


def _dropped(points: Array, light: Array) -> Array:
    """Where points (N, 3) throw their shadow on the floor, (N, 2) [x, z]."""
    return points[:, [0, 2]] - points[:, 1:2] * (light[[0, 2]] / light[1])


def _window(shape: tuple[int, ...], low: Array, points: Array, margin: float) -> tuple[slice, slice] | None:
    """Texels (rows along z, columns along x) within ``margin`` of the box around ground points (N, 2)."""
    first = np.floor((points.min(axis=0) - margin - low) / FLOOR_TEXEL).astype(int)
    last = np.ceil((points.max(axis=0) + margin - low) / FLOOR_TEXEL).astype(int)
    columns = slice(max(first[0], 0), min(last[0], shape[1]))
    rows = slice(max(first[1], 0), min(last[1], shape[0]))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _centres(window: tuple[slice, slice], low: Array) -> tuple[Array, Array]:
    """World x (1, w) and z (h, 1) of a window's texel centres."""
    rows, columns = window
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) * FLOOR_TEXEL + np.float32(low[0])
    z = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * FLOOR_TEXEL + np.float32(low[1])
    return x[None, :], z[:, None]


def _cast(key: Array, start: Array, end: Array, radii: Array, low: Array, light: Array) -> None:
    """Multiplies the shadow of one limb into ``key``; its penumbra widens with height."""
    ends = np.stack((start, end))
    soft = PENUMBRA + PENUMBRA_PER_METRE * float(ends[:, 1].max())
    window = _window(key.shape, low, _dropped(ends, light), 1.3 * float(radii.max()) + soft)
    if window is None:
        return
    x, z = _centres(window, low)
    # Seen along the light the limb is a stadium, and the distance in that plane decides.
    right, upward = light_axes(light)
    u, v = x * right[0] + z * right[2], x * upward[0] + z * upward[2]
    a = np.array([start @ right, start @ upward], np.float32)
    along = np.array([end @ right, end @ upward], np.float32) - a
    share = np.clip(((u - a[0]) * along[0] + (v - a[1]) * along[1]) / max(float(along @ along), 1e-9), 0, 1)
    distance = np.hypot(u - a[0] - share * along[0], v - a[1] - share * along[1])
    size = radii[0] + share * (radii[1] - radii[0])
    height = np.maximum(start[1] + share * (end[1] - start[1]), 0)
    blur = PENUMBRA + PENUMBRA_PER_METRE * height
    dark = np.clip(0.5 - 0.5 * (distance - size) / blur, 0, 1)
    dark = dark * dark * (3 - 2 * dark) * np.minimum(1, size / (0.6 * blur))
    key[window] = np.minimum(key[window], 1 - dark) * (1 - 0.25 * dark)


def _hold_off_sky(sky: Array, start: Array, end: Array, radii: Array, low: Array) -> None:
    """Adds the share of the sky that one limb hides from the floor (a sphere's: (r / d)^2 times the cosine)."""
    if min(float(start[1]), float(end[1])) > SKY_HEIGHT:
        return
    window = _window(sky.shape, low, np.stack((start[[0, 2]], end[[0, 2]])), SKY_REACH)
    if window is None:
        return
    x, z = _centres(window, low)
    along = end - start
    flat = max(float(along[0] ** 2 + along[2] ** 2), 1e-4)
    share = np.clip(((x - start[0]) * along[0] + (z - start[2]) * along[2]) / flat, 0, 1)
    height = np.maximum(start[1] + share * along[1], 0.01)
    beside = (x - start[0] - share * along[0]) ** 2 + (z - start[2] - share * along[2]) ** 2
    square = beside + height**2
    size = radii[0] + share * (radii[1] - radii[0])
    fade = np.clip(1 - beside / SKY_REACH**2, 0, 1)
    sky[window] += 0.5 * fade * size**2 * height / np.maximum(square, size**2) ** 1.5
