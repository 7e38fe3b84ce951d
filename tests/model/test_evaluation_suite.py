"""The whole evaluation in small: real-looking clips, a bundle that holds its pose, every figure and the report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from tests.bundles import tiny_bundle
from tests.model.walkers import standing_motion

from strut_model.bundle import load_bundle
from strut_model.clip import Clip
from strut_model.contacts import foot_contacts
from strut_model.data.pack import Pack, write_pack
from strut_model.data.split import Split
from strut_model.evaluation import manoeuvres
from strut_model.evaluation.commands import evaluate, make_subject
from strut_model.evaluation.judges import Judges
from strut_model.evaluation.pairs import fitting_windows
from strut_model.evaluation.protocol import Protocol, ProtocolError, spread
from strut_model.evaluation.suite import Extent, Suite
from strut_model.evaluation.switches import ContentSwitch, StyleSwitch, SwitchList
from strut_model.evaluation.trials import CountingGenerator, roll
from strut_model.motion import Motion

STYLES = ("normal", "active", "elderly")
FRAMES = 150


def clip_of(motion: Motion, style: str, content: str, take: int) -> Clip:
    positions = motion.positions()
    return Clip(
        name=f"{content}_{style}_{take}",
        pelvis=motion.world_pelvis().astype(np.float32),
        rotations=motion.world_rotations().astype(np.float32),
        contacts=foot_contacts(positions),
        content=content,
        style=style,
        take=str(take),
        dataset="bandai-namco-2",
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A data set of gliding figures, its split and a bundle whose student glides along any path in its last pose."""
    folder = tmp_path_factory.mktemp("evaluation")
    clips = [
        clip_of(standing_motion(FRAMES, speed, heading=0.3 * take), style, content, take)
        for style in STYLES
        for content, speed in (("walk", 0.8), ("run", 2.8))
        for take in range(3)
    ]
    waving = standing_motion(FRAMES)
    waving.pelvis[:, 1] += 0.001 * np.arange(FRAMES, dtype=np.float32)
    clips.append(clip_of(waving, "normal", "wave", 1))
    write_pack(folder / "pack", clips)
    # Two takes train, one is held out; of one pair all takes are unseen.
    table = {
        c.name: [("unseen_pair" if (c.content, c.style) == ("run", "elderly") else "held_out" if c.take == "0" else
                  "train", 0, c.frames)]
        for c in clips
    }  # fmt: skip
    Split(table).write(folder / "split.json")
    tiny_bundle(folder / "bundle")
    return {name: folder / name for name in ("pack", "bundle")} | {"split": folder / "split.json"}


@pytest.fixture(scope="module")
def protocol(world: dict[str, Path]) -> Protocol:
    judges = Judges()
    bundle = load_bundle(world["bundle"])
    return Protocol(bundle, Pack(world["pack"]), Split.read(world["split"]), judges.styles, judges.contents)


SMALL = Extent(
    clips=12, seeds=(1, 2), synthetic_seconds=4, drift_seconds=30, diversity_seeds=2, switches=4, extras=True
)
SWITCHES = SwitchList(
    (StyleSwitch("walk", "normal", "active"), StyleSwitch("run", "active", "normal")),
    (ContentSwitch("active", "walk", "run"), ContentSwitch("normal", "walk", "idle")),
)


def test_the_first_window_of_a_held_out_trial_follows_its_eight_real_frames(protocol: Protocol) -> None:
    trials = protocol.held_out()
    assert {(t.style, t.content) for t in trials} == {(s, c) for s in STYLES for c in ("walk", "run")} - {
        ("elderly", "run")
    }
    for trial in trials:
        assert trial.history.frames == 8
        assert trial.real is not None
        assert trial.frames == trial.real.frames
        step = trial.path[0] - trial.history.root_position[-1]
        np.testing.assert_allclose(step, trial.path[1] - trial.path[0], atol=1e-3)


def test_unseen_pairs_are_trials_of_their_own(protocol: Protocol) -> None:
    assert {(t.style, t.content) for t in protocol.unseen()} == {("elderly", "run")}
    assert not protocol.has("elderly", "run")


def test_synthetic_paths_begin_where_the_history_ends(protocol: Protocol) -> None:
    for trial in protocol.synthetic(4) + protocol.neutral_start():
        np.testing.assert_allclose(trial.history.root_position[-1], 0, atol=1e-6)
        assert np.linalg.norm(trial.path[0]) < 0.15
        # 1.2 m/s walking, 2.8 m/s running, from the start's speed on.
        speed = np.linalg.norm(np.diff(trial.path, axis=0), axis=-1)[-1] * 30
        assert speed == pytest.approx(1.2 if trial.content == "walk" else 2.8, rel=0.05)


def test_limiting_the_trials_keeps_every_style(protocol: Protocol) -> None:
    trials = protocol.held_out()
    assert {t.style for t in spread(trials, 3)} == set(STYLES)
    assert spread(trials, None) == trials


def test_a_trials_motion_does_not_depend_on_the_others_in_its_batch(protocol: Protocol, world: dict[str, Path]) -> None:
    trials = protocol.held_out()[:4]
    generator = CountingGenerator(make_subject("student_2", load_bundle(world["bundle"]), None, 1).generator)
    together = roll(generator, trials, seed=1, steps=2)
    alone = roll(generator, trials[2:3], seed=1, steps=2)[0]
    np.testing.assert_allclose(together[2].positions(), alone.positions(), atol=1e-4)
    other = roll(generator, trials[2:3], seed=2, steps=2)[0]
    assert np.abs(other.positions() - alone.positions()).max() > 1e-4
    assert generator.nonfinite == 0


def test_manoeuvres_are_asked_by_samples_from_the_styles_own_gait_or_from_standing(protocol: Protocol) -> None:
    corners = manoeuvres.corners(protocol)
    assert {(t.style, t.content, t.notes["degrees"]) for t in corners} >= {
        ("active", "walk", 90.0),
        ("normal", "run", -90),
    }
    for trial in corners:
        step = np.diff(trial.path[manoeuvres.CORNER - 2 : manoeuvres.CORNER + 2], axis=0)
        turned = np.degrees(np.arctan2(step[-1, 0], step[-1, 1]) - np.arctan2(step[0, 0], step[0, 1]))
        assert turned == pytest.approx(float(trial.notes["degrees"]), abs=1e-3)
    for trial in manoeuvres.curves(protocol):
        step = np.diff(trial.path[-60:], axis=0)
        turn = np.diff(np.unwrap(np.arctan2(step[:, 0], step[:, 1])))
        radius = np.linalg.norm(step, axis=-1)[1:] / np.abs(turn)
        np.testing.assert_allclose(radius, 1.25 if trial.content == "walk" else 3.0, rtol=0.02)
    turns = manoeuvres.turns_in_place(protocol)
    assert {round(np.degrees(abs(t.facing[-1]))) for t in turns} == {45, 90, 180}
    assert not any(np.any(t.path) for t in turns)
    apart = manoeuvres.facing_apart(protocol)
    assert {t.notes["strafing"] for t in apart} == {0.0}
    assert {round(np.degrees(abs(t.facing[-1]))) for t in apart} == {45, 90}
    assert all(t.sampled for t in [*corners, *turns, *apart])


def test_a_sampled_path_is_planned_as_a_server_does_whatever_else_is_in_the_batch(
    protocol: Protocol, world: dict[str, Path]
) -> None:
    generator = CountingGenerator(make_subject("student_2", load_bundle(world["bundle"]), None, 1).generator)
    corner = manoeuvres.corners(protocol)[0]
    others = [replace(corner, name="frame by frame", sampled=False), manoeuvres.turns_in_place(protocol)[2]]
    sampled, framed, _ = roll(generator, [corner, *others], seed=1, steps=2)
    alone = roll(generator, [corner], seed=1, steps=2)[0]
    np.testing.assert_allclose(sampled.positions(), alone.positions(), atol=1e-4)
    # Away from the corner the two are the same walk; at it, the plan is rounded and the bare path is not.
    gap = np.linalg.norm(sampled.root_position - framed.root_position, axis=-1)
    assert gap[:24].max() < 0.03
    assert 0.02 < gap[manoeuvres.CORNER - 8 : manoeuvres.CORNER + 8].max() < 0.2


def test_a_gesture_is_left_from_frames_that_are_as_far_in_it_as_is_asked(
    protocol: Protocol, world: dict[str, Path]
) -> None:
    waving = Protocol(protocol.bundle, protocol.pack, protocol.split, STYLES, ["walk", "wave"])
    # The waving figure rises by a millimetre a frame, so that its height tells the frame.
    heights = [waving.start("normal", "wave", phase=p).history.pelvis[0, 1] for p in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(np.subtract(heights, heights[0]), [0, 0.075, 0.142], atol=1e-4)


def test_the_unseen_pairs_clips_are_split_between_judges_and_trials(protocol: Protocol) -> None:
    first, last = protocol.unseen_halves()
    assert len(first) == 1
    assert len(last) == 2
    assert not {s.clip for s in first} & {s.clip for s in last}
    fitted = {w.clip for w in fitting_windows(protocol)}
    assert fitted & {s.clip for s in first}
    assert not fitted & {s.clip for s in [*last, *protocol.split.segments("held_out")]}
    assert {(w.style, w.content) for w in fitting_windows(protocol)} == {("elderly", "walk"), ("elderly", "run")}
    assert {t.clip for t in protocol.unseen()} == {s.clip for s in last}


def test_every_figure_is_measured_and_a_held_pose_falls_short_where_it_must(
    protocol: Protocol, world: dict[str, Path]
) -> None:
    suite = Suite(protocol, Judges(), SWITCHES, SMALL)
    real = suite.real()
    made = suite.subject(make_subject("student_2", load_bundle(world["bundle"]), None, 1), progress=False)

    assert real.figures["jerk_ratio"].value == 1.0
    assert real.figures["path_error_cm"].value < 1.0
    # The held pose of a gliding clip glides on: the same slide, the same path.
    assert real.figures["stance_slide"].value == pytest.approx(80, rel=0.01)
    assert made.figures["path_error_cm"].value < 5.0
    assert made.figures["nonfinite_windows"].value == 0
    assert made.figures["strength_monotone"].value == 0.0
    assert made.figures["switch_recognised"].value < 1.0
    # Only the tiny student's root channel turns, not its body: that is off by all that was asked, and stands still.
    assert made.figures["turn_in_place_error_deg"].value == pytest.approx((45 + 90 + 180) / 3, abs=1)
    assert made.figures["turn_in_place_90"].value == 0.0
    assert made.figures["turn_in_place_slide"].value < 1
    assert made.figures["facing_apart_other_deg"].value == pytest.approx((45 + 90) / 2, abs=3)
    # It takes a corner as the server rounds it.
    assert 1 < made.figures["path_error_corner_cm"].value < 20
    assert made.figures["corner_return_s"].value < 1
    assert made.hits is not None
    assert real.hits is not None
    for name in (
        "style_accuracy_neutral_start", "style_accuracy_synthetic", "content_accuracy", "frechet", "frechet_velocity",
        "stance_slide_p95", "stance_slide_unlocked", "stance_share_ratio", "path_error_synthetic_cm",
        "facing_error_deg", "seam_acceleration_ratio", "hand_speed_p50_ratio", "hand_speed_p95_ratio",
        "switch_median", "switch_worst_decile", "content_switch", "stop_within_1_2s", "response_s", "part_locality",
        "unseen_pair_style", "unseen_pair_content_gap", "amplitude_ratio", "drift_30s", "drift_30s_style",
        "style_gap_data_set_2", "content_gap_locomotion", "path_error_curves_cm", "path_error_stop_cm",
        "facing_apart_other_deg", "path_error_apart_cm", "turn_in_place_45", "turn_in_place_180",
        "strength_monotone_reach", "content_switch_gait_to_idle",
    ):  # fmt: skip
        assert name in made.figures, name


def test_the_command_writes_metrics_report_and_breakdown(world: dict[str, Path], tmp_path: Path) -> None:
    arguments = [
        "--bundle", str(world["bundle"]), "--data", str(world["pack"]), "--split", str(world["split"]),
        "--quick", "--clips", "8", "--subjects", "real,student_1,student_2", "--judged", "student_2", "--no-pictures",
        "--out", str(tmp_path),
    ]  # fmt: skip
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["judged"] == "student_2"
    assert set(metrics["student_1"]["style_accuracy"]) == {"value", "low", "high"}
    assert metrics["verdicts"]["release"]["style_accuracy"]["verdict"] in ("falls short", "unresolved", "holds")
    assert metrics["provenance"]["seeds"] == [1]
    assert "held_out style" in json.loads((tmp_path / "breakdown.json").read_text(encoding="utf-8"))["student_1"]
    assert "| style recognised, held-out starts |" in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert metrics["verdicts"]["goal"]["one_step_style_gap"]["verdict"] in ("falls short", "unresolved", "holds")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--subjects", "real,student_3"], "student_3, allowed: real, teacher, student_1"),
        ([], "--data is needed"),
        (["--subjects", "teacher"], "--teacher is needed"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_name(world: dict[str, Path], arguments: list[str], message: str) -> None:
    if "--subjects" in arguments:
        arguments = [*arguments, "--data", str(world["pack"])]
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code != 0
    assert message in result.output


def test_clips_that_the_judges_do_not_know_are_refused_with_the_way_out(world: dict[str, Path]) -> None:
    with pytest.raises(ProtocolError, match="train-judges"):
        Protocol(load_bundle(world["bundle"]), Pack(world["pack"]), Split.read(world["split"]), ["robot"], ["walk"])


def test_a_folder_that_is_no_bundle_is_refused_in_one_line(world: dict[str, Path], tmp_path: Path) -> None:
    result = CliRunner().invoke(evaluate, ["--bundle", str(tmp_path), "--data", str(world["pack"])])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "manifest.json" in result.output
