"""Importing folders of files of every make, broken ones among them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.model.rigs import CanonicalMotion, Rig, a_pose, build, degrees_between, scrambled, t_posed, walking
from tests.model.test_mapping import SCHEMES

from strut_model.bvh import format_bvh, write_bvh
from strut_model.data.checking import check_file
from strut_model.data.importing import ImportOptions, import_folder
from strut_model.data.pack import Pack, PackError
from strut_model.mapping import MappingError, MappingFile
from strut_model.skeleton import JOINT_NAMES, forward_kinematics


def put(folder: Path, name: str, rig: Rig, motion: CanonicalMotion) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bvh(path, build(rig, motion))
    return path


def options(preset: str = "folders", **more: object) -> ImportOptions:
    return ImportOptions(preset, progress=False, **more)


def mixamo_names() -> dict[str, str]:
    table, spine, _ = SCHEMES["mixamo"]
    return table | dict(zip(("spine1", "spine2", "spine3"), spine))


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder of files of three rigs, and of everything that can be wrong with a file."""
    folder = tmp_path / "in"
    put(folder, "calm/walk_1.bvh", Rig(names=mixamo_names()), walking(60))
    put(folder, "calm/walk_2.bvh", Rig(names=mixamo_names(), size=1.1), walking(90, seed=2))
    put(folder, "angry/run_1.bvh", Rig(up="z", orders=("XYZ",), unit=1.0, t_pose=a_pose(45)), walking(240, fps=120.0))
    put(
        folder,
        "angry/kick_1.bvh",
        Rig(
            names=dict(zip(JOINT_NAMES, SCHEMES["smpl"][0].values())) | {"head": "Head"},
            t_pose=scrambled(),
            orders=("YXZ",),
        ),
        t_posed(walking(70, seed=4)),
    )
    whole = format_bvh(build(Rig(), walking(40)))
    (folder / "broken").mkdir()
    (folder / "broken" / "cut_1.bvh").write_text(whole[: whole.rindex(" ")], encoding="utf-8")
    (folder / "broken" / "header_1.bvh").write_text(whole.replace("HIERARCHY", "", 1), encoding="utf-8")
    (folder / "broken" / "nan_1.bvh").write_text(whole[:-40] + "nan\n", encoding="utf-8")
    (folder / "broken" / "binary_1.bvh").write_bytes(bytes(range(256)) * 20)
    (folder / "broken" / "empty_1.bvh").write_text("", encoding="utf-8")
    put(folder, "broken/short_1.bvh", Rig(), walking(5))
    put(folder, "broken/nohead_1.bvh", Rig(names={n: n for n in JOINT_NAMES if n != "head"}), walking(40))
    jump = walking(40)
    jump.pelvis[20:] += 9.0
    put(folder, "broken/jump_1.bvh", Rig(), jump)
    (folder / "unlabelled.bvh").write_text(whole, encoding="utf-8")
    (folder / "notes.txt").write_text("no motion", encoding="utf-8")
    return folder


def test_good_files_become_clips_and_bad_ones_are_skipped_with_reasons(mixed: Path, tmp_path: Path) -> None:
    summary = import_folder(mixed, tmp_path / "pack", options())
    pack = Pack(tmp_path / "pack")
    assert summary.clips == len(pack) == 4
    assert {(c.style, c.content, c.take) for c in pack.clips} == {
        ("calm", "walk", "1"),
        ("calm", "walk", "2"),
        ("angry", "run", "1"),
        ("angry", "kick", "1"),
    }
    reasons = {s["file"]: s["reason"] for s in pack.report().skipped}
    expected = {
        "broken/cut_1.bvh": "is the file cut short?",
        "broken/header_1.bvh": "expected the keyword HIERARCHY",
        "broken/nan_1.bvh": "expected",
        "broken/binary_1.bvh": "line 1",
        "broken/empty_1.bvh": "line 1",
        "broken/short_1.bvh": "5 frames at 30 frames a second, at least 10",
        "broken/nohead_1.bvh": "head: candidates",
        "broken/jump_1.bvh": "m/s, at most 15",
        "unlabelled.bvh": "not in a folder named after its style",
    }
    assert set(reasons) == set(expected)
    for file, part in expected.items():
        assert part in reasons[file], reasons[file]
    assert str(tmp_path) not in json.dumps(pack.index)


def test_every_rig_plays_the_same_walk_after_import(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    rigs = {
        "mixamo": Rig(names=mixamo_names()),
        "heap": Rig(t_pose=scrambled(), unit=0.0254),
        "tall": Rig(size=1.2, names={n: n.upper() for n in JOINT_NAMES}),
        "apose": Rig(t_pose=a_pose(45), up="z", orders=("XYZ",)),
    }
    for name, rig in rigs.items():
        put(folder, f"{name}/walk_1.bvh", rig, t_posed(walking(60)) if name == "heap" else walking(60))
    import_folder(folder, tmp_path / "pack", options())
    clips = {c.style: c for c in Pack(tmp_path / "pack")}
    wanted, _ = forward_kinematics(walking(60).rotations, walking(60).pelvis)
    for name, clip in clips.items():
        assert clip.frames == 60, name  # the heap's T-pose was taken off its start
        assert degrees_between(clip.rotations, walking(60).rotations).max() < 0.5, name
        found = clip.positions()
        # The ground is found anew, to where the feet of this made-up walk come lowest.
        assert np.abs((found - wanted)[..., [0, 2]]).max() < 0.01, name
    assert np.ptp([c.pelvis[:, 1].mean() for c in clips.values()]) < 2e-3


def test_files_at_120_frames_a_second_come_out_at_30(tmp_path: Path) -> None:
    put(tmp_path / "in", "calm/walk_1.bvh", Rig(), walking(240, fps=120.0))
    import_folder(tmp_path / "in", tmp_path / "pack", options())
    (clip,) = Pack(tmp_path / "pack")
    assert (clip.frames, clip.fps) == (60, 30.0)
    assert degrees_between(clip.rotations[3:-3], walking(240, fps=120.0).rotations[::4][3:-3]).max() < 1.5


def test_one_calibration_serves_all_files_of_a_rig(tmp_path: Path) -> None:
    # Only one of three takes starts in a T-pose; the others' bones lie alike.
    rig = Rig(t_pose=scrambled(seed=11))
    put(tmp_path / "in", "a/walk_1.bvh", rig, walking(60, seed=1))
    put(tmp_path / "in", "a/walk_2.bvh", rig, t_posed(walking(60, seed=2)))
    put(tmp_path / "in", "a/walk_3.bvh", Rig(t_pose=rig.t_pose, size=0.9), walking(60, seed=3))
    summary = import_folder(tmp_path / "in", tmp_path / "pack", options())
    (found,) = summary.report.rigs
    assert (found["files"], found["t_pose"]) == (3, "first-frame")
    for clip, seed in zip(Pack(tmp_path / "pack"), (1, 2, 3), strict=True):
        assert degrees_between(clip.rotations, walking(60, seed=seed).rotations).max() < 0.5


def test_workers_change_nothing(mixed: Path, tmp_path: Path) -> None:
    import_folder(mixed, tmp_path / "one", options())
    import_folder(mixed, tmp_path / "two", options(workers=2))
    one, two = Pack(tmp_path / "one"), Pack(tmp_path / "two")
    assert one.index == two.index
    assert np.array_equal(one.rotations, two.rotations)
    assert np.array_equal(one.pelvis, two.pelvis)


def test_cut_lists_take_the_frames_they_name(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    motion = walking(90)
    put(folder, "Angry/Angry_FW.bvh", Rig(), motion)
    (folder / "Frame_Cuts.csv").write_text("STYLE_NAME,FW_START,FW_STOP\nAngry,20,70\n", encoding="utf-8")
    import_folder(folder, tmp_path / "pack", options("100style"))
    (clip,) = Pack(tmp_path / "pack")
    assert (clip.name, clip.content, clip.frames) == ("100style_Angry_FW", "walk", 50)
    assert degrees_between(clip.rotations, motion.rotations[20:70]).max() < 0.3


def test_clips_that_would_share_a_name_are_numbered(tmp_path: Path) -> None:
    put(tmp_path / "in", "a/walk.bvh", Rig(), walking(40, seed=1))
    put(tmp_path / "in", "b/walk.bvh", Rig(), walking(40, seed=2))
    import_folder(tmp_path / "in", tmp_path / "pack", options("pattern", pattern="{content}"))
    assert [c.name for c in Pack(tmp_path / "pack").clips] == ["pattern_walk_normal_1", "pattern_walk_normal_1-2"]


def test_shared_frames_are_reported(tmp_path: Path) -> None:
    motion = walking(90)
    part = CanonicalMotion(motion.pelvis[30:80], motion.rotations[30:80])
    put(tmp_path / "in", "calm/walk_1.bvh", Rig(), motion)
    put(tmp_path / "in", "calm/walk_2.bvh", Rig(), part)
    summary = import_folder(tmp_path / "in", tmp_path / "pack", options())
    (found,) = summary.report.duplicates
    assert (found["clips"], found["starts"], found["frames"], found["exact"]) == (
        ["folders_walk_calm_1", "folders_walk_calm_2"],
        [30, 0],
        50,
        True,
    )


def test_a_folder_without_files_or_without_good_ones_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        import_folder(tmp_path / "nowhere", tmp_path / "pack", options())
    (tmp_path / "in" / "calm").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no \.bvh file"):
        import_folder(tmp_path / "in", tmp_path / "pack", options())
    (tmp_path / "in" / "calm" / "walk_1.bvh").write_text("rubbish", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"none of 1 files could be imported \(calm/walk_1\.bvh: .*HIERARCHY"):
        import_folder(tmp_path / "in", tmp_path / "pack", options())
    assert not (tmp_path / "pack").exists()


def test_a_pack_that_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    put(tmp_path / "in", "calm/walk_1.bvh", Rig(), walking(40))
    import_folder(tmp_path / "in", tmp_path / "pack", options())
    with pytest.raises(PackError, match="exists already"):
        import_folder(tmp_path / "in", tmp_path / "pack", options())
    assert import_folder(tmp_path / "in", tmp_path / "pack", options(), overwrite=True).clips == 1


def test_units_that_make_giants_are_refused_per_file(tmp_path: Path) -> None:
    put(tmp_path / "in", "calm/walk_1.bvh", Rig(unit=0.01), walking(40))
    with pytest.raises(FileNotFoundError, match=r"units: the legs are 80\.1 m long"):
        import_folder(tmp_path / "in", tmp_path / "pack", options(mapping=MappingFile(units=1.0)))


def test_a_check_of_a_file_says_what_an_import_makes_of_it(tmp_path: Path) -> None:
    path = put(tmp_path, "walk.bvh", Rig(names=mixamo_names(), up="z", orders=("XYZ",)), walking(60, fps=60.0))
    found = check_file(path)
    assert (found.bone_map.profile, found.units, found.up, found.t_pose) == ("mixamo", "cm", "z", "rest")
    assert found.fps == pytest.approx(60.0, abs=0.01)
    assert found.head_height == pytest.approx(1.4, abs=0.06)
    assert found.travel == pytest.approx(1.2, abs=0.1)
    text = "\n".join(found.lines())
    assert "left_knee       mixamorig:LeftLeg" in text
    with pytest.raises(MappingError, match="no bone 'Tail'"):
        check_file(path, MappingFile(joints={"head": "Tail"}))
