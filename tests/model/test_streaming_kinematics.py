"""The lean kinematics of the hot path against scipy and the plain modules."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from strut_model import rotations as rot
from strut_model import skeleton
from strut_model.streaming import kinematics as kin

SHAPE = (3, 5, 22)


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return tuple(rot.normalise(generator.normal(size=(*SHAPE, 4)).astype(np.float32)) for _ in range(2))  # type: ignore[return-value]


def scipy_of(q: np.ndarray) -> Rotation:
    return Rotation.from_quat(q.reshape(-1, 4).astype(np.float64))


def same_rotation(a: np.ndarray, b: np.ndarray) -> float:
    """The largest angle in radians between two arrays of quaternions, whatever their signs."""
    return float((scipy_of(a).inv() * scipy_of(b)).magnitude().max())


def test_products_and_quotients_agree_with_scipy(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    expected = scipy_of(a) * scipy_of(b)
    assert same_rotation(kin.multiply(a, b), expected.as_quat()) < 1e-6
    assert same_rotation(kin.quotient(a, b), (scipy_of(a) * scipy_of(b).inv()).as_quat()) < 1e-6
    assert same_rotation(kin.inverse_product(a, b), (scipy_of(a).inv() * scipy_of(b)).as_quat()) < 1e-6


def test_rows_are_transposed_matrices(pair: tuple[np.ndarray, np.ndarray]) -> None:
    q, _ = pair
    rows = kin.rows_of(q)
    np.testing.assert_allclose(rows.reshape(-1, 3, 3), scipy_of(q).as_matrix().transpose(0, 2, 1), atol=1e-6)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0, 0.8)])
def test_half_turns_survive_the_way_through_six_d_codes(axis: tuple[float, ...]) -> None:
    half_turn = np.array([[[*axis, 0.0]]], np.float32)
    six = rot.to_six_d(half_turn).astype(np.float32)
    assert same_rotation(kin.quaternions_of_six_d(six), half_turn) < 1e-6


def test_scaled_and_skewed_six_d_codes_are_orthonormalised(pair: tuple[np.ndarray, np.ndarray]) -> None:
    q, _ = pair
    six = rot.to_six_d(q)
    skewed = np.concatenate((1.7 * six[..., :3], 0.4 * six[..., 3:] + 0.3 * six[..., :3]), axis=-1)
    found = kin.quaternions_of_six_d(skewed.astype(np.float32))
    assert same_rotation(found, q) < 1e-5
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1.0, atol=1e-6)


def test_logarithm_and_exponential_agree_with_scipy_for_large_small_and_no_angles() -> None:
    generator = np.random.default_rng(1)
    directions = generator.normal(size=(300, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    angles = np.concatenate((np.linspace(0, 3.1, 200), np.geomspace(1e-7, 1e-2, 100)))
    vectors = (directions * angles[:, None]).astype(np.float32)
    exact = Rotation.from_rotvec(vectors.astype(np.float64))
    assert same_rotation(kin.exponential(vectors), exact.as_quat()) < 1e-6
    quaternions = exact.as_quat().astype(np.float32)
    np.testing.assert_allclose(kin.logarithm(quaternions), vectors, atol=2e-5)
    np.testing.assert_allclose(kin.logarithm(-quaternions), vectors, atol=2e-5)


def test_cross_products_agree_with_numpy() -> None:
    generator = np.random.default_rng(2)
    a, b = generator.normal(size=(2, 4, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(kin.cross(a, b), np.cross(a, b), atol=1e-6)


def test_ground_vectors_turn_like_the_heading_quaternion() -> None:
    heading = np.array([[0.0, 0.7, -2.5]], np.float32)
    ground = np.array([[[1.0, 0.0], [0.5, -2.0], [0.0, 3.0]]], np.float32)
    turned = kin.turn_ground(ground, np.cos(heading), np.sin(heading))
    vectors = np.stack((ground[..., 0], np.zeros((1, 3)), ground[..., 1]), axis=-1)
    expected = scipy_of(kin.heading_quaternions(heading)).apply(vectors.reshape(-1, 3))
    np.testing.assert_allclose(turned[0], expected[:, ::2], atol=1e-6)


def test_joint_positions_agree_with_forward_kinematics(pair: tuple[np.ndarray, np.ndarray]) -> None:
    q, _ = pair
    pelvis = np.random.default_rng(3).normal(size=(*SHAPE[:2], 3)).astype(np.float32)
    expected, _ = skeleton.forward_kinematics(q, pelvis)
    np.testing.assert_allclose(kin.joint_positions(kin.rows_of(q), pelvis), expected, atol=1e-5)
