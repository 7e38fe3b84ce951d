"""How the judges were made: training on the split's training clips, and their accuracy on held-out clips."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from strut_model.data.pack import Pack
from strut_model.data.split import HELD_OUT, TRAIN, UNSEEN_PAIR, Segment, Split
from strut_model.evaluation import windows
from strut_model.evaluation.judges import (
    EMBEDDING,
    JUDGE_INPUTS,
    PART_JUDGE,
    Judges,
    WindowFrames,
    build_network,
    file_hash,
    window_frames,
)
from strut_model.evaluation.windows import JUDGED_FRAMES
from strut_model.skeleton import MIRROR, PARTS

Array = NDArray[np.float32]


@dataclass(frozen=True)
class JudgeRecipe:
    """Training of one judge.

    Args:
        seed: of the weights, the sampling and the augmentation.
        steps: optimiser steps.
        batch: windows a step.
        learning_rate: peak; it warms up over 5 % of the steps and falls to zero by a cosine.
        weight_decay: AdamW's.
        hidden_parts: share of the windows in which only some body parts are shown.
        warp: largest factor by which time is stretched or squeezed.
        averaging: decay of the averaged weights, which are the ones kept.
    """

    seed: int
    steps: int = 850
    batch: int = 160
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    hidden_parts: float = 0.0
    warp: float = 1.18
    averaging: float = 0.995


RECIPES: dict[str, JudgeRecipe] = {
    "a": JudgeRecipe(seed=11, steps=900, learning_rate=3e-3),
    "b": JudgeRecipe(seed=29, learning_rate=1.2e-3),
    PART_JUDGE: JudgeRecipe(seed=47, learning_rate=3e-3, hidden_parts=1.0),
}


@dataclass(frozen=True)
class LabelledSegment:
    """A segment of the packed frames with its labels.

    Attributes:
        offset: its first frame in ``Corpus.frames``.
        length: frames.
        style: index of its style; -1 where the style is not one of the recognised ones (idle).
        content: index of its content.
        mirrored: index of the content of its mirror image; -1 where that is not one of the contents.
        event: frames of the gesture, counted from the segment's first; the whole segment otherwise.
        clip: the clip's name.
        dataset: the clip's data set.
    """

    offset: int
    length: int
    style: int
    content: int
    mirrored: int
    event: tuple[int, int]
    clip: str
    dataset: str


@dataclass(frozen=True)
class Corpus:
    """Frames and labels of one set of a split."""

    frames: WindowFrames
    segments: list[LabelledSegment]
    styles: list[str]
    contents: list[str]


def vocabulary(pack: Pack) -> tuple[list[str], list[str]]:
    """The styles and contents that are recognised, sorted; the style of idle clips is none of theirs."""
    styles = sorted({c.style for c in pack.clips if c.content != windows.IDLE})
    return styles, sorted({c.content for c in pack.clips})


def build_corpus(pack: Pack, segments: Sequence[Segment], progress: str = "") -> Corpus:
    """Everything the judges are trained or tested on, in memory (about a gigabyte an hour of motion)."""
    styles, contents = vocabulary(pack)
    parts: list[WindowFrames] = []
    labelled: list[LabelledSegment] = []
    offset = 0
    for segment in tqdm(segments, desc=progress, disable=not progress, leave=False):
        clip = pack.clip(segment.clip)
        frames = window_frames(clip.motion())
        whole = (0, segment.frames)
        if windows.content_kind(clip.content) == "gesture":
            first, last = windows.gesture_event(frames.local)
            event = (max(first - segment.start, 0), min(last, segment.end) - segment.start)
        else:
            event = whole
        mirrored = windows.mirrored_content(clip.content)
        labelled.append(
            LabelledSegment(
                offset=offset,
                length=segment.frames,
                style=-1 if clip.content == windows.IDLE else styles.index(clip.style),
                content=contents.index(clip.content),
                mirrored=contents.index(mirrored) if mirrored in contents else -1,
                event=event,
                clip=clip.name,
                dataset=clip.dataset,
            )
        )
        span = slice(segment.start, segment.end)
        parts.append(WindowFrames(frames.local[span], frames.six_d[span], frames.heading[span]))
        offset += segment.frames
    joined = WindowFrames(
        np.concatenate([p.local for p in parts]),
        np.concatenate([p.six_d for p in parts]),
        np.concatenate([p.heading for p in parts]),
    )
    return Corpus(joined, labelled, styles, contents)


def gather(frames: WindowFrames, start: NDArray[np.floating], rate: NDArray[np.floating]) -> WindowFrames:
    """Windows (N, 60, ...) read at a rate: one is real time, 1.1 is ten per cent faster.

    Args:
        frames: the corpus' frames.
        start: (N,) first frame, may lie between two.
        rate: (N,) frames read per frame of the window.
    """
    place = start[:, None] + np.arange(JUDGED_FRAMES) * rate[:, None]
    low = np.floor(place).astype(np.int64)
    share = (place - low).astype(np.float32)
    high = np.minimum(low + 1, len(frames.heading) - 1)
    turn = np.angle(np.exp(1j * (frames.heading[high] - frames.heading[low]))).astype(np.float32)

    def mixed(values: Array) -> Array:
        weight = share[..., None, None]
        return (1 - weight) * values[low] + weight * values[high]

    return WindowFrames(mixed(frames.local), mixed(frames.six_d), frames.heading[low] + share * turn)


def mirrored_frames(frames: WindowFrames) -> WindowFrames:
    """The windows' mirror image."""
    flip = np.array([-1, 1, 1], dtype=np.float32)
    # Reflecting R at x = 0 gives F R F: of the two columns kept, the first changes sign as a whole.
    six = frames.six_d[..., MIRROR, :] * np.concatenate((-flip, flip))
    return WindowFrames(frames.local[..., MIRROR, :] * flip, six, -frames.heading)


class WindowSampler:
    """Class-balanced, augmented training windows.

    Styles are drawn evenly (idle, which has none, as one more), then contents within a style by the root of how many
    frames they have, then a place within the content.
    """

    def __init__(self, corpus: Corpus, recipe: JudgeRecipe) -> None:
        self.corpus = corpus
        self.recipe = recipe
        self.random = np.random.default_rng(recipe.seed)
        self.segments = [s for s in corpus.segments if s.length >= JUDGED_FRAMES]
        cells: dict[tuple[int, int], list[int]] = {}
        for i, segment in enumerate(self.segments):
            cells.setdefault((segment.style, segment.content), []).append(i)
        weights = np.zeros(len(self.segments))
        styles = {style for style, _ in cells}
        for style in styles:
            mine = {key: rows for key, rows in cells.items() if key[0] == style}
            roots = {key: np.sqrt(sum(self.segments[i].length for i in rows)) for key, rows in mine.items()}
            for key, rows in mine.items():
                lengths = np.array([self.segments[i].length for i in rows], dtype=float)
                weights[rows] = roots[key] / sum(roots.values()) * lengths / lengths.sum()
        self.weights = weights / weights.sum()

    def batch(self) -> tuple[WindowFrames, NDArray[np.int64], NDArray[np.int64]]:
        """Windows, style labels and content labels; -1 where a label does not apply."""
        recipe, rng = self.recipe, self.random
        chosen = rng.choice(len(self.segments), size=recipe.batch, p=self.weights)
        rate = np.exp(rng.uniform(-np.log(recipe.warp), np.log(recipe.warp), recipe.batch))
        length = np.array([self.segments[i].length for i in chosen])
        rate = np.minimum(rate, (length - 1) / (JUDGED_FRAMES - 1))
        span = rate * (JUDGED_FRAMES - 1)
        begin = rng.uniform(0, 1, recipe.batch) * (length - 1 - span)
        frames = gather(self.corpus.frames, np.array([self.segments[i].offset for i in chosen]) + begin, rate)
        flip = rng.uniform(size=recipe.batch) < 0.5
        rows = np.flatnonzero(flip)
        reflected = mirrored_frames(WindowFrames(frames.local[rows], frames.six_d[rows], frames.heading[rows]))
        frames.local[rows], frames.six_d[rows], frames.heading[rows] = (
            reflected.local,
            reflected.six_d,
            reflected.heading,
        )
        style = np.empty(recipe.batch, dtype=np.int64)
        content = np.empty(recipe.batch, dtype=np.int64)
        for row, i in enumerate(chosen):
            segment = self.segments[i]
            style[row] = segment.style
            content[row] = segment.mirrored if flip[row] else segment.content
            if not windows.inside_event(int(begin[row]), segment.event, round(float(span[row])) + 1):
                content[row] = -1
        return self._noisy(frames), style, content

    def _noisy(self, frames: WindowFrames) -> WindowFrames:
        """Small slow and fast errors, so that no judge lives on the recording's own noise."""
        rng = self.random

        def noise(shape: tuple[int, ...], scale: float) -> Array:
            fast = rng.standard_normal(shape, dtype=np.float32) * np.float32(scale * 0.4)
            knots = rng.standard_normal((shape[0], 6, *shape[2:]), dtype=np.float32) * np.float32(scale)
            slow = np.repeat(knots, JUDGED_FRAMES // 6, axis=1)
            return np.asarray(fast + (slow + np.roll(slow, 5, axis=1)) / 2, dtype=np.float32)

        local = frames.local + noise(frames.local.shape, 0.008)
        local[..., 0, :] = 0
        return WindowFrames(local, frames.six_d + noise(frames.six_d.shape, 0.02), frames.heading)

    def shown_parts(self) -> NDArray[np.float32]:
        """(batch, 5) masks: mostly the whole body, else one limb pair or the torso, or one arm."""
        rng = self.random
        shown = np.ones((self.recipe.batch, PARTS), dtype=np.float32)
        groups = ((0,), (1, 2), (3, 4), (0, 1, 2), (0, 3, 4), (3,), (4,))
        for row in np.flatnonzero(rng.uniform(size=self.recipe.batch) < self.recipe.hidden_parts):
            shown[row] = 0
            shown[row, list(groups[rng.integers(len(groups))])] = 1
        return shown


def train_judge(name: str, corpus: Corpus, recipe: JudgeRecipe | None = None, progress: bool = True) -> torch.nn.Module:
    """Trains one judge and returns its averaged weights as a network."""
    recipe = recipe or RECIPES[name]
    torch.manual_seed(recipe.seed)
    network = build_network(name, len(corpus.styles), len(corpus.contents))
    sampler = WindowSampler(corpus, recipe)
    network.standardise.fit(
        torch.from_numpy(np.concatenate([JUDGE_INPUTS[name](sampler.batch()[0]) for _ in range(10)]))
    )
    averaged = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.averaging)
    )
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.steps, pct_start=0.05
    )
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=-1, label_smoothing=0.05)
    bar = tqdm(range(recipe.steps), desc=f"judge {name} (seed {recipe.seed})", disable=not progress)
    for _ in bar:
        frames, style, content = sampler.batch()
        shown = sampler.shown_parts()
        inputs = torch.from_numpy(np.ascontiguousarray(JUDGE_INPUTS[name](frames)))
        style_logits, content_logits, _ = network(inputs, torch.from_numpy(shown))
        loss = loss_of(style_logits, torch.from_numpy(style)) + loss_of(content_logits, torch.from_numpy(content))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        averaged.update_parameters(network)
        bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return averaged.module.eval()


def save_judge(network: torch.nn.Module, path: Path) -> None:
    """Writes the weights as half-precision arrays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        key: value.numpy().astype(np.float16 if value.dtype.is_floating_point else np.int64)
        for key, value in network.state_dict().items()
    }
    np.savez_compressed(path, **arrays)


def _test_windows(corpus: Corpus) -> Iterator[tuple[LabelledSegment, int]]:
    for segment in corpus.segments:
        for start in windows.window_starts(0, segment.length, stride=JUDGED_FRAMES // 2):
            yield segment, start


def accuracy(judges: Judges, name: str, corpus: Corpus, parts: tuple[int, ...] | None = None) -> dict[str, float]:
    """Share of windows recognised, averaged over styles (content: over contents), the data sets apart.

    Keys: ``style``, ``content`` over everything and, for each data set, ``style DATASET`` and ``content DATASET``.
    """
    places = list(_test_windows(corpus))
    start = np.array([segment.offset + s for segment, s in places], dtype=float)
    judged = judges.judge(name, gather(corpus.frames, start, np.ones_like(start)), parts)
    style = judged.style.argmax(-1)
    content = judged.content.argmax(-1)
    hits: dict[str, dict[int, list[bool]]] = {}
    for row, (segment, begin) in enumerate(places):
        for scope in ("", f" {segment.dataset}"):
            if segment.style >= 0:
                hits.setdefault("style" + scope, {}).setdefault(segment.style, []).append(style[row] == segment.style)
            if windows.inside_event(begin, segment.event):
                hits.setdefault("content" + scope, {}).setdefault(segment.content, []).append(
                    content[row] == segment.content
                )
    return {key: float(np.mean([np.mean(rows) for rows in table.values()])) for key, table in sorted(hits.items())}


LIMBS: dict[str, tuple[int, ...]] = {"torso": (0,), "legs": (1, 2), "arms": (3, 4)}
"""Parts that the judge of parts is tested on."""


def train_judges(
    pack: Pack, split: Split, directory: Path, names: Sequence[str] = tuple(RECIPES), progress: bool = True
) -> dict[str, Any]:
    """Trains judges and writes their weights and ``judges.json``: labels, recipes, hashes, accuracy on held-out clips.

    Args:
        pack: the clips.
        split: which of them train.
        directory: where to write; judges that are there and not among ``names`` stay.
        names: which to train.
        progress: show a bar.

    Returns:
        The record.
    """
    split = split.without(pack.left_out)  # a split may name synthetic clips, which are not judged by
    corpus = build_corpus(pack, split.segments(TRAIN), "training clips" if progress else "")
    for name in names:
        save_judge(train_judge(name, corpus, RECIPES[name], progress), directory / f"judge_{name}.npz")
    labels = corpus.styles, corpus.contents
    del corpus
    return record_judges(pack, split, directory, *labels)


def record_judges(pack: Pack, split: Split, directory: Path, styles: list[str], contents: list[str]) -> dict[str, Any]:
    """Tests the judges in a directory on held-out clips and unseen pairs and writes ``judges.json``."""
    rows: dict[str, dict[str, Any]] = {}
    record = {"styles": styles, "contents": contents, "frames": JUDGED_FRAMES, "embedding": EMBEDDING, "judges": rows}
    for name, recipe in RECIPES.items():
        path = directory / f"judge_{name}.npz"
        if path.is_file():
            rows[name] = {"file": path.name, "sha256": file_hash(path), "recipe": vars(recipe)}
    target = directory / "judges.json"
    target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    judges = Judges(directory)
    for label in (HELD_OUT, UNSEEN_PAIR):
        corpus = build_corpus(pack, split.segments(label))
        for name in rows:
            if name != PART_JUDGE:
                rows[name][label] = accuracy(judges, name, corpus)
            elif label == HELD_OUT:
                rows[name][label] = {limb: accuracy(judges, name, corpus, parts) for limb, parts in LIMBS.items()}
    target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record
