"""Takes: world-space frames without labels, and what all kinds of synthesis do with them.

Everything is computed in float64; angles are radians, lengths metres, times frames at 30 a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from strut_model import rotations as rot
from strut_model.clip import Clip
from strut_model.motion import explicit_root
from strut_model.skeleton import forward_kinematics

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Take:
    """Frames of one character in the world.

    Attributes:
        pelvis: (T, 3) metres.
        rotations: (T, 22, 4) local rotations; the first is the pelvis in the world.
    """

    pelvis: Array
    rotations: Array

    @staticmethod
    def of(clip: Clip, start: int, end: int) -> Take:
        """Frames [start, end) of a clip."""
        return Take(clip.pelvis[start:end].astype(np.float64), clip.rotations[start:end].astype(np.float64))

    @staticmethod
    def concatenate(parts: Sequence[Take]) -> Take:
        """One after another in time."""
        return Take(np.concatenate([p.pelvis for p in parts]), np.concatenate([p.rotations for p in parts]))

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.pelvis)

    def __getitem__(self, frames: slice | NDArray[np.integer]) -> Take:
        return Take(self.pelvis[frames], self.rotations[frames])

    def reversed(self) -> Take:
        """The same frames backwards in time."""
        return self[::-1]

    def at(self, times: ArrayLike) -> Take:
        """The take at fractional times (N,) in frames; times outside hold the first or last frame."""
        times = np.clip(np.asarray(times, dtype=np.float64), 0, self.frames - 1)
        low = np.minimum(times.astype(np.int64), max(self.frames - 2, 0))
        high = np.minimum(low + 1, self.frames - 1)
        share = times - low
        pelvis = self.pelvis[low] + (self.pelvis[high] - self.pelvis[low]) * share[:, None]
        joints = np.broadcast_to(share[:, None], (len(times), self.rotations.shape[1]))
        return Take(pelvis, rot.slerp(self.rotations[low], self.rotations[high], joints))

    def moved(self, position: Array, heading: ArrayLike) -> Take:
        """The take whose origin is brought to a ground position, after turning it by a heading about the origin.

        Args:
            position: (2,) or (T, 2) metres, x and z.
            heading: () or (T,) radians.
        """
        heading = np.broadcast_to(np.asarray(heading, dtype=np.float64), (self.frames,))
        rotations = self.rotations.copy()
        rotations[:, 0] = rot.multiply(rot.heading_rotation(heading), rotations[:, 0])
        return Take(carried(self.pelvis, position, heading), rot.normalise(rotations))

    def positions(self) -> Array:
        """(T, 22, 3) metres."""
        return forward_kinematics(self.rotations, self.pelvis)[0]

    def root(self) -> Root:
        """Where the character is and faces, smoothed as training smooths it."""
        motion = explicit_root(self.pelvis, self.rotations, np.zeros((self.frames, 4)))
        return Root(motion.root_position, np.unwrap(motion.root_heading))


@dataclass(frozen=True)
class Root:
    """Ground path: position (T, 2) metres (x and z) and heading (T,) radians, unwrapped."""

    position: Array
    heading: Array

    def at(self, times: Array) -> Root:
        """The path at fractional times, of any shape."""
        frames = np.arange(len(self.heading))
        place = np.stack([np.interp(times, frames, self.position[:, k]) for k in (0, 1)], axis=-1)
        return Root(place, np.interp(times, frames, self.heading))

    def speed(self) -> float:
        """Mean speed in metres a second."""
        return float(np.linalg.norm(np.diff(self.position, axis=0), axis=-1).mean() * 30.0)


def carried(points: Array, position: Array, heading: Array) -> Array:
    """Points (..., 3) turned by a heading (...,) about the origin and moved on the ground by a position (..., 2)."""
    ground = rot.rotate_ground(heading, points[..., [0, 2]]) + position
    return np.stack((ground[..., 0], points[..., 1], ground[..., 1]), axis=-1)


def blend(a: Take, b: Take, weight: Array) -> Take:
    """From one take (weight 0) to another (weight 1), frame by frame, both of length T.

    Args:
        a, b: takes.
        weight: (T,).
    """
    weight = np.asarray(weight, dtype=np.float64)
    pelvis = a.pelvis + (b.pelvis - a.pelvis) * weight[:, None]
    joints = np.broadcast_to(weight[:, None], a.rotations.shape[:2])
    return Take(pelvis, rot.slerp(a.rotations, b.rotations, joints))


def smoothstep(x: ArrayLike) -> Array:
    """0 up to 0, 1 from 1 on, between them the minimum-jerk curve (no velocity or acceleration at the ends)."""
    x = np.clip(np.asarray(x, dtype=np.float64), 0.0, 1.0)
    return x**3 * (10 - 15 * x + 6 * x**2)


def brought_to_rest(place: Array, velocity: Array, target: Array, frames: int) -> Array:
    """(frames + 1, n) the smoothest path (quintic) from a moving start to rest at a target.

    Args:
        place, velocity: (n,) start and its velocity per frame; it starts without acceleration.
        target: (n,) where it ends without velocity and acceleration.
        frames: duration.
    """
    u = (np.arange(frames + 1) / frames)[:, None]
    start = (1 - u) ** 3 * (1 + 3 * u + 6 * u**2)
    slope = u * (1 - u) ** 3 * (1 + 3 * u)
    return place * start + velocity * frames * slope + target * (1 - start)
