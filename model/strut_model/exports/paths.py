"""Ground paths by name, by points or from a file, walked at a speed that may change on the way."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from strut_model.skeleton import FPS
from strut_model.streaming.controls import MAX_PLACE

Array = NDArray[np.float64]

SHAPES = ("straight", "curve", "circle", "figure8", "square", "stand")
CURVE_RADIUS, CIRCLE_RADIUS, LOBE_RADIUS, SIDE = 4.0, 3.0, 3.0, 5.0  # metres
SPACING = 0.02  # metres between the points of a line
CORNER = 0.3  # metres, standard deviation of the Gaussian that rounds corners
ACCELERATION = 2.0  # metres a second squared, at starts and stops
SPEED_SIGMA = 6.0  # frames, how softly one speed turns into the next


class PathError(ValueError):
    """A path that cannot be walked; the message says what was found and what is allowed."""


@dataclass(frozen=True)
class Line:
    """A path as points (N, 2) in metres, evenly spaced; ``closed`` when its end is its start and it goes on."""

    points: Array
    closed: bool = False

    @property
    def length(self) -> float:
        """Metres from start to end."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=-1).sum())


@dataclass(frozen=True)
class Walk:
    """Where the root shall be at each frame: positions (T, 2) in metres and headings (T,) of travel in radians."""

    positions: Array
    headings: Array


def parse_path(text: str) -> Line:
    """A path from the command line.

    Args:
        text: one of :data:`SHAPES`, a ``.csv`` file with the columns x and z in metres, or points "x,z x,z ...".
            Every shape starts at the origin towards +Z; points and files start where they say.

    Raises:
        PathError: none of these, or a point is not a finite number within 100 km, or the file has fewer than two.
    """
    text = text.strip()
    if text in SHAPES:
        return _shape(text)
    if text.lower().endswith(".csv"):
        return _polyline(_read_csv(Path(text)), text)
    if "," in text:
        return _polyline(_read_points(text), "the path")
    raise PathError(f'{text!r} is no path; allowed: {", ".join(SHAPES)}, a .csv file, or points such as "0,0 0,3 2,5"')


def walk(line: Line, speeds: Array) -> Walk:
    """Goes along a line from standing, and comes to stand at its end unless it is closed.

    Args:
        line: the path.
        speeds: (T,) metres a second wanted at each frame.
    """
    frames = len(speeds)
    wanted = gaussian_filter1d(np.asarray(speeds, np.float64), SPEED_SIGMA, mode="nearest")
    length = line.length
    along = np.zeros(frames)
    speed, at = 0.0, 0.0
    for frame in range(frames):
        limit = wanted[frame]
        if not line.closed:
            # As fast as one may be here and still stop at the end.
            limit = min(limit, np.sqrt(2 * ACCELERATION * max(length - at, 0.0)))
        speed = min(speed + ACCELERATION / FPS, limit)
        at = at + speed / FPS if line.closed else min(at + speed / FPS, length)
        along[frame] = at
    distance = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(line.points, axis=0), axis=-1))))
    if line.closed and length > 0:
        along = along % length
    positions = np.stack([np.interp(along, distance, line.points[:, k]) for k in range(2)], axis=-1)
    return Walk(positions, _directions(line, distance, along))


def _directions(line: Line, distance: Array, along: Array) -> Array:
    """(T,) radians, the direction of travel at distances along the line, unwrapped; +Z where the line is a point."""
    if line.length < 1e-6:
        return np.zeros(len(along))
    step = np.diff(line.points, axis=0)
    heading = np.unwrap(np.arctan2(step[:, 0], step[:, 1]))
    middle = 0.5 * (distance[1:] + distance[:-1])
    unit = np.stack((np.sin(heading), np.cos(heading)), axis=-1)
    at = np.stack([np.interp(along, middle, unit[:, k]) for k in range(2)], axis=-1)
    return np.unwrap(np.arctan2(at[:, 0], at[:, 1]))


def _shape(name: str) -> Line:
    turn = np.linspace(0, 2 * np.pi, 1500)
    if name == "stand":
        return Line(np.zeros((2, 2)))
    if name == "straight":
        return _polyline(np.array([[0.0, 0.0], [0.0, 1000.0]]), name)
    if name == "curve":
        # A quarter to the left after two metres, then straight on.
        arc = np.linspace(0, np.pi / 2, 60)
        bend = np.stack((CURVE_RADIUS * (1 - np.cos(arc)), 2 + CURVE_RADIUS * np.sin(arc)), axis=-1)
        end = bend[-1] + np.array([1000.0, 0.0])
        return _polyline(np.concatenate(([[0.0, 0.0]], bend, [end])), name)
    if name == "circle":
        return Line(np.stack((CIRCLE_RADIUS * (1 - np.cos(turn)), CIRCLE_RADIUS * np.sin(turn)), axis=-1), closed=True)
    if name == "figure8":
        left = np.stack((LOBE_RADIUS * (1 - np.cos(turn)), LOBE_RADIUS * np.sin(turn)), axis=-1)
        return Line(np.concatenate((left, (left * np.array([-1.0, 1.0]))[1:])), closed=True)
    corners = SIDE * np.array([[0.0, 0.0], [0.0, 0.5], [1.0, 0.5], [1.0, -0.5], [0.0, -0.5], [0.0, 0.0]])
    dense = _resampled(corners)[:-1]
    rounded = gaussian_filter1d(dense, CORNER / SPACING, axis=0, mode="wrap")
    return Line(np.concatenate((rounded, rounded[:1])) - rounded[0], closed=True)


def _resampled(corners: Array) -> Array:
    """Points every :data:`SPACING` along straight lines from corner to corner (N, 2), both ends included."""
    distance = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=-1))))
    at = np.linspace(0, distance[-1], max(2, int(np.ceil(distance[-1] / SPACING)) + 1))
    return np.stack([np.interp(at, distance, corners[:, k]) for k in range(2)], axis=-1)


def _polyline(corners: Array, name: str) -> Line:
    """Straight from corner to corner, evenly resampled, the corners rounded and the ends kept."""
    step = np.linalg.norm(np.diff(corners, axis=0), axis=-1)
    corners = corners[np.concatenate(([True], step > 1e-6))]
    if len(corners) < 2:
        raise PathError(f"{name}: all points are one; at least two different points are needed")
    dense = _resampled(corners)
    sigma = CORNER / SPACING
    pad = min(len(dense) - 1, int(4 * sigma))
    # Mirrored through its ends, a line keeps them when it is smoothed.
    before, after = 2 * dense[0] - dense[pad:0:-1], 2 * dense[-1] - dense[-2 : -pad - 2 : -1]
    smooth = gaussian_filter1d(np.concatenate((before, dense, after)), sigma, axis=0)[pad : pad + len(dense)]
    return Line(smooth)


def _read_points(text: str) -> Array:
    rows = []
    for number, point in enumerate(text.split()):
        rows.append(_point(point.split(","), f"point {number + 1} ({point!r})"))
    if len(rows) < 2:
        raise PathError(f"{text!r} has {len(rows)} point; at least two are needed")
    return np.array(rows)


def _read_csv(path: Path) -> Array:
    if not path.is_file():
        raise PathError(f"{path}: no such file")
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = [(number, row) for number, row in enumerate(csv.reader(stream), start=1) if any(map(str.strip, row))]
    columns = [0, 1]
    if rows and not _is_number(rows[0][1][0]):
        header = [cell.strip().lower() for cell in rows[0][1]]
        if "x" not in header or "z" not in header:
            raise PathError(f"{path}: the columns are {', '.join(header)}; x and z are needed")
        columns = [header.index("x"), header.index("z")]
        rows = rows[1:]
    points = []
    for number, row in rows:
        if len(row) <= max(columns):
            raise PathError(f"{path}, line {number}: {len(row)} columns; at least {max(columns) + 1} are needed")
        points.append(_point([row[c] for c in columns], f"{path}, line {number}"))
    if len(points) < 2:
        raise PathError(f"{path}: {len(points)} points; at least two are needed")
    return np.array(points)


def _point(cells: list[str], where: str) -> list[float]:
    if len(cells) != 2 or not all(map(_is_number, cells)):
        raise PathError(f'{where} is no point; two numbers "x,z" in metres are needed')
    values = [float(cell) for cell in cells]
    if not all(abs(value) <= MAX_PLACE for value in values):
        raise PathError(f"{where}: out of range; allowed are -{MAX_PLACE:g} to {MAX_PLACE:g} metres")
    return values


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
