"""Consistency sampling with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests import bundles as tiny

from strut_model.bundle import Bundle, load_bundle
from strut_model.features import FEATURES, HISTORY, WINDOW
from strut_model.streaming.engine import SCHEDULE, OnnxEngine, validate_steps, warm_up
from strut_model.streaming.noise import noise


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(tiny.tiny_bundle(Path(tmp_path_factory.mktemp("bundle"))))


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> OnnxEngine:
    return OnnxEngine(bundle)


def conditions(bundle: Bundle, batch: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        name: generator.normal(size=(batch, *shape[1:])).astype(np.float32)
        for name, shape in bundle.student_inputs().items()
        if name not in ("noisy", "time")
    }


def some_noise(batch: int, steps: int) -> np.ndarray:
    return noise(np.arange(batch, dtype=np.uint64), np.zeros(batch, np.int64), steps, WINDOW, FEATURES)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_sampling_follows_the_consistency_schedule(bundle: Bundle, engine: OnnxEngine, steps: int) -> None:
    given, eps = conditions(bundle, 3), some_noise(3, steps)
    clean = np.zeros((3, WINDOW, FEATURES), np.float32)
    for step, level in enumerate(SCHEDULE[steps]):
        noisy = (1 - level) * clean + level * eps[:, step]
        clean = engine.evaluate({**given, "noisy": noisy.astype(np.float32), "time": np.full(3, level, np.float32)})
    np.testing.assert_allclose(engine.sample(given, eps, steps), clean, atol=1e-6)


def test_more_steps_use_their_own_noise(bundle: Bundle, engine: OnnxEngine) -> None:
    given, eps = conditions(bundle, 1), some_noise(1, 4)
    results = [engine.sample(given, eps, steps) for steps in (1, 2, 4)]
    assert np.abs(results[0] - results[1]).max() > 1e-4
    assert np.abs(results[1] - results[2]).max() > 1e-5


def test_sampling_changes_neither_conditions_nor_noise(bundle: Bundle, engine: OnnxEngine) -> None:
    given, eps = conditions(bundle, 2), some_noise(2, 2)
    kept = {name: value.copy() for name, value in given.items()}
    kept_noise = eps.copy()
    engine.sample(given, eps, 2)
    assert list(given) == list(kept)
    for name, value in given.items():
        np.testing.assert_array_equal(value, kept[name])
    np.testing.assert_array_equal(eps, kept_noise)


@pytest.mark.parametrize("steps", [0, 3, 8])
def test_a_number_of_steps_without_a_schedule_is_refused(steps: int) -> None:
    with pytest.raises(ValueError, match=f"steps: {steps} is not supported; allowed: 1, 2, 4"):
        validate_steps(steps)


def test_an_engine_needs_a_thread(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="threads: 0 is out of range"):
        OnnxEngine(bundle, threads=0)


def test_an_engine_names_its_provider_and_warms_up(bundle: Bundle, engine: OnnxEngine) -> None:
    assert engine.name == "onnxruntime-cpu"
    assert warm_up(engine, conditions(bundle, 1), some_noise(1, 1), 1) > 0


def test_the_history_is_part_of_what_the_student_sees(bundle: Bundle, engine: OnnxEngine) -> None:
    given, eps = conditions(bundle, 1), some_noise(1, 1)
    other = {**given, "history": given["history"].copy()}
    other["history"][:, HISTORY - 1, 50] += 1
    difference = engine.sample(other, eps, 1) - engine.sample(given, eps, 1)
    np.testing.assert_allclose(difference[..., 50], 1, atol=1e-5)
