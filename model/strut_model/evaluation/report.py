"""The report: one table of every figure with its target and verdict, as Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strut_model.evaluation.bootstrap import Figure
from strut_model.evaluation.targets import Target

NAMES: dict[str, str] = {
    "style_accuracy": "style recognised, held-out starts",
    "style_accuracy_data_set_1": "- data set 1",
    "style_accuracy_data_set_2": "- data set 2",
    "style_gap_data_set_1": "style recognised less the ceiling of the same clips, data set 1",
    "style_gap_data_set_2": "style recognised less the ceiling of the same clips, data set 2",
    "style_accuracy_neutral_start": "style recognised, neutral start",
    "style_accuracy_synthetic": "style recognised, synthetic paths for 10 s (real: walks)",
    "content_accuracy": "content recognised",
    "content_accuracy_locomotion": "- locomotion",
    "content_accuracy_data_set_1": "- data set 1",
    "content_accuracy_data_set_2": "- data set 2",
    "content_accuracy_gesture": "content recognised, gestures inside their event",
    "content_gap_locomotion": "content recognised less the ceiling of the same clips, locomotion",
    "one_step_style_gap": "style recognised, one step less two steps",
    "one_step_content_gap": "content recognised, one step less two steps",
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
    "amplitude_ratio": "amplitude / real",
    "penetration_cm": "feet under the ground, mean (cm)",
    "leg_extension": "greatest leg extension",
    "lean_difference_deg": "lean of the trunk, difference from real (degrees)",
    "hand_speed_p50_ratio": "hand speed, median / real",
    "hand_speed_p95_ratio": "hand speed, 95th percentile / real",
    "foot_speed_p50_ratio": "foot speed, median / real",
    "foot_speed_p95_ratio": "foot speed, 95th percentile / real",
    "head_speed_p50_ratio": "head speed, median / real",
    "head_speed_p95_ratio": "head speed, 95th percentile / real",
    "hand_band_ratio": "hand speed at 2 to 8 Hz / real",
    "foot_band_ratio": "foot speed at 2 to 8 Hz / real",
    "head_band_ratio": "head speed at 2 to 8 Hz / real",
    "seam_acceleration_ratio": "acceleration at seams / inside windows",
    "jerk_ratio": "jerk / real",
    "path_error_cm": "path error, held-out paths (cm)",
    "path_error_synthetic_cm": "path error, straight lines and wide curves (cm)",
    "path_error_curves_cm": "path error, curves of radius 1.25 m walking, 3 m running (cm)",
    "path_error_corner_cm": "sharp corners: largest path error (cm)",
    "corner_return_s": "sharp corners: back on the path after (s)",
    "path_error_stop_cm": "path error, stops (cm)",
    "facing_error_deg": "facing error, held-out paths (degrees)",
    "facing_error_synthetic_deg": "facing error, straight lines and wide curves (degrees)",
    "facing_apart_strafing_deg": "facing apart from travel, styles with strafing data (degrees)",
    "facing_apart_other_deg": "facing apart from travel, other styles (degrees)",
    "path_error_apart_cm": "path error, facing apart from travel (cm)",
    "stop_within_1_2s": "stop asked: under .1 m/s on both feet within 1.2 s, share",
    "turn_in_place_45": "turn in place by 45 degrees: reached without sliding, share",
    "turn_in_place_90": "turn in place by 90 degrees: reached without sliding, share",
    "turn_in_place_180": "turn in place by 180 degrees: reached without sliding, share",
    "turn_in_place_error_deg": "- facing error at the end (degrees)",
    "turn_in_place_slide": "- slide while turning (cm/s)",
    "response_s": "response to a changed control (s)",
    "response_direction_s": "- direction",
    "response_speed_s": "- speed",
    "response_stop_s": "- stop",
    "drift_5min": "drift from 10 s to 5 min, worsening: the largest of all",
    "drift_5min_style": "drift from 10 s to 5 min, worsening: style recognised",
    "drift_5min_content": "drift from 10 s to 5 min, worsening: content recognised",
    "drift_5min_path": "drift from 10 s to 5 min, worsening: path error",
    "drift_5min_facing": "drift from 10 s to 5 min, worsening: facing error",
    "drift_5min_slide": "drift from 10 s to 5 min, worsening: slide in stance",
    "drift_5min_stance": "drift from 10 s to 5 min, worsening: share of time in stance",
    "drift_5min_jerk": "drift from 10 s to 5 min, worsening: jerk",
    "drift_5min_amplitude": "drift from 10 s to 5 min, worsening: amplitude",
    "drift_5min_upright": "drift from 10 s to 5 min, worsening: lowest height of the head",
    "nonfinite_windows": "windows that are not finite",
    "switch_recognised": "style switch recognised from 1 s after",
    "switch_median": "style switch / no switch, median pair",
    "switch_worst_decile": "style switch / no switch, worst decile",
    "content_switch": "content switch / no switch",
    "content_switch_gait_to_gait": "- gait to gait",
    "content_switch_gait_to_idle": "- gait to idle",
    "content_switch_idle_to_gait": "- idle to gait",
    "content_switch_gait_to_gesture": "- gait to gesture",
    "content_switch_gesture_to_gait": "- gesture to gait",
    "content_switch_idle_to_gesture": "- idle to gesture",
    "content_switch_gesture_to_idle": "- gesture to idle",
    "content_switch_recognised": "content switch recognised from 1 s after",
    "idle_recognised": "idle recognised by kinematics",
    "strength_monotone": "strength monotone, share of style-content pairs",
    "strength_monotone_margin": "- by the judges' margin",
    "strength_monotone_reach": "- by the way from neutral",
    "strength_reach_1": "- strength 1: way from neutral to real style gone",
    "strength_reach_150": "- strength 1.5: way from neutral to real style gone",
    "strength_zero_neutral": "strength 0 is neutral, share of pairs",
    "part_locality": "style on parts is seen there and stays there, share",
    "unseen_pair_style": "unseen pairs: style recognised by who knows them",
    "unseen_pair_style_gap": "unseen pairs less seen ones: style recognised",
    "unseen_pair_content": "unseen pairs: content recognised by who knows them",
    "unseen_pair_content_gap": "unseen pairs less seen ones: content recognised",
    "diversity_ratio": "spread over seeds / real takes",
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
        """Measures of any subject and those that have a target, in the table's order."""
        known = {name for figures in self.subjects.values() for name, figure in figures.items() if figure.known}
        known |= {target.measure for targets in self.targets.values() for target in targets}
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
