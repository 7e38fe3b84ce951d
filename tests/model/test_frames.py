"""Wire frames, against records that are written byte by byte with `struct` from the table in docs/contract.md."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from strut_model.frames import FrameEncoding, as_received, pack_frames, record_bytes, unpack_frames
from strut_model.motion import Motion


def random_motion(*batch: int, frames: int = 5, seed: int = 0) -> Motion:
    generator = np.random.default_rng(seed)
    shape = (*batch, frames)
    quaternions = Rotation.random(int(np.prod(shape)) * 22, random_state=seed).as_quat().reshape(*shape, 22, 4)
    quaternions *= np.where(quaternions[..., 3:] < 0, -1, 1)
    return Motion(
        root_position=generator.uniform(-50, 50, (*shape, 2)).astype(np.float32),
        root_heading=generator.uniform(-np.pi, np.pi, shape).astype(np.float32),
        pelvis=(generator.normal(size=(*shape, 3)) * 0.1 + [0, 0.9, 0]).astype(np.float32),
        rotations=quaternions.astype(np.float32),
        contacts=generator.uniform(0, 1, (*shape, 4)).astype(np.float32),
    )


def smallest_three(q: np.ndarray) -> bytes:
    """The words of one quaternion by the contract's words."""
    left_out = int(np.argmax(np.abs(q)))
    q = q if q[left_out] > 0 else -q
    words = [round(float(q[i]) * 16383 * math.sqrt(2)) + 16383 for i in range(4) if i != left_out]
    words[0] |= (left_out & 1) << 15
    words[1] |= (left_out >> 1) << 15
    return struct.pack("<3H", *words)


def test_float32_records_are_laid_out_as_documented() -> None:
    motion = random_motion()
    expected = b""
    for t in range(motion.frames):
        expected += struct.pack("<2f", *motion.root_position[t]) + struct.pack("<f", motion.root_heading[t])
        expected += struct.pack("<3f", *motion.pelvis[t]) + struct.pack("<88f", *motion.rotations[t].ravel())
        expected += bytes(round(255 * float(c)) for c in motion.contacts[t])
    assert len(expected) == 5 * 380
    assert pack_frames(motion, FrameEncoding.FLOAT32).tobytes() == expected


def test_quat48_records_are_laid_out_as_documented() -> None:
    motion = random_motion(seed=3)
    expected = b""
    for t in range(motion.frames):
        x, y, z = (float(v) for v in motion.pelvis[t])
        expected += struct.pack("<3f", *motion.root_position[t], y)
        expected += struct.pack("<H", round(float(motion.root_heading[t]) / (2 * math.pi) * 65536) % 65536)
        expected += struct.pack("<2h", round(x * 10000), round(z * 10000))
        expected += b"".join(smallest_three(q) for q in motion.rotations[t].astype(np.float64))
        contacts = [round(15 * float(c)) for c in motion.contacts[t]]
        expected += struct.pack("<H", sum(c << (4 * i) for i, c in enumerate(contacts)))
    assert len(expected) == 5 * 152
    assert pack_frames(motion, FrameEncoding.QUAT48).tobytes() == expected


def test_float32_frames_come_back_as_they_were() -> None:
    motion = random_motion(2, 3)
    back = as_received(motion, FrameEncoding.FLOAT32)
    for name in ("root_position", "root_heading", "pelvis", "rotations"):
        np.testing.assert_array_equal(getattr(back, name), getattr(motion, name))
    np.testing.assert_allclose(back.contacts, motion.contacts, atol=0.5 / 255 + 1e-6)


def test_quat48_frames_come_back_within_their_steps() -> None:
    motion = random_motion(2, 3, frames=40)
    back = as_received(motion, FrameEncoding.QUAT48)
    np.testing.assert_array_equal(back.root_position, motion.root_position)
    turn = np.abs(np.angle(np.exp(1j * (back.root_heading - motion.root_heading))))
    assert turn.max() <= math.pi / 65536 + 1e-6
    np.testing.assert_allclose(back.pelvis, motion.pelvis, atol=0.5e-4 + 1e-7)
    error = Rotation.from_quat(back.rotations.reshape(-1, 4)).inv() * Rotation.from_quat(
        motion.rotations.reshape(-1, 4)
    )
    assert np.degrees(error.magnitude()).max() < 0.02
    np.testing.assert_allclose(back.contacts, motion.contacts, atol=0.5 / 15 + 1e-6)
    assert (back.rotations[..., 3] >= 0).all()
    assert (np.abs(back.root_heading) <= np.float32(math.pi)).all()


@pytest.mark.parametrize("encoding", list(FrameEncoding))
def test_what_was_received_stays_the_same_when_it_is_sent_on(encoding: FrameEncoding) -> None:
    once = as_received(random_motion(4, frames=16, seed=7), encoding)
    twice = as_received(once, encoding)
    for name in ("root_position", "root_heading", "pelvis", "contacts"):
        np.testing.assert_array_equal(getattr(twice, name), getattr(once, name))
    # A quaternion of two equally large components may leave out the other one the second time: one step at most.
    np.testing.assert_allclose(twice.rotations, once.rotations, atol=1e-4)


@pytest.mark.parametrize("encoding", list(FrameEncoding))
def test_a_batch_is_packed_as_its_characters_are(encoding: FrameEncoding) -> None:
    motion = random_motion(3, frames=4)
    packed = pack_frames(motion, encoding)
    assert packed.shape == (3, 4 * record_bytes(encoding))
    for i in range(3):
        assert packed[i].tobytes() == pack_frames(motion[i], encoding).tobytes()
    together = unpack_frames(packed.tobytes(), encoding, (3,))
    np.testing.assert_array_equal(together.pelvis[1], unpack_frames(packed[1].tobytes(), encoding).pelvis)


def test_quaternions_are_sent_with_a_positive_real_part() -> None:
    motion = random_motion()
    negated = Motion(motion.root_position, motion.root_heading, motion.pelvis, -motion.rotations, motion.contacts)
    for encoding in FrameEncoding:
        assert pack_frames(negated, encoding).tobytes() == pack_frames(motion, encoding).tobytes()


def test_a_piece_of_a_record_is_refused_with_both_sizes() -> None:
    with pytest.raises(ValueError, match=r"data: has 153 bytes, it must be a multiple of 152"):
        unpack_frames(bytes(153), FrameEncoding.QUAT48)
    with pytest.raises(ValueError, match=r"must be a multiple of 760 \(2 character"):
        unpack_frames(bytes(380), FrameEncoding.FLOAT32, (2,))
