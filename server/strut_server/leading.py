"""Paths as scenes change them: slower or faster, and led around obstacles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from strut_model.streaming.controls import MAX_SPEED, Trajectory, complete_times
from strut_model.streaming.obstacles import bend, blocked, distance_at
from strut_proto.v1 import motion_service_pb2

if TYPE_CHECKING:
    from strut_server.scenes import SceneChoice
    from strut_server.windows import WindowWork

_FIELD = "controls.scene.obstacles"

Warnings = tuple[motion_service_pb2.Warning, ...]


def led_paths(
    works: Sequence[WindowWork],
    position: npt.NDArray[np.floating],
    default_speeds: Sequence[float],
    warnings: list[Warnings],
) -> list[Trajectory | None]:
    """The trajectories of requests, those in scenes as their scenes have them.

    Args:
        works: of B characters.
        position: (B, 2) metres, the roots now.
        default_speeds: metres a second of samples that say neither time nor speed.
        warnings: of each request; added to.
    """
    led: list[Trajectory | None] = []
    for row, work in enumerate(works):
        trajectory, scene = work.request.trajectory, work.request.scene
        if trajectory is not None and scene is not None:
            trajectory, found = led_path(trajectory, scene, position[row], default_speeds[row], work.request.keep_times)
            warnings[row] = (*warnings[row], *found)
        led.append(trajectory)
    return led


def led_path(
    trajectory: Trajectory,
    scene: SceneChoice,
    position: npt.NDArray[np.floating],
    default_speed: float,
    keep_times: bool,
) -> tuple[Trajectory, Warnings]:
    """A checked trajectory in a scene, and what is to be said about it."""
    if scene.speed is not None and scene.speed != 1.0:
        trajectory = scaled(trajectory, position, default_speed, scene.speed)
    if scene.obstacles is None:
        return trajectory, ()
    origin = np.asarray(position, np.float64)
    times = complete_times(trajectory, origin, default_speed)
    assert trajectory.positions is not None, "checked() fills every field"
    assert trajectory.headings is not None, "checked() fills every field"
    assert trajectory.speeds is not None, "checked() fills every field"
    places = np.asarray(trajectory.positions, np.float64)
    if not scene.bend:
        hit = blocked(scene.obstacles, origin, places, distance_at(0.0))
        return trajectory, ((_warning("the path runs through an obstacle"),) if hit else ())
    bent = bend(
        scene.obstacles,
        origin,
        times,
        places,
        np.asarray(trajectory.headings, np.float64),
        np.asarray(trajectory.speeds, np.float64),
        keep_times,
    )
    told: Warnings = ()
    if not bent.reached:
        told = (
            _warning("the path ends in an obstacle, or beyond obstacles without a gap; it is led as near as it can"),
        )
    return Trajectory(bent.times, bent.positions, bent.headings, bent.speeds), told


def scaled(
    trajectory: Trajectory, position: npt.NDArray[np.floating], default_speed: float, factor: float
) -> Trajectory:
    """A checked trajectory that is gone along ``factor`` times as fast."""
    times = complete_times(trajectory, np.asarray(position, np.float64), default_speed)
    speeds = trajectory.speeds
    return replace(
        trajectory,
        times=times / factor,
        speeds=None if speeds is None else np.minimum(np.asarray(speeds) * factor, MAX_SPEED),
    )


def _warning(message: str) -> motion_service_pb2.Warning:
    return motion_service_pb2.Warning(
        code=motion_service_pb2.WARNING_CODE_OBSTACLE_ON_PATH, field=_FIELD, message=message
    )
