"""Presets of style and scene, as they came."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from strut_proto.v1 import style_service_pb2
from strut_server.storage import tables
from strut_server.storage.database import Database, now_us, take_turn


class TooManyPresetsError(ValueError):
    """The owner has as many presets as may be."""


class Presets:
    """The presets of a database. Everything blocks.

    Args:
        database: where they are stored.
        limit: most presets of one owner.
    """

    def __init__(self, database: Database, limit: int) -> None:
        self._database = database
        self._limit = limit

    def names(self) -> list[str]:
        """All names, sorted.

        Raises:
            StorageError: the database cannot be reached.
        """
        with self._database.reading() as connection:
            # Sorted here, since databases have other ideas of an order than pages of lists need.
            return sorted(connection.execute(sa.select(tables.presets.c.name)).scalars())

    def read(self, names: Sequence[str]) -> list[style_service_pb2.Preset]:
        """Presets by their names, sorted; those that are gone are left out.

        Raises:
            StorageError: the database cannot be reached.
        """
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(tables.presets).where(tables.presets.c.name.in_(names))).all()
        return sorted((_preset_of(row) for row in rows), key=lambda preset: preset.name)

    def save(self, preset: style_service_pb2.Preset, owner: str) -> style_service_pb2.Preset:
        """Store a preset in place of one of the same name, and give it back as it was stored.

        Raises:
            TooManyPresetsError: the owner has as many as may be.
            StorageError: the database cannot be reached.
        """
        kept = style_service_pb2.Preset()
        kept.CopyFrom(preset)
        kept.ClearField("owner")
        kept.ClearField("update_time")
        values = {"owner": owner, "update_time": now_us(), "message": kept.SerializeToString()}
        columns = tables.presets.c
        with self._database.writing() as connection:
            take_turn(connection)  # of two that save the same new name the second must find it
            changed = connection.execute(sa.update(tables.presets).where(columns.name == kept.name).values(values))
            if changed.rowcount == 0:
                count = connection.execute(sa.select(sa.func.count()).where(columns.owner == owner)).scalar_one()
                if count >= self._limit:
                    raise TooManyPresetsError(owner)
                connection.execute(sa.insert(tables.presets).values(name=kept.name, **values))
            row = connection.execute(sa.select(tables.presets).where(columns.name == kept.name)).one()
        return _preset_of(row)

    def delete(self, name: str) -> bool:
        """Delete a preset; False where there is none of that name.

        Raises:
            StorageError: the database cannot be reached.
        """
        with self._database.writing() as connection:
            deleted = connection.execute(sa.delete(tables.presets).where(tables.presets.c.name == name)).rowcount
        return deleted > 0


def _preset_of(row: sa.Row[tuple[object, ...]]) -> style_service_pb2.Preset:
    preset = style_service_pb2.Preset.FromString(row.message)
    preset.owner = row.owner
    preset.update_time.FromMicroseconds(row.update_time)
    return preset
