"""A real PostgreSQL server for as long as tests run, from the binaries of the system's packages."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

USER = "postgres"
DEBIAN = Path("/usr/lib/postgresql")
SECONDS = 300


@dataclass
class PostgreSql:
    """A running server that is reached by a socket in its own directory alone."""

    binaries: Path
    directory: Path
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_database(self) -> str:
        """URL of an empty database."""
        name = f"strut_{next(self._numbers)}"
        run([str(self.binaries / "createdb"), "-h", str(self.directory), "-U", USER, name])
        return f"postgresql+psycopg://{USER}@/{name}?host={self.directory}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-k {self.directory} -c listen_addresses='' -c fsync=off"
        data, journal = str(self.directory / "data"), str(self.directory / "log")
        run(
            [str(self.binaries / "pg_ctl"), "-D", data, "-w", "-t", str(SECONDS), "-l", journal, "-o", options, "start"]
        )

    def stop(self) -> None:
        """Stop it at once."""
        run([str(self.binaries / "pg_ctl"), "-D", str(self.directory / "data"), "-m", "immediate", "-w", "stop"])


def binaries_of_postgresql() -> Path | None:
    """Where PostgreSQL's programs are."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]), reverse=True)
    if found:
        return found[0].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


def missing_postgresql() -> str | None:
    """Why there can be no PostgreSQL server here, or None."""
    if os.name == "nt":
        return "its tests need Unix sockets"
    if importlib.util.find_spec("psycopg") is None:
        return "the driver is not installed (pip install 'strut-motion[postgresql]')"
    if binaries_of_postgresql() is None:
        return "initdb is neither in /usr/lib/postgresql nor in PATH (apt-get install postgresql)"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "it does not run as root, and there is no setpriv to be somebody else"
    return None


@contextmanager
def running_postgresql() -> Iterator[PostgreSql]:
    """A new server."""
    binaries = binaries_of_postgresql()
    assert binaries is not None
    # The socket's path may not be long, and whoever runs the server must be able to reach it.
    place = Path(tempfile.mkdtemp(prefix="strut-pg-"))
    place.chmod(0o777)
    server = PostgreSql(binaries, place)
    try:
        run([str(binaries / "initdb"), "-D", str(place / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"])
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def run(command: list[str]) -> None:
    """Run one of PostgreSQL's programs, which refuse to be root."""
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
    # Not into pipes: the server that pg_ctl leaves behind would keep them open.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=SECONDS, cwd="/")
