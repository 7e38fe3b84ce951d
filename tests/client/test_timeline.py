"""The client's timeline: what it holds, and what its next request goes on from."""

from __future__ import annotations

import numpy as np
import pytest
from tests.client.motions import sliding, window

from strut_client.timeline import Placement, Timeline
from strut_client.window import decode_frames


def two_windows() -> Timeline:
    timeline = Timeline(Placement((2.0, 3.0), 0.5), history_frames=8)
    timeline.accept(window(1, 0, sliding(16)), None)
    timeline.accept(window(2, 16, sliding(16, first_x=4.0)), None)
    return timeline


def test_first_window_starts_cold_where_the_character_stands() -> None:
    timeline = Timeline(Placement((2.0, 3.0), 0.5), history_frames=8)
    origin = timeline.origin(0, with_history=False)
    assert origin.WhichOneof("origin") == "cold_start"
    assert (origin.cold_start.position.x, origin.cold_start.position.z, origin.cold_start.heading) == (2.0, 3.0, 0.5)
    assert not origin.cold_start.HasField("pose")
    assert timeline.held is None


def test_cold_start_takes_the_last_frame_of_a_given_pose() -> None:
    timeline = Timeline(Placement(), history_frames=8, pose=sliding(3))
    pose = decode_frames(timeline.origin(0, with_history=False).cold_start.pose)
    np.testing.assert_array_equal(pose.root_position, sliding(3).root_position[2:])


def test_next_window_continues_the_newest_one() -> None:
    origin = two_windows().origin(32, with_history=False)
    assert origin.start_frame == 32
    assert origin.continues_sequence == 2


def test_history_ends_before_the_start_with_the_locks_of_its_window() -> None:
    origin = two_windows().origin(32, with_history=True)
    assert origin.history.end_frame == 31
    frames = decode_frames(origin.history.frames)
    np.testing.assert_array_equal(frames.root_position[:, 0], 0.25 * np.arange(24, 32))
    assert origin.history.foot_locks.locks[0].position.x == 2


def test_history_inside_of_a_window_reaches_back_into_the_one_before_and_has_no_locks() -> None:
    origin = two_windows().origin(20, with_history=True)
    assert origin.history.end_frame == 19
    frames = decode_frames(origin.history.frames)
    np.testing.assert_array_equal(frames.root_position[:, 0], 0.25 * np.arange(12, 20))
    assert not origin.history.HasField("foot_locks")


def test_a_window_is_replaced_from_its_successors_first_frame_on() -> None:
    timeline = two_windows()
    timeline.accept(window(3, 20, sliding(16, first_x=100.0)), None)
    assert timeline.end_frame == 36
    assert timeline.held is not None
    expected = np.concatenate((0.25 * np.arange(12, 20), 100.0 + 0.25 * np.arange(16)))
    np.testing.assert_array_equal(timeline.held.root_position[:, 0], expected)


def test_a_start_before_the_newest_windows_second_frame_sends_its_history() -> None:
    # The newest window has no frame before that start, so it cannot be what is continued.
    origin = two_windows().origin(16, with_history=False)
    np.testing.assert_array_equal(decode_frames(origin.history.frames).root_position[:, 0], 0.25 * np.arange(8, 16))


@pytest.mark.parametrize("start", [9, 33])
def test_a_start_outside_of_the_frames_held_is_refused_with_the_range(start: int) -> None:
    with pytest.raises(ValueError, match=f"start_frame: is {start}, it must be from 10 to 32"):
        two_windows().origin(start, with_history=False)


def test_teleport_goes_on_elsewhere_and_the_old_place_is_forgotten() -> None:
    timeline = two_windows()
    timeline.teleport(Placement((50.0, 60.0), 1.0))
    assert timeline.placement() == Placement((50.0, 60.0), 1.0)
    origin = timeline.origin(32, with_history=False)
    assert origin.teleport.continues_sequence == 2
    assert (origin.teleport.position.x, origin.teleport.position.z, origin.teleport.heading) == (50.0, 60.0, 1.0)
    with_history = timeline.origin(32, with_history=True)
    assert with_history.teleport.history.end_frame == 31
    timeline.accept(window(3, 32, sliding(16, first_x=50.0)), None)
    assert timeline.held is not None
    np.testing.assert_array_equal(timeline.held.root_position[:, 0], 50.0 + 0.25 * np.arange(16))
    assert timeline.origin(48, with_history=False).continues_sequence == 3


def test_placement_is_that_of_the_frame_before_the_start() -> None:
    timeline = two_windows()
    assert timeline.placement() == Placement((7.75, 0.0), 0.0)
    assert timeline.placement(20) == Placement((4.75, 0.0), 0.0)


def test_gesture_phase_runs_on_through_the_newest_window() -> None:
    timeline = Timeline(Placement(), history_frames=8)
    assert timeline.gesture_phase(0) is None
    timeline.accept(window(1, 0, sliding(16), phase=0.4), phase_start=0.2)
    assert timeline.gesture_phase(16) == pytest.approx(0.4)
    assert timeline.gesture_phase(8) == pytest.approx(0.3)
    timeline.accept(window(2, 16, sliding(16)), phase_start=0.0)
    assert timeline.gesture_phase(32) is None
