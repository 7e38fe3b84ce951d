"""Standing idle: cutting quiet stretches out of noisy takes and planting their feet.

Takes from video keep the feet in place only roughly and tremble. For the content `idle` a stretch has to have both
feet planted, the hands below the ribs and all joints slow; within it the feet are then fixed to the ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from strut_model import rotations as rot
from strut_model.data.feet import LEG_REACH, straight_legs
from strut_model.resampling import smooth
from strut_model.skeleton import CONTACT_REST_HEIGHTS, FPS, JOINT_INDEX, forward_kinematics

Array = NDArray[np.floating]

HANGING_MARGIN = 0.05
"""Metres above the pelvis below which a wrist counts as hanging."""

_J = JOINT_INDEX
_ANKLES = [_J["left_ankle"], _J["right_ankle"]]
_WRISTS = [_J["left_wrist"], _J["right_wrist"]]


@dataclass(frozen=True)
class StandingLimits:
    """What counts as standing idle.

    Attributes:
        cutoff: Hz, low-pass of the whole motion.
        ankle_speed: m/s, the most that a planted ankle may seem to move.
        ankle_drift: metres from its median place within the stretch.
        joint_speed: m/s, the most of any joint.
        min_frames: shortest stretch kept, at 30 frames a second.
        head_pitch: radians, the head's median pitch after levelling (down is negative).
    """

    cutoff: float = 3.0
    ankle_speed: float = 0.08
    ankle_drift: float = 0.05
    joint_speed: float = 0.9
    min_frames: int = 120
    head_pitch: float = -0.07


def standing_stretches(
    pelvis: Array, rotations: Array, limits: StandingLimits | None = None
) -> list[tuple[int, Array, Array]]:
    """Quiet stretches of a take at 30 frames a second, smoothed, feet planted.

    Args:
        pelvis: (T, 3) metres; the ground may be at any height.
        rotations: (T, 22, 4).
        limits: see `StandingLimits`.

    Returns:
        per stretch its first frame, pelvis (N, 3) and rotations (N, 22, 4) with the ground at height 0.
    """
    limits = limits or StandingLimits()
    if len(pelvis) < limits.min_frames:
        return []
    pelvis, rotations = smooth(pelvis, rotations, FPS, limits.cutoff)
    positions, _ = forward_kinematics(rotations, pelvis)
    quiet = _quiet(positions, limits)
    stretches = []
    for start, stop in _runs(quiet):
        for a, b in _without_drift(positions, start, stop, limits):
            if b - a >= limits.min_frames:
                upper = align_elbows(level_head(rotations[a:b], limits.head_pitch))
                stretches.append((a, *plant_feet(pelvis[a:b], upper)))
    return stretches


def _quiet(positions: Array, limits: StandingLimits) -> NDArray[np.bool_]:
    """Frames (T,) in which nothing moves fast and the hands hang."""
    speed = np.linalg.norm(np.gradient(positions, axis=0), axis=-1) * FPS
    ribs = positions[:, _J["spine3"], 1]
    return (
        (speed[:, _ANKLES].max(axis=1) < limits.ankle_speed)
        & (speed.max(axis=1) < limits.joint_speed)
        & (positions[:, _WRISTS, 1].max(axis=1) < ribs)
    )


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[start, stop) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _without_drift(positions: Array, start: int, stop: int, limits: StandingLimits) -> list[tuple[int, int]]:
    """Split [start, stop) in halves until the ankles stay near their median places in each part."""
    if stop - start < limits.min_frames:
        return []
    ankles = positions[start:stop][:, _ANKLES]
    drift = np.linalg.norm((ankles - np.median(ankles, axis=0))[..., [0, 2]], axis=-1).max()
    if drift <= limits.ankle_drift:
        return [(start, stop)]
    middle = (start + stop) // 2
    return _without_drift(positions, start, middle, limits) + _without_drift(positions, middle, stop, limits)


def plant_feet(pelvis: Array, rotations: Array) -> tuple[Array, Array]:
    """Fix both feet flat to the ground at their median places, by inverse kinematics.

    Args:
        pelvis: (T, 3) metres.
        rotations: (T, 22, 4).

    Returns:
        pelvis (T, 3), moved so that the ground is at height 0 and the legs reach, and rotations (T, 22, 4).
    """
    positions, orientations = forward_kinematics(rotations, pelvis)
    ankles = positions[:, _ANKLES]
    places = np.median(ankles, axis=0)
    # What both feet do together is the camera's drift, not a step.
    pelvis = pelvis - (ankles - places).mean(axis=1)
    pelvis = pelvis - np.array([0.0, places[:, 1].mean() - float(CONTACT_REST_HEIGHTS[0]), 0.0])
    targets = np.repeat(places[None], len(pelvis), axis=0)
    targets[..., 1] = CONTACT_REST_HEIGHTS[0]
    pelvis = pelvis - np.array([0.0, 1.0, 0.0]) * _too_high(pelvis, positions, targets)
    soles = np.stack([rot.heading_rotation(_median_heading(orientations[:, a])) for a in _ANKLES])
    planted = straight_legs(pelvis, rotations, targets, np.repeat(soles[None], len(pelvis), axis=0))
    planted[:, [_J["left_foot"], _J["right_foot"]]] = [0.0, 0.0, 0.0, 1.0]
    return pelvis, planted


def _too_high(pelvis: Array, positions: Array, targets: Array) -> float:
    """Metres by which the pelvis has to come down so that both ankles reach their targets in every frame."""
    drop = 0.0
    for leg, hip in enumerate((_J["left_hip"], _J["right_hip"])):
        joint = pelvis + positions[:, hip] - positions[:, 0]
        ground = np.linalg.norm((joint - targets[:, leg])[:, [0, 2]], axis=-1)
        allowed = np.sqrt(np.maximum(LEG_REACH**2 - ground**2, 0.0)) + targets[:, leg, 1]
        drop = max(drop, float((joint[:, 1] - allowed).max()))
    return drop


def _median_heading(orientation: Array) -> float:
    """Median heading of orientations (T, 4), about their mean so that the wrap does not matter."""
    heading = rot.heading_of(orientation)
    mean = np.arctan2(np.sin(heading).mean(), np.cos(heading).mean())
    return float(mean + np.median(rot.wrap_angle(heading - mean)))


def hands_hang(pelvis: Array, rotations: Array) -> bool:
    """Whether both wrists stay by the hips (below 5 cm above the pelvis), instead of being held before the body."""
    positions, _ = forward_kinematics(rotations, pelvis)
    return bool((positions[:, _WRISTS, 1] < positions[:, :1, 1] + HANGING_MARGIN).mean() > 0.98)


def level_head(rotations: Array, pitch: float) -> Array:
    """Take a constant nod out of neck and head, half each: face key points of video lie below the eye line.

    Args:
        rotations: (T, 22, 4).
        pitch: radians, the median pitch of the head's forward direction wanted; up is positive.
    """
    _, orientations = forward_kinematics(rotations, np.zeros((len(rotations), 3)))
    forward = rot.rotate(orientations[:, _J["head"]], np.broadcast_to(np.array([0.0, 0.0, 1.0]), (len(rotations), 3)))
    nod = float(np.median(np.arcsin(np.clip(forward[:, 1], -1.0, 1.0)))) - pitch
    rotations = rotations.copy()
    half = rot.from_axis_angle(np.array([nod / 2, 0.0, 0.0]))
    for joint in (_J["neck"], _J["head"]):
        rotations[:, joint] = rot.multiply(rotations[:, joint], np.broadcast_to(half, (len(rotations), 4)))
    return rot.normalise(rotations)


def align_elbows(rotations: Array, sigma: float = 30.0) -> Array:
    """Twist upper arms so that the elbows bend about their anatomical hinge (up and down in the T-pose).

    Positions from video leave the twist of an upper arm open. The twist found from the bend is smoothed over time and
    shared by the forearm, so that elbows and hands turn along.

    Args:
        rotations: (T, 22, 4).
        sigma: frames, width of the smoothing Gaussian.
    """
    rotations = rotations.copy()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder, elbow = _J[f"{side}_shoulder"], _J[f"{side}_elbow"]
        bend = rot.to_axis_angle(rotations[:, elbow])
        # The hinge seen along the arm: (y, z) of the bend's axis, against (-1, 0) on the left and (1, 0) on the right.
        # Straight arms weigh little, having no bend to tell from.
        y, z = (gaussian_filter1d(bend[:, k], sigma, mode="nearest") for k in (1, 2))
        twist = np.zeros((len(rotations), 3))
        twist[:, 0] = np.arctan2(-z * sign, -y * sign)
        turn = rot.from_axis_angle(twist)
        rotations[:, shoulder] = rot.multiply(rotations[:, shoulder], turn)
        rotations[:, elbow] = rot.multiply(rot.multiply(rot.inverse(turn), rotations[:, elbow]), turn)
    return rot.normalise(rotations)
