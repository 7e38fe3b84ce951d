"""What a scene does to how one bears oneself: lean, spread arms, bent elbows, gaze.

A few turns of spine, neck, head, arms and elbows, the same in every style, put onto a window after the network and
taken off the history before it: the student never sees them, and nothing adds up. So they grow with alpha and are met
by .8 to 1.25 of their amounts in eight combinations of ten (docs/scene.md), where a student that learned them met half
(model/TRIED.md); how one steps in a scene is what it learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from strut_model.scene.descriptor import SceneDescriptor
from strut_model.scene.effects import effects_of
from strut_model.skeleton import JOINT_INDEX
from strut_model.streaming import kinematics as kin

Float = npt.NDArray[np.float32]

CLOSED = ("trunk_lean", "trunk_side", "arm_abduction", "gaze", "elbow_flexion", "lift")
"""What is left to the run time, in the order of `Bundle.scene_closing`: radians, and metres that feet are lifted by."""
TURNS = 5
OUT_OF_PRINTS = 2.0
"""Metres of lift that a metre of sinking in counts as: the student knows of no prints, but lifts its feet half as high
as clearance asks for, and `Bundle.scene_closing` counts on that."""
_TRUNK = tuple(
    JOINT_INDEX[name]
    for name in ("spine1", "spine2", "neck", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow")
)
# What of each effect turns each joint about its parent's left (X), up (Y) and forward (Z) axes. As in `scene.posture`,
# the head keeps its direction while the trunk leans, and arms hang by their weight. The line from pelvis to neck, which
# the lean is of, turns by .57 of what the chest does, as it bends above the pelvis.
_LEAN = (0.96, 0.79, -1.22, -0.53, -1.22, -1.22, 0.0, 0.0)
_GAZE = (0.0, 0.0, 0.4, 0.6, 0.0, 0.0, 0.0, 0.0)
_OUTWARD = (0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0)
_ELBOW = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 1.0)
_TURNS = np.zeros((TURNS, 3, len(_TRUNK)), np.float32)
_TURNS[0, 0], _TURNS[1, 2], _TURNS[2, 2], _TURNS[3, 0], _TURNS[4, 1] = (
    _LEAN,
    np.negative(_LEAN),
    _OUTWARD,
    _GAZE,
    _ELBOW,
)
_TABLE = _TURNS.reshape(TURNS, -1)


@dataclass(frozen=True)
class Bearings:
    """Each of `CLOSED` for B characters: radians, and metres last.

    Attributes:
        past: (B, 6) in the frames of the history.
        ahead: (B, 16, 6) in those of the window.
    """

    past: Float
    ahead: Float

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Bearings:
        """Those of some characters."""
        return Bearings(self.past[rows], self.ahead[rows])


@lru_cache(maxsize=2048)
def _amounts(vector: bytes) -> Float:
    """(6,) each of `CLOSED` in the scene of a vector's bytes, at alpha 1."""
    effects = effects_of(SceneDescriptor.from_vector(np.frombuffer(vector, np.float32)))
    degrees = [getattr(effects, name) for name in CLOSED[:TURNS]]
    # Arms that are drawn in come as far as the body, which only the student knows.
    degrees[2] = max(degrees[2], 0.0)
    lift = effects.clearance + OUT_OF_PRINTS * effects.sink
    return np.array([*np.radians(degrees), lift], np.float32)


def amounts(vector: Float, alpha: Float) -> Float:
    """(B, 6) each of `CLOSED` in scenes: vectors (B, SIZE), alphas (B,)."""
    out = np.zeros((len(vector), len(CLOSED)), np.float32)
    for row in np.flatnonzero((alpha != 0) & vector.any(axis=1)):
        out[row] = _amounts(np.ascontiguousarray(vector[row], np.float32).tobytes()) * alpha[row]
    return out


def turn(rotations: Float, radians: Float) -> None:
    """Turn the joints of frames (B, T, 22, 4), in place, by amounts (B, T or 1, 6); the negative ones undo it."""
    half = (np.float32(0.5) * radians[..., :TURNS]) @ _TABLE
    axis = half.reshape(*half.shape[:-1], 3, len(_TRUNK))
    size = np.sqrt(np.square(axis).sum(axis=-2))
    turned = np.empty((*size.shape, 4), np.float32)
    axis *= np.sinc(size * np.float32(1 / np.pi))[..., None, :]
    turned[..., :3] = np.swapaxes(axis, -1, -2)
    np.cos(size, out=turned[..., 3])
    rotations[:, :, _TRUNK] = kin.multiply(turned, rotations[:, :, _TRUNK])
