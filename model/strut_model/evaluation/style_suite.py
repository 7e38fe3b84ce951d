"""Zero-shot styles measured: real held-out clips as references, judged by recognisers that never saw the product.

Each reference becomes a style vector through the bundle's encoder, as an upload does, and moves characters that start
from a neutral gait of other content and place: nothing but the vector can tell them of the style. The same trials, with
the same noise, are rolled out with the bundle's own vector of that style ("named"), and with the reference read back
from other rigs. The judges were trained on real clips of all styles, the product's left-out ones among them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from strut_model.bvh import Bvh, read_bvh
from strut_model.data.split import Segment
from strut_model.evaluation.bootstrap import Figure, bootstrap_macro, bootstrap_macro_difference, bootstrap_mean
from strut_model.evaluation.closed_loop import trial_windows
from strut_model.evaluation.judges import JUDGE_NAMES, Judges
from strut_model.evaluation.other_rigs import DISTORTED, DistortedRig, on_distorted_rig, on_rig_of
from strut_model.evaluation.protocol import EASE, Protocol, ProtocolError, eased
from strut_model.evaluation.recognition import Verdicts, Window, cut, judge_windows
from strut_model.evaluation.style_references import (
    FolderOutcome,
    Reference,
    encoded,
    folder_outcome,
    held_out_references,
)
from strut_model.evaluation.trials import Control, CountingGenerator, Trial, roll
from strut_model.evaluation.windows import JUDGED_FRAMES, SETTLE_FRAMES, window_starts
from strut_model.motion import Motion
from strut_model.references import StyleEncoder, clip_of_motion
from strut_model.skeleton import FPS
from strut_model.streaming.controls import StyleMix, style_vector
from strut_model.streaming.generator import MotionGenerator
from strut_model.styles.vectors import part_cosine

Float = NDArray[np.float32]

REAL, NAMED, CLIP = "real", "named", "clip"
UNSEEN = "clip of an unseen style"
FRAMES = EASE + SETTLE_FRAMES + JUDGED_FRAMES + round(FPS)
"""Generated frames of a trial."""


@dataclass(frozen=True)
class StyleExtent:
    """How much is measured.

    Attributes:
        per_style: references of a style.
        styles: only these; all where empty.
        contents: gaits that characters are asked for, where the judges saw the style with them.
        own_starts: held-out starts for the content's figure: gestures too, from the clip's own history.
        seeds: evaluation seeds.
        rigs: whether the references also go over other rigs.
        steps: network evaluations a window.
    """

    per_style: int = 4
    styles: tuple[str, ...] = ()
    contents: tuple[str, ...] = ("walk", "run")
    own_starts: int = 120
    seeds: tuple[int, ...] = (1,)
    rigs: bool = True
    steps: int = 2


QUICK = StyleExtent(per_style=1, contents=("walk",), own_starts=22, rigs=False)


@dataclass
class StyleOutcome:
    """Figures by row (real, named, clip, a rig's name) and what is to be said of them."""

    figures: dict[str, dict[str, Figure]] = field(default_factory=dict)
    by_style: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class StyleSuite:
    """Measures one bundle.

    Args:
        protocol: real clips and the bundle's vectors.
        judges: who names styles and contents.
        generator: makes motion with the bundle.
        extent: how much.
        rig_file: a BVH file whose rig is the first of the other rigs, such as one of CMU's.
        progress: show progress bars.

    Raises:
        ProtocolError: there are no references.
    """

    def __init__(
        self,
        protocol: Protocol,
        judges: Judges,
        generator: MotionGenerator,
        extent: StyleExtent,
        rig_file: Path | None = None,
        progress: bool = True,
    ) -> None:
        self.protocol, self.judges, self.extent = protocol, judges, extent
        self.generator = CountingGenerator(generator)
        self.encoder = StyleEncoder(protocol.bundle.encoder_path)
        self._rig_file = rig_file
        self._progress = progress
        known = [s for s in judges.styles if any(style == s for style, _ in protocol.pairs)]
        chosen = [s for s in known if not extent.styles or s in extent.styles]
        unknown = set(extent.styles) - set(known)
        if unknown:
            raise ProtocolError(f"styles: no clips of {', '.join(sorted(unknown))}; allowed: {', '.join(known)}")
        references = held_out_references(protocol, chosen, extent.per_style)
        self.known = [r for r in references if r.style in protocol.bundle.style_index]
        self.unseen = [r for r in references if r.style not in protocol.bundle.style_index]
        if not references:
            raise ProtocolError("references: no held-out clip is long enough and known to the judges")
        self._speeds: dict[tuple[str, str], float] = {}

    def measure(self) -> StyleOutcome:
        """Everything but `folder`."""
        outcome = StyleOutcome()
        groups = [(CLIP, self.known), (UNSEEN, self.unseen)]
        for row, references in groups:
            if not references:
                continue
            vectors = self._encoded(row, references, None)
            verdicts, motions = self._rolled(row, references, vectors)
            outcome.figures[row] = self._recognition(verdicts) | self._similarity(references, vectors, motions)
            outcome.by_style[row] = verdicts.share_by("style")
            if row == CLIP:
                self._beside(outcome, references, vectors, verdicts)
        real = judge_windows(self.judges, self._real_windows([*self.known, *self.unseen]))
        outcome.figures[REAL] = self._recognition(real)
        outcome.by_style[REAL] = real.share_by("style")
        count = len(self.known) + len(self.unseen)
        outcome.notes.append(
            f"{count} references of {len({r.style for r in [*self.known, *self.unseen]})} styles, each from a held-out "
            f"clip; characters start from a neutral {' and '.join(self.extent.contents)} and are judged from "
            f"{(EASE + SETTLE_FRAMES) / FPS:.1f} s on"
        )
        if self.unseen:
            outcome.notes.append(f"the bundle knows no {', '.join(sorted({r.style for r in self.unseen}))}")
        return outcome

    def folder(self, folder: Path) -> FolderOutcome:
        """Every BVH file of a folder through what `CreateStyle` does with it."""
        with tqdm(desc=f"styles of {folder.name}", unit="file", disable=not self._progress) as bar:
            return folder_outcome(folder, self.encoder, bar.update)

    def _beside(self, outcome: StyleOutcome, references: Sequence[Reference], vectors: Float, clip: Verdicts) -> None:
        """The named styles, the other rigs, and the contents from own starts, beside the clips."""
        bundle = self.protocol.bundle
        names = np.stack([bundle.style_vectors[bundle.style_index[r.style]] for r in references])
        named, motions = self._rolled(NAMED, references, names)
        outcome.figures[NAMED] = self._recognition(named) | self._similarity(references, names, motions)
        outcome.by_style[NAMED] = named.share_by("style")
        outcome.figures[CLIP] |= self._less(clip, named, "named")
        for title, onto in self._rigs().items():
            others = self._encoded(title, references, onto)
            verdicts, motions = self._rolled(title, references, others)
            outcome.figures[title] = self._recognition(verdicts) | self._similarity(references, others, motions)
            outcome.figures[title] |= self._less(verdicts, clip, "clip")
            own = np.diagonal(part_cosine(vectors, others))
            outcome.figures[title]["cosine_to_original"] = bootstrap_mean(own, [r.clip for r in references])
            outcome.by_style[title] = verdicts.share_by("style")
        if self.extent.own_starts:
            self._own_starts(outcome, references, vectors)

    def _own_starts(self, outcome: StyleOutcome, references: Sequence[Reference], vectors: Float) -> None:
        """All contents, along held-out clips: with the style of another clip, and with the named one."""
        trials = [t for t in self.protocol.held_out(self.extent.own_starts) if t.style in {r.style for r in references}]
        swapped: list[Trial] = []
        for number, trial in enumerate(trials):
            others = [i for i, r in enumerate(references) if r.style == trial.style and r.clip != trial.clip]
            if not others:
                continue
            vector = vectors[others[number % len(others)]]
            own = trial.controls[0]
            swapped.append(replace(trial, controls=(self._control(vector, trial.content, own.phase),)))
        kept = {t.name for t in swapped}
        trials = [t for t in trials if t.name in kept]
        if not trials:
            return
        judged = []
        for title, rows in ((NAMED, trials), (CLIP, swapped)):
            judged.append(judge_windows(self.judges, self._windows(title, rows, SETTLE_FRAMES)[0]))
            outcome.figures[title]["content_own_start"] = judged[-1].content_accuracy()
            outcome.figures[title]["style_own_start"] = judged[-1].style_accuracy()
        outcome.figures[CLIP]["content_own_start_less_named"] = self._difference(judged[1], judged[0], "content")

    def _rigs(self) -> dict[str, Callable[[Motion], Bvh]]:
        rigs: dict[str, Callable[[Motion], Bvh]] = {}
        if self._rig_file is not None:
            file = read_bvh(self._rig_file)
            rigs[f"rig of {self._rig_file.name}"] = lambda motion: on_rig_of(motion, file)

        def distorted(rig: DistortedRig) -> Callable[[Motion], Bvh]:
            return lambda motion: on_distorted_rig(motion, rig)

        if self.extent.rigs:
            rigs |= {rig.name: distorted(rig) for rig in DISTORTED}
        return rigs

    def _encoded(self, title: str, references: Sequence[Reference], onto: Callable[[Motion], Bvh] | None) -> Float:
        with self._bar(f"encoding: {title}", len(references)) as bar:
            return encoded(references, self.encoder, onto, bar.update)

    def _rolled(
        self, title: str, references: Sequence[Reference], vectors: Float
    ) -> tuple[Verdicts, list[tuple[int, Motion]]]:
        """Verdicts on neutral starts with each reference's vector, and the motions with their reference's row."""
        rows, trials = [], []
        for row, reference in enumerate(references):
            for trial in self._neutral_starts(reference, vectors[row], row):
                rows.append(row)
                trials.append(trial)
        windows, motions = self._windows(title, trials, EASE + SETTLE_FRAMES)
        owners = rows * len(self.extent.seeds)
        return judge_windows(self.judges, windows), list(zip(owners, motions))

    def _windows(self, title: str, trials: Sequence[Trial], first: int) -> tuple[list[Window], list[Motion]]:
        windows: list[Window] = []
        motions: list[Motion] = []
        with self._bar(f"rolling out: {title}", len(trials) * len(self.extent.seeds)) as bar:
            for seed in self.extent.seeds:
                made = roll(self.generator, trials, seed, self.extent.steps, progress=bar.update)
                windows += trial_windows(trials, made, first)
                motions += made
        return windows, motions

    def _neutral_starts(self, reference: Reference, vector: Float, number: int) -> list[Trial]:
        protocol, neutral, style = self.protocol, self.protocol.neutral, reference.style
        trials = []
        for content in self.extent.contents:
            if (style, content) not in protocol.pairs or not protocol.has(neutral, content):
                continue
            start = protocol.start(neutral, content, number)
            speed = eased(start.speed, self._speed(style, content), 0, FRAMES)
            turn = (0.0, 0.15, -0.15)[number % 3] * np.arange(FRAMES) / FPS
            # One name in every row, so that all have the same noise.
            key = f"style {style} {reference.clip} {content}"
            trial = protocol.travelling(key, start, protocol.neutral, content, speed, turn, style)
            control = self._control(vector, content)
            trials.append(replace(trial, controls=(control,), clip=reference.clip))
        return trials

    def _control(self, vector: Float, content: str, phase: tuple[float, float] | None = None) -> Control:
        bundle = self.protocol.bundle
        mixed, guidance = style_vector(bundle, StyleMix([(vector, 1.0)]))
        return Control(0, mixed, bundle.content_vectors[bundle.content_index[content]], guidance, phase)

    def _speed(self, style: str, content: str) -> float:
        """Metres a second of a pair's real clips, of styles that the bundle does not know, too."""
        if (style, content) not in self._speeds:
            moved = []
            for segment in self.protocol.pairs[style, content][:4]:
                place = self.protocol.motion(segment.clip).root_position[segment.start : segment.end]
                moved.append(float(np.linalg.norm(np.diff(place, axis=0), axis=-1).mean() * FPS))
            self._speeds[style, content] = float(np.mean(moved))
        return self._speeds[style, content]

    def _real_windows(self, references: Sequence[Reference]) -> list[Window]:
        """Real held-out stretches of the gaits that characters are asked for, by the same judges: the ceiling."""
        windows = []
        for style in sorted({r.style for r in references}):
            for content in self.extent.contents:
                for segment in self._held(style, content):
                    motion = self.protocol.motion(segment.clip)
                    for start in window_starts(segment.start, segment.end):
                        dataset = self.protocol.dataset_of.get(style, "")
                        windows.append(Window(cut(motion, start), style, content, segment.clip, dataset))
        return windows

    def _held(self, style: str, content: str) -> list[Segment]:
        info = self.protocol.info
        return [
            s
            for s in self.protocol.split.segments("held_out")
            if s.clip in info and (info[s.clip].style, info[s.clip].content) == (style, content)
        ]

    def _recognition(self, verdicts: Verdicts) -> dict[str, Figure]:
        figures = {
            "rank1": verdicts.style_accuracy(),
            "top3": top(verdicts, 3),
            "content": verdicts.content_accuracy(),
        }
        for dataset in sorted({w.dataset for w in verdicts.windows}):
            figures[f"rank1 {dataset}"] = verdicts.style_accuracy(dataset)
        return figures

    def _similarity(
        self, references: Sequence[Reference], vectors: Float, motions: Sequence[tuple[int, Motion]]
    ) -> dict[str, Figure]:
        """How near results come to what was asked for, by the product's own encoder: no judge of it."""
        bundle = self.protocol.bundle
        codes = np.stack(
            [
                self.encoder.style([clip_of_motion(motion.slice_frames(EASE + SETTLE_FRAMES, None), "result")])
                for _, motion in motions
            ]
        )
        asked = vectors[[row for row, _ in motions]]
        clips = [references[row].clip for row, _ in motions]
        styles = [references[row].style for row, _ in motions]
        cosine = np.diagonal(part_cosine(codes, asked))
        figures = {"cosine": bootstrap_macro(cosine, styles, clips)}
        own = np.array([bundle.style_index.get(style, -1) for style in styles])
        if (own >= 0).all():
            near = part_cosine(codes, bundle.style_vectors)
            rank = 1 + (near > near[np.arange(len(own)), own][:, None]).sum(axis=1)
            figures["encoder_rank"] = bootstrap_macro(rank, styles, clips)
            near = part_cosine(vectors, bundle.style_vectors)
            rows = np.array([bundle.style_index[r.style] for r in references])
            right = (near.argmax(axis=1) == rows).astype(float)
            names = [r.style for r in references]
            figures["reference_rank1"] = bootstrap_macro(right, names, [r.clip for r in references])
        return figures

    def _less(self, first: Verdicts, second: Verdicts, name: str) -> dict[str, Figure]:
        return {f"{label}_less_{name}": self._difference(first, second, label) for label in ("style", "content")}

    def _difference(self, first: Verdicts, second: Verdicts, label: str) -> Figure:
        """Recognition of the first less that of the second, over the same clips; the lower judge's."""
        rows = []
        for judge in JUDGE_NAMES:
            sides = []
            for verdicts in (first, second):
                hits = verdicts.style_hits(judge) if label == "style" else verdicts.content_hits(judge)
                scored = np.array([w.scored or label == "style" for w in verdicts.windows])
                values = np.where(scored, hits, np.nan)
                sides.append((values, [w.style for w in verdicts.windows], [w.clip for w in verdicts.windows]))
            rows.append(bootstrap_macro_difference(sides[0], sides[1]))
        return min(rows, key=lambda figure: figure.value)

    def _bar(self, title: str, total: int) -> tqdm:
        return tqdm(total=total, desc=title, unit="", disable=not self._progress)


def top(verdicts: Verdicts, count: int) -> Figure:
    """Share of windows whose style is among a judge's first ``count``; macro over styles, the lower judge's."""
    rows = []
    for judge in JUDGE_NAMES:
        said = verdicts.said[judge].style
        asked = np.array([verdicts.judges.styles.index(w.style) for w in verdicts.windows], dtype=np.int64)
        rank = (said > said[np.arange(len(asked)), asked][:, None]).sum(axis=1)
        hits = (rank < count).astype(float)
        rows.append(bootstrap_macro(hits, [w.style for w in verdicts.windows], [w.clip for w in verdicts.windows]))
    return min(rows, key=lambda figure: figure.value) if verdicts.windows else Figure.missing()


def headline(figures: Mapping[str, Mapping[str, Figure]]) -> dict[str, Figure]:
    """The figures that `metrics.json` knows by name."""
    found: dict[str, Figure] = {}
    if CLIP in figures:
        found["zero_shot_rank1"] = figures[CLIP]["rank1"]
    if UNSEEN in figures:
        found["unseen_style_rank1"] = figures[UNSEEN]["rank1"]
        found["unseen_style_top3"] = figures[UNSEEN]["top3"]
    return found
