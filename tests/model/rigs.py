"""BVH rigs for tests: the canonical body under other names, bone axes, units, verticals and rotation orders.

A rig is built from how each bone is oriented in the T-pose; the motion that it plays is known on the canonical
skeleton, so what retargeting has to give back is known exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from strut_model.bvh import Bvh
from strut_model.skeleton import JOINT_INDEX, JOINT_NAMES, JOINTS, PARENTS, PELVIS_REST_HEIGHT, REST_OFFSETS

Array = NDArray[np.float64]


@dataclass
class CanonicalMotion:
    """pelvis (T, 3) metres, local rotations (T, 22, 4) and frame rate."""

    pelvis: Array
    rotations: Array
    fps: float = 30.0


def walking(frames: int = 90, fps: float = 30.0, seed: int = 0) -> CanonicalMotion:
    """Somebody who strides, swings bent arms, sways and turns: every joint moves, hinges bend about their own axes.

    Starts upright with straight legs and hanging arms.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / fps
    stride = np.sin(2 * np.pi * t)
    vectors = np.zeros((frames, JOINTS, 3))
    for name in ("spine1", "spine2", "spine3", "neck", "head"):
        vectors[:, JOINT_INDEX[name]] = np.sin(2 * np.pi * t)[:, None] * rng.normal(size=3) * 0.06
    for side, sign in (("left", 1.0), ("right", -1.0)):
        vectors[:, JOINT_INDEX[f"{side}_hip"], 0] = -0.4 * sign * stride
        vectors[:, JOINT_INDEX[f"{side}_knee"], 0] = 0.5 - 0.5 * np.cos(4 * np.pi * t)
        vectors[:, JOINT_INDEX[f"{side}_ankle"], 0] = 0.2 * sign * stride
        vectors[:, JOINT_INDEX[f"{side}_foot"], 0] = 0.1 * sign * stride
        vectors[:, JOINT_INDEX[f"{side}_collar"], 2] = 0.05 * stride
        vectors[:, JOINT_INDEX[f"{side}_elbow"], 1] = -sign * (0.6 - 0.6 * np.cos(2 * np.pi * t))
        vectors[:, JOINT_INDEX[f"{side}_wrist"], 0] = 0.2 * stride
    rotations = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_quat().reshape(frames, JOINTS, 4)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder = JOINT_INDEX[f"{side}_shoulder"]
        hang = Rotation.from_euler("z", -sign * 1.4)
        swing = Rotation.from_rotvec(np.stack([0.4 * sign * stride, 0 * t, 0 * t], axis=1))
        rotations[:, shoulder] = (swing * hang).as_quat()
    rotations[:, 0] = Rotation.from_euler("YX", np.stack([0.7 + 0.4 * t, 0.03 * stride], axis=1)).as_quat()
    heading = 0.7 + 0.4 * t
    velocity = np.stack([np.sin(heading), 0 * t, np.cos(heading)], axis=1) * 1.2
    pelvis = np.cumsum(velocity, axis=0) / fps
    pelvis[:, 1] = PELVIS_REST_HEIGHT + 0.02 * stride
    return CanonicalMotion(pelvis, rotations, fps)


def t_posed(motion: CanonicalMotion) -> CanonicalMotion:
    """The motion with a T-pose put before it."""
    identity = np.tile([0.0, 0.0, 0.0, 1.0], (1, JOINTS, 1))
    pelvis = np.concatenate([[[0.0, PELVIS_REST_HEIGHT, 0.0]], motion.pelvis])
    return CanonicalMotion(pelvis, np.concatenate([identity, motion.rotations]), motion.fps)


@dataclass
class Rig:
    """How a file differs from the canonical skeleton.

    Attributes:
        names: canonical joint to bone name; joints left out have no bone (their children hang from the next bone up).
        t_pose: canonical joint to the bone's orientation in the T-pose, xyzw; identity where left out.
        unit: metres per file unit.
        up: "y" or "z".
        orders: rotation orders, taken in turn by the bones.
        position_channels: bones (besides the root) that have position channels, too.
        size: the performer's size relative to the canonical body.
    """

    names: Mapping[str, str] = field(default_factory=lambda: {n: n for n in JOINT_NAMES})
    t_pose: Mapping[str, Array] = field(default_factory=dict)
    unit: float = 0.01
    up: str = "y"
    orders: Sequence[str] = ("ZXY",)
    position_channels: Sequence[str] = ()
    size: float = 1.0


def a_pose(degrees: float) -> dict[str, Array]:
    """T-pose orientations of the bones of a rig whose rest pose has its arms that far down."""
    table = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        # The rest pose is the frame in which all bones are the identity; seen from the T-pose the arms are turned up.
        up = Rotation.from_euler("z", sign * degrees, degrees=True).as_quat()
        for joint in ("shoulder", "elbow", "wrist"):
            table[f"{side}_{joint}"] = up
    return table


def scrambled(seed: int = 1) -> dict[str, Array]:
    """Any bone axes whatever: the rest pose of such a rig is a heap."""
    return dict(zip(JOINT_NAMES, Rotation.random(JOINTS, rng=np.random.default_rng(seed)).as_quat(), strict=True))


def build(rig: Rig, motion: CanonicalMotion) -> Bvh:
    """The BVH file in which that rig plays that motion."""
    kept = [n for n in JOINT_NAMES if n in rig.names]
    # Depth first, as files are written.
    parent_of = {n: _kept_parent(n, rig) for n in kept}
    order: list[str] = []

    def visit(name: str) -> None:
        order.append(name)
        for child in kept:
            if parent_of[child] == name:
                visit(child)

    visit("pelvis")
    index = {n: i for i, n in enumerate(order)}
    world = _world_rotations(motion.rotations)
    rest = {n: Rotation.from_quat(rig.t_pose.get(n, [0.0, 0.0, 0.0, 1.0])) for n in JOINT_NAMES}
    places = _rest_places() * rig.size / rig.unit
    turn = Rotation.identity() if rig.up == "y" else Rotation.from_euler("x", 90, degrees=True)
    bones = {n: Rotation.from_quat(world[:, JOINT_INDEX[n]]) * rest[n] for n in order}
    offsets, parents, channels, columns = [], [], [], []
    for number, name in enumerate(order):
        parent = parent_of[name]
        euler = rig.orders[number % len(rig.orders)]
        rotation_channels = tuple(f"{axis}rotation" for axis in euler)
        if parent is None:
            offsets.append(np.zeros(3))
            parents.append(-1)
            local = turn * bones[name]
            columns.append(turn.apply(motion.pelvis * rig.size / rig.unit))
            channels.append(("Xposition", "Yposition", "Zposition", *rotation_channels))
        else:
            offset = rest[parent].inv().apply(places[JOINT_INDEX[name]] - places[JOINT_INDEX[parent]])
            offsets.append(offset)
            parents.append(index[parent])
            local = bones[parent].inv() * bones[name]
            if name in rig.position_channels:
                columns.append(np.repeat(offset[None], len(motion.pelvis), axis=0))
                channels.append(("Xposition", "Yposition", "Zposition", *rotation_channels))
            else:
                channels.append(rotation_channels)
        columns.append(local.as_euler(euler, degrees=True))
    return Bvh(
        names=[rig.names[n] for n in order],
        parents=np.array(parents, dtype=np.int64),
        offsets=np.array(offsets),
        channels=channels,
        values=np.concatenate(columns, axis=1),
        frame_time=1.0 / motion.fps,
        source="rig.bvh",
    )


def _kept_parent(name: str, rig: Rig) -> str | None:
    parent = int(PARENTS[JOINT_INDEX[name]])
    while parent >= 0 and JOINT_NAMES[parent] not in rig.names:
        parent = int(PARENTS[parent])
    return None if parent < 0 else JOINT_NAMES[parent]


def _rest_places() -> Array:
    places = REST_OFFSETS.astype(np.float64).copy()
    for joint in range(1, JOINTS):
        places[joint] += places[PARENTS[joint]]
    return places


def _world_rotations(local: Array) -> Array:
    world = local.copy()
    for joint in range(1, JOINTS):
        parent = Rotation.from_quat(world[:, PARENTS[joint]])
        world[:, joint] = (parent * Rotation.from_quat(local[:, joint])).as_quat()
    return world


def degrees_between(a: Array, b: Array) -> Array:
    """Angle of the rotation from a to b, quaternions (..., 4), by scipy."""
    shape = np.broadcast_shapes(a.shape, b.shape)[:-1]
    first = Rotation.from_quat(np.broadcast_to(a, (*shape, 4)).reshape(-1, 4))
    second = Rotation.from_quat(np.broadcast_to(b, (*shape, 4)).reshape(-1, 4))
    return np.degrees((first.inv() * second).magnitude()).reshape(shape)
