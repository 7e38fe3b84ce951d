"""Long-running work as its watchers see it: rows that every server on the database can tell about.

The server that works on an operation gives a sign of life now and then. Where none comes for long, any other server
ends the operation as failed, so that nobody waits for the work of a server that was killed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection

import sqlalchemy as sa
from google.rpc import status_pb2

from strut_proto.v1 import operation_pb2
from strut_server import errors
from strut_server.storage import tables
from strut_server.storage.database import Database, now_us

QUEUED = operation_pb2.OPERATION_STATE_QUEUED
RUNNING = operation_pb2.OPERATION_STATE_RUNNING
SUCCEEDED = operation_pb2.OPERATION_STATE_SUCCEEDED
FAILED = operation_pb2.OPERATION_STATE_FAILED
CANCELLED = operation_pb2.OPERATION_STATE_CANCELLED

LOST_US = 30 * 1_000_000
"""Without a sign of life for this long an operation counts as lost."""
KEPT_US = 24 * 3600 * 1_000_000
"""How long operations are remembered after they ended."""

_table = tables.operations
_open = _table.c.state.in_((QUEUED, RUNNING))


class Operations:
    """The operations of a database. Everything blocks, and raises StorageError where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, message: str) -> operation_pb2.Operation:
        """A new operation, queued."""
        identity, now = uuid.uuid4().hex, now_us()
        with self._database.writing() as connection:
            connection.execute(
                sa.insert(_table).values(
                    id=identity,
                    state=QUEUED,
                    progress=0.0,
                    message=message,
                    create_time=now,
                    update_time=now,
                    cancelled=False,
                    beat=now,
                )
            )
            return _operation_of(_row(connection, identity))

    def get(self, identity: str) -> operation_pb2.Operation | None:
        """An operation by its id."""
        with self._database.reading() as connection:
            row = _row(connection, identity)
        return None if row is None else _operation_of(row)

    def report(self, identity: str, progress: float, message: str) -> None:
        """Note that an operation is at work, and how far; nothing where it has ended."""
        values = {"state": RUNNING, "progress": progress, "message": message, "update_time": now_us(), "beat": now_us()}
        with self._database.writing() as connection:
            connection.execute(sa.update(_table).where(_table.c.id == identity, _open).values(values))

    def succeed(self, identity: str, style: str, finish: Callable[[sa.Connection], None]) -> bool:
        """End an operation well, with its result stored in the same transaction; False where it had ended before.

        Args:
            identity: its id.
            style: the style that it made.
            finish: stores the result; what it raises undoes everything.
        """
        with self._database.writing() as connection:
            if not self._end(connection, identity, SUCCEEDED, "stored", style=style, progress=1.0):
                return False
            finish(connection)
        return True

    def fail(self, identity: str, error: status_pb2.Status) -> None:
        """End an operation with an error."""
        with self._database.writing() as connection:
            self._end(connection, identity, FAILED, "failed", error=error.SerializeToString())

    def cancel(self, identity: str) -> operation_pb2.Operation | None:
        """End an operation that has not ended, on whichever server it is; its worker notices by itself."""
        with self._database.writing() as connection:
            self._end(connection, identity, CANCELLED, "cancelled", cancelled=True)
            row = _row(connection, identity)
        return None if row is None else _operation_of(row)

    def cancelled(self, identities: Collection[str]) -> set[str]:
        """Which of some operations are not to be worked on any more."""
        if not identities:
            return set()
        with self._database.reading() as connection:
            alive = set(connection.execute(sa.select(_table.c.id).where(_table.c.id.in_(identities), _open)).scalars())
        return set(identities) - alive

    def sign_of_life(self, identities: Collection[str]) -> None:
        """Say that this server works on operations; end those that nobody works on, and forget those of yesterday."""
        now = now_us()
        lost = errors.unavailable("the server that worked on it is gone").to_status()
        with self._database.reading() as connection:
            stale = sa.select(_table.c.id).where(_open, _table.c.beat < now - LOST_US)
            old = sa.select(_table.c.id).where(~_open, _table.c.update_time < now - KEPT_US)
            some = bool(identities) or any(connection.execute(query.limit(1)).first() for query in (stale, old))
        if not some:
            return
        with self._database.writing() as connection:
            connection.execute(sa.update(_table).where(_table.c.id.in_(identities)).values(beat=now))
            for identity in connection.execute(stale).scalars().all():
                self._end(connection, identity, FAILED, "failed", error=lost.SerializeToString())
            connection.execute(sa.delete(_table).where(~_open, _table.c.update_time < now - KEPT_US))

    def _end(self, connection: sa.Connection, identity: str, state: int, message: str, **values: object) -> bool:
        statement = sa.update(_table).where(_table.c.id == identity, _open)
        values.update(state=state, message=message, update_time=now_us())
        return connection.execute(statement.values(values)).rowcount > 0


def _row(connection: sa.Connection, identity: str) -> sa.Row[tuple[object, ...]] | None:
    return connection.execute(sa.select(_table).where(_table.c.id == identity)).one_or_none()


def _operation_of(row: sa.Row[tuple[object, ...]] | None) -> operation_pb2.Operation:
    assert row is not None
    operation = operation_pb2.Operation(
        id=row.id, state=row.state, progress=row.progress, message=row.message, style=row.style
    )
    operation.create_time.FromMicroseconds(row.create_time)
    operation.update_time.FromMicroseconds(row.update_time)
    if row.error is not None:
        operation.error.ParseFromString(row.error)
    return operation
