"""Edit operators on a walker with known steps: what they change, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.model.rigs import Rig, build, t_posed, walking
from tests.model.steppers import clip_of, walk

from strut_model import rotations as rot
from strut_model.bvh import format_bvh
from strut_model.clip import Clip
from strut_model.contacts import foot_contacts
from strut_model.edit.commands import edit
from strut_model.edit.operators import (
    Amplitude,
    Blend,
    Edited,
    EditError,
    Exaggerate,
    Mirror,
    Operator,
    Tempo,
    apply_operators,
)
from strut_model.scene.gait import stances_of
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_MIRROR, JOINT_INDEX, MIRROR


def walker() -> Clip:
    return clip_of(walk(200), "walk", "walk")


ARMS = ("left_arm", "right_arm")


@pytest.fixture(scope="module")
def clip() -> Clip:
    return walker()


def stance_slide(clip: Clip) -> float:
    """cm/s, mean horizontal speed of standing heels and toes."""
    feet = clip.positions()[:, CONTACT_JOINTS][..., [0, 2]]
    speed = np.linalg.norm(np.diff(feet, axis=0), axis=-1) * 100 * clip.fps
    standing = clip.contacts > 0.5
    return float(speed[standing[1:] & standing[:-1]].mean())


def swing(clip: Clip, joint: str) -> float:
    """Radians, spread of a joint's rotation about its mean."""
    q = rot.unroll(clip.rotations[:, JOINT_INDEX[joint]].astype(float))
    away = rot.to_axis_angle(rot.multiply(rot.inverse(np.broadcast_to(rot.normalise(q.mean(0)), q.shape)), q))
    return float(np.linalg.norm(away, axis=-1).mean())


@pytest.mark.parametrize(
    "operator", [Tempo(1.0), Amplitude(1.0), Exaggerate(1.0), Blend(walker(), weight=0.0)], ids=lambda o: o.describe()
)
def test_a_neutral_amount_gives_back_the_clip_itself(clip: Clip, operator: Operator) -> None:
    assert apply_operators(clip, [operator]).clip is clip


@pytest.mark.parametrize(
    "operator",
    [Tempo(0.7), Tempo(1.4), Amplitude(1.3), Amplitude(0.6), Exaggerate(1.3), Mirror(), Blend(walker(), ("left_leg",))],
    ids=lambda o: o.describe(),
)
def test_feet_that_stand_keep_standing(clip: Clip, operator: Operator) -> None:
    edited = apply_operators(clip, [operator]).clip
    assert stance_slide(edited) < stance_slide(clip) + 2.0
    assert np.mean(foot_contacts(edited.positions()) == (edited.contacts > 0.5)) > 0.9


@pytest.mark.parametrize("factor", [0.7, 1.6])
def test_tempo_moves_landings_to_their_share_of_the_time_and_keeps_their_places(clip: Clip, factor: float) -> None:
    edited = apply_operators(clip, [Tempo(factor)])
    for before, after in zip(stances_of(clip.contacts), stances_of(edited.clip.contacts), strict=True):
        starts = np.array([run[0] for run in before if run[0] > 0]) / factor
        found = np.array([run[0] for run in after if run[0] > 0])
        assert len(found) == len(starts)
        assert np.abs(found - starts).max() <= 1.0
    assert np.allclose(edited.clip.pelvis[-1], clip.pelvis[int(edited.times[-1])], atol=0.05)
    assert np.allclose(np.diff(edited.times), factor)


def test_amplitude_of_arms_swings_them_by_the_factor_and_leaves_the_rest(clip: Clip) -> None:
    edited = apply_operators(clip, [Amplitude(1.5, ARMS)]).clip
    assert swing(edited, "left_shoulder") == pytest.approx(1.5 * swing(clip, "left_shoulder"), rel=0.1)
    legs = [JOINT_INDEX[name] for name in ("left_hip", "left_knee", "spine2", "head")]
    assert np.allclose(edited.rotations[:, legs], clip.rotations[:, legs], atol=1e-4)


def test_amplitude_of_one_leg_lifts_that_foot_higher_and_not_the_other(clip: Clip) -> None:
    edited = apply_operators(clip, [Amplitude(1.5, ("left_leg",))]).clip
    heights = [c.positions()[:, CONTACT_JOINTS[[0, 2]], 1].max(axis=0) for c in (clip, edited)]
    assert heights[1][0] > heights[0][0] + 0.01
    assert heights[1][1] == pytest.approx(heights[0][1], abs=2e-3)


def test_mirroring_swaps_sides_in_place_and_twice_is_nothing(clip: Clip) -> None:
    once = apply_operators(clip, [Mirror()]).clip
    assert np.array_equal(once.contacts, clip.contacts[:, CONTACT_MIRROR])
    root = clip.motion()
    local = [c.motion().relative_to(root.root_position[0], root.root_heading[0]).positions() for c in (clip, once)]
    assert np.allclose(local[1], local[0][:, MIRROR] * [-1, 1, 1], atol=1e-3)
    assert np.allclose(apply_operators(once, [Mirror()]).clip.positions(), clip.positions(), atol=1e-4)


def test_blending_takes_parts_over_in_step(clip: Clip) -> None:
    # The other walks half as fast: in step, its arms are the same ones.
    slow = apply_operators(clip, [Tempo(0.5)]).clip
    edited = apply_operators(clip, [Blend(slow, ARMS)]).clip
    shoulder = JOINT_INDEX["left_shoulder"]
    angle = 2 * np.arccos(np.clip(np.abs((edited.rotations * clip.rotations).sum(-1)), 0, 1))
    assert angle[:, shoulder].mean() < 0.5 * swing(clip, "left_shoulder")
    still = apply_operators(clip, [Amplitude(0.0, ARMS)]).clip
    half = apply_operators(clip, [Blend(still, ARMS, 0.5)]).clip
    assert swing(half, "left_shoulder") == pytest.approx(0.5 * swing(clip, "left_shoulder"), rel=0.1)


def test_operators_are_applied_in_their_order(clip: Clip) -> None:
    left = ("left_arm",)
    first = apply_operators(clip, [Mirror(), Amplitude(0.0, left)]).clip
    last = apply_operators(clip, [Amplitude(0.0, left), Mirror()]).clip
    assert swing(first, "left_shoulder") < 1e-3 < swing(first, "right_shoulder")
    assert swing(last, "right_shoulder") < 1e-3 < swing(last, "left_shoulder")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Tempo(5.0), "tempo.factor: 5"),
        (lambda: Amplitude(-0.1), "amplitude.factor: -0.1"),
        (lambda: Exaggerate(1.2, ("tail",)), "exaggerate.parts: tail"),
        (lambda: Blend(walker(), weight=2), "blend.weight: 2"),
    ],
)
def test_what_is_out_of_range_is_refused_with_field_value_and_range(make: object, field: str) -> None:
    with pytest.raises(EditError, match=f"{field}.*allowed"):
        make()  # type: ignore[operator]


def test_a_clip_that_is_too_short_is_refused(clip: Clip) -> None:
    short = Clip("short", clip.pelvis[:5], clip.rotations[:5], clip.contacts[:5], "walk", "", "", "")
    with pytest.raises(EditError, match="short has 5 frames; allowed: 8 or more"):
        Edited.of(short)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "walk.bvh"
    path.write_text(format_bvh(build(Rig(), t_posed(walking()))), encoding="utf-8")
    return path


def test_the_command_applies_options_in_their_order(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.bvh"
    options = ["--smaller", "0.5", "--parts", "arms", "--mirror", "--faster", "2", "--smaller", "0.25"]
    result = CliRunner().invoke(edit, [str(file), *options, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "edits: smaller 0.5 left_arm,right_arm, mirror, faster 2, smaller 0.25\n" in result.output
    assert out.read_text(encoding="utf-8").startswith("HIERARCHY")


def test_the_command_gives_an_unchanged_clip_back_byte_for_byte(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.bvh"
    result = CliRunner().invoke(edit, [str(file), "--slower", "1", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "no operator is given"),
        (["--mirror", "--parts", "arms"], "--parts belongs behind"),
        (["--larger", "1.2", "--parts", "tail"], "'tail'; allowed"),
        (["--larger", "3"], "3.0 is not in the range"),
    ],
)
def test_the_command_says_what_is_wrong(file: Path, tmp_path: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(edit, [str(file), *options, "--out", str(tmp_path / "out.bvh")])
    assert result.exit_code != 0
    assert message in result.output
