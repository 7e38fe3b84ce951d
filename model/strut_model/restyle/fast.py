"""Fast restyling: a clip made anew, stretch by stretch, by the student, and brought in step with its source.

Each stretch is generated twice with the same noise along the source's path, in the source's own style and in the other
one (`composing`), with a run-up in which the style settles. Steps of both are brought to the times of the source's
steps; path, stances and contacts are the source's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.bundle import Bundle
from strut_model.clip import Clip
from strut_model.data.synthesis.footing import Stances
from strut_model.data.synthesis.footing import standing as stances_in
from strut_model.data.synthesis.takes import Take, blend
from strut_model.edit.alignment import step_times
from strut_model.features import HISTORY
from strut_model.motion import Motion
from strut_model.restyle.composing import at_times, composed, joined, standing, stood
from strut_model.restyle.recognition import Recognised
from strut_model.scene.gait import stances_of
from strut_model.skeleton import PART_NAMES
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.rollout import rollout

Array = NDArray[np.floating]
Float = NDArray[np.float32]

STRETCH = 120
"""Frames that are made at a time."""
OVERLAP = 16
"""Frames in which a stretch goes over into the next."""
RUN_UP, RUN_OUT = 48, 16
"""Frames that are generated before a stretch, for the style to settle, and after it."""
REPLAN = 8
"""Frames of each window that are used."""
KEEP = 0.3
"""Share of what is the source's own that is kept at an amount of 1."""
FEWEST_FRAMES = 8


class RestyleError(ValueError):
    """A restyling that cannot be done; the message names the field, its value and what is allowed."""


@dataclass(frozen=True)
class Asked:
    """What a clip shall become.

    Attributes:
        style: (5, S) the style's vector.
        style_guidance: its guidance weight.
        amount: 0 leaves the clip as it is, 1 restyles it fully.
        parts: body parts that are restyled.
        seed: chooses among the motions that fit.
        steps: network evaluations a window.
        keep: share of what is the source's own that is kept.
    """

    style: Float
    style_guidance: float
    amount: float = 1.0
    parts: tuple[str, ...] = PART_NAMES
    seed: int = 0
    steps: int = 2
    keep: float = KEEP

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= 1:
            raise RestyleError(f"amount: {self.amount:g} is out of range; allowed: 0 to 1")
        unknown = [part for part in self.parts if part not in PART_NAMES]
        if unknown or not self.parts:
            raise RestyleError(f"parts: {', '.join(unknown) or 'none'}; allowed: {', '.join(PART_NAMES)}")


@dataclass(frozen=True)
class Stretch:
    """Frames that are generated at a time, run-up and run-out included.

    Attributes:
        first: number of its first frame in the clip; below 0 in the run-up to the clip.
        history: (8) frames before it.
        position: (T, 2) metres, the asked path; heading: (T,) radians.
        phase: (T, 3) a gesture's phase.
        source: (8 + T) frames of the source with its history, where the clip has them, else held.
    """

    first: int
    history: Motion
    position: Array
    heading: Array
    phase: Float
    source: Motion


class Sampler(Protocol):
    """Generates a stretch in several styles."""

    bundle: Bundle

    def sample(self, stretch: Stretch, shown: Recognised, styles: Float, asked: Asked) -> Motion:
        """(N, T) frames for N styles (N, 5, S), in the space of the path."""
        ...


class StudentSampler:
    """The streaming student, window by window, as in a server.

    Args:
        generator: with its bundle.
    """

    def __init__(self, generator: MotionGenerator) -> None:
        self.generator = generator
        self.bundle = generator.bundle

    def sample(self, stretch: Stretch, shown: Recognised, styles: Float, asked: Asked) -> Motion:
        """See `Sampler`."""
        count = len(styles)
        weights = np.array([asked.style_guidance, self.bundle.manifest.content_guidance.default], np.float32)
        return rollout(
            self.generator,
            Motion.stack([stretch.history] * count),
            np.repeat(stretch.position[None].astype(np.float32), count, axis=0),
            np.repeat(stretch.heading[None].astype(np.float32), count, axis=0),
            styles,
            np.repeat(shown.content[None], count, axis=0),
            phase=np.repeat(stretch.phase[None], count, axis=0),
            guidance=np.repeat(weights[None], count, axis=0),
            # The same noise for all: what differs is the style.
            seed=np.full(count, asked.seed, np.uint64),
            steps=asked.steps,
            frames_per_window=REPLAN,
        )


@dataclass(frozen=True)
class Part:
    """The next frames of a restyled clip.

    Attributes:
        start: number of the first one in the clip.
        take: the frames.
        contacts: (T, 4) of these frames.
        progress: share of the clip that is done with them.
    """

    start: int
    take: Take
    contacts: Float
    progress: float


def restyle_parts(clip: Clip, shown: Recognised, asked: Asked, sampler: Sampler) -> Iterator[Part]:
    """A restyled clip, part by part as it is made.

    Args:
        clip: the source, at 30 frames a second.
        shown: what it shows.
        asked: what it shall become.
        sampler: generates.

    Raises:
        RestyleError: the clip is too short.
    """
    if clip.frames < FEWEST_FRAMES:
        raise RestyleError(f"clip: {clip.name} has {clip.frames} frames; allowed: {FEWEST_FRAMES} or more")
    whole = Take.of(clip, 0, clip.frames)
    if asked.amount == 0:
        yield Part(0, whole, clip.contacts, 1.0)
        return
    motion = clip.motion()
    stances = stances_of(clip.contacts.astype(np.float64))
    pending: Take | None = None
    start = 0
    while start < clip.frames:
        stop = min(start + STRETCH + OVERLAP, clip.frames)
        if clip.frames - stop < 2 * OVERLAP:
            stop = clip.frames
        take = _stretch(clip, motion, stances, shown, asked, sampler, start, stop)
        if pending is not None:
            count = pending.frames
            over = joined(pending, take[:count], whole[start : start + count])
            take = Take.concatenate([over, take[count:]])
        last = stop == clip.frames
        done = take if last else take[: take.frames - OVERLAP]
        pending = None if last else take[take.frames - OVERLAP :]
        end = start + done.frames
        yield Part(start, done, clip.contacts[start:end], end / clip.frames)
        start = end


def restyle(clip: Clip, shown: Recognised, asked: Asked, sampler: Sampler) -> Clip:
    """A restyled clip; see `restyle_parts`. At an amount of 0 the clip itself."""
    if asked.amount == 0:
        return clip
    parts = list(restyle_parts(clip, shown, asked, sampler))
    return restyled_clip(clip, parts)


def restyled_clip(clip: Clip, parts: Sequence[Part]) -> Clip:
    """All parts of a clip as one, with the source's labels of contacts."""
    take = Take.concatenate([part.take for part in parts])
    return replace(clip, pelvis=take.pelvis.astype(np.float32), rotations=take.rotations.astype(np.float32))


def _stretch(
    clip: Clip,
    motion: Motion,
    stances: Stances,
    shown: Recognised,
    asked: Asked,
    sampler: Sampler,
    start: int,
    stop: int,
) -> Take:
    """Frames [start, stop) restyled, on the source's stances."""
    stretch = stretch_of(motion, shown, start - RUN_UP, stop + RUN_OUT)
    made = sampler.sample(stretch, shown, np.stack((shown.style, asked.style)).astype(np.float32), asked)
    inside = slice(RUN_UP, RUN_UP + stop - start)
    source = motion.slice_frames(start, stop)
    aligned = [_in_step(made[row], stances, stretch.first, shown) for row in range(2)]
    own, other = (at_times(made[row], times[inside]) for row, times in enumerate(aligned))
    take = composed(source, own, other, asked.keep, asked.parts)
    unchanged = composed(source, own, own, asked.keep, asked.parts)
    before = Take.of(clip, start, stop)
    changed = take
    if asked.amount < 1:
        take = blend(before, take, np.full(take.frames, asked.amount))
    local = tuple([(max(a - start, 0), min(b, stop) - start) for a, b in runs if b > start and a < stop]
                  for runs in stances)  # fmt: skip
    here = (local[0], local[1])
    wanted = stood(before, unchanged, changed, here, asked.parts, asked.amount)
    return standing(take, before, wanted, here, asked.parts)


def stretch_of(motion: Motion, shown: Recognised, first: int, stop: int) -> Stretch:
    """The asked path and history of frames [first, stop) of a clip, continued beyond both of its ends.

    Gaits go on as they begin and end; all else stands there.
    """
    frames = np.arange(first - HISTORY, stop)
    moves = shown.content_info is None or shown.content_info.kind == "locomotion"
    inside = np.clip(frames, 0, motion.frames - 1)
    beyond = (frames - inside)[:, None] if moves else np.zeros((len(frames), 1))
    ends = min(HISTORY, motion.frames - 1)
    lead = (motion.root_position[ends] - motion.root_position[0]) / ends
    tail = (motion.root_position[-1] - motion.root_position[-1 - ends]) / ends
    path = motion.root_position.astype(np.float64)
    position = path[inside] + np.where(beyond < 0, lead, tail) * beyond
    # Poses before the clip are its first ones; they only start the run-up.
    poses = np.clip(frames, 0, motion.frames - 1)
    if first < HISTORY:
        poses = np.where(frames < 0, np.clip(frames - (first - HISTORY), 0, motion.frames - 1), poses)
    held = Motion(
        position.astype(np.float32),
        motion.root_heading[inside],
        motion.pelvis[poses],
        motion.rotations[poses],
        motion.contacts[poses],
    )
    return Stretch(
        first=first,
        history=held.slice_frames(0, HISTORY),
        position=position[HISTORY:],
        heading=np.unwrap(held.root_heading[HISTORY:]),
        phase=_phase(shown, frames[HISTORY:], motion.frames),
        source=held,
    )


def _phase(shown: Recognised, frames: NDArray[np.int64], length: int) -> Float:
    """(T, 3) of a gesture that begins and ends with the clip; zeros for all else."""
    out = np.zeros((len(frames), 3), np.float32)
    if shown.content_info is None or shown.content_info.kind != "gesture":
        return out
    out[:, 0] = np.clip(frames / length, 0.0, 1.0)
    out[:, 1] = np.where((frames >= 0) & (frames < length), 1 / length, 0.0)
    out[:, 2] = 1.0
    return out


def _in_step(made: Motion, stances: Stances, first: int, shown: Recognised) -> Array:
    """(T,) frames of a generated stretch that go with the frames of the source; one by one where nobody steps."""
    plain = np.arange(made.frames, dtype=np.float64)
    if shown.content_info is not None and shown.content_info.kind != "locomotion":
        return plain
    world = Take(made.world_pelvis().astype(np.float64), made.world_rotations().astype(np.float64))
    theirs = stances_in(world)
    shifted = tuple([(a - first, b - first) for a, b in runs if 0 <= a - first < made.frames] for runs in stances)
    times = step_times((shifted[0], shifted[1]), made.frames, theirs, made.frames)
    return plain if times is None else times


def mean_joint_change(a: Clip, b: Clip) -> float:
    """Metres, mean distance of the joints of two clips of equal length."""
    return float(np.linalg.norm(a.positions() - b.positions(), axis=-1).mean())


def part_motion(source: Motion, part: Part) -> Motion:
    """A part's frames with the explicit root that the source has there."""
    root = source.slice_frames(part.start, part.start + part.take.frames)
    heading = root.root_heading.astype(np.float64)
    ground = rot.rotate_ground(-heading, part.take.pelvis[:, [0, 2]] - root.root_position)
    rotations = part.take.rotations.copy()
    rotations[:, 0] = rot.normalise(rot.multiply(rot.heading_rotation(-heading), rotations[:, 0]))
    return Motion(
        root.root_position,
        root.root_heading,
        np.stack((ground[:, 0], part.take.pelvis[:, 1], ground[:, 1]), axis=-1),
        rotations,
        part.contacts,
    ).astype(np.float32)
