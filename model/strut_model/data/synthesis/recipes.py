"""The kinds of synthetic clips: which clips each is made of, what is drawn at random, and how it is labelled.

The label is the content that is asked for in the frames after the clip's history (its first eight frames):

- a stop is `idle` from the first braking step on, and in a quarter of the clips the gait's own content, for games that
  only stop the path; a start has the gait's content;
- a turn in place is `idle`, in a fifth of the clips `walk`: the path stays where it is and its heading turns;
- curves and facing apart from travel keep the gait's content, idle is `idle`;
- a gesture, on the spot or while walking, keeps its own content, and what follows it has the content of that.

The path tells the rest: training takes it from the clip's root, which really stops, turns and bends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from strut_model.data.split import Segment
from strut_model.data.synthesis import bending, gesturing, stopping, turning
from strut_model.data.synthesis.material import IDLE, Material
from strut_model.data.synthesis.takes import Take, smoothstep
from strut_model.features import HISTORY

LATEST_STOP = 1.2
"""Seconds from the asked stop within which the body has to stand."""
LONGEST = 150
"""Frames of a synthetic clip of locomotion."""
TURNS = (45.0, 90.0, 135.0, 180.0)
"""Degrees of turns in place."""


@dataclass(frozen=True)
class Made:
    """A synthetic motion before it is judged.

    Attributes:
        take: frames.
        content: its label.
        sources: names of the clips that it was made of.
        like: contents of real clips that it is held against.
        notes: figures to report, such as the time to a stop.
        gait: the frames that it was made of, where it is those frames elsewhere: what they may, it may.
    """

    take: Take
    content: str
    sources: tuple[str, ...]
    like: tuple[str, ...]
    notes: dict[str, float]
    gait: Take | None = None


@dataclass(frozen=True)
class Failed:
    """A synthetic motion that could not be made, and why."""

    reason: str


Recipe = Callable[[Material, str, np.random.Generator], "list[Made] | Failed"]


def _gait(
    material: Material, style: str, rng: np.random.Generator, shortest: int, weights: dict[str, float]
) -> tuple[str, Segment] | None:
    """Some gait of a style, contents drawn by their weights."""
    contents = [c for c in material.contents(style, tuple(weights)) if material.segments(style, c, shortest)]
    if not contents:
        return None
    weight = np.array([weights[c] for c in contents])
    content = contents[int(rng.choice(len(contents), p=weight / weight.sum()))]
    rows = material.segments(style, content, shortest)
    return content, rows[int(rng.integers(len(rows)))]


_LACKING = Failed("no clip to make it of")
_GAIT_WEIGHTS = {"walk": 3.0, "run": 2.0, "dash": 0.7, "walk-back": 1.0, "walk-left": 0.8, "walk-right": 0.8}


def stop(material: Material, style: str, rng: np.random.Generator) -> list[Made] | Failed:
    """A gait that stops and stands."""
    found = _gait(material, style, rng, 45, _GAIT_WEIGHTS)
    if found is None or style not in material.idlers:
        return _LACKING
    content, segment = found
    gait, stances = material.take(segment), material.stances(segment)
    brakings = stopping.brakings(stances, gait.frames)
    if not brakings:
        return Failed("no step to stop at")
    stand = material.idlers[style].stand(rng, 100)
    stopped = stopping.stop(gait, stances, brakings[int(rng.integers(len(brakings)))], stand)
    if stopped is None:
        return Failed("too fast to stop at this step")
    first = stopped.asked - HISTORY - int(rng.integers(0, 9))
    if first < 0:
        return Failed("too few frames before the stop")
    take = stopped.take[first : stopped.closed + int(rng.integers(30, 56))]
    seconds = stopping.seconds_to_stand(take, stopped.asked - first)
    if not seconds <= LATEST_STOP:
        return Failed("stops too late")
    label = IDLE if rng.random() < 0.75 else content
    return [Made(take, label, (segment.clip,), (content, "gesture"), {"stop_s": seconds})]


def start(material: Material, style: str, rng: np.random.Generator) -> list[Made] | Failed:
    """A gait that begins from standing."""
    found = _gait(material, style, rng, 45, _GAIT_WEIGHTS)
    if found is None or style not in material.idlers:
        return _LACKING
    content, segment = found
    gait, stances = stopping.reversed_gait(material.take(segment))
    brakings = stopping.brakings(stances, gait.frames)
    if not brakings:
        return Failed("no step to start from")
    stand = material.idlers[style].stand(rng, 100)
    begun = stopping.begin(gait, stances, brakings[int(rng.integers(len(brakings)))], stand)
    if begun is None:
        return Failed("too fast to start at this step")
    first = max(begun.asked - HISTORY - int(rng.integers(0, 13)), 0)
    take = begun.take[first : begun.closed + int(rng.integers(20, 61))]
    return [Made(take, content, (segment.clip,), (content, "gesture"), {})]


def turn(material: Material, style: str, rng: np.random.Generator) -> list[Made] | Failed:
    """A turn in place by stepping."""
    found = _gait(material, style, rng, 60, {"walk": 1.0})
    if found is None or style not in material.idlers:
        return _LACKING
    _, segment = found
    degrees = TURNS[int(rng.integers(len(TURNS)))] if rng.random() < 0.7 else rng.uniform(30, 180)
    angle = np.radians(degrees) * (1 if rng.random() < 0.5 else -1)
    swings = turning.swings(material.stances(segment))
    swings = swings[int(rng.integers(max(len(swings) - 7, 1))) :]
    turned = turning.turn(
        material.idlers[style].stand(rng, 260),
        material.take(segment),
        swings,
        float(angle),
        float(np.radians(rng.uniform(38, 62))),
        HISTORY + int(rng.integers(2, 12)),
        int(rng.integers(20, 41)),
    )
    if turned is None:
        return Failed("too few steps in a row")
    label = IDLE if rng.random() < 0.8 else "walk"
    seconds = (turned.last - turned.first) / 30.0
    return [Made(turned.take, label, (segment.clip,), ("walk", "gesture"), {"turn_s": seconds})]


_TIGHTEST = {"walk": 0.8, "run": 1.8, "dash": 3.0, "walk-back": 1.2, "walk-left": 1.5, "walk-right": 1.5}


def curve(material: Material, style: str, rng: np.random.Generator) -> list[Made] | Failed:
    """A gait on an arc, round a corner or along an S."""
    found = _gait(material, style, rng, 60, {**_GAIT_WEIGHTS, "walk": 5.0})
    if found is None:
        return _LACKING
    content, segment = found
    tightest = _TIGHTEST[content]
    radius = tightest * float(np.exp(rng.uniform(0, np.log(4.0))))
    gait, tempo = _at_tempo(material, segment, radius, rng)
    way = bending.way_of(gait)
    side = 1 if rng.random() < 0.5 else -1
    begin = float(rng.uniform(0.0, 0.35) * way[-1])
    which = rng.random()
    if which < 0.4:
        curvature = bending.arc(way, side * radius, begin)
    elif which < 0.7:
        angle = side * np.radians(rng.uniform(45, 180))
        curvature = bending.corner(way, side * radius, float(angle), begin)
    else:
        curvature = bending.serpentine(way, side * radius, float(rng.uniform(3.0, 5.0) * radius), begin)
    bent = bending.bend(gait, curvature)
    notes = {"radius_m": radius, "tempo": tempo}
    return [Made(bent, content, (segment.clip,), (content,), notes, gait)]


def facing(material: Material, style: str, rng: np.random.Generator) -> list[Made] | Failed:
    """A slow gait that faces up to 45 degrees apart from its own direction."""
    weights = {"walk": 2.0, "walk-back": 1.0, "walk-left": 1.0, "walk-right": 1.0}
    found = _gait(material, style, rng, 60, weights)
    if found is None:
        return _LACKING
    content, segment = found
    tempo = float(rng.uniform(0.65, 0.9))
    gait = bending.at_tempo(_cropped(material.take(segment), rng, int(LONGEST * tempo)), tempo)
    degrees = float(rng.uniform(15, 45))
    angle = np.radians(degrees) * (1 if rng.random() < 0.5 else -1)
    begin = rng.uniform(-0.2, 0.4) * gait.frames
    share = smoothstep((np.arange(gait.frames) - begin) / rng.uniform(20, 40))
    if rng.random() < 0.3:
        share = share * (1 - smoothstep((np.arange(gait.frames) - begin - 50) / 30))
    bent = bending.bend(gait, np.zeros(gait.frames), angle * share)
    return [Made(bent, content, (segment.clip,), (content,), {"facing_deg": degrees, "tempo": tempo}, gait)]


def idle(material: Material, style: str, rng: np.random.Generator) -> list[Made] | Failed:
    """Standing idle of a style."""
    if style not in material.idlers:
        return _LACKING
    pose_from = material.idlers[style]
    take = pose_from.stand(rng, int(rng.integers(100, 200))).take
    return [Made(take, IDLE, tuple(sorted({p.source for p in pose_from.poses})), ("gesture", "walk"), {})]


LONGEST_GESTURE = 300
"""Frames."""
ARM_GESTURES = ("wave-", "raise-up-", "bye", "call", "guide")
"""How the contents begin whose gestures are of the arms, so that a walk can go on underneath."""


def _gesture(material: Material, style: str, rng: np.random.Generator, arms_only: bool) -> tuple[str, Segment] | None:
    """Some whole gesture of a style."""
    rows = []
    for content in material.contents(style, "gesture"):
        if not arms_only or content.startswith(ARM_GESTURES):
            whole = [s for s in material.segments(style, content, 45) if s.frames <= LONGEST_GESTURE]
            rows.append((content, [s for s in whole if s.frames == material.info[s.clip].frames]))
    rows = [(content, whole) for content, whole in rows if whole]
    if not rows:
        return None
    content, whole = rows[int(rng.integers(len(rows)))]
    return content, whole[int(rng.integers(len(whole)))]


def gesture(material: Material, style: str, rng: np.random.Generator) -> list[Made] | Failed:
    """A gesture that begins and ends in idle, and the idle after it."""
    found = _gesture(material, style, rng, arms_only=False)
    if found is None or style not in material.idlers:
        return _LACKING
    content, segment = found
    contacts = material.pack.clip(segment.clip).contacts[segment.start : segment.end]
    before = HISTORY + int(rng.integers(0, 13))
    event = gesturing.from_idle(
        material.take(segment), contacts, material.idlers[style], rng, before, int(rng.integers(40, 70))
    )
    if event is None:
        return Failed("begins or ends in a step")
    like = (content, "gesture")
    return [
        Made(event.take[: event.end], content, (segment.clip,), like, {}),
        Made(event.take[event.end - HISTORY :], IDLE, (segment.clip,), like, {}),
    ]


def walking_gesture(material: Material, style: str, rng: np.random.Generator) -> list[Made] | Failed:
    """A gesture of the arms over a walk, and the walk after it."""
    found = _gesture(material, style, rng, arms_only=True)
    if found is None or style not in material.idlers:
        return _LACKING
    content, segment = found
    before, after = HISTORY + 4, HISTORY
    walks = material.segments(style, "walk", segment.frames + before + after)
    if not walks:
        return Failed("no walk that is as long")
    legs = walks[int(rng.integers(len(walks)))]
    event = gesturing.over_walk(material.take(segment), material.take(legs), material.idlers[style], before, after)
    if event is None:
        return Failed("no raised arm")
    sources, like = (segment.clip, legs.clip), ("walk", content)
    first = event.begin - HISTORY - int(rng.integers(0, 5))
    made = [Made(event.take[first : event.end], content, sources, like, {})]
    rest = event.take[event.end - HISTORY : event.end + int(rng.integers(30, 60))]
    if rest.frames >= HISTORY + 24:
        made.append(Made(rest, "walk", sources, like, {}))
    return made


def _cropped(take: Take, rng: np.random.Generator, frames: int) -> Take:
    room = take.frames - frames
    first = int(rng.integers(room + 1)) if room > 0 else 0
    return take[first : first + frames]


def _at_tempo(material: Material, segment: Segment, radius: float, rng: np.random.Generator) -> tuple[Take, float]:
    whole = material.take(segment)
    tempo = bending.tempo_for(whole.root().speed(), radius)
    return bending.at_tempo(_cropped(whole, rng, int(LONGEST * tempo)), tempo), tempo


RECIPES: dict[str, tuple[Recipe, float]] = {
    "stop": (stop, 0.18),
    "start": (start, 0.14),
    "turn": (turn, 0.14),
    "curve": (curve, 0.17),
    "facing": (facing, 0.07),
    "idle": (idle, 0.1),
    "gesture": (gesture, 0.12),
    "walking-gesture": (walking_gesture, 0.08),
}
"""Each kind with its share of the synthetic frames."""
