"""Frames on the wire: a motion as packed records, FLOAT32 or QUAT48, and back.

The layouts are those of `FrameEncoding` in proto/strut/v1/frames.proto, described to the byte in docs/contract.md. This
module knows no protobuf, so that files and tests can use the same records.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from strut_model.codec import decode_quat48, encode_quat48
from strut_model.motion import Motion
from strut_model.skeleton import JOINT_NAMES

_JOINTS = len(JOINT_NAMES)

FLOAT32_RECORD = np.dtype(
    [
        ("root", "<f4", (3,)),  # x, z, heading
        ("pelvis", "<f4", (3,)),
        ("rotations", "<f4", (_JOINTS, 4)),
        ("contacts", "u1", (4,)),
    ]
)
"""One frame of 380 bytes."""

QUAT48_RECORD = np.dtype(
    [
        ("ground", "<f4", (2,)),  # root x, z
        ("height", "<f4"),  # pelvis y: in full, since it grows with a hill that the character climbs
        ("heading", "<u2"),
        ("sway", "<i2", (2,)),  # pelvis x, z
        ("rotations", "<u2", (_JOINTS, 3)),
        ("contacts", "<u2"),
    ]
)
"""One frame of 152 bytes."""

HEADING_STEP = 2.0 * np.pi / 65536.0
"""Radians, the step of a QUAT48 record's heading."""
SWAY_STEP = 1e-4
"""Metres, the step of a QUAT48 record's pelvis x and z; they saturate at 3.2767 m from the root."""

_NIBBLES = np.array([0, 4, 8, 12], dtype=np.uint16)


class FrameEncoding(IntEnum):
    """Layout of a record; the numbers are those of the contract."""

    FLOAT32 = 1
    QUAT48 = 2


_RECORDS = {FrameEncoding.FLOAT32: FLOAT32_RECORD, FrameEncoding.QUAT48: QUAT48_RECORD}


def record_bytes(encoding: FrameEncoding) -> int:
    """Size of one frame in bytes."""
    return _RECORDS[encoding].itemsize


def pack_frames(motion: Motion, encoding: FrameEncoding) -> NDArray[np.uint8]:
    """Frames as records.

    Args:
        motion: any batch shape, T frames.
        encoding: layout of the records.

    Returns:
        (..., T * record size) uint8: for each character the bytes of its frames one after another.
    """
    records = np.empty((*motion.batch_shape, motion.frames), dtype=_RECORDS[encoding])
    if encoding is FrameEncoding.FLOAT32:
        records["root"][..., :2] = motion.root_position
        records["root"][..., 2] = motion.root_heading
        records["pelvis"] = motion.pelvis
        records["rotations"] = np.where(motion.rotations[..., 3:] < 0.0, -motion.rotations, motion.rotations)
        records["contacts"] = np.rint(255.0 * np.clip(motion.contacts, 0.0, 1.0))
    else:
        records["ground"] = motion.root_position
        records["height"] = motion.pelvis[..., 1]
        turns = np.rint(motion.root_heading.astype(np.float64) / HEADING_STEP).astype(np.int64)
        records["heading"] = turns & 0xFFFF
        records["sway"] = np.clip(np.rint(motion.pelvis[..., [0, 2]] / SWAY_STEP), -32767, 32767)
        records["rotations"] = encode_quat48(motion.rotations)
        contacts = np.rint(15.0 * np.clip(motion.contacts, 0.0, 1.0)).astype(np.uint16)
        records["contacts"] = np.bitwise_or.reduce(contacts << _NIBBLES, axis=-1)
    return records.view(np.uint8)


def unpack_frames(data: bytes, encoding: FrameEncoding, batch_shape: tuple[int, ...] = ()) -> Motion:
    """Records as frames.

    Args:
        data: whole records; those of several characters one after another, all with equally many frames.
        encoding: layout of the records.
        batch_shape: leading axes of the result.

    Returns:
        Motion of shape (*batch_shape, T), float32; headings of QUAT48 lie in (-pi, pi].

    Raises:
        ValueError: data is not whole records, or not equally many for each character.
    """
    record = _RECORDS[encoding]
    rows = int(np.prod(batch_shape, dtype=np.int64))
    if len(data) % (record.itemsize * max(rows, 1)) != 0:
        raise ValueError(
            f"data: has {len(data)} bytes, it must be a multiple of {record.itemsize * max(rows, 1)} "
            f"({rows} character(s) with {encoding.name} records of {record.itemsize} bytes)"
        )
    records = np.frombuffer(data, dtype=record).reshape(*batch_shape, -1)
    if encoding is FrameEncoding.FLOAT32:
        return Motion(
            root_position=records["root"][..., :2].astype(np.float32),
            root_heading=records["root"][..., 2].astype(np.float32),
            pelvis=records["pelvis"].astype(np.float32),
            rotations=records["rotations"].astype(np.float32),
            contacts=records["contacts"].astype(np.float32) / np.float32(255.0),
        )
    sway = records["sway"].astype(np.float32) * np.float32(SWAY_STEP)
    heading = records["heading"].astype(np.float64)
    heading = np.where(heading > 32768.0, heading - 65536.0, heading) * HEADING_STEP
    contacts = (records["contacts"][..., None] >> _NIBBLES) & 0xF
    return Motion(
        root_position=records["ground"].astype(np.float32),
        root_heading=heading.astype(np.float32),
        pelvis=np.stack((sway[..., 0], records["height"].astype(np.float32), sway[..., 1]), axis=-1),
        rotations=decode_quat48(records["rotations"]),
        contacts=contacts.astype(np.float32) / np.float32(15.0),
    )


def as_received(motion: Motion, encoding: FrameEncoding) -> Motion:
    """The motion as the receiver of its records decodes it: what a server goes on from, so that its memory equals the
    history that a client would send."""
    return unpack_frames(pack_frames(motion, encoding).tobytes(), encoding, motion.batch_shape)
