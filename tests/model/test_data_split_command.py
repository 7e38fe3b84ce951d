"""`strut data split`: which clips of a packed data set train and which are held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from strut_model.clip import Clip
from strut_model.data.commands import data
from strut_model.data.pack import write_pack
from strut_model.data.split import Split
from strut_model.skeleton import JOINTS, PELVIS_REST_HEIGHT

FRAMES = 200


def standing(style: str, content: str, take: int) -> Clip:
    """A clip of somebody who stands still."""
    rotations = np.zeros((FRAMES, JOINTS, 4), dtype=np.float32)
    rotations[..., 3] = 1
    pelvis = np.tile(np.array([0, PELVIS_REST_HEIGHT, 0], dtype=np.float32), (FRAMES, 1))
    contacts = np.ones((FRAMES, 4), dtype=np.float32)
    name = f"{style}_{content}_{take}"
    return Clip(name, pelvis, rotations, contacts, content=content, style=style, take=str(take), dataset="own")


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packs") / "own"
    takes = [standing("calm", "wait", take) for take in range(20)]
    write_pack(path, [*takes, standing("calm", "bow", 1), standing("calm", "wave", 1)])
    return path


def split_of(pack: Path, out: Path, *arguments: str) -> Split:
    result = CliRunner().invoke(data, ["split", str(pack), "--out", str(out), *arguments])
    assert result.exit_code == 0, result.output
    return Split.read(out)


def test_every_clip_is_in_the_split_and_some_takes_are_held_out(pack: Path, tmp_path: Path) -> None:
    split = split_of(pack, tmp_path / "split.json")

    assert len(split.clips()) == 22
    held_out = {segment.clip for segment in split.segments("held_out")}
    assert {"calm_bow_1", "calm_wave_1"} < held_out
    assert len([clip for clip in held_out if clip.startswith("calm_wait")]) == 2
    assert split.segments("unseen_pair") == []


def test_of_a_single_take_the_end_is_held_out_and_a_gap_is_used_by_nobody(pack: Path, tmp_path: Path) -> None:
    split = split_of(pack, tmp_path / "split.json")

    (trained,) = [segment for segment in split.segments("train") if segment.clip == "calm_bow_1"]
    (held_out,) = [segment for segment in split.segments("held_out") if segment.clip == "calm_bow_1"]
    assert trained.start == 0
    assert trained.end < held_out.start
    assert held_out.end == FRAMES


def test_a_pair_named_unseen_is_kept_out_of_training(pack: Path, tmp_path: Path) -> None:
    split = split_of(pack, tmp_path / "split.json", "--unseen", "bow:calm")

    assert [segment.clip for segment in split.segments("unseen_pair")] == ["calm_bow_1"]
    assert all(segment.clip != "calm_bow_1" for segment in split.segments("train"))


def test_the_same_data_set_gives_the_same_split(pack: Path, tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        split_of(pack, tmp_path / name)

    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_an_unknown_pair_is_refused_with_the_nearest_ones(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "split.json"

    result = CliRunner().invoke(data, ["split", str(pack), "--out", str(out), "--unseen", "bows:calm"])

    assert result.exit_code == 2
    assert "'bows:calm' is none of the 3 pairs, such as bow:calm" in result.output
    assert not out.exists()


def test_styles_that_are_left_out_train_nothing_and_stay_held_out(tmp_path: Path) -> None:
    takes = [standing(style, "wait", take) for style in ("calm", "wild") for take in range(20)]
    write_pack(tmp_path / "both", takes)
    whole = split_of(tmp_path / "both", tmp_path / "whole.json")
    arguments = ["leave-out", str(tmp_path / "both"), "--split", str(tmp_path / "whole.json"), "--style", "wild"]
    result = CliRunner().invoke(data, [*arguments, "--out", str(tmp_path / "less.json")])
    assert result.exit_code == 0, result.output
    less = Split.read(tmp_path / "less.json")
    assert {s.clip.split("_")[0] for s in less.segments("train")} == {"calm"}
    assert less.segments("held_out") == whole.segments("held_out")
    refused = CliRunner().invoke(data, [*arguments, "--style", "odd", "--out", str(tmp_path / "no.json")])
    assert "no clips of odd; allowed: calm, wild" in refused.output
    none = CliRunner().invoke(data, [*arguments, "--style", "calm", "--out", str(tmp_path / "no.json")])
    assert "nothing is left to train on" in none.output
