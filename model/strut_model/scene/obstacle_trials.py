"""The student led through random layouts of obstacles in closed loops: does it enter one, arrive, and go far about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from strut_model.features import HISTORY, WINDOW
from strut_model.motion import Motion
from strut_model.skeleton import FPS, JOINT_INDEX, REST_OFFSETS
from strut_model.streaming.controls import Trajectory, complete_times, stack_trajectories, trajectory_samples
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator, WindowRequests
from strut_model.streaming.obstacles import Obstacles, bend
from strut_model.streaming.rollout import character_seeds, idle_history

Array = NDArray[np.float64]

SPEED = 1.2
"""Metres a second asked for."""
SECONDS = 18.0
HALF_WIDTH = 0.45
"""Metres from a walker's path to its hands in most styles: what is shortest is told by it."""
HAND = 0.1
"""Metres from the wrist's joint to the knuckles."""
ARRIVED = 0.3
"""Metres from the goal within which one has arrived."""
_BATCH = 32
_STEP = 0.1
_HALF = 7.0
_NEIGHBOURS = [(1, 0), (0, 1), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2), (3, 1), (1, 3), (3, -1), (1, -3)]
_WRISTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]
_ELBOWS = [JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"]]
_FOREARM = float(np.linalg.norm(REST_OFFSETS[JOINT_INDEX["left_wrist"]]))


@dataclass(frozen=True)
class Layout:
    """Obstacles with a start and a goal (2,) metres on either side of them."""

    obstacles: Obstacles
    start: Array
    goal: Array


def layout(rng: np.random.Generator) -> Layout:
    """3 to 13 circles and boxes in 8 x 8 m."""
    count = int(rng.integers(3, 14))
    centres, round_ones = rng.uniform(-4, 4, (count, 2)), rng.random(count) < 0.5
    circles = Obstacles.circles(centres[round_ones], rng.uniform(0.1, 1.0, round_ones.sum()))
    boxes = Obstacles.boxes(
        centres[~round_ones], rng.uniform(0.2, 2.0, ((~round_ones).sum(), 2)), rng.uniform(-3, 3, (~round_ones).sum())
    )
    ends = rng.uniform(-5, 5, 2)
    return Layout(Obstacles.concatenate([circles, boxes]), np.array([ends[0], -6.0]), np.array([ends[1], 6.0]))


def shortest_on_a_grid(obstacles: Obstacles, start: Array, goal: Array, distance: float) -> float:
    """Metres of the shortest way over a fine grid of places that keep a distance: up to 3 % above the shortest."""
    line = np.arange(-_HALF, _HALF + _STEP / 2, _STEP)
    count = len(line)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    free = (obstacles.distances(points) >= distance).all(axis=1).reshape(count, count)
    index = np.arange(count * count).reshape(count, count)
    rows, columns, lengths = [], [], []
    for dx, dz in _NEIGHBOURS:
        low, high = max(0, -dz), count - max(0, dz)
        here, there = (slice(low, high), slice(0, count - dx)), (slice(low + dz, high + dz), slice(dx, count))
        both = free[here] & free[there]
        rows.append(index[here][both])
        columns.append(index[there][both])
        lengths.append(np.full(both.sum(), _STEP * np.hypot(dx, dz)))
    graph = csr_matrix((np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))), (count**2, count**2))

    def nearest(point: Array) -> int:
        return int(np.where(free.ravel(), np.linalg.norm(points - point, axis=1), np.inf).argmin())

    ends = nearest(start), nearest(goal)
    apart = np.linalg.norm(points[ends[0]] - start) + np.linalg.norm(points[ends[1]] - goal)
    return float(dijkstra(graph, directed=False, indices=ends[0])[ends[1]] + apart)


def walk_to(
    generator: MotionGenerator,
    starts: Array,
    goals: Array,
    lead: Callable[[int, Array], Trajectory | None],
    styles: list[str],
    seconds: float = SECONDS,
    on_window: Callable[[], object] | None = None,
) -> Motion:
    """(B, T) frames of walking from starts to goals (B, 2), each window led as a server leads it.

    Args:
        generator: of the motion.
        starts, goals: metres; characters begin facing their goals.
        lead: the path of a character, by its number, from where it is.
        styles: of the characters.
        seconds: that are walked.
        on_window: called after each window.
    """
    bundle, count = generator.bundle, len(starts)
    recent = idle_history(generator, count).transformed(starts, np.arctan2(*(goals - starts).T)).astype(np.float32)
    content = bundle.content_vectors[bundle.content_index["walk"]]
    style = bundle.style_vectors[[bundle.style_index[name] for name in styles]]
    guidance = [bundle.manifest.style_guidance.default, bundle.manifest.content_guidance.default]
    locks, parts = FootLocks.unknown(count), []
    for start in range(0, int(seconds * FPS), WINDOW):
        position, facing = recent.root_position[:, -1], recent.root_heading[:, -1]
        led = [lead(row, position[row]) for row in range(count)]
        velocity = (position - recent.root_position[:, -2]) * FPS
        sampled = trajectory_samples(stack_trajectories(led, position, [SPEED] * count), position, facing, velocity)
        results = generator.generate(
            WindowRequests(
                history=recent,
                history_length=np.full(count, HISTORY),
                trajectory_position=sampled.positions,
                trajectory_heading=sampled.headings,
                position_mask=sampled.position_mask,
                heading_mask=sampled.heading_mask,
                content=np.repeat(content[None], count, axis=0),
                phase=np.zeros((count, 3), np.float32),
                style=style,
                guidance=np.tile(np.array(guidance, np.float32), (count, 1)),
                seed=character_seeds(0, count),
                start_frame=np.full(count, start, np.int64),
                locks=locks,
            )
        )
        parts.append(results.motion)
        locks = results.locks
        recent = Motion.concatenate((recent, results.motion)).slice_frames(-HISTORY, None)
        if on_window is not None:
            on_window()
    return Motion.concatenate(parts)


def _walk(
    generator: MotionGenerator, layouts: list[Layout], styles: list[str], on_window: Callable[[], object] | None
) -> Motion:
    starts, goals = np.array([own.start for own in layouts]), np.array([own.goal for own in layouts])
    return walk_to(generator, starts, goals, lambda row, at: _led(layouts[row], at), styles, on_window=on_window)


def _led(own: Layout, position: NDArray[np.floating]) -> Trajectory:
    here = np.asarray(position, np.float64)
    goal = Trajectory(positions=own.goal[None]).checked()
    nothing = np.full(1, np.nan)
    bent = bend(own.obstacles, here, complete_times(goal, here, SPEED), own.goal[None], nothing, nothing)
    return Trajectory(bent.times, bent.positions, bent.headings, bent.speeds)


def body_points(motion: Motion) -> Array:
    """(B, T, 24, 2) metres, all joints over the ground, and the hands beyond the wrists."""
    joints = motion.positions()
    hands = joints[:, :, _WRISTS] + (joints[:, :, _WRISTS] - joints[:, :, _ELBOWS]) * (HAND / _FOREARM)
    return np.concatenate((joints, hands), axis=2)[..., [0, 2]].astype(np.float64)


def least_distances(motion: Motion, obstacles: list[Obstacles]) -> Array:
    """(B,) metres from any point of the body at any time to the nearest obstacle; negative inside of one."""
    points = body_points(motion)
    return np.array([own.distances(points[row].reshape(-1, 2)).min() for row, own in enumerate(obstacles)])


@dataclass(frozen=True)
class ObstacleTrial:
    """How one layout was walked.

    Attributes:
        style: walked in.
        room: metres, the least distance of any joint or hand from an obstacle.
        seconds: until the goal; infinite where it was not reached.
        left: metres to the goal at the end.
        detour: way walked over the shortest that keeps `HALF_WIDTH`; NaN where the goal was not reached.
    """

    style: str
    room: float
    seconds: float
    left: float
    detour: float


def run(
    generator: MotionGenerator, count: int = 96, seed: int = 5, on_window: Callable[[], object] | None = None
) -> list[ObstacleTrial]:
    """Walk ``count`` random layouts in all styles in turn; ``on_window`` is called after each batch of windows."""
    rng = np.random.default_rng(seed)
    names = [style.name for style in generator.bundle.manifest.styles]
    layouts = [layout(rng) for _ in range(count)]
    styles = [names[row % len(names)] for row in range(count)]
    trials: list[ObstacleTrial] = []
    for first in range(0, count, _BATCH):
        own, worn = layouts[first : first + _BATCH], styles[first : first + _BATCH]
        motion = _walk(generator, own, worn, on_window)
        room = least_distances(motion, [one.obstacles for one in own])
        trials += [_trial(one, worn[row], motion[row], float(room[row])) for row, one in enumerate(own)]
    return trials


def windows_of(count: int) -> int:
    """How often `run` calls ``on_window``."""
    return -(-count // _BATCH) * -(-int(SECONDS * FPS) // WINDOW)


def _trial(own: Layout, style: str, motion: Motion, room: float) -> ObstacleTrial:
    places = motion.root_position
    away = np.linalg.norm(places - own.goal, axis=1)
    there = np.flatnonzero(away < ARRIVED)
    if there.size == 0:
        return ObstacleTrial(style, room, float("inf"), float(away[-1]), float("nan"))
    arrival = int(there[0])
    path = np.concatenate((own.start[None], places[: arrival + 1], own.goal[None]))
    walked = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    shortest = shortest_on_a_grid(own.obstacles, own.start, own.goal, HALF_WIDTH)
    return ObstacleTrial(style, room, arrival / FPS, float(away[-1]), walked / shortest)


def report_lines(trials: list[ObstacleTrial]) -> list[str]:
    """What came of it, and every trial that went wrong."""
    room = np.array([trial.room for trial in trials])
    arrived = [trial for trial in trials if np.isfinite(trial.seconds)]
    # Where the grid has no way that is as wide, one came through narrower: there is nothing to compare with.
    detours = np.array([trial.detour for trial in arrived if np.isfinite(trial.detour) and trial.detour > 0])
    lines = [
        f"{len(trials)} layouts: nothing of the body in an obstacle in {int((room > 0).sum())}, "
        f"median distance {100 * np.median(room):.0f} cm, least {100 * room.min():.0f} cm",
        f"{len(arrived)} arrived within {SECONDS:g} s; ways {np.median(detours):.2f} times the shortest in the median, "
        f"{detours.max():.2f} at most, {int((detours > 1.3).sum())} above 1.3",
    ]
    for row, trial in enumerate(trials):
        if trial.room <= 0 or not np.isfinite(trial.seconds) or trial.detour > 1.3:
            lines.append(
                f"layout {row}, {trial.style}: {100 * trial.room:.0f} cm, {trial.seconds:.1f} s, "
                f"{trial.left:.2f} m left, {trial.detour:.2f} times"
            )
    return lines
