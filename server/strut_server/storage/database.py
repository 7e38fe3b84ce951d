"""The connection to the database: made, brought to the newest version, and used in transactions.

SQLite runs with a write-ahead log that is synced at every commit: a server that is killed in the midst of a write
leaves what was committed and nothing else. Everything here blocks, so it is called on threads.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import event, exc

from strut_server.storage.tables import changes

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_SECONDS = 10.0
"""How long a writer waits for another one."""
MIGRATION_LOCK = 0x5354525554
"""PostgreSQL's advisory lock of whoever migrates."""
_WRITE = "strut_write"


class StorageError(RuntimeError):
    """The database cannot be reached or used; the message says why."""


class Database:
    """A database at its newest version.

    Args:
        url: SQLAlchemy's, such as sqlite:////var/lib/strut/strut.db or postgresql+psycopg://user@host/strut. None for a
            file that is deleted when the database is closed.

    Raises:
        StorageError: it cannot be reached, is newer than this server, or its driver is not installed.
    """

    def __init__(self, url: str | None = None) -> None:
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        if url is None:
            self._directory = tempfile.TemporaryDirectory(prefix="strut-")
            url = f"sqlite:///{self._directory.name}/strut.db"
        try:
            self._engine = _engine(sa.make_url(url))
            self._migrate()
        except (exc.SQLAlchemyError, ImportError, OSError) as error:
            self.close()
            raise StorageError(f"database: {_hidden(url)} cannot be used ({_first_line(error)})") from error
        except CommandError as error:
            self.close()
            raise StorageError(f"database: {_hidden(url)} is of another version than this server ({error})") from error

    def close(self) -> None:
        """Close all connections."""
        engine = getattr(self, "_engine", None)
        if engine is not None:
            engine.dispose()
        if self._directory is not None:
            self._directory.cleanup()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that reads.

        Raises:
            StorageError: the database cannot be reached.
        """
        with _translated(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes; it is undone when its block raises.

        Raises:
            StorageError: the database cannot be reached, or is locked for long.
        """
        with _translated(), self._engine.connect() as connection:
            connection = connection.execution_options(**{_WRITE: True})
            with connection.begin():
                yield connection

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        # One transaction, which holds the database's lock: of two servers that start at once the second finds it done.
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def take_turn(connection: sa.Connection) -> None:
    """Count a change of the styles, and keep other writers of styles waiting until this transaction is over."""
    connection.execute(sa.update(changes).values(styles=changes.c.styles + 1))


def now_us() -> int:
    """The time as it is stored."""
    return time.time_ns() // 1000


def _keep_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    """Switch a file to its write-ahead log; SQLite does not wait by itself when others switch it at the same time."""
    give_up = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, pool_recycle=1800)
    if url.database and url.database != ":memory:" and not url.database.startswith("file:"):
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": LOCK_SECONDS})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, record: object) -> None:
        # The driver would begin and commit by itself; this way transactions are SQLAlchemy's, schema changes too.
        connection.isolation_level = None
        cursor = connection.cursor()
        _keep_write_ahead_log(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        # A writer that began as a reader could find its view outdated; it says at once that it will write.
        writes = connection.get_execution_options().get(_WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors as StorageError, but for broken constraints, which say something about the data."""
    try:
        yield
    except exc.IntegrityError:
        raise
    except (exc.DBAPIError, exc.TimeoutError) as error:
        raise StorageError(f"the database does not answer ({_first_line(error)})") from error


def _first_line(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"its driver {error.name} is not installed; for PostgreSQL: pip install 'strut-motion[postgresql]'"
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _hidden(url: str) -> str:
    """A URL without its password."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except exc.ArgumentError:
        return "the URL"
