"""Which synthetic motion is kept: its jerk, accelerations, slide and sunken feet against those of real clips.

A real clip's own figures are the measure, style by style: what an active run may, an elderly walk may not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields

import numpy as np

from strut_model.contacts import foot_contacts
from strut_model.data.synthesis.takes import Array
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS, FPS

MARGIN = 1.15
"""Factor on the real clips' limit."""
PERCENTILE = 98.0
"""Of the real clips of a style and kind; with few clips that is nearly their greatest."""


@dataclass(frozen=True)
class Measures:
    """Figures of one motion, the smaller the better.

    Attributes:
        jerk: m/s^3, 95th percentile over frames of the mean over joints.
        peak_jerk: m/s^3, the greatest of those.
        peak_acceleration: m/s^2, of any joint at any time.
        slide: cm/s, mean of standing feet.
        slide_p95: cm/s, their 95th percentile.
        sunken: cm, how deep the deepest heel or toe is below the ground.
    """

    jerk: float
    peak_jerk: float
    peak_acceleration: float
    slide: float
    slide_p95: float
    sunken: float


_NAMES = tuple(f.name for f in fields(Measures))
_FLOORS = Measures(20.0, 60.0, 15.0, 1.5, 5.0, 1.0)
"""Limits are never below these: what nobody sees is not dropped."""


def measure(positions: Array, tempo: float = 1.0) -> Measures:
    """The figures of a motion.

    Args:
        positions: (T, 22, 3) metres, T >= 8.
        tempo: factor by which the motion was slowed down; its feet are measured at their own tempo, since slow feet
            count as standing for longer.
    """
    acceleration = np.linalg.norm(np.diff(positions, n=2, axis=0), axis=-1) * FPS**2
    jerk = np.linalg.norm(np.diff(positions, n=3, axis=0), axis=-1).mean(axis=-1) * FPS**3
    slide = stance_slide(positions, FPS / tempo)
    height = positions[:, CONTACT_JOINTS, 1] - CONTACT_REST_HEIGHTS
    return Measures(
        float(np.percentile(jerk, 95)),
        float(jerk.max()),
        float(acceleration.max()),
        float(slide.mean()) if len(slide) else 0.0,
        float(np.percentile(slide, 95)) if len(slide) else 0.0,
        float(max(-height.min(), 0.0) * 100),
    )


def stance_slide(positions: Array, fps: float = FPS) -> Array:
    """Speeds (N,) in cm/s, on the ground, of the feet that stand, each at its slower standing point.

    Touching down and lifting off are left out: the frames before and after must be contacts, too.
    """
    on = foot_contacts(positions, fps) > 0.5
    inner = on[:-3] & on[1:-2] & on[2:-1] & on[3:]
    step = np.diff(positions[1:-1][:, CONTACT_JOINTS][..., [0, 2]], axis=0)
    speed = np.where(inner, np.linalg.norm(step, axis=-1) * fps * 100, np.inf)
    slowest = speed.reshape(-1, 2, 2).min(axis=-1)
    return slowest[np.isfinite(slowest)]


class Limits:
    """What real clips allow, by style and kind of content.

    Args:
        real: (style, kind, figures) of real training clips.
    """

    def __init__(self, real: list[tuple[str, str, Measures]]) -> None:
        rows: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
        for style, kind, found in real:
            for key in ((style, kind), ("", kind)):
                rows[key].append([getattr(found, name) for name in _NAMES])
        floors = np.array([getattr(_FLOORS, name) for name in _NAMES])
        self.table = {
            key: np.maximum(MARGIN * np.percentile(np.array(values), PERCENTILE, axis=0), floors)
            for key, values in rows.items()
        }

    def of(self, style: str, kinds: tuple[str, ...]) -> Measures:
        """The limits of a style, the highest of several kinds; of all styles where this one has no such clips."""
        keys = [(style if (style, kind) in self.table else "", kind) for kind in kinds]
        return Measures(*np.max([self.table[key] for key in keys if key in self.table], axis=0).tolist())

    def exceeded(self, found: Measures, style: str, kinds: tuple[str, ...], own: Measures | None = None) -> str:
        """The name of the first figure beyond its limit, or an empty string.

        Args:
            found: of the synthetic motion.
            style, kinds: see `of`.
            own: figures of the real frames that it was bent from; it may be as rough as those.
        """
        limits = self.of(style, kinds)
        for name in _NAMES:
            limit = max(getattr(limits, name), MARGIN * getattr(own, name) if own else 0.0)
            if not getattr(found, name) <= limit:
                return name
        return ""
