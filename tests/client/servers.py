"""Real servers in processes of their own, which can be killed."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY = re.compile(r"ready on (\S+): ")


@dataclass
class ServerProcess:
    """A server that is ready.

    Attributes:
        address: where it listens.
        process: the process.
    """

    address: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """Ends it without a word, as a crash would."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        """Asks it to drain and stop; returns at once."""
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def serving(bundle: Path, port: int = 0, *options: str) -> Iterator[ServerProcess]:
    """A server of a bundle on the loopback interface, killed at the end if it still runs."""
    command = [sys.executable, "-m", "strut_server.cli", "serve", "--bundle", str(bundle), "--port", str(port)]
    pipe = subprocess.PIPE
    process = subprocess.Popen([*command, *options], stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        match = READY.search(line)
        if match is None:
            process.kill()
            raise RuntimeError(f"the server did not become ready: {line}{process.stderr.read()}")
        # Whoever does not read the log stops the server once the pipe is full.
        for stream in (process.stdout, process.stderr):
            threading.Thread(target=stream.read, daemon=True).start()
        yield ServerProcess(match[1], process)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of the loopback interface that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
