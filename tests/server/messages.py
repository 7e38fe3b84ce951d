"""The contract's messages as tests need them, and a stream that is driven by hand."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from types import TracebackType

import grpc
import numpy as np
from google.rpc import error_details_pb2, status_pb2
from tests.bundles import standing

from strut_model.frames import FrameEncoding, pack_frames, unpack_frames
from strut_model.motion import Motion
from strut_proto.v1 import controls_pb2, frames_pb2, geometry_pb2, motion_service_pb2, motion_service_pb2_grpc

TIMEOUT = 60.0
DEADLINE_MS = 5000
"""The longest that a server allows: tests may run on a machine that is busy with other things."""


def controls(
    content: str = "walk",
    style: str = "active",
    ahead: float | None = 1.2,
    seed: int | None = 7,
    steps: int | None = None,
) -> controls_pb2.Controls:
    """Walk ``ahead`` metres along +Z within a second."""
    message = controls_pb2.Controls(content=controls_pb2.Content(label=content), seed=seed, steps=steps)
    message.style.components.add(name=style)
    if ahead is not None:
        message.trajectory.samples.add(position=geometry_pb2.GroundPoint(z=ahead), time=1.0)
    return message


def request(
    character: int = 1,
    sequence: int = 1,
    start_frame: int = 0,
    continues: int | None = None,
    history: frames_pb2.History | None = None,
    place: tuple[float, float, float] | None = None,
    **fields: object,
) -> motion_service_pb2.WindowRequest:
    """A window request that continues a sequence, or has a history, or starts cold (x, z, heading)."""
    timeline = motion_service_pb2.Timeline(start_frame=start_frame)
    if continues is not None:
        timeline.continues_sequence = continues
    elif history is not None:
        timeline.history.CopyFrom(history)
    else:
        x, z, heading = place or (0.0, 0.0, 0.0)
        timeline.cold_start.position.CopyFrom(geometry_pb2.GroundPoint(x=x, z=z))
        timeline.cold_start.heading = heading
    fields.setdefault("controls", controls())
    fields.setdefault("deadline_ms", DEADLINE_MS)
    return motion_service_pb2.WindowRequest(character=character, sequence=sequence, timeline=timeline, **fields)


def packed(motion: Motion, encoding: FrameEncoding = FrameEncoding.FLOAT32) -> frames_pb2.PackedFrames:
    """Frames as they go onto the wire."""
    data = pack_frames(motion, encoding).tobytes()
    return frames_pb2.PackedFrames(encoding=int(encoding), count=motion.frames, data=data)


def history_of(motion: Motion | None = None, end_frame: int = -1) -> frames_pb2.History:
    """A history; by default eight frames of standing."""
    return frames_pb2.History(frames=packed(motion if motion is not None else standing()), end_frame=end_frame)


def history_from(window: motion_service_pb2.Window, end: int | None = None, count: int = 8) -> frames_pb2.History:
    """The history that a client sends which has played the first ``end`` frames of a window; all by default."""
    frames = window.frames
    last = frames.count if end is None else end
    size = len(frames.data) // frames.count
    data = frames.data[(last - count) * size : last * size]
    history = frames_pb2.History(
        frames=frames_pb2.PackedFrames(encoding=frames.encoding, count=count, data=data),
        end_frame=window.start_frame + last - 1,
    )
    if last == frames.count:
        history.foot_locks.CopyFrom(window.foot_locks)
    return history


def motion_of(window: motion_service_pb2.Window) -> Motion:
    """A window's frames."""
    return unpack_frames(window.frames.data, FrameEncoding(window.frames.encoding))


def largest_difference(a: Motion, b: Motion) -> float:
    """Largest distance between the joints of two motions, metres."""
    return float(np.linalg.norm(a.positions() - b.positions(), axis=-1).max())


def details(status: status_pb2.Status) -> tuple[str, dict[str, str], dict[str, str]]:
    """A status' reason, its metadata, and its field violations."""
    info, violations = error_details_pb2.ErrorInfo(), {}
    for detail in status.details:
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            violations = {v.field: v.description for v in bad.field_violations}
        elif detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
    return info.reason, dict(info.metadata), violations


def retry_seconds(status: status_pb2.Status) -> float | None:
    """After how long a client is told to try again."""
    retry = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToNanoseconds() / 1e9)
    return None


class Stream:
    """One StreamMotion call: messages are sent when the test says so, and read one by one.

    Args:
        address: of the server.
        encoding: asked for in the hello.
        hello: send the hello and read its answer.
    """

    def __init__(
        self, address: str, encoding: FrameEncoding = FrameEncoding.FLOAT32, hello: bool = True, name: str = "test"
    ) -> None:
        self._channel = grpc.insecure_channel(address)
        self._outgoing: queue.SimpleQueue[motion_service_pb2.StreamMotionRequest | None] = queue.SimpleQueue()
        stub = motion_service_pb2_grpc.MotionServiceStub(self._channel)
        self.call = stub.StreamMotion(self._messages(), timeout=TIMEOUT)
        self._replies: list[motion_service_pb2.WindowReply] = []
        if hello:
            greeting = motion_service_pb2.ClientHello(protocol_version=1, client_name=name, encoding=int(encoding))
            self.send(motion_service_pb2.StreamMotionRequest(hello=greeting))
            self.hello = self.receive().hello

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self.call.cancel()
        self._channel.close()

    def send(self, message: motion_service_pb2.StreamMotionRequest) -> None:
        """Send a message."""
        self._outgoing.put(message)

    def ask(self, *requests: motion_service_pb2.WindowRequest) -> None:
        """Send window requests in one message."""
        batch = motion_service_pb2.WindowRequestBatch(requests=requests)
        self.send(motion_service_pb2.StreamMotionRequest(requests=batch))

    def release(self, *characters: int) -> None:
        """End characters."""
        release = motion_service_pb2.ReleaseCharacters(characters=characters)
        self.send(motion_service_pb2.StreamMotionRequest(release=release))

    def close(self) -> None:
        """Send nothing more."""
        self._outgoing.put(None)

    def receive(self) -> motion_service_pb2.StreamMotionResponse:
        """The next message."""
        message: motion_service_pb2.StreamMotionResponse = next(self.call)
        return message

    def ending(self) -> grpc.RpcError:
        """The error with which the server ends the stream; whatever comes before is passed over."""
        while True:
            try:
                self.receive()
            except grpc.RpcError as error:
                return error

    def replies(self, count: int) -> list[motion_service_pb2.WindowReply]:
        """The next replies, from as many messages as they come in."""
        while len(self._replies) < count:
            message = self.receive()
            assert message.WhichOneof("message") == "replies", message
            self._replies += message.replies.replies
        taken, self._replies = self._replies[:count], self._replies[count:]
        return taken

    def window(self, asked: motion_service_pb2.WindowRequest) -> motion_service_pb2.Window:
        """Ask for a window and wait for it."""
        self.ask(asked)
        (reply,) = self.replies(1)
        assert reply.WhichOneof("result") == "window", reply.error
        assert (reply.character, reply.sequence) == (asked.character, asked.sequence)
        return reply.window

    def error(self, asked: motion_service_pb2.WindowRequest) -> status_pb2.Status:
        """Ask for a window that cannot be had."""
        self.ask(asked)
        (reply,) = self.replies(1)
        assert reply.WhichOneof("result") == "error"
        return reply.error

    def _messages(self) -> Iterator[motion_service_pb2.StreamMotionRequest]:
        while (message := self._outgoing.get()) is not None:
            yield message


def generate(
    address: str,
    requests: Sequence[motion_service_pb2.WindowRequest],
    encoding: FrameEncoding = FrameEncoding.FLOAT32,
) -> list[motion_service_pb2.WindowReply]:
    """Replies of GenerateWindows."""
    with grpc.insecure_channel(address) as channel:
        stub = motion_service_pb2_grpc.MotionServiceStub(channel)
        message = motion_service_pb2.GenerateWindowsRequest(requests=requests, encoding=int(encoding))
        response = stub.GenerateWindows(message, timeout=TIMEOUT)
    return list(response.replies)


def generate_one(
    address: str, asked: motion_service_pb2.WindowRequest, encoding: FrameEncoding = FrameEncoding.FLOAT32
) -> motion_service_pb2.Window:
    """The window of a single request without a stream."""
    (reply,) = generate(address, [asked], encoding)
    assert reply.WhichOneof("result") == "window", reply.error
    return reply.window
