"""Pages over HTTP for programs on this machine: bound to the loopback address, and refused to websites.

A page of any website can make a browser on this machine ask 127.0.0.1. What gives it away is the Host header (a name
that somebody pointed to 127.0.0.1) or the Origin header (the website): requests whose headers name anything else than
the loopback are refused.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from strut_server.settings import is_loopback

HOST = "127.0.0.1"
READ_SECONDS = 10.0
"""A client that does not send its request in this time is cut off."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Response:
    """A page: its bytes and their type."""

    body: bytes
    content_type: str


Page = Callable[[str], Response]
"""Makes a page, given the request's Accept header; called on a thread of its own."""


class LoopbackHttpServer:
    """Serves pages by path. Use it as a context manager, or call `start` and `stop`.

    Args:
        port: TCP port, 0 for any free one.
        pages: by path, such as "/metrics".

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, port: int, pages: Mapping[str, Page]) -> None:
        class Handler(_Handler):
            served = pages

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="strut-http", daemon=True)

    @property
    def address(self) -> str:
        """Where it is reached."""
        return f"{HOST}:{self._server.server_port}"

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: Mapping[str, Page] = {}
    timeout = READ_SECONDS
    protocol_version = "HTTP/1.1"
    server_version = "strut"
    sys_version = ""

    def do_GET(self) -> None:
        if not _from_here(f"//{self.headers.get('Host', '')}"):
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "Host: allowed are 127.0.0.1, localhost and [::1]")
            return
        origin = self.headers.get("Origin")
        if origin is not None and not _from_here(origin):
            self._refuse(HTTPStatus.FORBIDDEN, "Origin: allowed are pages of this machine")
            return
        page = self.served.get(urlsplit(self.path).path)
        if page is None:
            self._refuse(HTTPStatus.NOT_FOUND, f"allowed: {', '.join(self.served)}")
            return
        try:
            response = page(self.headers.get("Accept", ""))
        except Exception:  # whatever goes wrong with one page, the next one is served
            log.exception("a page failed")
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "the page could not be made; the server's log says why")
            return
        self._send(HTTPStatus.OK, response)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        log.debug(format, *arguments)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._send(status, Response(f"{message}\n".encode(), "text/plain; charset=utf-8"))

    def _send(self, status: HTTPStatus, response: Response) -> None:
        self.send_response(status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(response.body)


def _from_here(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False
