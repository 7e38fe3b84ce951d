"""Ways around obstacles: none is entered, the goal is reached, and no way is much longer than the shortest."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.scene.obstacle_trials import layout, shortest_on_a_grid
from strut_model.streaming.obstacles import NARROWER, Obstacles, bend, blocked, distance_at, way_around

DISTANCE = distance_at(1.2)


def length(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


def test_in_1000_random_layouts_no_obstacle_is_entered_and_the_goal_is_reached() -> None:
    rng = np.random.default_rng(0)
    unreached, narrow = [], 0
    for number in range(1000):
        own = layout(rng)
        obstacles, start, goal = own.obstacles, own.start, own.goal
        way = way_around(obstacles, start, goal, DISTANCE)
        kept = obstacles.clearances(way.points[:-1], way.points[1:]).min()
        assert kept >= min(NARROWER) * DISTANCE - 0.002, number
        narrow += kept < DISTANCE - 0.002
        np.testing.assert_array_equal(way.points[0], start)
        if way.reached:
            np.testing.assert_allclose(way.points[-1], goal, atol=1e-9)
        else:
            unreached.append(number)
    assert unreached == []
    assert narrow < 60


def test_ways_are_the_shortest_within_a_few_per_cent() -> None:
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(30):
        own = layout(rng)
        obstacles, start, goal = own.obstacles, own.start, own.goal
        way = way_around(obstacles, start, goal, DISTANCE)
        if way.reached:
            ratios.append(length(way.points) / shortest_on_a_grid(obstacles, start, goal, DISTANCE))
    assert len(ratios) > 20
    assert max(ratios) < 1.1


def test_distances_are_those_of_circles_and_turned_boxes() -> None:
    circle = Obstacles.circles([[1.0, 2.0]], [0.5])
    np.testing.assert_allclose(circle.distances(np.array([[1.0, 4.0], [1.0, 2.0]]))[:, 0], [1.5, -0.5])
    # A box of 2 x 1 m whose own +Z points to +X: it is 1 m along X and 2 m along Z.
    box = Obstacles.boxes([[0.0, 0.0]], [[2.0, 1.0]], [np.pi / 2])
    points = np.array([[0.5, 0.0], [1.5, 0.0], [0.0, 2.0], [0.0, 0.0], [1.5, 2.0]])
    np.testing.assert_allclose(box.distances(points)[:, 0], [0, 1, 1, -0.5, np.hypot(1, 1)], atol=1e-12)
    ends = np.array([[-2.0, 0.0]]), np.array([[2.0, 0.1]])
    assert box.clearances(*ends)[0, 0] == 0
    past = np.array([[-2.0, 1.5]]), np.array([[2.0, 1.5]])
    assert box.clearances(*past)[0, 0] == pytest.approx(0.5)


def test_a_path_that_nothing_blocks_stays_as_it_is() -> None:
    obstacles = Obstacles.circles([[3.0, 3.0]], [0.5])
    samples = (np.array([1.0, 2.0]), np.array([[0.0, 1.0], [0.0, 2.0]]), np.full(2, np.nan), np.full(2, np.nan))
    bent = bend(obstacles, np.zeros(2), *samples)
    np.testing.assert_array_equal(bent.positions, samples[1])
    assert bent.detour == 0
    assert not blocked(obstacles, np.zeros(2), samples[1], 0.5)


def test_samples_inside_an_obstacle_are_passed_by_and_later_ones_come_later() -> None:
    obstacles = Obstacles.circles([[0.05, 3.0]], [0.8])
    times = np.arange(1, 7, dtype=float)
    positions = np.stack((np.zeros(6), times), axis=1)
    facings = np.full(6, np.nan)
    facings[5] = 1.0
    bent = bend(obstacles, np.zeros(2), times, positions, facings, np.full(6, np.nan))
    path = np.concatenate((np.zeros((1, 2)), bent.positions))
    assert obstacles.clearances(path[:-1], path[1:]).min() > distance_at(1.0) - 0.01
    np.testing.assert_array_equal(bent.positions[-1], positions[-1])
    assert bent.headings[-1] == 1.0
    assert bent.detour > 0.1
    assert bent.times[-1] == pytest.approx(6 + bent.detour, rel=0.1)  # a metre a second
    assert (np.diff(bent.times) > 0).all()
    kept = bend(obstacles, np.zeros(2), times, positions, facings, np.full(6, np.nan), keep_times=True)
    assert kept.times[-1] == pytest.approx(6.0, abs=0.01)


def test_who_stands_too_near_steps_away_first_and_a_goal_inside_is_moved_out() -> None:
    obstacles = Obstacles.boxes([[0.0, 0.0]], [[2.0, 2.0]], [0.3])
    way = way_around(obstacles, np.array([0.0, -1.2]), np.array([0.2, 0.1]), 0.5)
    assert not way.reached
    assert obstacles.distances(way.points[1:]).min() >= 0.5 - 1e-6
    assert np.linalg.norm(way.points[1] - way.points[0]) < 0.6


@pytest.mark.parametrize("beyond", [-0.02, 0.001, 0.01, 0.02])
def test_who_is_at_the_very_distance_from_an_obstacle_finds_all_ways(beyond: float) -> None:
    """There one is inside of the outline's corners: the ways to these count, too."""
    obstacles = Obstacles.circles([[0.0, 0.0]], [1.0])
    for angle in np.linspace(0, 0.6, 7):
        start = -(1.5 + beyond) * np.array([np.sin(angle), np.cos(angle)])
        way = way_around(obstacles, start, np.array([0.2, 3.0]), 0.5)
        assert way.reached
        assert obstacles.clearances(way.points[1:-1], way.points[2:]).min() > 0.499
        assert length(way.points) < 5.85


def test_between_walls_that_leave_too_little_room_one_goes_in_the_middle() -> None:
    walls = Obstacles.boxes([[-0.75, 0.0], [0.75, 0.0]], [[1.0, 12.0], [1.0, 12.0]], [0.0, 0.0])
    way = way_around(walls, np.array([0.15, -3.0]), np.array([0.0, 8.0]), DISTANCE)
    assert np.abs(way.points[1:, 0]).min() < 0.06
    assert walls.clearances(way.points[1:-1], way.points[2:]).min() > 0.18


def test_a_closed_ring_is_not_broken_into() -> None:
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = Obstacles.circles(2 * np.stack((np.cos(angle), np.sin(angle)), axis=1), np.full(16, 0.4))
    way = way_around(ring, np.array([5.0, 0.0]), np.zeros(2), 0.5)
    assert not way.reached
    assert ring.clearances(way.points[:-1], way.points[1:]).min() >= min(NARROWER) * 0.5 - 0.002


def test_a_gate_is_gone_through_where_all_wider_ways_are_long() -> None:
    walls = Obstacles.boxes([[-5.6, 0.0], [5.6, 0.0]], [[10.0, 0.3], [10.0, 0.3]], [0.0, 0.0])
    through = way_around(walls, np.array([0.3, -3.0]), np.array([-0.2, 3.0]), DISTANCE)
    assert through.reached
    assert length(through.points) < 6.5
    assert walls.clearances(through.points[:-1], through.points[1:]).min() > 0.3
