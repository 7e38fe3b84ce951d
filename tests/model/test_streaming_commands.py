"""``strut bench model`` measures windows beside the bare network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests import bundles as tiny

from strut_model.streaming.commands import bench_model


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.tiny_bundle(Path(tmp_path_factory.mktemp("bundle")))


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(bench_model, list(arguments))
    return result.exit_code, result.output


def test_the_benchmark_prints_a_row_for_every_combination_and_writes_them(directory: Path, tmp_path: Path) -> None:
    output = tmp_path / "rows.json"
    code, text = run(
        "--bundle", str(directory), "--batch", "1,3", "--steps", "1,2", "--rounds", "3", "--json", str(output)
    )
    assert code == 0, text
    document = json.loads(output.read_text())
    assert [(row["batch"], row["steps"]) for row in document["rows"]] == [(1, 1), (1, 2), (3, 1), (3, 2)]
    for row in document["rows"]:
        assert row["window_ms"] > row["network_ms"] > 0
        assert row["ratio"] > 1
        assert row["window_ms"] == pytest.approx(row["per_character_ms"] * row["batch"])
    assert "ratio" in text
    assert "ms/character" in text


def test_a_scene_is_timed_against_the_same_characters_without_it(directory: Path, tmp_path: Path) -> None:
    knowing = tiny.tiny_bundle(tmp_path / "scene", scene=True)
    options = ("--batch", "2", "--steps", "1", "--rounds", "3", "--scene", "deep-snow")
    code, text = run("--bundle", str(knowing), *options)
    assert code == 0, text
    code, text = run("--bundle", str(directory), *options)
    assert code == 1
    assert "knows no scenes" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--batch", "1,x"), "'1,x' is not a list of numbers"),
        (("--batch", "0"), "'0' holds a number below 1"),
        (("--steps", "3"), "3 is not among this bundle's: 1, 2, 4"),
        (("--scene", "icy"), "nearest: ice"),
    ],
)
def test_wrong_numbers_are_refused(directory: Path, arguments: tuple[str, ...], message: str) -> None:
    code, text = run("--bundle", str(directory), *arguments)
    assert code == 2
    assert message in text


def test_a_missing_bundle_is_said(tmp_path: Path) -> None:
    code, text = run("--bundle", str(tmp_path / "none"))
    assert code == 1
    assert "no such bundle directory" in text
