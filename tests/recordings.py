"""Motion for tests of exports: a stiff walk with known feet, legs swinging from the hips."""

from __future__ import annotations

import numpy as np

from strut_model import rotations as rot
from strut_model.exports.recording import Recording
from strut_model.motion import Motion
from strut_model.skeleton import FPS, JOINT_INDEX, JOINTS, PELVIS_REST_HEIGHT

STEP_FRAMES = 15


def walking(frames: int = 45, speed: float = 1.2, turn: float = 0.4) -> Motion:
    """A walk along +Z from the origin that turns by ``turn`` radians; each foot stands for every other half second."""
    time = np.arange(frames, dtype=np.float32) / FPS
    rotations = rot.identity((frames, JOINTS))

    def bend(joint: str, axis: int, degrees: np.ndarray) -> None:
        vector = np.zeros((frames, 3), np.float32)
        vector[:, axis] = np.radians(degrees)
        rotations[:, JOINT_INDEX[joint]] = rot.from_axis_angle(vector)

    swing = np.sin(np.pi * np.arange(frames) / STEP_FRAMES)
    bend("left_hip", 0, -25 * swing)
    bend("right_hip", 0, 25 * swing)
    bend("left_knee", 0, 20 * (1 + swing))
    bend("left_shoulder", 2, np.full(frames, -70.0))
    bend("right_shoulder", 2, np.full(frames, 70.0))
    pelvis = np.zeros((frames, 3), np.float32)
    pelvis[:, 1] = PELVIS_REST_HEIGHT - 0.02
    pelvis[:, 0] = 0.02 * swing
    left = (np.arange(frames) // STEP_FRAMES) % 2 == 0
    contacts = np.stack((left, left, ~left, ~left), axis=-1).astype(np.float32)
    heading = (turn * time / max(float(time[-1]), 1e-6)).astype(np.float32)
    ground = np.stack((np.zeros_like(time), speed * time), axis=-1).astype(np.float32)
    return Motion(ground, heading, pelvis, rotations, contacts)


def recording(frames: int = 45) -> Recording:
    """The walk with two styles and a straight asked path."""
    motion = walking(frames)
    path = np.array([[0.0, 0.0], [0.0, 3.0]], np.float32)
    return Recording(motion, ((0, "normal"), (frames // 2, "youthful")), path, "A walk <fast> & straight")
