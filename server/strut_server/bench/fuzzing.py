"""`strut bench fuzz`: thousands of hostile messages at a live server, while an honest client goes on beside them."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from strut_proto.v1 import motion_service_pb2, motion_service_pb2_grpc
from strut_server.bench import hostile

AT_ONCE = 8
PATIENCE_SECONDS = 60.0
HONEST_SECONDS = 0.1
"""An honest client's request comes this often."""
HONEST_DEADLINE_MS = 5000
LATE_SHARE = 0.01
"""Of the honest client's requests, how many may be late."""
FAULTS = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS})
"""What a server answers that was hit; every other status is an answer."""
_STREAM = "/strut.v1.MotionService/StreamMotion"
_ENDED_BEFORE = "Internal error from Core"
"""What gRPC's client says, with a status of its own making, of a write into a call that the server has ended."""
_OVERSIZE = 6 << 20
_CHANNEL_OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1))


@dataclass
class Honest:
    """What the honest client saw.

    Attributes:
        latencies_ms: of its windows, in their order.
        late: requests whose deadline passed, on a server that was too busy or a machine that is too slow.
        errors: reasons of what was no window for any other cause.
    """

    latencies_ms: list[float] = field(default_factory=list)
    late: int = 0
    errors: Counter[str] = field(default_factory=Counter)


@dataclass
class Fuzzing:
    """What was found.

    Attributes:
        messages: how many hostile ones were sent.
        answers: how often each status came.
        faults: what was sent, by its number, where the server answered with a fault of its own.
        calm, attacked: the honest client, before and meanwhile.
    """

    messages: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    calm: Honest = field(default_factory=Honest)
    attacked: Honest = field(default_factory=Honest)

    @property
    def held(self) -> bool:
        """Whether there was no fault, and the honest client got its windows, all but a few in time."""
        seen = self.attacked
        return not (self.faults or seen.errors) and seen.late <= LATE_SHARE * len(seen.latencies_ms)

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        honest = {
            name: {
                "windows": len(seen.latencies_ms),
                "late": seen.late,
                "errors": dict(seen.errors),
                "latencies_ms": seen.latencies_ms,
            }
            for name, seen in (("calm", self.calm), ("attacked", self.attacked))
        }
        return {"messages": self.messages, "answers": dict(self.answers), "faults": self.faults, **honest}


def percentile(values: Sequence[float], share: int) -> float:
    """A percentile, 1 to 99, of two or more values; NaN of fewer."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1] if len(values) > 1 else float("nan")


async def fuzz(address: str, messages: int, seed: int, on_message: Callable[[], object]) -> Fuzzing:
    """Send hostile messages.

    Args:
        address: of a server, which may break.
        messages: how many.
        seed: of everything random.
        on_message: called after each.
    """
    found = Fuzzing()
    async with grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS) as honest:
        await _walk(honest, found.calm, 30)
        walking = asyncio.create_task(_walk(honest, found.attacked, None))
        attack = _Attack(address, seed, found, on_message)
        numbers = iter(range(messages))
        await asyncio.gather(*(attack.go_on(numbers) for _ in range(AT_ONCE)))
        await attack.close()
        # A last stretch, to see that the server has recovered.
        await asyncio.sleep(10 * HONEST_SECONDS)
        walking.cancel()
        with suppress(asyncio.CancelledError):
            await walking
        await _walk(honest, found.attacked, 10)
    return found


class _Attack:
    """Hostile clients, each with one connection."""

    def __init__(self, address: str, seed: int, found: Fuzzing, on_message: Callable[[], object]) -> None:
        self._address = address
        self._seed = seed
        self._found = found
        self._on_message = on_message
        self._methods = sorted(hostile.methods().items())
        self._open: list[Any] = []
        self._channel = grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS)
        self._deeds = (
            (10, self._call),
            (6, self._stream),
            (1, self._open_and_vanish),
            (1, self._half_close),
            (1, self._silent_reader),
            (1, self._raw_socket),
            (1, self._oversize),
            (1, self._large_metadata),
        )

    async def go_on(self, numbers: Any) -> None:
        """Send messages until the numbers run out."""
        for number in numbers:
            chance = random.Random(f"{self._seed} {number}")
            (deed,) = chance.choices([deed for _, deed in self._deeds], [weight for weight, _ in self._deeds])
            what = f"{number} {deed.__name__}"
            try:
                await asyncio.wait_for(deed(chance), PATIENCE_SECONDS)
                self._note(what, grpc.StatusCode.OK)
            except grpc.aio.AioRpcError as error:
                if error.details() == _ENDED_BEFORE:
                    self._found.answers["ended before all was sent"] += 1
                else:
                    self._note(f"{what}: {error.details()}", error.code())
            except (OSError, asyncio.TimeoutError) as error:
                self._found.answers[type(error).__name__] += 1
            self._found.messages += 1
            self._on_message()

    async def close(self) -> None:
        """Let go of what was left open."""
        for call in self._open:
            call.cancel()
        await self._channel.close()

    def _note(self, what: str, code: grpc.StatusCode) -> None:
        self._found.answers[code.name] += 1
        if code in FAULTS:
            self._found.faults.append(what)

    async def _call(self, chance: random.Random) -> None:
        """Any method with one to three bad messages."""
        path, (kind, _) = chance.choice(self._methods)
        count = chance.choice((1, 1, 1, 3))
        call: Any = self._channel.stream_stream(path)(timeout=PATIENCE_SECONDS)
        with suppress(asyncio.InvalidStateError):  # it ended before all was sent
            for _ in range(count):
                await call.write(hostile.any_message(chance, kind))
            await call.done_writing()
        async for _ in call:
            if chance.random() < 0.2:
                call.cancel()
                return

    async def _stream(self, chance: random.Random) -> None:
        """A stream with a hello, and then messages that are bad each in its own way."""
        call: Any = self._channel.stream_stream(_STREAM)(timeout=PATIENCE_SECONDS)
        hello = motion_service_pb2.StreamMotionRequest(hello=motion_service_pb2.ClientHello(protocol_version=1))
        with suppress(asyncio.InvalidStateError):
            await call.write(hello.SerializeToString())
            for _ in range(chance.choice((1, 5))):
                await call.write(self._for_stream(chance))
            await call.done_writing()
        async for data in call:
            response = motion_service_pb2.StreamMotionResponse.FromString(data)
            for reply in response.replies.replies:
                if reply.WhichOneof("result") == "error" and reply.error.code == grpc.StatusCode.INTERNAL.value[0]:
                    self._found.faults.append(f"a reply: {reply.error.message}")

    @staticmethod
    def _for_stream(chance: random.Random) -> bytes:
        if chance.random() < 0.2:
            return hostile.any_message(chance, motion_service_pb2.StreamMotionRequest.DESCRIPTOR)
        # Mostly right, so that it comes further than the first check.
        request = honest_request(chance.choice((0, 1, 2**64 - 1)), chance.choice((0, 1, 2, 2**64 - 1)))
        nonsense = hostile.nonsense(chance, motion_service_pb2.WindowRequest.DESCRIPTOR)
        fields: list[Any] = list(nonsense.DESCRIPTOR.fields)
        for field_ in chance.sample(fields, chance.choice((1, 1, 2))):
            request.ClearField(field_.name)
            if field_.message_type is not None and nonsense.HasField(field_.name):
                getattr(request, field_.name).CopyFrom(getattr(nonsense, field_.name))
            elif field_.message_type is None:
                setattr(request, field_.name, getattr(nonsense, field_.name))
        batch = motion_service_pb2.WindowRequestBatch(requests=[request] * chance.choice((1, 1, 3, 300)))
        return motion_service_pb2.StreamMotionRequest(requests=batch).SerializeToString()

    async def _open_and_vanish(self, chance: random.Random) -> None:
        """Many calls that are opened and dropped."""
        for _ in range(20):
            call: Any = self._channel.stream_stream(chance.choice(self._methods)[0])()
            await asyncio.sleep(0)
            call.cancel()

    async def _half_close(self, chance: random.Random) -> None:
        """A stream that closes its side with everything still to be answered."""
        call: Any = self._channel.stream_stream(_STREAM)(timeout=PATIENCE_SECONDS)
        hello = motion_service_pb2.StreamMotionRequest(hello=motion_service_pb2.ClientHello(protocol_version=1))
        with suppress(asyncio.InvalidStateError):
            if chance.random() < 0.8:
                await call.write(hello.SerializeToString())
            batch = motion_service_pb2.WindowRequestBatch(requests=[honest_request(n, 1) for n in range(4)])
            await call.write(motion_service_pb2.StreamMotionRequest(requests=batch).SerializeToString())
            await call.done_writing()
        async for _ in call:
            pass

    async def _silent_reader(self, chance: random.Random) -> None:
        """A stream that asks and never reads; up to a dozen of them stay open until the end."""
        if len(self._open) >= 12:
            self._open.pop(0).cancel()
        call: Any = self._channel.stream_stream(_STREAM)()
        self._open.append(call)
        hello = motion_service_pb2.StreamMotionRequest(hello=motion_service_pb2.ClientHello(protocol_version=1))

        async def ask() -> None:
            with suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError, asyncio.CancelledError):
                await call.write(hello.SerializeToString())
                for _ in range(50):
                    await call.write(motion_service_pb2.StreamMotionRequest().SerializeToString())
                batch = motion_service_pb2.WindowRequestBatch(requests=[honest_request(n, 1) for n in range(4)])
                await call.write(motion_service_pb2.StreamMotionRequest(requests=batch).SerializeToString())

        with suppress(asyncio.TimeoutError):
            # The server stops reading from those who do not read from it.
            await asyncio.wait_for(ask(), 1.0)

    async def _raw_socket(self, chance: random.Random) -> None:
        """A connection that does not speak HTTP/2, or begins to."""
        host, _, port = self._address.rpartition(":")
        reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        writer.write(chance.choice((b"", b"GET / HTTP/1.1\r\n\r\n", preface, preface + chance.randbytes(1000))))
        with suppress(OSError):
            await writer.drain()
            if chance.random() < 0.5:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(reader.read(100), 0.05)
            writer.close()
            await writer.wait_closed()

    async def _oversize(self, chance: random.Random) -> None:
        """A message larger than any may be."""
        path, _ = chance.choice(self._methods)
        call: Any = self._channel.stream_stream(path)(timeout=PATIENCE_SECONDS)
        with suppress(asyncio.InvalidStateError):
            await call.write(bytes(_OVERSIZE))
            await call.done_writing()
        async for _ in call:
            pass

    async def _large_metadata(self, chance: random.Random) -> None:
        """Headers that are long, or no token."""
        size = chance.choice((10, 7_000, 100_000))
        metadata = (("authorization", "Bearer " + "x" * size), ("grpc-timeout-", "1"))
        stub = motion_service_pb2_grpc.MotionServiceStub(self._channel)
        await stub.GetServerInfo(motion_service_pb2.GetServerInfoRequest(), metadata=metadata, timeout=PATIENCE_SECONDS)


def honest_request(character: int, sequence: int) -> motion_service_pb2.WindowRequest:
    """A window that any server can make: a cold start, and a content of its own choice."""
    request = motion_service_pb2.WindowRequest(character=character, sequence=sequence, deadline_ms=HONEST_DEADLINE_MS)
    request.timeline.cold_start.heading = 0.0
    request.controls.content.code.values.extend([0.0] * 64)
    request.controls.content.gesture.duration = 1.0
    return request


async def _walk(channel: grpc.aio.Channel, seen: Honest, windows: int | None) -> None:
    """An honest client: a stream that asks for a window ten times a second; for ever without a number."""
    stub = motion_service_pb2_grpc.MotionServiceStub(channel)
    call: Any = stub.StreamMotion()
    greeting = motion_service_pb2.ClientHello(protocol_version=1, client_name="honest")
    await call.write(motion_service_pb2.StreamMotionRequest(hello=greeting))
    await call.read()
    sequence = 0
    try:
        while windows is None or sequence < windows:
            sequence += 1
            began = time.perf_counter()
            batch = motion_service_pb2.WindowRequestBatch(requests=[honest_request(1, sequence)])
            await call.write(motion_service_pb2.StreamMotionRequest(requests=batch))
            response = await call.read()
            if response is grpc.aio.EOF:
                seen.errors[f"the stream ended: {(await call.code()).name}"] += 1
                return
            latency = time.perf_counter() - began
            for reply in response.replies.replies:
                if reply.WhichOneof("result") == "window":
                    seen.latencies_ms.append(1000.0 * latency)
                elif reply.error.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]:
                    seen.late += 1
                else:
                    seen.errors[reply.error.message] += 1
            await asyncio.sleep(max(HONEST_SECONDS - latency, 0.0))
    finally:
        call.cancel()
