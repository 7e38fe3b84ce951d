"""Arithmetic of style vectors: a code for each body part, compared part by part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


def part_cosines(a: Float, b: Float) -> Float:
    """Cosine of each part (N, M, 5) of style vectors (N, 5, 64) and (M, 5, 64)."""
    first, second = (v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9) for v in (a, b))
    cosine: Float = np.einsum("npd,mpd->nmp", first, second)
    return cosine


def part_cosine(a: Float, b: Float) -> Float:
    """Mean over the parts of `part_cosines` (N, M)."""
    mean: Float = part_cosines(a, b).mean(axis=-1)
    return mean


def nearest(vector: Float, names: Sequence[str], vectors: Float) -> list[tuple[str, float]]:
    """All styles by how near they are to a vector (5, 64): names and mean cosines, the nearest first.

    Args:
        vector: what is looked for.
        names: of the M styles.
        vectors: (M, 5, 64).
    """
    cosine = part_cosine(vector[None], vectors)[0]
    return [(names[i], float(cosine[i])) for i in np.argsort(-cosine, kind="stable")]
