"""Pelvis and trunk over a ground: how high the pelvis goes, how the trunk leans on slopes and stoops under ceilings.

Over a ground all of it is a smooth function of where the root is. So it can be taken off a history and put onto the
window that follows without anything being carried between windows, and nothing can pop. Who stoops in a low scene
without a ground stoops as deep as the own head needs, and how deep that is travels with the foot locks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strut_model.features import HISTORY
from strut_model.heights import HeightFields
from strut_model.skeleton import JOINT_INDEX, JOINTS, PELVIS_REST_HEIGHT, REST_OFFSETS
from strut_model.streaming import kinematics as kin
from strut_model.streaming.springs import sprung

Float = npt.NDArray[np.float32]

HEAD_TOP = 0.19
"""Metres from the head's joint to the top of the head."""
HEADROOM = 0.03
"""Metres that people keep below what is overhead."""
STOOP_LEAN = np.float32(np.radians(60.0))
STOOP_CROUCH = np.float32(0.32)
"""Lean of the trunk and lowering of the pelvis of the deepest stoop (as `scene.posture.duck`)."""
COUNTERWEIGHT = np.float32(0.21)
"""Metres that the hips go back per sine of a stoop."""
STOOP_DECAY = np.float32(0.3)
"""y of the spring, per frame, that takes who has no ground down and up again."""
UPHILL_LEAN, DOWNHILL_LEAN = np.float32(0.6), np.float32(0.3)
"""Lean of the trunk as a share of the slope (as `scene.effects.slope`)."""
FARTHEST_LEAN = (np.float32(-0.12), np.float32(0.2))
"""Radians of lean that a slope makes at most: stairs are climbed nearly upright."""

_TRIED = np.array([0.0, 0.25, 0.5, 0.75, 1.0], np.float32)
_AHEAD = (0.1 * np.arange(-5, 6)).astype(np.float32)
_HULL = np.array([1, 2, 3, 4, 3, 2, 1], np.float32) / 16
_SLOPE = _AHEAD / np.dot(_AHEAD, _AHEAD)
_OVERHEAD = (0.2 * np.arange(-4, 8)).astype(np.float32)  # whatever counts sees 0 to .6 m ahead, where heads are
_OVERHEAD_BLUR = np.array([1, 2, 3, 2, 1], np.float32) / 9
_OVERHEAD_SPAN = len(_OVERHEAD) - len(_OVERHEAD_BLUR) + 1
_LEANING = tuple(JOINT_INDEX[name] for name in ("spine1", "spine2", "neck", "left_shoulder", "right_shoulder"))
_SHARES = np.array([0.55, 0.45, -0.5, -0.7, -0.7], np.float32)
"""Of the lean; the head keeps half of its direction, and arms hang by their weight."""


@dataclass(frozen=True)
class Carriage:
    """How the body is carried at each of (M, T) frames.

    Attributes:
        shift: (M, T, 3) metres that the pelvis is moved by.
        lean: (M, T) radians that the trunk leans forward.
        ceiling: whether anything hangs overhead.
    """

    shift: Float
    lean: Float
    ceiling: bool


def sample_points(root: Float, heading: Float) -> Float:
    """Ground points (M, T, 11, 2) to be sampled for the carriage at roots (M, T, 2) with headings (M, T)."""
    ahead = np.stack((np.sin(heading), np.cos(heading)), axis=-1)
    points: Float = root[:, :, None] + _AHEAD[:, None] * ahead[:, :, None]
    return points


def carriage(fields: HeightFields, heights: Float, root: Float, heading: Float) -> Carriage:
    """The carriage at roots on a ground.

    The pelvis follows the lower hull of the ground along the heading, smoothed: it comes up a step after the foot, and
    goes down with the lower one.

    Args:
        fields: of M characters.
        heights: (M, T, 11) metres at `sample_points`.
        root: (M, T, 2) metres.
        heading: (M, T) radians.
    """
    middle = heights[..., 2:-2]
    hull = np.minimum(np.minimum(heights[..., 1:-3], heights[..., 3:-1]), middle)
    # Half way between ground and hull: nearer to the hull one crouches, nearer to the ground the hips bob.
    hull += middle
    hull *= np.float32(0.5)
    slope = np.arctan(heights @ _SLOPE)
    lean = np.where(slope > 0, UPHILL_LEAN, DOWNHILL_LEAN) * slope
    lean = np.minimum(np.maximum(lean, FARTHEST_LEAN[0]), FARTHEST_LEAN[1])
    shift = np.zeros((*heading.shape, 3), np.float32)
    shift[..., 1] = hull @ _HULL
    if fields.ceilings is None:
        return Carriage(shift, lean, False)
    ahead = np.stack((np.sin(heading), np.cos(heading)), axis=-1)[:, :, None]
    depth = _depth(fields, root[:, :, None] + _OVERHEAD[:, None] * ahead)
    stoop = depth * STOOP_LEAN
    shift[..., 1] -= depth * STOOP_CROUCH
    shift[..., ::2] -= (COUNTERWEIGHT * np.sin(stoop))[..., None] * ahead[:, :, 0]
    return Carriage(shift, lean + stoop, True)


def _depth(fields: HeightFields, points: Float) -> Float:
    """(M, T) how deep one stoops, 0 to 1, below what hangs over ``points`` (M, T, 12, 2)."""
    heights, ceilings = fields.both_at(points.reshape(len(points), -1, 2))
    room = (ceilings - heights).reshape(points.shape[:-1])
    windows = np.lib.stride_tricks.sliding_window_view(room, _OVERHEAD_SPAN, axis=-1)
    free = windows.min(axis=-1)
    np.minimum(free, np.float32(_STANDING + HEADROOM), out=free)
    depth = np.interp(_STANDING + HEADROOM - free, _DROPS, _DEPTHS).astype(np.float32)
    return np.asarray(depth @ _OVERHEAD_BLUR, np.float32)


def gone_below(rotations: Float, pelvis: Float, low: Float, state: Float) -> Float:
    """How deep characters stoop over a window so that their own heads stay below what is overhead, and by how much more
    each frame, (M, 16, 2).

    Args:
        rotations: (M, 16, 22, 4) local, the pelvis' in the canonical frame, without a stoop.
        pelvis: (M, 16, 3) metres, above the surface.
        low: (M, 2) metres of free height, infinite for any, and the share of what is needed that one stoops.
        state: (M, 2) in the last frame of the history.
    """
    count, frames = rotations.shape[:2]
    turned = np.repeat(rotations, len(_TRIED), axis=0)
    depths = np.tile(_TRIED, count)[:, None]
    lean(turned, np.broadcast_to(depths * STOOP_LEAN, (len(turned), frames)))
    heights = head_tops(turned, np.repeat(pelvis, len(_TRIED), axis=0))[..., 1].max(axis=1)
    tops = (heights - depths[:, 0] * STOOP_CROUCH).reshape(count, len(_TRIED))
    limit = np.minimum(tops[:, 0], low[:, 0] - np.float32(HEADROOM))
    wanted = tops[:, 0] + low[:, 1] * (limit - tops[:, 0])
    target = [np.interp(-aim, -own, _TRIED) for aim, own in zip(wanted, tops, strict=True)]
    out = sprung(state[:, 0], state[:, 1], np.array(target, np.float32), STOOP_DECAY)
    out[..., 0] = np.clip(out[..., 0], np.float32(0.0), np.float32(1.0))
    return out


def stooped_before(state: Float) -> Float:
    """(M, 8) how deep characters stooped in the frames of histories, from (M, 2) at their last ones."""
    past = np.arange(1 - HISTORY, 1, dtype=np.float32)
    return np.clip(state[:, :1] + state[:, 1:2] * past, np.float32(0.0), np.float32(1.0))


def lean(rotations: Float, angle: Float) -> None:
    """Lean the trunk forward by (M, T) radians, in place; the opposite angle takes it back exactly."""
    half = (np.float32(0.5) * angle)[..., None] * _SHARES
    turn = np.zeros((*half.shape, 4), np.float32)
    np.sin(half, out=turn[..., 0])
    np.cos(half, out=turn[..., 3])
    rotations[:, :, _LEANING] = kin.multiply(turn, rotations[:, :, _LEANING])


def head_tops(rotations: Float, pelvis: Float) -> Float:
    """(M, T, 3) metres, the tops of the heads.

    Args:
        rotations: (M, T, 22, 4) local, the pelvis' in the space wanted.
        pelvis: (M, T, 3) metres.
    """
    turned = rotations[:, :, 0]
    place = pelvis
    for joint in _CHAIN:
        place = place + kin.rotated(turned, _BONES[joint])
        turned = kin.multiply(turned, rotations[:, :, joint])
    top: Float = place + kin.rotated(turned, _TOP)
    return top


_CHAIN = tuple(JOINT_INDEX[name] for name in ("spine1", "spine2", "spine3", "neck", "head"))
_BONES = {joint: kin.rotation_table(REST_OFFSETS[joint]) for joint in _CHAIN}
_TOP = kin.rotation_table(np.array([0.0, HEAD_TOP, 0.0]))


def _drops() -> tuple[Float, Float, float]:
    """Depths, how far each brings the head of a standing body down, and how high that is (metres)."""
    depths = np.linspace(0, 1, 21, dtype=np.float32)
    rotations = np.zeros((1, len(depths), JOINTS, 4), np.float32)
    rotations[..., 3] = 1
    pelvis = np.zeros((1, len(depths), 3), np.float32)
    pelvis[..., 1] = PELVIS_REST_HEIGHT - STOOP_CROUCH * depths
    lean(rotations, (STOOP_LEAN * depths)[None])
    tops = head_tops(rotations, pelvis)[0, :, 1]
    return depths, tops[0] - tops, float(tops[0])


_DEPTHS, _DROPS, _STANDING = _drops()
STANDING_ROOM = _STANDING + HEADROOM
"""Metres of free height in which a standing body need not stoop."""
