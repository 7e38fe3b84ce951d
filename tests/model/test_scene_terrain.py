"""Height samples, and feet on slopes and stairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from tests.model.steppers import clip_of, walk

from strut_model.clip import Clip
from strut_model.heights import HeightField, HeightFields
from strut_model.rotations import rotate_ground
from strut_model.scene.gait import Feet, Gait
from strut_model.scene.measures import measure
from strut_model.scene.terrain import EDGE, SOLE, inclined, on_ground, sole_points, staircase


@pytest.fixture(scope="module")
def clip() -> Clip:
    return clip_of(walk(200, speed=0.64), "walk", "walk")  # steps of .3 m


def soles(clip: Clip) -> tuple[np.ndarray, Gait]:
    """(T, 2, 4, 3) metres, points under the feet, and the clip as a gait."""
    gait = Gait.of(clip)
    feet = Feet.of(gait.take)
    return sole_points(feet.ankles, feet.soles), gait


def above(ground: HeightField, points: np.ndarray) -> np.ndarray:
    """Metres of points (..., 3) above the ground."""
    return points[..., 1] - ground.at(points[..., [0, 2]].reshape(-1, 2)).reshape(points.shape[:-1])


def test_heights_are_bilinear_between_samples() -> None:
    rng = np.random.default_rng(0)
    heights = rng.normal(size=(5, 7))
    field = HeightField(np.array([1.0, -2.0]), np.array(0.0), 0.5, heights)
    grid = RegularGridInterpolator((np.arange(5) * 0.5 - 2, np.arange(7) * 0.5 + 1), heights)
    points = rng.uniform((1.0, -2.0), (4.0, 0.0), (50, 2))
    np.testing.assert_allclose(field.at(points), grid(points[:, ::-1]), atol=1e-12)


def test_a_turned_grid_and_a_batch_of_grids() -> None:
    heights = np.array([[0.0, 0.0], [1.0, 1.0]])
    # The grid's +Z points to +X of the space: a quarter turn.
    turned = HeightField(np.zeros(2), np.array(np.pi / 2), 1.0, heights)
    assert turned.at(np.array([[0.25, -0.5]]))[0] == pytest.approx(0.25)
    batch = HeightField(np.zeros((2, 2)), np.array([np.pi / 2, 0.0]), 1.0, np.stack([heights, 3 * heights]))
    found = batch.at(np.array([[[0.25, -0.5]], [[0.5, 0.5]]]))
    np.testing.assert_allclose(found, [[0.25], [1.5]])


def test_a_ragged_batch_of_grids_agrees_with_the_single_ones() -> None:
    rng = np.random.default_rng(1)
    fields = [
        HeightField(rng.normal(size=2), np.array(rng.uniform(-3, 3)), spacing, rng.normal(size=shape))
        for spacing, shape in ((0.1, (5, 7)), (0.5, (2, 9)), (0.05, (12, 3)))
    ]
    points = rng.normal(size=(3, 40, 2))
    expected = np.stack([field.at(own) for field, own in zip(fields, points)])
    batch = HeightFields.stack(fields)
    np.testing.assert_allclose(batch.at(points.astype(np.float32)), expected, atol=1e-4)
    position, heading = rng.normal(size=(3, 2)), rng.uniform(-3, 3, 3)
    turned = rotate_ground(-heading[:, None], points - position[:, None])
    np.testing.assert_allclose(batch.seen_from(position, heading).at(turned.astype(np.float32)), expected, atol=1e-4)


def test_what_hangs_above_one_grid_is_open_above_the_others() -> None:
    level = np.zeros((2, 2))
    low = HeightField(np.zeros(2), np.array(0.0), 1.0, level, level + 1.2)
    batch = HeightFields.stack([low, HeightField(np.zeros(2), np.array(0.0), 1.0, level)])
    heights, ceilings = batch.both_at(np.zeros((2, 1, 2), np.float32))
    np.testing.assert_allclose(heights, 0)
    assert ceilings[0, 0] == pytest.approx(1.2)
    assert ceilings[1, 0] > 100


def test_beyond_its_border_the_ground_goes_on_level() -> None:
    field = inclined(0.2, length=4)
    assert field.at(np.array([[0.0, 99.0]]))[0] == pytest.approx(4 * np.tan(0.2))


def test_a_wrong_field_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"heights: has the shape \(1, 4\)"):
        HeightField(np.zeros(2), np.array(0.0), 0.1, np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r"spacing: is 5; allowed: 0\.02 to 2 metres"):
        HeightField(np.zeros(2), np.array(0.0), 5.0, np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"rise: is 0\.5; allowed: -0\.4 to 0\.4"):
        staircase(0.5, 0.3, 4)


@pytest.mark.parametrize("degrees", [-20, -8, 0, 12, 20])
def test_feet_stand_flat_on_a_slope_and_do_not_slide(clip: Clip, degrees: float) -> None:
    ground = inclined(np.radians(degrees))
    edited = on_ground(clip, ground)
    points, gait = soles(edited)
    height = above(ground, points)
    for side, runs in enumerate(gait.stances):
        for start, stop in runs:
            assert np.abs(height[start:stop, side]).max() < 0.02
    assert height.min() > -0.02
    assert measure(edited).slide < 1.5


@pytest.mark.parametrize("rise", [0.17, 0.3, -0.17])
def test_on_stairs_no_foot_enters_a_step_or_rests_across_an_edge(clip: Clip, rise: float) -> None:
    ground = staircase(rise, 0.3, 8, begin=0.6)
    edited = on_ground(clip, ground)
    points, gait = soles(edited)
    height = above(ground, points)
    along = np.linspace(SOLE[0, 2], SOLE[-1, 2], 20)
    climbed = []
    for side, runs in enumerate(gait.stances):
        for start, stop in runs:
            middle = (start + stop) // 2
            assert np.abs(height[middle, side]).max() < 0.02
            ankle = points[middle, side, 0] - [0, 0, SOLE[0, 2]]
            under = ground.at(np.stack((np.full(20, ankle[0]), ankle[2] + along), axis=-1))
            assert np.ptp(under) < EDGE
            climbed.append(under.mean())
    assert height.min() > -0.02
    assert max(np.abs(climbed)) > 4 * abs(rise)
    assert measure(edited).slide < 1.5


def test_level_ground_changes_nothing(clip: Clip) -> None:
    edited = on_ground(clip, inclined(0.0))
    np.testing.assert_allclose(edited.positions(), clip.positions(), atol=2e-3)
