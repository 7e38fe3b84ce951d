"""Logs: text for people, JSON for programs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from strut_server.logs import configure_logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The root logger as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_hold_what_the_line_says_and_where_it_is_from() -> None:
    stream = io.StringIO()
    configure_logging("json", stream=stream)
    log = logging.getLogger("strut_server.somewhere")
    log.info("%d streams", 7, extra={"session_id": "abc"})
    log.debug("not shown")
    try:
        raise ValueError("a reason")
    except ValueError:
        log.exception("it failed")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    when = datetime.fromisoformat(first.pop("timestamp").replace("Z", "+00:00"))
    assert when.tzinfo == timezone.utc
    logger = "strut_server.somewhere"
    assert first == {"event": "7 streams", "level": "info", "logger": logger, "session_id": "abc"}
    assert second["event"] == "it failed"
    assert "ValueError: a reason" in second["exception"]


def test_text_lines_are_one_line_each_and_verbose_ones_more() -> None:
    stream = io.StringIO()
    configure_logging("text", verbose=True, stream=stream)
    logging.getLogger("strut_server").debug("in detail")
    assert stream.getvalue().endswith("DEBUG strut_server: in detail\n")


def test_unknown_formats_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'xml'.*text, json"):
        configure_logging("xml")
