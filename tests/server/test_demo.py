"""The demo streams through a real server on the loopback address and writes what it streamed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from tests.bundles import tiny_bundle

from strut_client import Client
from strut_model.bundle import Bundle, load_bundle
from strut_server.demo import STAGES, demo, latency_lines, open_page, plan_tour, stage_medians, stream
from strut_server.local import local_server
from strut_server.settings import ServerSettings


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(tiny_bundle(tmp_path_factory.mktemp("bundle")))


def run(bundle: Bundle, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(demo, ["--bundle", str(bundle.path), "--no-browser", *arguments])
    return result.exit_code, result.output


def embedded(page: Path) -> dict[str, Any]:
    found = re.search(r'id="recording">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_what_the_server_streams_follows_the_tour_and_changes_style_on_it(bundle: Bundle) -> None:
    """The tiny student walks its root along the trajectory that it is sent."""
    tour = plan_tour(bundle, "normal,youthful", "walk", "circle", 3.0, 2)
    with local_server(ServerSettings(port=0, bundle=bundle.path)) as server, Client(server.address) as client:
        made = stream(client, tour, "walk", 1, 0)
    assert [r.frames for r in made.recordings] == [90, 90]
    assert [list(r.styles) for r in made.recordings] == [
        [(0, "normal"), (45, "youthful")],
        [(0, "youthful"), (45, "normal")],
    ]
    for number, recording in enumerate(made.recordings):
        assert np.abs(recording.motion.root_position - tour.positions[number]).max() < 0.1
    # Two characters and 8 frames of each window: 12 rounds.
    assert len(made.timings) == 24


def test_the_latency_summary_names_every_stage_and_adds_up(bundle: Bundle) -> None:
    tour = plan_tour(bundle, None, "walk", "straight", 1.0, 1)
    with local_server(ServerSettings(port=0, bundle=bundle.path)) as server, Client(server.address) as client:
        made = stream(client, tour, "walk", 1, 0)
    text = "\n".join(latency_lines(made))
    for name, _ in STAGES:
        assert name in text
    medians = stage_medians(made.timings)
    assert min(medians.values()) >= 0
    for timing in made.timings:
        stages = sum(getattr(timing, field) for _, field in STAGES)
        assert 0 < stages <= timing.round_trip_ns


def test_the_command_writes_a_page_and_a_film_and_prints_where_the_time_went(bundle: Bundle, tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    page, film = tmp_path / "demo.html", tmp_path / "demo.gif"
    code, output = run(
        bundle, "--seconds", "1", "--styles", "active,elderly", "--out", str(page), "--preview", str(film)
    )
    assert code == 0, output
    data = embedded(page)
    assert [style[:2] for style in data["characters"][0]["styles"]] == [[0, "active"], [15, "elderly"]]
    assert any("real time" in note for note in data["notes"])
    assert "inference" in output
    assert str(page) in output
    with Image.open(film) as picture:
        assert picture.n_frames == 15


def test_without_a_choice_the_demo_begins_neutral_and_shows_the_bundles_styles(bundle: Bundle) -> None:
    tour = plan_tour(bundle, None, "walk", "figure8", 8.0, 1)
    assert [name for _, name in tour.styles[0]] == ["normal", "youthful", "active", "elderly"]
    assert [first for first, _ in tour.styles[0]] == [0, 60, 120, 180]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--styles", "normal,yuthful"), "--styles: style 'yuthful' is unknown; did you mean youthful?"),
        (("--content", "wlak"), "--content: content 'wlak' is unknown; did you mean walk"),
        (("--path", "0,0"), "--path: '0,0' has 1 point; at least two are needed"),
        (("--out", "demo.pdf"), "--out: demo.pdf ends in '.pdf'; allowed: .html"),
        (("--preview", "nowhere/demo.mp4"), "--preview: nowhere is no folder"),
    ],
)
def test_a_wrong_option_is_named_before_anything_starts(
    bundle: Bundle, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, output = run(bundle, "--out", str(tmp_path / "demo.html"), *arguments)
    assert code == 2
    assert message in " ".join(output.split())
    assert "Server on" not in output
    assert not list(tmp_path.iterdir())


def test_a_machine_without_a_screen_is_not_made_to_open_a_browser(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert not open_page((tmp_path / "demo.html").as_uri())
