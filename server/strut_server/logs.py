"""Logs to standard error: lines for people, or one JSON object a line for programs."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog

FORMATS = ("text", "json")
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure_logging(format_name: str = "text", verbose: bool = False, stream: TextIO | None = None) -> None:
    """Send the log of this process to a stream.

    Args:
        format_name: "text", or "json" with the fields event, level, logger, timestamp (UTC, ISO 8601), what the line's
            `extra` has, and exception where there is one.
        verbose: log what is of use to who looks for a fault.
        stream: where to; standard error by default.

    Raises:
        ValueError: the format is not known.
    """
    if format_name not in FORMATS:
        raise ValueError(f"log format: {format_name!r} is not supported; allowed: {', '.join(FORMATS)}")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_json_formatter() if format_name == "json" else logging.Formatter(TEXT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)


def _without_private(_logger: object, _name: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    # Ray, where it runs in this process, stamps the records of every logger for itself.
    return {key: value for key, value in line.items() if not key.startswith("_ray")}


def _json_formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_private,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
