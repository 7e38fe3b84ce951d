"""What the judges say of trials: share of windows whose style and content they recognise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.bootstrap import Figure, bootstrap_macro
from strut_model.evaluation.judges import JUDGE_NAMES, Judgement, Judges, window_frames
from strut_model.evaluation.windows import JUDGED_FRAMES
from strut_model.motion import Motion


@dataclass(frozen=True)
class Window:
    """One judged window of 60 frames: the labels it should get and where it comes from.

    Attributes:
        motion: (60) frames.
        style, content: labels asked for.
        clip: what figures are clustered by.
        dataset: data set of the style.
        scored: whether the content is scored, too (gestures: only inside their event).
        group: the trial, or whatever rows are told apart by.
    """

    motion: Motion
    style: str
    content: str
    clip: str
    dataset: str
    scored: bool = True
    group: str = ""


def cut(motion: Motion, start: int) -> Motion:
    """The window of a motion that starts at a frame."""
    return motion.slice_frames(start, start + JUDGED_FRAMES)


@dataclass(frozen=True)
class Verdicts:
    """What both judges said of the same windows.

    Attributes:
        windows: the windows.
        said: each judge's answer.
        judges: who knows the names of the labels.
    """

    windows: Sequence[Window]
    said: dict[str, Judgement]
    judges: Judges

    def style_hits(self, name: str) -> NDArray[np.float64]:
        """(N,) 1 where this judge recognised the style."""
        asked = np.array([self.judges.styles.index(w.style) for w in self.windows], dtype=np.int64)
        return (self.said[name].style.argmax(-1) == asked).astype(float)

    def content_hits(self, name: str) -> NDArray[np.float64]:
        """(N,) 1 where this judge recognised the content."""
        asked = np.array([self.judges.contents.index(w.content) for w in self.windows], dtype=np.int64)
        return (self.said[name].content.argmax(-1) == asked).astype(float)

    def style_margin(self, other: str) -> NDArray[np.float64]:
        """(N,) mean of both judges' log-odds of the asked style against another."""
        rows = np.arange(len(self.windows))
        asked = np.array([self.judges.styles.index(w.style) for w in self.windows], dtype=np.int64)
        against = self.judges.styles.index(other)
        margins = [self.said[n].style[rows, asked] - self.said[n].style[:, against] for n in JUDGE_NAMES]
        return np.asarray(np.mean(margins, axis=0), dtype=float)

    def style_accuracy(self, dataset: str | None = None, by_group: bool = False) -> Figure:
        """Macro over styles, the lower of the two judges.

        Args:
            dataset: of which data set; of all where None.
            by_group: the interval is clustered by trial instead of by clip: for synthetic paths, many of which begin in
                one clip and have little else in common.
        """
        rows = [i for i, w in enumerate(self.windows) if dataset in (None, w.dataset)]
        return self._lower([self.style_hits(n)[rows] for n in JUDGE_NAMES], rows, by_group)

    def content_accuracy(self, contents: frozenset[str] | None = None, dataset: str | None = None) -> Figure:
        """Macro over styles, the lower of the two judges; only windows whose content is scored."""
        rows = [
            i
            for i, w in enumerate(self.windows)
            if w.scored and dataset in (None, w.dataset) and (contents is None or w.content in contents)
        ]
        return self._lower([self.content_hits(n)[rows] for n in JUDGE_NAMES], rows)

    def share_by(self, label: str) -> dict[str, float]:
        """Share recognised (the lower judge's) for each style or content, scored windows only for content.

        Args:
            label: "style" or "content".
        """
        hits = [self.style_hits(n) if label == "style" else self.content_hits(n) for n in JUDGE_NAMES]
        table: dict[str, list[int]] = {}
        for row, window in enumerate(self.windows):
            if label == "style" or window.scored:
                table.setdefault(getattr(window, label), []).append(row)
        return {name: float(min(h[rows].mean() for h in hits)) for name, rows in sorted(table.items())}

    def disagreement(self) -> float:
        """Difference of the two judges' style accuracy; it may be 0.03 at most."""
        rows = range(len(self.windows))
        first, second = (self._figure(self.style_hits(n), rows).value for n in JUDGE_NAMES)
        return abs(first - second)

    def _figure(self, hits: NDArray[np.float64], rows: Sequence[int], by_group: bool = False) -> Figure:
        clusters = [self.windows[i].group if by_group else self.windows[i].clip for i in rows]
        return bootstrap_macro(hits, [self.windows[i].style for i in rows], clusters)

    def _lower(self, hits: Sequence[NDArray[np.float64]], rows: Sequence[int], by_group: bool = False) -> Figure:
        if not len(rows):
            return Figure.missing()
        return min((self._figure(h, rows, by_group) for h in hits), key=lambda figure: figure.value)


def judge_windows(judges: Judges, windows: Sequence[Window]) -> Verdicts:
    """Both judges' answers."""
    if not windows:
        empty = Judgement(
            np.zeros((0, len(judges.styles)), np.float32),
            np.zeros((0, len(judges.contents)), np.float32),
            np.zeros((0, 1), np.float32),
        )
        return Verdicts(windows, dict.fromkeys(JUDGE_NAMES, empty), judges)
    frames = window_frames(Motion.stack([w.motion for w in windows]))
    return Verdicts(windows, {name: judges.judge(name, frames) for name in JUDGE_NAMES}, judges)
