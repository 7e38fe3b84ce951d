"""The shipped student in int8: smaller figures, nearly the same motion, and rows that do not see one another."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.bundles import tiny_bundle

from strut_model.bundle import Bundle, load_bundle
from strut_model.int8 import calibration_inputs, varied_requests
from strut_model.int8_commands import quantise
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, dict]:
    """The bundle that the command makes of the shipped one, and its figures."""
    folder = tmp_path_factory.mktemp("int8")
    out, figures = folder / "bundle", folder / "int8.json"
    numbers = ["--batch", "8", "--rounds", "3", "--windows", "64"]
    arguments = ["--out", str(out), "--json", str(figures), *numbers]
    result = CliRunner().invoke(quantise, arguments)
    assert result.exit_code == 0, result.output
    assert "mm on average" in result.output
    return load_bundle(out), json.loads(figures.read_text(encoding="utf-8"))


def test_motion_changes_far_less_than_by_leaving_a_step_out(made: tuple[Bundle, dict]) -> None:
    bundle, report = made
    shipped = load_bundle()
    assert bundle.manifest.name == shipped.manifest.name + "-int8"
    assert bundle.manifest.raw["precision"] == "int8"
    assert bundle.manifest.metrics == {}
    np.testing.assert_array_equal(bundle.style_vectors, shipped.style_vectors)
    assert report["products"] >= 6 * 6
    assert [change["steps"] for change in report["changes"]] == list(shipped.manifest.steps)
    for change in report["changes"][1:]:
        assert 0 < change["mean_mm"] < 0.25 * change["yardstick_mm"]
    (speed,) = report["speeds"]
    assert speed["ratio"] == pytest.approx(speed["after_ms"] / speed["before_ms"], rel=0.5)


def test_a_window_depends_on_its_own_request_alone(made: tuple[Bundle, dict]) -> None:
    engine = OnnxEngine(made[0])
    inputs = next(calibration_inputs(MotionGenerator(made[0], engine), 16))
    whole = engine.evaluate(inputs)
    # A neighbour with numbers a thousand times as large, whose scale would be everybody's if scales followed the data.
    other = {name: values.copy() for name, values in inputs.items()}
    other["noisy"][3] *= 1000.0
    beside = engine.evaluate(other)
    kept = [row for row in range(16) if row != 3]
    np.testing.assert_array_equal(whole[kept], beside[kept])
    assert np.abs(whole[3] - beside[3]).max() > 0.1


def test_what_the_scales_are_calibrated_on_covers_what_can_be_asked() -> None:
    bundle = load_bundle()
    generator = MotionGenerator(bundle, OnnxEngine(bundle))
    requests = varied_requests(generator, 256, 0)
    assert len(np.unique(requests.content, axis=0)) == len(bundle.content_vectors)
    gestures = requests.phase[:, 2] == 1
    assert 0 < gestures.mean() < 1
    assert set(requests.history_length) == {2, 5, 8}
    assert 0 < requests.position_mask.mean() < 1
    for column, allowed in enumerate((bundle.manifest.style_guidance, bundle.manifest.content_guidance)):
        assert requests.guidance[:, column].min() >= allowed.minimum
        assert requests.guidance[:, column].max() <= allowed.maximum
    windows = generator.generate(replace(requests, steps=1))
    assert windows.finite.all()


def test_what_cannot_be_quantised_is_told(tmp_path: Path) -> None:
    there = tmp_path / "there"
    tiny = tiny_bundle(tmp_path / "tiny")
    there.mkdir()
    for arguments, said in (
        (["--bundle", str(tiny), "--out", str(there)], "exists already"),
        (["--bundle", str(tmp_path / "nowhere"), "--out", str(tmp_path / "new")], "no such bundle directory"),
    ):
        result = CliRunner().invoke(quantise, arguments)
        assert result.exit_code == 1
        assert said in result.output
    assert not (tmp_path / "new").exists()


def test_scales_are_found_in_scenes_where_the_student_knows_them(tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle(tmp_path / "scene", scene=True))
    inputs = next(calibration_inputs(MotionGenerator(bundle, OnnxEngine(bundle)), 30))
    shown = inputs["scene"].any(axis=(1, 2))
    assert 10 < shown.sum() < 30
