"""Characters led around obstacles by the shipped student, window by window, as the server leads them."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.bundle import Bundle, load_bundle
from strut_model.features import HISTORY, WINDOW
from strut_model.motion import Motion
from strut_model.scene.obstacle_trials import layout, least_distances
from strut_model.skeleton import FPS
from strut_model.streaming.controls import Trajectory, stack_trajectories, trajectory_samples
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator, WindowRequests
from strut_model.streaming.rollout import character_seeds, idle_history
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
    bundle, count = generator.bundle, len(scenes)
    heading = np.arctan2(*(goals - starts).T)
    recent = idle_history(generator, count).transformed(starts, heading).astype(np.float32)
    content = bundle.content_index["walk"]
    style = bundle.style_vectors[[bundle.style_index[name] for name in styles]]
    guidance = [bundle.manifest.style_guidance.default, bundle.manifest.content_guidance.default]
    locks, parts = FootLocks.unknown(count), []
    for start in range(0, int(seconds * FPS), WINDOW):
        position, facing = recent.root_position[:, -1], recent.root_heading[:, -1]
        trajectories: list[Trajectory | None] = []
        for row, scene in enumerate(scenes):
            trajectory = Trajectory(positions=goals[row][None], speeds=np.array([SPEED])).checked()
            assert trajectory.speeds is not None
            trajectory.speeds[:] = np.nan  # the path ends at the goal
            trajectories.append(led_path(trajectory, scene, position[row], SPEED, False)[0])
        paths = stack_trajectories(trajectories, position, [SPEED] * count)
        velocity = (position - recent.root_position[:, -2]) * FPS
        sampled = trajectory_samples(paths, position, facing, velocity)
        results = generator.generate(
            WindowRequests(
                history=recent,
                history_length=np.full(count, HISTORY),
                trajectory_position=sampled.positions,
                trajectory_heading=sampled.headings,
                position_mask=sampled.position_mask,
                heading_mask=sampled.heading_mask,
                content=np.repeat(bundle.content_vectors[content][None], count, axis=0),
                phase=np.zeros((count, 3), np.float32),
                style=style,
                guidance=np.tile(np.array(guidance, np.float32), (count, 1)),
                seed=character_seeds(0, count),
                start_frame=np.full(count, start, np.int64),
                locks=locks,
            )
        )
        parts.append(results.motion)
        locks = results.locks
        recent = Motion.concatenate((recent, results.motion)).slice_frames(-HISTORY, None)
    return Motion.concatenate(parts)


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
