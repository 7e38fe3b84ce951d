"""Conversion to the engines' spaces, against change-of-basis matrices that are written down apart from it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from strut_model import coordinates
from strut_model.coordinates import ENGINE_SPACES, UNITY, UNREAL_FACING_X, UNREAL_FACING_Y, EngineSpace

# Columns: where Strut's +X (the character's left), +Y (up) and +Z (forward) point in the engine. Worked out from what
# each engine calls left, up and forward: Unity right +X, up +Y, forward +Z; Unreal up +Z, and facing +X its right is
# +Y, while facing +Y (in a left-handed space with Z up) the left is +X.
BASES = {
    "unity": np.array([[-1, 0, 0], [0, 1, 0], [0, 0, 1]]).T,
    "unreal_facing_x": np.array([[0, -1, 0], [0, 0, 1], [1, 0, 0]]).T,
    "unreal_facing_y": np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]]).T,
}
SCALES = {"unity": 1.0, "unreal_facing_x": 100.0, "unreal_facing_y": 100.0}

spaces = pytest.mark.parametrize("name", sorted(ENGINE_SPACES))


@spaces
def test_bases_change_the_handedness(name: str) -> None:
    assert np.linalg.det(BASES[name]) == pytest.approx(-1.0)


@spaces
def test_positions_are_those_of_the_change_of_basis(name: str) -> None:
    points = np.random.default_rng(1).normal(size=(5, 7, 3))
    expected = SCALES[name] * points @ BASES[name].T
    np.testing.assert_allclose(ENGINE_SPACES[name].positions_to(points), expected, atol=1e-12)


@spaces
def test_rotations_are_those_of_the_change_of_basis(name: str) -> None:
    rotations = Rotation.random(50, random_state=2)
    expected = BASES[name] @ rotations.as_matrix() @ BASES[name].T
    converted = ENGINE_SPACES[name].rotations_to(rotations.as_quat())
    np.testing.assert_allclose(Rotation.from_quat(converted).as_matrix(), expected, atol=1e-12)


@spaces
def test_rotating_and_converting_commute(name: str) -> None:
    space = ENGINE_SPACES[name]
    rotations = Rotation.random(20, random_state=3)
    points = np.random.default_rng(4).normal(size=(20, 3))
    there = Rotation.from_quat(space.rotations_to(rotations.as_quat())).apply(space.positions_to(points))
    np.testing.assert_allclose(there, space.positions_to(rotations.apply(points)), atol=1e-10)


@spaces
def test_there_and_back_is_the_same(name: str) -> None:
    space = ENGINE_SPACES[name]
    generator = np.random.default_rng(5)
    points = generator.normal(size=(4, 3)).astype(np.float32)
    rotations = Rotation.random(4, random_state=6).as_quat().astype(np.float32)
    np.testing.assert_allclose(space.positions_from(space.positions_to(points)), points, rtol=1e-6)
    np.testing.assert_array_equal(space.rotations_from(space.rotations_to(rotations)), rotations)
    assert space.positions_to(points).dtype == np.float32
    assert space.rotations_to(rotations).dtype == np.float32


@pytest.mark.parametrize(
    ("space", "position", "rotation"),
    [
        (UNITY, (-1, 2, 3), (0.1, -0.2, -0.3, 0.9)),
        (UNREAL_FACING_Y, (100, 300, 200), (-0.1, -0.3, -0.2, 0.9)),
        (UNREAL_FACING_X, (300, -100, 200), (-0.3, 0.1, -0.2, 0.9)),
    ],
    ids=lambda value: value.name if isinstance(value, EngineSpace) else "",
)
def test_formulas_of_the_conventions_hold(
    space: EngineSpace, position: tuple[float, ...], rotation: tuple[float, ...]
) -> None:
    np.testing.assert_allclose(space.positions_to([1, 2, 3]), position)
    np.testing.assert_allclose(space.rotations_to([0.1, 0.2, 0.3, 0.9]), rotation)


@spaces
def test_yaw_turns_the_character_by_its_heading(name: str) -> None:
    # The engines' own formula: Unity and Unreal turn about their up axis from the first to the second axis below.
    first, second = {"unity": (2, 0), "unreal_facing_x": (0, 1), "unreal_facing_y": (0, 1)}[name]
    heading = 0.7
    yaw = np.radians(coordinates.heading_to_yaw(heading))
    turned = np.zeros(3)
    rest = BASES[name] @ [0, 0, 1]
    turned[first] = rest[first] * np.cos(yaw) - rest[second] * np.sin(yaw)
    turned[second] = rest[first] * np.sin(yaw) + rest[second] * np.cos(yaw)
    facing = ENGINE_SPACES[name].positions_to([np.sin(heading), 0.0, np.cos(heading)]) / SCALES[name]
    np.testing.assert_allclose(facing, turned, atol=1e-12)
    assert coordinates.yaw_to_heading(coordinates.heading_to_yaw(heading)) == pytest.approx(heading)


def test_a_wrong_last_axis_is_named() -> None:
    with pytest.raises(ValueError, match=r"positions: shape is \(2, 4\), the last axis must be 3 long"):
        UNITY.positions_to(np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"rotations: shape is \(3,\), the last axis must be 4 long"):
        UNITY.rotations_from(np.zeros(3))
