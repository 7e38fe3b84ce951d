"""How good the style and content codes are, on clips that training did not see.

Retrieval of the right style and content by the nearest named code and by the nearest training clip; what a linear
probe reads from a style code that it should not hold (data set, content) and should (style); how well amplitude and
tempo are read; and a picture of clips with their nearest neighbours in style.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from strut_model.data.pack import Pack
from strut_model.data.split import HELD_OUT, UNSEEN_PAIR, Split
from strut_model.exports.preview import contact_sheet
from strut_model.exports.recording import Recording
from strut_model.nn.encoder import MotionEncoder
from strut_model.skeleton import PART_NAMES
from strut_model.training.dataset import FrameStore
from strut_model.training.encoder import compute_codes, encode_segments, encoder_features, load_encoder, readouts


@dataclass(frozen=True)
class CodeTable:
    """Codes of some segments with their labels, all as names.

    Attributes:
        style: (N, 5, 64) unit codes per part. content: (N, 64).
        styles, contents, datasets, clips: (N,) labels.
        starts, frames: (N,) where each segment lies in its clip.
    """

    style: Tensor
    content: Tensor
    styles: np.ndarray
    contents: np.ndarray
    datasets: np.ndarray
    clips: np.ndarray
    starts: np.ndarray
    frames: np.ndarray


def code_table(encoder: MotionEncoder, store: FrameStore, pack: Pack) -> CodeTable:
    """Codes of every unmirrored segment of a store that is long enough to encode."""
    style, content = encode_segments(encoder, store)
    keep = np.nonzero(~store.mirrored & (store.length.numpy() >= 32))[0]
    dataset = {clip.name: clip.dataset for clip in pack.clips}
    names = np.array(store.names)[keep]
    return CodeTable(
        style[keep],
        content[keep],
        np.array([store.style_names[i] for i in store.style[keep]]),
        np.array([store.content_names[i] for i in store.content[keep]]),
        np.array([dataset[name] for name in names]),
        names,
        store.offset[keep].numpy(),
        store.length[keep].numpy(),
    )


def macro(correct: np.ndarray, groups: np.ndarray) -> float:
    """Mean over groups of the mean within a group; (N,) each."""
    return float(np.mean([correct[groups == group].mean() for group in np.unique(groups)]))


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """Mean cosine over the parts (N, M) of part codes (N, 5, 64) and (M, 5, 64)."""
    return torch.einsum("npd,mpd->nm", a, b) / a.shape[1]


def probe(train: Tensor, labels: np.ndarray, test: Tensor, truth: np.ndarray, ridge: float = 1e-2) -> float:
    """Macro accuracy of a linear probe (ridge regression on one-hot labels, classes weighted evenly).

    Args:
        train: (N, D) codes, labels (N,) names.
        test: (M, D) codes, truth (M,) names.
        ridge: of the regression, as a share of the codes' mean square.
    """
    names = np.unique(labels)
    target = torch.from_numpy((labels[:, None] == names).astype(np.float64))
    weight = (target / target.sum(0)).sum(1, keepdim=True)
    x = torch.cat((train.double(), torch.ones(len(train), 1, dtype=torch.float64)), dim=1)
    gram = x.T @ (weight * x)
    gram += ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64)
    solution = torch.linalg.solve(gram, x.T @ (weight * target))
    scores = torch.cat((test.double(), torch.ones(len(test), 1, dtype=torch.float64)), dim=1) @ solution
    return macro(names[scores.argmax(1).numpy()] == truth, truth)


def report(pack: Path, split: Path, encoder: Path) -> tuple[dict[str, float], CodeTable, CodeTable]:
    """The figures by name, and the codes of held-out and training clips."""
    network = load_encoder(encoder)
    reader = Pack(pack)
    train_store = FrameStore(pack, split, mirror=False, synthetic=False)
    held_store = FrameStore(pack, split, (HELD_OUT,), mirror=False)
    codes = compute_codes(network, train_store)
    train, held = code_table(network, train_store, reader), code_table(network, held_store, reader)
    names, contents = np.array(codes.style_names), np.array(codes.content_names)
    figures: dict[str, float] = {}

    def retrieval(table: CodeTable, name: str) -> None:
        nearest = names[similarity(table.style, codes.style_prototypes).argmax(1).numpy()]
        figures[f"{name}_style_by_name"] = macro(nearest == table.styles, table.styles)

    retrieval(held, "held_out")
    for part, part_name in enumerate(PART_NAMES):
        nearest = names[(held.style[:, part] @ codes.style_prototypes[:, part].T).argmax(1).numpy()]
        figures[f"held_out_style_by_name_{part_name}"] = macro(nearest == held.styles, held.styles)
    cosine = similarity(held.style, train.style).numpy()
    other_content = held.contents[:, None] != train.contents
    nearest = train.styles[np.where(other_content, cosine, -2).argmax(1)]
    figures["held_out_style_by_clip_of_other_content"] = macro(nearest == held.styles, held.styles)
    nearest = contents[(held.content @ codes.content_prototypes.T).argmax(1).numpy()]
    figures["held_out_content_by_name"] = macro(nearest == held.contents, held.contents)
    if Split.read(split).segments(UNSEEN_PAIR):
        unseen = code_table(network, FrameStore(pack, split, (UNSEEN_PAIR,), mirror=False), reader)
        retrieval(unseen, "unseen_pair")

    flat = train.style.flatten(1), held.style.flatten(1)
    figures["probe_style_from_style_code"] = probe(flat[0], train.styles, flat[1], held.styles)
    figures["probe_content_from_style_code"] = probe(flat[0], train.contents, flat[1], held.contents)
    figures["chance_content"] = 1 / len(np.unique(train.contents))
    figures["probe_style_from_content_code"] = probe(train.content, train.styles, held.content, held.styles)
    figures["chance_style"] = 1 / len(np.unique(train.styles))
    if len(np.unique(train.datasets)) > 1 and len(np.unique(held.datasets)) > 1:
        figures["probe_dataset_from_style_code"] = probe(flat[0], train.datasets, flat[1], held.datasets)
        figures["chance_dataset"] = 1 / len(np.unique(train.datasets))
    long = torch.nonzero(held_store.length >= 60)[:, 0]
    features = encoder_features(held_store.gather(held_store.start[long], 60))
    read, truth = network(features)[3], readouts(features)
    for index, name in enumerate(("amplitude", "tempo")):
        figures[f"correlation_{name}"] = float(np.corrcoef(read[:, index].numpy(), truth[:, index].numpy())[0, 1])
    return figures, held, train


def neighbours_picture(pack: Path, held: CodeTable, train: CodeTable, queries: int = 6, poses: int = 7) -> Image.Image:
    """Held-out clips, each followed by the training clip of another content that is nearest in style."""
    reader = Pack(pack)
    cosine = similarity(held.style, train.style).numpy()
    cosine = np.where(held.contents[:, None] != train.contents, cosine, -2)
    styles = np.unique(held.styles)
    chosen = styles[np.linspace(0, len(styles) - 1, min(queries, len(styles))).round().astype(int)]
    rows: list[tuple[str, Recording]] = []
    for style in chosen:
        query = int(np.nonzero(held.styles == style)[0][0])
        best = int(cosine[query].argmax())
        for table, index, label in ((held, query, "held-out"), (train, best, f"nearest, {cosine[query, best]:.2f}")):
            start = int(table.starts[index])
            motion = reader.clip(str(table.clips[index])).motion()
            motion = motion.slice_frames(start, start + min(int(table.frames[index]), 60))
            name = f"{table.styles[index]}, {table.contents[index]} ({label})"
            rows.append((name, Recording(motion, ((0, str(table.styles[index])),))))
    return Image.fromarray(contact_sheet(rows, poses=poses))


def write_report(pack: Path, split: Path, encoder: Path, out: Path) -> dict[str, float]:
    """Writes ``encoder.json``, ``encoder.md`` and ``neighbours.png`` into ``out``; returns the figures."""
    figures, held, train = report(pack, split, encoder)
    out.mkdir(parents=True, exist_ok=True)
    (out / "encoder.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    lines = ["| figure | value |", "|---|---|", *(f"| {k.replace('_', ' ')} | {v:.3f} |" for k, v in figures.items())]
    (out / "encoder.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    neighbours_picture(pack, held, train).save(out / "neighbours.png", optimize=True)
    return figures
