"""Steering: bodies whose way and turning are known beforehand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.model.walkers import standing_motion

from strut_model import rotations as rot
from strut_model.evaluation import steering
from strut_model.evaluation.paths import body_path, low_passed
from strut_model.evaluation.protocol import eased, walked
from strut_model.evaluation.trials import Trial
from strut_model.motion import Motion

CORNER = 48
FRAMES = CORNER + 75


def along(path: np.ndarray, facing: np.ndarray) -> Motion:
    """A stiff figure that is where it is said to be."""
    motion = standing_motion(len(path))
    return replace(motion, root_position=path.astype(np.float32), root_heading=facing.astype(np.float32))


def trial_of(path: np.ndarray, facing: np.ndarray, **notes: float) -> Trial:
    step = path[1] - path[0]
    history = along(path[0] + step * np.arange(-8, 0)[:, None], np.full(8, facing[0]))
    return Trial("trial", "clip", history, path, facing, (), "active", "walk", "", notes=notes)


@pytest.fixture
def corner() -> Trial:
    """A walk with a sharp corner of 90 degrees to the left."""
    heading = np.where(np.arange(FRAMES) < CORNER, 0.0, np.pi / 2)
    return trial_of(walked(np.full(FRAMES, 1.2), heading), heading, corner=CORNER)


def test_a_body_that_takes_a_corner_as_it_is_never_leaves_the_path(corner: Trial) -> None:
    motion = along(corner.path, corner.facing)
    np.testing.assert_allclose(steering.deviation(corner, motion), 0, atol=0.05)
    figures = steering.corner_figures([corner], [motion])
    assert figures["path_error_corner_cm"].value < 0.05
    assert figures["corner_return_s"].value == 0.0


def test_the_filter_alone_would_take_a_body_ten_centimetres_and_more_from_a_corner(corner: Trial) -> None:
    place, _ = body_path(along(corner.path, corner.facing))
    assert np.linalg.norm(place - corner.path, axis=-1).max() > 0.1
    np.testing.assert_allclose(place, low_passed(corner.path), atol=1e-3)


def test_a_body_that_turns_half_a_second_late_is_as_far_off_as_it_walked_meanwhile(corner: Trial) -> None:
    late = np.where(np.arange(FRAMES) < CORNER + 15, 0.0, np.pi / 2)
    figures = steering.corner_figures([corner], [along(walked(np.full(FRAMES, 1.2), late), late)])
    # .6 m ahead and .6 m behind, for good.
    assert figures["path_error_corner_cm"].value == pytest.approx(60 * np.sqrt(2), rel=0.02)
    assert figures["corner_return_s"].value == pytest.approx((FRAMES - CORNER) / 30)


def test_the_return_is_timed_to_the_last_frame_that_is_off_the_path() -> None:
    deviation = np.zeros(100)
    deviation[50:65] = 8.0
    deviation[70:80] = 6.0
    assert steering.return_time(deviation, 40) == pytest.approx(40 / 30)
    assert steering.return_time(deviation, 80) == 0.0


def test_a_body_beside_its_curve_is_off_by_that_much() -> None:
    heading = np.arange(150) / 30 * 1.2 / 1.25
    trial = trial_of(walked(np.full(150, 1.2), heading), heading)
    beside = replace(trial, history=trial.history.transformed(np.array([0.04, 0.0]), 0.0))
    motion = along(trial.path + np.array([0.04, 0.0]), heading)
    error = np.linalg.norm([0.04, 0.0]) * 100
    # The history lies beside the path, too, and the asked path with it: only what is generated counts.
    assert steering.deviation(replace(trial, history=beside.history), motion)[30:-30] == pytest.approx(error, abs=0.05)
    assert steering.curve_figures([trial], [along(trial.path, heading)])["path_error_curves_cm"].value < 0.05


def test_a_body_that_stops_a_metre_late_is_a_metre_off() -> None:
    stop, frames = 48, 108
    speed = eased(1.2, 0.0, stop, frames, over=15)
    trial = trial_of(walked(speed, np.zeros(frames)), np.zeros(frames), stop=stop)
    assert steering.halt_figures([trial], [along(trial.path, trial.facing)])["path_error_stop_cm"].value < 0.05
    overshot = trial.path.copy()
    overshot[stop:, 1] += 1.0
    error = steering.halt_figures([trial], [along(overshot, trial.facing)])["path_error_stop_cm"].value
    assert error == pytest.approx(100, rel=0.08)  # less while the low-passed body is still on its way there


def test_facing_apart_counts_for_styles_with_and_without_clips_of_strafing_by_themselves() -> None:
    frames = 128
    facing = np.full(frames, np.radians(45.0))
    path = walked(np.full(frames, 1.0), np.zeros(frames))
    trials = [trial_of(path, facing, settled=60, strafing=s) for s in (1.0, 0.0)]
    motions = [along(path, facing - np.radians(off)) for off in (4.0, 15.0)]
    figures = steering.facing_apart_figures(trials, motions)
    assert figures["facing_apart_strafing_deg"].value == pytest.approx(4.0, abs=0.05)
    assert figures["facing_apart_other_deg"].value == pytest.approx(15.0, abs=0.05)
    assert figures["path_error_apart_cm"].value < 0.1


TURN, TURNED = 24, 54


def turned(degrees: float, pivot: bool, lift: float = 0.0) -> tuple[Motion, np.ndarray]:
    """A figure that turns on the spot: stiff, with feet that slide round, or with feet that stay while it turns above.

    Args:
        degrees: how far.
        pivot: the hips turn and the legs are turned back, so that the feet stay where they are.
        lift: metres that it floats.
    """
    frames = TURNED + 60
    facing = np.radians(degrees) * np.clip((np.arange(frames) - TURN) / (TURNED - TURN), 0, 1)
    motion = along(np.zeros((frames, 2)), facing)
    motion.pelvis[:, 1] += np.float32(lift)
    if pivot:
        # The root turns, the pelvis does not, and spine1 does again: hips and feet stand still, the chest turns twice
        # as far, since the facing is the mean of hips and chest.
        rotations = motion.rotations.copy()
        rotations[:, 0] = rot.heading_rotation(-facing.astype(np.float32))
        rotations[:, 3] = rot.heading_rotation((2 * facing).astype(np.float32))
        motion = replace(motion, rotations=rotations)
    return motion, facing


def test_a_turn_with_feet_that_stay_is_reached_without_sliding() -> None:
    motion, facing = turned(40.0, pivot=True)
    done = steering.turn_in_place(motion, facing, TURN, TURNED)
    assert done.error_deg < 1.0
    assert done.slide_cm_s < 0.1
    assert done.standing == 1.0
    assert done.reached


def test_a_turn_that_slides_or_floats_round_is_not_reached_though_it_faces_right() -> None:
    for pivot, lift in ((False, 0.0), (True, 0.06)):
        motion, facing = turned(40.0, pivot, lift)
        done = steering.turn_in_place(motion, facing, TURN, TURNED)
        assert done.error_deg < 1.0
        assert not done.reached
        assert (done.slide_cm_s > 3) == (not pivot)
        assert (done.standing == 0.0) == (lift > 0)


def test_a_turn_that_stops_ten_degrees_short_is_not_reached() -> None:
    motion, facing = turned(40.0, pivot=True)
    trial = replace(trial_of(np.zeros((len(facing), 2)), facing * 50 / 40), notes={"turn": TURN, "turned": TURNED,
                                                                                  "degrees": 45.0})  # fmt: skip
    figures = steering.turn_figures([trial], [motion])
    assert figures["turn_in_place_error_deg"].value == pytest.approx(10.0, abs=0.5)
    assert figures["turn_in_place_45"].value == 0.0
