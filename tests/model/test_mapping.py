"""Bone mapping by names, by the hierarchy, and by a user's file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strut_model.mapping import (
    PROFILES,
    MappingError,
    MappingFile,
    load_mapping_file,
    map_bones,
    parse_mapping,
    parse_units,
)
from strut_model.skeleton import JOINT_NAMES, PARENTS


def skeleton(
    table: dict[str, str | None], spine: list[str], extra: list[tuple[str, str]] | None = None
) -> tuple[list[str], np.ndarray]:
    """Bone names and parents of a body with those names, those spine bones, and extra (bone, parent) pairs."""
    names: list[str] = [str(table["pelvis"])]
    parents = [-1]

    def add(name: str, parent: str) -> None:
        names.append(name)
        parents.append(names.index(parent))

    below = names[0]
    for bone in spine:
        add(bone, below)
        below = bone
    chest = below
    for joint in JOINT_NAMES:
        bone = table.get(joint)
        if bone is None or joint.startswith("spine") or joint == "pelvis":
            continue
        parent = JOINT_NAMES[PARENTS[JOINT_NAMES.index(joint)]]
        while parent not in ("pelvis", "spine3") and table.get(parent) is None:
            parent = JOINT_NAMES[PARENTS[JOINT_NAMES.index(parent)]]
        add(bone, {"pelvis": names[0], "spine3": chest}.get(parent) or str(table[parent]))
    for bone, parent in extra or []:
        add(bone, parent)
    return names, np.array(parents)


def sided(left: str, right: str, **bones: str) -> dict[str, str]:
    return {f"{s}_{j}": b.format(s=w) for s, w in (("left", left), ("right", right)) for j, b in bones.items()}


MIXAMO = {"pelvis": "mixamorig:Hips", "neck": "mixamorig:Neck", "head": "mixamorig:Head"} | sided(
    "Left",
    "Right",
    hip="mixamorig:{s}UpLeg",
    knee="mixamorig:{s}Leg",
    ankle="mixamorig:{s}Foot",
    foot="mixamorig:{s}ToeBase",
    collar="mixamorig:{s}Shoulder",
    shoulder="mixamorig:{s}Arm",
    elbow="mixamorig:{s}ForeArm",
    wrist="mixamorig:{s}Hand",
)
UNREAL = {"pelvis": "pelvis", "neck": "neck_01", "head": "head"} | sided(
    "l",
    "r",
    hip="thigh_{s}",
    knee="calf_{s}",
    ankle="foot_{s}",
    foot="ball_{s}",
    collar="clavicle_{s}",
    shoulder="upperarm_{s}",
    elbow="lowerarm_{s}",
    wrist="hand_{s}",
)
UNITY = {"pelvis": "Hips", "neck": "Neck", "head": "Head"} | sided(
    "Left",
    "Right",
    hip="{s}UpperLeg",
    knee="{s}LowerLeg",
    ankle="{s}Foot",
    foot="{s}Toes",
    collar="{s}Shoulder",
    shoulder="{s}UpperArm",
    elbow="{s}LowerArm",
    wrist="{s}Hand",
)
BLENDER = sided(
    "L",
    "R",
    hip="thigh.{s}",
    knee="shin.{s}",
    ankle="foot.{s}",
    foot="toe.{s}",
    collar="shoulder.{s}",
    shoulder="upper_arm.{s}",
    elbow="forearm.{s}",
    wrist="hand.{s}",
)
RIGIFY = {"pelvis": "spine", "neck": "spine.004", "head": "spine.006"} | BLENDER
CHARACTER_CREATOR = {"pelvis": "CC_Base_Pelvis", "neck": "CC_Base_NeckTwist01", "head": "CC_Base_Head"} | sided(
    "L",
    "R",
    hip="CC_Base_{s}_Thigh",
    knee="CC_Base_{s}_Calf",
    ankle="CC_Base_{s}_Foot",
    foot="CC_Base_{s}_ToeBase",
    collar="CC_Base_{s}_Clavicle",
    shoulder="CC_Base_{s}_Upperarm",
    elbow="CC_Base_{s}_Forearm",
    wrist="CC_Base_{s}_Hand",
)
BANDAI = {"pelvis": "Hips", "neck": "Neck", "head": "Head"} | sided(
    "L",
    "R",
    hip="UpperLeg_{s}",
    knee="LowerLeg_{s}",
    ankle="Foot_{s}",
    foot="Toes_{s}",
    collar="Shoulder_{s}",
    shoulder="UpperArm_{s}",
    elbow="LowerArm_{s}",
    wrist="Hand_{s}",
)
CMU_ORIGINAL = {"pelvis": "Hips", "neck": "Neck", "head": "Head"} | sided(
    "Left",
    "Right",
    hip="{s}UpLeg",
    knee="{s}Leg",
    ankle="{s}Foot",
    foot="{s}ToeBase",
    collar="{s}Shoulder",
    shoulder="{s}Arm",
    elbow="{s}ForeArm",
    wrist="{s}Hand",
)
SMPL: dict[str, str] = {n: n for n in JOINT_NAMES}
SMPL_SHORT = {"pelvis": "Pelvis", "neck": "Neck", "head": "Head"} | sided(
    "L",
    "R",
    hip="{s}_Hip",
    knee="{s}_Knee",
    ankle="{s}_Ankle",
    foot="{s}_Foot",
    collar="{s}_Collar",
    shoulder="{s}_Shoulder",
    elbow="{s}_Elbow",
    wrist="{s}_Wrist",
)
HUNDRED_STYLE = {"pelvis": "Hips", "neck": "Neck", "head": "Head"} | sided(
    "Left",
    "Right",
    hip="{s}Hip",
    knee="{s}Knee",
    ankle="{s}Ankle",
    foot="{s}Toe",
    collar="{s}Collar",
    shoulder="{s}Shoulder",
    elbow="{s}Elbow",
    wrist="{s}Wrist",
)

SCHEMES = {
    "mixamo": (MIXAMO, ["mixamorig:Spine", "mixamorig:Spine1", "mixamorig:Spine2"], "mixamo"),
    "unreal": (UNREAL, ["spine_01", "spine_02", "spine_03", "spine_04", "spine_05"], "unreal-mannequin"),
    "unity": (UNITY, ["Spine", "Chest", "UpperChest"], "unity-humanoid"),
    "rigify": (RIGIFY, ["spine.001", "spine.002", "spine.003"], "rigify"),
    "character-creator": (
        CHARACTER_CREATOR,
        ["CC_Base_Waist", "CC_Base_Spine01", "CC_Base_Spine02"],
        "character-creator",
    ),
    "bandai": (BANDAI, ["Spine", "Chest"], "bandai-namco"),
    "cmu-original": (CMU_ORIGINAL, ["LowerBack", "Spine", "Spine1"], "mixamo"),
    "smpl": (SMPL, ["spine1", "spine2", "spine3"], "smpl"),
    "smpl-short": (SMPL_SHORT, ["Torso", "Spine", "Chest"], "smpl-short"),
    "100style": (HUNDRED_STYLE, ["Chest", "Chest2", "Chest3", "Chest4"], "joint-names"),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_known_naming_scheme_is_mapped_whole(scheme: str) -> None:
    table, spine, profile = SCHEMES[scheme]
    names, parents = skeleton(table, spine)
    found = map_bones(names, parents)
    assert found.profile == profile
    assert set(found.unmapped) <= {"spine1", "spine2"}
    by_joint = found.names(names)
    for joint, bone in table.items():
        if not joint.startswith("spine"):
            assert by_joint[joint] == bone


@pytest.mark.parametrize(
    ("spine", "wanted"),
    [
        (["A"], (None, None, "A")),
        (["A", "B"], ("A", None, "B")),
        (["A", "B", "C"], ("A", "B", "C")),
        (["A", "B", "C", "D"], ("A", "B", "D")),
        (["A", "B", "C", "D", "E"], ("A", "C", "E")),
        (["A", "B", "C", "D", "E", "F"], ("A", "C", "F")),
        ([], (None, None, None)),
    ],
)
def test_any_number_of_spine_bones_is_spread_over_three(
    spine: list[str], wanted: tuple[str | None, str | None, str | None]
) -> None:
    names, parents = skeleton(UNREAL, spine)
    found = map_bones(names, parents).names(names)
    assert (found["spine1"], found["spine2"], found["spine3"]) == wanted


@pytest.mark.parametrize(
    "name", ["Bip01 L Thigh", "thighL", "LThigh", "l_thigh", "thigh-left", "Left_Thigh", "ThighLeft"]
)
def test_a_bone_outside_all_schemes_is_found_by_its_words(name: str) -> None:
    table: dict[str, str | None] = {**BLENDER, "pelvis": "pelvis", "neck": "neck", "head": "head", "left_hip": name}
    names, parents = skeleton(table, ["spine01"])
    found = map_bones(names, parents).names(names)
    assert found["left_hip"] == name


def test_wrists_toes_neck_and_collars_may_be_missing() -> None:
    table: dict[str, str | None] = {
        **UNITY,
        **dict.fromkeys(
            ("left_wrist", "right_wrist", "left_foot", "right_foot", "neck", "left_collar", "right_collar")
        ),
    }
    names, parents = skeleton(table, ["Spine", "Chest"])
    found = map_bones(names, parents)
    assert set(found.unmapped) == {
        "left_wrist",
        "right_wrist",
        "left_foot",
        "right_foot",
        "neck",
        "left_collar",
        "right_collar",
        "spine2",
    }


def test_finger_and_twist_bones_do_not_take_the_place_of_limbs() -> None:
    extra = [("thigh_twist_01_l", "thigh_l"), ("index_01_l", "hand_l"), ("lowerarm_twist_01_l", "lowerarm_l")]
    names, parents = skeleton(UNREAL, ["spine_01"], extra)
    found = map_bones(names, parents).names(names)
    assert found["left_hip"] == "thigh_l"
    assert found["left_elbow"] == "lowerarm_l"
    assert found["left_wrist"] == "hand_l"


def test_missing_joints_are_listed_with_candidates() -> None:
    table: dict[str, str | None] = {**UNREAL, "left_knee": "unterschenkel_l", "head": "kopf"}
    names, parents = skeleton(table, ["spine_01"])
    with pytest.raises(MappingError) as caught:
        map_bones(names, parents)
    text = str(caught.value)
    assert "2 canonical joints could not be mapped" in text
    assert "left_knee: candidates" in text
    assert "unterschenkel_l" in text
    assert "head: candidates" in text
    assert "right_knee:" not in text


def test_a_users_file_names_what_no_scheme_knows(tmp_path: Path) -> None:
    table: dict[str, str | None] = {**UNREAL, "left_knee": "unterschenkel_l"}
    names, parents = skeleton(table, ["spine_01"])
    path = tmp_path / "map.yaml"
    path.write_text("joints:\n  left_knee: unterschenkel_l\n  left_wrist: null\nunits: inch\nup: z\n", encoding="utf-8")
    override = load_mapping_file(path)
    assert (override.units, override.up) == (0.0254, "z")
    found = map_bones(names, parents, override)
    assert found.names(names)["left_knee"] == "unterschenkel_l"
    assert found.names(names)["left_wrist"] is None
    assert found.names(names)["right_wrist"] == "hand_r"


def test_a_users_file_may_pick_the_spine() -> None:
    names, parents = skeleton(UNREAL, ["a", "b", "c", "d", "e"])
    found = map_bones(names, parents, MappingFile(joints={"spine2": "d", "spine1": None}))
    assert found.names(names)["spine2"] == "d"
    assert found.names(names)["spine1"] is None
    assert found.names(names)["spine3"] == "e"


def test_a_bone_that_the_rig_lacks_is_refused_by_name() -> None:
    names, parents = skeleton(UNREAL, ["spine_01"])
    with pytest.raises(MappingError, match=r"joints\.left_knee: the rig has no bone 'nope'"):
        map_bones(names, parents, MappingFile(joints={"left_knee": "nope"}))


def test_a_limb_whose_bones_do_not_follow_one_another_is_refused() -> None:
    names, parents = skeleton(UNREAL, ["spine_01"])
    with pytest.raises(MappingError, match=r"left_knee: 'calf_r' does not hang from 'thigh_l'"):
        map_bones(names, parents, MappingFile(joints={"left_knee": "calf_r", "right_knee": "calf_l"}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"bones": {}}, "unknown key 'bones', allowed: joints"),
        ({"joints": {"left_thumb": "a"}}, r"joints\.left_thumb is no canonical joint, allowed: pelvis"),
        ({"joints": {"head": 3}}, r"joints\.head is 3, expected a bone name or null"),
        ({"joints": ["head"]}, "expected canonical joint: bone name"),
        ({"profile": "maya"}, "profile is 'maya', allowed: bandai-namco"),
        ({"units": "feet"}, "units: 'feet', allowed: m, cm, mm, inch"),
        ({"units": -1}, "units: -1, allowed"),
        ({"up": "x"}, "up: 'x', allowed: y, z"),
        ({"t_pose": "last"}, "t_pose is 'last', allowed: rest"),
        (["joints"], "found list, expected keys"),
    ],
)
def test_a_mapping_file_that_is_off_names_the_field_and_what_is_allowed(content: object, message: str) -> None:
    with pytest.raises(MappingError, match=message):
        parse_mapping(content)


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("joints: [", encoding="utf-8")
    with pytest.raises(MappingError, match="not valid YAML"):
        load_mapping_file(path)


def test_units_are_names_or_metres_per_unit() -> None:
    assert [parse_units(u) for u in ("m", "cm", "mm", "inch", "0.3", 2)] == [1.0, 0.01, 0.001, 0.0254, 0.3, 2.0]


def test_every_scheme_names_every_required_joint_once() -> None:
    for profile, table in PROFILES.items():
        assert len(set(table.values())) == len(table), profile
        assert {"pelvis", "head", "left_hip", "right_wrist"} <= set(table), profile
