"""Operator-made clips for judging scenes: real walks and runs edited by ``scene.apply``, each in one preset.

The scene judge learns from those of training segments and is tested on those of held-out ones. Classes, styles and the
contents of a style come in turn, so that no preset is known by who walks in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from strut_model.clip import Clip
from strut_model.data.pack import Pack, PackError
from strut_model.data.split import Segment
from strut_model.evaluation.scene_classes import NONE, scene_classes
from strut_model.evaluation.windows import JUDGED_FRAMES, LOCOMOTION
from strut_model.scene.apply import apply_scene
from strut_model.scene.presets import presets
from strut_model.skeleton import CONTACT_MIRROR, MIRROR


@dataclass(frozen=True)
class ClipPlan:
    """One clip to be made.

    Attributes:
        scene: one of `scene_classes`.
        segment: real frames.
        style, content: labels of the segment.
        alpha: how strongly the scene shows.
        mirrored: whether the real frames are mirrored first (never after: a wind from the left would come from the
            right).
        seed: of the slips.
    """

    scene: str
    segment: Segment
    style: str
    content: str
    alpha: float
    mirrored: bool
    seed: int


def plan_clips(
    pack: Pack,
    segments: Sequence[Segment],
    per_style: int,
    alphas: tuple[float, float],
    seed: int,
    longest: int = 180,
    mirror: bool = True,
    scenes: Sequence[str] | None = None,
) -> list[ClipPlan]:
    """Clips of every class, evenly over styles, contents of a style in turn; the same for the same arguments.

    Args:
        pack: real clips.
        segments: frames of it that may be used; only locomotion of a judged window's length is.
        per_style: clips of each class and style.
        alphas: range that alpha is drawn from.
        seed: of everything drawn at random.
        longest: frames; longer segments are cut.
        mirror: whether every other clip is mirrored.
        scenes: classes; all of them where None.

    Raises:
        PackError: none of the segments can be used.
    """
    info = {clip.name: clip for clip in pack.clips}
    cells: dict[str, dict[str, list[Segment]]] = defaultdict(lambda: defaultdict(list))
    for segment in segments:
        labels = info.get(segment.clip)
        if labels is not None and labels.content in LOCOMOTION and segment.frames >= JUDGED_FRAMES:
            cells[labels.style][labels.content].append(segment)
    if not cells:
        raise PackError(f"{pack.path}: has no walk or run of {JUDGED_FRAMES} frames or more in these segments")
    rng = np.random.default_rng(seed)
    plans = []
    for row, scene in enumerate(scene_classes() if scenes is None else scenes):
        for style, contents in sorted(cells.items()):
            names = sorted(contents)
            first = int(rng.integers(len(names)))
            for number in range(per_style):
                content = names[(first + number) % len(names)]
                choices = contents[content]
                segment = choices[int(rng.integers(len(choices)))]
                if segment.frames > longest:
                    start = segment.start + int(rng.integers(segment.frames - longest + 1))
                    segment = Segment(segment.clip, start, start + longest)
                alpha = 0.0 if scene == NONE else float(rng.uniform(*alphas))
                mirrored = mirror and bool(rng.integers(2))
                plans.append(ClipPlan(scene, segment, style, content, alpha, mirrored, seed + row * 1000 + number))
    return plans


def make_clips(
    pack: Pack, plans: Sequence[ClipPlan], progress: Callable[[], object] = lambda: None
) -> list[tuple[ClipPlan, Clip]]:
    """The clips of plans; those that a scene leaves shorter than a judged window are left out.

    Args:
        pack: real clips.
        plans: of `plan_clips`.
        progress: called after each clip.
    """
    made = []
    for plan in plans:
        clip = cut_clip(pack.clip(plan.segment.clip), plan.segment)
        if plan.mirrored:
            clip = mirrored_clip(clip)
        if plan.scene != NONE:
            clip = apply_scene(clip, presets()[plan.scene].descriptor, plan.alpha, plan.seed).clip
        if clip.frames >= JUDGED_FRAMES:
            made.append((plan, clip))
        progress()
    return made


def cut_clip(clip: Clip, segment: Segment) -> Clip:
    """The frames of a segment as a clip of its own."""
    rows = slice(segment.start, segment.end)
    return replace(clip, pelvis=clip.pelvis[rows], rotations=clip.rotations[rows], contacts=clip.contacts[rows])


def mirrored_clip(clip: Clip) -> Clip:
    """The clip reflected at the plane x = 0."""
    flip = np.array([1, -1, -1, 1], dtype=np.float32)
    return replace(
        clip,
        name=f"{clip.name} mirrored",
        pelvis=clip.pelvis * np.array([-1, 1, 1], dtype=np.float32),
        rotations=clip.rotations[:, MIRROR] * flip,
        contacts=clip.contacts[:, CONTACT_MIRROR],
    )


@dataclass(frozen=True)
class SceneCorpus:
    """World-space joints of clips, one after the other.

    Attributes:
        positions: (F, 22, 3) metres.
        heading: (F,) radians.
        offsets, lengths: (N,) where each clip's frames are.
        labels: (N,) index among `scene_classes`.
        plans: (N) what each is.
    """

    positions: NDArray[np.float32]
    heading: NDArray[np.float32]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    labels: NDArray[np.int64]
    plans: list[ClipPlan]

    @staticmethod
    def of(made: Sequence[tuple[ClipPlan, Clip]]) -> SceneCorpus:
        """The corpus of clips."""
        motions = [clip.motion() for _, clip in made]
        lengths = np.array([motion.frames for motion in motions], np.int64)
        classes = scene_classes()
        return SceneCorpus(
            np.concatenate([motion.positions().astype(np.float32) for motion in motions]),
            np.concatenate([motion.root_heading.astype(np.float32) for motion in motions]),
            np.concatenate(([0], np.cumsum(lengths)[:-1])),
            lengths,
            np.array([classes.index(plan.scene) for plan, _ in made], np.int64),
            [plan for plan, _ in made],
        )

    def windows(
        self, rows: NDArray[np.int64], starts: NDArray[np.int64], frames: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Joints (N, frames, 22, 3) and headings (N, frames) of clips' windows."""
        place = (self.offsets[rows] + starts)[:, None] + np.arange(frames)
        return self.positions[place], self.heading[place]
