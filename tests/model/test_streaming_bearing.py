"""What a scene does beyond the student: turns that are taken off histories exactly and put onto windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.bundles import standing, tiny_bundle

from strut_model.bundle import SCENE_CLOSING, BundleError, load_bundle
from strut_model.data.synthesis.takes import Take
from strut_model.motion import Motion
from strut_model.scene.encoding import SceneEncoder
from strut_model.scene.posture import abduction, elbow_angles, gaze_pitch, lean_angles
from strut_model.scene.presets import presets
from strut_model.streaming.bearing import CLOSED, TURNS, amounts, turn
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.rollout import rollout
from strut_model.streaming.scenery import SceneStates, conditions, scenery_of
from strut_model.streaming.stoop import head_tops
from strut_model.training import export

HEADING = np.zeros(1, np.float32)


def angles(motion: Motion) -> dict[str, float]:
    """Mean degrees of each of `CLOSED`."""
    take = Take(motion.world_pelvis().astype(np.float64), motion.world_rotations().astype(np.float64))
    lean = lean_angles(take).mean(axis=0)
    return dict(
        zip(
            CLOSED[:TURNS],
            (lean[0], lean[1], abduction(take).mean(), gaze_pitch(take).mean(), elbow_angles(take).mean()),
            strict=True,
        )
    )


@pytest.mark.parametrize("index", range(5))
def test_a_bearing_moves_what_it_is_named_after_and_its_opposite_undoes_it(index: int) -> None:
    motion = standing(4)
    wanted = np.zeros((1, 1, len(CLOSED)), np.float32)
    wanted[..., index] = np.radians(8.0)
    rotations = np.array(motion.rotations[None], np.float32)
    turn(rotations, wanted)
    moved = angles(replace(motion, rotations=rotations[0]))
    before = angles(motion)
    for name in CLOSED[:TURNS]:
        change = moved[name] - before[name]
        if name == CLOSED[index]:
            assert 5.0 < change < 9.0
        elif not (CLOSED[index] == "trunk_side" and name == "arm_abduction"):
            assert abs(change) < 1.0, name
    turn(rotations, -wanted)
    np.testing.assert_allclose(rotations[0], motion.rotations, atol=1e-6)


def test_amounts_are_those_of_the_effects_and_grow_with_alpha() -> None:
    beam, neutral = presets()["narrow-beam"].descriptor, np.zeros(20, np.float32)
    vectors = np.stack([beam.vector(), beam.vector(), neutral]).astype(np.float32)
    found = np.degrees(amounts(vectors, np.array([1.0, 0.5, 1.0], np.float32)))
    assert found[0, 2] == pytest.approx(45.0, abs=0.5)
    np.testing.assert_allclose(found[1], found[0] / 2, atol=1e-4)
    assert not found[2].any()


@pytest.fixture
def generator(tmp_path: Path) -> MotionGenerator:
    bundle = load_bundle(tiny_bundle(tmp_path / "tiny", scene=True))
    closed = replace(bundle, scene_closing=np.full(SCENE_CLOSING, 0.5, np.float32))
    return MotionGenerator(closed, OnnxEngine(closed))


def test_the_student_never_sees_a_bearing_and_it_does_not_add_up(generator: MotionGenerator) -> None:
    encoder = SceneEncoder(generator.bundle)
    scene = scenery_of(presets()["storm-wind"].descriptor)
    idle = generator.bundle.idle
    frames = 96
    path, facing = np.zeros((1, frames, 2), np.float32), np.zeros((1, frames), np.float32)
    arguments = (path, facing, np.zeros((1, 5, 64), np.float32), np.zeros((1, 64), np.float32))

    def rolled(shares: float) -> Motion:
        bundle = replace(
            generator.bundle, scene_closing=np.array([shares] * TURNS + [0] * (SCENE_CLOSING - TURNS), np.float32)
        )
        own = MotionGenerator(bundle, generator.engine)
        return rollout(own, Motion.stack([idle]), *arguments, scenes=[scene], seed=np.array([5], np.uint64))[0]

    plain, closed = rolled(0.0), rolled(0.5)
    wanted = np.degrees(amounts(scene.vector[None], np.ones(1, np.float32)))[0].astype(float) * 0.5
    for at in (48, 95):
        one, other = angles(plain.slice_frames(at, at + 1)), angles(closed.slice_frames(at, at + 1))
        for name, degrees in zip(CLOSED[:TURNS], wanted[:TURNS], strict=True):
            assert other[name] - one[name] == pytest.approx(degrees, abs=max(1.0, 0.3 * abs(degrees))), name
    told = conditions(encoder, [scene], SceneStates.unknown(1), HEADING)
    assert told.bearings is not None
    assert np.abs(np.diff(told.bearings.ahead, axis=1)).max() < 0.03


def test_a_bundle_holds_a_share_for_each_amount() -> None:
    assert len(CLOSED) == SCENE_CLOSING == len(export.SCENE_CLOSING)


def test_shares_that_are_none_are_refused(tmp_path: Path) -> None:
    from strut_model import bundle as bundles

    folder = tiny_bundle(tmp_path / "tiny", scene=True)
    with np.load(folder / bundles.ARRAYS) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    wrong = np.array([0.5, 2.0] + [0] * (SCENE_CLOSING - 2), np.float32)
    np.savez(folder / bundles.ARRAYS, **kept, scene_closing=wrong)
    document = dict(load_bundle(tiny_bundle(tmp_path / "other", scene=True)).manifest.raw)
    bundles.seal_bundle(folder, {key: value for key, value in document.items() if key != "files"})
    with pytest.raises(BundleError, match=r"scene_closing holds 2, expected 0 to 1\.5"):
        load_bundle(folder)


def test_a_low_scene_makes_characters_stoop_by_its_strength(generator: MotionGenerator) -> None:
    low = presets()["low-tunnel"].descriptor
    frames = 64
    path, facing = np.zeros((3, frames, 2), np.float32), np.zeros((3, frames), np.float32)
    motion = rollout(
        generator,
        Motion.stack([generator.bundle.idle] * 3),
        path,
        facing,
        np.zeros((3, 5, 64), np.float32),
        np.zeros((3, 64), np.float32),
        scenes=[None, scenery_of(low, 0.5), scenery_of(low)],
    )
    tops = [head_tops(row.world_rotations()[None], row.world_pelvis()[None])[0, -1, 1] for row in motion]
    assert tops[0] > low["clearance"] + 0.2
    assert tops[2] < low["clearance"]
    assert tops[1] == pytest.approx((tops[0] + tops[2]) / 2, abs=0.05)
