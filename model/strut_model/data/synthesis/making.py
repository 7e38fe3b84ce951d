"""Making a pack of synthetic clips: so many frames of each kind, every style in turn, what is too rough dropped."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from strut_model.clip import Clip
from strut_model.contacts import foot_contacts
from strut_model.data.pack import SYNTHETIC, Pack, PackError, write_pack
from strut_model.data.split import Split
from strut_model.data.synthesis.material import Material, kind_of
from strut_model.data.synthesis.quality import Limits, Measures, measure
from strut_model.data.synthesis.recipes import RECIPES, Failed, Made

_REAL_PER_PAIR = 12
_ATTEMPTS = 6
"""Times the expected number of attempts after which a kind is given up."""
_TYPICAL = 110
"""Frames of a synthetic clip, about."""


@dataclass(frozen=True)
class SynthesisOptions:
    """What to make.

    Args:
        share: of all training frames, real and synthetic together, that shall be synthetic.
        kinds: which kinds; all of them by default.
        seed: of everything drawn at random; the same seed makes the same pack.
        progress: show bars.
    """

    share: float = 0.25
    kinds: Sequence[str] = tuple(RECIPES)
    seed: int = 0
    progress: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.share < 0.9:
            raise ValueError(f"share: {self.share:g}, allowed above 0 and below 0.9")
        unknown = [k for k in self.kinds if k not in RECIPES]
        if unknown or not self.kinds:
            raise ValueError(f"kinds: {', '.join(unknown) or 'none'}, allowed: {', '.join(RECIPES)}")


@dataclass
class KindReport:
    """What became of one kind: clips made, kept, their frames, and reasons of the dropped ones with counts."""

    made: int = 0
    kept: int = 0
    frames: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    measures: list[Measures] = field(default_factory=list)
    notes: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass
class SynthesisReport:
    """What was made, by kind; how long the training segments are; figures of the real clips."""

    training_frames: int
    kinds: dict[str, KindReport]
    real: list[Measures]

    @property
    def frames(self) -> int:
        """Synthetic frames."""
        return sum(k.frames for k in self.kinds.values())

    def lines(self) -> list[str]:
        """The text that a synthesis ends with."""
        total = self.frames + self.training_frames
        lines = [f"{self.frames} synthetic frames beside {self.training_frames} real ones ({self.frames / total:.0%})"]
        lines.append(f"{'':<10} {'made':>6} {'kept':>6} {'frames':>8}   jerk  slide, its p95 (cm/s)")
        lines.append(f"{'real':<10} {'':>6} {len(self.real):>6} {'':>8} {_figures(self.real)}")
        for name, kind in self.kinds.items():
            lines.append(f"{name:<10} {kind.made:>6} {kind.kept:>6} {kind.frames:>8} {_figures(kind.measures)}")
            for note, values in sorted(kind.notes.items()):
                lines.append(f"{'':<10} {note} {np.mean(values):.2f}, {np.min(values):.2f} to {np.max(values):.2f}")
            for reason, count in kind.dropped.most_common():
                lines.append(f"{'':<10} dropped {count}: {reason}")
        return lines


def _figures(rows: Sequence[Measures]) -> str:
    if not rows:
        return ""
    jerk, slide, top = (np.mean([getattr(r, n) for r in rows]) for n in ("jerk", "slide", "slide_p95"))
    return f"{jerk:>6.0f} {slide:>6.2f} {top:>5.1f}"


def synthesise(
    pack: Pack,
    split: Split,
    out: Path,
    options: SynthesisOptions | None = None,
    overwrite: bool = False,
) -> SynthesisReport:
    """Write a pack of synthetic clips, each tagged `synthetic` and with its kind.

    Args:
        pack: real clips, with an idle clip among them.
        split: only its training segments are used.
        out: the new pack's folder.
        options: what to make.
        overwrite: replace a pack that is there already.

    Raises:
        MaterialError: the clips lack what is needed.
        PackError: the folder may not be written, or nothing could be made.
    """
    options = options or SynthesisOptions()
    if out.exists() and not overwrite:
        raise PackError(f"{out}: exists already; choose another name, or overwrite a pack explicitly")
    material = Material(pack, split, options.progress)
    real = _real(material, options.progress)
    limits = Limits([(style, key, found) for style, content, found in real for key in {content, kind_of(content)}])
    wanted = options.share / (1 - options.share) * material.frames
    total_weight = sum(RECIPES[k][1] for k in options.kinds)
    report = SynthesisReport(material.frames, {}, [found for _, _, found in real])
    clips: list[Clip] = []
    sources: list[str] = []
    for kind in options.kinds:
        made = report.kinds[kind] = KindReport()
        goal = int(wanted * RECIPES[kind][1] / total_weight)
        _make(kind, goal, material, limits, options, made, clips, sources)
    write_pack(out, clips, sources=sources, overwrite=overwrite)
    return report


def _real(material: Material, progress: bool) -> list[tuple[str, str, Measures]]:
    """(style, content, figures) of some real segments of every pair."""
    rows = []
    for style in tqdm(material.styles, desc="real clips", unit="style", disable=not progress):
        for content in material.contents(style, "gait") + material.contents(style, "gesture"):
            segments = material.segments(style, content, 20)
            chosen = np.unique(np.linspace(0, len(segments) - 1, min(len(segments), _REAL_PER_PAIR)).astype(int))
            rows += [(style, content, measure(material.take(segments[i]).positions())) for i in chosen]
    return rows


def _make(
    kind: str,
    goal: int,
    material: Material,
    limits: Limits,
    options: SynthesisOptions,
    report: KindReport,
    clips: list[Clip],
    sources: list[str],
) -> None:
    """Make one kind until there are enough frames or no more come."""
    recipe = RECIPES[kind][0]
    styles = material.styles
    attempts = 0
    with tqdm(total=goal, desc=kind, unit="frame", disable=not options.progress) as bar:
        while report.frames < goal and attempts < _ATTEMPTS * max(goal // _TYPICAL, len(styles)):
            style, number = styles[attempts % len(styles)], attempts // len(styles)
            attempts += 1
            rng = np.random.default_rng([options.seed, zlib.crc32(f"{kind} {style} {number}".encode())])
            made = recipe(material, style, rng)
            if isinstance(made, Failed):
                report.made += 1
                report.dropped[made.reason] += 1
                continue
            for part, motion in enumerate(made):
                report.made += 1
                clip, reason = _judged(motion, kind, style, f"{number:04d}{'ab'[part] if part else ''}", limits, report)
                if reason:
                    report.dropped[reason] += 1
                    continue
                report.kept += 1
                report.frames += clip.frames
                bar.update(clip.frames)
                clips.append(_with_dataset(clip, material, motion))
                sources.append(", ".join(motion.sources))


def _judged(motion: Made, kind: str, style: str, take: str, limits: Limits, report: KindReport) -> tuple[Clip, str]:
    """The clip as it will be stored, and why it is dropped (empty: it is kept)."""
    positions = motion.take.positions()
    clip = Clip(
        name=f"synthetic_{kind}_{style}_{motion.content}_{take}",
        pelvis=motion.take.pelvis.astype(np.float32),
        rotations=motion.take.rotations.astype(np.float32),
        contacts=foot_contacts(positions),
        content=motion.content,
        style=style,
        take=f"{kind}-{take}",
        dataset="",
        tags=(SYNTHETIC, kind),
    )
    tempo = motion.notes.get("tempo", 1.0)
    found = measure(positions, tempo)
    own = measure(motion.gait.positions(), tempo) if motion.gait is not None else None
    reason = limits.exceeded(found, style, motion.like, own)
    if not np.isfinite(positions).all():
        reason = "not finite"
    if not reason:
        report.measures.append(found)
        for name, value in motion.notes.items():
            report.notes[name].append(value)
    return clip, reason and f"{reason} beyond real clips'"


def _with_dataset(clip: Clip, material: Material, motion: Made) -> Clip:
    clip.dataset = material.info[motion.sources[0]].dataset
    return clip
