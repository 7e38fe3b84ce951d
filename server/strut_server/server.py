"""The gRPC server: services, health and reflection, from the first bind to the last stream."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from strut_proto.v1 import (
    motion_service_pb2,
    motion_service_pb2_grpc,
    scene_service_pb2,
    scene_service_pb2_grpc,
    style_service_pb2,
    style_service_pb2_grpc,
    telemetry_service_pb2,
    telemetry_service_pb2_grpc,
)
from strut_server.console.calls import Calls
from strut_server.console.http import ConsoleServer
from strut_server.guard import Guard
from strut_server.motion_service import MotionService
from strut_server.observability import Observability
from strut_server.runtime import Runtime
from strut_server.scene_service import SceneService
from strut_server.settings import ServerSettings, is_loopback
from strut_server.storage.store import Store
from strut_server.style_making import StyleMaker
from strut_server.style_service import StyleService
from strut_server.telemetry_service import TelemetryService
from strut_server.tls import server_credentials

ALL = ""
"""Health's name of the server as a whole."""
SERVICES: tuple[str, ...] = tuple(
    module.DESCRIPTOR.services_by_name[name].full_name
    for module, name in (
        (motion_service_pb2, "MotionService"),
        (style_service_pb2, "StyleService"),
        (scene_service_pb2, "SceneService"),
        (telemetry_service_pb2, "TelemetryService"),
    )
)
DRAIN_POLL_SECONDS = 0.02
MAX_METADATA_BYTES = 16 * 1024
CALLS_BESIDE_STREAMS = 256
PING_TOLERANCE = 0.9
"""A client's timer may be early by a tenth before its pings count as too many."""
KEEPALIVE_MS = 20_000
KEEPALIVE_TIMEOUT_MS = 10_000
LAST_WORDS_SECONDS = 0.5
"""How long calls that are not streams may go on after the drain."""

log = logging.getLogger(__name__)


class BindError(OSError):
    """The address cannot be bound."""


class StrutServer:
    """A server on the running event loop. Use it as an asynchronous context manager, or call `start` and `drain`.

    Args:
        settings: how to serve.

    Raises:
        BundleError: the bundle cannot be used.
        SettingError: the file of tokens cannot be used.
        StorageError: the database cannot be used.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.store = Store(settings.database, settings.max_styles_per_owner)
        try:
            self.runtime = Runtime(settings, self.store.styles_of)
            guard = Guard(settings)
        except BaseException:
            self.store.close()
            raise
        self.maker = StyleMaker(self.store)
        self.port = 0
        self._health = health.aio.HealthServicer()
        self._grpc = grpc.aio.server(interceptors=(guard,), options=_options(settings))
        self._stopped = asyncio.Event()
        self.observability = Observability(settings, self.runtime)
        calls = Calls(guard)
        self.console: ConsoleServer | None = None
        try:
            if settings.console_port is not None:
                self.console = ConsoleServer(settings, calls)
        except BaseException:
            self.store.close()
            raise
        self._add_services((self._grpc, calls))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._grpc)

    def _add_services(self, servers: Sequence[Any]) -> None:
        """The same services for gRPC and for the console's calls."""
        motion, scene = MotionService(self.runtime), SceneService(self.runtime)
        style, telemetry = StyleService(self.runtime, self.store, self.maker), TelemetryService(self.runtime)
        for server in servers:
            motion_service_pb2_grpc.add_MotionServiceServicer_to_server(motion, server)
            style_service_pb2_grpc.add_StyleServiceServicer_to_server(style, server)
            scene_service_pb2_grpc.add_SceneServiceServicer_to_server(scene, server)
            telemetry_service_pb2_grpc.add_TelemetryServiceServicer_to_server(telemetry, server)

    @property
    def address(self) -> str:
        """Where clients connect to."""
        host = self.settings.host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    async def start(self) -> None:
        """Bind, warm up, and be ready.

        Raises:
            BindError: the address is taken or not this machine's.
            SettingError: the certificates cannot be used.
        """
        if self.settings.open_to_all:
            log.warning("whoever reaches %s may do everything: there is no file of tokens", self.settings.host)
        elif self.settings.tokens is not None and not (self.settings.encrypted or is_loopback(self.settings.host)):
            log.warning("tokens go to %s unencrypted: whoever listens can use them", self.settings.host)
        try:
            if self.settings.encrypted:
                self.port = self._grpc.add_secure_port(self.settings.address, server_credentials(self.settings))
            else:
                self.port = self._grpc.add_insecure_port(self.settings.address)
        except RuntimeError as error:
            raise BindError(f"cannot listen on {self.settings.address}: {error}") from error
        try:
            self.observability.start()
        except OSError as error:
            raise BindError(f"cannot listen on port {self.settings.metrics_port} for the metrics: {error}") from error
        if self.console is not None:
            try:
                await self.console.start()
            except OSError as error:
                port = self.settings.console_port
                raise BindError(f"cannot listen on port {port} for the console: {error}") from error
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        self.store.start()
        await self._grpc.start()
        await asyncio.get_running_loop().run_in_executor(None, self.runtime.warm_up)
        self.runtime.start()
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def drain(self) -> None:
        """Tell the streams, wait until they have gone or their time is up, and stop. Safe to call twice."""
        if self.runtime.draining:
            await self._stopped.wait()
            return
        await self._health.enter_graceful_shutdown()
        self.runtime.drain()
        loop = asyncio.get_running_loop()
        ends = loop.time() + self.settings.drain_seconds
        while self.runtime.streams and loop.time() < ends:
            await asyncio.sleep(DRAIN_POLL_SECONDS)
        if self.runtime.streams:
            log.warning("%d streams were still open after the drain and are cut", len(self.runtime.streams))
        await self.stop()

    async def stop(self) -> None:
        """Stop at once, cutting streams off."""
        if self.console is not None:
            await self.console.stop()
        await self._grpc.stop(LAST_WORDS_SECONDS)
        await self.maker.close()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.runtime.stop)
        await loop.run_in_executor(None, self.store.close)
        await self.observability.stop()
        self._stopped.set()

    async def wait_for_end(self) -> None:
        """Wait until the server has stopped."""
        await self._stopped.wait()

    async def __aenter__(self) -> StrutServer:
        try:
            await self.start()
        except BaseException:
            self.store.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._stopped.is_set():
            await self.stop()

    async def _set_health(self, status: int) -> None:
        for service in (ALL, *SERVICES):
            await self._health.set(service, status)


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        # Beyond, a client would wait without a word: the guard's refusal has to come first.
        ("grpc.max_concurrent_streams", settings.max_streams_per_peer + CALLS_BESIDE_STREAMS),
        ("grpc.keepalive_permit_without_calls", 1),
        # A client whose machine is gone without a word is noticed, and its characters are freed.
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.http2.min_ping_interval_without_data_ms", int(settings.min_ping_seconds * 1000 * PING_TOLERANCE)),
        # Two servers on one port would share its connections without anybody asking for it.
        ("grpc.so_reuseport", 0),
    ]
