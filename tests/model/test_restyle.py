"""Restyling with the shipped student: what changes, what stays, and what comes back bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.model.rigs import Rig, build, t_posed, walking

from strut_model.bundle import Bundle, load_bundle
from strut_model.bvh import format_bvh
from strut_model.clip import Clip
from strut_model.contacts import foot_contacts
from strut_model.evaluation.paths import body_path
from strut_model.features import HISTORY
from strut_model.restyle.commands import stylize
from strut_model.restyle.composing import LARGEST_MOVE
from strut_model.restyle.fast import (
    OVERLAP,
    STRETCH,
    Asked,
    RestyleError,
    StudentSampler,
    mean_joint_change,
    restyle,
    restyle_parts,
    restyled_clip,
    stretch_of,
)
from strut_model.restyle.recognition import ClipEncoder, Recognised
from strut_model.skeleton import CONTACT_JOINTS, JOINT_INDEX
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.rollout import idle_history, rollout

FRAMES = 170
"""More than one stretch."""
OTHER = "exhausted"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle()


@pytest.fixture(scope="module")
def sampler(bundle: Bundle) -> StudentSampler:
    return StudentSampler(MotionGenerator(bundle, OnnxEngine(bundle)))


@pytest.fixture(scope="module")
def clip(sampler: StudentSampler) -> Clip:
    """A walk in the style normal along a curve; no recording, but of the same feet and steps."""
    bundle = sampler.bundle
    heading = 0.12 * np.arange(FRAMES + 30) / 60
    step = np.stack((np.sin(heading), np.cos(heading)), axis=-1) * 1.1 / 30
    motion = rollout(
        sampler.generator,
        idle_history(sampler.generator, 1),
        np.cumsum(step, axis=0)[None].astype(np.float32),
        heading[None].astype(np.float32),
        bundle.style_vectors[bundle.style_index["normal"]][None],
        bundle.content_vectors[bundle.content_index["walk"]][None],
        frames_per_window=8,
    )[0].slice_frames(30, None)
    pelvis, rotations = motion.world_pelvis(), motion.world_rotations()
    return Clip("walk", pelvis, rotations, foot_contacts(motion.positions()), "walk", "normal", "1", "made")


@pytest.fixture(scope="module")
def shown(bundle: Bundle, clip: Clip) -> Recognised:
    return ClipEncoder(bundle).recognise(clip)


def asked(bundle: Bundle, style: str = OTHER, **more: object) -> Asked:
    return Asked(bundle.style_vectors[bundle.style_index[style]], 2.0, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def restyled(clip: Clip, shown: Recognised, sampler: StudentSampler) -> Clip:
    return restyle(clip, shown, asked(sampler.bundle), sampler)


def test_the_encoder_recognises_what_a_clip_shows(shown: Recognised) -> None:
    assert shown.content_info is not None
    assert (shown.content_info.name, shown.style_name) == ("walk", "normal")


def test_the_style_comes_nearer_to_the_one_asked_for(bundle: Bundle, clip: Clip, restyled: Clip) -> None:
    encoder = ClipEncoder(bundle)
    wanted = bundle.style_vectors[bundle.style_index[OTHER]]
    near = [float((encoder.codes([c])[0] * wanted).sum(-1).mean()) for c in (clip, restyled)]
    assert near[1] > near[0] + 0.3


def test_contacts_and_path_stay(clip: Clip, restyled: Clip) -> None:
    assert restyled.frames == clip.frames
    before, after = (foot_contacts(c.positions()) > 0.5 for c in (clip, restyled))
    assert np.mean(before == after) > 0.93
    apart = np.linalg.norm(body_path(restyled.motion())[0] - body_path(clip.motion())[0], axis=-1)
    assert apart.mean() < 0.03
    standing = clip.contacts > 0.5
    both = standing[1:] & standing[:-1]
    feet = [c.positions()[:, CONTACT_JOINTS][..., [0, 2]] for c in (clip, restyled)]
    slide = [float(np.linalg.norm(np.diff(f, axis=0), axis=-1)[both].mean()) * 3000 for f in feet]
    assert slide[1] < slide[0] + 1.5  # cm/s
    apart = np.linalg.norm(feet[1] - feet[0], axis=-1)[standing]
    assert apart.max() < LARGEST_MOVE + 0.05


def test_stretches_join_without_a_seam(clip: Clip, restyled: Clip) -> None:
    acceleration = np.linalg.norm(np.diff(restyled.positions(), 2, axis=0), axis=-1).max(axis=-1)
    seam = acceleration[STRETCH - 2 : STRETCH + OVERLAP + 2]
    assert seam.max() <= 1.3 * np.percentile(acceleration, 99)


def test_into_its_own_style_a_clip_stays_nearly_as_it_is(
    clip: Clip, shown: Recognised, sampler: StudentSampler
) -> None:
    again = restyle(clip, shown, asked(sampler.bundle, shown.style_name), sampler)
    assert mean_joint_change(again, clip) < 0.03


def test_at_an_amount_of_0_a_clip_is_itself_and_in_between_it_changes_less(
    clip: Clip, shown: Recognised, sampler: StudentSampler, restyled: Clip
) -> None:
    assert restyle(clip, shown, asked(sampler.bundle, amount=0.0), sampler) is clip
    half = restyle(clip, shown, asked(sampler.bundle, amount=0.5), sampler)
    assert 0.2 < mean_joint_change(half, clip) / mean_joint_change(restyled, clip) < 0.8


def test_parts_that_are_not_asked_for_stay(clip: Clip, shown: Recognised, sampler: StudentSampler) -> None:
    arms = restyle(clip, shown, asked(sampler.bundle, parts=("left_arm", "right_arm")), sampler)
    change = np.abs(arms.rotations - clip.rotations).max(axis=(0, 2))
    assert change[JOINT_INDEX["left_shoulder"]] > 0.05
    kept = [JOINT_INDEX[name] for name in ("spine1", "spine3", "head")]
    assert change[kept].max() < 1e-5
    assert np.abs((arms.positions() - clip.positions())[:, CONTACT_JOINTS]).max() < 0.01


def test_parts_come_as_they_are_made_and_are_the_whole(
    clip: Clip, shown: Recognised, sampler: StudentSampler, restyled: Clip
) -> None:
    parts = list(restyle_parts(clip, shown, asked(sampler.bundle), sampler))
    assert len(parts) > 1
    assert [part.start for part in parts[1:]] == list(np.cumsum([part.take.frames for part in parts])[:-1])
    assert [part.progress for part in parts] == sorted(part.progress for part in parts)
    assert parts[-1].progress == 1.0
    assert np.array_equal(restyled_clip(clip, parts).rotations, restyled.rotations)


def test_the_asked_path_goes_on_beyond_both_ends_of_a_gait(clip: Clip, shown: Recognised) -> None:
    motion = clip.motion()
    stretch = stretch_of(motion, shown, -40, clip.frames + 20)
    assert np.allclose(stretch.position[40 : 40 + clip.frames], motion.root_position, atol=1e-5)
    speed = np.linalg.norm(np.diff(stretch.position, axis=0), axis=-1)
    assert speed[:39] == pytest.approx(speed[41:48].mean(), rel=0.3)
    assert stretch.history.frames == HISTORY


@pytest.mark.parametrize(("field", "more"), [("amount: 1.5", {"amount": 1.5}), ("parts: tail", {"parts": ("tail",)})])
def test_what_is_out_of_range_is_refused(bundle: Bundle, field: str, more: dict[str, object]) -> None:
    with pytest.raises(RestyleError, match=f"{field}.*allowed"):
        asked(bundle, **more)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "walk.bvh"
    path.write_text(format_bvh(build(Rig(), t_posed(walking(60)))), encoding="utf-8")
    return path


def test_the_command_restyles_a_file_and_shows_it(file: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "out.bvh", tmp_path / "picture.webp"
    options = ["--style", "proud:0.7,angry:0.3", "--parts", "arms,torso", "--out", str(out), "--preview", str(picture)]
    result = CliRunner().invoke(stylize, [str(file), *options])
    assert result.exit_code == 0, result.output
    assert out.read_bytes() != file.read_bytes()
    assert picture.read_bytes()[8:12] == b"WEBP"


def test_the_command_takes_a_second_clip_as_the_style_and_gives_the_file_back_at_0(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.bvh"
    result = CliRunner().invoke(stylize, [str(file), "--style-clip", str(file), "--amount", "0", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "x.bvh"], "one of --style and --style-clip is needed"),
        (["--style", "prowd", "--out", "x.bvh"], "did you mean proud"),
        (["--style", "proud"], "nothing to write"),
        (["--style", "proud", "--out", "x.txt"], "x.txt; allowed"),
        (["--style", "proud", "--parts", "tail", "--out", "x.bvh"], "'tail'; allowed"),
    ],
)
def test_the_command_says_what_is_wrong(file: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(stylize, [str(file), *options])
    assert result.exit_code != 0
    assert message in result.output
