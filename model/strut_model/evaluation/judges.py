"""The two judges: frozen recognisers of style and content, trained on real training clips only.

They differ in architecture, input and seed, so that a generator that pleases one by accident is found out by the
other; the lower of the two figures counts. Neither sees speed over ground nor place: joints are centred on the
pelvis in every frame, orientation is relative to the heading at the window's middle, and both were trained with
time warping, so that tempo alone decides nothing.

- ``a``: a convolutional network over joint positions.
- ``b``: a transformer over local 6D rotations and joint velocities relative to the pelvis.

A third, ``parts``, is built like ``a`` and was trained with parts of the body hidden: it judges legs, arms or torso by
themselves. It counts in no figure about the whole body.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.evaluation.windows import JUDGED_FRAMES
from strut_model.motion import Motion
from strut_model.skeleton import FPS, JOINT_INDEX, JOINTS, PART_JOINTS, PARTS, forward_kinematics

if TYPE_CHECKING:
    from strut_model.evaluation.judge_networks import JudgeNetwork

Array = NDArray[np.float32]

JUDGE_NAMES = ("a", "b")
PART_JUDGE = "parts"
DEFAULT_DIRECTORY = Path(__file__).resolve().parents[2] / "judges"
"""``model/judges`` of the source tree; the judges are not part of the installed package."""

EMBEDDING = 64
"""Numbers in a judge's embedding of a window: the space of the Frechet distance."""

_CHEST = JOINT_INDEX["spine3"]
_ARMS = [j for part in (3, 4) for j in PART_JOINTS[part]]


class JudgeError(RuntimeError):
    """Judges that cannot be used: a file is missing or its hash is not the recorded one."""


@dataclass(frozen=True)
class WindowFrames:
    """What both judges' inputs are made of.

    Attributes:
        local: (..., T, 22, 3) metres, joints relative to the pelvis, in each frame's heading frame.
        six_d: (..., T, 22, 6) local rotations, the pelvis' relative to the heading.
        heading: (..., T) radians.
    """

    local: Array
    six_d: Array
    heading: Array


def window_frames(motion: Motion) -> WindowFrames:
    """The judges' view of a motion of any length."""
    positions, _ = forward_kinematics(motion.rotations, np.zeros_like(motion.pelvis))
    return WindowFrames(
        positions.astype(np.float32),
        rot.to_six_d(motion.rotations).astype(np.float32),
        motion.root_heading.astype(np.float32),
    )


def _relative_heading(heading: Array) -> Array:
    middle = heading[..., JUDGED_FRAMES // 2, None]
    relative: Array = rot.wrap_angle(heading - middle).astype(np.float32)
    return relative


def _turned(vectors: Array, angle: Array) -> Array:
    """Vectors (..., T, J, 3) turned about Y by an angle (..., T)."""
    ground = rot.rotate_ground(angle[..., None], vectors[..., [0, 2]])
    return np.stack((ground[..., 0], vectors[..., 1], ground[..., 1]), axis=-1)


def position_input(frames: WindowFrames) -> Array:
    """Input of judge ``a``: (..., 60, 66) metres, joints in the heading frame of the window's middle.

    Legs and torso are centred on the pelvis, arms on the chest, so that a part says nothing of another's place.
    """
    joints = _turned(frames.local, _relative_heading(frames.heading))
    chest = joints[..., _CHEST, None, :].copy()
    joints[..., _ARMS, :] -= chest
    return joints.reshape(*joints.shape[:-2], -1)


def rotation_input(frames: WindowFrames) -> Array:
    """Input of judge ``b``: (..., 60, 198), local 6D rotations and velocities (m/s) relative to the pelvis."""
    angle = _relative_heading(frames.heading)
    six = frames.six_d.copy()
    columns = six[..., 0, :].reshape(*six.shape[:-2], 2, 3)
    six[..., 0, :] = _turned(columns, angle).reshape(*six.shape[:-2], 6)
    joints = _turned(frames.local, angle)
    velocity = np.gradient(joints, axis=-3) * np.float32(FPS)
    joined = np.concatenate((six, velocity.astype(np.float32)), axis=-1)
    return joined.reshape(*joined.shape[:-2], -1)


JUDGE_INPUTS = {"a": position_input, "b": rotation_input, PART_JUDGE: position_input}
INPUT_WIDTH = {"a": JOINTS * 3, "b": JOINTS * 9, PART_JUDGE: JOINTS * 3}

PART_OF_CHANNEL: NDArray[np.int64] = np.empty(JOINTS * 3, dtype=np.int64)
for _part, _joints in enumerate(PART_JOINTS):
    for _joint in _joints:
        PART_OF_CHANNEL[3 * _joint : 3 * _joint + 3] = _part


def build_network(name: str, styles: int, contents: int) -> JudgeNetwork:
    """The untrained network of a judge: (B, 60, inputs) and part mask (B, 5) to style, content and embedding."""
    from strut_model.evaluation import judge_networks

    if name in ("a", PART_JUDGE):
        return judge_networks.PositionJudge(INPUT_WIDTH[name], styles, contents, EMBEDDING, PART_OF_CHANNEL)
    if name == "b":
        return judge_networks.RotationJudge(INPUT_WIDTH[name], styles, contents, EMBEDDING)
    raise JudgeError(f"judge: {name!r}, allowed: {', '.join(JUDGE_INPUTS)}")


@dataclass(frozen=True)
class Judgement:
    """What a judge says of N windows.

    Attributes:
        style: (N, S) log-probabilities.
        content: (N, C) log-probabilities.
        embedding: (N, 64).
    """

    style: Array
    content: Array
    embedding: Array


class Judges:
    """Both judges, loaded from a directory with ``judges.json`` and one weights file each.

    Args:
        directory: where they are; the project's own by default.

    Raises:
        JudgeError: a file is missing or was changed.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = Path(directory or DEFAULT_DIRECTORY)
        record = self.directory / "judges.json"
        if not record.is_file():
            raise JudgeError(f"{record}: not found; 'strut eval train-judges' makes it")
        self.record: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        self.styles: list[str] = self.record["styles"]
        self.contents: list[str] = self.record["contents"]
        self._networks: dict[str, JudgeNetwork] = {}

    def network(self, name: str) -> JudgeNetwork:
        """One judge's network, ready to judge.

        Raises:
            JudgeError: its weights are missing or not those whose hash was recorded.
        """
        if name not in self._networks:
            import torch

            if name not in self.record["judges"]:
                raise JudgeError(
                    f"judge: {name!r} is not in {self.directory}, allowed: {', '.join(self.record['judges'])}"
                )
            path = self.directory / f"judge_{name}.npz"
            expected = self.record["judges"][name]["sha256"]
            found = file_hash(path)
            if found != expected:
                raise JudgeError(f"{path}: sha256 is {found}, expected {expected}: the judges are frozen")
            network = build_network(name, len(self.styles), len(self.contents))
            with np.load(path) as arrays:
                state = {key: torch.from_numpy(np.asarray(arrays[key], dtype=np.float32)) for key in arrays.files}
            network.load_state_dict(state)
            self._networks[name] = network.eval()
        return self._networks[name]

    def judge(
        self, name: str, frames: WindowFrames, parts: tuple[int, ...] | None = None, batch: int = 512
    ) -> Judgement:
        """What one judge says.

        Args:
            name: "a", "b" or "parts".
            frames: windows (N, 60, ...).
            parts: only these body parts are shown; for the judge of parts.
            batch: windows at a time.
        """
        import torch

        if parts is not None and name != PART_JUDGE:
            raise JudgeError(f"parts: judge {name!r} sees the whole body only, use {PART_JUDGE!r}")
        network = self.network(name)
        inputs = JUDGE_INPUTS[name](frames)
        shown = np.zeros(PARTS, dtype=np.float32)
        shown[list(range(PARTS)) if parts is None else list(parts)] = 1
        outputs: list[tuple[Any, ...]] = []
        with torch.inference_mode():
            for i in range(0, len(inputs), batch):
                x = torch.from_numpy(np.ascontiguousarray(inputs[i : i + batch]))
                mask = torch.from_numpy(np.broadcast_to(shown, (len(x), PARTS)).copy())
                style, content, embedding = network(x, mask)
                outputs.append((style.log_softmax(-1).numpy(), content.log_softmax(-1).numpy(), embedding.numpy()))
        if not outputs:
            return Judgement(
                np.zeros((0, len(self.styles)), np.float32),
                np.zeros((0, len(self.contents)), np.float32),
                np.zeros((0, EMBEDDING), np.float32),
            )
        return Judgement(*(np.concatenate(column) for column in zip(*outputs)))


def file_hash(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    if not path.is_file():
        raise JudgeError(f"{path}: not found")
    return hashlib.sha256(path.read_bytes()).hexdigest()
