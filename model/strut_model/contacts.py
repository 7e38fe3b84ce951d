"""Foot contacts: when a heel or a toe stands on the ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from strut_model import skeleton

HEIGHT_MARGIN = 0.025
"""Metres above its rest height up to which a contact joint counts as on the ground."""
MAX_VERTICAL_SPEED = 0.25
"""Metres a second: a foot that moves up or down faster is not standing."""
MAX_HORIZONTAL_SPEED = 0.6
"""Metres a second: well above the slide of captured stances (about .1), well below a swinging foot (2 to 4)."""


def foot_contacts(positions: NDArray[np.floating], fps: float = skeleton.FPS) -> NDArray[np.float32]:
    """Ground contacts of heels and toes on level ground at height 0.

    A joint is in contact when it is within 2.5 cm of its rest height (never a fixed height: ankles rest at 11.7 cm,
    toes at 4.25) and its speeds are small. Flickers of one frame are taken out.

    Args:
        positions: (T, 22, 3) metres, world joint positions.
        fps: frames a second.

    Returns:
        (T, 4) of 0 and 1: left heel, left toe, right heel, right toe.
    """
    joints = positions[:, skeleton.CONTACT_JOINTS]
    frames = joints.shape[0]
    if frames < 2:
        velocity = np.zeros_like(joints)
    else:
        velocity = np.gradient(joints, axis=0) * fps
    height = joints[..., 1] - skeleton.CONTACT_REST_HEIGHTS
    contact = (
        (height < HEIGHT_MARGIN)
        & (np.abs(velocity[..., 1]) < MAX_VERTICAL_SPEED)
        & (np.hypot(velocity[..., 0], velocity[..., 2]) < MAX_HORIZONTAL_SPEED)
    )
    return median_filter(contact.astype(np.uint8), size=(3, 1), mode="nearest").astype(np.float32)


STANCE_GAP = 2
"""Frames off the ground that do not end a stance."""


def stance_runs(on: NDArray[np.bool_], shortest: int) -> list[tuple[int, int]]:
    """[start, stop) of the stances of one foot, short gaps closed.

    Args:
        on: (T,) whether the foot is on the ground.
        shortest: frames that a stance has at least.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], on, [False])).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and start - runs[-1][1] <= STANCE_GAP:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((start, stop))
    return [(a, b) for a, b in runs if b - a >= shortest]
