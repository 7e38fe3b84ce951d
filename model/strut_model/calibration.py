"""Finding a rig's T-pose: how each of its bones is oriented while the character stands in the canonical T-pose.

Three ways, from the surest to the least sure:
- the file holds a T-pose or A-pose (its rest pose, or the first frame of some file of the set): the torso is taken
  as upright, and each limb bone is turned by the smallest rotation from where it points to where the canonical one
  does, down the hierarchy;
- the rig is known, and how its bone axes lie is written down here (Bandai-Namco);
- there is neither: the same smallest rotations from upright frames of the motion, averaged, and the twist of thighs
  and upper arms set so that knees and elbows bend about the canonical hinge axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from strut_model import rotations as rot
from strut_model.bvh import Bvh, compose
from strut_model.mapping import UNITS, BoneMap, MappingFile
from strut_model.skeleton import JOINT_INDEX, JOINTS, REST_OFFSETS

Array = NDArray[np.float64]

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
    """How one rig goes onto the canonical skeleton.

    Attributes:
        joints: (22,) index of the source joint per canonical joint, -1 where the rig has none.
        t_pose: (22, 4) global orientation of that source joint in the canonical T-pose, in the Y-up world.
        scale: metres of the canonical skeleton per file unit.
        to_y_up: (4,) rotation from the file's world to the Y-up world.
        method: how the T-pose was found, for reports.
        notes: what was assumed on the way, for reports.
    """

    joints: NDArray[np.int64]
    t_pose: Array
    scale: float
    to_y_up: Array
    method: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RigPoses:
    """Poses of one rig to look for a T-pose in.

    Attributes:
        positions: (T, J, 3) file units, world.
        orientations: (T, J, 4) world.
    """

    positions: Array
    orientations: Array

    def frames(self, which: NDArray[np.int64] | slice) -> RigPoses:
        """Some of the frames."""
        return RigPoses(self.positions[which], self.orientations[which])

    def turned(self, rotation: Array) -> RigPoses:
        """In a world turned by a quaternion (4,)."""
        turn = Rotation.from_quat(rotation)
        shape = self.positions.shape
        return RigPoses(
            turn.apply(self.positions.reshape(-1, 3)).reshape(shape),
            rot.multiply(np.broadcast_to(rotation, self.orientations.shape), self.orientations),
        )

    @staticmethod
    def concatenate(parts: Sequence[RigPoses]) -> RigPoses:
        """One after another."""
        return RigPoses(
            np.concatenate([p.positions for p in parts]), np.concatenate([p.orientations for p in parts])
        )


def rest_pose(bvh: Bvh) -> RigPoses:
    """A file's rest pose: all rotations zero."""
    identity = np.tile(_IDENTITY, (1, len(bvh.names), 1))
    return RigPoses(*compose(bvh.parents, bvh.offsets[None].copy(), identity))


def motion_poses(bvh: Bvh) -> RigPoses:
    """All frames of a file."""
    return RigPoses(*bvh.forward_kinematics())


def guess_up(poses: RigPoses, bones: BoneMap) -> str:
    """ "y" or "z": the axis along which the head is above the feet in most frames."""
    joints = bones.joints
    feet = poses.positions[:, joints[[_J["left_ankle"], _J["right_ankle"]]]].mean(axis=1)
    rise = np.median(poses.positions[:, joints[_J["head"]]] - feet, axis=0)
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


def _directions(poses: RigPoses, bones: BoneMap) -> dict[str, Array]:
    """Unit directions (T, 3) of the limb bones that can be seen, and the body's left and up."""
    positions, joints = poses.positions, bones.joints

    def unit(start: str, end: str) -> Array:
        v = positions[:, joints[_J[end]]] - positions[:, joints[_J[start]]]
        return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12)

    table = {}
    for side in ("left", "right"):
        for joint, child in _AIM.items():
            if joints[_J[f"{side}_{child}"]] >= 0:
                table[f"{side}_{joint}"] = unit(f"{side}_{joint}", f"{side}_{child}")
    table["left"] = unit("right_hip", "left_hip") + unit("right_shoulder", "left_shoulder")
    table["left"] /= np.maximum(np.linalg.norm(table["left"], axis=-1, keepdims=True), 1e-12)
    table["up"] = unit("pelvis", "neck" if joints[_J["neck"]] >= 0 else "head")
    return table


def _degrees_between(a: Array, b: Array) -> Array:
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=-1), -1.0, 1.0)))


def t_pose_error(poses: RigPoses, bones: BoneMap) -> Array:
    """How far poses (Y-up world) are from a T-pose or A-pose.

    Returns:
        (T,) degrees of the worst limb beyond what such a pose allows: 0 for a T-pose or an A-pose with arms up to 60
        degrees down and slightly bent elbows; a person with hanging arms, or a heap of bones, has far more.
    """
    d = _directions(poses, bones)
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


def canonical_orientations(poses: RigPoses, bones: BoneMap) -> Array:
    """Canonical global orientations of upright poses in the Y-up world, by smallest rotations down the limbs.

    The torso is taken as upright and facing where hips and shoulders do, the soles as flat, the toes as pointing where
    the foot does on the ground.

    Returns:
        (T, 22, 4).
    """
    d = _directions(poses, bones)
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
        foot = _foot_yaw(poses, bones, side, yaw)
        world[:, _J[f"{side}_ankle"]] = foot
        world[:, _J[f"{side}_foot"]] = foot
    return world


def _foot_yaw(poses: RigPoses, bones: BoneMap, side: str, body: Array) -> Array:
    """Heading rotations (T, 4) of a foot on the ground; the body's where the rig has no toes."""
    ankle, toe = bones.joints[_J[f"{side}_ankle"]], bones.joints[_J[f"{side}_foot"]]
    if toe < 0:
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


def t_pose_from(poses: RigPoses, bones: BoneMap) -> Array:
    """Bone orientations in the canonical T-pose (22, 4), averaged over upright poses (T >= 1) in the Y-up world."""
    canonical = canonical_orientations(poses, bones)
    t_pose = np.tile(_IDENTITY, (JOINTS, 1))
    for joint, index in enumerate(bones.joints):
        if index >= 0:
            t_pose[joint] = mean_rotation(
                rot.multiply(rot.inverse(canonical[:, joint]), poses.orientations[:, index])
            )
    return t_pose


def calibrate(
    files: Sequence[Bvh], bones: BoneMap, override: MappingFile | None = None, first_frames: RigPoses | None = None
) -> Calibration:
    """Calibrate one rig from files that share it.

    Args:
        files: at least one; of a set, a dozen spread over it serve the upright frames.
        bones: the rig's bone map (of the first file; the others have the same hierarchy).
        override: units, up axis and T-pose as the user says.
        first_frames: first frames of all files of the set, if at hand: any of them may hold the T-pose.

    Raises:
        CalibrationError: no upright pose was found, or the T-pose asked for is none.
    """
    override = override or MappingFile()
    motion = RigPoses.concatenate([motion_poses(f) for f in files])
    up = override.up or guess_up(motion, bones)
    to_y_up = up_rotation(up)
    leg = leg_length(files[0], bones)
    notes = [f"up: {up}", f"units: {override.units or guess_units(leg)}"]
    base = Calibration(bones.joints, np.tile(_IDENTITY, (JOINTS, 1)), CANONICAL_LEG / leg, to_y_up, "", tuple(notes))
    if override.t_pose == "axes:bandai-namco" or (override.t_pose is None and bones.profile == "bandai-namco"):
        return replace(base, t_pose=bandai_t_pose(), method="bone axes of the rig")
    # The rest pose is often Y up in a file whose motion is Z up, by a rotation of the root: try both.
    rest = rest_pose(files[0])
    starts = first_frames if first_frames is not None else RigPoses.concatenate([motion_poses(f).frames(slice(0, 1)) for f in files])
    candidates = {
        "rest": [rest.turned(to_y_up), rest.turned(up_rotation("z" if up == "y" else "y"))],
        "first-frame": [starts.turned(to_y_up)],
    }
    for method, options in candidates.items():
        if override.t_pose not in (None, method):
            continue
        for option in options:
            errors = t_pose_error(option, bones)
            best = int(errors.argmin())
            if errors[best] <= (0.0 if override.t_pose is None else 30.0):
                return replace(base, t_pose=t_pose_from(option.frames(slice(best, best + 1)), bones), method=method)
    if override.t_pose in candidates:
        raise CalibrationError(f"{files[0].source}: t_pose is {override.t_pose!r}, but that pose is no T-pose or A-pose")
    return replace(base, t_pose=_from_upright(motion.turned(to_y_up), bones, files[0].source), method="upright frames")


UPRIGHT_TOLERANCE = 14.0
"""Degrees: mean tilt of torso and legs up to which a frame serves as a reference for calibration."""


def _from_upright(motion: RigPoses, bones: BoneMap, source: str) -> Array:
    """T-pose orientations from the most upright frames of a motion in the Y-up world."""
    d = _directions(motion, bones)
    tilt = _degrees_between(d["up"], np.broadcast_to(_UP, d["up"].shape))
    for side in ("left", "right"):
        for bone in ("hip", "knee"):
            tilt = tilt + _degrees_between(d[f"{side}_{bone}"], np.broadcast_to(-_UP, d["up"].shape))
    tilt = tilt / 5
    order = np.argsort(tilt)[: max(1, min(200, len(tilt) // 20))]
    order = order[tilt[order] <= max(UPRIGHT_TOLERANCE, 0.0)]
    if not len(order):
        raise CalibrationError(
            f"{source}: no T-pose and no upright frame (the best is tilted by {tilt.min():.0f} degrees, allowed "
            f"{UPRIGHT_TOLERANCE:.0f}); say t_pose, up or joints in a mapping file"
        )
    t_pose = t_pose_from(motion.frames(order), bones)
    return _hinged(t_pose, motion, bones)


# (upper bone, lower bone, canonical hinge axis about which the lower one bends)
_HINGES: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("left_hip", "left_knee", (1, 0, 0)),
    ("right_hip", "right_knee", (1, 0, 0)),
    ("left_shoulder", "left_elbow", (0, -1, 0)),
    ("right_shoulder", "right_elbow", (0, 1, 0)),
)


def _hinged(t_pose: Array, motion: RigPoses, bones: BoneMap) -> Array:
    """Twist thighs and upper arms so that knees and elbows bend about the canonical hinge axes."""
    t_pose = t_pose.copy()
    d = _directions(motion, bones)
    for upper, lower, hinge in _HINGES:
        if lower not in d:
            continue
        bend = _degrees_between(d[upper], d[lower])
        bent = bend > 30
        if bent.sum() < 10:
            continue
        # The axis of the bend, seen in the upper bone's canonical frame.
        frame = rot.multiply(
            motion.orientations[bent][:, bones.joints[_J[upper]]],
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
