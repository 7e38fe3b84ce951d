"""Styles, presets, operations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "styles",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("provenance", sa.String(1000), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False, index=True),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("encoder", sa.String(64), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "presets",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False, index=True),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "operations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("message", sa.String(500), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.BigInteger, nullable=False),
        sa.Column("error", sa.LargeBinary, nullable=True),
        sa.Column("style", sa.String(64), nullable=True),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
    )
    changes = op.create_table(
        "changes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("styles", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(changes, [{"id": 1, "styles": 0}])


def downgrade() -> None:
    """Drop the tables."""
    for name in ("changes", "operations", "presets", "styles"):
        op.drop_table(name)
