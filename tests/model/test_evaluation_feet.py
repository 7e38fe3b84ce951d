"""Feet: cases whose slide, steps and depth can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from tests.model.walkers import feet_on_ground, standing_motion, stepping

from strut_model.evaluation.feet import StanceRule, foot_stance, gait, penetration, stance, stance_slide
from strut_model.skeleton import CONTACT_JOINTS


def test_a_foot_that_slides_slides_by_its_speed() -> None:
    positions = feet_on_ground(31)
    left = CONTACT_JOINTS[:2]
    positions[:, left, 0] = 0.12 * np.arange(31)[:, None] / 30  # 12 cm/s

    slide = stance_slide(positions)

    np.testing.assert_allclose(slide[:, 0], 12.0)
    np.testing.assert_allclose(slide[:, 1], 0.0, atol=1e-9)


def test_a_gliding_figure_slides_on_both_feet() -> None:
    slide = stance_slide(standing_motion(20, speed=0.5).positions())
    np.testing.assert_allclose(slide, 50.0, rtol=1e-3)


def test_a_foot_that_rolls_over_its_toe_does_not_slide() -> None:
    positions = feet_on_ground(31)
    heel = CONTACT_JOINTS[0]
    positions[:, heel, 2] = 0.3 * np.arange(31) / 30
    assert np.nanmax(stance_slide(positions)[:, 0]) == pytest.approx(0.0, abs=1e-9)


def test_a_lifted_or_swinging_foot_does_not_stand() -> None:
    positions = feet_on_ground(31)
    positions[:, CONTACT_JOINTS[:2], 1] += 0.03
    positions[:, CONTACT_JOINTS[2:], 2] += 2.0 * np.arange(31)[:, None] / 30  # low, but at 2 m/s
    assert not stance(positions).any()
    assert np.isnan(stance_slide(positions)).all()


def test_the_rules_thresholds_are_arguments() -> None:
    positions = feet_on_ground(10)
    positions[:, CONTACT_JOINTS, 1] += 0.03
    assert foot_stance(positions, StanceRule(height=0.04)).all()
    assert not foot_stance(positions).any()


def test_touching_down_and_lifting_off_are_not_slides() -> None:
    # Stance of intervals 3 to 7: only the inner ones, 4 to 6, are measured.
    positions = feet_on_ground(13)
    raised = [0, 1, 2, 9, 10, 11, 12]
    positions[np.ix_(raised, CONTACT_JOINTS[:2], [1])] += 0.2
    measured = np.flatnonzero(np.isfinite(stance_slide(positions)[:, 0]))
    assert measured.tolist() == [4, 5, 6]


def test_steps_have_their_length_cadence_and_clearance() -> None:
    positions = stepping(cycles=3, stride=0.8, stand=10, swing=8, lift=0.1)

    steps = gait(positions)

    # Feet start half a stride apart and move by a stride in turn, so landings are half a stride from each other.
    assert steps.step_length == pytest.approx(0.4, abs=1e-6)
    assert steps.cadence == pytest.approx(6 / ((len(positions) - 1) / 30))
    assert steps.swing_clearance == pytest.approx(0.1, abs=0.002)
    assert 0.75 < steps.stance_share < 0.9


def test_one_who_stands_takes_no_steps() -> None:
    steps = gait(feet_on_ground(40))
    assert steps.stance_share == 1.0
    assert np.isnan(steps.step_length)
    assert np.isnan(steps.cadence)


def test_penetration_is_the_depth_of_the_deepest_point() -> None:
    positions = feet_on_ground(3)
    positions[1, CONTACT_JOINTS[1], 1] -= 0.02
    positions[2, CONTACT_JOINTS, 1] += 0.05
    np.testing.assert_allclose(penetration(positions), [0, 2.0, 0], atol=1e-9)
