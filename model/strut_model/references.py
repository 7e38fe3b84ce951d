"""Style vectors of motion clips: BVH text in, the codes that the bundle's encoder gives it out.

The same steps as in training: retargeted to the canonical skeleton, 30 frames a second, codes of crops averaged.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from strut_model.bvh import Bvh, parse_bvh
from strut_model.calibration import RigPoses, calibrate, check_units, leg_length, motion_poses, rest_pose
from strut_model.clip import Clip
from strut_model.contacts import foot_contacts
from strut_model.data.feet import ground_height
from strut_model.features import ENCODER_FRAMES, encode_for_encoder
from strut_model.frames import FrameEncoding, pack_frames
from strut_model.mapping import BoneMap, MappingFile, map_bones
from strut_model.motion import Motion
from strut_model.resampling import resample
from strut_model.retarget import retarget
from strut_model.skeleton import FPS, forward_kinematics

Float = npt.NDArray[np.float32]

CROP_LENGTHS = (ENCODER_FRAMES, 32, 16)
"""Frames of a crop: the longest that fits into a clip."""
CROPS = 6
MAX_SPEED = 15.0
"""Metres a second of the pelvis; more is a jump or a wrong unit."""


PREVIEW_FRAMES = 900
"""Most frames of a preview, half a minute."""


class ClipError(ValueError):
    """A clip that no style can be made of; the message says why."""


def clip_of_bvh(text: str, source: str, joints: Mapping[str, str]) -> Clip:
    """A clip on the canonical skeleton.

    Args:
        text: of a BVH file.
        source: its name, for messages.
        joints: canonical joint to the file's bone, for those that are not found by their names.

    Raises:
        ValueError: the file is broken, or its rig or motion cannot be used.
    """
    return read_clip(text, source, joints)[0]


def read_clip(text: str, source: str, joints: Mapping[str, str]) -> tuple[Clip, dict[str, str]]:
    """A clip on the canonical skeleton as `clip_of_bvh` gives it, and the file's bone of each joint that has one."""
    bvh = parse_bvh(text, source)
    bones = map_bones(bvh.names, bvh.parents, MappingFile(joints=dict(joints)))
    check_units(leg_length(bvh, bones), None)
    calibration = calibrate(
        rest_pose(bvh, bones),
        motion_poses(_first_frame(bvh), bones),
        _sampled_poses(bvh, bones),
        bones.profile,
        source=source,
    )
    pelvis, rotations = resample(*retarget(bvh, bones, calibration), bvh.fps)
    kept = longest_steady(pelvis)
    pelvis, rotations = pelvis[kept], rotations[kept]
    if len(pelvis) < CROP_LENGTHS[-1]:
        raise ClipError(f"{source}: {len(pelvis)} frames at {FPS:g} a second; allowed: {CROP_LENGTHS[-1]} or more")
    pelvis = pelvis - ground_height(pelvis, rotations)[:, None] * np.array([0.0, 1.0, 0.0])
    speed = float(np.linalg.norm(np.diff(pelvis, axis=0), axis=-1).max()) * FPS
    if not speed <= MAX_SPEED:
        raise ClipError(f"{source}: the pelvis moves at {speed:.0f} m/s; allowed: up to {MAX_SPEED:.0f}")
    contacts = foot_contacts(forward_kinematics(rotations, pelvis)[0])
    clip = Clip(
        source, pelvis.astype(np.float32), rotations.astype(np.float32), contacts, content="", style="", take="",
        dataset="",
    )  # fmt: skip
    return clip, {joint: bone for joint, bone in bones.names(bvh.names).items() if bone is not None}


def preview_of_clip(clip: Clip) -> dict[str, str | int]:
    """What is shown of a clip: its first frames as QUAT48 in base64, from the origin on, and its whole length."""
    motion = clip.motion()
    begin = motion.slice_frames(0, PREVIEW_FRAMES).relative_to(motion.root_position[0], motion.root_heading[0])
    data = pack_frames(begin, FrameEncoding.QUAT48).tobytes()
    return {"frames": base64.b64encode(data).decode(), "count": begin.frames, "total": motion.frames}


def longest_steady(pelvis: npt.NDArray[np.floating]) -> slice:
    """The longest stretch of a pelvis' places (T, 3) in metres without a jump: many files begin with a T-pose at the
    origin. All of it where even that is shorter than a crop, so that the jump is what is told.
    """
    fast = np.linalg.norm(np.diff(pelvis, axis=0), axis=-1) * FPS > MAX_SPEED
    if not fast.any():
        return slice(0, len(pelvis))
    edges = [-1, *np.flatnonzero(fast).tolist(), len(pelvis) - 1]
    # Resampling spreads a jump over the frames beside it.
    stretches = [(a + 1 + (a >= 0), b + 1 - (b < len(pelvis) - 1)) for a, b in pairwise(edges)]
    start, end = max(stretches, key=lambda s: s[1] - s[0])
    return slice(start, end) if end - start >= CROP_LENGTHS[-1] else slice(0, len(pelvis))


def clip_of_motion(motion: Motion, source: str) -> Clip:
    """A clip of a motion (T) that is on the canonical skeleton already, its ground as an upload's would be found."""
    rotations = motion.world_rotations().astype(np.float64)
    pelvis = motion.world_pelvis().astype(np.float64)
    pelvis = pelvis - ground_height(pelvis, rotations)[:, None] * np.array([0.0, 1.0, 0.0])
    contacts = foot_contacts(forward_kinematics(rotations, pelvis)[0])
    return Clip(
        source, pelvis.astype(np.float32), rotations.astype(np.float32), contacts, content="", style="", take="",
        dataset="",
    )  # fmt: skip


class StyleEncoder:
    """A bundle's encoder on one thread of ONNX Runtime.

    Args:
        path: the ONNX file.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def codes(self, clips: Sequence[Clip]) -> dict[str, Float]:
        """Means over the clips' crops: ``style`` (5, 64) and ``content`` (64), of unit length, ``readouts`` (2).

        Args:
            clips: one or more, each of 16 frames or more.

        Raises:
            ClipError: the encoder gives numbers that are not finite.
        """
        rows: dict[str, list[Float]] = {"style": [], "content": [], "readouts": []}
        for clip in clips:
            features = encode_for_encoder(clip.motion())
            length = next(length for length in CROP_LENGTHS if length <= len(features))
            starts = np.unique(np.linspace(0, len(features) - length, CROPS).astype(int))
            crops = np.stack([features[start : start + length] for start in starts]).astype(np.float32)
            for name, value in zip(rows, self._session.run(list(rows), {"motion": crops})):
                rows[name].append(value.mean(axis=0))
        mean = {name: np.mean(values, axis=0).astype(np.float32) for name, values in rows.items()}
        if not all(np.isfinite(value).all() for value in mean.values()):
            raise ClipError("the clips give no finite style")
        for name in ("style", "content"):
            mean[name] /= np.maximum(np.linalg.norm(mean[name], axis=-1, keepdims=True), 1e-9)
        return mean

    def style(self, clips: Sequence[Clip]) -> Float:
        """The style vector (5, 64) of clips: the mean of their crops' codes, of unit length per part; see `codes`."""
        return self.codes(clips)["style"]


def style_of_clips(clips: Sequence[Clip], encoder: Path) -> Float:
    """The style vector (5, 64) of clips, by the bundle's encoder; see `StyleEncoder.codes`."""
    return StyleEncoder(encoder).style(clips)


def _first_frame(bvh: Bvh) -> Bvh:
    return Bvh(
        bvh.names, bvh.parents, bvh.offsets, bvh.channels, bvh.values[:1], bvh.frame_time, bvh.end_sites, bvh.source
    )


def _sampled_poses(bvh: Bvh, bones: BoneMap) -> RigPoses:
    return motion_poses(bvh, bones).frames(slice(None, None, max(1, round(bvh.fps / 30))))
