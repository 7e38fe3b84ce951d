"""Figures with intervals: bootstrap over clips, so that many windows of one clip count as one observation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 400


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95 % interval; all are NaN where nothing could be measured."""

    value: float
    low: float
    high: float

    @staticmethod
    def missing() -> Figure:
        """The figure of a measure that does not apply."""
        return Figure(float("nan"), float("nan"), float("nan"))

    @property
    def known(self) -> bool:
        """Whether it was measured."""
        return bool(np.isfinite(self.value))

    def to_json(self) -> dict[str, float | None]:
        """{value, low, high}, with None for what is not a number: JSON knows no NaN."""
        return {k: float(f"{v:.5g}") if np.isfinite(v) else None for k, v in vars(self).items()}


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float],
    clusters: Sequence[object],
    strata: Sequence[object] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    recentre: bool = False,
) -> Figure:
    """A statistic with its 95 % interval from whole clusters drawn with replacement.

    Args:
        statistic: its value for rows (indices, with repetitions).
        clusters: (N,) for each row the clip that it comes from.
        strata: (N,) for each row a group; clusters are drawn within groups, so that no group ever runs empty.
        resamples: how often to draw.
        seed: of the draws.
        recentre: shifts the interval so that its middle is the value; for statistics that grow when rows repeat, as
            Frechet distances do.
    """
    rows = np.arange(len(clusters))
    if len(rows) == 0:
        return Figure.missing()
    value = float(statistic(rows))
    # One column of draws per stratum: its clusters' rows, drawn with replacement.
    groups: dict[object, dict[object, list[int]]] = {}
    for row, cluster in enumerate(clusters):
        stratum = None if strata is None else strata[row]
        groups.setdefault(stratum, {}).setdefault(cluster, []).append(row)
    members = [[np.array(r, dtype=np.int64) for r in group.values()] for group in groups.values()]
    rng = np.random.default_rng(seed)
    values = np.empty(resamples)
    for i in range(resamples):
        drawn = [group[j] for group in members for j in rng.integers(len(group), size=len(group))]
        values[i] = statistic(np.concatenate(drawn))
    values = values[np.isfinite(values)]
    if len(values) == 0 or not np.isfinite(value):
        return Figure(value, value, value)
    low, middle, high = np.quantile(values, (0.025, 0.5, 0.975))
    shift = value - middle if recentre else 0.0
    return Figure(value, float(min(low + shift, value)), float(max(high + shift, value)))


def macro_mean(values: NDArray[np.floating], groups: NDArray[np.int64]) -> float:
    """Mean over groups of each group's mean; rows that are NaN do not count."""
    known = np.isfinite(values)
    if not known.any():
        return float("nan")
    size = int(groups.max()) + 1
    count = np.bincount(groups[known], minlength=size)
    total = np.bincount(groups[known], weights=values[known], minlength=size)
    return float((total[count > 0] / count[count > 0]).mean())


def bootstrap_macro(
    values: ArrayLike,
    groups: Sequence[object],
    clusters: Sequence[object],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Figure:
    """Macro mean over groups, its interval clustered by clip within groups."""
    numbers = np.asarray(values, dtype=float)
    if numbers.size == 0:
        return Figure.missing()
    order = {group: i for i, group in enumerate(dict.fromkeys(groups))}
    index = np.array([order[group] for group in groups], dtype=np.int64)
    return bootstrap(lambda rows: macro_mean(numbers[rows], index[rows]), clusters, groups, resamples, seed)


def bootstrap_ratio(numerator: ArrayLike, denominator: ArrayLike, clusters: Sequence[object]) -> Figure:
    """Ratio of two means over the same rows (clips); rows where either is NaN do not count."""
    top, bottom = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    known = np.isfinite(top) & np.isfinite(bottom)
    top, bottom = top[known], bottom[known]
    kept = [cluster for cluster, keep in zip(clusters, known) if keep]
    if len(kept) == 0:
        return Figure.missing()

    def ratio(rows: NDArray[np.int64]) -> float:
        below = bottom[rows].mean()
        return float(top[rows].mean() / below) if below > 0 else float("nan")

    return bootstrap(ratio, kept)


def bootstrap_mean(values: ArrayLike, clusters: Sequence[object]) -> Figure:
    """Plain mean; rows that are NaN do not count."""
    return bootstrap_macro(values, [0] * len(clusters), clusters)
