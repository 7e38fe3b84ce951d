"""Windows on ground that is not level: feet placed on it, swings led over it, pelvis and trunk carried along.

The network knows level ground. So the history is laid level before it sees it, and its window is laid onto the ground
again: `flattened` and `follow` are each other's inverse where nothing is in the way. What both need is a function of
the frames, the ground and the foot locks alone, so any replica of a server goes on from a history as well as the one
that made it.

For each foot there is a *rise*, the height of the level floor that the network thinks it is on: that of the foothold's
plane while the foot stands, of the smoothed ground while it swings, one going over into the other. On top comes what a
swing has to be lifted by to clear what it passes, and a critically damped spring takes up what is left to the history
on screen, as for the foot locks. All arrays are in the canonical frame; M counts the characters that have a ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from strut_model.features import HISTORY, WINDOW
from strut_model.heights import HeightField, HeightFields
from strut_model.motion import Motion
from strut_model.rotations import rotate_ground
from strut_model.skeleton import CONTACT_REST_HEIGHTS
from strut_model.streaming import feet, footholds, stoop
from strut_model.streaming import kinematics as kin
from strut_model.streaming.feet import FootLocks, Legs
from strut_model.streaming.footholds import HEEL, SOLE_DEPTH, TIP, Footholds
from strut_model.streaming.stoop import Carriage

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]

RISE_DECAY = np.float32(0.5)
"""y of the spring, per frame, that takes up what the plan of a foot's rise and tilt is away from the screen."""
NEARING = 5
"""Frames before and after a stance over which a foot's floor goes over between foothold and smoothed ground."""
SWING_MARGIN = np.float32(0.02)
"""Metres that a swinging sole keeps above the ground, where it did so on level ground."""
DEEPEST_SOLE = np.float32(0.018)
"""Metres that a sole may sink into the ground, as it does into the level floor."""
SETTLING = 2
"""Frames from the label of a landing to where the foot has come to rest."""
STANDING_STEP = 0.025
"""Metres a frame from which on a foot does not stand, whatever its contact says: it shuffles."""
LOOK_AHEAD = 4
"""Frames beyond the window in which a swinging foot is expected to go on as it does."""

_SMOOTHED = (0.08 * np.arange(-3, 4)).astype(np.float32)
_SMOOTHING = np.exp(-0.5 * (_SMOOTHED / 0.13) ** 2)
_SMOOTHING = (_SMOOTHING / _SMOOTHING.sum()).astype(np.float32)
_SOLE = np.array([[HEEL, -SOLE_DEPTH], [0.02, -SOLE_DEPTH], [0.09, -SOLE_DEPTH], [TIP, -SOLE_DEPTH]], np.float32)
"""(4, 2) metres ahead of and above the ankle: points under a foot that stands flat."""
_LEFT = kin.rotation_table(np.array([1.0, 0.0, 0.0]))
_REST_ANGLE = np.float32(np.arctan2(-0.0745, 0.0909))
_STRETCHED = np.float32(0.985 * feet.LEG_LENGTH)
_FAR = 99
_FEET = np.arange(2)
_TIME = np.arange(1, WINDOW + 1, dtype=np.float32)
_PAST = np.arange(1 - HISTORY, 1, dtype=np.float32)


@dataclass(frozen=True)
class Grounds:
    """The grounds of some characters of a batch.

    Attributes:
        rows: (M,) the batch's rows that have one, ascending.
        fields: (M,) in the spaces of their requests.
    """

    rows: Index
    fields: HeightFields

    @staticmethod
    def of(fields: Sequence[HeightField | None]) -> Grounds | None:
        """The grounds of a batch of which some rows have one; None where none has."""
        given = [(row, field) for row, field in enumerate(fields) if field is not None]
        if not given:
            return None
        return Grounds(np.array([row for row, _ in given]), HeightFields.stack([field for _, field in given]))

    @staticmethod
    def below(fields: Sequence[HeightField | None], low: npt.NDArray[np.floating] | None) -> Grounds | None:
        """The same where scenes leave little free height, see `SceneConditions.low`; None where none does.

        Ceilings that a field has itself count in its place, and who has no field stoops without one
        (`streaming.scene_layers`). At a share of 1/2 one stoops half as deep as is needed.
        """
        if low is None:
            return Grounds.of(fields)
        rows = []
        for field, (height, share) in zip(fields, low.tolist(), strict=True):
            if field is not None and field.ceilings is None and np.isfinite(height):
                free = stoop.STANDING_ROOM - share * (stoop.STANDING_ROOM - height)
                field = replace(field, ceilings=field.heights + np.float32(free))
            rows.append(field)
        return Grounds.of(rows)


@dataclass(frozen=True)
class Before:
    """What a window's feet go on from.

    Attributes:
        screen: (M, 2, 4, 3) metres, heels and toes in the last two frames as they were on screen.
        level: (M, 2, 4, 3) metres, the same laid level.
        plan: (M, 2, 2, 3) rise (metres), pitch and roll (radians) of each foot that were taken off there.
        smoothed: (M, 2, 2) metres, the smoothed ground under each ankle there.
        standing: (M, 8, 2) whether each foot stood.
        hold: (M, 2, 7) the last foothold of each foot, see `_values`.
        lowered: (M, 2) metres that the pelvis was lowered by so that the level floor was in reach.
        bent: (M, 2) metres that the ground lowered the pelvis by in the last frame, and by how much more each frame.
    """

    screen: Float
    level: Float
    plan: Float
    smoothed: Float
    standing: Bool
    hold: Float
    lowered: Float
    bent: Float


def flattened(fields: HeightFields, linear: Float, rotations: Float, contacts: Float, locks: FootLocks) -> Before:
    """Lay a history level, in place.

    Args:
        fields: the grounds.
        linear: (M, 8, 6) root x, z and heading, pelvis x, y, z.
        rotations: (M, 8, 22, 4) local, the pelvis' in the canonical frame.
        contacts: (M, 8, 4).
        locks: (M,) at the last frame; what the ground lowers the pelvis by there is given back.
    """
    legs = feet.legs_of(rotations, linear[..., 3:])
    floor, carriage = _history_floor(fields, legs, contacts, linear)
    ankle, toe = _shifted(legs, floor.plan, -1)
    shift = -carriage.shift
    bent = np.where(locks.given[:, None], locks.lowered, np.float32(0.0))
    shift[..., 1] += np.maximum(bent[:, :1] + bent[:, 1:] * _PAST, np.float32(0.0))
    lowered = _reach_needed(legs, shift, ankle, np.ones(ankle.shape[:3], np.float32))
    shift[..., 1] -= lowered
    _move(rotations, legs.moved(shift), ankle, toe, -floor.plan[..., 2])
    stoop.lean(rotations, -carriage.lean)
    linear[..., 3:] += shift
    screen = legs.contact_positions()[:, -2:]
    level = np.stack((ankle, toe), axis=3)[:, -2:].reshape(screen.shape)
    recent = slice(HISTORY - 2, None)
    return Before(
        screen,
        level,
        floor.plan[:, recent],
        floor.smoothed[:, recent],
        floor.standing,
        floor.hold,
        lowered[:, recent],
        bent,
    )


def laid(field: HeightField, motion: Motion) -> Motion:
    """Frames of standing or of a short history (8,) on level ground at height 0, laid onto a ground.

    It is what a character starts from that begins on a ground, or is put there.
    """
    fields = HeightFields.stack([field])
    linear = np.concatenate(
        (motion.root_position, motion.root_heading[:, None], motion.world_pelvis()), axis=-1, dtype=np.float32
    )[None]
    rotations = motion.world_rotations().astype(np.float32)[None]
    legs = feet.legs_of(rotations, linear[..., 3:])
    floor, carriage = _history_floor(fields, legs, motion.contacts.astype(np.float32)[None], linear)
    ankle, toe = _shifted(legs, floor.plan, 1)
    shift = carriage.shift
    shift[..., 1] -= _reach_needed(legs, shift, ankle, np.ones(ankle.shape[:3], np.float32))
    _move(rotations, legs.moved(shift), ankle, toe, floor.plan[..., 2])
    stoop.lean(rotations, carriage.lean)
    pelvis = motion.pelvis.astype(np.float32)
    pelvis[:, [0, 2]] += rotate_ground(-motion.root_heading, shift[0][:, [0, 2]])
    pelvis[:, 1] += shift[0, :, 1]
    turned = rotations[0]
    turned[:, 0] = motion.rotations[:, 0]
    return replace(motion, pelvis=pelvis, rotations=turned)


@dataclass(frozen=True)
class _Floor:
    """The floor under the feet of a history.

    Attributes:
        plan: (M, 8, 2, 3) rise, pitch and roll.
        smoothed: (M, 8, 2) metres, the smoothed ground under each ankle.
        standing: (M, 8, 2) whether each foot stood.
        hold: (M, 2, 7) the last foothold, see `_values`.
    """

    plan: Float
    smoothed: Float
    standing: Bool
    hold: Float


def _history_floor(fields: HeightFields, legs: Legs, contacts: Float, linear: Float) -> tuple[_Floor, Carriage]:
    """The floor follows from where the ankles are over the ground: it is the same before and after laying level."""
    ankle, direction = legs.ankle_position[..., ::2], _direction(legs)
    standing = contacts.reshape(*contacts.shape[:2], 2, 2).max(axis=-1) > np.float32(0.5)
    standing &= _still(np.concatenate((ankle[:, :1], ankle), axis=1))
    # A foot stands at most twice in eight frames: the places of its first and of its last standing frame.
    last = HISTORY - 1 - standing[:, ::-1].argmax(axis=1)
    last = np.where(standing.any(axis=1), last, HISTORY - 1)
    first = np.where(standing.any(axis=1), standing.argmax(axis=1), HISTORY - 1)
    slots = np.stack((first, last), axis=2)  # (M, foot, slot)
    # Mostly both are one and the same, which is looked for once.
    twice = first != last
    wanted = np.stack((twice, np.ones_like(twice)), axis=2)
    places, headings = _at_slots(ankle, slots), _at_slots(direction, slots)
    smoothed, holds, carriage = _survey(fields, ankle, direction, places, headings, wanted, linear)
    values = _values(holds)  # (M, foot, slot, 7); a history's feet stand where they stand
    values[:, :, 0] = np.where(twice[..., None], values[:, :, 0], values[:, :, 1])
    frames = np.arange(HISTORY)[None, :, None]
    early = (2 * frames <= (first + last)[:, None])[..., None]
    plan = np.where(early, values[:, None, :, 0], values[:, None, :, 1])
    weight = _nearness(*_stance_neighbours(standing, frames))
    rise = _under(plan, ankle)
    plan = plan[..., :3]
    plan[..., 0] = weight * rise + (1 - weight) * smoothed
    return _Floor(plan, smoothed, standing, values[:, :, 1]), carriage


def _shifted(legs: Legs, plan: Float, sign: int) -> tuple[Float, Float]:
    """Ankles and toes (M, T, 2, 3) raised and pitched by a plan, or put back where ``sign`` is -1."""
    ankle = legs.ankle_position.copy()
    ankle[..., 1] += sign * (plan[..., 0] + _depth_change(plan[..., 1], plan[..., 2]))
    return ankle, ankle + _pitched(legs.toe_position - legs.ankle_position, _direction(legs), sign * plan[..., 1])


def follow(
    fields: HeightFields,
    before: Before,
    linear: Float,
    rotations: Float,
    contacts: Float,
    last_contacts: Float,
    locks: FootLocks,
) -> FootLocks:
    """Lay a window onto the ground with its feet locked, in place.

    Args:
        fields: the grounds.
        before: from the same history.
        linear: (M, 16, 6) of the level window, seam already joined.
        rotations: (M, 16, 22, 4).
        contacts: (M, 16, 4).
        last_contacts: (M, 4) of the last frame of the history.
        locks: (M,) at the last frame of the history.

    Returns:
        Locks (M, 16) at each frame.
    """
    legs = feet.legs_of(rotations, linear[..., 3:])
    own = legs.contact_positions()
    own[..., 1] += feet.lift(own[..., 1], before.level[:, 1, :, 1])
    direction = _direction(legs)
    plan, carriage = _planned(fields, before, direction, own, contacts, last_contacts, locks, linear)

    held = own.copy()
    held[..., ::2] += plan.shift.repeat(2, axis=2)
    moved, targets, locked = feet.hold(
        held[..., ::2], contacts, before.screen[..., ::2], last_contacts, locks, _landings(held[..., ::2])
    )
    held[..., ::2] += moved
    pairs = held.reshape(*held.shape[:2], 2, 2, 3)
    ankle, foot = pairs[..., 0, :].copy(), pairs[..., 1, :] - pairs[..., 0, :]
    # The rise is that under the network's own path: a foot that is held elsewhere has another height on an incline.
    elsewhere = ankle[..., ::2] - own[:, :, ::2, ::2]
    plan.tilt[..., 0] += np.einsum("...i,...i->...", plan.incline, elsewhere)
    level_foot, foot = foot, _pitched(foot, direction, plan.tilt[..., 1])
    ankle[..., 1] += plan.tilt[..., 0] + _depth_change(plan.tilt[..., 1], plan.tilt[..., 2])
    level = np.maximum((pairs[..., 0, 1, None] + _soles(level_foot, direction)[1]).min(axis=-1), -DEEPEST_SOLE)
    # A standing foot is put down: on inclines the network holds it up to some centimetres above its floor.
    floating = np.maximum(level, np.float32(0.0)) * plan.standing**3
    ankle[..., 1] -= floating
    ankle[..., 1] += _lifted(fields, ankle, foot, direction, level - floating)

    stoop.lean(rotations, carriage.lean)
    shift = carriage.shift
    raised = np.zeros((len(own), WINDOW + 2), np.float32)
    _joined(raised, before.lowered)
    shift[..., 1] += raised[:, 2:]
    need = _smooth_hull(_reach_needed(legs, shift, ankle, plan.standing))
    if carriage.ceiling:
        under = linear[..., 3:] + shift
        under[..., 1] -= need
        need = need + _smooth_hull(_duck_needed(fields, rotations, under))
    lowered = _gone_over(need, before.bent)
    shift[..., 1] -= lowered
    linear[..., 3:] += shift
    legs = legs.moved(shift)
    _raise_into_reach(legs, ankle)
    _move(rotations, legs, ankle, ankle + foot, plan.tilt[..., 2])
    position = np.empty_like(own)
    position[..., ::2] = targets
    position[..., 1] = CONTACT_REST_HEIGHTS + plan.tilt[..., 0].repeat(2, axis=2)
    bent = np.empty((*lowered.shape, 2), np.float32)
    bent[..., 0] = lowered
    bent[:, 1:, 1] = lowered[:, 1:] - lowered[:, :-1]
    bent[:, 0, 1] = lowered[:, 0] - before.bent[:, 0]
    return FootLocks(locked, position, np.ones(locked.shape[:2], bool), bent)


@dataclass(frozen=True)
class _Plan:
    """What the feet of a window are to do.

    Attributes:
        tilt: (M, 16, 2, 3) rise, pitch and roll of each foot's floor.
        incline: (M, 16, 2, 2) rise of each foot's floor along x and z; nought in the middle of swings.
        shift: (M, 16, 2, 2) metres by which each foot is moved to its foothold.
        standing: (M, 16, 2) how much of each foot's weight it carries, 0 to 1.
    """

    tilt: Float
    incline: Float
    shift: Float
    standing: Float


def _planned(
    fields: HeightFields,
    before: Before,
    direction: Float,
    own: Float,
    contacts: Float,
    last_contacts: Float,
    locks: FootLocks,
    linear: Float,
) -> tuple[_Plan, Carriage]:
    count = len(own)
    was_on = last_contacts > np.float32(0.5)
    was_on |= np.where(locks.given[:, None], locks.active, False)
    ankle = own[:, :, ::2, ::2]
    on = feet.contact_plan(contacts, was_on).reshape(count, WINDOW, 2, 2).any(axis=-1)
    on &= _still(np.concatenate((before.level[:, -1:, ::2, ::2], ankle), axis=1)) | _held(
        np.asarray(on), before, ankle, locks
    )
    standing = np.concatenate((before.standing, on), axis=1)  # (M, 24, foot)
    frames = np.arange(-HISTORY, WINDOW)[None, :, None]
    landing = on & ~standing[:, HISTORY - 1 : -1]
    number = np.zeros(standing.shape, np.int64)
    number[:, HISTORY:] = np.minimum(np.cumsum(landing, axis=1), 2)

    # Slots: where the foot stands or stood before the window, its first and its last landing in the window.
    any_landing = landing.any(axis=1)
    first = np.minimum(landing.argmax(axis=1) + SETTLING, WINDOW - 1)
    final = np.minimum(WINDOW - 1 - landing[:, ::-1].argmax(axis=1) + SETTLING, WINDOW - 1)
    places = np.stack((_at(ankle, first), _at(ankle, final)), axis=2)
    headings = np.stack((_at(direction, first), _at(direction, final)), axis=2)
    # A swing that ends after the window lands where it comes down, as it moves now.
    fall = own[:, -1, ::2, 1] - own[:, -2, ::2, 1]
    above = own[:, -1, ::2, 1] - np.float32(SOLE_DEPTH)
    coming = ~on[:, -1] & (fall < 0)
    due = np.clip(above / np.maximum(-fall, np.float32(1e-3)), 1, 8)
    after = np.where(coming, np.ceil(due).astype(np.int64) + WINDOW - 1, _FAR)
    expected = ankle[:, -1] + (ankle[:, -1] - ankle[:, -2]) * (np.float32(0.6) * due)[..., None]
    slot = number[:, -1]  # how many landings there were: the expected one is the next
    for index in range(2):
        use = (coming & (slot == index))[..., None]
        places[:, :, index] = np.where(use, expected, places[:, :, index])
        headings[:, :, index] = np.where(use, direction[:, -1], headings[:, :, index])
    known = np.stack((any_landing | (coming & (slot == 0)), (slot == 2) | (coming & (slot == 1))), axis=2)
    smoothed, holds, carriage = _survey(fields, ankle, direction, places, headings, known, linear)
    values = np.concatenate((before.hold[:, :, None], _values(holds)), axis=2)  # (M, foot, 3 slots, 7)
    for index in (1, 2):
        values[:, :, index] = np.where(known[:, :, index - 1, None], values[:, :, index], values[:, :, index - 1])
    shifts = np.zeros((count, 2, 3, 2), np.float32)
    shifts[:, :, 1:] = np.where(known[..., None], holds.shift[..., None] * headings, np.float32(0.0))
    shifts[:, :, 2] = np.where(known[:, :, 1, None], shifts[:, :, 2], shifts[:, :, 1])

    last_on, next_on = _stance_neighbours(standing, frames, after[:, None])
    planned = slice(HISTORY - 2, None)
    weight = _nearness(last_on, next_on)[:, planned]
    last_on, next_on, number = last_on[:, planned], next_on[:, planned], number[:, planned]
    frames = frames[:, planned]
    beginning = np.maximum(last_on, -1)
    share = _eased((frames - beginning) / np.maximum(next_on - beginning, 1), next_on < _FAR)
    from_slot = _slots(values, number)
    to_slot = _slots(values, np.minimum(number + 1, 2))
    tilt = from_slot[..., :3] + (to_slot[..., :3] - from_slot[..., :3]) * share[..., None]
    places = np.concatenate((before.level[:, :, ::2, ::2], ankle), axis=1)
    nearer = np.where((share < 0.5)[..., None], from_slot, to_slot)
    tilt[..., 0] = weight * _under(nearer, places) + (1 - weight) * np.concatenate((before.smoothed, smoothed), axis=1)
    _joined(tilt, before.plan)
    from_shift = _slots(shifts, number)
    shift = from_shift + (_slots(shifts, np.minimum(number + 1, 2)) - from_shift) * share[..., None]
    incline = nearer[:, 2:, :, 4:] * weight[:, 2:, :, None]
    return _Plan(tilt[:, 2:], incline, shift[:, 2:], weight[:, 2:]), carriage


def _landings(places: Float) -> Float:
    """(M, 16, 4, 2) metres, where joints on their own paths (M, 16, 4, 2) come to rest that land at each frame."""
    last = places[:, -1:] + np.float32(0.5) * (places[:, -1:] - places[:, -2:-1])
    return np.concatenate((places[:, SETTLING:], np.repeat(last, SETTLING, axis=1)), axis=1)


def _survey(
    fields: HeightFields,
    ankle: Float,
    direction: Float,
    places: Float,
    headings: Float,
    wanted: Bool,
    linear: Float,
) -> tuple[Float, Footholds, Carriage]:
    """The smoothed ground (M, T, 2) along each foot, the footholds (M, 2, n) at some places, and the carriage.

    Args:
        fields: the grounds.
        ankle, direction: (M, T, 2, 2) metres and unit vectors.
        places, headings: (M, 2, n, 2) likewise.
        wanted: (M, 2, n) at which of these places footholds are looked for.
        linear: (M, T, 6) whose first three are the root's place and heading.
    """
    count = len(ankle)
    lines = ankle[..., None, :] + _SMOOTHED[:, None] * direction[..., None, :]
    spots = footholds.sample_points(places, headings)
    root, heading = linear[..., :2], linear[..., 2]
    body = stoop.sample_points(root, heading)
    # All of it is read in one go: on few characters the number of calls is what costs.
    first, second = lines[0].size // 2, (lines[0].size + spots[0].size) // 2
    heights = fields.at(np.concatenate([points.reshape(count, -1, 2) for points in (lines, spots, body)], axis=1))
    smoothed: Float = heights[:, :first].reshape(lines.shape[:-1]) @ _SMOOTHING
    holds = footholds.nearest(heights[:, first:second].reshape(spots.shape[:-1]), places, headings, wanted)
    return smoothed, holds, stoop.carriage(fields, heights[:, second:].reshape(body.shape[:-1]), root, heading)


def _values(holds: Footholds) -> Float:
    """(..., 7) rise, pitch and roll of footholds, then their planes: height at the origin, inclines along x and z."""
    return np.concatenate(
        (np.stack((holds.height, holds.pitch, holds.roll, holds.offset), axis=-1), holds.incline), axis=-1
    )


def _under(values: Float, places: Float) -> Float:
    """(...) metres, the height of footholds' planes (..., 7) under places (..., 2)."""
    return values[..., 3] + np.einsum("...i,...i->...", values[..., 4:], places)


def _held(on: Bool, before: Before, ankle: Float, locks: FootLocks) -> Bool:
    """(M, 16, 2) whether a foot's path (M, 16, 2, 2) is near enough to where its contact began to be held there."""
    lock = np.where(
        (locks.given[:, None] & locks.active[:, ::2])[..., None],
        locks.position[:, ::2, ::2],
        before.screen[:, 1, ::2, ::2],
    )
    off = np.where(on, 0, np.arange(1, WINDOW + 1)[None, :, None])
    began = np.maximum.accumulate(off, axis=1)  # 0 where the contact is from before the window
    places = np.concatenate((lock[:, None], ankle), axis=1)
    start = np.take_along_axis(places, np.where(began > 0, np.minimum(began + 1, WINDOW), 0)[..., None], axis=1)
    away = ankle - start
    return np.einsum("...i,...i->...", away, away) < np.float32(feet.MAX_CORRECTION**2)


def _still(places: Float) -> Bool:
    """(M, T, 2) whether feet at (M, T + 1, 2, 2) metres are as slow as those that stand: shuffling feet are not."""
    step = places[:, 1:] - places[:, :-1]
    return np.einsum("...i,...i->...", step, step) < np.float32(STANDING_STEP**2)


def _direction(legs: Legs) -> Float:
    """(M, T, 2, 2) unit vectors on the ground to which the feet point, also where a foot hangs down or is folded up."""
    left = kin.rotated(legs.ankle, _LEFT)
    ahead = np.stack((-left[..., 2], left[..., 0]), axis=-1)
    length = np.sqrt(np.einsum("...i,...i->...", ahead, ahead))
    ahead /= np.maximum(length, np.float32(1e-6))[..., None]
    return ahead


def _at(values: Float, frame: Index) -> Float:
    """(M, 2, c) of (M, T, 2, c) at each foot's frame (M, 2)."""
    return values[np.arange(len(values))[:, None], frame, _FEET]


def _at_slots(values: Float, frames: Index) -> Float:
    """(M, 2, n, c) of (M, T, 2, c) at frames (M, 2, n)."""
    rows = np.arange(len(values))[:, None, None]
    return values[rows, frames, _FEET[:, None]]


def _slots(values: Float, number: Index) -> Float:
    """(M, T, 2, c) of (M, 2, n, c) by slot number (M, T, 2)."""
    rows = np.arange(len(values))[:, None, None]
    return values[rows, _FEET, number]


def _stance_neighbours(standing: Bool, frames: Index, after: Index | int = _FAR) -> tuple[Index, Index]:
    """(M, T, 2) the last frame up to each frame at which the foot stood, and the first from it on; far if none."""
    last = np.maximum.accumulate(np.where(standing, frames, -_FAR), axis=1)
    following = np.where(standing, frames, _FAR)
    following = np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1]
    return last, np.minimum(following, after)


def _nearness(last: Index, following: Index) -> Float:
    """(M, T, 2) 1 in a stance, falling smoothly to 0 `NEARING` frames away from it."""
    frames = np.arange(last.shape[1])[None, :, None]
    first = np.int64(WINDOW - last.shape[1]) if last.shape[1] > HISTORY else np.int64(0)
    now = frames + first
    away = np.minimum(now - last, following - now)
    x = 1 - np.minimum(away, NEARING) * np.float32(1 / NEARING)
    return (x * x * (3 - 2 * x)).astype(np.float32)


def _eased(phase: npt.NDArray[np.floating], ends: Bool) -> Float:
    """Smooth shares of a swing; 0 in one whose end is unknown."""
    x = np.where(ends, np.minimum(np.maximum(phase, 0.0), 1.0), 0.0).astype(np.float32)
    return x * x * (3 - 2 * x)


def _joined(plan: Float, used: Float) -> None:
    """Join a plan (M, 18, ...) to what its first two frames really were, (M, 2, ...), in place."""
    offset = used - plan[:, :2]
    place, speed = offset[:, 1], offset[:, 1] - offset[:, 0]
    fade = np.exp(-RISE_DECAY * _TIME)
    plan[:, 2:] += np.einsum("t,m...->mt...", (1 + RISE_DECAY * _TIME) * fade, place)
    plan[:, 2:] += np.einsum("t,m...->mt...", _TIME * fade, speed)


def _depth_change(pitch: Float, roll: Float) -> Float:
    """Metres that an ankle is higher above an inclined plane than above a level one, straight above its sole."""
    return np.asarray(np.float32(SOLE_DEPTH) * (1 / (np.cos(pitch) * np.cos(roll)) - 1), np.float32)


def _pitched(foot: Float, direction: Float, pitch: Float) -> Float:
    """Vectors from heel to toe (M, T, 2, 3) with the toe raised by ``pitch`` (M, T, 2) radians."""
    out = np.empty_like(foot)
    along = np.einsum("...i,...i->...", foot[..., ::2], direction)
    cosine, sine = np.cos(pitch), np.sin(pitch)
    longer = (cosine - 1) * along - sine * foot[..., 1]
    out[..., ::2] = foot[..., ::2] + longer[..., None] * direction
    out[..., 1] = cosine * foot[..., 1] + sine * along
    return out


def _move(rotations: Float, legs: Legs, ankle: Float, toe: Float, roll: Float) -> None:
    """Bring ankles and toes (M, T, 2, 3) to places, the feet rolled by (M, T, 2) radians, in place."""
    wanted = np.stack((ankle, toe), axis=3).reshape(*ankle.shape[:2], 4, 3)
    feet.move_feet(rotations, legs, wanted - legs.contact_positions(), roll)


def _soles(foot: Float, direction: Float) -> tuple[Float, Float]:
    """How far points of the sole lie ahead of and above the ankle, (M, T, 2, 4) metres each."""
    along = np.einsum("...i,...i->...", foot[..., ::2], direction)
    angle = np.arctan2(foot[..., 1], along) - _REST_ANGLE
    cosine, sine = np.cos(angle)[..., None], np.sin(angle)[..., None]
    return cosine * _SOLE[:, 0] - sine * _SOLE[:, 1], sine * _SOLE[:, 0] + cosine * _SOLE[:, 1]


def _lifted(fields: HeightFields, ankle: Float, foot: Float, direction: Float, level: Float) -> Float:
    """(M, T, 2) metres that feet are lifted by so that no point of a sole goes into the ground.

    Captured soles sink a little into the level floor and touch it in mid-swing: they are lifted no higher than they
    were above it, ``level`` (M, T, 2) metres.
    """
    count = len(ankle)
    ahead, above = _soles(foot, direction)
    points = ankle[..., None, ::2] + ahead[..., None] * direction[..., None, :]
    # Beyond the window a foot goes on as it does now.
    step = ankle[:, -1:, :, ::2] - ankle[:, -2:-1, :, ::2]
    beyond = np.arange(1, LOOK_AHEAD + 1, dtype=np.float32)[None, :, None, None] * step
    points = np.concatenate((points, points[:, -1:] + beyond[:, :, :, None]), axis=1)
    heights = fields.at(points.reshape(count, -1, 2)).reshape(points.shape[:-1])
    soles = ankle[..., 1, None] + above
    soles = np.concatenate((soles, np.repeat(soles[:, -1:], LOOK_AHEAD, axis=1)), axis=1)
    level = np.concatenate((level, np.repeat(level[:, -1:], LOOK_AHEAD, axis=1)), axis=1)
    need = np.maximum((heights - soles).max(axis=-1) + np.minimum(level, SWING_MARGIN), np.float32(0.0))
    if not need.any():
        return need[:, :WINDOW]
    time = np.arange(1, need.shape[1] + 1, dtype=np.float32)[:, None]
    begun = 1 - (1 + RISE_DECAY * time) * np.exp(-RISE_DECAY * time)
    return np.maximum(need, begun * _smooth_hull(need))[:, :WINDOW]


def _smooth_hull(need: Float) -> Float:
    """The need (M, T, ...) as a smooth curve that is nowhere below it."""
    if not need.any():
        return need
    padded = np.concatenate((np.repeat(need[:, :1], 4, axis=1), need, np.repeat(need[:, -1:], 4, axis=1)), axis=1)
    # Slices instead of a sliding view, which costs more than all of them on few characters.
    hull = np.maximum(padded[:, :-4], padded[:, 1:-3])
    for first in (2, 3, 4):
        np.maximum(hull, padded[:, first : padded.shape[1] - 4 + first], out=hull)
    smooth = hull[:, :-4] + hull[:, 1:-3]
    for first in (2, 3, 4):
        smooth += hull[:, first : hull.shape[1] - 4 + first]
    smooth *= np.float32(0.2)
    return np.maximum(smooth, need)  # a mean of what is not below it is not, but for rounding


def _gone_over(wanted: Float, bent: Float) -> Float:
    """A lowering (M, 16) that goes over to the one wanted from that of the last frame and its change a frame."""
    offset = bent[:, :1] - wanted[:, :1]
    fade = np.exp(-RISE_DECAY * _TIME)
    going = wanted + (offset + (bent[:, 1:] + RISE_DECAY * offset) * _TIME) * fade
    return np.maximum(going, np.float32(0.0))


def _reach_needed(legs: Legs, shift: Float, ankle: Float, standing: Float) -> Float:
    """(M, T) metres that the pelvis has to come down so that standing feet are in reach."""
    hip = legs.hip_position + shift[:, :, None]
    away = hip[..., ::2] - ankle[..., ::2]
    flat = np.einsum("...i,...i->...", away, away)
    chord = legs.hip_position - legs.ankle_position
    reach = np.maximum(np.einsum("...i,...i->...", chord, chord), _STRETCHED**2)
    need = hip[..., 1] - ankle[..., 1] - np.sqrt(np.maximum(reach - flat, np.float32(0.01)))
    return (np.maximum(need, np.float32(0.0)) * standing).max(axis=-1)


def _raise_into_reach(legs: Legs, ankle: Float) -> None:
    """Raise ankles (M, T, 2, 3) that are out of reach, in place: else they would be drawn sideways, into the ground."""
    away = legs.hip_position[..., ::2] - ankle[..., ::2]
    room = np.float32((0.998 * feet.LEG_LENGTH) ** 2) - np.einsum("...i,...i->...", away, away)
    lowest = legs.hip_position[..., 1] - np.sqrt(np.maximum(room, np.float32(0.01)))
    np.maximum(ankle[..., 1], lowest, out=ankle[..., 1])


def _duck_needed(fields: HeightFields, rotations: Float, pelvis: Float) -> Float:
    """(M, T) metres that the pelvis has to come down so that the head is below what hangs over it."""
    tops = stoop.head_tops(rotations, pelvis)
    _, ceilings = fields.both_at(tops[..., ::2])
    return np.maximum(tops[..., 1] + np.float32(stoop.HEADROOM) - ceilings, np.float32(0.0))
