"""Strength: readings that rise, saturate, fall or drown in the seeds' spread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.model.walkers import standing_motion

from strut_model import rotations as rot
from strut_model.evaluation.judges import window_frames
from strut_model.evaluation.strength import Response, StyleAxis, descriptor, rises, step_spread, strength_figures
from strut_model.motion import Motion
from strut_model.skeleton import JOINT_INDEX

STRENGTHS = (0.0, 0.5, 1.0, 1.5)


def swinging(degrees: float, seed: int) -> Motion:
    """A figure whose arms swing by so many degrees, at a phase of its own, with a little noise."""
    rng = np.random.default_rng(seed)
    motion = standing_motion(60)
    angle = np.radians(degrees) * np.sin(2 * np.pi * (np.arange(60) / 30 + rng.uniform()))
    rotations = motion.rotations.copy()
    for name in ("left_shoulder", "right_shoulder"):
        noisy = angle + np.radians(0.5) * rng.normal(size=60)
        rotations[:, JOINT_INDEX[name]] = rot.from_axis_angle(
            np.stack((noisy, 0 * noisy, 0 * noisy), axis=-1).astype(np.float32)
        )
    # In T-pose an arm swings about Z so that its hand moves.
    turned = rotations[..., [2, 1, 0, 3]]
    return replace(motion, rotations=turned)


def described(degrees: float, seeds: range) -> np.ndarray:
    return np.stack([descriptor(window_frames(swinging(degrees, seed)).local) for seed in seeds])


def test_the_way_from_neutral_to_the_style_is_gone_in_proportion_and_goes_on_beyond() -> None:
    axis = StyleAxis.between(described(10, range(8)), described(30, range(8, 16)))
    reached = [axis.reach(described(10 + 20 * s, range(20, 28))).mean() for s in STRENGTHS]
    np.testing.assert_allclose(reached, STRENGTHS, atol=0.08)


def test_what_differs_across_the_way_does_not_count() -> None:
    neutral, styled = np.zeros((4, 3)), np.tile([1.0, 0.0, 0.0], (4, 1))
    axis = StyleAxis.between(neutral, styled)
    assert axis.reach(np.array([1.0, 5.0, -5.0])) == pytest.approx(1.0)
    assert axis.reach(np.zeros(3)) == pytest.approx(0.0)


def test_a_rise_must_exceed_twice_the_spread_of_a_step_over_seeds() -> None:
    base = np.array([0.0, 1.0, 2.0, 3.0])[:, None]
    steady = base + np.array([0.0, 5.0, -5.0])  # seeds that differ in level only
    assert step_spread([steady]) == pytest.approx(0.0)
    assert rises(steady, step_spread([steady]))
    noisy = base + np.random.default_rng(0).normal(size=(4, 3))
    assert step_spread([noisy]) > 0.5
    assert not rises(noisy, step_spread([noisy]))


def test_no_step_may_fall_and_none_need_rise_above_what_real_clips_have() -> None:
    saturated = np.array([-5.0, 3.0, 5.5, 5.4])[:, None]
    assert not rises(saturated, 0.1)
    assert rises(saturated, 0.1, ceiling=5.0)
    fallen = np.array([-5.0, 3.0, 5.5, 4.0])[:, None]
    assert not rises(fallen, 0.1, ceiling=5.0)


def test_a_pair_is_monotone_when_judges_and_body_say_so() -> None:
    up, flat = np.array([0.0, 0.5, 1.0, 1.5])[:, None] + np.zeros(3), np.zeros((4, 3))
    responses = [
        Response(("sad", "walk"), up - 0.7, up, ceiling=9.0),
        Response(("sad", "run"), up - 0.7, flat, ceiling=9.0),
        Response(("old", "walk"), flat + 0.1, up, ceiling=9.0),
        Response(("old", "run"), flat + 0.1, flat, ceiling=9.0),
    ]
    figures = strength_figures(responses)
    assert figures["strength_monotone"].value == pytest.approx(0.25)
    assert figures["strength_monotone_margin"].value == pytest.approx(0.5)
    assert figures["strength_monotone_reach"].value == pytest.approx(0.5)
    assert figures["strength_zero_neutral"].value == pytest.approx(0.5)
    assert figures["strength_reach_1"].value == pytest.approx(0.5)
    assert figures["strength_reach_150"].value == pytest.approx(0.75)


def test_a_pair_without_neutral_clips_is_judged_by_the_margin_alone() -> None:
    up, unknown = np.array([0.0, 0.5, 1.0, 1.5])[:, None] + np.zeros(3), np.full((4, 3), np.nan)
    responses = [
        Response(("sad", "walk"), up - 0.7, up, ceiling=9.0),
        Response(("sad", "walk-back"), up - 0.7, unknown, ceiling=9.0),
        Response(("old", "walk-back"), np.zeros((4, 3)), unknown, ceiling=9.0),
    ]
    figures = strength_figures(responses)
    assert figures["strength_monotone"].value == pytest.approx(2 / 3)
    assert figures["strength_monotone_reach"].value == pytest.approx(1.0)
    assert figures["strength_reach_1"].value == pytest.approx(1.0)
