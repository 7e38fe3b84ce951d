"""Writes the shared test vectors: `python -m tests.vectors.make`."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from strut_model import rotations as rot
from strut_model.coordinates import ENGINE_SPACES, heading_to_yaw
from strut_model.frames import FrameEncoding, pack_frames, record_bytes, unpack_frames
from strut_model.motion import Motion
from strut_model.skeleton import JOINT_NAMES, PELVIS_REST_HEIGHT

FOLDER = Path(__file__).resolve().parent
CASES = 16
FRAMES = 6
# Digits enough that a float32 comes back as it was.
DIGITS = 9


def numbers(values: Any) -> Any:
    """Nested lists of numbers, rounded to what a float32 holds."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        return float(f"{array:.{DIGITS}g}")
    return [numbers(value) for value in array]


def random_quaternions(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Uniformly distributed unit quaternions (*shape, 4), w >= 0, float32."""
    return rot.normalise(generator.normal(size=(*shape, 4))).astype(np.float32)


def coordinates() -> dict[str, Any]:
    """Positions, rotations and headings in every space."""
    generator = np.random.default_rng(2026)
    positions = generator.uniform(-10, 10, (CASES, 3)).astype(np.float32)
    rotations = random_quaternions(generator, CASES)
    headings = generator.uniform(-np.pi, np.pi, CASES).astype(np.float32)
    return {
        "tolerance": 1e-5,
        "strut": {
            "positions": numbers(positions),
            "rotations": numbers(rotations),
            "headings": numbers(headings),
        },
        **{
            name: {
                "positions": numbers(space.positions_to(positions)),
                "rotations": numbers(space.rotations_to(rotations)),
                "yaws": numbers(heading_to_yaw(headings)),
            }
            for name, space in ENGINE_SPACES.items()
        },
    }


def frames() -> dict[str, Any]:
    """Frames, their records, and what a receiver makes of these. The first frame is the rest pose at the origin."""
    generator = np.random.default_rng(7)
    rotations = random_quaternions(generator, FRAMES, len(JOINT_NAMES))
    rotations[0] = rot.identity((len(JOINT_NAMES),))
    ground = generator.uniform(-20, 20, (FRAMES, 2)).astype(np.float32)
    heading = generator.uniform(-np.pi, np.pi, FRAMES).astype(np.float32)
    pelvis = (generator.normal(size=(FRAMES, 3)) * 0.1 + [0, PELVIS_REST_HEIGHT, 0]).astype(np.float32)
    contacts = generator.uniform(0, 1, (FRAMES, 4)).astype(np.float32)
    ground[0], heading[0], pelvis[0], contacts[0] = 0.0, 0.0, (0.0, PELVIS_REST_HEIGHT, 0.0), 1.0
    motion = Motion(ground, heading, pelvis, rotations, contacts)
    return {
        "tolerance": 1e-5,
        "joints": list(JOINT_NAMES),
        "sent": fields(motion),
        "encodings": {encoding.name: records(motion, encoding) for encoding in FrameEncoding},
    }


def records(motion: Motion, encoding: FrameEncoding) -> dict[str, Any]:
    """The records of a motion and what they decode to."""
    data = pack_frames(motion, encoding).tobytes()
    return {
        "number": int(encoding),
        "record_bytes": record_bytes(encoding),
        "data": base64.b64encode(data).decode(),
        "received": fields(unpack_frames(data, encoding)),
    }


def fields(motion: Motion) -> dict[str, Any]:
    """A motion's arrays as nested lists."""
    return {
        "root_position": numbers(motion.root_position),
        "root_heading": numbers(motion.root_heading),
        "pelvis": numbers(motion.pelvis),
        "rotations": numbers(motion.rotations),
        "contacts": numbers(motion.contacts),
    }


def vectors() -> dict[str, str]:
    """The text of every file of vectors by its name."""
    made = {"coordinates.json": coordinates(), "frames.json": frames()}
    return {name: json.dumps(value, indent=1) + "\n" for name, value in made.items()}


if __name__ == "__main__":
    for name, text in vectors().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
