"""What scenes are measured in: combinations of style and content, each with the path that a game asks for.

A combination starts from real, scene-free frames and goes on for eight seconds. In a scene its path is walked at the
speed that the scene leaves (`Effects.speed`), as the server does; the geometry stays, and so does the noise: all
rollouts of a combination and a seed share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.data.split import UNSEEN_PAIR
from strut_model.evaluation.protocol import EASE, SECOND, Protocol, eased, walked
from strut_model.evaluation.windows import IDLE, content_kind
from strut_model.features import HISTORY
from strut_model.motion import Motion
from strut_model.scene.effects import effects_of
from strut_model.scene.presets import presets
from strut_model.skeleton import FPS
from strut_model.streaming.controls import usual_speed

Array = NDArray[np.floating]

FRAMES = 240
"""Generated frames of what goes on: eight seconds."""
SETTLE = 45
"""Frames at the start that no figure counts: real frames end, the path takes up its speed and the scene comes on."""
SLOWEST, FASTEST = 0.1, 2.0
"""Range of the factor on a path's speed, as the contract has it."""
GAITS = ("walk", "run", "dash", "walk-turn-left", "walk-turn-right", "walk-left", "walk-right")
"""Contents that are measured as gaits. Walking backwards is left out, as in `scene.verification`: the operators lean,
look and lift the feet ahead."""
GESTURES = (
    ("masculine", "raise-up-left-hand"),
    ("youthful", "wave-right-hand"),
    ("proud", "guide"),
    ("elderly", "wave-both-hands"),
)
"""Standing contents beside idling, of which posture alone is measured."""


@dataclass(frozen=True)
class Combination:
    """A style and a content from a start.

    Attributes:
        style, content: what is asked for.
        dataset: data set of the style.
        clip: that the start is from.
        history: (8) real frames; the last one's root is the origin and faces +Z.
        begin: m/s of the start.
        speed: m/s, usual for the pair; 0 where the content stands.
        travel: radians from facing to direction of travel.
        curvature: radians a metre that the path turns to the left.
        frames: how many are generated.
        phase: a gesture's phase at the first frame and its advance a frame.
        unseen: whether training never saw the pair.
    """

    style: str
    content: str
    dataset: str
    clip: str
    history: Motion
    begin: float
    speed: float
    travel: float
    curvature: float
    frames: int
    phase: tuple[float, float] | None = None
    unseen: bool = False

    @property
    def name(self) -> str:
        """Style and content."""
        return f"{self.style} {self.content}"

    @property
    def gait(self) -> bool:
        """Whether it walks or runs."""
        return content_kind(self.content) == "locomotion"

    def path(self, factor: float) -> tuple[Array, Array]:
        """Asked root places (T, 2) in metres and headings (T,) in radians at a factor on the usual speed."""
        speed = eased(self.begin, factor * self.speed, 0, self.frames, EASE)
        turn = self.curvature * np.cumsum(speed) / FPS
        return walked(speed, turn + self.travel), turn


def path_factor(scene: str, alpha: float) -> float:
    """By how much a preset scales the speed along the path; 1 for no scene."""
    if not scene:
        return 1.0
    return float(np.clip(effects_of(presets()[scene].descriptor).scaled(alpha).speed, SLOWEST, FASTEST))


def combinations(protocol: Protocol, count: int, standing: int) -> list[Combination]:
    """Combinations with as many styles and contents among them as there is room for, the same for the same arguments.

    Half are walks, half other gaits; where there is room for all of both, pairs that training never saw come first.

    Args:
        protocol: clips, split and bundle.
        count: of gaits.
        standing: of standing contents.
    """
    walks = [(style, "walk") for style in protocol.styles if protocol.has(style, "walk")]
    others = []
    for number, style in enumerate(protocol.styles):
        known = [content for content in GAITS[1:] if protocol.has(style, content)]
        if known:
            others.append((style, known[number % len(known)]))
    unseen = [(style, content) for style, content in _unseen(protocol) if protocol.has(style, "walk")]
    new = unseen[: max(count // 8, 1)]
    half = (count - len(new) + 1) // 2
    chosen = _spread(walks, half)
    chosen += _spread(others, count - len(new) - len(chosen))
    rows = [_gait(protocol, style, content) for style, content in chosen]
    rows += [_gait(protocol, style, content, unseen=True) for style, content in new]
    return rows + _standing(protocol, standing)


def _spread(pairs: Sequence[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    if count <= 0 or not pairs:
        return []
    places = np.unique(np.linspace(0, len(pairs) - 1, min(count, len(pairs))).round().astype(int))
    return [pairs[place] for place in places]


def _unseen(protocol: Protocol) -> list[tuple[str, str]]:
    """Gaits that training never saw."""
    found = dict.fromkeys(
        (protocol.info[s.clip].style, protocol.info[s.clip].content)
        for s in protocol.split.segments(UNSEEN_PAIR)
        if s.clip in protocol.info
    )
    known = protocol.bundle.style_index
    return [(style, content) for style, content in found if content in GAITS and style in known]


def _gait(protocol: Protocol, style: str, content: str, unseen: bool = False) -> Combination:
    start = protocol.start(style, "walk" if unseen else content)
    return Combination(
        style=style,
        content=content,
        dataset=protocol.dataset_of.get(style, ""),
        clip=start.clip,
        history=start.history,
        begin=start.speed,
        speed=usual_speed(protocol.bundle, style, content),
        travel=start.travel,
        curvature=0.0 if unseen else _curvature(protocol, content, start.clip),
        frames=FRAMES,
        unseen=unseen,
    )


def _curvature(protocol: Protocol, content: str, clip: str) -> float:
    """Radians a metre by which a turning clip turns on the whole; 0 for contents that go straight on."""
    if "turn" not in content:
        return 0.0
    motion = protocol.motion(clip)
    heading = np.unwrap(motion.root_heading.astype(np.float64))
    way = np.linalg.norm(np.diff(motion.root_position, axis=0), axis=-1).sum()
    return float((heading[-1] - heading[0]) / max(float(way), 0.5))


def _standing(protocol: Protocol, count: int) -> list[Combination]:
    rows = []
    for style, content in [(protocol.neutral, IDLE), *GESTURES][:count]:
        if not protocol.has(style, content):
            continue
        frames, phase = FRAMES, None
        start = protocol.start(style, content)
        if content != IDLE:
            row = protocol.bundle.manifest.contents[protocol.bundle.content_index[content]]
            length = max(row.mean_seconds * FPS, 1.0)
            frames, phase = (
                min(max(round(length) - HISTORY, SETTLE + SECOND), FRAMES),
                (HISTORY / length, 1 / length),
            )
        rows.append(
            Combination(
                style, content, protocol.dataset_of.get(style, ""), start.clip, start.history, 0.0, 0.0, 0.0, 0.0,
                frames, phase,
            )
        )  # fmt: skip
    return rows
