"""Gestures as events: from idle and back to idle, or over a walk that goes on underneath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strut_model import rotations as rot
from strut_model.data.synthesis.footing import Feet, planted
from strut_model.data.synthesis.idling import Idler, Pose, Stand, Sway, idle, pose_at
from strut_model.data.synthesis.takes import Array, Take, blend, smoothstep
from strut_model.skeleton import JOINT_INDEX

SHORT_EASE, LONG_EASE = 10, 20
"""Frames in which a gesture begins or ends where its hands hang, and where they are up already."""
_ARMS = tuple(
    [JOINT_INDEX[f"{side}_{joint}"] for joint in ("collar", "shoulder", "elbow", "wrist")] for side in ("left", "right")
)
_WRISTS = (JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"])
_RIBS, _PELVIS = JOINT_INDEX["spine3"], JOINT_INDEX["pelvis"]
_TORSO = (("spine1", 0.4), ("spine2", 0.4), ("spine3", 0.4), ("neck", 0.7), ("head", 0.7))
"""How much of the gesture's own movement of the torso a walk takes on."""
_RAISED = 0.2
"""Metres that a wrist has to rise for its arm to take part in a gesture."""


@dataclass(frozen=True)
class Event:
    """A gesture between two other contents.

    Attributes:
        take: all frames.
        begin, end: frames between which the gesture happens, easing included.
    """

    take: Take
    begin: int
    end: int


def place_of(take: Take, frame: int) -> tuple[Array, float]:
    """Ground place (2,) of the pelvis and heading of hips and chest at a frame."""
    pose = pose_at(take, frame)
    heading = rot.heading_of(take.rotations[frame, 0]) - rot.heading_of(pose.rotations[0])
    return take.pelvis[frame, [0, 2]], float(heading)


def from_idle(
    gesture: Take, contacts: Array, idler: Idler, rng: np.random.Generator, before: int, after: int
) -> Event | None:
    """Idle, the gesture, and idle again, on the gesture's own feet; None where it begins or ends in a step.

    Args:
        gesture: the frames of a whole gesture.
        contacts: (T, 4).
        idler: of its style.
        rng: draws the idles.
        before, after: frames of idle, at least 1 each.
    """
    ends = (0, gesture.frames - 1)
    if not all((contacts[end][[0, 2]] > 0.5).all() for end in ends):
        return None
    hanging = idler.hanging(gesture.positions()[list(ends)])
    eases = [SHORT_EASE if down else LONG_EASE for down in hanging]
    if gesture.frames < sum(eases) + 10:
        return None
    stands = []
    for end, down, ease, frames in zip(ends, hanging, eases, (before, after), strict=True):
        total = frames + ease
        sway = idler.sway(rng, total)
        time = np.arange(total)
        # At the gesture's end of the idle nothing sways, so that its first or last pose is met.
        gain = smoothstep((total - 1 - time if end == 0 else time) / 20) * idler.gain(rng)
        pose = pose_at(gesture, end)
        stands.append(_stand(pose, idler, rng, bool(down), sway, gain, place_of(gesture, end)))

    feet = Feet.of(gesture)
    # A gesture that is under way at its first frame comes up to its speed while it is eased in.
    times = np.arange(gesture.frames, dtype=np.float64)
    if not hanging[0]:
        times = np.concatenate((LONG_EASE / 2 * _run_up(LONG_EASE), np.arange(LONG_EASE // 2, gesture.frames)))
    if not hanging[1]:
        down_time = gesture.frames - 1 - LONG_EASE / 2 * _run_up(LONG_EASE)[::-1]
        times = np.concatenate((times[times < gesture.frames - 1 - LONG_EASE / 2], down_time))
    body = gesture.at(times)
    moving = _feet_at(feet, times)

    first, last = stands
    weight = np.ones(len(times))
    weight[: eases[0]] = smoothstep((np.arange(eases[0]) + 1) / (eases[0] + 1))
    opening = _joined(first, slice(before, before + eases[0]), body, moving, slice(0, eases[0]), weight[: eases[0]])
    count = len(times)
    closing_weight = smoothstep((np.arange(eases[1])[::-1] + 1) / (eases[1] + 1))
    closing = _joined(last, slice(0, eases[1]), body, moving, slice(count - eases[1], count), closing_weight)
    middle = body[eases[0] : count - eases[1]]
    take = Take.concatenate((first.take[:before], opening, middle, closing, last.take[eases[1] :]))
    return Event(take, before, before + count)


def _run_up(frames: int) -> Array:
    """(frames,) from 0 to 1, beginning at rest and ending at twice the mean speed."""
    return (np.arange(frames) / frames) ** 2


def _feet_at(feet: Feet, times: Array) -> Feet:
    low = np.minimum(times.astype(int), len(feet.ankles) - 2)
    share = times - low
    ankles = feet.ankles[low] + (feet.ankles[low + 1] - feet.ankles[low]) * share[:, None, None]
    return Feet(ankles, rot.slerp(feet.soles[low], feet.soles[low + 1], np.broadcast_to(share[:, None], (len(low), 2))))


def _stand(
    pose: Pose,
    idler: Idler,
    rng: np.random.Generator,
    down: bool,
    sway: Sway,
    gain: Array,
    place: tuple[Array, float],
) -> Stand:
    """Idle where a gesture begins or ends: in its own pose, or, where its hands are up, in one of its style."""
    if down:
        return idle(pose, sway, gain).moved(*place)
    other = idler.poses[int(rng.integers(len(idler.poses)))]
    return idle(other, sway, gain).on(pose.ankles, pose.soles).moved(*place)


def _joined(stand: Stand, idle_frames: slice, body: Take, feet: Feet, frames: slice, weight: Array) -> Take:
    """Idle (weight 0) going over into the gesture (weight 1), feet and all."""
    mixed = blend(stand.take[idle_frames], body[frames], weight)
    still = stand.feet(len(weight))
    own = feet[frames]
    ankles = still.ankles + (own.ankles - still.ankles) * weight[:, None, None]
    soles = rot.slerp(still.soles, own.soles, np.broadcast_to(weight[:, None], (len(weight), 2)))
    return planted(mixed, Feet(ankles, soles))


def arms_of(gesture: Take) -> tuple[bool, bool]:
    """Whether the left and the right arm take part in a gesture: their wrists rise."""
    positions = gesture.positions()
    height = positions[:, _WRISTS, 1] - positions[:, [_PELVIS], 1]
    rise = height.max(axis=0) - np.minimum(np.minimum(height[0], height[-1]), 0.0)
    return bool(rise[0] > _RAISED), bool(rise[1] > _RAISED)


def over_walk(gesture: Take, walk: Take, idler: Idler, before: int, after: int) -> Event | None:
    """A gesture of the arms over a walk; None where no arm is raised or the walk is too short.

    Legs and pelvis are the walk's, the raised arms the gesture's, and the torso takes on part of its movement. The
    gesture begins where the walk's arms are most like its first and last pose.

    Args:
        gesture: frames of a whole gesture.
        walk: frames of a walk of the same style.
        idler: of the style; it tells whether the gesture's hands hang at its ends.
        before, after: frames of walking, at least.
    """
    arms = arms_of(gesture)
    if not any(arms):
        return None
    hanging = idler.hanging(gesture.positions()[[0, -1]])
    ease_in, ease_out = (SHORT_EASE if down else LONG_EASE for down in hanging)
    room = walk.frames - gesture.frames - before - after
    if room < 0 or gesture.frames < ease_in + ease_out + 10:
        return None
    joints = [joint for side in (0, 1) if arms[side] for joint in _ARMS[side]]
    offset = before + _matching(gesture, walk[before : before + room + gesture.frames], joints)

    end = offset + gesture.frames
    time = np.arange(gesture.frames)
    weight = smoothstep((time + 1) / (ease_in + 1)) * smoothstep((gesture.frames - time) / (ease_out + 1))
    rotations = walk.rotations.copy()
    part = rotations[offset:end]
    for joint in joints:
        part[:, joint] = rot.slerp(part[:, joint], gesture.rotations[:, joint], weight)
    rest = gesture.rotations[:1]
    for name, share in _TORSO:
        joint = JOINT_INDEX[name]
        moved = rot.to_axis_angle(rot.multiply(rot.inverse(rest[:, joint]), gesture.rotations[:, joint]))
        part[:, joint] = rot.multiply(part[:, joint], rot.from_axis_angle(moved * (share * weight)[:, None]))
    return Event(Take(walk.pelvis, rot.normalise(rotations)), offset, end)


def _matching(gesture: Take, walk: Take, joints: list[int]) -> int:
    """The frame of the walk at which a gesture best begins, by the arms' poses at both its ends."""
    room = walk.frames - gesture.frames

    def distance(frames: Array, pose: Array) -> Array:
        return (1 - np.abs((frames[:, joints] * pose[joints]).sum(axis=-1))).sum(axis=-1)

    begins = distance(walk.rotations[: room + 1], gesture.rotations[0])
    ends = distance(walk.rotations[gesture.frames - 1 :], gesture.rotations[-1])
    return int((begins + ends).argmin())
