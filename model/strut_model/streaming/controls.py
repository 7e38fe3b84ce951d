"""Controls: what a game asks for, checked and turned into the arrays that a window is generated from.

A trajectory is a handful of samples ahead, any of whose fields may be missing; what the student takes is a place and a
facing for each of the sixteen frames, smooth from where the character is and how fast it moves. A style is a mix of
named or given vectors with a strength, whole or per body part. What is out of range is refused with a
:class:`ControlError` that names the field, the value and what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle
from strut_model.features import WINDOW
from strut_model.skeleton import FPS, PART_NAMES

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

MAX_SPEED = 12.0
"""Metres a second; the world's fastest humans."""
MAX_TIME = 60.0
MAX_PLACE = 100_000.0
"""Metres from the anchor: beyond, float32 has lost the millimetres."""
MAX_FACING = 1000.0
MAX_STRENGTH = 1.5
MAX_WEIGHT = 1000.0
MAX_CODE = 1000.0
MAX_SAMPLES = 256

PATH_SIGMA = 4.0
"""Frames of the Gaussian that rounds the corners, starts and stops of an asked path."""
JOIN_DECAY = (0.3, 0.5)
"""Range of y of the spring, per frame, that leads from the present place and velocity onto the asked path."""
JOIN_ACCELERATION = (40.0, 12.0)
"""Metres a second squared that the spring may begin with, to regain a place and to reach a velocity: it is as stiff as
both allow, so that a character that is nearly on its path stays on it, and one that starts or turns round is given the
time."""
TURN_DECAY = 0.25
"""The same for the facing, and for the velocity of a character that is driven by speed alone."""
TRAVEL_SPEED = 0.25
"""Metres a second below which a path has no direction of its own to face."""
NEAR_SAMPLE = 0.1
FAR_SAMPLE = 0.4
"""Seconds to the first sample: up to the one a path passes by and is joined, from the other it starts at the root."""
_PAD = int(3 * PATH_SIGMA)
_GRID = np.arange(-1 - _PAD, WINDOW + _PAD)  # frames; frame -1 is the last history frame
_NOW = _PAD  # where frame -1 lies in the grid


class ControlError(ValueError):
    """A control that cannot be obeyed.

    Attributes:
        field: path of the field, such as ``trajectory.samples[2].time``.
        value: what it holds.
        allowed: what it may hold.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"{field}: {_shown(value)} is not allowed; allowed: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


def _shown(value: object) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{float(value):g}"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def check_range(field: str, value: float, low: float, high: float, unit: str = "") -> float:
    """Return a finite ``value`` in [low, high]; ControlError otherwise."""
    value = float(value)
    if not low <= value <= high:  # also refuses NaN
        raise ControlError(field, value, f"{low:g} to {high:g}{' ' + unit if unit else ''}")
    return value


@dataclass(frozen=True)
class Trajectory:
    """Samples of the path ahead in the order in which they are reached; NaN where a field of a sample is missing.

    Attributes:
        times: (N,) seconds from the window's first frame, or None for all missing: they follow from the speeds.
        positions: (N, 2) metres, x and z of the root, or None.
        headings: (N,) radians, the facing, or None: it follows the direction of travel.
        speeds: (N,) metres a second along the path, or None.
    """

    times: npt.NDArray[np.floating] | None = None
    positions: npt.NDArray[np.floating] | None = None
    headings: npt.NDArray[np.floating] | None = None
    speeds: npt.NDArray[np.floating] | None = None

    def checked(self, field: str = "trajectory", max_samples: int = MAX_SAMPLES) -> Trajectory:
        """The same samples as float64 arrays, all present, when they can be obeyed; ControlError otherwise."""
        given = [value for value in (self.times, self.positions, self.headings, self.speeds) if value is not None]
        count = len(given[0]) if given else 0
        if not 1 <= count <= max_samples:
            raise ControlError(f"{field}.samples", count, f"1 to {max_samples} samples")
        times = _column(self.times, (count,), f"{field}.times")
        positions = _column(self.positions, (count, 2), f"{field}.positions")
        headings = _column(self.headings, (count,), f"{field}.headings")
        speeds = _column(self.speeds, (count,), f"{field}.speeds")
        # In plain Python: samples are few, and every request of every character comes along here.
        rows = list(zip(times.tolist(), *positions.T.tolist(), headings.tolist(), speeds.tolist()))
        for row, sample in enumerate(rows):
            _check_sample(sample, f"{field}.samples[{row}]")
        _check_order(rows, field)
        return Trajectory(times, positions, headings, speeds)


def _column(value: npt.NDArray[np.floating] | None, shape: tuple[int, ...], field: str) -> npt.NDArray[np.float64]:
    if value is None:
        return np.full(shape, np.nan)
    array = np.asarray(value, np.float64)
    if array.shape != shape:
        raise ControlError(field, array.shape, f"shape {shape}")
    return array


_SAMPLE_RANGES = (
    (0.0, MAX_TIME, "seconds", "time"),
    (-MAX_PLACE, MAX_PLACE, "metres", "position.x"),
    (-MAX_PLACE, MAX_PLACE, "metres", "position.z"),
    (-MAX_FACING, MAX_FACING, "radians", "facing"),
    (0.0, MAX_SPEED, "metres a second", "speed"),
)
_Sample = tuple[float, float, float, float, float]
"""Time, x, z, facing and speed; NaN where missing."""


def _check_sample(sample: _Sample, path: str) -> None:
    for value, (low, high, unit, name) in zip(sample, _SAMPLE_RANGES):
        if not low <= value <= high and not math.isnan(value):
            raise ControlError(f"{path}.{name}", value, f"{low:g} to {high:g} {unit}")
    _, x, z, facing, speed = sample
    if math.isnan(x) != math.isnan(z):
        raise ControlError(f"{path}.position", [x, z], "both x and z, or neither")
    if math.isnan(x) and math.isnan(facing) and math.isnan(speed):
        raise ControlError(path, "empty", "a position, a facing or a speed")


def _check_order(rows: Sequence[_Sample], field: str) -> None:
    """Times ascend, and nobody is asked to be faster than people are."""
    timed = [(row, sample) for row, sample in enumerate(rows) if not math.isnan(sample[0])]
    for (_, before), (row, sample) in pairwise(timed):
        if not sample[0] > before[0]:
            raise ControlError(f"{field}.samples[{row}].time", sample[0], f"later than {before[0]:g}, the time before")
    placed = [(row, sample) for row, sample in timed if not math.isnan(sample[1])]
    for (_, before), (row, sample) in pairwise(placed):
        speed = math.hypot(sample[1] - before[1], sample[2] - before[2]) / max(sample[0] - before[0], 1e-9)
        if speed > MAX_SPEED:
            raise ControlError(
                f"{field}.samples[{row}].position",
                f"{speed:.3g} metres a second from the sample before",
                f"at most {MAX_SPEED:g} metres a second",
            )


def complete_times(
    trajectory: Trajectory, position: npt.NDArray[np.floating], default_speed: float
) -> npt.NDArray[np.float64]:
    """Times (N,) of every sample of a checked trajectory.

    A sample without a time is reached at its own speed, else the last one given, else ``default_speed``; where a timed
    sample follows, the samples between share the time by distance. A sample without place and time comes with the one
    before it.

    Args:
        trajectory: checked.
        position: (2,) metres, the root now.
        default_speed: metres a second, the usual speed of the style and content; at least a slow walk is assumed.
    """
    assert trajectory.times is not None, "checked() fills every field"
    assert trajectory.positions is not None, "checked() fills every field"
    assert trajectory.speeds is not None, "checked() fills every field"
    times = np.array(trajectory.times, np.float64)
    missing = np.isnan(times)
    if not missing.any():
        return times
    placed = np.array(trajectory.positions, np.float64)
    last = np.asarray(position, np.float64)
    lengths = np.zeros(len(times))
    for row, place in enumerate(placed):
        if not np.isnan(place[0]):
            lengths[row] = float(np.linalg.norm(place - last))
            last = place
    along = np.cumsum(lengths)
    speed, now, reached = max(default_speed, 0.5), 0.0, 0.0
    anchor_time, anchor_along = -1 / FPS, 0.0
    for row in range(len(times)):
        given = trajectory.speeds[row]
        if not np.isnan(given) and given > 0.05:
            speed = float(given)
        if not missing[row]:
            now, reached = float(times[row]), along[row]
            anchor_time, anchor_along = now, reached
            continue
        later = np.flatnonzero(~missing[row:])
        if later.size:
            stop = row + int(later[0])
            whole = max(along[stop] - anchor_along, 1e-9)
            share = (along[row] - anchor_along) / whole
            times[row] = anchor_time + share * (times[stop] - anchor_time)
        else:
            times[row] = max(now, 0.0) + (along[row] - reached) / speed
            now, reached = times[row], along[row]
    # Samples at one place share their time; resampling needs them apart.
    apart = 1e-4 * np.arange(len(times))
    return np.asarray(np.maximum.accumulate(times - apart) + apart, np.float64)


@dataclass(frozen=True)
class PathBatch:
    """Trajectories of B characters padded to one number of samples N; NaN where a field is missing or padded.

    Attributes:
        times: (B, N) seconds, ascending where not NaN.
        positions: (B, N, 2) metres.
        headings: (B, N) radians.
        speeds: (B, N) metres a second.
    """

    times: npt.NDArray[np.float64]
    positions: npt.NDArray[np.float64]
    headings: npt.NDArray[np.float64]
    speeds: npt.NDArray[np.float64]


def stack_trajectories(
    trajectories: Sequence[Trajectory | None],
    positions: npt.NDArray[np.floating],
    default_speeds: Sequence[float] | npt.NDArray[np.floating],
) -> PathBatch:
    """Checked trajectories as one batch.

    Args:
        trajectories: per character, None for a free path.
        positions: (B, 2) metres, the roots now, from which untimed samples are reached.
        default_speeds: (B,) metres a second for samples that say neither time nor speed.
    """
    count = max((len(t.times) for t in trajectories if t is not None and t.times is not None), default=0)
    batch = len(trajectories)
    stacked = PathBatch(
        np.full((batch, count), np.nan),
        np.full((batch, count, 2), np.nan),
        np.full((batch, count), np.nan),
        np.full((batch, count), np.nan),
    )
    for row, trajectory in enumerate(trajectories):
        if trajectory is None or trajectory.times is None:
            continue
        own = len(trajectory.times)
        stacked.times[row, :own] = complete_times(trajectory, positions[row], float(default_speeds[row]))
        stacked.positions[row, :own] = trajectory.positions
        stacked.headings[row, :own] = trajectory.headings
        stacked.speeds[row, :own] = trajectory.speeds
    return stacked


@dataclass(frozen=True)
class SampledPath:
    """The asked root of each frame of the window: what a window request takes.

    Attributes:
        positions: (B, 16, 2) metres.
        headings: (B, 16) radians.
        position_mask, heading_mask: (B, 16) whether asked at all.
    """

    positions: Float
    headings: Float
    position_mask: Bool
    heading_mask: Bool


def trajectory_samples(
    paths: PathBatch,
    position: npt.NDArray[np.floating],
    heading: npt.NDArray[np.floating],
    velocity: npt.NDArray[np.floating],
    turn: npt.NDArray[np.floating] | None = None,
    facing_offset: npt.NDArray[np.floating] | None = None,
) -> SampledPath:
    """The asked place and facing of each frame of the window, smooth from where the characters are.

    Between samples the path is straight and evenly timed; a Gaussian rounds its corners; a critically damped spring
    leads onto it from the present place and velocity. Past its last sample it goes on at that sample's speed where
    one is given above nought, else it has ended and the character eases to a stop there. Without any place it runs
    along the asked facing, or the present direction of travel, at the asked speed. Missing facings follow the
    direction of travel; a character that stands keeps its own.

    Args:
        paths: (B,) trajectories.
        position: (B, 2) metres, the roots in the last history frame.
        heading: (B,) radians.
        velocity: (B, 2) metres a second.
        turn: (B,) radians a second, how fast the headings change; none by default.
        facing_offset: (B,) radians from the direction of travel to the facing, for contents that walk backwards or
            sideways; none by default.
    """
    batch = len(position)
    root = np.asarray(position, np.float64)
    facing = np.asarray(heading, np.float64)
    speed = np.asarray(velocity, np.float64)
    spin = np.zeros(batch) if turn is None else np.asarray(turn, np.float64)
    offset = np.zeros(batch) if facing_offset is None else np.asarray(facing_offset, np.float64)
    if paths.times.shape[1] == 0:
        nothing = np.zeros((batch, WINDOW), bool)
        still = np.repeat(root[:, None], WINDOW, axis=1).astype(np.float32)
        kept = np.repeat(((facing + np.pi) % (2 * np.pi) - np.pi)[:, None], WINDOW, axis=1)
        return SampledPath(still, kept.astype(np.float32), nothing, nothing)
    has_place = ~np.isnan(paths.positions[..., 0])
    has_speed = ~np.isnan(paths.speeds)
    has_facing = ~np.isnan(paths.headings)
    placed, sped, faced = (np.asarray(has.any(axis=1)) for has in (has_place, has_speed, has_facing))

    seconds = _GRID / FPS
    asked_facing = _asked_facing(paths, has_facing, facing, seconds)
    origin = _origin(paths, has_place, root)
    ground = _polyline(paths, has_place, has_speed, origin, seconds)
    driven = sped & ~placed
    if driven.any():
        ground = np.where(
            driven[:, None, None], _driven(paths, has_speed, root, speed, asked_facing, faced, facing, seconds), ground
        )
    # Before the window the character came with its present velocity.
    past = np.arange(-_PAD, 1)
    ground[:, : _NOW + 1] = ground[:, _NOW : _NOW + 1] + past[None, :, None] * (speed / FPS)[:, None]
    smooth = np.einsum("tg,bgx->btx", _SMOOTH, ground)  # frames -1 to 15, and one more
    joined = _joined(smooth, root, speed / FPS, _join_decay(smooth, root, speed))
    if driven.any():
        joined = np.where(driven[:, None, None], _up_to_speed(smooth, root, speed / FPS), joined)

    travel = _travel_heading(joined, facing, offset)
    smooth_facing = np.einsum("tg,bg->bt", _SMOOTH, asked_facing)
    target = np.where(faced[:, None], smooth_facing, travel)
    turned = _joined(target[..., None], facing[:, None], (spin / FPS)[:, None], TURN_DECAY)[..., 0]
    has_path, has_heading = placed | sped, placed | sped | faced
    places = np.where(has_path[:, None, None], joined[:, 1 : WINDOW + 1], root[:, None])
    headings = np.where(has_heading[:, None], turned[:, 1 : WINDOW + 1], facing[:, None])
    return SampledPath(
        places.astype(np.float32),
        ((headings + np.pi) % (2 * np.pi) - np.pi).astype(np.float32),
        np.repeat(has_path[:, None], WINDOW, axis=1),
        np.repeat(has_heading[:, None], WINDOW, axis=1),
    )


def _gaussian_rows() -> npt.NDArray[np.float64]:
    """(18, G): weights of the grid's frames for the smoothed frames -1 to 16."""
    centre = np.arange(-1, WINDOW + 1)[:, None]
    weights = np.exp(-0.5 * ((_GRID[None] - centre) / PATH_SIGMA) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


_SMOOTH = _gaussian_rows()


def _resample(
    times: npt.NDArray[np.float64], values: npt.NDArray[np.float64], valid: Bool, seconds: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Linear interpolation of the valid samples (B, N, C) at ``seconds`` (G,): (B, G, C); ends hold."""
    order = np.argsort(~valid, axis=1, kind="stable")
    count = valid.sum(axis=1)
    known = np.take_along_axis(np.where(valid, times, np.inf), order, axis=1)
    values = np.take_along_axis(values, order[..., None], axis=1)
    after = (known[:, None] <= seconds[None, :, None]).sum(axis=2)  # (B, G) samples reached
    last = np.maximum(count - 1, 0)[:, None]
    left = np.minimum(np.maximum(after - 1, 0), last)
    right = np.minimum(after, last)
    start, stop = np.take_along_axis(known, left, axis=1), np.take_along_axis(known, right, axis=1)
    with np.errstate(invalid="ignore"):
        span = np.where(stop > start, stop - start, 1.0)
        share = np.where(stop > start, (seconds - start) / span, 0.0)
    share = np.clip(share, 0.0, 1.0)[..., None]
    low = np.take_along_axis(values, left[..., None], axis=1)
    high = np.take_along_axis(values, right[..., None], axis=1)
    return np.asarray(np.where(share > 0, low + share * (high - low), low))


def _asked_facing(
    paths: PathBatch, has_facing: Bool, facing: npt.NDArray[np.float64], seconds: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(B, G) radians, unwrapped from the present facing; the present facing where none is asked."""
    wanted = np.where(has_facing, paths.headings, 0.0)
    # Each asked facing is taken the short way round from the one before it.
    previous = facing.copy()
    unwrapped = np.empty_like(wanted)
    for sample in range(wanted.shape[1]):
        turn = (wanted[:, sample] - previous + np.pi) % (2 * np.pi) - np.pi
        previous = np.where(has_facing[:, sample], previous + turn, previous)
        unwrapped[:, sample] = previous
    first = np.full((len(facing), 1), -1 / FPS)
    times = np.concatenate((first, np.where(has_facing, paths.times, np.nan)), axis=1)
    values = np.concatenate((facing[:, None], unwrapped), axis=1)
    valid = np.concatenate((np.ones((len(facing), 1), bool), has_facing), axis=1)
    return _resample(times, values[..., None], valid, seconds)[..., 0]


def _origin(paths: PathBatch, has_place: Bool, root: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(B, 2) metres, where the path is at frame -1.

    A path whose first samples lie at hand is followed back to that time, so that a character beside it is led to it by
    the spring alone; one whose first sample is a way off starts where the character is.
    """
    count = has_place.sum(axis=1)
    if has_place.shape[1] < 2 or not (count > 1).any():
        return root
    order = np.argsort(~has_place, axis=1, kind="stable")[:, :2]
    times = np.take_along_axis(np.where(has_place, paths.times, 0.0), order, axis=1)
    places = np.take_along_axis(np.where(has_place[..., None], paths.positions, 0.0), order[..., None], axis=1)
    velocity = (places[:, 1] - places[:, 0]) / np.maximum(times[:, 1] - times[:, 0], 1e-4)[:, None]
    back = places[:, 0] - velocity * (times[:, 0] + 1 / FPS)[:, None]
    share = np.clip((times[:, 0] - NEAR_SAMPLE) / (FAR_SAMPLE - NEAR_SAMPLE), 0.0, 1.0)
    share = np.where(count > 1, share, 1.0)[:, None]
    return np.asarray(share * root + (1 - share) * back)


def _polyline(
    paths: PathBatch,
    has_place: Bool,
    has_speed: Bool,
    origin: npt.NDArray[np.float64],
    seconds: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """(B, G, 2) metres: from the origin through the placed samples, and on at the last speed where one is given."""
    batch = len(origin)
    times = np.concatenate((np.full((batch, 1), -1 / FPS), paths.times), axis=1)
    places = np.concatenate((origin[:, None], np.where(has_place[..., None], paths.positions, 0.0)), axis=1)
    valid = np.concatenate((np.ones((batch, 1), bool), has_place), axis=1)
    ground = _resample(times, places, valid, seconds)
    rows = np.arange(batch)
    last = valid.shape[1] - 1 - valid[:, ::-1].argmax(axis=1)
    before = np.where(np.arange(valid.shape[1]) < last[:, None], valid, False)
    earlier = valid.shape[1] - 1 - before[:, ::-1].argmax(axis=1)
    way = places[rows, last] - places[rows, np.where(last > 0, earlier, last)]
    length = np.linalg.norm(way, axis=1, keepdims=True)
    way = way / np.maximum(length, 1e-9) * (length > 1e-6)
    final = has_speed.shape[1] - 1 - has_speed[:, ::-1].argmax(axis=1)  # the last sample with a speed
    goes_on = has_speed[rows, final] & (final >= last - 1) & (last > 0)
    ending = np.where(goes_on, paths.speeds[rows, final], 0.0)
    beyond = np.maximum(seconds[None] - times[rows, last][:, None], 0.0)
    return np.asarray(ground + (beyond * ending[:, None])[..., None] * way[:, None])


def _driven(
    paths: PathBatch,
    has_speed: Bool,
    root: npt.NDArray[np.float64],
    velocity: npt.NDArray[np.float64],
    asked_facing: npt.NDArray[np.float64],
    faced: Bool,
    facing: npt.NDArray[np.float64],
    seconds: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """(B, G, 2) metres: from the root at the asked speed along the asked facing or the present direction of travel."""
    values = np.where(has_speed, paths.speeds, 0.0)[..., None]
    speed = _resample(np.where(np.isnan(paths.times), np.inf, paths.times), values, has_speed, seconds)[..., 0]
    moving = np.linalg.norm(velocity, axis=1) > TRAVEL_SPEED
    present = np.where(moving, np.arctan2(velocity[:, 0], velocity[:, 1]), facing)
    direction = np.where(faced[:, None], asked_facing, present[:, None])
    step = speed / FPS
    step[:, : _NOW + 1] = 0.0
    way = np.stack((np.sin(direction), np.cos(direction)), axis=-1) * step[..., None]
    return np.asarray(root[:, None] + np.cumsum(way, axis=1))


def _join_decay(
    path: npt.NDArray[np.float64], root: npt.NDArray[np.float64], velocity: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(B, 1, 1) y of the spring onto the path: with an offset p and a difference v of velocities it begins with the
    accelerations p y^2 and 2 v y."""
    away = np.hypot(*(root - path[:, 0]).T)
    apart = np.hypot(*(velocity / FPS - (path[:, 1] - path[:, 0])).T)
    to_place, to_velocity = (acceleration / FPS**2 for acceleration in JOIN_ACCELERATION)
    decay = np.minimum(np.sqrt(to_place / np.maximum(away, 1e-6)), to_velocity / (2 * np.maximum(apart, 1e-6)))
    return np.asarray(np.clip(decay, *JOIN_DECAY)[:, None, None])


def _joined(
    path: npt.NDArray[np.float64],
    now: npt.NDArray[np.float64],
    step: npt.NDArray[np.float64],
    decay: float | npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """A path (B, 18, C) over frames -1 to 16, but from ``now`` (B, C) with the velocity ``step`` a frame."""
    offset = now - path[:, 0]
    speed = step - (path[:, 1] - path[:, 0])
    time = np.arange(path.shape[1])[None, :, None]
    fade = np.exp(-decay * time)
    moving = speed[:, None] + decay * offset[:, None]
    return np.asarray(path + (offset[:, None] + moving * time) * fade)


def _up_to_speed(
    path: npt.NDArray[np.float64], now: npt.NDArray[np.float64], step: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The same for a path that only its speed was asked of: the velocity is joined, and no place is to be regained."""
    speed = step - (path[:, 1] - path[:, 0])
    gained = (1 - np.exp(-TURN_DECAY * np.arange(path.shape[1]))) / TURN_DECAY
    return np.asarray(path - path[:, :1] + now[:, None] + speed[:, None] * gained[None, :, None])


def _travel_heading(
    path: npt.NDArray[np.float64], facing: npt.NDArray[np.float64], offset: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(B, 18) radians, unwrapped from the present facing: the direction of travel; kept where the path stands."""
    steps = np.gradient(path, axis=1)
    moving = np.hypot(steps[..., 0], steps[..., 1]) * FPS > TRAVEL_SPEED
    direction = np.arctan2(steps[..., 0], steps[..., 1]) + offset[:, None]
    direction = np.concatenate((facing[:, None], direction), axis=1)
    frames = np.arange(direction.shape[1])[None] * np.concatenate((np.ones((len(facing), 1), bool), moving), axis=1)
    held = np.take_along_axis(direction, np.maximum.accumulate(frames, axis=1), axis=1)
    return np.asarray(np.unwrap(held, axis=1)[:, 1:])


StyleRef = str | Float
"""A style by name, or as a vector (5, 64)."""
StyleLookup = Callable[[str], Float]


@dataclass(frozen=True)
class PartStyle:
    """What one body part does otherwise than the mix: other components, another strength, or both (None: the mix's)."""

    components: Sequence[tuple[StyleRef, float]] | None = None
    strength: float | None = None


@dataclass(frozen=True)
class StyleMix:
    """How a character moves.

    Attributes:
        components: styles and their weights, scaled to a sum of 1; none for the neutral style.
        strength: 0 is the neutral style, 1 the style, up to 1.5 exaggerates it.
        parts: overrides by part name (:data:`strut_model.skeleton.PART_NAMES`).
    """

    components: Sequence[tuple[StyleRef, float]] = ()
    strength: float = 1.0
    parts: Mapping[str, PartStyle] = field(default_factory=dict)


def style_vector(bundle: Bundle, mix: StyleMix, lookup: StyleLookup | None = None) -> tuple[Float, float]:
    """The style vector (5, 64) and the style's guidance weight of a mix.

    A weighted mean of codes is shorter than any of them, so a mix is brought to the length that the bundle's styles
    have. The strength is the share of the way from the neutral style's vector to there, and beyond it above 1, as the
    student was taught (:mod:`strut_model.training.mixing`), for the whole body or for a part.

    Args:
        bundle: named styles, neutral style, guidance range.
        mix: what is asked for.
        lookup: finds the vectors of styles that the bundle does not have; raises KeyError for unknown names.

    Raises:
        ControlError: an unknown style or part, a vector of the wrong shape, a weight or strength out of range.
    """
    strength = check_range("style.strength", mix.strength, 0.0, MAX_STRENGTH)
    whole = mixed_style(bundle, mix.components, "style.components", lookup)
    vector = bundle.neutral + strength * (whole - bundle.neutral)
    for name, part in mix.parts.items():
        if name not in PART_NAMES:
            raise ControlError("style.parts", name, ", ".join(PART_NAMES))
        field = f"style.parts[{name}]"
        row = PART_NAMES.index(name)
        own = whole if part.components is None else mixed_style(bundle, part.components, f"{field}.components", lookup)
        asked = (
            strength if part.strength is None else check_range(f"{field}.strength", part.strength, 0.0, MAX_STRENGTH)
        )
        vector[row] = bundle.neutral[row] + asked * (own[row] - bundle.neutral[row])
    return vector.astype(np.float32), float(bundle.manifest.style_guidance.default)


def mixed_style(
    bundle: Bundle,
    components: Sequence[tuple[StyleRef, float]],
    field: str = "style.components",
    lookup: StyleLookup | None = None,
) -> Float:
    """The vector (5, 64) of weighted styles; the neutral style's when there are none."""
    if len(components) == 0:
        return bundle.neutral.copy()
    weights = [
        check_range(f"{field}[{row}].weight", weight, 0.0, MAX_WEIGHT) for row, (_, weight) in enumerate(components)
    ]
    total = sum(weights)
    if total <= 0:
        raise ControlError(f"{field}.weight", weights, "at least one above 0")
    vectors = [_style_of(bundle, style, f"{field}[{row}]", lookup) for row, (style, _) in enumerate(components)]
    if sum(weight > 0 for weight in weights) == 1:
        return vectors[int(np.argmax(weights))].copy()
    mean = np.einsum("s,spd->pd", np.array(weights) / total, np.stack(vectors))
    length = np.linalg.norm(mean, axis=-1, keepdims=True)
    # Opposite codes can cancel: then there is nothing to scale up.
    scale = np.where(
        length > 1e-3 * bundle.style_norms[:, None], bundle.style_norms[:, None] / np.maximum(length, 1e-9), 1
    )
    return np.asarray(mean * scale, np.float32)


def _style_of(bundle: Bundle, style: StyleRef, field: str, lookup: StyleLookup | None) -> Float:
    if isinstance(style, str):
        row = bundle.style_index.get(style)
        if row is not None:
            named: Float = bundle.style_vectors[row]
            return named
        if lookup is not None:
            try:
                return np.asarray(lookup(style), np.float32)
            except KeyError:
                pass
        raise ControlError(f"{field}.name", style, ", ".join(bundle.style_index))
    return _checked_code(style, bundle.neutral.shape, f"{field}.vector")


def _checked_code(code: Float, shape: tuple[int, ...], field: str) -> Float:
    vector = np.asarray(code, np.float32)
    if vector.shape != shape:
        raise ControlError(field, vector.shape, f"shape {shape}")
    if not (np.abs(vector) <= MAX_CODE).all():  # also refuses NaN
        raise ControlError(field, float(vector[~(np.abs(vector) <= MAX_CODE)][0]), f"-{MAX_CODE:g} to {MAX_CODE:g}")
    return vector


def content_vector(bundle: Bundle, content: str | Float | None) -> Float:
    """The vector (64,) of a content by name or as a code; zeros for none. ControlError when it is unknown."""
    if content is None:
        return np.zeros(bundle.manifest.content_dim, np.float32)
    if isinstance(content, str):
        row = bundle.content_index.get(content)
        if row is None:
            raise ControlError("content.label", content, ", ".join(bundle.content_index))
        named: Float = bundle.content_vectors[row]
        return named
    return _checked_code(content, (bundle.manifest.content_dim,), "content.code")


def gesture_phase(
    bundle: Bundle,
    content: str | None,
    phase: float | None = None,
    duration: float | None = None,
    hold: bool = False,
) -> Float:
    """The phase input (3,): phase at the first frame, advance a frame, and 1; zeros for what is no gesture.

    Args:
        bundle: kinds and usual lengths of its contents.
        content: name of the content; None or a locomotion has no phase.
        phase: 0 at the gesture's first frame, 1 at its last; 0 by default.
        duration: seconds of the whole gesture; the content's usual length by default.
        hold: keep the phase where it is.
    """
    row = bundle.content_index.get(content) if content is not None else None
    if row is None or bundle.manifest.contents[row].kind != "gesture":
        return np.zeros(3, np.float32)
    start = 0.0 if phase is None else check_range("content.gesture.phase", phase, 0.0, 1.0)
    usual = max(bundle.manifest.contents[row].mean_seconds, 0.2)
    seconds = usual if duration is None else check_range("content.gesture.duration", duration, 0.2, 30.0, "seconds")
    return np.array([start, 0.0 if hold else 1.0 / (seconds * FPS), 1.0], np.float32)


def after_gesture(bundle: Bundle, speed: float) -> Float | None:
    """The content (64,) that a gesture which is over goes on in; None where the bundle has none.

    It is standing idle; for who is asked to travel meanwhile, the plain gait (no strafe, no turn) that is usually
    nearest to the speed.

    Args:
        bundle: its contents and their usual speeds.
        speed: metres a second of the asked path.
    """
    idle = [c.name for c in bundle.manifest.contents if c.kind == "idle"]
    gaits = [c.name for c in bundle.manifest.contents if c.kind == "locomotion" and "-" not in c.name]
    if gaits and (speed > TRAVEL_SPEED or not idle):
        name = min(gaits, key=lambda gait: abs(usual_speed(bundle, None, gait) - speed))
    elif idle:
        name = idle[0]
    else:
        return None
    return content_vector(bundle, name)


def usual_speed(bundle: Bundle, style: str | None, content: str | None) -> float:
    """Metres a second that a style's clips of a content move with; the content's mean where that pair has no data."""
    column = bundle.content_index.get(content) if content is not None else None
    if column is None:
        return 1.0
    row = bundle.style_index.get(style) if style is not None else None
    if row is not None and np.isfinite(bundle.speed_table[row, column]):
        return float(bundle.speed_table[row, column])
    known = bundle.speed_table[:, column]
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else 1.0
