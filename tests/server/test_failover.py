"""A server that is killed under its characters, and the one that goes on with them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from strut_client import Client, Plan
from strut_server.bench.commands import bench
from strut_server.bench.failover import SUCCESSORS, failover, path_at, place_at
from strut_server.local import LocalServer

CHARACTERS = 6
STYLES = ("normal", "active")


@pytest.mark.parametrize("successor", SUCCESSORS)
def test_a_killed_servers_characters_go_on_as_if_nothing_had_happened(
    successor: str, bundle_path: Path, server: LocalServer
) -> None:
    found = failover(["--bundle", str(bundle_path)], STYLES, CHARACTERS, 1.2, successor)
    assert found.lost == found.gaps == 0
    assert [walk.error for walk in found.walks] == [None] * CHARACTERS
    assert all(0 < index < len(walk.windows) for index, walk in zip(found.resumed, found.walks) if index is not None)
    # The same walks on a server that nobody kills.
    with Client(server.address) as client:
        walkers = [
            client.character(STYLES[number % len(STYLES)], "walk", position=place_at(number, 0.0))
            for number in range(CHARACTERS)
        ]
        for round_number in range(max(len(walk.windows) for walk in found.walks)):
            plans = [Plan(path_at(number, walker.frame)) for number, walker in enumerate(walkers)]
            for walk, window in zip(found.walks, client.advance(walkers, plans)):
                if round_number < len(walk.windows):
                    walked = walk.windows[round_number]
                    assert walked.start_frame == window.start_frame
                    np.testing.assert_allclose(walked.motion.positions(), window.motion.positions(), atol=2e-3)


def test_the_report_judges_the_resume(bundle_path: Path, tmp_path: Path) -> None:
    arguments = ["failover", "--bundle", str(bundle_path), "--characters", "3", "--seconds", "1.4"]
    result = CliRunner().invoke(bench, [*arguments, "--max-ratio", "0", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "allowed: 0)" in result.output
    found = json.loads((tmp_path / "failover.json").read_text(encoding="utf-8"))
    assert found["lost"] == found["gaps"] == 0
    assert found["start_s"] > 0
    assert found["resume_s"]["max"] <= found["outage_s"]["max"]
    assert found["ratio"] == pytest.approx(found["resume_max"] / found["undisturbed_p99_9"])
    assert 0 < found["ordinary_ratio"] <= found["undisturbed_max"] / found["undisturbed_p99_9"]
