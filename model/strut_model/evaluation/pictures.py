"""Pictures beside the report: strips of poses over time, and the ways that were gone, seen from above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.paths import body_path
from strut_model.evaluation.trials import Trial
from strut_model.motion import Motion
from strut_model.skeleton import FPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Sample = tuple[Trial, Motion]

SHEETS: dict[str, str] = {
    "held_out": "held-out clips",
    "neutral_start": "every style from a neutral walk",
    "switches": "switches of style",
    "content_switches": "switches of content",
    "stops": "stops",
    "turns": "turns in place",
    "strengths": "strength 0, .5, 1 and 1.5",
    "parts": "a style on some parts of the body only",
}
"""Kinds of trials of which strips of poses are made."""

PLANS: dict[str, str] = {
    "curves": "tight curves",
    "corners": "sharp corners",
    "stops": "stops",
    "facing_apart": "facing apart from travel",
    "turns": "turns in place",
}
"""Kinds of trials whose ways are drawn from above."""

VARIANTS = {"strengths": "strength", "parts": "limbs"}
"""Kinds of trials that belong together because they differ in one note only."""


def write_pictures(directory: Path, subject: str, samples: Mapping[str, Sequence[Sample]]) -> list[Path]:
    """All pictures of a subject.

    Args:
        directory: where to write.
        subject: part of the files' names.
        samples: trials with their motions, by kind.

    Returns:
        The pictures' paths.
    """
    written = [write_sheet(directory, subject, kind, samples[kind]) for kind in SHEETS if samples.get(kind)]
    written += [write_plan(directory, subject, kind, samples[kind]) for kind in PLANS if samples.get(kind)]
    return written


def write_sheet(directory: Path, subject: str, kind: str, pairs: Sequence[Sample], rows: int = 8) -> Path:
    """Strips of poses of some trials of a kind, real above generated where there is real motion.

    Args:
        directory: where to write.
        subject, kind: parts of the file's name.
        pairs: trials with their motions.
        rows: strips on a sheet, not counting those of real motion.
    """
    from PIL import Image

    from strut_model.exports.preview import contact_sheet
    from strut_model.exports.recording import Recording

    chosen = variants(pairs, rows) if kind in VARIANTS else spread_over_styles(pairs, rows)
    strips: list[tuple[str, Recording]] = []
    for trial, motion in chosen:
        label = caption(kind, trial)
        if trial.real is not None and trial.real.frames > FPS:
            strips.append((f"{label}: real", Recording(trial.real)))
        strips.append((label, Recording(motion)))
    path = directory / f"{subject}_{kind}.png"
    Image.fromarray(contact_sheet(strips)).save(path, optimize=True)
    return path


def caption(kind: str, trial: Trial) -> str:
    """What a strip shows, in a few words."""
    label = f"{trial.style}, {trial.content}"
    if "switch" in trial.notes:
        return f"to {label} at {int(trial.notes['switch']) / FPS:.1f} s"
    if kind == "strengths":
        return f"{label}, strength {trial.notes['strength']:g}"
    if kind == "parts":
        return f"{trial.style} on {trial.notes['limbs']}"
    if "degrees" in trial.notes:
        return f"{label}, {trial.notes['degrees']:g} degrees"
    return label


def spread_over_styles(pairs: Sequence[Sample], count: int) -> list[Sample]:
    """One trial of each of so many styles, spread over the list: of the first its first, of the next its second."""
    groups: dict[str, list[Sample]] = {}
    for trial, motion in pairs:
        groups.setdefault(trial.style, []).append((trial, motion))
    rows = list(groups.values())
    shown = [rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, count).astype(int))]
    return [row[number % len(row)] for number, row in enumerate(shown)]


def variants(pairs: Sequence[Sample], count: int) -> list[Sample]:
    """All variants of the first trials, those of one name together, at most so many motions."""
    groups: dict[str, list[Sample]] = {}
    for trial, motion in pairs:
        groups.setdefault(trial.name, []).append((trial, motion))
    whole = list(groups.values())
    fitting = max(count // len(whole[0]), 1)
    return [pair for i in np.unique(np.linspace(0, len(whole) - 1, fitting).astype(int)) for pair in whole[i]]


def write_plan(directory: Path, subject: str, kind: str, pairs: Sequence[Sample], panels: int = 8) -> Path:
    """Ways from above: asked path and body's path, with where the body faces every third of a second.

    Args:
        directory: where to write.
        subject, kind: parts of the file's name.
        pairs: trials with their motions.
        panels: trials in the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Picture

    chosen = spread_over_styles(pairs, panels)
    columns = 4
    lines = -(-len(chosen) // columns)
    picture = Picture(figsize=(3.2 * columns, 3.2 * lines + 0.3), layout="constrained")
    FigureCanvasAgg(picture)
    picture.suptitle(f"{subject}: {PLANS[kind]}; orange: asked, blue: gone, arrows: facing", fontsize=10)
    for panel, (trial, motion) in enumerate(chosen, start=1):
        axes = picture.add_subplot(lines, columns, panel)
        joined = Motion.concatenate((trial.history, motion))
        place, heading = body_path(joined)
        place, heading = place[trial.history.frames :], heading[trial.history.frames :]
        # +X is to the character's left: seen from above, with forward up, it lies to the left.
        axes.plot(-trial.path[:, 0], trial.path[:, 1], color="tab:orange", linewidth=3, alpha=0.7)
        axes.plot(-place[:, 0], place[:, 1], color="tab:blue", linewidth=1.2)
        for values, angles, colour in ((trial.path, trial.facing, "tab:orange"), (place, heading, "tab:blue")):
            _arrows(axes, values, angles, colour)
        axes.set_title(caption(kind, trial), fontsize=8)
        axes.tick_params(labelsize=7)
        axes.set_aspect("equal", "datalim")
        axes.margins(0.2)
    path = directory / f"{subject}_{kind}_plan.png"
    picture.savefig(path, dpi=90)
    return path


def _arrows(axes: Axes, place: NDArray[np.floating], heading: NDArray[np.floating], colour: str) -> None:
    every = slice(None, None, round(FPS / 3))
    place, heading = place[every], heading[every]
    axes.quiver(
        -place[:, 0], place[:, 1], -np.sin(heading), np.cos(heading), color=colour, scale=14, width=0.006, alpha=0.7
    )
