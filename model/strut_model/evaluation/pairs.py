"""Content-style pairs that training never saw, told by recognisers that have seen them.

The two judges were trained on training clips alone, so they know a style with other contents and a content with other
styles only, and real clips of an unseen pair are mostly taken for another content. Their verdict on a generated one
says nothing. Here a linear discriminant is fitted to each judge's embedding of real windows, with a class for each
pair of style and content, the unseen pairs among them: of their clips the first half is for fitting, and rollouts start
from the second half only. What is fitted serves these rows and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.data.split import TRAIN, Segment
from strut_model.evaluation.bootstrap import Figure, bootstrap_mean
from strut_model.evaluation.judges import JUDGE_NAMES, window_frames
from strut_model.evaluation.protocol import Protocol
from strut_model.evaluation.recognition import Verdicts, Window, cut
from strut_model.evaluation.windows import (
    IDLE,
    JUDGED_FRAMES,
    content_kind,
    gesture_event,
    inside_event,
    window_starts,
)

Array = NDArray[np.floating]
Pair = tuple[str, str]

SHRINKAGE = 0.1
"""Share of the pooled covariance that is replaced by a multiple of the identity."""


@dataclass(frozen=True)
class PairClassifier:
    """Linear discriminant analysis with a class for each pair of style and content, all equally likely.

    Attributes:
        pairs: the K classes.
        weights: (D, K) and offsets: (K,), of the linear scores.
    """

    pairs: list[Pair]
    weights: Array
    offsets: Array

    @staticmethod
    def fit(embedding: Array, labels: Sequence[Pair]) -> PairClassifier:
        """Fits windows (N, D) with their labels."""
        pairs = sorted(set(labels))
        index = np.array([pairs.index(label) for label in labels])
        points = np.asarray(embedding, dtype=np.float64)
        means = np.stack([points[index == k].mean(axis=0) for k in range(len(pairs))])
        rest = points - means[index]
        pooled = rest.T @ rest / max(len(points) - len(pairs), 1)
        level = max(np.trace(pooled) / len(pooled), 1e-6)  # identical windows spread nowhere
        shrunk = (1 - SHRINKAGE) * pooled + SHRINKAGE * level * np.eye(len(pooled))
        weights = np.linalg.solve(shrunk, means.T)
        return PairClassifier(pairs, weights, -0.5 * np.einsum("kd,dk->k", means, weights))

    def probabilities(self, embedding: Array) -> Array:
        """(N, K) posterior probabilities of windows (N, D)."""
        score = np.asarray(embedding, dtype=np.float64) @ self.weights + self.offsets
        odds = np.exp(score - score.max(axis=1, keepdims=True))
        shares: Array = odds / odds.sum(axis=1, keepdims=True)
        return shares

    def hits(self, embedding: Array, labels: Sequence[Pair], which: int) -> Array:
        """(N,) 1 where the style (``which`` 0) or the content (1) is the most likely of all."""
        shares = self.probabilities(embedding)
        names = sorted({pair[which] for pair in self.pairs})
        sums = np.stack([shares[:, [p[which] == name for p in self.pairs]].sum(axis=1) for name in names], axis=1)
        said = sums.argmax(axis=1)
        return np.array([float(names[k] == label[which]) for k, label in zip(said, labels)])


class PairJudges:
    """A classifier on top of each of the two judges.

    Args:
        fitted: the judges' verdicts on the real windows to fit.
    """

    def __init__(self, fitted: Verdicts) -> None:
        labels = [(w.style, w.content) for w in fitted.windows]
        self._classifiers = {name: PairClassifier.fit(fitted.said[name].embedding, labels) for name in JUDGE_NAMES}

    def hits(self, verdicts: Verdicts, label: str) -> dict[str, Array]:
        """By judge (N,) 1 where style or content of a window is recognised; content is NaN where it is not scored."""
        asked = [(w.style, w.content) for w in verdicts.windows]
        which = ("style", "content").index(label)
        found = {name: c.hits(verdicts.said[name].embedding, asked, which) for name, c in self._classifiers.items()}
        if label == "style":
            return found
        scored = np.array([w.scored for w in verdicts.windows], dtype=bool)
        return {name: np.where(scored, hits, np.nan) for name, hits in found.items()}


def fitting_windows(protocol: Protocol, count: int = 10) -> list[Window]:
    """Real windows of all pairs of the styles that have unseen pairs: one of each clip, in the middle of its event.

    Seen pairs are taken from training clips, unseen ones from the first half of their clips.

    Args:
        protocol: clips and split.
        count: windows of a pair at most.
    """
    first, _ = protocol.unseen_halves()
    styles = {protocol.info[s.clip].style for s in first}
    table: dict[Pair, list[Segment]] = {}
    for segment in [*protocol.split.segments(TRAIN), *first]:
        info = protocol.info.get(segment.clip)
        if info is not None and info.style in styles and info.content != IDLE and segment.frames >= JUDGED_FRAMES:
            table.setdefault((info.style, info.content), []).append(segment)
    found = []
    for (style, content), segments in sorted(table.items()):
        for i in np.unique(np.linspace(0, len(segments) - 1, min(count, len(segments))).astype(int)):
            segment = segments[i]
            motion = protocol.motion(segment.clip)
            starts = window_starts(segment.start, segment.end, stride=JUDGED_FRAMES // 2)
            if content_kind(content) == "gesture":
                event = gesture_event(window_frames(motion).local)
                starts = [s for s in starts if inside_event(s, event)]
            if starts:
                window = cut(motion, starts[len(starts) // 2])
                found.append(Window(window, style, content, segment.clip, protocol.info[segment.clip].dataset))
    return found


def unseen_pair_figures(judges: PairJudges, unseen: Verdicts, seen: Verdicts) -> dict[str, Figure]:
    """How unseen pairs are recognised, and how much better the pairs that training saw are.

    ``unseen_pair_style`` and ``_content``: mean over unseen pairs. ``unseen_pair_style_gap`` and ``_content_gap``: that
    less what is recognised of seen pairs, of the same style with other contents and of the same content in other
    styles. Each pair is one observation: there are seven, and the intervals are as wide as that. The lower of the two
    judges counts.

    Args:
        judges: who know all pairs.
        unseen: windows of the unseen pairs.
        seen: held-out windows of all other pairs, by the same maker.
    """
    pairs = sorted({(w.style, w.content) for w in unseen.windows})
    figures: dict[str, Figure] = {}
    for which, label in enumerate(("style", "content")):
        rows: list[tuple[Figure, Figure]] = []
        found, reference = judges.hits(unseen, label), judges.hits(seen, label)
        for name in JUDGE_NAMES:
            own = [_mean_where(found[name], unseen, pair) for pair in pairs]
            others = [_mean_of_seen(reference[name], seen, pair, which, pairs) for pair in pairs]
            gap = np.array(own) - np.array(others)
            compared = np.isfinite(gap).sum() > 1  # one pair has no interval
            rows.append((bootstrap_mean(own, pairs), bootstrap_mean(gap, pairs) if compared else Figure.missing()))
        known = [row for row in rows if row[0].known]
        lower = min(known, key=lambda row: row[0].value) if known else (Figure.missing(), Figure.missing())
        figures[f"unseen_pair_{label}"], figures[f"unseen_pair_{label}_gap"] = lower
    return figures


def _mean_where(hits: Array, verdicts: Verdicts, pair: Pair) -> float:
    """Mean over the windows of a pair; NaN where none is scored."""
    return _mean([h for h, w in zip(hits.tolist(), verdicts.windows) if (w.style, w.content) == pair])


def _mean_of_seen(hits: Array, seen: Verdicts, pair: Pair, which: int, unseen: Sequence[Pair]) -> float:
    """Mean over seen windows that share a pair's style (``which`` 0) or content (1), each of their pairs alike."""
    table: dict[Pair, list[float]] = {}
    styles = {style for style, _ in unseen}
    for hit, window in zip(hits.tolist(), seen.windows):
        own = (window.style, window.content)
        if own[which] == pair[which] and own not in unseen and window.style in styles:
            table.setdefault(own, []).append(hit)
    return _mean([_mean(rows) for rows in table.values()])


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
