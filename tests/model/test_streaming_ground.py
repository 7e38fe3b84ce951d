"""Streamed windows on slopes, stairs and below ceilings, with the shipped student in a closed loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strut_model.bundle import Bundle, load_bundle
from strut_model.features import WINDOW
from strut_model.heights import HeightField, HeightFields
from strut_model.motion import Motion
from strut_model.scene.terrain import inclined, sole_points, staircase
from strut_model.skeleton import forward_kinematics
from strut_model.streaming import ground, stoop
from strut_model.streaming.benchmark import walking_requests
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator
from strut_model.streaming.ground import Grounds, laid
from strut_model.streaming.rollout import idle_history, rollout, synthetic_paths
from strut_model.streaming.stoop import HEADROOM

STYLES = ("normal", "elderly", "proud")
GUIDANCE = np.array([1.75, 1.5], np.float32)
"""Of style and content: the walks that the bounds were measured on, whatever a bundle's default is."""
SETTLED = 20
"""Frames until a walk has begun."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle()


@pytest.fixture(scope="module")
def generator(bundle: Bundle) -> MotionGenerator:
    return MotionGenerator(bundle, OnnxEngine(bundle))


def walked(generator: MotionGenerator, field: HeightField | None, speed: float, frames: int = 144) -> Motion:
    """(B, T) frames of walking straight ahead on a ground, in three styles."""
    bundle, count = generator.bundle, len(STYLES)
    paths = synthetic_paths(["straight"] * count, frames, [speed] * count, [0.0] * count)
    start = idle_history(generator, count)
    if field is not None:
        start = Motion.stack([laid(field, start[row]) for row in range(count)])
    style = bundle.style_vectors[[bundle.style_index[name] for name in STYLES]]
    content = np.repeat(bundle.content_vectors[[bundle.content_index["walk"]]], count, axis=0)
    on = None if field is None else Grounds.of([field] * count)
    guidance = np.tile(GUIDANCE, (count, 1))
    return rollout(generator, start, paths.position, paths.heading, style, content, guidance=guidance, ground=on)


def soles(motion: Motion) -> np.ndarray:
    """(B, T, 2, 4, 3) metres, points under the feet."""
    positions, orientations = forward_kinematics(motion.world_rotations(), motion.world_pelvis())
    return sole_points(positions[:, :, [7, 8]], orientations[:, :, [7, 8]])


def above(field: HeightField, points: np.ndarray) -> np.ndarray:
    """Metres of points (..., 3) above the ground."""
    return points[..., 1] - field.at(points[..., [0, 2]].reshape(-1, 2)).reshape(points.shape[:-1])


def standing(motion: Motion) -> np.ndarray:
    """(B, T, 2) where heel and toe are in contact, two frames before and after, too."""
    on = motion.contacts.reshape(*motion.contacts.shape[:2], 2, 2).min(axis=-1) > 0.5
    inner = on.copy()
    inner[:, 2:-2] &= on[:, 1:-3] & on[:, :-4] & on[:, 3:-1] & on[:, 4:]
    inner[:, :SETTLED] = inner[:, -2:] = False
    return inner


@pytest.mark.parametrize("degrees", [-20, -10, 10, 20])
def test_feet_rest_on_a_slope_as_they_do_on_level_ground(generator: MotionGenerator, degrees: float) -> None:
    field = inclined(np.radians(degrees), length=20.0)
    motion = walked(generator, field, 1.2)
    height = above(field, soles(motion)).min(axis=-1)
    on = standing(motion)
    assert on.mean() > 0.15
    assert (np.abs(height[on]) < 0.02).mean() > 0.9
    assert height[:, SETTLED:].min() > -0.04
    climbed = motion.positions()[:, -1, 7, 1]
    np.testing.assert_allclose(climbed, np.tan(np.radians(degrees)) * motion.root_position[:, -1, 1], atol=0.4)


@pytest.mark.parametrize(("rise", "tread"), [(0.17, 0.29), (-0.17, 0.29), (0.3, 0.4), (-0.3, 0.4)])
def test_on_stairs_no_foot_enters_a_step_or_rests_across_an_edge(
    generator: MotionGenerator, rise: float, tread: float
) -> None:
    field = staircase(rise, tread, 20, begin=0.8)
    motion = walked(generator, field, 0.7)
    points = soles(motion)
    height = above(field, points)
    assert np.percentile(height[:, SETTLED:], 0.2) > -0.07
    on = standing(motion)
    assert (np.abs(height.min(axis=-1)[on]) < 0.02).mean() > 0.8
    # Half a centimetre inside its ends, a sole lies on one tread.
    steps = np.round((points[..., 1] - height)[on][:, [0, 3]] / rise, 1)
    assert (np.abs(steps[:, 0] - steps[:, 1]) > 0.3).mean() < 0.15
    assert np.abs(points[:, -1, :, :, 1]).max() > 4 * abs(rise)


def test_nothing_pops_between_windows(generator: MotionGenerator) -> None:
    motion = walked(generator, inclined(np.radians(12), length=20.0), 1.2)
    acceleration = np.linalg.norm(np.diff(motion.positions(), n=2, axis=1), axis=-1).mean(axis=(0, 2))
    frame = np.arange(1, len(acceleration) + 1)
    seam = np.isin(frame % WINDOW, (0, WINDOW - 1))
    settled = frame > SETTLED
    assert acceleration[seam & settled].mean() < 1.6 * acceleration[~seam & settled].mean()


def test_a_history_laid_onto_a_ground_is_laid_level_again(generator: MotionGenerator) -> None:
    level = walked(generator, None, 1.2, 64).slice_frames(40, 48)[0]
    field = inclined(np.radians(10), length=20.0)
    there = laid(field, level)
    assert np.abs(there.positions() - level.positions()).max() > 0.1
    fields = HeightFields.stack([field])
    pelvis = there.world_pelvis()
    linear = np.concatenate((there.root_position, there.root_heading[:, None], pelvis), axis=-1)[None]
    rotations = there.world_rotations()[None]
    ground.flattened(fields, linear, rotations, there.contacts[None], FootLocks.unknown(1))
    back = forward_kinematics(rotations[0], linear[0, :, 3:])[0]
    np.testing.assert_allclose(back, level.positions(), atol=0.01)


def test_rows_without_a_ground_are_what_they_are_without_company_on_one(generator: MotionGenerator) -> None:
    requests = walking_requests(generator, 3, steps=1)
    plain = generator.generate(requests)
    field = inclined(0.1)
    mixed = generator.generate(replace(requests, ground=Grounds.of([None, field, None])))
    for row in (0, 2):
        np.testing.assert_array_equal(mixed.motion.rotations[row], plain.motion.rotations[row])
        np.testing.assert_array_equal(mixed.motion.pelvis[row], plain.motion.pelvis[row])
        np.testing.assert_array_equal(mixed.frame_locks.position[row], plain.frame_locks.position[row])
    assert np.abs(mixed.motion.rotations[1] - plain.motion.rotations[1]).max() > 0.01


def test_a_level_ground_at_height_0_changes_next_to_nothing(generator: MotionGenerator) -> None:
    requests = walking_requests(generator, 3, steps=1)
    plain = generator.generate(requests).motion.positions()
    level = generator.generate(replace(requests, ground=Grounds.of([inclined(0.0)] * 3))).motion.positions()
    assert np.abs(level - plain).max() < 0.06


@pytest.mark.parametrize("free", [1.5, 1.25, 1.1])
def test_heads_stay_below_what_hangs_over_them(generator: MotionGenerator, free: float) -> None:
    """A low passage from 1.5 to 3 m ahead."""
    z = -2 + 0.1 * np.arange(80)
    ceilings = np.repeat(np.where((z > 1.45) & (z < 3.05), free, 10.0)[:, None], 2, axis=1)
    field = HeightField(np.array([-0.05, -2.0]), np.array(0.0), 0.1, np.zeros((80, 2)), ceilings)
    motion = walked(generator, field, 1.0, 176)
    tops = stoop.head_tops(motion.world_rotations(), motion.world_pelvis())
    under = (tops[..., 2] > 1.5) & (tops[..., 2] < 3.0)
    assert under.any(axis=1).all()
    assert tops[under][:, 1].max() < free - HEADROOM + 0.03
    before, after = tops[:, 15, 1], tops[:, -1, 1]
    assert (after > before - 0.08).all()
    height = above(field, soles(motion)).min(axis=-1)
    assert (np.abs(height[standing(motion)]) < 0.025).mean() > 0.85
