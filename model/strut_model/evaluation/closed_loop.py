"""Figures of held-out rollouts: what each motion does, and how that compares with the real frames of the same clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation import feet, paths, smoothness
from strut_model.evaluation.bootstrap import Figure, bootstrap, bootstrap_macro, bootstrap_ratio
from strut_model.evaluation.frechet import frechet_distance, matched_rows, velocity_vectors
from strut_model.evaluation.judges import window_frames
from strut_model.evaluation.recognition import Verdicts, Window, cut
from strut_model.evaluation.trials import Trial
from strut_model.evaluation.windows import SETTLE_FRAMES, content_kind, judged_starts
from strut_model.features import WINDOW
from strut_model.motion import Motion

Array = NDArray[np.floating]

FRECHET_RESAMPLES = 100


@dataclass(frozen=True)
class Statistics:
    """What one motion does; see ``feet``, ``paths`` and ``smoothness`` for each. NaN where it does not apply.

    Attributes:
        slide: (n,) cm/s, every interval of every standing foot.
        seams, insides: (n,) m/s^2.
    """

    slide: Array
    stance_share: float
    step_length: float
    cadence: float
    swing_clearance: float
    penetration_cm: float
    path_error_cm: float
    facing_error_deg: float
    leg_extension: float
    seams: Array
    insides: Array
    jerk: float
    hand_speed_p50: float
    hand_speed_p95: float
    foot_speed_p50: float
    foot_speed_p95: float
    head_speed_p50: float
    head_speed_p95: float
    hand_band: float
    foot_band: float
    head_band: float
    amplitude: float
    lean_deg: float


def statistics(history: Motion, motion: Motion, path: Array, facing: Array, gait: bool) -> Statistics:
    """What a motion of T frames does.

    Args:
        history: (8) frames before it.
        motion: (T) frames.
        path: (T, 2) metres, asked root places.
        facing: (T,) radians, asked headings.
        gait: whether steps are expected: feet and path of a standing gesture say nothing of locomotion.
    """
    joined = Motion.concatenate((history, motion))
    known = history.frames
    positions = joined.positions()
    own = positions[known:]
    place, heading = paths.body_path(joined)
    slide = feet.stance_slide(own).ravel()
    steps = feet.gait(own) if gait else feet.Gait(*[float("nan")] * 4)
    seams, insides = smoothness.seam_and_inside(positions[known - 1 :], WINDOW)

    def percentiles(joints: tuple[int, ...]) -> tuple[float, float]:
        low, high = np.percentile(smoothness.speed(own, joints), (50, 95))
        return float(low), float(high)

    hands, toes, head = (percentiles(j) for j in (smoothness.HANDS, smoothness.FEET, smoothness.HEAD))
    return Statistics(
        slide=slide[np.isfinite(slide)] if gait else np.empty(0),
        stance_share=steps.stance_share,
        step_length=steps.step_length,
        cadence=steps.cadence,
        swing_clearance=steps.swing_clearance,
        penetration_cm=float(feet.penetration(own).mean()),
        path_error_cm=float(paths.path_error(place[known:], path).mean()),
        facing_error_deg=float(paths.facing_error(heading[known:], facing).mean()),
        leg_extension=float(paths.leg_extension(own).max()),
        seams=seams,
        insides=insides,
        jerk=float(smoothness.jerk(own).mean()),
        hand_speed_p50=hands[0],
        hand_speed_p95=hands[1],
        foot_speed_p50=toes[0],
        foot_speed_p95=toes[1],
        head_speed_p50=head[0],
        head_speed_p95=head[1],
        hand_band=smoothness.band_energy(own, smoothness.HANDS),
        foot_band=smoothness.band_energy(own, smoothness.FEET),
        head_band=smoothness.band_energy(own, smoothness.HEAD),
        amplitude=smoothness.amplitude(window_frames(motion).local),
        lean_deg=smoothness.lean(own),
    )


def trial_statistics(trials: Sequence[Trial], motions: Sequence[Motion]) -> list[Statistics]:
    """Statistics of trials' motions, over the frames that have real ones beside them where there are any."""
    rows = []
    for trial, motion in zip(trials, motions):
        frames = trial.frames if trial.real is None else min(trial.frames, trial.real.frames)
        gait = content_kind(trial.content) == "locomotion"
        rows.append(
            statistics(trial.history, motion.slice_frames(0, frames), trial.path[:frames], trial.facing[:frames], gait)
        )
    return rows


def real_motions(trials: Sequence[Trial]) -> list[Motion]:
    """The real frames of trials that have them."""
    return [trial.real for trial in trials if trial.real is not None]


def trial_windows(trials: Sequence[Trial], motions: Sequence[Motion], first: int = SETTLE_FRAMES) -> list[Window]:
    """The judged windows of trials: of a gesture all count for style, those inside its event for content.

    Args:
        trials: the tasks.
        motions: what came of them.
        first: frame at which the first window may start; a second after the last real frame by default.
    """
    windows = []
    for trial, motion in zip(trials, motions):
        starts = set(judged_starts(motion.frames, settle=first))
        inside = starts
        if trial.event is not None:
            inside = set(judged_starts(motion.frames, settle=first, event=trial.event))
        for start in sorted(starts | inside):
            windows.append(
                Window(
                    cut(motion, start),
                    trial.style,
                    trial.content,
                    trial.clip,
                    trial.dataset,
                    scored=start in inside,
                    group=trial.name,
                )
            )
    return windows


def motion_figures(
    trials: Sequence[Trial], made: Sequence[Statistics], real: Sequence[Statistics]
) -> dict[str, Figure]:
    """Feet, path, seams, smoothness and amplitude of motions against the real ones, row by row.

    Args:
        trials: (N) tasks; the same several times when there are several seeds.
        made: (N) what was generated.
        real: (N) what the clip did.
    """
    clips = [t.clip for t in trials]
    gaits = [i for i, t in enumerate(trials) if content_kind(t.content) == "locomotion"]

    def macro(name: str, rows: Sequence[int]) -> Figure:
        return bootstrap_macro(
            [getattr(made[i], name) for i in rows], [trials[i].style for i in rows], [clips[i] for i in rows]
        )

    def ratio(name: str) -> Figure:
        return bootstrap_ratio([getattr(m, name) for m in made], [getattr(r, name) for r in real], clips)

    figures = {
        **slide_figures(trials, made),
        "path_error_cm": macro("path_error_cm", gaits),
        "facing_error_deg": macro("facing_error_deg", gaits),
        "penetration_cm": macro("penetration_cm", range(len(trials))),
        "leg_extension": macro("leg_extension", gaits),
        "seam_acceleration_ratio": seam_ratio(made, clips),
    }
    for name in ("stance_share", "step_length", "cadence", "swing_clearance", "jerk", "amplitude"):
        figures[f"{name}_ratio"] = ratio(name)
    for limb in ("hand", "foot", "head"):
        for rank in ("p50", "p95"):
            figures[f"{limb}_speed_{rank}_ratio"] = ratio(f"{limb}_speed_{rank}")
        figures[f"{limb}_band_ratio"] = ratio(f"{limb}_band")
    figures["lean_difference_deg"] = bootstrap_macro(
        [abs(m.lean_deg - r.lean_deg) for m, r in zip(made, real)], [t.style for t in trials], clips
    )
    return figures


def slide_figures(trials: Sequence[Trial], made: Sequence[Statistics], suffix: str = "") -> dict[str, Figure]:
    """Mean slide in stance (macro over styles) and its 95th percentile over all intervals, gaits only."""
    rows = [i for i, s in enumerate(made) if len(s.slide)]
    clips = [trials[i].clip for i in rows]
    mean = bootstrap_macro([float(made[i].slide.mean()) for i in rows], [trials[i].style for i in rows], clips)
    if suffix:
        return {f"stance_slide{suffix}": mean}
    highest = bootstrap(
        lambda chosen: float(np.percentile(np.concatenate([made[rows[i]].slide for i in chosen]), 95)),
        clips,
        resamples=100,
    )
    return {"stance_slide": mean, "stance_slide_p95": highest}


def seam_ratio(made: Sequence[Statistics], clips: Sequence[str]) -> Figure:
    """Mean over seams of the largest acceleration, over the same inside windows."""
    top = [float(s.seams.mean()) if len(s.seams) else float("nan") for s in made]
    bottom = [float(s.insides.mean()) if len(s.insides) else float("nan") for s in made]
    return bootstrap_ratio(top, bottom, clips)


def frechet_figures(made: Verdicts, real: Verdicts, seed: int) -> dict[str, Figure]:
    """Frechet distances between two sets of judged windows, at equal counts and the same mix of style and content.

    The feature space is that of judge ``a``; velocities are those of all joints, frame by frame.

    Args:
        made: generated windows, or training windows for the real data's own distance.
        real: held-out windows.
        seed: of the draw among windows of the same labels.
    """
    labels = [[(w.style, w.content) for w in v.windows] for v in (made, real)]
    first, second = matched_rows(labels[0], labels[1], seed)
    if len(first) == 0:
        return {"frechet": Figure.missing(), "frechet_velocity": Figure.missing()}
    clips = [real.windows[i].clip for i in second]

    def distance(a: Array, b: Array) -> Figure:
        return bootstrap(
            lambda rows: frechet_distance(a[rows].reshape(-1, a.shape[-1]), b[rows].reshape(-1, b.shape[-1])),
            clips,
            resamples=FRECHET_RESAMPLES,
            recentre=True,
        )

    def velocities(verdicts: Verdicts, rows: NDArray[np.int64]) -> Array:
        motion = Motion.stack([verdicts.windows[i].motion for i in rows])
        return velocity_vectors(motion)

    return {
        "frechet": distance(made.said["a"].embedding[first], real.said["a"].embedding[second]),
        "frechet_velocity": distance(velocities(made, first), velocities(real, second)),
    }


def mean_figure(figures: Sequence[Figure]) -> Figure:
    """Mean of figures measured with different seeds on the same clips; the interval is their mean interval."""
    known = [f for f in figures if f.known]
    if not known:
        return Figure.missing()
    return Figure(*(float(np.mean([getattr(f, name) for f in known])) for name in ("value", "low", "high")))
