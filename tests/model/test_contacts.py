"""Foot contacts of made-up feet whose contacts are known."""

from __future__ import annotations

import numpy as np

from strut_model.contacts import foot_contacts
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS, JOINTS


def standing(frames: int) -> np.ndarray:
    """(T, 22, 3): all contact joints at their rest heights, still."""
    positions = np.zeros((frames, JOINTS, 3))
    positions[:, CONTACT_JOINTS, 1] = CONTACT_REST_HEIGHTS
    return positions


def test_feet_that_stand_are_in_contact() -> None:
    assert (foot_contacts(standing(20)) == 1).all()


def test_the_margin_is_over_the_rest_height_and_not_over_the_ground() -> None:
    positions = standing(20)
    positions[:, CONTACT_JOINTS[0], 1] += 0.024
    positions[:, CONTACT_JOINTS[1], 1] += 0.026
    contacts = foot_contacts(positions)
    assert contacts[:, 0].all()
    assert not contacts[:, 1].any()
    assert contacts[:, 2:].all()


def test_a_foot_that_sweeps_over_the_ground_is_not_standing() -> None:
    positions = standing(20)
    positions[:, CONTACT_JOINTS[2], 2] = np.arange(20) / 30 * 2.0  # 2 m/s
    positions[:, CONTACT_JOINTS[3], 2] = np.arange(20) / 30 * 0.1  # captured stances creep as fast as this
    contacts = foot_contacts(positions)
    assert not contacts[:, 2].any()
    assert contacts[:, 3].all()


def test_a_foot_that_falls_through_the_margin_is_in_contact_only_once_it_rests() -> None:
    positions = standing(30)
    drop = np.clip(1.0 - np.arange(30) / 30 * 2.0, 0.0, None)  # comes down at 2 m/s, rests from frame 15
    positions[:, CONTACT_JOINTS[1], 1] += drop
    contacts = foot_contacts(positions)[:, 1]
    assert not contacts[:15].any()
    assert contacts[17:].all()


def test_a_flicker_of_one_frame_is_taken_out() -> None:
    positions = standing(20)
    positions[10, CONTACT_JOINTS[0], 0] += 0.03
    assert foot_contacts(positions)[:, 0].sum() >= 17
    assert (np.diff(foot_contacts(positions)[:, 1]) == 0).all()


def test_a_single_frame_is_judged_by_height_alone() -> None:
    assert foot_contacts(standing(1)).tolist() == [[1, 1, 1, 1]]
