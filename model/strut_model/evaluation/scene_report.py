"""The report on scenes: figures with targets, a table of presets, and every response as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strut_model.evaluation.report import shown
from strut_model.evaluation.scene_responses import (
    PRESET_SHARE,
    WHOLE_SHARE,
    Response,
    preset_shares,
)
from strut_model.evaluation.scene_suite import SceneOutcome, ScenePart
from strut_model.evaluation.targets import Bound, Target
from strut_model.scene.verification import shown_amount

NAMES: dict[str, str] = {
    "scene_effect": "measures that hold: right way, monotone, .7 to 1.3 times, beyond three seed deviations",
    "scene_effect_worst": "- the worst preset's share",
    "scene_presets": f"- share of presets with {PRESET_SHARE:.0%} or more",
    "scene_effect_together": "- all measures of a preset and a combination at once",
    "scene_direction": "- right way",
    "scene_monotone": "- monotone in alpha",
    "scene_amount": "- .7 to 1.3 times the amount, where one is expected",
    "scene_beyond_seeds": "- beyond three seed deviations",
    "scene_judge": "scene named by the judge at alpha 1, among all presets and none",
    "scene_judge_apart": "- presets that are apart, among these and none",
    "scene_judge_none": "scene-free windows named none",
    "scene_style_gap": "style recognised at alpha 1 less scene-free, by the judges that know no scenes",
    "scene_content_gap": "content recognised at alpha 1 less scene-free, by the judges that know no scenes",
    "scene_style_kept": "style recognised at alpha 1 less scene-free, by the judge that knows scenes",
    "scene_content_kept": "content recognised at alpha 1 less scene-free, by the judge that knows scenes",
    "scene_slips_share": "slips a minute at alpha 1 / expected, where feet slip",
    "scene_slide_ratio": "slide in stance at alpha 1 / scene-free",
    "scene_jerk_ratio": "jerk at alpha 1 / scene-free",
    "scene_frechet": "Frechet distance, judge's features, to operator-made held-out clips of the same presets",
    "scene_free_frechet": "- scene-free rollouts to real held-out clips",
    "scene_alpha_zero": "alpha 0 is scene-free, bit for bit",
}
"""Measures in the table's order, in words."""

TARGETS: tuple[Target, ...] = (
    Target("scene_effect", low=Bound(WHOLE_SHARE)),
    Target("scene_effect_worst", low=Bound(PRESET_SHARE)),
    Target("scene_judge", low=Bound(0.6)),
    Target("scene_style_gap", low=Bound(-0.05)),
    Target("scene_content_gap", low=Bound(-0.05)),
    Target("scene_style_kept", low=Bound(-0.05)),
    Target("scene_content_kept", low=Bound(-0.05)),
    Target("scene_alpha_zero", low=Bound(1.0)),
)


@dataclass(frozen=True)
class SceneReport:
    """Everything that a run found.

    Attributes:
        outcomes: by subject; targets are for the first.
        ceiling: the judge's record of held-out operator-made clips.
        kept: that of the judge of style and content in scenes.
        words: for the ablation, the style of each preset.
        provenance: command, seeds, date, hashes.
    """

    outcomes: Mapping[str, SceneOutcome]
    ceiling: Mapping[str, Any]
    kept: Mapping[str, float]
    words: Mapping[str, str]
    provenance: Mapping[str, Any]

    @property
    def judged(self) -> str:
        """The subject that the targets are for."""
        return next(iter(self.outcomes))

    def verdicts(self) -> dict[str, tuple[str, str]]:
        """Target in words and verdict, by measure."""
        figures = self.outcomes[self.judged].figures
        return {t.measure: (t.text(None), t.verdict(figures.get(t.measure), None)) for t in TARGETS}

    def to_json(self) -> dict[str, Any]:
        """What ``scenes.json`` holds."""
        return {
            "figures": {
                name: {key: figure.to_json() for key, figure in outcome.figures.items()}
                for name, outcome in self.outcomes.items()
            },
            "verdicts": {name: {"target": t, "verdict": v} for name, (t, v) in self.verdicts().items()},
            "presets": {
                name: {part.name: _part_json(part) for part in outcome.parts} for name, outcome in self.outcomes.items()
            },
            "responses": {
                name: [response.to_json() for response in outcome.found] for name, outcome in self.outcomes.items()
            },
            "judge_ceiling": dict(self.ceiling),
            "style_judge_ceiling": dict(self.kept),
            "words": dict(self.words),
            "notes": [note for outcome in self.outcomes.values() for note in outcome.notes],
            "provenance": dict(self.provenance),
        }

    def markdown(self) -> str:
        """What ``scenes.md`` holds."""
        lines = ["# Scenes", "", *(f"- {key}: {value}" for key, value in self.provenance.items()), ""]
        lines += [
            f"Verdicts are about `{self.judged}`. A value stands with its 95 % interval, clustered by combination of "
            "style and content. Changes are those from the scene-free rollouts of the same style, content and seed on "
            "their own paths.",
            "",
            *self._figures(),
            "",
            f"The judge names {self.ceiling.get('all', math.nan):.0%} of the windows of held-out operator-made clips "
            f"({self.ceiling.get('apart', math.nan):.0%} where presets are apart), and calls "
            f"{self.ceiling.get('none', math.nan):.0%} of the real windows scene-free: its ceiling. "
            "The judge of style and content in scenes recognises "
            + ", ".join(f"{share:.0%} ({name})" for name, share in self.kept.items())
            + ".",
            "",
            *self._presets(),
            "",
            *self._by_measure(),
            "",
            *self._measures(),
        ]
        if self.words:
            told = ", ".join(f"{scene}: {word}" for scene, word in self.words.items())
            lines += ["", f"Nearest style words: {told}."]
        notes = [note for outcome in self.outcomes.values() for note in outcome.notes]
        return "\n".join([*lines, "", *(f"- {note}" for note in notes), ""])

    def _figures(self) -> list[str]:
        known = {name for outcome in self.outcomes.values() for name in outcome.figures}
        verdicts = self.verdicts()
        lines = [
            "| measure | " + " | ".join(self.outcomes) + " | target | verdict |",
            "|" + "---|" * (len(self.outcomes) + 3),
        ]
        for name in (n for n in NAMES if n in known or n in verdicts):
            cells = [NAMES[name], *(shown(outcome.figures.get(name)) for outcome in self.outcomes.values())]
            lines.append(f"| {' | '.join([*cells, *verdicts.get(name, ('', ''))])} |")
        return lines

    def _presets(self) -> list[str]:
        """A row for each preset, of all subjects what holds and is named."""
        names = list(self.outcomes)
        heads = [f"{name}: holds" for name in names] + [f"{name}: named" for name in names]
        lines = [
            f"| preset | {' | '.join(heads)} | taken for | judge's ceiling | style | content | slide | jerk | "
            "slips/min (0 to 1) | expected |",
            "|" + "---|" * (len(heads) + 9),
        ]
        shares = {name: preset_shares(outcome.found) for name, outcome in self.outcomes.items()}
        by_preset = self.ceiling.get("by_preset", {})
        for row, part in enumerate(self.outcomes[self.judged].parts):
            cells = [part.name]
            cells += [_percent(shares[name].get(part.name, math.nan)) for name in names]
            cells += [_percent(self.outcomes[name].parts[row].named) for name in names]
            cells.append(", ".join(f"{name} {share:.0%}" for name, share in part.taken_for.items()))
            ceiling = by_preset.get(part.name)
            cells.append("" if ceiling is None else _percent(ceiling))
            pairs = (part.style_gap, part.style_kept), (part.content_gap, part.content_kept)
            cells += [" / ".join(f"{100 * gap:+.0f}" for gap in pair) for pair in pairs]
            cells += [f"{part.slide:.2f}", f"{part.jerk:.2f}"]
            cells += [", ".join(f"{count:.1f}" for count in part.slips), f"{part.expected_slips:.1f}"]
            lines.append(f"| {' | '.join(cells)} |")
        return lines

    def _by_measure(self) -> list[str]:
        """A row for each measure of the judged subject, over all presets; found over expected is the median."""
        rows: dict[str, list[Response]] = {}
        for response in self.outcomes[self.judged].found:
            rows.setdefault(response.expectation.measure, []).append(response)
        lines = [
            "| measure | expected in | found / expected | right way | monotone | .7 to 1.3 | beyond seeds | all |",
            "|" + "---|" * 8,
        ]
        for measure, own in sorted(rows.items(), key=lambda pair: -len(pair[1])):
            exact = [r for r in own if r.within is not None]
            cells = [measure, f"{len(own)}"]
            cells.append(f"{np.median([r.changes[-1] / r.expectation.amount for r in exact]):.2f}" if exact else "")
            cells += [_percent(float(np.mean([getattr(r, n) for r in own]))) for n in ("directed", "monotone")]
            cells.append(_percent(float(np.mean([r.within is True for r in exact]))) if exact else "")
            cells += [_percent(float(np.mean([getattr(r, n) for r in own]))) for n in ("beyond", "holds")]
            lines.append(f"| {' | '.join(cells)} |")
        return lines

    def _measures(self) -> list[str]:
        """A row for each preset and measure of the judged subject."""
        lines = [
            "| preset | measure | expected | found | right way | monotone | .7 to 1.3 | beyond seeds | all |",
            "|" + "---|" * 9,
        ]
        for part in self.outcomes[self.judged].parts:
            rows: dict[str, list[Response]] = {}
            for response in part.found:
                rows.setdefault(response.expectation.measure, []).append(response)
            for number, (measure, own) in enumerate(rows.items()):
                expected = own[0].expectation
                amount = float(np.mean([r.expectation.amount for r in own]))
                exact = [r.within is True for r in own if r.within is not None]
                cells = [
                    part.name if number == 0 else "",
                    measure,
                    shown_amount(amount, expected) if math.isfinite(amount) else "+" * (expected.direction > 0) or "-",
                    shown_amount(float(np.mean([r.changes[-1] for r in own])), expected),
                    _percent(float(np.mean([r.directed for r in own]))),
                    _percent(float(np.mean([r.monotone for r in own]))),
                    _percent(float(np.mean(exact))) if exact else "",
                    _percent(float(np.mean([r.beyond for r in own]))),
                    _percent(float(np.mean([r.holds for r in own]))),
                ]
                lines.append(f"| {' | '.join(cells)} |")
        return lines

    def write(self, directory: Path) -> list[Path]:
        """Writes ``scenes.json`` and ``scenes.md``."""
        directory.mkdir(parents=True, exist_ok=True)
        data, text = directory / "scenes.json", directory / "scenes.md"
        data.write_text(json.dumps(self.to_json(), indent=1, default=_plain) + "\n", encoding="utf-8")
        text.write_text(self.markdown(), encoding="utf-8")
        return [data, text]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be written as JSON")


def _part_json(part: ScenePart) -> dict[str, Any]:
    shares: Sequence[bool] = [response.holds for response in part.found]
    numbers = {
        "holds": float(np.mean(shares)) if shares else math.nan,
        "named": part.named,
        "style_gap": part.style_gap,
        "content_gap": part.content_gap,
        "style_kept": part.style_kept,
        "content_kept": part.content_kept,
        "slide": part.slide,
        "jerk": part.jerk,
        "expected_slips": part.expected_slips,
    }
    return {
        **{key: round(value, 4) if math.isfinite(value) else None for key, value in numbers.items()},
        "slips": [round(count, 3) for count in part.slips],
        "taken_for": part.taken_for,
    }


def _percent(value: float) -> str:
    return f"{value:.0%}" if math.isfinite(value) else ""
