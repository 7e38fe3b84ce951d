"""What tells programs beside the clients how the server is doing: the metrics page and the traces."""

from __future__ import annotations

import asyncio

from strut_server.loopback_http import LoopbackHttpServer
from strut_server.metrics import MetricsPage
from strut_server.runtime import Runtime
from strut_server.settings import ServerSettings

METRICS_PATH = "/metrics"


class Observability:
    """The metrics page and the tracer, as far as the settings ask for them.

    Args:
        settings: how to serve.
        runtime: what serves; its tracer is set.

    Raises:
        ModuleNotFoundError: traces are asked for, and the extra `tracing` is not installed.
    """

    def __init__(self, settings: ServerSettings, runtime: Runtime) -> None:
        self._settings = settings
        self._runtime = runtime
        self._http: LoopbackHttpServer | None = None
        if settings.otlp_endpoint is not None:
            from strut_server.tracing import WindowTracer

            runtime.tracer = WindowTracer(settings.otlp_endpoint, settings.trace_ratio)

    @property
    def metrics_url(self) -> str | None:
        """Where Prometheus reads; None where it does not."""
        return None if self._http is None else f"http://{self._http.address}{METRICS_PATH}"

    def start(self) -> None:
        """Begin to serve the metrics. Called on the event loop.

        Raises:
            OSError: the port is taken.
        """
        if self._settings.metrics_port is not None:
            page = MetricsPage(self._runtime, asyncio.get_running_loop())
            self._http = LoopbackHttpServer(self._settings.metrics_port, {METRICS_PATH: page})
            self._http.start()

    async def stop(self) -> None:
        """Stop serving the metrics, and send what is left of the traces."""
        loop = asyncio.get_running_loop()
        http, tracer = self._http, self._runtime.tracer
        self._http, self._runtime.tracer = None, None
        # Both may wait for threads that wait for the event loop.
        if http is not None:
            await loop.run_in_executor(None, http.stop)
        if tracer is not None:
            await loop.run_in_executor(None, tracer.stop)
