"""Figures that really step: walks, idles and gestures whose feet stand still while they stand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.clip import Clip
from strut_model.contacts import foot_contacts
from strut_model.data.feet import place_ankles
from strut_model.data.synthesis.takes import Take
from strut_model.skeleton import CONTACT_REST_HEIGHTS, JOINT_INDEX, JOINTS, PELVIS_REST_HEIGHT

Array = NDArray[np.floating]

SWING, STAND = 12, 16
"""Frames of a foot in the air and on the ground."""
_CYCLE = SWING + STAND
_HANGING = np.radians(75.0)


def _posed(frames: int) -> Array:
    """(T, 22, 4) a figure with hanging arms."""
    rotations = rot.identity((frames, JOINTS), np.float64)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        rotations[:, JOINT_INDEX[f"{side}_shoulder"]] = rot.from_axis_angle(np.array([0.0, 0.0, sign * _HANGING]))
    return rotations


def _feet(frames: int, speed: float, width: float = 0.09) -> Array:
    """(T, 2, 3) ankles that swing in turn along +Z at a mean speed."""
    stride = speed * _CYCLE / 30
    ankles = np.empty((frames, 2, 3))
    for foot, sign in enumerate((1.0, -1.0)):
        time = np.arange(frames) + foot * _CYCLE / 2
        cycle, within = np.floor(time / _CYCLE), time % _CYCLE
        share = np.clip((within - STAND) / SWING, 0, 1)
        moved = share**2 * (3 - 2 * share)
        # In the middle of its stance a foot is below the body.
        begin = (cycle * _CYCLE + STAND / 2 - foot * _CYCLE / 2) * speed / 30
        ankles[:, foot, 0] = sign * width
        ankles[:, foot, 1] = CONTACT_REST_HEIGHTS[0] + 0.1 * np.sin(np.pi * share) ** 2
        ankles[:, foot, 2] = begin + stride * moved
    return ankles


def walk(frames: int = 150, speed: float = 0.9) -> Take:
    """A walk along +Z from the origin, arms swinging."""
    rotations = _posed(frames)
    phase = 2 * np.pi * np.arange(frames) / _CYCLE
    for side, sign in (("left", 1.0), ("right", -1.0)):
        swing = rot.from_axis_angle(np.stack((0.4 * sign * np.sin(phase), 0 * phase, 0 * phase), axis=-1))
        joint = JOINT_INDEX[f"{side}_shoulder"]
        rotations[:, joint] = rot.multiply(swing, rotations[:, joint])
    pelvis = np.zeros((frames, 3))
    pelvis[:, 1] = PELVIS_REST_HEIGHT - 0.05
    pelvis[:, 2] = np.arange(frames) * speed / 30
    return Take(pelvis, place_ankles(pelvis, rotations, _feet(frames, speed)))


def stand(frames: int, raise_left: bool = False, sway: float = 0.01) -> Take:
    """Standing with a slow sway; with ``raise_left`` the left hand goes up and comes down again."""
    rotations = _posed(frames)
    time = np.arange(frames)
    if raise_left:
        up = np.sin(np.pi * np.clip((time - 8) / (frames - 17), 0, 1)) ** 2
        turn = rot.from_axis_angle(np.stack((0 * up, 0 * up, 2.6 * up), axis=-1))
        joint = JOINT_INDEX["left_shoulder"]
        rotations[:, joint] = rot.multiply(turn, rotations[:, joint])
    pelvis = np.zeros((frames, 3))
    pelvis[:, 0] = sway * np.sin(2 * np.pi * time / 60)
    pelvis[:, 1] = PELVIS_REST_HEIGHT - 0.02
    ankles = np.empty((frames, 2, 3))
    ankles[:] = [[0.09, CONTACT_REST_HEIGHTS[0], 0.0], [-0.09, CONTACT_REST_HEIGHTS[0], 0.0]]
    return Take(pelvis, place_ankles(pelvis, rotations, ankles))


def clip_of(take: Take, name: str, content: str, style: str = "normal", **labels: object) -> Clip:
    """A clip of a take."""
    return Clip(
        name=name,
        pelvis=take.pelvis.astype(np.float32),
        rotations=take.rotations.astype(np.float32),
        contacts=foot_contacts(take.positions()),
        content=content,
        style=style,
        take=name,
        dataset="made",
        **labels,  # type: ignore[arg-type]
    )
