"""Landings that are known beforehand: where a contact of the window comes to rest, and how the swing is led there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

LEAD_FRAMES = 5
"""Frames of the swing over which a joint is led to where it will rest."""
LEAD_LIMIT = 0.06
"""Metres by which it is led at most."""


@dataclass(frozen=True)
class Landings:
    """The landings inside a window.

    Attributes:
        resting: (B, T, 4, D) metres, where a joint that lands at a frame is locked.
        lead: (B, T, 4, D) metres by which joints are moved in the frames before.
        along: (B, T, 4, D) metres by which a joint is moved besides, when its foot's other joint is at its lock.
        short: (B, T, 4, D) metres that a joint which lands at a frame is not led by, since that would be too far; means
            nothing at other frames.
    """

    resting: Float
    lead: Float
    along: Float
    short: Float


def led_to_rest(places: Float, on: Bool, before: Bool, lock: Float, level: Float, held: Float) -> Landings | None:
    """Where the contacts of a window come to rest, and how far the swings before them have to be moved to end there.

    Args:
        places: (B, T, 4, D) metres, heels and toes of the window: x and z (D of 2), and heights (D of 3).
        on: (B, T, 4) contacts.
        before: (B, 4) contacts in the frame before the window.
        lock: (B, 4, D) metres, where those are locked.
        level: (4, D) what a resting joint's height is drawn to; its x and z are not looked at.
        held: (D,) share of each coordinate that a lock takes hold of.

    Returns:
        The landings; None where nothing comes down inside the window.
    """
    landing = on & ~np.concatenate((before[:, None], on[:, :-1]), axis=1)
    landing[:, 0] = False  # nothing is left to be led
    if not landing.any():
        return None
    resting = resting_places(places, on, level)
    away = (resting - places) * held
    along = _others(_held_by(places, on, resting, before, lock) * held)
    # While the foot's other joint stands, this one is moved along with it anyway.
    wanted = away.copy()
    wanted[:, 1:] -= along[:, :-1]
    length = np.sqrt(np.einsum("btcx,btcx->btc", wanted, wanted))[..., None]
    own = wanted * np.minimum(np.float32(1.0), np.float32(LEAD_LIMIT) / np.maximum(length, np.float32(1e-9)))
    down, off = landing[..., None], ~on[..., None]
    own_landing = np.where(down, own, np.float32(0.0))
    # A joint that stays in the air goes along with its foot's other joint.
    taken = np.where(down, own, _others(own_landing) * off)
    lead = np.zeros_like(places)
    for before_landing in range(1, LEAD_FRAMES + 1):
        ahead = taken[:, before_landing:] * _shares(on.shape[1])[before_landing - 1, before_landing:, None, None]
        lead[:, :-before_landing] += ahead * off[:, :-before_landing]
    return Landings(resting, lead, along, wanted - own)


@lru_cache(maxsize=4)
def _shares(frames: int) -> Float:
    """(5, T) how much of the way to a landing at each frame is gone 1 to 5 frames before it; a swing that begins with
    the window has fewer frames."""
    shares = np.zeros((LEAD_FRAMES, frames), np.float32)
    for frame in range(1, frames):
        count = min(LEAD_FRAMES, frame)
        share = np.arange(1, count + 1, dtype=np.float32) / np.float32(count + 1)
        shares[:count, frame] = (share * share * (3 - 2 * share))[::-1]
    return shares


def _others(joints: Float) -> Float:
    """(B, T, 4, D) values of each foot's other joint."""
    return joints.reshape(*joints.shape[:2], 2, 2, -1)[:, :, :, ::-1].reshape(joints.shape)


def _held_by(places: Float, on: Bool, resting: Float, before: Bool, lock: Float) -> Float:
    """How far a lock will hold each joint from its own place, nought where it is free."""
    begins = on & ~np.concatenate((before[:, None], on[:, :-1]), axis=1)
    held = np.empty_like(places)
    for frame in range(places.shape[1]):
        lock = np.where(begins[:, frame, :, None], resting[:, frame], lock)
        held[:, frame] = lock
    return np.where(on[..., None], held - places, np.float32(0.0))


def resting_places(places: Float, on: Bool, level: Float) -> Float:
    """Where a joint rests whose contact begins at a frame, (B, T, 4, D) metres; see ``led_to_rest``.

    A joint that glides while it is in contact rests at the mean of its places from there on; so it is moved least.
    """
    total = places.copy()
    count = np.ones((*on.shape, 1), np.float32)
    for frame in range(on.shape[1] - 2, -1, -1):
        goes_on = on[:, frame + 1, :, None]
        total[:, frame] += total[:, frame + 1] * goes_on
        count[:, frame] += count[:, frame + 1] * goes_on
    total /= count
    total[..., 2:] = level[..., 2:]
    return total
