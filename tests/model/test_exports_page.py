"""The web page: the motion inside it is exact, it asks the network for nothing, and a real browser plays it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from tests.recordings import recording, walking

from strut_model.codec import decode_quat48
from strut_model.exports.page import build_page, write_page
from strut_model.exports.recording import Recording

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
# WebGL by software, no sandbox (which containers lack), and none of the browser's own talk with the network.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--window-size=480,360",
    "--enable-logging=stderr",
)

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


def embedded(page: str) -> dict[str, Any]:
    """The recording inside a page."""
    found = re.search(r'<script type="application/json" id="recording">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def array(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


def browse(address: str, tmp_path: Path, *extra: str) -> tuple[str, str]:
    """Loads a page; what the browser printed and what its console said."""
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run([*command, *extra, address], capture_output=True, text=True, timeout=300, check=False)
    # A screenshot makes the driver speak of its own read-back.
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line and "ReadPixels" not in line]
    return done.stdout, "\n".join(console)


def test_the_motion_in_the_page_is_the_recordings() -> None:
    motion = walking(45)
    (character,) = embedded(build_page([recording(45)]))["characters"]
    rotations = decode_quat48(array(character["rotations"], "<u2").reshape(45, 22, 3)).astype(float)
    dots = np.abs(np.sum(rotations * motion.rotations, axis=-1)).clip(0, 1)
    assert np.degrees(2 * np.arccos(dots)).max() < 0.05
    root = array(character["root"], "<f4").reshape(45, 3)
    np.testing.assert_array_equal(root[:, :2], motion.root_position)
    np.testing.assert_array_equal(root[:, 2], motion.root_heading)
    np.testing.assert_array_equal(array(character["pelvis"], "<f4").reshape(45, 3), motion.pelvis)
    assert array(character["contacts"], "u1").tolist() == [3] * 15 + [12] * 15 + [3] * 15
    assert [style[:2] for style in character["styles"]] == [[0, "normal"], [22, "youthful"]]


def test_the_page_names_no_address_but_the_svg_namespace_and_forbids_itself_the_network() -> None:
    page = build_page([recording()], notes=["one"])
    assert set(re.findall(r"https?://[^\"'\s]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=\"(?!data:)", page)


def test_text_cannot_break_out_of_the_page() -> None:
    title = '</script><script>alert("x")</script>'
    page = build_page([Recording(walking(4), title=title)], notes=[title])
    assert "<script>alert" not in page
    assert embedded(page)["title"] == title
    assert embedded(page)["notes"] == [title]


def test_no_recording_or_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one or more expected, got none"):
        build_page([])
    with pytest.raises(ValueError, match=r"walk\.txt.*\.html"):
        write_page([recording()], tmp_path / "walk.txt")


WATCHER = """<!doctype html><iframe id="page" src="walk.html" width="460" height="330"></iframe><img src="hold.png">
<script>
const page = document.getElementById("page"), times = [], pictures = [];
const small = Object.assign(document.createElement("canvas"), { width: 92, height: 66 })
  .getContext("2d", { willReadFrequently: true });
function look() {
  const inside = page.contentDocument, clock = inside.getElementById("clock");
  times.push(parseFloat(clock.textContent));
  small.drawImage(inside.getElementById("view"), 0, 0, 92, 66);
  pictures.push(Array.from(small.getImageData(0, 0, 92, 66).data));
  if (new Set(times).size < 6 && times.length < 300) return page.contentWindow.requestAnimationFrame(look);
  const seen = { times, pictures: [pictures[0], pictures[pictures.length - 1]],
    failure: inside.getElementById("failure").textContent, notes: inside.getElementById("notes").textContent,
    stances: inside.querySelectorAll("rect").length };
  fetch("seen", { method: "POST", body: JSON.stringify(seen) });
}
// After the page's own drawing of the same frame, while its picture is still there to be read.
page.onload = () => page.contentWindow.requestAnimationFrame(look);
</script>"""
"""Looks into the page from outside until its clock has moved on five times, and tells the test what it saw."""


class _Handler(BaseHTTPRequestHandler):
    """Serves the page and its watcher; the watcher's picture never loads before all is seen, so the browser stays."""

    pages: ClassVar[dict[str, str]] = {}
    seen: ClassVar[dict[str, Any]] = {}
    done: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        name = self.path.strip("/")
        if name == "hold.png":
            self.done.wait(120)
        self.send_response(200 if name in self.pages else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.pages.get(name, "").encode())

    def do_POST(self) -> None:
        self.seen.update(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()
        self.done.set()

    def log_message(self, *args: object) -> None:
        """Keeps quiet."""


@needs_browser
def test_a_browser_plays_the_page_without_an_error(tmp_path: Path) -> None:
    _Handler.pages = {"walk.html": build_page([recording(900)], notes=["measured"]), "watch.html": WATCHER}
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _, console = browse(f"http://127.0.0.1:{server.server_port}/watch.html", tmp_path, "--dump-dom")
        server.shutdown()
    seen = _Handler.seen
    assert seen["times"] == sorted(seen["times"])
    assert len(set(seen["times"])) == 6
    assert seen["failure"] == ""
    assert seen["notes"] == "measured"
    assert seen["stances"] == 60  # one each half second
    assert [line for line in console.splitlines() if "hold.png" not in line] == []
    before, after = (np.array(picture).reshape(66, 92, 4)[8:44, 23:69, :3] for picture in seen["pictures"])
    assert (np.ptp(before, axis=-1) > 60).mean() > 0.02  # a coloured body
    assert (np.abs(before - after).max(axis=-1) > 30).mean() > 0.02  # that moves


@needs_browser
def test_an_address_with_a_time_opens_the_page_at_it(tmp_path: Path) -> None:
    page = tmp_path / "walk.html"
    write_page([recording(90)], page)
    dom, _ = browse(f"{page.as_uri()}#t=1.3", tmp_path, "--dump-dom", "--virtual-time-budget=2000")
    assert 'id="clock">1.30 s<' in dom
    assert 'aria-label="Play"' in dom
