"""Styles of clips: jumps are cut off, known rigs need no upright frame, and other rigs change nothing that matters."""

from __future__ import annotations

import numpy as np
import pytest
from tests.model.rigs import Rig, build, degrees_between, t_posed, walking

from strut_model.bundle import load_bundle
from strut_model.bvh import format_bvh
from strut_model.data.importing import MAX_SPEED as IMPORTED_MAX_SPEED
from strut_model.evaluation.other_rigs import DISTORTED, DistortedRig, on_distorted_rig, on_rig_of
from strut_model.mapping import PROFILES
from strut_model.motion import Motion
from strut_model.references import MAX_SPEED, ClipError, clip_of_bvh, clip_of_motion, longest_steady, style_of_clips

EXACT = DISTORTED[0]


@pytest.fixture(scope="module")
def motion() -> Motion:
    walk = walking(120)
    clip = clip_of_bvh(format_bvh(build(Rig(), walk)), "walk", {})
    return clip.motion()


def test_a_t_pose_before_the_motion_is_cut_off() -> None:
    walk = walking(90)
    walk.pelvis[:, 2] += 20.0
    clip = clip_of_bvh(format_bvh(build(Rig(), t_posed(walk))), "walk", {})
    assert 80 <= clip.frames <= 90
    speed = np.linalg.norm(np.diff(clip.pelvis, axis=0), axis=-1) * 30
    assert speed.max() < 3


def test_a_clip_that_jumps_all_the_time_is_refused_with_its_speed() -> None:
    walk = walking(90)
    walk.pelvis[::2, 0] += 3.0
    with pytest.raises(ClipError, match=r"m/s; allowed: up to 15"):
        clip_of_bvh(format_bvh(build(Rig(), walk)), "walk", {})
    assert MAX_SPEED == IMPORTED_MAX_SPEED


def test_the_longest_steady_stretch_is_kept() -> None:
    pelvis = np.zeros((100, 3))
    pelvis[30:, 0] = 5.0
    pelvis[90:, 0] = 9.0
    assert longest_steady(pelvis) == slice(31, 89)
    assert longest_steady(pelvis[:20]) == slice(0, 20)


@pytest.mark.parametrize("rig", [rig for rig in DISTORTED if not rig.missing and not rig.crooked], ids=lambda r: r.name)
def test_other_proportions_and_rest_poses_leave_the_rotations_alone(motion: Motion, rig: DistortedRig) -> None:
    wanted = clip_of_motion(motion, "walk")
    found = clip_of_bvh(format_bvh(on_distorted_rig(motion, rig)), rig.name, {})
    assert degrees_between(found.rotations, wanted.rotations).max() < 0.5
    np.testing.assert_allclose(found.pelvis, wanted.pelvis, atol=0.02)


def test_a_crooked_t_pose_is_off_by_what_it_is_crooked(motion: Motion) -> None:
    (rig,) = [rig for rig in DISTORTED if rig.crooked]
    found = clip_of_bvh(format_bvh(on_distorted_rig(motion, rig)), rig.name, {})
    off = degrees_between(found.rotations, clip_of_motion(motion, "walk").rotations)
    assert 2.0 < np.median(off) < 12.0


def test_a_motion_goes_onto_the_rig_of_a_file_and_back(motion: Motion) -> None:
    theirs = build(Rig(unit=0.0254, up="z", orders=("XYZ", "ZYX")), t_posed(walking(60, seed=3)))
    found = clip_of_bvh(format_bvh(on_rig_of(motion, theirs)), "theirs", {})
    wanted = clip_of_motion(motion, "walk")
    assert np.median(degrees_between(found.rotations, wanted.rotations)) < 1.0
    np.testing.assert_allclose(found.pelvis, wanted.pelvis, atol=0.03)


def test_the_style_does_not_depend_on_the_rig(motion: Motion) -> None:
    encoder = load_bundle().encoder_path
    own = style_of_clips([clip_of_motion(motion, "walk")], encoder)
    other = style_of_clips([clip_of_bvh(format_bvh(on_distorted_rig(motion, EXACT)), "x", {})], encoder)
    assert (own * other).sum(axis=-1).min() > 0.99


def test_known_axes_serve_where_no_frame_is_upright(motion: Motion) -> None:
    """Character Creator's rig, on which CMU's clips come, with knees bent in every frame."""
    from strut_model.calibration import CREATOR_T_POSE
    from strut_model.skeleton import JOINT_INDEX, JOINT_NAMES

    crouched = walking(120)
    for joint, angle in (("hip", -1.0), ("knee", 1.6), ("ankle", -0.6)):
        turn = np.array([np.sin(angle / 2), 0, 0, np.cos(angle / 2)])
        for side in ("left", "right"):
            crouched.rotations[:, JOINT_INDEX[f"{side}_{joint}"]] = turn
    spine = {"spine1": "CC_Base_Waist", "spine2": "CC_Base_Spine01", "spine3": "CC_Base_Spine02"}
    names = {name: PROFILES["character-creator"].get(name, spine.get(name, name)) for name in JOINT_NAMES}
    rig = Rig(names=names, t_pose=dict(zip(JOINT_NAMES, CREATOR_T_POSE, strict=True)))
    found = clip_of_bvh(format_bvh(build(rig, crouched)), "crouched", {})
    assert np.median(degrees_between(found.rotations, crouched.rotations)) < 1.0
    plain = Rig(names=dict(zip(JOINT_NAMES, JOINT_NAMES, strict=True)), t_pose=rig.t_pose)
    unknown = format_bvh(build(plain, crouched))
    with pytest.raises(ValueError, match="no upright frame"):
        clip_of_bvh(unknown, "crouched", {})
