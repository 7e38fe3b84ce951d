"""Feet of a take: when they stand, where they are, and bending the legs to where they shall be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from strut_model import rotations as rot
from strut_model.contacts import foot_contacts, stance_runs
from strut_model.data.feet import LEG_REACH, place_ankles
from strut_model.data.synthesis.takes import Array, Root, Take, carried
from strut_model.skeleton import CONTACT_REST_HEIGHTS, JOINT_INDEX, forward_kinematics

ANKLE_HEIGHT = float(CONTACT_REST_HEIGHTS[0])
ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
HIPS = [JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]
Stances = tuple[list[tuple[int, int]], list[tuple[int, int]]]

_SHORTEST = 3
_REACH = 0.996 * LEG_REACH
_SOFTENING = 3.5
"""Frames, width of the Gaussian over which the pelvis comes down."""


@dataclass(frozen=True)
class Feet:
    """Both feet, left then right.

    Attributes:
        ankles: (T, 2, 3) metres.
        soles: (T, 2, 4) orientations in the world.
    """

    ankles: Array
    soles: Array

    @staticmethod
    def of(take: Take) -> Feet:
        """The feet as they are."""
        positions, orientations = forward_kinematics(take.rotations, take.pelvis)
        return Feet(positions[:, ANKLES], orientations[:, ANKLES])

    def __getitem__(self, frames: slice | NDArray[np.integer]) -> Feet:
        return Feet(self.ankles[frames], self.soles[frames])


def flat(soles: Array) -> Array:
    """Soles (..., 4) laid flat, pointing where they pointed."""
    return rot.heading_rotation(rot.heading_of(soles))


def standing(take: Take) -> Stances:
    """[start, stop) of each stance of the left and the right foot: heel or toe on the ground."""
    contacts = foot_contacts(take.positions()) > 0.5
    left, right = contacts[:, 0] | contacts[:, 1], contacts[:, 2] | contacts[:, 3]
    return stance_runs(left, _SHORTEST), stance_runs(right, _SHORTEST)


def planted(take: Take, feet: Feet) -> Take:
    """The take with its feet brought to places, by inverse kinematics.

    Where a leg would not reach, the pelvis comes down, smoothly over time.
    """
    positions, _ = forward_kinematics(take.rotations, take.pelvis)
    hips = positions[:, HIPS]
    across = np.linalg.norm((hips - feet.ankles)[..., [0, 2]], axis=-1)
    allowed = np.sqrt(np.maximum(_REACH**2 - across**2, 0.0)) + feet.ankles[..., 1]
    # A leg that is straight already may stay so.
    own = np.linalg.norm(hips - positions[:, ANKLES], axis=-1)
    drop = np.where(own < _REACH, hips[..., 1] - allowed, hips[..., 1] - allowed - (own - _REACH)).max(axis=-1)
    drop = np.maximum(drop, 0.0)
    pelvis = take.pelvis
    if drop.max() > 1e-4:
        # The highest need of half a second, smoothed, is nowhere much below the need itself.
        eased = gaussian_filter1d(maximum_filter1d(drop, 15, mode="nearest"), _SOFTENING, mode="nearest")
        pelvis = pelvis - np.maximum(eased, 0.0)[:, None] * np.array([0.0, 1.0, 0.0])
    return Take(pelvis, place_ankles(pelvis, take.rotations, feet.ankles, feet.soles))


def anchors(feet: Feet, stances: Stances) -> Array:
    """(T, 2) times at which each foot looks up where the body's path has been moved to.

    A standing foot looks at the middle of its stance all the time, so that it stays put; a swinging one goes over
    from the one to the next as far as it has come.
    """
    frames = len(feet.ankles)
    out = np.zeros((frames, 2))
    for side, runs in enumerate(stances):
        if not runs:
            out[:, side] = np.arange(frames)
            continue
        times = [0.5 * (a + b - 1) for a, b in runs]
        step = np.linalg.norm(np.diff(feet.ankles[:, side][:, [0, 2]], axis=0), axis=-1)
        for (a, b), time in zip(runs, times, strict=True):
            out[a:b, side] = time
        for (_, lifted), (landed, _), before, after in zip(runs, runs[1:], times, times[1:], strict=False):
            way = np.cumsum(step[lifted - 1 : landed])
            out[lifted:landed, side] = before + (after - before) * way[:-1] / max(way[-1], 1e-9)
        # Before the first stance and after the last one the foot goes with the body.
        first, last = runs[0][0], runs[-1][1]
        out[:first, side] = times[0] + (np.arange(first) - first)
        out[last:, side] = times[-1] + 1 + np.arange(frames - last)
    return np.clip(out, 0, frames - 1)


def along(take: Take, stances: Stances, old: Root, new: Root, lift: Array | None = None) -> Take:
    """The take carried from one root path to another, its standing feet staying where they stand.

    The body goes with the path; each stance is moved as a whole, by the move at its middle.

    Args:
        take: T frames.
        stances: when its feet stand.
        old, new: root paths of T frames.
        lift: (T,) factor on how far feet leave the ground and pitch; 1 when None.
    """
    turn = new.heading - old.heading
    centred = Take(take.pelvis - _ground(old.position), take.rotations)
    body = centred.moved(new.position, turn)
    feet = Feet.of(take)
    times = anchors(feet, stances)
    here, there = old.at(times), new.at(times)
    foot_turn = there.heading - here.heading
    ankles = carried(feet.ankles - _ground(here.position), there.position, foot_turn)
    soles = rot.multiply(rot.heading_rotation(foot_turn), feet.soles)
    if lift is not None:
        ankles[..., 1] = ANKLE_HEIGHT + (ankles[..., 1] - ANKLE_HEIGHT) * lift[:, None]
        soles = rot.slerp(flat(soles), soles, np.broadcast_to(lift[:, None], soles.shape[:2]))
    return planted(body, Feet(ankles, soles))


def _ground(place: Array) -> Array:
    """Ground positions (..., 2) as points (..., 3) of height 0."""
    return np.stack((place[..., 0], np.zeros(place.shape[:-1]), place[..., 1]), axis=-1)
