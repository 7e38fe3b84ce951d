"""Operators on the upper body: trunk lean and sway, stooping, arms and gaze.

Each is monotone in its amount and gives back the gait itself where that is neutral. Angles are degrees. The feet stay
where they are: legs are bent anew wherever hips move.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import brentq

from strut_model import rotations as rot
from strut_model.data.synthesis.takes import Array, Take
from strut_model.scene.gait import Feet, Gait, about, axes, turned
from strut_model.skeleton import FPS, JOINT_INDEX, forward_kinematics

_J = JOINT_INDEX
_SHARES = {_J["pelvis"]: 0.3, _J["spine1"]: 0.55, _J["spine2"]: 0.8, _J["spine3"]: 1.0}
"""How much of the lean the world orientation of each joint takes."""
_HANGING = 0.3
"""Share of the lean that neck and upper arms take: arms hang by their weight."""
_FIRST_GAIN = 1.5
"""Lean of the chest for one degree of the line from pelvis to neck, as the shares give it for an upright trunk."""
HEAD_TOP = 0.19
"""Metres from the head's joint to the top of the head."""
HEADROOM = 0.03
"""Metres that people keep below what is overhead."""
STOOP_DEGREES, STOOP_CROUCH = 60.0, 0.32
"""Lean and lowering of the pelvis of the deepest stoop."""
_COUNTERWEIGHT = 0.21
"""Metres that the hips go back per sine of a stoop: .6 of the body's mass, .35 m above them, stays over the feet."""
_ARMS = (("left", 1.0), ("right", -1.0))
FREE_ABDUCTION, WIDEST_ABDUCTION = 30.0, 90.0
"""Up to the one an arm is lifted in full; at the other not at all: arms that are up already stay."""
CLOSEST_ABDUCTION = 3.0
LARGEST_ELBOW = 130.0
FREE_GAZE, LOWEST_GAZE = 45.0, 80.0
"""Degrees below the horizon up to which the head still turns down in full, and at which not at all."""


def trunk_lean(gait: Gait, forward: float, side: float = 0.0, sway: float = 0.0, period: float = 8.0) -> Gait:
    """The trunk inclined: the mean line from pelvis to neck leans that much more, the head keeps its direction.

    Uphill forward, downhill back (direction; Leroux, Fung and Barbeau 2002, Gait Posture 15:64); against wind by
    statics (`effects.wind`); back without sight (direction; Hallemans et al. 2009, Gait Posture 30:307). Range used:
    -15 to 25 degrees; amounts by `effects`.

    Args:
        gait: frames.
        forward, side: degrees ahead and to the left.
        sway: degrees, amplitude of rolling to the left and right.
        period: seconds of that rolling.
    """
    if forward == 0 and side == 0 and sway == 0:
        return gait
    wave = np.sin(2 * np.pi * np.arange(gait.frames) / (FPS * period))
    before = lean_angles(gait.take).mean(axis=0)
    gains = np.array([_FIRST_GAIN, _FIRST_GAIN])
    wanted = np.array([forward, side])
    leaning = gait.take
    for _ in range(3):
        leaning = _leaning(gait.take, gains[0] * forward, gains[1] * side + _FIRST_GAIN * sway * wave)
        if sway:
            break
        found = lean_angles(leaning).mean(axis=0) - before
        off = np.abs(wanted) > 0.1
        gains[off] *= np.clip(wanted[off] / np.where(np.abs(found[off]) > 0.01, found[off], wanted[off]), 0.7, 1.5)
    return gait.with_feet(Feet.of(gait.take), leaning)


def lean_angles(take: Take) -> Array:
    """(T, 2) degrees by which the line from pelvis to neck leans ahead and to the left of the root's heading."""
    positions, _ = forward_kinematics(take.rotations, take.pelvis)
    trunk = positions[:, _J["neck"]] - positions[:, _J["pelvis"]]
    left, ahead = axes(take.root())
    up = np.maximum(trunk[:, 1], 1e-6)
    return np.degrees(np.arctan2(np.stack(((trunk * ahead).sum(-1), (trunk * left).sum(-1)), axis=-1), up[:, None]))


def _leaning(take: Take, forward: float | Array, side: float | Array, head: float = 0.0) -> Take:
    """The spine turned; ``head`` is the share that the head takes."""
    left, ahead = axes(take.root())
    vector = left * np.broadcast_to(np.radians(forward), len(left))[:, None]
    vector = vector - ahead * np.broadcast_to(np.radians(side), len(ahead))[:, None]
    shares = {**_SHARES, _J["neck"]: max(_HANGING, 0.5 * (1 + head) * head), _J["head"]: head}
    shares |= {_J[f"{name}_shoulder"]: _HANGING for name, _ in _ARMS}
    return turned(take, {joint: rot.from_axis_angle(share * vector) for joint, share in shares.items()})


def duck(gait: Gait, ceiling: float, alpha: float = 1.0) -> Gait:
    """Stooped and crouched so that the head stays below a ceiling.

    Walking bent goes with flexed hips and knees (direction; Grasso, Zago and Lacquaniti 2000, J Neurophysiol 83:288).
    How far the head has to come down is geometry; it does so by trunk and knees together, hips going back as a
    counterweight.

    Args:
        gait: frames.
        ceiling: metres of free height.
        alpha: share of what is needed.
    """
    top = head_top(gait.take)
    need = alpha * (top - (ceiling - HEADROOM))
    if need <= 0:
        return gait
    take = gait.take

    def lowered(depth: float) -> float:
        return top - head_top(_stooped(take, depth)) - need

    depth = 1.0 if lowered(1.0) < 0 else brentq(lowered, 0.0, 1.0, xtol=1e-3)
    return gait.with_feet(Feet.of(take), _stooped(take, depth))


def head_top(take: Take) -> float:
    """Metres, the greatest height of the top of the head."""
    positions, orientations = forward_kinematics(take.rotations, take.pelvis)
    head = _J["head"]
    up = rot.rotate(orientations[:, head], np.broadcast_to(np.array([0.0, HEAD_TOP, 0.0]), take.pelvis.shape))
    return float((positions[:, head, 1] + up[:, 1]).max())


def _stooped(take: Take, depth: float) -> Take:
    degrees = depth * STOOP_DEGREES
    leaning = _leaning(take, degrees, 0.0, head=0.5)
    _, ahead = axes(take.root())
    back = _COUNTERWEIGHT * np.sin(np.radians(degrees))
    down = np.array([0.0, depth * STOOP_CROUCH, 0.0])
    return Take(take.pelvis - back * ahead - down, leaning.rotations)


def arm_abduction(gait: Gait, degrees: float) -> Gait:
    """Upper arms lifted sideways by ``degrees``; drawn in where negative. Arms that are up already stay.

    Arms take part in balance on slippery floors (direction; Cappellini et al. 2010, J Neurophysiol 103:746) and on
    beams (direction; Muehlbauer et al. 2022, Front Hum Neurosci 16:854823). Range used: -12 to 60 degrees, chosen.
    """
    if degrees == 0:
        return gait
    before = abduction(gait.take)
    moved = _abducted(gait.take, before, degrees)
    if degrees > 0:
        # Arms before or behind the body go outwards by less than they turn.
        found = float((abduction(moved) - before).mean())
        moved = _abducted(gait.take, before, degrees * float(np.clip(degrees / max(found, 1e-6), 1.0, 1.35)))
    return replace(gait, take=moved)


def _abducted(take: Take, before: Array, degrees: float) -> Take:
    _, ahead = axes(take.root())
    turns = {}
    for (name, sign), angle in zip(_ARMS, before.T, strict=True):
        if degrees > 0:
            room = np.clip((WIDEST_ABDUCTION - angle) / (WIDEST_ABDUCTION - FREE_ABDUCTION), 0.0, 1.0)
            change = degrees * room
        else:
            # Arms come in no further than to the body: each frame's own room, so that the swing goes on.
            change = -np.minimum(-degrees, np.maximum(angle - CLOSEST_ABDUCTION, 0.0) * 0.8)
        turns[_J[f"{name}_shoulder"]] = about(ahead, sign * change)
    return turned(take, turns)


def abduction(take: Take) -> Array:
    """(T, 2) degrees by which the left and the right upper arm point outwards."""
    positions, _ = forward_kinematics(take.rotations, take.pelvis)
    left, _ = axes(take.root())
    columns = []
    for name, sign in _ARMS:
        arm = positions[:, _J[f"{name}_elbow"]] - positions[:, _J[f"{name}_shoulder"]]
        outward = sign * (arm * left).sum(axis=-1) / np.linalg.norm(arm, axis=-1)
        columns.append(np.degrees(np.arcsin(np.clip(outward, -1, 1))))
    return np.stack(columns, axis=-1)


def elbow_flexion(gait: Gait, degrees: float) -> Gait:
    """Elbows bent ``degrees`` more, up to `LARGEST_ELBOW`: forearms before the body in cold and rain, above deep water.

    No measurement of it is known to us; the amounts, 0 to 60 degrees, are chosen.
    """
    if degrees == 0:
        return gait
    rotations = gait.take.rotations.copy()
    for (name, sign), angle in zip(_ARMS, elbow_angles(gait.take).T, strict=True):
        more = np.clip(LARGEST_ELBOW - angle, 0.0, degrees)
        hinge = np.broadcast_to(np.array([0.0, -sign, 0.0]), gait.take.pelvis.shape)
        joint = _J[f"{name}_elbow"]
        rotations[:, joint] = rot.normalise(rot.multiply(about(hinge, more), rotations[:, joint]))
    return replace(gait, take=Take(gait.take.pelvis, rotations))


def elbow_angles(take: Take) -> Array:
    """(T, 2) degrees between upper arm and forearm, 0 for a straight arm."""
    positions, _ = forward_kinematics(take.rotations, take.pelvis)
    columns = []
    for name, _ in _ARMS:
        shoulder, elbow, wrist = (positions[:, _J[f"{name}_{part}"]] for part in ("shoulder", "elbow", "wrist"))
        upper, lower = elbow - shoulder, wrist - elbow
        cosine = (upper * lower).sum(-1) / (np.linalg.norm(upper, axis=-1) * np.linalg.norm(lower, axis=-1))
        columns.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return np.stack(columns, axis=-1)


def gaze(gait: Gait, degrees: float) -> Gait:
    """The head turned down by ``degrees``, two fifths of it by the neck.

    On rocks gaze goes from the horizon to 30 to 60 degrees below it (measured; Muller et al. 2023, eLife 12:e82410); on
    natural terrain it keeps a constant time ahead (Matthis, Yates and Hayhoe 2018, Curr Biol 28:1224). The eyes do the
    rest, so the head's share, 0 to 30 degrees, is chosen.
    """
    if degrees == 0:
        return gait
    left, _ = axes(gait.take.root())
    # Heads that hang already have nowhere to go.
    room = np.clip((LOWEST_GAZE - gaze_pitch(gait.take)) / (LOWEST_GAZE - FREE_GAZE), 0.0, 1.0)
    turns = {_J["neck"]: about(left, 0.4 * degrees * room), _J["head"]: about(left, degrees * room)}
    return replace(gait, take=turned(gait.take, turns))


def gaze_pitch(take: Take) -> Array:
    """(T,) degrees by which the head points below the horizon."""
    _, orientations = forward_kinematics(take.rotations, take.pelvis)
    ahead = rot.rotate(orientations[:, _J["head"]], np.broadcast_to(np.array([0.0, 0.0, 1.0]), take.pelvis.shape))
    return np.degrees(np.arcsin(np.clip(-ahead[:, 1], -1, 1)))
