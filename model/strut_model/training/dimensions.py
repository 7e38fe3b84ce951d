"""Directions of style dimensions, by regression of the codes of training clips on what was measured of the clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from strut_model.bundle import Bundle
from strut_model.data.pack import Pack
from strut_model.data.split import TRAIN, Split
from strut_model.evaluation.windows import IDLE
from strut_model.features import ENCODER_FRAMES, encode_for_encoder
from strut_model.references import StyleEncoder, clip_of_motion
from strut_model.styles.dimensions import Dimensions
from strut_model.styles.text import encoder_of
from strut_model.training.encoder import readouts

Float = NDArray[np.float32]

MEASURED = ("amplitude", "tempo")
"""Quantities, in the order of the encoder's read-outs."""
SHIPPED = ("amplitude",)
"""Those that the student follows; turned tempo moved three of six styles the right way, and by little: the asked path
has its own speed."""
CLIPS = 3
"""Clips of each style and content at most."""
FEWEST_STYLES = 4
"""Styles that a content must have: what it does by itself is the mean over them."""


def train_dimensions(pack: Path, split: Path, bundle: Bundle, out: Path, progress: bool = True) -> int:
    """Writes the directions for a bundle's encoder; returns the number of clips that they are of. Takes a minute.

    Args:
        pack, split: the data set whose training clips are measured.
        bundle: whose encoder is meant.
        out: the file (NPZ).
        progress: show a progress bar.

    Raises:
        ValueError: there are no contents of enough styles.
    """
    reader, encoder = Pack(pack), StyleEncoder(bundle.encoder_path)
    info = {clip.name: clip for clip in reader.clips}
    count: dict[tuple[str, str], int] = {}
    styles, contents, codes, measured = [], [], [], []
    for segment in tqdm(Split.read(split).segments(TRAIN), desc="measuring clips", unit="clip", disable=not progress):
        clip = info.get(segment.clip)
        if clip is None or clip.content == IDLE or segment.frames < ENCODER_FRAMES:
            continue
        pair = (clip.style, clip.content)
        if count.get(pair, 0) >= CLIPS:
            continue
        count[pair] = count.get(pair, 0) + 1
        end = min(segment.end, segment.start + ENCODER_FRAMES * 3 // 2)
        stretch = clip_of_motion(reader.clip(segment.clip).motion().slice_frames(segment.start, end), segment.clip)
        features = torch.from_numpy(encode_for_encoder(stretch.motion()).astype(np.float32))[None, :ENCODER_FRAMES]
        styles.append(clip.style)
        contents.append(clip.content)
        codes.append(encoder.style([stretch]))
        measured.append(readouts(features)[0].numpy())
    axes = fit_axes(np.stack(codes), np.stack(measured), styles, contents)
    shipped = {name: axis for name, axis in zip(MEASURED, axes) if name in SHIPPED}
    Dimensions(shipped, encoder_of(bundle)).write(out)
    return len(codes)


def fit_axes(codes: Float, measured: Float, styles: Sequence[str], contents: Sequence[str]) -> Float:
    """(Q, 5, 64): what codes change by where one quantity is a standard deviation larger and the others stay.

    Both sides are taken relative to their content's mean over the styles, then averaged within each style, so that
    neither contents nor frequent styles decide.

    Args:
        codes: (N, 5, 64) of clips.
        measured: (N, Q) quantities of the same clips.
        styles, contents: (N,) labels.

    Raises:
        ValueError: there are no contents of enough styles.
    """
    style, content = np.array(styles), np.array(contents)
    both = np.concatenate((codes.reshape(len(codes), -1), measured), axis=1).astype(np.float64)
    kept = np.zeros(len(both), bool)
    for name in np.unique(content):
        own = content == name
        present = np.unique(style[own])
        if len(present) < FEWEST_STYLES:
            continue
        both[own] -= np.mean([both[own & (style == s)].mean(axis=0) for s in present], axis=0)
        kept |= own
    if not kept.any():
        raise ValueError(f"styles: no content has clips of {FEWEST_STYLES} or more styles")
    means = np.stack([both[kept & (style == s)].mean(axis=0) for s in np.unique(style[kept])])
    quantities = measured.shape[1]
    scores = means[:, -quantities:]
    scores = (scores - scores.mean(axis=0)) / np.maximum(scores.std(axis=0), 1e-9)
    design = np.concatenate((scores, np.ones((len(scores), 1))), axis=1)
    slopes = np.linalg.lstsq(design, means[:, :-quantities], rcond=None)[0][:quantities]
    axes: Float = slopes.reshape(quantities, *codes.shape[1:]).astype(np.float32)
    return axes
