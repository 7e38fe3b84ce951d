"""The door of the server: who calls, whether they may, and how much of it at a time.

One gRPC interceptor in front of every service. It reads no message of a call before it knows the caller's role, and
what it passes on is bounded: calls a second, streams at a time, requests a second on a connection, the wait for the
next message. What it refuses is a `google.rpc.Status` as docs/contract.md lists them.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
import grpc.aio
from aiolimiter import AsyncLimiter
from google.protobuf.message import DecodeError

from strut_proto.v1 import motion_service_pb2
from strut_server import errors
from strut_server.access import EVERYBODY, MAX_NAME, Caller, Callers, Role, current_caller
from strut_server.errors import RequestError, abort
from strut_server.settings import ServerSettings
from strut_server.windows import incident

BEARER = "bearer "
REMEMBERED_PEERS = 4096
"""Peers whose rates are kept; of more, those that have been quiet for longest are forgotten."""
REMEMBERED_CONNECTIONS = 256
"""The same of connections."""
SECOND = 1.0

_MOTION, _STYLE, _SCENE, _TELEMETRY = (
    f"/strut.v1.{name}Service/" for name in ("Motion", "Style", "Scene", "Telemetry")
)

ROLE_OF_METHOD: dict[str, Role] = {
    "/grpc.health.v1.Health/Check": Role.NONE,
    "/grpc.health.v1.Health/List": Role.NONE,
    "/grpc.health.v1.Health/Watch": Role.NONE,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Role.STREAM,
    _MOTION + "StreamMotion": Role.STREAM,
    _MOTION + "GenerateWindows": Role.STREAM,
    _MOTION + "GetServerInfo": Role.STREAM,
    _MOTION + "StylizeClip": Role.STREAM,
    _MOTION + "EditClip": Role.STREAM,
    _MOTION + "ListCharacters": Role.DESIGN,
    _MOTION + "OverrideControls": Role.DESIGN,
    _STYLE + "ListStyles": Role.STREAM,
    _STYLE + "GetStyle": Role.STREAM,
    _STYLE + "CreateStyle": Role.DESIGN,
    _STYLE + "PreviewClip": Role.DESIGN,
    _STYLE + "DeleteStyle": Role.DESIGN,
    _STYLE + "GetOperation": Role.DESIGN,
    _STYLE + "WatchOperation": Role.DESIGN,
    _STYLE + "CancelOperation": Role.DESIGN,
    _STYLE + "ListPresets": Role.STREAM,
    _STYLE + "SavePreset": Role.DESIGN,
    _STYLE + "DeletePreset": Role.DESIGN,
    _SCENE + "ListScenePresets": Role.STREAM,
    _SCENE + "EncodeScene": Role.STREAM,
    _TELEMETRY + "GetStatistics": Role.DESIGN,
    _TELEMETRY + "StreamStatistics": Role.DESIGN,
}
"""What each call needs; what is not listed needs the highest role, so that a forgotten call is shut, not open."""

PACED = (_MOTION + "StreamMotion", _MOTION + "GenerateWindows")
"""The calls whose messages hold window requests."""

Behaviour = Callable[..., Any]


class Guard(grpc.aio.ServerInterceptor):
    """Checks every call before its service sees it.

    Args:
        settings: the limits, and the file of tokens.

    Raises:
        SettingError: the file of tokens cannot be used.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._callers = Callers(settings.tokens) if settings.tokens is not None else None
        self._rates: OrderedDict[str, AsyncLimiter] = OrderedDict()
        self._paces: OrderedDict[str, AsyncLimiter] = OrderedDict()
        self._streams: dict[str, int] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """See `grpc.aio.ServerInterceptor`."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        role = ROLE_OF_METHOD.get(handler_call_details.method, Role.ADMIN)
        pacing = handler_call_details.method in PACED
        # On the wire, a call with one request is a stream of one: as a stream it can be refused before it is read.
        if handler.response_streaming:
            answer = _without_faults(handler_call_details.method, self._streaming(handler, role, pacing))
            return grpc.stream_stream_rpc_method_handler(
                answer, handler.request_deserializer, handler.response_serializer
            )
        answer = _without_faults(handler_call_details.method, self._unary(handler, role, pacing))
        return grpc.stream_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)

    def _unary(self, handler: Any, role: Role, pacing: bool) -> Behaviour:
        behaviour = handler.stream_unary or handler.unary_unary

        async def answer(requests: object, context: Any) -> Any:
            await self._admit(context, role)
            rate = self._pace(context) if pacing else None
            guarded = GuardedContext(context, self._settings.hello_seconds, rate, every=True)
            if handler.request_streaming:
                peer = self._open_stream(context)
                if isinstance(peer, RequestError):
                    await abort(context, peer)
                try:
                    return await behaviour(_messages(guarded), guarded)
                finally:
                    self._close_stream(peer)
            return await behaviour(await _only_message(guarded), guarded)

        return answer

    def _streaming(self, handler: Any, role: Role, pacing: bool) -> Behaviour:
        behaviour = handler.stream_stream or handler.unary_stream

        async def answer(requests: object, context: Any) -> None:
            await self._admit(context, role)
            peer = self._open_stream(context)
            if isinstance(peer, RequestError):
                await abort(context, peer)
            rate = self._pace(context) if pacing else None
            guarded = GuardedContext(context, self._settings.hello_seconds, rate)
            try:
                first = _messages(guarded) if handler.request_streaming else await _only_message(guarded)
                answered = behaviour(first, guarded)
                if hasattr(answered, "__aiter__"):
                    async for message in answered:
                        await context.write(message)
                else:
                    await answered
            finally:
                self._close_stream(peer)

        return answer

    async def _admit(self, context: Any, role: Role) -> None:
        """Let a call in, as its caller, or end it."""
        try:
            caller = self._caller(context, role)
            if caller.role < role:
                raise errors.role_missing(caller.name, role.name.lower())
            if role is not Role.NONE:
                await self._take_turn(_key(context, caller))
        except RequestError as error:
            await abort(context, error)
        current_caller.set(caller)

    def _caller(self, context: Any, role: Role) -> Caller:
        """Who calls.

        Raises:
            RequestError: UNAUTHENTICATED where the call needs a role and nobody says, or proves, who it is.
        """
        if role is Role.NONE:
            return Caller("", Role.NONE)
        if self._callers is None:
            names = _certificate_names(context)
            return Caller(names[0][:MAX_NAME], Role.ADMIN) if names else EVERYBODY
        values = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
        if values:
            value = values[0] if isinstance(values[0], str) else ""
            known = self._callers.by_token(value[len(BEARER) :].strip()) if value.lower().startswith(BEARER) else None
            if known is None:
                raise errors.unauthenticated("the token is not known here")
            return known
        known = self._callers.by_certificate(_certificate_names(context))
        if known is None:
            raise errors.unauthenticated("the call needs 'authorization: Bearer TOKEN' in its metadata")
        return known

    async def _take_turn(self, peer: str) -> None:
        rate = self._rates.get(peer)
        if rate is None:
            rate = self._rates[peer] = AsyncLimiter(self._settings.max_calls_per_second, SECOND)
            if len(self._rates) > REMEMBERED_PEERS:
                self._rates.popitem(last=False)
        self._rates.move_to_end(peer)
        if not rate.has_capacity():
            raise errors.rate_limited(self._settings.max_calls_per_second)
        await rate.acquire()  # at once, since there is room

    def _pace(self, context: Any) -> AsyncLimiter:
        """What window requests of a connection share, so that many streams of one process are read no faster."""
        peer: str = context.peer()
        pace = self._paces.get(peer)
        if pace is None:
            pace = self._paces[peer] = AsyncLimiter(self._settings.max_requests_per_second, SECOND)
            if len(self._paces) > REMEMBERED_CONNECTIONS:
                self._paces.popitem(last=False)
        self._paces.move_to_end(peer)
        return pace

    def _open_stream(self, context: Any) -> str | RequestError:
        peer = _key(context, current_caller.get())
        limit = self._settings.max_streams_per_peer
        if self._streams.get(peer, 0) >= limit:
            return errors.too_many_streams(limit)
        self._streams[peer] = self._streams.get(peer, 0) + 1
        return peer

    def _close_stream(self, peer: str) -> None:
        self._streams[peer] -= 1
        if self._streams[peer] == 0:
            del self._streams[peer]


class GuardedContext:
    """A call's context whose reading is bounded; everything else is gRPC's own.

    Args:
        context: gRPC's.
        patience: seconds to wait for the first message.
        rate: window requests that may be read; None where it does not matter.
        every: whether later messages are not waited for longer either.
    """

    def __init__(self, context: Any, patience: float, rate: AsyncLimiter | None = None, every: bool = False) -> None:
        self._context = context
        self._patience: float | None = patience
        self._rate = rate
        self._every = every

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> NoReturn:
        """End the call; see `grpc.aio.ServicerContext.abort`."""
        await self._context.abort(code, details, trailing_metadata)
        raise AssertionError("a call goes on after its abort")

    async def read(self) -> Any:
        """The client's next message, or `grpc.aio.EOF`; later where the client sends more than it may.

        Raises:
            DecodeError: what came is no message.
        """
        if self._patience is None:
            message = await self._context.read()
        else:
            try:
                message = await asyncio.wait_for(self._context.read(), self._patience)
            except asyncio.TimeoutError:
                await abort(self._context, errors.silent(self._patience))
            if not self._every:
                self._patience = None
        if self._rate is not None and message is not grpc.aio.EOF:
            await self._rate.acquire(min(max(_requests_in(message), 1), self._rate.max_rate))
        return message


def _without_faults(method: str, behaviour: Behaviour) -> Behaviour:
    """A behaviour whose faults are logged and told as INTERNAL; gRPC itself would send the exception's text."""

    async def answer(requests: object, context: Any) -> Any:
        try:
            return await behaviour(requests, context)
        except grpc.aio.BaseError:
            raise  # gRPC's own: the call was ended on purpose, or is gone
        except Exception as fault:
            await abort(context, incident(f"{method} failed", fault))

    return answer


def _requests_in(
    message: motion_service_pb2.StreamMotionRequest | motion_service_pb2.GenerateWindowsRequest,
) -> int:
    if isinstance(message, motion_service_pb2.StreamMotionRequest):
        return len(message.requests.requests)
    return len(message.requests)


async def _next_message(context: GuardedContext) -> Any:
    try:
        return await context.read()
    except DecodeError as error:
        await abort(context, errors.malformed(str(error)))


async def _only_message(context: GuardedContext) -> Any:
    message = await _next_message(context)
    if message is grpc.aio.EOF:
        await abort(context, errors.malformed("the call was closed before its request"))
    return message


async def _messages(context: GuardedContext) -> AsyncIterator[Any]:
    while (message := await _next_message(context)) is not grpc.aio.EOF:
        yield message


def _key(context: Any, caller: Caller) -> str:
    """Whose limits count: the caller's at one address, since many games share a token."""
    peer: str = context.peer()
    address = peer.rpartition(":")[0] if peer.startswith("ipv") else peer
    return f"{caller.name}@{address}"


def _certificate_names(context: Any) -> list[str]:
    """The names in a client's certificate, which TLS has verified; empty without one."""
    found = context.auth_context()
    values = [*found.get("x509_common_name", ()), *found.get("x509_subject_alternative_name", ())]
    return [value.decode("utf-8", "replace") for value in values]
