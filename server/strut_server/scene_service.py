"""SceneService: the scene presets by name, and scenes turned into descriptors.

Descriptors need no network. Vectors do: where the bundle has no scene encoder they stay absent, and the server does not
list CAPABILITY_SCENE. Texts are read where the `text` extra is installed; CAPABILITY_SCENE_TEXT says so.
"""

# ruff: noqa: N802  (the methods are named as in the contract)

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc.aio

from strut_model.scene import wording
from strut_model.scene.descriptor import MAX_WIND, QUANTITIES, SceneDescriptor, SceneError
from strut_model.scene.presets import ScenePreset, preset, presets
from strut_proto.v1 import controls_pb2, geometry_pb2, scene_service_pb2, scene_service_pb2_grpc
from strut_server import errors
from strut_server.checks import Checker
from strut_server.errors import RequestError, abort
from strut_server.paging import page_of
from strut_server.styles import nearest

if TYPE_CHECKING:
    from strut_server.runtime import Runtime

MAX_NAME = 64
WIND = ("wind_x", "wind_y", "wind_z")
ROUNDING = 1e-6

Context = grpc.aio.ServicerContext


class SceneService(scene_service_pb2_grpc.SceneServiceServicer):
    """Lists scene presets and reads scenes.

    Args:
        runtime: the model that serves, and its scene encoder.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def ListScenePresets(
        self, request: scene_service_pb2.ListScenePresetsRequest, context: Context
    ) -> scene_service_pb2.ListScenePresetsResponse:
        """See the contract."""
        table = presets()
        try:
            page = page_of(list(table), request.page_size, request.page_token)
        except RequestError as error:
            await abort(context, error)
        return scene_service_pb2.ListScenePresetsResponse(
            presets=[preset_message(table[name]) for name in page.keys], next_page_token=page.next_token
        )

    async def EncodeScene(
        self, request: scene_service_pb2.EncodeSceneRequest, context: Context
    ) -> scene_service_pb2.EncodeSceneResponse:
        """See the contract."""
        try:
            # Reading a text takes a network: some milliseconds, and seconds for the first.
            scene = await asyncio.to_thread(read_scene, request)
        except RequestError as error:
            await abort(context, error)
        reply = scene_service_pb2.EncodeSceneResponse(scene_descriptor=descriptor_message(scene))
        encoder = self._runtime.serving.scenes
        if encoder is not None:
            reply.vector.values.extend(encoder.encode(scene).ravel().tolist())
        return reply


def read_scene(request: scene_service_pb2.EncodeSceneRequest) -> SceneDescriptor:
    """The scene that a request describes.

    Raises:
        RequestError: UNIMPLEMENTED for a text without the text extra, NOT_FOUND for an unknown preset,
            INVALID_ARGUMENT for all else.
    """
    kind = request.WhichOneof("scene")
    check = Checker()
    if kind == "text":
        scene = read_text(request.text, "text", check)
        check.raise_if_failed()
        assert scene is not None
        return scene
    if kind == "preset":
        check.count("preset", len(request.preset), 1, MAX_NAME, "characters")
        check.raise_if_failed()
        if request.preset not in presets():
            near = nearest(request.preset, list(presets()))
            hint = f"; nearest: {', '.join(near)}" if near else ""
            raise errors.not_found("PRESET_UNKNOWN", f"scene preset {errors.quoted(request.preset)} is unknown{hint}")
        return preset(request.preset).descriptor
    check.require(kind == "scene_descriptor", "scene", "a preset, a text or a scene_descriptor")
    check.raise_if_failed()
    return read_descriptor(request.scene_descriptor, "scene_descriptor")


def read_text(text: str, path: str, check: Checker) -> SceneDescriptor | None:
    """The scene that a text describes; None where it says none, which is noted in ``check``.

    Args:
        text: as the client sent it.
        path: of the text in the request.
        check: takes what is wrong.

    Raises:
        RequestError: UNIMPLEMENTED where the text extra is not installed.
    """
    if not wording.available():
        raise errors.capability_missing("CAPABILITY_SCENE_TEXT", path)
    if not check.count(path, len(text), 1, wording.MAX_TEXT, "characters"):
        return None
    try:
        return wording.read(text).descriptor
    except SceneError:
        check.refuse(path, text, "words")
        return None


def read_descriptor(message: controls_pb2.SceneDescriptor, path: str) -> SceneDescriptor:
    """A descriptor of the contract, checked.

    Args:
        message: as the client sent it.
        path: of the message in the request.

    Raises:
        RequestError: INVALID_ARGUMENT with every quantity that is out of its range.
    """
    check = Checker()
    values: dict[str, float] = {}
    for quantity in QUANTITIES:
        if quantity.name in WIND or not message.HasField(quantity.name):  # type: ignore[arg-type]  # names are data
            continue
        value = getattr(message, quantity.name)
        # A float32 of the wire may stand just outside of the range whose end it is, such as .8.
        inside = min(max(value, quantity.low), quantity.high)
        if abs(value - inside) <= ROUNDING * abs(inside):
            value = inside
        if check.number(f"{path}.{quantity.name}", value, quantity.low, quantity.high, quantity.unit):
            values[quantity.name] = value
    if message.HasField("wind"):
        wind = (message.wind.x, message.wind.y, message.wind.z)
        length = sum(component**2 for component in wind) ** 0.5
        if check.number(f"{path}.wind", length, 0.0, MAX_WIND, "metres a second long"):
            values |= dict(zip(WIND, wind))
    check.raise_if_failed()
    return SceneDescriptor.of(values)


def descriptor_message(scene: SceneDescriptor) -> controls_pb2.SceneDescriptor:
    """A descriptor as the contract's message; what is absent stays absent."""
    given = scene.given()
    message = controls_pb2.SceneDescriptor()
    for name, value in given.items():
        if name not in WIND:
            setattr(message, name, value)
    if any(name in given for name in WIND):
        x, y, z = scene.wind.tolist()
        message.wind.CopyFrom(geometry_pb2.Vector3(x=x, y=y, z=z))
    return message


def preset_message(scene: ScenePreset) -> scene_service_pb2.ScenePreset:
    """A preset as the contract's message."""
    return scene_service_pb2.ScenePreset(
        name=scene.name, description=scene.description, scene_descriptor=descriptor_message(scene.descriptor)
    )
