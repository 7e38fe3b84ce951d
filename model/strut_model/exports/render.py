"""A small software renderer for mannequins on a studio floor: numpy only, no window, no GPU.

Bodies are ray cast at twice the resolution inside the rectangle that they cover; the floor with its grid,
fog and soft shadows is shaded analytically, so that a 640 x 360 picture takes some tens of milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import uniform_filter

from strut_model import rotations as rot
from strut_model.exports import raycast
from strut_model.exports.mannequin import DARK, LimbArrays, limb_arrays, limbs
from strut_model.exports.raycast import FAR, Hits, PosedLimbs
from strut_model.exports.shadows import floor_shadow, sample_shadow, self_shadow

Array = NDArray[np.floating]
Colour = tuple[int, int, int]

SKY_TOP, SKY_BOTTOM = (226, 231, 238), (247, 248, 250)
FLOOR, GRID, DARK_TONE = (233, 236, 240), (196, 203, 213), (58, 64, 76)
LIGHT = np.array([-0.45, 0.80, 0.40], np.float32)
"""Towards the key light, in the camera's heading frame: it hangs over the camera's left shoulder, so that
no walk ends in backlight."""

HIDDEN_BELOW = -0.09
"""Metres below the floor at which nothing is seen any more: feet sink into sand and snow, and toes into any floor by
centimetres."""
_HIDDEN_OVER = 0.04
SUPERSAMPLING = 2


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position, target: (3,) metres.
        field_of_view: degrees, vertical.
    """

    position: Array
    target: Array
    field_of_view: float = 32.0

    @cached_property
    def basis(self) -> Array:
        """(3, 3) rows: right, up and backward of the picture, world."""
        back = np.asarray(self.position, np.float64) - self.target
        back /= np.linalg.norm(back)
        right = np.cross([0.0, 1.0, 0.0], back)
        right /= np.linalg.norm(right)
        return np.stack((right, np.cross(back, right), back)).astype(np.float32)

    @cached_property
    def light(self) -> Array:
        """(3,) unit vector towards the key light, world."""
        back = np.asarray(self.position, np.float64) - self.target
        return (turned(LIGHT, float(np.arctan2(back[0], back[2]))) / np.linalg.norm(LIGHT)).astype(np.float32)

    def focal(self, height: int) -> float:
        """Focal length in pixels."""
        return 0.5 * height / float(np.tan(np.radians(self.field_of_view) / 2))

    def project(self, points: Array, width: int, height: int) -> tuple[Array, Array]:
        """Pixels (..., 2) [x, y] and depths (...,) in metres of world points (..., 3)."""
        seen = (np.asarray(points, np.float32) - np.asarray(self.position, np.float32)) @ self.basis.T
        depth = -seen[..., 2]
        f = self.focal(height)
        safe = np.maximum(depth, 1e-3)
        pixels = np.stack((0.5 * width + f * seen[..., 0] / safe, 0.5 * height - f * seen[..., 1] / safe), axis=-1)
        return pixels, depth


@dataclass(frozen=True)
class Body:
    """One mannequin: joint positions (22, 3) in metres, orientations (22, 4), world, and its colour."""

    positions: Array
    orientations: Array
    colour: Colour


@dataclass(frozen=True)
class Line:
    """A line on the floor: points (N, 2) [x, z] in metres; ``dash`` in metres, 0 for a full line."""

    points: Array
    colour: Colour
    width: float = 0.02
    opacity: float = 1.0
    dash: float = 0.0


@dataclass(frozen=True)
class Patch:
    """A filled polygon on the floor: corners (N, 2) [x, z] in metres."""

    corners: Array
    colour: Colour
    opacity: float = 1.0


@dataclass(frozen=True)
class Scene:
    """What is to be drawn; floor marks are drawn in order, under the bodies and their shadows."""

    bodies: Sequence[Body]
    marks: Sequence[Line | Patch] = field(default_factory=tuple)


@cache
def _mannequin() -> LimbArrays:
    return limb_arrays(limbs())


def render(scene: Scene, camera: Camera, width: int, height: int) -> NDArray[np.uint8]:
    """The picture (height, width, 3) uint8 of a scene."""
    posed = [raycast.pose(_mannequin(), b.positions, b.orientations) for b in scene.bodies]
    picture = _floor(scene.marks, posed, camera, width, height)
    for group in _groups(posed, camera, width, height):
        _draw_bodies(picture, scene.bodies, posed, group, camera)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


# --- floor ---------------------------------------------------------------------------------------------------


def _floor(marks: Sequence[Line | Patch], posed: list[PosedLimbs], camera: Camera, width: int, height: int) -> Array:
    """Sky and floor (height, width, 3) float32 with grid, marks, fog and shadows."""
    directions = _directions(camera, width, height, 0, 0, width, height, 1)
    down = -directions[1]
    eye = np.asarray(camera.position, np.float32)
    distance = np.where(down > 1e-3, eye[1] / np.maximum(down, 1e-3), 1e4).astype(np.float32)
    x = eye[0] + distance * directions[0]
    z = eye[2] + distance * directions[2]
    pixel = distance / camera.focal(height)  # metres on a plane that faces the camera
    grazing = np.maximum(down, 0.02)

    # A line is as wide as the pixel that looks at it, so it fades with distance instead of flickering.
    grid = np.zeros_like(x)
    for spacing, strength, line in ((1.0, 0.85, 0.012), (0.25, 0.28, 0.006)):
        for coordinate, along in ((x, directions[0]), (z, directions[2])):
            # The pixel's footprint stretches along the view by 1 / grazing.
            level = np.sqrt((1 - along**2) + (along / grazing) ** 2) * pixel
            offset = np.abs((coordinate / spacing + 0.5) % 1.0 - 0.5) * spacing
            cover = np.clip((0.5 * line + 0.6 * level - offset) / np.maximum(1.2 * level, 1e-6), 0, 1)
            grid = np.maximum(grid, strength * cover * np.minimum(1, 0.5 * line / level + 0.35 * (line > 0.01)))

    picture = _mix(np.array(FLOOR, np.float32), np.array(GRID, np.float32), grid[..., None])
    for mark in marks:
        _draw_mark(picture, mark, camera, width, height)
    if posed:
        picture *= sample_shadow(floor_shadow(posed, camera.light), x, z)[..., None]

    level = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky = _mix(np.array(SKY_TOP, np.float32), np.array(SKY_BOTTOM, np.float32), np.minimum(1.8 * level, 1))
    focus = float(np.linalg.norm(eye - camera.target))
    fog = np.clip((distance - 1.2 * focus) / (6.0 + 2.0 * focus), 0, 1)
    fog = fog * fog * (3 - 2 * fog)
    return _mix(picture, sky, fog[..., None])


def _draw_mark(picture: Array, mark: Line | Patch, camera: Camera, width: int, height: int) -> None:
    """Blends a floor mark into the picture, antialiased by drawing it at twice the size."""
    polygons = np.asarray(mark.corners, np.float32)[None] if isinstance(mark, Patch) else _ribbons(mark)
    points = np.insert(polygons, 1, 0.002, axis=-1)
    pixels, depth = camera.project(points, 2 * width, 2 * height)
    pixels = pixels[(depth.min(axis=1) > 0.2) & (np.abs(pixels).max(axis=(1, 2)) < 20 * width)]
    if not len(pixels):
        return
    left, top = np.maximum(np.floor(pixels.min(axis=(0, 1)) / 2).astype(int) - 1, 0)
    right, bottom = np.minimum(np.ceil(pixels.max(axis=(0, 1)) / 2).astype(int) + 1, (width, height))
    if left >= right or top >= bottom:
        return
    mask = Image.new("L", (2 * (right - left), 2 * (bottom - top)))
    draw = ImageDraw.Draw(mask)
    for polygon in pixels - np.array([2 * left, 2 * top], np.float32):
        draw.polygon(polygon.ravel().tolist(), fill=255)
    cover = np.asarray(mask.reduce(2), np.float32)[..., None] * (mark.opacity / 255)
    window = picture[top:bottom, left:right]
    window += (np.array(mark.colour, np.float32) - window) * cover


def _ribbons(line: Line) -> Array:
    """Polygons (N, 4, 2), one for each segment of a line, overlapping a little at the joints."""
    points = np.asarray(line.points, np.float32)
    moved = np.linalg.norm(np.diff(points, axis=0), axis=-1) > 1e-4
    points = points[np.concatenate(([True], moved))] if len(points) else points
    if len(points) < 2:
        return np.zeros((0, 4, 2), np.float32)
    along = np.diff(points, axis=0)
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    along /= length
    side = np.stack((-along[:, 1], along[:, 0]), axis=-1) * (0.5 * line.width)
    start, end = points[:-1], points[1:] + along * (0.25 * line.width)
    quads = np.stack((start + side, end + side, end - side, start - side), axis=1)
    if line.dash > 0:
        middle = np.cumsum(length[:, 0]) - 0.5 * length[:, 0]
        quads = quads[(middle / line.dash) % 2 < 1]
    return quads


# --- bodies --------------------------------------------------------------------------------------------------


def _boxes(limbs_: PosedLimbs, camera: Camera, width: int, height: int) -> NDArray[np.int64]:
    """(L, 4) pixels [top, bottom, left, right) that contain each limb; empty behind the camera."""
    low, high = [], []
    for centre, reach in ((limbs_.start, limbs_.reach[:, 0]), (limbs_.end, limbs_.reach[:, 1])):
        pixels, depth = camera.project(centre, width, height)
        margin = (camera.focal(height) * 1.15 * reach / np.maximum(depth - reach, 0.05))[:, None] + 1
        hidden = (depth < 0.15)[:, None]
        low.append(np.where(hidden, 1e6, pixels - margin))
        high.append(np.where(hidden, -1e6, pixels + margin))
    first = np.floor(np.minimum(*low))
    last = np.ceil(np.maximum(*high))
    box = np.stack((first[:, 1], last[:, 1], first[:, 0], last[:, 0]), axis=-1)
    return np.clip(box, 0, (height, height, width, width)).astype(np.int64)


def _groups(posed: list[PosedLimbs], camera: Camera, width: int, height: int) -> list[list[int]]:
    """Bodies (by number) whose rectangles overlap, so that each group is drawn in one small rectangle."""
    rectangles: list[tuple[list[int], Array]] = []
    for number, limbs_ in enumerate(posed):
        boxes = _boxes(limbs_, camera, width, height)
        rectangle = np.array([boxes[:, 0].min(), boxes[:, 1].max(), boxes[:, 2].min(), boxes[:, 3].max()])
        members = [number]
        apart = []
        for other, area in rectangles:
            overlap = (
                area[0] < rectangle[1] and rectangle[0] < area[1] and area[2] < rectangle[3] and rectangle[2] < area[3]
            )
            if overlap:
                members += other
                rectangle = np.array(
                    [
                        min(area[0], rectangle[0]),
                        max(area[1], rectangle[1]),
                        min(area[2], rectangle[2]),
                        max(area[3], rectangle[3]),
                    ]
                )
            else:
                apart.append((other, area))
        rectangles = [*apart, (members, rectangle)]
    return [members for members, _ in rectangles]


def _draw_bodies(
    picture: Array, bodies: Sequence[Body], posed: list[PosedLimbs], group: list[int], camera: Camera
) -> None:
    """Ray casts some bodies at twice the resolution and blends them into the picture."""
    height, width = picture.shape[:2]
    n = SUPERSAMPLING
    boxes = {i: _boxes(posed[i], camera, n * width, n * height) for i in group}
    every = np.concatenate(list(boxes.values()))
    every = every[(every[:, 0] < every[:, 1]) & (every[:, 2] < every[:, 3])]
    if not len(every):
        return
    top, left = every[:, 0].min() // n, every[:, 2].min() // n
    bottom, right = -(-every[:, 1].max() // n), -(-every[:, 3].max() // n)
    directions = _directions(camera, width, height, left, top, right, bottom, n)
    hits = Hits.empty(*directions.shape[1:])
    shift = np.array([n * top, n * top, n * left, n * left])
    for i in group:
        raycast.cast(hits, posed[i], np.asarray(camera.position, np.float32), directions, boxes[i] - shift, i)
    colour, cover = _shade(hits, directions, bodies, posed, camera)
    premultiplied = (colour * cover[..., None]).reshape(bottom - top, n, right - left, n, 3).mean(axis=(1, 3))
    alpha = cover.reshape(bottom - top, n, right - left, n).mean(axis=(1, 3))[..., None]
    window = picture[top:bottom, left:right]
    window *= 1 - alpha
    window += premultiplied


def _shade(
    hits: Hits, directions: Array, bodies: Sequence[Body], posed: list[PosedLimbs], camera: Camera
) -> tuple[Array, Array]:
    """Colours (h, w, 3) and cover (h, w) of what was hit."""
    found = hits.depth < FAR
    colour = np.zeros((*found.shape, 3), np.float32)
    if not found.any():
        return colour, found.astype(np.float32)
    normal = hits.normal[:, found]
    normal /= np.maximum(np.sqrt((normal * normal).sum(axis=0)), 1e-9)
    view = -directions[:, found]
    point = np.asarray(camera.position, np.float32)[:, None] - view * hits.depth[found]

    light = camera.light
    lit = np.clip(light @ normal, 0, 1) * self_shadow(posed, point, normal, light)
    sky = 0.5 + 0.5 * normal[1]
    facing = np.clip((normal * view).sum(axis=0), 0, 1)
    rim = (1 - facing) ** 3
    half = light[:, None] + view
    half /= np.sqrt((half * half).sum(axis=0))
    gloss = np.clip((normal * half).sum(axis=0), 0, 1) ** 40 * (lit > 0)

    # Creases: pixels that lie behind their surroundings get less of the sky's light.
    depth = np.where(found, hits.depth, np.float32(0))
    weight = found.astype(np.float32)
    size = max(5, int(0.09 * camera.focal(found.shape[0]) / max(float(np.median(depth[found])), 0.1)) | 1)
    size = min(size, 41)
    around = uniform_filter(depth, size) / np.maximum(uniform_filter(weight, size), 1e-3)
    crease = np.clip(1 - 2.6 * np.clip(hits.depth[found] - around[found], 0, 0.16), 0.55, 1)
    near_floor = np.clip(0.72 + 0.7 * point[1], 0, 1)

    tones: Array = np.stack([np.array(b.colour, np.float32) for b in bodies])[hits.owner[found]]
    tones = np.where((hits.tone[found] == DARK)[:, None], np.array(DARK_TONE, np.float32), tones) / 255
    linear = tones**2.2
    ambient = crease * near_floor * (0.20 + 0.42 * sky)
    received = ambient[:, None] * np.array([0.94, 0.98, 1.06], np.float32)
    received = received + (0.95 * lit)[:, None] * np.array([1.06, 1.0, 0.93], np.float32)
    linear = linear * received + (0.10 * rim * crease + 0.10 * gloss)[:, None]
    colour[found] = 255 * np.clip(linear, 0, 1) ** (1 / 2.2)
    if camera.position[1] > 0:
        weight[found] *= np.clip((point[1] - HIDDEN_BELOW) / _HIDDEN_OVER, 0, 1)
    return colour, weight


# --- shared --------------------------------------------------------------------------------------------------


def _directions(
    camera: Camera, width: int, height: int, left: int, top: int, right: int, bottom: int, samples: int
) -> Array:
    """(3, h, w) unit world directions of the rays through a rectangle of pixels, ``samples`` per side of each."""
    basis = camera.basis
    f = camera.focal(height)
    x = (left + (np.arange((right - left) * samples, dtype=np.float32) + 0.5) / samples - 0.5 * width) / f
    y = (0.5 * height - (top + (np.arange((bottom - top) * samples, dtype=np.float32) + 0.5) / samples)) / f
    d = basis[0][:, None, None] * x + basis[1][:, None, None] * y[:, None] - basis[2][:, None, None]
    return d / np.sqrt((d * d).sum(axis=0))


def _mix(a: Array, b: Array, share: Array) -> Array:
    return a + (b - a) * share


def turned(offset: Array, heading: float) -> Array:
    """A vector (3,) turned about +Y by a heading in radians; for placing cameras."""
    return rot.rotate(rot.heading_rotation(np.float64(heading)), np.asarray(offset, np.float64))
