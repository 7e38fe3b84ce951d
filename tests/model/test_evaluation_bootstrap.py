"""Intervals: clustered by clip, stratified by style."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.evaluation.bootstrap import (
    Figure,
    bootstrap,
    bootstrap_macro,
    bootstrap_macro_difference,
    bootstrap_ratio,
)


def test_macro_mean_counts_every_style_the_same() -> None:
    figure = bootstrap_macro([1, 1, 1, 1, 0], ["a"] * 4 + ["b"], list(range(5)))
    assert figure.value == pytest.approx(0.5)


def test_interval_of_a_mean_is_that_of_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=400)
    figure = bootstrap_macro(values, [0] * 400, list(range(400)), resamples=2000)
    error = values.std(ddof=1) / np.sqrt(400)
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert figure.low < values.mean() < figure.high


def test_repeated_windows_of_a_clip_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(1).normal(size=50)
    once = bootstrap_macro(values, [0] * 50, list(range(50)), resamples=1000)
    tenfold = bootstrap_macro(np.repeat(values, 10), [0] * 500, np.repeat(np.arange(50), 10).tolist(), resamples=1000)
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low, rel=0.1)


def test_a_recentred_interval_surrounds_the_value_of_a_biased_statistic() -> None:
    points = np.random.default_rng(2).normal(size=60)

    def spread_of_the_mean(rows: np.ndarray) -> float:
        return float(points[rows].mean() ** 2)

    figure = bootstrap(spread_of_the_mean, list(range(60)), recentre=True)
    assert figure.low <= figure.value <= figure.high


def test_ratio_leaves_out_what_is_not_a_number() -> None:
    figure = bootstrap_ratio([2, 4, np.nan, 6], [1, 2, 5, np.nan], ["a", "b", "c", "d"])
    assert figure.value == pytest.approx(2.0)


def test_nothing_measured_is_missing_and_null_in_json() -> None:
    figure = bootstrap_macro([], [], [])
    assert not figure.known
    assert figure.to_json() == {"value": None, "low": None, "high": None}


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(5).normal(size=30)
    first, again = (bootstrap_macro(values, [0] * 30, list(range(30)), seed=7) for _ in range(2))
    assert first == again
    assert first == Figure(first.value, first.low, first.high)


def test_the_interval_of_few_clips_a_style_is_that_of_the_stratified_mean() -> None:
    # Three clips in each of forty styles: drawing three of three would make the interval a fifth too narrow.
    values = np.random.default_rng(3).normal(size=(40, 3))
    groups = np.repeat(np.arange(40), 3).tolist()
    figure = bootstrap_macro(values.ravel(), groups, list(range(120)), resamples=2000)
    error = np.sqrt((values.var(axis=1, ddof=1) / 3).mean() / 40)
    assert figure.value == pytest.approx(values.mean())
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_styles_of_one_clip_each_have_an_interval_from_one_another() -> None:
    values = np.random.default_rng(4).normal(size=50)
    figure = bootstrap_macro(values, list(range(50)), list(range(50)), resamples=2000)
    error = values.std(ddof=1) / np.sqrt(50)
    assert figure.high - figure.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_a_difference_over_the_same_clips_is_narrower_than_either_side() -> None:
    rng = np.random.default_rng(6)
    groups, clips = np.repeat(np.arange(5), 20).tolist(), list(range(100))
    hard = rng.normal(size=100)  # what a clip's difficulty gives to both
    first, second = hard + 0.1 * rng.normal(size=100), hard + 0.5
    gap = bootstrap_macro_difference((first, groups, clips), (second, groups, clips))
    side = bootstrap_macro(first, groups, clips)
    assert gap.value == pytest.approx(-0.5, abs=0.05)
    assert gap.low <= gap.value <= gap.high
    assert gap.high - gap.low < 0.3 * (side.high - side.low)


def test_a_difference_leaves_out_clips_that_one_side_lacks() -> None:
    gap = bootstrap_macro_difference(([1, 1, 0], "sst", "abc"), ([0, 1], "ss", "ab"))
    assert gap.value == pytest.approx(0.5)
    assert not bootstrap_macro_difference(([1], "s", "a"), ([1], "s", "b")).known
