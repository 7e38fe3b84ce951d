"""The list of switches, and idle by kinematics."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from tests.model.walkers import standing_motion

from strut_model import rotations as rot
from strut_model.evaluation.switches import WAYS, SwitchList, make_switches, switch_way
from strut_model.evaluation.switching import is_idle
from strut_model.motion import Motion
from strut_model.skeleton import JOINT_INDEX

PAIRS = [(content, style) for style in "abcdefgh" for content in ("walk", "run", "bow")] + [("idle", "a")]


def arms_down(motion: Motion) -> Motion:
    rotations = motion.rotations.copy()
    for name, degrees in (("left_shoulder", -75.0), ("right_shoulder", 75.0)):
        rotations[:, JOINT_INDEX[name]] = rot.from_axis_angle(np.float32([0, 0, np.radians(degrees)]))
    return Motion(motion.root_position, motion.root_heading, motion.pelvis, rotations, motion.contacts)


def test_styles_are_left_and_entered_equally_often() -> None:
    switches = make_switches(PAIRS, styles=40, contents=10)
    assert len(switches.styles) == 40
    assert set(Counter(s.first for s in switches.styles).values()) == {5}
    assert set(Counter(s.then for s in switches.styles).values()) == {5}
    assert all(s.first != s.then for s in switches.styles)
    assert len({(s.first, s.then) for s in switches.styles}) == 40
    assert Counter(s.content for s in switches.styles)["walk"] >= 24


def test_contents_are_switched_in_every_way() -> None:
    switches = make_switches(PAIRS, styles=5, contents=40)
    assert len(switches.contents) == 40
    ways = {(s.first, s.then) for s in switches.contents}
    assert {("walk", "idle"), ("idle", "walk"), ("walk", "bow"), ("bow", "walk"), ("walk", "run")} <= ways
    assert {("idle", "bow"), ("bow", "idle")} <= ways
    counts = Counter(switch_way(s.first, s.then) for s in switches.contents)
    assert set(counts) == set(WAYS)
    assert max(counts.values()) - min(counts.values()) <= 2


def test_the_list_survives_its_file_and_is_the_same_every_time(tmp_path: Path) -> None:
    switches = make_switches(PAIRS)
    switches.write(tmp_path / "switches.json")
    assert SwitchList.read(tmp_path / "switches.json") == switches == make_switches(PAIRS)


def test_the_shipped_list_has_200_switches_of_style_and_100_of_content() -> None:
    switches = SwitchList.read()
    assert len(switches.styles) == 200
    assert len(switches.contents) == 100
    assert {switch_way(s.first, s.then) for s in switches.contents} == set(WAYS)


def test_idle_is_standing_with_hanging_arms() -> None:
    assert is_idle(arms_down(standing_motion(60)))


def test_neither_gliding_nor_raised_arms_nor_a_walk_on_the_spot_is_idle() -> None:
    assert not is_idle(arms_down(standing_motion(60, speed=0.6)))
    assert not is_idle(standing_motion(60))  # T-pose
    hopping = arms_down(standing_motion(60))
    hopping.pelvis[:, 1] += (0.1 * np.abs(np.sin(np.arange(60) / 3))).astype(np.float32)
    assert not is_idle(hopping)
