"""Bundles load whole and are refused with a reason when anything is off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tests import bundles as tiny

from strut_model import bundle as bundles
from strut_model.bundle import BundleError, load_bundle, seal_bundle
from strut_model.streaming.engine import OnnxEngine


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def copy(sealed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sealed, tmp_path / "copy"))


def edit_manifest(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = directory / bundles.MANIFEST
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def edit_arrays(directory: Path, change: Callable[[dict[str, np.ndarray]], object]) -> None:
    with np.load(directory / bundles.ARRAYS) as archive:
        arrays = {name: archive[name] for name in archive.files}
    change(arrays)
    np.savez(directory / bundles.ARRAYS, **arrays)
    seal_bundle(directory, tiny.manifest())


def test_a_sealed_bundle_loads_with_its_names_vectors_and_idle_history(sealed: Path) -> None:
    bundle = load_bundle(sealed)
    assert bundle.manifest.name == "tiny"
    assert list(bundle.style_index) == list(tiny.STYLES)
    assert bundle.manifest.contents[bundle.content_index["wave"]].kind == "gesture"
    assert bundle.manifest.contents[bundle.content_index["wave"]].facing_offset == 0.25
    assert bundle.manifest.style_guidance.clip(7.0) == 3.0
    np.testing.assert_array_equal(bundle.neutral, bundle.style_vectors[0])
    np.testing.assert_allclose(bundle.style_norms, np.linalg.norm(bundle.style_vectors, axis=-1).mean(axis=0))
    assert bundle.idle.frames == 8
    assert bundle.statistics.mean.dtype == np.float32


def test_a_directory_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json is missing"):
        load_bundle(tmp_path)
    with pytest.raises(BundleError, match="no such bundle directory"):
        load_bundle(tmp_path / "nowhere")


def test_a_manifest_that_is_not_json_is_refused(copy: Path) -> None:
    (copy / bundles.MANIFEST).write_text('{"format": ')
    with pytest.raises(BundleError, match=r"manifest\.json: not valid JSON"):
        load_bundle(copy)


@pytest.mark.parametrize("name", bundles.FILES)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        load_bundle(copy)


def test_one_flipped_bit_is_refused_by_the_hash(copy: Path) -> None:
    data = bytearray((copy / bundles.STUDENT).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / bundles.STUDENT).write_bytes(data)
    with pytest.raises(BundleError, match=r"student\.onnx: SHA-256 is [0-9a-f]{64}, the manifest expects"):
        load_bundle(copy)
    assert load_bundle(copy, verify=False).manifest.name == "tiny"


def test_a_truncated_file_is_refused_by_its_size(copy: Path) -> None:
    data = (copy / bundles.ENCODER).read_bytes()
    (copy / bundles.ENCODER).write_bytes(data[:-5])
    with pytest.raises(
        BundleError, match=rf"encoder\.onnx: has {len(data) - 5} bytes, the manifest expects {len(data)}"
    ):
        load_bundle(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(format="other"), "format is 'other', expected 'strut-bundle'"),
        (lambda d: d.update(version=2), "version is 2, expected 1"),
        (lambda d: d.pop("version"), "version is missing"),
        (lambda d: d["skeleton"]["joint_names"].reverse(), "skeleton.joint_names"),
        (lambda d: d["skeleton"]["rest_offsets"].__setitem__(4, [0.0, -0.5, 0.0]), "skeleton.rest_offsets"),
        (lambda d: d["window"].update(fps=60.0), "window.fps is 60.0, expected 30.0"),
        (lambda d: d["window"].update(borders=[14]), "window.borders is \\[14\\]"),
        (lambda d: d["features"].update(count=198), "features.count is 198, expected 206"),
        (lambda d: d.update(neutral_style="calm"), "neutral_style is 'calm'"),
        (lambda d: d.update(steps=[2, 3]), "steps is \\[2, 3\\]"),
        (lambda d: d.update(styles=[]), "styles is empty"),
        (lambda d: d["styles"].append({"name": "active"}), "styles holds active more than once"),
        (lambda d: d["contents"][0].update(kind="walk"), "kind of 'walk' is 'walk'"),
        (lambda d: d["guidance"]["style"].update(default=4.0), "guidance.style.default is 4.0"),
        (lambda d: d["files"].pop("student.onnx"), "files has no entry for student.onnx"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_naming_the_field(
    copy: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit_manifest(copy, change)
    with pytest.raises(BundleError, match=message):
        load_bundle(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: a.update(feature_mean=a["feature_mean"][:-1]),
            r"feature_mean has shape \(205,\), expected \(206,\)",
        ),
        (lambda a: a.update(style_vectors=a["style_vectors"][:-1]), r"style_vectors has shape \(3, 5, 64\)"),
        (lambda a: a.pop("content_vectors"), "content_vectors is missing"),
        (lambda a: a["feature_std"].__setitem__(3, 0.0), "feature_std holds 0.0"),
        (lambda a: a["style_vectors"].__setitem__((0, 0, 0), np.nan), "style_vectors holds a value that is not finite"),
        (lambda a: a["idle_rotations"].__imul__(2.0), "idle_rotations holds a quaternion of length 2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_naming_the_array(
    copy: Path, change: Callable[[dict[str, np.ndarray]], object], message: str
) -> None:
    edit_arrays(copy, change)
    with pytest.raises(BundleError, match=message):
        load_bundle(copy)


def test_an_archive_that_is_none_is_refused_even_with_the_right_hash(copy: Path) -> None:
    (copy / bundles.ARRAYS).write_bytes(b"not an archive")
    seal_bundle(copy, tiny.manifest())
    with pytest.raises(BundleError, match=r"arrays\.npz: cannot be read"):
        load_bundle(copy)


def test_a_bundle_is_sealed_last_and_in_one_rename(copy: Path) -> None:
    before = (copy / bundles.MANIFEST).read_text()
    (copy / bundles.ENCODER).unlink()
    with pytest.raises(FileNotFoundError):
        seal_bundle(copy, tiny.manifest())
    assert (copy / bundles.MANIFEST).read_text() == before


def test_a_student_with_a_missing_input_is_refused_by_the_engine(copy: Path) -> None:
    model = onnx.load(copy / bundles.STUDENT)
    next(node for node in model.graph.input if node.name == "phase").name = "beat_phase"
    for node in model.graph.node:
        node.input[:] = ["beat_phase" if name == "phase" else name for name in node.input]
    onnx.save(model, copy / bundles.STUDENT)
    seal_bundle(copy, tiny.manifest())
    with pytest.raises(BundleError, match=r"inputs .*beat_phase.* are not the expected"):
        OnnxEngine(load_bundle(copy))


def test_a_student_of_another_style_width_is_refused_by_the_engine(copy: Path) -> None:
    model = onnx.load(copy / bundles.STUDENT)
    style = next(node for node in model.graph.input if node.name == "style")
    style.type.tensor_type.shape.dim[2].dim_value = 32
    onnx.save(model, copy / bundles.STUDENT)
    seal_bundle(copy, tiny.manifest())
    with pytest.raises(BundleError, match=r"style has shape .*32\], expected \['batch', 5, 64\]"):
        OnnxEngine(load_bundle(copy))


def test_a_student_of_fixed_batch_is_refused_by_the_engine(copy: Path) -> None:
    model = onnx.load(copy / bundles.STUDENT)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    onnx.save(model, copy / bundles.STUDENT)
    seal_bundle(copy, tiny.manifest())
    with pytest.raises(BundleError, match="batch axis of noisy is fixed at 4"):
        OnnxEngine(load_bundle(copy))
