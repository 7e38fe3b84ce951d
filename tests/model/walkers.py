"""Motions whose figures can be worked out by hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.motion import Motion
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS, JOINTS, PELVIS_REST_HEIGHT

Array = NDArray[np.floating]


def standing_motion(frames: int, speed: float = 0.0, heading: float = 0.0) -> Motion:
    """A stiff figure in T-pose that faces ``heading`` and glides that way at ``speed`` m/s, feet flat on the ground."""
    distance = speed * np.arange(frames, dtype=np.float32) / 30
    pelvis = np.zeros((frames, 3), np.float32)
    pelvis[:, 1] = PELVIS_REST_HEIGHT
    return Motion(
        np.stack((distance * np.sin(heading), distance * np.cos(heading)), axis=-1).astype(np.float32),
        np.full(frames, heading, np.float32),
        pelvis,
        rot.identity((frames, JOINTS)),
        np.ones((frames, 4), np.float32),
    )


def feet_on_ground(frames: int) -> Array:
    """Joint positions (T, 22, 3) in which only heels and toes matter: all four stand at rest height."""
    positions = np.zeros((frames, JOINTS, 3))
    positions[:, CONTACT_JOINTS, 1] = CONTACT_REST_HEIGHTS
    return positions


def stepping(cycles: int, stride: float, stand: int = 10, swing: int = 8, lift: float = 0.1) -> Array:
    """Joint positions of two feet that step in turn: heels and toes move by ``stride`` metres in a swing.

    Args:
        cycles: steps of each foot.
        stride: metres a foot moves in one swing.
        stand: frames in which both feet stand between two swings.
        swing: frames of a swing.
        lift: metres that heel and toe rise at most.
    """
    sequence = []
    place = np.array([0.0, stride / 2])
    share = np.arange(1, swing + 1) / swing
    rows = [np.tile(place, (stand, 1))]
    heights = [np.zeros((stand, 2))]
    for step in range(2 * cycles):
        foot = step % 2
        moved = np.tile(place, (swing, 1))
        moved[:, foot] += stride * share
        raised = np.zeros((swing, 2))
        raised[:, foot] = lift * np.sin(np.pi * share)
        place = moved[-1]
        rows += [moved, np.tile(place, (stand, 1))]
        heights += [raised, np.zeros((stand, 2))]
        sequence.append(foot)
    z, y = np.concatenate(rows), np.concatenate(heights)
    positions = feet_on_ground(len(z))
    for foot in range(2):
        joints = CONTACT_JOINTS[2 * foot : 2 * foot + 2]
        positions[:, joints, 2] = z[:, foot, None]
        positions[:, joints, 1] += y[:, foot, None]
    return positions
