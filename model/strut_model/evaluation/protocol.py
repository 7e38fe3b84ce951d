"""The trials behind every figure, made from a packed data set, a split and a bundle's vectors.

Starts are real frames: of the held-out clip itself, of a neutral walk, or of the style's own walk. Synthetic paths
begin where the history ends and with its velocity.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.bundle import Bundle
from strut_model.data.pack import ClipInfo, Pack
from strut_model.data.split import HELD_OUT, TRAIN, UNSEEN_PAIR, Segment, Split
from strut_model.evaluation.judges import window_frames
from strut_model.evaluation.switches import SwitchList, switch_way
from strut_model.evaluation.trials import Control, Trial
from strut_model.evaluation.windows import (
    IDLE,
    JUDGED_FRAMES,
    SETTLE_FRAMES,
    content_kind,
    gesture_event,
)
from strut_model.features import HISTORY
from strut_model.motion import Motion
from strut_model.skeleton import FPS, PART_NAMES
from strut_model.streaming.controls import PartStyle, StyleMix, style_vector, usual_speed

Array = NDArray[np.floating]

SECOND = 30
SPACING = 20
"""Frames between the places from which one long held-out gait is tried."""
EASE = 24
"""Frames in which a synthetic path goes over from one speed to another."""
SHORTEST_GAIT = HISTORY + SETTLE_FRAMES + JUDGED_FRAMES
"""Frames to which the path of a short held-out gait is continued, so that it can be judged a second in."""


class ProtocolError(ValueError):
    """Bundle, judges and clips that do not fit together; the message says in what."""


@dataclass(frozen=True)
class Start:
    """Real frames to start from, moved so that the last one's root is the origin and faces +Z.

    Attributes:
        clip: where they are from.
        history: (8) frames.
        speed: m/s of its root.
        travel: radians, the direction of its gait apart from its facing (half a turn when walking back).
    """

    clip: str
    history: Motion
    speed: float
    travel: float


def walked(speed: Array, heading: Array) -> Array:
    """Path (T, 2) in metres from the origin, at a speed (T,) in m/s in a direction (T,) in radians."""
    step = np.stack((np.sin(heading), np.cos(heading)), axis=-1) * (speed / FPS)[:, None]
    return np.cumsum(step, axis=0)


def eased(before: float, after: float, at: int, frames: int, over: int = EASE) -> Array:
    """(T,) values that go over from one to another, beginning at a frame, by half a cosine."""
    share = np.clip((np.arange(frames) - at) / over, 0, 1)
    return before + (after - before) * (0.5 - 0.5 * np.cos(np.pi * share))


class Protocol:
    """Makes trials.

    Args:
        bundle: the vectors of styles and contents, speeds and guidance; pairs it lacks are left out.
        pack: real clips.
        split: which frames are held out.
        judged_styles, judged_contents: what the judges know; the rest cannot be scored and is left out.

    Raises:
        ProtocolError: bundle, judges and clips have no style in common.
    """

    def __init__(
        self,
        bundle: Bundle,
        pack: Pack,
        split: Split,
        judged_styles: Sequence[str],
        judged_contents: Sequence[str],
    ) -> None:
        self.bundle = bundle
        self.pack = pack
        self.split = split
        self.info: dict[str, ClipInfo] = {c.name: c for c in pack.clips}
        self.neutral = bundle.manifest.neutral_style
        present = {c.style for c in pack.clips}
        self.styles = [s for s in bundle.style_index if s in set(judged_styles) & present]
        self.contents = set(bundle.content_index) & set(judged_contents)
        if not self.styles:
            raise ProtocolError(
                f"styles: bundle ({', '.join(bundle.style_index)}), judges ({', '.join(judged_styles)}) and clips "
                f"({', '.join(sorted(present))}) have none in common; judges of your own clips are made by "
                "'strut eval train-judges'"
            )
        self.dataset_of = {c.style: c.dataset for c in pack.clips if c.content != IDLE}
        self.pairs: dict[tuple[str, str], list[Segment]] = {}
        for name in (HELD_OUT, TRAIN):
            for segment in split.segments(name):
                if segment.clip in self.info and segment.frames > HISTORY + SECOND:
                    info = self.info[segment.clip]
                    self.pairs.setdefault((info.style, info.content), []).append(segment)
        self.motion = lru_cache(maxsize=64)(self._motion)

    def _motion(self, clip: str) -> Motion:
        return self.pack.clip(clip).motion()

    def has(self, style: str, content: str) -> bool:
        """Whether there are clips of a pair to start from, and vectors to ask for it."""
        known = style in self.bundle.style_index and content in self.contents
        return known and (style, content) in self.pairs

    def control(
        self,
        style: str | StyleMix,
        content: str,
        frame: int = 0,
        phase: tuple[float, float] | None = None,
    ) -> Control:
        """A control by names."""
        mix = style if isinstance(style, StyleMix) else StyleMix([(style, 1.0)])
        vector, guidance = style_vector(self.bundle, mix)
        return Control(frame, vector, self.bundle.content_vectors[self.bundle.content_index[content]], guidance, phase)

    def start(self, style: str, content: str, number: int = 0, phase: float = 0.0) -> Start:
        """Real frames of a pair; several numbers give several places.

        Args:
            style, content: a pair that there are clips of.
            number: which of their clips, and of a gait which place in it.
            phase: of a gesture, how much of it is over in the first frame.
        """
        segments = self.pairs[style, content]
        segment = segments[number % len(segments)]
        first = int(np.clip(round(phase * self.info[segment.clip].frames), segment.start, segment.end - HISTORY))
        if content_kind(content) == "locomotion":
            # Not from the very first frame: clips begin where somebody cut them.
            room = segment.frames - HISTORY - SECOND // 2
            first += zlib.crc32(f"{segment.clip} {number}".encode()) % max(room, 1)
        motion = self.motion(segment.clip).slice_frames(segment.start, segment.end)
        frames = motion.slice_frames(first - segment.start, first - segment.start + HISTORY)
        frames = frames.relative_to(frames.root_position[-1], frames.root_heading[-1])
        speed = float(np.linalg.norm(frames.root_position[-1] - frames.root_position[-2]) * FPS)
        way = rot.rotate_ground(-motion.root_heading[1:], np.diff(motion.root_position, axis=0)).mean(axis=0)
        travel = float(np.arctan2(way[0], way[1])) if content_kind(content) == "locomotion" else 0.0
        return Start(segment.clip, frames, speed, travel)

    def real_windows(self, style: str, content: str, shortest: int, count: int) -> list[Motion]:
        """Real stretches of a pair of at most a judged window's length, spread over its clips.

        Args:
            style, content: a pair that there are clips of.
            shortest: frames that a stretch must have.
            count: stretches at most.
        """
        segments = [s for s in self.pairs[style, content] if s.frames >= shortest]
        places = [
            (segment, first)
            for segment in segments
            for first in range(segment.start, max(segment.end - JUDGED_FRAMES, segment.start) + 1, JUDGED_FRAMES)
        ]
        chosen = np.unique(np.linspace(0, len(places) - 1, min(count, len(places))).astype(int))
        return [
            self.motion(segment.clip).slice_frames(first, min(first + JUDGED_FRAMES, segment.end))
            for segment, first in (places[i] for i in chosen)
        ]

    def idle_start(self) -> Start:
        """The bundle's neutral standing."""
        idle = self.bundle.idle
        return Start("idle", idle.relative_to(idle.root_position[-1], idle.root_heading[-1]), 0.0, 0.0)

    def speed(self, style: str, content: str) -> float:
        """Usual ground speed in m/s; standing contents stand."""
        return usual_speed(self.bundle, style, content) if content_kind(content) == "locomotion" else 0.0

    # Held-out clips

    def held_out(self, limit: int | None = None) -> list[Trial]:
        """From eight real frames of a held-out clip along its own path to its end."""
        return self.along_clips(self.split.segments(HELD_OUT), limit)

    def unseen(self, limit: int | None = None) -> list[Trial]:
        """The same, of the content-style pairs that training never saw: of the second half of their clips."""
        return self.along_clips(self.unseen_halves()[1], limit)

    def unseen_halves(self) -> tuple[list[Segment], list[Segment]]:
        """Clips of the unseen pairs, first and last takes: to fit judges of pairs to, and to start from."""
        halves: tuple[list[Segment], list[Segment]] = ([], [])
        table: dict[tuple[str, str], list[Segment]] = {}
        for segment in sorted(self.split.segments(UNSEEN_PAIR), key=lambda s: (s.clip, s.start)):
            info = self.info.get(segment.clip)
            if info is not None:
                table.setdefault((info.style, info.content), []).append(segment)
        for rows in table.values():
            halves[0].extend(rows[: len(rows) // 2])
            halves[1].extend(rows[len(rows) // 2 :])
        return halves

    def along_clips(self, segments: Sequence[Segment], limit: int | None = None) -> list[Trial]:
        """From eight real frames of each segment along its own path to its end; what cannot be scored is left out."""
        trials = []
        for segment in segments:
            info = self.info.get(segment.clip)
            if info is None or info.content == IDLE or info.style not in self.styles:
                continue
            if info.content not in self.contents or segment.frames < HISTORY + SECOND:
                continue
            trials += list(self._from_segment(segment, info))
        return spread(trials, limit)

    def _from_segment(self, segment: Segment, info: ClipInfo) -> Iterator[Trial]:
        motion = self.motion(segment.clip)
        gait = content_kind(info.content) == "locomotion"
        # Long gaits are tried from several places; a gesture is one event.
        last = segment.end - SHORTEST_GAIT if gait else segment.start
        for begin in range(segment.start, max(last, segment.start) + 1, SPACING):
            whole = motion.slice_frames(begin, segment.end)
            real = whole.slice_frames(HISTORY, None)
            path, facing = real.root_position, real.root_heading
            if gait and segment.end - begin < SHORTEST_GAIT:
                path, facing = continued(path, facing, SHORTEST_GAIT - HISTORY)
            event, phase = None, None
            if content_kind(info.content) == "gesture":
                local = window_frames(motion).local
                first, end = gesture_event(local)
                offset = begin + HISTORY
                event = (max(first - offset, 0), max(min(end, segment.end) - offset, 1))
                phase = (offset / info.frames, 1 / info.frames)
            yield Trial(
                name=f"held-out {segment.clip} {begin}",
                clip=segment.clip,
                history=whole.slice_frames(0, HISTORY),
                path=path,
                facing=facing,
                controls=(self.control(info.style, info.content, phase=phase),),
                style=info.style,
                content=info.content,
                dataset=info.dataset,
                real=real,
                event=event,
            )

    # Synthetic paths

    def travelling(
        self,
        name: str,
        start: Start,
        style: str | StyleMix,
        content: str,
        speed: Array,
        turn: Array,
        label: str,
        **more: object,
    ) -> Trial:
        """A trial along a path given by speed (T,) and heading (T,) of the body; travel keeps the gait's own offset."""
        trial = Trial(
            name=name,
            clip=start.clip,
            history=start.history,
            path=walked(speed, turn + start.travel),
            facing=turn,
            controls=(self.control(style, content),),
            style=label,
            content=content,
            dataset=self.dataset_of.get(label, ""),
        )
        return replace(trial, **more)  # type: ignore[arg-type]

    def neutral_start(self) -> list[Trial]:
        """From a neutral walk into every style's walk and run, straight on and in a curve."""
        trials = []
        frames = 24 + SETTLE_FRAMES + JUDGED_FRAMES + 30
        for style in self.styles:
            for content in ("walk", "run"):
                if not self.has(style, content) or not self.has(self.neutral, content):
                    continue
                for number, turn in enumerate((0.0, 0.5, -0.5)):
                    start = self.start(self.neutral, content, number)
                    speed = eased(start.speed, self.speed(style, content), 0, frames)
                    heading = turn * np.arange(frames) / SECOND
                    key = f"neutral start {style} {content} {number}"
                    trials.append(self.travelling(key, start, style, content, speed, heading, style))
        return trials

    def synthetic(self, seconds: int = 10) -> list[Trial]:
        """From a style's own walk along straight lines, arcs and an S for ten seconds."""
        trials = []
        frames = seconds * SECOND
        time = np.arange(frames) / SECOND
        for style in self.styles:
            if not self.has(style, "walk"):
                continue
            usual = self.speed(style, "walk")
            for number, radius in enumerate((np.inf, 4.0, -2.0, 0.0)):
                start = self.start(style, "walk", number)
                speed = eased(start.speed, usual, 0, frames)
                if radius == 0.0:
                    heading = 0.6 * (1 - np.cos(2 * np.pi * time / 5.0))
                else:
                    heading = np.cumsum(speed / FPS) / radius
                key = f"synthetic {style} {number}"
                trials.append(self.travelling(key, start, style, "walk", speed, heading, style))
        return trials

    def drifting(self, seconds: int, characters: int = 22) -> list[Trial]:
        """A style's walk on a wide circle for minutes, the styles of both data sets in turn."""
        trials = []
        frames = seconds * SECOND
        walkers = [s for s in self.styles if self.has(s, "walk")]
        for number in range(min(characters, len(walkers))):
            style = walkers[number]
            start = self.start(style, "walk", number)
            speed = eased(start.speed, self.speed(style, "walk"), 0, frames)
            radius = 6.0 if number % 2 else -6.0
            heading = rot.wrap_angle(np.cumsum(speed / FPS) / radius)
            path = walked(speed, np.cumsum(speed / FPS) / radius + start.travel)
            key = f"drift {style} {number}"
            trials.append(self.travelling(key, start, style, "walk", speed, heading, style, path=path))
        return trials

    # Switches

    SWITCH = 48

    def style_switches(self, switches: SwitchList) -> tuple[list[Trial], list[Trial]]:
        """Each switch of style, and for each style and content that is entered the same without a switch."""
        changed, same = [], {}
        for number, switch in enumerate(switches.styles):
            known = self.has(switch.first, switch.content) and self.has(switch.then, switch.content)
            if not known:
                continue
            changed.append(self._style_switch(f"switch {number}", switch.first, switch.then, switch.content, number))
            for variant in range(2):
                key = f"no switch {switch.then} {switch.content} {variant}"
                if key not in same:
                    same[key] = self._style_switch(key, switch.then, switch.then, switch.content, variant)
        return changed, list(same.values())

    def _style_switch(self, key: str, first: str, then: str, content: str, number: int) -> Trial:
        frames = self.SWITCH + SETTLE_FRAMES + JUDGED_FRAMES + SECOND
        start = self.start(first, content, number)
        speed = eased(start.speed, self.speed(first, content), 0, frames, over=12)
        speed += eased(0.0, self.speed(then, content) - self.speed(first, content), self.SWITCH, frames)
        phases: tuple[tuple[float, float] | None, ...] = (None, None)
        if content_kind(content) == "gesture":
            speed[:] = 0
            length = max(self._seconds(content) * FPS, 1)
            phases = ((HISTORY / length, 1 / length), ((HISTORY + self.SWITCH) / length, 1 / length))
        turn = np.zeros(frames)
        controls = (self.control(first, content, 0, phases[0]), self.control(then, content, self.SWITCH, phases[1]))
        return self.travelling(
            key, start, then, content, speed, turn, then, controls=controls, clip=key, notes={"switch": self.SWITCH}
        )

    def _seconds(self, content: str) -> float:
        return self.bundle.manifest.contents[self.bundle.content_index[content]].mean_seconds

    def content_switches(self, switches: SwitchList) -> tuple[list[Trial], list[Trial]]:
        """Each switch of content, and for each style and content that is entered the same from the start on."""
        changed, same = [], {}
        for number, switch in enumerate(switches.contents):
            contents = [c for c in (switch.first, switch.then) if c != IDLE]
            if IDLE not in self.bundle.content_index or not all(self.has(switch.style, c) for c in contents):
                continue
            key = f"content switch {number}"
            changed.append(self._content_switch(key, switch.style, switch.first, switch.then, number))
            key = f"no content switch {switch.style} {switch.then}"
            if key not in same:
                same[key] = self._content_switch(key, switch.style, switch.then, switch.then, number)
        return changed, list(same.values())

    def _content_switch(self, key: str, style: str, first: str, then: str, number: int) -> Trial:
        leave, before = 0.0, None
        if content_kind(first) == "gesture":
            # Leave the gesture near its end, as a game does, from frames that are as far in it.
            own = max(self._seconds(first) * FPS, 1.0)
            leave = max(1 - (self.SWITCH + HISTORY) / own, 0.0)
            before = (min(leave + HISTORY / own, 1.0), 1 / own)
        start = self.idle_start() if first == IDLE else self.start(style, first, number, leave)
        gesture = content_kind(then) == "gesture"
        length = max(self._seconds(then) * FPS, 1.0) if gesture else 0.0
        duration = max(round(length), JUDGED_FRAMES) if gesture else SETTLE_FRAMES + JUDGED_FRAMES + SECOND
        frames = self.SWITCH + duration
        # Each gait fades in its own direction: walking back faces the same way.
        leaving = eased(start.speed, self.speed(style, first), 0, frames, over=12)
        leaving = leaving * eased(1.0, 0.0, self.SWITCH, frames)
        entering = eased(0.0, self.speed(style, then), self.SWITCH, frames)
        entered = self.start(style, then) if then != IDLE else start
        path = walked(leaving, np.full(frames, start.travel)) + walked(entering, np.full(frames, entered.travel))
        event = None
        if gesture:
            event = (self.SWITCH + round(0.15 * length), self.SWITCH + round(0.9 * length))
        controls = [self.control(style, first, 0, before)]
        if first != then or gesture:
            controls.append(self.control(style, then, self.SWITCH, (0.0, 1 / length) if gesture else None))
        return self.travelling(
            key,
            start,
            style,
            then,
            leaving + entering,
            np.zeros(frames),
            style,
            path=path,
            controls=tuple(controls),
            clip=key,
            event=event,
            notes={"switch": self.SWITCH, "way": switch_way(first, then)},
        )

    # Controls

    STOP = 48

    def stops(self) -> list[Trial]:
        """Walking and running, then asked to stand: the path eases to a halt in half a second."""
        trials = []
        frames = self.STOP + 60
        for style in self.styles:
            for content in ("walk", "run"):
                if not self.has(style, content) or IDLE not in self.bundle.content_index:
                    continue
                for number in range(2):
                    start = self.start(style, content, number)
                    usual = self.speed(style, content)
                    speed = eased(start.speed, usual, 0, frames, over=12) + eased(0, -usual, self.STOP, frames, over=15)
                    controls = (self.control(style, content), self.control(style, IDLE, self.STOP))
                    key = f"stop {style} {content} {number}"
                    trials.append(
                        self.travelling(
                            key,
                            start,
                            style,
                            content,
                            np.maximum(speed, 0),
                            np.zeros(frames),
                            style,
                            controls=controls,
                            notes={"stop": self.STOP},
                        )
                    )
        return trials

    CHANGE = 48

    def responses(self) -> list[Trial]:
        """Walking straight on, then asked at once for another direction, speed or to stand."""
        trials = []
        frames = self.CHANGE + 75
        for style in self.styles:
            if not self.has(style, "walk"):
                continue
            usual = self.speed(style, "walk")
            for number, kind in enumerate(("direction", "speed", "stop")):
                start = self.start(style, "walk", number)
                speed = eased(start.speed, usual, 0, frames, over=12)
                heading: Array = np.zeros(frames)
                controls = [self.control(style, "walk")]
                if kind == "direction":
                    heading = eased(0.0, np.pi / 2, self.CHANGE, frames, over=8)
                elif kind == "speed":
                    speed += eased(0.0, 0.4 * usual, self.CHANGE, frames, over=8)
                else:
                    speed += eased(0.0, -usual, self.CHANGE, frames, over=8)
                    if IDLE in self.bundle.content_index:
                        controls.append(self.control(style, IDLE, self.CHANGE))
                key = f"response {style} {kind}"
                trials.append(
                    self.travelling(
                        key,
                        start,
                        style,
                        "walk",
                        np.maximum(speed, 0),
                        heading,
                        style,
                        controls=tuple(controls),
                        notes={"kind": kind, "change": self.CHANGE},
                    )
                )
        return trials

    STRENGTHS = (0.0, 0.5, 1.0, 1.5)

    def strengths(self) -> list[Trial]:
        """From a neutral walk or run into a style at four strengths, on the same path."""
        trials = []
        frames = 24 + SETTLE_FRAMES + JUDGED_FRAMES
        for style in self.styles:
            for content in ("walk", "run", "walk-back"):
                if style == self.neutral or not self.has(style, content):
                    continue
                home = self.neutral if self.has(self.neutral, content) else style
                start = self.start(home, content)
                speed = eased(start.speed, self.speed(style, content), 0, frames)
                for strength in self.STRENGTHS:
                    mix = StyleMix([(style, 1.0)], strength)
                    key = f"strength {style} {content}"  # one name: the strengths share their noise
                    trials.append(
                        self.travelling(
                            key, start, mix, content, speed, np.zeros(frames), style, notes={"strength": strength}
                        )
                    )
        return trials

    LIMBS: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("legs", ("left_leg", "right_leg")),
        ("arms", ("left_arm", "right_arm")),
    )

    def parts(self) -> list[Trial]:
        """A neutral walk with a style on the legs or the arms alone, and for each style the two whole bodies."""
        trials = []
        frames = 24 + SETTLE_FRAMES + JUDGED_FRAMES
        if not self.has(self.neutral, "walk"):
            return []
        speed_of = self.speed(self.neutral, "walk")
        for style in self.styles:
            if style == self.neutral or not self.has(style, "walk"):
                continue
            start = self.start(self.neutral, "walk")
            speed = eased(start.speed, speed_of, 0, frames)
            mixes: list[tuple[str, StyleMix]] = [
                ("none", StyleMix([(self.neutral, 1.0)])),
                ("all", StyleMix([(style, 1.0)])),
            ]
            for limbs, names in self.LIMBS:
                own = {name: PartStyle([(style, 1.0)]) for name in names if name in PART_NAMES}
                mixes.append((limbs, StyleMix([(self.neutral, 1.0)], parts=own)))
            for limbs, mix in mixes:
                key = f"parts {style}"  # one name: the variants share their noise
                trials.append(
                    self.travelling(key, start, mix, "walk", speed, np.zeros(frames), style, notes={"limbs": limbs})
                )
        return trials

    def diversity(self, takes: int = 6) -> list[tuple[Trial, list[tuple[str, int]]]]:
        """For pairs with several takes: a trial for many seeds, and the takes' real windows (clip, first frame)."""
        rows = []
        for (style, content), segments in sorted(self.pairs.items()):
            if style not in self.styles or content == IDLE:
                continue
            whole = [s for s in segments if s.frames >= HISTORY + JUDGED_FRAMES]
            if len({s.clip for s in whole}) < takes:
                continue
            gait = content_kind(content) == "locomotion"
            first = next((s for s in whole if s.frames >= SHORTEST_GAIT), whole[0])
            info = self.info[first.clip]
            trial = next(self._from_segment(Segment(first.clip, first.start, first.end), info))
            # Gestures are compared at the same stretch of the event, gaits anywhere.
            offset = SETTLE_FRAMES if gait and trial.frames >= SETTLE_FRAMES + JUDGED_FRAMES else 0
            real = []
            for segment in whole[:takes]:
                room = segment.frames - HISTORY - JUDGED_FRAMES
                real.append((segment.clip, segment.start + HISTORY + min(offset, room)))
            rows.append((replace(trial, name=f"diversity {style} {content}", notes={"offset": float(offset)}), real))
        return rows


def continued(path: Array, facing: Array, frames: int) -> tuple[Array, Array]:
    """A path and facing that go on to so many frames with the mean velocity of the last half second."""
    missing = frames - len(path)
    count = min(15, len(path) - 1)
    step = (path[-1] - path[-1 - count]) / count
    more = path[-1] + step * np.arange(1, missing + 1)[:, None]
    return (
        np.concatenate((path, more)).astype(path.dtype),
        np.concatenate((facing, np.full(missing, facing[-1]))).astype(facing.dtype),
    )


def spread(trials: Sequence[Trial], limit: int | None) -> list[Trial]:
    """At most so many trials, with as many styles and contents among them as there are."""
    if limit is None or len(trials) <= limit:
        return list(trials)
    cells: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        cells.setdefault((trial.style, content_kind(trial.content)), []).append(trial)
    chosen: list[Trial] = []
    depth = 0
    while len(chosen) < limit:
        row = [cell[depth] for cell in cells.values() if depth < len(cell)]
        chosen += row[: limit - len(chosen)]
        depth += 1
    order = {trial.name: i for i, trial in enumerate(trials)}
    return sorted(chosen, key=lambda trial: order[trial.name])
