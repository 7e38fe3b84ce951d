"""The `strut data` commands, run as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.model.rigs import Rig, walking
from tests.model.test_data_importing import mixamo_names, put

from strut_model.data.commands import data
from strut_model.data.pack import Pack


def run(*arguments: object) -> Result:
    return CliRunner().invoke(data, [str(a) for a in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path / "in", "calm_walk_1.bvh", Rig(names=mixamo_names()), walking(60))
    put(tmp_path / "in", "angry_walk_1.bvh", Rig(names=mixamo_names()), walking(50, seed=3))
    (tmp_path / "in" / "sad_walk_1.bvh").write_text("HIERARCHY\n", encoding="utf-8")
    return tmp_path / "in"


def test_an_import_ends_with_a_summary_and_the_reasons(folder: Path, tmp_path: Path) -> None:
    result = run(
        "import", folder, "--preset", "pattern", "--pattern", "{style}_{content}_{take}", "--out", tmp_path / "p",
        "--workers", 1,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "2 clips, 110 frames" in result.output
    assert "rig mixamo: 2 files, T-pose rest, cm, y up" in result.output
    assert "1 files skipped" in result.output
    assert "sad_walk_1.bvh: sad_walk_1.bvh, line" in result.output
    assert len(Pack(tmp_path / "p")) == 2


def test_info_counts_styles_and_contents(folder: Path, tmp_path: Path) -> None:
    run("import", folder, "--preset", "pattern", "--pattern", "{style}_{content}_{take}", "--out", tmp_path / "p",
        "--workers", 1)  # fmt: skip
    text = run("info", tmp_path / "p")
    assert text.exit_code == 0
    assert "2 clips, 110 frames" in text.output
    assert "1 files were skipped" in text.output
    found = json.loads(run("info", tmp_path / "p", "--json").output)
    assert found["styles"] == ["angry", "calm"]
    assert {"style": "calm", "content": "walk", "clips": 1, "frames": 60} in found["pairs"]


def test_check_shows_the_mapping_of_a_file(folder: Path) -> None:
    result = run("check", folder / "calm_walk_1.bvh")
    assert result.exit_code == 0
    assert "naming scheme  mixamo" in result.output
    assert "left_hip        mixamorig:LeftUpLeg" in result.output


def test_merge_joins_packs(folder: Path, tmp_path: Path) -> None:
    for style in ("calm", "angry"):
        (tmp_path / style).mkdir()
        (folder / f"{style}_walk_1.bvh").rename(tmp_path / style / f"{style}_walk_1.bvh")
        run("import", tmp_path / style, "--preset", "pattern", "--pattern", "{style}_{content}_{take}",
            "--out", tmp_path / f"p-{style}", "--workers", 1)  # fmt: skip
    result = run("merge", tmp_path / "p-calm", tmp_path / "p-angry", "--out", tmp_path / "both")
    assert result.output.startswith("2 clips in")
    assert {c.style for c in Pack(tmp_path / "both").clips} == {"calm", "angry"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "pattern"], "pattern: missing"),
        (["--preset", "folders"], "none of 3 files could be imported"),
        (["--units", "furlong"], "units: 'furlong', allowed: m, cm, mm, inch"),
        (["--mapping", "MAP"], r"unknown key 'bones'"),
    ],
)
def test_what_cannot_work_ends_with_one_clear_line(
    folder: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "map.yaml").write_text("bones: {}\n", encoding="utf-8")
    given = [str(tmp_path / "map.yaml") if a == "MAP" else a for a in arguments]
    result = run("import", folder, "--out", tmp_path / "p", "--workers", 1, *given)
    assert result.exit_code == 1
    assert message in result.output
    assert result.output.startswith("Error: ") or "\nError: " in result.output
    assert not (tmp_path / "p").exists()


def test_a_broken_file_or_pack_is_said_to_be_one(folder: Path) -> None:
    broken = run("check", folder / "sad_walk_1.bvh")
    assert broken.exit_code == 1
    assert "expected" in broken.output
    no_pack = run("info", folder)
    assert no_pack.exit_code == 1
    assert "no index.json" in no_pack.output
