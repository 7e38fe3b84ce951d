"""The body that pictures and files show: an artist's mannequin of rounded cones, one or a few per joint.

Every limb is rigid on its joint, so the same description serves the software renderer (which intersects
rays with it), the glTF mesh and the web page (which tessellate it), for any bone lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.skeleton import JOINT_INDEX, REST_OFFSETS

Array = NDArray[np.floating]
Point = tuple[float, float, float]

BODY, DARK = 0, 1
"""Tones of a limb: the character's colour, or the dark shade of ball joints and the visor."""


@dataclass(frozen=True)
class Limb:
    """A rounded cone: the hull of two spheres, squeezed along the joint's axes.

    Attributes:
        joint: index of the joint that carries it.
        start, end: metres, centres of the two spheres in the joint's frame.
        start_radius, end_radius: metres.
        squeeze: factor along x, y and z, about ``start``; 1 keeps the spheres round.
        tone: BODY or DARK.
    """

    joint: int
    start: Point
    end: Point
    start_radius: float
    end_radius: float
    squeeze: Point = (1.0, 1.0, 1.0)
    tone: int = BODY


@dataclass(frozen=True)
class LimbArrays:
    """All limbs (L of them) as arrays, for vectorised work.

    ``start`` and ``axis`` (L, 3) are in the joint's frame divided by ``squeeze``, where the limb is round.
    """

    joint: NDArray[np.int64]
    origin: Array
    axis: Array
    radii: Array
    squeeze: Array
    tone: NDArray[np.int64]


def limbs(offsets: Array = REST_OFFSETS) -> list[Limb]:
    """The mannequin for bone offsets (22, 3) in metres."""

    def bone(child: str, share: float = 1.0) -> Point:
        x, y, z = (float(v) * share for v in offsets[JOINT_INDEX[child]])
        return x, y, z

    index = JOINT_INDEX
    zero = (0.0, 0.0, 0.0)
    body = [
        Limb(index["pelvis"], (-0.042, -0.005, -0.008), (0.042, -0.005, -0.008), 0.09, 0.09, (1.0, 0.95, 0.95)),
        Limb(index["pelvis"], (0.0, 0.03, 0.0), bone("spine1", 0.85), 0.083, 0.07, (1.2, 1.0, 0.9)),
        Limb(index["spine1"], zero, (0.0, 0.06, 0.0), 0.074, 0.085, (1.2, 1.0, 0.86)),
        Limb(index["spine3"], (0.0, -0.01, 0.004), (0.0, 0.085, 0.0), 0.088, 0.098, (1.28, 1.0, 0.86)),
        Limb(index["neck"], (0.0, -0.05, 0.0), bone("head"), 0.047, 0.042),
        Limb(index["head"], (0.0, 0.045, 0.02), (0.0, 0.11, 0.004), 0.058, 0.083, (0.92, 1.0, 1.04)),
        Limb(index["head"], (-0.03, 0.088, 0.062), (0.03, 0.088, 0.062), 0.032, 0.032, (1.0, 0.75, 1.0), DARK),
    ]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        collar, shoulder, elbow, wrist = (index[f"{side}_{n}"] for n in ("collar", "shoulder", "elbow", "wrist"))
        hip, knee, ankle, foot = (index[f"{side}_{n}"] for n in ("hip", "knee", "ankle", "foot"))
        body += [
            Limb(collar, (-sign * 0.03, -0.012, 0.0), bone(f"{side}_shoulder"), 0.055, 0.052),
            Limb(shoulder, zero, (sign * 0.012, 0.0, 0.0), 0.056, 0.056, tone=DARK),
            Limb(shoulder, (sign * 0.05, 0.0, 0.0), bone(f"{side}_elbow", 0.84), 0.049, 0.038),
            Limb(elbow, zero, zero, 0.0405, 0.0405, tone=DARK),
            Limb(elbow, (sign * 0.045, 0.0, 0.0), bone(f"{side}_wrist"), 0.039, 0.027),
            Limb(wrist, (sign * 0.01, 0.0, 0.0), (sign * 0.145, 0.0, 0.005), 0.033, 0.026, (1.0, 0.62, 1.25)),
            Limb(wrist, (sign * 0.03, -0.004, 0.028), (sign * 0.075, -0.008, 0.058), 0.015, 0.012),
            Limb(hip, (0.0, -0.02, 0.0), bone(f"{side}_knee", 0.96), 0.079, 0.05),
            Limb(knee, zero, zero, 0.0525, 0.0525, tone=DARK),
            Limb(knee, (0.0, -0.03, 0.0), (0.0, -0.13, -0.012), 0.05, 0.053),
            Limb(knee, (0.0, -0.13, -0.012), bone(f"{side}_ankle"), 0.053, 0.034),
            Limb(ankle, (0.0, -0.074, -0.03), (0.0, -0.075, 0.075), 0.043, 0.041),
            Limb(ankle, (0.0, -0.01, -0.005), (0.0, -0.062, 0.07), 0.04, 0.034),
            Limb(foot, zero, (0.0, -0.0095, 0.07), 0.0425, 0.033, (1.05, 1.0, 1.0)),
        ]
    return body


def limb_arrays(body: list[Limb]) -> LimbArrays:
    """The limbs stacked; see :class:`LimbArrays`."""
    start = np.array([limb.start for limb in body], dtype=np.float32)
    end = np.array([limb.end for limb in body], dtype=np.float32)
    squeeze = np.array([limb.squeeze for limb in body], dtype=np.float32)
    return LimbArrays(
        joint=np.array([limb.joint for limb in body], dtype=np.int64),
        origin=start,
        axis=(end - start) / squeeze,
        radii=np.array([(limb.start_radius, limb.end_radius) for limb in body], dtype=np.float32),
        squeeze=squeeze,
        tone=np.array([limb.tone for limb in body], dtype=np.int64),
    )


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh in the rest pose, each vertex rigid on one joint.

    Attributes:
        positions, normals: (V, 3) float32, metres, in the frame of the vertex' joint.
        joints: (V,) uint8 joint of each vertex.
        tones: (V,) uint8 BODY or DARK.
        triangles: (F, 3) uint16, counter-clockwise from outside.
    """

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    joints: NDArray[np.uint8]
    tones: NDArray[np.uint8]
    triangles: NDArray[np.uint16]


def mesh(offsets: Array = REST_OFFSETS, around: int = 16, cap: int = 4) -> Mesh:
    """The mannequin as triangles.

    Args:
        offsets: (22, 3) metres, bone offsets.
        around: vertices around each limb.
        cap: rings of vertices in each rounded end.
    """
    body = limbs(offsets)
    parts = [_tessellate(limb, around, cap) for limb in body]
    counts = [len(p) for p, _, _ in parts]
    first = np.concatenate(([0], np.cumsum(counts)[:-1]))
    return Mesh(
        positions=np.concatenate([p for p, _, _ in parts]).astype(np.float32),
        normals=np.concatenate([n for _, n, _ in parts]).astype(np.float32),
        joints=np.repeat([limb.joint for limb in body], counts).astype(np.uint8),
        tones=np.repeat([limb.tone for limb in body], counts).astype(np.uint8),
        triangles=np.concatenate([f + i for (_, _, f), i in zip(parts, first, strict=True)]).astype(np.uint16),
    )


def _tessellate(limb: Limb, around: int, cap: int) -> tuple[Array, Array, NDArray[np.int64]]:
    """Vertices, normals and triangles of one limb in its joint's frame."""
    squeeze = np.array(limb.squeeze)
    axis = (np.array(limb.end) - np.array(limb.start)) / squeeze
    length = float(np.linalg.norm(axis))
    direction = axis / length if length > 0 else np.array([0.0, 1.0, 0.0])
    side = np.cross(direction, [0.0, 0.0, 1.0] if abs(direction[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    other = np.cross(direction, side)

    # The profile is an arc about the start, then one about the end; they meet the cone where its tangent does.
    lean = np.arcsin(np.clip((limb.start_radius - limb.end_radius) / max(length, 1e-9), -1.0, 1.0))
    angles = np.concatenate((np.linspace(-np.pi / 2, lean, cap + 1), np.linspace(lean, np.pi / 2, cap + 1)))
    at_end = np.repeat([0, 1], cap + 1)
    radius = np.where(at_end == 1, limb.end_radius, limb.start_radius)
    along = at_end * length + radius * np.sin(angles)
    out = np.maximum(radius * np.cos(angles), 0.0)

    turn = np.arange(around) * (2 * np.pi / around)
    radial = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * other  # (around, 3)
    points = along[:, None, None] * direction + out[:, None, None] * radial
    normals = np.sin(angles)[:, None, None] * direction + np.cos(angles)[:, None, None] * radial
    positions = points * squeeze + np.array(limb.start)
    normals = normals / squeeze
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)

    rings = len(angles)
    ring, column = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a = ring * around + column
    b = ring * around + (column + 1) % around
    quads = np.stack((a, b, b + around, a, b + around, a + around), axis=-1).reshape(-1, 3)
    corners = positions.reshape(-1, 3)[quads]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=-1)
    return positions.reshape(-1, 3), normals.reshape(-1, 3), quads[area > 1e-10]
