"""Windows: what the student is given, how its answer is finished, and that a request alone decides both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests import bundles as tiny

from strut_model import rotations as rot
from strut_model.bundle import Bundle, load_bundle
from strut_model.features import HISTORY, WINDOW, encode
from strut_model.motion import Motion
from strut_model.skeleton import CONTACT_JOINTS
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator, WindowRequests, WindowResults


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(tiny.tiny_bundle(Path(tmp_path_factory.mktemp("bundle"))))


@pytest.fixture(scope="module")
def generator(bundle: Bundle) -> MotionGenerator:
    return MotionGenerator(bundle, OnnxEngine(bundle))


def moving_history(batch: int, seed: int = 0) -> Motion:
    """(B, 8) frames of characters that move every joint a little, each somewhere else."""
    generator = np.random.default_rng(seed)
    base = Motion.stack([tiny.standing()] * batch)
    amount = generator.normal(scale=0.15, size=(batch, 1, 22, 3))
    swing = np.sin(np.linspace(0, 1, HISTORY))[None, :, None, None]
    rotations = rot.normalise(rot.multiply(base.rotations, rot.from_axis_angle(amount * swing))).astype(np.float32)
    steps = np.arange(HISTORY)[None, :, None] * generator.normal(scale=0.02, size=(batch, 1, 2))
    turning = np.arange(HISTORY)[None] * generator.normal(scale=0.02, size=(batch, 1))
    motion = replace(
        base,
        rotations=rotations,
        root_position=steps.astype(np.float32),
        root_heading=turning.astype(np.float32),
        contacts=(generator.random((batch, HISTORY, 4)) > 0.5).astype(np.float32),
    )
    place, heading = generator.normal(scale=3, size=(batch, 2)), generator.uniform(-3, 3, batch)
    return motion.transformed(place, heading).astype(np.float32)


def make_requests(bundle: Bundle, batch: int, seed: int = 0, steps: int = 2) -> WindowRequests:
    generator = np.random.default_rng(seed + 100)
    history = moving_history(batch, seed)
    ahead = np.arange(1, WINDOW + 1)[None, :, None] * generator.normal(scale=0.03, size=(batch, 1, 2))
    turn = np.arange(1, WINDOW + 1)[None] * generator.normal(scale=0.03, size=(batch, 1))
    styles = generator.integers(len(tiny.STYLES), size=batch)
    return WindowRequests(
        history=history,
        history_length=np.full(batch, HISTORY, np.int64),
        trajectory_position=(history.root_position[:, -1:] + ahead).astype(np.float32),
        trajectory_heading=(history.root_heading[:, -1:] + turn).astype(np.float32),
        position_mask=np.ones((batch, WINDOW), bool),
        heading_mask=np.ones((batch, WINDOW), bool),
        content=bundle.content_vectors[np.zeros(batch, int)],
        phase=np.zeros((batch, 3), np.float32),
        style=bundle.style_vectors[styles],
        guidance=np.full((batch, 2), 2, np.float32),
        seed=generator.integers(2**62, size=batch).astype(np.uint64),
        start_frame=generator.integers(10_000, size=batch),
        locks=FootLocks.unknown(batch),
        steps=steps,
    )


def rows(requests: WindowRequests, key: slice | np.ndarray) -> WindowRequests:
    return WindowRequests(
        **{
            name: value if value is None or isinstance(value, int) else value[key]
            for name, value in ((f, getattr(requests, f)) for f in WindowRequests.__dataclass_fields__)
        }
    )


def largest_difference(a: WindowResults, b: WindowResults) -> float:
    return max(
        float(np.abs(np.asarray(getattr(a.motion, name)) - np.asarray(getattr(b.motion, name))).max())
        for name in Motion.__dataclass_fields__
    )


def test_the_student_sees_the_features_of_the_canonical_frame(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = make_requests(bundle, 5)
    history = requests.history
    canonical = history.relative_to(history.root_position[:, -1], history.root_heading[:, -1])
    given = generator.conditions(requests)
    np.testing.assert_allclose(given["history"], bundle.statistics.normalise(encode(canonical)), atol=2e-5)
    np.testing.assert_array_equal(given["history_mask"], 1)
    asked = Motion(
        requests.trajectory_position, requests.trajectory_heading, *(np.zeros((5, WINDOW, 1)) for _ in range(3))
    ).relative_to(history.root_position[:, -1], history.root_heading[:, -1])
    np.testing.assert_allclose(given["trajectory"][..., :2], asked.root_position, atol=1e-5)
    np.testing.assert_allclose(
        np.arctan2(given["trajectory"][..., 3], given["trajectory"][..., 2]), asked.root_heading, atol=1e-5
    )


def test_frames_before_a_short_history_are_masked_and_zero(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = replace(make_requests(bundle, 3), history_length=np.array([2, 5, 8]))
    given = generator.conditions(requests)
    np.testing.assert_array_equal(given["history_mask"].sum(axis=1), [2, 5, 8])
    np.testing.assert_array_equal(given["history"][0, :6], 0)
    assert np.abs(given["history"][0, 6:]).max() > 0


def test_what_lies_before_a_short_history_makes_no_difference(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = replace(make_requests(bundle, 2), history_length=np.array([2, 2]))
    other = moving_history(2, seed=9).slice_frames(0, 6)
    replaced = Motion.concatenate((other, requests.history.slice_frames(6, None)))
    assert (
        largest_difference(generator.generate(requests), generator.generate(replace(requests, history=replaced))) == 0
    )


def test_results_are_unit_quaternions_on_the_wire_s_hemisphere(bundle: Bundle, generator: MotionGenerator) -> None:
    motion = generator.generate(make_requests(bundle, 6)).motion
    assert motion.root_heading.shape == (6, WINDOW)
    np.testing.assert_allclose(np.linalg.norm(motion.rotations, axis=-1), 1, atol=1e-5)
    assert (motion.rotations[..., 3] >= 0).all()
    assert all(getattr(motion, name).dtype == np.float32 for name in Motion.__dataclass_fields__)
    assert np.abs(motion.root_heading).max() <= np.pi


def test_the_same_request_gives_the_same_bits(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = make_requests(bundle, 7)
    first = generator.generate(requests)
    fresh = MotionGenerator(bundle, OnnxEngine(bundle)).generate(make_requests(bundle, 7))
    for name in Motion.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(first.motion, name), getattr(fresh.motion, name))
    np.testing.assert_array_equal(first.locks.position, fresh.locks.position)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_batch_size_company_and_padding_change_nothing_beyond_rounding(
    bundle: Bundle, generator: MotionGenerator, steps: int
) -> None:
    requests = make_requests(bundle, 9, steps=steps)
    together = generator.generate(requests)
    for row in (0, 4, 8):
        alone = generator.generate(rows(requests, slice(row, row + 1)))
        in_batch = WindowResults(together.motion[row : row + 1], together.frame_locks[row : row + 1])
        assert largest_difference(alone, in_batch) < 1e-4
        np.testing.assert_array_equal(alone.locks.active[0], together.locks.active[row])
    padded = generator.generate(rows(requests, np.array([0, 1, 2, 0, 0, 0, 0, 0])))
    assert (
        largest_difference(
            WindowResults(padded.motion[:3], padded.frame_locks[:3]),
            WindowResults(together.motion[:3], together.frame_locks[:3]),
        )
        < 1e-4
    )


def test_another_seed_frame_or_style_gives_other_motion(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = make_requests(bundle, 2)
    base = generator.generate(requests)
    for change in (
        {"seed": requests.seed + np.uint64(1)},
        {"start_frame": requests.start_frame + 1},
        {"style": -requests.style},
    ):
        assert largest_difference(base, generator.generate(replace(requests, **change))) > 1e-4


def test_moving_the_anchor_moves_the_result_and_nothing_else(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = make_requests(bundle, 3)
    place, turn = np.array([4.0, -2.0], np.float32), np.float32(1.1)
    everywhere = np.broadcast_to(place, (3, 2)), np.broadcast_to(turn, 3)
    asked = Motion(requests.trajectory_position, requests.trajectory_heading, *(np.zeros((3, 16, 1)) for _ in range(3)))
    moved_path = asked.transformed(*everywhere)
    moved = generator.generate(
        replace(
            requests,
            history=requests.history.transformed(*everywhere),
            trajectory_position=moved_path.root_position,
            trajectory_heading=moved_path.root_heading,
        )
    )
    expected = generator.generate(requests).motion.transformed(*everywhere)
    np.testing.assert_allclose(moved.motion.root_position, expected.root_position, atol=1e-4)
    np.testing.assert_allclose(rot.wrap_angle(moved.motion.root_heading - expected.root_heading), 0, atol=1e-4)
    np.testing.assert_allclose(moved.motion.positions(), expected.positions(), atol=2e-4)


def test_a_window_starts_where_and_as_fast_as_the_history_ends(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = make_requests(bundle, 8)
    unjoined = MotionGenerator(bundle, generator.engine, borders=(), lock_feet=False).generate(requests)
    joined = MotionGenerator(bundle, generator.engine, lock_feet=False).generate(requests)

    def largest_acceleration(results: WindowResults) -> float:
        frames = Motion.concatenate((requests.history, results.motion)).positions()
        return float(np.abs(np.diff(frames, 2, axis=1))[:, HISTORY - 2 : HISTORY].max())

    # The tiny student stops every joint dead and puts the root at once onto its path.
    assert largest_acceleration(joined) < 0.6 * largest_acceleration(unjoined)


def test_a_history_of_two_frames_is_joined_as_well(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = replace(make_requests(bundle, 2), history_length=np.array([2, 8]))
    motion = Motion.concatenate((requests.history, generator.generate(requests).motion))
    steps = np.abs(np.diff(motion.positions(), axis=1))[:, HISTORY - 1]
    assert steps.max() < 0.06


def test_the_root_arrives_on_the_asked_path(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = make_requests(bundle, 4)
    motion = generator.generate(requests).motion
    assert np.abs(motion.root_position[:, -1] - requests.trajectory_position[:, -1]).max() < 5e-3
    turned = rot.wrap_angle(motion.root_heading[:, -1] - requests.trajectory_heading[:, -1])
    assert np.abs(turned).max() < 1e-2


def test_planted_feet_stay_while_the_root_walks_on(bundle: Bundle, generator: MotionGenerator) -> None:
    requests = make_requests(bundle, 4)
    still = Motion.stack([tiny.standing()] * 4).transformed(
        requests.history.root_position[:, -1], requests.history.root_heading[:, -1]
    )
    ahead = np.linspace(0.003, 0.05, WINDOW)[None, :, None] * np.ones((4, 1, 2))
    requests = replace(
        requests,
        history=still,
        trajectory_position=(still.root_position[:, -1:] + ahead).astype(np.float32),
        trajectory_heading=np.repeat(still.root_heading[:, -1:], WINDOW, axis=1),
    )
    results = generator.generate(requests)
    planted = results.motion.positions()[:, :, CONTACT_JOINTS][..., ::2]
    before = still.positions()[:, -1:, CONTACT_JOINTS][..., ::2]
    assert np.abs(planted - before).max() < 0.006
    assert results.locks.active.all()
    np.testing.assert_allclose(results.locks.position[..., ::2], before[:, 0], atol=1e-4)
    unlocked = MotionGenerator(bundle, generator.engine, lock_feet=False).generate(requests)
    assert np.abs(unlocked.motion.positions()[:, :, CONTACT_JOINTS][..., ::2] - before).max() > 0.04


def test_a_network_that_fails_for_one_character_leaves_the_others_alone(
    bundle: Bundle, generator: MotionGenerator
) -> None:
    requests = make_requests(bundle, 3)
    style = requests.style.copy()
    style[1] = np.nan
    results = generator.generate(replace(requests, style=style))
    assert results.finite.tolist() == [True, False, True]
    assert all(np.isfinite(getattr(results.motion, name)).all() for name in Motion.__dataclass_fields__)
    expected = generator.generate(requests)
    np.testing.assert_allclose(results.motion[0].rotations, expected.motion[0].rotations, atol=1e-4)
    moved = results.motion.positions()[1] - requests.history.positions()[1, -1]
    assert np.abs(moved).max() < 0.5


def test_a_window_tells_where_its_time_went(bundle: Bundle, generator: MotionGenerator) -> None:
    timing = generator.generate(make_requests(bundle, 1)).timing
    assert set(timing) == {"featurise", "inference", "inference_cpu", "postprocess"}
    assert all(seconds > 0 for seconds in timing.values())


def test_requests_are_left_as_they_were(bundle: Bundle, generator: MotionGenerator) -> None:
    requests, same = make_requests(bundle, 3), make_requests(bundle, 3)
    generator.generate(requests)
    for name in Motion.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(requests.history, name), getattr(same.history, name))
    np.testing.assert_array_equal(requests.locks.position, same.locks.position)
    np.testing.assert_array_equal(requests.trajectory_position, same.trajectory_position)
