"""A scene applied to a whole clip: its effects, one operator after the other."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np

from strut_model.clip import Clip
from strut_model.data.pack import SYNTHETIC
from strut_model.scene.descriptor import SceneDescriptor
from strut_model.scene.effects import Effects, effects_of
from strut_model.scene.gait import Gait
from strut_model.scene.legs import (
    foot_clearance,
    knee_flexion,
    narrowed_steps,
    stance_knee_flexion,
    stance_sink,
    step_length,
    step_width,
    tempo,
    wading_resistance,
)
from strut_model.scene.posture import arm_abduction, duck, elbow_flexion, gaze, trunk_lean
from strut_model.scene.slips import Slip, draw_slips, slip

FEWEST_FRAMES = 8


@dataclass(frozen=True)
class SceneClip:
    """A clip in a scene.

    Attributes:
        clip: the edited clip, tagged `synthetic` and `scene`; the given one itself at alpha 0.
        effects: what was done to it.
        slips: its slips, in frames of the edited clip.
    """

    clip: Clip
    effects: Effects
    slips: tuple[Slip, ...] = ()


def apply_scene(
    clip: Clip, scene: SceneDescriptor, alpha: float = 1.0, seed: int = 0, gait_only: bool = False
) -> SceneClip:
    """A clip as it would be in a scene.

    The wind's direction counts in the space of the clip turned so that the character starts facing +Z; that is how the
    contract's windows see it.

    Args:
        clip: at least `FEWEST_FRAMES` frames.
        scene: where it takes place.
        alpha: how strongly the scene shows: 0 leaves the clip as it is, bit for bit; 1 is as cited; up to 1.5.
        seed: chooses the slips, together with the clip's name.
        gait_only: leave out what the run time adds to the student's motion itself (`Effects.gait`).

    Raises:
        SceneError: alpha is out of range.
        ValueError: the clip is too short.
    """
    if clip.frames < FEWEST_FRAMES:
        raise ValueError(f"clip: {clip.name} has {clip.frames} frames; allowed: {FEWEST_FRAMES} or more")
    effects = effects_of(scene).scaled(alpha)
    if gait_only:
        effects = effects.gait
    if effects.neutral:
        return SceneClip(clip, effects)
    return apply_effects(clip, effects, alpha, seed)


def apply_effects(clip: Clip, effects: Effects, alpha: float = 1.0, seed: int = 0) -> SceneClip:
    """A clip with effects as they are; ``alpha`` only says how far the head gives way to a ceiling.

    Args:
        clip: at least `FEWEST_FRAMES` frames.
        effects: what is to be done.
        alpha: share of the way that the head comes down.
        seed: chooses the slips.
    """
    gait = Gait.of(clip)
    usual = stance_knee_flexion(gait)
    gait = wading_resistance(gait, effects.wading)
    gait = tempo(gait, effects.cadence)
    gait = step_length(gait, effects.step_length)
    gait = narrowed_steps(gait, effects.narrowing)
    gait = step_width(gait, effects.step_width)
    gait = stance_sink(gait, effects.sink)
    gait = trunk_lean(gait, effects.trunk_lean, effects.trunk_side, effects.sway, effects.sway_period)
    gait = duck(gait, effects.ceiling, alpha)
    gait = knee_flexion(gait, effects.knee_flexion, usual)
    gait = foot_clearance(gait, effects.clearance)
    gait = arm_abduction(gait, effects.arm_abduction)
    gait = elbow_flexion(gait, effects.elbow_flexion)
    gait = gaze(gait, effects.gaze)
    # The name counts, too: one seed for a data set is not the same slips in all of its clips.
    slips = draw_slips(gait, effects.slips, (seed, zlib.crc32(clip.name.encode())))
    gait = slip(gait, slips)
    edited = replace(
        clip,
        pelvis=gait.take.pelvis.astype(np.float32),
        rotations=gait.take.rotations.astype(np.float32),
        contacts=np.clip(gait.contacts, 0, 1).astype(np.float32),
        tags=(*(tag for tag in clip.tags if tag != SYNTHETIC), SYNTHETIC, "scene"),
    )
    return SceneClip(edited, effects, tuple(slips))
