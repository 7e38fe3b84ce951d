"""Features: what the networks see of a motion, and the way back.

A window's features (206 a frame) are in the canonical frame: the root of the last history frame is the
origin and faces +Z. Per frame: root x, z, cos and sin of its heading; the joints' positions relative to that
frame's root on the ground, axes of the canonical frame; 6D local rotations (the pelvis' in the canonical
frame); four foot contacts.

The encoder's features (``ENCODER_FEATURES`` a frame) are in each frame's own heading frame and know neither
place nor absolute heading.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.motion import Motion
from strut_model.skeleton import JOINTS, PART_JOINTS, PARTS, forward_kinematics

Array = NDArray[np.floating]

HISTORY = 8
"""Frames of history that a window continues."""
WINDOW = 16
"""Frames that one window generates."""

ROOT = slice(0, 4)
POSITIONS = slice(4, 4 + 3 * JOINTS)
ROTATIONS = slice(POSITIONS.stop, POSITIONS.stop + 6 * JOINTS)
CONTACTS = slice(ROTATIONS.stop, ROTATIONS.stop + 4)
FEATURES = CONTACTS.stop


def _part_columns() -> tuple[NDArray[np.int64], ...]:
    columns = []
    for part, joints in enumerate(PART_JOINTS):
        own: list[int] = list(range(4)) if part == 0 else []
        for joint in joints:
            own += range(POSITIONS.start + 3 * joint, POSITIONS.start + 3 * joint + 3)
            own += range(ROTATIONS.start + 6 * joint, ROTATIONS.start + 6 * joint + 6)
        if part in (1, 2):
            first = CONTACTS.start + 2 * (part - 1)
            own += [first, first + 1]
        columns.append(np.array(own, dtype=np.int64))
    return tuple(columns)


PART_COLUMNS = _part_columns()
"""For each body part the columns of the feature vector that belong to it; together they are all, once."""


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation (206,) by which features are normalised."""

    mean: Array
    std: Array

    def normalise(self, features: Array) -> Array:
        """Features (..., 206) as the network sees them."""
        return (features - self.mean) / self.std

    def restore(self, features: Array) -> Array:
        """The inverse of ``normalise``."""
        return features * self.std + self.mean


def encode(motion: Motion) -> Array:
    """Features (..., T, 206) of a motion that is already in its canonical frame."""
    rotations = motion.world_rotations()
    pelvis = motion.pelvis
    ground = rot.rotate_ground(motion.root_heading, pelvis[..., [0, 2]])
    relative = np.stack((ground[..., 0], pelvis[..., 1], ground[..., 1]), axis=-1)
    positions, _ = forward_kinematics(rotations, relative)
    out = np.empty((*motion.root_heading.shape, FEATURES), dtype=rotations.dtype)
    out[..., 0:2] = motion.root_position
    out[..., 2] = np.cos(motion.root_heading)
    out[..., 3] = np.sin(motion.root_heading)
    out[..., POSITIONS] = positions.reshape(*positions.shape[:-2], -1)
    out[..., ROTATIONS] = rot.to_six_d(rotations).reshape(*rotations.shape[:-2], -1)
    out[..., CONTACTS] = motion.contacts
    return out


def decode(features: Array) -> Motion:
    """The motion, in the canonical frame, of features (..., T, 206).

    The rotations and the pelvis' position are taken; the other joints' positions follow by forward kinematics.
    """
    heading = np.arctan2(features[..., 3], features[..., 2])
    relative = features[..., POSITIONS.start : POSITIONS.start + 3]
    ground = rot.rotate_ground(-heading, relative[..., [0, 2]])
    rotations = rot.from_six_d(features[..., ROTATIONS].reshape(*features.shape[:-1], JOINTS, 6))
    inverse_heading = rot.heading_rotation(-heading).astype(features.dtype, copy=False)
    rotations[..., 0, :] = rot.normalise(rot.multiply(inverse_heading, rotations[..., 0, :]))
    return Motion(
        root_position=features[..., 0:2],
        root_heading=heading,
        pelvis=np.stack((ground[..., 0], relative[..., 1], ground[..., 1]), axis=-1),
        rotations=rotations,
        contacts=np.clip(features[..., CONTACTS], 0, 1),
    )


# The encoder's view: per joint its position (3) and 6D rotation (6) in the heading frame and its velocity (3).
ENCODER_JOINT_FEATURES = 12
ENCODER_FEATURES = JOINTS * ENCODER_JOINT_FEATURES + 3
"""Joints, then the root's velocity (x, z in the heading frame, metres a second) and its turn (radians a second)."""
ENCODER_FRAMES = 60
"""Frames of the windows that the encoder is trained on; it takes any length from 16 up."""

ENCODER_PART_COLUMNS: tuple[NDArray[np.int64], ...] = tuple(
    np.array(
        [ENCODER_JOINT_FEATURES * j + k for j in PART_JOINTS[part] for k in range(ENCODER_JOINT_FEATURES)],
        dtype=np.int64,
    )
    for part in range(PARTS)
)


def encode_for_encoder(motion: Motion, fps: float = 30.0, offsets: Array | None = None) -> Array:
    """The encoder's features (..., T, 267) of a motion: heading-local, without place or absolute heading.

    Args:
        motion: T >= 2 frames.
        fps: frames a second, for the velocities (metres a second).
        offsets: (22, 3) bone offsets, the canonical ones by default.
    """
    if offsets is None:
        positions, _ = forward_kinematics(motion.rotations, motion.pelvis)
    else:
        positions, _ = forward_kinematics(motion.rotations, motion.pelvis, offsets)
    velocity = np.gradient(positions, axis=-3) * fps
    six = rot.to_six_d(motion.rotations)
    joints = np.concatenate((positions, six, velocity), axis=-1)
    root_velocity = rot.rotate_ground(-motion.root_heading, np.gradient(motion.root_position, axis=-2)) * fps
    turn = np.gradient(np.unwrap(motion.root_heading, axis=-1), axis=-1) * fps
    return np.concatenate((joints.reshape(*joints.shape[:-2], -1), root_velocity, turn[..., None]), axis=-1).astype(
        motion.rotations.dtype
    )
