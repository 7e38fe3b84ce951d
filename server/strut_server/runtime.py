"""Everything that serves, put together: model, queue and batcher, and the streams that are open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from strut_model.bundle import Bundle
from strut_proto.v1 import motion_service_pb2
from strut_server import errors
from strut_server.batcher import Batcher
from strut_server.clock import MILLISECOND, NANOSECONDS, monotonic_ns
from strut_server.costs import Costs
from strut_server.memory import WindowMemory
from strut_server.queue import WorkQueue
from strut_server.scheduling import Scheduler
from strut_server.server_info import limits_message
from strut_server.serving import ServingModel
from strut_server.settings import ServerSettings
from strut_server.styles import BundleStyles, StyleRepository
from strut_server.telemetry import Telemetry
from strut_server.windows import Outcome, WindowWork

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from strut_server.stream import MotionStream
    from strut_server.tracing import WindowTracer

RETRY_SECONDS = (0.05, 5.0)
"""Range of what a client is told to wait when the queue is full."""

log = logging.getLogger(__name__)


class Runtime:
    """What the services share. Made and used on the event loop.

    Args:
        settings: how to serve.
        styles_of: what names of styles mean while a bundle serves.

    Raises:
        BundleError: the bundle cannot be used.
        DeviceError: the device cannot be used.
    """

    RECONNECT_SECONDS: ClassVar[float] = 0.1
    """What a client is told to wait before it connects to another replica."""

    def __init__(self, settings: ServerSettings, styles_of: Callable[[Bundle], StyleRepository] = BundleStyles) -> None:
        self.settings = settings
        self._memory = WindowMemory(settings.remembered_windows)
        self._styles_of = styles_of
        self.serving: ServingModel = self._load(settings.bundle)
        self.limits: motion_service_pb2.Limits = limits_message(settings)
        self.streams: dict[str, MotionStream] = {}
        self.telemetry = Telemetry()
        self.tracer: WindowTracer | None = None
        self.draining = False
        self.drain_ends_ns = 0
        self.costs = Costs(settings.max_batch)
        scheduler = Scheduler(
            self.costs,
            settings.max_batch_ms / 1000.0,
            target_seconds=settings.target_latency_ms / 1000.0,
            parallel=settings.batch_threads,
        )
        self.queue: WorkQueue[WindowWork] = WorkQueue(settings.queue_capacity, scheduler)
        self.batcher = Batcher(
            self.queue,
            self._memory,
            self.costs,
            settings.max_batch_delay_ms / 1000.0,
            self._deliver,
            settings.batch_threads,
        )
        self.characters = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._switching = asyncio.Lock()
        self.count_characters(0)

    @property
    def bundle(self) -> Bundle:
        """What serves now."""
        return self.serving.bundle

    @property
    def model(self) -> motion_service_pb2.ModelInfo:
        """What clients are told of it."""
        message = self.serving.message
        message.style_count = len(self.styles.names())  # users' too, which come and go
        return message

    @property
    def styles(self) -> StyleRepository:
        """What names of styles mean now."""
        return self.serving.styles

    @property
    def device(self) -> str:
        """What the network runs on."""
        return self.serving.engine.name

    def warm_up(self) -> None:
        """Run the network a few times, so that no request pays for what the first evaluation costs.

        Raises:
            BundleError: the network gives numbers that are not finite.
        """
        self.serving.warm_up(self.costs)

    def start(self) -> None:
        """Start to answer. Called on the event loop that serves."""
        self._loop = asyncio.get_running_loop()
        self.batcher.start()

    def stop(self) -> None:
        """Answer what waits and stop."""
        self.batcher.stop()
        if self.serving.workers is not None:
            self.serving.workers.close()

    async def switch_model(self, path: Path | None) -> None:
        """Load another bundle beside the one that serves, and serve it as soon as it is warm.

        What waits is still made by the model that it was checked against. Timelines go on; streams are told.

        Args:
            path: the bundle's directory; None for the one that ships with the package.

        Raises:
            BundleError: the bundle cannot be used; the old one goes on serving.
        """
        async with self._switching:
            loop = asyncio.get_running_loop()
            serving = await loop.run_in_executor(None, self._load, path)
            # Its own costs: the ones in use belong to the batcher's thread.
            await loop.run_in_executor(None, serving.warm_up, Costs(self.settings.max_batch))
            self.serving = serving
            changed = motion_service_pb2.ModelChanged(model=self.model)
            for stream in self.streams.values():
                stream.notify(motion_service_pb2.ServerEvent(model_changed=changed))
        log.info("the model is now %s (%s)", serving.message.name, serving.message.hash[:12])

    def submit(self, works: Sequence[WindowWork]) -> None:
        """Queue works; those that are superseded or find no place are answered at once."""
        refused = self.queue.put(works)
        newer = {work.key: work.request.sequence for work in works}
        for work in refused.superseded:
            work.done(Outcome(work, error=errors.superseded(newer[work.key])))
        if refused.crowded_out:
            waiting = len(self.queue)
            clear = waiting * self.costs.window_seconds(waiting, self.serving.reader.default_steps)
            seconds = min(max(clear, RETRY_SECONDS[0]), RETRY_SECONDS[1])
            for work in refused.crowded_out:
                work.done(Outcome(work, error=errors.queue_full(self.settings.queue_capacity, seconds)))

    def note_sent(
        self, replies: Sequence[motion_service_pb2.WindowReply], size: int, session_id: str, trace: Context | None
    ) -> None:
        """Take notice of replies that are handed to the transport.

        Args:
            replies: with their timing complete.
            size: bytes of their message.
            session_id: of their stream; empty outside of streams.
            trace: the caller's, as `trace_of` gave it.
        """
        self.telemetry.sent(replies, size)
        if self.tracer is not None and trace is not None:
            for reply in replies:
                self.tracer.window(reply, session_id, trace)

    def trace_of(self, metadata: Iterable[tuple[str, str | bytes]]) -> Context | None:
        """The caller's trace out of a call's metadata; None where nothing is traced."""
        if self.tracer is None:
            return None
        return self.tracer.context_of({key: value for key, value in metadata if isinstance(value, str)})

    def count_characters(self, more: int) -> None:
        """Take notice of characters that streams have taken on or, below 0, released."""
        self.characters += more
        if self.settings.eager_batches:
            self.queue.company = self.characters

    def drain(self) -> None:
        """Take no new characters, and tell the streams."""
        self.draining = True
        self.drain_ends_ns = monotonic_ns() + int(self.settings.drain_seconds * NANOSECONDS)
        for stream in self.streams.values():
            stream.notify(self.draining_event())

    def draining_event(self) -> motion_service_pb2.ServerEvent:
        """What streams are told while the server drains."""
        remaining = max(self.drain_ends_ns - monotonic_ns(), 0) // MILLISECOND
        return motion_service_pb2.ServerEvent(draining=motion_service_pb2.Draining(remaining_ms=remaining))

    def _load(self, path: Path | None) -> ServingModel:
        return ServingModel.load(path, self.settings, self._memory, self._styles_of)

    def _deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Hand outcomes to the event loop; called on one of the batcher's threads."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._finish, outcomes)
        except RuntimeError:
            # The loop has closed: nobody is there any more to read the replies.
            log.debug("%d outcomes came after the end of the event loop", len(outcomes))

    def _finish(self, outcomes: Sequence[Outcome]) -> None:
        # One call hands over what came of one batch, whose windows share their times.
        evaluated = next((o.times for o in outcomes if o.times is not None and o.times.size), None)
        if evaluated is not None:
            self.telemetry.batch(evaluated)
            if self.serving.workers is not None:
                waits = [evaluated.closed - o.work.received_ns for o in outcomes if o.times is evaluated]
                self.serving.workers.waited([wait / NANOSECONDS for wait in waits])
        for outcome in outcomes:
            outcome.work.done(outcome)
