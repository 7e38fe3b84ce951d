"""Pairs that training never saw, told by a classifier that knows them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from strut_model.evaluation.judges import Judgement, Judges
from strut_model.evaluation.pairs import PairClassifier, PairJudges, unseen_pair_figures
from strut_model.evaluation.recognition import Verdicts, Window

STYLES, CONTENTS = ("active", "normal"), ("run", "walk")
PAIRS = list(product(STYLES, CONTENTS))


def points(pairs: list[tuple[str, str]], count: int, seed: int, spread: float = 0.3) -> np.ndarray:
    """Embeddings (N, 64) about a corner of a square for each pair, in its first two numbers."""
    rng = np.random.default_rng(seed)
    out = spread * rng.normal(size=(len(pairs) * count, 64))
    for i, pair in enumerate(pairs):
        out[i * count : (i + 1) * count, :2] += [2 * STYLES.index(pair[0]), 2 * CONTENTS.index(pair[1])]
    return out


def verdicts(pairs: list[tuple[str, str]], count: int, embedding: np.ndarray) -> Verdicts:
    judges = Judges()
    windows = [Window(None, *pair, f"{pair} {i}", "") for pair in pairs for i in range(count)]  # type: ignore[arg-type]
    none = np.zeros((len(windows), 1), np.float32)
    return Verdicts(windows, {name: Judgement(none, none, embedding) for name in ("a", "b")}, judges)


def test_the_linear_discriminant_agrees_with_the_gaussians_it_stands_for() -> None:
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(0)
    labels = [pair for pair in PAIRS for _ in range(200)]
    data = points(PAIRS, 200, seed=1)[:, :4] + 0.3 * rng.normal(size=(800, 1))
    classifier = PairClassifier.fit(data, labels)
    means = np.stack([data[i * 200 : (i + 1) * 200].mean(axis=0) for i in range(4)])
    rest = data - np.repeat(means, 200, axis=0)
    pooled = rest.T @ rest / (len(data) - 4)
    shrunk = 0.9 * pooled + 0.1 * np.trace(pooled) / 4 * np.eye(4)
    test = rng.normal(size=(20, 4))
    density = np.stack([multivariate_normal(mean, shrunk).pdf(test) for mean in means], axis=1)
    np.testing.assert_allclose(
        classifier.probabilities(test), density / density.sum(axis=1, keepdims=True), rtol=1e-5, atol=1e-12
    )


def test_style_and_content_of_a_pair_are_told_apart() -> None:
    classifier = PairClassifier.fit(points(PAIRS, 40, seed=2), [pair for pair in PAIRS for _ in range(40)])
    seen = points([("active", "walk")], 10, seed=3)
    asked = [("active", "run")] * 10
    assert classifier.hits(seen, asked, which=0).mean() == 1.0
    assert classifier.hits(seen, asked, which=1).mean() == 0.0


def test_the_gap_compares_an_unseen_pair_with_seen_ones_of_its_style_or_content() -> None:
    judges = PairJudges(verdicts(PAIRS, 40, points(PAIRS, 40, seed=4)))
    unseen_pair, others = [("active", "run")], [pair for pair in PAIRS if pair != ("active", "run")]
    seen = verdicts(others, 10, points(others, 10, seed=5))
    # Asked to run actively, half of the windows walk: the style is right in all, the content in half.
    embedding = np.concatenate((points(unseen_pair, 5, seed=6), points([("active", "walk")], 5, seed=7)))
    figures = unseen_pair_figures(judges, verdicts(unseen_pair, 10, embedding), seen)
    assert figures["unseen_pair_style"].value == 1.0
    assert not figures["unseen_pair_style_gap"].known
    assert figures["unseen_pair_content"].value == pytest.approx(0.5)
    # Only styles that have an unseen pair are compared with, and there is one; and one pair has no interval.
    assert not figures["unseen_pair_content_gap"].known


def test_the_content_gap_is_to_other_styles_that_have_unseen_pairs() -> None:
    judges = PairJudges(verdicts(PAIRS, 40, points(PAIRS, 40, seed=4)))
    unseen_pairs, others = [("active", "run"), ("normal", "walk")], [("active", "walk"), ("normal", "run")]
    seen = verdicts(others, 10, points(others, 10, seed=5))
    wrong = verdicts(
        unseen_pairs, 5, np.concatenate((points([("active", "walk")], 5, 6), points([("normal", "walk")], 5, 7)))
    )
    figures = unseen_pair_figures(judges, wrong, seen)
    assert figures["unseen_pair_content"].value == pytest.approx(0.5)
    assert figures["unseen_pair_content_gap"].value == pytest.approx(-0.5)
    assert figures["unseen_pair_style_gap"].value == 0.0
