"""The asyncio connection: one stream at a time, reopened when it is lost. For use on one event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

import grpc

from strut_client.character import Answer, back_off
from strut_client.errors import StrutError, UnavailableError, error_of_call
from strut_client.server_info import ServerInfo
from strut_client.stream import (
    ClientSettings,
    Draining,
    Pending,
    ServerEvent,
    event_of_message,
    request_messages,
    stream_error,
)
from strut_proto.v1 import motion_service_pb2 as pb

if TYPE_CHECKING:
    from strut_proto.v1.motion_service_pb2_grpc import MotionServiceAsyncStub  # a type alone, there is no such class


class AsyncStream:
    """One StreamMotion call, from its hello to its end.

    Args:
        stub: the service.
        settings: how to connect.
        on_event: called with the server's events.
    """

    server: ServerInfo

    def __init__(
        self, stub: MotionServiceAsyncStub, settings: ClientSettings, on_event: Callable[[ServerEvent], None]
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._pending: Pending[asyncio.Future[Answer | None]] = Pending()
        self._closed = False
        self.draining = False
        self._hello: asyncio.Future[ServerInfo] = asyncio.get_running_loop().create_future()
        self._outbox: asyncio.Queue[pb.StreamMotionRequest | None] = asyncio.Queue()
        self._outbox.put_nowait(settings.hello())
        self._call = stub.StreamMotion(self._messages(), metadata=settings.metadata)
        self._reader = asyncio.create_task(self._read())

    async def open(self) -> None:
        """Waits for the server's hello.

        Raises:
            StrutError: the server cannot be reached, or refuses the hello.
        """
        try:
            self.server = await asyncio.wait_for(self._hello, self._settings.reply_timeout)
        except asyncio.TimeoutError:
            await self.close()
            raise UnavailableError(
                grpc.StatusCode.UNAVAILABLE, f"no hello came within {self._settings.reply_timeout:g} s"
            ) from None

    @property
    def usable(self) -> bool:
        """Whether new requests may be sent."""
        return not self._closed and not self.draining

    def send(self, requests: Sequence[pb.WindowRequest]) -> list[asyncio.Future[Answer | None]]:
        """Sends requests; each result is its answer, or None when the stream ends before."""
        loop = asyncio.get_running_loop()
        results: list[asyncio.Future[Answer | None]] = [loop.create_future() for _ in requests]
        if self._closed:
            for result in results:
                result.set_result(None)
            return results
        for request, result in zip(requests, results):
            self._pending.add(request, result)
        for message in request_messages(requests, self.server.limits.max_batch):
            self._outbox.put_nowait(message)
        return results

    def release(self, characters: Sequence[int]) -> None:
        """Ends characters."""
        self._outbox.put_nowait(pb.StreamMotionRequest(release=pb.ReleaseCharacters(characters=characters)))

    def finish(self) -> None:
        """Sends no more; the server answers what it has and ends the stream."""
        self._outbox.put_nowait(None)

    async def close(self) -> None:
        """Ends the stream at once."""
        self._outbox.put_nowait(None)
        self._call.cancel()
        await self._reader

    async def _messages(self) -> AsyncIterator[pb.StreamMotionRequest]:
        while (message := await self._outbox.get()) is not None:
            yield message

    async def _read(self) -> None:
        failure: StrutError | None = None
        try:
            async for response in self._call:
                self._take(response)
        except grpc.RpcError as error:
            failure = error_of_call(error)
        except asyncio.CancelledError:
            # Cancelling the call cancels whoever reads it; cancelling this task from outside goes on as such.
            if not self._call.cancelled():
                raise
        finally:
            self._closed = True
            self._pending.lose()
            self._outbox.put_nowait(None)
            if not self._hello.done():
                ended = UnavailableError(grpc.StatusCode.UNAVAILABLE, "the server ended the stream without a hello")
                self._hello.set_exception(failure or ended)

    def _take(self, response: pb.StreamMotionResponse) -> None:
        kind = response.WhichOneof("message")
        if kind == "replies":
            self._pending.answer(response.replies.replies)
        elif kind == "hello" and not self._hello.done():
            self._hello.set_result(ServerInfo.from_hello(response.hello))
        elif kind == "error":
            self._pending.refuse(stream_error(response))
        elif kind == "event":
            event = event_of_message(response.event)
            if isinstance(event, Draining):
                self.draining = True
            if event is not None:
                self._on_event(event)


class AsyncConnection:
    """Streams to one server, one after another.

    Args:
        stub: the service.
        settings: how to connect.
        on_event: called with the server's events.
    """

    def __init__(
        self, stub: MotionServiceAsyncStub, settings: ClientSettings, on_event: Callable[[ServerEvent], None]
    ) -> None:
        self._stub = stub
        self._settings = settings
        self._on_event = on_event
        self._lock = asyncio.Lock()
        self._stream: AsyncStream | None = None

    async def ask(self, requests: Sequence[pb.WindowRequest]) -> list[Answer | None]:
        """Sends requests and waits for their answers; None for those that were lost with their stream.

        Raises:
            StrutError: no stream can be opened, or a message as a whole was refused.
        """
        stream = await self._open()
        results = stream.send(requests)
        _, missing = await asyncio.wait(results, timeout=self._settings.reply_timeout)
        if missing:
            await stream.close()  # whoever is left waiting is told so
        return [result.result() for result in results]

    def release(self, characters: Sequence[int]) -> None:
        """Ends characters; nothing is to be done where the stream is gone."""
        if self._stream is not None and self._stream.usable:
            self._stream.release(characters)

    async def close(self) -> None:
        """Ends the stream."""
        async with self._lock:
            if self._stream is not None:
                await self._stream.close()
                self._stream = None

    async def _open(self) -> AsyncStream:
        async with self._lock:
            if self._stream is not None and self._stream.usable:
                return self._stream
            if self._stream is not None:
                self._stream.finish()
            began = time.monotonic()
            while True:
                try:
                    stream = AsyncStream(self._stub, self._settings, self._on_event)
                    await stream.open()
                    self._stream = stream
                    return stream
                except UnavailableError:
                    if time.monotonic() - began > self._settings.patience:
                        raise
                # The channel itself paces its attempts to connect: to ask whether it has costs nothing.
                await asyncio.sleep(back_off(0))
