"""Styles and presets to be stored: Python values as the contract's messages, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np

from strut_client.controls import PartStyle, Scene, Style, StyleMix, scene_message, scene_of_message, style_message
from strut_client.errors import ReleasedError, StrutError, error_of_status
from strut_model.skeleton import PART_NAMES
from strut_proto.v1 import controls_pb2, operation_pb2, skeleton_pb2
from strut_proto.v1 import style_service_pb2 as pb

CHUNK_BYTES = 1 << 18
SLOWEST_UPLOAD = 1e6
"""Bytes a second, on top of the client's patience, that an upload is given time for."""

Clip = str | Path | tuple[str, bytes]
"""A motion file: its path, or a name and its bytes."""
OnProgress = Callable[[float, str], object]
"""Is told how far the work is, 0 to 1, and what is being done."""


@dataclass(frozen=True)
class Preset:
    """A stored preset.

    Attributes:
        name: its name.
        description: what it is for.
        style: how a character with it moves; None where it leaves the style alone.
        owner: who stored it.
        scene: where a character with it is; None where it leaves the scene alone.
    """

    name: str
    description: str = ""
    style: StyleMix | None = None
    owner: str = ""
    scene: Scene | str | None = None


@dataclass(frozen=True)
class Making:
    """A style to be made.

    Attributes:
        header: the first message.
        files: the files' bytes, in the order of the header's names.
    """

    header: pb.CreateStyleHeader
    files: Sequence[bytes]

    @property
    def upload_seconds(self) -> float:
        """Time that the upload is given, beside the client's patience."""
        return sum(map(len, self.files)) / SLOWEST_UPLOAD

    def messages(self) -> Iterator[pb.CreateStyleRequest]:
        """The messages of the upload."""
        yield pb.CreateStyleRequest(header=self.header)
        for index, data in enumerate(self.files):
            for first in range(0, len(data), CHUNK_BYTES):
                chunk = pb.UploadChunk(file=index, data=data[first : first + CHUNK_BYTES])
                yield pb.CreateStyleRequest(chunk=chunk)


def making(
    name: str,
    style: Style,
    clips: Sequence[Clip],
    description: str,
    bone_map: Mapping[str, str] | None,
    text: str | None = None,
) -> Making:
    """What is sent for a style of a mix, of clips or of a sentence.

    Raises:
        ValueError: none, or more than one, of mix, clips and text is given.
        OSError: a file cannot be read.
    """
    given = [n for n, there in (("style", style is not None), ("clips", clips), ("text", text is not None)) if there]
    if len(given) != 1:
        raise ValueError(f"style, clips, text: {' and '.join(given) or 'none'} given, it must be one of them")
    if text is not None:
        header = pb.CreateStyleHeader(name=name, description=description, source=pb.STYLE_SOURCE_TEXT, text=text)
        return Making(header, ())
    if not clips:
        header = pb.CreateStyleHeader(
            name=name, description=description, source=pb.STYLE_SOURCE_MIX, mix=style_message(style)
        )
        return Making(header, ())
    files = [clip if isinstance(clip, tuple) else (Path(clip).name, Path(clip).read_bytes()) for clip in clips]
    header = pb.CreateStyleHeader(
        name=name,
        description=description,
        source=pb.STYLE_SOURCE_CLIP,
        file_names=[file_name for file_name, _ in files],
        bone_map=bone_map or {},
    )
    return Making(header, [data for _, data in files])


def style_made(operation: operation_pb2.Operation) -> str:
    """The name of the style that an operation has made.

    Raises:
        StrutError: it has failed, or was cancelled.
    """
    if operation.state == operation_pb2.OPERATION_STATE_SUCCEEDED:
        return operation.style
    if operation.HasField("error"):
        raise error_of_status(operation.error)
    if operation.state == operation_pb2.OPERATION_STATE_CANCELLED:
        raise ReleasedError(grpc.StatusCode.CANCELLED, "the making of the style was cancelled")
    raise StrutError(grpc.StatusCode.UNKNOWN, f"the operation ended as {operation.state}")


def style_mix(message: controls_pb2.StyleMix) -> StyleMix:
    """A mix from the contract's message; weights and strengths that are not given are 1."""
    parts = {
        skeleton_pb2.BodyPart.Name(part.part).removeprefix("BODY_PART_").lower(): PartStyle(
            _names(part.components), part.strength if part.HasField("strength") else None
        )
        for part in message.parts
    }
    vectors = [
        (np.array(c.vector.values, np.float32).reshape(len(PART_NAMES), -1), _weight(c))
        for c in message.components
        if c.WhichOneof("style") == "vector"
    ]
    strength = message.strength if message.HasField("strength") else None
    priorities = {c.name: c.priority for c in message.components if c.name and c.priority}
    dimensions = {dimension.name: dimension.value for dimension in message.dimensions}
    return StyleMix(_names(message.components), tuple(vectors), strength, parts, priorities, dimensions)


def preset_message(preset: Preset) -> pb.Preset:
    """The contract's message; owner and time are the server's to set."""
    return pb.Preset(
        name=preset.name,
        description=preset.description,
        style=style_message(preset.style),
        scene=scene_message(preset.scene),
    )


def preset_of_message(message: pb.Preset) -> Preset:
    """From the contract's message."""
    style = style_mix(message.style) if message.HasField("style") else None
    scene = scene_of_message(message.scene) if message.HasField("scene") else None
    return Preset(message.name, message.description, style, message.owner, scene)


def _names(components: Sequence[controls_pb2.StyleComponent]) -> dict[str, float]:
    return {c.name: _weight(c) for c in components if c.WhichOneof("style") == "name"}


def _weight(component: controls_pb2.StyleComponent) -> float:
    return component.weight if component.HasField("weight") else 1.0
