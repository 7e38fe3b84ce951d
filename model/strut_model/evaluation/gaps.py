"""Differences of recognition over the same clips: below or above the ceiling, and of one step against two.

Both sides are resampled together, so that what a clip's difficulty gives to both does not widen the interval.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.bootstrap import Figure, bootstrap_macro_difference
from strut_model.evaluation.judges import JUDGE_NAMES
from strut_model.evaluation.recognition import Verdicts


@dataclass(frozen=True)
class Hits:
    """Which windows were recognised, without the windows.

    Attributes:
        style, content: for each judge (N,) 1 where it was recognised; content is NaN where it is not scored.
        styles, contents, clips, datasets: (N,) labels.
    """

    style: dict[str, NDArray[np.float64]]
    content: dict[str, NDArray[np.float64]]
    styles: list[str]
    contents: list[str]
    clips: list[str]
    datasets: list[str]

    @staticmethod
    def of(verdicts: Verdicts) -> Hits:
        """What the judges recognised."""
        windows = verdicts.windows
        scored = np.array([w.scored for w in windows], dtype=bool)
        return Hits(
            {name: verdicts.style_hits(name) for name in JUDGE_NAMES},
            {name: np.where(scored, verdicts.content_hits(name), np.nan) for name in JUDGE_NAMES},
            [w.style for w in windows],
            [w.content for w in windows],
            [w.clip for w in windows],
            [w.dataset for w in windows],
        )

    def rows(self, dataset: str | None, contents: Collection[str] | None) -> list[int]:
        """Rows of a data set and of some contents; of all where None."""
        return [
            i
            for i, (d, c) in enumerate(zip(self.datasets, self.contents))
            if dataset in (None, d) and (contents is None or c in contents)
        ]


def recognition_gap(
    first: Hits, second: Hits, label: str, dataset: str | None = None, contents: Collection[str] | None = None
) -> Figure:
    """Accuracy of the first less that of the second, macro over styles, by the judge that gives the first less.

    Args:
        first, second: of the same trials.
        label: "style" or "content".
        dataset: of which data set; all of them where None.
        contents: of which contents; all of them where None.
    """
    gaps: list[tuple[float, Figure]] = []
    for name in JUDGE_NAMES:
        sides: list[tuple[NDArray[np.float64], list[str], list[str]]] = []
        for side in (first, second):
            rows = side.rows(dataset, contents)
            values = getattr(side, label)[name][rows]
            sides.append((values, [side.styles[i] for i in rows], [side.clips[i] for i in rows]))
        known = sides[0][0][np.isfinite(sides[0][0])]
        if len(known):
            gaps.append((_macro_mean(*sides[0][:2]), bootstrap_macro_difference(sides[0], sides[1])))
    return min(gaps, key=lambda pair: pair[0])[1] if gaps else Figure.missing()


def _macro_mean(values: NDArray[np.float64], groups: list[str]) -> float:
    table: dict[str, list[float]] = {}
    for value, group in zip(values.tolist(), groups):
        if np.isfinite(value):
            table.setdefault(group, []).append(value)
    return float(np.mean([np.mean(rows) for rows in table.values()]))
