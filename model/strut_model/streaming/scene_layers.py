"""What a scene does beyond the student, for one batch: taken off the histories, put onto the windows.

Four layers: how one bears oneself (`streaming.bearing`), what happens to steps (`streaming.strides`), slips
(`streaming.slipping`), and stooping where there is little free height (`streaming.stoop`). Here is in which order they
come and what of them travels with the foot locks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from strut_model.features import HISTORY, WINDOW
from strut_model.skeleton import CONTACT_JOINTS
from strut_model.streaming import bearing, feet, slipping, stoop, strides
from strut_model.streaming.bearing import CLOSED, SLIPS, Bearings
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.slipping import Slip

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

_BEND, _SLIP, _STOOP = slice(0, 2), slice(2, 5), slice(5, 7)  # of `FootLocks.strides`


@dataclass(frozen=True)
class SceneLayers:
    """The layers of B characters.

    Attributes:
        past: (B, 8, 11) amounts in the frames of the histories, see `bearing.CLOSED`.
        ahead: (B, 16, 11) in those of the windows.
        down: (B, 8) metres that the pelvis was let down in the histories.
        stooped: (B, 8) how deep one stooped there, 0 to 1; None where nobody did.
        low: (B, 2) free height and share of it, see `SceneConditions.low`; None where nobody has to stoop.
        state: (B, 7) `FootLocks.strides` at the last frames of the histories.
        slips: that characters are in.
        reaction: (B, 16) metres that the pelvis comes down in the windows because of these.
    """

    past: Float
    ahead: Float
    down: Float
    stooped: Float | None
    low: Float | None
    state: Float
    slips: list[Slip] = field(default_factory=list)
    reaction: Float = field(default_factory=lambda: np.zeros((0, WINDOW), np.float32))

    @staticmethod
    def of(bearings: Bearings | None, state: Float, low: Float | None = None) -> SceneLayers | None:
        """The layers, from amounts (None for none) and states (B, 7); None where there is nothing to be done."""
        shown = state[:, [0, 1, 4, 5, 6]].any()
        if bearings is None and low is None and not shown:
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
        stooped = stoop.stooped_before(state[:, _STOOP]) if state[:, _STOOP].any() else None
        down += reaction[:, :HISTORY]
        return SceneLayers(past, ahead, down, stooped, low, state, slips, reaction[:, HISTORY:])

    def take_off_turns(self, rotations: Float) -> None:
        """Bearings and stoops of histories, in place."""
        _turn(rotations, -self.past)
        if self.stooped is not None:
            stoop.lean(rotations, -stoop.STOOP_LEAN * self.stooped)

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
        down, back = _carried(self.down, self.stooped)
        rows = np.flatnonzero(strides.concerned(self.past) | down.any(axis=1))
        if len(rows) == 0:
            return rows, np.zeros((0, 2, 4, 3), np.float32)
        frames = strides.Frames(rotations[rows], linear[rows])
        places = frames.legs.contact_positions()[:, -2:]
        strides.take_off(frames, self.past[rows], down[rows], back[rows])
        linear[rows], rotations[rows] = frames.linear, frames.rotations
        return rows, places

    def planned(
        self,
        linear: Float,
        rotations: Float,
        contacts: Float,
        standing: Bool,
        depth: Float,
        seed: npt.NDArray[np.uint64],
        start_frame: npt.NDArray[np.int64],
    ) -> Planned:
        """What is done to windows (B, 16).

        Args:
            linear, rotations, contacts: as the network has them.
            standing: (B, 4) which joints were on the ground in the frames before.
            depth: (B, 16) metres that feet are below the surface.
            seed, start_frame: (B,) of the requests.
        """
        low = np.full((len(contacts), 2), np.inf, np.float32) if self.low is None else self.low
        rates = self.ahead[:, -1, SLIPS]
        rows = np.flatnonzero(
            strides.concerned(self.ahead) | self.state.any(axis=1) | np.isfinite(low[:, 0]) | (rates > 0)
        )
        state = np.zeros((len(contacts), WINDOW, feet.STRIDES), np.float32)
        down = self.reaction.copy()
        if len(rows) == 0:
            return Planned(self, rows, None, down, state, self.slips)
        frames = strides.Frames(rotations[rows], linear[rows])
        state[rows, :, _BEND] = strides.bend(frames, contacts[rows], self.ahead[rows], self.state[rows, _BEND])
        new: list[Slip] = []
        if self.slips or (rates > 0).any():
            on: Bool = np.asarray(feet.contact_plan(contacts, standing).reshape(-1, WINDOW, 2, 2).any(axis=-1))
            before: Bool = np.asarray(standing.reshape(-1, 2, 2).any(axis=-1))
            landed = slipping.landings(on, before)
            new, state[..., _SLIP] = slipping.drawn(landed, rates, seed, start_frame, self.state[:, _SLIP], self.slips)
            down += slipping.react(new, None, self.ahead)[:, HISTORY:]
        stooping = np.flatnonzero(np.isfinite(low[:, 0]) | self.state[:, _STOOP].any(axis=1))
        if len(stooping):
            turned = rotations[stooping]
            bearing.turn(turned, self.ahead[stooping])
            pelvis = linear[stooping, :, 3:]
            pelvis[..., 1] -= depth[stooping]
            found = stoop.gone_below(turned, pelvis, low[stooping], self.state[stooping, _STOOP])
            state[stooping, :, _STOOP] = found
        down += state[..., 0]
        return Planned(self, rows, frames, down, state, [*self.slips, *new])


def _turn(rotations: Float, amounts: Float) -> None:
    """`bearing.turn` of those of the batch whom it turns, in place."""
    rows = np.flatnonzero(amounts[..., : bearing.TURNS].any(axis=(1, 2)))
    if len(rows) == len(rotations):
        bearing.turn(rotations, amounts)
    elif len(rows):
        part = rotations[rows]
        bearing.turn(part, amounts[rows])
        rotations[rows] = part


def _carried(down: Float, stooped: Float | None) -> tuple[Float, Float]:
    """How far the pelvis is let down and goes back (B, T) for what lets it down and for a stoop."""
    if stooped is None:
        return down, np.zeros_like(down)
    return down + stoop.STOOP_CROUCH * stooped, stoop.COUNTERWEIGHT * np.sin(stoop.STOOP_LEAN * stooped)


@dataclass(frozen=True)
class Planned:
    """What is done to the windows of B characters.

    Attributes:
        layers: with the reactions to new slips.
        rows: (N,) whose steps change.
        frames: (N, 16) of these; None where there are none.
        down: (B, 16) metres that the pelvis is let down.
        state: (B, 16, 7) `FootLocks.strides` at each frame.
        slips: under way and new.
    """

    layers: SceneLayers
    rows: Rows
    frames: strides.Frames | None
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
        if self.frames is None:
            return
        rows, frames = self.rows, self.frames
        places = joints[rows][:, CONTACT_JOINTS]
        places[..., ::2] += root[rows, None]
        down, back = _carried(self.down[rows], self.state[rows, :, 5])
        strides.put_on(frames, self.layers.ahead[rows], down, strides.Last(places, root[rows]), back)
        linear[rows], rotations[rows] = frames.linear, frames.rotations

    def finish(self, linear: Float, rotations: Float, contacts: Float, locks: FootLocks) -> None:
        """Slides and bearings, in place; after the feet are locked."""
        for slip in self.slips:
            self._slide(slip, linear, rotations, contacts, locks)
        if self.state[..., 5].any():
            stoop.lean(rotations, stoop.STOOP_LEAN * self.state[..., 5])
        _turn(rotations, self.layers.ahead)
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
            feet.move_feet(frames.rotations, frames.legs, corrections)
            locks.position[row, :, joints, ::2] += np.where(locked[:, None, None], away[:, None], np.float32(0.0))
        frames_off = slip.sliding(np.arange(WINDOW)) & locked
        contacts[row, frames_off, joints] = 0.0
