"""Switches of style and content on the way: recognised a second later, as a share of what no switch reaches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.bootstrap import Figure, bootstrap, bootstrap_mean
from strut_model.evaluation.feet import foot_stance
from strut_model.evaluation.judges import JUDGE_NAMES, Judges
from strut_model.evaluation.recognition import Verdicts, Window, cut, judge_windows
from strut_model.evaluation.smoothness import speed
from strut_model.evaluation.switches import WAYS
from strut_model.evaluation.trials import Trial
from strut_model.evaluation.windows import IDLE, JUDGED_FRAMES, SETTLE_FRAMES, inside_event, window_starts
from strut_model.motion import Motion
from strut_model.skeleton import JOINT_INDEX, JOINTS


def is_idle(motion: Motion, planted: float = 0.9, joint_speed: float = 0.5, ribs: str = "spine2") -> bool:
    """Whether somebody stands idle, by kinematics: feet planted, hands below the ribs, all joints slow.

    Args:
        motion: some frames.
        planted: share of the time in which both feet must stand.
        joint_speed: m/s, 95th percentile over joints and frames.
        ribs: joint below which the wrists must stay on average.
    """
    positions = motion.positions()
    feet = foot_stance(positions).all(axis=-1).mean() >= planted
    wrists = positions[:, [JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]], 1].mean(axis=0).max()
    low = wrists < positions[:, JOINT_INDEX[ribs], 1].mean()
    slow = np.percentile(speed(positions, tuple(range(JOINTS))), 95) < joint_speed
    return bool(feet and low and slow)


def later_windows(trials: Sequence[Trial], motions: Sequence[Motion]) -> list[Window]:
    """The windows of switching trials that start a second after the switch; of a gesture those inside its event.

    A gesture that is over sooner is judged once, at its end.
    """
    windows = []
    for trial, motion in zip(trials, motions):
        first = int(trial.notes["switch"]) + SETTLE_FRAMES
        starts = window_starts(first, motion.frames, stride=JUDGED_FRAMES // 2)
        if trial.event is not None:
            starts = [s for s in starts if inside_event(s, trial.event)]
            if not starts:
                starts = [max(motion.frames - JUDGED_FRAMES, 0)]
        windows += [
            Window(cut(motion, s), trial.style, trial.content, trial.clip, trial.dataset, group=trial.name)
            for s in starts
        ]
    return windows


def _shares(verdicts: Verdicts, hits: Sequence[float]) -> dict[str, float]:
    """Share of hits of each trial."""
    table: dict[str, list[float]] = defaultdict(list)
    for window, hit in zip(verdicts.windows, hits):
        table[window.group].append(hit)
    return {group: float(np.mean(rows)) for group, rows in table.items()}


def style_switch_figures(
    judges: Judges,
    changed: tuple[Sequence[Trial], Sequence[Motion]],
    same: tuple[Sequence[Trial], Sequence[Motion]],
) -> dict[str, Figure]:
    """``switch_median`` and ``switch_worst_decile`` over pairs, and ``switch_recognised``, the plain share of windows.

    Args:
        judges: both are asked; the lower figure counts.
        changed: trials with a switch and their motions, all seeds.
        same: the same styles and contents without a switch.
    """
    with_switch = judge_windows(judges, later_windows(*changed))
    without = judge_windows(judges, later_windows(*same))
    reached_by = {t.name: (t.style, t.content) for t in same[0]}
    asked_by = {t.name: (t.style, t.content) for t in changed[0]}
    figures: dict[str, list[Figure]] = defaultdict(list)
    for name in JUDGE_NAMES:
        best: dict[tuple[str, str], list[float]] = defaultdict(list)
        for trial, share in _shares(without, without.style_hits(name).tolist()).items():
            best[reached_by[trial]].append(share)
        shares = _shares(with_switch, with_switch.style_hits(name).tolist())
        pairs = list(shares)
        plain = np.array([shares[p] for p in pairs])
        ceiling = np.array([float(np.mean(best.get(asked_by[p], [float("nan")]))) for p in pairs])
        ratio = np.minimum(np.divide(plain, ceiling, out=np.full_like(plain, np.nan), where=ceiling > 0), 1)
        known = np.isfinite(ratio)
        ratio, names = ratio[known], [p for p, k in zip(pairs, known) if k]
        figures["switch_recognised"].append(bootstrap_mean(plain, pairs))
        figures["switch_median"].append(_quantile(ratio, names, 0.5))
        figures["switch_worst_decile"].append(_quantile(ratio, names, 0.1))
    return {key: min(rows, key=lambda f: f.value) for key, rows in figures.items()}


def _quantile(values: NDArray[np.float64], pairs: Sequence[str], share: float) -> Figure:
    """A quantile over pairs."""
    return bootstrap(lambda rows: float(np.quantile(values[rows], share)), pairs)


def content_switch_figures(
    judges: Judges,
    changed: tuple[Sequence[Trial], Sequence[Motion]],
    same: tuple[Sequence[Trial], Sequence[Motion]],
) -> dict[str, Figure]:
    """``content_switch``: share of windows with the new content, over what no switch reaches; idle by kinematics.

    The same for each way of switching (``content_switch_gait_to_idle``), and ``content_switch_recognised``, the plain
    share of windows.
    """
    verdicts = [judge_windows(judges, later_windows(*side)) for side in (changed, same)]
    idle = [[is_idle(w.motion) if w.content == IDLE else None for w in v.windows] for v in verdicts]
    figures: dict[str, list[Figure]] = defaultdict(list)
    asked = {t.name: (t.style, t.content) for side in (changed, same) for t in side[0]}
    ways = {t.name: str(t.notes["way"]) for t in changed[0]}
    for name in JUDGE_NAMES:
        rows = []
        for side, still in zip(verdicts, idle):
            hits = [float(hit if s is None else s) for hit, s in zip(side.content_hits(name).tolist(), still)]
            rows.append(_shares(side, hits))
        best: dict[tuple[str, str], list[float]] = defaultdict(list)
        for trial, share in rows[1].items():
            best[asked[trial]].append(share)
        pairs = [pair for pair in rows[0] if asked[pair] in best]
        top = [rows[0][pair] for pair in pairs]
        bottom = [float(np.mean(best[asked[pair]])) for pair in pairs]
        figures["content_switch"].append(_of_no_switch(top, bottom, pairs))
        figures["content_switch_recognised"].append(bootstrap_mean(top, pairs))
        for way in WAYS:
            own = [i for i, pair in enumerate(pairs) if ways[pair] == way]
            if own:
                label = f"content_switch_{way.replace(' ', '_')}"
                shares = [[values[i] for i in own] for values in (top, bottom)]
                figures[label].append(_of_no_switch(shares[0], shares[1], [pairs[i] for i in own]))
    return {
        label: min(both, key=lambda figure: figure.value if figure.known else np.inf) for label, both in figures.items()
    }


def _of_no_switch(switched: Sequence[float], unswitched: Sequence[float], pairs: Sequence[str]) -> Figure:
    """Mean share after a switch over the mean share without one, at most 1."""
    top, bottom = np.array(switched), np.array(unswitched)

    def share(chosen: NDArray[np.int64]) -> float:
        reached = float(bottom[chosen].mean())
        return min(float(top[chosen].mean()) / reached, 1.0) if reached > 0 else float("nan")

    return bootstrap(share, pairs)
