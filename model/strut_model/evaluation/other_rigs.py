"""Motions on other rigs, to measure that a style does not depend on the skeleton that its reference came on.

A motion of the canonical skeleton is put onto another one and written as a BVH file, from which it is read like any
upload: what retargeting loses on the way there and back is part of what is measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from strut_model import rotations as rot
from strut_model.bvh import Bvh
from strut_model.calibration import CANONICAL_LEG, calibrate, leg_length, motion_poses, rest_pose
from strut_model.mapping import MappingFile, map_bones
from strut_model.motion import Motion
from strut_model.skeleton import FPS, JOINT_INDEX, JOINT_NAMES, JOINTS, PARENTS, REST_OFFSETS

Array = NDArray[np.float64]

_ARMS = ("shoulder", "elbow", "wrist")


@dataclass(frozen=True)
class DistortedRig:
    """How a made-up rig differs from the canonical skeleton.

    Attributes:
        name: what tables call it.
        lengths: factor of the bones whose joint names end in a word, such as "knee": 1.2 for longer thighs.
        arms_down: degrees that the rest pose's arms hang below the T-pose.
        missing: joints without a bone of their own.
        order: of the rotation channels.
        z_up: whether the file's vertical is +Z.
        unit: metres per file unit.
        crooked: degrees by which each bone of the rest pose is off the T-pose that it is taken for.
    """

    name: str
    lengths: dict[str, float] = field(default_factory=dict)
    arms_down: float = 0.0
    missing: tuple[str, ...] = ()
    order: str = "ZXY"
    z_up: bool = False
    unit: float = 0.01
    crooked: float = 0.0


DISTORTED: tuple[DistortedRig, ...] = (
    DistortedRig("long legs", {"knee": 1.3, "ankle": 1.3, "foot": 1.2, "shoulder": 0.9, "elbow": 0.8, "wrist": 0.8}),
    DistortedRig(
        "child, A-pose, Z up",
        {"knee": 0.6, "ankle": 0.55, "spine": 0.75, "elbow": 0.65, "wrist": 0.65, "neck": 0.8},
        arms_down=45.0,
        order="YZX",
        z_up=True,
        unit=0.0254,
    ),
    DistortedRig(
        "long arms, few bones",
        {"elbow": 1.3, "wrist": 1.3, "collar": 1.2, "hip": 1.2},
        missing=("spine1", "spine3", "left_collar", "right_collar", "neck", "left_foot", "right_foot"),
        unit=1.0,
    ),
    DistortedRig("crooked T-pose", {"spine": 1.1, "knee": 0.9}, crooked=6.0),
)
"""Rigs of other proportions, rest poses, units and bones than any of the training data."""


def on_distorted_rig(motion: Motion, rig: DistortedRig) -> Bvh:
    """A motion (T) as a file of a made-up rig; strides are scaled by the legs' length."""
    kept = [joint for joint in range(JOINTS) if JOINT_NAMES[joint] not in rig.missing]
    offsets = REST_OFFSETS.astype(np.float64).copy()
    offsets[0] = 0.0
    for joint in range(1, JOINTS):
        factor = [f for word, f in rig.lengths.items() if JOINT_NAMES[joint].rstrip("123").endswith(word)]
        offsets[joint] *= factor[0] if factor else 1.0
    places = offsets.copy()
    for joint in range(1, JOINTS):
        places[joint] += places[PARENTS[joint]]
    legs = sum(float(np.linalg.norm(offsets[JOINT_INDEX[f"left_{bone}"]])) for bone in ("knee", "ankle"))
    rest = [Rotation.identity()] * JOINTS
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for bone in _ARMS:
            # The rest pose is where all bones are the identity: seen from it, the T-pose's arms are turned up.
            rest[JOINT_INDEX[f"{side}_{bone}"]] = Rotation.from_euler("z", sign * rig.arms_down, degrees=True)
    turn = Rotation.from_euler("x", 90, degrees=True) if rig.z_up else Rotation.identity()
    world = _world_rotations(motion)
    axes = np.random.default_rng(7).normal(size=(JOINTS, 3))
    axes *= np.radians(rig.crooked) / np.linalg.norm(axes, axis=-1, keepdims=True)
    bones = {
        joint: Rotation.from_quat(world[:, joint]) * Rotation.from_rotvec(axes[joint]) * rest[joint] for joint in kept
    }
    index = {joint: row for row, joint in enumerate(kept)}
    parents, steps, channels, columns = [], [], [], []
    turns = tuple(f"{axis}rotation" for axis in rig.order)
    for joint in kept:
        parent = int(PARENTS[joint])
        while parent >= 0 and parent not in index:
            parent = int(PARENTS[parent])
        if parent < 0:
            pelvis = motion.world_pelvis().astype(np.float64) * (legs / CANONICAL_LEG) / rig.unit
            parents.append(-1)
            steps.append(np.zeros(3))
            columns.append(turn.apply(pelvis))
            channels.append(("Xposition", "Yposition", "Zposition", *turns))
            local = turn * bones[joint]
        else:
            parents.append(index[parent])
            steps.append(rest[parent].inv().apply(places[joint] - places[parent]) / rig.unit)
            channels.append(turns)
            local = bones[parent].inv() * bones[joint]
        columns.append(local.as_euler(rig.order, degrees=True))
    return Bvh(
        names=[JOINT_NAMES[joint] for joint in kept],
        parents=np.array(parents, np.int64),
        offsets=np.array(steps),
        channels=channels,
        values=np.concatenate(columns, axis=1),
        frame_time=1.0 / FPS,
        source=rig.name,
    )


def on_rig_of(motion: Motion, file: Bvh) -> Bvh:
    """A motion (T) as a file of another file's rig; bones that no joint drives keep their rest pose.

    Args:
        motion: canonical motion.
        file: whose hierarchy, bone lengths, channels and vertical are taken.

    Raises:
        ValueError: the rig cannot be mapped or calibrated.
    """
    bones = map_bones(file.names, file.parents, MappingFile())
    first = Bvh(
        file.names, file.parents, file.offsets, file.channels, file.values[:1], file.frame_time, file.end_sites,
        file.source,
    )  # fmt: skip
    poses = motion_poses(file, bones)
    calibration = calibrate(
        rest_pose(file, bones), motion_poses(first, bones), poses, bones.profile, source=file.source
    )
    down = Rotation.from_quat(calibration.to_y_up).inv()
    world = _world_rotations(motion)
    joint_of = {int(bone): joint for joint, bone in enumerate(bones.joints) if bone >= 0}
    scale = leg_length(file, bones) / CANONICAL_LEG
    pelvis = down.apply(motion.world_pelvis().astype(np.float64) * scale)
    # The place goes to the pelvis or the nearest bone above it that can move; those in between stay where they are.
    mover = chain = int(bones.joints[0])
    above_pelvis = set()
    while chain >= 0:
        above_pelvis.add(chain)
        chain = int(file.parents[chain])
    while mover >= 0 and not any(name.lower().endswith("position") for name in file.channels[mover]):
        mover = int(file.parents[mover])
    if mover < 0:
        raise ValueError(f"{file.source}: no bone down to the pelvis has position channels")
    turned: list[Rotation] = []
    columns = []
    for bone, parent in enumerate(file.parents):
        above = turned[parent] if parent >= 0 else Rotation.from_quat(np.tile([0.0, 0, 0, 1], (motion.frames, 1)))
        if bone in joint_of:
            joint = joint_of[bone]
            own = down * Rotation.from_quat(world[:, joint]) * Rotation.from_quat(calibration.t_pose[joint])
        else:
            own = above
        turned.append(own)
        still = np.zeros(3) if bone in above_pelvis else file.offsets[bone]
        place = pelvis if bone == mover else np.tile(still, (motion.frames, 1))
        columns.append(_channel_values(file.channels[bone], above.inv() * own, place, source=file.source, bone=bone))
    offsets = file.offsets.copy()
    offsets[list(above_pelvis)] = 0.0
    return Bvh(
        file.names, file.parents, offsets, file.channels, np.concatenate(columns, axis=1), 1.0 / FPS, file.end_sites,
        file.source,
    )  # fmt: skip


def _channel_values(channels: tuple[str, ...], local: Rotation, place: Array, source: str, bone: int) -> Array:
    """(T, channels) values of one bone."""
    order = "".join(name[0].upper() for name in channels if name.lower().endswith("rotation"))
    if len(order) not in (0, 3):
        raise ValueError(f"{source}: bone {bone} has the rotation channels {order!r}, expected three or none")
    angles = iter(local.as_euler(order, degrees=True).T if order else ())
    rows = [
        place[:, "xyz".index(name[0].lower())] if name.lower().endswith("position") else next(angles)
        for name in channels
    ]
    return np.stack(rows, axis=1) if rows else np.zeros((len(place), 0))


def _world_rotations(motion: Motion) -> Array:
    """(T, 22, 4) global rotations."""
    world = motion.world_rotations().astype(np.float64)
    for joint in range(1, JOINTS):
        world[:, joint] = rot.multiply(world[:, PARENTS[joint]], world[:, joint])
    return np.asarray(rot.normalise(world), np.float64)
