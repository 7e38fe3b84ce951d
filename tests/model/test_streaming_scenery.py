"""Scenes over time: how they come and go, and how deep feet are meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.bundles import grafted_bundle, tiny_bundle

from strut_model.bundle import Bundle, load_bundle
from strut_model.motion import Motion
from strut_model.scene.descriptor import NEUTRAL, SIZE, SceneDescriptor, SceneError
from strut_model.scene.encoding import SceneEncoder
from strut_model.scene.ground_trials import measure
from strut_model.scene.presets import preset
from strut_model.scene.terrain import inclined
from strut_model.skeleton import CONTACT_JOINTS
from strut_model.streaming.benchmark import in_scene, walking_requests
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.ground import Grounds, laid
from strut_model.streaming.rollout import idle_history, rollout, synthetic_paths
from strut_model.streaming.scenery import SINK_DECAY, Scenery, SceneStates, conditions, depths, scenery_of

ICE, SNOW = (preset(name).descriptor for name in ("ice", "deep-snow"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(tiny_bundle(tmp_path_factory.mktemp("bundle") / "scene", scene=True))


@pytest.fixture(scope="module")
def encoder(bundle: Bundle) -> SceneEncoder:
    return SceneEncoder(bundle)


@pytest.fixture(scope="module")
def generator(bundle: Bundle) -> MotionGenerator:
    return MotionGenerator(bundle, OnnxEngine(bundle))


def test_who_is_known_to_be_nowhere_else_is_in_the_scene_at_once(encoder: SceneEncoder) -> None:
    told = conditions(encoder, [scenery_of(ICE, 0.5), None], SceneStates.unknown(2), np.zeros(2))
    assert told.code is not None
    np.testing.assert_allclose(told.code[0], 0.5 * encoder.encode(ICE), rtol=1e-6)
    assert not told.code[1].any()
    assert told.sink is None


@pytest.mark.parametrize("scenes", [[None, None], [scenery_of(NEUTRAL), None], [scenery_of(SNOW, 0.0)] * 2])
def test_where_there_is_nothing_to_tell_nothing_is_told(encoder: SceneEncoder, scenes: list[None]) -> None:
    told = conditions(encoder, scenes, SceneStates.unknown(2), np.zeros(2))
    assert told.code is None
    assert told.sink is None


def test_a_scene_comes_and_goes_within_a_second_and_leaves_nothing(encoder: SceneEncoder) -> None:
    states, shares = SceneStates.unknown(1).towards(SceneStates.unknown(1), 0), []
    whole = np.linalg.norm(encoder.encode(ICE))
    for scene in [scenery_of(ICE)] * 3 + [None] * 4:
        told = conditions(encoder, [scene], states, np.zeros(1))
        states = told.after(16)
        shares.append(0.0 if told.code is None else float(np.linalg.norm(told.code) / whole))
    assert 0.3 < shares[0] < 1.2
    assert shares[2] == pytest.approx(1.0, abs=0.03)
    assert shares[3] > shares[4]
    assert shares[-1] == 0.0
    assert not states.vector.any()


def test_the_way_does_not_hang_on_where_windows_are_cut() -> None:
    start = SceneStates(np.ones((1, SIZE), np.float32), np.ones(1, np.float32), np.ones(1, bool))
    target = SceneStates(np.zeros((1, SIZE), np.float32), np.full(1, 0.5, np.float32), np.ones(1, bool))
    once, twice = start.towards(target, 12), start.towards(target, 4).towards(target, 8)
    np.testing.assert_allclose(once.vector, twice.vector, atol=1e-6)
    np.testing.assert_allclose(once.alpha, twice.alpha, atol=1e-6)


def test_depth_is_a_critically_damped_spring_that_goes_on_over_windows() -> None:
    found = depths(np.array([0.2], np.float32), np.array([[0.0, 0.0]], np.float32))
    assert found is not None
    time = np.arange(1, 17)
    expected = 0.2 - 0.2 * (1 + SINK_DECAY * time) * np.exp(-SINK_DECAY * time)
    np.testing.assert_allclose(found.ahead[0, :, 0], expected, atol=1e-6)
    np.testing.assert_allclose(np.gradient(found.ahead[0, :, 0])[1:-1], found.ahead[0, 1:-1, 1], atol=2e-3)
    later = depths(np.array([0.2], np.float32), found.ahead[:, 7])
    assert later is not None
    np.testing.assert_allclose(later.ahead[0, :8], found.ahead[0, 8:], atol=1e-6)
    # The history's own depths are taken as going on backwards as they do.
    np.testing.assert_allclose(later.past[0, -3:], found.ahead[0, 5:8, 0], atol=6e-3)


def test_nobody_in_the_ground_is_no_depth_at_all() -> None:
    assert depths(None, np.zeros((3, 2), np.float32)) is None
    assert depths(np.zeros(3, np.float32), FootLocks.unknown(3).sunk) is None
    settled = depths(None, np.array([[4e-4, -1e-4]], np.float32))
    assert settled is not None
    assert not settled.ahead[:, 1:].any()


def test_feet_are_in_the_ground_as_deep_as_they_sink(generator: MotionGenerator) -> None:
    scene = scenery_of(SNOW)
    paths = synthetic_paths(["straight"], 96, [0.8], [0.0])
    bundle = generator.bundle
    fields = (bundle.style_vectors[:1], bundle.content_vectors[:1])
    start = idle_history(generator, 1)
    level = rollout(generator, start, paths.position, paths.heading, *fields)
    deep = rollout(generator, start, paths.position, paths.heading, *fields, scenes=[scene])
    heights = [motion.positions()[0, :, CONTACT_JOINTS, 1].min(axis=0) for motion in (level, deep)]
    assert heights[0][0] - heights[1][0] < 0.05  # it sinks in
    np.testing.assert_allclose(heights[0][60:] - heights[1][60:], scene.sink, atol=0.03)


@pytest.mark.parametrize("degrees", [10, -10])
def test_on_a_slope_feet_are_as_deep_below_the_ground(tmp_path: Path, degrees: int) -> None:
    shipped = load_bundle()
    known = shipped.manifest.scene_dim is not None
    bundle = shipped if known else load_bundle(grafted_bundle(shipped.path, tmp_path / "grafted"))
    generator, field = MotionGenerator(bundle, OnnxEngine(bundle)), inclined(np.radians(degrees), 40.0)
    # A place that is nothing but soft, of which the network is told nothing: all else is as on the bare slope.
    soft = Scenery(np.zeros(SIZE, np.float32), 1.0, 0.2)
    paths = synthetic_paths(["straight"], 128, [1.0], [0.0])
    walk = bundle.content_vectors[[bundle.content_index["walk"]]]
    motion = rollout(
        generator,
        Motion.stack([laid(field, bundle.idle)]),
        paths.position,
        paths.heading,
        bundle.neutral[None],
        walk,
        ground=Grounds.of([field]),
        scenes=[soft],
    )
    up = np.array([0.0, soft.sink, 0.0], np.float32)
    raised = replace(motion, pelvis=motion.pelvis + up).slice_frames(40, None)
    found = measure(raised, field)
    assert found.within > 0.95
    assert found.deepest < 0.03
    assert measure(motion.slice_frames(40, None), field).within == 0.0


def test_company_in_scenes_changes_nothing_bit_for_bit(generator: MotionGenerator, encoder: SceneEncoder) -> None:
    requests = walking_requests(generator, 4, 2)
    plain = generator.generate(requests)
    told = conditions(
        encoder,
        [None, scenery_of(SNOW), scenery_of(ICE, 0.0), scenery_of(SceneDescriptor(wind_z=-20.0))],
        SceneStates.unknown(4),
        requests.history.root_heading[:, -1],
    )
    mixed = generator.generate(replace(requests, scene=told.code, sink=told.sink))
    for row, same in enumerate((True, False, True, False)):
        for name in ("root_position", "pelvis", "rotations", "contacts"):
            equal = np.array_equal(getattr(plain.motion, name)[row], getattr(mixed.motion, name)[row])
            assert equal or not same, (row, name)
        assert np.array_equal(plain.motion.rotations[row], mixed.motion.rotations[row]) == same


def test_a_history_in_the_ground_is_raised_before_the_network_sees_it(
    generator: MotionGenerator, encoder: SceneEncoder
) -> None:
    requests = walking_requests(generator, 2, 2)
    lowered = replace(requests.history, pelvis=requests.history.pelvis - np.array([0, 0.2, 0], np.float32))
    locks = FootLocks.unknown(2, sunk=0.2)
    sunk = replace(requests, history=lowered, locks=locks, sink=np.full(2, 0.2, np.float32))
    plain, raised = generator.conditions(requests), generator.conditions(sunk)
    np.testing.assert_allclose(raised["history"], plain["history"], atol=1e-5)
    asked = in_scene(requests, scenery_of(SNOW), encoder)
    assert asked.sink is not None
    assert generator.conditions(asked)["scene"].any()


def test_scenes_need_a_student_that_knows_them(tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle(tmp_path / "plain"))
    generator = MotionGenerator(bundle, OnnxEngine(bundle))
    paths = synthetic_paths(["straight"], 16, [1.0], [0.0])
    with pytest.raises(SceneError, match="knows no scenes"):
        rollout(
            generator,
            idle_history(generator, 1),
            paths.position,
            paths.heading,
            bundle.style_vectors[:1],
            bundle.content_vectors[:1],
            scenes=[None],
        )
