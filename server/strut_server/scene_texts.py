"""Scenes in words: read off the event loop, before the requests that hold them are checked.

A new text takes some milliseconds, the first one the seconds in which the sentence encoder is loaded: libraries of
others, with faults of their own. A text that they fail to read costs the requests that hold it, never their stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from strut_model.scene import wording
from strut_model.scene.descriptor import SceneError
from strut_proto.v1 import motion_service_pb2
from strut_server.errors import RequestError
from strut_server.windows import incident

Requests = Iterable[motion_service_pb2.WindowRequest]
Unread = Mapping[str, RequestError]
"""Texts that could not be read, by a fault of the server, and what who sent them is told."""


async def read_texts(requests: Requests) -> Unread:
    """Read the scenes that requests describe in words, and remember them for the requests' checks.

    What is wrong with a text itself is no fault: it is said when the request is checked.
    """
    texts = {text for one in requests if (text := _text(one)) is not None}
    if not texts or not wording.available():
        return {}
    faults = await asyncio.to_thread(_read, texts)
    return {text: incident("a scene in words was not read", fault) for text, fault in faults.items()}


def refuse_unread(request: motion_service_pb2.WindowRequest, unread: Unread) -> None:
    """Raise for a request whose scene could not be read.

    Raises:
        RequestError: INTERNAL; the same request may well be answered when it comes again.
    """
    if unread and (error := unread.get(_text(request) or "")) is not None:
        raise error


def _text(request: motion_service_pb2.WindowRequest) -> str | None:
    scene = request.controls.scene
    return scene.text if scene.WhichOneof("scene") == "text" else None


def _read(texts: Iterable[str]) -> dict[str, Exception]:
    faults: dict[str, Exception] = {}
    for text in texts:
        try:
            wording.read(text)
        except SceneError:
            continue
        except Exception as fault:
            faults[text] = fault
    return faults
