"""Devices by name, and the engine with bound buffers, which runs on the CPU as it does on CUDA but for its graphs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from tests import bundles as tiny
from tests.model.test_streaming_engine import conditions, some_noise

from strut_model.bundle import Bundle, load_bundle
from strut_model.streaming.bound_engine import BoundEngine
from strut_model.streaming.devices import CUDA, DeviceError, open_engine
from strut_model.streaming.engine import OnnxEngine

CPU = "CPUExecutionProvider"
without_cuda = pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="this ONNX Runtime has CUDA")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(tiny.tiny_bundle(Path(tmp_path_factory.mktemp("bundle"))))


@without_cuda
def test_auto_falls_back_to_the_cpu_and_says_why(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        engine = open_engine(bundle, "auto")
    assert (engine.provider, engine.name) == (CPU, "onnxruntime-cpu")
    assert "without CUDA" in caplog.text
    assert "strut-motion[gpu]" in caplog.text


@without_cuda
def test_cuda_is_refused_where_it_is_not(bundle: Bundle) -> None:
    with pytest.raises(DeviceError, match=r"device: 'cuda' .*without CUDA.*strut-motion\[gpu\]"):
        open_engine(bundle, "cuda")


def test_devices_are_refused_by_name(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match=r"'tpu'.*auto, cpu, cuda"):
        open_engine(bundle, "tpu")


def test_the_cpu_is_taken_without_a_word(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert open_engine(bundle, "cpu", threads=2, spin=True).threads == 2
    assert not caplog.text


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_bound_buffers_give_what_plain_runs_give(bundle: Bundle, steps: int) -> None:
    plain, bound = OnnxEngine(bundle), BoundEngine(bundle, CPU)
    for batch in (3, 1, 3):  # buffers of a size are used again
        given, eps = conditions(bundle, batch), some_noise(batch, 4)
        np.testing.assert_allclose(bound.sample(given, eps, steps), plain.sample(given, eps, steps), atol=1e-6)


def test_trying_out_an_engine_changes_nothing(bundle: Bundle) -> None:
    fresh, tried = BoundEngine(bundle, CPU), BoundEngine(bundle, CPU)
    tried.try_out()
    given, eps = conditions(bundle, 1), some_noise(1, 2)
    np.testing.assert_array_equal(tried.sample(given, eps, 2), fresh.sample(given, eps, 2))
    assert not tried.captures


def test_a_result_is_not_overwritten_by_the_next(bundle: Bundle) -> None:
    engine = BoundEngine(bundle, CPU)
    first = engine.sample(conditions(bundle, 2), some_noise(2, 1), 1)
    kept = first.copy()
    engine.sample(conditions(bundle, 2), 2 * some_noise(2, 1), 1)
    np.testing.assert_array_equal(first, kept)
