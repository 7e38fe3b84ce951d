"""Intervals: clustered by clip, stratified by style."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.evaluation.bootstrap import Figure, bootstrap, bootstrap_macro, bootstrap_ratio


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
