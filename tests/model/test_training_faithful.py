"""Inversion through the shipped teacher: what it finds again, and what another style makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.model.steppers import clip_of, walk

from strut_model.bundle import load_bundle
from strut_model.clip import Clip
from strut_model.restyle.fast import Asked, RestyleError, mean_joint_change, restyle, stretch_of
from strut_model.restyle.recognition import ClipEncoder, Recognised
from strut_model.training.faithful import DEFAULT_TEACHER, TeacherSampler

FRAMES = 64


@pytest.fixture(scope="module")
def clip() -> Clip:
    return clip_of(walk(FRAMES), "walk", "walk")


@pytest.fixture(scope="module")
def shown(clip: Clip) -> Recognised:
    return ClipEncoder(load_bundle()).recognise(clip, content="walk", style="normal")


def again(clip: Clip, shown: Recognised, level: float) -> float:
    """Metres: the clip inverted, and sampled from there under the same conditions, against itself."""
    sampler = TeacherSampler(load_bundle(), DEFAULT_TEACHER, level)
    motion = clip.motion()
    stretch = stretch_of(motion, shown, 0, FRAMES)
    made = sampler.sample(stretch, shown, shown.style[None], Asked(shown.style, 1.0))[0]
    apart = np.linalg.norm(made.positions() - motion.positions(), axis=-1)
    return float(apart[16 : FRAMES - 16].mean())


def test_from_its_own_noise_a_clip_comes_back_the_nearer_the_lower_the_level(clip: Clip, shown: Recognised) -> None:
    low, high = again(clip, shown, 0.3), again(clip, shown, 0.95)
    assert low < 0.03
    assert low < high


def test_another_style_changes_the_clip_and_its_own_does_not(clip: Clip, shown: Recognised) -> None:
    bundle = load_bundle()
    sampler = TeacherSampler(bundle, DEFAULT_TEACHER)
    other = restyle(clip, shown, Asked(bundle.style_vectors[bundle.style_index["exhausted"]], 2.0), sampler)
    own = restyle(clip, shown, Asked(shown.style, 2.0), sampler)
    assert mean_joint_change(own, clip) < 0.05
    assert mean_joint_change(other, clip) > 1.5 * mean_joint_change(own, clip)


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(RestyleError, match=r"level: 2 .* allowed"):
        TeacherSampler(load_bundle(), DEFAULT_TEACHER, 2.0)
