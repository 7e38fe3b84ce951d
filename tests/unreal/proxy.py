"""A TCP proxy between a client and its server that makes the network bad: it delays, stalls, resets and refuses."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Forwards bytes both ways. Its methods may be called from any thread.

    Attributes:
        port: where it listens on the loopback interface.
    """

    def __init__(self, address: str) -> None:
        self._target = _host_and_port(address)
        self._delay = 0.0
        self._refuses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = server.result()
        self.port = int(self._server.sockets[0].getsockname()[1])

    def delay(self, seconds: float) -> None:
        """Everything from now on takes longer, each way."""
        self._delay = seconds

    def stall(self) -> None:
        """Nothing goes through until `flow`; connections stay open."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """What was held back goes on."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def redirect(self, address: str) -> None:
        """New connections lead to another server."""
        self._target = _host_and_port(address)

    def refuse(self, refuses: bool) -> None:
        """New connections are closed at once, or no longer."""
        self._refuses = refuses

    def reset(self) -> None:
        """Breaks all connections without a word (RST)."""
        self._loop.call_soon_threadsafe(self._reset)

    def close(self) -> None:
        """Ends everything."""

        async def end() -> None:
            self._server.close()
            self._reset()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _reset(self) -> None:
        for writer in list(self._writers):
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.close()
            return
        try:
            to_reader, to_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, to_writer}
        await asyncio.gather(self._pump(reader, to_writer), self._pump(to_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def forward() -> None:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(due - self._loop.time(), 0.0))
                await self._flowing.wait()
                writer.write(data)
                if not data:
                    return

        task = asyncio.ensure_future(forward())
        try:
            while data := await reader.read(65536):
                queue.put_nowait((self._loop.time() + self._delay, data))
        except OSError:
            pass
        finally:
            task.cancel()
            self._writers.discard(writer)
            writer.close()


def _host_and_port(address: str) -> tuple[str, int]:
    host, port = address.rsplit(":", 1)
    return host, int(port)


@contextmanager
def proxied(address: str) -> Iterator[Proxy]:
    """A proxy to a server's address, closed at the end."""
    proxy = Proxy(address)
    try:
        yield proxy
    finally:
        proxy.close()
