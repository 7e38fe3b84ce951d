"""Targets and verdicts: holds, falls short, or unresolved where the target lies within the interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from strut_model.evaluation.bootstrap import Figure

DEFAULT_FILE = Path(__file__).with_name("targets.yaml")
HOLDS, FALLS_SHORT, UNRESOLVED, NOT_MEASURED = "holds", "falls short", "unresolved", "not measured"


class TargetError(ValueError):
    """A targets file that cannot be used; the message names the measure and what is allowed."""


@dataclass(frozen=True)
class Bound:
    """A number, or one that follows from the real data's figure: ``number + factor * real``."""

    number: float
    factor: float = 0.0

    def value(self, real: Figure | None) -> float:
        """The bound in figures; NaN where the real figure is needed and not known."""
        if self.factor == 0:
            return self.number
        return self.number + self.factor * real.value if real is not None else float("nan")

    def text(self, real: Figure | None) -> str:
        """The bound in figures, or what it follows from while the real figure is not known."""
        value = self.value(real)
        if np.isfinite(value):
            return f"{value:.3g}"
        return f"{self.factor:g} x real" if self.number == 0 else f"real - {-self.number:g}"


@dataclass(frozen=True)
class Target:
    """What a measure must reach: at least ``low`` and at most ``high``."""

    measure: str
    low: Bound | None = None
    high: Bound | None = None

    def text(self, real: Figure | None) -> str:
        """The target in words, with bounds in figures."""
        low = None if self.low is None else self.low.text(real)
        high = None if self.high is None else self.high.text(real)
        if low is not None and high is not None:
            return f"{low} to {high}"
        return f">= {low}" if low is not None else f"<= {high}"

    def verdict(self, figure: Figure | None, real: Figure | None) -> str:
        """Whether the whole interval lies within the bounds, outside, or across one of them."""
        if figure is None or not figure.known:
            return NOT_MEASURED
        low = -np.inf if self.low is None else self.low.value(real)
        high = np.inf if self.high is None else self.high.value(real)
        if not (np.isfinite(low) or np.isfinite(high)):
            return NOT_MEASURED
        if low <= figure.low and figure.high <= high:
            return HOLDS
        if figure.high < low or figure.low > high:
            return FALLS_SHORT
        return UNRESOLVED


def _bound(measure: str, value: Any) -> Bound:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Bound(float(value))
    if isinstance(value, Mapping) and len(value) == 1:
        (kind, number), *_ = value.items()
        if kind == "times_real":
            return Bound(0.0, float(number))
        if kind == "below_real":
            return Bound(-float(number), 1.0)
    raise TargetError(f"{measure}: bound is {value!r}, allowed: a number, {{times_real: x}} or {{below_real: x}}")


def read_targets(path: Path | None = None) -> dict[str, list[Target]]:
    """Targets by level ("release", "goal"), from a YAML file; the project's own by default.

    Raises:
        TargetError: something in it is not a target.
    """
    data = yaml.safe_load((path or DEFAULT_FILE).read_text(encoding="utf-8"))
    levels: dict[str, list[Target]] = {}
    for level, table in data.items():
        rows = []
        for measure, bounds in table.items():
            unknown = set(bounds) - {"at_least", "at_most", "between"}
            if unknown or len(bounds) != 1:
                raise TargetError(f"{measure}: {bounds!r}, allowed: one of at_least, at_most, between")
            if "between" in bounds:
                low, high = bounds["between"]
                rows.append(Target(measure, _bound(measure, low), _bound(measure, high)))
            elif "at_least" in bounds:
                rows.append(Target(measure, low=_bound(measure, bounds["at_least"])))
            else:
                rows.append(Target(measure, high=_bound(measure, bounds["at_most"])))
        levels[level] = rows
    return levels
