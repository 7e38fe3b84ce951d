"""Named dimensions of style that can be turned: directions in the space of one encoder's codes.

A dimension is what codes change by, on average over the styles, where a measured quantity is one standard deviation
(over the styles) larger and the other quantities are as they were (`training.dimensions`). Turning a style adds that
much of it to its vector. The student follows less than in full: see docs/style.md for what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strut_model.bundle import Bundle
from strut_model.styles.text import encoder_of

Float = NDArray[np.float32]

FILE = "dimensions.npz"
"""The file, in a bundle's directory or here."""
MAX_VALUE = 4.0
"""Standard deviations, as the contract has it."""


@dataclass(frozen=True)
class Dimensions:
    """Directions (5, 64) by name, and the SHA-256 of the encoder whose codes they are of."""

    axes: Mapping[str, Float]
    encoder: str

    def write(self, path: Path) -> None:
        """As an NPZ file of float16."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f"axis_{name}": axis.astype(np.float16) for name, axis in self.axes.items()}
        np.savez_compressed(path, encoder=np.array(self.encoder), **arrays)  # type: ignore[arg-type]

    @staticmethod
    def read(path: Path) -> Dimensions:
        """From a file that `write` made; ValueError or OSError where it is none."""
        with np.load(path, allow_pickle=False) as arrays:
            axes = {
                name.removeprefix("axis_"): arrays[name].astype(np.float32)
                for name in arrays.files
                if name.startswith("axis_")
            }
            return Dimensions(axes, str(arrays["encoder"]))


def dimensions_of(bundle: Bundle) -> Mapping[str, Float]:
    """The dimensions that a bundle's styles can be turned along; none where nobody made them for its encoder."""
    wanted = encoder_of(bundle)
    for path in (bundle.path / FILE, Path(__file__).with_name(FILE)):
        if path.is_file() and (found := _read(path)).encoder == wanted:
            return found.axes
    return {}


@lru_cache(maxsize=4)
def _read(path: Path) -> Dimensions:
    return Dimensions.read(path)


def turned(vector: Float, axes: Mapping[str, Float], values: Mapping[str, float]) -> Float:
    """A style vector (5, 64) turned along dimensions, of the same length in each part.

    Args:
        vector: the style.
        axes: see `dimensions_of`.
        values: standard deviations by dimension.
    """
    moved = vector + sum((np.float32(value) * axes[name] for name, value in values.items()), np.zeros_like(vector))
    lengths = np.linalg.norm(vector, axis=-1, keepdims=True)
    result: Float = moved * (lengths / np.maximum(np.linalg.norm(moved, axis=-1, keepdims=True), 1e-9))
    return result.astype(np.float32)
