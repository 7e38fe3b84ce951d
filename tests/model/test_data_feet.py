"""Legs placed by inverse kinematics, and the ground's height, against forward kinematics."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.model.rigs import degrees_between, walking

from strut_model.data.feet import LEG_REACH, ground_height, place_ankles, straight_legs
from strut_model.skeleton import JOINT_INDEX, PELVIS_REST_HEIGHT, forward_kinematics

ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
HIPS = [JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]
KNEES = [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]]


def reachable(targets: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(T, 2) which targets the legs can reach."""
    return np.linalg.norm(targets - positions[:, HIPS], axis=-1) < LEG_REACH


def test_ankles_get_where_they_are_wanted_and_the_soles_stay_as_they_were() -> None:
    motion = walking()
    before, turned = forward_kinematics(motion.rotations, motion.pelvis)
    targets = before[:, ANKLES] + np.random.default_rng(0).normal(size=(1, 2, 3)) * 0.03
    placed = place_ankles(motion.pelvis, motion.rotations, targets)
    after, turned_after = forward_kinematics(placed, motion.pelvis)
    within = reachable(targets, before)
    assert within.mean() > 0.5
    assert np.linalg.norm(after[:, ANKLES] - targets, axis=-1)[within].max() < 1e-5
    assert degrees_between(turned_after[:, ANKLES], turned[:, ANKLES]).max() < 0.01


def test_a_target_out_of_reach_is_approached_with_a_straight_leg() -> None:
    rotations = np.tile([0.0, 0.0, 0.0, 1.0], (4, 22, 1))
    pelvis = np.tile([0.0, PELVIS_REST_HEIGHT, 0.0], (4, 1))
    before, _ = forward_kinematics(rotations, pelvis)
    targets = before[:, ANKLES] + np.array([0.0, -0.3, 0.4])
    after, _ = forward_kinematics(place_ankles(pelvis, rotations, targets), pelvis)
    reach = np.linalg.norm(after[:, ANKLES] - after[:, HIPS], axis=-1)
    assert np.allclose(reach, LEG_REACH, atol=1e-4)
    towards = (targets - after[:, HIPS]) / np.linalg.norm(targets - after[:, HIPS], axis=-1, keepdims=True)
    assert np.allclose((after[:, ANKLES] - after[:, HIPS]) / reach[..., None], towards, atol=1e-4)


def test_an_overstretched_knee_is_bent_to_the_front() -> None:
    rotations = np.tile([0.0, 0.0, 0.0, 1.0], (1, 22, 1))
    rotations[:, KNEES] = Rotation.from_euler("x", -12, degrees=True).as_quat()
    pelvis = np.array([[0.0, PELVIS_REST_HEIGHT, 0.0]])
    before, _ = forward_kinematics(rotations, pelvis)
    targets = before[:, ANKLES] + np.array([0.0, 0.05, 0.0])
    after, _ = forward_kinematics(place_ankles(pelvis, rotations, targets), pelvis)
    middle = (after[:, HIPS] + after[:, ANKLES]) / 2
    assert ((after[:, KNEES] - middle)[..., 2] > 0.05).all()
    assert np.abs(after[:, ANKLES] - targets).max() < 1e-5


def test_rebuilt_legs_bend_as_pure_hinges_and_stand_on_their_targets() -> None:
    motion = walking(30)
    pelvis = np.tile([0.0, PELVIS_REST_HEIGHT - 0.04, 0.0], (30, 1))
    rotations = motion.rotations.copy()
    rotations[:, 0] = [0.0, 0.0, 0.0, 1.0]
    targets = np.tile([[0.11, 0.117, -0.03], [-0.1, 0.117, 0.05]], (30, 1, 1))
    soles = np.tile(Rotation.from_euler("y", [[0.3], [-0.2]]).as_quat(), (30, 1, 1))
    placed = straight_legs(pelvis, rotations, targets, soles)
    after, turned = forward_kinematics(placed, pelvis)
    assert np.abs(after[:, ANKLES] - targets).max() < 1e-6
    assert degrees_between(turned[:, ANKLES], soles).max() < 1e-3
    bend = Rotation.from_quat(placed[:, KNEES].reshape(-1, 4)).as_rotvec()
    assert (bend[:, 0] > 0.1).all()
    assert np.abs(bend[:, 1:]).max() < 1e-6


def test_the_ground_lies_where_the_feet_stand() -> None:
    motion = walking(120)
    ground = ground_height(motion.pelvis, motion.rotations)
    shifted = ground_height(motion.pelvis + np.array([0.0, 0.37, 0.0]), motion.rotations)
    assert ground.shape == (120,)
    assert np.abs(shifted - ground - 0.37).max() < 1e-6


@pytest.mark.parametrize("slope", [0.02, -0.03])
def test_a_ground_that_drifts_is_followed(slope: float) -> None:
    # Somebody who stands still with flat feet while the capture's floor rises or sinks.
    rotations = np.tile([0.0, 0.0, 0.0, 1.0], (150, 22, 1))
    drift = np.linspace(0.0, slope, 150)
    pelvis = np.stack([0 * drift, PELVIS_REST_HEIGHT + drift, 0 * drift], axis=1)
    found = ground_height(pelvis, rotations)
    assert np.abs(found - drift)[30:-30].max() < 3e-4
    assert np.abs(found - drift).max() < abs(slope) / 5


def test_a_jump_does_not_lift_the_ground() -> None:
    rotations = np.tile([0.0, 0.0, 0.0, 1.0], (150, 22, 1))
    t = np.arange(150) / 30
    height = np.clip(0.3 - 4.9 * (t - 2.5) ** 2, 0.0, None)
    pelvis = np.stack([0 * t, PELVIS_REST_HEIGHT + height, 0 * t], axis=1)
    assert np.abs(ground_height(pelvis, rotations)).max() < 0.02
    assert height.max() > 0.29
