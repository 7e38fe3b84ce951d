"""Retargeting: motion of any skeleton onto the canonical one.

A `Calibration` holds, for one rig, how each mapped bone is oriented while the character stands in the canonical
T-pose, facing +Z. The canonical global rotation of a joint is then the bone's own global rotation times the inverse
of that orientation: how the rig's bones point at rest, and which axis runs along them, drops out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from strut_model import rotations as rot
from strut_model.bvh import Bvh
from strut_model.skeleton import JOINT_INDEX, JOINTS, PARENTS, REST_OFFSETS

Array = NDArray[np.float64]

SPINE_CHAIN: tuple[int, ...] = tuple(JOINT_INDEX[n] for n in ("pelvis", "spine1", "spine2", "spine3", "neck", "head"))


@dataclass(frozen=True)
class Calibration:
    """How one rig goes onto the canonical skeleton.

    Attributes:
        joints: (22,) index of the source joint per canonical joint, -1 where the rig has none.
        t_pose: (22, 4) global orientation of that source joint in the canonical T-pose, in the Y-up world.
        scale: metres of the canonical skeleton per file unit.
        to_y_up: (4,) rotation from the file's world to the Y-up world.
        method: how the T-pose was found, for reports.
        notes: what was assumed on the way, for reports.
    """

    joints: NDArray[np.int64]
    t_pose: Array
    scale: float
    to_y_up: Array
    method: str
    notes: tuple[str, ...] = field(default=())


def retarget(bvh: Bvh, calibration: Calibration) -> tuple[Array, Array]:
    """Bring a file's motion onto the canonical skeleton, at the file's frame rate.

    Args:
        bvh: the file.
        calibration: of its rig.

    Returns:
        pelvis (T, 3) metres in the world and local rotations (T, 22, 4), the first the pelvis' in the world.
    """
    positions, orientations = bvh.forward_kinematics()
    return retarget_globals(positions, orientations, calibration)


def retarget_globals(positions: Array, orientations: Array, calibration: Calibration) -> tuple[Array, Array]:
    """As `retarget`, from world transforms of the source's joints: positions (T, J, 3), orientations (T, J, 4)."""
    frames = positions.shape[0]
    up = Rotation.from_quat(calibration.to_y_up)
    world = np.zeros((frames, JOINTS, 4))
    mapped = calibration.joints >= 0
    for joint in np.flatnonzero(mapped):
        bone = up * Rotation.from_quat(orientations[:, calibration.joints[joint]])
        world[:, joint] = (bone * Rotation.from_quat(calibration.t_pose[joint]).inv()).as_quat()
    _fill_unmapped(world, mapped)
    local = world.copy()
    local[:, 1:] = rot.multiply(rot.inverse(world[:, PARENTS[1:]]), world[:, 1:])
    pelvis = up.apply(positions[:, calibration.joints[0]]) * calibration.scale
    return pelvis, rot.normalise(local)


def _fill_unmapped(world: Array, mapped: NDArray[np.bool_]) -> None:
    """Give canonical joints without a source bone a global rotation, in place.

    Along the spine the rotation between the mapped neighbours is shared out; elsewhere the joint follows its parent.
    """
    known = [j for j in SPINE_CHAIN if mapped[j]]
    for position, joint in enumerate(SPINE_CHAIN):
        if mapped[joint]:
            continue
        below = max((SPINE_CHAIN.index(k) for k in known if SPINE_CHAIN.index(k) < position), default=None)
        above = min((SPINE_CHAIN.index(k) for k in known if SPINE_CHAIN.index(k) > position), default=None)
        if below is None:
            raise ValueError("mapping: the pelvis is not mapped, it must be")
        start = world[:, SPINE_CHAIN[below]]
        if above is None:
            world[:, joint] = start
        else:
            share = (position - below) / (above - below)
            end = world[:, SPINE_CHAIN[above]]
            world[:, joint] = rot.slerp(start, end, np.full(len(world), share))
    for joint in range(1, JOINTS):
        if not mapped[joint] and joint not in SPINE_CHAIN:
            world[:, joint] = world[:, PARENTS[joint]]


def axes_rotation(first: Array, second: Array) -> Array:
    """Quaternion (4,) of the frame whose X axis is `first` (3,) and whose Y axis is nearest to `second` (3,)."""
    x = np.asarray(first, dtype=np.float64) / np.linalg.norm(first)
    y = np.asarray(second, dtype=np.float64) - np.dot(second, x) * x
    y /= np.linalg.norm(y)
    return Rotation.from_matrix(np.stack([x, y, np.cross(x, y)], axis=1)).as_quat()


# Bandai-Namco's bones lie along their local X (the right side's along -X, both sides' hinges alike), and the file's
# rest pose is a heap. In its T-pose the frames are: torso X up, limbs X along (left) or against (right) the bone,
# legs Y to the left, arms Y up (left) or down (right). Found from the rig's own offsets, from the axes about which
# knees and elbows turn, and from the upright frames of the clips.
_LEFT, _UP, _FORWARD = np.eye(3)
_FOOT = REST_OFFSETS[JOINT_INDEX["left_foot"]].astype(np.float64)
# The toe bone is bent against the foot by this angle (about its Y) when the sole is flat: the median of 8,000
# stance frames, spread 1.4 degrees.
_BANDAI_TOE_BEND = -16.85

BANDAI_AXES: Mapping[str, tuple[Array, Array]] = {
    "pelvis": (_UP, -_LEFT),
    "spine1": (_UP, _FORWARD),
    "spine3": (_UP, _FORWARD),
    "neck": (_UP, _FORWARD),
    "head": (_UP, _FORWARD),
    "left_collar": (_LEFT, _UP),
    "left_shoulder": (_LEFT, _UP),
    "left_elbow": (_LEFT, _UP),
    "left_wrist": (_LEFT, _UP),
    "right_collar": (_LEFT, -_UP),
    "right_shoulder": (_LEFT, -_UP),
    "right_elbow": (_LEFT, -_UP),
    "right_wrist": (_LEFT, -_UP),
    "left_hip": (-_UP, _LEFT),
    "left_knee": (-_UP, _LEFT),
    "left_ankle": (_FOOT, _LEFT),
    "left_foot": (_FOOT, _LEFT),
    "right_hip": (_UP, _LEFT),
    "right_knee": (_UP, _LEFT),
    "right_ankle": (-_FOOT, _LEFT),
    "right_foot": (-_FOOT, _LEFT),
}
"""Directions of each bone's X and Y axis in the canonical T-pose."""


def bandai_calibration(joints: NDArray[np.int64]) -> Calibration:
    """The calibration of the Bandai-Namco rig; `joints` (22,) maps canonical to source joints."""
    t_pose = np.tile(np.array([0.0, 0.0, 0.0, 1.0]), (JOINTS, 1))
    for name, (first, second) in BANDAI_AXES.items():
        t_pose[JOINT_INDEX[name]] = axes_rotation(first, second)
    bend = Rotation.from_euler("Y", _BANDAI_TOE_BEND, degrees=True)
    for name in ("left_foot", "right_foot"):
        joint = JOINT_INDEX[name]
        t_pose[joint] = (Rotation.from_quat(t_pose[joint]) * bend).as_quat()
    return Calibration(joints, t_pose, 0.01, np.array([0.0, 0.0, 0.0, 1.0]), "bone axes of the rig")
