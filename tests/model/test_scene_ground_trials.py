"""What is measured of feet on grounds, on a motion whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.bundle import load_bundle
from strut_model.motion import Motion
from strut_model.scene.ground_trials import measure, table, trials
from strut_model.scene.terrain import inclined, staircase
from strut_model.streaming.ground import laid


def standing(frames: int = 48) -> Motion:
    """The bundle's idle pose, held; heels and toes in contact."""
    pose = load_bundle().idle.slice_frames(0, 1)
    held = Motion.concatenate([pose] * frames)
    return Motion(held.root_position, held.root_heading, held.pelvis, held.rotations, np.ones_like(held.contacts))


def test_who_stands_on_level_ground_stands_there_with_straight_legs_and_does_not_slide() -> None:
    found = measure(Motion.stack([standing()]), inclined(0.0))
    assert found.within == 1.0
    assert (found.across, found.slide) == (0.0, 0.0)
    assert found.knee < 30


@pytest.mark.parametrize("degrees", [-15, 15])
def test_who_stands_in_the_air_over_a_slope_is_found_out_and_who_is_laid_onto_it_is_not(degrees: float) -> None:
    field = inclined(np.radians(degrees))
    level = standing()
    moved = Motion(
        level.root_position + np.array([0.0, 2.0]), level.root_heading, level.pelvis, level.rotations, level.contacts
    )
    assert measure(Motion.stack([moved]), field).within == 0.0
    there = Motion.concatenate([laid(field, moved.slice_frames(0, 8))] * 6)
    assert measure(Motion.stack([there]), field).within == 1.0


def test_a_foot_across_an_edge_is_counted() -> None:
    level = standing()
    toes = level.positions()[0, [10, 11], 2].mean()
    field = staircase(0.1, 3.0, 1, begin=float(toes))
    assert measure(Motion.stack([level]), field).across == 1.0


def test_the_trials_have_steps_of_30_cm_and_slopes_of_20_degrees() -> None:
    names = [trial.name for trial in trials()]
    assert "slope of 20 degrees" in names
    assert "stairs, 30 cm on 40" in names
    lines = table([(trials()[0], measure(Motion.stack([standing()]), inclined(0.0)))])
    assert lines[2].startswith("| level | 100 % |")
