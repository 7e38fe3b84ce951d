"""A browser, a server with the shipped bundle, and the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.console.browser import CHROMIUM, Console, chromium

from strut_server.local import LocalServer, local_server
from strut_server.settings import ServerSettings


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    if CHROMIUM is None:
        pytest.skip("no browser: chromium is not installed")
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def server() -> Iterator[LocalServer]:
    """A server with the shipped bundle, whose styles look as their names say."""
    with local_server(ServerSettings(port=0, console_port=0)) as running:
        yield running


@pytest.fixture
def console(browser: Browser, server: LocalServer) -> Iterator[Console]:
    """The page, with one character under way; at the end nothing may have been complained of."""
    assert server.console_url is not None
    opened = Console(browser, server.console_url)
    opened.streaming()
    yield opened
    complaints = list(opened.complaints)
    opened.close()
    assert complaints == []
