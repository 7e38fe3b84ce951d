"""Kinematic measures by which the effect of a scene on a gait is verified.

All are taken from joint positions and contact labels, never from how a motion was made, so that they serve a real clip,
an edited one and a network's output alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from strut_model.clip import Clip
from strut_model.data.synthesis.takes import Array, Root
from strut_model.evaluation.smoothness import jerk
from strut_model.scene.gait import Gait, axes, swings
from strut_model.scene.legs import stance_knee_flexion
from strut_model.scene.posture import abduction, elbow_angles, gaze_pitch, head_top, lean_angles
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS, FPS

_HEELS, _TOES = (0, 2), (1, 3)
_SLIP_FRAMES = (3, 10)
_SLIP_RISE = 0.02
_SLIP_METRES = (0.02, 0.12)
"""A slip: frames off the contact, metres that the lower of heel and toe may rise meanwhile, metres that it moves on.
Swings take longer, rise higher and go further."""


@dataclass(frozen=True)
class Measures:
    """Figures of one motion; NaN where it has too few steps for one.

    Attributes:
        step_length: metres along the path from one foot's place to the other's next.
        step_width: metres from the right foot's places to the left one's across the path, negative where they cross.
        straddle: metres, mean distance of the feet from the path, sideways.
        cadence: landings a second.
        speed: metres a second along the path.
        swing_speed: metres a second, mean over swings of the ankle's peak speed.
        clearance: metres, mean height of the toe over its rest height in the middle of swings.
        sink: metres, how far heel or toe are below their rest height in the middle of stances.
        knee_flexion: degrees, mean over standing legs.
        trunk_lean, trunk_side: degrees, mean lean of the line from pelvis to neck, ahead and to the left.
        arm_abduction: degrees, mean of both upper arms.
        elbow_flexion: degrees, mean of both.
        gaze: degrees below the horizon, mean of the head's direction.
        head_height: metres, the greatest height of the top of the head.
        slide: cm/s, mean speed on the ground of feet in contact.
        jerk: m/s^3, 95th percentile over frames of the mean over joints.
    """

    step_length: float
    step_width: float
    straddle: float
    cadence: float
    speed: float
    swing_speed: float
    clearance: float
    sink: float
    knee_flexion: float
    trunk_lean: float
    trunk_side: float
    arm_abduction: float
    elbow_flexion: float
    gaze: float
    head_height: float
    slide: float
    jerk: float

    def __getitem__(self, name: str) -> float:
        """A measure by name."""
        return float(getattr(self, name))


NAMES: tuple[str, ...] = tuple(f.name for f in fields(Measures))


def measure(clip: Clip) -> Measures:
    """The measures of a clip, at least 8 frames long."""
    gait = Gait.of(clip)
    positions = gait.take.positions()
    root = gait.take.root()
    joints = positions[:, CONTACT_JOINTS]
    lean = lean_angles(gait.take).mean(axis=0)
    way = np.linalg.norm(np.diff(root.position, axis=0), axis=-1)
    away = _across_path(gait, joints, root)
    return Measures(
        step_length=_step_length(gait, joints, root),
        step_width=away[0] - away[1],
        straddle=float(np.abs(away).mean()),
        cadence=_cadence(gait),
        speed=float(way.mean() * FPS),
        swing_speed=_swing_peaks(gait, joints),
        clearance=_clearance(gait, joints),
        sink=_sink(gait, joints),
        knee_flexion=stance_knee_flexion(gait),
        trunk_lean=float(lean[0]),
        trunk_side=float(lean[1]),
        arm_abduction=float(abduction(gait.take).mean()),
        elbow_flexion=float(elbow_angles(gait.take).mean()),
        gaze=float(gaze_pitch(gait.take).mean()),
        head_height=head_top(gait.take),
        slide=stance_slide(gait.contacts, joints),
        jerk=float(np.percentile(jerk(positions).mean(axis=-1), 95)),
    )


def _cadence(gait: Gait) -> float:
    landings = sorted((start, side) for side, runs in enumerate(gait.stances) for start, _ in runs if start > 0)
    # The same foot twice is a slip, or a touch before the landing.
    times = [start for index, (start, side) in enumerate(landings) if index == 0 or landings[index - 1][1] != side]
    if len(times) < 3 or times[-1] == times[0]:
        return float("nan")
    return (len(times) - 1) * FPS / (times[-1] - times[0])


def _step_length(gait: Gait, joints: Array, root: Root) -> float:
    """Metres, mean over pairs of stances of alternating feet."""
    stances = sorted((a, b, side) for side, runs in enumerate(gait.stances) for a, b in runs)
    lengths = []
    for (a, b, side), (c, d, other) in pairwise(stances):
        first, second = (a + b - 1) // 2, (c + d - 1) // 2
        way = root.position[second] - root.position[first]
        size = float(np.linalg.norm(way))
        if side != other and size > 0.02:
            step = (joints[second, 2 * other] - joints[first, 2 * side])[[0, 2]]
            lengths.append(float(step @ way) / size)
    return float(np.mean(lengths)) if len(lengths) > 1 else float("nan")


def _across_path(gait: Gait, joints: Array, root: Root) -> tuple[float, float]:
    """Metres to the left of the path at which the left and the right foot stand on average."""
    left, _ = axes(root)
    found = []
    for heel, runs in zip(_HEELS, gait.stances, strict=True):
        middles = [(a + b - 1) // 2 for a, b in runs]
        away = joints[middles, heel][:, [0, 2]] - root.position[middles]
        side = (away * left[middles][:, [0, 2]]).sum(axis=-1)
        found.append(float(side.mean()) if middles else float("nan"))
    return found[0], found[1]


def _middle(start: int, stop: int, share: float = 0.4) -> slice:
    """The middle ``share`` of frames [start, stop), at least one."""
    half = max(0.5 * share * (stop - start), 0.5)
    centre = 0.5 * (start + stop)
    return slice(int(np.floor(centre - half)), max(int(np.ceil(centre + half)), int(np.floor(centre - half)) + 1))


def _clearance(gait: Gait, joints: Array) -> float:
    heights = [
        float((joints[_middle(a, b, 0.3), toe, 1] - CONTACT_REST_HEIGHTS[toe]).mean())
        for toe, runs in zip(_TOES, gait.stances, strict=True)
        for a, b in swings(runs)
    ]
    return float(np.mean(heights)) if heights else float("nan")


def _sink(gait: Gait, joints: Array) -> float:
    depth = (CONTACT_REST_HEIGHTS - joints[..., 1]).reshape(len(joints), 2, 2).max(axis=-1)
    found = [float(depth[_middle(a, b), side].mean()) for side, runs in enumerate(gait.stances) for a, b in runs]
    return float(np.mean(found)) if found else float("nan")


def _swing_peaks(gait: Gait, joints: Array) -> float:
    speed = np.linalg.norm(np.gradient(joints[..., [0, 2]], axis=0), axis=-1) * FPS
    peaks = [
        float(speed[a:b, heel].max()) for heel, runs in zip(_HEELS, gait.stances, strict=True) for a, b in swings(runs)
    ]
    return float(np.mean(peaks)) if peaks else float("nan")


def stance_slide(contacts: Array, joints: Array) -> float:
    """cm/s, mean speed on the ground of each foot in contact, at its slower point; NaN where none is.

    Touching down and lifting off are left out: the frames before and after must be contacts, too.

    Args:
        contacts: (T, 4) in [0, 1].
        joints: (T, 4, 3) metres, heels and toes.
    """
    on = contacts > 0.5
    inner = on[:-3] & on[1:-2] & on[2:-1] & on[3:]
    step = np.linalg.norm(np.diff(joints[1:-1][..., [0, 2]], axis=0), axis=-1) * FPS * 100
    slowest = np.where(inner, step, np.inf).reshape(-1, 2, 2).min(axis=-1)
    slowest = slowest[np.isfinite(slowest)]
    return float(slowest.mean()) if len(slowest) else float("nan")


def count_slips(clip: Clip) -> int:
    """How often a foot that has landed slides on: off its contact for a moment, low all the while, and on again.

    Args:
        clip: any frames; where the ground is does not matter.
    """
    positions = clip.positions()[:, CONTACT_JOINTS]
    on = clip.contacts.reshape(clip.frames, 2, 2).max(axis=-1) > 0.5
    count = 0
    for side in range(2):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], on[:, side], [False])).astype(np.int8)))
        stances = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
        own = positions[:, 2 * side : 2 * side + 2]
        for (start, lifted), (landed, _) in pairwise(stances):
            if start == 0 or not _SLIP_FRAMES[0] <= landed - lifted <= _SLIP_FRAMES[1]:
                continue
            before, after = own[lifted - 1], own[landed]
            raised = float((own[lifted:landed, :, 1] - before[:, 1]).min(axis=1).max())
            way = float(np.linalg.norm((after - before)[:, [0, 2]], axis=-1).min())
            count += raised < _SLIP_RISE and _SLIP_METRES[0] <= way <= _SLIP_METRES[1]
    return int(count)


def mean_measures(found: Sequence[Measures]) -> Measures:
    """Each measure's mean over motions that have it."""
    table = np.array([[m[name] for name in NAMES] for m in found])
    with np.errstate(invalid="ignore"):
        count = np.isfinite(table).sum(axis=0)
        total = np.nansum(table, axis=0)
    return Measures(*np.where(count > 0, total / np.maximum(count, 1), np.nan).tolist())
