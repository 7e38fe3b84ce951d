"""The shipped student on slopes and stairs in closed loops, and how well its feet keep to the ground."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.features import WINDOW
from strut_model.heights import HeightField
from strut_model.motion import Motion
from strut_model.scene.terrain import inclined, sole_points, staircase
from strut_model.skeleton import FPS, JOINT_INDEX, forward_kinematics
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.ground import Grounds, laid
from strut_model.streaming.rollout import idle_history, rollout, synthetic_paths

Array = NDArray[np.floating]

STYLES = ("normal", "elderly", "masculine", "proud", "angry", "childish")
_ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
_BEGUN = 20
_SOLE = np.array([-0.05, 0.02, 0.09, 0.17])


@dataclass(frozen=True)
class GroundTrial:
    """A ground to walk on.

    Attributes:
        name: in words.
        field: the ground; None for level ground without one.
        speed: metres a second along the path.
    """

    name: str
    field: HeightField | None
    speed: float


def trials() -> list[GroundTrial]:
    """Level ground, slopes to 20 degrees, stairs and single steps."""
    slopes = [
        GroundTrial(f"slope of {degrees} degrees", inclined(np.radians(degrees), 40.0), 1.2)
        for degrees in (-20, -10, 10, 20)
    ]
    stairs = [
        GroundTrial(f"stairs, {100 * rise:g} cm on {100 * tread:g}", staircase(rise, tread, 30, begin=1.0), speed)
        for rise, tread, speed in ((0.17, 0.29, 0.7), (-0.17, 0.29, 0.7), (0.3, 0.4, 0.7), (-0.3, 0.4, 0.7))
    ]
    steps = [
        GroundTrial(f"a step of {100 * rise:g} cm each 3 m", staircase(rise, 3.0, 4, begin=1.0), 1.0)
        for rise in (0.3, -0.3)
    ]
    return [GroundTrial("level", None, 1.2), *slopes, *stairs, *steps]


@dataclass(frozen=True)
class GroundResult:
    """What feet do on a ground.

    Attributes:
        within: share of standing feet whose lowest point is within 2 cm of the ground.
        off_p95: metres, 95th percentile of how far it is.
        deepest: metres, of points under the feet at any time, the depth that one in a thousand exceeds.
        across: share of standing feet with an edge of more than 3 cm below the sole.
        slide: metres a second, mean of standing feet.
        knee: degrees, median bend of standing legs.
        seam: mean acceleration of joints at windows' seams over that inside of windows.
    """

    within: float
    off_p95: float
    deepest: float
    across: float
    slide: float
    knee: float
    seam: float


def run(generator: MotionGenerator, trial: GroundTrial, frames: int = 240) -> GroundResult:
    """Walk straight ahead in several styles, and measure."""
    bundle, count = generator.bundle, len(STYLES)
    paths = synthetic_paths(["straight"] * count, frames, [trial.speed] * count, [0.0] * count)
    start = idle_history(generator, count)
    if trial.field is not None:
        start = Motion.stack([laid(trial.field, start[row]) for row in range(count)])
    motion = rollout(
        generator,
        start,
        paths.position,
        paths.heading,
        bundle.style_vectors[[bundle.style_index[name] for name in STYLES]],
        np.repeat(bundle.content_vectors[[bundle.content_index["walk"]]], count, axis=0),
        ground=None if trial.field is None else Grounds.of([trial.field] * count),
    )
    return measure(motion, trial.field or inclined(0.0))


def measure(motion: Motion, field: HeightField) -> GroundResult:
    """The result of a motion (B, T) on a ground."""
    positions, orientations = forward_kinematics(motion.world_rotations(), motion.world_pelvis())
    ankles = positions[:, :, _ANKLES]
    points = sole_points(ankles, orientations[:, :, _ANKLES])
    ground = field.at(points[..., [0, 2]].reshape(-1, 2)).reshape(points.shape[:-1])
    above = points[..., 1] - ground
    on = _standing(motion)
    off = np.abs(above.min(axis=-1)[on])
    under = ground[on]
    share = (_SOLE - _SOLE[0]) / (_SOLE[-1] - _SOLE[0])
    line = under[:, :1] + (under[:, -1:] - under[:, :1]) * share
    # Points of a sole on one plane, or on a plane too steep to stand on: an edge either way.
    steep = np.abs(under[:, -1] - under[:, 0]) / (_SOLE[-1] - _SOLE[0]) > np.tan(np.radians(35))
    across = (np.abs(under - line).max(axis=1) > 0.03) | steep
    speed = np.linalg.norm(np.diff(ankles[..., [0, 2]], axis=1), axis=-1) * FPS
    acceleration = np.linalg.norm(np.diff(positions, n=2, axis=1), axis=-1).mean(axis=(0, 2))
    frame = np.arange(1, len(acceleration) + 1)
    seam, begun = np.isin(frame % WINDOW, (0, WINDOW - 1)), frame > _BEGUN
    return GroundResult(
        within=float((off < 0.02).mean()),
        off_p95=float(np.percentile(off, 95)),
        deepest=float(max(-np.percentile(above[:, _BEGUN:], 0.1), 0.0)),
        across=float(across.mean()),
        slide=float(speed[on[:, 1:] & on[:, :-1]].mean()),
        knee=float(np.median(_knees(positions)[on])),
        seam=float(acceleration[seam & begun].mean() / max(float(acceleration[~seam & begun].mean()), 1e-9)),
    )


def table(results: Sequence[tuple[GroundTrial, GroundResult]]) -> list[str]:
    """The results as a Markdown table."""
    lines = [
        "| ground | within 2 cm | 95 % within | 1 of 1,000 deeper than | across an edge | slide | knee | seam |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for trial, found in results:
        cells = (
            trial.name,
            f"{100 * found.within:.0f} %",
            f"{100 * found.off_p95:.1f} cm",
            f"{100 * found.deepest:.1f} cm",
            f"{100 * found.across:.0f} %",
            f"{100 * found.slide:.1f} cm/s",
            f"{found.knee:.0f}°",
            f"{found.seam:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def run_all(generator: MotionGenerator, progress: Callable[[], object] | None = None) -> list[str]:
    """All trials as a table; ``progress`` is called after each."""
    results = []
    for trial in trials():
        results.append((trial, run(generator, trial)))
        if progress is not None:
            progress()
    return table(results)


def _standing(motion: Motion) -> NDArray[np.bool_]:
    """(B, T, 2) where heel and toe are in contact, two frames before and after, too."""
    on = motion.contacts.reshape(*motion.contacts.shape[:2], 2, 2).min(axis=-1) > 0.5
    inner = on.copy()
    inner[:, 2:-2] &= on[:, 1:-3] & on[:, :-4] & on[:, 3:-1] & on[:, 4:]
    inner[:, :_BEGUN] = inner[:, -2:] = False
    return inner


def _knees(positions: Array) -> Array:
    """(B, T, 2) degrees that the knees are bent."""
    hips, knees, ankles = (
        positions[:, :, [JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right")]]
        for name in ("hip", "knee", "ankle")
    )
    thigh, shank = hips - knees, ankles - knees
    cosine = (thigh * shank).sum(-1) / (np.linalg.norm(thigh, axis=-1) * np.linalg.norm(shank, axis=-1))
    return 180 - np.degrees(np.arccos(np.clip(cosine, -1, 1)))
