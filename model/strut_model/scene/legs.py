"""Operators on steps and legs: tempo, step length and width, clearance, sinking, knee flexion, resistance.

Each takes a gait and an amount, is monotone in the amount, and gives back the gait itself where the amount is neutral.
Standing feet are moved as a whole and put there by two-bone inverse kinematics, so that a foot that stood still does so
afterwards. How much of what a scene asks for, and by which source, says `effects`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import brentq

from strut_model import rotations as rot
from strut_model.data.synthesis.footing import along, anchors
from strut_model.data.synthesis.takes import Array, Root, Take, smoothstep
from strut_model.scene.gait import Feet, Gait, axes, standing_mask, swing_profile
from strut_model.skeleton import JOINT_INDEX, REST_OFFSETS, forward_kinematics

_HIPS = [JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]
_ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
_THIGH = float(np.linalg.norm(REST_OFFSETS[JOINT_INDEX["left_knee"]]))
_SHANK = float(np.linalg.norm(REST_OFFSETS[JOINT_INDEX["left_ankle"]]))
_UP = np.array([0.0, 1.0, 0.0])

SINKING_FRAMES = 7
"""Frames in which a foot that has landed sinks in: soft ground gives during the loading response."""
MAX_CROUCH = 0.4
"""Metres that the pelvis may come down for bent knees."""
_SHORTEST = 8
_STILL = 0.003  # metres a frame: feet that are slower do not swing


def tempo(gait: Gait, factor: float) -> Gait:
    """All of the motion at another tempo: cadence times ``factor``, step length as it is.

    Cautious gait is slower, hurried gait faster in cadence; which scene asks for which says `effects` (Hallemans et al.
    2010: -12 % blindfolded; Weidmann 1993 in crowds; direction alone for rain, cold and heat). Range used: .5 to 1.4.
    """
    if factor == 1.0:
        return gait
    return gait.at(np.arange(0, gait.frames - 1 + 1e-9, factor))


def wading_resistance(gait: Gait, factor: float) -> Gait:
    """Feet pushed through water: cadence times ``factor``, the time lost where a foot swings fastest.

    Drag grows with the square of the speed, so time passes the more slowly the faster a foot swings. Comfortable speed
    at chest depth is about 40 % of that on land, mostly by cadence (Barela, Stolf and Duarte 2006, J Electromyogr
    Kinesiol 16:250). Range used: .5 to 1.
    """
    if factor == 1.0 or gait.frames < _SHORTEST:
        return gait
    ankles = Feet.of(gait.take).ankles
    speed = np.linalg.norm(np.gradient(ankles[..., [0, 2]], axis=0), axis=-1)
    swinging = gaussian_filter1d(np.where(standing_mask(gait), 0.0, speed).max(axis=-1), 2.0, mode="nearest")
    peak = float(np.percentile(swinging, 95))
    if peak < _STILL:
        return tempo(gait, factor)
    load = np.minimum(swinging / peak, 1.0) ** 2

    def longer(drag: float) -> float:
        return float((1 + drag * load).mean()) - 1 / factor

    duration = 1 + brentq(longer, 0.0, 100.0) * load
    # The time at which each old frame is reached; whole frames of it are the new ones.
    reached = np.concatenate(([0.0], np.cumsum(0.5 * (duration[1:] + duration[:-1]))))
    return gait.at(np.interp(np.arange(int(reached[-1] + 1e-9) + 1), reached, np.arange(gait.frames)))


def step_length(gait: Gait, factor: float) -> Gait:
    """Steps ``factor`` times as long at the same cadence.

    The root's path is scaled, and each stance is carried along as a whole to where its middle has gone.
    Shorter steps: Cappellini et al. 2010 and Cham and Redfern 2002 on slippery floors (direction); Voloshina et
    al. 2013 on uneven ground (-4 %); Hallemans et al. 2010 without sight (-25 %). Range used: .3 to 1.3.
    """
    if factor == 1.0:
        return gait
    old = gait.take.root()
    start = old.position[:1]
    new = Root(start + factor * (old.position - start), old.heading)
    return replace(gait, take=along(gait.take, gait.stances, old, new))


def step_width(gait: Gait, metres: float) -> Gait:
    """Steps ``metres`` wider, half of it by each foot.

    Wider on moving supports (direction; Hak et al. 2012, Gait Posture 36:260; McAndrew, Dingwell and Wilken 2010, J
    Biomech 43:1470). Range used: 0 to .15 m, chosen.
    """
    if metres == 0:
        return gait
    feet = Feet.of(gait.take)
    _, left = _across(gait, feet)
    ankles = feet.ankles.copy()
    ankles[..., [0, 2]] += 0.5 * metres * np.array([1.0, -1.0])[:, None] * left
    return gait.with_feet(Feet(ankles, feet.soles))


def narrowed_steps(gait: Gait, factor: float) -> Gait:
    """Feet ``factor`` times as far from the path, sideways; the body sways that much less.

    Geometry: a beam leaves no other place. Range used: .1 to 1.
    """
    if factor == 1.0:
        return gait
    root, feet = gait.take.root(), Feet.of(gait.take)
    here, left = _across(gait, feet)
    offset = ((feet.ankles[..., [0, 2]] - here.position) * left).sum(axis=-1)
    ankles = feet.ankles.copy()
    ankles[..., [0, 2]] += ((factor - 1) * offset)[..., None] * left
    pelvis = gait.take.pelvis.copy()
    side = axes(root)[0][:, [0, 2]]
    sway = ((pelvis[:, [0, 2]] - root.position) * side).sum(axis=-1)
    pelvis[:, [0, 2]] += ((factor - 1) * sway)[:, None] * side
    return gait.with_feet(Feet(ankles, feet.soles), Take(pelvis, gait.take.rotations))


def _across(gait: Gait, feet: Feet) -> tuple[Root, Array]:
    """The root where each foot's stance has its middle, of shape (T, 2), and (T, 2, 2) its left [x, z]."""
    here = gait.take.root().at(anchors(feet, gait.stances))
    return here, np.stack((np.cos(here.heading), -np.sin(here.heading)), axis=-1)


def foot_clearance(gait: Gait, metres: float) -> Gait:
    """Swinging feet ``metres`` higher in the middle of the swing; landing and leaving as they are.

    Loose rocks: minimum toe clearance times 3.8 (Gates et al. 2012, Gait Posture 35:36), which is 4.2 cm more. Range
    used: 0 to .25 m, the most over snow and stairs (geometry).
    """
    if metres == 0:
        return gait
    feet = Feet.of(gait.take)
    ankles = feet.ankles + (metres * swing_profile(gait))[..., None] * _UP
    return gait.with_feet(Feet(ankles, feet.soles))


def stance_sink(gait: Gait, metres: float) -> Gait:
    """Standing feet go down by ``metres`` while they are loaded, the body with them, and are pulled out again.

    Footprints in sand and snow: Lejeune, Willems and Heglund 1998, J Exp Biol 201:2071; Pandolf, Haisman and Goldman
    1976, Ergonomics 19:683. The depth is the scene's own. Range used: 0 to .35 m.
    """
    if metres == 0:
        return gait
    loaded = sinking(gait)
    feet = Feet.of(gait.take)
    ankles = feet.ankles - (metres * loaded)[..., None] * _UP
    standing = standing_mask(gait)
    count = standing.sum(axis=-1)
    frames = np.flatnonzero(count)
    if len(frames) == 0:
        return gait
    share = (loaded * standing).sum(axis=-1)[frames] / count[frames]
    down = gaussian_filter1d(np.interp(np.arange(gait.frames), frames, share), 3.0, mode="nearest")
    pelvis = gait.take.pelvis - (metres * down)[:, None] * _UP
    return gait.with_feet(Feet(ankles, feet.soles), Take(pelvis, gait.take.rotations))


def sinking(gait: Gait) -> Array:
    """(T, 2) how far each foot has sunk in, 0 to 1: in after landing, out early in the swing."""
    out = np.zeros((gait.frames, 2))
    for side, runs in enumerate(gait.stances):
        for index, (start, stop) in enumerate(runs):
            span = min(SINKING_FRAMES, max(2, (stop - start) // 2))
            into = 1.0 if start == 0 else smoothstep((np.arange(start, stop) - start + 1) / span)
            out[start:stop, side] = into
            landed = runs[index + 1][0] if index + 1 < len(runs) else min(stop + 20, gait.frames)
            phase = (np.arange(stop, landed) - stop + 1) / max(landed - stop + 1, 1)
            out[stop:landed, side] = 1 - smoothstep(phase / 0.45)
    return out


def knee_flexion(gait: Gait, degrees: float, usual: float) -> Gait:
    """Knees bent ``degrees`` more than ``usual`` in stance, by a lower pelvis; as they are where they bend more
    already.

    More knee flexion on compliant ground (direction; Grant et al. 2022, J R Soc Interface 19:20220483), on rocks (Gates
    et al. 2012) and on inclines (McIntosh et al. 2006, J Biomech 39:2491). Range used: 0 to 30 degrees, chosen.

    Args:
        gait: frames.
        degrees: more than usual.
        usual: degrees, mean stance knee flexion before the scene.
    """
    if degrees == 0:
        return gait
    positions, _ = forward_kinematics(gait.take.rotations, gait.take.pelvis)
    chords = positions[:, _HIPS] - positions[:, _ANKLES]
    mask = standing_mask(gait)
    if not mask.any():
        return gait

    def mean_flexion(drop: float) -> float:
        length = np.linalg.norm(chords - drop * _UP, axis=-1)[mask]
        return float(knee_angle(length).mean())

    wanted = usual + degrees
    if mean_flexion(0.0) >= wanted:
        return gait
    drop = MAX_CROUCH
    if mean_flexion(MAX_CROUCH) > wanted:
        drop = brentq(lambda d: mean_flexion(d) - wanted, 0.0, MAX_CROUCH, xtol=1e-5)
    return gait.with_feet(Feet.of(gait.take), Take(gait.take.pelvis - drop * _UP, gait.take.rotations))


def knee_angle(chord: Array) -> Array:
    """Flexion in degrees, 0 for a straight leg, of legs whose hips and ankles are ``chord`` metres apart."""
    cosine = (_THIGH**2 + _SHANK**2 - chord**2) / (2 * _THIGH * _SHANK)
    return 180 - np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def stance_knee_flexion(gait: Gait) -> float:
    """Degrees, mean over standing legs; NaN where no foot stands."""
    positions, _ = forward_kinematics(gait.take.rotations, gait.take.pelvis)
    length = np.linalg.norm(positions[:, _HIPS] - positions[:, _ANKLES], axis=-1)[standing_mask(gait)]
    return float(knee_angle(length).mean()) if len(length) else float("nan")


def travel(root: Root) -> Array:
    """(T, 2) unit vectors of the way the root goes; where it stands, the way it faces."""
    step = np.gradient(root.position, axis=0)
    length = np.linalg.norm(step, axis=-1, keepdims=True)
    facing = rot.rotate_ground(root.heading, np.broadcast_to(np.array([0.0, 1.0]), step.shape))
    return np.where(length > 0.003, step / np.maximum(length, 1e-9), facing)
