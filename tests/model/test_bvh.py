"""Reading and writing BVH against hand-computed poses and written-out matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strut_model.bvh import Bvh, BvhError, parse_bvh, peek_bvh, read_bvh, write_bvh

ARM = """HIERARCHY
ROOT Hips
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Arm
  {
    OFFSET 10 0 0
    CHANNELS 3 Yrotation Zrotation Xrotation
    JOINT Hand
    {
      OFFSET 5 0 0
      CHANNELS 4 Yposition Xrotation Yrotation Zrotation
      End Site
      {
        OFFSET 2 0 0
      }
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
0 0 0 0 0 0 0 0 0 0 0 0 0
1 1 1 90 0 0 0 90 0 4 0 0 0
"""
ARM_LINES = ARM.splitlines()


def line_of(start: str) -> int:
    """Number of the first line that starts so."""
    return next(i for i, line in enumerate(ARM_LINES, start=1) if line.strip().startswith(start))


def changed(number: int, text: str | None) -> str:
    """The file with one line (counted from 1) replaced, or taken out."""
    lines = list(ARM_LINES)
    lines[number - 1 : number] = [] if text is None else [text]
    return "\n".join(lines) + "\n"


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Rotation matrix about x, y or z, written out."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(
        {
            "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }[axis]
    )


def test_positions_are_those_computed_by_hand() -> None:
    positions, _ = parse_bvh(ARM).forward_kinematics()
    # At rest the arm lies along x from the root's channels (not its offset); the hand's Yposition channel of 0 agrees.
    assert np.allclose(positions[0], [[0, 0, 0], [10, 0, 0], [15, 0, 0]])
    # The root turned 90 about z: the arm points up. The arm turned 90 about z: its x is the world's -x, its y is -y,
    # and the hand is at (5, 4) in it, since the channel replaces the offset's y.
    assert np.allclose(positions[1], [[1, 1, 1], [1, 11, 1], [-4, 7, 1]])


def test_rotation_orders_that_differ_from_joint_to_joint_multiply_in_channel_order() -> None:
    bvh = parse_bvh(ARM)
    bvh.values = np.array([[0, 0, 0, 20.0, -35, 50, 15, 60, -80, 0, 12, -25, 70]])
    _, turned = bvh.forward_kinematics()
    root = rotation("z", 20) @ rotation("x", -35) @ rotation("y", 50)
    arm = root @ rotation("y", 15) @ rotation("z", 60) @ rotation("x", -80)
    hand = arm @ rotation("x", 12) @ rotation("y", -25) @ rotation("z", 70)
    for joint, wanted in enumerate((root, arm, hand)):
        x, y, z, w = turned[0, joint]
        found = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
        assert np.allclose(found, wanted, atol=1e-9)


def test_a_joint_with_one_rotation_channel_turns_about_that_axis_only() -> None:
    text = ARM.replace("CHANNELS 3 Yrotation Zrotation Xrotation", "CHANNELS 1 Zrotation")
    text = text[: text.index("0 0 0 0")] + "0 0 0 0 0 0 90 0 0 0 0\n0 0 0 0 0 0 0 0 0 0 0\n"
    positions, _ = parse_bvh(text).forward_kinematics()
    assert np.allclose(positions[0, 2], [10, 5, 0])


def test_the_rest_pose_adds_up_the_offsets() -> None:
    assert parse_bvh(ARM).rest_positions().tolist() == [[1, 2, 3], [11, 2, 3], [16, 2, 3]]


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    bvh = parse_bvh(ARM)
    bvh.values = np.random.default_rng(0).uniform(-170, 170, (7, 13))
    write_bvh(tmp_path / "a.bvh", bvh)
    back = read_bvh(tmp_path / "a.bvh")
    assert back.names == bvh.names
    assert back.channels == bvh.channels
    assert back.parents.tolist() == bvh.parents.tolist()
    assert np.allclose(back.offsets, bvh.offsets)
    assert back.end_sites[2].tolist() == [2, 0, 0]
    assert abs(back.fps - bvh.fps) < 1e-3
    assert np.abs(back.values - bvh.values).max() < 1e-6


def test_joints_held_breadth_first_are_written_depth_first_with_their_own_columns(tmp_path: Path) -> None:
    channels = [("Xposition", "Yposition", "Zposition", "Zrotation", "Xrotation", "Yrotation")] + [
        ("Zrotation", "Xrotation", "Yrotation")
    ] * 4
    bvh = Bvh(
        names=["root", "a", "b", "a1", "b1"],
        parents=np.array([-1, 0, 0, 1, 2]),
        offsets=np.arange(15, dtype=float).reshape(5, 3),
        channels=channels,
        values=np.random.default_rng(1).uniform(-80, 80, (3, 18)),
        frame_time=1 / 60,
    )
    write_bvh(tmp_path / "b.bvh", bvh)
    back = read_bvh(tmp_path / "b.bvh")
    assert back.names == ["root", "a", "a1", "b", "b1"]
    places, _ = bvh.forward_kinematics()
    found, _ = back.forward_kinematics()
    order = [bvh.names.index(n) for n in back.names]
    assert np.abs(found - places[:, order]).max() < 1e-4


def test_a_motion_with_a_value_that_is_not_finite_is_not_written(tmp_path: Path) -> None:
    bvh = parse_bvh(ARM)
    bvh.values[1, 4] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        write_bvh(tmp_path / "a.bvh", bvh)
    assert not (tmp_path / "a.bvh").exists()


@pytest.mark.parametrize(
    "text",
    [
        ARM.replace("\n", "\r\n"),
        "\ufeff" + ARM,
        ARM.replace("  ", "\t"),
        ARM.replace("ROOT Hips\n{", "ROOT Hips {"),
        ARM.replace("Frames: 2", "Frames:\t2"),
        ARM + "\n\n",
        ARM.rstrip("\n"),
    ],
    ids=["crlf", "byte-order-mark", "tabs", "brace-on-the-line", "tab-after-frames", "blank-end", "no-newline-at-end"],
)
def test_the_ways_in_which_exporters_differ_read_alike(text: str) -> None:
    assert np.allclose(parse_bvh(text).forward_kinematics()[0], parse_bvh(ARM).forward_kinematics()[0])


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "the keyword HIERARCHY"),
        (changed(1, "HIERACHY"), 1, "the keyword HIERARCHY"),
        (changed(3, None), 3, "'{'"),
        (changed(line_of("OFFSET 10"), "OFFSET 10 0"), line_of("OFFSET 10"), "OFFSET and three finite numbers"),
        (changed(line_of("OFFSET 10"), "OFFSET 10 0 nan"), line_of("OFFSET 10"), "OFFSET and three finite numbers"),
        (changed(line_of("CHANNELS 3"), "CHANNELS 3 Zrotation Xrotation"), line_of("CHANNELS 3"), "3, as the line's"),
        (changed(line_of("CHANNELS 3"), "CHANNELS x"), line_of("CHANNELS 3"), "CHANNELS and their count"),
        (changed(line_of("CHANNELS 3"), "CHANNELS 1 Wrotation"), line_of("CHANNELS 3"), "Xposition"),
        (changed(line_of("CHANNELS 3"), "CHANNELS 2 Xrotation Xrotation"), line_of("CHANNELS 3"), "each channel once"),
        (changed(line_of("OFFSET 10"), None), line_of("MOTION") - 3, "OFFSET x y z in it"),
        (changed(line_of("MOTION") - 1, None), line_of("MOTION") - 1, "'}' that closes 'Hips'"),
        (changed(line_of("MOTION"), "}"), line_of("MOTION"), "every block is closed"),
        (changed(line_of("MOTION"), ""), line_of("Frames"), "one of ROOT, JOINT"),
        (changed(line_of("Frames"), "Frames: two"), line_of("Frames"), "Frames: and a number"),
        (changed(line_of("Frames"), "Frames: 0"), line_of("Frames"), "1 or more"),
        (changed(line_of("Frame Time"), "Frame Time: 0"), line_of("Frame Time"), "seconds from"),
        (changed(line_of("Frame Time"), "0 0 0"), line_of("Frame Time"), "Frame Time: and a number"),
        (changed(len(ARM_LINES), "1 1 1 90 0 0 0 9"), len(ARM_LINES), "13 values"),
        (changed(len(ARM_LINES), "1 1 1 90 0 0 0 90 0 nan 0 0 0"), len(ARM_LINES), "a finite number"),
        (changed(len(ARM_LINES), "1 1 1 90 0 0 0 90 0 inf 0 0 0"), len(ARM_LINES), "a finite number"),
        (changed(len(ARM_LINES), "1 1 1 90 0 0 0 9O 0 0 0 0 0"), len(ARM_LINES), "a number"),
        (changed(len(ARM_LINES), None), len(ARM_LINES), "2 frames, as Frames: says"),
        (ARM + ARM_LINES[-1] + "\n", len(ARM_LINES) + 1, "2 lines of frame data"),
    ],
)
def test_a_broken_file_gives_its_name_the_line_and_what_was_expected(
    tmp_path: Path, text: str, line: int, expected: str
) -> None:
    path = tmp_path / "broken.bvh"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BvhError) as caught:
        read_bvh(path)
    assert caught.value.path == str(path)
    assert expected in caught.value.expected
    assert caught.value.line == line
    assert str(path) in str(caught.value)


def test_a_truncated_last_line_is_said_to_be_one() -> None:
    with pytest.raises(BvhError, match=r"8 values.*is the file cut short"):
        parse_bvh(changed(len(ARM_LINES), "1 1 1 90 0 0 0 9"))


def test_a_look_at_the_start_does_not_mind_a_broken_end(tmp_path: Path) -> None:
    path = tmp_path / "long.bvh"
    path.write_text(changed(len(ARM_LINES), "1 1 rubbish"), encoding="utf-8")
    assert peek_bvh(path).values.tolist() == [[0.0] * 13]
    with pytest.raises(BvhError):
        read_bvh(path)


def test_a_look_at_the_start_of_a_file_without_frames_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.bvh"
    path.write_text("\n".join(ARM_LINES[: line_of("Frame Time")]), encoding="utf-8")
    with pytest.raises(BvhError, match="as Frames: says"):
        peek_bvh(path)


def test_the_hash_of_a_hierarchy_ignores_bone_lengths_and_sees_names_and_channels() -> None:
    plain = parse_bvh(ARM).hierarchy_hash()
    assert parse_bvh(ARM.replace("OFFSET 10", "OFFSET 12")).hierarchy_hash() == plain
    assert parse_bvh(ARM.replace("Hand", "Fist")).hierarchy_hash() != plain
    assert parse_bvh(ARM.replace("Yrotation Zrotation X", "Zrotation Yrotation X")).hierarchy_hash() != plain
