"""Servers as processes of their own, and what they say of their processor time and memory."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from prometheus_client.parser import text_string_to_metric_families

END_SECONDS = 30.0
LAST_WORDS = 2000
"""Characters of the log that are shown when a server does not start."""
TROUBLES_SHOWN = 5
TROUBLE_CHARACTERS = 8000
"""Of one entry of the log, traceback and all, so many at its end are shown."""
_READY = re.compile(r" is ready on ([^ ,]+):")
_ENTRY = re.compile(r"^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", re.MULTILINE)
_TROUBLE = re.compile(r"^\S+ \S+ (ERROR|CRITICAL) |Traceback ")


class ProcessError(RuntimeError):
    """A server that did not start; the message has its last words."""


@dataclass(frozen=True)
class Served:
    """A server that runs.

    Attributes:
        address: of its gRPC port.
        metrics_url: of its metrics; None where it has none.
        pid: of its process.
        log: what it writes to standard error goes to the end of this file.
    """

    address: str
    metrics_url: str | None
    pid: int
    log: TextIO = field(repr=False)

    def log_text(self) -> str:
        """Its log up to now."""
        self.log.seek(0)
        return self.log.read()


@dataclass(frozen=True)
class Usage:
    """What a server has used and done since it began.

    Attributes:
        cpu_seconds: processor time of its process; NaN where the system does not say.
        model_cpu_seconds: of that, inside the network.
        memory_bytes: resident now; NaN where the system does not say.
        batches: evaluated.
        windows: in them.
        sent_bytes: of its replies.
    """

    cpu_seconds: float
    model_cpu_seconds: float
    memory_bytes: float
    batches: float
    windows: float
    sent_bytes: float


@contextmanager
def strut_server(options: Sequence[str]) -> Iterator[Served]:
    """`strut serve` on free ports of the loopback address, with an empty database unless ``options`` name one.

    Args:
        options: further ones, such as ("--threads", "2").

    Raises:
        ProcessError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="strut-bench-") as folder:
        database = f"sqlite:///{folder}/strut.db"
        command = ["-m", "strut_server.cli", "serve", "--port", "0", "--metrics-port", "0", "--database", database]
        with _process([*command, *options], metrics=True) as served:
            yield served


@contextmanager
def echo_server() -> Iterator[Served]:
    """The echo server.

    Raises:
        ProcessError: it did not start.
    """
    with _process(["-m", "strut_server.bench.echo"], metrics=False) as served:
        yield served


@contextmanager
def _process(arguments: Sequence[str], metrics: bool) -> Iterator[Served]:
    # The log goes into a file, so that a progress bar stays whole; it is read when the server does not start.
    # Opened for appending, as no TemporaryFile is: the server writes at its end, wherever it is read meanwhile.
    with (
        tempfile.TemporaryDirectory(prefix="strut-log-") as folder,
        (Path(folder) / "log").open("a+", encoding="utf-8", errors="replace") as log,
    ):
        process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            found = _READY.search(process.stdout.readline())
            if found is None:
                process.wait()
                log.seek(0)
                raise ProcessError(f"the server did not start: {log.read()[-LAST_WORDS:].strip() or 'it said nothing'}")
            url = process.stdout.readline().split()[-1] if metrics else None
            yield Served(found.group(1), url, process.pid, log)
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def troubles(log: str) -> str:
    """What a server's log says of its faults: the last errors with their tracebacks; without any, its last words."""
    entries = [entry for entry in _ENTRY.split(log) if _TROUBLE.search(entry)]
    return "".join(entry[-TROUBLE_CHARACTERS:] for entry in entries[-TROUBLES_SHOWN:]) or log[-LAST_WORDS:]


def usage(served: Served) -> Usage:
    """What a server with metrics has used so far."""
    assert served.metrics_url is not None
    with urllib.request.urlopen(served.metrics_url) as response:
        text = response.read().decode()
    values = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.labels
    }
    return Usage(
        cpu_seconds=values.get("process_cpu_seconds_total", float("nan")),
        model_cpu_seconds=values["strut_model_cpu_seconds_total"],
        memory_bytes=values.get("process_resident_memory_bytes", float("nan")),
        batches=values["strut_batches_total"],
        windows=values["strut_batched_windows_total"],
        sent_bytes=values["strut_sent_bytes_total"],
    )
