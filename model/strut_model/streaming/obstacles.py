"""Obstacles on the ground, and paths that are led around them.

An obstacle is an upright box with round edges: a circle is one without sides. The shortest way around those that are in
the way runs over the corners of their outlines at a body's distance (the visibility graph: Lozano-Perez and Wesley
1979, Commun ACM 22:560). Only obstacles that a path hits are taken into the graph, until it hits none; what comes out
is the shortest of all, and most paths cost next to nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import dijkstra

from strut_model import rotations as rot

Array = npt.NDArray[np.float64]

BODY_RADIUS = 0.6
"""Metres from a walker's path to its hands: .45 in most styles, .6 in the widest but for single gestures."""
SWING_OUT = 0.1
"""Metres that are kept besides, for each metre a second: corners are rounded, and a body is not exactly on its path."""
HEAD_HEIGHT = 1.9
"""Metres above the ground from which on nothing is in a walker's way."""
NARROWER = (0.8, 0.65)
"""Shares of the distance that are kept where no way keeps more, or one that is `LONGEST_DETOUR` times as long: the last
one lets walkers through doors."""
LONGEST_DETOUR = 1.3
LEAST_ROOM = 0.1
LONGEST_STEP = 0.5
"""Metres: how near to an obstacle an end of a way may be, and how far the step from there to a free place."""
_CORNERS = np.radians(np.array([[15, 45, 75], [105, 135, 165], [195, 225, 255], [285, 315, 345]]))
_SIGNS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
_OUTLINE = 1.0 / np.cos(np.radians(15.0))
"""Corners of an outline that goes around a round edge, in its radii: twelve to a full turn."""
_GRACE = 1e-3
_WIDER = (0.8, 0.6, 0.45, 0.3, 0.2, 0.1)
_PUSHES = 12


@dataclass(frozen=True)
class Obstacles:
    """Obstacles in one space.

    Attributes:
        centre: (S, 2) metres, x and z.
        half: (S, 2) metres, half the sides along the own +X and +Z; zero for circles.
        heading: (S,) radians, where the own +Z points.
        radius: (S,) metres, of the edges: that of a circle, zero for a box.
    """

    centre: Array
    half: Array
    heading: Array
    radius: Array

    @staticmethod
    def circles(centres: npt.ArrayLike, radii: npt.ArrayLike) -> Obstacles:
        """Circles with centres (S, 2) and radii (S,), metres."""
        centre = np.asarray(centres, np.float64).reshape(-1, 2)
        return Obstacles(centre, np.zeros_like(centre), np.zeros(len(centre)), np.asarray(radii, np.float64))

    @staticmethod
    def boxes(centres: npt.ArrayLike, sides: npt.ArrayLike, headings: npt.ArrayLike) -> Obstacles:
        """Boxes with centres (S, 2), sides (S, 2) along their own +X and +Z, metres, and headings (S,), radians."""
        centre = np.asarray(centres, np.float64).reshape(-1, 2)
        half = 0.5 * np.asarray(sides, np.float64).reshape(-1, 2)
        return Obstacles(centre, half, np.asarray(headings, np.float64).reshape(-1), np.zeros(len(centre)))

    @staticmethod
    def concatenate(parts: Sequence[Obstacles]) -> Obstacles:
        """All of several."""
        return Obstacles(
            np.concatenate([part.centre for part in parts]),
            np.concatenate([part.half for part in parts]),
            np.concatenate([part.heading for part in parts]),
            np.concatenate([part.radius for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.radius)

    def __getitem__(self, rows: npt.NDArray[np.integer] | slice) -> Obstacles:
        return Obstacles(self.centre[rows], self.half[rows], self.heading[rows], self.radius[rows])

    def distances(self, points: Array) -> Array:
        """(N, S) metres from points (N, 2) to each obstacle, negative inside."""
        beyond = np.abs(self._local(points)) - self.half
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=-1)
        return np.asarray(outside + np.minimum(beyond.max(axis=-1), 0.0) - self.radius)

    def clearances(self, starts: Array, ends: Array) -> Array:
        """(N, S) metres from segments, (N, 2) to (N, 2), to each obstacle; negative for those that go through one."""
        a, b = self._local(starts), self._local(ends)
        way = b - a
        along = np.maximum(np.einsum("nsi,nsi->ns", way, way), 1e-12)
        least = np.minimum(_to_box(a, self.half), _to_box(b, self.half))
        for signs in _SIGNS:
            corner = signs * self.half
            share = np.clip(np.einsum("nsi,nsi->ns", corner - a, way) / along, 0.0, 1.0)
            least = np.minimum(least, np.linalg.norm(a + share[..., None] * way - corner, axis=-1))
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = (-self.half - a) / way, (self.half - a) / way
        still = np.abs(way) < 1e-12
        inside = np.abs(a) <= self.half
        enter = np.where(still, np.where(inside, -np.inf, np.inf), np.minimum(near, far)).max(axis=-1)
        leave = np.where(still, np.where(inside, np.inf, -np.inf), np.maximum(near, far)).min(axis=-1)
        through = np.maximum(enter, 0.0) <= np.minimum(leave, 1.0)
        return np.asarray(np.where(through, 0.0, least) - self.radius)

    def outlines(self, distance: float) -> Array:
        """(S * 12, 2) metres, corners of outlines that keep a distance from each obstacle."""
        reach = (self.radius + distance + _GRACE) * _OUTLINE
        around = np.stack((np.cos(_CORNERS), np.sin(_CORNERS)), axis=-1)  # (4, 3, 2)
        local = (_SIGNS[:, None] * self.half[:, None, None]) + reach[:, None, None, None] * around
        turned = rot.rotate_ground(self.heading[:, None], local.reshape(len(self), 12, 2))
        return np.asarray((turned + self.centre[:, None]).reshape(-1, 2))

    def pushed_out(self, point: Array, distance: float) -> Array:
        """(2,) metres, the point moved to where it keeps a distance from all obstacles, if that is found near by."""
        place = np.array(point, np.float64)
        for _ in range(_PUSHES):
            away = self.distances(place[None])[0] - distance
            nearest = int(away.argmin())
            if away[nearest] >= -1e-9:
                break
            place = place + self._outwards(place, nearest) * (_GRACE - away[nearest])
        return place

    def _outwards(self, point: Array, row: int) -> Array:
        """(2,) unit vector that leads out of an obstacle the shortest way."""
        local = self[np.array([row])]._local(point[None])[0, 0]
        side = np.where(local >= 0, 1.0, -1.0)
        beyond = np.abs(local) - self.half[row]
        if beyond.max() > 0:
            out = side * np.maximum(beyond, 0.0)
        else:
            out = np.where(np.arange(2) == beyond.argmax(), side, 0.0)
        length = float(np.linalg.norm(out))
        out = out / length if length > 1e-9 else np.array([1.0, 0.0])
        return np.asarray(rot.rotate_ground(self.heading[row], out))

    def _local(self, points: Array) -> Array:
        """(N, S, 2) points (N, 2) as each obstacle sees them."""
        offset = points[:, None] - self.centre
        return np.asarray(rot.rotate_ground(-self.heading, offset))


def _to_box(points: Array, half: Array) -> Array:
    return np.asarray(np.linalg.norm(np.maximum(np.abs(points) - half, 0.0), axis=-1))


@dataclass(frozen=True)
class Way:
    """A way over the ground.

    Attributes:
        points: (K, 2) metres, from the start on.
        reached: whether it ends at the goal that was asked for; else as near to it as one can come.
    """

    points: Array
    reached: bool


def way_around(obstacles: Obstacles, start: npt.ArrayLike, goal: npt.ArrayLike, distance: float) -> Way:
    """The shortest way between two points that keeps a distance from all obstacles.

    Where there is none, or only a long one, it may come a little nearer (`NARROWER`). Who starts near to an obstacle
    steps away from it first, and a goal near to one is gone to at last. A goal inside of one is replaced by the nearest
    point that is free.

    Args:
        obstacles: all that there are.
        start, goal: (2,) metres.
        distance: metres, at least.
    """
    start, goal = np.asarray(start, np.float64), np.asarray(goal, np.float64)
    if len(obstacles) == 0:
        return Way(np.stack((start, goal)), True)
    wide = _way_at(obstacles, start, goal, distance)
    straight = float(np.linalg.norm(goal - start))
    if wide.reached and _length(wide.points) <= LONGEST_DETOUR * straight:
        return wide
    best = wide
    for share in NARROWER:
        way = _way_at(obstacles, start, goal, share * distance)
        if way.reached and (not best.reached or LONGEST_DETOUR * _length(way.points) < _length(best.points)):
            best = way
    return best


def _length(points: Array) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def _way_at(obstacles: Obstacles, start: Array, goal: Array, distance: float) -> Way:
    """The same at one distance."""
    first, last = _free_end(obstacles, start, distance), _free_end(obstacles, goal, distance)
    if first is None:
        first, distance = _widest_end(obstacles, start, distance)
    to_goal = last is not None
    if last is None:
        last = obstacles.pushed_out(goal, distance)
    points, found = _shortest(obstacles, first, last, distance)
    if np.linalg.norm(first - start) > _GRACE:
        points = np.concatenate((start[None], points))
    if found and to_goal and np.linalg.norm(last - goal) > _GRACE:
        points = np.concatenate((points, goal[None]))
    return Way(points, found and to_goal)


def _widest_end(obstacles: Obstacles, end: Array, distance: float) -> tuple[Array, float]:
    """Between obstacles that leave no room: a place near to ``end`` (2,) that keeps more of a distance, and how much.

    Else one would go on as near to them as one is, and a little nearer at every plan.
    """
    room = float(obstacles.distances(end[None]).min())
    for share in _WIDER:
        wider = room + share * (distance - room)
        place = _free_end(obstacles, end, wider) if wider > 0 else None
        if place is not None:
            return place, wider
    return end, room - 2 * _GRACE


def _free_end(obstacles: Obstacles, end: Array, distance: float) -> Array | None:
    """(2,) a place that keeps a distance, from which a step leads to an end of a way that does not; None for none."""
    room = float(obstacles.distances(end[None]).min())
    if room >= distance:
        return end
    free = obstacles.pushed_out(end, distance)
    if obstacles.distances(free[None]).min() < distance - _GRACE:
        return None
    if room <= LEAST_ROOM:
        return free if room > 0 else None
    step = float(obstacles.clearances(end[None], free[None]).min())
    return free if step > room - 0.01 and np.linalg.norm(free - end) < LONGEST_STEP else None


def _shortest(obstacles: Obstacles, start: Array, goal: Array, distance: float) -> tuple[Array, bool]:
    used: npt.NDArray[np.bool_] = np.zeros(len(obstacles), bool)
    path: Array = np.stack((start, goal))
    found = True
    for _ in range(len(obstacles) + 1):
        hit = (obstacles.clearances(path[:-1], path[1:]) < distance - _GRACE).any(axis=0) & ~used
        if not hit.any():
            break
        used |= hit
        path, found = _over_corners(obstacles[np.flatnonzero(used)], start, goal, distance)
    return path, found


def _over_corners(obstacles: Obstacles, start: Array, goal: Array, distance: float) -> tuple[Array, bool]:
    """The shortest way over corners; to the one nearest to the goal where that cannot be reached."""
    corners: Array = obstacles.outlines(distance).reshape(len(obstacles), -1, 2)
    sides = np.stack((np.roll(corners, 1, axis=1), np.roll(corners, -1, axis=1)), axis=2).reshape(-1, 2, 2)
    corners = corners.reshape(-1, 2)
    free = (obstacles.distances(corners) >= distance - 1e-9).all(axis=1)
    nodes = np.concatenate((start[None], goal[None], corners[free]))
    beside = np.concatenate((np.full((2, 2, 2), np.nan), sides[free]))
    row, column = np.triu_indices(len(nodes), 1)
    touching = _touches(nodes, beside, row, column) & _touches(nodes, beside, column, row)
    # Outlines have corners: an end may lie inside of one and still keep its distance.
    touching |= row < 2
    row, column = row[touching], column[touching]
    clear = (obstacles.clearances(nodes[row], nodes[column]) >= distance - _GRACE).all(axis=1)
    row, column = row[clear], column[clear]
    lengths = np.zeros((len(nodes), len(nodes)))
    lengths[row, column] = np.maximum(np.linalg.norm(nodes[row] - nodes[column], axis=1), 1e-9)
    total, before = dijkstra(lengths, directed=False, indices=0, return_predecessors=True)
    found = bool(np.isfinite(total[1]))
    end = 1
    if not found:
        there = np.flatnonzero(np.isfinite(total))
        end = int(there[np.linalg.norm(nodes[there] - goal, axis=1).argmin()])
    if end == 0:  # nowhere is nearer than here
        return np.stack((start, start)), False
    steps = [end]
    while steps[-1] != 0:
        steps.append(int(before[steps[-1]]))
    return nodes[steps[::-1]], found


def _touches(
    nodes: Array, beside: Array, row: npt.NDArray[np.integer], column: npt.NDArray[np.integer]
) -> npt.NDArray[np.bool_]:
    """Whether lines from corners ``row`` to nodes ``column`` pass their outline on one side: a shortest way turns
    nowhere else. ``beside`` (n, 2, 2) has each corner's neighbours on its outline, NaN for what is none."""
    way = nodes[column] - nodes[row]
    edges = beside[row] - nodes[row][:, None]
    sides = edges[..., 0] * way[:, None, 1] - edges[..., 1] * way[:, None, 0]
    return ~(sides[:, 0] * sides[:, 1] < -1e-12)


@dataclass(frozen=True)
class Bent:
    """Samples of a path that was led around obstacles.

    Attributes:
        times: (N,) seconds.
        positions: (N, 2) metres; NaN where a sample has none.
        headings: (N,) radians, likewise.
        speeds: (N,) metres a second, likewise.
        detour: metres that the way became longer.
        reached: whether its end is the end that was asked for.
    """

    times: Array
    positions: Array
    headings: Array
    speeds: Array
    detour: float
    reached: bool


def distance_at(speed: float) -> float:
    """Metres that a path keeps from obstacles at a speed, metres a second."""
    return BODY_RADIUS + SWING_OUT * speed


def blocked(obstacles: Obstacles, origin: Array, positions: Array, distance: float) -> bool:
    """Whether a path from ``origin`` (2,) over positions (N, 2), NaN for none, comes nearer to an obstacle."""
    placed = positions[~np.isnan(positions[:, 0])]
    if len(placed) == 0 or len(obstacles) == 0:
        return False
    points = np.concatenate((origin[None], placed))
    return bool((obstacles.clearances(points[:-1], points[1:]) < distance).any())


def bend(
    obstacles: Obstacles,
    origin: Array,
    times: Array,
    positions: Array,
    headings: Array,
    speeds: Array,
    keep_times: bool = False,
) -> Bent:
    """Lead the samples of a path around obstacles.

    Samples too near to an obstacle are left out, but for the last one, which is moved. What lies between the others
    goes the shortest way, and the samples after a detour come later by what it takes at the speed of the path.

    Args:
        obstacles: in the path's space.
        origin: (2,) metres, where the character is now.
        times: (N,) seconds, all given.
        positions: (N, 2) metres, NaN where a sample has none.
        headings, speeds: (N,) likewise.
        keep_times: the samples keep their times; the character then has to hurry.
    """
    placed = np.flatnonzero(~np.isnan(positions[:, 0]))
    unchanged = Bent(times, positions, headings, speeds, 0.0, True)
    if len(placed) == 0 or len(obstacles) == 0:
        return unchanged
    points = np.concatenate((origin[None], positions[placed]))
    moments = np.concatenate(([min(-1 / 30, times[placed[0]] - 1e-3)], times[placed]))
    length = np.linalg.norm(np.diff(points, axis=0), axis=1)
    pace = float(length.sum() / max(moments[-1] - moments[0], 1e-6))
    distance = distance_at(min(pace, 6.0))
    if not blocked(obstacles, origin, positions, distance):
        return unchanged
    near = np.asarray((obstacles.distances(points) < distance).any(axis=1))
    near[0] = near[-1] = False
    kept = np.flatnonzero(~near)
    rows: list[tuple[float, float, float, float, float]] = []
    later, reached, detour = 0.0, True, 0.0
    here = points[0]
    for before, after in itertools.pairwise(kept):
        way = way_around(obstacles, here, points[after], distance)
        own = float(length[before:after].sum())
        legs = np.linalg.norm(np.diff(way.points, axis=0), axis=1)
        seconds = float(moments[after] - moments[before])
        longer = max(float(legs.sum()) - own, 0.0)
        if own > 1e-6 and not keep_times:
            seconds *= max(float(legs.sum()) / own, 1.0) if own > 0.05 else 1.0
        share = np.cumsum(legs) / max(float(legs.sum()), 1e-9)
        sample = placed[after - 1]
        for number, (point, part) in enumerate(zip(way.points[1:], share)):
            final = number == len(legs) - 1
            time = float(moments[before]) + later + part * seconds
            facing, speed = (headings[sample], speeds[sample]) if final else (np.nan, np.nan)
            rows.append((time, float(point[0]), float(point[1]), float(facing), float(speed)))
        later += seconds - float(moments[after] - moments[before])
        detour += longer
        reached &= way.reached
        here = way.points[-1]
    # Samples without a place keep what they ask for, at the time to which their moment has been put off.
    old = np.array([moments[row] for row in kept])
    for row in np.setdiff1d(np.arange(len(times)), placed):
        moment = float(times[row])
        put_off = moment + (later if moment >= old[-1] else later * max(moment, 0.0) / max(float(old[-1]), 1e-9))
        rows.append((put_off, np.nan, np.nan, float(headings[row]), float(speeds[row])))
    table = np.array(sorted(rows))
    apart = np.maximum.accumulate(table[:, 0] - 1e-4 * np.arange(len(table))) + 1e-4 * np.arange(len(table))
    return Bent(apart, table[:, 1:3], table[:, 3], table[:, 4], detour, reached)
