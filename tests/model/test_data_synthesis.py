"""Synthetic motion: stops, starts, turns in place, curves, idle and gestures made of real clips."""

from __future__ import annotations

import numpy as np
import pytest
from tests.model.steppers import clip_of, stand, walk

from strut_model.contacts import foot_contacts
from strut_model.data.synthesis import bending, gesturing, idling, stopping, turning
from strut_model.data.synthesis.footing import ANKLES, Feet, anchors, planted, standing
from strut_model.data.synthesis.quality import Limits, measure, stance_slide
from strut_model.data.synthesis.takes import Take, brought_to_rest
from strut_model.rotations import wrap_angle
from strut_model.skeleton import CONTACT_REST_HEIGHTS, JOINT_INDEX

LEFT_WRIST, RIBS = JOINT_INDEX["left_wrist"], JOINT_INDEX["spine3"]


@pytest.fixture(scope="module")
def gait() -> Take:
    return walk(170)


@pytest.fixture(scope="module")
def idler() -> idling.Idler:
    take = stand(400)
    return idling.Idler([idling.pose_at(take, 0, "pose", 0.15)], [idling.Sway.of(take)])


def idle(idler: idling.Idler, frames: int = 200) -> idling.Stand:
    return idler.stand(np.random.default_rng(0), frames)


def lowest_standing_speed(take: Take) -> float:
    """cm/s, 95th percentile of standing feet's speed on the ground."""
    return float(np.percentile(stance_slide(take.positions()), 95))


def test_a_path_brought_to_rest_begins_with_its_velocity_and_ends_still_at_its_target() -> None:
    path = brought_to_rest(np.array([0.0, 1.0]), np.array([0.03, 0.0]), np.array([0.2, 1.1]), 15)
    assert path[0] == pytest.approx([0.0, 1.0])
    assert path[-1] == pytest.approx([0.2, 1.1])
    assert path[1] - path[0] == pytest.approx([0.03, 0.0], abs=2e-3)
    assert np.abs(path[-1] - path[-2]).max() < 1e-3


def test_a_foot_looks_up_its_path_at_one_time_while_it_stands(gait: Take) -> None:
    stances = standing(gait)
    times = anchors(Feet.of(gait), stances)
    for side, runs in enumerate(stances):
        assert len(runs) >= 4
        for a, b in runs:
            assert np.ptp(times[a:b, side]) == 0
    assert (np.diff(times, axis=0) > -1e-9).all()


def test_the_pelvis_comes_down_where_a_foot_is_out_of_reach() -> None:
    take = stand(40)
    feet = Feet.of(take)
    feet.ankles[20:, 0, 2] += 0.45
    reached = planted(take, feet)
    assert np.abs(Feet.of(reached).ankles - feet.ankles).max() < 2e-3
    assert reached.pelvis[-1, 1] < take.pelvis[-1, 1] - 0.05
    assert reached.pelvis[0, 1] == pytest.approx(take.pelvis[0, 1], abs=2e-3)


def test_a_stopped_walk_stands_on_both_feet_in_time_and_its_braking_foot_stays(gait: Take, idler: idling.Idler) -> None:
    stances = standing(gait)
    brakings = stopping.brakings(stances, gait.frames)
    assert len(brakings) >= 4
    for braking in brakings:
        stopped = stopping.stop(gait, stances, braking, idle(idler, 60))
        assert stopped is not None
        assert stopping.seconds_to_stand(stopped.take, stopped.asked) <= 1.2
        feet = Feet.of(stopped.take).ankles
        held = feet[stopped.closed :, 1 - braking.closing]
        assert np.ptp(held, axis=0).max() < 2e-3
        beside = np.linalg.norm((feet[-1, 0] - feet[-1, 1])[[0, 2]])
        assert beside == pytest.approx(0.18, abs=0.02)
        assert stopped.take.pelvis[: stopped.asked - 8] == pytest.approx(gait.pelvis[: stopped.asked - 8], abs=1e-6)
        assert lowest_standing_speed(stopped.take) < 5.0


def test_a_start_begins_in_idle_and_ends_in_the_walk(gait: Take, idler: idling.Idler) -> None:
    backwards, stances = stopping.reversed_gait(gait)
    begun = stopping.begin(backwards, stances, stopping.brakings(stances, gait.frames)[0], idle(idler, 60))
    assert begun is not None
    speed = np.linalg.norm(np.diff(begun.take.pelvis[:, [0, 2]], axis=0), axis=-1) * 30
    assert speed[: begun.asked - 1].max() < 0.1
    assert speed[begun.closed + 5 :].mean() == pytest.approx(0.9, abs=0.02)
    ahead = begun.take.pelvis[-1] - begun.take.pelvis[0]
    assert ahead[2] > 0.5
    assert abs(ahead[0]) < 0.15
    assert begun.take.rotations[-5:] == pytest.approx(gait.rotations[-5:], abs=1e-6)


@pytest.mark.parametrize("degrees", [45.0, -90.0, 135.0, 180.0])
def test_a_turn_in_place_reaches_its_angle_by_lifting_the_feet(gait: Take, idler: idling.Idler, degrees: float) -> None:
    swings = turning.swings(standing(gait))
    turned = turning.turn(idle(idler, 200), gait, swings, np.radians(degrees), np.radians(50), 12, 25)
    assert turned is not None
    heading = turned.take.root().heading
    assert np.degrees(heading[-1] - heading[0]) == pytest.approx(degrees, abs=2.0)
    feet = Feet.of(turned.take).ankles
    for foot in (0, 1):
        assert feet[:, foot, 1].max() > CONTACT_REST_HEIGHTS[0] + 0.03
        moved = np.linalg.norm(np.diff(feet[:, foot][:, [0, 2]], axis=0), axis=-1) > 1e-3
        low = feet[1:, foot, 1] < CONTACT_REST_HEIGHTS[0] + 0.002
        # Only the ends of a swing are both low and moving.
        assert (moved & low).sum() <= 2 * len(turning.headings(np.radians(degrees), np.radians(50)))
    both = np.linalg.norm(turned.take.pelvis[-1] - turned.take.pelvis[0])
    assert both < 0.06
    assert lowest_standing_speed(turned.take) < 3.0


def test_the_feet_of_a_turn_open_no_farther_than_asked() -> None:
    for angle in np.radians([30.0, 45.0, 100.0, -180.0]):
        between = np.abs(np.diff([0.0, *turning.headings(float(angle), np.radians(50))]))
        assert between.max() <= np.radians(50) + 1e-9
        assert turning.headings(float(angle), np.radians(50))[-1] == angle


@pytest.mark.parametrize("radius", [0.8, -2.0])
def test_a_bent_walk_follows_a_circle_and_its_feet_do_not_slide(gait: Take, radius: float) -> None:
    way = bending.way_of(gait)
    bent = bending.bend(gait, bending.arc(way, radius, -1.0))
    root = bent.root()
    turned = root.heading[-1] - root.heading[0]
    assert turned == pytest.approx(way[-1] / radius, rel=0.06)
    assert lowest_standing_speed(bent) < lowest_standing_speed(gait) + 1.5
    step = np.linalg.norm(np.diff(root.position, axis=0), axis=-1).sum()
    # The root is smoothed and the body leans inwards, which shortens a tight path.
    assert 0.87 * way[-1] < step < 1.02 * way[-1]


def test_a_corner_turns_by_its_angle(gait: Take) -> None:
    way = bending.way_of(gait)
    curvature = bending.corner(way, -0.8, -np.pi / 2, 1.0)
    bent = bending.bend(gait, curvature).root()
    assert np.degrees(bent.heading[-1] - bent.heading[0]) == pytest.approx(-90, abs=2.0)


def test_facing_turns_away_from_travel_which_stays(gait: Take) -> None:
    facing = np.full(gait.frames, np.radians(40))
    bent = bending.bend(gait, np.zeros(gait.frames), facing)
    assert np.degrees(wrap_angle(bent.root().heading - gait.root().heading)) == pytest.approx(40, abs=2.0)
    assert bent.root().position == pytest.approx(gait.root().position, abs=0.03)
    assert lowest_standing_speed(bent) < lowest_standing_speed(gait) + 1.0


def test_tight_curves_are_walked_slowly() -> None:
    assert bending.tempo_for(1.4, 10.0) == 1.0
    assert bending.SLOWEST <= bending.tempo_for(1.6, 0.8) < 0.9


def test_a_raised_hand_is_no_rest_pose() -> None:
    lowered = stand(90, raise_left=True)
    contacts = foot_contacts(lowered.positions())
    assert len(idling.rest_frames(lowered, contacts)) == 2
    held = Take(lowered.pelvis[:45], lowered.rotations[:45])
    assert [frame < 12 for frame, _ in idling.rest_frames(held, contacts[:45])] == [True]


def test_idle_stands_on_still_feet_and_sways(idler: idling.Idler) -> None:
    made = idle(idler, 120)
    feet = made.take.positions()[:, ANKLES]
    assert np.ptp(feet, axis=0).max() < 1e-3
    assert 0.005 < np.ptp(made.take.pelvis[:, 0]) < 0.04
    with pytest.raises(ValueError, match="longer than the idle clips"):
        idle(idler, 1000)


def test_a_gesture_from_idle_ends_in_idle_without_a_jump(idler: idling.Idler) -> None:
    gesture = stand(90, raise_left=True)
    contacts = foot_contacts(gesture.positions())
    event = gesturing.from_idle(gesture, contacts, idler, np.random.default_rng(1), 15, 40)
    assert event is not None
    assert (event.begin, event.end, event.take.frames) == (15, 105, 145)
    height = event.take.positions()[:, LEFT_WRIST, 1] - event.take.positions()[:, RIBS, 1]
    assert height[event.begin : event.end].max() > 0.3
    assert max(height[: event.begin].max(), height[event.end :].max()) < 0
    step = np.linalg.norm(np.diff(event.take.positions(), axis=0), axis=-1).max(axis=-1)
    assert step.max() < 1.3 * np.linalg.norm(np.diff(gesture.positions(), axis=0), axis=-1).max()
    assert lowest_standing_speed(event.take) < 1.0


def test_a_gesture_that_begins_with_a_raised_hand_is_eased_in_from_idle(idler: idling.Idler) -> None:
    whole = stand(140, raise_left=True)
    gesture = whole[45:]
    contacts = foot_contacts(gesture.positions())
    event = gesturing.from_idle(gesture, contacts, idler, np.random.default_rng(1), 15, 40)
    assert event is not None
    positions = event.take.positions()
    height = positions[:, LEFT_WRIST, 1] - positions[:, RIBS, 1]
    assert height[:15].max() < 0
    assert height[15 + gesturing.LONG_EASE] > 0.2
    assert np.linalg.norm(np.diff(positions, n=2, axis=0), axis=-1).max() * 900 < 40


def test_a_gesture_over_a_walk_leaves_the_legs_alone_and_raises_one_arm(gait: Take, idler: idling.Idler) -> None:
    gesture = stand(90, raise_left=True)
    event = gesturing.over_walk(gesture, gait, idler, 12, 8)
    assert event is not None
    legs = [JOINT_INDEX[f"{s}_{j}"] for s in ("left", "right") for j in ("hip", "knee", "ankle", "foot")]
    assert np.abs(event.take.positions()[:, legs] - gait.positions()[:, legs]).max() < 1e-6
    right = JOINT_INDEX["right_elbow"]
    assert event.take.rotations[:, right] == pytest.approx(gait.rotations[:, right])
    wrist = event.take.positions()[event.begin : event.end, LEFT_WRIST, 1]
    assert wrist.max() > event.take.positions()[0, RIBS, 1] + 0.3
    assert gesturing.over_walk(stand(90), gait, idler, 12, 8) is None


def test_a_rough_motion_is_beyond_the_limits_of_smooth_ones(gait: Take) -> None:
    limits = Limits([("normal", "walk", measure(gait.positions()))])
    assert limits.exceeded(measure(gait.positions()), "normal", ("walk",)) == ""
    rough = gait.pelvis + 0.02 * np.random.default_rng(0).normal(size=gait.pelvis.shape)
    shaken = measure(Take(rough, gait.rotations).positions())
    assert limits.exceeded(shaken, "normal", ("walk",)) == "jerk"
    assert limits.exceeded(shaken, "normal", ("walk",), own=shaken) == ""
    gliding = gait.pelvis + np.arange(gait.frames)[:, None] * np.array([0.006, 0.0, 0.0])
    glided = measure(Take(gliding, gait.rotations).positions())
    assert limits.exceeded(glided, "unknown style", ("walk",)) == "slide"


def test_clips_are_labelled_by_their_own_feet() -> None:
    clip = clip_of(stand(20), "still", "idle")
    assert clip.contacts.min() == 1
