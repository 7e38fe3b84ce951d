"""Scenes measured in closed loops: paths, responses, subjects, slips, and the command with its report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from tests.bundles import tiny_bundle
from tests.model.steppers import clip_of, stand, walk

from strut_model import sentences
from strut_model.bundle import load_bundle
from strut_model.data.pack import Pack, write_pack
from strut_model.data.split import Split
from strut_model.evaluation.commands import evaluate
from strut_model.evaluation.judges import Judges
from strut_model.evaluation.protocol import Protocol
from strut_model.evaluation.scene_responses import (
    Response,
    effect_figures,
    expected_of,
    preset_shares,
    responses,
    seed_deviations,
)
from strut_model.evaluation.scene_rollouts import PATH, SCENE, WORD, Case, SceneSubject, settled_clip
from strut_model.evaluation.scene_trials import SETTLE, Combination, combinations, path_factor
from strut_model.evaluation.scene_words import nearest_words
from strut_model.scene.apply import apply_scene
from strut_model.scene.effects import effects_of
from strut_model.scene.expectations import Expectation
from strut_model.scene.measures import NAMES, Measures, count_slips
from strut_model.scene.presets import preset
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator

STYLES = ("normal", "active", "elderly")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Stepping figures, their split with one pair that never trains, and bundles that do and do not know scenes."""
    folder = tmp_path_factory.mktemp("scene-evaluation")
    clips = [
        clip_of(walk(150, speed), f"{content}_{style}_{take}", content, style)
        for style in STYLES
        for content, speed in (("walk", 0.8), ("run", 1.4))
        for take in range(2)
    ]
    clips.append(clip_of(stand(150), "idle_normal_0", "idle"))
    write_pack(folder / "pack", clips)
    table = {
        clip.name: [
            ("unseen_pair" if clip.name.startswith("run_elderly") else ("held_out", "train")[int(clip.name[-1])], 0,
             clip.frames)
        ]
        for clip in clips
    }  # fmt: skip
    Split(table).write(folder / "split.json")
    tiny_bundle(folder / "bundle", scene=True)
    tiny_bundle(folder / "plain")
    return {name: folder / name for name in ("pack", "bundle", "plain")} | {"split": folder / "split.json"}


@pytest.fixture(scope="module")
def protocol(world: dict[str, Path]) -> Protocol:
    judges = Judges()
    bundle = load_bundle(world["bundle"])
    return Protocol(bundle, Pack(world["pack"]), Split.read(world["split"]), judges.styles, judges.contents)


@pytest.fixture(scope="module")
def chosen(protocol: Protocol) -> list[Combination]:
    return combinations(protocol, 4, 1)


def subject(world: dict[str, Path], kind: str = SCENE, bundle: str = "bundle") -> SceneSubject:
    loaded = load_bundle(world[bundle])
    words = dict.fromkeys(("ice", "low-tunnel"), "youthful")
    return SceneSubject(kind, MotionGenerator(loaded, OnnxEngine(loaded)), 1, kind, words)


def test_combinations_hold_walks_other_gaits_an_unseen_pair_and_what_stands(chosen: list[Combination]) -> None:
    assert [c.content for c in chosen].count("walk") >= 1
    assert [(c.style, c.content) for c in chosen if c.unseen] == [("elderly", "run")]
    assert chosen[-1].content == "idle"
    assert not chosen[-1].gait
    assert len({c.name for c in chosen}) == len(chosen)


def test_a_scene_scales_the_speed_of_a_path_and_leaves_its_shape(chosen: list[Combination]) -> None:
    bent = replace(chosen[0], curvature=0.4)
    path, turn = bent.path(1.0)
    slower, slower_turn = bent.path(path_factor("crowd", 1.0))
    factor = effects_of(preset("crowd").descriptor).speed
    steps = [np.linalg.norm(np.diff(p[-30:], axis=0), axis=-1).mean() for p in (path, slower)]
    assert steps[1] / steps[0] == pytest.approx(factor, rel=1e-3)
    # Where it has turned by as much, it is in the same place.
    same = np.interp(slower_turn, turn, path[:, 0]), np.interp(slower_turn, turn, path[:, 1])
    np.testing.assert_allclose(np.stack(same, axis=-1), slower, atol=0.02)
    assert path_factor("", 0.0) == path_factor("ice", 0.0) == 1.0


def measures(**values: float) -> Measures:
    return Measures(**{name: values.get(name, 1.0) for name in NAMES})


def test_a_response_holds_when_direction_steps_amount_and_seeds_all_agree() -> None:
    lean = Expectation("trunk_lean", 6.0, 1, ratio=False)
    good = Response("rain", "normal walk", lean, (2.0, 4.0, 6.0), deviation=0.5)
    assert good.holds
    wrong = {
        "directed": replace(good, changes=(-2.0, -4.0, -6.0)),
        "monotone": replace(good, changes=(5.0, 3.0, 6.0)),
        "within": replace(good, changes=(3.0, 6.0, 8.0)),
        "beyond": replace(good, deviation=2.1),
    }
    for name, response in wrong.items():
        assert not getattr(response, name)
        assert not response.holds
    assert replace(good, changes=(3.0, 6.0, 9.0), expectation=replace(lean, amount=float("nan"))).holds
    found = [good, *wrong.values()]
    figures = effect_figures(found)
    assert figures["scene_effect"].value == pytest.approx(0.2)
    assert figures["scene_effect_together"].value == 0.0
    assert preset_shares(found) == {"rain": pytest.approx(0.2)}


def test_changes_are_against_the_same_seed_and_deviations_pooled_over_a_content(chosen: list[Combination]) -> None:
    gait, idle = chosen[0], chosen[-1]
    assert {e.measure for e in expected_of("rain", idle)} <= {e.measure for e in expected_of("rain", gait)}
    assert "cadence" not in {e.measure for e in expected_of("rain", idle)}
    before = [[measures(trunk_lean=lean, cadence=2.0) for lean in (0.0, 10.0, 20.0)]] * 2
    deviations = seed_deviations([gait, gait], before)
    assert deviations[gait.content].trunk_lean == pytest.approx(10.0)
    assert deviations[gait.content].cadence == 0.0
    after = [
        [[measures(trunk_lean=lean + 8 * alpha, cadence=2.0 * 1.1**alpha) for lean in (0.0, 10.0, 20.0)]
         for alpha in (0.5, 1.0)]
    ] * 2  # fmt: skip
    found = {r.expectation.measure: r for r in responses("rain", [gait, gait], before, after, deviations)}
    assert found["trunk_lean"].changes == pytest.approx((4.0, 8.0))
    assert not found["trunk_lean"].beyond
    assert found["cadence"].changes == pytest.approx((1.1**0.5 - 1, 0.1))
    assert found["cadence"].holds


def test_a_ceiling_says_how_far_a_head_comes_down(chosen: list[Combination]) -> None:
    before = [[measures(head_height=1.65), measures(head_height=1.67)]]
    deviations = seed_deviations(chosen[:1], before)

    def held(height: float) -> Response:
        after = [[[measures(head_height=height)] * 2]]
        found = responses("low-tunnel", chosen[:1], before, after, deviations)
        return next(r for r in found if r.expectation.measure == "head_height")

    assert held(1.17).expectation.amount == pytest.approx(1.17 - 1.66)
    assert held(1.17).holds
    # Neither half way down nor on the ground.
    assert not held(1.45).within
    assert not held(0.9).within


def test_subjects_differ_in_what_they_make_of_a_scene_and_not_in_noise(
    world: dict[str, Path], chosen: list[Combination]
) -> None:
    cases = [Case(chosen[0]), Case(chosen[0], "ice", 1.0), Case(chosen[0], "ice", 0.0)]
    made = {kind: subject(world, kind).roll(cases, seed=1) for kind in (SCENE, PATH, WORD)}
    for name in ("root_position", "pelvis", "rotations", "contacts"):
        free = getattr(made[SCENE][0], name)
        np.testing.assert_array_equal(getattr(made[SCENE][2], name), free)
        for kind in (PATH, WORD):
            np.testing.assert_array_equal(getattr(made[kind][0], name), free)
    shown = {kind: motions[1] for kind, motions in made.items()}
    ways = [np.linalg.norm(m.root_position[-1] - m.root_position[-31]) for m in (made[SCENE][0], *shown.values())]
    np.testing.assert_allclose(np.divide(ways[1:], ways[0]), path_factor("ice", 1.0), rtol=0.02)
    # The tiny student tints its pose by scene and style: the three kinds differ from each other.
    poses = [shown[kind].rotations for kind in (SCENE, PATH, WORD)]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(poses[first] - poses[second]).max() > 1e-5
    alone = subject(world).roll([cases[1]], seed=1)[0]
    np.testing.assert_allclose(alone.positions(), shown[SCENE].positions(), atol=1e-4)


def test_a_bundle_that_knows_no_scenes_walks_the_scenes_path(world: dict[str, Path], chosen: list[Combination]) -> None:
    plain = subject(world, bundle="plain")
    assert not plain.knows_scenes
    cases = [Case(chosen[0], "low-tunnel", 1.0)]
    path_alone = subject(world, PATH, bundle="plain").roll(cases, seed=1)[0]
    np.testing.assert_array_equal(plain.roll(cases, seed=1)[0].rotations, path_alone.rotations)


def test_feet_that_sink_are_below_the_surface(world: dict[str, Path], chosen: list[Combination]) -> None:
    free, deep = subject(world).roll([Case(chosen[0]), Case(chosen[0], "deep-snow", 1.0)], seed=1)
    heights = [settled_clip(chosen[0], m).pelvis[-1, 1] for m in (free, deep)]
    assert heights[0] - heights[1] == pytest.approx(effects_of(preset("deep-snow").descriptor).sink, abs=0.03)
    assert settled_clip(chosen[0], free).frames == free.frames - SETTLE


def test_slips_are_counted_where_the_operators_made_them() -> None:
    clip = clip_of(walk(900), "walk", "walk")
    assert count_slips(clip) == 0
    slipped = apply_scene(clip, preset("ice").descriptor, 1.0, seed=3)
    assert len(slipped.slips) > 0
    assert count_slips(slipped.clip) == len(slipped.slips)
    # Deep ground does not hide them.
    sunk = replace(slipped.clip, pelvis=slipped.clip.pelvis - np.float32([0, 0.2, 0]))
    assert count_slips(sunk) == len(slipped.slips)


@pytest.mark.skipif(not sentences.available(), reason="needs the text extra")
def test_words_are_the_styles_nearest_in_meaning(world: dict[str, Path]) -> None:
    words = nearest_words(load_bundle(world["bundle"]), ["ice", "cave"])
    assert words["cave"] in ("normal", "active", "elderly", "youthful")
    assert set(words) == {"ice", "cave"}


def test_the_command_measures_scenes_and_what_stands_for_them(world: dict[str, Path], tmp_path: Path) -> None:
    arguments = [
        "scene", "--bundle", str(world["bundle"]), "--data", str(world["pack"]), "--split", str(world["split"]),
        "--preset", "deep-snow", "--preset", "cold", "--combinations", "2", "--seeds", "2", "--steps", "1",
        "--operators", "--quiet", "--out", str(tmp_path),
    ]  # fmt: skip
    if sentences.available():
        arguments.append("--ablation")
    result = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "scenes.json").read_text(encoding="utf-8"))
    subjects = {"student_1", "operators"} | ({"style word", "path alone"} if sentences.available() else set())
    assert set(found["figures"]) == subjects
    assert set(found["presets"]["student_1"]) == {"deep-snow", "cold"}
    assert found["figures"]["student_1"]["scene_alpha_zero"]["value"] == 1.0
    # A held pose steps nowhere: what is expected of it is posture, and only how deep it sinks is as it should be.
    sunk = [r for r in found["responses"]["student_1"] if r["measure"] == "sink"]
    assert sunk
    assert all(r["within"] and r["directed"] and r["monotone"] for r in sunk)
    assert found["figures"]["student_1"]["scene_effect"]["value"] < 0.9
    assert found["verdicts"]["scene_judge"]["target"] == ">= 0.6"
    assert found["figures"]["student_1"]["scene_content_kept"]["value"] is not None
    assert found["presets"]["student_1"]["cold"]["style_kept"] is not None
    text = (tmp_path / "scenes.md").read_text(encoding="utf-8")
    assert "| deep-snow |" in text
    assert re.search(rf"\| sink \| {len(sunk)} \| [01]\.\d\d \| 100% \| 100% \| 100% \|", text)
    assert "pair not trained" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "moon"], "preset: is 'moon', which does not exist"),
        (["--steps", "3"], "is not one of '1', '2', '4'"),
    ],
)
def test_what_cannot_be_measured_is_refused_by_name(world: dict[str, Path], arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(evaluate, ["scene", "--data", str(world["pack"]), *arguments])
    assert result.exit_code != 0
    assert message in result.output
