"""Counter-based noise: normal, independent, and a function of its counters alone."""

from __future__ import annotations

import numpy as np
from scipy import stats

from strut_model.streaming.noise import noise, splitmix64


def test_splitmix64_gives_the_published_sequence_of_seed_zero() -> None:
    counters = np.arange(1, 4, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert [hex(int(value)) for value in splitmix64(counters)] == [
        "0xe220a8397b1dcdaf",
        "0x6e789e6aa1b965f4",
        "0x6c45d188009454f",
    ]


def test_noise_is_standard_normal() -> None:
    values = noise(np.arange(8, dtype=np.uint64), np.arange(8), 4, 16, 206).astype(np.float64).ravel()
    assert stats.kstest(values, "norm").pvalue > 1e-3
    assert abs(values.mean()) < 0.01
    assert abs(values.std() - 1) < 0.01
    assert abs(stats.kurtosis(values)) < 0.05


def test_a_row_depends_on_its_own_seed_and_frame_and_not_on_the_batch() -> None:
    seeds = np.array([3, 2**63 + 11, 7, 3], np.uint64)
    frames = np.array([0, 160, -5, 16])
    together = noise(seeds, frames, 4, 16, 206)
    for row in range(4):
        alone = noise(seeds[row : row + 1], frames[row : row + 1], 2, 16, 206)
        np.testing.assert_array_equal(together[row, :2], alone[0])


def test_noise_of_other_seeds_frames_and_steps_is_uncorrelated() -> None:
    values = noise(np.array([0, 1, 0, 2**32], np.uint64), np.array([0, 0, 1, 0]), 2, 16, 206)
    rows = values.reshape(8, -1).astype(np.float64)
    correlation = np.corrcoef(rows) - np.eye(8)
    assert np.abs(correlation).max() < 5 / np.sqrt(rows.shape[1])


def test_an_odd_count_is_filled_too() -> None:
    values = noise(np.array([5], np.uint64), np.array([0]), 1, 1, 7)
    assert values.shape == (1, 1, 1, 7)
    assert len(np.unique(values)) == 7
