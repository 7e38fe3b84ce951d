"""Everything that is measured of one subject: the real data, the teacher, or the student at a number of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from tqdm import tqdm

from strut_model.data.split import HELD_OUT, TRAIN
from strut_model.evaluation import controls, endurance, manoeuvres, steering, strength, switching
from strut_model.evaluation.bootstrap import Figure, bootstrap_macro
from strut_model.evaluation.closed_loop import (
    Statistics,
    frechet_figures,
    mean_figure,
    motion_figures,
    real_motions,
    slide_figures,
    trial_statistics,
    trial_windows,
)
from strut_model.evaluation.foot_locks import FootLockProbe
from strut_model.evaluation.gaps import Hits, recognition_gap
from strut_model.evaluation.judges import JUDGE_NAMES, PART_JUDGE, Judgement, Judges, window_frames
from strut_model.evaluation.pairs import PairJudges, fitting_windows, unseen_pair_figures
from strut_model.evaluation.protocol import EASE, Protocol, ProtocolError, spread
from strut_model.evaluation.recognition import Verdicts, Window, cut, judge_windows
from strut_model.evaluation.switches import SwitchList
from strut_model.evaluation.trials import CountingGenerator, Trial, roll
from strut_model.evaluation.windows import (
    IDLE,
    JUDGED_FRAMES,
    LOCOMOTION,
    SETTLE_FRAMES,
    content_kind,
    gesture_event,
    inside_event,
    window_starts,
)
from strut_model.motion import Motion
from strut_model.streaming.generator import MotionGenerator

Figures = dict[str, Figure]
DATA_SETS = {"bandai-namco-1": "data_set_1", "bandai-namco-2": "data_set_2"}
"""Names of data sets in figures; another data set goes by its own name."""


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Args:
        clips: held-out trials at most.
        seeds: evaluation seeds.
        synthetic_seconds: length of the synthetic paths.
        drift_seconds: length of the long rollouts; 0 leaves them out.
        diversity_seeds: rollouts of each trial whose spread is taken.
        switches: style switches at most; half as many content switches.
        manoeuvres: trials at most of each of curves, corners, turns and of facing apart from travel.
        extras: whether strength, parts and diversity are measured.
    """

    clips: int | None = 400
    seeds: tuple[int, ...] = (1, 2, 3)
    synthetic_seconds: int = 10
    drift_seconds: int = 300
    diversity_seeds: int = 6
    switches: int = 200
    manoeuvres: int | None = None
    extras: bool = True


QUICK = Extent(
    clips=48,
    seeds=(1,),
    synthetic_seconds=5,
    drift_seconds=0,
    diversity_seeds=3,
    switches=24,
    manoeuvres=16,
    extras=False,
)


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        name: in the table, such as ``student_2``.
        generator: with everything on, as it is served.
        unlocked: the same without foot locks.
        steps: network evaluations a window.
    """

    name: str
    generator: MotionGenerator
    unlocked: MotionGenerator
    steps: int


@dataclass
class Outcome:
    """What a subject's run leaves beside its figures.

    Attributes:
        figures: by name.
        notes: remarks for the report.
        samples: some trials with their motions, for the pictures, by kind.
        breakdown: share recognised by style or content, for each kind of trial.
        hits: what was recognised of the held-out trials.
    """

    figures: Figures = field(default_factory=dict)
    breakdown: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    samples: dict[str, list[tuple[Trial, Motion]]] = field(default_factory=dict)
    hits: Hits | None = None


class Suite:
    """Runs everything, for any number of subjects, on the same trials.

    Args:
        protocol: makes the trials.
        judges: judge them.
        switches: the fixed list.
        extent: how much.
    """

    def __init__(self, protocol: Protocol, judges: Judges, switches: SwitchList, extent: Extent) -> None:
        self.protocol = protocol
        self.judges = judges
        self.extent = extent
        count = extent.switches
        self.switches = SwitchList(
            switches.styles[:: max(len(switches.styles) // count, 1)][:count],
            switches.contents[:: max(2 * len(switches.contents) // count, 1)][: count // 2],
        )
        self.held_out = protocol.held_out(extent.clips)
        self.unseen = protocol.unseen(None if extent.clips is None else max(extent.clips // 4, 7))
        if not self.held_out:
            raise ProtocolError("held-out clips: none of the split's is long enough and known to bundle and judges")
        self._breakdown: dict[str, dict[str, float]] = {}
        self._diversity: list[tuple[Trial, list[tuple[str, int]]]] = []
        self._real_statistics: list[Statistics] | None = None
        self._real_verdicts: Verdicts | None = None
        self._verdicts: Verdicts | None = None
        self._pair_judges: PairJudges | None = None

    @property
    def pair_judges(self) -> PairJudges:
        """Who knows the pairs that training never saw."""
        if self._pair_judges is None:
            self._pair_judges = PairJudges(judge_windows(self.judges, fitting_windows(self.protocol)))
        return self._pair_judges

    @property
    def real_statistics(self) -> list[Statistics]:
        """Of each held-out trial's real frames."""
        if self._real_statistics is None:
            self._real_statistics = trial_statistics(self.held_out, real_motions(self.held_out))
        return self._real_statistics

    @property
    def real_verdicts(self) -> Verdicts:
        """What the judges say of the real held-out windows."""
        if self._real_verdicts is None:
            windows = trial_windows(self.held_out, real_motions(self.held_out))
            self._real_verdicts = judge_windows(self.judges, windows)
        return self._real_verdicts

    # The real data

    def real(self) -> Outcome:
        """The real data's own figures: the ceiling of recognition, training to held-out distance, feet, seams."""
        verdicts = self.real_verdicts
        figures = self._recognition(verdicts)
        train = judge_windows(self.judges, self._matching_windows(verdicts.windows))
        figures |= frechet_figures(train, verdicts, 0)
        figures |= motion_figures(self.held_out, self.real_statistics, self.real_statistics)
        figures["stance_slide_unlocked"] = figures["stance_slide"]
        if self.unseen:
            unseen = judge_windows(self.judges, trial_windows(self.unseen, real_motions(self.unseen)))
            figures |= unseen_pair_figures(self.pair_judges, unseen, verdicts)
        walks = judge_windows(self.judges, [w for w in verdicts.windows if w.content == "walk"])
        figures["style_accuracy_synthetic"] = walks.style_accuracy()
        figures["diversity_ratio"] = Figure(1.0, 1.0, 1.0)
        idle = [float(switching.is_idle(m)) for m in self._idle_windows()]
        figures["idle_recognised"] = bootstrap_macro(idle, [0] * len(idle), list(range(len(idle))))
        scored = sum(1 for w in verdicts.windows if w.scored)
        early = sum(1 for t in self.held_out if JUDGED_FRAMES <= t.frames < SETTLE_FRAMES + JUDGED_FRAMES)
        notes = [
            f"{len(self.held_out)} starts in {len({t.clip for t in self.held_out})} held-out clips; "
            f"{len(verdicts.windows)} judged real windows, {scored} of them scored for content; {early} motions (short "
            "gestures) are judged once, less than a second after their last real frame",
            f"real: the judges differ by {verdicts.disagreement():.3f} in style accuracy (allowed .03)",
        ]
        return Outcome(figures, self._taken_breakdown(), notes, hits=Hits.of(verdicts))

    def _recognition(self, verdicts: Verdicts) -> Figures:
        self._breakdown["held_out style"] = verdicts.share_by("style")
        self._breakdown["held_out content"] = verdicts.share_by("content")
        figures = {
            "style_accuracy": verdicts.style_accuracy(),
            "content_accuracy": verdicts.content_accuracy(),
            "content_accuracy_locomotion": verdicts.content_accuracy(frozenset(LOCOMOTION)),
        }
        gestures = frozenset(c for c in self.judges.contents if content_kind(c) == "gesture")
        figures["content_accuracy_gesture"] = verdicts.content_accuracy(gestures)
        for dataset in sorted({w.dataset for w in verdicts.windows}):
            label = _label(dataset)
            figures[f"style_accuracy_{label}"] = verdicts.style_accuracy(dataset)
            figures[f"content_accuracy_{label}"] = verdicts.content_accuracy(dataset=dataset)
        return figures

    def _matching_windows(self, windows: Sequence[Window]) -> list[Window]:
        """Training windows, at least as many of each style and content as there are held-out ones."""
        wanted: dict[tuple[str, str], int] = {}
        for window in windows:
            wanted[window.style, window.content] = wanted.get((window.style, window.content), 0) + 1
        chosen: list[Window] = []
        rng = np.random.default_rng(0)
        by_pair: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
        for segment in self.protocol.split.segments(TRAIN):
            info = self.protocol.info.get(segment.clip)
            if info is not None and (info.style, info.content) in wanted and segment.frames >= JUDGED_FRAMES:
                by_pair.setdefault((info.style, info.content), []).append((segment.clip, segment.start, segment.end))
        for pair, count in sorted(wanted.items()):
            segments = by_pair.get(pair, [])
            order = rng.permutation(len(segments))
            found: list[Window] = []
            for row in order[: 3 * count]:
                clip, first, last = segments[row]
                motion = self.protocol.motion(clip)
                starts = window_starts(first, last)
                if content_kind(pair[1]) == "gesture":
                    event = gesture_event(window_frames(motion).local)
                    starts = [s for s in starts if inside_event(s, event)] or starts[:1]
                dataset = self.protocol.info[clip].dataset
                found += [Window(cut(motion, s), *pair, clip, dataset) for s in starts]
                if len(found) >= count:
                    break
            chosen += found
        return chosen

    def _idle_windows(self) -> list[Motion]:
        windows = []
        for segment in self.protocol.split.segments(HELD_OUT):
            info = self.protocol.info.get(segment.clip)
            if info is not None and info.content == IDLE:
                motion = self.protocol.motion(segment.clip)
                windows += [cut(motion, s) for s in window_starts(segment.start, segment.end)]
        return windows

    # Generated motion

    def subject(self, subject: Subject, progress: bool = True) -> Outcome:
        """Everything of one generator."""
        generator = CountingGenerator(subject.generator)
        extent = self.extent
        plan = self._plan()
        total = sum(len(trials) * seeds for trials, seeds in plan.values()) + len(self.held_out)
        outcome = Outcome()
        with tqdm(total=total, desc=subject.name, unit="rollout", disable=not progress) as bar:

            def rolled(kind: str, own: CountingGenerator = generator) -> list[list[Motion]]:
                trials, seeds = plan[kind]
                own_seeds = list(extent.seeds[:seeds]) + list(range(100, 100 + seeds - len(extent.seeds)))
                return [roll(own, trials, seed, subject.steps, progress=bar.update) for seed in own_seeds]

            for kind, measure in self._measures(plan).items():
                made = rolled(kind)
                outcome.figures |= measure(made)
                outcome.samples[kind] = list(zip(plan[kind][0], made[0]))
            bare = roll(
                CountingGenerator(subject.unlocked), self.held_out, extent.seeds[0], subject.steps, progress=bar.update
            )
        outcome.figures |= slide_figures(self.held_out, trial_statistics(self.held_out, bare), "_unlocked")
        probe = FootLockProbe(subject.generator, subject.unlocked)
        roll(probe, spread(self.held_out, 64), extent.seeds[0], subject.steps)
        outcome.figures |= probe.figures()
        count = float(generator.nonfinite)
        outcome.figures["nonfinite_windows"] = Figure(count, count, count)
        outcome.breakdown = self._taken_breakdown()
        if self._verdicts is not None:
            outcome.hits = Hits.of(self._verdicts)
        outcome.notes.append(f"{subject.name}: {generator.windows} windows with {subject.generator.engine.name}")
        return outcome

    def _plan(self) -> dict[str, tuple[list[Trial], int]]:
        """Trials by kind, and with how many seeds."""
        protocol, extent = self.protocol, self.extent
        seeds = len(extent.seeds)
        switched, same = protocol.style_switches(self.switches)
        changed, unchanged = protocol.content_switches(self.switches)
        plan = {
            "held_out": (self.held_out, seeds),
            "unseen": (self.unseen, seeds),
            "neutral_start": (protocol.neutral_start(), seeds),
            "synthetic": (protocol.synthetic(extent.synthetic_seconds), seeds),
            "switches": (switched + same, seeds),
            "content_switches": (changed + unchanged, seeds),
            "stops": (protocol.stops(), seeds),
            "responses": (protocol.responses(), seeds),
            "curves": (spread(manoeuvres.curves(protocol), extent.manoeuvres), seeds),
            "corners": (spread(manoeuvres.corners(protocol), extent.manoeuvres), seeds),
            "facing_apart": (spread(manoeuvres.facing_apart(protocol), extent.manoeuvres), seeds),
            "turns": (spread(manoeuvres.turns_in_place(protocol), extent.manoeuvres), seeds),
        }
        if extent.extras:
            self._diversity = self._diversity or protocol.diversity()
            plan["strengths"] = (protocol.strengths(), max(seeds, 2))
            if PART_JUDGE in self.judges.record["judges"]:
                plan["parts"] = (protocol.parts(), max(seeds, 2))
            plan["diversity"] = ([trial for trial, _ in self._diversity], extent.diversity_seeds)
        if extent.drift_seconds:
            plan["drift"] = (protocol.drifting(extent.drift_seconds), 1)
        return {kind: rows for kind, rows in plan.items() if rows[0]}

    def _measures(self, plan: dict[str, tuple[list[Trial], int]]) -> dict[str, Callable[[list[list[Motion]]], Figures]]:
        """What is measured of each kind of trial."""

        def flat(kind: str, made: list[list[Motion]]) -> tuple[list[Trial], list[Motion]]:
            return [t for _ in made for t in plan[kind][0]], [m for row in made for m in row]

        def split(kind: str, made: list[list[Motion]], first: str) -> tuple[tuple[list[Trial], list[Motion]], ...]:
            trials, motions = flat(kind, made)
            sides: list[tuple[list[Trial], list[Motion]]] = []
            for wanted in (True, False):
                rows = [i for i, t in enumerate(trials) if t.name.startswith(first) == wanted]
                sides.append(([trials[i] for i in rows], [motions[i] for i in rows]))
            return tuple(sides)

        measures: dict[str, Callable[[list[list[Motion]]], Figures]] = {
            "held_out": self._held_out_figures,
            "unseen": lambda made: self._unseen_figures(*flat("unseen", made)),
            "neutral_start": lambda made: self._neutral_start_figures(*flat("neutral_start", made)),
            "synthetic": lambda made: self._synthetic_figures(*flat("synthetic", made)),
            "switches": lambda made: switching.style_switch_figures(self.judges, *split("switches", made, "switch")),
            "content_switches": lambda made: switching.content_switch_figures(
                self.judges, *split("content_switches", made, "content switch")
            ),
            "stops": lambda made: (
                controls.stop_figures(*flat("stops", made)) | steering.halt_figures(*flat("stops", made))
            ),
            "curves": lambda made: steering.curve_figures(*flat("curves", made)),
            "corners": lambda made: steering.corner_figures(*flat("corners", made)),
            "facing_apart": lambda made: steering.facing_apart_figures(*flat("facing_apart", made)),
            "turns": lambda made: steering.turn_figures(*flat("turns", made)),
            "responses": lambda made: controls.response_figures(*flat("responses", made)),
            "strengths": lambda made: strength.strength_figures(
                strength.measure(self.judges, self.protocol, plan["strengths"][0], made)
            ),
            "parts": lambda made: controls.part_figures(self.judges, self.protocol.neutral, plan["parts"][0], made),
            "diversity": lambda made: controls.diversity_figures(self.judges, self.protocol, self._diversity, made),
            "drift": lambda made: endurance.drift_figures(
                self.judges, plan["drift"][0], made[0], float(self.extent.drift_seconds)
            ),
        }
        return {kind: measure for kind, measure in measures.items() if kind in plan}

    def _settled(self, trials: list[Trial], motions: list[Motion], first: int = SETTLE_FRAMES) -> Verdicts:
        return judge_windows(self.judges, trial_windows(trials, motions, first))

    def _held_out_figures(self, made: list[list[Motion]]) -> Figures:
        trials = [t for _ in made for t in self.held_out]
        per_seed = [self._settled(self.held_out, motions) for motions in made]
        windows = [w for v in per_seed for w in v.windows]
        said = {n: _joined([v.said[n] for v in per_seed]) for n in JUDGE_NAMES}
        self._verdicts = Verdicts(windows, said, self.judges)
        figures = self._recognition(self._verdicts) | self._ceiling_gaps(Hits.of(self._verdicts))
        distances = [frechet_figures(v, self.real_verdicts, i) for i, v in enumerate(per_seed)]
        for name in distances[0]:
            figures[name] = mean_figure([d[name] for d in distances])
        rows = [s for motions in made for s in trial_statistics(self.held_out, motions)]
        figures |= motion_figures(trials, rows, self.real_statistics * len(made))
        return figures

    def _ceiling_gaps(self, made: Hits) -> Figures:
        """How far recognition lies from that of the real clips that the rollouts follow."""
        real = Hits.of(self.real_verdicts)
        figures = {"content_gap_locomotion": recognition_gap(made, real, "content", contents=LOCOMOTION)}
        for dataset in sorted(set(real.datasets)):
            figures[f"style_gap_{_label(dataset)}"] = recognition_gap(made, real, "style", dataset)
        return figures

    def _unseen_figures(self, trials: list[Trial], motions: list[Motion]) -> Figures:
        verdicts = self._settled(trials, motions)
        self._breakdown["unseen style"] = verdicts.share_by("style")
        assert self._verdicts is not None, "held-out trials are measured first"
        return unseen_pair_figures(self.pair_judges, verdicts, self._verdicts)

    def _neutral_start_figures(self, trials: list[Trial], motions: list[Motion]) -> Figures:
        verdicts = self._settled(trials, motions, first=EASE + SETTLE_FRAMES)
        self._breakdown["neutral_start style"] = verdicts.share_by("style")
        return {"style_accuracy_neutral_start": verdicts.style_accuracy(by_group=True)}

    def _taken_breakdown(self) -> dict[str, dict[str, float]]:
        taken, self._breakdown = self._breakdown, {}
        return taken

    def _synthetic_figures(self, trials: list[Trial], motions: list[Motion]) -> Figures:
        rows = trial_statistics(trials, motions)
        verdicts = self._settled(trials, motions)
        self._breakdown["synthetic style"] = verdicts.share_by("style")
        styles, names = [t.style for t in trials], [t.name for t in trials]
        return {
            "style_accuracy_synthetic": verdicts.style_accuracy(by_group=True),
            "path_error_synthetic_cm": bootstrap_macro([s.path_error_cm for s in rows], styles, names),
            "facing_error_synthetic_deg": bootstrap_macro([s.facing_error_deg for s in rows], styles, names),
        }


def one_step_figures(one: Hits, two: Hits) -> Figures:
    """``one_step_style_gap`` and ``one_step_content_gap``: recognised with one step less with two."""
    return {f"one_step_{label}_gap": recognition_gap(one, two, label) for label in ("style", "content")}


def _label(dataset: str) -> str:
    """A data set's name in figures."""
    return DATA_SETS.get(dataset, dataset.replace("-", "_"))


def _joined(parts: Sequence[Judgement]) -> Judgement:
    """One judgement of several."""
    return Judgement(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Judgement)))
