"""A client of gRPC-Web as a browser is one, written from the protocol's description and not from the server."""

from __future__ import annotations

import base64
import http.client
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from google.protobuf.message import Message
from google.rpc import status_pb2
from tests.server.messages import TIMEOUT

Answer = TypeVar("Answer", bound=Message)


def framed(data: bytes, flags: int = 0) -> bytes:
    """A frame of gRPC-Web."""
    return struct.pack(">BI", flags, len(data)) + data


@dataclass(frozen=True)
class Ended:
    """How a call ended: its trailers, and the messages before them."""

    messages: list[bytes]
    trailers: Mapping[str, str]

    @property
    def code(self) -> int:
        """The number of the gRPC status."""
        return int(self.trailers["grpc-status"])

    @property
    def text(self) -> str:
        """The status's message."""
        return unquote(self.trailers["grpc-message"])

    @property
    def status(self) -> status_pb2.Status:
        """The status with its details."""
        encoded = self.trailers["grpc-status-details-bin"]
        return status_pb2.Status.FromString(base64.b64decode(encoded + "=" * (-len(encoded) % 4)))


class Web:
    """Calls a console's server.

    Args:
        url: of the console.
        token: sent with every call.
        tls: where the connection is encrypted.
    """

    def __init__(self, url: str, token: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.address = urlsplit(url)
        self.token = token
        self.tls = tls

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """Any HTTP request; the response is open."""
        assert self.address.hostname is not None
        connection: http.client.HTTPConnection
        if self.tls is not None:
            connection = http.client.HTTPSConnection(
                self.address.hostname, self.address.port, timeout=TIMEOUT, context=self.tls
            )
        else:
            connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=TIMEOUT)
        connection.request(method, path, body=body, headers=dict(headers or {}))
        return connection.getresponse()

    def post(self, call: str, body: Any, **headers: str) -> http.client.HTTPResponse:
        """A call's request."""
        every = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"}
        every["Origin"] = f"{self.address.scheme}://{self.address.netloc}"
        if self.token is not None:
            every["Authorization"] = f"Bearer {self.token}"
        return self.request("POST", f"/strut.v1.{call}", body, {**every, **headers})

    def call(self, call: str, *requests: Message, **headers: str) -> Ended:
        """A call from its first to its last frame, such as ``MotionService/GetServerInfo``."""
        response = self.post(call, b"".join(framed(one.SerializeToString()) for one in requests), **headers)
        assert response.status == 200, response.read()
        frames = list(read_frames(response))
        assert [flags for flags, _ in frames] == [0] * (len(frames) - 1) + [0x80]
        return Ended([data for _, data in frames[:-1]], trailers_of(frames[-1][1]))

    def one(self, call: str, kind: type[Answer], *requests: Message) -> Answer:
        """The only message of an answer that ended well."""
        ended = self.call(call, *requests)
        assert ended.code == 0, ended.text
        (message,) = ended.messages
        return kind.FromString(message)


def read_frames(response: http.client.HTTPResponse) -> Iterator[tuple[int, bytes]]:
    """Flags and contents of frames as they come."""
    while head := response.read(5):
        flags, size = struct.unpack(">BI", head)
        yield flags, response.read(size)


def trailers_of(data: bytes) -> Mapping[str, str]:
    """The lines of the last frame."""
    lines: Sequence[str] = data.decode("ascii").split("\r\n")
    return dict(line.split(": ", 1) for line in lines if line)
