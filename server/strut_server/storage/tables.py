"""The database's tables, as the newest migration leaves them. Times are microseconds since 1970, UTC."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

styles = sa.Table(
    "styles",
    metadata,
    # Never used twice, so that a server finds what is new by the number alone.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("description", sa.String(500), nullable=False),
    sa.Column("source", sa.Integer, nullable=False),
    sa.Column("provenance", sa.String(1000), nullable=False),
    sa.Column("owner", sa.String(64), nullable=False, index=True),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    # SHA-256 of the encoder whose codes the vector is made of: to another model it means nothing.
    sa.Column("encoder", sa.String(64), nullable=False),
    # Float32, little-endian, part after part.
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

presets = sa.Table(
    "presets",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False, index=True),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    # The contract's Preset without owner and time: it keeps what later versions of the contract add.
    sa.Column("message", sa.LargeBinary, nullable=False),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("state", sa.Integer, nullable=False),
    sa.Column("progress", sa.Float, nullable=False),
    sa.Column("message", sa.String(500), nullable=False),
    sa.Column("create_time", sa.BigInteger, nullable=False),
    sa.Column("update_time", sa.BigInteger, nullable=False),
    sa.Column("error", sa.LargeBinary, nullable=True),
    sa.Column("style", sa.String(64), nullable=True),
    sa.Column("cancelled", sa.Boolean, nullable=False),
    # Last sign of life of the server that works on it.
    sa.Column("beat", sa.BigInteger, nullable=False),
)

changes = sa.Table(
    "changes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # Counts the changes of the styles. Whoever writes takes this row first, so writers come one after another.
    sa.Column("styles", sa.BigInteger, nullable=False),
)
