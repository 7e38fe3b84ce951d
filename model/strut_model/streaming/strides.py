"""What a scene does to steps beyond their time and length: higher feet, wider or narrower steps, bent knees.

Put onto windows after the network and taken off histories before it, as turns of the body are (`streaming.bearing`).
All of it is inverse kinematics on frames as they are: what feet were moved by follows from the frames, but for how far
the pelvis was let down for bent knees, which travels with the foot locks (`FootLocks.strides`).

- **Clearance**: a foot is lifted by as much as it swings, told by how fast it goes over the ground compared with the
  body. Lifting does not change that speed, so a history alone tells what was lifted.
- **Runs** that a scene slows lift their feet and bend their knees less, as slower runs do, where the scene is to
  make it more: what they lack is added.
- **Width**: feet go aside from the root's facing by half of the width each, or their distance from it is scaled.
- **Knees**: the pelvis comes down by what bends standing legs by the degrees asked for, on the mean of a window
  (`scene.legs.knee_flexion` does so for whole clips), and goes there by a critically damped spring.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from strut_model.features import HISTORY
from strut_model.skeleton import FPS
from strut_model.streaming import feet
from strut_model.streaming.bearing import KNEES, LIFT, NARROWING, SLOWED, WIDTH
from strut_model.streaming.springs import sprung

Float = npt.NDArray[np.float32]

FASTER = np.float32(2.0)
"""Speed of a foot in the middle of its swing, as a multiple of the body's, about."""
SLOWEST = np.float32(0.8)
"""Metres a second: the same of who stands and steps."""
LEAVING, SWINGING = np.float32(0.1), np.float32(1.0)
"""Shares of that speed at which a foot begins to be lifted, and at which it is lifted in full."""
RUNNING = (np.float32(1.8), np.float32(2.4))
"""Metres a second, without the scene, from which on one runs, and all of it."""
RUN_LIFT, RUN_KNEES = np.float32(0.14), np.float32(np.radians(14.0))
"""Metres and radians that a run slower by a factor e lifts its feet and bends its standing knees less (median of the
shipped student's eight runs in rubble, snow, and up and down)."""
FARTHEST_ASIDE = np.float32(0.3)
"""Metres: no foot is further from the way than this, whatever a history seems to have been narrowed from."""
DEEPEST_BEND = np.float32(0.4)
"""Metres that the pelvis may come down for bent knees, the last of the depths that are tried."""
BEND_DECAY = np.float32(0.2)
"""y of the spring, per frame, that takes the pelvis there: slow, as a window shows little of a gait."""
_TRIED = np.array([0, 0.005, 0.01, 0.02, 0.03, 0.045, 0.07, 0.1, 0.15, 0.22, 0.3, 0.4], np.float32)
_SIDES = np.array([0.5, -0.5], np.float32)


@dataclass(frozen=True)
class Frames:
    """Frames of M characters to be worked on, in place.

    Attributes:
        rotations: (M, T, 22, 4) local, the pelvis' in the canonical frame.
        linear: (M, T, 6) root x, root z, heading, pelvis x, y, z.
    """

    rotations: Float
    linear: Float

    @cached_property
    def legs(self) -> feet.Legs:
        """Forward kinematics of the legs, as the frames were when it was asked for first."""
        return feet.legs_of(self.rotations, self.linear[..., 3:])


@dataclass(frozen=True)
class Last:
    """The frame before the first one: heels and toes (M, 4, 3) and root (M, 2)."""

    places: Float
    root: Float


def concerned(amounts: Float) -> npt.NDArray[np.bool_]:
    """(B,) whose steps amounts (B, T, 11) change."""
    return np.asarray(amounts[..., LIFT : KNEES + 1].any(axis=(1, 2)))


def put_on(frames: Frames, amounts: Float, down: Float, before: Last, back: Float) -> None:
    """Steps as scenes have them, in place.

    Args:
        frames: as the network has them.
        amounts: (M, T, 11), see `streaming.bearing`.
        down: (M, T) metres that the pelvis is let down.
        before: the frame before, as the network saw it.
        back: (M, T) metres that the pelvis goes back.
    """
    legs = frames.legs
    left = _left(frames.linear)
    over, sway = _sideways(legs, frames.linear, left, amounts)
    share = _swing(legs.contact_positions()[..., ::2], frames.linear, before)
    lifted = _lift(frames.linear, amounts)[..., None] * share
    _move(frames, legs, over, lifted, (sway, -down, -back), left)


def take_off(frames: Frames, amounts: Float, down: Float, back: Float) -> None:
    """Steps as the network knows them, in place: undoes what `put_on` did to a history.

    Args:
        frames: as they were on screen.
        amounts: (M, T, 11).
        down: (M, T) metres that the pelvis was let down.
        back: (M, T) metres that it went back.
    """
    legs = frames.legs
    left = _left(frames.linear)
    aside = _aside(legs.ankle_position, frames.linear, left)
    wider = np.exp(-amounts[..., NARROWING])[..., None]
    own = (aside - amounts[..., WIDTH, None] * _SIDES) * wider
    own = np.where(wider > 1, np.clip(own, -FARTHEST_ASIDE, FARTHEST_ASIDE), own)
    shown = _aside(legs.hip_position.mean(axis=2, keepdims=True), frames.linear, left)[..., 0]
    sway = np.clip((wider[..., 0] - 1) * shown, -FARTHEST_ASIDE, FARTHEST_ASIDE)
    lifted = -_lift(frames.linear, amounts)[..., None] * _swing(legs.contact_positions()[..., ::2], frames.linear, None)
    _move(frames, legs, own - aside, lifted, (sway, down, back), left)


def bend(frames: Frames, contacts: Float, amounts: Float, state: Float) -> Float:
    """How far the pelvis is let down over a window, and by how much more each frame, (M, 16, 2).

    Args:
        frames: as the network has them.
        contacts: (M, 16, 4) in [0, 1].
        amounts: (M, 16, 11); what the last frame asks of knees counts.
        state: (M, 2) in the last frame of the history.
    """
    target = (
        _bend_needed(frames, contacts, amounts, state[:, 0])
        if amounts[:, -1, KNEES].any()
        else np.zeros_like(state[:, 0])
    )
    out = sprung(state[:, 0], state[:, 1], target, BEND_DECAY)
    out[..., 0] = np.clip(out[..., 0], np.float32(0.0), DEEPEST_BEND)
    return out


def _bend_needed(frames: Frames, contacts: Float, amounts: Float, now: Float) -> Float:
    """(M,) metres that bend standing knees as is asked; ``now`` for who does not stand in this window, in a flight."""
    radians = amounts[:, -1, KNEES]
    radians = np.where(radians > 0, radians + RUN_KNEES * _lacking(frames.linear, amounts)[:, -1], np.float32(0.0))
    legs = frames.legs
    chord = legs.ankle_position - legs.hip_position
    standing = contacts.reshape(*contacts.shape[:2], 2, 2).max(axis=-1) > np.float32(0.5)
    count = standing.sum(axis=(1, 2))
    weight = standing / np.maximum(count, 1)[:, None, None]

    def flexion(flat: Float, down: Float) -> Float:
        """(M, n) radians, mean over standing legs, with the pelvis (n,) metres lower."""
        height = chord[:, None, ..., 1] + down[:, None, None]
        angles = feet.knee_flexion(np.sqrt(np.square(flat).sum(axis=-1)[:, None] + height * height))
        return np.asarray((angles * weight[:, None]).sum(axis=(2, 3)), np.float32)

    wanted = flexion(chord[..., ::2], _TRIED[:1])[:, 0] + radians
    left = _left(frames.linear)
    over, sway = _sideways(legs, frames.linear, left, amounts)
    moved = chord[..., ::2] + (over - sway[..., None])[..., None] * left[:, :, None]
    found = flexion(moved, _TRIED)
    target = np.array([np.interp(*row, _TRIED) for row in zip(wanted, found, strict=True)], np.float32)
    target = np.where(radians > 0, target, np.float32(0.0))
    return np.where((count > 0) | (radians <= 0), target, now)


def bent_before(state: Float) -> Float:
    """(M, 8) metres that the pelvis was let down in the frames of histories, from (M, 2) at their last ones."""
    past = np.arange(1 - HISTORY, 1, dtype=np.float32)
    return np.clip(state[:, :1] + state[:, 1:2] * past, np.float32(0.0), DEEPEST_BEND)


def _lacking(linear: Float, amounts: Float) -> Float:
    """(M, T) by how much a run is slower than without the scene, as a logarithm; 0 for who walks."""
    way = linear[:, -1, :2] - linear[:, 0, :2]
    speed = np.hypot(way[:, 0], way[:, 1]) * np.float32(FPS / (linear.shape[1] - 1))
    slowed = amounts[..., SLOWED]
    runs = (speed[:, None] * np.exp(slowed) - RUNNING[0]) / (RUNNING[1] - RUNNING[0])
    return np.asarray(slowed * np.clip(runs, np.float32(0.0), np.float32(1.0)), np.float32)


def _lift(linear: Float, amounts: Float) -> Float:
    """(M, T) metres that feet in the middle of a swing are lifted by."""
    own = amounts[..., LIFT]
    return np.where(own > 0, own + RUN_LIFT * _lacking(linear, amounts), own)


def _left(linear: Float) -> Float:
    """(M, T, 2) unit vectors to the root's left."""
    return np.stack((np.cos(linear[..., 2]), -np.sin(linear[..., 2])), axis=-1)


def _aside(places: Float, linear: Float, left: Float) -> Float:
    """(M, T, n) metres that places (M, T, n, 3) are to the left of the root."""
    away = places[..., ::2] - linear[..., None, :2]
    return np.asarray((away * left[:, :, None]).sum(axis=-1), np.float32)


def _sideways(legs: feet.Legs, linear: Float, left: Float, amounts: Float) -> tuple[Float, Float]:
    """How far to the left feet (M, T, 2) and the pelvis (M, T) go for steps of another width."""
    narrowing = np.exp(amounts[..., NARROWING])[..., None]
    over = (narrowing - 1) * _aside(legs.ankle_position, linear, left) + amounts[..., WIDTH, None] * _SIDES
    return over, (narrowing[..., 0] - 1) * _aside(legs.hip_position.mean(axis=2, keepdims=True), linear, left)[..., 0]


def _swing(places: Float, linear: Float, before: Last | None) -> Float:
    """(M, T, 2) how much each foot swings, 0 to 1, by the places (M, T, 4, 2) of heels and toes.

    The first frame's speed is taken for the second's where nothing is known of the frame before.
    """
    root = linear[..., :2]
    if before is None:
        steps, way = np.diff(places, axis=1), np.diff(root, axis=1)
        steps, way = np.concatenate((steps[:, :1], steps), axis=1), np.concatenate((way[:, :1], way), axis=1)
    else:
        steps = np.diff(places, axis=1, prepend=before.places[:, None, :, ::2])
        way = np.diff(root, axis=1, prepend=before.root[:, None])
    # A foot that rolls over its toes swings only when they leave, too.
    speed = np.sqrt(np.square(steps).sum(axis=-1)).reshape(*steps.shape[:2], 2, 2).min(axis=-1) * np.float32(FPS)
    usual = np.sqrt(np.square(way).sum(axis=-1)) * (FASTER * np.float32(FPS))
    share = speed / np.maximum(usual, SLOWEST)[..., None]
    share = np.clip((share - LEAVING) / (SWINGING - LEAVING), np.float32(0.0), np.float32(1.0))
    return np.asarray(share * share * (np.float32(3.0) - np.float32(2.0) * share), np.float32)


def _move(
    frames: Frames, legs: feet.Legs, over: Float, up: Float, pelvis: tuple[Float, Float, Float], left: Float
) -> None:
    """Move feet by (M, T, 2) metres to the left and up, the pelvis by (M, T) to the left, up and ahead, in place."""
    corrections = np.zeros((*over.shape[:2], 2, 3), np.float32)
    corrections[..., ::2] = over[..., None] * left[:, :, None]
    corrections[..., 1] = up
    shift = np.zeros((*over.shape[:2], 3), np.float32)
    ahead = np.stack((-left[..., 1], left[..., 0]), axis=-1)
    shift[..., ::2] = pelvis[0][..., None] * left + pelvis[2][..., None] * ahead
    shift[..., 1] = pelvis[1]
    frames.linear[..., 3:] += shift
    corrections -= shift[:, :, None]
    feet.move_feet(frames.rotations, legs.moved(shift), np.repeat(corrections, 2, axis=2))
