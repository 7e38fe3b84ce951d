"""Differences of recognition over the same clips."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.evaluation.gaps import Hits, recognition_gap
from strut_model.evaluation.suite import one_step_figures


def hits(a: list[float], b: list[float], content: list[float] | None = None) -> Hits:
    """Four windows of two styles, one clip each, as two judges see them."""
    content = a if content is None else content
    return Hits(
        {"a": np.array(a), "b": np.array(b)},
        {"a": np.array(content), "b": np.array(content)},
        ["sad", "sad", "proud", "proud"],
        ["walk", "bow", "walk", "bow"],
        ["c1", "c2", "c3", "c4"],
        ["one", "one", "one", "two"],
    )


def test_the_judge_that_gives_less_decides_on_both_sides() -> None:
    made, real = hits([1, 1, 1, 1], [1, 0, 1, 0]), hits([1, 1, 1, 0], [1, 1, 1, 1])
    assert recognition_gap(made, real, "style").value == pytest.approx(-0.5)


def test_windows_whose_content_is_not_scored_do_not_count() -> None:
    made, real = hits([1] * 4, [1] * 4, [1, np.nan, 0, np.nan]), hits([1] * 4, [1] * 4, [1, 0, 1, 0])
    assert recognition_gap(made, real, "content").value == pytest.approx(-0.5)


def test_data_sets_and_contents_stand_apart() -> None:
    made, real = hits([0, 1, 1, 1], [0, 1, 1, 1]), hits([1, 1, 1, 1], [1, 1, 1, 1])
    assert recognition_gap(made, real, "style", dataset="two").value == 0.0
    assert recognition_gap(made, real, "style", dataset="one").value == pytest.approx(-0.25)
    assert recognition_gap(made, real, "content", contents=("walk",)).value == pytest.approx(-0.5)
    assert not recognition_gap(made, real, "style", dataset="three").known


def test_one_step_is_compared_with_two_in_style_and_content() -> None:
    figures = one_step_figures(hits([1, 0, 1, 1], [1, 1, 1, 1]), hits([1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]))
    assert figures["one_step_style_gap"].value == pytest.approx(-0.25)
    assert figures["one_step_content_gap"].value == pytest.approx(-0.25)
