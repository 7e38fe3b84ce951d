"""Whether scenes move what they must: the expectations of each preset, measured on real clips."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from strut_model.clip import Clip
from strut_model.data.pack import Pack
from strut_model.scene.apply import apply_effects, apply_scene
from strut_model.scene.expectations import HIGH, LOW, Expectation, expectations
from strut_model.scene.measures import Measures, measure
from strut_model.scene.presets import ScenePreset

ALPHAS = (1 / 3, 2 / 3, 1.0)
MONOTONE_TOLERANCE = 0.05
"""Share of the change at alpha 1 by which a weaker scene may exceed a stronger one: landings fall on whole frames."""
FEWEST_LANDINGS = 5
LOCOMOTION = ("walk", "run", "dash")


@dataclass
class Finding:
    """What became of one expectation over all clips.

    Attributes:
        expectation: what was expected.
        changes: the change at alpha 1 of each clip.
        monotone: for each clip, whether the change grew with alpha.
    """

    expectation: Expectation
    changes: list[float] = field(default_factory=list)
    monotone: list[bool] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """Mean change at alpha 1."""
        return float(np.mean(self.changes)) if self.changes else float("nan")

    @property
    def directed(self) -> float:
        """Share of the clips that moved the right way."""
        return float(np.mean([change * self.expectation.direction > 0 for change in self.changes]))

    @property
    def steady(self) -> float:
        """Share of the clips that moved monotonically in alpha."""
        return float(np.mean(self.monotone))

    @property
    def within(self) -> float:
        """Share of the clips whose change is .7 to 1.3 times the amount; NaN where only a direction is expected."""
        if math.isnan(self.expectation.amount):
            return float("nan")
        shares = np.array(self.changes) / self.expectation.amount
        return float(np.mean((shares >= LOW) & (shares <= HIGH)))


@dataclass
class PresetReport:
    """Findings on one preset.

    Attributes:
        name: of the preset.
        findings: one for each expectation.
        slide: mean slide at alpha 1 over that of the real clips.
        jerk: the same of jerk.
        speed: mean factor on the speed.
        slips_per_minute: mean over the edited clips.
    """

    name: str
    findings: list[Finding]
    slide: float
    jerk: float
    speed: float
    slips_per_minute: float


def locomotion_clips(pack: Pack, count: int) -> list[Clip]:
    """Up to ``count`` walks and runs with enough steps, one a style and content in turn.

    Args:
        pack: packed clips.
        count: how many.
    """
    groups: dict[tuple[str, str, str], list[str]] = {}
    for info in pack.clips:
        if info.content.split("-")[0] in LOCOMOTION and info.content != "walk-back":
            groups.setdefault((info.style, info.content, info.dataset), []).append(info.name)
    # A stride through the sorted groups, so that few clips still are of many styles.
    names = [members[0] for _, members in sorted(groups.items())]
    names += [name for _, members in sorted(groups.items()) for name in members[1:]]
    stride = max(1, min(len(groups), len(names)) // max(count, 1))
    chosen: list[Clip] = []
    for start in range(stride):
        for name in names[start::stride]:
            if len(chosen) == count:
                return chosen
            clip = pack.clip(name)
            if clip.frames >= 60 and measure_landings(clip) >= FEWEST_LANDINGS:
                chosen.append(clip)
    return chosen


def measure_landings(clip: Clip) -> int:
    """How many landings a clip shows."""
    on = clip.contacts.reshape(clip.frames, 2, 2).max(axis=-1) > 0.5
    return int((on[1:] & ~on[:-1]).sum())


def verify(
    clips: Sequence[Clip],
    scenes: Iterable[ScenePreset],
    alphas: Sequence[float] = ALPHAS,
    seed: int = 0,
    progress: Callable[[], object] = lambda: None,
) -> list[PresetReport]:
    """Apply scenes to clips and measure what they must move.

    Args:
        clips: real clips.
        scenes: presets.
        alphas: ascending, the last is the one whose change is compared with the amount.
        seed: of the slips.
        progress: called after each clip in a scene.
    """
    before = [measure(clip) for clip in clips]
    reports = []
    for scene in scenes:
        findings = [Finding(expectation) for expectation in expectations(scene.descriptor)]
        last: list[Measures] = []
        slips = minutes = 0.0
        for clip, real in zip(clips, before, strict=True):
            after = []
            for alpha in alphas:
                edited = apply_scene(clip, scene.descriptor, alpha, seed)
                steady = edited
                if edited.slips:
                    # Slips are counted, not averaged into how the character walks between them.
                    steady = apply_effects(clip, replace(edited.effects, slips=0.0), alpha)
                after.append(measure(steady.clip))
            slips += len(edited.slips)
            minutes += edited.clip.frames / edited.clip.fps / 60
            last.append(after[-1])
            for finding in findings:
                _note(finding, real, after)
            progress()
        reports.append(
            PresetReport(
                scene.name,
                findings,
                _ratio(before, last, "slide"),
                _ratio(before, last, "jerk"),
                _ratio(before, last, "speed"),
                slips / minutes,
            )
        )
    return reports


def _note(finding: Finding, real: Measures, after: Sequence[Measures]) -> None:
    expected = finding.expectation
    changes = [0.0, *(expected.change(real, found) for found in after)]
    if not np.isfinite(changes).all():
        return
    tolerance = MONOTONE_TOLERANCE * abs(changes[-1])
    steps = np.diff(changes) * expected.direction
    finding.changes.append(changes[-1])
    finding.monotone.append(bool((steps >= -tolerance).all()))


def _ratio(before: Sequence[Measures], after: Sequence[Measures], name: str) -> float:
    pairs = np.array([(b[name], a[name]) for b, a in zip(before, after, strict=True)])
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    return float(pairs[:, 1].mean() / pairs[:, 0].mean()) if len(pairs) else float("nan")


def report_lines(reports: Sequence[PresetReport]) -> list[str]:
    """The reports as a Markdown table."""
    lines = [
        "| preset | measure | expected | found | right way | monotone | .7 to 1.3 | speed | slide | jerk | slips/min |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for report in reports:
        whole = f"{report.speed:.2f} | {report.slide:.2f} | {report.jerk:.2f} | {report.slips_per_minute:.1f}"
        for index, finding in enumerate(report.findings):
            expected = finding.expectation
            name = report.name if index == 0 else ""
            cells = [
                f"{name} | {expected.measure}",
                shown_amount(expected.amount, expected)
                if math.isfinite(expected.amount)
                else "+" * (expected.direction > 0) or "-",
                shown_amount(finding.mean, expected),
                f"{finding.directed:.0%}",
                f"{finding.steady:.0%}",
                "" if math.isnan(finding.within) else f"{finding.within:.0%}",
                whole if index == 0 else " | | | ",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def shown_amount(value: float, expected: Expectation) -> str:
    """A change in a table's cell."""
    return f"{value:+.0%}" if expected.ratio else f"{value:+.3g}{_UNITS.get(expected.measure, ' m')}"


_DEGREES = ("knee_flexion", "trunk_lean", "trunk_side", "arm_abduction", "elbow_flexion", "gaze")
_UNITS = dict.fromkeys(_DEGREES, "°")
