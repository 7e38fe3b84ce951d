"""What is remembered of characters: rows are gathered, bounded and given back."""

from __future__ import annotations

import numpy as np

from strut_model.motion import Motion
from strut_model.streaming.feet import FootLocks
from strut_server.memory import CharacterMemory, RememberedWindow, WindowMemory, frames_of, motion_of
from strut_server.requests import AnchorPlace


def numbered(count: int, first: int, frames: int) -> Motion:
    """Motions whose roots stand at x = character * 1000 + frame."""
    x = np.arange(count)[:, None] * 1000 + np.arange(first, first + frames)
    return Motion(
        np.stack((x, np.zeros_like(x)), axis=-1).astype(np.float32),
        np.zeros((count, frames), np.float32),
        np.zeros((count, frames, 3), np.float32),
        np.zeros((count, frames, 22, 4), np.float32),
        np.zeros((count, frames, 4), np.float32),
    )


def window(row: int, start: int = 0) -> RememberedWindow:
    return RememberedWindow(row, start, 16, 8, AnchorPlace(), b"walk", None, 0.0, None)


def test_frames_keep_a_motion_as_it_is() -> None:
    motion = numbered(3, 5, 7)
    again = motion_of(frames_of(motion))
    np.testing.assert_array_equal(again.root_position, motion.root_position)
    assert again.rotations.shape == (3, 7, 22, 4)


def test_histories_of_a_batch_end_before_each_start() -> None:
    memory = WindowMemory(3)
    rows = np.array(memory.allocate(3))
    locks = FootLocks(np.eye(3, 4, dtype=bool), np.arange(36, dtype=np.float32).reshape(3, 4, 3), np.ones(3, bool))
    memory.store(rows, frames_of(numbered(3, 92, 8)), frames_of(numbered(3, 100, 16)), locks)
    # Windows start at frame 100; the histories end before frames 116, 108 and 104.
    frames, stored = memory.history(rows[[2, 0, 1]], np.array([16, 8, 4]))
    x = motion_of(frames).root_position[..., 0]
    np.testing.assert_array_equal(x[0], 2000 + np.arange(108, 116))
    np.testing.assert_array_equal(x[1], 0 + np.arange(100, 108))
    np.testing.assert_array_equal(x[2], 1000 + np.arange(96, 104))
    np.testing.assert_array_equal(stored.active, locks.active[[2, 0, 1]])
    np.testing.assert_array_equal(stored.position, locks.position[[2, 0, 1]])


def test_the_oldest_windows_are_forgotten_and_their_rows_used_again() -> None:
    memory, character = WindowMemory(3), CharacterMemory()
    for sequence in range(1, 1000):
        (row,) = memory.allocate(1)
        memory.remember(character, sequence, window(row))
    assert list(character.windows) == [997, 998, 999]
    assert memory.rows_used == 3
    assert memory.rows <= 64
    memory.forget(character)
    assert memory.rows_used == 0


def test_many_characters_each_have_their_own_rows() -> None:
    memory = WindowMemory(2)
    characters = [CharacterMemory() for _ in range(500)]
    for sequence in (1, 2, 3):
        for character, row in zip(characters, memory.allocate(500)):
            memory.remember(character, sequence, window(row))
    rows = [w.row for character in characters for w in character.windows.values()]
    assert len(set(rows)) == len(rows) == memory.rows_used == 1000


def test_a_gestures_phase_goes_on_from_any_frame_and_ends_at_one() -> None:
    wave = RememberedWindow(0, 32, 16, 8, AnchorPlace(), b"wave", 0.5, 0.04, 1.0)
    assert wave.phase_at(36) == 0.5 + 4 * 0.04
    assert wave.phase_at(47) == 1.0
    assert wave.phase_at(48) == 1.0
    assert window(0).phase_at(4) is None
