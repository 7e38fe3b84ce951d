"""Users' styles: stored in the database, answered from memory.

Requests name styles many thousand times a second, so a copy of all of them is kept and replaced as a whole whenever
the database's count of changes has moved on, which another server may have done.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from strut_model.bundle import ENCODER, Bundle
from strut_model.skeleton import PARTS
from strut_server.storage import tables
from strut_server.storage.database import Database, now_us, take_turn
from strut_server.styles import BundleStyles, StoredStyle

Float = npt.NDArray[np.float32]
ROWS_AT_ONCE = 500


class StyleExistsError(ValueError):
    """The name is taken."""


class TooManyStylesError(ValueError):
    """The owner has as many styles as may be."""


@dataclass(frozen=True)
class NewStyle:
    """A style to be stored.

    Attributes:
        name, description, source, provenance, owner: as the contract has them.
        encoder: SHA-256 of the encoder whose codes the vector is made of.
        vector: (5, 64).
    """

    name: str
    description: str
    source: int
    provenance: str
    owner: str
    encoder: str
    vector: Float


@dataclass(frozen=True)
class Snapshot:
    """All users' styles at one time: a version that grows, and the styles with their encoders by row."""

    version: int
    styles: Mapping[int, tuple[str, StoredStyle]]


def encoder_hash(bundle: Bundle) -> str:
    """Which encoder a bundle's style vectors are made by."""
    digest: str = bundle.manifest.raw["files"][ENCODER]["sha256"]
    return digest


class UserStyles:
    """Users' styles. `snapshot` may be read on any thread; everything else blocks.

    Args:
        database: where they are stored.
        limit: most styles of one owner.
    """

    def __init__(self, database: Database, limit: int) -> None:
        self._database = database
        self._limit = limit
        self._lock = threading.Lock()
        self._count = -1
        self.snapshot = Snapshot(0, {})
        self.refresh()

    def refresh(self) -> None:
        """Take over what changed in the database.

        Raises:
            StorageError: the database cannot be reached.
        """
        with self._lock, self._database.reading() as connection:
            count = connection.execute(sa.select(tables.changes.c.styles)).scalar_one()
            if count == self._count:
                return
            known = self.snapshot.styles
            rows = set(connection.execute(sa.select(tables.styles.c.id)).scalars())
            # A stored style never changes, so only those are read that were not there before.
            found = {row: style for row, style in known.items() if row in rows}
            missing = sorted(rows - known.keys())
            for first in range(0, len(missing), ROWS_AT_ONCE):
                some = tables.styles.c.id.in_(missing[first : first + ROWS_AT_ONCE])
                for row in connection.execute(sa.select(tables.styles).where(some)):
                    found[row.id] = (row.encoder, _style_of(row))
            self._count = count
            self.snapshot = Snapshot(self.snapshot.version + 1, found)

    def check(self, name: str, owner: str) -> None:
        """Whether a style of that name could be added now.

        Raises:
            StyleExistsError, TooManyStylesError: it could not.
            StorageError: the database cannot be reached.
        """
        with self._database.reading() as connection:
            self._check(connection, name, owner)

    def add(self, connection: sa.Connection, style: NewStyle) -> None:
        """Add a style within a transaction; call `refresh` after it.

        Raises:
            StyleExistsError, TooManyStylesError: see `check`.
        """
        take_turn(connection)
        self._check(connection, style.name, style.owner)
        values = np.ascontiguousarray(style.vector, "<f4").tobytes()
        connection.execute(
            sa.insert(tables.styles).values(
                name=style.name,
                description=style.description,
                source=style.source,
                provenance=style.provenance,
                owner=style.owner,
                create_time=now_us(),
                encoder=style.encoder,
                vector=values,
            )
        )

    def delete(self, name: str) -> bool:
        """Delete a style; False where there is none of that name.

        Raises:
            StorageError: the database cannot be reached.
        """
        with self._database.writing() as connection:
            take_turn(connection)
            deleted = connection.execute(sa.delete(tables.styles).where(tables.styles.c.name == name)).rowcount
        self.refresh()
        return deleted > 0

    def _check(self, connection: sa.Connection, name: str, owner: str) -> None:
        columns = tables.styles.c
        if connection.execute(sa.select(columns.id).where(columns.name == name)).first() is not None:
            raise StyleExistsError(name)
        count = connection.execute(sa.select(sa.func.count()).where(columns.owner == owner)).scalar_one()
        if count >= self._limit:
            raise TooManyStylesError(owner)


class AllStyles:
    """A bundle's own styles and those of users that were made with its encoder; see `styles.StyleRepository`.

    Args:
        bundle: whose names come first: a user's style of the same name is not seen while this bundle serves.
        users: users' styles.
    """

    def __init__(self, bundle: Bundle, users: UserStyles) -> None:
        self._own = BundleStyles(bundle)
        self._encoder = encoder_hash(bundle)
        self._users = users
        self._version = -1
        self._styles: Mapping[str, StoredStyle] = {}
        self._names: Sequence[str] = ()

    @property
    def version(self) -> int:
        """See `StyleRepository.version`."""
        return self._users.snapshot.version

    def names(self) -> Sequence[str]:
        """See `StyleRepository.names`."""
        self._update()
        return self._names

    def get(self, name: str) -> StoredStyle | None:
        """See `StyleRepository.get`."""
        self._update()
        return self._styles.get(name)

    def _update(self) -> None:
        snapshot = self._users.snapshot
        if snapshot.version == self._version:
            return
        styles = {style.name: style for encoder, style in snapshot.styles.values() if encoder == self._encoder}
        styles.update((name, style) for name in self._own.names() if (style := self._own.get(name)) is not None)
        self._styles, self._names, self._version = styles, tuple(sorted(styles)), snapshot.version


def _style_of(row: sa.Row[tuple[object, ...]]) -> StoredStyle:
    vector = np.frombuffer(row.vector, "<f4").astype(np.float32).reshape(PARTS, -1)
    return StoredStyle(
        name=row.name,
        description=row.description,
        provenance=row.provenance,
        neutral=False,
        vector=vector,
        contents=(),
        source=row.source,
        owner=row.owner,
        create_time=datetime.fromtimestamp(row.create_time / 1e6, timezone.utc),
    )
