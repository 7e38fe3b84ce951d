"""Steering: a window ends where the path does, as far as a body may be led, and nothing else about it changes."""

from __future__ import annotations

import numpy as np
from tests.bundles import standing

from strut_model.features import WINDOW
from strut_model.streaming import kinematics as kin
from strut_model.streaming.steering import TURN_SHARE, WAY_SHARE, steer

YES, NO = np.ones(1, bool), np.zeros(1, bool)


def walking(way: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    """A body that goes straight on by ``way`` metres, its pelvis 5 cm ahead of its root."""
    linear = np.zeros((1, WINDOW, 6), np.float32)
    linear[0, :, 1] = way * np.arange(1, WINDOW + 1) / WINDOW
    linear[0, :, 4] = 0.9
    linear[0, :, 5] = linear[0, :, 1] + 0.05
    return linear, standing(WINDOW).rotations[None].astype(np.float32)


def test_a_window_that_is_short_of_its_path_ends_on_it() -> None:
    linear, rotations = walking()
    before = linear.copy()
    steer(linear, rotations, np.array([[0.1, 0.75]], np.float32), np.zeros(1, np.float32), YES, YES)
    np.testing.assert_allclose(linear[0, -1, :2], [0.1, 0.75], atol=1e-6)
    np.testing.assert_allclose(
        linear[..., 3:] - before[..., 3:], (linear - before)[..., [0, 5, 1]] * [1, 0, 1], atol=1e-6
    )
    steps = np.diff(linear[0, :, :2] - before[0, :, :2], axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-6)


def test_it_is_led_no_farther_than_a_share_of_the_way() -> None:
    linear, rotations = walking()
    asked = np.array([[0.6, 0.8]], np.float32)
    steer(linear, rotations, asked, np.zeros(1, np.float32), YES, YES)
    led = linear[0, -1, :2] - [0.0, 0.7]
    np.testing.assert_allclose(np.linalg.norm(led), WAY_SHARE * 1.0, atol=1e-5)
    np.testing.assert_allclose(led / np.linalg.norm(led), np.array([0.6, 0.1]) / np.hypot(0.6, 0.1), atol=1e-5)


def test_a_turn_is_made_up_for_about_the_root() -> None:
    linear, rotations = walking(0.0)
    half = np.float32(np.pi / 2)
    linear[0, :, 2] = 0.9 * half * np.arange(1, WINDOW + 1) / WINDOW
    before = rotations.copy()
    steer(linear, rotations, np.zeros((1, 2), np.float32), np.full(1, half), YES, YES)
    np.testing.assert_allclose(linear[0, -1, 2], half, atol=1e-5)
    np.testing.assert_allclose(np.hypot(linear[0, :, 3], linear[0, :, 5]), 0.05, atol=1e-6)
    turned = kin.multiply(kin.heading_quaternions(np.full((1, 1), 0.1 * half, np.float32)), before[:, -1:, 0])
    np.testing.assert_allclose(np.abs((turned * rotations[:, -1:, 0]).sum(-1)), 1, atol=1e-5)
    np.testing.assert_array_equal(rotations[:, :, 1:], before[:, :, 1:])


def test_a_half_turn_is_limited_and_goes_the_short_way() -> None:
    linear, rotations = walking(0.0)
    linear[0, :, 2] = np.linspace(0.1, 2.0, WINDOW)
    steer(linear, rotations, np.zeros((1, 2), np.float32), np.full(1, np.pi - 0.01, np.float32), YES, YES)
    np.testing.assert_allclose(linear[0, -1, 2], 2.0 + TURN_SHARE * (np.pi - 0.01), atol=1e-4)


def test_what_is_not_asked_for_changes_nothing() -> None:
    linear, rotations = walking()
    before, turned = linear.copy(), rotations.copy()
    steer(linear, rotations, np.array([[0.5, 0.5]], np.float32), np.ones(1, np.float32), NO, NO)
    np.testing.assert_allclose(linear, before, atol=1e-6)
    np.testing.assert_allclose(rotations, turned, atol=1e-6)
