"""Stops and starts: the last step of a gait brought beside the standing foot, and the same backwards in time.

The foot that has just landed stays where it is and the other one closes up; strides before it get shorter. A start is
a stop of the reversed gait, reversed, so one construction serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from strut_model import rotations as rot
from strut_model.contacts import foot_contacts
from strut_model.data.synthesis.footing import ANKLE_HEIGHT, Feet, Stances, along, flat, planted, standing
from strut_model.data.synthesis.idling import Stand
from strut_model.data.synthesis.takes import Array, Root, Take, blend, brought_to_rest, smoothstep
from strut_model.skeleton import FPS

FASTEST_ARRIVAL, SLOWEST_ARRIVAL = 13, 30
"""Frames in which the body comes to rest over the standing foot."""
_SWIFT = 2.3
"""Way at the first speed over the way there is: with more than 2.5 the body would swing back."""
FARTHEST = 0.22
"""Metres by which the braking foot is set down farther ahead at most."""


@dataclass(frozen=True)
class Braking:
    """One way to stop a gait.

    Attributes:
        frame: in the gait, when the closing foot leaves the ground and the other one has landed.
        closing: the foot that closes up: 0 left, 1 right.
        landing: frame at which the closing foot would have landed in the gait.
        lifted, landed: frames between which the other foot swings before it lands.
        planted: frame at which the other foot stands flat.
    """

    frame: int
    closing: int
    landing: int
    lifted: int
    landed: int
    planted: int


def brakings(stances: Stances, frames: int, before: int = 20) -> list[Braking]:
    """All frames at which a gait can be stopped, in order.

    Args:
        stances: of both feet.
        frames: length of the gait.
        before: frames that must lie before the closing foot leaves the ground.
    """
    found = []
    for closing in (0, 1):
        own, other = stances[closing], stances[1 - closing]
        for (_, lifted), (landed, _) in pairwise(own):
            # Walking, the other foot stands already; running, it lands while this one swings.
            steps = [(a, b) for a, b in other if a - 1 < landed and b > lifted + 1]
            if not steps:
                continue
            a, b = steps[0]
            frame = max(lifted, a + 1)
            earlier = [end for _, end in other if end <= a]
            swung = earlier[-1] if earlier else max(a - 12, 0)
            if before <= frame < landed - 3 and landed < frames and lifted - a < 0.7 * (b - a):
                found.append(Braking(frame, closing, landed, swung, a, min((a + b) // 2, frames - 1)))
    return sorted(found, key=lambda braking: braking.frame)


@dataclass(frozen=True)
class Stop:
    """A stopped gait.

    Attributes:
        take: the frames, standing at the end.
        asked: frame at which the stop is asked for: the first one that is not as in the gait.
        closed: frame at which the closing foot has landed and the body has arrived.
    """

    take: Take
    asked: int
    closed: int


@dataclass(frozen=True)
class Slowing:
    """How a gait slows before its last step.

    Attributes:
        frames: of the gait over which it slows.
        stride: factor on the strides that is reached.
        rate: factor on the tempo that is reached.
    """

    frames: int
    stride: float
    rate: float


SLOWINGS = (Slowing(8, 0.85, 1.0), Slowing(11, 0.65, 0.85), Slowing(15, 0.5, 0.72), Slowing(19, 0.4, 0.62))
"""From a stroll to a run: the first one after which the body can come to rest is taken."""


def stop(gait: Take, stances: Stances, braking: Braking, stand: Stand) -> Stop | None:
    """A gait brought to a stop, followed by idle; None where the body cannot come to rest over the foot.

    Args:
        gait: frames of locomotion.
        stances: when its feet stand.
        braking: where to stop it.
        stand: idle of the style, root at the origin and facing +Z, at least 40 frames.
    """
    for slowing in SLOWINGS:
        stopped = _stop(*_later(gait, stances, braking, slowing), stand, slowing)
        if stopped is not None:
            return stopped
    return None


def _later(gait: Take, stances: Stances, braking: Braking, slowing: Slowing) -> tuple[Take, Stances, Braking, int]:
    """The gait slowed in time; also the frame at which that begins."""
    start = max(braking.frame - slowing.frames, 1)
    if slowing.rate == 1.0:
        return gait, stances, braking, start
    # Tempo as a function of the gait's own frames; its inverse summed up is the new time of each old frame.
    old = np.arange(gait.frames)
    tempo = 1 + (slowing.rate - 1) * smoothstep((old - start) / max(braking.frame - start, 1))
    new = np.concatenate(([0.0], np.cumsum(1 / (0.5 * (tempo[1:] + tempo[:-1])))))

    def when(frame: int) -> int:
        return round(float(np.interp(frame, old, new)))

    # The frame of the braking falls onto a whole frame.
    new *= round(new[braking.frame]) / new[braking.frame]
    times = np.interp(np.arange(int(new[-1]) + 1), new, old)
    moved = tuple([(when(a), when(b)) for a, b in runs] for runs in stances)
    later = Braking(
        when(braking.frame),
        braking.closing,
        when(braking.landing),
        when(braking.lifted),
        when(braking.landed),
        when(braking.planted),
    )
    return gait.at(times), (moved[0], moved[1]), later, when(start)


def _stop(gait: Take, stances: Stances, braking: Braking, start: int, stand: Stand, slowing: Slowing) -> Stop | None:
    frame, closing = braking.frame, braking.closing
    root = gait.root()
    ramp = smoothstep((np.arange(gait.frames) - start) / max(frame - start, 1))
    factor = 1 + (slowing.stride - 1) * ramp
    step = np.diff(root.position, axis=0) * factor[1:, None]
    slowed = Root(np.concatenate((root.position[:1], root.position[:1] + np.cumsum(step, axis=0))), root.heading)
    walk = along(gait, stances, root, slowed, 1 + (np.sqrt(slowing.stride) - 1) * ramp)

    feet = Feet.of(walk)
    held = 1 - closing
    heading = float(slowed.heading[frame])
    target, velocity, ahead = _target(walk, feet, braking, stand, heading)
    speed = float(np.linalg.norm(velocity))
    # A body that is too fast for its foot sets the foot down farther ahead.
    farther = FASTEST_ARRIVAL * speed / _SWIFT - ahead
    if farther > FARTHEST or ahead < -0.05:
        return None
    if farther > 0 and speed > 1e-4:
        due = smoothstep((np.arange(walk.frames) - braking.lifted) / max(braking.landed - braking.lifted, 1))
        feet.ankles[:, held][:, [0, 2]] += due[:, None] * farther * velocity / speed
        walk = planted(walk, feet)
        target, velocity, ahead = _target(walk, feet, braking, stand, heading)
    place, sole = target.ankles[held], target.soles[held]
    arrival = int(np.clip(round(_SWIFT * ahead / max(speed, 1e-3)), FASTEST_ARRIVAL, SLOWEST_ARRIVAL))
    swing = max(braking.landing - frame, 9)
    closed = max(arrival, swing)
    length = target.take.frames
    after = np.arange(1, length + 1)

    continued = walk.at(np.minimum(frame + after, braking.landing + 4))
    body = blend(continued, target.take, smoothstep(after / (closed + 6)))
    way = brought_to_rest(
        walk.pelvis[frame][[0, 2]],
        velocity,
        target.take.pelvis[min(arrival, length) - 1][[0, 2]],
        arrival,
    )
    ground = target.take.pelvis[:, [0, 2]].copy()
    ground[:arrival] = way[1 : arrival + 1][:length]
    pelvis = np.stack((ground[:, 0], body.pelvis[:, 1], ground[:, 1]), axis=-1)

    moving = target.feet(length)
    source = np.minimum(frame + after, braking.planted)
    settle = smoothstep(after / max(braking.planted - frame + 3, 7))
    moving.ankles[:, held] = _mix(feet.ankles[source, held], place, settle)
    moving.soles[:, held] = rot.slerp(feet.soles[source, held], np.broadcast_to(sole, (length, 4)), settle)
    ankle, turned = _closing_swing(feet, closing, frame, braking.landing, swing, target, length)
    moving.ankles[:, closing], moving.soles[:, closing] = ankle, turned

    settled = planted(Take(pelvis, body.rotations), moving)
    # Where the standing legs made the pelvis come down, the last frames of the gait come down, too.
    before = walk[: frame + 1]
    drop = pelvis[0, 1] - settled.pelvis[0, 1]
    if drop > 1e-4:
        ease = smoothstep((np.arange(frame + 1) - frame + 10) / 11) * drop
        lower = Take(before.pelvis - ease[:, None] * np.array([0.0, 1.0, 0.0]), before.rotations)
        before = planted(lower, feet[: frame + 1])
    return Stop(Take.concatenate((before, settled)), start, frame + closed)


def begin(gait: Take, stances: Stances, braking: Braking, stand: Stand) -> Stop | None:
    """A gait that begins from idle: a stop of the reversed gait, reversed.

    Args:
        gait, stances: the gait *reversed*, see `reversed_gait`.
        braking, stand: see `stop`.

    Returns:
        ``asked`` is the first frame that moves, ``closed`` the first one that is as in the gait.
    """
    stopped = stop(gait, stances, braking, Stand(stand.take.reversed(), stand.ankles, stand.soles))
    if stopped is None:
        return None
    last = stopped.take.frames - 1
    return Stop(stopped.take.reversed(), last - stopped.closed, last - stopped.asked)


def reversed_gait(gait: Take) -> tuple[Take, Stances]:
    """A gait backwards in time, and when its feet stand."""
    backwards = gait.reversed()
    return backwards, standing(backwards)


def _beside(stand: Stand, held: int, place: Array, sole: Array, heading: float) -> Stand:
    """The idle placed so that one of its feet is where a foot stands already; the other stands beside it."""
    turned = stand.moved(np.zeros(2), heading)
    moved = turned.moved((place - turned.ankles[held])[[0, 2]], 0.0)
    soles = moved.soles.copy()
    soles[held] = sole
    beside = Stand(moved.take, moved.ankles, soles)
    return Stand(planted(moved.take, beside.feet(stand.take.frames)), moved.ankles, soles)


def seconds_to_stand(take: Take, asked: int, slow: float = 0.1) -> float:
    """Seconds from a frame until the body is slower than ``slow`` m/s with both feet standing; NaN if never."""
    path = gaussian_filter1d(take.pelvis[:, [0, 2]], 2.0, axis=0, mode="nearest")
    speed = np.linalg.norm(np.gradient(path, axis=0), axis=-1) * FPS
    feet = foot_contacts(take.positions()).reshape(-1, 2, 2).max(axis=-1) > 0.5
    still = (speed < slow) & feet.all(axis=-1)
    reached = np.flatnonzero(still[asked:])
    return float(reached[0]) / FPS if len(reached) else float("nan")


def _target(walk: Take, feet: Feet, braking: Braking, stand: Stand, heading: float) -> tuple[Stand, Array, float]:
    """The idle beside the standing foot, the body's velocity (2,) per frame when the other foot lifts, and how far
    ahead (metres, along that velocity) it is to rest."""
    held = 1 - braking.closing
    place = feet.ankles[braking.planted, held].copy()
    place[1] = ANKLE_HEIGHT
    target = _beside(stand, held, place, flat(feet.soles[braking.planted, held]), heading)
    velocity = 0.5 * (walk.pelvis[braking.frame + 1] - walk.pelvis[braking.frame - 1])[[0, 2]]
    way = (target.take.pelvis[0] - walk.pelvis[braking.frame])[[0, 2]]
    return target, velocity, float(way @ velocity) / max(float(np.linalg.norm(velocity)), 1e-9)


def _closing_swing(
    feet: Feet, side: int, frame: int, landing: int, swing: int, target: Stand, length: int
) -> tuple[Array, Array]:
    """Ankle (length, 3) and sole (length, 4) of the foot that closes up: the gait's swing led to another place."""
    after = np.arange(1, length + 1)
    source = frame + np.minimum(after, swing) * (landing - frame) / swing
    low = np.minimum(source.astype(int), len(feet.ankles) - 2)
    share = source - low
    path = feet.ankles[low, side] + (feet.ankles[low + 1, side] - feet.ankles[low, side]) * share[:, None]
    soles = rot.slerp(feet.soles[low, side], feet.soles[low + 1, side], share)
    # How far the swing has come, by the way on the ground, tells how much of the correction is due.
    before = feet.ankles[frame, side][None, [0, 2]]
    way = np.cumsum(np.linalg.norm(np.diff(path[:swing][:, [0, 2]], axis=0, prepend=before), axis=-1))
    due = np.ones(length)
    due[:swing] = 0.5 * way / max(way[-1], 1e-9) + 0.5 * smoothstep(after[:swing] / swing)
    off = target.ankles[side] - path[min(swing, length) - 1]
    ankle = path + due[:, None] * off
    end = smoothstep((after - 0.4 * swing) / (0.6 * swing))
    return ankle, rot.slerp(soles, np.broadcast_to(target.soles[side], (length, 4)), end)


def _mix(a: Array, b: Array, weight: Array) -> Array:
    return a + (b - a) * weight[:, None]
