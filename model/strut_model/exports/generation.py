"""Motion from a plan, offline: which style and content when, along which path, through the streaming core."""

from __future__ import annotations

import bisect
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from strut_model.bundle import Bundle, ContentInfo
from strut_model.exports.paths import Line, walk
from strut_model.exports.recording import Recording
from strut_model.scene.effects import effects_of
from strut_model.scene.presets import preset
from strut_model.skeleton import FPS
from strut_model.streaming.controls import (
    MAX_SPEED,
    PartStyle,
    StyleMix,
    check_range,
    content_vector,
    gesture_phase,
    style_vector,
    usual_speed,
)
from strut_model.streaming.generator import MotionGenerator, WindowRequests, WindowResults
from strut_model.streaming.rollout import idle_history, rollout
from strut_model.streaming.scenery import Scenery, scenery_of

Array = NDArray[np.floating]

MAX_SECONDS = 3600.0
FACING_OFFSETS = {"walk-back": np.pi, "walk-left": -np.pi / 6, "walk-right": np.pi / 6}
"""Radians from the direction of travel to the facing, for contents that do not look where they go."""


class NameUnknownError(ValueError):
    """A style or content that the bundle does not have; the message names near ones."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        self.name = name
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        super().__init__(f"{kind} {name!r} is unknown; {hint}allowed: {', '.join(known)}")


@dataclass(frozen=True)
class Change:
    """From a time on, another style, content or scene (None: as before; an empty scene: none)."""

    seconds: float
    style: str | None = None
    content: str | None = None
    scene: str | None = None


@dataclass(frozen=True)
class Plan:
    """What is to be generated.

    Attributes:
        style: a style's name, or several with weights as "proud:0.7,angry:0.3".
        content: a content's name.
        line: the path; None to stand.
        seconds: length, up to an hour.
        speed: metres a second on the way; None for what is usual for style and content.
        strength: of the style, 0 to 1.5.
        parts: a style (or styles, with weights) for single body parts.
        changes: what changes on the way, in order of time.
        facing: radians from the direction of travel to the facing; None for what suits the content.
        seed: of the noise.
        steps: network evaluations a window, 1, 2 or 4.
        frames_per_window: frames played before the next window is planned, 4 to 16.
        scene: name of a scene preset; empty for none. It scales the usual speed, too, not one that is asked for.
        alpha: how strongly scenes show, 0 to 1.5.
    """

    style: str
    content: str = "walk"
    line: Line | None = None
    seconds: float = 10.0
    speed: float | None = None
    strength: float = 1.0
    parts: Mapping[str, str] = field(default_factory=dict)
    changes: Sequence[Change] = ()
    facing: float | None = None
    seed: int = 0
    steps: int = 2
    frames_per_window: int = 8
    scene: str = ""
    alpha: float = 1.0


@dataclass(frozen=True)
class _Stretch:
    """Frames [first, last) of one style, content and scene."""

    first: int
    last: int
    style: str
    content: ContentInfo
    scene: str = ""


def generate_motion(
    generator: MotionGenerator, plan: Plan, title: str = "", progress: Callable[[int], None] | None = None
) -> Recording:
    """Generates the motion of a plan.

    Args:
        generator: the streaming core with its bundle.
        plan: what is asked for.
        title: of the recording; content and path of the plan when empty.
        progress: called with the number of new frames after every window.

    Raises:
        NameUnknownError: a style or content that the bundle does not have.
        ControlError: a value out of range.
        SceneError: a scene that is none, or the bundle's student knows none.
    """
    bundle = generator.bundle
    stretches = _stretches(bundle, plan)
    frames = stretches[-1].last
    speeds = np.zeros(frames)
    facing = np.zeros(frames)
    styles = np.zeros((1, frames, *bundle.neutral.shape), np.float32)
    contents = np.zeros((1, frames, bundle.manifest.content_dim), np.float32)
    phases = np.zeros((1, frames, 3), np.float32)
    weight = bundle.manifest.style_guidance.default
    for stretch in stretches:
        span = slice(stretch.first, stretch.last)
        speeds[span] = _speed(bundle, plan, stretch)
        facing[span] = FACING_OFFSETS.get(stretch.content.name, 0.0) if plan.facing is None else plan.facing
        vector, weight = style_vector(bundle, _mix(bundle, plan, stretch.style))
        styles[:, span] = vector
        contents[:, span] = content_vector(bundle, stretch.content.name)
        phases[:, span] = _phases(bundle, stretch)
    path = walk(plan.line or Line(np.zeros((2, 2))), speeds)
    guidance = np.array([[weight, bundle.manifest.content_guidance.default]], np.float32)
    # The character starts where the path does, and looks along it.
    heading = path.headings + facing
    history = idle_history(generator, 1).transformed(path.positions[:1], heading[:1])
    sceneries = [scenery_of(preset(s.scene).descriptor, plan.alpha) if s.scene else None for s in stretches]
    ends = [stretch.last for stretch in stretches]

    def scenes(frame: int) -> list[Scenery | None]:
        return [sceneries[bisect.bisect_right(ends, frame)]]

    motion = rollout(
        _Watched(generator, progress, plan.frames_per_window),
        history,
        path.positions[None].astype(np.float32),
        heading[None].astype(np.float32),
        styles,
        contents,
        phase=phases,
        guidance=guidance,
        seed=plan.seed,
        steps=plan.steps,
        frames_per_window=plan.frames_per_window,
        scenes=scenes if any(scenery is not None for scenery in sceneries) else None,
    )
    labels: list[tuple[int, str]] = []
    for stretch in stretches:
        label = f"{stretch.style}, {stretch.scene}" if stretch.scene else stretch.style
        if not labels or labels[-1][1] != label:
            labels.append((stretch.first, label))
    asked = None if plan.line is None or np.ptp(path.positions, axis=0).max() < 0.05 else path.positions[::3]
    return Recording(motion[0], labels, asked, title or _title(stretches))


class _Watched(MotionGenerator):
    """A generator that reports every window that it has made."""

    def __init__(self, generator: MotionGenerator, progress: Callable[[int], None] | None, frames: int) -> None:
        self.bundle = generator.bundle
        self._generator = generator
        self._progress = progress
        self._frames = frames

    def generate(self, requests: WindowRequests) -> WindowResults:
        results = self._generator.generate(requests)
        if self._progress is not None:
            self._progress(self._frames)
        return results


def parse_mix(bundle: Bundle, text: str) -> list[tuple[str, float]]:
    """Styles and weights of "proud" or "proud:0.7,angry:0.3"; NameUnknownError for a style that is not there."""
    components = []
    for entry in text.split(","):
        name, _, weight = entry.strip().partition(":")
        if name not in bundle.style_index:
            raise NameUnknownError("style", name, list(bundle.style_index))
        try:
            components.append((name, float(weight) if weight else 1.0))
        except ValueError:
            raise ValueError(f"weight {weight!r} of style {name} is no number") from None
    return components


def find_content(bundle: Bundle, name: str) -> ContentInfo:
    """A content by name; NameUnknownError when it is not there."""
    row = bundle.content_index.get(name)
    if row is None:
        raise NameUnknownError("content", name, list(bundle.content_index))
    return bundle.manifest.contents[row]


def _stretches(bundle: Bundle, plan: Plan) -> list[_Stretch]:
    seconds = check_range("seconds", plan.seconds, 1 / FPS, MAX_SECONDS, "seconds")
    frames = max(1, round(seconds * FPS))
    if plan.speed is not None:
        check_range("speed", plan.speed, 0.0, MAX_SPEED, "metres a second")
    stretches: list[_Stretch] = []
    style, content, first, before = plan.style, find_content(bundle, plan.content), 0, 0.0
    scene = plan.scene
    for change in plan.changes:
        check_range("changes.seconds", change.seconds, before, seconds, "seconds, in order")
        stretches += _with_rest(bundle, _Stretch(first, round(change.seconds * FPS), style, content, scene))
        first, before = round(change.seconds * FPS), change.seconds
        style = change.style or style
        content = find_content(bundle, change.content) if change.content else content
        scene = scene if change.scene is None else change.scene
    stretches += _with_rest(bundle, _Stretch(first, frames, style, content, scene))
    return [s for s in stretches if s.last > s.first]


def _with_rest(bundle: Bundle, stretch: _Stretch) -> list[_Stretch]:
    """A gesture ends after its usual time; the character then idles, where the bundle knows how to."""
    idle = next((c for c in bundle.manifest.contents if c.kind == "idle"), None)
    end = stretch.first + round(stretch.content.mean_seconds * FPS)
    if stretch.content.kind != "gesture" or idle is None or end >= stretch.last:
        return [stretch]
    return [
        replace(stretch, last=end),
        replace(stretch, first=end, content=idle),
    ]


def _speed(bundle: Bundle, plan: Plan, stretch: _Stretch) -> float:
    if stretch.content.kind != "locomotion" or plan.line is None:
        return 0.0
    if plan.speed is not None:
        return plan.speed
    components = parse_mix(bundle, stretch.style)
    total = max(sum(weight for _, weight in components), 1e-9)
    usual = sum(w * usual_speed(bundle, name, stretch.content.name) for name, w in components) / total
    if plan.strength < 1:
        neutral = usual_speed(bundle, bundle.manifest.neutral_style, stretch.content.name)
        usual = neutral + plan.strength * (usual - neutral)
    if stretch.scene:
        usual *= effects_of(preset(stretch.scene).descriptor).scaled(plan.alpha).speed
    return usual


def _mix(bundle: Bundle, plan: Plan, style: str) -> StyleMix:
    parts = {name: PartStyle(parse_mix(bundle, text)) for name, text in plan.parts.items()}
    return StyleMix(parse_mix(bundle, style), plan.strength, parts)


def _phases(bundle: Bundle, stretch: _Stretch) -> Array:
    """(frames of the stretch, 3): a gesture's phase runs from 0 to 1 and stays there."""
    start, advance, given = gesture_phase(bundle, stretch.content.name)
    phase = np.minimum(start + advance * np.arange(stretch.last - stretch.first), 1.0)
    return np.stack((phase, np.where(phase < 1, advance, 0.0), np.full_like(phase, given)), axis=-1).astype(np.float32)


def _title(stretches: Sequence[_Stretch]) -> str:
    names: list[str] = []
    for stretch in stretches:
        if not names or names[-1] != stretch.content.name:
            names.append(stretch.content.name)
    return ", ".join(names)
