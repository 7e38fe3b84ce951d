"""The split: blocks of takes, duplicates on one side, unseen pairs, ends of single takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from strut_model.data.split import ClipRow, Split, SplitError, SplitRules, make_split


def takes(content: str, style: str, count: int, frames: int = 100, dataset: str = "many") -> list[ClipRow]:
    return [
        ClipRow(f"{content}_{style}_{i:03d}", content, style, f"{i:03d}", dataset, frames) for i in range(1, count + 1)
    ]


def sets_of(split: Split, rows: list[ClipRow]) -> dict[str, str | None]:
    return {r.name: split.set_of(r.name, 0, r.frames) for r in rows}


def test_a_block_of_consecutive_takes_is_held_out() -> None:
    rows = takes("walk", "proud", 50)
    sets = sets_of(make_split(rows), rows)
    out = [i for i, row in enumerate(rows) if sets[row.name] == "held_out"]
    assert len(out) == 4
    assert out == list(range(out[0], out[0] + 4))


def test_duplicates_stay_on_one_side() -> None:
    rows = takes("walk", "proud", 20)
    pairs = [[rows[i].name, rows[i + 10].name] for i in range(10)]
    sets = sets_of(make_split(rows, pairs), rows)
    assert all(sets[a] == sets[b] for a, b in pairs)
    assert "held_out" in sets.values()


def test_unseen_pairs_are_left_out_whole_with_their_duplicates() -> None:
    rows = takes("run", "elderly", 10) + takes("walk", "elderly", 20)
    rules = SplitRules(unseen_pairs=(("run", "elderly"),))
    split = make_split(rows, [["run_elderly_001", "walk_elderly_005"]], rules)
    sets = sets_of(split, rows)
    assert all(sets[r.name] == "unseen_pair" for r in rows if r.content == "run")
    assert sets["walk_elderly_005"] != "train"


def test_of_single_takes_the_end_is_held_out_after_a_gap() -> None:
    rows = takes("walk", "sad", 1, frames=300, dataset="one") + takes("dash", "sad", 1, frames=80, dataset="one")
    split = make_split(rows)
    (held,) = split.segments("held_out")
    assert (held.clip, held.start, held.end) == ("walk_sad_001", 224, 300)
    train = {s.clip: (s.start, s.end) for s in split.segments("train")}
    assert train == {"walk_sad_001": (0, 209), "dash_sad_001": (0, 80)}
    assert split.set_of("walk_sad_001", 205, 230) is None


def test_the_same_index_gives_the_same_split_in_any_order_of_duplicates() -> None:
    rows = takes("walk", "proud", 30) + takes("bow", "proud", 30)
    groups = [[rows[0].name, rows[3].name], [rows[31].name, rows[35].name]]
    first, second = make_split(rows, groups), make_split(rows, groups[::-1])
    assert sets_of(first, rows) == sets_of(second, rows)


def test_a_split_survives_its_file(tmp_path: Path) -> None:
    split = make_split(takes("walk", "proud", 12) + takes("walk", "sad", 1, frames=300, dataset="one"))
    split.write(tmp_path / "split.json")
    again = Split.read(tmp_path / "split.json")
    for name in ("train", "held_out", "unseen_pair"):
        assert again.segments(name) == split.segments(name)


def test_overlapping_segments_and_unknown_sets_are_refused_by_clip(tmp_path: Path) -> None:
    with pytest.raises(SplitError, match="clip_a: frames 5 to 20"):
        Split({"clip_a": [("train", 0, 10), ("held_out", 5, 20)]})
    with pytest.raises(SplitError, match="clip_b: set is 'test', allowed: train, held_out, unseen_pair"):
        Split({"clip_b": [("test", 0, 10)]})


def test_the_shipped_split_holds_out_every_style_and_leaves_a_pair_of_each_of_data_set_2_unseen(
    repository: Path,
) -> None:
    split = Split.read(repository / "model" / "splits" / "bandai_namco.json")
    held = {s.clip for s in split.segments("held_out")}
    assert not held & {s.clip for s in split.segments("train") if s.clip.startswith("dataset-2")}
    assert len({clip.split("_")[2] for clip in held if clip.startswith("dataset-1")}) == 15
    assert len({clip.split("_")[2] for clip in held if clip.startswith("dataset-2")}) == 7
    unseen = {tuple(s.clip.split("_")[1:3]) for s in split.segments("unseen_pair")}
    assert len(unseen) == 7
    assert len({style for _, style in unseen}) == 7
    # Known duplicates of data set 2.
    for side, first in (("right", 28), ("left", 27)):
        for take in range(first, first + 4):
            names = [f"dataset-2_walk-turn-{side}_normal_{t:03d}" for t in (take, take + 4)]
            sets = {
                next(n for n in ("train", "held_out") if any(s.clip == c for s in split.segments(n))) for c in names
            }
            assert len(sets) == 1
