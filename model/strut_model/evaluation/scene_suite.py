"""Everything that is measured of one subject in scenes: effects, slips, judges, slide, jerk, Frechet distance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from strut_model.clip import Clip
from strut_model.evaluation.bootstrap import Figure, bootstrap_macro, bootstrap_macro_difference, bootstrap_ratio
from strut_model.evaluation.frechet import frechet_distance, matched_rows
from strut_model.evaluation.gaps import Hits, recognition_gap
from strut_model.evaluation.judges import Judges
from strut_model.evaluation.recognition import Window, cut, judge_windows
from strut_model.evaluation.scene_classes import NONE
from strut_model.evaluation.scene_judge import SceneJudge, SceneJudgement
from strut_model.evaluation.scene_responses import Response, effect_figures, responses, seed_deviations
from strut_model.evaluation.scene_rollouts import SCENE, Case, SceneSubject, settled_clip
from strut_model.evaluation.scene_style_judge import SceneStyleJudge
from strut_model.evaluation.scene_trials import SETTLE, Combination
from strut_model.evaluation.windows import window_starts
from strut_model.motion import Motion
from strut_model.scene.apply import apply_scene
from strut_model.scene.effects import effects_of
from strut_model.scene.measures import Measures, count_slips, measure
from strut_model.scene.presets import presets
from strut_model.scene.slips import Slip
from strut_model.skeleton import FPS

Figures = dict[str, Figure]
OPERATORS = "operators"
"""The scene operators applied to the scene-free rollouts: the ceiling of what the measures and the judge can show."""
_FEW_SLIPS = 0.3
"""A minute: scenes with fewer are not expected to show any."""
_FRECHET_LEAST = 100


@dataclass(frozen=True)
class SceneExtent:
    """How much is measured.

    Args:
        gaits, standing: combinations of style and content.
        scenes: presets; all of them where None.
        alphas: ascending, the last is the one whose change is compared with the amount.
        seeds: evaluation seeds.
    """

    gaits: int = 44
    standing: int = 5
    scenes: tuple[str, ...] | None = None
    alphas: tuple[float, ...] = (1 / 3, 2 / 3, 1.0)
    seeds: tuple[int, ...] = (1, 2, 3)

    @property
    def names(self) -> list[str]:
        """The presets that are measured."""
        return list(presets()) if self.scenes is None else list(self.scenes)


QUICK = SceneExtent(
    gaits=10,
    standing=2,
    scenes=("cold", "dark", "deep-snow", "ice", "low-tunnel", "narrow-beam", "rubble", "storm-wind"),
)
"""A sample of scenes that move different measures: minutes on one core."""


@dataclass(frozen=True)
class Motions:
    """Motions of combinations and seeds without a scene, or in one at one alpha.

    Attributes:
        clips: (N, seeds) from `SETTLE` on.
        motions: (N, seeds) the same, whole.
        slips: (N, seeds) known slips, where they are known.
    """

    clips: list[list[Clip]]
    motions: list[list[Motion]]
    slips: list[list[tuple[Slip, ...]]] | None = None


@dataclass(frozen=True)
class _Kept:
    """Which windows' style and content (N,) were recognised, with their styles and combinations."""

    style: NDArray[np.float64]
    content: NDArray[np.float64]
    styles: list[str]
    groups: list[str]


@dataclass
class ScenePart:
    """What one preset gave.

    Attributes:
        name: of the preset.
        found: responses of its expectations.
        slide, jerk: at alpha 1 over scene-free.
        expected_slips: a minute, at alpha 1.
        slips: a minute, counted at each alpha, scene-free first; gaits alone.
        named: share of windows at alpha 1 that the scene judge names the preset.
        taken_for: what else it was named most, with shares.
        style_gap, content_gap: recognised at alpha 1 less scene-free, by the judges that know no scenes.
        style_kept, content_kept: the same by the judge of style and content in scenes.
    """

    name: str
    found: list[Response]
    slide: float
    jerk: float
    expected_slips: float
    slips: list[float]
    named: float
    taken_for: dict[str, float]
    style_gap: float
    content_gap: float
    style_kept: float
    content_kept: float


@dataclass
class SceneOutcome:
    """What a subject's run leaves.

    Attributes:
        figures: by name, see `scene_report.NAMES`.
        parts: by preset.
        notes: remarks.
    """

    figures: Figures = field(default_factory=dict)
    parts: list[ScenePart] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def found(self) -> list[Response]:
        """All responses."""
        return [response for part in self.parts for response in part.found]


class SceneSuite:
    """Measures subjects on the same combinations.

    Args:
        combinations: see `scene_trials.combinations`.
        judges: of style and content.
        scene_judge: names scenes.
        style_judge: of style and content in scenes.
        extent: how much.
        references: operator-made held-out windows' embeddings by preset and `NONE` (real windows), for the Frechet
            distances; left out where None.
    """

    def __init__(
        self,
        combinations: Sequence[Combination],
        judges: Judges,
        scene_judge: SceneJudge,
        style_judge: SceneStyleJudge,
        extent: SceneExtent,
        references: dict[str, NDArray[np.float32]] | None = None,
    ) -> None:
        self.combinations = list(combinations)
        self.judges = judges
        self.scene_judge = scene_judge
        self.style_judge = style_judge
        self.extent = extent
        self.references = references
        self._free: tuple[SceneSubject, Motions] | None = None

    def rollouts(self, subject: SceneSubject, operators: bool = False) -> int:
        """How many rollouts measuring a subject takes: the progress bar's total."""
        extent = self.extent
        if operators:
            return len(extent.names) * len(self.combinations)
        return len(self.combinations) * len(extent.seeds) * (1 + len(extent.names) * len(extent.alphas))

    def free(self, subject: SceneSubject, progress: Callable[[int], object] = lambda count: None) -> Motions:
        """The scene-free rollouts of a subject; kept, since alternatives of a network share them."""
        if self._free is not None:
            other, motions = self._free
            if other.generator is subject.generator and other.steps == subject.steps:
                progress(len(self.combinations) * len(self.extent.seeds))
                return motions
        cases = [Case(combination) for combination in self.combinations]
        made = [subject.roll(cases, seed, progress=progress) for seed in self.extent.seeds]
        motions = self._motions([list(row) for row in zip(*made)])
        self._free = subject, motions
        return motions

    def _motions(self, rows: list[list[Motion]]) -> Motions:
        clips = [[settled_clip(c, m) for m in row] for c, row in zip(self.combinations, rows, strict=True)]
        return Motions(clips, rows)

    def subject(self, subject: SceneSubject, progress: bool = True) -> SceneOutcome:
        """Everything of one network, or of one alternative to its scenes."""

        def shown(scene: str, bar: Callable[[int], object]) -> list[Motions]:
            cases = [Case(c, scene, alpha) for alpha in self.extent.alphas for c in self.combinations]
            made = [subject.roll(cases, seed, progress=bar) for seed in self.extent.seeds]
            rows = [list(row) for row in zip(*made)]
            count = len(self.combinations)
            return [self._motions(rows[i * count : (i + 1) * count]) for i in range(len(self.extent.alphas))]

        outcome = self._measured(subject, shown, self.rollouts(subject), progress)
        if subject.kind == SCENE:
            if subject.knows_scenes:
                outcome.figures["scene_alpha_zero"] = self._same_at_zero(subject)
            else:
                outcome.notes.append(
                    f"{subject.name}: this network knows no scenes; what moves is due to the path's speed alone"
                )
        return outcome

    def operators(self, subject: SceneSubject, progress: bool = True) -> SceneOutcome:
        """The same of the scene operators, applied to the subject's scene-free rollouts of the first seed."""

        def shown(scene: str, bar: Callable[[int], object]) -> list[Motions]:
            place = presets()[scene].descriptor
            free = self.free(subject)
            alphas: list[Motions] = []
            for alpha in self.extent.alphas:
                made = [apply_scene(row[0], place, alpha, 0) for row in free.clips]
                clips = [[m.clip] for m in made]
                alphas.append(Motions(clips, [[row[0].motion()] for row in clips], [[m.slips] for m in made]))
            bar(len(self.combinations))
            return alphas

        return self._measured(subject, shown, self.rollouts(subject, operators=True), progress, OPERATORS)

    def _measured(
        self,
        subject: SceneSubject,
        shown: Callable[[str, Callable[[int], object]], list[Motions]],
        total: int,
        progress: bool,
        name: str = "",
    ) -> SceneOutcome:
        edited = bool(name)
        with tqdm(total=total, desc=name or subject.name, unit="rollout", disable=not progress) as bar:
            free = self.free(subject) if edited else self.free(subject, bar.update)
            before = [[measure(clip) for clip in row] for row in free.clips]
            deviations = seed_deviations(self.combinations, before)
            plain = self._windows(free, SETTLE)
            plain_hits = self._hits(plain)
            said, plain_kept = self._in_scenes(plain)
            outcome = SceneOutcome()
            counts: list[tuple[str, str, bool]] = []  # scene, combination, named
            apart: list[tuple[str, str, bool]] = []
            codes, labels = [], []
            hits: list[Hits] = []
            kept: list[_Kept] = []
            ratios: dict[str, list[tuple[float, float, str]]] = {"slide": [], "jerk": []}
            for scene in self.extent.names:
                made = shown(scene, bar.update)
                after = [[[measure(clip) for clip in row] for row in motions.clips] for motions in made]
                found = responses(scene, self.combinations, before, [list(rows) for rows in zip(*after)], deviations)
                windows = self._windows(made[-1], 0 if edited else SETTLE)
                judged, own_kept = self._in_scenes(windows)
                among = judged.named()
                own_hits = self._hits(windows)
                hits.append(own_hits)
                kept.append(own_kept)
                codes.append(judged.embedding)
                labels += [scene] * len(windows)
                counts += [(scene, w.group, named == scene) for w, named in zip(windows, among, strict=True)]
                if scene in judged.apart:
                    some = judged.named([NONE, *judged.apart])
                    apart += [(scene, w.group, named == scene) for w, named in zip(windows, some, strict=True)]
                own = self._ratios(before, after[-1])
                for key, rows in own.items():
                    ratios[key] += rows
                outcome.parts.append(
                    ScenePart(
                        name=scene,
                        found=found,
                        slide=_ratio(own["slide"]),
                        jerk=_ratio(own["jerk"]),
                        expected_slips=effects_of(presets()[scene].descriptor).slips,
                        slips=[self._slips(free), *(self._slips(motions) for motions in made)],
                        named=float(np.mean([n == scene for n in among])),
                        taken_for=_others(among, scene),
                        style_gap=recognition_gap(own_hits, plain_hits, "style").value,
                        content_gap=recognition_gap(own_hits, plain_hits, "content").value,
                        style_kept=_kept([own_kept], plain_kept, "style").value,
                        content_kept=_kept([own_kept], plain_kept, "content").value,
                    )
                )
            outcome.figures = effect_figures(outcome.found)
            none = float(np.mean([name == NONE for name in said.named()]))
            outcome.figures |= {
                "scene_judge": _share_named(counts),
                "scene_judge_apart": _share_named(apart),
                "scene_judge_none": Figure(none, none, none),
            }
            outcome.figures |= {
                "scene_style_gap": recognition_gap(_joined(hits), plain_hits, "style"),
                "scene_content_gap": recognition_gap(_joined(hits), plain_hits, "content"),
                "scene_style_kept": _kept(kept, plain_kept, "style"),
                "scene_content_kept": _kept(kept, plain_kept, "content"),
            }
            for key, rows in ratios.items():
                outcome.figures[f"scene_{key}_ratio"] = bootstrap_ratio(
                    [b for _, b, _ in rows], [a for a, _, _ in rows], [c for _, _, c in rows]
                )
            outcome.figures["scene_slips_share"] = _slips_share(outcome.parts)
            outcome.figures |= self._frechet(said.embedding, np.concatenate(codes), labels)
        outcome.notes.append(
            f"{name or subject.name}: {len(outcome.found)} measures in {len(self.combinations)} combinations and "
            f"{len(self.extent.names)} presets; {len(counts)} judged windows; with {subject.generator.engine.name}"
        )
        return outcome

    def _windows(self, motions: Motions, settle: int) -> list[Window]:
        """Judged windows of the gaits."""
        windows = []
        for combination, row in zip(self.combinations, motions.motions, strict=True):
            if combination.gait:
                for motion in row:
                    windows += [
                        Window(
                            cut(motion, start),
                            combination.style,
                            combination.content,
                            combination.clip,
                            combination.dataset,
                            group=combination.name,
                        )
                        for start in window_starts(settle, motion.frames)
                    ]
        return windows

    def _in_scenes(self, windows: Sequence[Window]) -> tuple[SceneJudgement, _Kept]:
        """What the judges that know scenes say of windows."""
        motion = Motion.stack([w.motion for w in windows])
        joints, heading = motion.positions(), motion.root_heading
        styles, contents = self.style_judge.judge_joints(joints, heading)
        kept = _Kept(
            np.array([said == w.style for said, w in zip(styles, windows, strict=True)], dtype=float),
            np.array([said == w.content for said, w in zip(contents, windows, strict=True)], dtype=float),
            [w.style for w in windows],
            [w.group for w in windows],
        )
        return self.scene_judge.judge_joints(joints, heading), kept

    def _hits(self, windows: Sequence[Window]) -> Hits:
        return Hits.of(judge_windows(self.judges, windows))

    def _ratios(
        self, before: Sequence[Sequence[Measures]], after: Sequence[Sequence[Measures]]
    ) -> dict[str, list[tuple[float, float, str]]]:
        """Slide and jerk, scene-free and in the scene, of the combinations that have both."""
        rows: dict[str, list[tuple[float, float, str]]] = {"slide": [], "jerk": []}
        for combination, free, shown in zip(self.combinations, before, after, strict=True):
            for name, table in rows.items():
                pair = float(np.mean([m[name] for m in free])), float(np.mean([m[name] for m in shown]))
                if combination.gait and np.isfinite(pair).all():
                    table.append((*pair, combination.name))
        return rows

    def _slips(self, motions: Motions) -> float:
        """Slips a minute of the gaits."""
        slips = frames = 0
        for combination, row in zip(self.combinations, motions.clips, strict=True):
            if combination.gait:
                slips += sum(count_slips(clip) for clip in row)
                frames += sum(clip.frames for clip in row)
        return slips * 60 * FPS / frames if frames else float("nan")

    def _frechet(self, plain: NDArray, shown: NDArray, labels: Sequence[str]) -> Figures:
        """Distances in the judge's embedding: in scenes to operator-made held-out windows of the same presets, and
        scene-free to real held-out ones, equal counts on both sides."""
        if self.references is None:
            return {}
        figures: Figures = {}
        offered = [(name, row) for name, rows in self.references.items() for row in range(len(rows))]
        names = [name for name, _ in offered]
        for key, codes, own in (
            ("scene_frechet", shown, list(labels)),
            ("scene_free_frechet", plain, [NONE] * len(plain)),
        ):
            first, second = matched_rows(own, names, 0)
            if len(first) >= _FRECHET_LEAST:
                others = np.stack([self.references[offered[i][0]][offered[i][1]] for i in second])
                value = frechet_distance(codes[first], others)
                figures[key] = Figure(value, value, value)
        return figures

    def _same_at_zero(self, subject: SceneSubject) -> Figure:
        """1 where scenes at alpha 0 leave every bit as it is without scenes, in a batch with others that are in one."""
        scenes = self.extent.names
        few = self.combinations[:8]
        rest = [Case(c, scenes[i % len(scenes)], 1.0) for i, c in enumerate(few)]
        zero = [Case(c, scenes[i % len(scenes)], 0.0) for i, c in enumerate(few)]
        seed = self.extent.seeds[0]
        first = subject.roll([*zero, *rest], seed)[: len(few)]
        second = subject.roll([*(Case(c) for c in few), *rest], seed)[: len(few)]
        same = all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for a, b in zip(first, second, strict=True)
            for name in ("root_position", "root_heading", "pelvis", "rotations", "contacts")
        )
        return Figure(float(same), float(same), float(same))


def _ratio(rows: Sequence[tuple[float, float, str]]) -> float:
    if not rows:
        return float("nan")
    return sum(b for _, b, _ in rows) / max(sum(a for a, _, _ in rows), 1e-9)


def _kept(parts: Sequence[_Kept], plain: _Kept, label: str) -> Figure:
    """Recognised in scenes less scene-free, macro over styles, over the same combinations."""
    shown = (
        np.concatenate([getattr(part, label) for part in parts]),
        [style for part in parts for style in part.styles],
        [group for part in parts for group in part.groups],
    )
    return bootstrap_macro_difference(shown, (getattr(plain, label), plain.styles, plain.groups))


def _share_named(rows: Sequence[tuple[str, str, bool]]) -> Figure:
    """Share of windows named, macro over presets, clustered by combination."""
    scenes, groups, named = (list(column) for column in zip(*rows)) if rows else ([], [], [])
    return bootstrap_macro(np.asarray(named, dtype=float), scenes, groups)


def _others(named: Sequence[str], scene: str) -> dict[str, float]:
    others, counts = np.unique([name for name in named if name != scene], return_counts=True)
    order = np.argsort(-counts)[:3]
    return {str(others[i]): round(float(counts[i] / len(named)), 3) for i in order}


def _joined(parts: Sequence[Hits]) -> Hits:
    """Hits of several presets as one."""

    def both(name: str) -> dict[str, NDArray[np.float64]]:
        return {judge: np.concatenate([getattr(p, name)[judge] for p in parts]) for judge in getattr(parts[0], name)}

    def chained(name: str) -> list[str]:
        return [value for part in parts for value in getattr(part, name)]

    return Hits(
        both("style"), both("content"), chained("styles"), chained("contents"), chained("clips"), chained("datasets")
    )


def _slips_share(parts: Sequence[ScenePart]) -> Figure:
    """Slips counted at alpha 1 as a share of those expected, over the scenes in which feet slip."""
    slippery = [part for part in parts if part.expected_slips > _FEW_SLIPS]
    if not slippery:
        return Figure.missing()
    value = float(sum(p.slips[-1] - p.slips[0] for p in slippery) / sum(p.expected_slips for p in slippery))
    return Figure(value, value, value)
