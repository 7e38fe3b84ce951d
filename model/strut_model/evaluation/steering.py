"""Steering: how a body takes curves, corners and halts, faces apart from its way, and turns in place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.bootstrap import Figure, bootstrap_macro, bootstrap_mean
from strut_model.evaluation.feet import foot_stance, stance_slide
from strut_model.evaluation.paths import body_path, facing_error, low_passed, path_error
from strut_model.evaluation.protocol import SECOND
from strut_model.evaluation.trials import Trial
from strut_model.motion import Motion
from strut_model.skeleton import FPS

Array = NDArray[np.floating]

Figures = dict[str, Figure]

ON_PATH_CM = 5.0
"""Who is nearer to the path than that is on it again."""
TURNED_DEG = 5.0
SLIDE_CM_S = 2.0
STANDING_SHARE = 0.8
"""Share of a turn in which at least one foot must stand: a body that floats round does not slide, either."""


def deviation(trial: Trial, motion: Motion) -> Array:
    """Distance (T,) in cm of the body from where it was asked to be, both low-passed alike."""
    known = trial.history.frames
    place, _ = body_path(Motion.concatenate((trial.history, motion)))
    asked = low_passed(np.concatenate((trial.history.root_position, trial.path)))
    return path_error(place, asked)[known:]


def return_time(deviation_cm: Array, corner: int) -> float:
    """Seconds from a corner until the body is on its path for good: 0 who never left it, all that was seen if never."""
    away = np.flatnonzero(deviation_cm[corner:] > ON_PATH_CM)
    return float(away[-1] + 1) / FPS if len(away) else 0.0


def curve_figures(trials: Sequence[Trial], motions: Sequence[Motion]) -> Figures:
    """``path_error_curves_cm``: mean distance from circles of a radius over a metre, macro over styles."""
    errors = [float(deviation(t, m).mean()) for t, m in zip(trials, motions)]
    return {"path_error_curves_cm": _macro(errors, trials)}


def corner_figures(trials: Sequence[Trial], motions: Sequence[Motion], before: int = 15) -> Figures:
    """``path_error_corner_cm``, the largest distance at a sharp corner, and ``corner_return_s``.

    Args:
        trials: of ``manoeuvres.corners``.
        motions: what came of them.
        before: frames before the corner from which on it counts: bodies turn in early.
    """
    largest, returned = [], []
    for trial, motion in zip(trials, motions):
        corner = int(trial.notes["corner"])
        away = deviation(trial, motion)
        largest.append(float(away[corner - before :].max()))
        returned.append(return_time(away, corner))
    return {"path_error_corner_cm": _macro(largest, trials), "corner_return_s": _macro(returned, trials)}


def halt_figures(trials: Sequence[Trial], motions: Sequence[Motion]) -> Figures:
    """``path_error_stop_cm``: mean distance from the asked place from the asked stop on, macro over styles."""
    errors = [float(deviation(t, m)[int(t.notes["stop"]) :].mean()) for t, m in zip(trials, motions)]
    return {"path_error_stop_cm": _macro(errors, trials)}


def facing_apart_figures(trials: Sequence[Trial], motions: Sequence[Motion]) -> Figures:
    """``facing_apart_strafing_deg`` and ``facing_apart_other_deg``: of styles with and without clips of strafing.

    Mean facing error once the turn has settled; ``path_error_apart_cm`` is the path's meanwhile.
    """
    errors: dict[str, list[tuple[float, Trial]]] = defaultdict(list)
    for trial, motion in zip(trials, motions):
        first = int(trial.notes["settled"])
        _, heading = body_path(Motion.concatenate((trial.history, motion)))
        error = facing_error(heading[trial.history.frames :], trial.facing)[first:].mean()
        kind = "strafing" if trial.notes["strafing"] else "other"
        errors[f"facing_apart_{kind}_deg"].append((float(error), trial))
        errors["path_error_apart_cm"].append((float(deviation(trial, motion)[first:].mean()), trial))
    return {name: _macro([e for e, _ in rows], [t for _, t in rows]) for name, rows in errors.items()}


@dataclass(frozen=True)
class TurnInPlace:
    """How a standing body turned.

    Attributes:
        error_deg: mean facing error in the last second.
        slide_cm_s: mean slide of standing feet from the turn's beginning to half a second after its end, 0 if none
            stood. A stiff figure that is turned on the spot slides by 10 to 20.
        standing: share of that time in which at least one foot stood.
    """

    error_deg: float
    slide_cm_s: float
    standing: float

    @property
    def reached(self) -> bool:
        """Whether it faces where it was asked to, and its feet stood on the ground meanwhile instead of sliding."""
        return self.error_deg <= TURNED_DEG and self.slide_cm_s <= SLIDE_CM_S and self.standing >= STANDING_SHARE


def turn_in_place(motion: Motion, facing: Array, turn: int, turned: int) -> TurnInPlace:
    """Measures a turn on the spot.

    Args:
        motion: (T) frames.
        facing: (T,) radians asked.
        turn, turned: frames in which the asked facing begins and ends to change.
    """
    _, heading = body_path(motion)
    positions = motion.positions()[turn : turned + SECOND // 2]
    slide = stance_slide(positions)
    return TurnInPlace(
        float(facing_error(heading, facing)[-SECOND:].mean()),
        float(np.nanmean(slide)) if np.isfinite(slide).any() else 0.0,
        float(foot_stance(positions).any(axis=-1).mean()),
    )


def turn_figures(trials: Sequence[Trial], motions: Sequence[Motion]) -> Figures:
    """``turn_in_place_45``, ``_90`` and ``_180``: share reached within 5 degrees with standing, unsliding feet.

    ``turn_in_place_error_deg`` and ``turn_in_place_slide`` (cm/s) say by how much they miss.
    """
    rows: dict[str, list[tuple[float, Trial]]] = defaultdict(list)
    for trial, motion in zip(trials, motions):
        done = turn_in_place(motion, trial.facing, int(trial.notes["turn"]), int(trial.notes["turned"]))
        rows[f"turn_in_place_{trial.notes['degrees']:g}"].append((float(done.reached), trial))
        rows["turn_in_place_error_deg"].append((done.error_deg, trial))
        rows["turn_in_place_slide"].append((done.slide_cm_s, trial))
    return {name: bootstrap_mean([v for v, _ in pairs], [t.clip for _, t in pairs]) for name, pairs in rows.items()}


def _macro(values: Sequence[float], trials: Sequence[Trial]) -> Figure:
    return bootstrap_macro(values, [t.style for t in trials], [t.clip for t in trials])
