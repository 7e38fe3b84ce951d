"""What must move in a scene: which measure, in which direction and by how much."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from strut_model.scene.descriptor import SceneDescriptor
from strut_model.scene.effects import effects_of
from strut_model.scene.measures import Measures
from strut_model.scene.posture import HEADROOM

LOW, HIGH = 0.7, 1.3
"""Shares of the amount between which a change has to lie at alpha 1."""

RATIOS: dict[str, float] = {"step_length": 0.04, "cadence": 0.04}
"""Measures that change by a factor, and the least change of it (from 1) that is expected to show."""
DIFFERENCES: dict[str, float] = {
    "step_width": 0.02,
    "clearance": 0.015,
    "sink": 0.01,
    "knee_flexion": 3.0,
    "trunk_lean": 3.0,
    "trunk_side": 3.0,
    "arm_abduction": 6.0,
    "elbow_flexion": 10.0,
    "gaze": 4.0,
}
"""Measures that change by an amount, and the least amount."""


@dataclass(frozen=True)
class Expectation:
    """One measure that a scene must move.

    Attributes:
        measure: its name in `Measures`.
        amount: at alpha 1: a factor less 1 where ``ratio``, else a difference in the measure's unit. NaN where only the
            direction is expected.
        direction: 1 or -1.
        ratio: whether the change is a factor.
        target: where the measure has to come to, whatever it was; NaN where that is not the scene's to say.
    """

    measure: str
    amount: float
    direction: int
    ratio: bool
    target: float = float("nan")

    def of(self, before: float) -> Expectation:
        """The same with the amount that leads from a measure of ``before`` to the target, where there is one."""
        return self if math.isnan(self.target) else replace(self, amount=self.target - before)

    def change(self, before: Measures, after: Measures) -> float:
        """The change found, in the unit of ``amount``."""
        a, b = before[self.measure], after[self.measure]
        return b / a - 1 if self.ratio else b - a

    def share(self, before: Measures, after: Measures) -> float:
        """The change found as a share of the amount."""
        return self.change(before, after) / self.amount


def expectations(scene: SceneDescriptor) -> tuple[Expectation, ...]:
    """What must move in a scene, from its effects at alpha 1; what is too small to show is left out.

    Two effects hide others: a low ceiling stoops the trunk, and deep sinking bends the knees, by more than any other
    effect adds. There the hidden amount is not expected. Arms that are drawn in come only as far as the body, and
    elbows that are bent already only as far as they bend: of these the direction alone is expected.
    """
    effects = effects_of(scene)
    low = effects.ceiling < 10
    rows = []
    for name, least in RATIOS.items():
        change = getattr(effects, name) * (effects.wading if name == "cadence" else 1.0) - 1
        if abs(change) >= least:
            rows.append(Expectation(name, change, 1 if change > 0 else -1, True))
    for name, least in DIFFERENCES.items():
        amount = getattr(effects, name)
        if low and name in ("trunk_lean", "gaze", "knee_flexion", "trunk_side"):
            continue
        exact = amount
        if (name == "arm_abduction" and amount < 0) or (name == "knee_flexion" and effects.sink > 0.08):
            exact = float("nan")
        if name == "elbow_flexion":
            exact = float("nan")
        if abs(amount) >= least:
            rows.append(Expectation(name, exact, 1 if amount > 0 else -1, False))
    if effects.wading < 0.95:
        rows.append(Expectation("swing_speed", float("nan"), -1, True))
    if effects.narrowing < 0.9:
        rows.append(Expectation("straddle", effects.narrowing - 1, -1, True))
    if low:
        rows.append(Expectation("head_height", float("nan"), -1, False, effects.ceiling - HEADROOM))
    return tuple(rows)
