"""The scene judge: whose it is, what it may see, which presets it is held to, and that it learns."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.model.steppers import clip_of, walk

from strut_model.clip import Clip
from strut_model.data.pack import Pack, PackError, write_pack
from strut_model.data.split import Segment
from strut_model.evaluation import scene_judge_training as training
from strut_model.evaluation.judges import JudgeError
from strut_model.evaluation.scene_classes import (
    LEAST_DISTANCE,
    NONE,
    apart_presets,
    distances,
    effects_code,
    preset_code,
    scene_classes,
    twins,
)
from strut_model.evaluation.scene_clips import SceneCorpus, make_clips, mirrored_clip, plan_clips
from strut_model.evaluation.scene_judge import SceneJudge
from strut_model.evaluation.scene_style_judge import SceneStyleJudge, pose_input, train_scene_style_judge
from strut_model.evaluation.train_judges import save_judge
from strut_model.motion import Motion
from strut_model.scene.apply import apply_scene
from strut_model.scene.effects import effects_of
from strut_model.scene.measures import measure
from strut_model.scene.presets import preset, presets


@pytest.fixture(scope="module")
def judge() -> SceneJudge:
    return SceneJudge()


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    folder = tmp_path_factory.mktemp("scenes") / "pack"
    clips = [
        clip_of(walk(130, speed=speed), f"{content}_{style}_{speed:g}", content, style=style)
        for style in ("calm", "proud")
        for content, speed in (("walk", 0.7), ("walk", 0.9), ("run", 1.3))
    ]
    write_pack(folder, [*clips, clip_of(walk(130), "wave", "wave", style="calm")])
    return Pack(folder)


def segments(pack: Pack) -> list[Segment]:
    return [Segment(info.name, 0, info.frames) for info in pack.clips]


def test_presets_that_are_apart_are_far_from_each_other_and_from_no_scene() -> None:
    apart = apart_presets()
    assert len(apart) >= 24
    table = distances([NONE, *apart])
    assert table[np.triu_indices(len(table), 1)].min() >= LEAST_DISTANCE
    # Every preset that is left out is nearer than that to one of these, or to none.
    for name in set(presets()) - set(apart):
        assert distances([name, NONE, *apart])[0, 1:].min() < LEAST_DISTANCE
    assert all(distance < LEAST_DISTANCE and not {a, b} <= {NONE, *apart} for a, b, distance in twins())


def test_a_scene_is_the_further_from_none_the_stronger_it_shows() -> None:
    for name in presets():
        effects = effects_of(preset(name).descriptor)
        far = [np.linalg.norm(effects_code(effects.scaled(alpha))) for alpha in (0.3, 0.7, 1.0)]
        assert 0 < far[0] <= far[1] <= far[2]
        np.testing.assert_array_equal(preset_code(name), effects_code(effects))


def test_clips_are_even_over_classes_and_styles_and_of_gaits_alone(pack: Pack) -> None:
    plans = plan_clips(pack, segments(pack), 2, (0.7, 1.3), seed=4, longest=90)
    assert plans == plan_clips(pack, segments(pack), 2, (0.7, 1.3), seed=4, longest=90)
    counts = {(scene, style): 0 for scene in scene_classes() for style in ("calm", "proud")}
    for plan in plans:
        counts[plan.scene, plan.style] += 1
        assert plan.content in ("walk", "run")
        assert plan.segment.frames <= 90
        assert plan.alpha == 0.0 if plan.scene == NONE else 0.7 <= plan.alpha <= 1.3
    assert set(counts.values()) == {2}
    with pytest.raises(PackError, match="60 frames or more"):
        plan_clips(pack, [Segment("walk_calm_0.7", 0, 59)], 2, (1.0, 1.0), seed=4)


def test_a_wind_comes_from_its_own_side_of_mirrored_clips_too() -> None:
    clip = clip_of(walk(120), "walk", "walk")
    wind = preset("gusty-crosswind").descriptor
    plain, mirrored = measure(clip), measure(mirrored_clip(clip))
    assert mirrored.step_length == pytest.approx(plain.step_length, abs=0.02)
    expected = effects_of(wind).trunk_side
    for before, source in ((plain, clip), (mirrored, mirrored_clip(clip))):
        after = measure(apply_scene(source, wind).clip)
        assert after.trunk_side - before.trunk_side == pytest.approx(expected, abs=1.5)


def test_the_judge_is_there_with_its_recorded_hash_and_names_most_held_out_windows(judge: SceneJudge) -> None:
    assert judge.network is judge.network
    assert judge.classes == scene_classes()
    assert judge.apart == apart_presets()
    assert judge.record["held_out"]["all"] > 0.85


def test_a_changed_judge_is_refused_and_a_missing_one_says_what_makes_it(judge: SceneJudge, tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="strut eval train-scene-judge"):
        SceneJudge(tmp_path)
    shutil.copytree(judge.directory, tmp_path / "judges")
    weights = tmp_path / "judges" / "judge_scene.npz"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(JudgeError, match=r"sha256 is [0-9a-f]{64}, expected [0-9a-f]{64}"):
        _ = SceneJudge(tmp_path / "judges").network


def test_place_heading_and_height_do_not_matter_but_speed_does(judge: SceneJudge) -> None:
    motion = clip_of(walk(60), "walk", "walk").motion()
    moved = motion.transformed(np.array([30.0, -7.0]), np.float32(2.0))
    higher = Motion(
        motion.root_position, motion.root_heading, motion.pelvis + np.float32([0, 0.5, 0]), motion.rotations,
        motion.contacts,
    )  # fmt: skip
    faster = Motion(1.5 * motion.root_position, motion.root_heading, motion.pelvis, motion.rotations, motion.contacts)
    said = judge.judge(Motion.stack([motion, moved, higher, faster]))
    np.testing.assert_allclose(said.scores[1:3], said.scores[[0, 0]], atol=5e-3)
    assert np.abs(said.scores[3] - said.scores[0]).max() > 0.05
    with pytest.raises(ValueError, match="allowed: 60"):
        judge.judge(Motion.stack([motion.slice_frames(0, 50)]))


def test_judges_learn_scenes_and_contents_from_operator_made_clips(pack: Pack, tmp_path: Path) -> None:
    classes = [NONE, "low-tunnel", "narrow-beam", "wading"]
    recipe = training.SceneJudgeRecipe(steps=60, batch=32, averaging=0.9)

    def corpus(alphas: tuple[float, float], seed: int) -> SceneCorpus:
        plans = plan_clips(pack, segments(pack), 2, alphas, seed, longest=90, scenes=classes)
        return SceneCorpus.of(make_clips(pack, plans))

    made, held = corpus((0.7, 1.3), 1), corpus((1.0, 1.0), 2)
    save_judge(training.train_network(made, recipe, progress=False), tmp_path / training.WEIGHTS)
    record = training.record_scene_judge(tmp_path, held, recipe)
    assert record["held_out"]["all"] > 0.8
    assert record["held_out"]["none"] > 0.8
    assert SceneJudge(tmp_path).record["held_out"] == record["held_out"]

    # Here styles differ by name alone, and contents by how far the feet go.
    record = train_scene_style_judge(made, held, tmp_path, recipe, progress=False)
    assert record["styles"] == ["calm", "proud"]
    assert record["held_out"]["content scenes"] > 0.8
    assert SceneStyleJudge(tmp_path).record["held_out"] == record["held_out"]


def test_the_judge_of_styles_in_scenes_is_frozen_and_sees_no_speed_over_ground(tmp_path: Path) -> None:
    judge = SceneStyleJudge()
    held = judge.record["held_out"]
    assert min(held["style scenes"], held["content scenes"]) > 0.8
    motion = clip_of(walk(60), "walk", "walk").motion()
    faster = Motion(1.5 * motion.root_position, motion.root_heading, motion.pelvis, motion.rotations, motion.contacts)
    stacked = Motion.stack([motion, faster])
    inputs = pose_input(stacked.positions(), stacked.root_heading)
    np.testing.assert_allclose(inputs[1], inputs[0], atol=1e-3)
    styles, contents = judge.judge(stacked)
    assert styles[0] == styles[1]
    assert contents[0] == contents[1]
    with pytest.raises(JudgeError, match="strut eval train-scene-judge"):
        SceneStyleJudge(tmp_path)


def test_windows_are_read_from_the_clips_that_they_are_of(pack: Pack) -> None:
    plans = plan_clips(pack, segments(pack), 1, (1.0, 1.0), seed=1, scenes=[NONE], mirror=False)
    made: list[tuple[object, Clip]] = list(make_clips(pack, plans))  # type: ignore[arg-type]
    corpus = SceneCorpus.of(made)  # type: ignore[arg-type]
    joints, heading = corpus.windows(np.array([1]), np.array([7]), 60)
    np.testing.assert_allclose(joints[0], made[1][1].positions()[7:67], atol=1e-4)
    assert heading.shape == (1, 60)
