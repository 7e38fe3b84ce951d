"""Finding a rig's T-pose: how each of its bones is oriented while the character stands in the canonical T-pose.

Three ways, from the surest to the least sure:
- the file holds a T-pose or A-pose (its rest pose, or the first frame of some file of the set): the torso is taken
  as upright, and each limb bone is turned by the smallest rotation from where it points to where the canonical one
  does, down the hierarchy;
- the rig is known, and how its bone axes lie is written down here (Bandai-Namco, Character Creator);
- there is neither: the same smallest rotations from upright frames of the motion, averaged, and the twist of thighs
  and upper arms set so that knees and elbows bend about the canonical hinge axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from strut_model import rotations as rot
from strut_model.bvh import Bvh, compose
from strut_model.mapping import UNITS, BoneMap
from strut_model.skeleton import JOINT_INDEX, JOINTS, REST_OFFSETS

Array = NDArray[np.floating]

_J = JOINT_INDEX
_LEFT, _UP, _FORWARD = np.eye(3)
_IDENTITY = np.array([0.0, 0.0, 0.0, 1.0])
_REST = REST_OFFSETS.astype(np.float64)

CANONICAL_LEG = float(np.linalg.norm(_REST[_J["left_knee"]]) + np.linalg.norm(_REST[_J["left_ankle"]]))
"""Metres from the hip joint to the ankle joint along the canonical leg."""
TYPICAL_LEG = 0.82
"""Metres, hip to ankle of an adult: what a file's unit is guessed by."""

# Child whose place tells where a joint's bone points.
_AIM: Mapping[str, str] = {
    "hip": "knee",
    "knee": "ankle",
    "shoulder": "elbow",
    "elbow": "wrist",
}


class CalibrationError(ValueError):
    """No T-pose could be found for a rig; the message says what was tried."""


@dataclass(frozen=True)
class Calibration:
    """How the rigs of one family go onto the canonical skeleton, whatever their bone lengths and extra bones.

    Attributes:
        t_pose: (22, 4) global orientation of each joint's source bone in the canonical T-pose, Y-up world.
        to_y_up: (4,) rotation from the file's world to the Y-up world.
        method: how the T-pose was found: rest, first-frame, axes:bandai-namco or upright.
        up: "y" or "z", the file's vertical.
    """

    t_pose: Array
    to_y_up: Array
    method: str
    up: str


@dataclass(frozen=True)
class RigPoses:
    """Poses of a rig by canonical joint; joints without a source bone hold zeros and identities.

    Attributes:
        positions: (T, 22, 3) world, in units of the rig's leg length, so that rigs can be put side by side.
        orientations: (T, 22, 4) world, of the source bones.
        mapped: (22,) which joints have a source bone.
    """

    positions: Array
    orientations: Array
    mapped: NDArray[np.bool_]

    def frames(self, which: NDArray[np.int64] | slice) -> RigPoses:
        """Some of the frames."""
        return RigPoses(self.positions[which], self.orientations[which], self.mapped)

    def turned(self, rotation: Array) -> RigPoses:
        """In a world turned by a quaternion (4,)."""
        return RigPoses(
            rot.rotate(np.broadcast_to(rotation, self.orientations.shape), self.positions),
            rot.multiply(np.broadcast_to(rotation, self.orientations.shape), self.orientations),
            self.mapped,
        )

    @staticmethod
    def concatenate(parts: Sequence[RigPoses]) -> RigPoses:
        """One after another; a joint counts as mapped where all have it."""
        return RigPoses(
            np.concatenate([p.positions for p in parts]),
            np.concatenate([p.orientations for p in parts]),
            np.logical_and.reduce([p.mapped for p in parts]),
        )


def _by_joint(bvh: Bvh, bones: BoneMap, positions: Array, orientations: Array) -> RigPoses:
    mapped = bones.joints >= 0
    p = np.where(mapped[:, None], positions[:, bones.joints], 0.0) / leg_length(bvh, bones)
    return RigPoses(p, np.where(mapped[:, None], orientations[:, bones.joints], _IDENTITY), mapped)


def rest_pose(bvh: Bvh, bones: BoneMap) -> RigPoses:
    """A file's rest pose: all rotations zero."""
    identity = np.tile(_IDENTITY, (1, len(bvh.names), 1))
    return _by_joint(bvh, bones, *compose(bvh.parents, bvh.offsets[None].copy(), identity))


def motion_poses(bvh: Bvh, bones: BoneMap) -> RigPoses:
    """All frames of a file."""
    return _by_joint(bvh, bones, *bvh.forward_kinematics())


def guess_up(poses: RigPoses) -> str:
    """ "y" or "z": the axis along which the head is above the feet in most frames."""
    feet = poses.positions[:, [_J["left_ankle"], _J["right_ankle"]]].mean(axis=1)
    rise = np.median(poses.positions[:, _J["head"]] - feet, axis=0)
    return "y" if rise[1] >= rise[2] else "z"


def up_rotation(up: str) -> Array:
    """Quaternion (4,) from a world whose vertical is `up` ("y" or "z") to the Y-up world."""
    return _IDENTITY.copy() if up == "y" else rot.from_axis_angle(np.array([-np.pi / 2, 0.0, 0.0]))


def leg_length(bvh: Bvh, bones: BoneMap) -> float:
    """Hip to ankle along a file's legs, file units; the mean of both legs (all bones in between count)."""
    total = 0.0
    for side in ("left", "right"):
        joint, top = bones.joints[_J[f"{side}_ankle"]], bones.joints[_J[f"{side}_hip"]]
        while joint != top:
            total += float(np.linalg.norm(bvh.offsets[joint]))
            joint = bvh.parents[joint]
    if total <= 0:
        raise CalibrationError(f"{bvh.source}: the legs have no length, expected offsets of knees and ankles")
    return total / 2


def guess_units(leg: float) -> str:
    """The unit in which a leg of that many file units is nearest to a person's."""
    return min(UNITS, key=lambda unit: abs(np.log(leg * UNITS[unit] / TYPICAL_LEG)))


def check_units(leg: float, metres_per_unit: float | None) -> float:
    """Leg length in metres, with the unit that the user says or the likeliest.

    Raises:
        CalibrationError: no person has such legs.
    """
    metres = leg * (UNITS[guess_units(leg)] if metres_per_unit is None else metres_per_unit)
    if not 0.25 <= metres <= 2.0:
        raise CalibrationError(
            f"units: the legs are {metres:.3g} m long, allowed .25 to 2; say units (m, cm, mm, inch)"
        )
    return metres


def rig_signature(bvh: Bvh, bones: BoneMap) -> str:
    """A name for rigs that one calibration fits: the same bone names, and the limbs along the same local axes.

    Bone lengths and extra bones (a root above, fingers) make no difference.
    """
    parts = []
    for joint, index in enumerate(bones.joints):
        if index < 0:
            continue
        offset = bvh.offsets[index]
        axis = ""
        if joint in (_J["left_knee"], _J["left_ankle"], _J["left_elbow"], _J["left_wrist"]):
            largest = int(np.abs(offset).argmax())
            axis = f"{'+' if offset[largest] >= 0 else '-'}{'xyz'[largest]}"
        parts.append(f"{joint}={bvh.names[index]}{axis}")
    return ";".join(parts)


def _directions(poses: RigPoses) -> dict[str, Array]:
    """Unit directions (T, 3) of the limb bones that can be seen, and the body's left and up."""
    positions, mapped = poses.positions, poses.mapped

    def unit(start: str, end: str) -> Array:
        v = positions[:, _J[end]] - positions[:, _J[start]]
        return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)

    table = {}
    for side in ("left", "right"):
        for joint, child in _AIM.items():
            if mapped[_J[f"{side}_{child}"]]:
                table[f"{side}_{joint}"] = unit(f"{side}_{joint}", f"{side}_{child}")
    table["left"] = unit("right_hip", "left_hip") + unit("right_shoulder", "left_shoulder")
    table["left"] /= np.maximum(np.linalg.norm(table["left"], axis=-1, keepdims=True), 1e-12)
    table["up"] = unit("pelvis", "neck" if mapped[_J["neck"]] else "head")
    return table


def _degrees_between(a: Array, b: Array) -> Array:
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=-1), -1.0, 1.0)))


def t_pose_error(poses: RigPoses) -> Array:
    """How far poses (Y-up world) are from a T-pose or A-pose.

    Returns:
        (T,) degrees of the worst limb beyond what such a pose allows: 0 for a T-pose or an A-pose with arms up to 60
        degrees down and slightly bent elbows; a person with hanging arms, or a heap of bones, has far more.
    """
    d = _directions(poses)
    left = d["left"] * [1, 0, 1]
    left /= np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-12)
    errors = [_degrees_between(d["up"], np.broadcast_to(_UP, d["up"].shape)) - 15]
    elevations = []
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for bone in ("hip", "knee"):
            errors.append(_degrees_between(d[f"{side}_{bone}"], np.broadcast_to(-_UP, left.shape)) - 18)
        errors.append(_degrees_between(d[f"{side}_hip"], d[f"{side}_knee"]) - 12)
        arm = d[f"{side}_shoulder"]
        elevations.append(np.degrees(np.arcsin(np.clip(arm[:, 1], -1, 1))))
        flat = arm * [1, 0, 1]
        flat /= np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-12)
        errors += [_degrees_between(flat, sign * left) - 20, elevations[-1] - 12, -elevations[-1] - 60]
        if f"{side}_elbow" in d:
            errors.append(_degrees_between(arm, d[f"{side}_elbow"]) - 35)
    errors.append(np.abs(elevations[0] - elevations[1]) - 10)
    return np.maximum(np.max(errors, axis=0), 0.0)


def canonical_orientations(poses: RigPoses) -> Array:
    """Canonical global orientations of upright poses in the Y-up world, by smallest rotations down the limbs.

    The torso is taken as upright and facing where hips and shoulders do, the soles as flat, the toes as pointing where
    the foot does on the ground.

    Returns:
        (T, 22, 4).
    """
    d = _directions(poses)
    yaw = rot.heading_rotation(np.arctan2(-d["left"][:, 2], d["left"][:, 0]))
    world = np.repeat(yaw[:, None].astype(np.float64), JOINTS, axis=1)
    for side in ("left", "right"):
        for upper, lower in (("hip", "knee"), ("shoulder", "elbow")):
            parent = yaw
            for bone in (upper, lower):
                name = f"{side}_{bone}"
                if name in d:
                    rest = _REST[_J[f"{side}_{_AIM[bone]}"]]
                    aim = rot.rotate(parent, np.broadcast_to(rest / np.linalg.norm(rest), d[name].shape))
                    world[:, _J[name]] = rot.multiply(rot.between(aim, d[name]), parent)
                else:
                    world[:, _J[name]] = parent
                parent = world[:, _J[name]]
        world[:, _J[f"{side}_wrist"]] = world[:, _J[f"{side}_elbow"]]
        foot = _foot_yaw(poses, side, yaw)
        world[:, _J[f"{side}_ankle"]] = foot
        world[:, _J[f"{side}_foot"]] = foot
    return world


def _foot_yaw(poses: RigPoses, side: str, body: Array) -> Array:
    """Heading rotations (T, 4) of a foot on the ground; the body's where the rig has no toes."""
    ankle, toe = _J[f"{side}_ankle"], _J[f"{side}_foot"]
    if not poses.mapped[toe]:
        return body
    v = poses.positions[:, toe] - poses.positions[:, ankle]
    heading = np.arctan2(v[:, 0], v[:, 2])
    facing = rot.heading_of(body)
    # A toe bone straight below the ankle has no heading; feet beyond 45 degrees are no standing pose.
    turn = np.clip(rot.wrap_angle(heading - facing), -np.pi / 4, np.pi / 4)
    length = np.linalg.norm(v, axis=-1)
    return rot.heading_rotation(np.where(np.hypot(v[:, 0], v[:, 2]) > 0.3 * length, facing + turn, facing))


def mean_rotation(q: Array) -> Array:
    """Mean quaternion (4,) of (N, 4), by the largest eigenvector of their outer products (Markley 2007)."""
    return rot.normalise(np.linalg.eigh(q.T @ q)[1][:, -1])


def t_pose_from(poses: RigPoses) -> Array:
    """Bone orientations in the canonical T-pose (22, 4), averaged over upright poses (T >= 1) in the Y-up world."""
    canonical = canonical_orientations(poses)
    bones = rot.multiply(rot.inverse(canonical), poses.orientations)
    return np.stack([mean_rotation(bones[:, j]) if poses.mapped[j] else _IDENTITY for j in range(JOINTS)])


def calibrate(
    rest: RigPoses,
    starts: RigPoses,
    motion: RigPoses,
    profile: str = "",
    t_pose: str | None = None,
    up: str | None = None,
    source: str = "rig",
) -> Calibration:
    """Calibrate one family of rigs.

    Args:
        rest: rest poses, in the file's world.
        starts: first frames of as many files as there are: any of them may hold the T-pose.
        motion: frames of a few files, for the vertical, hinge axes and upright frames.
        profile: the naming scheme that the bones matched; a rig that is known by its axes is taken so.
        t_pose: "rest", "first-frame", "upright", "axes:bandai-namco", "axes:character-creator", or None to look: a rig
            that is known by its axes and has no T-pose (Bandai-Namco) first, then rest and first frames, then the
            axes of Character Creator where the bones lie along them, then upright frames.
        up: "y" or "z", or None to guess.
        source: name for messages.

    Raises:
        CalibrationError: no upright pose was found, or the pose asked for is no T-pose.
    """
    up = up or guess_up(motion)
    to_y_up = up_rotation(up)
    motion = motion.turned(to_y_up)
    if t_pose == "axes:bandai-namco" or (t_pose is None and profile == "bandai-namco"):
        return Calibration(bandai_t_pose(), to_y_up, "axes:bandai-namco", up)
    # The rest pose can stand Y up in a file whose motion is Z up, the root turning it over, or the other way round.
    options = [
        ("rest", rest.turned(to_y_up)),
        ("rest", rest.turned(up_rotation("z" if up == "y" else "y"))),
        ("first-frame", starts.turned(to_y_up)),
    ]
    for method, poses in options:
        if t_pose in (None, method):
            errors = t_pose_error(poses)
            best = int(errors.argmin())
            # Whoever says which pose it is may take one that strays further than a guess does.
            if errors[best] <= (0.0 if t_pose is None else 30.0):
                found = t_pose_from(poses.frames(slice(best, best + 1)))
                return Calibration(align_hinges(found, motion), to_y_up, method, up)
    if t_pose in ("rest", "first-frame"):
        raise CalibrationError(f"{source}: t_pose is {t_pose!r}, but that pose is no T-pose or A-pose")
    creator = "axes:character-creator"
    if t_pose == creator or (t_pose is None and profile == "character-creator" and _fits(CREATOR_T_POSE, motion)):
        return Calibration(align_hinges(CREATOR_T_POSE, motion), to_y_up, creator, up)
    return Calibration(align_hinges(_from_upright(motion, source), motion), to_y_up, "upright", up)


def _fits(t_pose: Array, motion: RigPoses, degrees: float = 15.0) -> bool:
    """Whether limbs point where a rig's known axes say, on average over a motion in the Y-up world."""
    seen = _directions(motion)
    for name, direction in seen.items():
        if name in ("left", "up"):
            continue
        joint = _J[name]
        side, bone = name.split("_")
        along = _REST[_J[f"{side}_{_AIM[bone]}"]]
        frame = rot.multiply(
            motion.orientations[:, joint], np.broadcast_to(rot.inverse(t_pose[joint]), (len(direction), 4))
        )
        said = rot.rotate(frame, np.broadcast_to(along / np.linalg.norm(along), direction.shape))
        if np.median(_degrees_between(said, direction)) > degrees:
            return False
    return True


UPRIGHT_TOLERANCE = 14.0
"""Degrees: mean tilt of torso and legs up to which a frame serves as a reference for calibration."""


def _from_upright(motion: RigPoses, source: str) -> Array:
    """T-pose orientations from the most upright frames of a motion in the Y-up world."""
    d = _directions(motion)
    tilt = _degrees_between(d["up"], np.broadcast_to(_UP, d["up"].shape))
    for side in ("left", "right"):
        for bone in ("hip", "knee"):
            tilt = tilt + _degrees_between(d[f"{side}_{bone}"], np.broadcast_to(-_UP, d["up"].shape))
    tilt = tilt / 5
    order = np.argsort(tilt)[: max(1, min(200, len(tilt) // 20))]
    order = order[tilt[order] <= UPRIGHT_TOLERANCE]
    if not len(order):
        raise CalibrationError(
            f"{source}: no T-pose and no upright frame (the best is tilted by {tilt.min():.0f} degrees, allowed "
            f"{UPRIGHT_TOLERANCE:.0f}); say t_pose, up or joints in a mapping file"
        )
    return t_pose_from(motion.frames(order))


# (upper bone, lower bone, canonical hinge axis about which the lower one bends)
_HINGES: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("left_hip", "left_knee", (1, 0, 0)),
    ("right_hip", "right_knee", (1, 0, 0)),
    ("left_shoulder", "left_elbow", (0, -1, 0)),
    ("right_shoulder", "right_elbow", (0, 1, 0)),
)


def align_hinges(t_pose: Array, motion: RigPoses) -> Array:
    """Twist thighs and upper arms so that knees and elbows bend about the canonical hinge axes.

    Rigs with the same T-pose differ here: with palms down, elbows point back in one and half down in the next.

    Args:
        t_pose: (22, 4) bone orientations in the T-pose.
        motion: frames in the Y-up world; joints that bend too little in them stay as they are.

    Returns:
        (22, 4).
    """
    t_pose = t_pose.copy()
    d = _directions(motion)
    for upper, lower, hinge in _HINGES:
        if lower not in d:
            continue
        bend = _degrees_between(d[upper], d[lower])
        bent = bend > 30
        if bent.sum() < 10:
            continue
        # The axis of the bend, seen in the upper bone's canonical frame.
        frame = rot.multiply(
            motion.orientations[bent][:, _J[upper]],
            np.broadcast_to(rot.inverse(t_pose[_J[upper]]), (int(bent.sum()), 4)),
        )
        axis = np.cross(d[upper][bent], d[lower][bent])
        axis = rot.rotate(rot.inverse(frame), axis / np.linalg.norm(axis, axis=-1, keepdims=True)).mean(axis=0)
        along = _REST[_J[lower]] / np.linalg.norm(_REST[_J[lower]])
        axis = axis - axis.dot(along) * along
        if np.linalg.norm(axis) < 0.5:
            continue  # it bends about no steady axis: better no correction than a wrong one
        angle = np.arctan2(along.dot(np.cross(axis, hinge)), axis.dot(hinge))
        twist = rot.from_axis_angle(along * angle)
        # Everything below turns with the upper bone, else the twist would reappear at the next joint.
        side = upper.split("_")[0]
        below = ("hip", "knee") if "hip" in upper else ("shoulder", "elbow", "wrist")
        for name in below:
            t_pose[_J[f"{side}_{name}"]] = rot.multiply(twist, t_pose[_J[f"{side}_{name}"]])
    return t_pose


def axes_rotation(first: Array, second: Array) -> Array:
    """Quaternion (4,) of the frame whose X axis is `first` (3,) and whose Y axis is nearest to `second` (3,)."""
    x = np.asarray(first, dtype=np.float64) / np.linalg.norm(first)
    y = np.asarray(second, dtype=np.float64) - np.dot(second, x) * x
    y /= np.linalg.norm(y)
    return Rotation.from_matrix(np.stack([x, y, np.cross(x, y)], axis=1)).as_quat()


# Bandai-Namco's bones lie along their local X (the right side's along -X, both sides' hinges alike), and the file's
# rest pose is a heap. In its T-pose the frames are: torso X up, limbs X along (left) or against (right) the bone,
# legs Y to the left, arms Y up (left) or down (right). Found from the rig's own offsets, from the axes about which
# knees and elbows turn, and from the upright frames of the clips.
_FOOT = REST_OFFSETS[JOINT_INDEX["left_foot"]].astype(np.float64)
# The toe bone is bent against the foot by this angle (about its Y) when the sole is flat: the median of 8,000
# stance frames, spread 1.4 degrees.
_BANDAI_TOE_BEND = -16.85

BANDAI_AXES: Mapping[str, tuple[Array, Array]] = {
    "pelvis": (_UP, -_LEFT),
    "spine1": (_UP, _FORWARD),
    "spine3": (_UP, _FORWARD),
    "neck": (_UP, _FORWARD),
    "head": (_UP, _FORWARD),
    "left_collar": (_LEFT, _UP),
    "left_shoulder": (_LEFT, _UP),
    "left_elbow": (_LEFT, _UP),
    "left_wrist": (_LEFT, _UP),
    "right_collar": (_LEFT, -_UP),
    "right_shoulder": (_LEFT, -_UP),
    "right_elbow": (_LEFT, -_UP),
    "right_wrist": (_LEFT, -_UP),
    "left_hip": (-_UP, _LEFT),
    "left_knee": (-_UP, _LEFT),
    "left_ankle": (_FOOT, _LEFT),
    "left_foot": (_FOOT, _LEFT),
    "right_hip": (_UP, _LEFT),
    "right_knee": (_UP, _LEFT),
    "right_ankle": (-_FOOT, _LEFT),
    "right_foot": (-_FOOT, _LEFT),
}
"""Directions of each bone's X and Y axis in the canonical T-pose."""


def bandai_t_pose() -> Array:
    """Bone orientations (22, 4) of the Bandai-Namco rig in the canonical T-pose."""
    t_pose = np.tile(_IDENTITY, (JOINTS, 1))
    for name, (first, second) in BANDAI_AXES.items():
        t_pose[_J[name]] = axes_rotation(first, second)
    bend = rot.from_euler(np.array([_BANDAI_TOE_BEND]), "y")
    for name in ("left_foot", "right_foot"):
        t_pose[_J[name]] = rot.multiply(t_pose[_J[name]], bend)
    return t_pose


_CREATOR: Mapping[str, tuple[float, float, float, float]] = {
    "pelvis": (0.1025, -0.0001, -0.0017, 0.9947),
    "left_hip": (-0.0042, 0.0034, 1.0000, 0.0023),
    "right_hip": (-0.0026, -0.0033, -1.0000, 0.0024),
    "spine1": (0.1412, 0.0000, 0.0000, 0.9900),
    "left_knee": (-0.0038, -0.0033, 1.0000, 0.0032),
    "right_knee": (-0.0023, 0.0032, -1.0000, 0.0032),
    "spine2": (-0.0437, 0.0000, 0.0000, 0.9990),
    "left_ankle": (-0.0016, 0.6229, 0.7823, 0.0068),
    "right_ankle": (0.0001, -0.6230, -0.7822, 0.0056),
    "spine3": (-0.0900, 0.0000, 0.0000, 0.9959),
    "left_foot": (-0.0322, 0.7410, 0.6707, 0.0071),
    "right_foot": (-0.0307, -0.7411, -0.6707, 0.0056),
    "neck": (0.0978, 0.0000, 0.0000, 0.9952),
    "left_collar": (-0.0901, 0.0942, -0.6911, 0.7110),
    "right_collar": (-0.0900, -0.0941, 0.6911, 0.7109),
    "head": (-0.0001, 0.0000, 0.0000, 1.0000),
    "left_shoulder": (0.1898, 0.1896, -0.6932, 0.6689),
    "right_shoulder": (0.1917, -0.1893, 0.6933, 0.6684),
    "left_elbow": (0.1911, 0.1883, -0.6912, 0.6710),
    "right_elbow": (0.1930, -0.1880, 0.6913, 0.6705),
    "left_wrist": (0.1646, 0.2131, -0.7120, 0.6485),
    "right_wrist": (0.1656, -0.2138, 0.7119, 0.6481),
}
"""Bone orientations of Character Creator's rig (which CMU's clips come on) in the canonical T-pose: the mean of the
first frames of eight clips that begin in it (007_03 to 007_11), which agree within .2 degrees."""
CREATOR_T_POSE: Array = rot.normalise(np.array(list(_CREATOR.values())))
