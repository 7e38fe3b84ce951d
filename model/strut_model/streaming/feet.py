"""Contact-locked feet: a foot that stands stays where it landed, and nothing pops when it lands or leaves.

Each heel (at the ankle joint) and toe has a lock: a place on the ground. While the contact holds, the joint is drawn to
its lock; what remains between the two is an offset that a critically damped spring takes to nought, started with
the position and velocity that the joint has on screen. So landing, leaving, and giving up a lock that has become too
far are all the same thing: a change of what the joint is drawn to. A landing inside the window is known beforehand, so
the swing before is led to where the contact comes to rest (:mod:`strut_model.streaming.landings`) and no spring is
needed. A foot whose lock has become too far takes a small step: it is released, raised where the other foot carries the
body, and locked anew. Two-bone inverse kinematics then bends hip and knee in the leg's own plane, and the ankle turns
the foot to its toe.

Between windows only the locks are carried. The offset starts afresh from the history's joint places, which is what
makes a window a function of its request.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from strut_model.skeleton import CONTACT_REST_HEIGHTS, REST_OFFSETS
from strut_model.streaming import kinematics as kin
from strut_model.streaming.landings import Landings, led_to_rest, resting_places

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

LOCK_DECAY = 0.7
"""y of the lock's spring, per frame: a released foot is back on its own path, within a tenth, after six frames."""
MAX_CORRECTION = 0.16
"""Metres between a lock and the joint's own place at which the foot takes a step to it."""
GESTURE_CORRECTION = 0.08
"""The same of who gestures on the spot, where the feet shift with the weight and the idle's stillness is not wanted."""
MAX_TWIST = 0.1
"""Metres by which heel and toe may be moved apart before it does, too: about 45 degrees of the foot."""
STEP_FRAMES = 8
STEP_HEIGHT = 0.05
"""Length of that step, and metres by which it raises the foot."""
_SHORTEST_STEP = 5
"""Frames: where the window leaves fewer, the step waits for the next one."""
LOW = 0.04
"""Metres above its rest height below which a joint can be in contact, whatever the network says."""
STANDING_HOLD = 0.8
"""Share of a standing joint's own rise and fall that its lock takes away: heels and toes do roll a little."""
MAX_LANDING_STEP = 0.02
"""Metres a frame: speed that a landing joint may run out; what is faster is no landing."""
CONTACT_ON = 0.6
CONTACT_OFF = 0.4
"""A contact begins above the one and ends below the other."""
GROUND_MARGIN = 0.002
"""Metres below its rest height to which a heel or toe may sink."""
STRIDES = 7
"""Numbers of `FootLocks.strides`."""
HEEL_RISE = 0.04
"""Metres that a heel rises where the leg does not reach it; at twice that it does no more."""
_EXTENSION_KNEE = np.float32(0.985)
_EXTENSION_LIMIT = np.float32(0.999)
"""Shares of the leg's length between which a correction's stretch is eased out, so that the knee does not snap."""

_THIGH = float(np.linalg.norm(REST_OFFSETS[kin.KNEES][0]))
_SHANK = float(np.linalg.norm(REST_OFFSETS[kin.ANKLES][0]))
LEG_LENGTH = _THIGH + _SHANK
_HIP_TABLE = kin.rotation_table(REST_OFFSETS[kin.HIPS])
_KNEE_TABLE = kin.rotation_table(REST_OFFSETS[kin.KNEES][0])
_ANKLE_TABLE = kin.rotation_table(REST_OFFSETS[kin.ANKLES][0])
_TOE_TABLE = kin.rotation_table(REST_OFFSETS[10])
_HINGE_TABLE = kin.rotation_table(np.array([1.0, 0.0, 0.0]))
_FLOOR = CONTACT_REST_HEIGHTS - np.float32(GROUND_MARGIN)
_CONTACT_ON = np.float32(CONTACT_ON)
_CONTACT_OFF = np.float32(CONTACT_OFF)
_AXES = [0, 2, 1]
"""Over the ground first, then the height."""
_REST = np.stack((np.zeros(4), np.zeros(4), CONTACT_REST_HEIGHTS), axis=1).astype(np.float32)
_HELD = np.array([1.0, 1.0, STANDING_HOLD], np.float32)


@dataclass(frozen=True)
class FootLocks:
    """Locks of left heel, left toe, right heel, right toe.

    Attributes:
        active: (..., 4) whether the joint is locked.
        position: (..., 4, 3) metres, where; meaningless where not active.
        given: (...) whether these locks are known; where not, they follow from the history's contacts and places.
        lowered: (..., 2) metres that the ground lowers the pelvis by so that both feet reach it, and by how much more
            each frame; zeros by default, and on level ground.
        sunk: (..., 2) metres that the feet are below the surface, and by how much more each frame; zeros by default.
            NaN where that is not known: they are then as deep as the scene has them. Counts whether or not ``given``.
        strides: (..., 7) what a scene does to steps, see `streaming.scene_layers`: metres that the pelvis is let down
            for bent knees and by how much more each frame; frames since a slip was last drawn for, frames since the
            landing of the slip that goes on and its metres, negative on the right; how deep one stoops, 0 to 1, and by
            how much more each frame. Zeros by default. Counts whether or not ``given``.
    """

    active: Bool
    position: Float
    given: Bool
    lowered: Float = field(default_factory=lambda: np.zeros(0, np.float32))
    sunk: Float = field(default_factory=lambda: np.zeros(0, np.float32))
    strides: Float = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        for name, size in (("lowered", 2), ("sunk", 2), ("strides", STRIDES)):
            if getattr(self, name).shape[-1] == 0:
                object.__setattr__(self, name, np.zeros((*np.shape(self.given), size), np.float32))

    @staticmethod
    def unknown(batch: int, sunk: float = np.nan) -> FootLocks:
        """Locks that follow from each request's history; of feet that are ``sunk`` metres below the surface."""
        return FootLocks(
            np.zeros((batch, 4), bool),
            np.zeros((batch, 4, 3), np.float32),
            np.zeros(batch, bool),
            sunk=np.tile(np.array([sunk, 0.0], np.float32), (batch, 1)),
        )

    def __getitem__(self, key: Any) -> FootLocks:
        """Index or slice the leading axes."""
        return FootLocks(
            self.active[key],
            self.position[key],
            self.given[key],
            self.lowered[key],
            self.sunk[key],
            self.strides[key],
        )

    @staticmethod
    def stack(rows: list[FootLocks]) -> FootLocks:
        """A batch of single characters' locks."""
        return FootLocks(
            np.stack([row.active for row in rows]),
            np.stack([row.position for row in rows]),
            np.stack([row.given for row in rows]),
            np.stack([row.lowered for row in rows]),
            np.stack([row.sunk for row in rows]),
            np.stack([row.strides for row in rows]),
        )


@dataclass(frozen=True)
class Legs:
    """Both legs, all in one space: orientations (B, T, 2, 4) and positions (B, T, 2, 3) metres."""

    pelvis: Float  # (B, T, 1, 4)
    hip: Float
    knee: Float
    ankle: Float
    hip_position: Float
    knee_position: Float
    ankle_position: Float
    toe_position: Float

    def moved(self, shift: Float) -> Legs:
        """The legs with everything shifted by (B, T, 3) metres."""
        by = shift[:, :, None]
        return replace(
            self,
            hip_position=self.hip_position + by,
            knee_position=self.knee_position + by,
            ankle_position=self.ankle_position + by,
            toe_position=self.toe_position + by,
        )

    def contact_positions(self) -> Float:
        """(B, T, 4, 3) metres: left heel, left toe, right heel, right toe."""
        joints = np.stack((self.ankle_position, self.toe_position), axis=3)
        return joints.reshape(*joints.shape[:2], 4, 3)


def legs_of(rotations: Float, pelvis: Float) -> Legs:
    """Forward kinematics of the legs.

    Args:
        rotations: (B, T, 22, 4) local rotations, the pelvis' in the space wanted.
        pelvis: (B, T, 3) metres.
    """
    base = rotations[:, :, :1]
    hip = kin.multiply(base, rotations[:, :, kin.HIPS])
    knee = kin.multiply(hip, rotations[:, :, kin.KNEES])
    ankle = kin.multiply(knee, rotations[:, :, kin.ANKLES])
    hip_position = kin.rotated(base, _HIP_TABLE).reshape(*hip.shape[:-1], 3)
    hip_position += pelvis[:, :, None]
    knee_position = kin.rotated(hip, _KNEE_TABLE)
    knee_position += hip_position
    ankle_position = kin.rotated(knee, _ANKLE_TABLE)
    ankle_position += knee_position
    toe_position = kin.rotated(ankle, _TOE_TABLE)
    toe_position += ankle_position
    return Legs(base, hip, knee, ankle, hip_position, knee_position, ankle_position, toe_position)


def contact_plan(contacts: Float, before: Bool) -> Bool:
    """Contacts as on and off, (B, T, 4), with hysteresis; ``before`` (B, 4) is the frame before the first."""
    on = contacts > _CONTACT_ON
    decided = on | (contacts < _CONTACT_OFF)
    if decided.all():
        return on
    # The last decided frame up to each frame; frame 0 stands for the frame before.
    frames = contacts.shape[1]
    index = np.arange(1, frames + 1).reshape(1, -1, 1) * decided
    np.maximum.accumulate(index, axis=1, out=index)
    states = np.concatenate((before[:, None], on), axis=1)
    held: Bool = np.take_along_axis(states, index, axis=1)
    return held


def settle(
    places: Float,
    contacts: Float,
    previous: Float,
    previous_contacts: Float,
    locks: FootLocks,
    allowed: Float | None = None,
) -> tuple[Float, FootLocks]:
    """How far each heel and toe has to be moved.

    Args:
        places: (B, T, 4, 3) metres, heels and toes of the window, seam already joined.
        contacts: (B, T, 4) in [0, 1].
        previous: (B, 2, 4, 3) metres, heels and toes in the last two frames of the history.
        previous_contacts: (B, 4) in [0, 1], of the last frame of the history.
        locks: (B,) locks at the last frame of the history.
        allowed: (B,) metres between a lock and the joint's own place at which a foot steps; ``MAX_CORRECTION``
            by default.

    Returns:
        corrections (B, T, 4, 3) metres, and the locks (B, T) at each frame.
    """
    low = places[..., 1] < CONTACT_REST_HEIGHTS + np.float32(LOW)
    moved, targets, locked = hold(
        places[..., _AXES],
        np.where(low, contacts, np.float32(0.0)),
        previous[..., _AXES],
        previous_contacts,
        locks,
        allowed=allowed,
    )
    corrections = np.empty_like(places)
    corrections[..., _AXES] = moved
    corrections[..., 1] += lift(places[..., 1] + corrections[..., 1], previous[:, 1, :, 1])
    position = np.empty_like(places)
    position[..., ::2] = targets[..., :2]
    position[..., 1] = CONTACT_REST_HEIGHTS
    return corrections, FootLocks(locked, position, np.ones(locked.shape[:2], bool))


def hold(
    places: Float,
    contacts: Float,
    previous: Float,
    previous_contacts: Float,
    locks: FootLocks,
    landings: Float | None = None,
    allowed: Float | None = None,
) -> tuple[Float, Float, Bool]:
    """How far each heel and toe has to be moved.

    Args:
        places: (B, T, 4, D) metres, heels and toes of the window, seam already joined: x and z (D of 2), and their
            heights over level ground (D of 3).
        contacts: (B, T, 4) in [0, 1].
        previous: (B, 2, 4, D) metres, heels and toes in the last two frames of the history.
        previous_contacts: (B, 4) in [0, 1], of the last frame of the history.
        locks: (B,) locks at the last frame of the history.
        landings: (B, T, 4, 2) metres, where a joint that lands at a frame is locked; by default where its contact comes
            to rest, to which the swing before is led.
        allowed: (B,) metres; see ``settle``.

    Returns:
        corrections (B, T, 4, D) metres, the locks' places (B, T, 4, D), and which of them hold (B, T, 4).
    """
    batch, frames, _, axes = places.shape
    before = previous_contacts > np.float32(0.5)
    given = locks.given[:, None]
    active = np.where(given, locks.active, before)
    # What lies at the place of a lock that does not hold is not to be looked at: the wire does not carry it.
    held = (given & locks.active)[..., None]
    lock = np.where(held, locks.position[..., _AXES[:axes]], previous[:, 1])  # (B, 4, D)
    lock[..., 2:] = _REST[..., 2:axes]
    on = contact_plan(contacts, before | active)
    locked = on

    ground = np.empty((batch, frames + 2, 4, axes), np.float32)  # own places, the two frames before included
    ground[:, :2] = previous
    ground[:, 2:] = places
    coming = None
    if landings is None:
        coming = led_to_rest(places, on, before | active, lock, _REST[..., :axes], _HELD[:axes])
    if coming is not None:
        ground[:, 2:] += coming.lead
        landings = coming.resting
    moved = np.zeros_like(ground)  # corrections; none before the window: the seam has joined the places on screen
    targets = np.empty_like(places)
    raised = np.zeros((batch, frames, 2), np.float32)
    near = np.full((batch, 1), MAX_CORRECTION, np.float32) if allowed is None else allowed[:, None]

    spring = _Spring(batch, axes)
    state = active
    frame = 0
    while frame < frames:
        locked = _step_back(locked, on, state, lock, ground, near, raised, frame)
        now = locked[:, frame]
        landing = now & ~state
        changed = (now != state).reshape(batch, 2, 2).any(axis=2)
        if frame == 0:
            lock = _land(lock, landing, ground, moved, frame)
        elif landing.any():
            if landings is None:
                landings = resting_places(places, on, _REST[..., :axes])
            lock = np.where(landing[..., None], landings[:, frame], lock)
        spring.restart(np.ones_like(changed) if frame == 0 else changed, now, lock, ground, moved, frame)
        if frame > 0 and coming is not None:
            spring.arrive(landing & on[:, frame] & ~on[:, frame - 1], coming, moved, frame)
        state = now
        stop = _first_far(ground, lock, near, now, frame, _next_change(locked, frame))
        spring.run(now, lock, ground, moved, frame, stop)
        targets[:, frame:stop] = lock[:, None]
        frame = stop
    corrections = moved[:, 2:]
    if coming is not None:
        corrections += coming.lead
    corrections[..., 2:] += np.repeat(raised, 2, axis=2)[..., None]
    return corrections, targets, locked


def _land(lock: Float, landing: Bool, ground: Float, moved: Float, frame: int) -> Float:
    """Locks with those of landing joints set to where the joint's speed runs out."""
    if not landing.any():
        return lock
    seen = ground[:, frame : frame + 2] + moved[:, frame : frame + 2]  # the two frames before this one
    step = (seen[:, 1] - seen[:, 0])[..., :2]
    length = np.sqrt(np.einsum("bcx,bcx->bc", step, step))
    run_out = np.minimum(np.float32(1.0), np.float32(MAX_LANDING_STEP) / np.maximum(length, np.float32(1e-9)))
    run_out *= np.float32(1.0 / LOCK_DECAY)
    place = np.broadcast_to(_REST[..., : lock.shape[-1]], lock.shape).copy()
    place[..., :2] = seen[:, 1, :, :2] + step * run_out[..., None]
    return np.where(landing[..., None], place, lock)


def _next_change(locked: Bool, frame: int) -> int:
    """The first frame after ``frame`` at which any lock of the batch differs from those at ``frame``."""
    differs = (locked[:, frame + 1 :] != locked[:, frame : frame + 1]).any(axis=(0, 2))
    ahead = int(differs.argmax()) if differs.size else 0
    return frame + 1 + ahead if differs.size and differs[ahead] else locked.shape[1]


def _first_far(ground: Float, lock: Float, near: Float, locked: Bool, frame: int, stop: int) -> int:
    """The first frame in (frame, stop) at which any lock is too far; ``stop`` when there is none."""
    if stop == frame + 1:
        return stop
    far = _strain(ground[:, frame + 3 : stop + 2], lock[:, None], near[:, None], locked[:, None]) > 1
    far &= locked[:, None]
    return frame + 1 + int(far.any(axis=(0, 2)).argmax()) if far.any() else stop


def _step_back(
    locked: Bool, on: Bool, state: Bool, lock: Float, ground: Float, near: Float, raised: Float, frame: int
) -> Bool:
    """The plan (B, T, 4) with the feet whose locks are too far at ``frame`` released for as long as a step takes.

    Feet step one after the other: who is farther goes first. ``raised`` (B, T, 2) is set to the step's height where the
    other foot carries the body meanwhile; a foot that does so alone slides instead.
    """
    batch, frames = locked.shape[:2]
    count = min(STEP_FRAMES, frames - frame)
    if count < _SHORTEST_STEP:
        return locked
    away = _strain(ground[:, frame + 2], lock, near, state & locked[:, frame])
    far = away > 1
    far &= state
    far &= locked[:, frame]
    stepping = _feet(far)
    if not stepping.any():
        return locked
    away = away.reshape(batch, 2, 2).max(axis=2)
    behind = np.stack((away[:, 0] < away[:, 1], away[:, 0] >= away[:, 1]), axis=1)
    stepping &= ~(behind & stepping[:, ::-1])
    carried = _feet(locked[:, frame])[:, ::-1]
    stepping &= carried | ~_feet(on[:, frame])[:, ::-1]  # else the other foot is in such a step itself
    if not stepping.any():
        return locked
    locked = locked.copy()
    locked[:, frame : frame + count] &= ~np.repeat(stepping, 2, axis=1)[:, None]
    phase = np.arange(1, count + 1, dtype=np.float32) / np.float32(count + 1)
    arc = np.float32(STEP_HEIGHT) * np.sin(np.pi * phase) ** 2
    raised[:, frame : frame + count] += (stepping & carried)[:, None] * arc[None, :, None]
    return locked


def _feet(joints: Bool) -> Bool:
    """(B, 2) whether either joint (B, 4) of each foot is."""
    return np.asarray(joints.reshape(-1, 2, 2).any(axis=2))


def _strain(ground: Float, lock: Float, near: Float, locked: Bool) -> Float:
    """(..., 4) how far joints are from their locks, 1 where a foot has to step: by distance, or by the foot's twist."""
    away = (ground - lock)[..., :2]
    strain = np.hypot(away[..., 0], away[..., 1]) / near
    pairs = away.reshape(*away.shape[:-2], 2, 2, 2)
    apart = pairs[..., 0, :] - pairs[..., 1, :]
    both = locked.reshape(*locked.shape[:-1], 2, 2).all(axis=-1)
    twist = np.hypot(apart[..., 0], apart[..., 1]) * both / np.float32(MAX_TWIST)
    return np.asarray(np.maximum(strain, np.repeat(twist, 2, axis=-1)))


class _Spring:
    """The offsets between the joints on screen and what they are drawn to, foot by foot.

    ``position`` and ``velocity`` are the offset's, metres and metres a frame, one frame before ``since``.
    """

    def __init__(self, batch: int, axes: int) -> None:
        self.position = np.zeros((batch, 4, axes), np.float32)
        self.velocity = np.zeros((batch, 4, axes), np.float32)
        self._held = _HELD[:axes]
        self.since = np.zeros((batch, 4), np.float32)

    def restart(self, changed: Bool, locked: Bool, lock: Float, ground: Float, moved: Float, frame: int) -> None:
        """Take up where the joints of the changed feet (B, 2) are and how fast they move, against their new targets."""
        which = np.repeat(changed, 2, axis=1)
        held = moved[:, frame : frame + 2]
        drawn = _drawn(locked[:, None], (lock[:, None] - ground[:, frame : frame + 2]) * self._held, held)
        offset = held - drawn
        mask = which[..., None]
        np.copyto(self.position, offset[:, 1], where=mask)
        np.copyto(self.velocity, offset[:, 1] - offset[:, 0], where=mask)
        np.copyto(self.since, np.float32(frame), where=which)

    def arrive(self, joints: Bool, landings: Landings, moved: Float, frame: int) -> None:
        """Joints (B, 4) that land where they were led to: what they were led short of is left to fade, and what else
        they were moved by than the landing reckoned with."""
        held = moved[:, frame : frame + 2] - landings.along[:, [max(frame - 2, 0), frame - 1]]
        mask = joints[..., None]
        np.copyto(self.position, held[:, 1] - landings.short[:, frame], where=mask)
        np.copyto(self.velocity, held[:, 1] - held[:, 0], where=mask)

    def run(self, locked: Bool, lock: Float, ground: Float, moved: Float, frame: int, stop: int) -> None:
        """Write the corrections of frames [frame, stop) into ``moved``, whose frames are two ahead."""
        time = np.arange(frame + 1, stop + 1, dtype=np.float32)[None, :, None] - self.since[:, None]
        fade = np.exp(np.float32(-LOCK_DECAY) * time)
        speed = self.velocity + np.float32(LOCK_DECAY) * self.position
        offset = self.position[:, None] + speed[:, None] * time[..., None]
        offset *= fade[..., None]
        to_lock = (lock[:, None] - ground[:, frame + 2 : stop + 2]) * self._held
        to_lock += offset
        moved[:, frame + 2 : stop + 2] = _drawn(locked[:, None], to_lock, to_lock, offset)


def _drawn(locked: Bool, to_lock: Float, held: Float, offset: Float | None = None) -> Float:
    """What each joint is moved by: to its lock; else along with its foot's other joint, when that is locked; else none.

    Args:
        locked: (B, 1, 4).
        to_lock: (B, n, 4, D) the way to the lock.
        held: (B, n, 4, D) what the other joint of the foot is moved by.
        offset: (B, n, 4, D) added to joints that are not locked.
    """
    lead = held.shape[:2]
    pair = locked[..., None]
    partner = (held * pair).reshape(*lead, 2, 2, -1)[:, :, :, ::-1].reshape(held.shape)
    if offset is not None:
        partner = partner + offset
    return np.where(pair, to_lock, partner)


def lift(height: Float, previous: Float) -> Float:
    """(B, T, 4) metres by which sunken joints are lifted; a history that is sunken comes up gradually."""
    sunken = np.maximum(_FLOOR - previous, np.float32(0.0))  # (B, 4)
    if sunken.any():
        time = np.arange(1, height.shape[1] + 1, dtype=np.float32)[:, None]
        fade = (1 + np.float32(LOCK_DECAY) * time) * np.exp(np.float32(-LOCK_DECAY) * time)
        floor = _FLOOR - sunken[:, None] * fade
    else:
        floor = _FLOOR
    return np.maximum(floor - height, np.float32(0.0))


def _angle_to_chord(side: float, other: float, chord: Float) -> Float:
    """Angle, radians, between ``side`` and the chord of a triangle whose third side is ``other``."""
    cosine = chord * np.float32(0.5 / side)
    cosine += np.float32((side * side - other * other) / (2 * side)) / chord
    np.minimum(cosine, np.float32(1.0), out=cosine)
    angle: Float = np.arccos(cosine, out=cosine)
    return angle


def knee_flexion(chord: Float) -> Float:
    """Radians, 0 for a straight leg, of legs whose hips and ankles are ``chord`` metres apart (any shape)."""
    cosine = (chord * chord - np.float32(_THIGH**2 + _SHANK**2)) * np.float32(1 / (2 * _THIGH * _SHANK))
    return np.asarray(np.arccos(np.clip(cosine, np.float32(-1.0), np.float32(1.0))), np.float32)


def _about(axis: Float, angle: Float) -> Float:
    """Quaternions (..., 4) that turn by ``angle`` (...,) radians about the unit ``axis`` (..., 3)."""
    q = np.empty((*angle.shape, 4), np.float32)
    half = angle * np.float32(0.5)
    np.cos(half, out=q[..., 3])
    np.multiply(axis, np.sin(half)[..., None], out=q[..., :3])
    return q


def _turned(q: Float, v: Float) -> Float:
    """Vectors (B, ..., 3) turned by quaternions (B, ..., 4)."""
    t = kin.cross(q[..., :3], v)
    t += t
    return v + q[..., 3:] * t + kin.cross(q[..., :3], t)


def _between(u: Float, v: Float, u_length: Float, v_length: Float) -> Float:
    """The smallest rotations (..., 4) that take u (..., 3) to v; they are never opposite here."""
    q = np.empty((*u_length.shape, 4), np.float32)
    q[..., :3] = kin.cross(u, v)
    lengths = u_length * v_length
    np.add(lengths, np.einsum("...i,...i->...", u, v), out=q[..., 3])
    q /= np.sqrt(np.einsum("...i,...i->...", q, q) + np.float32(1e-20))[..., None]
    return q


def _stretch(length: Float) -> Float:
    """A leg's length, eased towards its limit above 98.5 % of full extension."""
    knee, limit = np.float32(LEG_LENGTH) * _EXTENSION_KNEE, np.float32(LEG_LENGTH) * _EXTENSION_LIMIT
    room = limit - knee
    over = np.maximum(length - knee, np.float32(0.0))
    return np.minimum(length, knee) + room * (1 - np.exp(-over / room))


def _heel_off(ankle: Float, toe: Float, reach: Float) -> Float:
    """Where an ankle goes that the leg does not reach: up about the toe, which stays, as a heel leaves the ground.

    Args:
        ankle, toe: (N, 3) metres, wanted, from the hip.
        reach: (N,) metres from hip to ankle.

    Returns:
        (N, 3) metres from the hip, ``reach`` long: where the circles about hip and toe meet nearest to the ankle, as
        far as a heel goes up in a stance; beyond that in the ankle's own direction, and the foot is dragged.
    """
    straight = ankle * (reach / np.sqrt(np.einsum("ni,ni->n", ankle, ankle)))[:, None]
    foot = np.sqrt(np.einsum("ni,ni->n", ankle - toe, ankle - toe))
    away = np.sqrt(np.einsum("ni,ni->n", toe, toe)) + np.float32(1e-9)
    towards = toe / away[:, None]
    along = (reach * reach - foot * foot + away * away) / (2 * away)
    along = np.clip(along, -reach, reach)
    beside = ankle - np.einsum("ni,ni->n", ankle, towards)[:, None] * towards
    beside /= np.sqrt(np.einsum("ni,ni->n", beside, beside) + np.float32(1e-12))[:, None]
    height = np.sqrt(np.maximum(reach * reach - along * along, np.float32(0.0)))
    raised = along[:, None] * towards + height[:, None] * beside
    raised -= straight
    up = np.sqrt(np.einsum("ni,ni->n", raised, raised))
    raised *= np.clip(2 - up / np.float32(HEEL_RISE), 0, 1)[:, None]
    raised += straight
    return raised * (reach / np.sqrt(np.einsum("ni,ni->n", raised, raised)))[:, None]


def move_feet(rotations: Float, legs: Legs, corrections: Float, roll: Float | None = None) -> None:
    """Two-bone inverse kinematics of both legs, written into ``rotations``.

    Args:
        rotations: (B, T, 22, 4) local rotations; hips, knees and ankles are replaced.
        legs: their forward kinematics.
        corrections: (B, T, 4, 3) metres for left heel, left toe, right heel, right toe.
        roll: (B, T, 2) radians by which each foot is turned about where it points, its left going up; none by default.
    """
    batch, frames = corrections.shape[:2]
    by_foot = corrections.reshape(batch, frames, 2, 2, 3)
    chord = legs.ankle_position - legs.hip_position
    wanted = chord + by_foot[..., 0, :]
    lengths = np.empty((2, batch, frames, 2), np.float32)
    np.sqrt(np.einsum("...i,...i->...", chord, chord), out=lengths[0])
    np.sqrt(np.einsum("...i,...i->...", wanted, wanted), out=lengths[1])
    # Only the correction's share of the stretch is eased: without one the leg stays exactly as it was.
    stretched = _stretch(lengths)
    reach = lengths.copy()
    reach[1] = lengths[0] + (stretched[1] - stretched[0])
    np.clip(reach, np.float32(abs(_THIGH - _SHANK) + 0.02), np.float32(LEG_LENGTH), out=reach)
    toe_wanted = legs.toe_position + by_foot[..., 1, :]
    toe_wanted -= legs.hip_position
    # On a ground that is not level the foot's tilt is planned, and is no sign of how far a heel may rise.
    over = (lengths[1] - reach[1] > np.float32(1e-5)) & (roll is None)
    if over.any():
        wanted[over] = _heel_off(wanted[over], toe_wanted[over], reach[1][over])
        lengths[1][over] = reach[1][over]
    hip_angle = _angle_to_chord(_THIGH, _SHANK, reach)
    knee_angle = _angle_to_chord(_SHANK, _THIGH, reach)

    # The leg's plane; a straight leg has none, so a little of the knee's own hinge axis decides.
    thigh = legs.knee_position - legs.hip_position
    normal = kin.cross(thigh, chord)
    normal += kin.rotated(legs.hip, _HINGE_TABLE) * np.float32(1e-3)
    normal /= np.sqrt(np.einsum("...i,...i->...", normal, normal))[..., None]

    swing = _between(chord, wanted, lengths[0], lengths[1])
    bends = np.stack((hip_angle[0] - hip_angle[1], knee_angle[1] - knee_angle[0]), axis=3)  # (B, T, 2, 2)
    turns = kin.multiply(swing[..., None, :], _about(normal[..., None, :], bends))
    upper = kin.multiply(turns, np.stack((legs.hip, legs.knee), axis=3))  # (B, T, leg, hip or knee, 4)
    hip, knee = upper[..., 0, :], upper[..., 1, :]

    reached = wanted * (reach[1] / lengths[1])[..., None]
    foot = legs.toe_position - legs.ankle_position
    pointing = toe_wanted - reached
    foot_length = np.sqrt(np.einsum("...i,...i->...", foot, foot))
    pointing_length = np.sqrt(np.einsum("...i,...i->...", pointing, pointing))
    ankle = legs.ankle
    if roll is not None:
        level = foot * np.array([1, 0, 1], np.float32)
        level /= np.sqrt(np.einsum("...i,...i->...", level, level) + np.float32(1e-8))[..., None]
        turn = _about(level, roll)
        ankle, foot = kin.multiply(turn, ankle), _turned(turn, foot)
    ankle = kin.multiply(_between(foot, pointing, foot_length, pointing_length), ankle)

    rotations[:, :, kin.HIPS] = kin.inverse_product(legs.pelvis, hip)
    rotations[:, :, kin.KNEES] = kin.inverse_product(hip, knee)
    rotations[:, :, kin.ANKLES] = kin.inverse_product(knee, ankle)
