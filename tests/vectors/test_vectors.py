"""The shared test vectors are current, and a reader that knows only their JSON finds the product in them."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.vectors import make

from strut_model.coordinates import ENGINE_SPACES
from strut_model.frames import FrameEncoding, unpack_frames


def load(name: str) -> dict[str, Any]:
    return json.loads((make.FOLDER / name).read_text(encoding="utf-8"))


def assert_close(actual: Any, expected: Any) -> None:
    """Equal but for the last digits, which other machines may round differently."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for key in expected:
            assert_close(actual[key], expected[key])
    elif isinstance(expected, list) and expected and not isinstance(expected[0], str):
        np.testing.assert_allclose(actual, expected, atol=1e-6)
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected)
    else:
        assert actual == expected


@pytest.mark.parametrize("name", ["coordinates.json", "frames.json"])
def test_vectors_are_current(name: str) -> None:
    assert_close(load(name), json.loads(make.vectors()[name]))


@pytest.mark.parametrize("name", sorted(ENGINE_SPACES))
def test_coordinates_turn_points_alike_in_every_space(name: str) -> None:
    file = load("coordinates.json")
    # Turning a point and converting it commute: a property that a wrong sign in either half would break.
    turned = Rotation.from_quat(file["strut"]["rotations"]).apply(file["strut"]["positions"])
    there = Rotation.from_quat(file[name]["rotations"]).apply(file[name]["positions"])
    np.testing.assert_allclose(there, ENGINE_SPACES[name].positions_to(turned), atol=1e-3)


@pytest.mark.parametrize("encoding", list(FrameEncoding))
def test_records_decode_to_what_the_file_says(encoding: FrameEncoding) -> None:
    file = load("frames.json")
    entry = file["encodings"][encoding.name]
    data = base64.b64decode(entry["data"])
    assert len(data) == entry["record_bytes"] * len(file["sent"]["root_heading"])
    motion = unpack_frames(data, FrameEncoding(entry["number"]))
    for field, values in entry["received"].items():
        np.testing.assert_allclose(getattr(motion, field), values, atol=file["tolerance"])
    # The first frame is the rest pose, which both encodings hold exactly.
    assert entry["received"]["rotations"][0] == [[0.0, 0.0, 0.0, 1.0]] * 22
