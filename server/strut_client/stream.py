"""What the synchronous and the asyncio stream share: the messages of a stream, and where its replies belong."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, Protocol, TypeVar

from strut_client.character import Answer
from strut_client.errors import StrutError, error_of_status
from strut_client.server_info import PROTOCOL_VERSION, ModelInfo, ServerInfo, model_info
from strut_model.frames import FrameEncoding
from strut_proto.v1 import motion_service_pb2 as pb

CHANNEL_OPTIONS = (
    # A server that is back is found within a third of a second: gRPC's own pauses grow to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 300),
    # A reply holds at most a few hundred windows of some kilobytes.
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
)


@dataclass(frozen=True)
class ClientSettings:
    """How a client connects.

    Attributes:
        target: gRPC target, such as localhost:50051.
        encoding: how frames shall come.
        client_name: who connects, for the server's logs.
        client_version: its version.
        patience: seconds to go on trying: to connect, and to get a window that is late or refused for the moment.
        reply_timeout: seconds without a reply after which a connection counts as lost.
        metadata: sent with every call, such as (("authorization", "Bearer ..."),).
    """

    target: str = "localhost:50051"
    encoding: FrameEncoding = FrameEncoding.FLOAT32
    client_name: str = "strut_client"
    client_version: str = ""
    patience: float = 10.0
    reply_timeout: float = 10.0
    metadata: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(target: str, settings: Mapping[str, Any]) -> ClientSettings:
        """The settings for a target.

        Raises:
            TypeError: a setting is not a field of this class.
        """
        names = {field.name for field in fields(ClientSettings)} - {"target"}
        unknown = settings.keys() - names
        if unknown:
            raise TypeError(f"settings: unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(names))}")
        return ClientSettings(target, **settings)

    def hello(self) -> pb.StreamMotionRequest:
        """The message that opens a stream."""
        return pb.StreamMotionRequest(
            hello=pb.ClientHello(
                protocol_version=PROTOCOL_VERSION,
                client_name=self.client_name,
                client_version=self.client_version,
                encoding=int(self.encoding),  # type: ignore[arg-type]
                capabilities=[pb.CAPABILITY_QUAT48, pb.CAPABILITY_OVERRIDE_CONTROLS],
            )
        )


@dataclass(frozen=True)
class Draining:
    """The server is about to go; the client connects anew by itself.

    Attributes:
        remaining_ms: time until the stream is closed.
    """

    remaining_ms: int


@dataclass(frozen=True)
class ModelChanged:
    """Another model serves from now on.

    Attributes:
        model: the new one.
    """

    model: ModelInfo


@dataclass(frozen=True)
class ControlsOverridden:
    """A designer's hand lies on a character, or has left it.

    Attributes:
        character: its number.
        parts: what is overridden, of content, style and scene; empty when the override was lifted.
    """

    character: int
    parts: tuple[str, ...]


ServerEvent = Draining | ModelChanged | ControlsOverridden


def event_of_message(message: pb.ServerEvent) -> ServerEvent | None:
    """The event; None for kinds that this client does not know."""
    kind = message.WhichOneof("event")
    if kind == "draining":
        return Draining(message.draining.remaining_ms)
    if kind == "model_changed":
        return ModelChanged(model_info(message.model_changed.model))
    if kind == "controls_overridden":
        overridden = message.controls_overridden
        return ControlsOverridden(overridden.character, tuple(f.name for f, _ in overridden.controls.ListFields()))
    return None


def request_messages(requests: Sequence[pb.WindowRequest], max_batch: int) -> Iterator[pb.StreamMotionRequest]:
    """The stream's messages for some requests, stamped with the client's clock."""
    for first in range(0, len(requests), max_batch):
        batch = requests[first : first + max_batch]
        now = time.monotonic_ns()
        for request in batch:
            request.client_send_time_ns = now
        yield pb.StreamMotionRequest(requests=pb.WindowRequestBatch(requests=batch))


class Result(Protocol):
    """A future, of concurrent.futures or of asyncio."""

    def set_result(self, result: Answer | None, /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...
    def done(self) -> bool: ...


ResultT = TypeVar("ResultT", bound=Result)


class Pending(Generic[ResultT]):
    """The requests of one stream that wait for their replies. Not thread-safe: the owner locks."""

    def __init__(self) -> None:
        self._results: dict[tuple[int, int], ResultT] = {}

    def __len__(self) -> int:
        return len(self._results)

    def add(self, request: pb.WindowRequest, result: ResultT) -> None:
        """Expects the reply to a request."""
        self._results[request.character, request.sequence] = result

    def answer(self, replies: Sequence[pb.WindowReply]) -> None:
        """Hands out replies; those that nobody waits for any more are dropped."""
        now = time.monotonic_ns()
        for reply in replies:
            result = self._results.pop((reply.character, reply.sequence), None)
            if result is not None and not result.done():
                result.set_result(Answer(reply, now))

    def lose(self) -> None:
        """Tells everyone that waits that the connection is gone."""
        self._end(None)

    def refuse(self, error: StrutError) -> None:
        """Tells everyone that waits that a message as a whole was refused."""
        self._end(error)

    def _end(self, error: StrutError | None) -> None:
        results, self._results = self._results, {}
        for result in results.values():
            if result.done():
                continue
            if error is None:
                result.set_result(None)
            else:
                result.set_exception(error)


def stream_error(response: pb.StreamMotionResponse) -> StrutError:
    """The error of a message that was refused as a whole."""
    return error_of_status(response.error)


def with_model(server: ServerInfo, event: ServerEvent | None) -> ServerInfo:
    """What is known of the server after an event."""
    return replace(server, model=event.model) if isinstance(event, ModelChanged) else server
