"""Clip: one take of motion on the canonical skeleton, with its labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model import motion, skeleton


@dataclass
class Clip:
    """A take on the canonical skeleton, canonical proportions.

    Attributes:
        name: unique within a data set, without spaces.
        pelvis: (T, 3) metres, world, Y up.
        rotations: (T, 22, 4) quaternions local to the parent; the first is the pelvis in the world.
        contacts: (T, 4) in [0, 1]: left heel, left toe, right heel, right toe.
        content: what is done, such as `walk`.
        style: how it is done, such as `proud`.
        take: which take of that content and style, such as `001`.
        dataset: where it comes from.
        fps: frames a second.
        tags: free labels, such as `filtered`.
    """

    name: str
    pelvis: NDArray[np.float32]
    rotations: NDArray[np.float32]
    contacts: NDArray[np.float32]
    content: str
    style: str
    take: str
    dataset: str
    fps: float = skeleton.FPS
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        frames = self.pelvis.shape[0]
        wanted = {"pelvis": (frames, 3), "rotations": (frames, skeleton.JOINTS, 4), "contacts": (frames, 4)}
        for field, shape in wanted.items():
            found = getattr(self, field).shape
            if found != shape:
                raise ValueError(f"{field}: shape is {found}, expected {shape}")

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.pelvis.shape[0])

    def motion(self) -> motion.Motion:
        """The clip with an explicit root."""
        return motion.explicit_root(self.pelvis, self.rotations, self.contacts)

    def positions(self) -> NDArray[np.floating]:
        """(T, 22, 3) metres, joint positions in the world."""
        return skeleton.forward_kinematics(self.rotations, self.pelvis)[0]
