"""What is measured of walks around obstacles, on motions whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest
from tests.model.walkers import standing_motion

from strut_model.bundle import load_bundle
from strut_model.motion import Motion
from strut_model.scene.obstacle_trials import (
    HAND,
    ObstacleTrial,
    layout,
    least_distances,
    report_lines,
    run,
    shortest_on_a_grid,
)
from strut_model.skeleton import JOINT_INDEX
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.obstacles import Obstacles


def test_hands_of_a_t_pose_are_what_comes_nearest() -> None:
    motion = standing_motion(5)
    wrist = motion.positions()[0, JOINT_INDEX["left_wrist"], 0]
    wall = Obstacles.boxes([[wrist + HAND + 0.3 + 1.0, 0.0]], [[2.0, 4.0]], [0.0])
    found = least_distances(Motion.stack([motion]), [wall])
    assert found[0] == pytest.approx(0.3, abs=1e-3)


def test_the_shortest_way_around_a_box_is_that_of_a_string() -> None:
    box = Obstacles.boxes([[0.0, 0.0]], [[4.0, 1.0]], [0.0])
    found = shortest_on_a_grid(box, np.array([0.0, -4.0]), np.array([0.0, 4.0]), 0.0)
    string = 2 * np.hypot(2.0, 3.5) + 1.0
    assert string - 0.1 < found < 1.04 * string


def test_layouts_have_obstacles_between_start_and_goal() -> None:
    rng = np.random.default_rng(0)
    for own in (layout(rng) for _ in range(20)):
        assert 3 <= len(own.obstacles) <= 13
        assert own.start[1] < -5 < 5 < own.goal[1]


def test_some_layouts_are_walked_and_told_of() -> None:
    bundle = load_bundle()
    windows: list[int] = []
    trials = run(MotionGenerator(bundle, OnnxEngine(bundle)), 3, on_window=lambda: windows.append(1))
    assert len(windows) == 34
    assert all(trial.room > 0 and trial.seconds < 18 and 0.9 < trial.detour < 1.3 for trial in trials)
    lines = report_lines([*trials, ObstacleTrial("proud", -0.02, 12.0, 0.1, 1.1)])
    assert lines[0].startswith("4 layouts: nothing of the body in an obstacle in 3")
    assert "proud: -2 cm" in lines[-1]
