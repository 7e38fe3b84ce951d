"""Foot locks: planted feet stay, released feet do not pop, legs keep their bones and their plane."""

from __future__ import annotations

import numpy as np
import pytest
from tests.bundles import standing

from strut_model import rotations as rot
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS, JOINT_INDEX, forward_kinematics
from strut_model.streaming import feet
from strut_model.streaming.feet import FootLocks, contact_plan, legs_of, move_feet, settle

FRAMES = 16
HEEL, TOE = 0, 1


def standing_places(frames: int = FRAMES) -> np.ndarray:
    """(1, frames, 4, 3) heels and toes of a standing character."""
    return standing(frames).positions()[None][:, :, CONTACT_JOINTS].astype(np.float32)


def drifting_places(speed: float) -> tuple[np.ndarray, np.ndarray]:
    """Places that slide along +Z at ``speed`` metres a frame, and the two still frames before them."""
    places = standing_places()
    places[..., 2] += speed * np.arange(1, FRAMES + 1)[None, :, None]
    return places, standing_places(2)


def on(*contacts: int) -> np.ndarray:
    values = np.zeros((1, FRAMES, 4), np.float32)
    values[..., list(contacts)] = 1
    return values


def test_the_place_of_a_lock_that_does_not_hold_is_not_looked_at() -> None:
    """Both heels are too far from their locks, so the one that is farther steps; the toes are in the air."""
    heels = np.array([[True, False, True, False]])
    places = np.zeros((1, 12, 4, 3), np.float32)
    places[..., 1] = CONTACT_REST_HEIGHTS
    places[:, :, 1::2, 1] += 0.2
    previous, contacts = places[:, :2], np.repeat(heels[:, None], 12, axis=1).astype(np.float32)
    where = previous[:, 1].copy()
    where[0, 0, 2], where[0, 2, 2] = 0.3, 0.2  # metres from the heels
    elsewhere = where.copy()
    elsewhere[0, 3, 2] = 5.0
    found = [
        settle(places, contacts, previous, heels[0][None].astype(np.float32), FootLocks(heels, lock, np.ones(1, bool)))
        for lock in (where, elsewhere)
    ]
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert not found[0][1].active[0, 0, 0]


def test_a_planted_foot_stays_while_its_own_place_slides_away() -> None:
    places, previous = drifting_places(0.005)
    corrections, locks = settle(places, on(0, 1, 2, 3), previous, np.ones((1, 4), np.float32), FootLocks.unknown(1))
    kept = places + corrections
    assert np.abs(kept - previous[:, -1:]).max() < 1e-4
    assert locks.active.all()


def test_a_foot_in_the_air_is_left_alone() -> None:
    places, previous = drifting_places(0.03)
    corrections, locks = settle(places, on(), previous, np.zeros((1, 4), np.float32), FootLocks.unknown(1))
    np.testing.assert_array_equal(corrections, 0)
    assert not locks.active.any()


def test_a_foot_that_leaves_goes_back_to_its_own_path_without_a_pop() -> None:
    places, previous = drifting_places(0.006)
    contacts = on(0, 1, 2, 3)
    contacts[:, 6:, :2] = 0
    corrections, locks = settle(places, contacts, previous, np.ones((1, 4), np.float32), FootLocks.unknown(1))
    path = np.concatenate((previous, places + corrections), axis=1)[0, :, HEEL, 2]
    assert locks.active[0, 5, HEEL]
    assert not locks.active[0, 6, HEEL]
    # 4.2 cm have to be made up: in one frame that would be an acceleration of 4.2 cm a frame squared.
    assert np.abs(np.diff(path, 2)).max() < 0.012
    assert abs(corrections[0, -1, HEEL, 2]) < 0.003


def landing_places(frame: int, glide: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Feet that come at 1.8 cm a frame, touch down at a frame and glide on; the two frames before; the contacts."""
    places = standing_places()
    time = np.arange(FRAMES) - frame
    places[0, :, :, 2] += np.minimum(0.018 * time, 0.0)[:, None] + glide * np.maximum(time, 0)[:, None]
    previous = standing_places(2)
    previous[0, :, :, 2] += 0.018 * (np.array([-2, -1]) - frame)[:, None]
    contacts = on()
    contacts[:, frame:] = 1
    return places, previous, contacts


def test_a_foot_that_lands_inside_the_window_is_led_to_where_it_rests_and_never_slides() -> None:
    places, previous, contacts = landing_places(6, glide=0.004)
    corrections, locks = settle(places, contacts, previous, np.zeros((1, 4), np.float32), FootLocks.unknown(1))
    path = np.concatenate((previous, places + corrections), axis=1)[0, :, HEEL, 2]
    steps = np.diff(path)
    assert np.abs(steps[8:]).max() < 1e-5  # from the first frame of contact on
    np.testing.assert_allclose(path[-1], places[0, 6:, HEEL, 2].mean(), atol=1e-5)
    # It is led by 1.8 cm, evenly over the five frames before.
    assert np.abs(np.diff(steps[:7])).max() < 0.006
    assert locks.active[0, 6:].all()
    np.testing.assert_allclose(locks.position[0, -1, HEEL, 2], path[-1], atol=1e-5)


def test_a_heel_that_comes_down_after_its_toe_is_led_to_its_own_place() -> None:
    places, previous, contacts = landing_places(5, glide=0.004)
    contacts[:, :9, HEEL] = 0
    contacts[:, :9, HEEL + 2] = 0
    corrections, locks = settle(places, contacts, previous, np.zeros((1, 4), np.float32), FootLocks.unknown(1))
    path = np.concatenate((previous, places + corrections), axis=1)[0, 2:]
    for joint, landed in ((HEEL, 9), (TOE, 5)):
        assert np.abs(np.diff(path[landed:, joint, 2])).max() < 1e-4
    steps = np.diff(path[:, HEEL, 2])
    assert np.abs(np.diff(steps[:8])).max() < 0.025  # no way and back: what it went along with the toe is kept
    assert locks.active[0, 9:].all()


def test_a_landing_that_is_too_far_to_be_led_to_is_joined_by_the_spring() -> None:
    places, previous, contacts = landing_places(4, glide=0.016)  # rests 9 cm from where it touches down
    corrections, _ = settle(places, contacts, previous, np.zeros((1, 4), np.float32), FootLocks.unknown(1))
    path = np.concatenate((previous, places + corrections), axis=1)[0, :, HEEL, 2]
    assert np.abs(np.diff(path, 2)).max() < 0.03
    np.testing.assert_allclose(path[-1], places[0, 4:, HEEL, 2].mean(), atol=2e-3)


def test_a_foot_that_lands_in_the_first_frame_runs_its_speed_out() -> None:
    places, previous, contacts = landing_places(0, glide=0.004)
    corrections, _ = settle(places, contacts, previous, np.zeros((1, 4), np.float32), FootLocks.unknown(1))
    steps = np.diff(np.concatenate((previous, places + corrections), axis=1)[0, :, HEEL, 2])
    assert np.abs(np.diff(steps)).max() < 0.012  # no dead stop: nobody could lead it there
    assert (steps > -1e-5).all()  # and no sliding back
    assert np.abs(steps[-4:]).max() < 2e-4


def test_a_standing_foot_hardly_rises_and_falls_with_its_own_path() -> None:
    places, previous = drifting_places(0.0)
    places[..., 1] += 0.01 * np.sin(np.arange(FRAMES))[None, :, None] ** 2
    corrections, _ = settle(places, on(0, 1, 2, 3), previous, np.ones((1, 4), np.float32), FootLocks.unknown(1))
    height = (places + corrections)[0, 4:, HEEL, 1] - CONTACT_REST_HEIGHTS[HEEL]
    assert np.abs(height).max() < 0.01 * (1 - feet.STANDING_HOLD) + 1e-4


def test_a_foot_in_the_air_is_not_locked_whatever_its_contact_says() -> None:
    places, previous = drifting_places(0.02)
    places[..., 1] += feet.LOW + 0.01
    corrections, locks = settle(places, on(0, 1, 2, 3), previous, np.zeros((1, 4), np.float32), FootLocks.unknown(1))
    np.testing.assert_array_equal(corrections, 0)
    assert not locks.active.any()


def test_a_foot_whose_lock_is_too_far_takes_a_step() -> None:
    places, previous = drifting_places(0.02)
    places[:, :, 2:] = standing_places()[:, :, 2:]  # the right foot stands
    corrections, locks = settle(places, on(0, 1, 2, 3), previous, np.ones((1, 4), np.float32), FootLocks.unknown(1))
    broken = int(np.argmin(locks.active[0, :, HEEL]))
    assert 0.02 * (broken + 1) > feet.MAX_CORRECTION >= 0.02 * broken
    step = slice(broken, broken + feet.STEP_FRAMES)
    assert not locks.active[0, step, :2].any()
    assert locks.active[0, :, 2:].all()
    height = (places + corrections)[0, step, HEEL, 1] - CONTACT_REST_HEIGHTS[HEEL]
    assert height.max() > 0.8 * feet.STEP_HEIGHT
    assert height[-1] < 0.2 * feet.STEP_HEIGHT
    if broken + feet.STEP_FRAMES < FRAMES:
        assert locks.active[0, broken + feet.STEP_FRAMES :].all()
    assert np.linalg.norm(corrections, axis=-1).max() < feet.MAX_CORRECTION + 0.02


def test_who_is_allowed_less_steps_sooner() -> None:
    places, previous = drifting_places(0.012)
    ones = np.ones((1, 4), np.float32)
    near = np.full(1, 0.08, np.float32)
    _, locks = settle(places, on(0, 1, 2, 3), previous, ones, FootLocks.unknown(1), near)
    broken = int(np.argmin(locks.active[0, :, HEEL]))
    assert 0.012 * (broken + 1) > 0.08 >= 0.012 * broken
    _, kept = settle(places, on(0, 1, 2, 3), previous, ones, FootLocks.unknown(1))
    assert kept.active[0, : broken + 1].all()


def test_feet_step_one_after_the_other() -> None:
    places, previous = drifting_places(0.03)
    corrections, locks = settle(places, on(0, 1, 2, 3), previous, np.ones((1, 4), np.float32), FootLocks.unknown(1))
    standing_feet = locks.active[0].reshape(FRAMES, 2, 2).any(axis=2)
    assert not standing_feet.all()
    assert standing_feet.any(axis=1).all()
    assert corrections[..., 1].max() > 0.8 * feet.STEP_HEIGHT


def test_a_foot_that_alone_carries_the_body_slides_instead_of_leaving_the_ground() -> None:
    places, previous = drifting_places(0.03)
    corrections, locks = settle(places, on(0, 1), previous, np.array([[1, 1, 0, 0]], np.float32), FootLocks.unknown(1))
    assert not locks.active[0, :, :2].all()
    assert np.abs(corrections[..., 1]).max() < 1e-6


def test_a_step_that_the_window_has_no_room_for_waits_for_the_next_one() -> None:
    places, previous = drifting_places(0.012)  # the lock is too far in frame 13
    ones = np.ones((1, 4), np.float32)
    corrections, locks = settle(places, on(0, 1, 2, 3), previous, ones, FootLocks.unknown(1))
    assert locks.active.all()
    screen = places + corrections
    ahead = places + 0.012 * FRAMES * np.array([0, 0, 1], np.float32)
    _, next_locks = settle(ahead, on(0, 1, 2, 3), screen[:, -2:], ones, locks[:, -1])
    assert not next_locks.active[0, : feet.STEP_FRAMES, :2].any()
    assert next_locks.active[0, feet.STEP_FRAMES :, :2].all()


def test_a_lock_is_carried_into_the_next_window() -> None:
    places, previous = drifting_places(0.004)
    contact = np.ones((1, 4), np.float32)
    first, locks = settle(places[:, :8], on(0, 1, 2, 3)[:, :8], previous, contact, FootLocks.unknown(1))
    seen = (places[:, :8] + first)[:, -2:]
    second, _ = settle(places[:, 8:], on(0, 1, 2, 3)[:, 8:], seen, contact, locks[:, -1])
    kept = places[:, 8:] + second
    assert np.abs(kept - previous[:, -1:]).max() < 1e-4


def test_a_toe_on_the_ground_takes_its_free_heel_along() -> None:
    places, previous = drifting_places(0.005)
    contacts_before = np.array([[0, 1, 0, 1]], np.float32)
    corrections, _ = settle(places, on(1, 3), previous, contacts_before, FootLocks.unknown(1))
    np.testing.assert_allclose(corrections[:, :, HEEL], corrections[:, :, TOE], atol=1e-5)
    assert corrections[0, -1, TOE, 2] < -0.07


def test_contacts_switch_with_hysteresis() -> None:
    values = np.array([0.5, 0.7, 0.5, 0.41, 0.3, 0.5, 0.59, 0.61], np.float32)
    contacts = np.repeat(values[None, :, None], 4, axis=2)
    was_on = np.array([[True, True, False, False]])
    plan = contact_plan(contacts, was_on)
    assert plan[0, :, 0].tolist() == [True, True, True, True, False, False, False, True]
    assert plan[0, :, 2].tolist() == [False, True, True, True, False, False, False, True]


def test_a_sunken_foot_is_lifted_to_the_ground() -> None:
    places = standing_places()
    places[:, 4:, TOE, 1] -= 0.03
    corrections, _ = settle(places, on(), standing_places(2), np.zeros((1, 4), np.float32), FootLocks.unknown(1))
    lowest = CONTACT_REST_HEIGHTS[TOE] - feet.GROUND_MARGIN
    np.testing.assert_allclose((places + corrections)[0, 4:, TOE, 1], lowest, atol=1e-6)


def test_a_history_that_is_sunken_comes_up_gradually() -> None:
    places = standing_places()
    places[..., 1] -= 0.05
    corrections, _ = settle(places, on(), places[:, :2], np.zeros((1, 4), np.float32), FootLocks.unknown(1))
    height = np.concatenate((places[:, :2], places + corrections), axis=1)[0, :, HEEL, 1]
    assert np.diff(height).max() < 0.015
    assert height[-1] > CONTACT_REST_HEIGHTS[HEEL] - feet.GROUND_MARGIN - 0.001


def test_each_character_is_treated_as_if_alone() -> None:
    generator = np.random.default_rng(0)
    batch = 12
    places = np.repeat(standing_places(), batch, axis=0)
    places += np.cumsum(generator.normal(scale=0.01, size=places.shape), axis=1).astype(np.float32)
    contacts = (generator.random((batch, FRAMES, 4)) > 0.3).astype(np.float32)
    previous = np.repeat(standing_places(2), batch, axis=0)
    before = (generator.random((batch, 4)) > 0.5).astype(np.float32)
    together, locks = settle(places, contacts, previous, before, FootLocks.unknown(batch))
    for row in range(batch):
        one = slice(row, row + 1)
        alone, own = settle(places[one], contacts[one], previous[one], before[one], FootLocks.unknown(1))
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)
        np.testing.assert_array_equal(own.active[0], locks.active[row])


def bent_pose(batch: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (B, 16, 22, 4) and pelvis (B, 16, 3) of a character with bent knees that sways and turns."""
    motion = standing(FRAMES)
    rotations = np.repeat(motion.rotations[None], batch, axis=0).copy()
    for name, angle in (("hip", -0.35), ("knee", 0.7), ("ankle", -0.35)):
        for side in ("left_", "right_"):
            rotations[:, :, JOINT_INDEX[side + name]] = rot.from_axis_angle(np.array([angle, 0, 0], np.float32))
    sway = rot.from_axis_angle(np.array([[0.1, 0.4, 0.05]], np.float32) * np.linspace(-1, 1, FRAMES)[:, None])
    rotations[:, :, 0] = sway.astype(np.float32)
    pelvis = np.repeat(motion.pelvis[None], batch, axis=0).copy()
    pelvis[..., 1] -= 0.04
    return rotations, pelvis


def contact_places(rotations: np.ndarray, pelvis: np.ndarray) -> np.ndarray:
    return forward_kinematics(rotations, pelvis)[0][:, :, CONTACT_JOINTS]


def test_inverse_kinematics_puts_heel_and_toe_where_they_are_asked() -> None:
    rotations, pelvis = bent_pose()
    corrections = np.random.default_rng(1).normal(scale=0.01, size=(1, FRAMES, 4, 3)).astype(np.float32)
    corrections[:, :, 1::2] = corrections[:, :, ::2]  # both ends of a foot move alike, so its length fits
    target = contact_places(rotations, pelvis) + corrections
    moved = rotations.copy()
    move_feet(moved, legs_of(rotations, pelvis), corrections)
    np.testing.assert_allclose(contact_places(moved, pelvis), target, atol=5e-4)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=-1), 1, atol=1e-5)


def test_no_correction_leaves_every_joint_as_it_was() -> None:
    rotations, pelvis = bent_pose()
    moved = rotations.copy()
    move_feet(moved, legs_of(rotations, pelvis), np.zeros((1, FRAMES, 4, 3), np.float32))
    np.testing.assert_allclose(rot.normalise(moved), rot.normalise(rotations), atol=1e-3)
    np.testing.assert_allclose(contact_places(moved, pelvis), contact_places(rotations, pelvis), atol=2e-4)


def test_the_knee_keeps_bending_in_its_plane() -> None:
    rotations, pelvis = bent_pose()
    corrections = np.zeros((1, FRAMES, 4, 3), np.float32)
    corrections[..., 1] = 0.05
    moved = rotations.copy()
    move_feet(moved, legs_of(rotations, pelvis), corrections)
    for side in ("left_knee", "right_knee"):
        bend = rot.to_axis_angle(moved[0, :, JOINT_INDEX[side]])
        assert (bend[:, 0] > 0.7).all()  # it bends more, forwards
        assert np.abs(bend[:, 1:]).max() < 0.02  # about its own hinge


def test_a_leg_that_does_not_reach_lifts_its_heel_and_keeps_its_toe() -> None:
    rotations = standing(1).rotations[None].astype(np.float32)
    legs = legs_of(rotations, standing(1).pelvis[None].astype(np.float32))
    before = legs.contact_positions()
    corrections = np.zeros((1, 1, 4, 3), np.float32)
    corrections[..., 2] = -0.25  # both feet behind the body, farther than the legs go
    moved = rotations.copy()
    move_feet(moved, legs, corrections)
    after = legs_of(moved, standing(1).pelvis[None].astype(np.float32)).contact_positions()
    asked = before + corrections
    np.testing.assert_allclose(after[0, 0, [1, 3]], asked[0, 0, [1, 3]], atol=2e-3)
    heels = after[0, 0, [0, 2]] - asked[0, 0, [0, 2]]
    assert (heels[:, 1] > 0.01).all()


@pytest.mark.parametrize("down", [0.05, 0.2])
def test_a_target_out_of_reach_stretches_the_leg_and_no_more(down: float) -> None:
    rotations, pelvis = bent_pose()
    corrections = np.zeros((1, FRAMES, 4, 3), np.float32)
    corrections[..., 1] = -down
    moved = rotations.copy()
    move_feet(moved, legs_of(rotations, pelvis), corrections)
    assert np.isfinite(moved).all()
    knee = rot.to_axis_angle(moved[0, :, JOINT_INDEX["left_knee"]])[:, 0]
    assert (knee > 0.0).all()
    positions, _ = forward_kinematics(moved, pelvis)
    straight = np.linalg.norm(
        positions[0, :, JOINT_INDEX["left_ankle"]] - positions[0, :, JOINT_INDEX["left_hip"]], axis=1
    )
    assert straight.max() <= 0.8007 + 1e-4
