"""Turns in place: from idle, step by step, back into idle.

Feet lift and are set down again one after the other; how high, how fast and with which movement of body and arms
comes from a gait of the style, its steps laid onto the steps of the turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from strut_model import rotations as rot
from strut_model.data.synthesis.footing import ANKLE_HEIGHT, Feet, Stances, flat, planted
from strut_model.data.synthesis.idling import Stand
from strut_model.data.synthesis.takes import Array, Take, blend, carried, smoothstep
from strut_model.skeleton import JOINT_INDEX

_LEAD = 5
"""Frames by which chest and head are ahead of the pelvis."""
_LEADING = (("spine1", 0.12), ("spine2", 0.12), ("spine3", 0.12), ("neck", 0.22), ("head", 0.28))
"""Shares of that lead by joint."""
_SHIFT = 0.28
"""Share of the way from the middle to the standing foot that the body goes over it."""
LOWEST_LIFT = 0.035
"""Metres: a foot is lifted at least so high, however flat the style walks."""


@dataclass(frozen=True)
class Swing:
    """A swing of a gait's foot, the model of a step in place.

    Attributes:
        side: 0 left, 1 right.
        lifted, landed: frames in the gait.
    """

    side: int
    lifted: int
    landed: int


def swings(stances: Stances) -> list[Swing]:
    """All swings of a gait, in order of time."""
    found = [
        Swing(side, lifted, landed)
        for side, runs in enumerate(stances)
        for (_, lifted), (landed, _) in pairwise(runs)
        if 6 <= landed - lifted <= 30
    ]
    return sorted(found, key=lambda swing: swing.lifted)


def headings(angle: float, step: float) -> list[float]:
    """Where the feet point after each step, in turn: the first one opens, the last one closes up.

    Args:
        angle: radians to turn, either way.
        step: radians, the most between the feet.
    """
    count = max(1, int(np.ceil(abs(angle) / step - 1e-9)))
    opened = [angle * (k + 1) / count for k in range(count)]
    return [*opened, angle]


@dataclass(frozen=True)
class Turn:
    """A turn in place.

    Attributes:
        take: the frames, idle at both ends.
        first, last: frames at which the first foot lifts and the last one has landed.
        angle: radians turned.
    """

    take: Take
    first: int
    last: int
    angle: float


def turn(
    stand: Stand, gait: Take, steps: list[Swing], angle: float, step: float, before: int, after: int
) -> Turn | None:
    """A turn in place; None where the gait has too few steps in a row or the idle is too short.

    Args:
        stand: idle of the style, root at the origin and facing +Z; long enough for the whole turn.
        gait: frames of a walk of the style.
        steps: its swings.
        angle: radians, positive to the left.
        step: radians, the most that the feet are turned against each other.
        before, after: frames of idle at the ends.
    """
    wanted = headings(angle, step)
    side = 0 if angle > 0 else 1  # the foot on the side of the turn opens
    models = _in_turn(steps, side, len(wanted))
    if models is None:
        return None
    # Times of the steps: as long as the gait's swings, with its time on both feet between them.
    lifted, landed = [], []
    time = before
    for number, model in enumerate(models):
        lifted.append(time)
        landed.append(time + max(model.landed - model.lifted, 8))
        time = landed[-1]
        if number + 1 < len(models):
            time += int(np.clip(models[number + 1].lifted - model.landed, 1, 6))
    total = landed[-1] + after
    if total > stand.take.frames:
        return None

    times = np.arange(total)
    heading = angle * smoothstep((times - before + 4) / (landed[-1] - before + 4))
    feet, places = _feet(stand, gait, models, wanted, side, lifted, landed, total)

    # The body: idle turned on the spot, over the feet, with half of the gait's movement while it steps.
    home = stand.take[:total]
    middle = stand.ankles.mean(axis=0)
    offset = home.pelvis - middle
    centre = gaussian_filter1d(_centre(places, lifted, landed, side, total), 3.0, axis=0, mode="nearest")
    turned = Take(offset, home.rotations).moved(np.zeros(2), heading)
    pelvis = turned.pelvis + centre + np.array([0.0, middle[1], 0.0])
    stepping = _stepping(gait, models, lifted, landed, total)
    share = 0.5 * smoothstep((times - before + 6) / 12) * (1 - smoothstep((times - landed[-1] + 6) / 14))
    stepping_turned = Take(np.column_stack((pelvis[:, 0], stepping.pelvis[:, 1], pelvis[:, 2])), stepping.rotations)
    facing = rot.heading_rotation(heading)
    rotations = stepping_turned.rotations.copy()
    rotations[:, 0] = rot.multiply(facing, rotations[:, 0])
    body = blend(Take(pelvis, turned.rotations), Take(stepping_turned.pelvis, rotations), share)
    return Turn(planted(_leading(body, heading), feet), before, landed[-1], angle)


def _in_turn(steps: list[Swing], side: int, count: int) -> list[Swing] | None:
    """So many swings in a row, left and right in turn, beginning with a side."""
    for first in range(len(steps) - count + 1):
        run = steps[first : first + count]
        if all(s.side == (side + k) % 2 for k, s in enumerate(run)):
            return run
    return None


def _feet(
    stand: Stand,
    gait: Take,
    models: list[Swing],
    wanted: list[float],
    side: int,
    lifted: list[int],
    landed: list[int],
    total: int,
) -> tuple[Feet, list[Array]]:
    """The feet of a turn, and where both stand after each step: a list of (2, 3)."""
    own = Feet.of(gait)
    feet = stand.feet(total)
    middle = stand.ankles.mean(axis=0) * np.array([1.0, 0.0, 1.0])
    places = [stand.ankles.copy()]
    yaws = [0.0, 0.0]
    for number, (model, heading) in enumerate(zip(models, wanted, strict=True)):
        foot = (side + number) % 2
        target = carried(stand.ankles[foot] - middle, middle[[0, 2]], np.array(heading))
        places.append(places[-1].copy())
        places[-1][foot] = target
        a, b = lifted[number], landed[number]
        share = np.arange(1, b - a + 1) / (b - a)
        moved = smoothstep(share)
        source = model.lifted - 1 + share * (model.landed - model.lifted)
        height, pitch = _lift(own, model, source)
        frames = slice(a + 1, b + 1)
        # On an arc about the middle: a straight way would lead through the other foot.
        between = np.array(yaws[foot]) + (heading - yaws[foot]) * moved
        path = carried(np.broadcast_to(stand.ankles[foot] - middle, (b - a, 3)), middle[[0, 2]], between)
        path[:, 1] = ANKLE_HEIGHT + height
        feet.ankles[frames, foot] = path
        level = rot.multiply(rot.heading_rotation(between), np.broadcast_to(stand.soles[foot], (b - a, 4)))
        feet.soles[frames, foot] = rot.multiply(level, pitch)
        feet.ankles[b:, foot] = target
        feet.soles[b:, foot] = rot.multiply(rot.heading_rotation(np.float64(heading)), stand.soles[foot])
        yaws[foot] = heading
    return feet, places


def _lift(own: Feet, model: Swing, times: Array) -> tuple[Array, Array]:
    """A swing led from rest to rest: height (N,) in metres above the standing foot's, and pitch (N, 4) of the sole."""
    low = np.minimum(times.astype(int), len(own.ankles) - 2)
    share = times - low
    ankle, sole = own.ankles[:, model.side], own.soles[:, model.side]
    height = ankle[low, 1] + (ankle[low + 1, 1] - ankle[low, 1]) * share - ANKLE_HEIGHT
    turned = rot.slerp(sole[low], sole[low + 1], share)
    pitch = rot.multiply(rot.inverse(flat(turned)), turned)
    done = np.arange(1, len(times) + 1) / len(times)
    window = smoothstep(done / 0.35) * (1 - smoothstep((done - 0.6) / 0.4))
    arch = LOWEST_LIFT * np.sin(np.pi * done) ** 2
    # A toe that points down reaches below the ankle; the step in place is flatter than the stride.
    pitch = rot.slerp(np.broadcast_to(np.array([0.0, 0.0, 0.0, 1.0]), pitch.shape), pitch, 0.5 * window)
    return np.maximum(0.65 * height * window, arch), pitch


def _centre(places: list[Array], lifted: list[int], landed: list[int], side: int, total: int) -> Array:
    """(total, 3) ground point that the body is over: between the feet, nearer to the one that stands alone."""
    centre = np.empty((total, 3))
    centre[:] = places[0].mean(axis=0)
    for number, (a, b) in enumerate(zip(lifted, landed, strict=True)):
        holding = 1 - (side + number) % 2
        middle = 0.5 * (places[number].mean(axis=0) + places[number + 1].mean(axis=0))
        centre[a:b] = middle + _SHIFT * (places[number][holding] - middle)
        centre[b:] = places[number + 1].mean(axis=0)
    centre[:, 1] = 0.0
    return centre


def _stepping(gait: Take, models: list[Swing], lifted: list[int], landed: list[int], total: int) -> Take:
    """The gait's frames laid onto the steps of the turn, facing +Z all the time."""
    root = gait.root()
    known = [lifted[0] - (models[0].landed - models[0].lifted)]
    source = [2.0 * models[0].lifted - models[0].landed]
    for model, a, b in zip(models, lifted, landed, strict=True):
        known += [a, b]
        source += [model.lifted, model.landed]
    times = np.interp(np.arange(total), known, source)
    times = gaussian_filter1d(times, 1.5, mode="nearest")
    frames = gait.at(times)
    there = root.at(np.clip(times, 0, gait.frames - 1))
    rotations = frames.rotations.copy()
    rotations[:, 0] = rot.multiply(rot.heading_rotation(-there.heading), rotations[:, 0])
    return Take(frames.pelvis, rot.normalise(rotations))


def _leading(body: Take, heading: Array) -> Take:
    """Chest and head turned ahead of the pelvis."""
    ahead = np.concatenate((heading[_LEAD:], np.full(min(_LEAD, len(heading)), heading[-1])))[: len(heading)] - heading
    rotations = body.rotations.copy()
    for name, share in _LEADING:
        joint = JOINT_INDEX[name]
        rotations[:, joint] = rot.multiply(rot.heading_rotation(share * ahead), rotations[:, joint])
    return Take(body.pelvis, rot.normalise(rotations))
