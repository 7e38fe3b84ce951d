"""What a scene does beyond the student, for one batch: taken off the histories, put onto the windows.

Three layers: how one bears oneself (`streaming.bearing`), what happens to steps (`streaming.strides`), and slips
(`streaming.slipping`). Here is in which order they come and what of them travels with the foot locks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from strut_model.features import HISTORY, WINDOW
from strut_model.skeleton import CONTACT_JOINTS
from strut_model.streaming import bearing, feet, slipping, strides
from strut_model.streaming.bearing import CLOSED, KNEES, SLIPS, Bearings
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.slipping import Slip

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

_BEND, _SLIP = slice(0, 2), slice(2, 5)  # of `FootLocks.strides`


@dataclass(frozen=True)
class SceneLayers:
    """The layers of B characters.

    Attributes:
        past: (B, 8, 10) amounts in the frames of the histories, see `bearing.CLOSED`.
        ahead: (B, 16, 10) in those of the windows.
        down: (B, 8) metres that the pelvis was let down in the histories.
        state: (B, 5) `FootLocks.strides` at the last frames of the histories.
        slips: that characters are in.
        reaction: (B, 16) metres that the pelvis comes down in the windows because of these.
    """

    past: Float
    ahead: Float
    down: Float
    state: Float
    slips: list[Slip] = field(default_factory=list)
    reaction: Float = field(default_factory=lambda: np.zeros((0, WINDOW), np.float32))

    @staticmethod
    def of(bearings: Bearings | None, state: Float) -> SceneLayers | None:
        """The layers, from amounts (None for none) and states (B, 5); None where there is nothing to be done."""
        shown = state[:, [0, 1, 4]].any()
        if bearings is None and not shown:
            return None
        count = len(state)
        if bearings is None:
            past = np.zeros((count, HISTORY, len(CLOSED)), np.float32)
            ahead = np.zeros((count, WINDOW, len(CLOSED)), np.float32)
        else:
            past, ahead = np.repeat(bearings.past[:, None], HISTORY, axis=1), bearings.ahead.copy()
        down = strides.bent_before(state[:, _BEND])
        slips = slipping.under_way(state[:, _SLIP]) if shown else []
        reaction = slipping.react(slips, past, ahead)
        return SceneLayers(past, ahead, down + reaction[:, :HISTORY], state, slips, reaction[:, HISTORY:])

    def contacts(self, contacts: Float) -> Float:
        """Contacts (B, 8, 4) of the histories, with feet that slip on the ground."""
        if not self.slips:
            return contacts
        out = contacts.copy()
        frames = np.arange(-HISTORY, 0)
        for slip in self.slips:
            joints = slice(2 * slip.side, 2 * slip.side + 2)
            out[slip.row, slip.sliding(frames), joints] = 1.0
        return out

    def take_off_steps(self, linear: Float, rotations: Float) -> tuple[Rows, Float]:
        """Steps of histories as the network knows them, in place.

        Returns:
            the rows (N,) that have changed, and where their heels and toes were in the last two frames, (N, 2, 4, 3).
        """
        rows = np.flatnonzero(strides.concerned(self.past) | self.down.any(axis=1))
        if len(rows) == 0:
            return rows, np.zeros((0, 2, 4, 3), np.float32)
        frames = strides.Frames(rotations[rows], linear[rows])
        places = frames.legs().contact_positions()[:, -2:]
        strides.take_off(frames, self.past[rows], self.down[rows])
        linear[rows], rotations[rows] = frames.linear, frames.rotations
        return rows, places

    def planned(
        self,
        linear: Float,
        rotations: Float,
        contacts: Float,
        standing: Bool,
        seed: npt.NDArray[np.uint64],
        start_frame: npt.NDArray[np.int64],
    ) -> Planned:
        """What is done to the windows (B, 16) as the network has them; their feet stood where ``standing`` (B, 4)."""
        knees = self.ahead[:, -1, KNEES]
        state = np.zeros((len(contacts), WINDOW, 5), np.float32)
        rows = np.flatnonzero((knees > 0) | self.state[:, _BEND].any(axis=1))
        if len(rows):
            frames = strides.Frames(rotations[rows], linear[rows])
            state[rows, :, _BEND] = strides.bend(frames, contacts[rows], self.ahead[rows], self.state[rows, _BEND])
        on: Bool = np.asarray(feet.contact_plan(contacts, standing).reshape(-1, WINDOW, 2, 2).any(axis=-1))
        before: Bool = np.asarray(standing.reshape(-1, 2, 2).any(axis=-1))
        rates = self.ahead[:, -1, SLIPS]
        new, state[..., _SLIP] = slipping.drawn(
            slipping.landings(on, before), rates, seed, start_frame, self.state[:, _SLIP], self.slips
        )
        down = state[..., 0] + self.reaction + slipping.react(new, None, self.ahead)[:, HISTORY:]
        return Planned(self, down, state, [*self.slips, *new])


@dataclass(frozen=True)
class Planned:
    """What is done to the windows of B characters.

    Attributes:
        layers: with the reactions to new slips.
        down: (B, 16) metres that the pelvis is let down.
        state: (B, 16, 5) `FootLocks.strides` at each frame.
        slips: under way and new.
    """

    layers: SceneLayers
    down: Float
    state: Float
    slips: list[Slip]

    def put_on_steps(self, linear: Float, rotations: Float, joints: Float, root: Float) -> None:
        """Steps as scenes have them, in place; before the feet are locked.

        Args:
            linear: (B, 16, 6).
            rotations: (B, 16, 22, 4).
            joints: (B, 22, 3) metres from the root, in the frames before, as the network saw them.
            root: (B, 2) metres, there.
        """
        amounts = self.layers.ahead
        rows = np.flatnonzero(strides.concerned(amounts) | self.down.any(axis=1))
        if len(rows) == 0:
            return
        places = joints[rows][:, CONTACT_JOINTS]
        places[..., ::2] += root[rows, None]
        frames = strides.Frames(rotations[rows], linear[rows])
        strides.put_on(frames, amounts[rows], self.down[rows], strides.Last(places, root[rows]))
        linear[rows], rotations[rows] = frames.linear, frames.rotations

    def finish(self, linear: Float, rotations: Float, contacts: Float, locks: FootLocks) -> None:
        """Slides and bearings, in place; after the feet are locked."""
        for slip in self.slips:
            self._slide(slip, linear, rotations, contacts, locks)
        bearing.turn(rotations, self.layers.ahead)
        locks.strides[...] = self.state

    def _slide(self, slip: Slip, linear: Float, rotations: Float, contacts: Float, locks: FootLocks) -> None:
        row, joints = slip.row, slice(2 * slip.side, 2 * slip.side + 2)
        locked: Bool = np.asarray(locks.active[row, :, joints].any(axis=1))
        moved = slipping.slide(slip, locked)
        if moved.any():
            way = linear[row, -1, :2] - linear[row, 0, :2]
            length = float(np.hypot(*way))
            facing = np.array([np.sin(linear[row, 0, 2]), np.cos(linear[row, 0, 2])])
            away = (moved[:, None] * (way / length if length > 0.05 else facing)).astype(np.float32)
            frames = strides.Frames(rotations[row : row + 1], linear[row : row + 1])
            corrections = np.zeros((1, WINDOW, 4, 3), np.float32)
            corrections[0, :, joints, ::2] = away[:, None]
            feet.move_feet(frames.rotations, frames.legs(), corrections)
            locks.position[row, :, joints, ::2] += np.where(locked[:, None, None], away[:, None], np.float32(0.0))
        frames_off = slip.sliding(np.arange(WINDOW)) & locked
        contacts[row, frames_off, joints] = 0.0
