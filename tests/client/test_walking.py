"""Walking along a path: the trajectory that is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from strut_client.timeline import Placement
from strut_client.walking import ACCELERATION, ARRIVED, PathWalk, smooth_path

FPS = 30.0
WINDOW = 16


def walked(walk: PathWalk) -> np.ndarray:
    """(T, 2) metres: where a character that follows exactly would be, frame by frame."""
    places = []
    while not walk.finished:
        samples = walk.plan(WINDOW)
        times = np.array([s.time for s in samples], dtype=float)
        positions = np.array([s.position for s in samples], dtype=float)
        assert (np.diff(times) > 0).all()
        for frame in range(WINDOW):
            places.append([np.interp(frame / FPS, times, positions[:, axis]) for axis in (0, 1)])
        walk.advance(Placement((float(places[-1][0]), float(places[-1][1]))), WINDOW)
    return np.array(places)


def test_a_straight_walk_reaches_its_end_at_the_speed_asked_for() -> None:
    path = walked(PathWalk(Placement(), [(0, 6)], speed=1.5))
    assert np.abs(path[:, 0]).max() < 1e-9
    assert path[-1, 1] == pytest.approx(6.0, abs=ARRIVED)
    speeds = np.diff(path[:, 1]) * FPS
    assert speeds.max() == pytest.approx(1.5, abs=0.1)
    assert (speeds > -1e-9).all()


def test_it_speeds_up_and_slows_down_gently() -> None:
    path = walked(PathWalk(Placement(), [(0, 6)], speed=2.0))
    speeds = np.diff(path[:, 1]) * FPS
    assert speeds[0] < 0.15
    assert speeds[-1] < 0.5
    # Over two frames, since the path is sampled every other one; the last steps to the end are the roughest.
    assert np.abs(speeds[2:] - speeds[:-2]).max() * FPS / 2 < 1.4 * ACCELERATION


def test_corners_are_rounded_and_the_path_stays_near_its_points() -> None:
    points = np.array([(0.0, 3.0), (3.0, 3.0), (3.0, 0.0)])
    path = walked(PathWalk(Placement(), points, speed=1.2))
    assert np.linalg.norm(path - [0.0, 3.0], axis=1).min() < 0.3
    assert np.linalg.norm(path[-1] - points[-1]) < ARRIVED
    moving = np.linalg.norm(np.diff(path, axis=0), axis=1) > 0.01
    directions = np.unwrap(np.arctan2(*np.diff(path, axis=0)[moving].T))
    assert np.degrees(np.abs(np.diff(directions))).max() < 20


def test_a_path_that_crosses_itself_is_walked_in_its_order() -> None:
    path = walked(PathWalk(Placement(), [(0, 4), (2, 4), (2, 2), (-2, 2)], speed=1.0))
    assert np.linalg.norm(path - [2.0, 4.0], axis=1).min() < 0.3
    assert np.linalg.norm(path[-1] - [-2.0, 2.0]) < ARRIVED


def test_facing_is_kept_on_the_way() -> None:
    walk = PathWalk(Placement(), [(3, 0)], speed=1.0, facing=0.25)
    assert {s.facing for s in walk.plan(WINDOW)} == {0.25}


def test_a_character_that_does_not_move_ends_the_walk_in_time() -> None:
    walk = PathWalk(Placement(), [(0, 2)], speed=1.0)
    frames = 0
    while not walk.finished:
        walk.plan(WINDOW)
        walk.advance(Placement(), WINDOW)
        frames += WINDOW
    assert 2.0 < frames / FPS < 15.0
    assert walk.remaining == pytest.approx(2.0)


def test_a_character_that_lags_is_led_from_where_it_is() -> None:
    walk = PathWalk(Placement(), [(0, 10)], speed=1.2)
    for _ in range(4):
        walk.plan(WINDOW)
        walk.advance(Placement((0.3, 1.0)), WINDOW)
    first = walk.plan(WINDOW)[0]
    assert first.position is not None
    assert first.position[1] == pytest.approx(1.0, abs=0.1)
    assert first.position[0] == pytest.approx(0.0, abs=1e-6)


def test_a_walk_to_where_one_stands_is_finished() -> None:
    assert PathWalk(Placement((1.0, 2.0)), [(1.0, 2.0)], speed=1.0).finished


def test_smoothing_keeps_a_straight_path_and_both_ends() -> None:
    path = smooth_path(np.array([(0.0, 0.0), (0.0, 0.0), (3.0, 4.0)]))
    np.testing.assert_allclose(path[[0, -1]], [(0, 0), (3, 4)])
    np.testing.assert_allclose(path[:, 1] * 3, path[:, 0] * 4, atol=1e-9)


@pytest.mark.parametrize(
    ("points", "speed", "message"),
    [
        ([], 1.0, r"points: shape is \(0,\)"),
        ([1.0, 2.0], 1.0, r"points: shape is \(2,\)"),
        ([(0.0, float("nan"))], 1.0, "points: a coordinate is not finite"),
        ([(0.0, 1.0)], 0.0, "speed: is 0.0, it must be above 0"),
        ([(0.0, 1.0)], float("inf"), "speed: is inf"),
    ],
)
def test_bad_paths_are_refused_by_name(points: list, speed: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PathWalk(Placement(), points, speed)
