"""The synchronous connection: one stream at a time, reopened when it is lost.

Any thread may call; one thread of its own reads the replies.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures

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
from strut_proto.v1.motion_service_pb2_grpc import MotionServiceStub

_Result = futures.Future  # of Answer | None


class Stream:
    """One StreamMotion call, from its hello to its end.

    Args:
        stub: the service.
        settings: how to connect.
        on_event: called with the server's events, on the reading thread.

    Raises:
        StrutError: the server cannot be reached, or refuses the hello.
    """

    def __init__(
        self, stub: MotionServiceStub, settings: ClientSettings, on_event: Callable[[ServerEvent], None]
    ) -> None:
        self._on_event = on_event
        self._lock = threading.Lock()
        self._pending: Pending[_Result[Answer | None]] = Pending()
        self._closed = False
        self.draining = False
        self._hello: _Result[ServerInfo] = futures.Future()
        self._outbox: queue.SimpleQueue[pb.StreamMotionRequest | None] = queue.SimpleQueue()
        self._outbox.put(settings.hello())
        self._call = stub.StreamMotion(self._messages(), metadata=settings.metadata)
        self._reader = threading.Thread(target=self._read, name="strut-stream", daemon=True)
        self._reader.start()
        try:
            self.server = self._hello.result(timeout=settings.reply_timeout)
        except futures.TimeoutError:
            self.close()
            raise UnavailableError(
                grpc.StatusCode.UNAVAILABLE, f"no hello came within {settings.reply_timeout:g} s"
            ) from None

    @property
    def usable(self) -> bool:
        """Whether new requests may be sent."""
        return not self._closed and not self.draining

    def send(self, requests: Sequence[pb.WindowRequest]) -> list[_Result[Answer | None]]:
        """Sends requests; each result is its answer, or None when the stream ends before."""
        results: list[_Result[Answer | None]] = [futures.Future() for _ in requests]
        with self._lock:
            if self._closed:
                for result in results:
                    result.set_result(None)
                return results
            for request, result in zip(requests, results):
                self._pending.add(request, result)
        for message in request_messages(requests, self.server.limits.max_batch):
            self._outbox.put(message)
        return results

    def release(self, characters: Sequence[int]) -> None:
        """Ends characters."""
        self._outbox.put(pb.StreamMotionRequest(release=pb.ReleaseCharacters(characters=characters)))

    def finish(self) -> None:
        """Sends no more; the server answers what it has and ends the stream."""
        self._outbox.put(None)

    def close(self) -> None:
        """Ends the stream at once."""
        self._outbox.put(None)
        self._call.cancel()
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def _messages(self) -> Iterator[pb.StreamMotionRequest]:
        while (message := self._outbox.get()) is not None:
            yield message

    def _read(self) -> None:
        failure: StrutError | None = None
        try:
            for response in self._call:
                self._take(response)
        except grpc.RpcError as error:
            failure = error_of_call(error)
        with self._lock:
            self._closed = True
            self._pending.lose()
        self._outbox.put(None)
        if not self._hello.done():
            ended = UnavailableError(grpc.StatusCode.UNAVAILABLE, "the server ended the stream without a hello")
            self._hello.set_exception(failure or ended)

    def _take(self, response: pb.StreamMotionResponse) -> None:
        kind = response.WhichOneof("message")
        if kind == "replies":
            with self._lock:
                self._pending.answer(response.replies.replies)
        elif kind == "hello" and not self._hello.done():
            self._hello.set_result(ServerInfo.from_hello(response.hello))
        elif kind == "error":
            with self._lock:
                self._pending.refuse(stream_error(response))
        elif kind == "event":
            event = event_of_message(response.event)
            if isinstance(event, Draining):
                self.draining = True
            if event is not None:
                self._on_event(event)


class Connection:
    """Streams to one server, one after another.

    Args:
        stub: the service.
        settings: how to connect.
        on_event: called with the server's events, on the reading thread.
    """

    def __init__(
        self, stub: MotionServiceStub, settings: ClientSettings, on_event: Callable[[ServerEvent], None]
    ) -> None:
        self._stub = stub
        self._settings = settings
        self._on_event = on_event
        self._lock = threading.Lock()
        self._stream: Stream | None = None

    def ask(self, requests: Sequence[pb.WindowRequest]) -> list[Answer | None]:
        """Sends requests and waits for their answers; None for those that were lost with their stream.

        Raises:
            StrutError: no stream can be opened, or a message as a whole was refused.
        """
        stream = self._open()
        results = stream.send(requests)
        if futures.wait(results, self._settings.reply_timeout).not_done:
            stream.close()  # whoever is left waiting is told so
        return [result.result() for result in results]

    def release(self, characters: Sequence[int]) -> None:
        """Ends characters; nothing is to be done where the stream is gone."""
        stream = self._stream
        if stream is not None and stream.usable:
            stream.release(characters)

    def close(self) -> None:
        """Ends the stream."""
        with self._lock:
            if self._stream is not None:
                self._stream.close()
                self._stream = None

    def _open(self) -> Stream:
        with self._lock:
            if self._stream is not None and self._stream.usable:
                return self._stream
            if self._stream is not None:
                self._stream.finish()
            began = time.monotonic()
            while True:
                try:
                    self._stream = Stream(self._stub, self._settings, self._on_event)
                    return self._stream
                except UnavailableError:
                    if time.monotonic() - began > self._settings.patience:
                        raise
                # The channel itself paces its attempts to connect: to ask whether it has costs nothing.
                time.sleep(back_off(0))
