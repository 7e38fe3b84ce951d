"""Controls: stopping, response to a change, styles on parts of the body, spread over seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.bootstrap import Figure, bootstrap_mean
from strut_model.evaluation.closed_loop import trial_windows
from strut_model.evaluation.feet import foot_stance
from strut_model.evaluation.judges import PART_JUDGE, Judges, window_frames
from strut_model.evaluation.paths import smoothed_speed
from strut_model.evaluation.protocol import EASE, Protocol
from strut_model.evaluation.recognition import Window
from strut_model.evaluation.smoothness import amplitude
from strut_model.evaluation.trials import Trial
from strut_model.evaluation.windows import JUDGED_FRAMES, SETTLE_FRAMES
from strut_model.motion import Motion
from strut_model.skeleton import FPS, PART_JOINTS, PART_NAMES

Array = NDArray[np.floating]


def stop_time(motion: Motion, stop: int, slow: float = 0.1) -> float:
    """Seconds from the asked stop until the body is slower than ``slow`` m/s with both feet standing; NaN if never.

    Args:
        motion: (T) frames.
        stop: frame at which standing was asked for.
        slow: m/s, low-passed speed of the pelvis.
    """
    speed = smoothed_speed(motion.world_pelvis())
    standing = foot_stance(motion.positions()).all(axis=-1)
    still = (speed[1:] < slow) & standing
    reached = np.flatnonzero(still[stop:])
    return float(reached[0] + 1) / FPS if len(reached) else float("nan")


def stop_figures(trials: Sequence[Trial], motions: Sequence[Motion], within: float = 1.2) -> dict[str, Figure]:
    """``stop_within_1_2s``: share of stops that stand within so many seconds."""
    hits = [float(stop_time(m, int(t.notes["stop"])) <= within) for t, m in zip(trials, motions)]
    return {"stop_within_1_2s": bootstrap_mean(hits, [t.clip for t in trials])}


def response_time(kind: str, motion: Motion, change: int) -> float:
    """Seconds from a changed control until half of its effect is seen; NaN if never.

    Direction: the body's path has turned half way to its final heading (asked: a quarter turn). Speed and stop: the
    low-passed speed has covered half of what was asked, from the mean of the second before.

    Args:
        kind: "direction", "speed" (40 % faster) or "stop".
        motion: (T) frames.
        change: frame of the change.
    """
    pelvis = motion.world_pelvis()
    speed = smoothed_speed(pelvis, sigma=4.0)
    before = float(speed[max(change - 30, 0) : change].mean())
    if kind == "direction":
        sway_free = smoothed_velocity(pelvis)
        travel = np.unwrap(np.arctan2(sway_free[:, 0], sway_free[:, 1]))
        base = float(travel[max(change - 30, 0) : change].mean())
        seen = np.abs(travel - base) > np.pi / 4
    elif kind == "speed":
        seen = speed > before * 1.2
    elif kind == "stop":
        seen = speed < before * 0.5
    else:
        raise ValueError(f"kind: {kind!r}, allowed: direction, speed, stop")
    reached = np.flatnonzero(seen[change:])
    return float(reached[0]) / FPS if len(reached) else float("nan")


def smoothed_velocity(pelvis: Array, sigma: float = 5.0) -> Array:
    """Ground velocity (T, 2) in m/s of a pelvis path (T, 3), without the sway of the steps."""
    from scipy.ndimage import gaussian_filter1d

    path = gaussian_filter1d(pelvis[:, [0, 2]].astype(np.float64), sigma, axis=0, mode="nearest")
    velocity: Array = np.gradient(path, axis=0) * FPS
    return velocity


def response_figures(trials: Sequence[Trial], motions: Sequence[Motion], never: float = 2.5) -> dict[str, Figure]:
    """``response_s``: mean seconds until a change is seen, and each kind by itself; never counts as 2.5 s."""
    rows: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for trial, motion in zip(trials, motions):
        kind = str(trial.notes["kind"])
        seconds = response_time(kind, motion, int(trial.notes["change"]))
        value = seconds if np.isfinite(seconds) else never
        rows["response_s"].append((value, trial.clip))
        rows[f"response_{kind}_s"].append((value, trial.clip))
    return {key: bootstrap_mean([v for v, _ in pairs], [c for _, c in pairs]) for key, pairs in rows.items()}


def settled_windows(trials: Sequence[Trial], motions: Sequence[Motion]) -> tuple[list[Window], list[int]]:
    """Windows that start after the change of style has settled, and for each the row of its trial."""
    windows, owners = [], []
    for i, (trial, motion) in enumerate(zip(trials, motions)):
        own = trial_windows([trial], [motion], first=SETTLE_FRAMES + EASE)
        windows += own
        owners += [i] * len(own)
    return windows, owners


LIMB_PARTS: dict[str, tuple[int, ...]] = {
    "legs": (PART_NAMES.index("left_leg"), PART_NAMES.index("right_leg")),
    "arms": (PART_NAMES.index("left_arm"), PART_NAMES.index("right_arm")),
}


def part_figures(
    judges: Judges, neutral: str, trials: Sequence[Trial], motions: Sequence[Sequence[Motion]]
) -> dict[str, Figure]:
    """``part_locality``: share of styles on legs or arms alone that are seen there and leave the other limbs neutral.

    Seen: the judge of parts, shown those limbs only, gives the style more than the neutral style, in the mean over
    seeds and windows. Neutral: shown the other limbs only, it gives the neutral style more than the style; and the
    other limbs' range of motion differs from that of the neutral walk by no more than twice the spread over seeds, or
    5 % where the spread is less.

    Args:
        judges: with the judge of parts.
        neutral: name of the neutral style.
        trials: of ``Protocol.parts``.
        motions: for each seed the trials' motions.
    """
    plain = judges.styles.index(neutral)
    margin: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    ranges: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for made in motions:
        windows, owners = settled_windows(trials, made)
        frames = window_frames(Motion.stack([w.motion for w in windows]))
        for limb, parts in LIMB_PARTS.items():
            said = judges.judge(PART_JUDGE, frames, parts).style
            joints = [j for part in parts for j in PART_JOINTS[part]]
            for row, trial in enumerate(trials[i] for i in owners):
                key = (trial.style, str(trial.notes["limbs"]), limb)
                margin[key].append(float(said[row, judges.styles.index(trial.style)] - said[row, plain]))
                ranges[key].append(amplitude(frames.local[row][:, joints]))
    local, names = [], []
    for style in sorted({t.style for t in trials}):
        for limb in LIMB_PARTS:
            other = next(o for o in LIMB_PARTS if o != limb)
            still, moved = np.array(ranges[style, "none", other]), np.array(ranges[style, limb, other])
            allowed = max(2 * float(still.std()), 0.05 * float(still.mean()))
            seen = np.mean(margin[style, limb, limb]) > 0
            kept = np.mean(margin[style, limb, other]) < 0 and abs(moved.mean() - still.mean()) <= allowed
            local.append(float(seen and kept))
            names.append(f"{style} {limb}")
    return {"part_locality": bootstrap_mean(local, names)}


def diversity_ratio(made: Array, real: Array) -> float:
    """Spread of generated windows over that of real ones: mean distance between pairs of embeddings.

    Args:
        made: (K, D) embeddings of one trial with K seeds.
        real: (M, D) embeddings of M takes.
    """

    def mean_distance(points: Array) -> float:
        gaps = np.linalg.norm(points[:, None] - points[None], axis=-1)
        return float(gaps[np.triu_indices(len(points), 1)].mean())

    return mean_distance(made) / mean_distance(real)


def diversity_figures(
    judges: Judges,
    protocol: Protocol,
    rows: Sequence[tuple[Trial, list[tuple[str, int]]]],
    motions: Sequence[Sequence[Motion]],
) -> dict[str, Figure]:
    """``diversity_ratio``: mean over style-content pairs with several takes, in the feature space of judge ``a``.

    Args:
        judges: judge ``a`` gives the embeddings.
        protocol: for the real clips.
        rows: of ``Protocol.diversity``.
        motions: for each seed the trials' motions.
    """
    ratios, names = [], []
    for row, (trial, takes) in enumerate(rows):
        start = int(trial.notes["offset"])
        own = [made[row].slice_frames(start, start + JUDGED_FRAMES) for made in motions]
        if any(m.frames < JUDGED_FRAMES for m in own):
            continue
        real = [protocol.motion(clip).slice_frames(first, first + JUDGED_FRAMES) for clip, first in takes]
        embedding = judges.judge("a", window_frames(Motion.stack(own + real))).embedding
        ratios.append(diversity_ratio(embedding[: len(own)], embedding[len(own) :]))
        names.append(trial.name)
    return {"diversity_ratio": bootstrap_mean(ratios, names)}
