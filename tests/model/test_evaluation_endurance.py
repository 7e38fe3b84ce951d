"""Drift: rollouts that get worse by a known amount."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.model.walkers import standing_motion

from strut_model.evaluation.endurance import MEASURES, drift_figures, stretch, worsening
from strut_model.evaluation.judges import Judges
from strut_model.evaluation.trials import Trial
from strut_model.motion import Motion

FRAMES = 900


def trial_of(motion: Motion, number: int) -> Trial:
    name = f"drift {number}"
    return Trial(
        name, name, motion.slice_frames(0, 8), motion.root_position, motion.root_heading, (), "active", "walk", ""
    )


def test_a_rollout_that_leaves_its_path_and_sinks_has_drifted_by_that_much() -> None:
    asked = standing_motion(FRAMES, speed=0.8)
    late = np.arange(FRAMES) > 450
    pelvis = asked.pelvis.copy()
    pelvis[:, 0] += 0.02 + 0.03 * late  # 2 cm beside the path, then 5
    head = asked.positions()[0, 15, 1]
    pelvis[:, 1] -= 0.25 * head * late
    made = replace(asked, pelvis=pelvis.astype(np.float32))
    trials = [trial_of(asked, i) for i in range(2)]

    figures = drift_figures(Judges(), trials, [made, made], late=30.0)

    assert figures["path_at_10s"].value == pytest.approx(2.0, abs=0.1)
    assert figures["path_at_30s"].value == pytest.approx(5.0, abs=0.1)
    assert figures["drift_30s_path"].value == pytest.approx(1.5, abs=0.1)
    assert figures["drift_30s_upright"].value == pytest.approx(0.25, abs=0.01)
    assert figures["drift_30s_facing"].value == pytest.approx(0.0, abs=0.01)
    assert figures["drift_30s"].value == pytest.approx(1.5, abs=0.1)
    assert {f"drift_30s_{measure}" for measure in MEASURES} <= set(figures)


def test_more_is_worse_of_errors_and_less_of_what_is_wanted() -> None:
    ten, twelve = np.full(4, 10.0), np.full(4, 12.0)
    assert worsening("path", ten, twelve) == pytest.approx(0.2)
    assert worsening("style", twelve, ten) == pytest.approx(1 / 6)
    assert worsening("style", ten, twelve) == pytest.approx(-0.2)
    assert np.isnan(worsening("slide", np.full(4, np.nan), ten))


def test_small_errors_are_compared_with_a_centimetre() -> None:
    assert worsening("path", np.full(4, 0.1), np.full(4, 0.15)) == pytest.approx(0.05)


def test_a_time_stands_for_the_eight_seconds_before_it() -> None:
    motion = standing_motion(FRAMES)
    assert stretch(motion, 20.0) == (360, 600)
    assert stretch(motion, 5.0) == (30, 150)
    assert stretch(motion, 300.0) == (660, 900)
