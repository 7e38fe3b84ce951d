"""QUAT48 against scipy's rotations and hand-computed codes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from strut_model.codec import decode_quat48, encode_quat48


def test_a_decoded_quaternion_is_within_two_hundredths_of_a_degree_of_the_encoded_one() -> None:
    rotations = Rotation.random(20_000, rng=np.random.default_rng(3))
    decoded = Rotation.from_quat(decode_quat48(encode_quat48(rotations.as_quat())).astype(np.float64))
    assert np.degrees((rotations.inv() * decoded).magnitude()).max() < 0.02


def test_the_identity_is_stored_exactly() -> None:
    assert decode_quat48(encode_quat48([0.0, 0.0, 0.0, 1.0])).tolist() == [0.0, 0.0, 0.0, 1.0]


def test_the_words_of_a_half_turn_about_x_are_those_computed_by_hand() -> None:
    # x is the largest: index 0, so no index bits; the other three are 0, stored as the middle step 16383.
    assert encode_quat48([1.0, 0.0, 0.0, 0.0]).tolist() == [16383, 16383, 16383]
    # w is the largest: index 3 sets both spare bits.
    assert encode_quat48([0.0, 0.0, 0.0, 1.0]).tolist() == [16383 | 0x8000, 16383 | 0x8000, 16383]


def test_a_quaternion_and_its_negative_have_one_code_and_decode_with_positive_w() -> None:
    q = Rotation.random(500, rng=np.random.default_rng(4)).as_quat()
    assert np.array_equal(encode_quat48(q), encode_quat48(-q))
    assert (decode_quat48(encode_quat48(q))[:, 3] >= 0).all()


def test_the_extremes_of_every_component_survive() -> None:
    half = np.sqrt(0.5)
    q = np.array(
        [[half, half, 0, 0], [half, 0, -half, 0], [0, half, 0, -half], [0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5]]
    )
    back = decode_quat48(encode_quat48(q)).astype(np.float64)
    assert np.abs(np.abs((q * back).sum(axis=1)) - 1).max() < 1e-7


def test_leading_axes_are_kept() -> None:
    q = Rotation.random(24, rng=np.random.default_rng(5)).as_quat().reshape(2, 3, 4, 4)
    code = encode_quat48(q)
    assert code.shape == (2, 3, 4, 3)
    assert code.dtype == np.uint16
    assert decode_quat48(code).shape == (2, 3, 4, 4)
    assert encode_quat48(np.zeros((0, 22, 4))).shape == (0, 22, 3)


@pytest.mark.parametrize(
    ("quaternions", "message"),
    [
        (np.ones(3), r"shape is \(3,\)"),
        (np.array([np.nan, 0, 0, 1]), "not finite"),
        (np.zeros(4), "length is 0"),
    ],
)
def test_what_is_no_quaternion_is_refused(quaternions: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_quat48(quaternions)


def test_words_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="last axis must be 3"):
        decode_quat48(np.zeros((2, 4), dtype=np.uint16))
