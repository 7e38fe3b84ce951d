"""The report: one table of every figure with its target and verdict, as Markdown and JSON, and contact sheets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strut_model.evaluation.bootstrap import Figure
from strut_model.evaluation.targets import Target
from strut_model.evaluation.trials import Trial
from strut_model.motion import Motion

NAMES: dict[str, str] = {
    "style_accuracy": "style recognised, held-out starts",
    "style_accuracy_data_set_1": "- data set 1",
    "style_accuracy_data_set_2": "- data set 2",
    "style_accuracy_neutral_start": "style recognised, neutral start",
    "style_accuracy_synthetic": "style recognised, synthetic paths (real: walks)",
    "content_accuracy": "content recognised",
    "content_accuracy_locomotion": "- locomotion",
    "content_accuracy_gesture": "- gestures inside their event",
    "content_accuracy_data_set_1": "- data set 1",
    "content_accuracy_data_set_2": "- data set 2",
    "frechet": "Frechet distance, features (real: training to held-out)",
    "frechet_velocity": "Frechet distance, joint velocities",
    "stance_slide": "slide in stance, mean (cm/s)",
    "stance_slide_p95": "slide in stance, 95th percentile (cm/s)",
    "stance_slide_unlocked": "slide in stance before the foot lock, mean (cm/s)",
    "lock_offset_cm": "the foot lock moves a standing foot by (cm)",
    "knee_jump_ratio": "knee acceleration, 95th percentile, with foot lock / without",
    "stance_share_ratio": "share of time in stance / real",
    "cadence_ratio": "cadence / real",
    "step_length_ratio": "step length / real",
    "swing_clearance_ratio": "swing clearance / real",
    "penetration_cm": "feet under the ground, mean (cm)",
    "leg_extension": "greatest leg extension",
    "path_error_cm": "path error, held-out paths (cm)",
    "path_error_synthetic_cm": "path error, synthetic paths (cm)",
    "facing_error_deg": "facing error, held-out paths (degrees)",
    "facing_error_synthetic_deg": "facing error, synthetic paths (degrees)",
    "seam_acceleration_ratio": "acceleration at seams / inside windows",
    "jerk_ratio": "jerk / real",
    "hand_speed_p50_ratio": "hand speed, median / real",
    "hand_speed_p95_ratio": "hand speed, 95th percentile / real",
    "hand_band_ratio": "hand speed at 2 to 8 Hz / real",
    "foot_band_ratio": "foot speed at 2 to 8 Hz / real",
    "head_band_ratio": "head speed at 2 to 8 Hz / real",
    "foot_speed_p50_ratio": "foot speed, median / real",
    "foot_speed_p95_ratio": "foot speed, 95th percentile / real",
    "head_speed_p50_ratio": "head speed, median / real",
    "head_speed_p95_ratio": "head speed, 95th percentile / real",
    "amplitude_ratio": "amplitude / real",
    "lean_difference_deg": "lean of the trunk, difference from real (degrees)",
    "drift_5min": "drift: worst worsening from 10 s to 5 min",
    "switch_recognised": "style switch recognised from 1 s after",
    "switch_median": "style switch / no switch, median pair",
    "switch_worst_decile": "style switch / no switch, worst decile",
    "content_switch": "content switch / no switch",
    "content_switch_recognised": "content switch recognised from 1 s after",
    "idle_recognised": "idle recognised by kinematics",
    "stop_within_1_2s": "stops within 1.2 s",
    "response_s": "response to a changed control (s)",
    "response_direction_s": "- direction",
    "response_speed_s": "- speed",
    "response_stop_s": "- stop",
    "strength_monotone": "strength monotone, share of pairs",
    "strength_zero_neutral": "strength 0 is neutral, share of pairs",
    "part_locality": "style on parts stays there, share",
    "unseen_pair_style": "unseen pairs: style recognised",
    "unseen_pair_content": "unseen pairs: content recognised",
    "diversity_ratio": "spread over seeds / real takes",
    "nonfinite_windows": "windows that are not finite",
}
"""Measures in the table's order, in words; others follow under their own names."""


@dataclass(frozen=True)
class Report:
    """Everything that a run found.

    Attributes:
        subjects: figures by subject and measure.
        targets: by level; verdicts are about ``judged``.
        judged: the subject that the targets are for.
        notes: remarks.
        provenance: command, seeds, date, hashes.
    """

    subjects: Mapping[str, Mapping[str, Figure]]
    targets: Mapping[str, Sequence[Target]]
    judged: str
    notes: Sequence[str]
    provenance: Mapping[str, Any]

    def rows(self) -> list[str]:
        """Measures of any subject, in the table's order."""
        known = {name for figures in self.subjects.values() for name, figure in figures.items() if figure.known}
        return [n for n in NAMES if n in known] + sorted(known - set(NAMES))

    def verdicts(self, level: str) -> dict[str, tuple[str, str]]:
        """Target in words and verdict, by measure."""
        real = self.subjects.get("real", {})
        made = self.subjects.get(self.judged, {})
        return {
            t.measure: (t.text(real.get(t.measure)), t.verdict(made.get(t.measure), real.get(t.measure)))
            for t in self.targets.get(level, ())
        }

    def to_json(self) -> dict[str, Any]:
        """What ``metrics.json`` holds."""
        return {
            **{
                subject: {name: figure.to_json() for name, figure in figures.items()}
                for subject, figures in self.subjects.items()
            },
            "verdicts": {
                level: {m: {"target": t, "verdict": v} for m, (t, v) in self.verdicts(level).items()}
                for level in self.targets
            },
            "judged": self.judged,
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }

    def markdown(self) -> str:
        """What ``report.md`` holds."""
        levels = list(self.targets)
        verdicts = {level: self.verdicts(level) for level in levels}
        subjects = list(self.subjects)
        head = ["measure", *subjects]
        for level in levels:
            head += [f"{level} target", "verdict"]
        lines = [
            "# Evaluation",
            "",
            *(f"- {key}: {value}" for key, value in self.provenance.items()),
            "",
            f"Verdicts are about `{self.judged}`. A value stands with its 95 % interval, clustered by clip: a target "
            "holds when the whole interval does, and is unresolved when it lies within the interval.",
            "",
            "| " + " | ".join(head) + " |",
            "|" + "---|" * len(head),
        ]
        for name in self.rows():
            cells = [f"{NAMES.get(name, name)}"]
            cells += [shown(self.subjects[subject].get(name)) for subject in subjects]
            for level in levels:
                cells += list(verdicts[level].get(name, ("", "")))
            lines.append("| " + " | ".join(cells) + " |")
        lines += ["", *(f"- {note}" for note in self.notes), ""]
        return "\n".join(lines)

    def write(self, directory: Path) -> None:
        """Writes ``metrics.json`` and ``report.md``."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "metrics.json").write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
        (directory / "report.md").write_text(self.markdown(), encoding="utf-8")


def shown(figure: Figure | None) -> str:
    """A figure in a table's cell."""
    if figure is None or not figure.known:
        return ""
    if figure.low == figure.high:
        return f"{figure.value:.3g}"
    return f"{figure.value:.3g} ({figure.low:.3g} to {figure.high:.3g})"


SHEETS: dict[str, str] = {
    "held_out": "held-out clips",
    "neutral_start": "every style from a neutral walk",
    "switches": "switches of style",
    "content_switches": "switches of content",
    "stops": "stops",
}


def write_sheets(
    directory: Path, subject: str, samples: Mapping[str, Sequence[tuple[Trial, Motion]]], rows: int = 8
) -> list[Path]:
    """Contact sheets: strips of poses of some trials of each kind, real above generated where there is real motion.

    Args:
        directory: where to write.
        subject: part of the files' names.
        samples: trials with their motions, by kind.
        rows: trials on a sheet.

    Returns:
        The pictures' paths.
    """
    from PIL import Image

    from strut_model.exports.preview import contact_sheet
    from strut_model.exports.recording import Recording

    written = []
    for kind in SHEETS:
        pairs = samples.get(kind)
        if not pairs:
            continue
        # One of each style, spread over the list.
        chosen: dict[str, tuple[Trial, Motion]] = {}
        for trial, motion in pairs:
            chosen.setdefault(f"{trial.style}", (trial, motion))
        picked = list(chosen.values())
        picked = [picked[i] for i in np.unique(np.linspace(0, len(picked) - 1, rows).astype(int))]
        strips: list[tuple[str, Recording]] = []
        for trial, motion in picked:
            label = f"{trial.style}, {trial.content}"
            if trial.real is not None and trial.real.frames > 30:
                strips.append((f"{label}: real", Recording(trial.real)))
            if "switch" in trial.notes:
                label = f"to {label} at {int(trial.notes['switch']) / 30:.1f} s"
            strips.append((label, Recording(motion)))
        path = directory / f"{subject}_{kind}.png"
        Image.fromarray(contact_sheet(strips)).save(path, optimize=True)
        written.append(path)
    return written
