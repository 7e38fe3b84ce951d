"""What a scene does beyond the student, and the part of it that is how one bears oneself: lean, arms, elbows, gaze.

The amounts are put onto a window after the network and taken off the history before it: the student never sees them,
and nothing adds up. So they grow with alpha and are met in every style alike (docs/scene.md), where a student that
learned them met half (model/TRIED.md); in which time and how far one steps in a scene is what it learns. Turns of
spine, neck, head, arms and elbows are here, what is done to steps in `streaming.strides`, slips in
`streaming.slipping`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from strut_model.scene.descriptor import SceneDescriptor
from strut_model.scene.effects import effects_of
from strut_model.skeleton import FPS, JOINT_INDEX
from strut_model.streaming import kinematics as kin

Float = npt.NDArray[np.float32]

CLOSED = (
    "trunk_lean",
    "trunk_side",
    "arm_abduction",
    "gaze",
    "elbow_flexion",
    "lift",
    "step_width",
    "narrowing",
    "knee_flexion",
    "slips",
    "slowed",
)
"""What is left to the run time, in the order of `Bundle.scene_closing`: radians; metres that swinging feet are lifted
by and that steps are wider; the logarithm of the factor on the feet's distance from the way; radians; slips a frame;
minus the logarithm of the factor on the speed, where that is below 1."""
TRUNK_LEAN, ARM_ABDUCTION, LIFT, WIDTH, NARROWING, KNEES, SLIPS, SLOWED = 0, 2, 5, 6, 7, 8, 9, 10
TURNS = 5
SHORTER_STEPS_BEND = 15.0
"""Degrees that standing knees bend more in steps shorter by a factor e, at the same height of the pelvis: what the
student's shorter steps in a scene bend by themselves (median of 14 styles on ice, in rain and in the dark)."""
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
    """Each of `CLOSED` for B characters.

    Attributes:
        past: (B, 11) in the frames of the history.
        ahead: (B, 16, 11) in those of the window.
    """

    past: Float
    ahead: Float

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Bearings:
        """Those of some characters."""
        return Bearings(self.past[rows], self.ahead[rows])


@lru_cache(maxsize=2048)
def _amounts(vector: bytes) -> Float:
    """(11,) each of `CLOSED` in the scene of a vector's bytes, at alpha 1."""
    effects = effects_of(SceneDescriptor.from_vector(np.frombuffer(vector, np.float32)))
    degrees = [getattr(effects, name) for name in CLOSED[:TURNS]]
    # Arms that are drawn in come as far as the body, which only the student knows.
    degrees[2] = max(degrees[2], 0.0)
    return np.array(
        [
            *np.radians(degrees),
            # Feet come out of their prints before they swing above the ground.
            effects.clearance + effects.sink,
            effects.step_width,
            np.log(effects.narrowing),
            np.radians(max(0.0, effects.knee_flexion + SHORTER_STEPS_BEND * np.log(effects.step_length))),
            effects.slips / (60 * FPS),
            max(0.0, -float(np.log(effects.speed))),
        ],
        np.float32,
    )


def amounts(vector: Float, alpha: Float) -> Float:
    """(B, 11) each of `CLOSED` in scenes: vectors (B, SIZE), alphas (B,)."""
    out = np.zeros((len(vector), len(CLOSED)), np.float32)
    for row in np.flatnonzero((alpha != 0) & vector.any(axis=1)):
        out[row] = _amounts(np.ascontiguousarray(vector[row], np.float32).tobytes()) * alpha[row]
    return out


def turn(rotations: Float, radians: Float) -> None:
    """Turn the joints of frames (B, T, 22, 4), in place, by amounts (B, T or 1, 11); the negative ones undo it."""
    half = (np.float32(0.5) * radians[..., :TURNS]) @ _TABLE
    axis = half.reshape(*half.shape[:-1], 3, len(_TRUNK))
    size = np.sqrt(np.square(axis).sum(axis=-2))
    turned = np.empty((*size.shape, 4), np.float32)
    axis *= np.sinc(size * np.float32(1 / np.pi))[..., None, :]
    turned[..., :3] = np.swapaxes(axis, -1, -2)
    np.cos(size, out=turned[..., 3])
    rotations[:, :, _TRUNK] = kin.multiply(turned, rotations[:, :, _TRUNK])
