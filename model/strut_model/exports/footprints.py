"""Where and when the feet stood: footprints for the floor of pictures and pages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.motion import Motion
from strut_model.skeleton import JOINT_INDEX

Array = NDArray[np.floating]

FOOT_LENGTH, FOOT_WIDTH = 0.25, 0.09
HEEL_BEHIND_ANKLE = 0.07  # metres
MINIMUM_FRAMES = 3


@dataclass(frozen=True)
class Footprint:
    """One stance of one foot.

    Attributes:
        side: 0 left, 1 right.
        first, last: frames [first, last) of the stance.
        place: (2,) metres, middle of the sole on the ground, x and z.
        direction: (2,) unit vector from heel to toe.
    """

    side: int
    first: int
    last: int
    place: Array
    direction: Array

    def outline(self, points: int = 20) -> Array:
        """(points, 2) metres, the sole's outline."""
        turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
        along = 0.5 * FOOT_LENGTH * np.cos(turn)
        # Broader at the ball than at the heel.
        across = 0.5 * FOOT_WIDTH * np.sin(turn) * (0.86 + 0.2 * np.cos(turn - 0.5))
        left = np.array([self.direction[1], -self.direction[0]])
        return (self.place + along[:, None] * self.direction + across[:, None] * left).astype(np.float32)


def footprints(motion: Motion) -> list[Footprint]:
    """Every stance of a motion (no batch axes), in order of its first frame."""
    positions = motion.positions()
    found: list[Footprint] = []
    for side, name in enumerate(("left", "right")):
        ankle = positions[:, JOINT_INDEX[f"{name}_ankle"]][:, [0, 2]]
        toe = positions[:, JOINT_INDEX[f"{name}_foot"]][:, [0, 2]]
        down = (motion.contacts[:, 2 * side : 2 * side + 2] > 0.5).any(axis=-1)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], down, [False])).astype(int)))
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            if last - first < MINIMUM_FRAMES:
                continue
            middle = slice(first + (last - first) // 4, max(last - (last - first) // 4, first + 1))
            heel = np.median(ankle[middle], axis=0)
            direction = np.median(toe[middle], axis=0) - heel
            length = float(np.linalg.norm(direction))
            if length < 1e-3:
                continue
            direction = direction / length
            place = heel + direction * (0.5 * FOOT_LENGTH - HEEL_BEHIND_ANKLE)
            found.append(Footprint(side, int(first), int(last), place, direction))
    return sorted(found, key=lambda f: f.first)
