"""Drift: the same measures early and minutes later in one rollout."""

from __future__ import annotations

from collections.abc import Sequence

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
MEASURES = ("style", "path", "slide", "jerk", "upright")
_HEAD = JOINT_INDEX["head"]


def stretch(motion: Motion, seconds: float) -> tuple[int, int]:
    """Frames [first, last) that stand for a time: they end there, but begin a second in at the earliest."""
    last = min(round(seconds * 30), motion.frames)
    return max(last - STRETCH, 30), last


def _measured(
    judges: Judges, trials: Sequence[Trial], motions: Sequence[Motion], seconds: float
) -> dict[str, np.ndarray]:
    """For each trial how it does at a time, by measure; more is worse but for style."""
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
        rows["slide"][i] = own.slide.mean() if len(own.slide) else np.nan
        rows["jerk"][i] = own.jerk
        rows["upright"][i] = part.positions()[:, _HEAD, 1].min()
    verdicts = judge_windows(judges, windows)
    hits = np.minimum(*(verdicts.style_hits(name) for name in JUDGE_NAMES))
    for i in range(len(trials)):
        rows["style"][i] = np.mean([h for h, w in zip(hits, windows) if w.group == str(i)])
    return rows


def drift_figures(
    judges: Judges, trials: Sequence[Trial], motions: Sequence[Motion], late: float = 300.0
) -> dict[str, Figure]:
    """How much worse a measure is late than after ten seconds.

    ``drift_5min`` is the largest relative worsening among style recognised, path error (of at least 1 cm), slide, jerk
    and the lowest head height; 0 where none is worse. The measures themselves are given at both times.

    Args:
        judges: both.
        trials: of ``Protocol.drifting``.
        motions: one rollout of each.
        late: seconds.
    """
    early_rows = _measured(judges, trials, motions, 10.0)
    late_rows = _measured(judges, trials, motions, late)
    names = [t.name for t in trials]

    def worst(rows: np.ndarray) -> float:
        changes = [0.0]
        for measure in MEASURES:
            first, then = early_rows[measure][rows], late_rows[measure][rows]
            if not (np.isfinite(first).any() and np.isfinite(then).any()):
                continue  # feet that never stand have no slide
            before, after = float(np.nanmean(first)), float(np.nanmean(then))
            if measure in ("style", "upright"):
                changes.append((before - after) / max(before, 1e-6))
            else:
                changes.append((after - before) / max(before, 1.0 if measure == "path" else 1e-6))
        return max(changes)

    label = f"{late / 60:g}min" if late >= 60 else f"{late:g}s"
    times = {"10s": early_rows, label: late_rows}
    if late > 60:
        times["1min"] = _measured(judges, trials, motions, 60.0)
    figures = {"drift_5min" if late == 300 else f"drift_{label}": bootstrap(worst, names)}
    for measure in MEASURES:
        for when, rows in times.items():
            figures[f"{measure}_at_{when}"] = bootstrap_macro(rows[measure], names, names)
    return figures
