"""Scenes in words: read off the event loop, before the requests that hold them are checked.

A new text takes some milliseconds, the first one the seconds in which the sentence encoder is loaded: libraries of
others, with faults of their own. Neither may keep a stream's other characters waiting, nor end it: a text that is not
read in time, or that the libraries fail on, costs the requests that hold it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from strut_model.scene import wording
from strut_model.scene.descriptor import SceneError
from strut_proto.v1 import motion_service_pb2
from strut_server import errors
from strut_server.errors import RequestError
from strut_server.windows import incident

Requests = Iterable[motion_service_pb2.WindowRequest]
Unread = Mapping[str, RequestError]
"""Texts that are not read, and what who sent them is told."""

PATIENCE_SECONDS = 0.1
"""So long a message waits for its texts."""
RETRY_SECONDS = 0.1
MAX_UNDER_WAY = 256
"""Texts that wait to be read; more are not taken."""
REMEMBERED = 512
"""Texts that are known to be read: half of what `wording.read` remembers, so that it has none of them to read anew."""


async def read_texts(requests: Requests, patience: float | None = PATIENCE_SECONDS) -> Unread:
    """Read the scenes that requests describe in words, and remember them for the requests' checks.

    What is wrong with a text itself is no fault: it is said when the request is checked.

    Args:
        requests: of one message.
        patience: seconds to wait for them; None for as long as it takes.
    """
    texts = {text for one in requests if (text := _text(one)) is not None}
    if not texts or not wording.available():
        return {}
    readings = {text: reading for text in texts if (reading := _READER.reading(text)) is not None}
    refused: dict[str, RequestError] = {text: _later() for text in texts if text not in readings}
    waited = {text: asyncio.wrap_future(reading) for text, reading in readings.items() if not reading.done()}
    if waited:
        await asyncio.wait(waited.values(), timeout=patience)
    for text, reading in readings.items():
        if not reading.done():
            refused[text] = _later()
        elif (fault := reading.result()) is not None:
            refused[text] = incident("a scene in words was not read", fault)
    return refused


def refuse_unread(request: motion_service_pb2.WindowRequest, unread: Unread) -> None:
    """Raise for a request whose scene is not read.

    Raises:
        RequestError: UNAVAILABLE where it will soon be, INTERNAL where it could not be; the same request may well be
            answered when it comes again.
    """
    if unread and (error := unread.get(_text(request) or "")) is not None:
        raise error


def _later() -> RequestError:
    return errors.unavailable("the scene's text is still being read", RETRY_SECONDS)


def _text(request: motion_service_pb2.WindowRequest) -> str | None:
    scene = request.controls.scene
    return scene.text if scene.WhichOneof("scene") == "text" else None


def _read(text: str) -> Exception | None:
    try:
        wording.read(text)
    except SceneError:
        return None
    except Exception as fault:
        return fault
    return None


class _Reader:
    """Reads texts one after another, each once, on a thread of its own. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="strut-texts")
        self._under_way: dict[str, Future[Exception | None]] = {}
        self._read: OrderedDict[str, Future[Exception | None]] = OrderedDict()

    def reading(self, text: str) -> Future[Exception | None] | None:
        """The reading of a text, done or under way, whose result is its fault; None where too many wait."""
        with self._lock:
            known = self._read.get(text)
            if known is not None:
                self._read.move_to_end(text)
                return known
            reading = self._under_way.get(text)
            if reading is None and len(self._under_way) < MAX_UNDER_WAY:
                reading = self._under_way[text] = self._pool.submit(_read, text)
            else:
                return reading
        # Outside of the lock: it is called at once where the reading is done already.
        reading.add_done_callback(lambda done: self._done(text, done))
        return reading

    def _done(self, text: str, reading: Future[Exception | None]) -> None:
        with self._lock:
            self._under_way.pop(text, None)
            # After a fault the next request has it read again.
            if not reading.cancelled() and reading.result() is None:
                self._read[text] = reading
                while len(self._read) > REMEMBERED:
                    self._read.popitem(last=False)


_READER = _Reader()
