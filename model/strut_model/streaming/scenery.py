"""Scenes of characters over time: what the student is told of them, how they go over into one another, and how deep
the feet are in the ground.

A scene does not come at once: from window to window the descriptor's vector and its strength go over to what is asked
for, nine tenths of it in half a second, and so does the depth to which feet sink (a critically damped spring). Both are
states of a few numbers that travel with the character (see `FootLocks.sunk` and `SceneStates`), so that any replica of
a server goes on with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from strut_model.features import HISTORY, WINDOW
from strut_model.scene.descriptor import QUANTITIES, SIZE, SceneDescriptor
from strut_model.scene.effects import effects_of
from strut_model.scene.encoding import SceneEncoder, turned_wind
from strut_model.streaming.bearing import Bearings, amounts
from strut_model.streaming.springs import sprung
from strut_model.streaming.stoop import STANDING_ROOM

Float = npt.NDArray[np.float32]

EASING_FRAMES = 6.0
"""Time constant of one scene's going over into another."""
ARRIVED = 0.02
"""Share of the way, and difference of codes, within which a scene has arrived."""
SINK_DECAY = np.float32(0.3)
"""y of the spring, per frame, that takes the feet to the depth of the ground that they are on."""
CLOSE = np.float32(2e-3)
"""Radians within which a bearing has arrived."""
DEEPEST = 1.0
"""Metres: no ground is deeper."""

_CLEARANCE = [quantity.name for quantity in QUANTITIES].index("clearance")
_LOW_CODE = QUANTITIES[_CLEARANCE].encode(STANDING_ROOM)
_MIDDLE = WINDOW // 2
_AHEAD = np.arange(1, WINDOW + 1, dtype=np.float32)
_RISING = (_AHEAD / WINDOW * (_AHEAD / WINDOW) * (3 - 2 * _AHEAD / WINDOW))[:, None]
_PAST = np.arange(1 - HISTORY, 1, dtype=np.float32)


@dataclass(frozen=True)
class Scenery:
    """The scene that a character is asked to be in.

    Attributes:
        vector: (SIZE,) of its descriptor; the wind in the space of the request.
        alpha: how strongly it shows.
        sink: metres that feet sink in.
        code: (5, 64) a code that was given as it is, in place of the descriptor; None where there is none.
    """

    vector: Float
    alpha: float
    sink: float
    code: Float | None = None


@lru_cache(maxsize=1024)
def scenery_of(scene: SceneDescriptor, alpha: float = 1.0) -> Scenery:
    """A descriptor's scenery.

    Raises:
        SceneError: alpha is out of range.
    """
    return Scenery(scene.vector(), float(alpha), effects_of(scene).scaled(alpha).sink)


@dataclass(frozen=True)
class SceneStates:
    """How far scenes have come for B characters.

    Attributes:
        vector: (B, SIZE) of the scene in effect, its wind as the character meets it.
        alpha: (B,) its strength.
        known: (B,) where not, the scene asked for is in effect at once.
    """

    vector: Float
    alpha: Float
    known: npt.NDArray[np.bool_]

    @staticmethod
    def unknown(batch: int) -> SceneStates:
        """Characters whose scenes nobody knows."""
        return SceneStates(np.zeros((batch, SIZE), np.float32), np.ones(batch, np.float32), np.zeros(batch, bool))

    def __getitem__(self, rows: list[int] | slice) -> SceneStates:
        """The states of some characters."""
        return SceneStates(self.vector[rows], self.alpha[rows], self.known[rows])

    def __setitem__(self, rows: list[int], states: SceneStates) -> None:
        self.vector[rows], self.alpha[rows], self.known[rows] = states.vector, states.alpha, states.known

    def towards(self, target: SceneStates, frames: float | npt.NDArray[np.integer]) -> SceneStates:
        """The states ``frames`` (a number, or (B,)) later, while ``target`` is asked for."""
        share = np.asarray(np.exp(-np.asarray(frames, np.float32) / np.float32(EASING_FRAMES)), np.float32)
        share = np.where(self.known, share, np.float32(0.0))
        off, weaker = self.vector - target.vector, self.alpha - target.alpha
        off *= share[:, None]
        weaker *= share
        # Arrived is arrived: a character that has left its scene moves as if it had never been there.
        there = (np.abs(off).max(axis=1) < ARRIVED) & (np.abs(weaker) < ARRIVED)
        off[there] = 0.0
        weaker[there] = 0.0
        return SceneStates(target.vector + off, target.alpha + weaker, np.ones(len(share), bool))


@dataclass(frozen=True)
class SceneConditions:
    """What a window is generated from.

    Attributes:
        code: (B, 5, 64) the student's scene input; None where nobody is in a scene.
        sink: (B,) metres; None where nobody sinks in.
        low: (B, 2) metres of free height above the surface, infinite where nobody has to stoop, and which share of what
            is needed one stoops; None where nobody in the batch has to.
        bearings: what the student leaves open of how one bears oneself; None where that is nothing.
        states: before the window, with what is not known taken as what is asked for.
        target: what is asked for.
    """

    code: Float | None
    sink: Float | None
    low: Float | None
    bearings: Bearings | None
    states: SceneStates
    target: SceneStates

    def after(self, frames: float | npt.NDArray[np.integer]) -> SceneStates:
        """The states after so many frames of the window."""
        return self.states.towards(self.target, frames)


def conditions(
    encoder: SceneEncoder, scenes: Sequence[Scenery | None], states: SceneStates, heading: npt.NDArray[np.floating]
) -> SceneConditions:
    """What the student is told of the scenes of B characters.

    Args:
        encoder: of the student's bundle.
        scenes: asked for; None for none.
        states: at the last frames of the histories.
        heading: (B,) radians, of those frames.
    """
    batch = len(scenes)
    vector, alpha = np.zeros((batch, SIZE), np.float32), np.where(states.known, states.alpha, np.float32(1.0))
    sink = np.zeros(batch, np.float32)
    for row, scene in enumerate(scenes):
        if scene is not None and scene.alpha != 0:
            vector[row] = turned_wind(scene.vector, -float(heading[row]))
            alpha[row], sink[row] = scene.alpha, scene.sink
    target = SceneStates(vector, alpha, np.ones(batch, bool))
    known = states.known
    before = SceneStates(
        np.where(known[:, None], states.vector, vector), np.where(known, states.alpha, alpha), target.known
    )
    now = before.towards(target, _MIDDLE)
    code = None
    shown = (now.alpha != 0) & now.vector.any(axis=1)
    given = [row for row, scene in enumerate(scenes) if scene is not None and scene.code is not None]
    if given or shown.any():
        code = np.zeros((batch, *encoder.shape), np.float32)
        for index in np.flatnonzero(shown):
            np.multiply(encoder.encode_vector(now.vector[index]), now.alpha[index], out=code[index])
        for row in given:
            scene = scenes[row]
            assert scene is not None
            assert scene.code is not None
            if scene.alpha != 0:
                np.multiply(scene.code, np.float32(scene.alpha), out=code[row])
    bearings = _bearings(before, target, known, encoder.closing) if encoder.closing.any() else None
    return SceneConditions(code, sink if sink.any() else None, _low(now), bearings, before, target)


def _low(states: SceneStates) -> Float | None:
    low = np.full((len(states.alpha), 2), np.inf, np.float32)
    low[:, 1] = states.alpha
    for row in np.flatnonzero((states.vector[:, _CLEARANCE] < _LOW_CODE) & (states.alpha > 0)):
        low[row, 0] = QUANTITIES[_CLEARANCE].decode(float(states.vector[row, _CLEARANCE]))
    return low if np.isfinite(low[:, 0]).any() else None


def _bearings(
    before: SceneStates, target: SceneStates, known: npt.NDArray[np.bool_], closing: Float
) -> Bearings | None:
    begin, end = (amounts(states.vector, states.alpha) * closing for states in (before, target))
    if not (begin.any() or end.any()):
        return None
    fade = np.exp(-_AHEAD / np.float32(EASING_FRAMES))[:, None]
    # Arrived is arrived, as the states themselves.
    off = begin - end
    off[np.abs(off) < CLOSE] = 0.0
    ahead = end[:, None] + off[:, None] * fade
    # Who comes from nowhere bears no scene yet; at the window's end it is as if it had always been there.
    ahead[~known] = end[~known, None] * _RISING
    begin[~known] = 0.0
    return Bearings(begin, ahead)


@dataclass(frozen=True)
class Depths:
    """How deep the feet of B characters are in the ground.

    Attributes:
        past: (B, 8) metres, in the frames of the history.
        ahead: (B, 16, 2) metres, in those of the window, and by how much more each frame.
    """

    past: Float
    ahead: Float


def depths(sink: Float | None, sunk: Float) -> Depths | None:
    """The depths from a state to what is asked for; None where nobody is, or is to be, below the surface.

    Args:
        sink: (B,) metres asked for; None for none.
        sunk: (B, 2) metres in the last frame of the history, and by how much more each frame; where that is NaN, feet
            are as deep as is asked for.
    """
    target = np.zeros(len(sunk), np.float32) if sink is None else sink
    known = ~np.isnan(sunk[:, 0])
    begin = np.where(known, sunk[:, 0], target)
    speed = np.where(known, sunk[:, 1], np.float32(0.0))
    if not (target.any() or begin.any() or speed.any()):
        return None
    ahead = sprung(begin, speed, target, SINK_DECAY)
    past = np.clip(begin[:, None] + speed[:, None] * _PAST, np.float32(0.0), np.float32(DEEPEST))
    return Depths(past, ahead)
