"""SMPL-X parameters in and out, and the AMASS file layout.

The canonical skeleton is SMPL-X's body without hands and face, its rest frames aligned with the world, so local
rotations go over as they are. What differs are bone lengths and the place of the pelvis in the template: both come
from the user's own licensed SMPL-X model file (`SmplxBody`); without one, translations hold for the neutral shape to
within a centimetre or so.

In memory everything is Y up, as SMPL-X itself is; AMASS files are Z up, and are turned on reading and writing.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.calibration import CANONICAL_LEG
from strut_model.contacts import foot_contacts
from strut_model.motion import Motion, explicit_root
from strut_model.resampling import resample
from strut_model.skeleton import FPS, JOINT_INDEX, JOINTS, PARENTS, forward_kinematics

if TYPE_CHECKING:
    import smplx

Array = NDArray[np.floating]

BODY_JOINTS = JOINTS - 1
NEUTRAL_PELVIS: tuple[float, float, float] = (0.0, -0.35, 0.01)
"""Metres, roughly where the pelvis joint lies in the neutral template, whose origin is near the chest."""

_TO_Z_UP = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])
_HAND_POSE = 90
_AMASS_KEYS = ("trans", "poses or root_orient and pose_body", "mocap_frame_rate or mocap_framerate")


class SmplxError(ValueError):
    """A model or parameter file that is off, or the `smplx` package missing; names what was found and expected."""


@dataclass(frozen=True)
class SmplxParameters:
    """Body parameters over time, Y up, metres, radians.

    Attributes:
        global_orient: (T, 3) axis-angle of the pelvis.
        body_pose: (T, 21, 3) axis-angle of the other joints, local, SMPL order.
        transl: (T, 3) translation of the template; the pelvis is at this plus its place in the template.
        betas: (B,) shape.
        fps: frames a second.
        gender: neutral, female or male.
    """

    global_orient: NDArray[np.float64]
    body_pose: NDArray[np.float64]
    transl: NDArray[np.float64]
    betas: NDArray[np.float64]
    fps: float = FPS
    gender: str = "neutral"

    def __post_init__(self) -> None:
        frames = len(self.transl)
        wanted = {"global_orient": (frames, 3), "body_pose": (frames, BODY_JOINTS, 3), "transl": (frames, 3)}
        for name, shape in wanted.items():
            value = getattr(self, name)
            if value.shape != shape:
                raise SmplxError(f"{name}: shape is {value.shape}, expected {shape}")
            if not np.isfinite(value).all():
                raise SmplxError(f"{name}: a value is not finite, all must be finite")
        if self.betas.ndim != 1:
            raise SmplxError(f"betas: shape is {self.betas.shape}, expected one axis")
        if not self.fps > 0:
            raise SmplxError(f"fps: {self.fps}, must be above 0")

    @property
    def rotations(self) -> Array:
        """(T, 22, 4) local quaternions, the pelvis' in the world."""
        return rot.from_axis_angle(np.concatenate([self.global_orient[:, None], self.body_pose], axis=1))


class SmplxBody:
    """A user's SMPL-X model file: rest joints by shape, and joints by parameters.

    Args:
        path: SMPLX_NEUTRAL.npz or .pkl (registration at smpl-x.is.tue.mpg.de), or the folder that holds it.
        gender: which file of the folder.
        num_betas: shape coefficients.

    Raises:
        SmplxError: the package `smplx` is missing, or the file is none, or not a SMPL-X model.
    """

    def __init__(self, path: str | Path, gender: str = "neutral", num_betas: int = 10) -> None:
        try:
            import smplx
            import torch
        except ImportError as error:
            raise SmplxError(f"{error.name} is missing; pip install 'strut-motion[smplx,train]'") from None
        self.path = _model_file(Path(path), gender)
        self.gender = gender
        try:
            # smplx prints a warning about small shape spaces; the caller sees the number of coefficients instead.
            with contextlib.redirect_stdout(io.StringIO()):
                self._model: smplx.SMPLX = smplx.SMPLX(
                    str(self.path),
                    ext=self.path.suffix[1:],
                    gender=gender,
                    num_betas=num_betas,
                    use_pca=False,
                    flat_hand_mean=True,
                    use_face_contour=False,
                )
        except (KeyError, AttributeError, ValueError, TypeError, OSError) as error:
            raise SmplxError(f"{self.path}: not a SMPL-X model file ({error})") from None
        parents = self._model.parents[:JOINTS].numpy()
        if not np.array_equal(parents[1:], PARENTS[1:]):
            raise SmplxError(f"{self.path}: the first {JOINTS} joints are not SMPL's body")
        self._torch = torch

    @property
    def num_betas(self) -> int:
        """Shape coefficients that the model takes."""
        return int(self._model.num_betas)

    def rest_joints(self, betas: Array | None = None) -> Array:
        """Joints (22, 3) metres of the shaped template in T-pose."""
        torch = self._torch
        shape = torch.zeros(self.num_betas)
        if betas is not None:
            if len(betas) > self.num_betas:
                raise SmplxError(f"betas: {len(betas)} given, the model takes at most {self.num_betas}")
            shape[: len(betas)] = torch.as_tensor(np.asarray(betas), dtype=shape.dtype)
        vertices = self._model.v_template + torch.einsum("vck,k->vc", self._model.shapedirs, shape)
        return (self._model.J_regressor @ vertices)[:JOINTS].numpy().astype(np.float64)

    def offsets(self, betas: Array | None = None) -> Array:
        """Bone offsets (22, 3) metres of the shaped template, the pelvis' zero."""
        joints = self.rest_joints(betas)
        offsets = joints - joints[PARENTS]
        offsets[0] = 0.0
        return offsets

    def joints(self, parameters: SmplxParameters) -> Array:
        """Joint positions (T, 22, 3) metres by SMPL-X's own forward pass."""
        torch = self._torch
        frames = len(parameters.transl)
        betas = torch.zeros(1, self.num_betas)
        betas[0, : len(parameters.betas)] = torch.as_tensor(parameters.betas, dtype=betas.dtype)

        def tensor(values: Array) -> Any:
            return torch.as_tensor(values, dtype=torch.float32)

        zeros = torch.zeros(frames, 3)
        with torch.no_grad():
            output = self._model(
                betas=betas.expand(frames, -1),
                global_orient=tensor(parameters.global_orient),
                body_pose=tensor(parameters.body_pose.reshape(frames, -1)),
                transl=tensor(parameters.transl),
                left_hand_pose=torch.zeros(frames, _HAND_POSE // 2),
                right_hand_pose=torch.zeros(frames, _HAND_POSE // 2),
                jaw_pose=zeros,
                leye_pose=zeros,
                reye_pose=zeros,
                expression=torch.zeros(frames, self._model.num_expression_coeffs),
                return_verts=True,
            )
        return output.joints[:, :JOINTS].numpy().astype(np.float64)


def _model_file(path: Path, gender: str) -> Path:
    if path.is_dir():
        names = [f"SMPLX_{gender.upper()}.npz", f"SMPLX_{gender.upper()}.pkl"]
        candidates = [folder / name for folder in (path, path / "smplx") for name in names]
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        raise SmplxError(f"{path}: holds none of {', '.join(names)}")
    if not path.is_file():
        raise SmplxError(f"{path}: no such file, expected a SMPL-X model file")
    if path.suffix not in (".npz", ".pkl"):
        raise SmplxError(f"{path}: suffix is {path.suffix!r}, allowed: .npz, .pkl")
    return path


def _placement(body: SmplxBody | None, betas: Array) -> tuple[NDArray[np.float64], float]:
    """Place of the pelvis in the template (3,), and the body's leg length over the canonical one."""
    if body is None:
        return np.array(NEUTRAL_PELVIS), 1.0
    joints = body.rest_joints(betas)
    hip, knee, ankle = (joints[JOINT_INDEX[f"left_{name}"]] for name in ("hip", "knee", "ankle"))
    leg = float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))
    return joints[0], leg / CANONICAL_LEG


def parameters_from_motion(
    motion: Motion, body: SmplxBody | None = None, betas: Array | None = None, gender: str = "neutral"
) -> SmplxParameters:
    """SMPL-X parameters of a motion (without batch axes).

    Args:
        motion: T frames at 30 a second.
        body: the user's model; scales the path to its legs and places its pelvis exactly.
        betas: (B,) shape; the mean shape when None.
        gender: written along.
    """
    shape = np.zeros(10) if betas is None else np.asarray(betas, dtype=np.float64)
    pelvis_rest, scale = _placement(body, shape)
    turns = rot.to_axis_angle(motion.world_rotations().astype(np.float64))
    return SmplxParameters(
        global_orient=turns[:, 0].astype(np.float64),
        body_pose=turns[:, 1:].astype(np.float64),
        transl=motion.world_pelvis().astype(np.float64) * scale - pelvis_rest,
        betas=shape,
        gender=gender,
    )


def motion_from_parameters(parameters: SmplxParameters, body: SmplxBody | None = None) -> Motion:
    """A motion on the canonical skeleton at 30 frames a second, with contacts; the inverse of the above.

    Args:
        parameters: at any frame rate.
        body: the model that they were fitted to.
    """
    from strut_model.data.feet import ground_height

    pelvis_rest, scale = _placement(body, parameters.betas)
    pelvis: Array = (parameters.transl + pelvis_rest) / scale
    pelvis, rotations = resample(pelvis, parameters.rotations, parameters.fps)
    if body is None or parameters.fps != FPS or abs(scale - 1.0) > 1e-3:
        pelvis = pelvis - ground_height(pelvis, rotations)[:, None] * np.array([0.0, 1.0, 0.0])
    positions, _ = forward_kinematics(rotations, pelvis)
    return explicit_root(pelvis.astype(np.float32), rotations.astype(np.float32), foot_contacts(positions))


def write_amass(
    path: str | Path,
    motion: Motion | SmplxParameters,
    body: SmplxBody | None = None,
    betas: Array | None = None,
    gender: str = "neutral",
) -> None:
    """Write a motion as an AMASS-layout NPZ file (SMPL-X, Z up).

    Args:
        path: the file.
        motion: frames at 30 a second, or parameters as they are.
        body, betas, gender: see `parameters_from_motion`; unused when parameters are given.
    """
    p = motion if isinstance(motion, SmplxParameters) else parameters_from_motion(motion, body, betas, gender)
    frames = len(p.transl)
    pelvis_rest, _ = _placement(body, p.betas)
    up = np.broadcast_to(_TO_Z_UP, (frames, 4))
    root = rot.to_axis_angle(rot.multiply(up, rot.from_axis_angle(p.global_orient)))
    # The root turns about the pelvis joint, not about the origin: only the pelvis' own place is turned.
    trans = rot.rotate(up, p.transl + pelvis_rest) - pelvis_rest
    pose_body = p.body_pose.reshape(frames, -1)
    rest = np.zeros((frames, 3 + 6 + _HAND_POSE))
    np.savez(
        path,
        gender=np.array(p.gender),
        surface_model_type=np.array("smplx"),
        mocap_frame_rate=np.array(float(p.fps)),
        betas=p.betas,
        num_betas=np.array(len(p.betas)),
        trans=trans,
        root_orient=root,
        pose_body=pose_body,
        pose_jaw=rest[:, :3],
        pose_eye=rest[:, 3:9],
        pose_hand=rest[:, 9:],
        poses=np.concatenate([root, pose_body, rest], axis=1),
    )


def read_amass(path: str | Path, body: SmplxBody | None = None) -> SmplxParameters:
    """Read an AMASS file (SMPL-X, or SMPL-H, whose body is the same).

    Args:
        path: the file.
        body: the model that the file was fitted to, for the exact place of the pelvis.

    Raises:
        SmplxError: not an NPZ file, or a key or a shape is off; names it.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            data = {key: archive[key] for key in archive.files}
    except (OSError, ValueError) as error:
        raise SmplxError(f"{path}: not a readable NPZ file ({error})") from None
    poses = data.get("poses")
    if poses is None and "root_orient" in data and "pose_body" in data:
        poses = np.concatenate([data["root_orient"], data["pose_body"]], axis=1)
    rate = data.get("mocap_frame_rate", data.get("mocap_framerate"))
    if poses is None or rate is None or "trans" not in data:
        raise SmplxError(f"{path}: keys are {', '.join(sorted(data))}, expected {', '.join(_AMASS_KEYS)}")
    if poses.ndim != 2 or poses.shape[1] < 3 * JOINTS:
        raise SmplxError(f"{path}: poses has shape {poses.shape}, expected (frames, {3 * JOINTS} or more)")
    betas = np.asarray(data.get("betas", np.zeros(10)), dtype=np.float64).reshape(-1)
    poses = poses.astype(np.float64)
    frames = len(poses)
    if data["trans"].shape != (frames, 3):
        raise SmplxError(f"{path}: trans has shape {data['trans'].shape}, expected {(frames, 3)}")
    pelvis_rest, _ = _placement(body, betas if body is None else betas[: body.num_betas])
    down = np.broadcast_to(rot.inverse(_TO_Z_UP), (frames, 4))
    return SmplxParameters(
        global_orient=rot.to_axis_angle(rot.multiply(down, rot.from_axis_angle(poses[:, :3]))).astype(np.float64),
        body_pose=poses[:, 3 : 3 * JOINTS].reshape(frames, BODY_JOINTS, 3),
        transl=rot.rotate(down, data["trans"].astype(np.float64) + pelvis_rest) - pelvis_rest,
        betas=betas if body is None else betas[: body.num_betas],
        fps=float(rate),
        gender=str(data.get("gender", "neutral")),
    )
