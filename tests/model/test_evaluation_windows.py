"""Which windows are judged."""

from __future__ import annotations

import numpy as np

from strut_model.evaluation.windows import (
    content_kind,
    gesture_event,
    inside_event,
    judged_starts,
    mirrored_content,
    window_starts,
)
from strut_model.skeleton import JOINT_INDEX, JOINTS


def test_judged_windows_start_a_second_after_the_last_real_frame() -> None:
    assert judged_starts(200) == [30, 90, 140]
    assert judged_starts(90) == [30]


def test_a_shorter_motion_is_judged_once_at_its_end() -> None:
    assert judged_starts(70) == [10]
    assert judged_starts(59) == []


def test_windows_lie_within_their_stretch() -> None:
    starts = window_starts(100, 400, stride=60)
    assert starts == [100, 160, 220, 280, 340]
    assert window_starts(0, 50) == []


def test_of_a_gesture_only_windows_inside_its_event_are_judged() -> None:
    assert judged_starts(240, event=(100, 180)) == [90]
    assert judged_starts(240, event=(0, 10)) == []


def test_a_short_gesture_between_windows_gets_the_window_around_it() -> None:
    starts = judged_starts(200, event=(74, 106))
    assert len(starts) == 1
    assert inside_event(starts[0], (74, 106))


def test_half_a_second_of_a_gesture_must_be_seen() -> None:
    assert not inside_event(0, (0, 14))
    assert not inside_event(80, (0, 90))
    assert inside_event(20, (30, 60))


def test_the_event_of_a_raised_hand_is_found() -> None:
    local = np.zeros((100, JOINTS, 3))
    raised = np.clip(np.minimum(np.arange(100) - 20, 80 - np.arange(100)) / 10, 0, 1)
    local[:, JOINT_INDEX["left_wrist"], 1] = 0.8 * raised
    first, last = gesture_event(local)
    # A quarter of the way up, 2.5 frames after it begins to rise at 20; and the same on the way down.
    assert (first, last) == (23, 78)


def test_an_event_may_end_in_another_pose_than_it_began_in() -> None:
    local = np.zeros((90, JOINTS, 3))
    local[:, JOINT_INDEX["right_wrist"], 0] = np.interp(np.arange(90), [30, 50], [0, 1.0])
    first, last = gesture_event(local)
    assert 30 < first < last <= 50


def test_mirroring_swaps_left_and_right_in_a_contents_name() -> None:
    assert mirrored_content("walk-turn-left") == "walk-turn-right"
    assert mirrored_content("raise-up-right-hand") == "raise-up-left-hand"
    assert mirrored_content("bow") == "bow"


def test_contents_are_of_three_kinds() -> None:
    assert [content_kind(c) for c in ("walk-back", "idle", "bow")] == ["locomotion", "idle", "gesture"]
