"""Targets, verdicts and the report's table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strut_model.evaluation.bootstrap import Figure
from strut_model.evaluation.report import Report
from strut_model.evaluation.targets import (
    FALLS_SHORT,
    HOLDS,
    NOT_MEASURED,
    UNRESOLVED,
    TargetError,
    read_targets,
)


def targets_of(tmp_path: Path, text: str) -> dict:
    path = tmp_path / "targets.yaml"
    path.write_text(text, encoding="utf-8")
    return {t.measure: t for t in read_targets(path)["release"]}


def test_a_target_holds_only_when_the_whole_interval_does(tmp_path: Path) -> None:
    target = targets_of(tmp_path, "release: {style: {at_least: 0.9}}")["style"]
    assert target.verdict(Figure(0.95, 0.91, 0.97), None) == HOLDS
    assert target.verdict(Figure(0.95, 0.89, 0.97), None) == UNRESOLVED
    assert target.verdict(Figure(0.80, 0.75, 0.85), None) == FALLS_SHORT
    assert target.verdict(Figure.missing(), None) == NOT_MEASURED


def test_bounds_follow_the_real_figure(tmp_path: Path) -> None:
    targets = targets_of(tmp_path, "release: {f: {at_most: {times_real: 4}}, s: {at_least: {below_real: 0.1}}}")
    real = Figure(0.5, 0.4, 0.6)
    assert targets["f"].verdict(Figure(1.9, 1.8, 1.95), real) == HOLDS
    assert targets["f"].verdict(Figure(2.5, 2.4, 2.6), real) == FALLS_SHORT
    assert targets["s"].verdict(Figure(0.45, 0.42, 0.5), real) == HOLDS
    assert targets["s"].verdict(Figure(0.45, 0.42, 0.5), None) == NOT_MEASURED
    assert targets["f"].text(real) == "<= 2"
    assert targets["f"].text(None) == "<= 4 x real"
    assert targets["s"].text(None) == ">= real - 0.1"


def test_a_band_is_missed_on_either_side(tmp_path: Path) -> None:
    target = targets_of(tmp_path, "release: {r: {between: [0.9, 1.1]}}")["r"]
    verdicts = [target.verdict(Figure(v, v - 0.02, v + 0.02), None) for v in (0.8, 0.91, 1.0, 1.2)]
    assert verdicts == [FALLS_SHORT, UNRESOLVED, HOLDS, FALLS_SHORT]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("release: {style: {more_than: 1}}", "style: .*at_least, at_most, between"),
        ("release: {style: {at_least: {times: 2}}}", "times_real"),
        ("release: {style: {at_least: good}}", "'good'"),
    ],
)
def test_an_unknown_bound_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        targets_of(tmp_path, text)


def test_the_projects_own_targets_are_about_measures_with_a_name() -> None:
    from strut_model.evaluation.report import NAMES

    levels = read_targets()
    assert {t.measure for rows in levels.values() for t in rows} <= set(NAMES)


def test_the_report_has_every_measure_beside_the_real_one(tmp_path: Path) -> None:
    targets = read_targets()
    subjects = {
        "real": {"frechet": Figure(10, 9, 11), "style_accuracy": Figure(0.96, 0.95, 0.97)},
        "student_2": {"frechet": Figure(30, 28, 33), "style_accuracy": Figure(0.80, 0.78, 0.82)},
    }
    report = Report(subjects, targets, "student_2", ["a remark"], {"seeds": [1, 2, 3]})

    report.write(tmp_path)

    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["student_2"]["frechet"] == {"value": 30.0, "low": 28.0, "high": 33.0}
    assert metrics["verdicts"]["release"]["frechet"] == {"target": "<= 40", "verdict": "holds"}
    assert metrics["verdicts"]["release"]["style_accuracy"]["verdict"] == "falls short"
    table = (tmp_path / "report.md").read_text()
    (row,) = [line for line in table.splitlines() if line.startswith("| Frechet distance, features")]
    assert "10 (9 to 11) | 30 (28 to 33) | <= 40 | holds" in row
    assert "seeds: [1, 2, 3]" in table


def test_a_target_whose_measure_was_left_out_stands_in_the_table_as_not_measured() -> None:
    report = Report({"student_2": {}}, read_targets(), "student_2", [], {})
    rows = {line.split(" | ")[0]: line for line in report.markdown().splitlines() if line.startswith("| ")}
    assert rows["| sharp corners: back on the path after (s)"].endswith("| <= 1 | not measured |")
    assert rows["| drift from 10 s to 5 min, worsening: jerk"].endswith("| <= 0.1 | not measured |")


def test_the_issues_measures_all_have_a_target() -> None:
    goal = {target.measure for target in read_targets()["goal"]}
    assert goal >= {
        "style_gap_data_set_1", "style_accuracy_neutral_start", "style_accuracy_synthetic", "content_gap_locomotion",
        "content_accuracy_gesture", "frechet", "frechet_velocity", "stance_slide", "stance_slide_p95",
        "stance_slide_unlocked", "stance_share_ratio", "cadence_ratio", "step_length_ratio", "swing_clearance_ratio",
        "amplitude_ratio", "foot_speed_p50_ratio", "head_speed_p95_ratio", "hand_speed_p50_ratio",
        "seam_acceleration_ratio", "jerk_ratio", "path_error_cm", "path_error_curves_cm", "path_error_corner_cm",
        "corner_return_s", "path_error_stop_cm", "facing_apart_strafing_deg", "facing_apart_other_deg",
        "stop_within_1_2s", "turn_in_place_45", "turn_in_place_180", "drift_5min_style", "drift_5min_upright",
        "switch_median", "switch_worst_decile", "content_switch", "strength_monotone", "strength_zero_neutral",
        "part_locality", "unseen_pair_style_gap", "unseen_pair_content_gap", "diversity_ratio", "one_step_style_gap",
        "one_step_content_gap",
    }  # fmt: skip
