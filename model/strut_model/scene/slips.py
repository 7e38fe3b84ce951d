"""Slips with recovery, as timed events.

A foot that has just landed slides on along the path, and the body answers: knees give, the arms go up, the trunk comes
back, and within a second all is as before. Which steps slip is drawn with a seed, one number a landing, so that a
higher rate keeps the slips of a lower one and adds others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from strut_model.data.synthesis.takes import Array, Take, blend, smoothstep
from strut_model.scene.gait import Feet, Gait
from strut_model.scene.legs import travel
from strut_model.scene.posture import arm_abduction, trunk_lean
from strut_model.skeleton import FPS

SHORTEST, LONGEST = 0.03, 0.09
"""Metres: slips under 3 cm go unnoticed, those over 10 cm end in falls (Redfern et al. 2001, Ergonomics 44:1138, after
Strandberg and Lanshammar 1981, J Occup Accid 3:153)."""
SLIDE_FRAMES = 6
"""Frames that the foot slides: .2 s, about when corrective reactions begin (190 ms; Cham and Redfern 2001)."""
ONSET_FRAMES = 2
"""Frames after the landing at which the slide begins."""
REACTION_FRAMES, RECOVERY_FRAMES = 11, 24
"""Frames from landing to the height of the reaction (350 ms; Cham and Redfern 2001) and from there until it is over."""
ARMS, TRUNK, DROP = 35.0, -7.0, 0.035
"""Degrees, degrees and metres of the reaction to the longest slip (chosen; arms go up and the trunk back: Marigold and
Patla 2002, J Neurophysiol 88:339)."""


@dataclass(frozen=True)
class Slip:
    """One slip.

    Attributes:
        frame: of the landing, in the edited clip.
        side: 0 for the left foot, 1 for the right.
        metres: how far the foot slides.
    """

    frame: int
    side: int
    metres: float


def draw_slips(gait: Gait, per_minute: float, seed: int | Sequence[int]) -> list[Slip]:
    """Which landings slip, and how far, in order of time.

    Args:
        gait: frames.
        per_minute: mean number of slips.
        seed: one number or several; another seed is another draw.
    """
    landings = sorted(
        (start, side)
        for side, runs in enumerate(gait.stances)
        for start, stop in runs
        if start > 0 and stop - start > 6
    )
    if not landings or per_minute == 0:
        return []
    share = per_minute * gait.frames / (60 * FPS) / len(landings)
    numbers = np.random.default_rng(seed).random((len(landings), 2))
    found: list[Slip] = []
    for (frame, side), (chance, length) in zip(landings, numbers, strict=True):
        # Nobody slips in the middle of a recovery, and the clip has to show the whole of it.
        busy = found and frame - found[-1].frame < REACTION_FRAMES + RECOVERY_FRAMES
        if chance < share and not busy and frame + REACTION_FRAMES + RECOVERY_FRAMES < gait.frames:
            found.append(Slip(frame, side, SHORTEST + (LONGEST - SHORTEST) * float(length)))
    return found


def slip(gait: Gait, events: Sequence[Slip]) -> Gait:
    """The gait with slips: feet slide on, are not in contact while they do, and the body recovers.

    Corrective reactions begin 190 ms after the heel's contact, by more knee flexion (measured; Cham and Redfern 2001, J
    Biomech 34:1439); slips of 3 to 9 cm, which people recover from (Redfern et al. 2001, Ergonomics 44:1138).
    """
    if not events:
        return gait
    feet = Feet.of(gait.take)
    ankles, contacts = feet.ankles.copy(), gait.contacts.copy()
    way = travel(gait.take.root())
    reaction = np.zeros(gait.frames)
    for event in events:
        offset = _slide(gait, event)
        ankles[:, event.side][:, [0, 2]] += event.metres * offset[:, None] * way[event.frame]
        start = event.frame + ONSET_FRAMES
        contacts[start : start + SLIDE_FRAMES, 2 * event.side : 2 * event.side + 2] = 0.0
        reaction = np.maximum(reaction, event.metres / LONGEST * _pulse(gait.frames, event.frame))
    pelvis = gait.take.pelvis - (DROP * reaction)[:, None] * np.array([0.0, 1.0, 0.0])
    slipped = gait.with_feet(Feet(ankles, feet.soles), Take(pelvis, gait.take.rotations))
    reacted = arm_abduction(trunk_lean(slipped, TRUNK), ARMS)
    return replace(_mixed(slipped, reacted, reaction), contacts=contacts)


def _slide(gait: Gait, event: Slip) -> Array:
    """(T,) share of the slide that the foot has made; after its stance it swings back onto its own way."""
    runs = gait.stances[event.side]
    index = next(i for i, (start, _) in enumerate(runs) if start == event.frame)
    stop = runs[index][1]
    landed = runs[index + 1][0] if index + 1 < len(runs) else gait.frames
    frames = np.arange(gait.frames)
    slid = smoothstep((frames - event.frame - ONSET_FRAMES + 1) / SLIDE_FRAMES)
    return slid * (1 - smoothstep((frames - stop + 1) / max(landed - stop, 1)))


def _pulse(frames: int, landing: int) -> Array:
    """(T,) the reaction: up to 1 at `REACTION_FRAMES` after the landing, down over `RECOVERY_FRAMES`."""
    time = np.arange(frames) - landing - ONSET_FRAMES
    rise = smoothstep(time / (REACTION_FRAMES - ONSET_FRAMES))
    return rise * (1 - smoothstep((time - REACTION_FRAMES + ONSET_FRAMES) / RECOVERY_FRAMES))


def _mixed(plain: Gait, reacted: Gait, weight: Array) -> Gait:
    """Rotations of the reaction by weight (T,); both have the same pelvis, and the feet are put back."""
    mixed = blend(plain.take, reacted.take, weight)
    return plain.with_feet(Feet.of(plain.take), mixed)
