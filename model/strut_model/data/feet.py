"""Feet after retargeting: ground height, and legs bent so that ankles are where they should be."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from strut_model import rotations as rot
from strut_model.skeleton import (
    CONTACT_JOINTS,
    CONTACT_REST_HEIGHTS,
    FPS,
    JOINT_INDEX,
    REST_OFFSETS,
    forward_kinematics,
)

Array = NDArray[np.floating]

_LEGS: tuple[tuple[int, int, int, int], ...] = tuple(
    (JOINT_INDEX[f"{s}_hip"], JOINT_INDEX[f"{s}_knee"], JOINT_INDEX[f"{s}_ankle"], JOINT_INDEX[f"{s}_foot"])
    for s in ("left", "right")
)
_THIGH = float(np.linalg.norm(REST_OFFSETS[JOINT_INDEX["left_knee"]]))
_SHIN = float(np.linalg.norm(REST_OFFSETS[JOINT_INDEX["left_ankle"]]))
LEG_REACH = 0.9995 * (_THIGH + _SHIN)
"""Metres: how far an ankle can be from its hip joint; just short of straight, where the knee's direction is lost."""


GROUND_SPEED = 0.3
"""Metres a second: a heel or toe that moves slower may be standing."""
GROUND_SPREAD = 0.08
"""Metres above the clip's lowest stance up to which a slow foot is taken as standing on the same ground."""
GROUND_SIGMA = 15.0
"""Frames: how fast the ground's height may drift along a clip."""


def ground_height(pelvis: Array, rotations: Array) -> Array:
    """Height of the ground along a clip, by where the feet stand.

    Captured grounds tilt, and legs of other proportions sink or float a little: the height follows both slowly. Real
    steps and slopes (more than `GROUND_SPREAD`) are left in the motion.

    Args:
        pelvis: (T, 3) metres.
        rotations: (T, 22, 4).

    Returns:
        (T,) metres.
    """
    positions, _ = forward_kinematics(rotations, pelvis)
    joints = positions[:, CONTACT_JOINTS]
    heights = joints[..., 1] - CONTACT_REST_HEIGHTS
    lowest = heights.min(axis=1)
    # Flights raise only the upper end of the lowest feet's heights, noise and sinking toes the lowest tenth.
    base = np.percentile(lowest, 10)
    if len(pelvis) < 2:
        return np.full(len(pelvis), base)
    speed = np.linalg.norm(np.gradient(joints, axis=0), axis=-1) * FPS
    standing = (speed < GROUND_SPEED) & (np.abs(heights - base) < GROUND_SPREAD)
    frames = standing.any(axis=1)
    if frames.sum() < 5:
        return np.full(len(pelvis), base)
    stance = np.where(standing, heights, np.inf).min(axis=1)[frames]
    # Normalised smoothing over the frames in which a foot stands; the weights fade, the quotient does not.
    values, weights = np.zeros(len(pelvis)), np.zeros(len(pelvis))
    values[frames], weights[frames] = stance, 1.0
    smooth = partial(gaussian_filter1d, sigma=GROUND_SIGMA, mode="constant", truncate=8.0)
    total = smooth(weights)
    reached = total > 1e-6
    height = smooth(values)[reached] / total[reached]
    return np.interp(np.arange(len(pelvis)), np.flatnonzero(reached), height)


def place_ankles(pelvis: Array, rotations: Array, targets: Array, soles: Array | None = None) -> Array:
    """Bend and swing both legs so that the ankles are at their targets (two-bone inverse kinematics).

    The knee keeps the direction it bends in. A target out of reach is approached with a straight leg.

    Args:
        pelvis: (T, 3) metres.
        rotations: (T, 22, 4) local.
        targets: (T, 2, 3) metres, left and right ankle.
        soles: (T, 2, 4) world orientations of the ankles; as they were when None.

    Returns:
        (T, 22, 4) local rotations.
    """
    rotations = rotations.astype(np.float64).copy()
    positions, orientations = forward_kinematics(rotations, pelvis)
    for leg, (hip, knee, ankle, _toe) in enumerate(_LEGS):
        a, b, c = positions[:, hip], positions[:, knee], positions[:, ankle]
        now, wanted = c - a, targets[:, leg] - a
        axis = _bend_axis(a, b, c, orientations[:, hip])
        reach = np.clip(np.linalg.norm(wanted, axis=-1), 0.2, LEG_REACH)
        hip_turn = _angle(_THIGH, reach, _SHIN) - _signed_angle(now, b - a, axis)
        knee_turn = _angle(_THIGH, _SHIN, reach) - _interior_angle(a - b, c - b, axis)
        thigh = rot.multiply(rot.from_axis_angle(axis * hip_turn[:, None]), orientations[:, hip])
        shin = rot.multiply(rot.from_axis_angle(axis * (hip_turn + knee_turn)[:, None]), orientations[:, knee])
        bent = rot.rotate(thigh, np.broadcast_to(_offset(knee), now.shape)) + rot.rotate(
            shin, np.broadcast_to(_offset(ankle), now.shape)
        )
        swing = rot.between(bent, wanted)
        thigh, shin = rot.multiply(swing, thigh), rot.multiply(swing, shin)
        sole = orientations[:, ankle] if soles is None else soles[:, leg]
        rotations[:, hip] = rot.multiply(rot.inverse(orientations[:, 0]), thigh)
        rotations[:, knee] = rot.multiply(rot.inverse(thigh), shin)
        rotations[:, ankle] = rot.multiply(rot.inverse(shin), sole)
    return rot.normalise(rotations)


def straight_legs(pelvis: Array, rotations: Array, targets: Array, soles: Array) -> Array:
    """Legs rebuilt from where the ankles are: knees bend as pure hinges, towards where pelvis and foot face.

    For motion whose knees cannot be trusted (from video, a nearly straight knee points anywhere).

    Args:
        pelvis: (T, 3) metres.
        rotations: (T, 22, 4) local; the legs' are replaced.
        targets: (T, 2, 3) metres, left and right ankle.
        soles: (T, 2, 4) world orientations of the ankles.

    Returns:
        (T, 22, 4) local rotations.
    """
    rotations = rotations.astype(np.float64).copy()
    positions, orientations = forward_kinematics(rotations, pelvis)
    ahead = np.broadcast_to(np.array([0.0, 0.0, 1.0]), pelvis.shape)
    for leg, (hip, knee, ankle, _toe) in enumerate(_LEGS):
        line = targets[:, leg] - positions[:, hip]
        reach = np.clip(np.linalg.norm(line, axis=-1), 0.2, LEG_REACH)
        up = -line / np.linalg.norm(line, axis=-1, keepdims=True)
        facing = rot.rotate(orientations[:, 0], ahead) + rot.rotate(soles[:, leg], ahead)
        left = np.cross(up, facing)
        left /= np.linalg.norm(left, axis=-1, keepdims=True)
        frame = rot.from_matrix(np.stack([left, up, np.cross(left, up)], axis=-1))
        # Turning about +X swings a hanging bone back: the thigh comes forward, the shin goes back.
        side = np.array([1.0, 0.0, 0.0])
        thigh = rot.multiply(frame, rot.from_axis_angle(-_angle(_THIGH, reach, _SHIN)[:, None] * side))
        shin = rot.multiply(frame, rot.from_axis_angle(_angle(_SHIN, reach, _THIGH)[:, None] * side))
        rotations[:, hip] = rot.multiply(rot.inverse(orientations[:, 0]), thigh)
        rotations[:, knee] = rot.multiply(rot.inverse(thigh), shin)
        rotations[:, ankle] = rot.multiply(rot.inverse(shin), soles[:, leg])
    return rot.normalise(rotations)


def _offset(joint: int) -> Array:
    return REST_OFFSETS[joint].astype(np.float64)


def _bend_axis(hip: Array, knee: Array, ankle: Array, thigh: Array) -> Array:
    """Unit axis (T, 3) about which the leg closes: across the leg, so that the knee stays on its side.

    A straight leg shows no side, an overstretched one the wrong side: the thigh's own forward direction decides there.
    """
    forward = rot.rotate(thigh, np.broadcast_to(np.array([0.0, 0.0, 1.0]), hip.shape))
    pole = knee - (hip + ankle) / 2
    pole = pole + (np.maximum(-(pole * forward).sum(axis=-1, keepdims=True), 0.0) + 0.03) * forward
    axis = np.cross(ankle - hip, pole)
    return axis / np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-12)


def _angle(a: float | Array, b: float | Array, opposite: float | Array) -> Array:
    """Angle (radians) of a triangle between the sides a and b."""
    return np.arccos(np.clip((a**2 + b**2 - opposite**2) / (2 * a * b), -1.0, 1.0))


def _signed_angle(u: Array, v: Array, axis: Array) -> Array:
    """Angle (T,) in radians from u to v about a unit axis, in (-pi, pi]."""
    return np.arctan2((np.cross(u, v) * axis).sum(axis=-1), (u * v).sum(axis=-1))


def _interior_angle(to_hip: Array, to_ankle: Array, axis: Array) -> Array:
    """Angle (T,) at the knee, above pi when the leg is bent the wrong way."""
    return _signed_angle(to_hip, to_ankle, axis) % (2 * np.pi)
