"""Landings that are known beforehand: where a contact of the window comes to rest, and how the swing is led there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

LEAD_FRAMES = 5
"""Frames of the swing over which a joint is led to where it will rest."""
LEAD_LIMIT = 0.06
"""Metres by which it is led at most."""


def led_to_rest(places: Float, on: Bool, before: Bool, level: Float, held: Float) -> tuple[Float, Float | None]:
    """Where the contacts of a window come to rest, and how far the swings before them have to be moved to end there.

    A joint that glides while it is in contact rests at the mean of its places from there on; so it is moved least.

    Args:
        places: (B, T, 4, D) metres, heels and toes of the window: x and z (D of 2), and heights (D of 3).
        on: (B, T, 4) contacts.
        before: (B, 4) contacts in the frame before the window.
        level: (4, D) what a resting joint's height is drawn to; its x and z are not looked at.
        held: (D,) share of each coordinate that a lock takes hold of.

    Returns:
        places (B, T, 4, D) at which a joint that lands at a frame is locked, and corrections (B, T, 4, D) of the frames
        before; None where nothing lands inside the window.
    """
    resting = _mean_to_end(places, on)
    away = resting - places
    away[..., 2:] = held[2:] * (level[..., 2:] - places[..., 2:])
    length = np.sqrt(np.einsum("btcx,btcx->btc", away, away))[..., None]
    away *= np.minimum(np.float32(1.0), np.float32(LEAD_LIMIT) / np.maximum(length, np.float32(1e-9)))
    resting = places + away
    resting[..., 2:] = level[..., 2:]
    landing = on & ~np.concatenate((before[:, None], on[:, :-1]), axis=1)
    landing[:, 0] = False  # nothing is left to be led
    if not landing.any():
        return resting, None
    lead = np.zeros_like(places)
    for frame in np.flatnonzero(landing.any(axis=(0, 2))):
        count = min(LEAD_FRAMES, int(frame))
        share = np.arange(1, count + 1, dtype=np.float32) / np.float32(count + 1)
        share = share * share * (3 - 2 * share)
        swing = slice(frame - count, frame)
        which = landing[:, frame, None] & ~on[:, swing]
        lead[:, swing] += np.where(which[..., None], away[:, frame, None] * share[:, None, None], np.float32(0.0))
    # A joint in the air whose foot's other joint is led goes along with it.
    idle = ~on & ~lead.any(axis=-1)
    other = lead.reshape(*lead.shape[:2], 2, 2, -1)[:, :, :, ::-1].reshape(lead.shape)
    return resting, np.where(idle[..., None], other, lead)


def _mean_to_end(places: Float, on: Bool) -> Float:
    """The mean of each joint's places from a frame to the last one of its contact in the window."""
    total = places.copy()
    count = np.ones((*on.shape, 1), np.float32)
    for frame in range(on.shape[1] - 2, -1, -1):
        goes_on = on[:, frame + 1, :, None]
        total[:, frame] += total[:, frame + 1] * goes_on
        count[:, frame] += count[:, frame + 1] * goes_on
    total /= count
    return total
