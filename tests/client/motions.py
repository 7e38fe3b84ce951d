"""Real messages of the contract for tests of the client's parts that need no server."""

from __future__ import annotations

import numpy as np

from strut_client.character import Answer
from strut_client.window import Window, window_of_reply
from strut_model import rotations as rot
from strut_model.frames import FrameEncoding, pack_frames
from strut_model.motion import Motion
from strut_model.skeleton import JOINTS, PELVIS_REST_HEIGHT
from strut_proto.v1 import frames_pb2
from strut_proto.v1 import motion_service_pb2 as pb

RECEIVED_NS = 5_000_000


def sliding(frames: int, first_x: float = 0.0, step: float = 0.25) -> Motion:
    """A T-pose that slides along +X by ``step`` metres a frame: every frame tells which one it is."""
    ground = np.zeros((frames, 2), np.float32)
    ground[:, 0] = first_x + step * np.arange(frames)
    pelvis = np.zeros((frames, 3), np.float32)
    pelvis[:, 1] = PELVIS_REST_HEIGHT
    return Motion(
        ground, np.zeros(frames, np.float32), pelvis, rot.identity((frames, JOINTS)), np.ones((frames, 4), np.float32)
    )


def reply(
    sequence: int, start_frame: int, motion: Motion, character: int = 1, phase: float | None = None
) -> pb.WindowReply:
    """A server's reply with a window."""
    frames = frames_pb2.PackedFrames(
        encoding=frames_pb2.FRAME_ENCODING_FLOAT32,
        count=motion.frames,
        data=pack_frames(motion, FrameEncoding.FLOAT32).tobytes(),
    )
    window = pb.Window(start_frame=start_frame, frames=frames, gesture_phase=phase, steps=2)
    window.foot_locks.locks.add(joint=1).position.x = sequence
    return pb.WindowReply(character=character, sequence=sequence, window=window)


def window(sequence: int, start_frame: int, motion: Motion, phase: float | None = None) -> Window:
    """The same, as the client hands it out."""
    return window_of_reply(reply(sequence, start_frame, motion, phase=phase), RECEIVED_NS)


def answer(message: pb.WindowReply) -> Answer:
    """A reply that has arrived."""
    return Answer(message, RECEIVED_NS)
