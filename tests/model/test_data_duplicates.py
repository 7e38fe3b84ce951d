"""Duplicates planted into made-up motion are found where they were put."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from strut_model.codec import encode_quat48
from strut_model.data.duplicates import find_duplicates


def motion(frames: int, seed: int) -> np.ndarray:
    """(T, 22, 4) smooth random motion."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None, None] / 30
    vectors = rng.normal(size=(1, 22, 3)) * np.sin(
        t * rng.uniform(1, 4, size=(1, 22, 3)) + rng.uniform(0, 6, (1, 22, 3))
    )
    return Rotation.from_rotvec(0.6 * vectors.reshape(-1, 3)).as_quat().reshape(frames, 22, 4)


def test_takes_that_share_nothing_are_not_reported() -> None:
    names = [f"take{i}" for i in range(6)]
    assert find_duplicates(names, [encode_quat48(motion(90, i)) for i in range(6)]) == []


def test_an_exact_stretch_is_found_with_its_places_although_the_body_stands_elsewhere() -> None:
    a, b = motion(120, 1), motion(100, 2)
    b[10:70] = a[45:105]
    b[10:70, 0] = Rotation.from_euler("y", 1.0).as_quat()  # facing elsewhere: the pelvis is left out
    (found,) = find_duplicates(["a", "b", "c"], [encode_quat48(m) for m in (a, b, motion(90, 3))])
    assert (found.first, found.second, found.first_start, found.second_start, found.frames) == ("a", "b", 45, 10, 60)
    assert found.exact
    assert found.degrees < 0.01
    assert found.row()["clips"] == ["a", "b"]


def test_a_near_duplicate_is_found_and_not_called_exact() -> None:
    a = motion(120, 1)
    noise = Rotation.from_rotvec(np.random.default_rng(5).normal(size=(120 * 22, 3)) * np.radians(0.2))
    near = (Rotation.from_quat(a.reshape(-1, 4)) * noise).as_quat().reshape(a.shape)
    (found,) = find_duplicates(["a", "near"], [encode_quat48(a), encode_quat48(near)])
    assert found.frames == 120
    assert not found.exact
    assert 0.1 < found.degrees < 0.6


def test_a_shared_stretch_below_half_a_second_is_left_alone() -> None:
    a, b = motion(120, 1), motion(100, 2)
    b[10:24] = a[45:59]
    assert find_duplicates(["a", "b"], [encode_quat48(a), encode_quat48(b)]) == []


def test_a_start_pose_that_all_takes_share_makes_no_pairs() -> None:
    takes = [motion(60, i) for i in range(40)]
    for take in takes:
        take[:10] = takes[0][0]
    assert find_duplicates([str(i) for i in range(40)], [encode_quat48(t) for t in takes]) == []


def test_one_take_has_no_duplicate() -> None:
    assert find_duplicates(["a"], [encode_quat48(motion(30, 0))]) == []
