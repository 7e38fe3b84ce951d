"""Everything that serves, put together: bundle, engine, queue and batcher, and the streams that are open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from strut_model.bundle import Bundle, load_bundle
from strut_model.features import FEATURES, WINDOW
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_proto.v1 import motion_service_pb2
from strut_server import errors
from strut_server.batcher import Batcher
from strut_server.clock import MILLISECOND, NANOSECONDS, monotonic_ns
from strut_server.memory import WindowMemory
from strut_server.queue import QueueFullError, WorkQueue
from strut_server.server_info import limits_message, model_message
from strut_server.settings import ServerSettings
from strut_server.styles import BundleStyles, StyleRepository
from strut_server.validation import RequestReader
from strut_server.windows import Outcome, WindowMaker, WindowWork

if TYPE_CHECKING:
    from strut_server.stream import MotionStream

WARM_UP_BATCHES = (1, 2, 8)
RETRY_SECONDS = (0.05, 5.0)
"""Range of what a client is told to wait when the queue is full."""

log = logging.getLogger(__name__)


class Runtime:
    """What the services share. Made and used on the event loop.

    Args:
        settings: how to serve.

    Raises:
        BundleError: the bundle cannot be used.
    """

    RECONNECT_SECONDS: ClassVar[float] = 0.1
    """What a client is told to wait before it connects to another replica."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.bundle: Bundle = load_bundle(settings.bundle)
        self.engine = OnnxEngine(self.bundle, threads=settings.threads)
        self.styles: StyleRepository = BundleStyles(self.bundle)
        self.reader = RequestReader(self.bundle, self.styles, settings)
        self.model: motion_service_pb2.ModelInfo = model_message(self.bundle)
        self.limits: motion_service_pb2.Limits = limits_message(settings)
        self.streams: dict[str, MotionStream] = {}
        self.draining = False
        self.drain_ends_ns = 0
        self.queue: WorkQueue[WindowWork] = WorkQueue(settings.queue_capacity)
        memory = WindowMemory(settings.remembered_windows)
        self._generator = MotionGenerator(self.bundle, self.engine)
        self.batcher = Batcher(
            self.queue,
            WindowMaker(self.bundle, self._generator, memory, settings.min_replan_frames),
            memory,
            settings.max_batch,
            settings.max_batch_delay_ms / 1000.0,
            self._deliver,
        )
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def device(self) -> str:
        """What the network runs on."""
        return self.engine.name

    def warm_up(self) -> None:
        """Run the network once at a few batch sizes, so that no request pays for what the first evaluation costs."""
        for batch in WARM_UP_BATCHES:
            noise = np.zeros((batch, max(self.bundle.manifest.steps), WINDOW, FEATURES), np.float32)
            conditions = {
                name: np.zeros((batch, *(int(size or 0) for size in shape[1:])), np.float32)
                for name, shape in self.bundle.student_inputs().items()
                if name not in ("noisy", "time")
            }
            self.engine.sample(conditions, noise, self.reader.default_steps)

    def start(self) -> None:
        """Start to answer. Called on the event loop that serves."""
        self._loop = asyncio.get_running_loop()
        self.batcher.start()

    def stop(self) -> None:
        """Answer what waits and stop."""
        self.batcher.stop()

    def submit(self, works: Sequence[WindowWork]) -> None:
        """Queue works; those that are superseded or find no place are answered at once."""
        try:
            self._answer_superseded(self.queue.put(works), works)
        except QueueFullError:
            for work in works:
                try:
                    self._answer_superseded(self.queue.put([work]), [work])
                except QueueFullError:
                    seconds = min(max(self.batcher.seconds_until_free(), RETRY_SECONDS[0]), RETRY_SECONDS[1])
                    work.done(Outcome(work, error=errors.queue_full(self.settings.queue_capacity, seconds)))

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

    def _answer_superseded(self, replaced: Sequence[WindowWork], works: Sequence[WindowWork]) -> None:
        if replaced:
            newer = {work.key: work.request.sequence for work in works}
            for work in replaced:
                work.done(Outcome(work, error=errors.superseded(newer[work.key])))

    def _deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Hand outcomes to the event loop; called on the batcher's thread."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(_finish_all, outcomes)
        except RuntimeError:
            # The loop has closed: nobody is there any more to read the replies.
            log.debug("%d outcomes came after the end of the event loop", len(outcomes))


def _finish_all(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        outcome.work.done(outcome)
