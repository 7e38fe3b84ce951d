"""Offline generation: the plan is obeyed, paths are walked, files hold the motion, wrong options are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from tests.bundles import tiny_bundle
from tests.recordings import recording, walking

from strut_model.bundle import Bundle, load_bundle
from strut_model.bvh import read_bvh
from strut_model.exports import paths
from strut_model.exports.commands import generate
from strut_model.exports.files import WRITERS, write_motion
from strut_model.exports.generation import Change, NameUnknownError, Plan, generate_motion, parse_mix
from strut_model.exports.paths import PathError, parse_path, walk
from strut_model.exports.recording import Recording
from strut_model.scene.effects import effects_of
from strut_model.scene.presets import preset
from strut_model.skeleton import FPS, JOINT_NAMES
from strut_model.streaming.controls import ControlError
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(tiny_bundle(tmp_path_factory.mktemp("bundle")))


@pytest.fixture(scope="module")
def generator(bundle: Bundle) -> MotionGenerator:
    return MotionGenerator(bundle, OnnxEngine(bundle))


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle whose student knows scenes."""
    return load_bundle(tiny_bundle(tmp_path_factory.mktemp("bundle"), scene=True))


# --- paths ---------------------------------------------------------------------------------------------------


def speed_along(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(np.diff(positions, axis=0), axis=-1) * FPS


@pytest.mark.parametrize("name", paths.SHAPES)
def test_every_shape_starts_at_the_origin_towards_forward(name: str) -> None:
    line = parse_path(name)
    np.testing.assert_allclose(line.points[0], 0, atol=1e-9)
    way = walk(line, np.full(60, 1.0))
    assert way.headings[0] == pytest.approx(0, abs=0.02)
    if name != "stand":
        assert way.positions[30, 1] > 0.3


@pytest.mark.parametrize(
    ("name", "length"), [("circle", 2 * np.pi * paths.CIRCLE_RADIUS), ("figure8", 4 * np.pi * paths.LOBE_RADIUS)]
)
def test_a_closed_path_has_its_length_and_goes_round_again_without_a_jump(name: str, length: float) -> None:
    line = parse_path(name)
    assert line.length == pytest.approx(length, rel=1e-3)
    way = walk(line, np.full(int(2.3 * length / 2.0 * FPS), 2.0))
    assert speed_along(way.positions)[60:] == pytest.approx(2.0, rel=0.02)
    assert np.abs(np.diff(way.headings)).max() < 0.06


def test_a_square_is_closed_with_rounded_corners_and_turns_right_round() -> None:
    way = walk(parse_path("square"), np.full(700, 1.5))
    assert speed_along(way.positions)[60:].max() < 1.51
    lap = int(parse_path("square").length / 1.5 * FPS)
    assert abs(way.headings[100 + lap] - way.headings[100]) == pytest.approx(2 * np.pi, abs=0.15)
    assert np.abs(np.diff(way.headings)).max() < 0.2


def test_points_are_walked_from_standing_to_standing_at_the_asked_speed() -> None:
    way = walk(parse_path("1,2 1,5 4,5"), np.full(200, 1.5))
    speed = speed_along(way.positions)
    assert speed[0] < 0.2
    assert speed.max() == pytest.approx(1.5, abs=0.01)
    assert np.abs(np.diff(speed)).max() * FPS < 2 * paths.ACCELERATION
    np.testing.assert_allclose(way.positions[0], (1, 2), atol=0.01)
    np.testing.assert_allclose(way.positions[-1], (4, 5), atol=0.01)
    assert way.headings[40] == pytest.approx(0, abs=1e-3)
    assert way.headings[-1] == pytest.approx(np.pi / 2, abs=1e-3)  # towards +X, the character's left


def test_a_speed_that_changes_on_the_way_is_reached_softly() -> None:
    way = walk(parse_path("straight"), np.repeat([1.0, 3.0], 90))
    speed = speed_along(way.positions)
    assert speed[60] == pytest.approx(1.0, rel=0.01)
    assert speed[-5] == pytest.approx(3.0, rel=0.01)
    assert np.abs(np.diff(speed)).max() * FPS <= 2.01


def test_a_csv_file_is_read_with_and_without_a_header_and_by_column_name(tmp_path: Path) -> None:
    for name, text in {
        "plain": "0,0\n0,3\n2,5\n",
        "named": "frame,z,x\n0,0,0\n1,3,0\n\n2,5,2\n",
        "marked": "\ufeffx, z\n0,0\n0,3\n2,5\n",
    }.items():
        file = tmp_path / f"{name}.csv"
        file.write_text(text, encoding="utf-8")
        np.testing.assert_allclose(parse_path(str(file)).points, parse_path("0,0 0,3 2,5").points)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spiral", r"'spiral' is no path; allowed: straight, curve"),
        ("0,0", r"1 point; at least two"),
        ("0,0 1,nan", r"point 2 \('1,nan'\) is no point"),
        ("0,0 1,2,3", r"point 2 .* is no point"),
        ("0,0 1e9,0", r"point 2 .*out of range"),
        ("1,1 1,1", r"all points are one"),
        ("none.csv", r"none\.csv: no such file"),
    ],
)
def test_what_is_no_path_is_refused_with_its_place_and_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(PathError, match=message):
        parse_path(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"columns are a, b; x and z are needed"),
        ("x,z\n1,2\n3\n", r"line 3: 1 columns"),
        ("1,2\n3,four\n", r"line 2 is no point"),
        ("x,z\n", r"0 points"),
    ],
)
def test_a_broken_csv_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "path.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PathError, match=message):
        parse_path(str(file))


# --- generation ----------------------------------------------------------------------------------------------


def test_the_root_follows_the_asked_path_at_the_usual_speed(generator: MotionGenerator) -> None:
    """The tiny student walks its root along the trajectory, so path and speed can be told from the result."""
    made = generate_motion(generator, Plan("youthful", "run", parse_path("circle"), seconds=4))
    assert made.frames == 120
    assert made.path is not None
    expected = walk(parse_path("circle"), np.full(120, 2.8)).positions
    assert np.abs(made.motion.root_position - expected).max() < 0.05
    assert made.title == "run"
    assert made.styles == [(0, "youthful")]


def test_changes_are_made_at_their_time(generator: MotionGenerator) -> None:
    plan = Plan(
        "youthful", line=parse_path("straight"), seconds=4, changes=[Change(2, "elderly"), Change(3, content="run")]
    )
    made = generate_motion(generator, plan)
    assert made.styles == [(0, "youthful"), (60, "elderly")]
    assert made.title == "walk, run"
    speed = speed_along(made.motion.root_position.astype(float))
    assert speed[50] == pytest.approx(1.2, abs=0.1)
    assert speed[-3] > 1.8
    other = generate_motion(generator, Plan("youthful", line=parse_path("straight"), seconds=4))
    same = np.abs(made.motion.rotations - other.motion.rotations).max(axis=(1, 2))
    assert same[:60].max() < 1e-6
    assert same[70:].min() > 1e-6


def test_the_same_seed_gives_the_same_motion_and_another_another(generator: MotionGenerator) -> None:
    first, again, other = (
        generate_motion(generator, Plan("active", line=parse_path("curve"), seconds=1, seed=seed)).motion
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first.rotations, again.rotations)
    assert np.abs(first.rotations - other.rotations).max() > 1e-6


def test_strength_nought_is_the_neutral_style_and_parts_change_the_result(generator: MotionGenerator) -> None:
    def rotations(**options: object) -> NDArray[np.floating]:
        plan = Plan("active", line=parse_path("straight"), seconds=1, speed=1.0, **options)  # type: ignore[arg-type]
        return generate_motion(generator, plan).motion.rotations

    neutral = generate_motion(generator, Plan("normal", line=parse_path("straight"), seconds=1, speed=1.0))
    np.testing.assert_allclose(rotations(strength=0.0), neutral.motion.rotations, atol=1e-6)
    assert np.abs(rotations() - neutral.motion.rotations).max() > 1e-6
    assert np.abs(rotations() - rotations(parts={"left_arm": "elderly"})).max() > 1e-6


def test_a_gesture_stands_and_turns_into_idling_when_it_is_over(generator: MotionGenerator) -> None:
    made = generate_motion(generator, Plan("normal", "wave", seconds=3.0))
    assert made.path is None
    assert made.title == "wave, idle"
    assert np.ptp(made.motion.root_position, axis=0).max() < 0.05


def test_progress_counts_every_frame(generator: MotionGenerator) -> None:
    seen: list[int] = []
    generate_motion(generator, Plan("normal", seconds=2.0, frames_per_window=10), progress=seen.append)
    assert seen == [10] * 6


def test_names_that_are_not_there_are_refused_with_near_ones(bundle: Bundle, generator: MotionGenerator) -> None:
    with pytest.raises(NameUnknownError, match="style 'yuthful' is unknown; did you mean youthful"):
        parse_mix(bundle, "active:0.5,yuthful:0.5")
    with pytest.raises(NameUnknownError, match="content 'wlak' is unknown; did you mean walk"):
        generate_motion(generator, Plan("normal", "wlak"))
    with pytest.raises(ControlError, match=r"speed: 40 is not allowed; allowed: 0 to 12"):
        generate_motion(generator, Plan("normal", speed=40.0))


# --- files and the command -----------------------------------------------------------------------------------


def test_a_bvh_file_holds_the_motion_in_centimetres(tmp_path: Path) -> None:
    write_motion(recording(20), tmp_path / "walk.bvh")
    bvh = read_bvh(tmp_path / "walk.bvh")
    positions, _ = bvh.forward_kinematics()
    order = [bvh.names.index(name) for name in JOINT_NAMES]
    np.testing.assert_allclose(positions[:, order] / 100, walking(20).positions(), atol=2e-5)
    assert bvh.fps == pytest.approx(30, rel=1e-5)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "walk.glb"
    file.write_bytes(b"before")
    with pytest.raises(ValueError, match="at least one frame"):
        write_motion(Recording(walking(20).slice_frames(0, 0)), file)
    assert file.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["walk.glb"]


def run(bundle: Bundle, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(generate, ["--bundle", str(bundle.path), *arguments])
    return result.exit_code, result.output


def test_the_command_writes_every_kind_of_file_at_once(bundle: Bundle, tmp_path: Path) -> None:
    pytest.importorskip("imageio_ffmpeg")
    outs = [tmp_path / f"walk{suffix}" for suffix in WRITERS]
    arguments = [word for out in outs for word in ("--out", str(out))]
    options = "--style youthful:2,active:1 --part left_arm=elderly --switch 0.2s=run --seconds 0.5 --size 96x64"
    code, output = run(bundle, *options.split(), "--path", "0,0 0,4", *arguments)
    assert code == 0, output
    assert all(out.stat().st_size > 500 for out in outs)
    assert all(out.name in output for out in outs)


def test_the_command_lists_styles_and_contents(bundle: Bundle) -> None:
    code, output = run(bundle, "--list")
    assert code == 0
    for name in (*bundle.style_index, *bundle.content_index):
        assert name in output


def test_a_scene_shows_slows_the_usual_speed_and_is_left_again(knowing: Bundle) -> None:
    generator = MotionGenerator(knowing, OnnxEngine(knowing))

    def made(**changes: object) -> Recording:
        return generate_motion(generator, Plan("active", line=parse_path("straight"), seconds=3.0, **changes))

    plain, deep, none = made(), made(scene="deep-snow"), made(scene="deep-snow", alpha=0.0)
    np.testing.assert_array_equal(none.motion.rotations, plain.motion.rotations)
    way = [recorded.motion.root_position[-1, 1] for recorded in (plain, deep)]
    expected = effects_of(preset("deep-snow").descriptor)
    assert way[1] / way[0] == pytest.approx(expected.speed, rel=0.05)
    feet = deep.motion.positions()[:, [10, 11], 1].min(axis=1) - plain.motion.positions()[:, [10, 11], 1].min(axis=1)
    assert feet[-1] == pytest.approx(-expected.sink, abs=0.04)
    changing = made(scene="deep-snow", changes=[Change(0.6, scene="ice"), Change(1.2, scene="")])
    assert [label for _, label in changing.styles] == ["active, deep-snow", "active, ice", "active"]
    np.testing.assert_allclose(changing.motion.positions()[-1, 10, 1], plain.motion.positions()[-1, 10, 1], atol=0.05)


def test_the_command_takes_scenes_and_says_where_none_are_known(
    knowing: Bundle, bundle: Bundle, tmp_path: Path
) -> None:
    out = tmp_path / "walk.bvh"
    options = ("--seconds", "1", "--scene", "ice", "--alpha", "0.8", "--switch", "0.5s=mud", "--out", str(out))
    code, output = run(knowing, *options)
    assert code == 0, output
    code, output = run(bundle, *options)
    assert code == 2
    assert "knows no scenes" in " ".join(output.split())
    code, output = run(knowing, "--scene", "icy", "--out", str(out))
    assert code == 2
    assert "nearest: ice" in " ".join(output.split())


def test_the_npz_file_has_the_amass_layout_and_the_motion(tmp_path: Path) -> None:
    write_motion(recording(20), tmp_path / "walk.npz")
    with np.load(tmp_path / "walk.npz") as archive:
        assert {"trans", "poses", "betas", "gender"} <= set(archive.files)
        poses, trans = archive["poses"], archive["trans"]
    assert len(poses) == len(trans) == 20
    # Local rotations of the body are SMPL-X's own, as axis-angle.
    expected = Rotation.from_quat(walking(20).rotations[:, 1:].reshape(-1, 4)).as_rotvec().reshape(20, 63)
    np.testing.assert_allclose(poses[:, 3:66], expected, atol=1e-5)
    # AMASS has Z up, so the height is the third number.
    height = walking(20).world_pelvis()[:, 1]
    np.testing.assert_allclose(trans[:, 2] - trans[0, 2], height - height[0], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--style", "yuthful"), "--style: style 'yuthful' is unknown; did you mean youthful?"),
        (("--content", "wavy"), "--content: content 'wavy' is unknown; did you mean wave or walk?"),
        (("--part", "tail=active"), "--part: 'tail=active'; allowed: PART=STYLE with PART one of torso"),
        (("--part", "torso=x"), "--part: style 'x' is unknown"),
        (("--switch", "30s=run"), "--switch: '30s=run'; allowed: TIME=NAME with a time above 0 and below 10 s"),
        (("--switch", "2s=rum"), "--switch: style, content or scene 'rum' is unknown; did you mean run"),
        (("--path", "spiral"), "--path: 'spiral' is no path"),
        (("--size", "9x9"), "--size: '9x9'; allowed: 64x64 to 3840x2160"),
        (("--strength", "2"), "2.0 is not in the range 0<=x<=1.5"),
        (("--out", "walk.fbx"), "--out: walk.fbx ends in '.fbx'; allowed: .bvh, .glb"),
        (("--out", "nowhere/walk.glb"), "--out: nowhere is no folder"),
    ],
)
def test_a_wrong_option_is_named_with_its_value_and_what_is_allowed(
    bundle: Bundle, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, output = run(bundle, "--out", str(tmp_path / "walk.glb"), *arguments)
    assert code == 2
    assert message in " ".join(output.split())
    assert not list(tmp_path.iterdir())
