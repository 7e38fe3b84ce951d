"""The edit operators: tempo, amplitude, mirror, blend of parts, exaggeration.

Each takes a clip and gives a new one; an amount that is neutral gives back the clip itself. Feet that stand keep
standing: stances are carried along as a whole, and legs are bent to where the feet are (`scene.gait`, `scene.legs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from strut_model import rotations as rot
from strut_model.bundle import Bundle, load_bundle
from strut_model.calibration import mean_rotation
from strut_model.clip import Clip
from strut_model.data.synthesis.footing import Feet
from strut_model.data.synthesis.takes import Array, Take, blend, smoothstep
from strut_model.edit.alignment import aligned_times
from strut_model.scene.gait import Gait, swing_profile, swings
from strut_model.scene.legs import step_length
from strut_model.skeleton import CONTACT_MIRROR, MIRROR, PART_JOINTS, PART_NAMES

FEWEST_FRAMES = 8
TEMPO = (0.25, 4.0)
AMPLITUDE = (0.0, 2.0)
WEIGHT = (0.0, 1.0)
LARGEST_STEP = 1.3
"""Factor on the length of steps beyond which legs do not reach."""
LARGEST_TURN = 1.2
"""Radians that an operator turns a joint by at most, beyond which arms go through bodies."""
EASED_FRAMES = 12
"""Frames in which the seam of a clip that is played over and over is eased out."""
_LEGS = ("left_leg", "right_leg")


class EditError(ValueError):
    """An edit that cannot be done; the message names the field, its value and what is allowed."""


@dataclass(frozen=True)
class Edited:
    """A clip under edit.

    Attributes:
        clip: T frames.
        times: (T,) which frame of the clip that was given each frame comes from, in frames.
    """

    clip: Clip
    times: Array

    @staticmethod
    def of(clip: Clip) -> Edited:
        """A clip before its first edit.

        Raises:
            EditError: it is too short.
        """
        if clip.frames < FEWEST_FRAMES:
            raise EditError(f"clip: {clip.name} has {clip.frames} frames; allowed: {FEWEST_FRAMES} or more")
        return Edited(clip, np.arange(clip.frames, dtype=np.float64))

    def with_gait(self, gait: Gait, times: Array | None = None) -> Edited:
        """The frames of a changed gait under the same labels."""
        clip = replace(
            self.clip,
            pelvis=gait.take.pelvis.astype(np.float32),
            rotations=gait.take.rotations.astype(np.float32),
            contacts=np.clip(gait.contacts, 0, 1).astype(np.float32),
        )
        return Edited(clip, self.times if times is None else times)


class Operator(Protocol):
    """One edit."""

    def apply(self, edited: Edited) -> Edited:
        """The clip after this edit."""
        ...

    def describe(self) -> str:
        """What it does, as `strut edit` names it."""
        ...


@dataclass(frozen=True)
class Tempo:
    """All of the motion at another tempo; path, steps and contacts stay where they are, sooner or later.

    Attributes:
        factor: 1 as it is, above it faster, below it slower.
    """

    factor: float

    def __post_init__(self) -> None:
        _check("tempo.factor", self.factor, TEMPO)

    def apply(self, edited: Edited) -> Edited:
        """See `Operator`."""
        gait = Gait.of(edited.clip)
        if self.factor == 1.0:
            return edited
        times = np.arange(0, gait.frames - 1 + 1e-9, self.factor)
        if len(times) < FEWEST_FRAMES:
            raise EditError(
                f"tempo.factor: {self.factor:g} leaves {len(times)} of {gait.frames} frames; allowed: a factor that "
                f"leaves {FEWEST_FRAMES} or more"
            )
        faster = gait.at(times)
        # Feet go on straight lines between their frames, so that what stood still does: splines swing past it.
        feet = Feet.of(gait.take)
        frames = np.arange(gait.frames)
        low = np.minimum(times.astype(np.int64), gait.frames - 2)
        share = times - low
        ankles = np.stack(
            [
                np.stack([np.interp(times, frames, feet.ankles[:, side, axis]) for axis in range(3)], axis=-1)
                for side in range(2)
            ],
            axis=1,
        )
        soles = rot.slerp(feet.soles[low], feet.soles[low + 1], np.broadcast_to(share[:, None], (len(times), 2)))
        return edited.with_gait(faster.with_feet(Feet(ankles, soles)), _carried(edited.times, times))

    def describe(self) -> str:
        """See `Operator`."""
        return f"{'faster' if self.factor > 1 else 'slower'} {self.factor:g}"


@dataclass(frozen=True)
class Amplitude:
    """Movements larger or smaller, about their mean.

    Arms and torso swing that much further about their mean pose. Feet swing that much further from the straight way
    between two stances; with both legs, steps are longer, too, and the path with them (`step_length`, up to 1.3).

    Attributes:
        factor: 1 as it is, above it larger, 0 still.
        parts: body parts, all by default.
    """

    factor: float
    parts: tuple[str, ...] = PART_NAMES

    def __post_init__(self) -> None:
        _check("amplitude.factor", self.factor, AMPLITUDE)
        _check_parts("amplitude.parts", self.parts)

    def apply(self, edited: Edited) -> Edited:
        """See `Operator`."""
        if self.factor == 1.0:
            return edited
        gait = Gait.of(edited.clip)
        rotations = gait.take.rotations.copy()
        for joint in _upper_joints(self.parts):
            mean = mean_rotation(rotations[:, joint])
            rotations[:, joint] = _further(mean, rotations[:, joint], self.factor)
        # The mean pose of the trunk stays, so the feet are still within reach.
        gait = gait.with_feet(Feet.of(gait.take), Take(gait.take.pelvis, rotations))
        gait = lifted(gait, self.factor, self.parts)
        if set(_LEGS) <= set(self.parts):
            gait = step_length(gait, min(self.factor, LARGEST_STEP))
        return edited.with_gait(gait)

    def describe(self) -> str:
        """See `Operator`."""
        return f"{'larger' if self.factor > 1 else 'smaller'} {self.factor:g}{_parts_text(self.parts)}"


@dataclass(frozen=True)
class Mirror:
    """Left and right swapped, about the vertical plane through where the clip begins and faces."""

    def apply(self, edited: Edited) -> Edited:
        """See `Operator`."""
        clip = edited.clip
        root = clip.motion()
        place, heading = root.root_position[0].astype(np.float64), float(root.root_heading[0])
        local = clip.pelvis.astype(np.float64)
        ground = rot.rotate_ground(-heading, local[:, [0, 2]] - place) * np.array([-1.0, 1.0])
        ground = rot.rotate_ground(heading, ground) + place
        turn = rot.heading_rotation(np.array(heading))
        rotations = clip.rotations.astype(np.float64)
        rotations[:, 0] = rot.multiply(rot.inverse(turn), rotations[:, 0])
        rotations = rotations[:, MIRROR] * np.array([1.0, -1.0, -1.0, 1.0])
        rotations[:, 0] = rot.multiply(turn, rotations[:, 0])
        mirrored = replace(
            clip,
            pelvis=np.stack((ground[:, 0], local[:, 1], ground[:, 1]), axis=-1).astype(np.float32),
            rotations=rotations.astype(np.float32),
            contacts=clip.contacts[:, CONTACT_MIRROR],
        )
        return Edited(mirrored, edited.times)

    def describe(self) -> str:
        """See `Operator`."""
        return "mirror"


@dataclass(frozen=True)
class Blend:
    """Parts of the body as in another clip, whose steps are brought to the time of this clip's.

    Path, stances and the pelvis stay this clip's; of legs the swings are taken over.

    Attributes:
        other: the clip that the parts come from.
        parts: body parts that are taken over.
        weight: share of the other clip, 0 to 1.
    """

    other: Clip
    parts: tuple[str, ...] = ("left_arm", "right_arm")
    weight: float = 1.0

    def __post_init__(self) -> None:
        _check("blend.weight", self.weight, WEIGHT)
        _check_parts("blend.parts", self.parts)

    def apply(self, edited: Edited) -> Edited:
        """See `Operator`."""
        if self.weight == 0.0:
            return edited
        gait, other = Gait.of(edited.clip), Gait.of(Edited.of(self.other).clip)
        times = aligned_times(gait, other)
        there = _without_jumps(other.take.at(times), times)
        rotations = gait.take.rotations.copy()
        joints = [joint for part in self.parts for joint in PART_JOINTS[PART_NAMES.index(part)] if joint != 0]
        both = blend(
            Take(gait.take.pelvis, rotations),
            Take(gait.take.pelvis, there.rotations),
            np.full(gait.frames, self.weight),
        )
        rotations[:, joints] = both.rotations[:, joints]
        taken = Take(gait.take.pelvis, rotations)
        return edited.with_gait(standing_as(gait, taken, tuple(part in self.parts for part in _LEGS)))

    def describe(self) -> str:
        """See `Operator`."""
        return f"blend {self.other.name} {self.weight:g}{_parts_text(self.parts)}"


@dataclass(frozen=True)
class Exaggerate:
    """The pose further from standing at ease, and the feet's swings with it; path, stances and timing stay.

    Attributes:
        factor: 1 as it is, above it more, below it less.
        parts: body parts, all by default.
        bundle: whose idle pose is at ease; the one that ships with the package when None.
    """

    factor: float
    parts: tuple[str, ...] = PART_NAMES
    bundle: Bundle | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check("exaggerate.factor", self.factor, AMPLITUDE)
        _check_parts("exaggerate.parts", self.parts)

    def apply(self, edited: Edited) -> Edited:
        """See `Operator`."""
        if self.factor == 1.0:
            return edited
        gait = Gait.of(edited.clip)
        bundle = load_bundle() if self.bundle is None else self.bundle
        at_ease = bundle.idle.rotations[-1].astype(np.float64)
        rotations = gait.take.rotations.copy()
        for joint in _upper_joints(self.parts):
            rotations[:, joint] = _further(at_ease[joint], rotations[:, joint], self.factor)
        gait = gait.with_feet(Feet.of(gait.take), Take(gait.take.pelvis, rotations))
        return edited.with_gait(lifted(gait, self.factor, self.parts))

    def describe(self) -> str:
        """See `Operator`."""
        return f"exaggerate {self.factor:g}{_parts_text(self.parts)}"


def apply_operators(clip: Clip, operators: Sequence[Operator]) -> Edited:
    """A clip after several edits, one after the other.

    Raises:
        EditError: the clip is too short, or an operator leaves too little of it.
    """
    edited = Edited.of(clip)
    for operator in operators:
        edited = operator.apply(edited)
    return edited


def lifted(gait: Gait, factor: float, parts: Sequence[str]) -> Gait:
    """Feet that swing ``factor`` times as far from the straight way between their stances; stances stay."""
    chosen = [side for side, part in enumerate(_LEGS) if part in parts]
    feet = Feet.of(gait.take)
    ankles = feet.ankles.copy()
    for side in chosen:
        for start, stop in swings(gait.stances[side]):
            before, after = ankles[start - 1, side], ankles[stop, side]
            share = (np.arange(start, stop) - start + 1)[:, None] / (stop - start + 1)
            # As far along as the foot really is, so that only what is off the way grows.
            way = after - before
            length = float((way[[0, 2]] ** 2).sum())
            if length > 0.05**2:
                along = ((feet.ankles[start:stop, side] - before)[:, [0, 2]] * way[[0, 2]]).sum(axis=-1) / length
                share = np.clip(along, 0.0, 1.0)[:, None]
            line = before + share * way
            ankles[start:stop, side] = line + factor * (feet.ankles[start:stop, side] - line)
    return gait.with_feet(Feet(ankles, feet.soles))


def standing_as(gait: Gait, take: Take, swung: tuple[bool, ...] = (True, True)) -> Gait:
    """A changed take with the feet of a gait wherever those stand; between stances the take's own, eased.

    Args:
        gait: says when and where feet stand.
        take: as many frames.
        swung: for each foot whether its swings are the take's; else they are the gait's, too.
    """
    wanted, feet = Feet.of(gait.take), Feet.of(take)
    ankles, soles = wanted.ankles.copy(), wanted.soles.copy()
    free = swing_profile(gait)
    for side, own in enumerate(swung):
        if not own or not gait.stances[side]:
            continue
        share = free[:, side]
        # Where swings begin and end the two are a little apart; the difference goes over from one to the other.
        ankles[:, side] = wanted.ankles[:, side] + share[:, None] * (feet.ankles[:, side] - wanted.ankles[:, side])
        soles[:, side] = rot.slerp(wanted.soles[:, side], feet.soles[:, side], share)
    return gait.with_feet(Feet(ankles, soles), take)


def _upper_joints(parts: Sequence[str]) -> list[int]:
    """Joints of arms and torso among parts; the pelvis carries the legs and stays."""
    chosen = [PART_NAMES.index(part) for part in parts if part not in _LEGS]
    return [joint for part in chosen for joint in PART_JOINTS[part] if joint != 0]


def _further(pose: Array, q: Array, factor: float) -> Array:
    """Rotations (T, 4) ``factor`` times as far from a pose (4,), up to a limit."""
    away = rot.to_axis_angle(rot.multiply(rot.inverse(np.broadcast_to(pose, q.shape)), q))
    more = (factor - 1) * away
    length = np.linalg.norm(more, axis=-1, keepdims=True)
    if factor > 1:
        # Softly up to the limit, so that nothing stops dead there.
        more = more * (LARGEST_TURN * np.tanh(length / LARGEST_TURN) / np.maximum(length, 1e-9))
    return rot.normalise(rot.multiply(q, rot.from_axis_angle(more)))


def _without_jumps(take: Take, times: Array) -> Take:
    """A take whose frames were played over and over, with what is left over at each return eased out after it."""
    rotations = take.rotations.copy()
    for seam in (np.flatnonzero(np.diff(times) < 0) + 1).tolist():
        count = min(EASED_FRAMES, take.frames - seam)
        left = 1 - smoothstep(np.arange(count) / EASED_FRAMES)
        offset = rot.to_axis_angle(rot.multiply(rotations[seam - 1], rot.inverse(rotations[seam])))
        turns = rot.from_axis_angle(left[:, None, None] * offset)
        rotations[seam : seam + count] = rot.multiply(turns, rotations[seam : seam + count])
    return Take(take.pelvis, rot.normalise(rotations))


def _carried(times: Array, at: Array) -> Array:
    return np.interp(at, np.arange(len(times)), times)


def _check(name: str, value: float, allowed: tuple[float, float]) -> None:
    if not allowed[0] <= value <= allowed[1]:
        raise EditError(f"{name}: {value:g} is out of range; allowed: {allowed[0]:g} to {allowed[1]:g}")


def _check_parts(name: str, parts: Sequence[str]) -> None:
    unknown = [part for part in parts if part not in PART_NAMES]
    if unknown or not parts:
        raise EditError(f"{name}: {', '.join(unknown) or 'none'}; allowed: {', '.join(PART_NAMES)}")


def _parts_text(parts: Sequence[str]) -> str:
    return "" if set(parts) == set(PART_NAMES) else " " + ",".join(parts)
