"""Seams, jerk, bands and amplitude on curves with known derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.evaluation import smoothness
from strut_model.skeleton import JOINT_INDEX, JOINTS


def along_x(curve: np.ndarray) -> np.ndarray:
    """Joint positions (T, 22, 3) in which all joints move along x."""
    positions = np.zeros((len(curve), JOINTS, 3))
    positions[..., 0] = curve[:, None]
    return positions


def test_derivatives_of_polynomials_are_exact() -> None:
    time = np.arange(40) / 30
    np.testing.assert_allclose(smoothness.acceleration(along_x(3 * time**2)), 6.0, rtol=1e-6)
    np.testing.assert_allclose(smoothness.jerk(along_x(2 * time**3)), 12.0, rtol=1e-6)
    np.testing.assert_allclose(smoothness.speed(along_x(1.7 * time), smoothness.HANDS), 1.7, rtol=1e-6)


def test_a_jump_at_the_seam_shows_at_seams_and_not_inside() -> None:
    frames = 1 + 16 * 4
    curve = np.zeros(frames)
    curve[1 + 32 :] = 0.01  # one centimetre between the second window and the third
    seams, insides = smoothness.seam_and_inside(along_x(curve), 16)
    np.testing.assert_allclose(seams, [0, 9.0], atol=1e-6)  # 0.01 m in one frame, twice differenced
    np.testing.assert_allclose(insides, 0, atol=1e-9)


def test_a_jump_inside_a_window_shows_inside() -> None:
    curve = np.zeros(1 + 16 * 4)
    curve[1 + 16 + 10 :] = 0.01
    seams, insides = smoothness.seam_and_inside(along_x(curve), 16)
    assert insides.max() == pytest.approx(9.0)
    assert seams.max() == pytest.approx(0.0, abs=1e-9)


def test_the_band_holds_a_wave_inside_it_and_not_one_below() -> None:
    time = np.arange(300) / 30
    inside = smoothness.band_energy(along_x(0.02 * np.sin(2 * np.pi * 4 * time)), smoothness.HANDS)
    below = smoothness.band_energy(along_x(0.02 * np.sin(2 * np.pi * 0.3 * time)), smoothness.HANDS)
    # Root mean square speed of the wave, as differences at 30 Hz see it.
    expected = 0.02 * 2 * 30 * np.sin(np.pi * 4 / 30) / np.sqrt(2)
    assert inside == pytest.approx(expected, rel=0.05)
    assert below < 0.02 * expected


def test_amplitude_is_the_mean_spread_of_the_joints() -> None:
    time = np.arange(300) / 30
    local = along_x(0.1 * np.sin(2 * np.pi * time))
    local[:, JOINTS // 2 :] = 0  # half of the joints keep still
    assert smoothness.amplitude(local) == pytest.approx(0.1 / np.sqrt(2) / 2, rel=1e-3)


def test_lean_is_the_angle_of_the_trunk_to_the_vertical() -> None:
    positions = np.zeros((5, JOINTS, 3))
    positions[:, JOINT_INDEX["neck"]] = [0, np.cos(np.radians(20)), np.sin(np.radians(20))]
    assert smoothness.lean(positions) == pytest.approx(20.0)
