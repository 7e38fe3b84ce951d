"""Whether scenes move what they must: the change of each expected measure against the scene-free rollout's.

A measure's change in a combination is the mean over seeds of rollout in the scene less scene-free rollout of the same
seed. It holds when it goes the right way, grows with alpha, is .7 to 1.3 times the expected amount at alpha 1 (where
an amount is expected) and exceeds three deviations over seeds of the scene-free rollouts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.bootstrap import Figure, bootstrap_mean
from strut_model.evaluation.scene_trials import Combination
from strut_model.evaluation.windows import IDLE
from strut_model.scene.expectations import HIGH, LOW, Expectation, expectations
from strut_model.scene.measures import NAMES, Measures
from strut_model.scene.presets import presets
from strut_model.scene.verification import MONOTONE_TOLERANCE

Array = NDArray[np.floating]

DEVIATIONS = 3.0
"""Deviations over seeds that a change has to exceed."""
PRESET_SHARE, WHOLE_SHARE = 0.8, 0.9
"""Shares of what is expected that have to hold: of every preset, and over all."""
POSTURE = frozenset({"sink", "knee_flexion", "trunk_lean", "trunk_side", "gaze", "head_height"})
"""Measures of a standing content; of an idle one the arms', too: gestures have their own."""
_ARMS = frozenset({"arm_abduction", "elbow_flexion"})


@dataclass(frozen=True)
class Response:
    """What became of one expectation in one combination.

    Attributes:
        scene: preset.
        combination: style and content.
        expectation: what was expected.
        changes: mean over seeds at each alpha, ascending, in the expectation's unit.
        deviation: of the measure over seeds of scene-free rollouts, in the same unit.
    """

    scene: str
    combination: str
    expectation: Expectation
    changes: tuple[float, ...]
    deviation: float

    @property
    def directed(self) -> bool:
        """It goes the right way."""
        return self.changes[-1] * self.expectation.direction > 0

    @property
    def monotone(self) -> bool:
        """It grows with alpha; steps back within 5 % of it, or a deviation over seeds, are none."""
        tolerance = max(MONOTONE_TOLERANCE * abs(self.changes[-1]), self.deviation)
        steps = np.diff((0.0, *self.changes)) * self.expectation.direction
        return bool((steps >= -tolerance).all())

    @property
    def within(self) -> bool | None:
        """It is .7 to 1.3 times the amount; None where the direction alone is expected."""
        if math.isnan(self.expectation.amount):
            return None
        return LOW <= self.changes[-1] / self.expectation.amount <= HIGH

    @property
    def beyond(self) -> bool:
        """It exceeds `DEVIATIONS` deviations over seeds."""
        return abs(self.changes[-1]) > DEVIATIONS * self.deviation

    @property
    def holds(self) -> bool:
        """All of it."""
        return self.directed and self.monotone and self.within is not False and self.beyond

    def to_json(self) -> dict[str, object]:
        """For the report's details."""
        return {
            "scene": self.scene,
            "combination": self.combination,
            "measure": self.expectation.measure,
            "expected": None if math.isnan(self.expectation.amount) else round(self.expectation.amount, 5),
            "direction": self.expectation.direction,
            "changes": [round(change, 5) for change in self.changes],
            "deviation": round(self.deviation, 5),
            "directed": bool(self.directed),
            "monotone": self.monotone,
            "within": self.within,
            "beyond": bool(self.beyond),
        }


def expected_of(scene: str, combination: Combination) -> list[Expectation]:
    """What a preset must move in a combination: all of it in gaits, posture in what stands."""
    rows = expectations(presets()[scene].descriptor)
    if combination.gait:
        return list(rows)
    shown = POSTURE | _ARMS if combination.content == IDLE else POSTURE
    return [row for row in rows if row.measure in shown]


def seed_deviations(combinations: Sequence[Combination], before: Sequence[Sequence[Measures]]) -> dict[str, Measures]:
    """By content the deviation of each measure over seeds, pooled over the combinations of the content.

    A combination's own deviation, from three seeds, would be mostly chance.

    Args:
        combinations: (N).
        before: (N, seeds) measures of scene-free rollouts.
    """
    groups: dict[str, list[Array]] = {}
    for combination, rows in zip(combinations, before, strict=True):
        table = np.array([[row[name] for name in NAMES] for row in rows])
        spread = table.var(axis=0, ddof=1) if len(rows) > 1 else np.zeros(len(NAMES))
        groups.setdefault(combination.content, []).append(spread)
    pooled = {}
    for content, variances in groups.items():
        stacked = np.stack(variances)
        known = np.isfinite(stacked)
        mean = np.where(known, stacked, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        pooled[content] = Measures(*np.where(known.any(axis=0), np.sqrt(mean), np.nan).tolist())
    return pooled


def responses(
    scene: str,
    combinations: Sequence[Combination],
    before: Sequence[Sequence[Measures]],
    after: Sequence[Sequence[Sequence[Measures]]],
    deviations: Mapping[str, Measures],
) -> list[Response]:
    """What became of a preset's expectations; measures that a motion is too short for are left out.

    Args:
        scene: preset.
        combinations: (N).
        before: (N, seeds or more) measures of scene-free rollouts.
        after: (N, alphas, seeds) measures in the scene.
        deviations: of `seed_deviations`.
    """
    found = []
    for combination, free, shown in zip(combinations, before, after, strict=True):
        for expected in expected_of(scene, combination):
            table = np.array([[expected.change(a, b) for a, b in zip(free, row)] for row in shown])
            changes = table.mean(axis=1)
            usual = float(np.mean([row[expected.measure] for row in free]))
            deviation = deviations[combination.content][expected.measure]
            if expected.ratio:
                deviation /= max(abs(usual), 1e-6)
            if np.isfinite(changes).all() and np.isfinite(deviation):
                own = expected.of(usual)
                found.append(Response(scene, combination.name, own, tuple(float(c) for c in changes), float(deviation)))
    return found


def effect_figures(found: Sequence[Response]) -> dict[str, Figure]:
    """Shares that hold, with intervals clustered by combination; see the names in `scene_report.NAMES`."""

    def share(values: Sequence[bool], rows: Sequence[Response]) -> Figure:
        return bootstrap_mean(np.asarray(values, dtype=float), [row.combination for row in rows])

    amounts = [row for row in found if row.within is not None]
    figures = {
        "scene_effect": share([row.holds for row in found], found),
        "scene_direction": share([row.directed for row in found], found),
        "scene_monotone": share([row.monotone for row in found], found),
        "scene_amount": share([row.within is True for row in amounts], amounts),
        "scene_beyond_seeds": share([row.beyond for row in found], found),
    }
    whole: dict[tuple[str, str], list[Response]] = {}
    for row in found:
        whole.setdefault((row.scene, row.combination), []).append(row)
    firsts = [rows[0] for rows in whole.values()]
    figures["scene_effect_together"] = share([all(r.holds for r in rows) for rows in whole.values()], firsts)
    shares = preset_shares(found)
    worst = min(shares.values()) if shares else float("nan")
    figures["scene_effect_worst"] = Figure(worst, worst, worst)
    reached = float(np.mean([value >= PRESET_SHARE for value in shares.values()])) if shares else float("nan")
    figures["scene_presets"] = Figure(reached, reached, reached)
    return figures


def preset_shares(found: Sequence[Response]) -> dict[str, float]:
    """By preset the share of its measures and combinations that hold."""
    rows: dict[str, list[bool]] = {}
    for row in found:
        rows.setdefault(row.scene, []).append(row.holds)
    return {scene: float(np.mean(values)) for scene, values in rows.items()}
