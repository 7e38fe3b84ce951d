"""Real clips, where the archives of motion capture are at hand: figures that only real data can show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.model.rigs import degrees_between

from strut_model import rotations as rot
from strut_model.bvh import read_bvh
from strut_model.calibration import calibrate, motion_poses, rest_pose
from strut_model.data.importing import ImportOptions, import_folder
from strut_model.data.pack import Pack
from strut_model.mapping import map_bones
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS, JOINT_INDEX, forward_kinematics

pytestmark = pytest.mark.requires_mocap

LIMBS = [JOINT_INDEX[f"{s}_{j}"] for s in ("left", "right") for j in ("hip", "knee", "shoulder")]
FOREARMS = [JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"]]


@pytest.fixture(scope="module")
def bandai(mocap: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    path = tmp_path_factory.mktemp("packs") / "bandai"
    import_folder(mocap / "bandai_namco", path, ImportOptions("bandai-namco", progress=False))
    return Pack(path)


def test_bandai_joints_stay_within_two_centimetres_of_the_files_own(mocap: Path, bandai: Pack) -> None:
    for info in bandai.clips:
        bvh = read_bvh(mocap / "bandai_namco" / info.source)
        bones = map_bones(bvh.names, bvh.parents)
        mapped = bones.joints >= 0
        wanted = bvh.forward_kinematics()[0][:, bones.joints[mapped]] / 100
        found = bandai.clip(info.name).positions()[:, mapped]
        assert np.linalg.norm(found - wanted, axis=-1).max() < 0.02, info.name


def test_bandai_feet_stand_at_rest_height_and_walks_go_forward(bandai: Pack) -> None:
    for name in ("dataset-1_walk_normal_001", "dataset-1_walk_normal_002", "dataset-2_run_normal_036"):
        clip = bandai.clip(name)
        positions, turned = forward_kinematics(clip.rotations, clip.pelvis)
        stance = clip.contacts > 0.5
        height = positions[:, CONTACT_JOINTS, 1] - CONTACT_REST_HEIGHTS
        assert np.abs(height[stance]).mean() < 0.012, name
        assert 0.1 < stance.mean() < 0.7, name
        forward = rot.rotate(turned[:, 0], np.array([0.0, 0.0, 1.0], dtype=np.float32))
        steps = np.diff(clip.pelvis, axis=0)
        assert (steps * forward[1:]).sum() / np.linalg.norm(steps[:, [0, 2]], axis=-1).sum() > 0.97, name
        hip, knee, ankle = (positions[:, JOINT_INDEX[f"left_{j}"]] for j in ("hip", "knee", "ankle"))
        assert (((knee - (hip + ankle) / 2) * forward).sum(axis=-1) > -0.005).all(), name
        assert 1.30 < np.median(positions[:, JOINT_INDEX["head"], 1]) < 1.42, name


def test_upright_frames_find_the_same_limbs_as_the_axes_written_down_for_bandai(mocap: Path) -> None:
    files = [read_bvh(p) for p in sorted((mocap / "bandai_namco").glob("*.bvh"))]
    bones = map_bones(files[0].names, files[0].parents)
    motion = [motion_poses(f, bones) for f in files]
    together = motion[0].concatenate(motion)
    known = calibrate(rest_pose(files[0], bones), together, together, bones.profile)
    found = calibrate(rest_pose(files[0], bones), together, together, "", "upright")
    assert (known.method, found.method) == ("axes:bandai-namco", "upright")
    errors = degrees_between(known.t_pose, found.t_pose)
    assert errors[LIMBS].max() < 1.0
    # Positions say nothing of how far a forearm is turned in: that is taken as the mean of the upright frames.
    assert errors[FOREARMS].max() < 20.0


def test_takes_of_bandai_that_share_frames_are_reported(bandai: Pack) -> None:
    rows = bandai.report().duplicates
    names = {"dataset-2_walk-turn-left_normal_030", "dataset-2_walk-turn-left_normal_034"}
    (row,) = [r for r in rows if set(r["clips"]) == names]
    assert row["exact"]
    assert row["frames"] > 100


def test_cmu_on_another_rig_comes_out_standing_and_bending_about_its_hinges(mocap: Path, tmp_path: Path) -> None:
    import_folder(mocap / "cmu", tmp_path / "cmu", ImportOptions("cmu", progress=False))
    pack = Pack(tmp_path / "cmu")
    (rig,) = pack.report().rigs
    assert (rig["profile"], rig["t_pose"], rig["units"]) == ("character-creator", "first-frame", "cm")
    for clip in pack:
        assert clip.content == "walk"
        assert 0.3 < clip.contacts.mean() < 0.6
        positions = clip.positions()
        assert 1.3 < np.median(positions[:, JOINT_INDEX["head"], 1]) < 1.45
        for name, axis in (("left_elbow", 1), ("left_knee", 0)):
            bend = np.abs(rot.to_axis_angle(clip.rotations[:, JOINT_INDEX[name]])).mean(axis=0)
            assert bend[axis] > 10 * np.delete(bend, axis).max()


def test_people_standing_idle_on_video_get_planted_feet(mocap: Path, tmp_path: Path) -> None:
    import_folder(mocap / "react_idle", tmp_path / "idle", ImportOptions("react-idle", progress=False))
    for clip in Pack(tmp_path / "idle"):
        assert clip.content == "idle"
        assert clip.contacts.all()
        feet = clip.positions()[:, CONTACT_JOINTS]
        assert np.ptp(feet, axis=0).max() < 0.002
        assert np.abs(feet[..., 1] - CONTACT_REST_HEIGHTS).max() < 0.002
