"""A restyled clip out of its source and two generated motions: one in the source's style, one in the other.

What distinguishes the source from the motion that was generated in its own style is its own (the performer, the take);
it is kept, in part, on what was generated in the other style. Root, stances and their times are the source's.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.data.synthesis.footing import Feet, Stances, planted
from strut_model.data.synthesis.takes import Take, blend, smoothstep
from strut_model.motion import Motion, explicit_root
from strut_model.skeleton import CONTACT_REST_HEIGHTS, JOINT_INDEX, PART_JOINTS, PART_NAMES, REST_OFFSETS

KEPT_CLEARANCE = 0.4
"""Share of the source's clearance of a swinging foot that a restyled one has at least, so that it is no stance."""
TOE_CLEARANCE = 0.008
"""Metres that swinging toes are above their height in stance at least."""
LARGEST_MOVE, LARGEST_YAW = 0.15, 0.6
"""Metres and radians that a stance is moved and turned by at most."""
_TOE = REST_OFFSETS[JOINT_INDEX["left_foot"]].astype(np.float64)
_LEGS = ("left_leg", "right_leg")


def at_times(motion: Motion, times: NDArray[np.floating]) -> Motion:
    """A motion at fractional frames (N,): in between joints by slerp; its root stays out of it (zeros)."""
    times = np.clip(times, 0, motion.frames - 1)
    low = np.minimum(times.astype(np.int64), max(motion.frames - 2, 0))
    high = np.minimum(low + 1, motion.frames - 1)
    share = times - low
    rotations = motion.rotations.astype(np.float64)
    joints = np.broadcast_to(share[:, None], (len(times), rotations.shape[1]))
    pelvis = motion.pelvis.astype(np.float64)
    return Motion(
        np.zeros((len(times), 2)),
        np.zeros(len(times)),
        pelvis[low] + (pelvis[high] - pelvis[low]) * share[:, None],
        rot.slerp(rotations[low], rotations[high], joints),
        np.zeros((len(times), 4)),
    )


def composed(source: Motion, own: Motion, other: Motion, keep: float, parts: Sequence[str]) -> Take:
    """The source's frames with what the other style changes, along the source's root; feet as they fall.

    Args:
        source: (T) frames in the world.
        own: (T) frames generated in the source's style, in step with it; only what is relative to the root counts.
        other: the same in the other style.
        keep: share of what is the source's own that is kept, 0 to 1.
        parts: body parts that are changed.
    """
    mine = source.rotations.astype(np.float64)
    away = rot.multiply(rot.inverse(own.rotations), mine)
    if keep < 1:
        away = rot.from_axis_angle(keep * rot.to_axis_angle(away))
    rotations = rot.normalise(rot.multiply(other.rotations, away))
    pelvis = other.pelvis + keep * (source.pelvis.astype(np.float64) - own.pelvis)
    kept = [joint for name, part in zip(PART_NAMES, PART_JOINTS) if name not in parts for joint in part]
    rotations[:, kept] = mine[:, kept]
    if "torso" not in parts:
        pelvis = source.pelvis.astype(np.float64)
    moved = Motion(
        source.root_position.astype(np.float64),
        source.root_heading.astype(np.float64),
        pelvis,
        rotations,
        source.contacts,
    )
    take = Take(moved.world_pelvis(), moved.world_rotations())
    return on_path(take, Take(source.world_pelvis().astype(np.float64), source.world_rotations().astype(np.float64)))


def on_path(take: Take, source: Take) -> Take:
    """The take moved on the ground so that its body goes where the source's went, sway aside."""
    nothing = np.zeros((take.frames, 4))
    there = explicit_root(source.pelvis, source.rotations, nothing).root_position
    here = explicit_root(take.pelvis, take.rotations, nothing).root_position
    pelvis = take.pelvis.copy()
    pelvis[:, [0, 2]] += there - here
    return Take(pelvis, take.rotations)


def stood(source: Take, own: Take, other: Take, stances: Stances, parts: Sequence[str], share: float = 1.0) -> Feet:
    """The source's feet, each stance moved and turned on the ground as the other style has it against the own one.

    A stance is moved as a whole, so that the foot stands still, and leaves and meets the ground as it did.

    Args:
        source: T frames.
        own, other: the source as the two styles have it.
        stances: of the source.
        parts: feet of legs that are not among them stay where they are.
        share: of the move.
    """
    feet, here, there = Feet.of(source), Feet.of(own), Feet.of(other)
    ankles, soles = feet.ankles.copy(), feet.soles.copy()
    for side, runs in enumerate(stances):
        if _LEGS[side] not in parts:
            continue
        for start, stop in runs:
            first = start + (stop - start) // 4
            middle = slice(first, max(stop - (stop - start) // 4, first + 1))
            move = share * (there.ankles - here.ankles)[middle, side][:, [0, 2]].mean(axis=0)
            length = float(np.linalg.norm(move))
            move *= min(1.0, LARGEST_MOVE / max(length, 1e-9))
            yaw = rot.wrap_angle(rot.heading_of(there.soles[middle, side]) - rot.heading_of(here.soles[middle, side]))
            turn = float(np.clip(share * yaw.mean(), -LARGEST_YAW, LARGEST_YAW))
            centre = feet.ankles[middle, side].mean(axis=0)
            offset = feet.ankles[start:stop, side][:, [0, 2]] - centre[[0, 2]]
            ankles[start:stop, side, ::2] = centre[[0, 2]] + move + rot.rotate_ground(np.array(turn), offset)
            heading = np.broadcast_to(rot.heading_rotation(np.array(turn)), (stop - start, 4))
            soles[start:stop, side] = rot.multiply(heading, feet.soles[start:stop, side])
    return Feet(ankles, soles)


def standing(take: Take, source: Take, wanted: Feet, stances: Stances, parts: Sequence[str]) -> Take:
    """The take with its feet where they are to stand, when the source's stand; swings are the take's, led to and fro.

    Args:
        take: T frames.
        source: as many.
        wanted: feet in stances (`stood`); elsewhere the source's.
        stances: of the source.
        parts: legs that are not among them swing as the source's, too.
    """
    feet, given = Feet.of(take), Feet.of(source)
    ankles, soles = wanted.ankles.copy(), wanted.soles.copy()
    for side, runs in enumerate(stances):
        if _LEGS[side] not in parts:
            continue
        for start, stop, before, after in _swings(runs, take.frames):
            frames = np.arange(start, stop)
            ends = [edge for edge in (before, after) if edge is not None]
            if not ends:
                ankles[frames, side], soles[frames, side] = feet.ankles[frames, side], feet.soles[frames, side]
                continue
            first, last = ends[0], ends[-1]
            share = smoothstep((frames - first) / max(last - first, 1)) if len(ends) == 2 else np.zeros(len(frames))
            apart = wanted.ankles[:, side] - feet.ankles[:, side]
            turned = rot.multiply(wanted.soles[:, side], rot.inverse(feet.soles[:, side]))
            shift = apart[first] + share[:, None] * (apart[last] - apart[first])
            turn = rot.slerp(
                np.repeat(turned[first : first + 1], len(frames), axis=0),
                np.repeat(turned[last : last + 1], len(frames), axis=0),
                share,
            )
            place = feet.ankles[frames, side] + shift
            sole = rot.multiply(turn, feet.soles[frames, side])
            if len(ends) == 2:
                line = wanted.ankles[first, side, 1] * (1 - share) + wanted.ankles[last, side, 1] * share
                least = line + KEPT_CLEARANCE * (given.ankles[frames, side, 1] - line)
                place[:, 1] = np.maximum(place[:, 1], least)
            else:
                # Beyond the last stance there is nothing to be led to: over to the source's own way.
                fade = smoothstep(np.abs(frames - first) / 12.0)[:, None]
                place = place + fade * (feet.ankles[frames, side] - place)
            toes = place[:, 1] + rot.rotate(sole, np.broadcast_to(_TOE, place.shape))[:, 1]
            eased = 1.0 if len(ends) < 2 else np.sin(np.pi * np.clip((frames - first) / max(last - first, 1), 0, 1))
            place[:, 1] += np.maximum(CONTACT_REST_HEIGHTS[1] + TOE_CLEARANCE * eased - toes, 0.0)
            ankles[frames, side], soles[frames, side] = place, sole
    return planted(take, Feet(ankles, soles))


def joined(before: Take, after: Take, source: Take) -> Take:
    """From one take to another over all of their frames; feet go over as they are, on straight ways.

    Args:
        before, after: T frames of the same stretch, both with the source's stances.
        source: the same stretch, for its number of frames.
    """
    weight = smoothstep((np.arange(source.frames) + 0.5) / source.frames)
    a, b = Feet.of(before), Feet.of(after)
    ankles = a.ankles + weight[:, None, None] * (b.ankles - a.ankles)
    soles = rot.slerp(a.soles, b.soles, np.broadcast_to(weight[:, None], a.soles.shape[:2]))
    return planted(blend(before, after, weight), Feet(ankles, soles))


def _swings(runs: list[tuple[int, int]], frames: int) -> list[tuple[int, int, int | None, int | None]]:
    """[start, stop) of what is no stance of a foot, with the last frame of the stance before and the first after."""
    out: list[tuple[int, int, int | None, int | None]] = []
    edges = [(None, None), *runs, (None, None)]
    for (_, stop), (start, _) in itertools.pairwise(edges):
        first, last = (0 if stop is None else stop), (frames if start is None else start)
        if last > first:
            out.append((first, last, None if stop is None else stop - 1, start))
    return out
