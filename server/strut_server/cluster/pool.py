"""The workers of one bundle: Ray actors that are started, replaced when they die, and scaled.

Needs the extra `cluster`, from the first pool on.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from strut_model.bundle import Bundle
from strut_model.streaming.devices import DeviceError
from strut_server.cluster.autoscaler import Autoscaler
from strut_server.cluster.worker import EngineWorker, files_of
from strut_server.settings import ServerSettings

TICK_SECONDS = 0.5
START_SECONDS = 120.0
"""Longest wait for the first workers."""
RETRY_SECONDS = 2.0
"""Between attempts at a worker that does not start."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Worker:
    """A worker that evaluates.

    Attributes:
        actor: its handle; Ray ends the actor when nobody holds it any more.
        pid: of its process, on whichever machine.
        ping: a call that shows whether it lives; None where none is under way.
        pinged: when that was made, monotonic seconds.
    """

    actor: Any
    pid: int
    ping: Any = None
    pinged: float = 0.0


def connect(address: str | None) -> ModuleType:
    """Join a Ray cluster, unless this process is in one, and return the module `ray`.

    Args:
        address: such as ray-head:6379; None for the one that RAY_ADDRESS names, else one that runs on this machine,
            else a new one on this machine.

    Raises:
        DeviceError: there is none at that address.
        ModuleNotFoundError: the extra `cluster` is not installed.
    """
    import ray

    if ray.is_initialized():
        return ray
    # Ray would report its use to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address, namespace="strut", log_to_driver=False, logging_level=logging.WARNING)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise DeviceError(f"cluster_address: {address or os.environ.get('RAY_ADDRESS')!r}: {error}") from error
    return ray


class WorkerPool:
    """Workers of one bundle. A thread of its own keeps as many as are wanted. Thread-safe.

    Args:
        bundle: what the workers load; its bytes travel to them.
        settings: how many, and what they run on.

    Attributes:
        ray: the module.
        lost: workers that died or did not answer in time, so far.
    """

    def __init__(self, bundle: Bundle, settings: ServerSettings) -> None:
        self.ray = connect(settings.cluster_address)
        self._settings = settings
        self._autoscaler = Autoscaler(
            settings.min_workers, settings.max_workers, settings.scale_up_wait_ms / 1000.0, settings.scale_down_seconds
        )
        self._files = self.ray.put(files_of(bundle))
        gpus = 1 if settings.device == "cuda" else 0
        self._actor = self.ray.remote(EngineWorker).options(
            num_cpus=settings.threads, num_gpus=gpus, scheduling_strategy="SPREAD", max_restarts=0
        )
        self.lost = 0
        self._changed = threading.Condition()
        self._ready: list[Worker] = []
        self._starting: list[tuple[Any, Any]] = []
        self._waits: list[float] = []
        self._not_before = 0.0
        self._fault: BaseException | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="strut-workers", daemon=True)
        self._thread.start()

    def workers(self) -> list[Worker]:
        """Those that evaluate, the oldest first."""
        with self._changed:
            return list(self._ready)

    def waited(self, seconds: Sequence[float]) -> None:
        """Take notice of how long requests waited in the queue."""
        with self._changed:
            self._waits += seconds

    def lose(self, worker: Worker, why: str) -> None:
        """Give a worker up; another one takes its place."""
        with self._changed:
            if worker not in self._ready:
                return
            self._ready.remove(worker)
            self.lost += 1
            self._changed.notify_all()
        log.warning("worker %d is given up: %s", worker.pid, why)
        self.ray.kill(worker.actor)

    def wait_ready(self) -> None:
        """Wait for the least number of workers.

        Raises:
            DeviceError: they did not come.
        """
        least = self._settings.min_workers
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._fault is not None or len(self._ready) >= least, START_SECONDS
            )
            if len(self._ready) < least:
                reason = self._fault or "the Ray cluster has no room for more"
                raise DeviceError(f"min_workers: {least}, and {len(self._ready)} started: {reason}")

    def close(self) -> None:
        """Let the workers go once they have answered what they were asked."""
        with self._changed:
            self._closed = True
            self._ready.clear()
            self._starting.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        look = time.monotonic()
        while not self._closed:
            try:
                now = time.monotonic()
                if now - look >= TICK_SECONDS:
                    look = now
                    self._scale(now)
                    self._look_after(now)
                self._start_missing(now)
                self._take_started()
            except self.ray.exceptions.RayError:
                log.exception("the workers cannot be looked after")
            with self._changed:
                if not self._closed:
                    self._changed.wait(TICK_SECONDS / 5 if self._starting else TICK_SECONDS)

    def _scale(self, now: float) -> None:
        with self._changed:
            waits, self._waits = self._waits, []
            before = self._autoscaler.target
            wait = sum(waits) / len(waits) if waits else None
            target = self._autoscaler.observe(wait, len(self._ready), now)
            # Without its handle, an actor ends after the calls that it has.
            del self._ready[target:]
            del self._starting[max(target - len(self._ready), 0) :]
        if target != before:
            log.info("%d workers instead of %d", target, before)

    def _look_after(self, now: float) -> None:
        """Find out who died while nobody asked him for anything."""
        for worker in self.workers():
            if worker.ping is not None:
                done, _ = self.ray.wait([worker.ping], timeout=0)
                if not done:
                    # It may stand behind an evaluation.
                    if now - worker.pinged > 2 * self._settings.worker_timeout_ms / 1000.0:
                        self.lose(worker, "it does not answer")
                    continue
                try:
                    self.ray.get(worker.ping)
                except self.ray.exceptions.RayError as error:
                    self.lose(worker, type(error).__name__)
                    continue
            worker.ping, worker.pinged = worker.actor.pid.remote(), now

    def _start_missing(self, now: float) -> None:
        with self._changed:
            missing = self._autoscaler.target - len(self._ready) - len(self._starting)
            if missing <= 0 or now < self._not_before or self._closed:
                return
            settings = self._settings
            for _ in range(missing):
                actor: Any = self._actor.remote(self._files, settings.device, settings.threads, settings.spin)
                self._starting.append((actor, actor.pid.remote()))

    def _take_started(self) -> None:
        with self._changed:
            starting = list(self._starting)
        for actor, pid in starting:
            done, _ = self.ray.wait([pid], timeout=0)
            if not done:
                continue
            fault: BaseException | None = None
            try:
                worker = Worker(actor, self.ray.get(pid))
            except self.ray.exceptions.RayError as error:
                fault = error
                log.error("a worker did not start: %s", error)
            with self._changed:
                if (actor, pid) not in self._starting:
                    continue
                self._starting.remove((actor, pid))
                if fault is None:
                    self._ready.append(worker)
                else:
                    self._fault = fault
                    self._not_before = time.monotonic() + RETRY_SECONDS
                self._changed.notify_all()
