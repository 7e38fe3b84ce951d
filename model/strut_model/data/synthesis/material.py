"""What synthesis is made of: training segments of real clips, by style and content, and the idles of each style."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

import numpy as np
from tqdm import tqdm

from strut_model.data.pack import SYNTHETIC, ClipInfo, Pack
from strut_model.data.split import TRAIN, Segment, Split
from strut_model.data.synthesis.footing import Stances, standing
from strut_model.data.synthesis.idling import HANGING, Idler, Pose, Sway, pose_at, rest_frames
from strut_model.data.synthesis.takes import Take

IDLE = "idle"
GAITS: tuple[str, ...] = ("walk", "run", "dash", "walk-back", "walk-left", "walk-right")
"""Contents that are locomotion along a straight line."""
TURNING: tuple[str, ...] = ("walk-turn-left", "walk-turn-right")
_GESTURES_FOR_REST = 24
_POSES_KEPT = 12


class MaterialError(ValueError):
    """Clips that lack what synthesis needs; the message says what."""


def kind_of(content: str) -> str:
    """`gait`, `idle` or `gesture`."""
    if content == IDLE:
        return IDLE
    return "gait" if content in GAITS or content in TURNING else "gesture"


class Material:
    """Training segments of real clips.

    Args:
        pack: real clips; synthetic ones among them are left out.
        split: only its training segments are used, so that nothing held out or unseen reaches training.
        progress: show a bar.

    Raises:
        MaterialError: no training segment, or no idle clip to sway by.
    """

    def __init__(self, pack: Pack, split: Split, progress: bool = True) -> None:
        self.pack = pack
        self.info: dict[str, ClipInfo] = {c.name: c for c in pack.clips if SYNTHETIC not in c.tags}
        self._segments: dict[tuple[str, str], list[Segment]] = defaultdict(list)
        for segment in split.segments(TRAIN):
            info = self.info.get(segment.clip)
            if info is not None and segment.end <= info.frames:
                self._segments[info.style, info.content].append(segment)
        if not self._segments:
            raise MaterialError(f"{pack.path}: the split names no training segment of these clips")
        self.styles = sorted({style for style, content in self._segments if kind_of(content) != IDLE})
        self.take = lru_cache(maxsize=512)(self._take)
        self.stances = lru_cache(maxsize=512)(self._stances)
        idles = [s for (_, content), rows in self._segments.items() if content == IDLE for s in rows]
        sways = [Sway.of(self.take(s)) for s in idles]
        if not sways:
            raise MaterialError(f"{pack.path}: no training clip of the content 'idle', at least one is needed")
        self.idlers: dict[str, Idler] = {}
        for style in tqdm(self.styles, desc="rest poses", unit="style", disable=not progress):
            poses = self._poses(style)
            if poses:
                self.idlers[style] = Idler(poses, sways)

    @property
    def frames(self) -> int:
        """Frames of all training segments."""
        return sum(s.frames for rows in self._segments.values() for s in rows)

    def contents(self, style: str, among: tuple[str, ...] | str) -> list[str]:
        """Contents of a style that have training segments, of some names or of a kind."""
        own = sorted(content for s, content in self._segments if s == style)
        return [c for c in own if (kind_of(c) == among if isinstance(among, str) else c in among)]

    def segments(self, style: str, content: str, shortest: int = 0) -> list[Segment]:
        """Training segments of a pair with at least so many frames."""
        return [s for s in self._segments.get((style, content), []) if s.frames >= shortest]

    def _take(self, segment: Segment) -> Take:
        return Take.of(self.pack.clip(segment.clip), segment.start, segment.end)

    def _stances(self, segment: Segment) -> Stances:
        return standing(self.take(segment))

    def _poses(self, style: str) -> list[Pose]:
        """Rest poses of a style's gestures: the calmest half of them."""
        found: list[Pose] = []
        for content in self.contents(style, "gesture"):
            rows = self.segments(style, content, 30)
            chosen = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _GESTURES_FOR_REST)).astype(int))
            for segment in (rows[i] for i in chosen):
                take = self.take(segment)
                contacts = self.pack.clip(segment.clip).contacts[segment.start : segment.end]
                whole = self.info[segment.clip].frames
                for frame, speed in rest_frames(take, contacts):
                    # The end of a segment that the split has cut is no end of a gesture.
                    at_start = frame < take.frames // 2
                    if (at_start and segment.start == 0) or (not at_start and segment.end == whole):
                        found.append(pose_at(take, frame, segment.clip, speed))
        lowest = min((pose.hands for pose in found), default=0.0)
        found = [pose for pose in found if pose.hands < lowest + HANGING]
        found.sort(key=lambda pose: (pose.speed, pose.source))
        return found[: min(max(len(found) // 2, 4), _POSES_KEPT)]
