"""Rolling combinations out in scenes, with any engine, and by what else could stand for a scene."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from strut_model.clip import Clip
from strut_model.evaluation.scene_trials import SETTLE, Combination, path_factor
from strut_model.evaluation.trials import trial_seed
from strut_model.features import WINDOW
from strut_model.motion import Motion
from strut_model.scene.encoding import turned_wind
from strut_model.scene.presets import presets
from strut_model.streaming.controls import StyleMix, style_vector
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.rollout import rollout
from strut_model.streaming.scenery import Scenery, scenery_of

SCENE, PATH, WORD = "scene", "path", "word"
"""What a subject makes of a scene: the scene's code with the path's speed; the path's speed alone; the style whose name
or description is nearest in meaning, mixed in by alpha, with the path's speed."""
KINDS = (SCENE, PATH, WORD)


@dataclass(frozen=True)
class Case:
    """One character: which combination, in which preset (empty for none) and how strongly."""

    combination: Combination
    scene: str = ""
    alpha: float = 0.0


@dataclass
class SceneSubject:
    """What is measured.

    Args:
        name: in the report.
        generator: with any engine.
        steps: network evaluations a window.
        kind: one of `KINDS`.
        words: for `WORD`, the style that each preset's text is nearest to.
    """

    name: str
    generator: MotionGenerator
    steps: int = 2
    kind: str = SCENE
    words: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind: is {self.kind!r}; allowed: {', '.join(KINDS)}")

    @property
    def knows_scenes(self) -> bool:
        """Whether its network is told of the scene."""
        return self.kind == SCENE and self.generator.bundle.manifest.scene_dim is not None

    def roll(
        self,
        cases: Sequence[Case],
        seed: int,
        batch: int = 192,
        progress: Callable[[int], object] = lambda count: None,
    ) -> list[Motion]:
        """The generated frames of every case, in the cases' order.

        Args:
            cases: characters.
            seed: evaluation seed; a combination's noise follows from it and the combination's name alone.
            batch: characters at a time.
            progress: called with the number of cases done.
        """
        motions: list[Motion | None] = [None] * len(cases)
        order = sorted(range(len(cases)), key=lambda i: cases[i].combination.frames)
        for first in range(0, len(order), batch):
            rows = order[first : first + batch]
            motion = self._roll([cases[i] for i in rows], seed)
            for row, i in enumerate(rows):
                motions[i] = motion[row].slice_frames(0, cases[i].combination.frames)
            progress(len(rows))
        return [motion for motion in motions if motion is not None]

    def _roll(self, cases: Sequence[Case], seed: int) -> Motion:
        bundle = self.generator.bundle
        frames = max(case.combination.frames for case in cases)
        paths, facings, styles, contents, phases = [], [], [], [], []
        for case in cases:
            own = case.combination
            path, facing = own.path(path_factor(case.scene, case.alpha))
            missing = frames - own.frames
            paths.append(np.pad(path, ((0, missing), (0, 0)), mode="edge"))
            facings.append(np.pad(facing, (0, missing), mode="edge"))
            styles.append(self._style(case))
            contents.append(bundle.content_vectors[bundle.content_index[own.content]])
            phases.append((0, 0, 0) if own.phase is None else (*own.phase, 1))
        return rollout(
            self.generator,
            Motion.stack([case.combination.history for case in cases]),
            np.stack(paths).astype(np.float32),
            np.stack(facings).astype(np.float32),
            np.stack(styles),
            np.stack(contents),
            phase=np.array(phases, np.float32),
            seed=np.array([trial_seed(f"scene {case.combination.name}", seed) for case in cases], np.uint64),
            steps=self.steps,
            scenes=(lambda start: self._sceneries(cases, facings, start)) if self.knows_scenes else None,
        )

    def _style(self, case: Case) -> np.ndarray:
        components = [(case.combination.style, 1.0)]
        if self.kind == WORD and case.scene and case.alpha > 0:
            components.append((self.words[case.scene], case.alpha))
        return style_vector(self.generator.bundle, StyleMix(components))[0]

    @staticmethod
    def _sceneries(cases: Sequence[Case], facings: Sequence[np.ndarray], start: int) -> list[Scenery | None]:
        """The scenes of a window. A wind goes along with a character that turns, so that what is expected of it holds
        all the way."""
        found: list[Scenery | None] = []
        for case, facing in zip(cases, facings, strict=True):
            if not case.scene:
                found.append(None)
                continue
            scenery = scenery_of(presets()[case.scene].descriptor, case.alpha)
            turn = float(facing[start - 1]) if start else 0.0
            found.append(replace(scenery, vector=turned_wind(scenery.vector, turn)))
        return found


def settled_clip(combination: Combination, motion: Motion) -> Clip:
    """A rollout without its first `SETTLE` frames, as a clip."""
    kept = motion.slice_frames(SETTLE, None)
    return Clip(
        name=combination.name,
        pelvis=kept.world_pelvis().astype(np.float32),
        rotations=kept.world_rotations().astype(np.float32),
        contacts=np.clip(kept.contacts, 0, 1).astype(np.float32),
        content=combination.content,
        style=combination.style,
        take="",
        dataset=combination.dataset,
    )


def windows_of(cases: Sequence[Case], seeds: int) -> int:
    """How many windows of the network rolling cases out takes."""
    return seeds * sum(-(-case.combination.frames // WINDOW) for case in cases)
