"""A server inside of another Python program: tests, demos and notebooks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from strut_server.server import StrutServer
from strut_server.settings import ServerSettings


class LocalServer:
    """A running server whose event loop has a thread of its own. Made by `local_server`.

    Attributes:
        address: where clients connect to.
        metrics_url: where Prometheus reads; None where it does not.
        console_url: where a browser finds the designer's console; None where there is none.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.address = ""
        self.metrics_url: str | None = None
        self.console_url: str | None = None
        self._settings = settings
        self._server: StrutServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="strut-server", daemon=True)

    def start(self) -> None:
        """Start and wait until it is ready; raises what went wrong."""
        self._thread.start()
        self._ready.wait()
        if self._fault is not None:
            self._thread.join()
            raise self._fault

    def drain(self) -> None:
        """Drain and stop, as SIGTERM would."""
        assert self._server is not None
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._server.drain(), self._loop).result()

    def switch_model(self, bundle: Path | None) -> None:
        """Serve another bundle, as SIGHUP would; raises what is wrong with it."""
        assert self._server is not None
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._server.runtime.switch_model(bundle), self._loop).result()

    def stop(self) -> None:
        """Stop at once."""
        if self._server is not None and self._loop is not None and self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as fault:
            self._fault = fault
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with StrutServer(self._settings) as server:
            self._server = server
            self.address = server.address
            self.metrics_url = server.observability.metrics_url
            self.console_url = server.console.url if server.console is not None else None
            self._ready.set()
            await server.wait_for_end()


@contextmanager
def local_server(settings: ServerSettings | None = None) -> Iterator[LocalServer]:
    """Serve in the background; by default on a free port of the loopback address.

    Raises:
        BundleError: the bundle cannot be used.
        BindError: the address cannot be bound.
    """
    server = LocalServer(settings or ServerSettings(port=0))
    server.start()
    try:
        yield server
    finally:
        server.stop()
