"""The judge of style and content in scenes: what is left of them where scenes change posture and gait.

The judges of style and content (`judges`) know no scenes: of a real walk that the operators bend below a ceiling they
recognise neither. So whether a student keeps a style in a scene is judged, beside theirs, by one that learned style and
content from real and operator-made clips of training segments, in all presets; like theirs, its input has no speed over
ground, and it never saw a network's output.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.evaluation.judges import DEFAULT_DIRECTORY, JudgeError, file_hash
from strut_model.evaluation.scene_classes import NONE
from strut_model.evaluation.scene_judge import INPUTS
from strut_model.evaluation.windows import JUDGED_FRAMES, mirrored_content
from strut_model.motion import Motion
from strut_model.skeleton import FPS

if TYPE_CHECKING:
    from strut_model.evaluation.scene_clips import ClipPlan, SceneCorpus
    from strut_model.evaluation.scene_judge_training import SceneJudgeRecipe
    from strut_model.evaluation.scene_network import SceneNetwork

Array = NDArray[np.float32]

RECORD, WEIGHTS = "scene_style_judge.json", "judge_scene_style.npz"
NONE_SHARE = 0.2
"""Share of training windows that are in no scene."""


def pose_input(positions: NDArray[np.floating], heading: NDArray[np.floating]) -> Array:
    """What the judge sees of windows: (N, T, INPUTS), joints and their velocities relative to the pelvis.

    Args:
        positions: (N, T, 22, 3) metres, world.
        heading: (N, T) radians, of the root.
    """
    middle = heading[:, heading.shape[1] // 2, None, None]
    joints = positions - positions[:, :, :1]
    ground = rot.rotate_ground(-middle, joints[..., [0, 2]])
    joints = np.stack((ground[..., 0], joints[..., 1], ground[..., 1]), axis=-1)
    joined = np.concatenate((joints, np.gradient(joints, axis=1) * FPS), axis=-1)
    return joined.reshape(*joined.shape[:2], INPUTS).astype(np.float32)


class SceneStyleJudge:
    """The judge, loaded from a directory with its record and weights.

    Args:
        directory: where they are; the project's own judges' by default.

    Raises:
        JudgeError: a file is missing or was changed.
    """

    def __init__(self, directory: Path | None = None) -> None:
        import torch

        from strut_model.evaluation.scene_network import SceneNetwork

        folder = Path(directory or DEFAULT_DIRECTORY)
        if not (folder / RECORD).is_file():
            raise JudgeError(f"{folder / RECORD}: not found; 'strut eval train-scene-judge' makes it")
        self.record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        self.styles: list[str] = self.record["styles"]
        self.contents: list[str] = self.record["contents"]
        path = folder / WEIGHTS
        found, expected = file_hash(path), self.record["sha256"]
        if found != expected:
            raise JudgeError(f"{path}: sha256 is {found}, expected {expected}: the judge is frozen")
        network = SceneNetwork(INPUTS, len(self.styles), len(self.contents))
        with np.load(path) as arrays:
            state = {key: torch.from_numpy(np.asarray(arrays[key], dtype=np.float32)) for key in arrays.files}
        network.load_state_dict(state)
        self.network: SceneNetwork = network.eval()

    def judge(self, motion: Motion) -> tuple[list[str], list[str]]:
        """Style and content of each window (N, 60) of walks and runs."""
        return self.judge_joints(motion.positions(), motion.root_heading)

    def judge_joints(
        self, positions: NDArray[np.floating], heading: NDArray[np.floating], batch: int = 512
    ) -> tuple[list[str], list[str]]:
        """The same from joints (N, T, 22, 3) in metres and root headings (N, T)."""
        import torch

        styles: list[str] = []
        contents: list[str] = []
        with torch.inference_mode():
            for first in range(0, len(heading), batch):
                rows = slice(first, first + batch)
                style, content, _ = self.network(torch.from_numpy(pose_input(positions[rows], heading[rows])))
                styles += [self.styles[i] for i in style.argmax(-1).tolist()]
                contents += [self.contents[i] for i in content.argmax(-1).tolist()]
        return styles, contents


def content_of(plan: ClipPlan) -> str:
    """The content that a made clip shows: mirrored ones turn the other way."""
    return mirrored_content(plan.content) if plan.mirrored else plan.content


def train_scene_style_judge(
    made: SceneCorpus, held: SceneCorpus, directory: Path, recipe: SceneJudgeRecipe, progress: bool = True
) -> dict[str, Any]:
    """Trains the judge and writes weights and record: labels, recipe, hash, ceiling on held-out clips.

    Args:
        made: real and operator-made clips of training segments.
        held: those of held-out segments, at alpha 1.
        directory: where to write.
        recipe: how.
        progress: show a bar.
    """
    import torch
    from torch import Tensor

    from strut_model.evaluation.scene_judge_training import SceneWindows, fit
    from strut_model.evaluation.scene_network import SceneNetwork
    from strut_model.evaluation.train_judges import save_judge

    styles = sorted({plan.style for plan in made.plans})
    contents = sorted({content_of(plan) for plan in made.plans})
    style = np.array([styles.index(plan.style) for plan in made.plans])
    content = np.array([contents.index(content_of(plan)) for plan in made.plans])
    torch.manual_seed(recipe.seed + 1)
    windows = SceneWindows(made, recipe)
    naming = torch.nn.CrossEntropyLoss(label_smoothing=0.05)

    def batch() -> tuple[Array, NDArray[np.int64]]:
        positions, heading, rows = windows.draw(NONE_SHARE)
        return pose_input(positions, heading), rows

    def loss_of(said: tuple[Tensor, Tensor, Tensor], rows: NDArray[np.int64]) -> Tensor:
        named: Tensor = naming(said[0], torch.from_numpy(style[rows]))
        done: Tensor = naming(said[1], torch.from_numpy(content[rows]))
        return named + done

    network = SceneNetwork(INPUTS, len(styles), len(contents))
    save_judge(fit(network, batch, loss_of, recipe, "style in scenes", progress), directory / WEIGHTS)
    record: dict[str, Any] = {
        "styles": styles,
        "contents": contents,
        "sha256": file_hash(directory / WEIGHTS),
        "recipe": asdict(recipe),
    }
    _write(directory, record)
    record["held_out"] = style_ceiling(SceneStyleJudge(directory), held)
    _write(directory, record)
    return record


def _write(directory: Path, record: dict[str, Any]) -> None:
    (directory / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def style_ceiling(judge: SceneStyleJudge, held: SceneCorpus) -> dict[str, float]:
    """Shares of held-out windows whose style and content are recognised, macro over styles: real, and in scenes."""
    stride = JUDGED_FRAMES // 2
    places = [
        (row, start)
        for row, length in enumerate(held.lengths)
        for start in range(0, int(length) - JUDGED_FRAMES + 1, stride)
    ]
    rows, starts = (np.array(column, np.int64) for column in zip(*places))
    styles, contents = judge.judge_joints(*held.windows(rows, starts, JUDGED_FRAMES))
    hits: dict[str, dict[str, list[bool]]] = {}
    for row, style, content in zip(rows.tolist(), styles, contents, strict=True):
        plan = held.plans[row]
        where = "real" if plan.scene == NONE else "scenes"
        hits.setdefault(f"style {where}", {}).setdefault(plan.style, []).append(style == plan.style)
        hits.setdefault(f"content {where}", {}).setdefault(plan.style, []).append(content == content_of(plan))
    return {name: float(np.mean([np.mean(own) for own in table.values()])) for name, table in sorted(hits.items())}
