"""Scenes in window requests: ground, obstacles, and what the scene does to the speed along the path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle
from strut_model.heights import HeightField
from strut_model.scene.descriptor import SIZE, SceneDescriptor
from strut_model.scene.effects import MAX_ALPHA, effects_of
from strut_model.scene.presets import preset, presets
from strut_model.skeleton import PARTS
from strut_model.streaming.controls import MAX_CODE, MAX_FACING, MAX_PLACE
from strut_model.streaming.obstacles import HEAD_HEIGHT, Obstacles
from strut_model.streaming.scenery import Scenery, scenery_of
from strut_proto.v1 import controls_pb2, motion_service_pb2
from strut_server import errors
from strut_server.checks import Checker, listed
from strut_server.errors import capability_missing
from strut_server.scene_service import MAX_NAME, read_descriptor, read_text
from strut_server.styles import nearest

PATH = "controls.scene"
MAX_OBSTACLES = 256
MAX_SAMPLES = 128
MAX_HEIGHT = 1000.0
SLOWEST, FASTEST = 0.1, 2.0
"""The contract's range of Window.path_speed_scale."""
_LOW = 0.05
"""Metres above the ground up to which an obstacle is none."""


@dataclass(frozen=True)
class SceneChoice:
    """Where a character is.

    Attributes:
        field: the ground; None where it is level at height 0.
        obstacles: those in a walker's way; None where there are none.
        bend: whether the path is led around them.
        speed: factor on the speed along the path; None where no scene is named, or the times are fixed.
        scenery: what the model is told; None where no scene is named, or the model knows none.
    """

    field: HeightField | None = None
    obstacles: Obstacles | None = None
    bend: bool = False
    speed: float | None = None
    scenery: Scenery | None = None


def read_scene_control(
    controls: controls_pb2.Controls,
    bundle: Bundle,
    check: Checker,
    warnings: list[motion_service_pb2.Warning],
    path: str = PATH,
) -> SceneChoice | None:
    """The scene of a request's controls; None where there is none. What is wrong is noted in ``check``.

    Args:
        controls: as the client sent them.
        bundle: whose model may know scenes or not.
        check: takes what is wrong.
        warnings: of what is not done as asked for; added to.
        path: of the scene in the message.

    Raises:
        RequestError: UNIMPLEMENTED for a form of scenes that this server does not read.
    """
    if not controls.HasField("scene"):
        return None
    control = controls.scene
    alpha = control.alpha if control.HasField("alpha") else 1.0
    check.number(f"{path}.alpha", alpha, 0.0, MAX_ALPHA)
    known = bundle.manifest.scene_dim is not None
    code = (
        _read_code(control.vector, bundle, f"{path}.vector", check) if control.WhichOneof("scene") == "vector" else None
    )
    scene = _read_scene(control, path, check)
    field = (
        _read_field(control.height_field, f"{path}.height_field", check) if control.HasField("height_field") else None
    )
    obstacles = _read_obstacles(control, field, f"{path}.obstacles", check)
    speed, scenery = None, None
    if scene is not None:
        if not known:
            warnings.append(
                motion_service_pb2.Warning(
                    code=motion_service_pb2.WARNING_CODE_SCENE_NOT_IN_MODEL,
                    field=path,
                    message="this model knows no scenes: the scene scales the speed along the path alone",
                )
            )
        scalable = controls.trajectory.timing != controls_pb2.TRAJECTORY_TIMING_FIXED
        if scalable and not check.failed:
            speed = speed_factor(scene, alpha)
        if known and not check.failed:
            scenery = scenery_of(scene, alpha)
    elif code is not None and not check.failed:
        scenery = Scenery(np.zeros(SIZE, np.float32), alpha, 0.0, code)
    return SceneChoice(field, obstacles, control.bend_path, speed, scenery)


@lru_cache(maxsize=1024)
def speed_factor(scene: SceneDescriptor, alpha: float) -> float:
    """How a scene scales the speed along the path; 1 at alpha 0."""
    return float(np.clip(effects_of(scene).scaled(alpha).speed, SLOWEST, FASTEST))


def _read_code(
    vector: controls_pb2.SceneVector, bundle: Bundle, path: str, check: Checker
) -> npt.NDArray[np.float32] | None:
    """(5, 64) a scene's code as it was given."""
    size = bundle.manifest.scene_dim
    if size is None:
        raise capability_missing("CAPABILITY_SCENE", path)
    if not check.count(f"{path}.values", len(vector.values), PARTS * size, PARTS * size, "values"):
        return None
    code = np.array(vector.values, np.float32)
    check.values(f"{path}.values", code, -MAX_CODE, MAX_CODE)
    return code.reshape(PARTS, size)


def _read_scene(control: controls_pb2.SceneControl, path: str, check: Checker) -> SceneDescriptor | None:
    kind = control.WhichOneof("scene")
    if kind == "text":
        return read_text(control.text, f"{path}.text", check)
    if kind == "preset":
        if not check.count(f"{path}.preset", len(control.preset), 1, MAX_NAME, "characters"):
            return None
        if control.preset not in presets():
            near = nearest(control.preset, list(presets()))
            suggestion = f" (nearest: {listed(near)})" if near else ""
            check.refuse(f"{path}.preset", control.preset, listed(list(presets()), 40) + suggestion)
            return None
        return preset(control.preset).descriptor
    if kind == "scene_descriptor":
        try:
            return read_descriptor(control.scene_descriptor, f"{path}.scene_descriptor")
        except errors.RequestError as error:
            for violation in error.violations:
                check.note(violation.field, violation.value, violation.allowed)
    return None


def _read_field(message: controls_pb2.HeightField, path: str, check: Checker) -> HeightField | None:
    check.require(message.HasField("origin"), f"{path}.origin", "the place of the first sample")
    check.number(f"{path}.origin.x", message.origin.x, -MAX_PLACE, MAX_PLACE, "metres")
    check.number(f"{path}.origin.z", message.origin.z, -MAX_PLACE, MAX_PLACE, "metres")
    check.number(f"{path}.heading", message.heading, -MAX_FACING, MAX_FACING, "radians")
    # A float32 of the wire may stand just outside of the range whose end it is.
    check.number(f"{path}.spacing", round(message.spacing, 6), 0.02, 2.0, "metres")
    columns = message.columns
    if not check.number(f"{path}.columns", columns, 2, MAX_SAMPLES, "samples"):
        return None
    count = len(message.heights)
    if count % columns or not 2 <= count // columns <= MAX_SAMPLES:
        check.note(f"{path}.heights", f"has {count} samples", f"2 to {MAX_SAMPLES} rows of {columns}")
        return None
    heights = np.array(message.heights, np.float32).reshape(-1, columns)
    check.values(f"{path}.heights", heights.ravel(), -MAX_HEIGHT, MAX_HEIGHT, "metres")
    ceilings = None
    if message.ceilings:
        if not check.count(f"{path}.ceilings", len(message.ceilings), count, count, "samples"):
            return None
        ceilings = np.array(message.ceilings, np.float32).reshape(-1, columns)
        check.values(f"{path}.ceilings", ceilings.ravel(), -MAX_HEIGHT, MAX_HEIGHT, "metres")
    if check.failed:
        return None
    origin = np.array([message.origin.x, message.origin.z], np.float64)
    return HeightField(origin, np.array(message.heading), max(round(message.spacing, 6), 0.02), heights, ceilings)


def _read_obstacles(
    control: controls_pb2.SceneControl, field: HeightField | None, path: str, check: Checker
) -> Obstacles | None:
    if not check.count(path, len(control.obstacles), 0, MAX_OBSTACLES, "obstacles"):
        return None
    parts = []
    for index, message in enumerate(control.obstacles):
        part = _read_obstacle(message, f"{path}[{index}]", field, check)
        if part is not None:
            parts.append(part)
    return Obstacles.concatenate(parts) if parts else None


def _read_obstacle(
    message: controls_pb2.Obstacle, path: str, field: HeightField | None, check: Checker
) -> Obstacles | None:
    """One obstacle; None where it hangs above people's heads or lies below their feet."""
    kind = message.WhichOneof("shape")
    if kind is None:
        check.require(False, f"{path}.shape", "a circle or a box")
        return None
    shape = message.circle if kind == "circle" else message.box
    path = f"{path}.{kind}"
    check.require(shape.HasField("center"), f"{path}.center", "its place")
    check.number(f"{path}.center.x", shape.center.x, -MAX_PLACE, MAX_PLACE, "metres")
    check.number(f"{path}.center.z", shape.center.z, -MAX_PLACE, MAX_PLACE, "metres")
    centre = np.array([[shape.center.x, shape.center.z]], np.float64)
    if kind == "circle":
        check.number(f"{path}.radius", round(message.circle.radius, 6), 0.01, 100.0, "metres")
        made = Obstacles.circles(centre, [message.circle.radius])
    else:
        check.number(f"{path}.width", round(message.box.width, 6), 0.01, 200.0, "metres")
        check.number(f"{path}.depth", round(message.box.depth, 6), 0.01, 200.0, "metres")
        check.number(f"{path}.heading", message.box.heading, -MAX_FACING, MAX_FACING, "radians")
        made = Obstacles.boxes(centre, [[message.box.width, message.box.depth]], [message.box.heading])
    where = path.rsplit(".", 1)[0]
    bottom = message.bottom if message.HasField("bottom") else -MAX_HEIGHT
    top = message.top if message.HasField("top") else MAX_HEIGHT
    check.number(f"{where}.bottom", bottom, -MAX_HEIGHT, MAX_HEIGHT, "metres")
    check.number(f"{where}.top", top, bottom, MAX_HEIGHT, "metres")
    if check.failed:
        return None
    floor = 0.0 if field is None else float(field.at(centre)[0])
    return made if bottom < floor + HEAD_HEIGHT and top > floor + _LOW else None
