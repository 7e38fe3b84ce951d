"""Idle for every style: rest poses of its gestures, moved as the idle clips move.

A rest pose is a frame at the start or the end of a gesture in which both feet stand flat and both hands are below the
ribs, and not much higher than the style ever lets them hang: a held raised hand is not idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.data.synthesis.footing import ANKLE_HEIGHT, Feet, flat, planted
from strut_model.data.synthesis.takes import Array, Take, carried
from strut_model.skeleton import FPS, JOINT_INDEX, forward_kinematics

_WRISTS = [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]]
_RIBS = JOINT_INDEX["spine3"]
EDGE = 12
"""Frames at each end of a gesture among which a rest pose is looked for."""
CALM = 1.2
"""Metres a second: the most that any joint may move in a rest pose."""
_USUAL_SPEED = 0.15
"""m/s of the fastest joint in a neutral rest pose."""
HANGING = 0.12
"""Metres above the lowest rest pose's hands up to which a style's hands count as hanging."""


@dataclass(frozen=True)
class Pose:
    """A standing pose, its root at the origin and facing +Z.

    Attributes:
        pelvis: (3,) metres.
        rotations: (22, 4).
        ankles: (2, 3) metres, where the feet stand.
        soles: (2, 4), flat.
        hands: metres from the ribs up to the higher hand, negative below them.
        speed: m/s of its fastest joint in the clip that it is from.
        source: the clip's name.
    """

    pelvis: Array
    rotations: Array
    ankles: Array
    soles: Array
    hands: float
    speed: float
    source: str


def hand_height(positions: Array) -> Array:
    """(T,) metres from the ribs up to the higher hand, negative below them."""
    return positions[:, _WRISTS, 1].max(axis=1) - positions[:, _RIBS, 1]


def joint_speeds(positions: Array) -> Array:
    """(T,) metres a second of the fastest joint."""
    if len(positions) < 2:
        return np.zeros(len(positions))
    return np.linalg.norm(np.gradient(positions, axis=0), axis=-1).max(axis=1) * FPS


def pose_at(take: Take, frame: int, source: str = "", speed: float = 0.0) -> Pose:
    """The standing pose of a frame, its feet laid flat."""
    pelvis, rotations = take.pelvis[frame : frame + 1], take.rotations[frame : frame + 1]
    _, orientations = forward_kinematics(rotations, pelvis)
    # Hips and chest, as the root's heading is defined.
    left = rot.rotate(orientations[0, [0, 9]], np.array([1.0, 0.0, 0.0])).sum(axis=0)
    heading = float(np.arctan2(-left[2], left[0]))
    here = Take(pelvis - np.array([pelvis[0, 0], 0.0, pelvis[0, 2]]), rotations).moved(np.zeros(2), -heading)
    feet = Feet.of(here)
    ankles = feet.ankles[0].copy()
    ankles[:, 1] = ANKLE_HEIGHT
    hands = float(hand_height(here.positions())[0])
    return Pose(here.pelvis[0], here.rotations[0], ankles, flat(feet.soles[0]), hands, speed, source)


def rest_frames(take: Take, contacts: Array) -> list[tuple[int, float]]:
    """The calmest resting frame at each end of a gesture, with its speed; none where a hand is held up.

    Args:
        take: the gesture.
        contacts: (T, 4).
    """
    positions = take.positions()
    speed = joint_speeds(positions)
    resting = (hand_height(positions) < 0) & (contacts[:, 0] > 0.5) & (contacts[:, 2] > 0.5) & (speed < CALM)
    found = []
    for frames in (np.arange(min(EDGE, take.frames)), np.arange(max(take.frames - EDGE, 0), take.frames)):
        chosen = frames[resting[frames]]
        if len(chosen):
            best = int(chosen[speed[chosen].argmin()])
            found.append((best, float(speed[best])))
    return found


@dataclass(frozen=True)
class Sway:
    """How an idle clip moves about its own mean pose.

    Attributes:
        pelvis: (T, 3) metres, in the clip's heading frame.
        rotations: (T, 22, 4), to be multiplied onto a pose from the right.
    """

    pelvis: Array
    rotations: Array

    @staticmethod
    def of(take: Take) -> Sway:
        """The movement of an idle clip."""
        heading = float(np.arctan2(*_mean_direction(take)))
        here = take.moved(np.zeros(2), -heading)
        rotations = rot.unroll(here.rotations)
        mean = rotations.mean(axis=0)
        mean /= np.linalg.norm(mean, axis=-1, keepdims=True)
        pelvis = here.pelvis - here.pelvis.mean(axis=0)
        return Sway(pelvis, rot.normalise(rot.multiply(rot.inverse(mean)[None], rotations)))

    def part(self, start: int, frames: int, rate: float = 1.0) -> Sway:
        """So many frames from ``start``, at another rate; the clip must be long enough."""
        part = Take(self.pelvis, self.rotations).at(start + rate * np.arange(frames))
        return Sway(part.pelvis, part.rotations)


def _mean_direction(take: Take) -> Array:
    heading = rot.heading_of(take.rotations[:, 0])
    return np.array([np.sin(heading).mean(), np.cos(heading).mean()])


@dataclass(frozen=True)
class Stand:
    """Standing idle: frames with planted feet.

    Attributes:
        take: (T) frames.
        ankles: (2, 3) metres, soles: (2, 4): where the feet stand all the time.
    """

    take: Take
    ankles: Array
    soles: Array

    def moved(self, position: Array, heading: float) -> Stand:
        """Elsewhere, facing elsewhere; see `Take.moved`."""
        turn = np.broadcast_to(heading, (2,))
        soles = rot.multiply(rot.heading_rotation(turn), self.soles)
        return Stand(self.take.moved(position, heading), carried(self.ankles, position, turn), soles)

    def feet(self, frames: int) -> Feet:
        """The feet of so many frames."""
        return Feet(
            np.broadcast_to(self.ankles, (frames, 2, 3)).copy(), np.broadcast_to(self.soles, (frames, 2, 4)).copy()
        )

    def on(self, ankles: Array, soles: Array) -> Stand:
        """The same standing on feet elsewhere: the body keeps its place between the feet."""
        shift = (ankles - self.ankles).mean(axis=0) * np.array([1.0, 0.0, 1.0])
        moved = Stand(Take(self.take.pelvis + shift, self.take.rotations), ankles, soles)
        return Stand(planted(moved.take, moved.feet(self.take.frames)), ankles, soles)


def idle(pose: Pose, sway: Sway, gain: Array | float = 1.0) -> Stand:
    """A pose that sways, feet planted.

    Args:
        pose: where to stand.
        sway: (T) frames.
        gain: (T,) or one factor on the movement.
    """
    frames = len(sway.pelvis)
    gain = np.broadcast_to(np.asarray(gain, dtype=np.float64), (frames,))
    turns = rot.from_axis_angle(rot.to_axis_angle(sway.rotations) * gain[:, None, None])
    rotations = rot.normalise(rot.multiply(pose.rotations[None], turns))
    stand = Stand(Take(pose.pelvis + sway.pelvis * gain[:, None], rotations), pose.ankles, pose.soles)
    return Stand(planted(stand.take, stand.feet(frames)), pose.ankles, pose.soles)


@dataclass(frozen=True)
class Idler:
    """Everything that idles of one style are made of.

    Args:
        poses: rest poses of the style, at least one.
        sways: movements of the idle clips, at least one.
    """

    poses: Sequence[Pose]
    sways: Sequence[Sway]

    def hanging(self, positions: Array) -> NDArray[np.bool_]:
        """(T,) whether both hands are about as low as in this style's idle, (T, 22, 3) metres."""
        limit = min(max(pose.hands for pose in self.poses) + 0.5 * HANGING, 0.0)
        return np.asarray(hand_height(positions) < limit)

    def sway(self, rng: np.random.Generator, frames: int) -> Sway:
        """Some stretch of some idle clip, at a rate near its own; every start in all clips is equally likely."""
        rate = rng.uniform(0.85, 1.2)
        need = int(np.ceil(rate * frames)) + 1
        room = np.array([max(len(s.pelvis) - need, 0) for s in self.sways], dtype=np.float64)
        if room.sum() == 0:
            longest = max(len(s.pelvis) for s in self.sways)
            raise ValueError(f"frames: {frames} is longer than the idle clips, allowed 1 to {int(longest / rate) - 2}")
        sway = self.sways[int(rng.choice(len(room), p=room / room.sum()))]
        return sway.part(int(rng.integers(max(len(sway.pelvis) - need, 1))), frames, rate)

    def gain(self, rng: np.random.Generator) -> float:
        """A factor on the idle clips' movement: livelier styles are livelier at rest, too."""
        speed = float(np.mean([pose.speed for pose in self.poses]))
        return float(np.clip(np.sqrt(speed / _USUAL_SPEED), 0.7, 1.6) * rng.uniform(0.75, 1.2))

    def stand(self, rng: np.random.Generator, frames: int) -> Stand:
        """Idle of the style, its root at the origin and facing +Z."""
        pose = self.poses[int(rng.integers(len(self.poses)))]
        return idle(pose, self.sway(rng, frames), self.gain(rng))
