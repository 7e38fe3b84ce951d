"""Styles of clips measured in small: references, rigs, unseen styles, a folder of files, and the report."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from tests.bundles import tiny_bundle
from tests.model.rigs import Rig, build, walking
from tests.model.walkers import standing_motion

from strut_model.bundle import load_bundle
from strut_model.bvh import format_bvh
from strut_model.clip import Clip
from strut_model.contacts import foot_contacts
from strut_model.data.pack import Pack, write_pack
from strut_model.data.split import Split
from strut_model.evaluation.commands import evaluate
from strut_model.evaluation.judges import JUDGE_NAMES, Judgement, Judges
from strut_model.evaluation.protocol import Protocol
from strut_model.evaluation.recognition import Verdicts, Window
from strut_model.evaluation.style_references import held_out_references
from strut_model.evaluation.style_suite import top

FRAMES = 150


def clip_of(style: str, content: str, take: int, speed: float) -> Clip:
    motion = standing_motion(FRAMES, speed, heading=0.3 * take)
    return Clip(
        name=f"{content}_{style}_{take}",
        pelvis=motion.world_pelvis().astype(np.float32),
        rotations=motion.world_rotations().astype(np.float32),
        contacts=foot_contacts(motion.positions()),
        content=content,
        style=style,
        take=str(take),
        dataset="bandai-namco-2",
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Gliding figures in three styles, of which the bundle knows two, and a folder with a good and a bad file."""
    folder = tmp_path_factory.mktemp("styles")
    clips = [
        clip_of(style, content, take, speed)
        for style in ("normal", "active", "tired")
        for content, speed in (("walk", 0.8), ("run", 2.8))
        for take in range(2)
    ]
    write_pack(folder / "pack", clips)
    Split({c.name: [("held_out" if c.take == "0" else "train", 0, c.frames)] for c in clips}).write(
        folder / "split.json"
    )
    tiny_bundle(folder / "bundle")
    (folder / "files").mkdir()
    (folder / "files" / "good.bvh").write_text(format_bvh(build(Rig(), walking(90))))
    (folder / "files" / "bad.bvh").write_text("HIERARCHY\n")
    return {name: folder / name for name in ("pack", "bundle", "files")} | {"split": folder / "split.json"}


def test_references_are_held_out_and_of_many_contents(world: dict[str, Path]) -> None:
    judges = Judges()
    split = Split.read(world["split"])
    protocol = Protocol(load_bundle(world["bundle"]), Pack(world["pack"]), split, judges.styles, judges.contents)
    found = held_out_references(protocol, ["normal", "tired"], 5)
    assert {r.clip for r in found} == {"walk_normal_0", "run_normal_0", "walk_tired_0", "run_tired_0"}
    assert len({r.content for r in held_out_references(protocol, ["normal"], 2)}) == 2
    assert all(r.motion.frames == FRAMES for r in found)


def test_among_the_first_three_counts_ranks_and_the_lower_judge() -> None:
    judges = SimpleNamespace(styles=["a", "b", "c", "d", "e"])
    motion = standing_motion(60)
    windows = [Window(motion, style, "walk", f"{style}{i}", "set") for style in "ae" for i in range(2)]
    rows = np.log(np.array([[0.4, 0.3, 0.15, 0.1, 0.05]] * 4))
    better = np.log(np.array([[0.4, 0.1, 0.05, 0.15, 0.3]] * 4))
    said = dict(zip(JUDGE_NAMES, (Judgement(r, rows, rows) for r in (rows, better))))
    verdicts = Verdicts(windows, said, judges)  # type: ignore[arg-type]
    # One judge has e last, the other second; a is first for both.
    assert top(verdicts, 3).value == pytest.approx(0.5)
    assert top(verdicts, 5).value == pytest.approx(1.0)


def test_the_command_measures_clips_names_rigs_unseen_styles_and_files(world: dict[str, Path], tmp_path: Path) -> None:
    arguments = [
        "style", "--bundle", str(world["bundle"]), "--data", str(world["pack"]), "--split", str(world["split"]),
        "--references", "2", "--rig", str(world["files"] / "good.bvh"), "--folder", str(world["files"]), "--rigs",
        "--out", str(tmp_path), "--quiet",
    ]  # fmt: skip
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "style.json").read_text(encoding="utf-8"))
    rows = report["rows"]
    assert {"clip", "named", "real", "clip of an unseen style", "rig of good.bvh", "long legs"} <= set(rows)
    assert set(report["metrics"]) == {"zero_shot_rank1", "unseen_style_rank1", "unseen_style_top3"}
    # The tiny student glides on in its pose whatever it is told: every vector gives the same verdicts.
    for row in ("rig of good.bvh", "long legs"):
        assert rows[row]["style_less_clip"]["value"] == 0.0
        assert rows[row]["cosine_to_original"]["value"] > 0.9
    assert rows["clip"]["content_less_named"]["value"] == 0.0
    assert set(report["by_style"]["clip of an unseen style"]) == {"tired"}
    assert (report["folder"]["files"], report["folder"]["made"]) == (2, 1)
    assert "bad.bvh" in report["folder"]["reasons"]
    assert "1 of 2 files of the folder became styles" in (tmp_path / "style.md").read_text(encoding="utf-8")


def test_a_style_without_clips_is_refused_with_those_that_have_some(world: dict[str, Path], tmp_path: Path) -> None:
    arguments = [
        "style", "--bundle", str(world["bundle"]), "--data", str(world["pack"]), "--split", str(world["split"]),
        "--style", "proud", "--out", str(tmp_path),
    ]  # fmt: skip
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 1
    assert "no clips of proud; allowed: active, normal, tired" in result.output
