"""A captured walk over uneven ground, and the student's walk over the same ground along the same path.

The ground under the capture is not known: it is made of the places where the feet stood, each at the height of its
sole, with steps half way between one and the next along the path.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.clip import Clip
from strut_model.contacts import stance_runs
from strut_model.heights import HeightField
from strut_model.motion import Motion
from strut_model.skeleton import CONTACT_REST_HEIGHTS, FPS, JOINT_INDEX
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.ground import Grounds, laid
from strut_model.streaming.rollout import idle_history, rollout

Array = NDArray[np.floating]

STANDING_SPEED = 0.35
"""Metres a second below which a foot stands."""
_SHORTEST = 4
_SPACING = 0.05
_TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]


@dataclass(frozen=True)
class Footing:
    """A foot that stood: which, frames [start, stop), its toe's place (2,) and the ground's height there, metres."""

    side: int
    start: int
    stop: int
    place: Array
    height: float


@dataclass(frozen=True)
class GroundFigures:
    """What a walk does over a ground.

    Attributes:
        clearance: (n,) metres that a toe rises above the higher of the two footholds, for each swing between two.
        pelvis_range: metres from the pelvis' lowest to its highest.
        pelvis_over_ground: metres, standard deviation of the pelvis' height above the mean of both feet's ground.
        pelvis: (T,) metres.
    """

    clearance: Array
    pelvis_range: float
    pelvis_over_ground: float
    pelvis: Array


def footings(motion: Motion) -> list[Footing]:
    """Where the feet of a walk (T,) stood, in the order of time."""
    toes = motion.positions()[:, _TOES]
    found = []
    for side in range(2):
        step = np.linalg.norm(np.diff(toes[:, side], axis=0, prepend=toes[1:2, side]), axis=1)
        for start, stop in stance_runs(step * FPS < STANDING_SPEED, _SHORTEST):
            place = np.median(toes[start:stop, side], axis=0)
            height = float(place[1] - CONTACT_REST_HEIGHTS[1])
            found.append(Footing(side, start, stop, place[[0, 2]], height))
    return sorted(found, key=lambda footing: footing.start)


def ground_of(motion: Motion, feet: Sequence[Footing]) -> HeightField:
    """The ground under a walk as its footholds show it: level across the path, with a step between each two."""
    begin, end = motion.root_position[0], motion.root_position[-1]
    way = (end - begin) / np.linalg.norm(end - begin)
    order = sorted(feet, key=lambda footing: float((footing.place - begin) @ way))
    along = np.array([float((footing.place - begin) @ way) for footing in order])
    heights = np.array([footing.height for footing in order])
    edges = (along[1:] + along[:-1]) / 2
    line = np.arange(-1.0, float(np.linalg.norm(end - begin)) + 1.0, _SPACING)
    level = heights[np.searchsorted(edges, line)]
    heading = float(np.arctan2(way[0], way[1]))
    side = np.array([way[1], -way[0]])
    origin = begin - 2.0 * side - 1.0 * way
    return HeightField(origin, np.array(heading), _SPACING, np.repeat(level[:, None], int(4.0 / _SPACING), axis=1))


def figures(motion: Motion, feet: Sequence[Footing]) -> GroundFigures:
    """What a walk (T,) does over the footholds of its feet."""
    toes = motion.positions()[:, _TOES, 1]
    clearance, ground = [], np.zeros((motion.frames, 2))
    for side in range(2):
        own = [footing for footing in feet if footing.side == side]
        frames = np.array([(footing.start + footing.stop) / 2 for footing in own])
        ground[:, side] = np.interp(np.arange(motion.frames), frames, [footing.height for footing in own])
        for before, after in itertools.pairwise(own):
            apex = toes[before.stop : max(after.start, before.stop + 1), side].max()
            clearance.append(apex - CONTACT_REST_HEIGHTS[1] - max(before.height, after.height))
    pelvis = motion.pelvis[:, 1]
    over = pelvis - ground.mean(axis=1)
    return GroundFigures(np.array(clearance), float(np.ptp(pelvis)), float(over.std()), pelvis)


def compare(clip: Clip, generator: MotionGenerator, style: str, content: str) -> tuple[GroundFigures, GroundFigures]:
    """The figures of a captured walk, and of the student's along the same path and over the same ground.

    Raises:
        ValueError: the feet stand fewer than three times.
    """
    real = clip.motion()
    feet = footings(real)
    if len(feet) < 3:
        raise ValueError(f"clip: the feet of {clip.name} stand {len(feet)} times; allowed: 3 or more")
    field = ground_of(real, feet)
    bundle = generator.bundle
    start = idle_history(generator, 1).transformed(real.root_position[None, 0], real.root_heading[None, 0])
    history = Motion.stack([laid(field, start[0])])
    walked = rollout(
        generator,
        history,
        real.root_position[None].astype(np.float32),
        real.root_heading[None].astype(np.float32),
        bundle.style_vectors[[bundle.style_index[style]]],
        bundle.content_vectors[[bundle.content_index[content]]],
        ground=Grounds.of([field]),
    )[0]
    return figures(real, feet), figures(walked, footings(walked))
