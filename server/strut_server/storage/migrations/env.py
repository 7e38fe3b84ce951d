"""Runs migrations on the connection that `storage.database` hands over, within its transaction."""

from __future__ import annotations

from alembic import context

from strut_server.storage.tables import metadata

# Alembic runs this file; whoever merely imports it has no configuration.
if hasattr(context, "config"):
    context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
    context.run_migrations()
