"""Rigs that the clients' retargeting is tested on: bones with rest poses, and their maps.

They are made here from joint places, in the manner of common rigs, and are nobody's asset: `mannequin` has the names,
the A-pose, the axes and about the proportions of Unreal's mannequin; `short` is a stocky Unity character in T-pose.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.vectors import client_reference as ref

# Centimetres, Unreal's component space (facing +Y, Z up, the left side at +X); the right side is mirrored.
_MANNEQUIN: list[tuple[str, str, tuple[float, float, float]]] = [
    ("root", "", (0, 0, 0)),
    ("pelvis", "root", (0, -1, 97)),
    ("spine_01", "pelvis", (0, -1.5, 100)),
    ("spine_02", "spine_01", (0, -2, 106)),
    ("spine_03", "spine_02", (0, -2, 113)),
    ("spine_04", "spine_03", (0, -1, 121)),
    ("spine_05", "spine_04", (0, 0, 132)),
    ("neck_01", "spine_05", (0, -2.5, 150)),
    ("neck_02", "neck_01", (0, -1.5, 155)),
    ("head", "neck_02", (0, -0.5, 160)),
    ("clavicle_l", "spine_05", (1.5, -1, 147)),
    ("upperarm_l", "clavicle_l", (16.5, -3, 145.5)),
    ("upperarm_twist_01_l", "upperarm_l", (24, -4, 138)),
    ("lowerarm_l", "upperarm_l", (36, -5.5, 126)),
    ("lowerarm_twist_01_l", "lowerarm_l", (46, -1, 117)),
    ("hand_l", "lowerarm_l", (55, 3, 109)),
    ("middle_01_l", "hand_l", (61, 7, 102)),
    ("thigh_l", "pelvis", (10, -0.5, 94.5)),
    ("calf_l", "thigh_l", (13, 0.5, 51)),
    ("foot_l", "calf_l", (14.5, -3.5, 8.5)),
    ("ball_l", "foot_l", (15.5, 11.5, 2)),
]

# Metres, Unity's space (facing +Z, Y up, the left side at -X).
_SHORT: list[tuple[str, str, tuple[float, float, float]]] = [
    ("Hips", "", (0, 0.72, 0)),
    ("Spine", "Hips", (0, 0.86, 0.01)),
    ("Chest", "Spine", (0, 1.02, 0)),
    ("Neck", "Chest", (0, 1.22, 0)),
    ("Head", "Neck", (0, 1.30, 0.01)),
    ("LeftShoulder", "Chest", (-0.05, 1.18, 0)),
    ("LeftUpperArm", "LeftShoulder", (-0.16, 1.17, 0)),
    ("LeftLowerArm", "LeftUpperArm", (-0.40, 1.17, -0.01)),
    ("LeftHand", "LeftLowerArm", (-0.63, 1.17, 0)),
    ("LeftUpperLeg", "Hips", (-0.11, 0.70, 0)),
    ("LeftLowerLeg", "LeftUpperLeg", (-0.11, 0.39, 0.01)),
    ("LeftFoot", "LeftLowerLeg", (-0.11, 0.09, 0)),
    ("LeftToes", "LeftFoot", (-0.11, 0.03, 0.11)),
]


def _with_right_side(rows: list[tuple[str, str, tuple[float, float, float]]]) -> list[tuple[str, str, np.ndarray]]:
    def mirrored(name: str) -> str:
        return name.removesuffix("_l") + "_r" if name.endswith("_l") else name.replace("Left", "Right")

    both = [(name, parent, np.array(place, np.float64)) for name, parent, place in rows]
    for name, parent, place in list(both):
        if mirrored(name) != name:
            both.append((mirrored(name), mirrored(parent), place * [-1, 1, 1]))
    return both


def _rig(rows: list[tuple[str, str, tuple[float, float, float]]], axes: str) -> list[ref.Bone]:
    """Bones with the given places; their axes point along the bone, or are turned at random."""
    generator = np.random.default_rng(11)
    both = _with_right_side(rows)
    index = {name: i for i, (name, _, _) in enumerate(both)}
    children = {parent: place for _, parent, place in reversed(both) if parent}
    turned: list[np.ndarray] = []
    for i, (name, _, place) in enumerate(both):
        along = children.get(name, place + np.array([0.0, 0.0, 1.0])) - place
        if axes == "along_x" and i > 0:
            # On the right side -X points along the bone, as in the mannequin.
            x = np.array([-1.0 if name.endswith("_r") else 1.0, 0.0, 0.0])
            turned.append(ref.between(x, along))
        elif axes == "random":
            q = generator.normal(size=4)
            turned.append(q / np.linalg.norm(q))
        else:
            turned.append(np.array([0.0, 0.0, 0.0, 1.0]))
    bones = []
    for i, (name, parent, place) in enumerate(both):
        if not parent:
            bones.append(ref.Bone(name, -1, turned[i], place))
            continue
        p = index[parent]
        back = ref.inverse(turned[p])
        bones.append(ref.Bone(name, p, ref.multiply(back, turned[i]), ref.rotate(back, place - both[p][2])))
    return bones


def _limbs(names: dict[str, str]) -> list[dict[str, Any]]:
    """Entries of a map for both sides; a name has {side} in it."""
    entries = []
    for side, short, long in (("left", "l", "Left"), ("right", "r", "Right")):
        for joint, name in names.items():
            entries.append({"bone": name.format(s=short, side=long), "joint": f"{side}_{joint}"})
    return entries


def spine_entries(bones: list[str]) -> list[dict[str, Any]]:
    """The distribution of the three canonical spine joints over other bones."""
    chain = ("pelvis", "spine1", "spine2", "spine3")
    entries: list[dict[str, Any]] = []
    for i, bone in enumerate(bones, start=1):
        whole, rest = divmod(3 * i, len(bones))
        if rest == 0:
            entries.append({"bone": bone, "joint": chain[whole]})
        else:
            share = rest / len(bones)
            entries.append({"bone": bone, "joint": chain[whole], "next": chain[whole + 1], "share": share})
    return entries


MANNEQUIN_MAP: dict[str, Any] = {
    "version": 1,
    "space": "unreal_facing_y",
    "bones": [
        {"bone": "pelvis", "joint": "pelvis"},
        *spine_entries([f"spine_0{i}" for i in range(1, 6)]),
        {"bone": "neck_01", "joint": "neck"},
        {"bone": "head", "joint": "head"},
        *_limbs(
            {
                "hip": "thigh_{s}", "knee": "calf_{s}", "ankle": "foot_{s}", "foot": "ball_{s}",
                "collar": "clavicle_{s}", "shoulder": "upperarm_{s}", "elbow": "lowerarm_{s}", "wrist": "hand_{s}",
            }
        ),
    ],
}  # fmt: skip

SHORT_MAP: dict[str, Any] = {
    "version": 1,
    "space": "unity",
    "bones": [
        {"bone": "Hips", "joint": "pelvis"},
        *spine_entries(["Spine", "Chest"]),
        {"bone": "Neck", "joint": "neck"},
        {"bone": "Head", "joint": "head"},
        *_limbs(
            {
                "hip": "{side}UpperLeg", "knee": "{side}LowerLeg", "ankle": "{side}Foot", "foot": "{side}Toes",
                "collar": "{side}Shoulder", "shoulder": "{side}UpperArm", "elbow": "{side}LowerArm",
                "wrist": "{side}Hand",
            }
        ),
    ],
}  # fmt: skip


def mannequin() -> list[ref.Bone]:
    """In A-pose, with twist bones, five spine bones and bones along +-X."""
    return _rig(_MANNEQUIN, "along_x")


def short() -> list[ref.Bone]:
    """In T-pose, legs of .62 times the length, bones with arbitrary axes."""
    return _rig(_SHORT, "random")


def canonical(space: str) -> tuple[list[ref.Bone], dict[str, Any]]:
    """The canonical skeleton itself as a rig of an engine: what it shows must be the frame."""
    engine = ref.ENGINE_SPACES[space]
    offsets = ref.REST_OFFSETS.astype(np.float64)
    offsets[0] = (0.0, ref.PELVIS_REST_HEIGHT, 0.0)
    identity = np.array([0.0, 0.0, 0.0, 1.0])
    bones = [
        ref.Bone(name, int(parent), identity, np.asarray(engine.positions_to(offset)))
        for name, parent, offset in zip(ref.JOINT_NAMES, ref.PARENTS, offsets)
    ]
    entries = [{"bone": name, "joint": name} for name in ref.JOINT_NAMES]
    return bones, {"version": 1, "space": space, "bones": entries}
