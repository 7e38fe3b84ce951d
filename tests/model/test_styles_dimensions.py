"""Dimensions of style: found again where they were put, kept in a file, and turned without a change of length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.bundles import tiny_bundle

pytest.importorskip("torch")

from strut_model.bundle import load_bundle
from strut_model.styles.dimensions import FILE, Dimensions, dimensions_of, turned
from strut_model.styles.text import encoder_of
from strut_model.training.dimensions import fit_axes


def test_the_directions_that_codes_were_made_along_are_found() -> None:
    rng = np.random.default_rng(5)
    wanted = rng.normal(size=(2, 5, 64))
    scores = rng.normal(size=(12, 2))
    styles, contents, codes, measured = [], [], [], []
    for style in range(12):
        for content in range(3):
            styles.append(f"s{style}")
            contents.append(f"c{content}")
            # Contents shift codes and quantities; neither may be mistaken for style.
            codes.append(np.tensordot(scores[style], wanted, axes=1) + 5.0 * content)
            measured.append(3.0 * scores[style] + 7.0 * content)
    found = fit_axes(np.stack(codes), np.stack(measured), styles, contents)
    deviation = scores.std(axis=0)
    np.testing.assert_allclose(found, wanted * deviation[:, None, None], atol=1e-4)
    with pytest.raises(ValueError, match="no content has clips of 4 or more"):
        fit_axes(np.stack(codes[:3]), np.stack(measured[:3]), styles[:3], contents[:3])


def test_turning_adds_and_keeps_each_parts_length() -> None:
    vector = np.zeros((5, 64), np.float32)
    vector[:, 0] = 2.0
    axis = np.zeros((5, 64), np.float32)
    axis[0, 1] = 2.0
    out = turned(vector, {"amplitude": axis}, {"amplitude": 1.0})
    np.testing.assert_allclose(out[0, :2], [2**0.5, 2**0.5], rtol=1e-6)
    np.testing.assert_allclose(out[1:], vector[1:])
    np.testing.assert_array_equal(turned(vector, {}, {}), vector)


def test_dimensions_belong_to_one_encoder(tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle(tmp_path / "bundle"))
    assert dimensions_of(bundle) == {}
    axis = np.ones((5, 64), np.float32)
    Dimensions({"amplitude": axis}, encoder_of(bundle)).write(bundle.path / FILE)
    np.testing.assert_array_equal(dimensions_of(bundle)["amplitude"], axis)
    assert set(dimensions_of(load_bundle())) == {"amplitude"}
