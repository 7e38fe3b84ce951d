"""`strut scene`: lists, clips in scenes, and the check on real clips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tests.model.steppers import clip_of, walk

from strut_model.bvh import read_bvh
from strut_model.data.pack import Pack, PackReport, write_pack
from strut_model.exports.files import write_motion
from strut_model.exports.recording import Recording
from strut_model.scene.commands import scene
from strut_model.scene.expectations import Expectation
from strut_model.scene.presets import preset, presets
from strut_model.scene.verification import Finding, locomotion_clips, report_lines, verify


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(scene, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "pack"
    clips = [clip_of(walk(150, speed), f"walk_{index}", "walk", style) for index, (speed, style) in enumerate(_GAITS)]
    write_pack(path, clips, PackReport(), ["made"] * len(clips))
    return path


_GAITS = ((0.9, "normal"), (0.6, "tired"))


def test_list_prints_every_preset_and_where_its_numbers_come_from() -> None:
    result = run("list", "--sources")
    assert result.exit_code == 0
    assert all(name in result.output for name in presets())
    assert "Cappellini" in result.output


def test_list_prints_quantities_with_their_ranges() -> None:
    assert "friction             0 to 1.5" in run("list", "--quantities").output


def test_apply_writes_a_clip_of_a_pack_in_a_scene(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "crowd.bvh"
    result = run("apply", "walk_0", "--pack", pack, "--preset", "crowd", "--out", out)
    assert result.exit_code == 0, result.output
    # A slower cadence takes more frames.
    assert read_bvh(out).values.shape[0] > 160
    assert "speed times 0.60" in result.output


def test_apply_reads_a_bvh_file_and_at_alpha_0_gives_it_back(pack: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "walk.bvh", tmp_path / "same.npz"
    original = Pack(pack).clip("walk_0")
    write_motion(Recording(original.motion()), source)
    result = run("apply", source, "--preset", "ice", "--alpha", "0", "--out", out)
    assert result.exit_code == 0, result.output
    assert "150 frames became 150; speed times 1.00" in result.output
    # What was written is read, too.
    again = run("apply", out, "--set", "slope=0.2", "--out", tmp_path / "up.bvh")
    assert again.exit_code == 0, again.output


def test_quantities_are_set_in_place_of_a_presets(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.bvh"
    result = run("apply", "walk_0", "--pack", pack, "--preset", "crowd", "--set", "crowding=0", "--out", out)
    assert "150 frames became 150" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "desert"], "nearest: desert-sand"),
        (["--set", "friction=2"], "friction: is 2; allowed: 0 to 1.5"),
        (["--set", "friction"], "friction: has no value; allowed: 0 to 1.5"),
        (["--set", "fricton=1"], "quantity: is 'fricton'; allowed: slope"),
        ([], "give --preset, or --set"),
        (["--preset", "ice", "--alpha", "2"], "0<=x<=1.5"),
    ],
)
def test_what_is_wrong_is_named(pack: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    result = run("apply", "walk_0", "--pack", pack, "--out", tmp_path / "a.bvh", *arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert not list(tmp_path.iterdir())


def test_files_and_clips_that_are_not_there_are_named(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.bvh"
    assert "'walk_9' is not in" in run("apply", "walk_9", "--pack", pack, "--preset", "ice", "--out", out).output
    assert "is no file" in run("apply", "gone.bvh", "--preset", "ice", "--out", out).output
    assert "ends in '.xyz'; allowed: .bvh" in run("apply", "a", "--preset", "ice", "--out", tmp_path / "a.xyz").output


def test_verify_prints_a_row_for_every_measure(pack: Path, tmp_path: Path) -> None:
    out = tmp_path / "table.md"
    result = run("verify", pack, "--preset", "ship-deck", "--clips", "2", "--quiet", "--out", out)
    assert result.exit_code == 0, result.output
    assert "| ship-deck | step_length | -13% | -1" in out.read_text(encoding="utf-8")
    assert "step_width | +0.08 m | +0.0" in result.output


def test_verification_tells_what_moves_the_wrong_way() -> None:
    finding = Finding(Expectation("gaze", 10.0, 1, False), [9.0, -2.0, 20.0, 12.0], [True, False, True, True])
    assert (finding.directed, finding.steady, finding.within, finding.mean) == (0.75, 0.75, 0.5, 9.75)


def test_clips_for_verification_are_of_several_styles(pack: Path) -> None:
    clips = locomotion_clips(Pack(pack), 5)
    assert {clip.style for clip in clips} == {"normal", "tired"}
    reports = verify(clips, [preset("ice")], (1.0,))
    assert np.isfinite([reports[0].slide, reports[0].jerk, reports[0].slips_per_minute]).all()
    assert len(report_lines(reports)) == 2 + len(reports[0].findings)
