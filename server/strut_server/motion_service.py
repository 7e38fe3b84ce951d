"""MotionService: streams of windows, batches of windows, who serves and who streams."""

# ruff: noqa: N802  (the methods are named as in the contract)

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator

import grpc.aio
from google.protobuf.message import DecodeError

from strut_proto.v1 import motion_service_pb2, motion_service_pb2_grpc
from strut_server import errors
from strut_server.checks import Checker
from strut_server.clock import MILLISECOND, monotonic_ns
from strut_server.editing import ClipEditor
from strut_server.errors import RequestError, abort
from strut_server.overrides import Override
from strut_server.paging import page_of
from strut_server.replies import refusal, reply_of, sent
from strut_server.runtime import Runtime
from strut_server.scene_texts import read_texts, refuse_unread
from strut_server.server_info import PROTOCOL_VERSION, hello_message
from strut_server.stream import MotionStream, StreamCharacter
from strut_server.stylizing import ClipStylist
from strut_server.validation import read_encoding
from strut_server.windows import Outcome, WindowWork, incident

MAX_NAME = 64

Context = grpc.aio.ServicerContext

log = logging.getLogger(__name__)


class MotionService(motion_service_pb2_grpc.MotionServiceServicer):
    """Turns controls into motion.

    Args:
        runtime: what serves.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._editor = ClipEditor()
        self._stylist = ClipStylist(runtime.settings)

    # gRPC takes a coroutine that writes to its context as well as a generator, and this one reads and writes at once.
    async def StreamMotion(self, request_iterator: object, context: Context) -> None:  # type: ignore[override]
        """See the contract."""
        try:
            stream = await self._open(context)
        except RequestError as error:
            await abort(context, error)
        runtime = self._runtime
        runtime.streams[stream.session_id] = stream
        facts = {"session_id": stream.session_id, "client_name": stream.client_name}
        log.info("stream %s opened by %r", stream.session_id, stream.client_name, extra=facts)
        reader = asyncio.create_task(_read(stream, context))
        writer = asyncio.create_task(_write(stream, context, runtime.settings.unread_seconds))
        for task in (reader, writer):
            task.add_done_callback(_seen)
        try:
            if runtime.draining:
                stream.notify(runtime.draining_event())
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_EXCEPTION)
            for task in (reader, writer):
                if task.done() and (fault := task.exception()) is not None:
                    raise fault
        except RequestError as error:
            # Before the client hears of it, which one that does not read never does.
            runtime.streams.pop(stream.session_id, None)
            stream.end()
            await abort(context, error)
        except grpc.aio.BaseError:
            raise  # gRPC's own, such as a connection that is gone
        except Exception as fault:
            await abort(context, incident("a stream failed", fault))
        finally:
            runtime.streams.pop(stream.session_id, None)
            log.info("stream %s closed", stream.session_id, extra={**facts, "characters": len(stream.characters)})
            stream.end()
            reader.cancel()
            writer.cancel()

    async def GenerateWindows(
        self, request: motion_service_pb2.GenerateWindowsRequest, context: Context
    ) -> motion_service_pb2.GenerateWindowsResponse:
        """See the contract."""
        received_ns = monotonic_ns()
        runtime = self._runtime
        limit = runtime.settings.max_batch
        try:
            if runtime.draining:
                raise errors.draining(runtime.RECONNECT_SECONDS)
            if len(request.requests) > limit:
                raise errors.batch_too_large(len(request.requests), limit)
            check = Checker()
            check.count("requests", len(request.requests), 1, limit, "requests")
            check.raise_if_failed()
            encoding = read_encoding(request.encoding, "encoding")
            if request.HasField("report"):
                runtime.telemetry.report(request.report)
        except RequestError as error:
            await abort(context, error)
        loop = asyncio.get_running_loop()
        replies: list[motion_service_pb2.WindowReply | asyncio.Future[Outcome]] = []
        works: list[WindowWork] = []
        batch = uuid.uuid4().hex
        unread = await read_texts(request.requests, patience=None)
        serving = runtime.serving
        for index, one in enumerate(request.requests):
            try:
                refuse_unread(one, unread)
                valid = serving.reader.read(one, encoding, in_stream=False)
            except RequestError as error:
                runtime.telemetry.outcome(error.reason)
                replies.append(refusal(one, error, received_ns))
                continue
            future: asyncio.Future[Outcome] = loop.create_future()
            works.append(
                WindowWork(
                    key=(batch, index),
                    owner=context.peer(),
                    maker=serving.maker,
                    request=valid,
                    memory=None,
                    received_ns=received_ns,
                    deadline_ns=received_ns + valid.deadline_ms * MILLISECOND,
                    done=lambda outcome, future=future: self._resolve(future, outcome),  # type: ignore[misc]
                )
            )
            replies.append(future)
        runtime.submit(works)
        try:
            answers = [await reply if isinstance(reply, asyncio.Future) else reply for reply in replies]
        except asyncio.CancelledError:
            runtime.queue.discard([work.key for work in works])
            raise
        response = motion_service_pb2.GenerateWindowsResponse(
            replies=[reply_of(answer) if isinstance(answer, Outcome) else answer for answer in answers]
        )
        sent(response.replies)
        trace = runtime.trace_of(context.invocation_metadata() or ())
        runtime.note_sent(response.replies, response.ByteSize(), "", trace)
        return response

    async def GetServerInfo(
        self, request: motion_service_pb2.GetServerInfoRequest, context: Context
    ) -> motion_service_pb2.GetServerInfoResponse:
        """See the contract."""
        runtime = self._runtime
        hello = hello_message(runtime.model, runtime.limits, runtime.device, runtime.bundle)
        return motion_service_pb2.GetServerInfoResponse(server=hello)

    async def ListCharacters(
        self, request: motion_service_pb2.ListCharactersRequest, context: Context
    ) -> motion_service_pb2.ListCharactersResponse:
        """See the contract."""
        streams = [
            stream
            for session_id, stream in sorted(self._runtime.streams.items())
            if request.session_id in ("", session_id)
        ]
        rows = {
            f"{stream.session_id}/{number:020}": (stream, character)
            for stream in streams
            for number, character in sorted(stream.characters.items())
        }
        try:
            page = page_of(list(rows), request.page_size, request.page_token)
        except RequestError as error:
            await abort(context, error)
        response = motion_service_pb2.ListCharactersResponse(next_page_token=page.next_token)
        now = monotonic_ns()
        for key in page.keys:
            stream, character = rows[key]
            response.characters.add(
                session_id=stream.session_id,
                character=character.number,
                name=character.name,
                client_name=stream.client_name,
                controls=character.controls,
                controls_override=_in_effect(character),
                start_frame=character.start_frame,
                idle_ms=max(now - character.last_request_ns, 0) // MILLISECOND,
            )
        return response

    async def OverrideControls(
        self, request: motion_service_pb2.OverrideControlsRequest, context: Context
    ) -> motion_service_pb2.OverrideControlsResponse:
        """See the contract."""
        runtime = self._runtime
        try:
            stream = runtime.streams.get(request.session_id)
            character = None if stream is None else stream.characters.get(request.character)
            if stream is None or character is None:
                who = f"{request.session_id}/{request.character}"
                raise errors.not_found("CHARACTER_UNKNOWN", f"no character {errors.quoted(who)} streams now")
            if request.HasField("hold_ms") and request.hold_ms == 0:
                check = Checker()
                check.refuse("hold_ms", 0, "1 millisecond or more")
                check.raise_if_failed()
            override = Override.of(request)
            controls = character.controls
            if override is not None:
                controls = override.applied(controls)
                # As a request of its own: what could not be asked for cannot be laid on anybody.
                trial = motion_service_pb2.WindowRequest(controls=controls, timeline=_NOWHERE)
                refuse_unread(trial, await read_texts([trial], patience=None))
                runtime.serving.reader.read(trial, stream.encoding, in_stream=False)
            stream.override(character, override)
        except RequestError as error:
            await abort(context, error)
        return motion_service_pb2.OverrideControlsResponse(controls=controls)

    async def StylizeClip(
        self, request: motion_service_pb2.StylizeClipRequest, context: Context
    ) -> AsyncIterator[motion_service_pb2.StylizeClipResponse]:
        """See the contract."""
        answers = self._stylist.answer(request, self._runtime.serving)
        try:
            if self._runtime.draining:
                raise errors.draining(self._runtime.RECONNECT_SECONDS)
            async for response in answers:
                yield response
        except RequestError as error:
            await abort(context, error)
        finally:
            await answers.aclose()

    async def EditClip(
        self, request: motion_service_pb2.EditClipRequest, context: Context
    ) -> AsyncIterator[motion_service_pb2.EditClipResponse]:
        """See the contract."""
        try:
            if self._runtime.draining:
                raise errors.draining(self._runtime.RECONNECT_SECONDS)
            async for response in self._editor.answer(request):
                yield response
        except RequestError as error:
            await abort(context, error)

    def _resolve(self, future: asyncio.Future[Outcome], outcome: Outcome) -> None:
        self._runtime.telemetry.outcome(outcome.reason)
        if not future.done():  # the caller may have gone
            future.set_result(outcome)

    async def _open(self, context: Context) -> MotionStream:
        """Exchange hellos.

        Raises:
            RequestError: the stream cannot be opened.
        """
        runtime = self._runtime
        if runtime.draining:
            raise errors.draining(runtime.RECONNECT_SECONDS)
        first = await _next_message(context)
        if first is None:
            raise errors.hello_expected("the stream was closed before its hello")
        if first.WhichOneof("message") != "hello":
            raise errors.hello_expected("the first message of a stream is a hello")
        hello = first.hello
        if hello.protocol_version != PROTOCOL_VERSION:
            raise errors.protocol_version(hello.protocol_version, PROTOCOL_VERSION)
        check = Checker()
        check.count("hello.client_name", len(hello.client_name), 0, MAX_NAME, "characters")
        check.count("hello.client_version", len(hello.client_version), 0, MAX_NAME, "characters")
        check.raise_if_failed()
        encoding = read_encoding(hello.encoding, "hello.encoding")
        session_id = uuid.uuid4().hex[:16]
        answer = hello_message(runtime.model, runtime.limits, runtime.device, runtime.bundle, session_id, encoding)
        await context.write(motion_service_pb2.StreamMotionResponse(hello=answer))
        return MotionStream(runtime, session_id, hello, encoding, runtime.trace_of(context.invocation_metadata() or ()))


_NOWHERE = motion_service_pb2.Timeline(cold_start=motion_service_pb2.ColdStart())


def _in_effect(character: StreamCharacter) -> motion_service_pb2.ControlsOverride | None:
    """What a designer has changed about a character, as long as it lasts."""
    override = character.override
    return override.controls if override is not None and not override.over else None


async def _next_message(context: Context) -> motion_service_pb2.StreamMotionRequest | None:
    """The client's next message; None when it sends nothing more.

    Raises:
        RequestError: what came is no message.
    """
    try:
        message = await context.read()
    except DecodeError as error:
        raise errors.malformed(str(error)) from error
    return None if message is grpc.aio.EOF else message


def _seen(task: asyncio.Task[None]) -> None:
    """Of a stream that its client drops, what reading and writing fail with is nobody's matter."""
    if not task.cancelled():
        task.exception()


async def _read(stream: MotionStream, context: Context) -> None:
    while (message := await _next_message(context)) is not None:
        await stream.receive(message)
    stream.half_closed()


async def _write(stream: MotionStream, context: Context, patience: float) -> None:
    while messages := await stream.next_messages():
        for message in messages:
            try:
                await asyncio.wait_for(context.write(message), patience)
            except asyncio.TimeoutError:
                messages.clear()  # which the error's traceback would keep
                raise errors.not_read(patience) from None
        stream.handed_over()
