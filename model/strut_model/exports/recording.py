"""A motion with what is worth showing beside it: its styles over time and the path that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from strut_model.motion import Motion

Array = NDArray[np.floating]
Colour = tuple[int, int, int]

PALETTE: tuple[Colour, ...] = (
    (76, 132, 196),
    (226, 122, 63),
    (70, 160, 124),
    (196, 82, 112),
    (138, 108, 190),
    (212, 164, 58),
    (72, 164, 178),
    (160, 120, 92),
)
"""Colours (sRGB, 0 to 255) that styles get in the order in which they appear."""


@dataclass(frozen=True)
class Recording:
    """One character's motion and its annotations.

    Attributes:
        motion: frames of one character (no batch axes).
        styles: (first frame, style name) in ascending order; the first starts at frame 0. May be empty.
        path: (N, 2) metres, the ground path that was asked for, or None.
        title: one line that says what is shown.
    """

    motion: Motion
    styles: Sequence[tuple[int, str]] = field(default_factory=tuple)
    path: Array | None = None
    title: str = ""

    def __post_init__(self) -> None:
        if self.motion.batch_shape:
            raise ValueError(f"motion: one character expected, got batch shape {self.motion.batch_shape}")
        starts = [start for start, _ in self.styles]
        if starts and (starts[0] != 0 or starts != sorted(set(starts))):
            raise ValueError(f"styles: first frames must start at 0 and ascend, got {starts}")
        if self.path is not None and (self.path.ndim != 2 or self.path.shape[1] != 2):
            raise ValueError(f"path: shape (N, 2) expected, got {self.path.shape}")

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.motion.frames

    def style_at(self, frame: int) -> str:
        """Name of the style at a frame, or an empty string."""
        name = ""
        for start, style in self.styles:
            if start <= frame:
                name = style
        return name


def style_colours(recordings: Sequence[Recording]) -> dict[str, Colour]:
    """A colour for every style that appears, the same wherever it appears."""
    names: dict[str, Colour] = {}
    for recording in recordings:
        for _, name in recording.styles or ((0, ""),):
            if name not in names:
                names[name] = PALETTE[len(names) % len(PALETTE)]
    return names
