"""Retargeting of rigs whose motion on the canonical skeleton is known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.model.rigs import CanonicalMotion, Rig, a_pose, build, degrees_between, scrambled, t_posed, walking
from tests.model.test_mapping import SCHEMES

from strut_model.bvh import Bvh, format_bvh, parse_bvh
from strut_model.calibration import calibrate, motion_poses, rest_pose
from strut_model.mapping import map_bones
from strut_model.retarget import retarget
from strut_model.skeleton import JOINT_INDEX, JOINT_NAMES, forward_kinematics

# Bones whose rest pose stands in a Z-up world.
STANDS_Z_UP = Rotation.from_euler("x", -90, degrees=True).as_quat()


def through(bvh: Bvh, t_pose: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Write, read, map, calibrate and retarget."""
    bvh = parse_bvh(format_bvh(bvh))
    bones = map_bones(bvh.names, bvh.parents)
    motion = motion_poses(bvh, bones)
    calibration = calibrate(rest_pose(bvh, bones), motion.frames(slice(0, 1)), motion, bones.profile, t_pose)
    return retarget(bvh, bones, calibration)


def named(scheme: str) -> dict[str, str]:
    """Canonical joint to bone name in a naming scheme, with three spine bones."""
    table, spine, _ = SCHEMES[scheme]
    names = {j: b for j, b in table.items() if not j.startswith("spine")}
    return names | dict(zip(("spine1", "spine2", "spine3"), (spine[0], spine[len(spine) // 2], spine[-1])))


@pytest.mark.parametrize("scheme", ["mixamo", "unreal", "unity", "rigify", "character-creator", "smpl", "100style"])
def test_the_motion_comes_back_from_every_naming_scheme(scheme: str) -> None:
    motion = walking()
    pelvis, rotations = through(build(Rig(names=named(scheme)), motion))
    assert degrees_between(rotations, motion.rotations).max() < 0.2
    assert np.abs(pelvis - motion.pelvis).max() < 1e-3


@pytest.mark.parametrize(
    "rig",
    [
        Rig(unit=1.0),
        Rig(unit=0.0254),
        Rig(up="z", orders=("XYZ",)),
        Rig(up="z", orders=("XYZ",), t_pose=dict.fromkeys(JOINT_NAMES, STANDS_Z_UP)),
        Rig(up="z", orders=("XYZ",), unit=1.0, t_pose=a_pose(45)),
        Rig(t_pose=a_pose(50)),
        Rig(orders=("ZXY", "XYZ", "YZX", "ZYX", "XZY", "YXZ")),
        Rig(position_channels=JOINT_NAMES),
        Rig(size=1.2),
        Rig(size=0.8, unit=1.0),
    ],
    ids=[
        "metres",
        "inches",
        "z-up",
        "z-up-at-rest-too",
        "z-up-a-pose",
        "a-pose",
        "mixed-orders",
        "position-channels",
        "tall",
        "small",
    ],
)
def test_units_verticals_a_poses_orders_and_sizes_drop_out(rig: Rig) -> None:
    motion = walking()
    pelvis, rotations = through(build(rig, motion))
    assert degrees_between(rotations, motion.rotations).max() < 0.2
    assert np.abs(pelvis - motion.pelvis).max() < 1e-3


def test_any_bone_axes_drop_out_when_the_first_frame_is_a_t_pose() -> None:
    motion = t_posed(walking())
    pelvis, rotations = through(build(Rig(t_pose=scrambled()), motion))
    assert degrees_between(rotations, motion.rotations).max() < 0.2
    assert np.abs(pelvis - motion.pelvis).max() < 1e-3


def test_without_any_t_pose_joints_come_back_where_they_were_to_two_centimetres() -> None:
    motion = walking(240)
    pelvis, rotations = through(build(Rig(t_pose=scrambled(seed=5)), motion))
    found, _ = forward_kinematics(rotations, pelvis)
    wanted, _ = forward_kinematics(motion.rotations, motion.pelvis)
    legs = [JOINT_INDEX[f"{s}_{j}"] for s in ("left", "right") for j in ("knee", "ankle", "foot")]
    errors = np.linalg.norm(found - wanted, axis=-1).mean(axis=0)
    assert errors[legs].max() < 0.02
    assert errors.max() < 0.08


def test_a_spine_of_two_bones_is_shared_out_over_three() -> None:
    motion = walking()
    motion.rotations[:, JOINT_INDEX["spine2"]] = [0.0, 0.0, 0.0, 1.0]
    names = {n: n for n in JOINT_NAMES if n != "spine2"} | {"spine3": "chest"}
    pelvis, rotations = through(build(Rig(names=names), motion))
    found, turned = forward_kinematics(rotations, pelvis)
    wanted, wanted_turned = forward_kinematics(motion.rotations, motion.pelvis)
    assert degrees_between(turned[:, JOINT_INDEX["head"]], wanted_turned[:, JOINT_INDEX["head"]]).max() < 0.2
    first, second = rotations[:, JOINT_INDEX["spine2"]], rotations[:, JOINT_INDEX["spine3"]]
    assert degrees_between(first, second).max() < 0.2
    assert np.linalg.norm(found - wanted, axis=-1).max() < 0.01


def test_joints_without_a_bone_follow_their_parents() -> None:
    gone = ("left_wrist", "right_wrist", "left_foot", "right_foot")
    motion = walking()
    _, rotations = through(build(Rig(names={n: n for n in JOINT_NAMES if n not in gone}), motion))
    for name in gone:
        assert degrees_between(rotations[:, JOINT_INDEX[name]], np.array([0.0, 0.0, 0.0, 1.0])).max() < 1e-3
    kept = [JOINT_INDEX[n] for n in JOINT_NAMES if n not in gone]
    assert degrees_between(rotations[:, kept], motion.rotations[:, kept]).max() < 0.2


def test_a_bent_knee_is_in_front_of_the_leg_and_left_is_plus_x_when_facing_plus_z() -> None:
    squat = walking(60)
    squat.rotations[:, 0] = [0.0, 0.0, 0.0, 1.0]
    pelvis, rotations = through(build(Rig(t_pose=scrambled(seed=3)), t_posed(squat)))
    found, _ = forward_kinematics(rotations, pelvis)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        hip, knee, ankle = (found[:, JOINT_INDEX[f"{side}_{j}"]] for j in ("hip", "knee", "ankle"))
        assert ((knee - (hip + ankle) / 2)[:, 2] > -1e-3).all()
        assert (sign * (hip - found[:, 0])[:, 0] > 0.05).all()


def test_rotations_that_scipy_composes_are_the_ones_that_come_out() -> None:
    # One bone, one turn, worked out: the left elbow bent by 90 degrees about its hinge brings the hand forward.
    rotations = np.tile([0.0, 0.0, 0.0, 1.0], (3, 22, 1))
    rotations[1:, JOINT_INDEX["left_elbow"]] = Rotation.from_euler("y", -90, degrees=True).as_quat()
    motion = CanonicalMotion(np.tile([0.0, 0.94, 0.0], (3, 1)), rotations)
    pelvis, found = through(build(Rig(t_pose=scrambled(seed=9)), motion), t_pose="first-frame")
    places, _ = forward_kinematics(found, pelvis)
    elbow, wrist = places[1, JOINT_INDEX["left_elbow"]], places[1, JOINT_INDEX["left_wrist"]]
    assert np.allclose(wrist - elbow, [0, 0, 0.2229], atol=2e-3)
