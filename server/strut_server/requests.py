"""What a valid window request says, in the server's own terms: no protobuf, arrays where there are arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from strut_model.frames import FrameEncoding
from strut_model.motion import Motion
from strut_model.streaming.controls import Trajectory
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.scenery import SceneStates
from strut_proto.v1 import motion_service_pb2
from strut_server.scenes import SceneChoice

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class AnchorPlace:
    """Where a window's space lies in the world: its origin, metres, and its heading, radians; in doubles."""

    anchor_id: int = 0
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    heading: float = 0.0

    def same_place(self, other: AnchorPlace) -> bool:
        """True where coordinates in one space are coordinates in the other."""
        return (self.x, self.y, self.z, self.heading) == (other.x, other.y, other.z, other.heading)


@dataclass(frozen=True)
class Placement:
    """A root on the ground of the window's space: metres and radians."""

    x: float
    z: float
    heading: float


@dataclass(frozen=True)
class CarriedHistory:
    """Motion that came with the request.

    Attributes:
        motion: (8,) frames; the last ``length`` of them are real.
        length: 2 to 8.
        locks: of one character; not given where they follow from the motion.
        scene: (1,) the scene that it is in.
    """

    motion: Motion
    length: int
    locks: FootLocks
    scene: SceneStates = field(default_factory=lambda: SceneStates.unknown(1))


@dataclass(frozen=True)
class Origin:
    """What a window goes on from.

    Attributes:
        continues: the sequence number of a remembered window; None where there is a history.
        history: the motion that came with the request; None where a window is continued.
        placement: where the last frame's root is moved to (cold start and teleport); None where it stays.
    """

    continues: int | None
    history: CarriedHistory | None
    placement: Placement | None = None


@dataclass(frozen=True)
class Gesture:
    """Where in a gesture the window begins.

    Attributes:
        phase: 0 to 1 at the first frame; None to go on with the timeline's.
        advance: phase a frame.
    """

    phase: float | None
    advance: float


@dataclass(frozen=True)
class ContentChoice:
    """A content.

    Attributes:
        key: names the content: two windows of the same key show the same.
        row: its row in the bundle; None for a code.
        vector: (64,).
        gesture: None for contents without a phase.
    """

    key: bytes
    row: int | None
    vector: Float
    gesture: Gesture | None


@dataclass(frozen=True)
class StyleChoice:
    """A style: (5, 64) vector, guidance weight, and the bundle's rows of the named styles in it with their weights."""

    vector: Float
    guidance: float
    rows: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class ValidRequest:
    """A window request that was checked.

    Attributes:
        character, sequence: the client's numbers.
        start_frame: first frame asked for.
        frames: 1 to 16, how many are wanted.
        origin: what the window goes on from.
        anchor: the window's space.
        trajectory: None where the path is free.
        scene: None on level ground without obstacles and at the path's own speed.
        keep_times: whether the trajectory's times may not be stretched.
        content, style: what to do and how.
        content_guidance: weight.
        seed: 0 to 2^64 - 1.
        step_choices: network evaluations that may be used: what is wanted, then what a loaded server may use instead.
        priority: 0 matters most.
        deadline_ms: from the request's arrival on.
        encoding: how the frames are wanted.
        warnings: what was not done as asked for.
        client_send_ns: the client's stamp.
    """

    character: int
    sequence: int
    start_frame: int
    frames: int
    origin: Origin
    anchor: AnchorPlace
    trajectory: Trajectory | None
    scene: SceneChoice | None
    keep_times: bool
    content: ContentChoice
    style: StyleChoice
    content_guidance: float
    seed: int
    step_choices: tuple[int, ...]
    priority: int
    deadline_ms: int
    encoding: FrameEncoding
    warnings: tuple[motion_service_pb2.Warning, ...]
    client_send_ns: int
