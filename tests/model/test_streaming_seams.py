"""Inertialised seams: no step in position or velocity, and nothing done where there is no seam."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from strut_model.streaming.seams import SEAM_DECAY, inertialise

FRAMES = 16


def no_rotations(batch: int, frames: int) -> np.ndarray:
    q = np.zeros((batch, frames, 1, 4), np.float32)
    q[..., 3] = 1
    return q


def join_linear(before: np.ndarray, after: np.ndarray, **options: object) -> np.ndarray:
    """Join one channel: before (3,), after (16,)."""
    joined, _ = inertialise(
        after.astype(np.float32)[None, :, None],
        no_rotations(1, FRAMES),
        before.astype(np.float32)[None, :, None],
        no_rotations(1, 3),
        **options,  # type: ignore[arg-type]
    )
    return joined[0, :, 0]


def turns_about_y(angles: np.ndarray) -> np.ndarray:
    q = Rotation.from_rotvec(np.outer(angles, [0.0, 1.0, 0.0])).as_quat().astype(np.float32)
    return q[None, :, None]


def test_an_evenly_accelerated_motion_passes_unchanged() -> None:
    time = np.arange(-3, FRAMES) / 30
    motion = 0.3 + 1.2 * time + 2.0 * time**2
    np.testing.assert_allclose(join_linear(motion[:3], motion[3:]), motion[3:], atol=1e-5)


def test_a_step_is_taken_up_by_the_published_spring() -> None:
    after = join_linear(np.zeros(3), np.full(FRAMES, 0.1))
    time = np.arange(1, FRAMES + 1)
    expected = 0.1 - 0.1 * (1 + SEAM_DECAY * time) * np.exp(-SEAM_DECAY * time)
    np.testing.assert_allclose(after, expected, atol=1e-6)


def test_a_change_of_speed_is_taken_up_by_the_published_spring() -> None:
    after = join_linear(np.zeros(3), np.arange(1, FRAMES + 1) * 0.05)
    time = np.arange(1, FRAMES + 1)
    expected = 0.05 * time - 0.05 * time * np.exp(-SEAM_DECAY * time)
    np.testing.assert_allclose(after, expected, atol=1e-6)


def test_an_offset_has_died_away_by_the_end_of_the_window() -> None:
    after = join_linear(np.array([0.0, 0.1, 0.2]), np.full(FRAMES, 0.6))
    assert abs(after[-1] - 0.6) < 0.002


def test_angles_are_joined_the_short_way_round() -> None:
    before = np.array([3.10, 3.11, 3.12])
    after = np.full(FRAMES, -3.12)  # .0432 further on, across pi
    joined = join_linear(before, after, angular=slice(0, 1))
    gone_round = (joined - 3.12 + np.pi) % (2 * np.pi) - np.pi
    assert gone_round.min() > 0
    assert gone_round.max() < 0.06


def test_rotations_about_one_axis_are_joined_like_their_angles() -> None:
    before, after = np.array([0.1, 0.15, 0.2]), 0.6 + 0.02 * np.arange(FRAMES)
    _, joined = inertialise(
        np.zeros((1, FRAMES, 1), np.float32),
        turns_about_y(after),
        np.zeros((1, 3, 1), np.float32),
        turns_about_y(before),
    )
    angles = Rotation.from_quat(joined[0, :, 0]).as_rotvec()[:, 1]
    np.testing.assert_allclose(angles, join_linear(before, after), atol=1e-5)


def test_quaternions_of_opposite_sign_are_the_same_rotation() -> None:
    rotations = turns_about_y(np.linspace(0.3, 0.5, FRAMES))
    before = turns_about_y(np.array([0.1, 0.15, 0.2]))
    still, past = np.zeros((1, FRAMES, 1), np.float32), np.zeros((1, 3, 1), np.float32)
    _, plain = inertialise(still, rotations, past, before)
    _, flipped = inertialise(still, rotations, past, -before)
    np.testing.assert_allclose(flipped, plain, atol=1e-6)


@pytest.mark.parametrize("border", [1, 2, 8])
def test_a_border_inside_the_window_is_taken_up_like_a_seam(border: int) -> None:
    motion = np.zeros(FRAMES)
    motion[border:] = 0.1
    joined = join_linear(np.zeros(3), motion, borders=(border,))
    expected = join_linear(np.zeros(3), np.full(FRAMES, 0.1))
    np.testing.assert_array_equal(joined[:border], 0)
    np.testing.assert_allclose(joined[border:], expected[: FRAMES - border], atol=1e-6)
