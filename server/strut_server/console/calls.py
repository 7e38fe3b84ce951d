"""Calls over gRPC-Web, answered by the same handlers as gRPC's, behind the same guard.

Neither a second server nor a channel to the first one lies between: a call is handed to the guard with the browser's
own address, token and certificate, so that roles, limits and owners are what they are for gRPC. Calls with one request
and uploads of several messages work, and answers of one message and of many; what needs both directions at once
(StreamMotion) does not, since browsers cannot do it.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
import grpc.aio

from strut_server.guard import Guard

Metadata = Sequence[tuple[str, str | bytes]]
Read = Callable[[], Awaitable[bytes | None]]
Write = Callable[[bytes], Awaitable[None]]

BOTH_WAYS = frozenset({"/strut.v1.MotionService/StreamMotion"})
"""Calls whose client reads and writes at once."""
_TIMEOUT = re.compile(r"(\d{1,8})([HMSmun])")
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """How a call ended."""

    code: grpc.StatusCode
    message: str = ""
    metadata: Metadata = ()


class CallEnded(grpc.aio.AbortError):
    """A call that its service ended with a status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


@dataclass(frozen=True)
class Call:
    """A call as it came in.

    Attributes:
        method: such as ``/strut.v1.MotionService/GenerateWindows``.
        peer: the caller's address as gRPC writes it.
        metadata: of the request.
        certificate: names in the caller's certificate, as `grpc.ServicerContext.auth_context` gives them.
        read: the next message's bytes, None at the end.
        write: sends a message's bytes.
    """

    method: str
    peer: str
    metadata: Metadata
    read: Read
    write: Write
    certificate: Mapping[str, Sequence[bytes]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Details(grpc.HandlerCallDetails):
    """What an interceptor is told of a call."""

    method: str
    invocation_metadata: Any


class Calls:
    """Answers calls. The services are added to it as they are to a `grpc.aio.Server`.

    Args:
        guard: in front of every call.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._handlers: list[grpc.GenericRpcHandler] = []

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """See `grpc.aio.Server`."""
        self._handlers.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, grpc.RpcMethodHandler]) -> None:
        """See `grpc.aio.Server`; the same handlers came as generic ones."""

    async def answer(self, call: Call) -> Status:
        """Answer a call: its messages are written, and how it ended is returned. Cancelling ends the call."""
        # A context of its own, as gRPC gives one to every call: the guard notes there who calls.
        task = contextvars.copy_context().run(asyncio.ensure_future, self._answer(call))
        try:
            await asyncio.wait((task,), timeout=_timeout(call.metadata))
        finally:
            expired = not task.done()
            if expired:
                task.cancel()
        if expired:
            return Status(grpc.StatusCode.DEADLINE_EXCEEDED, "the call took longer than its timeout")
        return task.result()

    async def _answer(self, call: Call) -> Status:
        if call.method in BOTH_WAYS:
            return Status(
                grpc.StatusCode.UNIMPLEMENTED,
                f"{call.method} needs both directions at once, which gRPC-Web has not; allowed: GenerateWindows",
            )
        details = _Details(call.method, tuple(call.metadata))
        handler = await self._guard.intercept_service(self._find, details)
        if handler is None:
            return Status(grpc.StatusCode.UNIMPLEMENTED, f"there is no call {call.method[:100]!r}")
        context = CallContext(call, handler)
        try:
            # The guard reads the request itself, once it knows who calls: `None` stands for it.
            if handler.response_streaming:
                await handler.stream_stream(None, context)
            else:
                await context.write(await handler.stream_unary(None, context))
        except CallEnded as end:
            return end.status
        except (ConnectionError, grpc.aio.BaseError):
            return Status(grpc.StatusCode.CANCELLED, "the caller is gone")
        return Status(grpc.StatusCode.OK, metadata=context.trailers)

    async def _find(self, details: grpc.HandlerCallDetails) -> Any:
        found = (handler.service(details) for handler in self._handlers)
        return next((handler for handler in found if handler is not None), None)


class CallContext:
    """What a service sees of a call: the part of `grpc.aio.ServicerContext` that the services use."""

    def __init__(self, call: Call, handler: Any) -> None:
        self._call = call
        self._handler = handler
        self.trailers: Metadata = ()

    def peer(self) -> str:
        """The caller's address."""
        return self._call.peer

    def invocation_metadata(self) -> Metadata:
        """The request's metadata."""
        return self._call.metadata

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        """The names in the caller's certificate."""
        return self._call.certificate

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        """What goes with the status."""
        self.trailers = tuple(metadata)

    async def read(self) -> Any:
        """The next message, or `grpc.aio.EOF`.

        Raises:
            DecodeError: what came is no message.
        """
        data = await self._call.read()
        return grpc.aio.EOF if data is None else self._handler.request_deserializer(data)

    async def write(self, message: Any) -> None:
        """Send a message."""
        await self._call.write(self._handler.response_serializer(message))

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        """End the call with a status."""
        raise CallEnded(Status(code, details, tuple(trailing_metadata)))


def _timeout(metadata: Metadata) -> float | None:
    """Seconds that the caller waits; None for as long as it takes."""
    for key, value in metadata:
        if key == "grpc-timeout" and isinstance(value, str) and (match := _TIMEOUT.fullmatch(value)):
            return int(match[1]) * _UNITS[match[2]]
    return None
