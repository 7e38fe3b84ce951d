"""What a game asks of a character beside walking on: tight curves, sharp corners, looking elsewhere, turning in place.

All of it is asked by samples, as a game does (see ``game_paths``), and begins with the style's own walk or run, or
with standing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.protocol import SECOND, Protocol, Start, eased, walked
from strut_model.evaluation.trials import Trial
from strut_model.evaluation.windows import IDLE, SETTLE_FRAMES
from strut_model.skeleton import FPS

Array = NDArray[np.floating]

CORNER = 48
"""Frame of a sharp corner."""
TURN = 24
"""Frame at which turning begins."""
TURN_RATE = np.radians(180.0)
"""Radians a second by which a game turns a standing character."""
TURNS = (45, 90, 180)
"""Degrees."""
STRAFES: dict[str, str] = {"left": "walk-left", "right": "walk-right"}
"""Contents that walk to a side: the data of those styles in which facing was recorded apart from travel."""


CURVES: tuple[tuple[str, float], ...] = (("walk", 1.25), ("walk", -1.25), ("run", 3.0))
"""Content and radius in metres, positive to the left."""
CORNERS: tuple[tuple[str, float], ...] = (("walk", 90.0), ("walk", -135.0), ("run", -90.0))
"""Content and degrees, positive to the left."""


def curves(protocol: Protocol, seconds: int = 5) -> list[Trial]:
    """Circles of little more than a metre at a walk, and of three at a run, which nobody runs tighter."""
    trials = []
    frames = seconds * SECOND
    for style in protocol.styles:
        for number, (content, radius) in enumerate(CURVES):
            if not protocol.has(style, content):
                continue
            start = protocol.start(style, content, number)
            speed = eased(start.speed, protocol.speed(style, content), 0, frames)
            heading = np.cumsum(speed / FPS) / radius
            name = f"curve {style} {content} {radius:g}"
            trials.append(_moving(protocol, name, start, style, content, speed, heading))
    return trials


def corners(protocol: Protocol) -> list[Trial]:
    """Straight on, then at once in another direction: the path has a point there, and the speed stays."""
    trials = []
    frames = CORNER + 75
    for style in protocol.styles:
        for number, (content, degrees) in enumerate(CORNERS):
            if not protocol.has(style, content):
                continue
            start = protocol.start(style, content, number)
            speed = eased(start.speed, protocol.speed(style, content), 0, frames, over=12)
            heading = np.where(np.arange(frames) < CORNER, 0.0, np.radians(degrees))
            name = f"corner {style} {content} {degrees:g}"
            trials.append(
                _moving(protocol, name, start, style, content, speed, heading, corner=CORNER, degrees=degrees)
            )
    return trials


def facing_apart(protocol: Protocol) -> list[Trial]:
    """Walking straight on while facing 45 or 90 degrees to a side, or backwards where the style has clips of that.

    Each style looks 45 degrees to one side and 90 to the other, turn about. Styles with clips of walking sideways are
    asked for that content, the others for walking.
    """
    trials = []
    frames = TURN + 24 + SETTLE_FRAMES + 50
    for row, style in enumerate(protocol.styles):
        side = 1.0 if row % 2 else -1.0
        for degrees in (45.0 * side, -90.0 * side, 180.0):
            # Who faces to the left of the way walks to the right.
            content = "walk-back" if degrees == 180.0 else STRAFES["right" if degrees > 0 else "left"]
            own = protocol.has(style, content)
            if not protocol.has(style, "walk") or (degrees == 180.0 and not own):
                continue
            start = protocol.start(style, "walk")
            asked = content if own else "walk"
            speed = eased(start.speed, protocol.speed(style, asked), 0, frames)
            facing = eased(0.0, np.radians(degrees), TURN, frames)
            name = f"facing {style} {degrees:g}"
            trial = _moving(
                protocol, name, start, style, asked, speed, np.full(frames, start.travel), facing=facing,
                degrees=degrees, strafing=float(own), settled=TURN + 24 + SETTLE_FRAMES,
            )  # fmt: skip
            trials.append(trial)
    return trials


def turns_in_place(protocol: Protocol) -> list[Trial]:
    """Standing, then asked to face 45, 90 or 180 degrees from there without leaving the place."""
    trials: list[Trial] = []
    if IDLE not in protocol.bundle.content_index:
        return trials
    start = protocol.idle_start()
    for row, style in enumerate(protocol.styles):
        side = 1.0 if row % 2 else -1.0
        for degrees in TURNS:
            turning = round(np.radians(degrees) / TURN_RATE * FPS)
            frames = TURN + turning + 2 * SECOND
            share = np.clip((np.arange(frames) - TURN) / turning, 0, 1)
            name = f"turn in place {style} {degrees}"
            still = np.zeros(frames)
            trial = _moving(
                protocol, name, start, style, IDLE, still, still, facing=side * np.radians(degrees) * share,
                degrees=float(degrees), turn=TURN, turned=TURN + turning,
            )  # fmt: skip
            trials.append(trial)
    return trials


def _moving(
    protocol: Protocol,
    name: str,
    start: Start,
    style: str,
    content: str,
    speed: Array,
    travel: Array,
    facing: Array | None = None,
    **notes: float,
) -> Trial:
    """A sampled trial along speeds (T,) m/s and directions (T,) in radians; it faces them unless said otherwise."""
    facing = travel if facing is None else facing
    return protocol.travelling(
        name, start, style, content, speed, facing, style, path=walked(speed, travel), clip=name, sampled=True,
        notes=notes,
    )  # fmt: skip
