"""What a scene does to how one bears oneself beyond what the student has learned of it.

The student leans, looks down and spreads its arms in a scene by a share of what the scene's effects ask for, and by the
same share in every style and content: a window follows its history, and a little is lost on the way. What is left open
is known (`Bundle.scene_closing`, measured in closed loop) and is a few turns of spine, neck, head and upper arms. They
are put onto a window after the network and taken off the history before it, exactly, so that the student never sees
them and nothing adds up.
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

CLOSED = ("trunk_lean", "trunk_side", "arm_abduction", "gaze")
"""The effects that are closed, in the order of `Bundle.scene_closing`."""
_JOINTS = tuple(JOINT_INDEX[name] for name in ("spine1", "spine2", "neck", "head", "left_shoulder", "right_shoulder"))
# By joint: what of each effect turns it about its parent's left (X) and forward (Z) axes. As in `scene.posture`, the
# head keeps its direction while the trunk leans, and arms hang by their weight. The line from pelvis to neck, which the
# lean is of, turns by .57 of what the chest does, as it bends above the pelvis.
_ABOUT_LEFT = np.array(
    ((0.96, 0, 0, 0), (0.79, 0, 0, 0), (-1.22, 0, 0, 0.4), (-0.53, 0, 0, 0.6), (-1.22, 0, 0, 0), (-1.22, 0, 0, 0)),
    np.float32,
)
_AHEAD = np.array(
    ((0, -0.96, 0, 0), (0, -0.79, 0, 0), (0, 1.22, 0, 0), (0, 0.53, 0, 0), (0, 1.22, 1, 0), (0, 1.22, -1, 0)),
    np.float32,
)
_TABLE = np.concatenate((_ABOUT_LEFT, _AHEAD)).T.copy()


@dataclass(frozen=True)
class Bearings:
    """Radians of each of `CLOSED` for B characters.

    Attributes:
        past: (B, 4) in the frames of the history.
        ahead: (B, 16, 4) in those of the window.
    """

    past: Float
    ahead: Float


@lru_cache(maxsize=2048)
def _amounts(vector: bytes) -> Float:
    """(4,) radians of each of `CLOSED` in the scene of a vector's bytes, at alpha 1."""
    effects = effects_of(SceneDescriptor.from_vector(np.frombuffer(vector, np.float32)))
    degrees = [getattr(effects, name) for name in CLOSED]
    # Arms that are drawn in come as far as the body, which only the student knows.
    degrees[2] = max(degrees[2], 0.0)
    return np.radians(np.array(degrees)).astype(np.float32)


def amounts(vector: Float, alpha: Float) -> Float:
    """(B, 4) radians of each of `CLOSED` in scenes: vectors (B, SIZE), alphas (B,)."""
    out = np.zeros((len(vector), len(CLOSED)), np.float32)
    for row in np.flatnonzero((alpha != 0) & vector.any(axis=1)):
        out[row] = _amounts(np.ascontiguousarray(vector[row], np.float32).tobytes()) * alpha[row]
    return out


def turn(rotations: Float, radians: Float) -> None:
    """Turn the joints of frames (B, T, 22, 4), in place, by amounts (B, T or 1, 4); the negative ones undo it."""
    both = radians @ _TABLE
    half = np.float32(0.5) * both
    x, z = half[..., : len(_JOINTS)], half[..., len(_JOINTS) :]
    size = np.sqrt(x * x + z * z)
    share = np.sinc(size * np.float32(1 / np.pi))
    turned = np.empty((*x.shape, 4), np.float32)
    np.multiply(x, share, out=turned[..., 0])
    turned[..., 1] = 0.0
    np.multiply(z, share, out=turned[..., 2])
    np.cos(size, out=turned[..., 3])
    rotations[:, :, _JOINTS] = kin.multiply(turned, rotations[:, :, _JOINTS])
