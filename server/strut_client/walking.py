"""Walking along a path: which trajectory to ask for, window by window, from where the character really is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from strut_client.controls import TrajectorySample
from strut_client.timeline import Placement
from strut_model.skeleton import FPS

Array = NDArray[np.float64]

SPACING = 0.05
"""Metres between the points of the smoothed path."""
CORNER = 0.25
"""Metres, the standard deviation of the smoothing that rounds corners."""
ACCELERATION = 1.5
"""Metres a second squared, speeding up and slowing down."""
ARRIVED = 0.05
"""Metres to the end at which the path is walked."""
LAST_WINDOWS = 2
"""Windows planned up to the very end after which the path counts as walked even if the character stopped short."""
SAMPLE_FRAMES = 2
"""Frames between the samples of a trajectory."""
SEARCH = 1.5
"""Metres along the path within which the character is looked for: a path may cross itself."""
PATIENCE = 2.0
"""How much longer than planned a walk may take, as a factor, before it ends short of its end."""
PATIENCE_SECONDS = 2.0
"""The same as an addend."""


class PathWalk:
    """A walk along a polyline with rounded corners, speeding up at its start and slowing down to stand at its end.

    Args:
        start: where the character stands.
        points: (N, 2) metres, x and z of the path's points; the character's own place is put before them.
        speed: metres a second on the way.
        facing: heading kept on the way; None to face along the path.

    Raises:
        ValueError: a point is not finite, there is none, or the speed is not above 0.
    """

    def __init__(self, start: Placement, points: ArrayLike, speed: float, facing: float | None = None) -> None:
        corners = np.asarray(points, dtype=np.float64)
        if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) == 0:
            raise ValueError(f"points: shape is {corners.shape}, it must be (N, 2) with N at least 1")
        if not np.isfinite(corners).all():
            raise ValueError("points: a coordinate is not finite, all must be finite")
        if not (np.isfinite(speed) and speed > 0):
            raise ValueError(f"speed: is {speed}, it must be above 0 metres a second")
        self._path = smooth_path(np.concatenate(([start.position], corners)))
        steps = np.linalg.norm(np.diff(self._path, axis=0), axis=1)
        self._lengths = np.concatenate(([0.0], np.cumsum(steps)))
        self._speed = speed
        self._facing = facing
        self._at = 0.0
        self._now = 0.0
        self._frames = 0
        self._last_windows = 0

    @property
    def length(self) -> float:
        """Metres from start to end."""
        return float(self._lengths[-1])

    @property
    def remaining(self) -> float:
        """Metres still to go."""
        return self.length - self._at

    @property
    def finished(self) -> bool:
        """True when the end is reached as well as can be, or was not in twice the time that it should take."""
        allowed = PATIENCE * (self.length / self._speed + self._speed / ACCELERATION) + PATIENCE_SECONDS
        walked = self.remaining <= ARRIVED or self._last_windows >= LAST_WINDOWS
        return walked or self._frames / FPS > allowed

    def plan(self, frames: int) -> Sequence[TrajectorySample]:
        """The path of the next window.

        Args:
            frames: frames of the window.
        """
        dt = 1.0 / FPS
        at, speed = self._at, self._now
        samples = []
        for frame in range(frames):
            # As fast as one may be here and still stop at the end.
            limit = min(self._speed, np.sqrt(2.0 * ACCELERATION * max(self.length - at, 0.0)))
            speed = min(speed + ACCELERATION * dt, limit)
            at = min(at + speed * dt, self.length)
            if frame % SAMPLE_FRAMES == 0 or frame == frames - 1:
                samples.append(self._sample(at, frame * dt))
        self._now = speed
        self._last_windows += at >= self.length
        return samples

    def advance(self, placement: Placement, frames: int) -> None:
        """Takes note of where the character has come to.

        Args:
            placement: where it is after the window.
            frames: frames that it took.
        """
        self._frames += frames
        lengths, starts, steps = self._lengths[:-1], self._path[:-1], np.diff(self._path, axis=0)
        if len(steps) == 0:
            return
        # The nearest point of the path: on each of its pieces, then among those not far from where it was.
        offset = np.asarray(placement.position) - starts
        share = np.clip((offset * steps).sum(axis=1) / np.square(steps).sum(axis=1), 0.0, 1.0)
        distance = np.linalg.norm(offset - share[:, None] * steps, axis=1)
        near = np.abs(lengths - self._at) <= max(SEARCH, self._speed)
        nearest = np.where(near, distance, np.inf).argmin()
        self._at = float(lengths[nearest] + share[nearest] * np.linalg.norm(steps[nearest]))

    def _sample(self, at: float, time: float) -> TrajectorySample:
        x, z = (float(np.interp(at, self._lengths, self._path[:, axis])) for axis in (0, 1))
        return TrajectorySample(position=(x, z), facing=self._facing, time=time)


def smooth_path(points: Array) -> Array:
    """A polyline (N, 2) in metres, resampled at `SPACING` and with rounded corners; its ends stay where they are."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    points = points[np.concatenate(([True], steps > 0))]
    if len(points) == 1:
        return points
    lengths = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))))
    at = np.linspace(0.0, lengths[-1], max(int(np.ceil(lengths[-1] / SPACING)), 1) + 1)
    dense = np.stack([np.interp(at, lengths, points[:, axis]) for axis in (0, 1)], axis=1)
    # Reflecting through the end points keeps these in place.
    pad = min(len(dense) - 1, int(4 * CORNER / SPACING))
    before = 2 * dense[0] - dense[pad:0:-1]
    after = 2 * dense[-1] - dense[-2 : -pad - 2 : -1]
    extended = np.concatenate((before, dense, after))
    smooth = gaussian_filter1d(extended, CORNER / SPACING, axis=0, mode="nearest")[pad : pad + len(dense)]
    smooth[0], smooth[-1] = dense[0], dense[-1]
    return smooth
