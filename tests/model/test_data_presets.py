"""Labels from file names, as each data set gives them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from strut_model.data.presets import Labels, PresetError, UnlabelledError, labeller, slug


def label(preset: str, name: str, folder: Path = Path(), pattern: str | None = None) -> Labels:
    (found,) = labeller(preset, folder, pattern)(PurePosixPath(name))
    return found


@pytest.mark.parametrize(
    ("name", "content", "style", "take", "dataset"),
    [
        ("dataset-2_walk-turn-left_normal_030.bvh", "walk-turn-left", "normal", "030", "bandai-namco-2"),
        ("a/dataset-1_walk_normal_001.bvh", "walk", "normal-1", "001", "bandai-namco-1"),
        ("dataset-1_run_feminine_001.bvh", "run", "feminine-1", "001", "bandai-namco-1"),
        ("dataset-1_bow_masculinity_001.bvh", "bow", "masculinity", "001", "bandai-namco-1"),
        ("dataset-1_bow_not-confident_001.bvh", "bow", "not-confident", "001", "bandai-namco-1"),
    ],
)
def test_bandai_namco_names_keep_the_two_sets_styles_apart(
    name: str, content: str, style: str, take: str, dataset: str
) -> None:
    found = label("bandai-namco", name)
    assert (found.content, found.style, found.take, found.dataset) == (content, style, take, dataset)
    assert found.name == Path(name).stem


def test_cmu_contents_come_from_the_descriptions(tmp_path: Path) -> None:
    (tmp_path / "descriptions.csv").write_text(
        '"Subject","Trial #","Motion Description"\n7,3,"walk"\n1,1,"playground - forward jumps, turn around"\n2,8,'
        '"swordplay"\n9,1,"Cartwheel, slow"\nx,y,"broken row"\n',
        encoding="utf-8",
    )
    contents = {
        n: label("cmu", n, tmp_path).content
        for n in ("007_03.bvh", "001_01.bvh", "02_08.bvh", "009_01.bvh", "011_1.bvh")
    }
    assert contents == {
        "007_03.bvh": "walk",
        "001_01.bvh": "playground",
        "02_08.bvh": "sword",
        "009_01.bvh": "cartwheel",
        "011_1.bvh": "unlabelled",
    }


def test_100style_takes_the_frames_of_the_cut_list(tmp_path: Path) -> None:
    (tmp_path / "Frame_Cuts.csv").write_text(
        "STYLE_NAME,FW_START,FW_STOP,ID_START,ID_STOP,TR1_START,TR1_STOP\nAngry,120,4000,10,900,N/A,N/A\n",
        encoding="utf-8",
    )
    walk = label("100style", "Angry/Angry_FW.bvh", tmp_path)
    assert (walk.content, walk.style, walk.cut, walk.dataset) == ("walk", "angry", (120, 4000), "100style")
    assert label("100style", "Angry/Angry_ID.bvh", tmp_path).content == "idle"
    assert label("100style", "Neutral/Neutral_FR.bvh", tmp_path).style == "normal"
    assert label("100style", "OnToesBentForward/OnToesBentForward_SW.bvh", tmp_path).style == "on-toes-bent-forward"
    assert label("100style", "Robot/Robot_FW.bvh", tmp_path).cut is None
    with pytest.raises(UnlabelledError, match=r"Frame_Cuts\.csv gives no frames for Angry TR1"):
        label("100style", "Angry/Angry_TR1.bvh", tmp_path)
    with pytest.raises(UnlabelledError, match="code of FW, FR"):
        label("100style", "Angry/Angry_XX.bvh", tmp_path)


def test_a_cut_list_without_the_style_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Frame_Cuts.csv").write_text("NAME,FW_START\n", encoding="utf-8")
    with pytest.raises(PresetError, match="expected STYLE_NAME"):
        labeller("100style", tmp_path)


def test_a_folder_per_style_gives_style_content_and_take() -> None:
    found = label("folders", "Old Man/Walk Fast_03.bvh")
    assert (found.style, found.content, found.take) == ("old-man", "walk-fast", "03")
    assert label("folders", "set/angry/run.bvh").take == "1"
    with pytest.raises(UnlabelledError, match="folder named after its style"):
        label("folders", "run.bvh")


def test_standing_takes_are_marked_for_planting() -> None:
    found = label("react-idle", "acted/010_acted.bvh")
    assert (found.content, found.style, found.standing, found.tags) == ("idle", "normal", True, ("idle",))


@pytest.mark.parametrize(
    ("pattern", "name", "wanted"),
    [
        ("{style}_{content}_{take}", "Angry_WalkFast_7.bvh", ("angry", "walk-fast", "7")),
        ("{style}/{content}-{take}", "x/old/kick-2.bvh", ("old", "kick", "2")),
        ("{}__{content}", "anything__jump.bvh", ("normal", "jump", "1")),
        ("{style}", "sad.bvh", ("sad", "motion", "1")),
    ],
)
def test_a_pattern_reads_names_of_ones_own(pattern: str, name: str, wanted: tuple[str, str, str]) -> None:
    found = label("pattern", name, pattern=pattern)
    assert (found.style, found.content, found.take) == wanted


def test_a_name_that_does_not_match_the_pattern_gets_no_labels() -> None:
    with pytest.raises(UnlabelledError, match=r"does not match \{style\}_\{content\}"):
        label("pattern", "plain.bvh", pattern="{style}_{content}")


@pytest.mark.parametrize(
    ("preset", "pattern", "message"),
    [
        ("pattern", None, "pattern: missing"),
        ("pattern", "{mood}", "unknown field {mood}, allowed: {style}"),
        ("pattern", "{style}{style}", "has a field twice"),
        ("pattern", "{take}", "neither {style} nor {content}"),
        ("folders", "{style}", "the preset is 'folders'"),
        ("mixamo", None, "preset: 'mixamo', allowed: bandai-namco"),
    ],
)
def test_a_preset_that_is_off_is_refused(preset: str, pattern: str | None, message: str) -> None:
    with pytest.raises(PresetError, match=message):
        labeller(preset, Path(), pattern)


def test_slugs_agree_however_a_name_is_written() -> None:
    assert {slug(n) for n in ("RaiseUpHand", "raise_up hand", "Raise-Up--Hand", " raise up_hand ")} == {"raise-up-hand"}
