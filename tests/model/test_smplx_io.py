"""SMPL-X parameters against the smplx package, on a synthetic model file, and AMASS files on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.model.rigs import degrees_between, walking

from strut_model.motion import Motion, explicit_root
from strut_model.skeleton import JOINT_INDEX, JOINTS, PARENTS, REST_OFFSETS
from strut_model.smplx_io import (
    SmplxBody,
    SmplxError,
    SmplxParameters,
    motion_from_parameters,
    parameters_from_motion,
    read_amass,
    write_amass,
)

# The names that smplx gives vertices of the real mesh reach up to this one.
_VERTICES = 9930
_HANDS_AND_FACE = 33
_PELVIS = np.array([0.003, -0.34, 0.012])


def made_motion(frames: int = 40) -> Motion:
    motion = walking(frames)
    return explicit_root(motion.pelvis, motion.rotations, np.ones((frames, 4)))


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SMPL-X model file with the canonical body, 10 % larger, and one shape that makes the legs longer."""
    joints = np.zeros((JOINTS + _HANDS_AND_FACE, 3))
    for joint in range(1, JOINTS):
        joints[joint] = joints[PARENTS[joint]] + 1.1 * REST_OFFSETS[joint]
    joints += _PELVIS
    parents = np.concatenate([PARENTS, np.full(_HANDS_AND_FACE, JOINT_INDEX["head"])])
    joints[JOINTS:] = joints[JOINT_INDEX["head"]]
    count = len(joints)
    vertices = np.zeros((_VERTICES, 3))
    vertices[:count] = joints
    regressor = np.zeros((count, _VERTICES))
    regressor[np.arange(count), np.arange(count)] = 1.0
    weights = np.zeros((_VERTICES, count))
    weights[np.arange(_VERTICES), np.minimum(np.arange(_VERTICES), count - 1)] = 1.0
    shapes = np.zeros((_VERTICES, 3, 20))
    for name in ("left_knee", "right_knee", "left_ankle", "right_ankle", "left_foot", "right_foot"):
        shapes[JOINT_INDEX[name], 1, 0] = -0.05 if "knee" in name else -0.1
    folder = tmp_path_factory.mktemp("models")
    np.savez_compressed(
        folder / "SMPLX_NEUTRAL.npz",
        v_template=vertices,
        f=np.zeros((4, 3), dtype=np.int64),
        J_regressor=regressor,
        kintree_table=np.stack([parents, np.arange(count)]),
        weights=weights,
        posedirs=np.zeros((_VERTICES, 3, 9 * (count - 1)), dtype=np.float32),
        shapedirs=shapes,
        hands_componentsl=np.eye(45),
        hands_componentsr=np.eye(45),
        hands_meanl=np.full(45, 0.1),
        hands_meanr=np.full(45, 0.1),
        lmk_faces_idx=np.zeros(51, dtype=np.int64),
        lmk_bary_coords=np.full((51, 3), 1 / 3),
    )
    return folder / "SMPLX_NEUTRAL.npz"


@pytest.fixture(scope="module")
def body(model_file: Path) -> SmplxBody:
    pytest.importorskip("smplx")
    return SmplxBody(model_file.parent)


def test_smplx_puts_every_joint_where_the_motion_has_it_scaled_to_its_legs(body: SmplxBody) -> None:
    motion = made_motion()
    joints = body.joints(parameters_from_motion(motion, body))
    assert np.abs(joints - 1.1 * motion.positions()).max() < 2e-4


def test_longer_legs_by_shape_make_longer_strides(body: SmplxBody) -> None:
    motion = made_motion()
    betas = np.array([1.0, 0.0])
    parameters = parameters_from_motion(motion, body, betas)
    joints = body.joints(parameters)
    plain = body.joints(parameters_from_motion(motion, body))
    ratio = np.linalg.norm(body.offsets(betas)[JOINT_INDEX["left_knee"]]) / np.linalg.norm(
        body.offsets()[JOINT_INDEX["left_knee"]]
    )
    assert ratio > 1.1
    travelled, before = (np.linalg.norm((j[-1] - j[0])[0, [0, 2]]) for j in (joints, plain))
    assert travelled / before == pytest.approx((0.8807 + 0.1) / 0.8807, rel=1e-3)


def test_parameters_come_back_as_the_motion_they_were_made_of(body: SmplxBody) -> None:
    motion = made_motion()
    for model in (None, body):
        back = motion_from_parameters(parameters_from_motion(motion, model), model)
        assert degrees_between(back.world_rotations(), motion.world_rotations()).max() < 0.05
        drop = motion.world_pelvis() - back.world_pelvis()
        assert np.abs(drop[:, [0, 2]]).max() < 1e-4
        assert np.abs(drop[:, 1]).max() < 0.03  # the ground is found anew


def test_an_amass_file_is_z_up_and_reads_back(tmp_path: Path) -> None:
    motion = made_motion()
    wanted = parameters_from_motion(motion)
    write_amass(tmp_path / "walk.npz", motion)
    with np.load(tmp_path / "walk.npz") as stored:
        assert stored["poses"].shape == (40, 165)
        assert stored["pose_body"].shape == (40, 63)
        assert float(stored["mocap_frame_rate"]) == 30.0
        assert str(stored["surface_model_type"]) == "smplx"
        # Z up: the height of the path is in z, and the ground path in x and -y.
        height = stored["trans"][:, 2] - stored["trans"][:, 2].mean()
        assert np.allclose(height, wanted.transl[:, 1] - wanted.transl[:, 1].mean(), atol=1e-6)
        turned = Rotation.from_rotvec(stored["root_orient"]).apply([0.0, 1.0, 0.0])
        assert turned[:, 2].min() > 0.9
    found = read_amass(tmp_path / "walk.npz")
    assert np.abs(found.transl - wanted.transl).max() < 1e-5
    assert np.abs(found.body_pose - wanted.body_pose).max() < 1e-5
    assert degrees_between(found.rotations[:, 0], wanted.rotations[:, 0]).max() < 1e-3


def test_smplx_stands_on_the_ground_of_the_z_up_file(tmp_path: Path, body: SmplxBody) -> None:
    motion = made_motion()
    write_amass(tmp_path / "walk.npz", motion, body)
    with np.load(tmp_path / "walk.npz") as stored:
        raw = SmplxParameters(
            stored["root_orient"], stored["pose_body"].reshape(-1, 21, 3), stored["trans"], stored["betas"]
        )
    joints = body.joints(raw)
    wanted = 1.1 * motion.positions()
    assert np.abs(joints - np.stack([wanted[..., 0], -wanted[..., 2], wanted[..., 1]], axis=-1)).max() < 2e-4


@pytest.mark.parametrize("key", ["mocap_frame_rate", "mocap_framerate"])
def test_older_files_with_60_frames_a_second_and_hands_are_read_and_resampled(tmp_path: Path, key: str) -> None:
    motion = walking(80, fps=60.0)
    poses = np.zeros((80, 156))
    poses[:, :66] = Rotation.from_quat(motion.rotations.reshape(-1, 4)).as_rotvec().reshape(80, 66)
    up = Rotation.from_euler("x", 90, degrees=True)
    poses[:, :3] = (up * Rotation.from_quat(motion.rotations[:, 0])).as_rotvec()
    np.savez(
        tmp_path / "old.npz",
        poses=poses,
        trans=up.apply(motion.pelvis),
        betas=np.zeros(16),
        gender="male",
        **{key: 60.0},
    )
    parameters = read_amass(tmp_path / "old.npz")
    assert (parameters.fps, parameters.gender, len(parameters.betas)) == (60.0, "male", 16)
    back = motion_from_parameters(parameters)
    assert back.frames == 40
    assert degrees_between(back.world_rotations()[3:-3], motion.rotations[::2][3:-3]).max() < 2.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trans": None}, "keys are .*, expected trans"),
        ({"poses": np.zeros((5, 60))}, r"poses has shape \(5, 60\), expected \(frames, 66 or more\)"),
        ({"trans": np.zeros((4, 3))}, r"trans has shape \(4, 3\), expected \(5, 3\)"),
        ({"poses": np.full((5, 66), np.nan)}, "is not finite"),
        ({"mocap_frame_rate": 0.0}, "fps: 0"),
    ],
)
def test_an_amass_file_that_is_off_is_refused_by_key(tmp_path: Path, change: dict, message: str) -> None:
    content = {"poses": np.zeros((5, 66)), "trans": np.zeros((5, 3)), "mocap_frame_rate": 30.0} | change
    np.savez(tmp_path / "off.npz", **{k: v for k, v in content.items() if v is not None})
    with pytest.raises(SmplxError, match=message):
        read_amass(tmp_path / "off.npz")


def test_what_is_no_npz_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.npz").write_text("hello", encoding="utf-8")
    with pytest.raises(SmplxError, match="not a readable NPZ"):
        read_amass(tmp_path / "no.npz")


def test_parameters_of_wrong_shapes_are_refused_by_name() -> None:
    good = parameters_from_motion(made_motion(5))
    with pytest.raises(SmplxError, match=r"body_pose: shape is \(5, 63\), expected \(5, 21, 3\)"):
        replace(good, body_pose=good.body_pose.reshape(5, 63))
    with pytest.raises(SmplxError, match="betas"):
        replace(good, betas=np.zeros((1, 10)))


def test_a_model_file_that_is_none_is_refused(tmp_path: Path, model_file: Path) -> None:
    pytest.importorskip("smplx")
    with pytest.raises(SmplxError, match=r"holds none of SMPLX_MALE\.npz"):
        SmplxBody(model_file.parent, "male")
    with pytest.raises(SmplxError, match="no such file"):
        SmplxBody(tmp_path / "SMPLX_NEUTRAL.npz")
    np.savez(tmp_path / "SMPLX_NEUTRAL.npz", v_template=np.zeros((3, 3)))
    with pytest.raises(SmplxError, match="not a SMPL-X model file"):
        SmplxBody(tmp_path)
    (tmp_path / "body.fbx").write_text("", encoding="utf-8")
    with pytest.raises(SmplxError, match=r"suffix is '\.fbx', allowed: \.npz, \.pkl"):
        SmplxBody(tmp_path / "body.fbx")


def test_more_shape_coefficients_than_the_model_has_are_refused(body: SmplxBody) -> None:
    with pytest.raises(SmplxError, match="betas: 30 given"):
        body.rest_joints(np.zeros(30))
