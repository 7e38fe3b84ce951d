"""`strut data synthesise`: a pack of synthetic clips, which train and are never taken for real."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tests.model.steppers import clip_of, stand, walk

from strut_model.data.commands import data
from strut_model.data.pack import Pack, write_pack
from strut_model.data.split import HELD_OUT, TRAIN, Split, SplitError, make_split, rows_of_index
from strut_model.data.synthesis.making import SynthesisOptions
from strut_model.data.synthesis.recipes import RECIPES
from strut_model.training.dataset import FrameStore
from strut_model.training.export import speed_table


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A pack of two styles and its split, in which one walk is held out."""
    folder = tmp_path_factory.mktemp("real")
    clips = [clip_of(stand(420), "idle", "idle")]
    for style, speed in (("normal", 0.9), ("brisk", 1.1)):
        clips += [clip_of(walk(150, speed), f"walk_{style}", "walk", style)]
        clips += [clip_of(stand(80, raise_left=True), f"wave_{style}", "wave-left-hand", style)]
    clips += [clip_of(walk(150, 0.8), "walk_held_out", "walk")]
    write_pack(folder / "pack", clips)
    sets = {c.name: [(HELD_OUT if c.name == "walk_held_out" else TRAIN, 0, c.frames)] for c in clips}
    Split(sets).write(folder / "split.json")
    return folder / "pack", folder / "split.json"


def synthesise(real: tuple[Path, Path], out: Path, *arguments: str) -> str:
    pack, split = real
    command = ["synthesise", str(pack), "--split", str(split), "--out", str(out), "--quiet", *arguments]
    result = CliRunner().invoke(data, command)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def made(real: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("made") / "pack"
    output = synthesise(real, out, "--share", "0.75", "--split-out", str(out.parent / "split.json"))
    return out, output


def test_every_kind_is_made_and_reported(made: tuple[Path, str]) -> None:
    out, output = made
    clips = Pack(out, synthetic=True).clips
    assert {c.tags for c in clips} == {("synthetic", kind) for kind in RECIPES}
    assert {c.style for c in clips} == {"normal", "brisk"}
    for kind in RECIPES:
        row = next(line for line in output.splitlines() if line.startswith(f"{kind} "))
        assert int(row.split()[2]) == sum(c.tags[1] == kind for c in clips)


def test_stops_and_turns_are_mostly_idle_and_gestures_keep_their_name(made: tuple[Path, str]) -> None:
    clips = Pack(made[0], synthetic=True).clips
    contents = {kind: {c.content for c in clips if c.tags[1] == kind} for kind in RECIPES}
    assert contents["start"] == contents["curve"] == contents["facing"] == {"walk"}
    assert contents["idle"] == {"idle"}
    assert contents["gesture"] == {"wave-left-hand", "idle"}
    assert contents["walking-gesture"] == {"wave-left-hand", "walk"}
    assert "idle" in contents["stop"]
    assert contents["stop"] <= {"idle", "walk"}


def test_only_training_segments_are_used(made: tuple[Path, str]) -> None:
    sources = {name for c in Pack(made[0], synthetic=True).clips for name in c.source.split(", ")}
    assert sources == {"walk_normal", "walk_brisk", "wave_normal", "wave_brisk"}


def test_the_same_seed_makes_the_same_clips(real: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ("--share", "0.2", "--kind", "stop", "--kind", "idle")
    for name, seed in (("one", "7"), ("two", "7"), ("three", "8")):
        synthesise(real, tmp_path / name, *arguments, "--seed", seed)
    one, two, three = (Pack(tmp_path / name, synthetic=True) for name in ("one", "two", "three"))
    assert np.array_equal(one.pelvis, two.pelvis)
    assert one.clips == two.clips
    assert one.pelvis.shape != three.pelvis.shape or not np.array_equal(one.pelvis, three.pelvis)


def test_synthetic_clips_train_after_a_merge_and_are_hidden_otherwise(
    real: tuple[Path, Path], made: tuple[Path, str], tmp_path: Path
) -> None:
    merged = CliRunner().invoke(data, ["merge", str(real[0]), str(made[0]), "--out", str(tmp_path / "both")])
    assert merged.exit_code == 0, merged.output
    every, seen = Pack(tmp_path / "both", synthetic=True), Pack(tmp_path / "both")
    assert [c.name for c in seen.clips] == [c.name for c in Pack(real[0]).clips]
    assert seen.frames == Pack(real[0]).frames
    assert len(every) == len(seen) + len(seen.left_out)
    with pytest.raises(KeyError, match="to be asked for"):
        seen.find(sorted(seen.left_out)[0])

    split = made[0].parent / "split.json"
    store = FrameStore(tmp_path / "both", split, mirror=False)
    names = np.array(store.names)
    assert set(names[store.synthetic.numpy()]) == seen.left_out
    assert "walk_held_out" not in names
    real_only = FrameStore(tmp_path / "both", split, mirror=False, synthetic=False)
    assert not real_only.synthetic.any()
    assert set(real_only.names) == set(names[~store.synthetic.numpy()])
    # Usual speeds are those of real clips: a stopped walk is no slow walk.
    rows = [store.style_names.index("brisk"), store.content_names.index("walk")]
    assert speed_table(store)[tuple(rows)] == pytest.approx(1.1, abs=0.02)
    assert torch.isfinite(store.frames).all()


def test_a_new_split_leaves_synthetic_clips_out(made: tuple[Path, str]) -> None:
    rows, _ = rows_of_index(Pack(made[0]).index)
    assert rows == []
    assert make_split(rows).clips() == []


def test_a_split_takes_further_training_clips_only_once() -> None:
    split = Split({"a": [(HELD_OUT, 0, 10)]})
    more = split.with_training([("b", 20)])
    assert more.set_of("b", 0, 20) == TRAIN
    assert more.segments(HELD_OUT) == split.segments(HELD_OUT)
    assert more.without(["b", "unknown"]).clips() == ["a"]
    with pytest.raises(SplitError, match="in the split already"):
        split.with_training([("a", 10)])


def test_what_is_missing_is_said(real: tuple[Path, Path], tmp_path: Path) -> None:
    pack, split = real
    table = json.loads(split.read_text())
    without_idle = tmp_path / "split.json"
    without_idle.write_text(json.dumps({name: rows for name, rows in table.items() if name != "idle"}))
    command = ["synthesise", str(pack), "--split", str(without_idle), "--out", str(tmp_path / "out"), "--quiet"]
    result = CliRunner().invoke(data, command)
    assert result.exit_code == 1
    assert "content 'idle'" in result.output
    with pytest.raises(ValueError, match=r"share: 0.95, allowed above 0 and below 0.9"):
        SynthesisOptions(share=0.95)
    with pytest.raises(ValueError, match="kinds: jump, allowed: stop"):
        SynthesisOptions(kinds=["jump"])
