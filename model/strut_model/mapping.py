"""Which bone of a rig is which canonical joint: by names, by the hierarchy, and by a YAML file of the user's.

Known naming schemes (`PROFILES`) are tried first; the one that maps most joints wins. The spine is read from the
hierarchy instead of from names, since rigs have one to six spine bones. What no scheme names can be said in a file:

    profile: mixamo            # optional: start from a known scheme
    joints:                    # canonical joint: bone name of the file, or null for "has none"
      pelvis: Root_Hips
      left_wrist: null
    units: cm                  # optional: m, cm, mm, inch, or metres per file unit as a number
    up: z                      # optional: y or z
    t_pose: rest               # optional: rest, first-frame, upright (found in the motion), or axes:bandai-namco,
                               # axes:character-creator: rigs that are known
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from strut_model.skeleton import JOINT_INDEX, JOINT_NAMES, JOINTS

UNITS: Mapping[str, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
T_POSES: tuple[str, ...] = ("rest", "first-frame", "upright", "axes:bandai-namco", "axes:character-creator")

REQUIRED: tuple[str, ...] = (
    "pelvis",
    "head",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
)
"""Joints without which a rig is not taken: the others are filled in from their neighbours."""


class MappingError(ValueError):
    """A rig whose bones cannot be mapped, or a mapping file that is off; the message lists what is missing."""


@dataclass(frozen=True)
class MappingFile:
    """A user's mapping file, see the module's text.

    Attributes:
        joints: canonical joint to bone name, None where the rig has none.
        profile: naming scheme to start from.
        units: metres per file unit, None to guess.
        up: "y" or "z", None to guess.
        t_pose: where the T-pose is, None to look for it.
    """

    joints: Mapping[str, str | None] = field(default_factory=dict)
    profile: str | None = None
    units: float | None = None
    up: str | None = None
    t_pose: str | None = None


@dataclass(frozen=True)
class BoneMap:
    """Result of mapping one rig.

    Attributes:
        joints: (22,) index of the source joint per canonical joint, -1 for none.
        profile: the naming scheme that fitted, or "names" when bones were found one by one.
        unmapped: canonical joints without a source bone.
    """

    joints: NDArray[np.int64]
    profile: str
    unmapped: tuple[str, ...]

    def names(self, bone_names: Sequence[str]) -> dict[str, str | None]:
        """Canonical joint to bone name."""
        return {n: bone_names[j] if j >= 0 else None for n, j in zip(JOINT_NAMES, self.joints, strict=True)}


def _sided(pattern: Mapping[str, str], left: str, right: str) -> dict[str, str]:
    """Expand {"hip": "{s}Thigh"} to both sides; {s} becomes the side's word."""
    table = {}
    for joint, bone in pattern.items():
        table["left_" + joint] = bone.replace("{s}", left)
        table["right_" + joint] = bone.replace("{s}", right)
    return table


def _limbs(hip: str, knee: str, ankle: str, foot: str, collar: str, shoulder: str, elbow: str, wrist: str) -> dict:
    names = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
    return dict(zip(names, (hip, knee, ankle, foot, collar, shoulder, elbow, wrist), strict=True))


# Bone names per scheme; the spine between pelvis and neck comes from the hierarchy. Names are compared without
# namespaces ("mixamorig:"), case, spaces, dots, dashes and underscores.
PROFILES: Mapping[str, Mapping[str, str]] = {
    "bandai-namco": {
        "pelvis": "Hips",
        "neck": "Neck",
        "head": "Head",
        **_sided(
            _limbs(
                "UpperLeg_{s}",
                "LowerLeg_{s}",
                "Foot_{s}",
                "Toes_{s}",
                "Shoulder_{s}",
                "UpperArm_{s}",
                "LowerArm_{s}",
                "Hand_{s}",
            ),
            "L",
            "R",
        ),
    },
    "character-creator": {
        "pelvis": "CC_Base_Pelvis",
        "neck": "CC_Base_NeckTwist01",
        "head": "CC_Base_Head",
        **_sided(
            _limbs(
                "CC_Base_{s}_Thigh",
                "CC_Base_{s}_Calf",
                "CC_Base_{s}_Foot",
                "CC_Base_{s}_ToeBase",
                "CC_Base_{s}_Clavicle",
                "CC_Base_{s}_Upperarm",
                "CC_Base_{s}_Forearm",
                "CC_Base_{s}_Hand",
            ),
            "L",
            "R",
        ),
    },
    "mixamo": {
        "pelvis": "Hips",
        "neck": "Neck",
        "head": "Head",
        **_sided(
            _limbs("{s}UpLeg", "{s}Leg", "{s}Foot", "{s}ToeBase", "{s}Shoulder", "{s}Arm", "{s}ForeArm", "{s}Hand"),
            "Left",
            "Right",
        ),
    },
    "blender": {
        "pelvis": "pelvis",
        "neck": "neck",
        "head": "head",
        **_sided(
            _limbs(
                "thigh.{s}",
                "shin.{s}",
                "foot.{s}",
                "toe.{s}",
                "shoulder.{s}",
                "upper_arm.{s}",
                "forearm.{s}",
                "hand.{s}",
            ),
            "L",
            "R",
        ),
    },
    "rigify": {
        "pelvis": "spine",
        "neck": "spine.004",
        "head": "spine.006",
        **_sided(
            _limbs(
                "thigh.{s}",
                "shin.{s}",
                "foot.{s}",
                "toe.{s}",
                "shoulder.{s}",
                "upper_arm.{s}",
                "forearm.{s}",
                "hand.{s}",
            ),
            "L",
            "R",
        ),
    },
    "smpl": {name: name for name in JOINT_NAMES},
    "smpl-short": {
        "pelvis": "Pelvis",
        "neck": "Neck",
        "head": "Head",
        **_sided(
            _limbs(
                "{s}_Hip", "{s}_Knee", "{s}_Ankle", "{s}_Foot", "{s}_Collar", "{s}_Shoulder", "{s}_Elbow", "{s}_Wrist"
            ),
            "L",
            "R",
        ),
    },
    "unity-humanoid": {
        "pelvis": "Hips",
        "neck": "Neck",
        "head": "Head",
        **_sided(
            _limbs(
                "{s}UpperLeg",
                "{s}LowerLeg",
                "{s}Foot",
                "{s}Toes",
                "{s}Shoulder",
                "{s}UpperArm",
                "{s}LowerArm",
                "{s}Hand",
            ),
            "Left",
            "Right",
        ),
    },
    "unreal-mannequin": {
        "pelvis": "pelvis",
        "neck": "neck_01",
        "head": "head",
        **_sided(
            _limbs(
                "thigh_{s}",
                "calf_{s}",
                "foot_{s}",
                "ball_{s}",
                "clavicle_{s}",
                "upperarm_{s}",
                "lowerarm_{s}",
                "hand_{s}",
            ),
            "l",
            "r",
        ),
    },
    # The skeleton of 100STYLE and of many older BVH files.
    "joint-names": {
        "pelvis": "Hips",
        "neck": "Neck",
        "head": "Head",
        **_sided(
            _limbs("{s}Hip", "{s}Knee", "{s}Ankle", "{s}Toe", "{s}Collar", "{s}Shoulder", "{s}Elbow", "{s}Wrist"),
            "Left",
            "Right",
        ),
    },
}

# Other words for the same bones, for rigs that no scheme fits as a whole; sides are taken off before.
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "pelvis": ("hips", "pelvis", "hip", "root", "bip01pelvis", "jbipchips"),
    "neck": ("neck", "neck1", "neck01", "necktwist01", "necklower", "jbipcneck"),
    "head": ("head", "face", "jbipchead"),
    "hip": ("thigh", "upleg", "upperleg", "uplegs", "hip", "hipjoint", "femur"),
    "knee": ("knee", "calf", "shin", "lowerleg", "leg", "lowleg", "tibia"),
    "ankle": ("ankle", "foot"),
    "foot": ("toe", "toes", "toebase", "ball", "toe0", "toe01"),
    "collar": ("collar", "clavicle", "shoulder", "clav"),
    "shoulder": ("upperarm", "uparm", "arm", "shoulder", "humerus"),
    "elbow": ("elbow", "forearm", "lowerarm", "lowarm", "radius"),
    "wrist": ("wrist", "hand"),
}
_SIDE = re.compile(r"(?:^|[_\.\-: ])(left|right|l|r)(?=$|[_\.\-: ])|^(left|right)|(left|right)$", re.IGNORECASE)


def _plain(name: str) -> str:
    """A bone name without namespace, separators and case."""
    return re.sub(r"[\s_.\-]", "", re.split(r"[:|]", name)[-1]).lower()


def _side_and_stem(name: str) -> tuple[str, str]:
    """("left" | "right" | "", plain name without the side)."""
    bare = re.split(r"[:|]", name)[-1]
    # CamelCase sides with a single letter ("LThumb", "lThigh") are marked by the capital that follows.
    camel = re.match(r"^([lr])(?=[A-Z])|^([LR])(?=[A-Z][a-z])", bare)
    if camel:
        return ("left" if camel.group(0).lower() == "l" else "right"), _plain(bare[1:])
    if re.search(r"(?<=[a-z])[LR]$", bare):
        return ("left" if bare[-1] == "L" else "right"), _plain(bare[:-1])
    found = _SIDE.search(bare)
    if not found:
        return "", _plain(bare)
    word = next(g for g in found.groups() if g)
    stem = bare[: found.start(found.lastindex or 0)] + bare[found.end(found.lastindex or 0) :]
    return ("left" if word.lower().startswith("l") else "right"), _plain(stem)


def map_bones(names: Sequence[str], parents: NDArray[np.int64], override: MappingFile | None = None) -> BoneMap:
    """Find the source bone of every canonical joint.

    Args:
        names: the rig's bone names.
        parents: (J,) their parents, -1 for a root.
        override: a user's mapping file.

    Raises:
        MappingError: required joints cannot be mapped; the message lists them with candidate bones.
    """
    override = override or MappingFile()
    best, best_profile = _best_profile(names, override.profile)
    if override.profile is None:
        by_name = _by_synonyms(names, parents)
        if sum(j in by_name for j in REQUIRED) > sum(j in best for j in REQUIRED):
            best, best_profile = by_name, "names"
        else:
            best = {**{k: v for k, v in by_name.items() if v not in best.values()}, **best}
    for joint, bone in override.joints.items():
        if bone is None:
            best.pop(joint, None)
        elif bone in names:
            best[joint] = list(names).index(bone)
        else:
            raise MappingError(f"joints.{joint}: the rig has no bone {bone!r}; its bones: {', '.join(names)}")
    said_none = {j for j, bone in override.joints.items() if bone is None}
    missing = [j for j in REQUIRED if j not in best]
    if missing:
        raise MappingError(_missing_text(missing, names, set(best.values())))
    _spine_from_hierarchy(best, parents, set(override.joints) | said_none)
    _check_chains(best, names, parents)
    joints = np.full(JOINTS, -1, dtype=np.int64)
    for joint, index in best.items():
        joints[JOINT_INDEX[joint]] = index
    return BoneMap(joints, best_profile, tuple(n for n in JOINT_NAMES if joints[JOINT_INDEX[n]] < 0))


def _best_profile(names: Sequence[str], wanted: str | None) -> tuple[dict[str, int], str]:
    plain: dict[str, int] = {}
    for index, name in enumerate(names):
        plain.setdefault(_plain(name), index)
    best: dict[str, int] = {}
    best_name = "names"
    for profile, table in PROFILES.items():
        if wanted is not None and profile != wanted:
            continue
        found = {joint: plain[_plain(bone)] for joint, bone in table.items() if _plain(bone) in plain}
        if len(found) > len(best):
            best, best_name = found, profile
    return best, best_name


def _by_synonyms(names: Sequence[str], parents: NDArray[np.int64]) -> dict[str, int]:
    """Map bone by bone: the earliest synonym wins, among equals the bone nearest to the root."""
    depth = np.zeros(len(names), dtype=int)
    for index, parent in enumerate(parents):
        depth[index] = depth[parent] + 1 if parent >= 0 else 0
    found: dict[str, tuple[int, int, int]] = {}
    for index, name in enumerate(names):
        side, stem = _side_and_stem(name)
        stem = re.sub(r"^(ccbase|bip01|bip001|def|org|mixamorig|valvebiped)", "", stem)
        for joint, words in _SYNONYMS.items():
            central = joint in ("pelvis", "neck", "head")
            if stem not in words or central == bool(side):
                continue
            key = joint if central else f"{side}_{joint}"
            rank = (words.index(stem), int(depth[index]), index)
            if key not in found or rank < found[key]:
                found[key] = rank
    table = {key: rank[2] for key, rank in found.items()}
    # "LeftShoulder" is a collar where an arm bone follows it, and the shoulder where none does.
    for side in ("left", "right"):
        if table.get(f"{side}_collar") == table.get(f"{side}_shoulder"):
            table.pop(f"{side}_collar", None)
    return table


def _ancestors(joint: int, parents: NDArray[np.int64]) -> list[int]:
    chain = []
    while joint >= 0:
        chain.append(joint)
        joint = int(parents[joint])
    return chain


def _spine_from_hierarchy(table: dict[str, int], parents: NDArray[np.int64], fixed: set[str]) -> None:
    """Fill in spine1, spine2, spine3 from the bones between pelvis and chest, in place.

    One bone is spine3 (the chest: what carries the arms turns with it), two are spine1 and spine3, three or more are
    spread evenly. Joints in `fixed` were said by the user and stay.
    """
    if any(f"spine{i}" in table for i in (1, 2, 3)) and all(
        f"spine{i}" in table or f"spine{i}" in fixed for i in (1, 2, 3)
    ):
        return
    shoulder = _ancestors(table["left_shoulder"], parents)
    right = set(_ancestors(table["right_shoulder"], parents))
    chest = next((j for j in shoulder if j in right), -1)
    hips = set(_ancestors(table["left_hip"], parents)) & set(_ancestors(table["right_hip"], parents))
    chain = [j for j in reversed(_ancestors(chest, parents)) if j not in hips and j not in table.values()]
    if not chain:
        return
    count = len(chain)
    picks = {1: {"spine3": 0}, 2: {"spine1": 0, "spine3": 1}}.get(
        count, {"spine1": 0, "spine2": (count - 1) // 2 if count % 2 else count // 2 - 1, "spine3": count - 1}
    )
    if count >= 3 and picks["spine2"] in (0, count - 1):
        picks["spine2"] = 1
    for joint, position in picks.items():
        if joint not in fixed:
            table.setdefault(joint, chain[position])


def _check_chains(table: Mapping[str, int], names: Sequence[str], parents: NDArray[np.int64]) -> None:
    """Each limb's bones have to follow one another in the hierarchy: otherwise names misled."""
    for side in ("left", "right"):
        for limb in (("hip", "knee", "ankle", "foot"), ("collar", "shoulder", "elbow", "wrist")):
            chain = [f"{side}_{j}" for j in limb if f"{side}_{j}" in table]
            for upper, lower in itertools.pairwise(chain):
                if table[upper] not in _ancestors(table[lower], parents)[1:]:
                    raise MappingError(
                        f"joints.{lower}: {names[table[lower]]!r} does not hang from {names[table[upper]]!r} "
                        f"({upper}) in the hierarchy; name the right bones in a mapping file"
                    )


def _missing_text(missing: Sequence[str], names: Sequence[str], used: set[int]) -> str:
    free = [n for i, n in enumerate(names) if i not in used]
    lines = [f"joints: {len(missing)} canonical joints could not be mapped:"]
    for joint in missing:
        word = joint.split("_")[-1]
        near = [n for n in free if any(s in _plain(n) for s in (word, *_SYNONYMS.get(word, ())))]
        side = joint.split("_")[0]
        near = [n for n in near if side not in ("left", "right") or _side_and_stem(n)[0] in (side, "")]
        lines.append(f"  {joint}: candidates {', '.join((near or free)[:8]) or 'none'}")
    lines.append("name them in a mapping file (joints: {" + missing[0] + ": BONE})")
    return "\n".join(lines)


def load_mapping_file(path: str | Path) -> MappingFile:
    """Read a mapping file.

    Raises:
        MappingError: not YAML, an unknown key, an unknown joint, or a value out of its range; names the field.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise MappingError(f"{path}: not valid YAML ({error})") from None
    return parse_mapping(content, str(path))


def parse_mapping(content: Any, source: str = "mapping") -> MappingFile:
    """Check the content of a mapping file; see `load_mapping_file`."""
    if not isinstance(content, Mapping):
        raise MappingError(
            f"{source}: found {type(content).__name__}, expected keys profile, joints, units, up, t_pose"
        )
    allowed = {"profile", "joints", "units", "up", "t_pose"}
    for key in content:
        if key not in allowed:
            raise MappingError(f"{source}: unknown key {key!r}, allowed: {', '.join(sorted(allowed))}")
    profile = content.get("profile")
    if profile is not None and profile not in PROFILES:
        raise MappingError(f"{source}: profile is {profile!r}, allowed: {', '.join(PROFILES)}")
    joints = content.get("joints") or {}
    if not isinstance(joints, Mapping):
        raise MappingError(f"{source}: joints is {joints!r}, expected canonical joint: bone name")
    for joint, bone in joints.items():
        if joint not in JOINT_INDEX:
            raise MappingError(f"{source}: joints.{joint} is no canonical joint, allowed: {', '.join(JOINT_NAMES)}")
        if bone is not None and not isinstance(bone, str):
            raise MappingError(f"{source}: joints.{joint} is {bone!r}, expected a bone name or null")
    t_pose = content.get("t_pose")
    if t_pose is not None and t_pose not in T_POSES:
        raise MappingError(f"{source}: t_pose is {t_pose!r}, allowed: {', '.join(T_POSES)}")
    units, up = content.get("units"), content.get("up")
    return MappingFile(
        joints=dict(joints),
        profile=profile,
        units=None if units is None else parse_units(units),
        up=None if up is None else parse_up(up),
        t_pose=t_pose,
    )


def parse_units(value: str | float) -> float:
    """Metres per file unit, from a unit's name or a number.

    Raises:
        MappingError: neither a known unit nor a number from 1e-6 to 1000.
    """
    if isinstance(value, str) and value in UNITS:
        return UNITS[value]
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not 1e-6 <= number <= 1000:
        raise MappingError(f"units: {value!r}, allowed: {', '.join(UNITS)} or metres per unit from 1e-6 to 1000")
    return number


def parse_up(value: str) -> str:
    """ "y" or "z".

    Raises:
        MappingError: anything else.
    """
    # YAML 1.1 reads a bare y as a string here, but some writers quote it as "Y".
    if isinstance(value, str) and value.lower() in ("y", "z"):
        return value.lower()
    raise MappingError(f"up: {value!r}, allowed: y, z")
