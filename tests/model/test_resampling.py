"""Resampling against scipy's Slerp, exact frames, and the spectrum of what comes out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp
from tests.model.rigs import degrees_between

from strut_model.resampling import resample, smooth


def turning(frames: int, fps: float, hertz: float = 0.4, amplitude: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A body that sways: pelvis (T, 3) and rotations (T, 2, 4)."""
    t = np.arange(frames) / fps
    vectors = amplitude * np.stack(
        [np.sin(2 * np.pi * hertz * t), np.cos(2 * np.pi * hertz * t), 0.3 * np.sin(4 * np.pi * hertz * t)], axis=1
    )
    turns = Rotation.from_rotvec(vectors).as_quat()
    return vectors * 0.1, np.stack([turns, turns], axis=1)


def test_between_two_frames_lies_what_scipys_slerp_gives() -> None:
    pelvis, rotations = turning(49, 24.0)
    found_pelvis, found = resample(pelvis, rotations, 24.0, 30.0)
    times = np.arange(len(found)) / 30
    wanted = Slerp(np.arange(49) / 24, Rotation.from_quat(rotations[:, 0]))(times).as_quat()
    assert len(found) == 61
    assert degrees_between(found[:, 1], wanted).max() < 1e-4
    assert np.allclose(found_pelvis[:, 0], np.interp(times, np.arange(49) / 24, pelvis[:, 0]))


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0, 100.0, 120.0, 240.0])
def test_slow_motion_comes_through_unchanged_at_every_usual_rate(fps: float) -> None:
    pelvis, rotations = turning(int(4 * fps), fps)
    found_pelvis, found = resample(pelvis, rotations, fps)
    wanted_pelvis, wanted = turning(len(found), 30.0)
    if fps == 29.97:  # taken as 30, so the clock runs .1 % off
        wanted_pelvis, wanted = turning(len(found), 29.97)
    assert abs(len(found) - 4 * 30) <= 1
    assert degrees_between(found, wanted).max() < 0.5
    assert np.abs(found_pelvis - wanted_pelvis).max() < 0.001


def test_decimation_does_not_fold_tremble_into_the_motion() -> None:
    t = np.arange(480) / 120
    # 31 Hz, sampled at 30 without a low-pass, would come out as 1 Hz of the full amplitude.
    pelvis = np.stack([np.sin(2 * np.pi * 31 * t), 0 * t, 0 * t], axis=1)
    turns = Rotation.from_rotvec(0.2 * pelvis).as_quat()[:, None]
    found_pelvis, found = resample(pelvis, turns, 120.0)
    assert np.abs(found_pelvis[5:-5]).max() < 0.05
    assert np.degrees(Rotation.from_quat(found[5:-5, 0]).magnitude()).max() < 0.05 * np.degrees(0.2)
    assert np.abs(pelvis[::4]).max() > 0.9


def test_a_straight_line_stays_straight_up_to_both_ends() -> None:
    pelvis = np.linspace([0, 1, 0], [3, 1, 6], 121)
    found, _ = resample(pelvis, np.tile([0, 0, 0, 1.0], (121, 1, 1)), 120.0)
    assert np.allclose(found, np.linspace([0, 1, 0], [3, 1, 6], 31), atol=1e-9)


def test_a_sign_flip_of_the_same_rotation_makes_no_difference() -> None:
    pelvis, rotations = turning(60, 60.0)
    flipped = rotations * np.where(np.arange(60) % 3 == 0, -1.0, 1.0)[:, None, None]
    assert degrees_between(resample(pelvis, flipped, 60.0)[1], resample(pelvis, rotations, 60.0)[1]).max() < 1e-4


def test_one_frame_stays_one_frame() -> None:
    pelvis, rotations = turning(1, 120.0)
    assert resample(pelvis, rotations, 120.0)[0].shape == (1, 3)


def test_smoothing_keeps_what_is_slow_and_takes_out_what_is_fast() -> None:
    slow_pelvis, slow = turning(300, 30.0, hertz=0.3)
    rng = np.random.default_rng(0)
    tremble = Rotation.from_rotvec(rng.normal(size=(600, 3)) * 0.03).as_quat().reshape(300, 2, 4)
    noisy = (Rotation.from_quat(slow.reshape(-1, 4)) * Rotation.from_quat(tremble.reshape(-1, 4))).as_quat()
    _, found = smooth(slow_pelvis, noisy.reshape(300, 2, 4), 30.0, 3.0)
    before = degrees_between(noisy.reshape(300, 2, 4), slow).mean()
    after = degrees_between(found, slow)[15:-15].mean()
    assert after < 0.6 * before


@pytest.mark.parametrize(("fps", "target"), [(0.0, 30.0), (-1.0, 30.0), (30.0, 0.0), (float("nan"), 30.0)])
def test_a_rate_that_is_none_is_refused(fps: float, target: float) -> None:
    with pytest.raises(ValueError, match="fps"):
        resample(np.zeros((2, 3)), np.tile([0, 0, 0, 1.0], (2, 1, 1)), fps, target)


def test_a_cutoff_beyond_the_nyquist_frequency_is_refused() -> None:
    with pytest.raises(ValueError, match="cutoff: 15"):
        smooth(np.zeros((50, 3)), np.tile([0, 0, 0, 1.0], (50, 1, 1)), 30.0, 15.0)
