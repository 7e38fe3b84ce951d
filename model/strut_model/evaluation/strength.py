"""Strength of a style: whether every step of the slider shows, and how far from neutral it leads.

Two things are read from each motion. The judges' **margin** is their log-odds of the style against the neutral one; it
saturates, since the judges were trained to be no surer than 95 %. The **reach** does not: it is where a window lies on
the way from real neutral clips (0) to real clips of the style (1) of the same content, by its joints' mean places and
spreads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.bootstrap import Figure, bootstrap_mean
from strut_model.evaluation.controls import settled_windows
from strut_model.evaluation.judges import Judges, window_frames
from strut_model.evaluation.protocol import Protocol
from strut_model.evaluation.recognition import Window, judge_windows
from strut_model.evaluation.trials import Trial
from strut_model.evaluation.windows import JUDGED_FRAMES
from strut_model.motion import Motion

Array = NDArray[np.floating]
Pair = tuple[str, str]

REAL_WINDOWS = 12
SHORTEST = 30
"""Frames of a real clip that still say how a style moves."""
FLOOR = 0.01
"""Metres: differences of real clips below that are measuring errors."""


def descriptor(local: Array) -> Array:
    """How a window moves, whatever its phase: (..., T, 22, 3) metres relative to the pelvis to (..., 132).

    Mean place and spread of every joint's coordinates. Speeds are left out: they follow the asked path, which is the
    same at every strength.
    """
    shape = (*local.shape[:-3], -1)
    return np.concatenate((local.mean(axis=-3).reshape(shape), local.std(axis=-3).reshape(shape)), axis=-1)


@dataclass(frozen=True)
class StyleAxis:
    """The way from the neutral style to another, in descriptors of one content.

    Attributes:
        origin: (D,) mean of real neutral windows.
        weights: (D,) what a difference from there counts; the mean of the style's real windows comes to 1.
    """

    origin: Array
    weights: Array

    @staticmethod
    def between(neutral: Array, styled: Array) -> StyleAxis:
        """The axis through the means of two sets of real windows (N, D) and (M, D), by how surely a number differs."""
        way = styled.mean(axis=0) - neutral.mean(axis=0)
        weights = way / (0.5 * (neutral.var(axis=0) + styled.var(axis=0)) + FLOOR**2)
        return StyleAxis(neutral.mean(axis=0), weights / max(float(way @ weights), 1e-12))

    def reach(self, descriptors: Array) -> Array:
        """0 where windows (..., D) are neutral, 1 where they show the style as real clips do, more beyond."""
        reached: Array = (descriptors - self.origin) @ self.weights
        return reached


@dataclass(frozen=True)
class Response:
    """What the strengths of one style and content gave.

    Attributes:
        pair: style and content.
        margin, reach: (strengths, seeds), strengths ascending; see the module. The reach is NaN where there are no real
            neutral clips of the content, from which the way would have to begin.
        ceiling: margin of real clips of the pair; infinite where there is none long enough.
    """

    pair: Pair
    margin: Array
    reach: Array
    ceiling: float


def step_spread(values: Sequence[Array]) -> float:
    """Standard deviation over seeds of a step from one strength to the next, pooled over pairs and steps.

    The strengths of a seed share their noise, so that steps and not levels are compared; a pair's own spread, from two
    or three seeds, would be mostly chance.

    Args:
        values: (strengths, seeds) of each pair.
    """
    known = [rows for rows in values if np.isfinite(rows).all()]
    if not known:
        return 0.0
    steps = np.concatenate([np.diff(rows, axis=0) for rows in known])
    return float(np.sqrt(steps.var(axis=1, ddof=1).mean())) if steps.shape[1] > 1 else 0.0


def rises(values: Array, spread: float, ceiling: float = float("inf")) -> bool:
    """Whether every step exceeds twice the spread over seeds, or ends where there is no higher to rise.

    Args:
        values: (strengths, seeds).
        spread: of a step over seeds.
        ceiling: a mean that is as high as it needs to be.
    """
    mean = values.mean(axis=1)
    return bool(np.all((np.diff(mean) > 2 * spread) | (mean[1:] >= ceiling)))


def measure(
    judges: Judges, protocol: Protocol, trials: Sequence[Trial], motions: Sequence[Sequence[Motion]]
) -> list[Response]:
    """Margin and reach of every pair at every strength.

    Args:
        judges: both.
        protocol: for the real clips.
        trials: of ``Protocol.strengths``.
        motions: for each seed the trials' motions.
    """
    margins: dict[tuple[Pair, float], list[float]] = {}
    reaches: dict[tuple[Pair, float], list[float]] = {}
    real = {(t.style, t.content): _real(judges, protocol, t.style, t.content) for t in trials}
    for made in motions:
        windows, owners = settled_windows(trials, made)
        margin = judge_windows(judges, windows).style_margin(protocol.neutral)
        described = descriptor(window_frames(Motion.stack([w.motion for w in windows])).local)
        for i, trial in enumerate(trials):
            pair = (trial.style, trial.content)
            own = [row for row, owner in enumerate(owners) if owner == i]
            key = (pair, float(trial.notes["strength"]))
            margins.setdefault(key, []).append(float(margin[own].mean()))
            axis = real[pair][0]
            reaches.setdefault(key, []).append(np.nan if axis is None else float(axis.reach(described[own]).mean()))
    return [
        Response(
            pair,
            np.array([margins[key] for key in sorted(margins) if key[0] == pair]),
            np.array([reaches[key] for key in sorted(reaches) if key[0] == pair]),
            real[pair][1],
        )
        for pair in sorted(real)
    ]


def _real(judges: Judges, protocol: Protocol, style: str, content: str) -> tuple[StyleAxis | None, float]:
    """The axis of a pair from real clips, and the judges' margin of those that are long enough."""
    styled = protocol.real_windows(style, content, SHORTEST, REAL_WINDOWS)
    axis = None
    if protocol.has(protocol.neutral, content):
        neutral = protocol.real_windows(protocol.neutral, content, SHORTEST, REAL_WINDOWS)
        axis = StyleAxis.between(_described(neutral), _described(styled))
    whole = [Window(m, style, content, "", "") for m in styled if m.frames == JUDGED_FRAMES]
    margin = judge_windows(judges, whole).style_margin(protocol.neutral) if whole else np.array([np.inf])
    return axis, float(margin.mean())


def _described(motions: Sequence[Motion]) -> Array:
    return np.stack([descriptor(window_frames(m).local) for m in motions])


def strength_figures(responses: Sequence[Response]) -> dict[str, Figure]:
    """``strength_monotone``: share of style-content pairs in which both margin and reach rise with every step.

    A step rises when it exceeds twice the spread over seeds. The margin need rise no further once it is what real
    clips of the pair have. Contents that the neutral style has no clips of have no reach, and are judged by the margin
    alone. ``strength_monotone_margin`` and ``_reach`` are the two apart, ``strength_reach_1`` and ``_150`` the mean
    reach at strength 1 and 1.5 (as real: 1), the latter three of pairs that have one, and ``strength_zero_neutral`` the
    share of pairs in which strength 0 looks more like the neutral style than like the style.
    """
    margin_spread = step_spread([r.margin for r in responses])
    reach_spread = step_spread([r.reach for r in responses])
    names = [" ".join(r.pair) for r in responses]
    by_margin = [rises(r.margin, margin_spread, r.ceiling) for r in responses]
    reaching = [r for r in responses if np.isfinite(r.reach).all()]
    by_reach = {r.pair: rises(r.reach, reach_spread) for r in reaching}
    reached = [" ".join(r.pair) for r in reaching]

    def share(values: Sequence[bool], of: Sequence[str]) -> Figure:
        return bootstrap_mean(np.asarray(values, dtype=float), of)

    return {
        "strength_monotone": share([m and by_reach.get(r.pair, True) for m, r in zip(by_margin, responses)], names),
        "strength_monotone_margin": share(by_margin, names),
        "strength_monotone_reach": share(list(by_reach.values()), reached),
        "strength_reach_1": bootstrap_mean([float(r.reach[-2].mean()) for r in reaching], reached),
        "strength_reach_150": bootstrap_mean([float(r.reach[-1].mean()) for r in reaching], reached),
        "strength_zero_neutral": share([float(r.margin[0].mean()) < 0 for r in responses], names),
    }
