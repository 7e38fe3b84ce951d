"""Clips on rigs of their own: there and back again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.model.rigs import Rig, build, scrambled, t_posed, walking

from strut_model.bvh import Bvh, format_bvh
from strut_model.rigged import RigError, RiggedClip, parse_rigged
from strut_model.skeleton import JOINT_NAMES

RIGS = {
    "canonical": Rig(),
    "z up, inches, mixed orders": Rig(unit=0.0254, up="z", orders=("ZXY", "XYZ", "YZX")),
    "other axes, larger": Rig(t_pose=scrambled(), size=1.2),
    "few bones": Rig({n: n for n in JOINT_NAMES if n not in ("spine1", "spine3", "left_foot", "right_collar")}),
    "moving bones": Rig(position_channels=("left_knee", "spine1")),
}


def rigged(rig: Rig, fps: float = 30.0, frames: int = 60) -> tuple[Bvh, RiggedClip]:
    bvh = build(rig, t_posed(walking(frames, fps)))
    return bvh, parse_rigged(format_bvh(bvh, 9), "walk")


@pytest.mark.parametrize("name", RIGS)
def test_an_unchanged_clip_is_the_file_itself(name: str) -> None:
    _, clip = rigged(RIGS[name])
    assert clip.on_own_skeleton(clip.clip) is clip.bvh


@pytest.mark.parametrize("name", RIGS)
def test_every_bone_comes_back_to_where_it_was(name: str) -> None:
    bvh, clip = rigged(RIGS[name])
    # A hair of change, so that the whole way back is gone.
    back = clip.on_own_skeleton(replace(clip.clip, pelvis=clip.clip.pelvis + np.float32(1e-6)))
    assert np.abs(back.forward_kinematics()[0] - bvh.forward_kinematics()[0]).max() * clip.scale < 2e-4


@pytest.mark.parametrize("fps", [24.0, 60.0, 120.0])
def test_other_frame_rates_come_back_at_their_own(fps: float) -> None:
    bvh, clip = rigged(RIGS["canonical"], fps, int(3 * fps))
    back = clip.on_own_skeleton(replace(clip.clip, pelvis=clip.clip.pelvis + np.float32(1e-6)))
    assert (back.frames, back.frame_time) == (bvh.frames, clip.bvh.frame_time)
    apart = np.abs(back.forward_kinematics()[0] - bvh.forward_kinematics()[0]) * clip.scale
    assert np.median(apart) < 1e-3


def test_moved_and_turned_clips_move_and_turn_the_rig() -> None:
    bvh, clip = rigged(RIGS["z up, inches, mixed orders"])
    moved = replace(clip.clip, pelvis=clip.clip.pelvis + np.array([0.5, 0.0, -0.25], np.float32))
    there = clip.on_own_skeleton(moved).forward_kinematics()[0]
    step = (there - bvh.forward_kinematics()[0]) * clip.scale
    assert np.allclose(step, [0.5, 0.25, 0.0], atol=1e-3)  # Z up: what was -z is y


def test_a_longer_clip_has_more_frames_and_fingers_follow_their_times() -> None:
    bvh, clip = rigged(RIGS["canonical"])
    times = np.arange(0, clip.clip.frames - 1 + 1e-9, 0.5)
    low = times.astype(int)
    slow = replace(
        clip.clip,
        pelvis=clip.clip.pelvis[low],
        rotations=clip.clip.rotations[low],
        contacts=clip.clip.contacts[low],
    )
    back = clip.on_own_skeleton(slow, times)
    assert back.frames == len(times)
    assert np.allclose(back.forward_kinematics()[0][::2], bvh.forward_kinematics()[0], atol=0.05)


def test_a_pose_elsewhere_before_the_motion_stays_and_is_no_motion() -> None:
    bvh, plain = rigged(RIGS["canonical"])
    far = bvh.values[:1].copy()
    far[0, :3] += 300.0
    clip = parse_rigged(format_bvh(replace(bvh, values=np.concatenate((far, bvh.values))), 9), "walk")
    assert (clip.lead, clip.clip.frames) == (1, plain.clip.frames)
    assert clip.on_own_skeleton(clip.clip) is clip.bvh
    back = clip.on_own_skeleton(replace(clip.clip, pelvis=clip.clip.pelvis + np.float32(1e-6)))
    assert np.array_equal(back.values[0], clip.bvh.values[0])
    assert np.abs(back.forward_kinematics()[0] - clip.bvh.forward_kinematics()[0])[1:].max() * clip.scale < 2e-4


def test_feet_are_the_rigs_own() -> None:
    bvh, clip = rigged(RIGS["few bones"])
    feet = clip.feet(clip.bvh)
    assert feet.shape == (bvh.frames, 4, 3)
    assert np.array_equal(feet[:, 1], feet[:, 0])  # no left toe: its ankle
    assert not np.allclose(feet[:, 3], feet[:, 2])


def test_too_short_a_file_is_refused() -> None:
    with pytest.raises(RigError, match=r"walk: 4 frames .* allowed: 8 or more"):
        rigged(Rig(), frames=3)
