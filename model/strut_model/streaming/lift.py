"""Swinging feet higher, as snow, rubble or water ask for: beyond what the student lifts them itself.

A foot is lifted by as much as it swings, told by how fast it goes over the ground compared with the body. Lifting does
not change that speed, so what was lifted in a history is known from the history alone, is taken off before the network
sees it, and nothing needs to be carried between windows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from strut_model.skeleton import FPS
from strut_model.streaming import feet

Float = npt.NDArray[np.float32]

FASTER = np.float32(2.0)
"""Speed of a foot in the middle of its swing, as a multiple of the body's, about."""
SLOWEST = np.float32(0.8)
"""Metres a second: the same of who stands and steps."""
LEAVING, SWINGING = np.float32(0.1), np.float32(1.0)
"""Shares of that speed at which a foot begins to be lifted, and at which it is lifted in full."""


def lift(rotations: Float, linear: Float, metres: Float, before: tuple[Float, Float] | None = None) -> None:
    """Lift the swinging feet of frames, in place; negative metres take it back.

    Args:
        rotations: (M, T, 22, 4) local, the pelvis' in the canonical frame.
        linear: (M, T, 6) root x, root z, heading, pelvis x, y, z.
        metres: (M, T), by how much feet in the middle of a swing are lifted.
        before: heels and toes (M, 4, 3) and root (M, 2) in the frame before the first one; the first frame's speed is
            taken for the second's where it is None.
    """
    legs = feet.legs_of(rotations, linear[..., 3:])
    places = legs.contact_positions()[..., ::2]
    root = linear[..., :2]
    if before is None:
        steps, way = np.diff(places, axis=1), np.diff(root, axis=1)
        steps, way = np.concatenate((steps[:, :1], steps), axis=1), np.concatenate((way[:, :1], way), axis=1)
    else:
        steps = np.diff(places, axis=1, prepend=before[0][:, None, :, ::2])
        way = np.diff(root, axis=1, prepend=before[1][:, None])
    # A foot that rolls over its toes swings only when they leave, too.
    speed = np.sqrt(np.square(steps).sum(axis=-1)).reshape(*steps.shape[:2], 2, 2).min(axis=-1) * np.float32(FPS)
    usual = np.sqrt(np.square(way).sum(axis=-1)) * (FASTER * np.float32(FPS))
    share = speed / np.maximum(usual, SLOWEST)[..., None]
    share = np.clip((share - LEAVING) / (SWINGING - LEAVING), np.float32(0.0), np.float32(1.0))
    share *= share * (np.float32(3.0) - np.float32(2.0) * share)
    corrections = np.zeros((*share.shape[:2], 4, 3), np.float32)
    corrections[..., 1] = np.repeat(metres[..., None] * share, 2, axis=-1)
    feet.move_feet(rotations, legs, corrections)
