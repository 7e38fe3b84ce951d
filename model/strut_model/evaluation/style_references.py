"""References for styles: stretches of real clips, what a bundle's encoder makes of them, and their way over other rigs.

A reference is taken as an upload is: written as BVH, read back, retargeted and encoded (`strut_model.references`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strut_model.bvh import Bvh, format_bvh
from strut_model.clip import Clip
from strut_model.data.split import HELD_OUT, UNSEEN_PAIR, Segment
from strut_model.evaluation.protocol import Protocol
from strut_model.evaluation.windows import IDLE
from strut_model.motion import Motion
from strut_model.references import StyleEncoder, clip_of_bvh, clip_of_motion

Float = NDArray[np.float32]

SHORTEST = 32
"""Frames of a reference at least: a second."""
LONGEST = 300
"""Frames of a reference at most: of a longer stretch its beginning."""


@dataclass(frozen=True)
class Reference:
    """A stretch of a real clip that shows a style.

    Attributes:
        style, content: its labels.
        clip: where it is from.
        motion: (T) frames.
    """

    style: str
    content: str
    clip: str
    motion: Motion


def held_out_references(protocol: Protocol, styles: Sequence[str], per_style: int) -> list[Reference]:
    """Held-out stretches of each style, as many different contents as there are, each clip once.

    Args:
        protocol: clips and split.
        styles: labels; idle is left out, which is the same in every style.
        per_style: references of a style at most.
    """
    table: dict[str, dict[str, list[Segment]]] = {style: {} for style in styles}
    for name in (HELD_OUT, UNSEEN_PAIR):
        for segment in protocol.split.segments(name):
            info = protocol.info.get(segment.clip)
            if info is None or info.style not in table or info.content == IDLE or segment.frames < SHORTEST:
                continue
            table[info.style].setdefault(info.content, []).append(segment)
    chosen: list[Reference] = []
    for style, contents in table.items():
        # Contents in a fixed random order, then their second clips, and so on.
        order = sorted(contents, key=lambda content: zlib.crc32(f"{style} {content}".encode()))
        rows = [(number, place, segment) for place, content in enumerate(order)
                for number, segment in enumerate(contents[content])]  # fmt: skip
        for _, place, segment in sorted(rows, key=lambda row: row[:2])[:per_style]:
            motion = protocol.motion(segment.clip).slice_frames(
                segment.start, min(segment.end, segment.start + LONGEST)
            )
            chosen.append(Reference(style, order[place], segment.clip, motion))
    return chosen


def encoded(
    references: Iterable[Reference],
    encoder: StyleEncoder,
    onto: Callable[[Motion], Bvh] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Float:
    """Style vectors (N, 5, 64) of references, directly or by way of another rig's file.

    Args:
        references: N of them.
        encoder: of the bundle.
        onto: puts a motion onto another rig; None for the canonical skeleton as it is.
        progress: called with 1 after each.

    Raises:
        ValueError: a rig's file cannot be read back.
    """
    vectors = []
    for reference in references:
        if onto is None:
            clip: Clip = clip_of_motion(reference.motion, reference.clip)
        else:
            clip = clip_of_bvh(format_bvh(onto(reference.motion)), reference.clip, {})
        vectors.append(encoder.style([clip]))
        if progress is not None:
            progress(1)
    return np.stack(vectors)


@dataclass(frozen=True)
class FolderOutcome:
    """What came of a folder of files: how many became styles, and why the others did not.

    Attributes:
        files: BVH files in the folder.
        made: those that became styles.
        reasons: file name and message of the others.
    """

    files: int
    made: int
    reasons: tuple[tuple[str, str], ...]


def folder_outcome(folder: Path, encoder: StyleEncoder, progress: Callable[[int], object]) -> FolderOutcome:
    """Makes a style of every BVH file of a folder, as `CreateStyle` does."""
    files = sorted(folder.glob("*.bvh"))
    reasons = []
    for path in files:
        try:
            encoder.style([clip_of_bvh(path.read_text(encoding="utf-8", errors="replace"), path.name, {})])
        except (ValueError, ArithmeticError, LookupError) as error:
            reasons.append((path.name, str(error)))
        progress(1)
    return FolderOutcome(len(files), len(files) - len(reasons), tuple(reasons))
