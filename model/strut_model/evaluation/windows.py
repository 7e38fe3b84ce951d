"""Which windows are judged: labels, gesture events and the places of windows in a motion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strut_model.skeleton import JOINT_INDEX

Array = NDArray[np.floating]

JUDGED_FRAMES = 60
"""Frames of a judged window."""
SETTLE_FRAMES = 30
"""Frames after the last real one before a judged window may start."""

LOCOMOTION: tuple[str, ...] = (
    "walk",
    "run",
    "dash",
    "walk-back",
    "walk-left",
    "walk-right",
    "walk-turn-left",
    "walk-turn-right",
)
IDLE = "idle"

_END_JOINTS = [JOINT_INDEX[n] for n in ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "head")]


def content_kind(content: str) -> str:
    """``locomotion``, ``idle`` or ``gesture``: how a content is scored."""
    if content in LOCOMOTION:
        return "locomotion"
    return "idle" if content == IDLE else "gesture"


def mirrored_content(content: str) -> str:
    """The content of the mirrored motion: left and right change places."""
    parts = [{"left": "right", "right": "left"}.get(part, part) for part in content.split("-")]
    return "-".join(parts)


def gesture_event(local: Array, threshold: float = 0.25) -> tuple[int, int]:
    """Frames [onset, return) during which a gesture happens.

    A gesture leaves the pose in which the clip starts and comes back to that in which it ends: the event is where
    hands, feet or head are further from both than a share of the furthest.

    Args:
        local: (T, 22, 3) metres, joints relative to the pelvis in the character's own heading frame.
        threshold: share of the largest distance at which the event starts and ends.
    """
    ends = local[:, _END_JOINTS]
    edge = max(1, min(3, len(ends) // 4))
    distances = [
        np.linalg.norm(ends - rest, axis=-1).max(axis=-1) for rest in (ends[:edge].mean(0), ends[-edge:].mean(0))
    ]
    distance = np.minimum(*distances)
    active = np.flatnonzero(distance > threshold * distance.max())
    if active.size == 0:
        return 0, len(local)
    return int(active[0]), int(active[-1]) + 1


def inside_event(start: int, event: tuple[int, int], frames: int = JUDGED_FRAMES, share: float = 0.6) -> bool:
    """Whether a window shows a gesture: it covers most of the event, or most of the window lies in the event.

    Half a second of it must be seen in any case: the last frames of a bow are no bow.
    """
    overlap = min(start + frames, event[1]) - max(start, event[0])
    return overlap >= max(share * min(frames, event[1] - event[0]), SETTLE_FRAMES / 2)


def window_starts(first: int, last: int, frames: int = JUDGED_FRAMES, stride: int = JUDGED_FRAMES) -> list[int]:
    """Starts of windows within [first, last), the last one flush with the end; empty when none fits."""
    if last - first < frames:
        return []
    starts = list(range(first, last - frames + 1, stride))
    # A remainder of less than a third of a window would only repeat what was judged.
    if last - frames - starts[-1] >= stride // 3:
        starts.append(last - frames)
    return starts


def judged_starts(
    generated: int, frames: int = JUDGED_FRAMES, settle: int = SETTLE_FRAMES, event: tuple[int, int] | None = None
) -> list[int]:
    """Starts of the judged windows of a generated motion, counted from its first generated frame.

    Windows start ``settle`` frames in where the motion is long enough; a shorter one is judged once, at its end.

    Args:
        generated: frames that were generated.
        frames: frames of a window.
        settle: frames to leave out at first.
        event: where a gesture happens, in generated frames; windows outside it are left out.
    """
    starts = window_starts(min(settle, max(generated - frames, 0)), generated, frames)
    if event is None:
        return starts
    inside = [s for s in starts if inside_event(s, event, frames)]
    if inside or generated < frames:
        return inside
    # No regular window shows the gesture: the one centred on it, if it can be.
    centred = int(np.clip((event[0] + event[1] - frames) // 2, min(settle, generated - frames), generated - frames))
    return [centred] if inside_event(centred, event, frames) else []
