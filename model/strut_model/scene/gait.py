"""A clip as the scene operators see it: world-space frames, when each foot stands, and tools to change them.

Everything is float64; times are frames at 30 a second, angles radians unless a name says degrees.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from strut_model import rotations as rot
from strut_model.clip import Clip
from strut_model.contacts import stance_runs
from strut_model.data.synthesis.footing import Feet as Feet
from strut_model.data.synthesis.footing import Stances, planted
from strut_model.data.synthesis.takes import Array, Root, Take, smoothstep
from strut_model.skeleton import JOINTS, PARENTS, forward_kinematics

_SHORTEST = 2


@dataclass(frozen=True)
class Gait:
    """A clip under edit.

    Attributes:
        take: T frames.
        contacts: (T, 4) in [0, 1].
        stances: [start, stop) of each stance of the left and the right foot.
    """

    take: Take
    contacts: Array
    stances: Stances

    @staticmethod
    def of(clip: Clip) -> Gait:
        """A clip's frames; stances are where its contact labels say that heel or toe stands."""
        contacts = clip.contacts.astype(np.float64)
        return Gait(Take.of(clip, 0, clip.frames), contacts, stances_of(contacts))

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.take.frames

    def with_feet(self, feet: Feet, take: Take | None = None) -> Gait:
        """The gait with its feet brought to places by two-bone inverse kinematics (`footing.planted`)."""
        return replace(self, take=planted(self.take if take is None else take, feet))

    def at(self, times: Array) -> Gait:
        """The gait at fractional times (N,) that ascend: cubic in between, contacts linear."""
        frames = np.arange(self.frames)
        pelvis = CubicSpline(frames, self.take.pelvis)(times)
        rotations = rot.normalise(CubicSpline(frames, rot.unroll(self.take.rotations))(times))
        contacts = np.stack([np.interp(times, frames, self.contacts[:, k]) for k in range(4)], axis=-1)

        def when(frame: int) -> int:
            return round(float(np.interp(frame, times, np.arange(len(times)))))

        moved = tuple([(when(a), when(b - 1) + 1) for a, b in runs] for runs in self.stances)
        return Gait(Take(pelvis, rotations), contacts, (moved[0], moved[1]))


def stances_of(contacts: Array) -> Stances:
    """[start, stop) of each stance of the left and the right foot, from contacts (T, 4).

    Gaps of two frames are closed; a single frame is none.
    """
    on = contacts.reshape(len(contacts), 2, 2).max(axis=-1) > 0.5
    return stance_runs(on[:, 0], _SHORTEST), stance_runs(on[:, 1], _SHORTEST)


def swings(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """[lifted, landed) of the swings between the stances of one foot."""
    return [(a, b) for (_, a), (b, _) in itertools.pairwise(runs) if b > a]


def standing_mask(gait: Gait) -> NDArray[np.bool_]:
    """(T, 2) whether each foot stands."""
    mask = np.zeros((gait.frames, 2), bool)
    for side, runs in enumerate(gait.stances):
        for start, stop in runs:
            mask[start:stop, side] = True
    return mask


def swing_profile(gait: Gait, rise: float = 0.35) -> Array:
    """(T, 2) 0 while a foot stands, rising smoothly to 1 in the first share of its swing and falling in the last."""
    out = np.zeros((gait.frames, 2))
    for side, runs in enumerate(gait.stances):
        for lifted, landed in swings(runs):
            # The foot's frames just outside of the swing stand still.
            phase = (np.arange(lifted, landed) - lifted + 1) / (landed - lifted + 1)
            out[lifted:landed, side] = smoothstep(phase / rise) * smoothstep((1 - phase) / rise)
    return out


def axes(root: Root) -> tuple[Array, Array]:
    """(T, 3) unit vectors to the character's left and ahead, on the ground."""
    sine, cosine, zero = np.sin(root.heading), np.cos(root.heading), np.zeros(len(root.heading))
    return np.stack((cosine, zero, -sine), axis=-1), np.stack((sine, zero, cosine), axis=-1)


def turned(take: Take, turns: Mapping[int, Array]) -> Take:
    """The take with joints turned in the world; joints below a turned one go along.

    Args:
        take: T frames.
        turns: joint -> (T, 4) rotation in the world of that joint's orientation as it is in the take. Joints that are
            not named keep their rotation to their parent.
    """
    _, old = forward_kinematics(take.rotations, take.pelvis)
    rotations = take.rotations.copy()
    new = old.copy()
    for joint in range(JOINTS):
        parent = int(PARENTS[joint])
        if joint in turns:
            new[:, joint] = rot.multiply(turns[joint], old[:, joint])
        elif parent >= 0:
            new[:, joint] = rot.multiply(new[:, parent], take.rotations[:, joint])
        if joint in turns:
            rotations[:, joint] = new[:, joint]
            if parent >= 0:
                rotations[:, joint] = rot.multiply(rot.inverse(new[:, parent]), new[:, joint])
    return Take(take.pelvis, rot.normalise(rotations))


def about(axis: Array, degrees: Array | float) -> Array:
    """Rotations (T, 4) about unit axes (T, 3) by degrees, () or (T,)."""
    angle = np.broadcast_to(np.radians(degrees), axis.shape[:1])
    return rot.from_axis_angle(axis * angle[:, None])
