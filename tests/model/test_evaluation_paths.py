"""Path, facing and the timing of stops and responses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.model.walkers import standing_motion

from strut_model.evaluation.controls import response_time, stop_time
from strut_model.evaluation.paths import body_path, facing_error, leg_extension, path_error, smoothed_speed
from strut_model.evaluation.protocol import continued, eased, walked
from strut_model.skeleton import JOINT_INDEX


def test_a_body_beside_its_path_is_off_by_that_much() -> None:
    motion = standing_motion(90, speed=1.0)
    asked = motion.root_position + np.array([0.05, 0], np.float32)
    place, _ = body_path(motion)
    np.testing.assert_allclose(path_error(place, asked), 5.0, atol=0.01)


def test_the_root_channel_cannot_hide_where_the_body_is() -> None:
    motion = standing_motion(90, speed=1.0)
    # A root on the asked path with the pelvis 20 cm beside it.
    pelvis = motion.pelvis.copy()
    pelvis[:, 0] += 0.2
    place, _ = body_path(replace(motion, pelvis=pelvis))
    np.testing.assert_allclose(path_error(place, motion.root_position), 20.0, atol=0.05)


def test_a_circle_lies_at_its_radius_and_faces_along_its_tangent() -> None:
    radius, speed, frames = 3.0, 1.2, 300
    angle = np.arange(frames) * speed / 30 / radius
    motion = standing_motion(frames)
    position = radius * np.stack((1 - np.cos(angle), np.sin(angle)), axis=-1)
    motion = replace(motion, root_position=position.astype(np.float32), root_heading=angle.astype(np.float32))

    place, heading = body_path(motion)

    centre = np.array([radius, 0.0])
    np.testing.assert_allclose(np.linalg.norm(place - centre, axis=-1)[40:-40], radius, atol=0.02)
    assert facing_error(heading, angle)[40:-40].max() < 0.5


def test_facing_errors_are_wrapped() -> None:
    error = facing_error(np.array([np.pi - 0.1, 0.2]), np.array([-np.pi + 0.1, -0.2]))
    np.testing.assert_allclose(error, np.degrees([0.2, 0.4]))


def test_a_straight_leg_is_extended_to_one() -> None:
    positions = standing_motion(2).positions()
    np.testing.assert_allclose(leg_extension(positions), 1.0, atol=1e-5)
    positions[:, JOINT_INDEX["left_ankle"], 1] += 0.2
    assert leg_extension(positions)[0, 0] == pytest.approx((0.8007 - 0.2) / 0.8007, abs=1e-3)


def test_speed_is_that_of_the_path() -> None:
    pelvis = standing_motion(60, speed=1.3, heading=0.7).world_pelvis()
    np.testing.assert_allclose(smoothed_speed(pelvis)[10:-10], 1.3, rtol=1e-3)


def test_a_walked_path_has_its_speed_and_direction() -> None:
    path = walked(np.full(30, 1.5), np.full(30, np.pi / 2))
    np.testing.assert_allclose(path[-1], [1.5, 0], atol=1e-9)


def test_eased_values_go_over_within_their_time() -> None:
    values = eased(1.0, 3.0, at=10, frames=60, over=20)
    assert values[:11].tolist() == [1.0] * 11
    assert values[20] == pytest.approx(2.0)
    np.testing.assert_allclose(values[30:], 3.0)


def test_a_continued_path_keeps_its_velocity() -> None:
    path, facing = continued(walked(np.full(40, 1.2), np.zeros(40)), np.linspace(0, 1, 40), 70)
    np.testing.assert_allclose(np.diff(path, axis=0)[39:, 1], 0.04, atol=1e-6)
    assert (facing[40:] == facing[39]).all()


def test_a_glide_that_halts_has_stopped_when_it_stands() -> None:
    frames = 120
    speed = np.where(np.arange(frames) < 60, 1.0, 0.0)
    motion = replace(standing_motion(frames), root_position=walked(speed, np.zeros(frames)).astype(np.float32))
    # Asked at frame 48, halted at frame 60: the smoothing of the speed sees it a few frames later.
    assert stop_time(motion, 48) == pytest.approx(12 / 30, abs=0.2)
    assert np.isnan(stop_time(standing_motion(frames, speed=0.5), 48))


def test_responses_are_timed_from_the_change_to_half_of_its_effect() -> None:
    frames, change = 120, 48
    late = np.arange(frames) >= change + 15
    turning = np.where(late, np.pi / 2, 0.0)
    faster = np.where(late, 1.4, 1.0)
    stopping = np.where(late, 0.0, 1.0)
    cases = {
        "direction": walked(np.ones(frames), turning),
        "speed": walked(faster, np.zeros(frames)),
        "stop": walked(stopping, np.zeros(frames)),
    }
    for kind, path in cases.items():
        motion = replace(standing_motion(frames), root_position=path.astype(np.float32))
        assert response_time(kind, motion, change) == pytest.approx(0.5, abs=0.15), kind
    assert np.isnan(response_time("speed", standing_motion(frames, speed=1.0), change))


def test_an_unknown_kind_of_response_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'jump', allowed: direction"):
        response_time("jump", standing_motion(60), 10)
