"""Clips check their shapes and give positions and an explicit root."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.clip import Clip
from strut_model.skeleton import JOINT_INDEX, PELVIS_REST_HEIGHT


def still(frames: int = 40) -> Clip:
    return Clip(
        name="still",
        pelvis=np.tile(np.array([1.0, PELVIS_REST_HEIGHT, 2.0], dtype=np.float32), (frames, 1)),
        rotations=np.tile(np.array([0, 0, 0, 1], dtype=np.float32), (frames, 22, 1)),
        contacts=np.ones((frames, 4), dtype=np.float32),
        content="idle",
        style="normal",
        take="1",
        dataset="made",
    )


def test_a_t_pose_stands_with_its_toes_at_rest_height_and_its_hands_to_the_sides() -> None:
    positions = still().positions()
    assert positions[0, JOINT_INDEX["left_foot"], 1] == pytest.approx(0.0425, abs=1e-4)
    assert positions[0, JOINT_INDEX["left_wrist"], 0] == pytest.approx(1 + 0.0498 + 0.0535 + 0.2433 + 0.2229, abs=1e-4)


def test_the_motion_of_a_clip_has_its_root_under_the_pelvis() -> None:
    motion = still().motion()
    assert np.allclose(motion.root_position, [1.0, 2.0], atol=1e-5)
    assert np.allclose(motion.root_heading, 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("field", "value"),
    [("pelvis", np.zeros((40, 2))), ("rotations", np.zeros((39, 22, 4))), ("contacts", np.zeros((40, 3)))],
)
def test_a_field_of_another_shape_is_refused_by_name(field: str, value: np.ndarray) -> None:
    with pytest.raises(ValueError, match=f"{field}: shape is .*, expected"):
        Clip(**{**vars(still()), field: value})
