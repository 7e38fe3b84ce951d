"""Packed data sets: what goes in comes out, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tests.model.rigs import degrees_between

from strut_model.clip import Clip
from strut_model.data.pack import Pack, PackError, PackReport, merge_packs, write_pack


def clip(name: str, frames: int, seed: int = 0) -> Clip:
    rng = np.random.default_rng(seed)
    return Clip(
        name=name,
        pelvis=rng.normal(size=(frames, 3)).astype(np.float32),
        rotations=Rotation.random(frames * 22, rng=rng).as_quat().reshape(frames, 22, 4).astype(np.float32),
        contacts=rng.integers(0, 2, size=(frames, 4)).astype(np.float32),
        content="walk",
        style="proud",
        take="001",
        dataset="made",
        tags=("one", "two"),
    )


def test_clips_come_back_as_they_were_put_in(tmp_path: Path) -> None:
    clips = [clip("a", 30, 1), clip("b", 7, 2), clip("c", 12, 3)]
    assert write_pack(tmp_path / "pack", clips, sources=["a.bvh", "b.bvh", "c.bvh"]) == 3
    pack = Pack(tmp_path / "pack")
    assert (len(pack), pack.frames) == (3, 49)
    for wanted, found in zip(clips, pack, strict=True):
        assert np.array_equal(found.pelvis, wanted.pelvis)
        assert np.array_equal(found.contacts, wanted.contacts)
        assert degrees_between(found.rotations, wanted.rotations).max() < 0.05
        assert (found.name, found.content, found.style, found.take, found.dataset, found.tags, found.fps) == (
            wanted.name,
            "walk",
            "proud",
            "001",
            "made",
            ("one", "two"),
            30.0,
        )
    assert pack.clips[1].source == "b.bvh"
    assert pack.clip("b").frames == 7
    assert pack.find("c") == 2


def test_the_arrays_are_mapped_from_disk_and_not_read(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", [clip("a", 30)])
    pack = Pack(tmp_path / "pack")
    assert isinstance(pack.rotations, np.memmap)
    assert not pack.rotations.flags.writeable


def test_a_name_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", [clip("a", 30)])
    with pytest.raises(KeyError, match="clip 'z' is not in"):
        Pack(tmp_path / "pack").find("z")


def test_a_pack_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def fails() -> list[Clip]:
        yield clip("a", 5)
        raise RuntimeError("the reader broke")

    with pytest.raises(RuntimeError):
        write_pack(tmp_path / "pack", fails())
    with pytest.raises(PackError, match="clips share names: a"):
        write_pack(tmp_path / "pack", [clip("a", 5), clip("a", 5)])
    with pytest.raises(PackError, match="no clip to write"):
        write_pack(tmp_path / "pack", [])
    assert list(tmp_path.iterdir()) == []


def test_a_pack_is_replaced_only_on_demand_and_another_folder_never(tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", [clip("a", 5)])
    with pytest.raises(PackError, match="exists already"):
        write_pack(tmp_path / "pack", [clip("b", 5)])
    write_pack(tmp_path / "pack", [clip("b", 5)], overwrite=True)
    assert Pack(tmp_path / "pack").clips[0].name == "b"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(PackError, match="exists already"):
        write_pack(tmp_path / "home", [clip("b", 5)], overwrite=True)
    assert (tmp_path / "home" / "thesis.txt").is_file()


def test_clips_at_another_rate_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="fps is 60, a pack holds 30"):
        write_pack(tmp_path / "pack", [replace(clip("a", 5), fps=60.0)])


def test_a_damaged_pack_is_refused_with_what_is_off(tmp_path: Path) -> None:
    path = tmp_path / "pack"
    with pytest.raises(PackError, match=r"no index\.json"):
        Pack(path)
    write_pack(path, [clip("a", 5), clip("b", 6)])
    index = json.loads((path / "index.json").read_text(encoding="utf-8"))

    def damaged(change: dict) -> str:
        (path / "index.json").write_text(json.dumps({**index, **change}), encoding="utf-8")
        with pytest.raises(PackError) as caught:
            Pack(path)
        return str(caught.value)

    assert "version is 9, expected 1" in damaged({"version": 9})
    assert "joints differ" in damaged({"joints": ["a"]})
    assert "rotations.npy: uint16 (11, 22, 3), expected uint16 (5, 22, 3)" in damaged({"clips": index["clips"][:1]})
    assert "clip 'b' covers rows 6 to 12, allowed 0 to 11" in damaged(
        {"clips": [index["clips"][0], {**index["clips"][1], "start": 6}]}
    )
    (path / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (path / "pelvis.npy").write_bytes((path / "pelvis.npy").read_bytes()[:-8])
    with pytest.raises(PackError, match=r"pelvis\.npy: cannot be read"):
        Pack(path)
    (path / "index.json").write_text("{", encoding="utf-8")
    with pytest.raises(PackError, match="not valid JSON"):
        Pack(path)


def test_packs_are_merged_with_their_reports(tmp_path: Path) -> None:
    first = PackReport(skipped=[{"file": "x.bvh", "reason": "broken"}], duplicates=[{"clips": ["a", "b"]}])
    write_pack(tmp_path / "one", [clip("a", 5), clip("b", 6)], first, ["a.bvh", "b.bvh"])
    write_pack(tmp_path / "two", [clip("c", 7, 4)], PackReport(rigs=[{"profile": "smpl"}]), ["c.bvh"])
    packs = [Pack(tmp_path / "one"), Pack(tmp_path / "two")]
    assert merge_packs(packs, tmp_path / "both") == 3
    both = Pack(tmp_path / "both")
    assert [c.name for c in both.clips] == ["a", "b", "c"]
    assert [c.source for c in both.clips] == ["a.bvh", "b.bvh", "c.bvh"]
    assert np.array_equal(both.rotations[11:], packs[1].rotations)
    assert both.report().skipped == first.skipped
    assert both.report().rigs == [{"profile": "smpl"}]
    with pytest.raises(PackError, match="clips share names: a, b"):
        merge_packs([packs[0], packs[0]], tmp_path / "twice")
