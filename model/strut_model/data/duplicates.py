"""Exact and near duplicate stretches between takes.

A frame's pose is quantised to a hash; stretches are candidates where two clips share several hashes at one offset in
time. Candidates are then measured frame by frame, so that quantisation decides only what is looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.codec import decode_quat48

MIN_FRAMES = 15
"""Shortest stretch reported: half a second."""
TOLERANCE_DEGREES = 2.0
"""Largest difference of any joint's rotation in a near duplicate."""
_QUANTUM = 0.1
_PROJECTIONS = 16
_TABLES = 2
# A pose that many clips share (a start pose, standing still) says nothing about a pair.
_MAX_SHARED = 24
_MIN_HITS = 5


@dataclass(frozen=True)
class Duplicate:
    """Two clips whose frames [first_start, first_start + frames) and [second_start, ...) hold the same poses.

    Attributes:
        first, second: clip names.
        first_start, second_start: frames within the clips.
        frames: length.
        exact: the poses are equal to the quantisation of the pack.
        degrees: mean difference of the joints' rotations.
    """

    first: str
    second: str
    first_start: int
    second_start: int
    frames: int
    exact: bool
    degrees: float

    def row(self) -> dict[str, Any]:
        """The entry of a pack's index."""
        return {
            "clips": [self.first, self.second],
            "starts": [self.first_start, self.second_start],
            "frames": self.frames,
            "exact": self.exact,
            "degrees": self.degrees,
        }


def find_duplicates(
    names: Sequence[str], codes: Sequence[NDArray[np.uint16]], min_frames: int = MIN_FRAMES
) -> list[Duplicate]:
    """Stretches that two clips share, the longest of each pair.

    Args:
        names: clip names.
        codes: per clip, local rotations (T, 22, 3) in the QUAT48 code; the pelvis is left out, so that the same motion
            elsewhere or facing elsewhere counts, too.
        min_frames: shortest stretch reported.
    """
    if len(names) < 2:
        return []
    lengths = np.array([len(c) for c in codes])
    clip = np.repeat(np.arange(len(codes)), lengths)
    frame = np.concatenate([np.arange(n) for n in lengths])
    hits: Counter[tuple[int, int, int]] = Counter()
    for table in range(_TABLES):
        hits.update(_shared(_hashes(codes, table), clip, frame))
    best: dict[tuple[int, int], Duplicate] = {}
    decoded: dict[int, NDArray[np.float32]] = {}
    for (a, b, offset), count in hits.items():
        if count < _MIN_HITS:
            continue
        found = _longest_run(names, codes, decoded, a, b, offset, min_frames)
        if found and ((a, b) not in best or best[a, b].frames < found.frames):
            best[a, b] = found
    return sorted(best.values(), key=lambda d: (-d.frames, d.first, d.second))


def _shared(
    hashes: NDArray[np.uint64], clip: NDArray[np.int64], frame: NDArray[np.int64]
) -> Counter[tuple[int, int, int]]:
    """How often (clip, later clip, offset in frames) share a hash."""
    order = np.argsort(hashes, kind="stable")
    hashes, clip, frame = hashes[order], clip[order], frame[order]
    starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))
    count = np.diff(np.concatenate([starts, [len(hashes)]]))
    size = np.repeat(count, count)
    hits: Counter[tuple[int, int, int]] = Counter()
    for step in range(1, _MAX_SHARED):
        same = (hashes[step:] == hashes[:-step]) & (clip[step:] != clip[:-step]) & (size[step:] <= _MAX_SHARED)
        at = np.flatnonzero(same)
        # The sort is stable, so the earlier clip comes first.
        hits.update(zip(clip[at].tolist(), clip[at + step].tolist(), (frame[at] - frame[at + step]).tolist()))
    return hits


def _hashes(codes: Sequence[NDArray[np.uint16]], table: int) -> NDArray[np.uint64]:
    """A hash per frame: random projections of the pose, quantised (locality-sensitive hashing), another per table."""
    rng = np.random.default_rng(table)
    width = 4 * (codes[0].shape[1] - 1)
    directions = rng.normal(size=(width, _PROJECTIONS)) / np.sqrt(width)
    shift = rng.random(_PROJECTIONS)
    weights = rng.integers(1, 2**62, size=_PROJECTIONS, dtype=np.int64) | 1
    parts = []
    for code in codes:
        q = decode_quat48(code[:, 1:]).reshape(len(code), -1)
        steps = np.floor(q @ directions / _QUANTUM + shift).astype(np.int64)
        with np.errstate(over="ignore"):
            parts.append((steps * weights).sum(axis=1).view(np.uint64))
    return np.concatenate(parts)


def _longest_run(
    names: Sequence[str],
    codes: Sequence[NDArray[np.uint16]],
    decoded: dict[int, NDArray[np.float32]],
    a: int,
    b: int,
    offset: int,
    min_frames: int,
) -> Duplicate | None:
    """The longest stretch of clip a at frame t + offset and clip b at frame t that stays within the tolerance."""
    first, second = max(0, offset), max(0, -offset)
    length = min(len(codes[a]) - first, len(codes[b]) - second)
    if length < min_frames:
        return None
    for index in (a, b):
        if index not in decoded:
            decoded[index] = decode_quat48(codes[index][:, 1:])
    difference = rot.multiply(rot.inverse(decoded[a][first : first + length]), decoded[b][second : second + length])
    degrees = np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(difference[..., :3], axis=-1), 0, 1)))
    near = np.concatenate([[False], degrees.max(axis=1) < TOLERANCE_DEGREES, [False]]).astype(np.int8)
    runs = np.flatnonzero(np.diff(near)).reshape(-1, 2)
    if not len(runs):
        return None
    start, stop = runs[(runs[:, 1] - runs[:, 0]).argmax()]
    if stop - start < min_frames:
        return None
    part = degrees[start:stop]
    return Duplicate(
        names[a],
        names[b],
        int(first + start),
        int(second + start),
        int(stop - start),
        bool(part.max() < 0.05),
        round(float(part.mean()), 4),
    )
