"""The frames of gRPC-Web: five bytes of head (flags, length), then a message, or the trailers as text.

As https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md has them; binary, uncompressed.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from urllib.parse import quote

CONTENT_TYPE = "application/grpc-web+proto"
CONTENT_TYPES = (CONTENT_TYPE, "application/grpc-web")
HEAD = struct.Struct(">BI")
MESSAGE = 0x00
TRAILERS = 0x80


def frame(data: bytes, flags: int = MESSAGE) -> bytes:
    """A message, or the text of trailers, with its head."""
    return HEAD.pack(flags, len(data)) + data


def trailers(code: int, message: str, metadata: Iterable[tuple[str, str | bytes]] = ()) -> bytes:
    """The last frame of an answer.

    Args:
        code: number of the gRPC status.
        message: of the status, for people.
        metadata: further trailers; those whose keys end in ``-bin`` are bytes.
    """
    lines = [f"grpc-status: {code}", f"grpc-message: {quote(message, safe=' ')}"]
    for key, value in metadata:
        text = base64.b64encode(value).decode().rstrip("=") if isinstance(value, bytes) else value
        lines.append(f"{key}: {text}")
    return frame("".join(f"{line}\r\n" for line in lines).encode("ascii", "replace"), TRAILERS)
