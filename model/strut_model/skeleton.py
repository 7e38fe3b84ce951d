"""The canonical skeleton: the 22-joint SMPL body in T-pose, and its forward kinematics.

Right-handed, Y up, the character faces +Z, its left is +X, metres. In the rest pose every joint frame is
aligned with the world. The bone lengths are those of the performer of the shipped training data, so that
retargeting that data keeps the feet exactly where they were; a rig of other proportions is reached by
retargeting, never by changing these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot

FPS = 30.0

JOINT_NAMES: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
)
JOINTS = len(JOINT_NAMES)
JOINT_INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}

PARENTS: NDArray[np.int64] = np.array(
    [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19], dtype=np.int64
)

_LEFT_OFFSETS: dict[str, tuple[float, float, float]] = {
    "left_hip": (0.0647, -0.0219, 0.0),
    "left_knee": (0.0, -0.3908, 0.0),
    "left_ankle": (0.0, -0.4099, 0.0),
    "left_foot": (0.0, -0.0745, 0.0909),
    "left_collar": (0.0498, 0.1299, 0.0),
    "left_shoulder": (0.0535, 0.0, 0.0),
    "left_elbow": (0.2433, 0.0, 0.0),
    "left_wrist": (0.2229, 0.0, 0.0),
}
_CENTRE_OFFSETS: dict[str, tuple[float, float, float]] = {
    "pelvis": (0.0, 0.0, 0.0),
    "spine1": (0.0, 0.1574, 0.0),
    "spine2": (0.0, 0.0449, 0.0),
    "spine3": (0.0, 0.0449, 0.0),
    "neck": (0.0, 0.1638, 0.0),
    "head": (0.0, 0.0646, 0.0),
}


def _rest_offsets() -> NDArray[np.float32]:
    rows = []
    for name in JOINT_NAMES:
        if name.startswith("right_"):
            x, y, z = _LEFT_OFFSETS["left_" + name.removeprefix("right_")]
            rows.append((-x, y, z))
        else:
            rows.append(_LEFT_OFFSETS.get(name) or _CENTRE_OFFSETS[name])
    return np.array(rows, dtype=np.float32)


REST_OFFSETS: NDArray[np.float32] = _rest_offsets()
"""(22, 3) metres, each joint's place in its parent's frame in the rest pose."""

PART_NAMES: tuple[str, ...] = ("torso", "left_leg", "right_leg", "left_arm", "right_arm")
PARTS = len(PART_NAMES)
PART_JOINTS: tuple[tuple[int, ...], ...] = (
    tuple(JOINT_INDEX[n] for n in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")),
    tuple(JOINT_INDEX[n] for n in ("left_hip", "left_knee", "left_ankle", "left_foot")),
    tuple(JOINT_INDEX[n] for n in ("right_hip", "right_knee", "right_ankle", "right_foot")),
    tuple(JOINT_INDEX[n] for n in ("left_collar", "left_shoulder", "left_elbow", "left_wrist")),
    tuple(JOINT_INDEX[n] for n in ("right_collar", "right_shoulder", "right_elbow", "right_wrist")),
)


def _mirrored_name(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    if name.startswith("right_"):
        return "left_" + name.removeprefix("right_")
    return name


MIRROR: NDArray[np.int64] = np.array([JOINT_INDEX[_mirrored_name(n)] for n in JOINT_NAMES], dtype=np.int64)
"""(22,) the joint on the other side of the body."""

CONTACT_JOINTS: NDArray[np.int64] = np.array(
    [JOINT_INDEX[n] for n in ("left_ankle", "left_foot", "right_ankle", "right_foot")], dtype=np.int64
)
"""(4,) joints whose ground contact is labelled: heel (by the ankle joint) and toe, left then right."""
CONTACT_REST_HEIGHTS: NDArray[np.float32] = np.array([0.117, 0.0425, 0.117, 0.0425], dtype=np.float32)
"""(4,) metres, height of the contact joints when the foot stands flat."""
CONTACT_MIRROR: NDArray[np.int64] = np.array([2, 3, 0, 1], dtype=np.int64)

PELVIS_REST_HEIGHT = float(0.117 + 0.4099 + 0.3908 + 0.0219)

# Joints of equal depth share one vectorised step of forward kinematics.
_LEVELS: tuple[NDArray[np.int64], ...] = tuple(
    np.array(level, dtype=np.int64)
    for level in (
        (1, 2, 3),
        (4, 5, 6),
        (7, 8, 9),
        (10, 11, 12, 13, 14),
        (15, 16, 17),
        (18, 19),
        (20, 21),
    )
)


def forward_kinematics(
    rotations: NDArray[np.floating],
    pelvis: NDArray[np.floating],
    offsets: NDArray[np.floating] = REST_OFFSETS,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Joint positions and orientations from local rotations.

    Args:
        rotations: (..., 22, 4) unit quaternions (x, y, z, w), local to the parent; the first is the pelvis in
            the space that the result is wanted in.
        pelvis: (..., 3) metres, position of the pelvis in that space.
        offsets: (22, 3) metres, bone offsets in the rest pose.

    Returns:
        positions (..., 22, 3) metres and orientations (..., 22, 4), in the pelvis' space.
    """
    positions = np.empty((*rotations.shape[:-1], 3), dtype=rotations.dtype)
    orientations = np.empty_like(rotations)
    positions[..., 0, :] = pelvis
    orientations[..., 0, :] = rotations[..., 0, :]
    for level in _LEVELS:
        parent = PARENTS[level]
        parent_rotation = orientations[..., parent, :]
        orientations[..., level, :] = rot.multiply(parent_rotation, rotations[..., level, :])
        positions[..., level, :] = positions[..., parent, :] + rot.rotate(
            parent_rotation, offsets[level].astype(rotations.dtype, copy=False)
        )
    return positions, orientations
