"""Frechet distance between two sets of vectors, each seen as a Gaussian (Heusel et al. 2017)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.motion import Motion
from strut_model.skeleton import FPS

Array = NDArray[np.floating]


def _root(matrix: Array) -> Array:
    """Symmetric root of a symmetric positive semi-definite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def frechet_distance(first: Array, second: Array) -> float:
    """Squared Frechet distance between Gaussians fitted to two sets.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2).

    Args:
        first: (N, D).
        second: (M, D); the distance grows as the sets shrink, so compare sets of equal size only.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(a) < 2 or len(b) < 2:
        return float("nan")
    gap = a.mean(0) - b.mean(0)
    s1, s2 = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    root = _root(s1)
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ s2 @ root), 0)).sum()
    return float(gap @ gap + np.trace(s1) + np.trace(s2) - 2 * cross)


def matched_rows(
    wanted: Sequence[Hashable], offered: Sequence[Hashable], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of two sets that have equal counts and the same mix of labels.

    Args:
        wanted: (N,) labels of the set whose mix is kept as far as the other can follow.
        offered: (M,) labels of the other set.
        seed: of the draw among the rows of one label.

    Returns:
        Rows of the first and rows of the second, equally many, label by label.
    """
    rng = np.random.default_rng(seed)
    counts = Counter(wanted) & Counter(offered)
    first: list[NDArray[np.int64]] = []
    second: list[NDArray[np.int64]] = []
    for label in sorted(counts, key=str):
        for labels, rows in ((wanted, first), (offered, second)):
            mine = np.array([i for i, other in enumerate(labels) if other == label])
            rows.append(rng.permutation(mine)[: counts[label]])
    if not first:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    return np.concatenate(first), np.concatenate(second)


def velocity_vectors(motion: Motion, stride: int = 5) -> Array:
    """Joint velocities in each frame's heading frame: (..., frames, 66) m/s, every ``stride``-th frame."""
    positions = motion.positions()
    velocity = np.diff(positions, axis=-3) * FPS
    turned = rot.rotate_ground(-motion.root_heading[..., 1:, None], velocity[..., [0, 2]])
    local = np.stack((turned[..., 0], velocity[..., 1], turned[..., 1]), axis=-1)
    return local[..., ::stride, :, :].reshape(*local.shape[:-3], -1, local.shape[-2] * 3)
