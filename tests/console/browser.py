"""A real browser on the console's page, driven as a user would, and what is on the stage as numbers."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
PATIENCE = 120.0
"""Seconds: the machine may be busy with other things, and draws in software."""
LAPTOP, TABLET, SMALL = (1366, 768), (820, 1180), (1200, 620)
# Everything that the page's policy or its script complains of ends up here; the server's going away is not its fault.
EXPECTED = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED_ENCODING")

Value = TypeVar("Value")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser that draws WebGL in software."""
    flags = [
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--ignore-gpu-blocklist",
        "--disable-dev-shm-usage",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser
        finally:
            browser.close()


def until(found: Callable[[], Value | None], what: str, patience: float = PATIENCE) -> Value:
    """Wait for something to be there; its value."""
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        value = found()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {patience:g} s: {what}")


class Console:
    """The page in one tab.

    Args:
        browser: where it is opened.
        url: of the console.
        size: of the window, pixels.
        quality: of the picture; the simplest by default, since it is drawn in software.
    """

    def __init__(self, browser: Browser, url: str, size: tuple[int, int] = SMALL, quality: str = "low") -> None:
        self.url = f"{url}?quality={quality}"
        self.page: Page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        self.page.set_default_timeout(PATIENCE * 1000)
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", self._on_console)
        self.page.goto(self.url)

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in EXPECTED):
            self.complaints.append(f"{message.type}: {message.text}")

    def reload(self) -> None:
        """As the user would."""
        self.page.reload()

    def close(self) -> None:
        """Close the tab."""
        self.page.close()

    # What is there.

    def state(self, field: str) -> Any:
        """A field of what the panels show."""
        return self.page.evaluate(f"window.strut?.store.getState().{field}")

    def snapshot(self, slot: int = 0) -> dict[str, Any]:
        """A character as it is on screen."""
        return self.page.evaluate(f"window.strut?.director.snapshot({slot})") or {}

    def figures(self) -> dict[str, Any]:
        """What the page has measured."""
        found: dict[str, Any] = self.page.evaluate("window.strut.director.figures()")
        return found

    def joints(self, slot: int = 0) -> np.ndarray:
        """Places of a character's joints, (22, 3) metres."""
        return np.array(self.snapshot(slot)["joints"]).reshape(22, 3)

    def watch(self, seconds: float, slots: int = 1) -> np.ndarray:
        """Joints over some seconds of motion, (slots, frames, 22, 3)."""
        rows, begin = [], self.snapshot()["playhead"]
        while self.snapshot()["playhead"] < begin + 30 * seconds:
            rows.append([self.joints(slot) for slot in range(slots)])
            time.sleep(0.05)
        return np.array(rows).swapaxes(0, 1)

    # What a user does.

    def streaming(self, slot: int = 0) -> None:
        """Wait until a character moves with motion of the server."""

        def moving() -> bool:
            now = self.snapshot(slot)
            return now.get("state") == "Streaming" and now["failure"] == ""

        until(moving, f"character {slot} streams; {self.state('connection')}, {self.state('failure')}")

    def settled(self, slot: int = 0, frames: int = 45) -> None:
        """Wait until some frames have gone by with what was asked for last."""
        begin = self.snapshot(slot)["playhead"]
        until(lambda: self.snapshot(slot)["playhead"] > begin + frames, f"{frames} frames of character {slot}")
        self.streaming(slot)

    def button(self, name: str) -> Locator:
        """A button by its exact name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def tab(self, name: str) -> None:
        """Open a panel."""
        self.page.get_by_role("tab", name=name).click()

    def slide(self, name: str, key: str, times: int = 1) -> None:
        """Press a key on a slider."""
        thumb = self.page.get_by_role("slider", name=name, exact=True)
        thumb.focus()
        for _ in range(times):
            thumb.press(key)

    def violations(self) -> list[str]:
        """What axe-core finds wrong with the page as it is."""
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:160]}" for one in found]
