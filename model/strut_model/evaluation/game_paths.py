"""Paths as games give them: a few samples ahead, planned anew for every window by the server's own code.

A trial whose path has sharp corners, halts or turns on the spot is not handed to the network frame by frame. Like a
request, it says where to be at a handful of times ahead; :func:`strut_model.streaming.controls.trajectory_samples`
rounds that and leads onto it from where the character is, and that is what the network is asked.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.skeleton import FPS
from strut_model.streaming.controls import PathBatch, trajectory_samples
from strut_model.streaming.generator import WindowRequests

Array = NDArray[np.floating]

SPACING = 6
"""Frames from one sample to the next."""
AHEAD = 36
"""Frames that are asked ahead."""


def samples_ahead(path: Array, facing: Array, start: NDArray[np.integer]) -> PathBatch:
    """What a game would send at a frame: places and facings every fifth of a second over the next 1.2.

    Args:
        path: (B, T, 2) metres; after its end it stays there.
        facing: (B, T) radians.
        start: (B,) first frame of the window.
    """
    offsets = np.arange(0, AHEAD + 1, SPACING)
    frames = np.minimum(start[:, None] + offsets, path.shape[1] - 1)
    rows = np.arange(len(path))[:, None]
    times = np.broadcast_to(offsets / FPS, frames.shape).astype(np.float64)
    return PathBatch(
        times,
        path[rows, frames].astype(np.float64),
        facing[rows, frames].astype(np.float64),
        np.full(frames.shape, np.nan),
    )


def as_planned(requests: WindowRequests, path: Array, facing: Array, rows: NDArray[np.bool_]) -> WindowRequests:
    """The same requests, but with the trajectories of some rows planned from samples as a server does.

    Args:
        requests: of B characters.
        path: (B, T, 2) metres, the whole asked paths.
        facing: (B, T) radians.
        rows: (B,) whose trajectories are planned.
    """
    history = requests.history
    position, heading = history.root_position[:, -1], history.root_heading[:, -1]
    sampled = trajectory_samples(
        samples_ahead(path, facing, requests.start_frame),
        position,
        heading,
        velocity=(position - history.root_position[:, -2]) * FPS,
        turn=rot.wrap_angle(heading - history.root_heading[:, -2]) * FPS,
    )
    return replace(
        requests,
        trajectory_position=np.where(rows[:, None, None], sampled.positions, requests.trajectory_position),
        trajectory_heading=np.where(rows[:, None], sampled.headings, requests.trajectory_heading),
    )
