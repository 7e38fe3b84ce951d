"""A real bundle and real servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bundles import tiny_bundle
from tests.server.postgresql import PostgreSql, missing_postgresql, running_postgresql

from strut_server.local import LocalServer, local_server
from strut_server.settings import ServerSettings


@pytest.fixture(scope="session")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny bundle with real ONNX graphs."""
    return tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture(scope="session", autouse=True)
def _own_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`strut serve` in tests stores nothing among the user's own files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRUT_DATABASE", f"sqlite:///{tmp_path_factory.mktemp('database') / 'strut.db'}")
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSql]:
    """A PostgreSQL server of the tests' own; skipped, with the reason, where it is not installed."""
    reason = missing_postgresql()
    if reason is not None:
        pytest.skip(f"PostgreSQL is not tested: {reason}")
    with running_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'styles.db'}"
    running: PostgreSql = request.getfixturevalue("postgresql")
    return running.new_database()


@pytest.fixture(scope="session")
def server(bundle_path: Path) -> Iterator[LocalServer]:
    """A server as it is by default."""
    with local_server(ServerSettings(port=0, bundle=bundle_path)) as running:
        yield running


@pytest.fixture(scope="session")
def other_server(bundle_path: Path) -> Iterator[LocalServer]:
    """Another replica, which remembers nothing of what the first one did."""
    with local_server(ServerSettings(port=0, bundle=bundle_path)) as running:
        yield running


@pytest.fixture(scope="session")
def patient_server(bundle_path: Path) -> Iterator[LocalServer]:
    """A server that waits long for company, so that requests lie in its queue; it holds four."""
    settings = ServerSettings(
        port=0, bundle=bundle_path, max_batch_delay_ms=1000.0, eager_batches=False, queue_capacity=4
    )
    with local_server(settings) as running:
        yield running
