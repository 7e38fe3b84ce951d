"""T-poses found in rigs whose bone orientations are known by construction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.model.rigs import Rig, a_pose, build, degrees_between, scrambled, t_posed, walking

from strut_model.bvh import Bvh
from strut_model.calibration import (
    Calibration,
    CalibrationError,
    RigPoses,
    axes_rotation,
    bandai_t_pose,
    calibrate,
    check_units,
    guess_units,
    guess_up,
    leg_length,
    mean_rotation,
    motion_poses,
    rest_pose,
    rig_signature,
    t_pose_error,
    up_rotation,
)
from strut_model.mapping import map_bones
from strut_model.skeleton import JOINT_INDEX, JOINT_NAMES

HINGED = [JOINT_INDEX[f"{s}_{j}"] for s in ("left", "right") for j in ("hip", "knee", "shoulder", "elbow")]


def calibrated(bvh: Bvh, t_pose: str | None = None, up: str | None = None) -> Calibration:
    bones = map_bones(bvh.names, bvh.parents)
    motion = motion_poses(bvh, bones)
    return calibrate(rest_pose(bvh, bones), motion.frames(slice(0, 1)), motion, bones.profile, t_pose, up)


def wanted(rig: Rig) -> np.ndarray:
    """(22, 4) the T-pose orientations that the rig was built with."""
    return np.array([rig.t_pose.get(n, [0.0, 0.0, 0.0, 1.0]) for n in JOINT_NAMES])


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("degrees", [0.0, 15.0, 45.0, 55.0])
def test_a_rest_pose_with_arms_down_to_an_a_pose_is_recognised_and_corrected(degrees: float, up: str) -> None:
    rig = Rig(t_pose=a_pose(degrees), up=up, orders=("XYZ",))
    found = calibrated(build(rig, walking()))
    assert (found.method, found.up) == ("rest", up)
    assert degrees_between(found.t_pose, wanted(rig)).max() < 0.1


def test_a_heap_with_a_t_pose_in_its_first_frame_is_calibrated_by_it() -> None:
    rig = Rig(t_pose=scrambled())
    found = calibrated(build(rig, t_posed(walking())))
    assert found.method == "first-frame"
    assert degrees_between(found.t_pose, wanted(rig)).max() < 0.1


def test_a_heap_without_any_t_pose_is_calibrated_by_upright_frames_and_hinges() -> None:
    rig = Rig(t_pose=scrambled(seed=7))
    found = calibrated(build(rig, walking(240)))
    assert found.method == "upright"
    errors = degrees_between(found.t_pose, wanted(rig))
    # What bends says exactly how it lies; a torso is taken for upright although it sways by a few degrees.
    assert errors[HINGED].max() < 1.0
    assert errors[[JOINT_INDEX["pelvis"], JOINT_INDEX["spine3"]]].max() < 8.0


def test_a_rig_whose_elbows_bend_downwards_in_the_t_pose_is_twisted_onto_the_canonical_hinge() -> None:
    # Bones turned about the arm's own axis, as palms-forward rigs are: the pose is the same T, the hinge is not.
    roll = Rotation.from_euler("x", 30, degrees=True).as_quat()
    rig = Rig(t_pose={f"{s}_{j}": roll for s in ("left", "right") for j in ("shoulder", "elbow", "wrist")})
    found = calibrated(build(rig, walking(120)), t_pose="rest")
    assert degrees_between(found.t_pose, wanted(rig))[HINGED].max() < 0.5


def test_the_known_axes_of_bandai_namco_are_rotations_with_the_bones_along_x() -> None:
    t_pose = Rotation.from_quat(bandai_t_pose())
    x = t_pose.apply([1.0, 0.0, 0.0])
    assert np.allclose(x[JOINT_INDEX["head"]], [0, 1, 0])
    assert np.allclose(x[JOINT_INDEX["left_elbow"]], [1, 0, 0])
    assert np.allclose(x[JOINT_INDEX["right_elbow"]], [1, 0, 0])  # the right arm's bones lie along -X
    assert np.allclose(x[JOINT_INDEX["left_knee"]], [0, -1, 0])
    assert np.allclose(x[JOINT_INDEX["right_knee"]], [0, 1, 0])


def test_a_t_pose_that_is_none_is_refused_when_asked_for() -> None:
    bvh = build(Rig(t_pose=scrambled()), walking())
    with pytest.raises(CalibrationError, match="t_pose is 'rest', but that pose is no T-pose"):
        calibrated(bvh, t_pose="rest")


def test_motion_without_an_upright_frame_is_refused_with_what_to_do() -> None:
    motion = walking()
    lying = Rotation.from_euler("x", 70, degrees=True)
    rotations = motion.rotations.copy()
    rotations[:, 0] = (Rotation.from_quat(rotations[:, 0]) * lying).as_quat()
    bvh = build(Rig(t_pose=scrambled()), replace(motion, rotations=rotations))
    with pytest.raises(CalibrationError, match=r"no T-pose and no upright frame .*say t_pose, up or joints"):
        calibrated(bvh, up="y")


def test_hanging_arms_are_no_a_pose() -> None:
    bvh = build(Rig(), walking())
    bones = map_bones(bvh.names, bvh.parents)
    poses = motion_poses(bvh, bones)
    assert t_pose_error(rest_pose(bvh, bones))[0] == 0.0
    assert t_pose_error(poses).min() > 10.0


@pytest.mark.parametrize("up", ["y", "z"])
def test_the_vertical_is_where_the_head_is_above_the_feet(up: str) -> None:
    bvh = build(Rig(up=up, orders=("XYZ",)), walking())
    bones = map_bones(bvh.names, bvh.parents)
    assert guess_up(motion_poses(bvh, bones)) == up


def test_the_z_of_a_z_up_world_becomes_y() -> None:
    assert np.allclose(Rotation.from_quat(up_rotation("z")).apply([1.0, 2.0, 3.0]), [1, 3, -2])
    assert np.allclose(Rotation.from_quat(up_rotation("y")).apply([1.0, 2.0, 3.0]), [1, 2, 3])


@pytest.mark.parametrize(("unit", "name"), [(1.0, "m"), (0.01, "cm"), (0.001, "mm"), (0.0254, "inch")])
@pytest.mark.parametrize("size", [0.85, 1.0, 1.2])
def test_the_unit_is_guessed_from_the_length_of_the_legs(unit: float, name: str, size: float) -> None:
    bvh = build(Rig(unit=unit, size=size), walking(2))
    leg = leg_length(bvh, map_bones(bvh.names, bvh.parents))
    assert guess_units(leg) == name
    assert check_units(leg, None) == pytest.approx(0.8007 * size, rel=1e-3)


def test_legs_of_no_person_are_refused_with_the_units_to_choose_from() -> None:
    with pytest.raises(CalibrationError, match=r"legs are 80 m long, allowed \.25 to 2; say units"):
        check_units(80.0, 1.0)


def test_files_of_one_rig_share_a_signature_whatever_their_sizes_and_extra_bones() -> None:
    def signature(bvh: Bvh) -> str:
        return rig_signature(bvh, map_bones(bvh.names, bvh.parents))

    plain = build(Rig(t_pose=scrambled()), walking(2))
    taller = build(Rig(t_pose=scrambled(), size=1.15), walking(2))
    others = build(Rig(t_pose=scrambled(seed=2)), walking(2))
    above = replace(
        plain,
        names=["reference", *plain.names],
        parents=np.concatenate([[-1], plain.parents + 1]),
        offsets=np.concatenate([np.zeros((1, 3)), plain.offsets]),
        channels=[(), *plain.channels],
    )
    assert signature(plain) == signature(taller) == signature(above)
    assert signature(plain) != signature(others)


def test_the_mean_of_rotations_is_scipys() -> None:
    turns = Rotation.from_rotvec(np.random.default_rng(0).normal(size=(50, 3)) * 0.3)
    assert degrees_between(mean_rotation(turns.as_quat()), turns.mean().as_quat()) < 1e-4


def test_a_frame_is_built_from_its_x_axis_and_a_hint_for_y() -> None:
    q = axes_rotation(np.array([0.0, 2.0, 0.0]), np.array([1.0, 1.0, 0.0]))
    assert np.allclose(Rotation.from_quat(q).apply(np.eye(3)), [[0, 1, 0], [1, 0, 0], [0, 0, -1]])


def test_poses_of_different_hierarchies_can_stand_side_by_side() -> None:
    names = {n: n for n in JOINT_NAMES if n not in ("left_foot", "right_foot", "spine2")}
    parts = []
    for rig in (Rig(), Rig(names=names)):
        bvh = build(rig, walking(5))
        parts.append(motion_poses(bvh, map_bones(bvh.names, bvh.parents)))
    together = RigPoses.concatenate(parts)
    assert together.positions.shape == (10, 22, 3)
    assert not together.mapped[JOINT_INDEX["left_foot"]]
    assert together.mapped[JOINT_INDEX["left_ankle"]]
