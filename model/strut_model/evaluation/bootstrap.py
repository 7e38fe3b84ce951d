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


def bootstrap_macro(
    values: ArrayLike,
    groups: Sequence[object],
    clusters: Sequence[object],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Figure:
    """Macro mean over groups (the mean of the groups' means), its interval clustered by clip within groups.

    Groups have few clusters (a style of data set 1 has one take of each content), and drawing n of n would understate
    their spread: n - 1 are drawn (Rao and Wu 1988), which is exact for a mean. Groups of one cluster tell nothing of
    their own spread and are drawn from one another, as a stratum of their own ("collapsed strata").

    Args:
        values: (N,) rows that are NaN do not count.
        groups: (N,) style or other label.
        clusters: (N,) clip, or whatever rows belong together.
        resamples: how often to draw.
        seed: of the draws.
    """
    table = _table(np.asarray(values, dtype=float), groups, clusters)
    return _macro(list(table.values()), np.array([1.0]), resamples, seed)


def bootstrap_macro_difference(
    first: tuple[ArrayLike, Sequence[object], Sequence[object]],
    second: tuple[ArrayLike, Sequence[object], Sequence[object]],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Figure:
    """Macro mean of the first less that of the second, over the same clips: both sides are drawn together.

    Args:
        first: values, groups and clusters, as of :func:`bootstrap_macro`.
        second: the same of other rows; clips that one side lacks are left out.
        resamples: how often to draw.
        seed: of the draws.
    """
    tables = [_table(np.asarray(values, dtype=float), groups, clusters) for values, groups, clusters in (first, second)]
    joined: list[dict[object, NDArray[np.float64]]] = []
    for group, members in tables[0].items():
        others = tables[1].get(group, {})
        shared = {c: np.concatenate((sums, others[c])) for c, sums in members.items() if c in others}
        if shared:
            joined.append(shared)
    return _macro(joined, np.array([1.0, -1.0]), resamples, seed)


def _table(
    numbers: NDArray[np.floating], groups: Sequence[object], clusters: Sequence[object]
) -> dict[object, dict[object, NDArray[np.float64]]]:
    """By group and cluster, sum and number of the rows that are not NaN, as (1, 2)."""
    table: dict[object, dict[object, NDArray[np.float64]]] = {}
    for row in np.flatnonzero(np.isfinite(numbers)).tolist():
        sums = table.setdefault(groups[row], {}).setdefault(clusters[row], np.zeros((1, 2)))
        sums += (numbers[row], 1.0)
    return table


def _macro(
    groups: Sequence[dict[object, NDArray[np.float64]]], weights: NDArray[np.float64], resamples: int, seed: int
) -> Figure:
    """Weighted sum of the macro means of one or several columns.

    Args:
        groups: for each group its clusters' sums and numbers, (columns, 2) each.
        weights: (columns,)
        resamples: how often to draw.
        seed: of the draws.
    """
    if not groups:
        return Figure.missing()
    rng = np.random.default_rng(seed)
    value, drawn = 0.0, np.zeros(resamples)
    single: list[float] = []
    for members in groups:
        sums = np.stack(list(members.values()))  # clusters, columns, 2
        own = float(_means(sums.sum(axis=0)) @ weights)
        value += own / len(groups)
        if len(sums) == 1:
            single.append(own)
        else:
            chosen = rng.integers(len(sums), size=(resamples, len(sums) - 1))
            drawn += _means(sums[chosen].sum(axis=1)) @ weights
    alone = np.array(single)
    if len(alone) > 1:
        drawn += len(alone) * alone[rng.integers(len(alone), size=(resamples, len(alone) - 1))].mean(axis=1)
    else:
        drawn += alone.sum()
    low, high = np.quantile(drawn / len(groups), (0.025, 0.975))
    return Figure(value, float(min(low, value)), float(max(high, value)))


def _means(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over numbers, (..., 2) to (...)."""
    means: NDArray[np.float64] = sums[..., 0] / sums[..., 1]
    return means


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
