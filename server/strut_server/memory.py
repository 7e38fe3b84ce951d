"""What the server remembers of each character: its last windows, so that requests need not carry their history.

The frames of all characters lie in one array, from which the histories of a whole batch are gathered at once. The
batcher's threads share it: a row is used by the batch that its character is in, the array and the free rows are locked.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from strut_model.features import HISTORY, WINDOW
from strut_model.motion import Motion
from strut_model.scene.descriptor import SIZE
from strut_model.skeleton import JOINTS
from strut_model.streaming.feet import STRIDES, FootLocks
from strut_model.streaming.scenery import SceneStates
from strut_server.requests import AnchorPlace

FRAME = np.dtype(
    [
        ("root_position", np.float32, (2,)),
        ("root_heading", np.float32),
        ("pelvis", np.float32, (3,)),
        ("rotations", np.float32, (JOINTS, 4)),
        ("contacts", np.float32, (4,)),
    ]
)
"""One frame of a Motion."""

Frames = npt.NDArray[np.void]
Float = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

ROW_FRAMES = HISTORY + WINDOW
"""A row holds a window and the history that it went on from."""
_FIELDS = tuple(f.name for f in fields(Motion))
_HISTORY_FRAMES = np.arange(HISTORY)


def frames_of(motion: Motion) -> Frames:
    """A motion as one array of frames, (..., T)."""
    frames = np.empty((*motion.batch_shape, motion.frames), FRAME)
    for name in _FIELDS:
        frames[name] = getattr(motion, name)
    return frames


def motion_of(frames: Frames) -> Motion:
    """The motion of an array of frames, without copying."""
    return Motion(*(frames[name] for name in _FIELDS))


@dataclass(frozen=True)
class RememberedWindow:
    """A window that was answered.

    Attributes:
        row: where its frames lie.
        start_frame: its first frame.
        frames: how many were asked for; the rest of the row is unknown to the client.
        history_length: frames of its history that are real.
        anchor: the space of its frames.
        content: key of its content.
        phase, advance: of its gesture, at its first frame and a frame; None and 0 for what is no gesture.
        end_phase: the phase at the frame after its last one, as the client was told.
    """

    row: int
    start_frame: int
    frames: int
    history_length: int
    anchor: AnchorPlace
    content: bytes
    phase: float | None
    advance: float
    end_phase: float | None

    def phase_at(self, start_frame: int) -> float | None:
        """The gesture's phase at a frame inside of the window or just behind it."""
        if self.phase is None:
            return None
        if start_frame == self.start_frame + self.frames:
            return self.end_phase
        return min(self.phase + self.advance * (start_frame - self.start_frame), 1.0)


@dataclass(eq=False)
class CharacterMemory:
    """The windows of one character by their sequence numbers, oldest first.

    Attributes:
        windows: what is remembered.
        released: True once the client has released the character: nothing more is to be remembered.
    """

    windows: OrderedDict[int, RememberedWindow] = field(default_factory=OrderedDict)
    released: bool = False


class WindowMemory:
    """The frames of all remembered windows. Thread-safe, where a character is in one batch at a time.

    Args:
        windows_each: windows remembered for each character.
    """

    def __init__(self, windows_each: int) -> None:
        self._windows_each = windows_each
        self._frames: Frames = np.zeros((0, ROW_FRAMES), FRAME)
        self._active = np.zeros((0, 4), bool)
        self._places = np.zeros((0, 4, 3), np.float32)
        self._lowered = np.zeros((0, 2), np.float32)
        self._sunk = np.zeros((0, WINDOW, 2), np.float32)
        self._strides = np.zeros((0, WINDOW, STRIDES), np.float32)
        self._scenes = np.zeros((0, 2, SIZE + 1), np.float32)
        self._free: list[int] = []
        self._lock = threading.Lock()

    @property
    def rows(self) -> int:
        """Rows that exist, in use or free."""
        return len(self._frames)

    @property
    def rows_used(self) -> int:
        """Rows in use."""
        return len(self._frames) - len(self._free)

    def history(self, rows: Rows, ends: Rows) -> tuple[Frames, FootLocks]:
        """The 8 frames that end before frame ``ends`` of each row, counted from its window's first, and the locks.

        Args:
            rows: (B,) rows.
            ends: (B,) 0 to 16.

        Returns:
            Frames (B, 8) and the locks (B,) at each window's last frame, which are the history's where it ends there;
            how deep feet are, and what scenes do to steps, is the history's wherever it ends.
        """
        known = np.ones(len(rows), bool)
        last = np.maximum(ends - 1, 0)
        with self._lock:
            frames = self._frames[rows[:, None], ends[:, None] + _HISTORY_FRAMES]
            return frames, FootLocks(
                self._active[rows],
                self._places[rows],
                known,
                self._lowered[rows],
                self._sunk[rows, last],
                self._strides[rows, last],
            )

    def scenes(self, rows: Rows, ends: Rows) -> SceneStates:
        """The scenes (B,) that characters are in before frame ``ends`` (B,) of windows, as `history` takes them."""
        with self._lock:
            parts = self._scenes[rows, 0], self._scenes[rows, 1]
        before, target = (SceneStates(part[:, :-1], part[:, -1], np.ones(len(rows), bool)) for part in parts)
        return before.towards(target, ends)

    def store(
        self,
        rows: Rows,
        history: Frames,
        window: Frames,
        locks: FootLocks,
        sunk: Float | None = None,
        scenes: tuple[SceneStates, SceneStates] | None = None,
        strides: Float | None = None,
    ) -> None:
        """Write windows.

        Args:
            rows: (B,) where.
            history: (B, 8) that they went on from.
            window: (B, 16).
            locks: (B,) at their last frames.
            sunk: (B, 16, 2) how deep feet are in each frame (see `FootLocks.sunk`); None for not at all.
            scenes: those in effect before the windows, and those asked for; None for none.
            strides: (B, 16, 5) what scenes do to steps in each frame (see `FootLocks.strides`); None for nothing.
        """
        with self._lock:
            self._frames[rows, :HISTORY] = history
            self._frames[rows, HISTORY:] = window
            self._active[rows] = locks.active
            self._places[rows] = locks.position
            self._lowered[rows] = locks.lowered
            self._sunk[rows] = 0.0 if sunk is None else sunk
            self._strides[rows] = 0.0 if strides is None else strides
            self._scenes[rows] = 0.0
            for part, states in enumerate(scenes or ()):
                self._scenes[rows, part, :-1] = states.vector
                self._scenes[rows, part, -1] = states.alpha

    def allocate(self, count: int) -> list[int]:
        """Rows for new windows."""
        with self._lock:
            if len(self._free) < count:
                self._grow(max(count - len(self._free), len(self._frames), 64))
            return [self._free.pop() for _ in range(count)]

    def remember(self, character: CharacterMemory, sequence: int, window: RememberedWindow) -> None:
        """Add a stored window to a character's; the oldest is forgotten."""
        with self._lock:
            replaced = character.windows.pop(sequence, None)
            if replaced is not None:
                self._free.append(replaced.row)
            character.windows[sequence] = window
            while len(character.windows) > self._windows_each:
                _, oldest = character.windows.popitem(last=False)
                self._free.append(oldest.row)

    def forget(self, character: CharacterMemory) -> None:
        """Free all of a character's windows."""
        with self._lock:
            self._free.extend(window.row for window in character.windows.values())
            character.windows.clear()

    def _grow(self, count: int) -> None:
        before = len(self._frames)
        self._frames = np.concatenate((self._frames, np.zeros((count, ROW_FRAMES), FRAME)))
        self._active = np.concatenate((self._active, np.zeros((count, 4), bool)))
        self._places = np.concatenate((self._places, np.zeros((count, 4, 3), np.float32)))
        self._lowered = np.concatenate((self._lowered, np.zeros((count, 2), np.float32)))
        self._sunk = np.concatenate((self._sunk, np.zeros((count, WINDOW, 2), np.float32)))
        self._strides = np.concatenate((self._strides, np.zeros((count, WINDOW, STRIDES), np.float32)))
        self._scenes = np.concatenate((self._scenes, np.zeros((count, 2, SIZE + 1), np.float32)))
        self._free.extend(range(before, before + count))
