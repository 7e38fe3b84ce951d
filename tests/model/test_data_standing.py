"""Quiet stretches are cut out, and their feet planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.model.rigs import degrees_between, walking

from strut_model.data.standing import align_elbows, hands_hang, level_head, standing_stretches
from strut_model.skeleton import JOINT_INDEX, PELVIS_REST_HEIGHT, forward_kinematics

CONTACTS = [JOINT_INDEX[n] for n in ("left_ankle", "right_ankle", "left_foot", "right_foot")]


def idling(frames: int = 300, noise: float = 0.004, floor: float = -0.9) -> tuple[np.ndarray, np.ndarray]:
    """Somebody who stands, sways and trembles, with hanging arms; the ground is anywhere."""
    rng = np.random.default_rng(2)
    t = np.arange(frames) / 30
    vectors = rng.normal(size=(frames, 22, 3)) * noise
    vectors[:, JOINT_INDEX["left_knee"], 0] += 0.1
    vectors[:, JOINT_INDEX["right_knee"], 0] += 0.1
    rotations = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_quat().reshape(frames, 22, 4)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        rotations[:, JOINT_INDEX[f"{side}_shoulder"]] = Rotation.from_euler("z", -sign * 1.4).as_quat()
    sway = 0.01 * np.sin(2 * np.pi * 0.2 * t)
    pelvis = np.stack([sway, PELVIS_REST_HEIGHT - 0.01 + floor + 0 * t, 0.5 * sway], axis=1)
    return pelvis + rng.normal(size=(frames, 3)) * 0.002, rotations


def test_a_standing_person_gets_planted_feet_at_rest_height() -> None:
    ((start, pelvis, rotations),) = standing_stretches(*idling())
    assert start < 5
    assert len(pelvis) > 290
    positions, _ = forward_kinematics(rotations, pelvis)
    feet = positions[:, CONTACTS]
    assert np.ptp(feet, axis=0).max() < 1e-4
    assert np.abs(feet[:, :2, 1] - 0.117).max() < 1e-4
    assert np.abs(feet[:, 2:, 1] - 0.0425).max() < 1e-3


def test_a_step_cuts_a_take_in_two() -> None:
    pelvis, rotations = idling(400)
    pelvis[200:210, 2] += np.linspace(0, 0.4, 10)
    pelvis[210:, 2] += 0.4
    parts = standing_stretches(pelvis, rotations)
    assert len(parts) == 2
    assert all(len(p) >= 120 for _, p, _ in parts)
    assert parts[0][0] + len(parts[0][1]) <= 205 <= parts[1][0] + 10


def test_a_walk_is_no_standing_idle() -> None:
    motion = walking(300)
    assert standing_stretches(motion.pelvis, motion.rotations) == []


def test_raised_hands_are_no_standing_idle() -> None:
    pelvis, rotations = idling()
    rotations[:, JOINT_INDEX["left_shoulder"]] = [0.0, 0.0, 0.0, 1.0]
    assert standing_stretches(pelvis, rotations) == []


def test_a_take_below_four_seconds_gives_nothing() -> None:
    pelvis, rotations = idling(100)
    assert standing_stretches(pelvis, rotations) == []


def test_hands_held_before_the_body_do_not_hang() -> None:
    pelvis, rotations = idling()
    assert hands_hang(pelvis, rotations)
    rotations[:, JOINT_INDEX["right_elbow"]] = Rotation.from_euler("y", 100, degrees=True).as_quat()
    assert not hands_hang(pelvis, rotations)


@pytest.mark.parametrize("nod", [-25.0, 10.0])
def test_a_constant_nod_is_taken_out_of_neck_and_head(nod: float) -> None:
    rotations = np.tile([0.0, 0.0, 0.0, 1.0], (50, 22, 1))
    rotations[:, JOINT_INDEX["head"]] = Rotation.from_euler("x", -nod, degrees=True).as_quat()
    _, turned = forward_kinematics(level_head(rotations, np.radians(-4.0)), np.zeros((50, 3)))
    forward = Rotation.from_quat(turned[:, JOINT_INDEX["head"]]).apply([0.0, 0.0, 1.0])
    assert np.allclose(np.degrees(np.arcsin(forward[:, 1])), -4.0, atol=1e-3)


@pytest.mark.parametrize("twist", [-70.0, 40.0])
def test_elbows_that_bend_sideways_are_twisted_onto_their_hinge_without_moving_the_hand(twist: float) -> None:
    rotations = np.tile([0.0, 0.0, 0.0, 1.0], (60, 22, 1))
    turn = Rotation.from_euler("x", twist, degrees=True)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        bend = Rotation.from_euler("y", sign * 50, degrees=True)
        rotations[:, JOINT_INDEX[f"{side}_elbow"]] = (turn * bend * turn.inv()).as_quat()
    aligned = align_elbows(rotations)
    before, _ = forward_kinematics(rotations, np.zeros((60, 3)))
    after, _ = forward_kinematics(aligned, np.zeros((60, 3)))
    assert np.abs(after - before).max() < 1e-6
    for side, sign in (("left", -1.0), ("right", 1.0)):
        wanted = Rotation.from_euler("y", sign * 50, degrees=True).as_quat()
        assert degrees_between(aligned[:, JOINT_INDEX[f"{side}_elbow"]], wanted).max() < 1e-3
