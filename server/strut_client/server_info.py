"""Who serves and with what: the server's hello as plain Python values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.frames import FrameEncoding
from strut_proto.v1 import motion_service_pb2 as pb

PROTOCOL_VERSION = 1


@dataclass(frozen=True)
class ContentInfo:
    """A content of the model's vocabulary.

    Attributes:
        name: its label, such as walk.
        kind: locomotion, gesture or idle.
        mean_seconds: its usual length.
    """

    name: str
    kind: str
    mean_seconds: float


@dataclass(frozen=True)
class ModelInfo:
    """The model bundle that serves.

    Attributes:
        name: its name.
        hash: SHA-256 of its manifest.
        joint_names: the joints of all frames in their order.
        parents: (J,) index of each joint's parent, -1 for the first.
        rest_offsets: (J, 3) metres, each joint relative to its parent at rest; the first one's is the pelvis above
            the ground.
        fps: frames a second.
        history_frames: most frames of history that the model makes use of.
        window_frames: frames that one evaluation makes.
        contents: the vocabulary of contents.
        style_count: number of stored styles.
        neutral_style: name of the style that a strength of 0 means.
        steps: numbers of network evaluations that a request may ask for.
        weights_licence: under what terms the weights may be used.
    """

    name: str
    hash: str
    joint_names: tuple[str, ...]
    parents: NDArray[np.int64]
    rest_offsets: NDArray[np.float32]
    fps: float
    history_frames: int
    window_frames: int
    contents: tuple[ContentInfo, ...]
    style_count: int
    neutral_style: str
    steps: tuple[int, ...]
    weights_licence: str


@dataclass(frozen=True)
class Limits:
    """What the server accepts; units as in the contract's Limits."""

    max_characters: int
    max_message_bytes: int
    max_batch: int
    max_frames: int
    min_replan_frames: int
    max_trajectory_samples: int
    max_style_components: int
    max_deadline_ms: int
    default_deadline_ms: int
    max_speed: float


@dataclass(frozen=True)
class ServerInfo:
    """The server's hello.

    Attributes:
        server_version: version of the server's software.
        session_id: the stream's name; empty outside of one.
        encoding: how frames come.
        capabilities: names of what the server is able to do, without the prefix, such as QUAT48.
        model: the model bundle that serves.
        limits: what the server accepts.
        device: what the network runs on.
    """

    server_version: str
    session_id: str
    encoding: FrameEncoding
    capabilities: frozenset[str]
    model: ModelInfo
    limits: Limits
    device: str

    @staticmethod
    def from_hello(hello: pb.ServerHello) -> ServerInfo:
        """From the contract's message; unknown capabilities are left out."""
        known = pb.Capability.DESCRIPTOR.values_by_number
        names = {known[c].name.removeprefix("CAPABILITY_") for c in hello.capabilities if c in known}
        return ServerInfo(
            server_version=hello.server_version,
            session_id=hello.session_id,
            encoding=FrameEncoding(hello.encoding),
            capabilities=frozenset(names),
            model=model_info(hello.model),
            limits=Limits(**{field: getattr(hello.limits, field) for field in Limits.__dataclass_fields__}),
            device=hello.device,
        )


def model_info(model: pb.ModelInfo) -> ModelInfo:
    """The description of a model from the contract's message."""
    joints = model.skeleton.joints
    return ModelInfo(
        name=model.name,
        hash=model.hash,
        joint_names=tuple(joint.name for joint in joints),
        parents=np.array([joint.parent for joint in joints], dtype=np.int64),
        rest_offsets=np.array(
            [(j.rest_offset.x, j.rest_offset.y, j.rest_offset.z) for j in joints], dtype=np.float32
        ).reshape(-1, 3),
        fps=model.fps,
        history_frames=model.history_frames,
        window_frames=model.window_frames,
        contents=tuple(
            ContentInfo(c.name, pb.ContentKind.Name(c.kind).removeprefix("CONTENT_KIND_").lower(), c.mean_seconds)
            for c in model.contents
        ),
        style_count=model.style_count,
        neutral_style=model.neutral_style,
        steps=tuple(model.steps),
        weights_licence=model.weights_licence,
    )
