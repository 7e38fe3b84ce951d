"""How the scene judge was made: training on real and operator-made clips, and its ceiling on held-out ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from tqdm import tqdm

from strut_model.data.pack import Pack
from strut_model.data.split import HELD_OUT, TRAIN, Split
from strut_model.evaluation.judges import file_hash
from strut_model.evaluation.scene_classes import (
    CODE_SIZE,
    LEAST_DISTANCE,
    NONE,
    apart_presets,
    effects_code,
    scene_classes,
    twins,
)
from strut_model.evaluation.scene_clips import SceneCorpus, make_clips, plan_clips
from strut_model.evaluation.scene_judge import INPUTS, RECORD, WEIGHTS, SceneJudge, scene_input
from strut_model.evaluation.scene_network import SceneNetwork
from strut_model.evaluation.scene_style_judge import train_scene_style_judge
from strut_model.evaluation.train_judges import save_judge
from strut_model.evaluation.windows import JUDGED_FRAMES
from strut_model.scene.effects import effects_of
from strut_model.scene.presets import presets

Array = NDArray[np.float32]


@dataclass(frozen=True)
class SceneJudgeRecipe:
    """How the judge is trained.

    Args:
        seed: of the clips, the weights, the sampling and the augmentation.
        per_style: training clips of each class and style.
        longest: frames of a training clip.
        alphas: how strongly scenes show in training clips.
        steps, style_steps: optimiser steps of the judge of scenes, and of that of styles in scenes.
        batch: windows a step.
        learning_rate: peak; it warms up over 5 % of the steps and falls to zero by a cosine.
        weight_decay: AdamW's.
        effects_weight: of reading off the effects' amounts, beside naming the scene.
        fast, slow: metres of noise from frame to frame and over a third of a second: no judge is to live on the
            operators' precision, or on what a network's output lacks.
        averaging: decay of the averaged weights, which are the ones kept.
        test_per_style: held-out clips of each class and style.
        test_seed: of their drawing.
    """

    seed: int = 100
    per_style: int = 5
    longest: int = 110
    alphas: tuple[float, float] = (0.7, 1.3)
    steps: int = 1000
    style_steps: int = 800
    batch: int = 160
    learning_rate: float = 2e-3
    weight_decay: float = 0.03
    effects_weight: float = 1.0
    fast: float = 0.003
    slow: float = 0.008
    averaging: float = 0.995
    test_per_style: int = 3
    test_seed: int = 7000


class SceneWindows:
    """Training windows: classes evenly, clips of a class evenly, anywhere in the clip, noisy, some smoothed.

    Args:
        corpus: clips.
        recipe: noise, batch and seed.
    """

    def __init__(self, corpus: SceneCorpus, recipe: SceneJudgeRecipe) -> None:
        self.corpus = corpus
        self.recipe = recipe
        self.random = np.random.default_rng(recipe.seed)
        long = np.flatnonzero(corpus.lengths >= JUDGED_FRAMES)
        members = [long[corpus.labels[long] == label] for label in range(len(scene_classes()))]
        self.members = [rows for rows in members if len(rows)]
        codes = [
            np.zeros(CODE_SIZE)
            if plan.scene == NONE
            else effects_code(effects_of(presets()[plan.scene].descriptor).scaled(plan.alpha))
            for plan in corpus.plans
        ]
        self.codes = (np.stack(codes) / 4).astype(np.float32)

    def draw(self, none_share: float | None = None) -> tuple[Array, Array, NDArray[np.int64]]:
        """Joints (B, 60, 22, 3) and headings (B, 60) of windows, and the clips (B,) that they are of.

        Args:
            none_share: share of windows without a scene; as that of any class where None.
        """
        rng, count = self.random, self.recipe.batch
        classes = rng.integers(len(self.members), size=count)
        if none_share is not None:
            classes[rng.random(count) < none_share] = 0
        rows = np.array([rng.choice(self.members[label]) for label in classes])
        room = self.corpus.lengths[rows] - JUDGED_FRAMES + 1
        positions, heading = self.corpus.windows(rows, (rng.random(count) * room).astype(np.int64), JUDGED_FRAMES)
        shape = positions.shape
        positions = positions + rng.standard_normal(shape, dtype=np.float32) * np.float32(self.recipe.fast)
        knots = rng.standard_normal((count, 6, *shape[2:]), dtype=np.float32) * np.float32(self.recipe.slow)
        slow = np.repeat(knots, JUDGED_FRAMES // 6, axis=1)
        positions += (slow + np.roll(slow, 5, axis=1)) / 2
        half = count // 2
        positions[:half] = gaussian_filter1d(positions[:half], 1.0, axis=1, mode="nearest")
        return positions, heading, rows


def train_network(corpus: SceneCorpus, recipe: SceneJudgeRecipe, progress: bool = True) -> SceneNetwork:
    """Trains the judge and returns its averaged weights as a network."""
    torch.manual_seed(recipe.seed)
    network = SceneNetwork(INPUTS, len(scene_classes()), CODE_SIZE)
    windows = SceneWindows(corpus, recipe)
    naming, reading = torch.nn.CrossEntropyLoss(label_smoothing=0.05), torch.nn.SmoothL1Loss()

    def batch() -> tuple[Array, NDArray[np.int64]]:
        positions, heading, rows = windows.draw()
        return scene_input(positions, heading), rows

    def loss_of(said: tuple[Tensor, Tensor, Tensor], rows: NDArray[np.int64]) -> Tensor:
        scores, amounts, _ = said
        named: Tensor = naming(scores, torch.from_numpy(corpus.labels[rows]))
        read: Tensor = reading(amounts, torch.from_numpy(windows.codes[rows]))
        return named + recipe.effects_weight * read

    return fit(network, batch, loss_of, recipe, "scene judge", progress)


def fit(
    network: SceneNetwork,
    batch: Callable[[], tuple[Array, NDArray[np.int64]]],
    loss_of: Callable[[tuple[Tensor, Tensor, Tensor], NDArray[np.int64]], Tensor],
    recipe: SceneJudgeRecipe,
    title: str,
    progress: bool,
) -> SceneNetwork:
    """Trains a network and returns its averaged weights as another.

    Args:
        network: untrained.
        batch: gives inputs (B, 60, INPUTS) and the clips (B,) that they are of.
        loss_of: loss of what the network says of clips.
        recipe: steps and rates.
        title: of the progress bar.
        progress: show it.
    """
    network.standardise.fit(torch.from_numpy(np.concatenate([batch()[0] for _ in range(8)])))
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.averaging)
    )
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.steps, pct_start=0.05
    )
    bar = tqdm(range(recipe.steps), desc=f"{title} (seed {recipe.seed})", disable=not progress)
    for _ in bar:
        inputs, rows = batch()
        loss = loss_of(network(torch.from_numpy(inputs)), rows)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        averaged.update_parameters(network)
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    module = averaged.module.eval()
    assert isinstance(module, SceneNetwork)
    return module


def made_corpus(
    pack: Pack,
    split: Split,
    label: str,
    per_style: int,
    alphas: tuple[float, float],
    seed: int,
    longest: int,
    progress: bool = True,
    mirror: bool = True,
) -> SceneCorpus:
    """Real and operator-made clips of one set of a split; see `scene_clips.plan_clips`."""
    plans = plan_clips(pack, split.segments(label), per_style, alphas, seed, longest, mirror)
    with tqdm(total=len(plans), desc=f"{label} clips", unit="clip", disable=not progress) as bar:
        return SceneCorpus.of(make_clips(pack, plans, bar.update))


def ceiling(judge: SceneJudge, corpus: SceneCorpus) -> dict[str, Any]:
    """How well the judge names operator-made clips that it never saw, macro over classes.

    Returns:
        ``all``: share of windows of presets that are named; ``none``: of real windows; ``apart``: of presets that are
        apart, named among these and none; ``by_preset``; ``confusions``: what else each class is named, by share.
    """
    stride = JUDGED_FRAMES // 2
    places = [
        (row, start)
        for row, length in enumerate(corpus.lengths)
        for start in range(0, int(length) - JUDGED_FRAMES + 1, stride)
    ]
    rows, starts = (np.array(column, np.int64) for column in zip(*places))
    said = judge.judge_joints(*corpus.windows(rows, starts, JUDGED_FRAMES))
    asked = np.array(judge.classes)[corpus.labels[rows]]
    among_all, among_apart = np.array(said.named()), np.array(said.named([NONE, *judge.apart]))
    shares, confusions, apart = {}, {}, {}
    for name in judge.classes:
        mine = among_all[asked == name]
        if not len(mine):
            continue
        shares[name] = float((mine == name).mean())
        others, counts = np.unique(mine[mine != name], return_counts=True)
        order = np.argsort(-counts)[:3]
        confusions[name] = {str(others[i]): round(float(counts[i] / len(mine)), 3) for i in order}
        if name in judge.apart:
            apart[name] = float((among_apart[asked == name] == name).mean())
    return {
        "windows": len(rows),
        "apart": float(np.mean(list(apart.values()))),
        "all": float(np.mean([share for name, share in shares.items() if name != NONE])),
        "none": shares.get(NONE, float("nan")),
        "by_preset": {name: round(share, 3) for name, share in shares.items()},
        "confusions": confusions,
    }


def train_scene_judge(
    pack: Pack, split: Split, directory: Path, recipe: SceneJudgeRecipe | None = None, progress: bool = True
) -> dict[str, Any]:
    """Trains both judges of scenes and writes weights and records: labels, recipe, hash, ceiling on held-out clips.

    Args:
        pack: real clips.
        split: which of them train.
        directory: where to write.
        recipe: how; the project's own by default.
        progress: show bars.

    Returns:
        The record of the one that names scenes.
    """
    recipe = recipe or SceneJudgeRecipe()
    made = made_corpus(pack, split, TRAIN, recipe.per_style, recipe.alphas, recipe.seed, recipe.longest, progress)
    save_judge(train_network(made, recipe, progress), directory / WEIGHTS)
    # At alpha 1, as motion is judged, from clips as they were captured.
    held = made_corpus(
        pack, split, HELD_OUT, recipe.test_per_style, (1.0, 1.0), recipe.test_seed, 180, progress, mirror=False
    )
    record = record_scene_judge(directory, held, recipe)
    train_scene_style_judge(made, held, directory, replace(recipe, steps=recipe.style_steps), progress)
    return record


def record_scene_judge(directory: Path, held: SceneCorpus, recipe: SceneJudgeRecipe) -> dict[str, Any]:
    """Tests the judge in a directory on held-out clips and writes its record."""
    record: dict[str, Any] = {
        "classes": scene_classes(),
        "apart": apart_presets(),
        "least_distance": LEAST_DISTANCE,
        "twins": [{"pair": [a, b], "distance": round(d, 2)} for a, b, d in twins()],
        "frames": JUDGED_FRAMES,
        "sha256": file_hash(directory / WEIGHTS),
        "recipe": asdict(recipe),
    }
    path = directory / RECORD
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    record["held_out"] = ceiling(SceneJudge(directory), held)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return record
