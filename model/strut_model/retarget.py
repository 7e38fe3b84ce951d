"""Retargeting: motion of any skeleton onto the canonical one.

A `Calibration` holds, for one rig, how each mapped bone is oriented while the character stands in the canonical
T-pose, facing +Z. The canonical global rotation of a joint is then the bone's own global rotation times the inverse
of that orientation: how the rig's bones point at rest, and which axis runs along them, drops out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strut_model import rotations as rot
from strut_model.bvh import Bvh
from strut_model.calibration import CANONICAL_LEG, Calibration, leg_length
from strut_model.mapping import BoneMap
from strut_model.skeleton import JOINT_INDEX, JOINTS, PARENTS

Array = NDArray[np.floating]

SPINE_CHAIN: tuple[int, ...] = tuple(JOINT_INDEX[n] for n in ("pelvis", "spine1", "spine2", "spine3", "neck", "head"))


def retarget(bvh: Bvh, bones: BoneMap, calibration: Calibration) -> tuple[Array, Array]:
    """Bring a file's motion onto the canonical skeleton, at the file's frame rate.

    Translation is scaled by leg length, so that strides and heights fit the canonical legs.

    Args:
        bvh: the file.
        bones: which of its bones are which joints.
        calibration: of its rig.

    Returns:
        pelvis (T, 3) metres in the world and local rotations (T, 22, 4), the first the pelvis' in the world.
    """
    positions, orientations = bvh.forward_kinematics()
    up = np.broadcast_to(calibration.to_y_up, (bvh.frames, 4))
    world = np.zeros((bvh.frames, JOINTS, 4))
    mapped = bones.joints >= 0
    for joint in np.flatnonzero(mapped):
        bone = rot.multiply(up, orientations[:, bones.joints[joint]])
        world[:, joint] = rot.multiply(bone, np.broadcast_to(rot.inverse(calibration.t_pose[joint]), bone.shape))
    _fill_unmapped(world, mapped)
    local = world.copy()
    local[:, 1:] = rot.multiply(rot.inverse(world[:, PARENTS[1:]]), world[:, 1:])
    scale = CANONICAL_LEG / leg_length(bvh, bones)
    return rot.rotate(up, positions[:, bones.joints[0]]) * scale, rot.normalise(local)


def _fill_unmapped(world: Array, mapped: NDArray[np.bool_]) -> None:
    """Give canonical joints without a source bone a global rotation, in place.

    Along the spine the rotation between the mapped neighbours is shared out; elsewhere the joint follows its parent.
    """
    known = [j for j in SPINE_CHAIN if mapped[j]]
    for position, joint in enumerate(SPINE_CHAIN):
        if mapped[joint]:
            continue
        below = max((SPINE_CHAIN.index(k) for k in known if SPINE_CHAIN.index(k) < position), default=None)
        above = min((SPINE_CHAIN.index(k) for k in known if SPINE_CHAIN.index(k) > position), default=None)
        if below is None:
            raise ValueError("mapping: the pelvis is not mapped, it must be")
        start = world[:, SPINE_CHAIN[below]]
        if above is None:
            world[:, joint] = start
        else:
            share = (position - below) / (above - below)
            end = world[:, SPINE_CHAIN[above]]
            world[:, joint] = rot.slerp(start, end, np.full(len(world), share))
    for joint in range(1, JOINTS):
        if not mapped[joint] and joint not in SPINE_CHAIN:
            world[:, joint] = world[:, PARENTS[joint]]
