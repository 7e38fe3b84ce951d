"""The frozen judges: whose they are, and what they must not see."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.model.walkers import standing_motion

from strut_model import rotations as rot
from strut_model.evaluation.judges import (
    PART_JUDGE,
    JudgeError,
    Judges,
    WindowFrames,
    position_input,
    rotation_input,
    window_frames,
)
from strut_model.evaluation.train_judges import Corpus, JudgeRecipe, LabelledSegment, WindowSampler, mirrored_frames
from strut_model.motion import Motion
from strut_model.skeleton import JOINTS


@pytest.fixture(scope="module")
def judges() -> Judges:
    return Judges()


def waving(frames: int, seed: int) -> Motion:
    """A glide in a curve with moving joints."""
    rng = np.random.default_rng(seed)
    base = standing_motion(frames, speed=1.2)
    swing = 0.4 * np.sin(np.linspace(0, 12, frames)[:, None, None] + rng.uniform(0, 6, (1, JOINTS, 3)))
    turn = np.linspace(0, 0.7, frames, dtype=np.float32)
    return Motion(base.root_position, turn, base.pelvis, rot.from_axis_angle(swing.astype(np.float32)), base.contacts)


def test_every_recorded_judge_is_there_with_its_recorded_hash(judges: Judges) -> None:
    assert set(judges.record["judges"]) == {"a", "b", "parts"}
    for name in judges.record["judges"]:
        assert judges.network(name) is judges.network(name)


def test_a_changed_judge_is_refused_with_both_hashes(tmp_path: Path) -> None:
    shutil.copytree(Judges().directory, tmp_path / "judges")
    weights = tmp_path / "judges" / "judge_b.npz"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(JudgeError, match=r"judge_b.npz: sha256 is [0-9a-f]{64}, expected [0-9a-f]{64}"):
        Judges(tmp_path / "judges").network("b")


def test_missing_judges_say_which_command_makes_them(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="strut eval train-judges"):
        Judges(tmp_path)


def test_only_the_judge_of_parts_judges_parts(judges: Judges) -> None:
    frames = window_frames(Motion.stack([waving(60, 0)]))
    with pytest.raises(JudgeError, match="use 'parts'"):
        judges.judge("a", frames, (1, 2))
    assert judges.judge(PART_JUDGE, frames, (1, 2)).style.shape == (1, len(judges.styles))


@pytest.mark.parametrize("name", ["a", "b"])
def test_place_heading_height_and_speed_over_ground_do_not_matter(judges: Judges, name: str) -> None:
    motion = waving(60, 1)
    moved = motion.transformed(np.array([30.0, -7.0]), np.float32(2.0))
    # The same pose on a faster path, half a metre higher.
    faster = Motion(
        3 * motion.root_position, motion.root_heading, motion.pelvis + np.float32([0, 0.5, 0]), motion.rotations,
        motion.contacts,
    )  # fmt: skip
    said = judges.judge(name, window_frames(Motion.stack([motion, moved, faster])))
    np.testing.assert_allclose(said.style[1], said.style[0], atol=2e-3)
    np.testing.assert_allclose(said.style[2], said.style[0], atol=1e-5)
    np.testing.assert_allclose(np.exp(said.content).sum(-1), 1, atol=1e-5)


def test_inputs_are_relative_to_pelvis_and_chest_and_the_heading_of_the_middle() -> None:
    motion = waving(60, 2)
    frames = window_frames(motion)
    positions = position_input(frames).reshape(60, JOINTS, 3)
    np.testing.assert_allclose(positions[:, 0], 0, atol=1e-6)
    # At the middle frame the legs are where forward kinematics has them in the heading frame.
    np.testing.assert_allclose(positions[30, 4], frames.local[30, 4], atol=1e-5)
    np.testing.assert_allclose(positions[:, 20], _in_middle_heading(motion, 20, 9), atol=1e-4)
    assert rotation_input(frames).shape == (60, JOINTS * 9)


def _in_middle_heading(motion: Motion, joint: int, centre: int) -> np.ndarray:
    """Place of a joint relative to another, in the heading frame of the middle, by way of the world."""
    world = motion.positions()
    offset = world[:, joint] - world[:, centre]
    inverse = rot.inverse(rot.heading_rotation(motion.root_heading[30]))
    return rot.rotate(np.broadcast_to(inverse, (len(offset), 4)), offset)


def test_mirrored_windows_are_those_of_the_mirrored_motion() -> None:
    motion = waving(60, 3)
    mirrored, expected = mirrored_frames(window_frames(motion)), window_frames(motion.mirrored())
    for name in ("local", "six_d", "heading"):
        np.testing.assert_allclose(getattr(mirrored, name), getattr(expected, name), atol=1e-5)


def test_training_windows_are_drawn_evenly_over_styles() -> None:
    frames = window_frames(waving(1200, 4))
    # One style has ten times the frames of the other.
    segments = [
        LabelledSegment(0, 1000, 0, 0, 0, (0, 1000), "long", "set"),
        LabelledSegment(1000, 100, 1, 0, 0, (0, 100), "short", "set"),
    ]
    corpus = Corpus(WindowFrames(frames.local, frames.six_d, frames.heading), segments, ["long", "short"], ["walk"])
    sampler = WindowSampler(corpus, JudgeRecipe(seed=0, batch=400))
    _, style, content = sampler.batch()
    assert 0.4 < (style == 1).mean() < 0.6
    assert (content == 0).all()


def test_the_record_says_how_well_the_judges_do_on_held_out_clips(judges: Judges) -> None:
    record = json.loads((judges.directory / "judges.json").read_text(encoding="utf-8"))
    accuracy = {name: record["judges"][name]["held_out"] for name in ("a", "b")}
    assert min(row["style"] for row in accuracy.values()) > 0.9
    assert min(row["content"] for row in accuracy.values()) > 0.9
    assert abs(accuracy["a"]["style"] - accuracy["b"]["style"]) <= 0.03
