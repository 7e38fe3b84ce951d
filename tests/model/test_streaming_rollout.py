"""Closed-loop rollouts are the server's windows, one after another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests import bundles as tiny

from strut_model.bundle import Bundle, load_bundle
from strut_model.motion import Motion
from strut_model.skeleton import FPS
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator, WindowRequests
from strut_model.streaming.rollout import (
    PATH_KINDS,
    SyntheticPaths,
    character_seeds,
    idle_history,
    rollout,
    synthetic_path,
    synthetic_paths,
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(tiny.tiny_bundle(Path(tmp_path_factory.mktemp("bundle"))))


@pytest.fixture(scope="module")
def generator(bundle: Bundle) -> MotionGenerator:
    return MotionGenerator(bundle, OnnxEngine(bundle))


@pytest.fixture(scope="module")
def paths() -> SyntheticPaths:
    return synthetic_paths(["straight", "curve"], 40, [0.6, 0.6], [1.0, 1.0])


def roll(generator: MotionGenerator, paths: SyntheticPaths, **options: object) -> Motion:
    bundle = generator.bundle
    batch = len(paths.heading)
    given: dict[str, object] = {
        "style": bundle.style_vectors[np.arange(batch)],
        "content": bundle.content_vectors[np.zeros(batch, int)],
        **options,
    }
    return rollout(generator, idle_history(generator, batch), paths.position, paths.heading, **given)  # type: ignore[arg-type]


def test_a_rollout_is_its_windows_fed_back_as_history(generator: MotionGenerator, paths: SyntheticPaths) -> None:
    bundle = generator.bundle
    history, locks, parts = idle_history(generator, 2), FootLocks.unknown(2), []
    for start in (0, 16):
        results = generator.generate(
            WindowRequests(
                history=history,
                history_length=np.full(2, 8),
                trajectory_position=paths.position[:, start : start + 16],
                trajectory_heading=paths.heading[:, start : start + 16],
                position_mask=np.ones((2, 16), bool),
                heading_mask=np.ones((2, 16), bool),
                content=bundle.content_vectors[[0, 0]],
                phase=np.zeros((2, 3), np.float32),
                style=bundle.style_vectors[[0, 1]],
                guidance=np.full((2, 2), 2, np.float32),
                seed=character_seeds(5, 2),
                start_frame=np.full(2, start),
                locks=locks,
                steps=2,
            )
        )
        locks = results.locks
        history = results.motion.slice_frames(8, 16)
        parts.append(results.motion)
    expected = Motion.concatenate(parts)
    rolled = roll(generator, paths, seed=5).slice_frames(0, 32)
    for name in Motion.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(rolled, name), getattr(expected, name))


@pytest.mark.parametrize("frames_per_window", [4, 8, 16])
def test_a_rollout_has_the_asked_frames_and_follows_its_path(
    generator: MotionGenerator, paths: SyntheticPaths, frames_per_window: int
) -> None:
    motion = roll(generator, paths, frames_per_window=frames_per_window)
    assert motion.root_heading.shape == (2, 40)
    assert np.linalg.norm(motion.root_position - paths.position, axis=-1).max() < 0.03


def test_a_style_given_by_frame_changes_on_the_way(generator: MotionGenerator, paths: SyntheticPaths) -> None:
    vectors = generator.bundle.style_vectors
    constant = np.repeat(vectors[[0, 0]][:, None], 40, axis=1)
    switched = constant.copy()
    switched[:, 16:] = vectors[2]
    plain = roll(generator, paths, style=constant)
    changed = roll(generator, paths, style=switched)
    np.testing.assert_array_equal(plain.rotations[:, :16], changed.rotations[:, :16])
    assert np.abs(plain.rotations[:, 16:] - changed.rotations[:, 16:]).max() > 1e-5


def test_characters_have_seeds_of_their_own(generator: MotionGenerator, paths: SyntheticPaths) -> None:
    twins = SyntheticPaths(paths.position[[0, 0]], paths.heading[[0, 0]])
    motion = roll(generator, twins, style=generator.bundle.style_vectors[[0, 0]])
    assert np.abs(motion.rotations[0] - motion.rotations[1]).max() > 1e-5
    again = roll(generator, twins, style=generator.bundle.style_vectors[[0, 0]], seed=character_seeds(0, 2))
    np.testing.assert_array_equal(motion.rotations, again.rotations)


def test_a_gesture_s_phase_runs_on_and_stops_at_its_end(generator: MotionGenerator, paths: SyntheticPaths) -> None:
    phase = np.array([[0.0, 1 / 20, 1.0], [0.0, 0.0, 0.0]], np.float32)
    seen: list[np.ndarray] = []

    class Recording(MotionGenerator):
        def generate(self, requests: WindowRequests):  # type: ignore[no-untyped-def]
            seen.append(requests.phase)
            return super().generate(requests)

    roll(Recording(generator.bundle, generator.engine), paths, phase=phase)
    np.testing.assert_allclose([one[0] for one in seen], [[0, 0.05, 1], [0.8, 0.05, 1], [1, 0, 1]], atol=1e-6)
    np.testing.assert_array_equal([one[1] for one in seen], 0)


@pytest.mark.parametrize("frames_per_window", [3, 17])
def test_windows_are_played_for_four_to_sixteen_frames(
    generator: MotionGenerator, paths: SyntheticPaths, frames_per_window: int
) -> None:
    with pytest.raises(ValueError, match=f"frames_per_window: {frames_per_window} is out of range; allowed: 4 to 16"):
        roll(generator, paths, frames_per_window=frames_per_window)


def test_arrays_that_disagree_are_refused(generator: MotionGenerator, paths: SyntheticPaths) -> None:
    with pytest.raises(ValueError, match=r"path: shape \(2, 39, 2\)"):
        roll(generator, SyntheticPaths(paths.position[:, 1:], paths.heading))
    with pytest.raises(ValueError, match=r"history: shape \(1, 8\)"):
        rollout(
            generator,
            idle_history(generator, 1),
            paths.position,
            paths.heading,
            generator.bundle.style_vectors[[0, 1]],
            generator.bundle.content_vectors[[0, 0]],
        )


def test_a_rollout_of_a_cold_start_is_finite(generator: MotionGenerator, paths: SyntheticPaths) -> None:
    motion = roll(generator, paths, history_length=2)
    assert np.isfinite(motion.positions()).all()


@pytest.mark.parametrize("kind", PATH_KINDS)
def test_synthetic_paths_are_smooth_and_as_fast_as_asked(kind: str) -> None:
    path = synthetic_path(kind, 180, 1.4)  # type: ignore[arg-type]
    steps = np.linalg.norm(np.diff(path.position[0], axis=0), axis=1) * FPS
    assert steps.max() < 1.4 * 1.001
    assert np.abs(np.diff(steps)).max() < 0.16
    assert np.abs(np.diff(path.heading[0])).max() < 0.17
    if kind == "stop":
        assert steps[-30:].max() < 1e-3
    elif kind == "start":
        assert steps[:20].max() < 1e-3
    elif kind == "turn_on_spot":
        assert steps.max() == 0
    else:
        assert steps.min() > 1.35


def test_an_unknown_path_is_refused() -> None:
    with pytest.raises(ValueError, match="kind: 'spiral' is unknown"):
        synthetic_path("spiral", 10, 1.0)  # type: ignore[arg-type]


def test_minutes_of_planted_history_do_not_drift(generator: MotionGenerator) -> None:
    still = SyntheticPaths(np.zeros((1, 600, 2), np.float32), np.zeros((1, 600), np.float32))
    quiet = replace(generator.bundle, style_vectors=generator.bundle.style_vectors * 0)
    motion = roll(MotionGenerator(quiet, generator.engine), still, style=quiet.style_vectors[:1])
    assert np.abs(motion.positions()[0, -1] - generator.bundle.idle.positions()[-1]).max() < 0.1
