"""`strut serve` as a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from types import TracebackType


class ServerProcess:
    """A running server. Use it as a context manager; at its end it is killed.

    Args:
        arguments: of `strut serve`.
    """

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "strut_server.cli", "serve", *arguments], stdout=subprocess.PIPE, text=True
        )
        self.address = ""

    def __enter__(self) -> ServerProcess:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            ready = re.match(r"Strut is ready on (\S+):", line)
            if ready:
                self.address = ready.group(1)
                return self
        raise RuntimeError(f"the server ended with {self.process.wait()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()
