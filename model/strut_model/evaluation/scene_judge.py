"""The scene judge: names the scene of a window of a walk or run, among all presets and none.

It was trained on real clips (no scene) and operator-made ones of training segments and never saw a network's output. It
sees joints relative to the pelvis and their velocities over the ground, turned to the heading of the window's middle.
Speed counts: scenes change it. Place and height above the ground do not: how deep feet sink is no matter of opinion.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.evaluation.judges import DEFAULT_DIRECTORY, JudgeError, file_hash
from strut_model.evaluation.scene_classes import CODE_SIZE
from strut_model.evaluation.windows import JUDGED_FRAMES
from strut_model.motion import Motion
from strut_model.skeleton import FPS, JOINTS

if TYPE_CHECKING:
    from strut_model.evaluation.scene_network import SceneNetwork

Array = NDArray[np.float32]

RECORD, WEIGHTS = "scene_judge.json", "judge_scene.npz"
INPUTS = JOINTS * 6
"""Numbers of a frame that the judge sees."""


def scene_input(positions: NDArray[np.floating], heading: NDArray[np.floating]) -> Array:
    """What the judge sees of windows: (N, T, INPUTS).

    Args:
        positions: (N, T, 22, 3) metres, world.
        heading: (N, T) radians, of the root.
    """
    middle = heading[:, heading.shape[1] // 2, None, None]
    ground = rot.rotate_ground(-middle, positions[..., [0, 2]])
    joints = np.stack((ground[..., 0], positions[..., 1], ground[..., 1]), axis=-1)
    velocity = np.gradient(joints, axis=1) * FPS
    joined = np.concatenate((joints - joints[:, :, :1], velocity), axis=-1)
    return joined.reshape(*joined.shape[:2], INPUTS).astype(np.float32)


@dataclass(frozen=True)
class SceneJudgement:
    """What the judge says of N windows.

    Attributes:
        classes: no scene and the presets.
        apart: the presets that are told apart most easily, see `scene_classes.apart_presets`.
        scores: (N, classes) log-probabilities.
        embedding: (N, E).
    """

    classes: list[str]
    apart: list[str]
    scores: Array
    embedding: Array

    def named(self, among: list[str] | None = None) -> list[str]:
        """The class of each window, among all presets and none by default."""
        among = self.classes if among is None else among
        columns = [self.classes.index(name) for name in among]
        return [among[column] for column in self.scores[:, columns].argmax(axis=1)]


class SceneJudge:
    """The judge, loaded from a directory with its record and weights.

    Args:
        directory: where they are; the project's own judges' by default.

    Raises:
        JudgeError: a file is missing or was changed.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = Path(directory or DEFAULT_DIRECTORY)
        record = self.directory / RECORD
        if not record.is_file():
            raise JudgeError(f"{record}: not found; 'strut eval train-scene-judge' makes it")
        self.record: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        self.classes: list[str] = self.record["classes"]
        self.apart: list[str] = self.record["apart"]
        self._network: SceneNetwork | None = None

    @property
    def network(self) -> SceneNetwork:
        """Ready to judge.

        Raises:
            JudgeError: the weights are missing or not those whose hash was recorded.
        """
        if self._network is None:
            import torch

            from strut_model.evaluation.scene_network import SceneNetwork

            path = self.directory / WEIGHTS
            found, expected = file_hash(path), self.record["sha256"]
            if found != expected:
                raise JudgeError(f"{path}: sha256 is {found}, expected {expected}: the judge is frozen")
            network = SceneNetwork(INPUTS, len(self.classes), CODE_SIZE)
            with np.load(path) as arrays:
                state = {key: torch.from_numpy(np.asarray(arrays[key], dtype=np.float32)) for key in arrays.files}
            network.load_state_dict(state)
            self._network = network.eval()
        return self._network

    def judge(self, motion: Motion, batch: int = 512) -> SceneJudgement:
        """What the judge says of windows (N, `JUDGED_FRAMES`) of walks and runs."""
        frames = motion.root_heading.shape[-1]
        if frames != JUDGED_FRAMES:
            raise ValueError(f"motion: windows have {frames} frames; allowed: {JUDGED_FRAMES}")
        return self.judge_joints(motion.positions(), motion.root_heading, batch)

    def judge_joints(
        self, positions: NDArray[np.floating], heading: NDArray[np.floating], batch: int = 512
    ) -> SceneJudgement:
        """The same from joints (N, T, 22, 3) in metres and root headings (N, T)."""
        import torch

        scores, codes = [], []
        with torch.inference_mode():
            for first in range(0, len(heading), batch):
                rows = slice(first, first + batch)
                scene, _, code = self.network(torch.from_numpy(scene_input(positions[rows], heading[rows])))
                scores.append(scene.log_softmax(-1).numpy())
                codes.append(code.numpy())
        if not scores:
            return SceneJudgement(
                self.classes, self.apart, np.zeros((0, len(self.classes)), np.float32), np.zeros((0, 1), np.float32)
            )
        return SceneJudgement(self.classes, self.apart, np.concatenate(scores), np.concatenate(codes))
