"""Frechet distance and the drawing of sets with the same mix."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import linalg
from tests.model.walkers import standing_motion

from strut_model.evaluation.frechet import frechet_distance, matched_rows, velocity_vectors


def test_distance_of_known_gaussians_agrees_with_scipys_matrix_root() -> None:
    rng = np.random.default_rng(3)
    first = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6))
    second = rng.normal(size=(400, 6)) @ rng.normal(size=(6, 6)) + 1.5

    s1, s2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    gap = first.mean(0) - second.mean(0)
    expected = gap @ gap + np.trace(s1 + s2 - 2 * np.real(linalg.sqrtm(s1 @ s2)))

    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def test_distance_of_a_shifted_set_is_the_squared_shift() -> None:
    points = np.random.default_rng(0).normal(size=(100, 4))
    assert frechet_distance(points, points + np.array([3.0, 0, 4.0, 0])) == pytest.approx(25.0)


def test_distance_of_one_dimension_is_that_of_means_and_deviations() -> None:
    points = np.random.default_rng(1).normal(size=(500, 1))
    wider = 3 * points + 2
    deviation, mean = points.std(ddof=1), points.mean()
    expected = (2 * mean + 2) ** 2 + (2 * deviation) ** 2
    assert frechet_distance(points, wider) == pytest.approx(expected)


def test_a_set_of_one_has_no_distance() -> None:
    assert np.isnan(frechet_distance(np.zeros((1, 3)), np.zeros((5, 3))))


def test_matched_rows_have_equal_counts_of_every_label() -> None:
    wanted = ["walk"] * 5 + ["run"] * 3 + ["bow"] * 2
    offered = ["run"] * 7 + ["walk"] * 2 + ["jump"]

    first, second = matched_rows(wanted, offered, seed=4)

    assert Counter(wanted[i] for i in first) == Counter(offered[i] for i in second) == {"walk": 2, "run": 3}
    assert len(set(first.tolist())) == len(first)


def test_velocities_are_taken_in_the_characters_own_heading_frame() -> None:
    # Facing +X and moving along +X is moving forward: +Z of the heading frame.
    motion = standing_motion(11, speed=1.5, heading=np.pi / 2)
    vectors = velocity_vectors(motion, stride=5).reshape(2, 22, 3)
    np.testing.assert_allclose(vectors, np.broadcast_to([0, 0, 1.5], vectors.shape), atol=1e-4)
