"""Slips with recovery in a stream: a foot that has just landed slides on, and the body answers.

As `scene.slips` has them on whole clips: which landings slip is drawn with a number for each, the foot slides with its
contact off, and for a second after it arms go up, the trunk comes back and the knees give. Where a slip is, is a state
of three numbers that travels with the foot locks (`FootLocks.strides`), so windows go on in the middle of one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strut_model.features import HISTORY, WINDOW
from strut_model.scene.slips import (
    ARMS,
    DROP,
    LONGEST,
    ONSET_FRAMES,
    REACTION_FRAMES,
    RECOVERY_FRAMES,
    SHORTEST,
    SLIDE_FRAMES,
    TRUNK,
)
from strut_model.streaming.bearing import ARM_ABDUCTION, TRUNK_LEAN

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

OVER = REACTION_FRAMES + RECOVERY_FRAMES
"""Frames from the landing after which a slip is over, and the next may come."""
LONGEST_WAIT = 900.0
"""Frames without a draw that count: who stood for long does not slip at the first step."""
_AHEAD = np.arange(1, WINDOW + 1)
_PAST = np.arange(1 - HISTORY, 1)
_RELEASED = 0.7
"""y of the spring, per frame, by which a foot that has left the ground loses what it slid (`feet.LOCK_DECAY`)."""


@dataclass(frozen=True)
class Slip:
    """A slip of one character.

    Attributes:
        row: of the batch.
        side: 0 for the left foot, 1 for the right.
        metres: how far the foot slides.
        landing: frame of the landing, from the window's first; negative where it was before.
    """

    row: int
    side: int
    metres: float
    landing: int

    def slid(self, frames: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """Metres that the foot has slid at frames of the window."""
        share = np.clip((frames - self.landing - ONSET_FRAMES + 1) / SLIDE_FRAMES, 0.0, 1.0)
        return np.asarray(self.metres * share * share * (3 - 2 * share))

    def sliding(self, frames: npt.NDArray[np.integer]) -> Bool:
        """At which frames of the window the foot's contact is off."""
        age = frames - self.landing - ONSET_FRAMES
        return np.asarray((age >= 0) & (age < SLIDE_FRAMES))


def under_way(state: Float) -> list[Slip]:
    """The slips that characters are in, by their states (B, 3) at the last frames of their histories: frames since a
    slip was last drawn for, age of the slip in frames, and its metres, negative on the right."""
    return [
        Slip(int(row), int(state[row, 2] < 0), float(abs(state[row, 2])), -1 - int(state[row, 1]))
        for row in np.flatnonzero(state[:, 2])
    ]


def landings(on: Bool, before: Bool) -> Bool:
    """(B, 16, 2) the landings of stances that last for a slip, or go on at the window's end.

    Args:
        on: (B, 16, 2) whether each foot stands.
        before: (B, 2) in the frame before.
    """
    out = on & ~np.concatenate((before[:, None], on[:, :-1]), axis=1)
    for later in range(1, ONSET_FRAMES + SLIDE_FRAMES + 1):
        out[:, :-later] &= on[:, later:]
    return out


def drawn(
    landed: Bool,
    rates: Float,
    seed: npt.NDArray[np.uint64],
    start_frame: npt.NDArray[np.int64],
    state: Float,
    slips: list[Slip],
) -> tuple[list[Slip], Float]:
    """Which landings of a window slip, and the states (B, 16, 3) at its frames.

    Nobody slips in the middle of a recovery; the time of it counts for the next landing, so that the rate stays.

    Args:
        landed: (B, 16, 2) see `landings`.
        rates: (B,) slips a frame; nothing is drawn where it is 0.
        seed: (B,) of the characters.
        start_frame: (B,) of the windows.
        state: (B, 3) as for `under_way`.
        slips: under way.
    """
    states = np.zeros((len(rates), WINDOW, 3), np.float32)
    latest = {slip.row: slip for slip in slips}
    new: list[Slip] = []
    for row in np.flatnonzero((rates > 0) | (state[:, 2] != 0)):
        waited, slip = float(state[row, 0]), latest.get(int(row))
        for frame in range(WINDOW):
            waited = min(waited + 1, LONGEST_WAIT)
            if slip is not None and frame - slip.landing >= OVER:
                slip = None
            for side in np.flatnonzero(landed[row, frame]):
                if slip is not None or rates[row] <= 0:
                    continue
                numbers = np.random.default_rng((int(seed[row]), int(start_frame[row]) + frame, int(side))).random(2)
                happens, waited = numbers[0] < rates[row] * waited, 0.0
                if happens:
                    metres = SHORTEST + (LONGEST - SHORTEST) * float(numbers[1])
                    slip = Slip(int(row), int(side), metres, frame)
                    new.append(slip)
            states[row, frame, 0] = waited
            if slip is not None:
                states[row, frame, 1:] = frame - slip.landing, slip.metres * (-1 if slip.side else 1)
    return new, states


def react(slips: list[Slip], past: Float | None, ahead: Float) -> Float:
    """Adds the reactions to slips to amounts, in place, and says by how much the pelvis comes down.

    Args:
        slips: under way or new.
        past: (B, 8, 11) amounts in the frames of the histories; None where they are not wanted.
        ahead: (B, 16, 11) in those of the windows.

    Returns:
        (B, 24) metres, history and window.
    """
    down = np.zeros((len(ahead), HISTORY + WINDOW), np.float32)
    frames = np.concatenate((_PAST - 1, _AHEAD - 1))
    for slip in slips:
        pulse = slip.metres / LONGEST * _pulse(frames - slip.landing)
        down[slip.row] += DROP * pulse
        for part, own in ((past, pulse[:HISTORY]), (ahead, pulse[HISTORY:])):
            if part is not None:
                part[slip.row, :, TRUNK_LEAN] += np.radians(TRUNK) * own
                part[slip.row, :, ARM_ABDUCTION] += np.radians(ARMS) * own
    return down


def _pulse(age: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """The reaction at ages in frames: up to 1 at `REACTION_FRAMES` after the landing, down over `RECOVERY_FRAMES`."""
    time = age - ONSET_FRAMES
    rise = np.clip(time / (REACTION_FRAMES - ONSET_FRAMES), 0.0, 1.0)
    fall = np.clip((time - REACTION_FRAMES + ONSET_FRAMES) / RECOVERY_FRAMES, 0.0, 1.0)
    return np.asarray(rise * rise * (3 - 2 * rise) * (1 - fall * fall * (3 - 2 * fall)))


def slide(slip: Slip, locked: Bool) -> npt.NDArray[np.float64]:
    """(16,) metres that the foot is moved on along the way in a window, beyond what its lock has come with.

    Args:
        slip: under way or new.
        locked: (16,) whether the foot is locked.
    """
    frames = _AHEAD - 1
    begin = slip.slid(np.array([-1]))[0] if slip.landing < 0 else 0.0
    moved = np.where(frames >= slip.landing, slip.slid(frames) - begin, 0.0)
    standing = locked | (frames < slip.landing)
    if standing.all():
        return moved
    left = int(np.argmin(standing))
    since = np.maximum(frames - left + 1, 0)
    kept = moved[max(left - 1, 0)] if left > 0 else 0.0
    return np.where(frames < left, moved, kept * (1 + _RELEASED * since) * np.exp(-_RELEASED * since))
