"""The software renderer: rays meet the surface that the mesh describes, and pictures show what they should."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.recordings import STEP_FRAMES, walking

from strut_model import rotations as rot
from strut_model.exports import raycast
from strut_model.exports.footprints import footprints
from strut_model.exports.mannequin import Limb, limb_arrays, limbs, mesh
from strut_model.exports.raycast import FAR, Hits
from strut_model.exports.render import Body, Camera, Line, Patch, Scene, render
from strut_model.skeleton import CONTACT_JOINTS, JOINTS, forward_kinematics

WIDTH, HEIGHT = 160, 120
CAMERA = Camera(np.array([1.0, 1.2, 4.0]), np.array([0.0, 0.85, 0.0]))


def body(frame: int = 0, colour: tuple[int, int, int] = (200, 40, 40)) -> Body:
    motion = walking(30, turn=0.0, speed=0.0).slice_frames(frame, frame + 1)
    positions, orientations = forward_kinematics(motion.world_rotations(), motion.world_pelvis())
    return Body(positions[0], orientations[0], colour)


@pytest.mark.parametrize("number", range(len(limbs())))
def test_a_ray_at_a_limbs_surface_point_meets_it_there_with_its_normal(number: int) -> None:
    """The mesh samples the surface in closed form; a turned, moved joint makes the case general."""
    whole = mesh(around=12, cap=3)
    counts = len(whole.positions) // len(limbs())
    part = slice(number * counts, (number + 1) * counts)
    limb = limbs()[number]
    turn = rot.from_axis_angle(np.array([0.4, -1.1, 0.7], np.float32))
    place = np.array([0.3, 1.0, -0.2], np.float32)
    points = rot.rotate(turn, whole.positions[part]) + place
    normals = rot.rotate(turn, whole.normals[part])
    posed = raycast.pose(limb_arrays([limb]), np.tile(place, (JOINTS, 1)), np.tile(turn, (JOINTS, 1)))

    # Every ray starts off the surface, along the normal: a convex body is met where the normal stands.
    origin = (points + 0.8 * normals).T.reshape(3, 1, -1).astype(np.float32)
    direction = (-normals).T.reshape(3, 1, -1).astype(np.float32)
    hits = Hits.empty(1, len(points))
    raycast.cast(hits, posed, origin, direction, np.array([[0, 1, 0, len(points)]]), 0)
    np.testing.assert_allclose(hits.depth[0], 0.8, atol=2e-4)
    found = hits.normal[:, 0].T
    found = found / np.linalg.norm(found, axis=-1, keepdims=True)
    assert np.sum(found * normals, axis=-1).min() > 0.999


def test_a_ray_past_a_limb_meets_nothing() -> None:
    limb = Limb(0, (0.0, 0.0, 0.0), (0.0, 0.3, 0.0), 0.1, 0.05)
    posed = raycast.pose(limb_arrays([limb]), np.zeros((JOINTS, 3), np.float32), rot.identity((JOINTS,)))
    # To the left of the thick end, and beside the thin one where the thick one would still be met.
    origin = np.array([[[-0.101, 0.08]], [[0.0, 0.3]], [[2.0, 2.0]]], np.float32)
    hits = Hits.empty(1, 2)
    raycast.cast(hits, posed, origin, np.array([0, 0, -1], np.float32)[:, None, None], np.array([[0, 1, 0, 2]]), 0)
    assert (hits.depth == FAR).all()


def test_the_camera_projects_its_target_to_the_middle_and_up_to_the_top() -> None:
    pixels, depth = CAMERA.project(np.array([[0.0, 0.85, 0.0], [0.0, 1.2, 0.0]]), WIDTH, HEIGHT)
    np.testing.assert_allclose(pixels[0], (WIDTH / 2, HEIGHT / 2), atol=1e-3)
    assert pixels[1, 1] < pixels[0, 1]
    assert depth[0] == pytest.approx(np.linalg.norm([1.0, 0.35, 4.0]), rel=1e-6)


def test_the_body_covers_the_pixels_of_its_joints_in_its_colour() -> None:
    shown = render(Scene([body()]), CAMERA, WIDTH, HEIGHT).astype(int)
    empty = render(Scene([]), CAMERA, WIDTH, HEIGHT).astype(int)
    pixels, _ = CAMERA.project(body().positions, WIDTH, HEIGHT)
    columns, rows = np.floor(pixels).astype(int).T
    assert (np.abs(shown - empty)[rows, columns].max(axis=-1) > 30).all()
    red = (shown[..., 0] > 1.6 * shown[..., 1]) & (shown[..., 0] > 60)
    ys, xs = np.nonzero(red)
    assert xs.min() > pixels[:, 0].min() - 12
    assert xs.max() < pixels[:, 0].max() + 12
    assert ys.max() < pixels[:, 1].max() + 8
    assert ys.min() > pixels[:, 1].min() - 18


def test_the_nearer_of_two_bodies_hides_the_other() -> None:
    near, far = body(colour=(30, 60, 220)), body(colour=(220, 60, 30))
    far = Body(far.positions + np.array([-0.25, 0.0, -1.0], np.float32), far.orientations, far.colour)
    for order in ([near, far], [far, near]):
        picture = render(Scene(order), CAMERA, WIDTH, HEIGHT)
        (column, row), _ = CAMERA.project(near.positions[9], WIDTH, HEIGHT)  # the chest
        r, _, b = picture[int(row), int(column)].astype(int)
        assert b > r + 30


def test_the_shadow_falls_away_from_the_light_and_fades_with_distance() -> None:
    shadow = _difference(Scene([body()]), Scene([])).copy()
    pixels, _ = CAMERA.project(body().positions, WIDTH, HEIGHT)
    right = int(pixels[:, 0].max()) + 10
    # The light hangs over the camera's left shoulder, so the floor darkens at the right, not at the left.
    assert (shadow[HEIGHT // 2 :, right:] < -10).sum() > 40
    assert (shadow[HEIGHT // 2 :, : int(pixels[:, 0].min()) - 14] < -10).sum() == 0


def test_floor_marks_lie_under_the_body_and_where_they_were_put() -> None:
    square = np.array([[-0.2, 0.4], [0.2, 0.4], [0.2, 0.8], [-0.2, 0.8]], np.float32)
    changed = _difference(Scene([], [Patch(square, (0, 0, 0))]), Scene([])) < -50
    (column, row), _ = CAMERA.project(np.array([0.0, 0.0, 0.6]), WIDTH, HEIGHT)
    ys, xs = np.nonzero(changed)
    assert abs(xs.mean() - column) < 2
    assert abs(ys.mean() - row) < 2
    hidden = render(
        Scene([body()], [Line(np.array([[0.0, -9.0], [0.0, 9.0]], np.float32), (0, 255, 0), 0.2)]), CAMERA, 80, 60
    )
    (column, row), _ = CAMERA.project(body().positions[0], 80, 60)
    r, g, _ = hidden[int(row), int(column)].astype(int)
    assert r > g


def test_a_dashed_line_covers_half_of_what_a_full_one_does() -> None:
    points = np.stack((np.zeros(400), np.linspace(0, 2, 400)), axis=-1).astype(np.float32)
    full, dashed = (
        _difference(Scene([], [Line(points, (0, 0, 0), 0.1, 1.0, dash)]), Scene([])).clip(None, 0).sum()
        for dash in (0.0, 0.25)
    )
    assert dashed / full == pytest.approx(0.5, abs=0.06)


def test_footprints_are_the_stances_under_the_standing_foot() -> None:
    motion = walking(4 * STEP_FRAMES, speed=0.0, turn=0.0)
    found = footprints(motion)
    assert [(f.side, f.first, f.last) for f in found] == [
        (0, 0, 15), (1, 15, 30), (0, 30, 45), (1, 45, 60),
    ]  # fmt: skip
    ground = motion.positions()[:, CONTACT_JOINTS][:, :, [0, 2]]
    for f in found:
        middle = (f.first + f.last) // 2
        ankle, toe = ground[middle, 2 * f.side], ground[middle, 2 * f.side + 1]
        along = (np.stack((ankle, toe)) - f.place) @ f.direction
        assert -0.13 < along[0] < along[1] < 0.13
        assert np.ptp(f.outline() @ f.direction) == pytest.approx(0.25, abs=0.01)


def _difference(a: Scene, b: Scene) -> NDArray[np.int64]:
    """How much brighter the first picture is (h, w), in levels of 255."""
    first, second = (render(s, CAMERA, WIDTH, HEIGHT).astype(np.int64).mean(axis=-1) for s in (a, b))
    return (first - second).astype(np.int64)


def test_what_is_sunk_into_the_floor_is_not_seen() -> None:
    standing = body()
    sunk = Body(standing.positions - np.array([0.0, 0.3, 0.0]), standing.orientations, standing.colour)

    def lowest_red(figure: Body) -> int:
        picture = render(Scene([figure]), CAMERA, WIDTH, HEIGHT).astype(int)
        return int(np.flatnonzero((picture[..., 0] - picture[..., 2] > 60).any(axis=1)).max())

    # Feet that stand and legs that are cut off by the floor end at it; without the floor they would reach far below.
    floor, _ = CAMERA.project(np.array([[0.0, 0.0, 0.0]]), WIDTH, HEIGHT)
    below, _ = CAMERA.project(np.array([[0.0, -0.3, 0.0]]), WIDTH, HEIGHT)
    assert lowest_red(sunk) < floor[0, 1] + 0.5 * (below[0, 1] - floor[0, 1])
    assert lowest_red(sunk) > floor[0, 1] - 6
