"""The scene encoder of a bundle, with numpy alone."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.bundles import tiny_bundle

from strut_model import bundle as bundles
from strut_model.bundle import BundleError, load_bundle
from strut_model.scene.descriptor import NEUTRAL, SIZE, SceneDescriptor, SceneError
from strut_model.scene.effects import effects_of
from strut_model.scene.encoding import ANGLES, SceneEncoder, turned_wind
from strut_model.scene.presets import preset


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "scene", scene=True)


@pytest.fixture(scope="module")
def encoder(path: Path) -> SceneEncoder:
    return SceneEncoder(load_bundle(path))


def test_a_code_is_what_the_layers_make_of_a_vector_less_what_they_make_of_nothing(
    path: Path, encoder: SceneEncoder
) -> None:
    arrays = np.load(path / bundles.ARRAYS)

    def network(vector: np.ndarray) -> np.ndarray:
        hidden = np.tanh(vector @ arrays["scene_weight_0"].astype(float) + arrays["scene_bias_0"])
        return hidden @ arrays["scene_weight_1"].astype(float) + arrays["scene_bias_1"]

    scene = preset("ice").descriptor
    expected = network(scene.vector()) - network(np.zeros(SIZE))
    np.testing.assert_allclose(encoder.encode(scene).ravel(), expected, atol=1e-4)


def test_the_neutral_place_has_the_code_zero(encoder: SceneEncoder) -> None:
    assert encoder.encode(NEUTRAL).shape == (5, 64)
    assert not encoder.encode(NEUTRAL).any()


def test_codes_of_scenes_that_quicken_the_steps_are_longer_and_no_others(encoder: SceneEncoder, path: Path) -> None:
    longer = SceneEncoder(dataclasses.replace(load_bundle(path), scene_quickening=10.0))
    rain, dark = preset("rain").descriptor, preset("dark").descriptor
    factor = 1 + 10.0 * np.log(effects_of(rain).cadence)
    assert factor > 1.5
    np.testing.assert_allclose(longer.encode(rain), encoder.encode(rain) * factor, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(longer.encode(dark), encoder.encode(dark))


def test_a_lengthening_out_of_range_is_refused(path: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(path, tmp_path / "wrong")
    with np.load(folder / bundles.ARRAYS) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    np.savez(folder / bundles.ARRAYS, **kept, scene_quickening=np.array([31.0], np.float32))
    document = dict(load_bundle(path).manifest.raw)
    bundles.seal_bundle(folder, {key: value for key, value in document.items() if key != "files"})
    with pytest.raises(BundleError, match="scene_quickening is 31, expected 0 to 30"):
        load_bundle(folder)


def test_wind_is_met_from_where_the_character_faces(encoder: SceneEncoder) -> None:
    # Facing +X, a wind towards -X is a head wind.
    against = encoder.encode(SceneDescriptor(wind_x=-12.0), heading=np.pi / 2)
    np.testing.assert_allclose(against, encoder.encode(SceneDescriptor(wind_z=-12.0)), atol=1e-4)
    assert np.abs(encoder.encode(SceneDescriptor(wind_x=-12.0)) - against).max() > 0.1


def test_turning_rounds_the_angle_and_leaves_all_else(encoder: SceneEncoder) -> None:
    scene = SceneDescriptor(wind_z=10.0, friction=0.1)
    near = 0.2 * 2 * np.pi / ANGLES
    np.testing.assert_array_equal(turned_wind(scene.vector(), near), scene.vector())
    calm = SceneDescriptor(friction=0.1).vector()
    np.testing.assert_array_equal(turned_wind(calm, 1.0), calm)


def test_a_remembered_code_is_the_same_and_cannot_be_written_to(encoder: SceneEncoder) -> None:
    scene = preset("deep-snow").descriptor
    first = encoder.encode(scene)
    assert encoder.encode(scene) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def test_a_bundle_without_scenes_has_no_encoder(tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle(tmp_path / "plain"))
    assert "scene" not in bundle.student_inputs()
    with pytest.raises(SceneError, match="knows no scenes"):
        SceneEncoder(bundle)


def rewritten(path: Path, tmp_path: Path, **changes: np.ndarray | None) -> Path:
    made = tiny_bundle(tmp_path / "changed", scene=True)
    arrays = {**np.load(made / bundles.ARRAYS), **changes}
    np.savez(made / bundles.ARRAYS, **{name: value for name, value in arrays.items() if value is not None})
    document = json.loads((made / bundles.MANIFEST).read_text())
    bundles.seal_bundle(made, {key: value for key, value in document.items() if key != "files"})
    return made


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scene_weight_0": None}, "scene_weight_0 is missing"),
        ({"scene_bias_1": None}, "scene_bias_1 is missing"),
        ({"scene_weight_0": np.zeros((3, 16), np.float32)}, r"expected \(20, any\)"),
        ({"scene_weight_1": None, "scene_bias_1": None}, "expected 320"),
    ],
)
def test_layers_that_do_not_fit_are_refused(
    path: Path, tmp_path: Path, changes: dict[str, np.ndarray | None], message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        load_bundle(rewritten(path, tmp_path, **changes))


def test_a_scene_bundle_has_the_input(path: Path) -> None:
    bundle = load_bundle(path)
    assert bundle.student_inputs()["scene"] == (None, 5, 64)
    assert dataclasses.asdict(bundle.manifest)["scene_dim"] == 64
