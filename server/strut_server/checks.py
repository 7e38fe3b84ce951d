"""Collecting what is wrong with a message, so that the client is told all of it at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from strut_server.errors import Violation, invalid, quoted

MAX_VIOLATIONS = 16
"""More are not listed: a message of ten thousand wrong numbers is not answered with ten thousand sentences."""


class Checker:
    """Violations found so far, and the checks that add to them."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    @property
    def failed(self) -> bool:
        """True once anything was wrong."""
        return bool(self.violations)

    def refuse(self, field: str, value: object, allowed: str) -> None:
        """Note that ``field`` holds ``value``, which it may not."""
        self.note(field, f"is {quoted(value)}", allowed)

    def note(self, field: str, what: str, allowed: str) -> None:
        """Note ``what`` is wrong with ``field``, in words."""
        if len(self.violations) < MAX_VIOLATIONS:
            self.violations.append(Violation(field, what, allowed))

    def require(self, present: bool, field: str, allowed: str) -> bool:
        """A field that must be given."""
        if not present:
            self.note(field, "is missing", allowed)
        return present

    def number(self, field: str, value: float, low: float, high: float, unit: str = "") -> bool:
        """A finite number from ``low`` to ``high``."""
        if low <= value <= high:  # False for NaN
            return True
        self.refuse(field, value, f"{low:g} to {high:g}{' ' + unit if unit else ''}")
        return False

    def count(self, field: str, count: int, low: int, high: int, what: str) -> bool:
        """The length of a list or a string."""
        if low <= count <= high:
            return True
        self.note(field, f"has {count} {what}", f"{low} to {high}" if low != high else str(low))
        return False

    def values(self, field: str, values: npt.NDArray[np.floating], low: float, high: float, unit: str = "") -> bool:
        """An array of finite numbers from ``low`` to ``high``; the first wrong one is named."""
        wrong = ~((values >= low) & (values <= high))
        if not wrong.any():
            return True
        where = int(wrong.argmax())
        self.refuse(f"{field}[{where}]", float(values[where]), f"{low:g} to {high:g}{' ' + unit if unit else ''}")
        return False

    def raise_if_failed(self) -> None:
        """Raise the RequestError that lists the violations, if there are any."""
        if self.violations:
            raise invalid(self.violations)


def listed(names: Sequence[object], limit: int = 30) -> str:
    """Names for a message."""
    shown = ", ".join(str(name) for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")


def finite(value: float) -> bool:
    """True for a number that is neither NaN nor infinite."""
    return math.isfinite(value)
