"""Drift: the same measures early and minutes later in one rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from strut_model.evaluation.bootstrap import Figure, bootstrap, bootstrap_macro
from strut_model.evaluation.closed_loop import statistics
from strut_model.evaluation.judges import JUDGE_NAMES, Judges
from strut_model.evaluation.recognition import Window, cut, judge_windows
from strut_model.evaluation.trials import Trial
from strut_model.evaluation.windows import JUDGED_FRAMES, window_starts
from strut_model.motion import Motion
from strut_model.skeleton import JOINT_INDEX

STRETCH = 240
"""Frames that are measured at each time."""
EARLY = 10.0
"""Seconds."""
_HEAD = JOINT_INDEX["head"]


@dataclass(frozen=True)
class Measure:
    """One measure whose drift is looked at.

    Attributes:
        more_is_worse: what counts as worse.
        least: what a change is seen against at least, in the measure's unit: millimetres more of a path error of
            millimetres are no drift.
    """

    more_is_worse: bool
    least: float = 1e-6

    def worsening(self, early: float, late: float) -> float:
        """Relative change for the worse; below 0 where it got better."""
        change = late - early if self.more_is_worse else early - late
        return change / max(abs(early), self.least)


MEASURES: dict[str, Measure] = {
    "style": Measure(more_is_worse=False),
    "content": Measure(more_is_worse=False),
    "path": Measure(more_is_worse=True, least=1.0),
    "facing": Measure(more_is_worse=True, least=1.0),
    "slide": Measure(more_is_worse=True, least=1.0),
    "stance": Measure(more_is_worse=False),
    "jerk": Measure(more_is_worse=True, least=1.0),
    "amplitude": Measure(more_is_worse=False),
    "upright": Measure(more_is_worse=False),
}
"""Style and content recognised, path error (cm), facing error (degrees), slide (cm/s), share of time in stance, jerk
(m/s^3), amplitude (too little of both is soft), and the lowest height of the head (m)."""


def stretch(motion: Motion, seconds: float) -> tuple[int, int]:
    """Frames [first, last) that stand for a time: they end there, but begin a second in at the earliest."""
    last = min(round(seconds * 30), motion.frames)
    return max(last - STRETCH, 30), last


def _measured(
    judges: Judges, trials: Sequence[Trial], motions: Sequence[Motion], seconds: float
) -> dict[str, np.ndarray]:
    """For each trial how it does at a time, by measure."""
    windows: list[Window] = []
    rows = {name: np.full(len(trials), np.nan) for name in MEASURES}
    for i, (trial, motion) in enumerate(zip(trials, motions)):
        first, last = stretch(motion, seconds)
        windows += [
            Window(cut(motion, s), trial.style, trial.content, trial.clip, trial.dataset, group=str(i))
            for s in window_starts(first, last, stride=JUDGED_FRAMES)
        ]
        part = motion.slice_frames(first, last)
        own = statistics(
            motion.slice_frames(first - 8, first), part, trial.path[first:last], trial.facing[first:last], gait=True
        )
        rows["path"][i] = own.path_error_cm
        rows["facing"][i] = own.facing_error_deg
        rows["slide"][i] = own.slide.mean() if len(own.slide) else np.nan
        rows["stance"][i] = own.stance_share
        rows["jerk"][i] = own.jerk
        rows["amplitude"][i] = own.amplitude
        rows["upright"][i] = part.positions()[:, _HEAD, 1].min()
    verdicts = judge_windows(judges, windows)
    hits = {
        "style": np.minimum(*(verdicts.style_hits(name) for name in JUDGE_NAMES)),
        "content": np.minimum(*(verdicts.content_hits(name) for name in JUDGE_NAMES)),
    }
    for label, recognised in hits.items():
        for i in range(len(trials)):
            rows[label][i] = np.mean([h for h, w in zip(recognised, windows) if w.group == str(i)])
    return rows


def worsening(measure: str, early: np.ndarray, late: np.ndarray) -> float:
    """Relative worsening of a measure's mean over the same trials; NaN where either time has no figure."""
    if not (np.isfinite(early).any() and np.isfinite(late).any()):
        return float("nan")  # feet that never stand have no slide
    return MEASURES[measure].worsening(float(np.nanmean(early)), float(np.nanmean(late)))


def drift_figures(
    judges: Judges, trials: Sequence[Trial], motions: Sequence[Motion], late: float = 300.0
) -> dict[str, Figure]:
    """How much worse each measure is late than after ten seconds.

    ``drift_5min_style`` and so on are relative worsenings, negative where it got better, with intervals over the
    rollouts, each compared with itself. ``drift_5min`` is the largest of them, and at least 0; being the largest of
    nine it lies above nought by chance alone. The measures themselves are given at both times.

    Args:
        judges: both.
        trials: of ``Protocol.drifting``.
        motions: one rollout of each.
        late: seconds.
    """
    early_rows = _measured(judges, trials, motions, EARLY)
    late_rows = _measured(judges, trials, motions, late)
    names = [t.name for t in trials]

    def one(measure: str, rows: np.ndarray) -> float:
        return worsening(measure, early_rows[measure][rows], late_rows[measure][rows])

    def worst(rows: np.ndarray) -> float:
        changes = [one(measure, rows) for measure in MEASURES]
        return max([0.0, *(change for change in changes if np.isfinite(change))])

    label = f"{late / 60:g}min" if late >= 60 else f"{late:g}s"
    times = {"10s": early_rows, label: late_rows}
    if late > 60:
        times["1min"] = _measured(judges, trials, motions, 60.0)
    figures = {f"drift_{label}": bootstrap(worst, names)}
    for measure in MEASURES:

        def change(rows: np.ndarray, measure: str = measure) -> float:
            return one(measure, rows)

        figures[f"drift_{label}_{measure}"] = bootstrap(change, names)
        for when, rows in times.items():
            figures[f"{measure}_at_{when}"] = bootstrap_macro(rows[measure], names, names)
    return figures
