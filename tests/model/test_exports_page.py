"""The web page: the motion inside it is exact, it asks the network for nothing, and a real browser plays it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
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


def browse(page: str, tmp_path: Path, *extra: str) -> tuple[str, str]:
    """Loads a page for a second and a half of virtual time; what the browser printed and what its console said."""
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=1500"]
    done = subprocess.run([*command, *extra, page], capture_output=True, text=True, timeout=300, check=False)
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


@needs_browser
def test_a_browser_plays_the_page_without_an_error(tmp_path: Path) -> None:
    page = tmp_path / "walk.html"
    write_page([recording(90)], page, title="A walk", notes=["measured"])
    dom, console = browse(page.as_uri(), tmp_path, "--dump-dom")
    assert console == ""
    assert re.search(r'id="failure"[^>]*hidden', dom)
    clock = re.search(r'id="clock">([\d.]+) s<', dom)
    assert clock
    assert 0.1 < float(clock[1]) < 2.9
    assert "measured" in dom
    assert dom.count("<rect") >= 5  # stances on the timeline


@needs_browser
def test_what_a_browser_draws_changes_over_time(tmp_path: Path) -> None:
    page = tmp_path / "walk.html"
    write_page([recording(90)], page)
    pictures = []
    for seconds in (0.2, 2.3):
        shot = tmp_path / f"{seconds}.png"
        browse(f"{page.as_uri()}#t={seconds}", tmp_path, f"--screenshot={shot}")
        with Image.open(shot) as image:
            pictures.append(np.asarray(image.convert("RGB")).astype(int))
    height, width = pictures[0].shape[:2]
    # The view without heading and panel.
    before, after = (p[40 : height - 120, width // 4 : 3 * width // 4] for p in pictures)
    assert (np.ptp(before, axis=-1) > 60).mean() > 0.02  # a coloured body
    assert (np.abs(before - after).max(axis=-1) > 30).mean() > 0.02
