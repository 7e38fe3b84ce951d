"""Characters led around obstacles by the shipped student, window by window, as the server leads them."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.bundle import Bundle, load_bundle
from strut_model.motion import Motion
from strut_model.scene import obstacle_trials
from strut_model.scene.obstacle_trials import layout, least_distances
from strut_model.streaming.controls import Trajectory
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_server.leading import led_path, scaled
from strut_server.scenes import SceneChoice

SPEED = 1.2


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle()


def walk_to(
    generator: MotionGenerator,
    scenes: list[SceneChoice],
    starts: np.ndarray,
    goals: np.ndarray,
    styles: list[str],
    seconds: float,
) -> Motion:
    """(B, T) frames of walking from starts to goals (B, 2), the goal being all that the path says."""

    def lead(row: int, position: np.ndarray) -> Trajectory | None:
        trajectory = Trajectory(positions=goals[row][None], speeds=np.array([SPEED])).checked()
        assert trajectory.speeds is not None
        trajectory.speeds[:] = np.nan  # the path ends at the goal
        return led_path(trajectory, scenes[row], position, SPEED, False)[0]

    return obstacle_trials.walk_to(generator, starts, goals, lead, styles, seconds)


def test_nobody_walks_through_an_obstacle_and_all_arrive(bundle: Bundle) -> None:
    rng = np.random.default_rng(5)
    layouts = [layout(rng) for _ in range(8)]
    scenes = [SceneChoice(obstacles=own.obstacles, bend=True) for own in layouts]
    starts, goals = np.array([own.start for own in layouts]), np.array([own.goal for own in layouts])
    styles = [("normal", "elderly", "proud", "angry")[row % 4] for row in range(len(layouts))]
    motion = walk_to(MotionGenerator(bundle, OnnxEngine(bundle)), scenes, starts, goals, styles, 17.0)
    assert least_distances(motion, [own.obstacles for own in layouts]).min() > 0
    left = np.linalg.norm(motion.root_position[:, -1] - goals, axis=1)
    assert left.max() < 0.3
    # Without being led they would not have been spared.
    straight = [own.obstacles.clearances(own.start[None], own.goal[None]).min() for own in layouts]
    assert sum(distance < 0.2 for distance in straight) >= 4


def test_a_path_at_half_speed_takes_twice_as_long() -> None:
    trajectory = Trajectory(
        positions=np.array([[0.0, 1.0], [0.0, 3.0]]), speeds=np.array([1.0, 2.0]), headings=np.array([0.1, np.nan])
    ).checked()
    slow = scaled(trajectory, np.zeros(2), 1.0, 0.5)
    np.testing.assert_allclose(slow.times, [2.0, 4.0])
    np.testing.assert_allclose(slow.speeds, [0.5, 1.0])
    np.testing.assert_array_equal(slow.positions, trajectory.positions)
