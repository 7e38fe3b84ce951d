"""The console's HTTP server: the page, and gRPC-Web for it, on the event loop of the gRPC server.

Browsers hand a user's connection to any website that asks. So a request must name this server (Host: against names
that somebody pointed to this address) and come from its own page (Origin); nothing is ever allowed across origins, and
the page itself may load and call nothing but this server (Content-Security-Policy).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import grpc
from aiohttp import web

from strut_server.console.calls import Call, Calls, Status
from strut_server.console.framing import CONTENT_TYPE, CONTENT_TYPES, HEAD, MESSAGE, frame, trailers
from strut_server.console.page import INDEX, NONCE, PageFile, read_page
from strut_server.settings import ServerSettings, is_loopback
from strut_server.tls import console_context

METADATA = ("authorization", "grpc-timeout", "traceparent", "tracestate")
"""Headers that are passed on to the services."""
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "strut",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MAX_LINE = 8190
SHUTDOWN_SECONDS = 1.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger(__name__)


class ConsoleServer:
    """Serves the page and answers its calls.

    Args:
        settings: address, certificates and limits; ``console_port`` is given.
        calls: answers the calls.

    Raises:
        PageMissingError: the package holds no page.
        SettingError: the certificates cannot be used.
    """

    def __init__(self, settings: ServerSettings, calls: Calls) -> None:
        self._settings = settings
        self._calls = calls
        self._files = read_page()
        self._tls = console_context(settings) if settings.encrypted else None
        self._hosts = _own_names() | {name.lower() for name in settings.console_hosts}
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = self._settings.host
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            shown = host
        else:
            if address.is_unspecified:
                shown = "localhost"
            else:
                shown = f"[{host}]" if address.version == 6 else host
        return f"{'https' if self._tls else 'http'}://{shown}:{self.port}/"

    async def start(self) -> None:
        """Begin to serve.

        Raises:
            OSError: the port is taken.
        """
        application = web.Application(middlewares=[self._guarded])
        application.on_response_prepare.append(_set_headers)
        application.router.add_get("/{path:.*}", self._page)
        application.router.add_post("/{service}/{call}", self._call)
        # A call ends when the browser goes: what it waits for is then taken out of the queue.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handler_cancellation=True,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, self._settings.host, self._settings.console_port or 0, ssl_context=self._tls, reuse_port=False
        )
        try:
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop; calls in progress are cut off after a second."""
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if not self._knows(host):
            return _refusal(
                421, f"Host: {host[:100]!r} is not this server's; allowed: its addresses, or --console-host"
            )
        origin = request.headers.get("Origin")
        if origin is not None and _netloc(origin) != host.lower():
            return _refusal(403, f"Origin: {origin[:100]!r} is another site; allowed: the console's own page")
        try:
            return await handler(request)
        except web.HTTPException as error:
            return _refusal(error.status, error.reason)

    def _knows(self, host: str) -> bool:
        """Whether a Host header names this server, and not something that was made to lead here."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if is_loopback(name) or name in self._hosts:
            return True
        if is_loopback(self._settings.host):
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            # A name in the server's certificate: the browser has checked that.
            return self._tls is not None and bool(name)
        return True

    async def _page(self, request: web.Request) -> web.StreamResponse:
        file = self._files.get(request.path)
        if file is None:
            return _refusal(404, "there is no such file")
        return _index(file) if request.path == INDEX else _asset(request, file)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if request.content_type not in CONTENT_TYPES:
            return _refusal(415, f"Content-Type: {request.content_type[:100]!r}; allowed: {', '.join(CONTENT_TYPES)}")
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})
        reader = _MessageReader(request, self._settings.max_message_bytes)
        patience = self._settings.unread_seconds

        async def send(data: bytes) -> None:
            if not response.prepared:
                await response.prepare(request)
            # A browser that does not read holds up its own call alone, and not for ever.
            await asyncio.wait_for(response.write(data), patience)

        call = Call(
            method=request.path,
            peer=_peer(request),
            metadata=[(name, request.headers[name]) for name in METADATA if name in request.headers],
            read=reader.next_message,
            write=lambda message: send(frame(message)),
            certificate=_certificate(request),
        )
        try:
            status = await self._calls.answer(call)
            if reader.fault:
                status = reader.fault
            await send(trailers(status.code.value[0], status.message, status.metadata))
            await response.write_eof()
        except (ConnectionError, asyncio.TimeoutError):
            log.debug("%s: the browser is gone", request.path)
        return response


class _MessageReader:
    """The messages of a request's body, one after another and none larger than may be."""

    def __init__(self, request: web.Request, limit: int) -> None:
        self._content = request.content
        self._limit = limit
        self.fault: Status | None = None

    async def next_message(self) -> bytes | None:
        try:
            head = await self._content.readexactly(HEAD.size)
            flags, size = HEAD.unpack(head)
            if flags != MESSAGE:
                self.fault = Status(grpc.StatusCode.INTERNAL, f"frame flags: {flags}; allowed: 0, no compression")
                return None
            if size > self._limit:
                self.fault = Status(
                    grpc.StatusCode.RESOURCE_EXHAUSTED, f"message: {size} bytes; allowed: up to {self._limit}"
                )
                return None
            return await self._content.readexactly(size)
        except asyncio.IncompleteReadError as error:
            if error.partial or error.expected != HEAD.size:
                self.fault = Status(grpc.StatusCode.INTERNAL, "the request ends within a message")
            return None


def _index(file: PageFile) -> web.Response:
    nonce = secrets.token_urlsafe(16)
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' data: blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "Content-Type": file.content_type,
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
    }
    return web.Response(body=file.body.replace(NONCE, nonce.encode()), headers=headers)


def _asset(request: web.Request, file: PageFile) -> web.Response:
    headers = {
        "Content-Type": file.content_type,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
    }
    if file.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        return web.Response(body=file.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=file.body, headers=headers)


def _refusal(status: int, message: str) -> web.Response:
    return web.Response(status=status, text=f"{message}\n", headers={"Cache-Control": "no-store"})


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _peer(request: web.Request) -> str:
    """The browser's address as gRPC writes it."""
    name = request.transport.get_extra_info("peername") if request.transport is not None else None
    if not name:
        return "unknown"
    host, port = name[0], name[1]
    return f"ipv6:{quote(f'[{host}]', safe=':')}:{port}" if ":" in host else f"ipv4:{host}:{port}"


def _certificate(request: web.Request) -> Mapping[str, Sequence[bytes]]:
    """The names in the browser's certificate, which TLS has verified, as gRPC's auth context has them."""
    wrapped = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
    if not isinstance(wrapped, ssl.SSLObject):
        return {}
    shown: dict[str, Any] = dict(wrapped.getpeercert() or {})
    subject = [pair for part in shown.get("subject", ()) for pair in part]
    return {
        "x509_common_name": [value.encode() for key, value in subject if key == "commonName"],
        "x509_subject_alternative_name": [value.encode() for _, value in shown.get("subjectAltName", ())],
    }


def _own_names() -> set[str]:
    """What this machine calls itself."""
    name = socket.gethostname().lower()
    return {"localhost", name, f"{name}.local"} - {""}
