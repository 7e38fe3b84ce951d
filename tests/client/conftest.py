"""Fixtures of the client's tests: a tiny bundle and a real server of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bundles import tiny_bundle
from tests.client.servers import ServerProcess, serving

import strut_client


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle that the server serves."""
    return tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="session")
def server(bundle: Path) -> Iterator[ServerProcess]:
    """A server for tests that leave it as it is."""
    with serving(bundle) as process:
        yield process


@pytest.fixture
def client(server: ServerProcess) -> Iterator[strut_client.Client]:
    """A synchronous client of that server."""
    with strut_client.Client(server.address) as connected:
        yield connected
