"""A game's load on a server: many characters over one stream, as fast as they can or in real time.

*Closed loop*: each character asks for its next window as soon as it has one. That tells how much the server can do. It
does not tell how long a game would wait, since a slow server is asked less often (coordinated omission).

*Open loop*: each character asks when a game would, whether or not the server keeps up, and a window's latency counts
from the moment at which it was due to be asked for, however late it was asked. Whatever fell due before the end counts,
also what is answered after it, or never.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from google.rpc import error_details_pb2, status_pb2

from strut_model.skeleton import FPS
from strut_proto.v1 import frames_pb2, motion_service_pb2, motion_service_pb2_grpc
from strut_server.bench.histograms import Latencies

WINDOW_FRAMES = 16
REPLAN_LEAD_FRAMES = 4
"""A changed control is asked for from this many frames ahead of the one on screen."""
RADIUS = 4.0
SPEED = 1.2
"""Characters walk in circles: metres, metres a second."""
LOOK_AHEAD = (0.25, 0.5, 0.75, 1.0)
"""Seconds ahead at which the path has samples."""
LAST_REPLIES_SECONDS = 10.0
_OPTIONS = (("grpc.max_receive_message_length", 64 * 1024 * 1024),)
STAGES = ("queue", "batch_wait", "featurise", "inference", "postprocess", "serialise", "server_total")


@dataclass(frozen=True)
class Load:
    """What is asked of a server.

    Attributes:
        characters: how many.
        seconds: for how long.
        every_seconds: seconds between a character's windows; None for as soon as it has one (closed loop).
        replan: every request changes the style and re-plans from a few frames ahead of the one on screen.
        steps, min_steps: network evaluations; None for the server's choice, and for no fewer.
        deadline_ms: of each request; None for the server's.
        windows: stop after so many, before the time is over; None for no such end.
    """

    characters: int
    seconds: float
    every_seconds: float | None = None
    replan: bool = False
    steps: int | None = None
    min_steps: int | None = None
    deadline_ms: int | None = None
    windows: int | None = None


@dataclass
class Result:
    """What came of a load.

    Attributes:
        latency: from when a window was due to be asked for to its arrival.
        response: with re-planning, from a changed control to its first affected frame on screen.
        wire: arrival - sending - time in the server.
        stages: the server's own, by name.
        errors: by reason; UNANSWERED for windows of the open loop that never came.
        windows: how many came.
        seconds: from the first request to the last reply.
        received_bytes: of the replies' messages.
        steps: windows by evaluations used.
        batch_sizes: sum over windows of the size of their batch.
    """

    latency: Latencies = field(default_factory=Latencies)
    response: Latencies = field(default_factory=Latencies)
    wire: Latencies = field(default_factory=Latencies)
    stages: dict[str, Latencies] = field(default_factory=lambda: {name: Latencies() for name in STAGES})
    errors: Counter[str] = field(default_factory=Counter)
    windows: int = 0
    seconds: float = 0.0
    received_bytes: int = 0
    steps: Counter[int] = field(default_factory=Counter)
    batch_sizes: int = 0

    def add(self, other: Result) -> None:
        """Add another round."""
        self.latency.add(other.latency)
        self.response.add(other.response)
        self.wire.add(other.wire)
        for name, latencies in other.stages.items():
            self.stages[name].add(latencies)
        self.errors.update(other.errors)
        self.windows += other.windows
        self.seconds += other.seconds
        self.received_bytes += other.received_bytes
        self.steps.update(other.steps)
        self.batch_sizes += other.batch_sizes


class Walker:
    """A character that walks in a circle.

    Args:
        number: its number.
        load: how its windows are asked for.

    Attributes:
        due_ns: when the window that it asks for was due to be asked for.
        owed_ns: when the next one was, where that time came before this one did; else None.
        busy: from being asked for to its arrival.
        waiting: the same without the time before its request is sent.
    """

    def __init__(self, number: int, load: Load) -> None:
        self.number = number
        self.sequence = 0
        self.due_ns = 0
        self.sent_ns = 0
        self.began_ns = 0
        self.owed_ns: int | None = None
        self.busy = False
        self.waiting = False
        self._phase = 2.4 * number
        self._good: tuple[int, int] | None = None  # sequence and start of the last window
        self._style = 0
        self._load = load
        self._request = motion_service_pb2.WindowRequest(character=number, deadline_ms=load.deadline_ms)
        self._request.controls.content.label = "walk"
        self._request.controls.style.components.add()
        if load.steps is not None:
            self._request.controls.steps = load.steps
        if load.min_steps is not None:
            self._request.controls.min_steps = load.min_steps
        for _ in LOOK_AHEAD:
            self._request.controls.trajectory.samples.add()

    def request(self, styles: tuple[str, ...], now_ns: int) -> motion_service_pb2.WindowRequest:
        """The next request."""
        if not self.began_ns:
            # Frame 0 comes on screen when there is some motion in hand.
            self.began_ns = now_ns + int(REPLAN_LEAD_FRAMES / FPS * 1e9)
        self.sequence += 1
        start = self._start(now_ns)
        request = self._request
        request.sequence = self.sequence
        request.client_send_time_ns = now_ns
        request.timeline.start_frame = start
        if self._good is None:
            self._place(request.timeline.cold_start, start / FPS)
        else:
            request.timeline.continues_sequence = self._good[0]
        if self._load.replan:
            self._style += 1
        request.controls.style.components[0].name = styles[(self.number + self._style) % len(styles)]
        for ahead, sample in zip(LOOK_AHEAD, request.controls.trajectory.samples):
            angle = self._angle(start / FPS + ahead)
            sample.position.x, sample.position.z = RADIUS * math.sin(angle), RADIUS * math.cos(angle)
            sample.time = ahead
        self.sent_ns = now_ns
        self.waiting = True
        return request

    def take(self, window: motion_service_pb2.Window, arrived_ns: int) -> int:
        """Go on from a window; returns when its first frame is on screen, on the client's clock."""
        self._good = (self.sequence, window.start_frame)
        return max(self.began_ns + int(window.start_frame / FPS * 1e9), arrived_ns)

    def fail(self, reason: str) -> None:
        """Ask again; from the beginning where the server cannot go on."""
        if reason in ("SEQUENCE_UNKNOWN", "INVALID_FIELD"):
            self._good = None

    def _start(self, now_ns: int) -> int:
        if self._good is None:
            return 0 if self.sequence == 1 else max(int((now_ns - self.began_ns) / 1e9 * FPS), 0)
        start = self._good[1]
        if not self._load.replan:
            return start + WINDOW_FRAMES
        on_screen = int((now_ns - self.began_ns) / 1e9 * FPS)
        return min(max(on_screen + REPLAN_LEAD_FRAMES, start + REPLAN_LEAD_FRAMES), start + WINDOW_FRAMES)

    def _angle(self, seconds: float) -> float:
        return self._phase + SPEED / RADIUS * seconds

    def _place(self, start: motion_service_pb2.ColdStart, seconds: float) -> None:
        angle = self._angle(seconds)
        start.position.x, start.position.z = RADIUS * math.sin(angle), RADIUS * math.cos(angle)
        start.heading = angle + math.pi / 2


class LoadRun:
    """One run of a load against a server.

    Args:
        address: of the server.
        load: what is asked.
        styles: names of styles to walk in; they change when windows are re-planned.
        warm_up_seconds: at the beginning, not counted.
        on_window: called after each window, for progress bars.
    """

    def __init__(
        self,
        address: str,
        load: Load,
        styles: tuple[str, ...],
        warm_up_seconds: float = 0.5,
        on_window: Callable[[], object] | None = None,
    ) -> None:
        self._address = address
        self._load = load
        self._styles = styles
        self._warm_up_ns = int(warm_up_seconds * 1e9)
        self._on_window = on_window
        self._walkers = {n: Walker(n, load) for n in range(1, load.characters + 1)}
        self._result = Result()
        self._ready: list[Walker] = []
        self._changed = asyncio.Event()
        self._counted_from_ns = 0
        self._last_ns = 0
        self._ends_ns = 0
        self._last_ends_ns = 0
        self._due: list[tuple[int, int]] = []
        """A heap of when which character's next window is due."""

    async def run(self) -> Result:
        """Run it.

        Raises:
            grpc.aio.AioRpcError: the server ended the stream.
        """
        async with grpc.aio.insecure_channel(self._address, options=_OPTIONS) as channel:
            call: Any = motion_service_pb2_grpc.MotionServiceStub(channel).StreamMotion()
            encoding = frames_pb2.FRAME_ENCODING_QUAT48
            hello = motion_service_pb2.ClientHello(protocol_version=1, client_name="strut bench", encoding=encoding)
            await call.write(motion_service_pb2.StreamMotionRequest(hello=hello))
            answer = await call.read()
            self._begin(time.monotonic_ns())
            reader = asyncio.create_task(self._read(call))
            try:
                await self._write(call, answer.hello.limits.max_batch, reader)
                await self._last_replies(reader)
            finally:
                reader.cancel()
                call.cancel()
        self._result.seconds = max(self._last_ns - self._counted_from_ns, 1) / 1e9
        return self._result

    def _begin(self, now: int) -> None:
        self._counted_from_ns = now + self._warm_up_ns
        self._ends_ns = self._counted_from_ns + int(self._load.seconds * 1e9)
        self._last_ends_ns = self._ends_ns + int(LAST_REPLIES_SECONDS * 1e9)
        every = self._load.every_seconds or 0.0
        # Spread over the interval, as the characters of a game are.
        self._due = [(now + int(i * every * 1e9 / len(self._walkers)), n) for i, n in enumerate(self._walkers)]

    async def _write(self, call: Any, max_batch: int, reader: asyncio.Task[None]) -> None:
        while not self._over(time.monotonic_ns()):
            self._changed.clear()
            if reader.done():
                reader.result()
                return
            self._take_due(time.monotonic_ns())
            ready, self._ready = self._ready, []
            for first in range(0, len(ready), max_batch):
                now = time.monotonic_ns()
                requests = [walker.request(self._styles, now) for walker in ready[first : first + max_batch]]
                batch = motion_service_pb2.WindowRequestBatch(requests=requests)
                await call.write(motion_service_pb2.StreamMotionRequest(requests=batch))
            if not self._ready:
                await self._until_next()

    async def _read(self, call: Any) -> None:
        try:
            while (message := await call.read()) is not grpc.aio.EOF:
                now = time.monotonic_ns()
                if message.HasField("replies"):
                    if now >= self._counted_from_ns:
                        self._result.received_bytes += message.ByteSize()
                    for reply in message.replies.replies:
                        self._answer(reply, now)
                self._changed.set()
        finally:
            self._changed.set()

    async def _last_replies(self, reader: asyncio.Task[None]) -> None:
        """Wait for what was asked; what of the open loop is not there by then has taken as long as it has."""
        ends = time.monotonic() + LAST_REPLIES_SECONDS
        if self._load.every_seconds is not None:
            self._give_up(int(self._load.every_seconds * 1e9))
            return
        while any(walker.waiting for walker in self._walkers.values()) and not reader.done():
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(ends - time.monotonic(), 0.0))
            except asyncio.TimeoutError:
                return

    async def _until_next(self) -> None:
        now = time.monotonic_ns()
        wakes = min([self._ends_ns if now < self._ends_ns else self._last_ends_ns, *(due for due, _ in self._due[:1])])
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), max((wakes - now) / 1e9, 0.0))

    def _over(self, now: int) -> bool:
        if self._load.windows is not None and self._result.windows >= self._load.windows:
            return True
        if now < self._ends_ns:
            return False
        if self._load.every_seconds is None or now >= self._last_ends_ns:
            return True
        return not self._due and not any(walker.busy for walker in self._walkers.values())

    def _give_up(self, every_ns: int) -> None:
        now = time.monotonic_ns()
        for walker in self._walkers.values():
            due = walker.due_ns
            while walker.busy and due < self._ends_ns:
                self._result.errors["UNANSWERED"] += 1
                self._result.latency.record(now - due)
                due += every_ns

    def _take_due(self, now: int) -> None:
        """Characters whose next window is due; one that still waits for its last one owes it."""
        while self._due and self._due[0][0] <= now:
            due, number = heapq.heappop(self._due)
            walker = self._walkers[number]
            if due >= self._ends_ns:
                continue
            if walker.busy:
                walker.owed_ns = due
            else:
                self._ask(walker, due)

    def _ask(self, walker: Walker, due: int) -> None:
        """Ask for a window that was due then."""
        walker.due_ns, walker.owed_ns, walker.busy = due, None, True
        self._ready.append(walker)
        if self._load.every_seconds is not None:
            heapq.heappush(self._due, (due + int(self._load.every_seconds * 1e9), walker.number))

    def _answer(self, reply: motion_service_pb2.WindowReply, now: int) -> None:
        walker = self._walkers[reply.character]
        walker.waiting = False
        if reply.HasField("error"):
            self._fail(walker, reply.error)
            return
        shown = walker.take(reply.window, now)
        walker.busy = False
        if now >= self._counted_from_ns:
            self._count(walker, reply, now, shown)
        if self._on_window is not None:
            self._on_window()
        if self._load.every_seconds is None:
            if now < self._ends_ns:
                self._ask(walker, now)
        elif walker.owed_ns is not None:
            self._ask(walker, walker.owed_ns)

    def _fail(self, walker: Walker, error: status_pb2.Status) -> None:
        """Ask again, at once or when the server said so; the window is due since when it was."""
        reason, seconds = _reason(error)
        self._result.errors[reason] += 1
        walker.fail(reason)
        if seconds is None:
            self._ready.append(walker)
        else:
            asyncio.get_running_loop().call_later(seconds, self._again, walker)

    def _again(self, walker: Walker) -> None:
        self._ready.append(walker)
        self._changed.set()

    def _count(self, walker: Walker, reply: motion_service_pb2.WindowReply, now: int, shown: int) -> None:
        result, timing = self._result, reply.timing
        self._last_ns = now
        result.windows += 1
        result.steps[reply.window.steps] += 1
        result.batch_sizes += timing.batch_size
        if walker.due_ns >= self._counted_from_ns or self._load.every_seconds is None:
            result.latency.record(now - walker.due_ns)
            if self._load.replan:
                result.response.record(shown - walker.due_ns)
        result.wire.record(now - walker.sent_ns - timing.server_total_ns)
        for name in STAGES:
            result.stages[name].record(getattr(timing, f"{name}_ns"))


def _reason(error: status_pb2.Status) -> tuple[str, float | None]:
    """An error's reason, and after how many seconds to come again, where it says so."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    reason, seconds = str(error.code), None
    for detail in error.details:
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(retry):
            seconds = retry.retry_delay.ToNanoseconds() / 1e9
    return reason, seconds
