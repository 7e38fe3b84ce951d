"""One client's stream: its characters, their pending requests, and the messages that wait to be sent.

Everything here runs on the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from strut_model.frames import FrameEncoding
from strut_proto.v1 import controls_pb2, motion_service_pb2
from strut_server import errors
from strut_server.checks import Checker
from strut_server.clock import MILLISECOND, monotonic_ns
from strut_server.errors import RequestError
from strut_server.memory import CharacterMemory
from strut_server.overrides import Override
from strut_server.replies import refusal, reply_of, sent
from strut_server.requests import ValidRequest
from strut_server.runtime import Runtime
from strut_server.scene_texts import Unread, read_texts, refuse_unread
from strut_server.windows import Outcome, WindowWork

if TYPE_CHECKING:
    from opentelemetry.context import Context

REPLIES_PER_MESSAGE = 64
"""So many are handed to the transport at once, which holds a message in full until its client has read it."""
BACKLOG_MESSAGES = 16
"""Messages other than replies that wait for a client which does not read, before its requests are no longer read."""


@dataclass(eq=False)
class StreamCharacter:
    """A character of a stream.

    Attributes:
        number: the client's number.
        memory: its windows; the batcher's.
        name: for people.
        last_sequence: of its newest request.
        controls: those of its newest request, before any override.
        override: a designer's hand on it; None where there is none.
        start_frame: of its newest request.
        last_request_ns: stamp of its newest request.
        released: True once the client has released it.
    """

    number: int
    memory: CharacterMemory = field(default_factory=CharacterMemory)
    name: str = ""
    last_sequence: int = 0
    controls: controls_pb2.Controls = field(default_factory=controls_pb2.Controls)
    override: Override | None = None
    start_frame: int = 0
    last_request_ns: int = 0
    released: bool = False


class MotionStream:
    """A stream of windows for many characters.

    Args:
        runtime: what serves.
        session_id: the stream's name.
        hello: the client's.
        encoding: of the frames.
        trace: the client's trace, where there is one.
    """

    def __init__(
        self,
        runtime: Runtime,
        session_id: str,
        hello: motion_service_pb2.ClientHello,
        encoding: FrameEncoding,
        trace: Context | None = None,
    ) -> None:
        self.session_id = session_id
        self.client_name = hello.client_name
        self.encoding = encoding
        self._told_of_overrides = motion_service_pb2.CAPABILITY_OVERRIDE_CONTROLS in hello.capabilities
        self.trace = trace
        self.characters: dict[int, StreamCharacter] = {}
        self._runtime = runtime
        self._pending = 0
        self._waiting_bytes = 0  # of the replies
        self._in_hand_bytes = 0  # of those that the transport has not taken yet
        self._closed = False
        self._replies: list[motion_service_pb2.WindowReply] = []
        self._messages: list[motion_service_pb2.StreamMotionResponse] = []
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._ending = False

    # What the client sends.

    async def receive(self, message: motion_service_pb2.StreamMotionRequest) -> None:
        """Take a message from the client, once it has read enough of the replies.

        Raises:
            RequestError: the message ends the stream.
        """
        await self._drained.wait()
        received_ns = monotonic_ns()
        kind = message.WhichOneof("message")
        if kind == "requests":
            unread = await read_texts(message.requests.requests)
            self._receive_requests(message.requests.requests, received_ns, unread)
        elif kind == "release":
            self.release(message.release.characters)
        elif kind == "report":
            self._runtime.telemetry.report(message.report)
        elif kind == "hello":
            raise errors.hello_expected("a stream has one hello; this is the second")
        elif kind is None:
            check = Checker()
            check.require(False, "message", "hello, requests, release or report")
            self._refuse_message(errors.invalid(check.violations))

    def release(self, numbers: Sequence[int]) -> None:
        """End characters; unknown ones are ignored."""
        ended = [character for number in numbers if (character := self.characters.pop(number, None)) is not None]
        for character in ended:
            character.released = True
        self._runtime.count_characters(-len(ended))
        for work in self._runtime.queue.discard([self._key(character.number) for character in ended]):
            work.done(Outcome(work, error=errors.released()))
        self._runtime.batcher.forget([character.memory for character in ended])

    def half_closed(self) -> None:
        """The client sends nothing more: the stream ends once everything pending is answered."""
        self._ending = True
        self._changed.set()

    def end(self) -> None:
        """Free everything; nothing is sent any more. Safe to call twice."""
        self._ending = self._closed = True
        self.release(list(self.characters))
        self._replies, self._messages = [], []

    # What the server sends.

    def notify(self, event: motion_service_pb2.ServerEvent) -> None:
        """Send an event."""
        self._messages.append(motion_service_pb2.StreamMotionResponse(event=event))
        self._changed.set()

    def override(self, character: StreamCharacter, override: Override | None) -> None:
        """Lay a designer's hand on a character, or lift it, and tell the client."""
        if override is None and character.override is None:
            return
        character.override = override
        if self._told_of_overrides:
            event = motion_service_pb2.ControlsOverridden(
                character=character.number, controls=override.controls if override is not None else None
            )
            self.notify(motion_service_pb2.ServerEvent(controls_overridden=event))

    async def next_messages(self) -> list[motion_service_pb2.StreamMotionResponse]:
        """Wait for messages to send; empty when the stream has ended."""
        while not (self._messages or self._replies):
            if self._ending and self._pending == 0:
                return []
            self._changed.clear()
            await self._changed.wait()
        messages, replies = self._messages, self._replies
        self._messages, self._replies = [], []
        self._in_hand_bytes, self._waiting_bytes = self._waiting_bytes, 0
        for first in range(0, len(replies), REPLIES_PER_MESSAGE):
            some = replies[first : first + REPLIES_PER_MESSAGE]
            sent(some)
            batch = motion_service_pb2.WindowReplyBatch(replies=some)
            self._runtime.note_sent(some, batch.ByteSize(), self.session_id, self.trace)
            messages.append(motion_service_pb2.StreamMotionResponse(replies=batch))
        return messages

    def handed_over(self) -> None:
        """The transport has taken all messages."""
        self._in_hand_bytes = 0
        if self._has_room():
            self._drained.set()

    # Requests on their way.

    def _receive_requests(
        self, requests: Sequence[motion_service_pb2.WindowRequest], received_ns: int, unread: Unread
    ) -> None:
        limit = self._runtime.settings.max_batch
        if not requests:
            check = Checker()
            check.count("requests.requests", 0, 1, limit, "requests")
            self._refuse_message(errors.invalid(check.violations))
            return
        if len(requests) > limit:
            self._refuse_message(errors.batch_too_large(len(requests), limit))
            return
        works: dict[Hashable, WindowWork] = {}
        for request in requests:
            try:
                refuse_unread(request, unread)
                work = self._accept(request, received_ns, works)
            except RequestError as error:
                self._runtime.telemetry.outcome(error.reason)
                self._reply(refusal(request, error, received_ns))
                continue
            works[work.key] = work
        self._pending += len(works)
        self._runtime.submit(list(works.values()))

    def _accept(
        self, request: motion_service_pb2.WindowRequest, received_ns: int, batch: dict[Hashable, WindowWork]
    ) -> WindowWork:
        """The work of a valid request.

        Raises:
            RequestError: the request is refused.
        """
        runtime = self._runtime
        key = self._key(request.character)
        if key in batch:
            raise _one_field("character", request.character, "each character at most once in a message")
        serving = runtime.serving
        character = self.characters.get(request.character)
        valid = self._read(request, character)
        if character is None:
            if runtime.draining:
                raise errors.draining(runtime.RECONNECT_SECONDS)
            if len(self.characters) >= runtime.settings.max_characters:
                raise errors.too_many_characters(runtime.settings.max_characters)
            character = self.characters[request.character] = StreamCharacter(request.character)
            runtime.count_characters(1)
        if request.sequence <= character.last_sequence:
            raise _one_field("sequence", request.sequence, f"{character.last_sequence + 1} or more: sequences ascend")
        character.last_sequence = request.sequence
        character.last_request_ns = received_ns
        character.start_frame = valid.start_frame
        character.controls = request.controls
        character.name = request.name or character.name

        def done(outcome: Outcome) -> None:
            self._finish(character, outcome)

        return WindowWork(
            key=key,
            owner=self.session_id,
            maker=serving.maker,
            request=valid,
            memory=character.memory,
            received_ns=received_ns,
            deadline_ns=received_ns + valid.deadline_ms * MILLISECOND,
            done=done,
        )

    def _read(self, request: motion_service_pb2.WindowRequest, character: StreamCharacter | None) -> ValidRequest:
        """Check a request, with the designer's hand on it where there is one.

        Raises:
            RequestError: the request is refused.
        """
        reader = self._runtime.serving.reader
        if character is not None and character.override is not None and character.override.over:
            self.override(character, None)
        override = character.override if character is not None else None
        if character is None or override is None:
            return reader.read(request, self.encoding, in_stream=True)
        merged = motion_service_pb2.WindowRequest()
        merged.CopyFrom(request)
        merged.controls.CopyFrom(override.applied(request.controls))
        try:
            return override.noted(reader.read(merged, self.encoding, in_stream=True))
        except RequestError:
            # The game must not pay for it: a style may be gone, a model may have changed.
            valid = reader.read(request, self.encoding, in_stream=True)
            self.override(character, None)
            return valid

    def _finish(self, character: StreamCharacter, outcome: Outcome) -> None:
        self._pending -= 1
        if character.released and outcome.window is not None:
            outcome = Outcome(outcome.work, error=errors.released(), times=outcome.times)
        self._runtime.telemetry.outcome(outcome.reason)
        self._reply(reply_of(outcome))

    def _reply(self, reply: motion_service_pb2.WindowReply) -> None:
        if self._closed:
            return
        self._replies.append(reply)
        self._waiting_bytes += reply.ByteSize()
        if not self._has_room():
            self._drained.clear()
        self._changed.set()

    def _refuse_message(self, error: RequestError) -> None:
        self._messages.append(motion_service_pb2.StreamMotionResponse(error=error.to_status()))
        if not self._has_room():
            self._drained.clear()
        self._changed.set()

    def _has_room(self) -> bool:
        unread = self._waiting_bytes + self._in_hand_bytes
        return unread < self._runtime.settings.max_unread_bytes and len(self._messages) < BACKLOG_MESSAGES

    def _key(self, number: int) -> Hashable:
        return (self.session_id, number)


def _one_field(field_path: str, value: object, allowed: str) -> RequestError:
    check = Checker()
    check.refuse(field_path, value, allowed)
    return errors.invalid(check.violations)
