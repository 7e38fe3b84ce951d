"""The vectors of the engine clients' core are current, and their reference agrees with what the product has."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp
from tests.vectors import client_reference as ref
from tests.vectors import make_client_vectors as make
from tests.vectors import rigs

from strut_model import skeleton
from strut_model.motion import Motion
from strut_model.streaming import seams


def load() -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads(make.PATH.read_text(encoding="utf-8"))
    return vectors


def assert_close(actual: Any, expected: Any, where: str = "") -> None:
    """Equal but for the last digits, which other machines may round differently."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys(), where
        for key in expected:
            assert_close(actual[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), where
        for i, (a, e) in enumerate(zip(actual, expected)):
            assert_close(a, e, f"{where}[{i}]")
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, rel=1e-6, abs=1e-6), where
    else:
        assert actual == expected, where


def stacked(frames: list[ref.Frame]) -> Motion:
    return Motion(
        np.stack([f.root for f in frames]).astype(np.float32),
        np.array([f.heading for f in frames], np.float32),
        np.stack([f.pelvis for f in frames]).astype(np.float32),
        np.stack([f.rotations for f in frames]).astype(np.float32),
        np.stack([f.contacts for f in frames]).astype(np.float32),
    )


def test_client_vectors_are_current() -> None:
    assert_close(load(), json.loads(make.text()))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_slerp_takes_the_shorter_way_as_scipy_does(share: float) -> None:
    generator = np.random.default_rng(0)
    for a, b in generator.normal(size=(40, 2, 4)):
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        expected = Slerp([0.0, 1.0], Rotation.from_quat([a, b]))(share)
        assert (Rotation.from_quat(ref.slerp(a, b, share)) * expected.inv()).magnitude() < 1e-5


def test_a_client_seam_is_the_servers_with_another_spring() -> None:
    old, new = make.motion(3, 2), make.motion(12, 22)
    before, after = stacked(old), stacked(new)

    def linear(motion: Motion) -> np.ndarray:
        return np.concatenate((motion.root_position, motion.root_heading[:, None], motion.pelvis), axis=-1)[None]

    expected, rotations = seams.inertialise(
        linear(after), after.rotations[None], linear(before), before.rotations[None],
        decay=ref.SEAM_DECAY, angular=slice(2, 3),
    )  # fmt: skip
    joined = ref.seam(old, new)
    np.testing.assert_allclose(linear(stacked(joined)), expected, atol=2e-5)
    turned = Rotation.from_quat(rotations.reshape(-1, 4)).inv()
    difference = turned * Rotation.from_quat(stacked(joined).rotations.reshape(-1, 4))
    assert difference.magnitude().max() < 1e-4


def test_easing_starts_with_the_velocity_on_screen_and_ends_standing() -> None:
    idle = make.idle_pose()
    before, last = make.motion(2, 6)
    first, end = (ref.ease(last, before, idle.pelvis, idle.rotations, t) for t in (1, 300))
    # One spring of .2 a frame takes at most a third of a step away in the first frame.
    step = last.root - before.root
    assert np.linalg.norm(first.root - last.root - step) < 0.05 * np.linalg.norm(step)
    np.testing.assert_allclose(end.rotations, idle.rotations, atol=1e-6)
    np.testing.assert_allclose(end.pelvis, idle.pelvis, atol=1e-6)
    np.testing.assert_allclose(end.root, last.root + 2.0 / ref.EASE_DECAY * step, atol=1e-6)


@pytest.mark.parametrize("space", sorted(ref.ENGINE_SPACES))
def test_the_canonical_skeleton_as_a_rig_shows_the_frame_itself(space: str) -> None:
    bones, rig_map = rigs.canonical(space)
    for frame in (make.idle_pose(), make.motion(1, 9)[0]):
        shown = ref.Retargeter(bones, {**rig_map, "foot_ik": False}).retarget(frame)
        places, _ = skeleton.forward_kinematics(frame.rotations, frame.pelvis)
        np.testing.assert_allclose(ref.ENGINE_SPACES[space].positions_from(shown["places"]), places, atol=1e-6)


@pytest.mark.parametrize(("bones", "rig_map"), [(rigs.mannequin(), rigs.MANNEQUIN_MAP), (rigs.short(), rigs.SHORT_MAP)])
def test_feet_on_a_rig_stand_where_the_canonical_ones_do(bones: list[ref.Bone], rig_map: dict[str, Any]) -> None:
    frame = make.idle_pose()
    retargeter = ref.Retargeter(bones, rig_map)
    shown = retargeter.retarget(frame)
    places, _ = skeleton.forward_kinematics(frame.rotations, frame.pelvis)
    for name in ("left_ankle", "right_ankle"):
        joint = ref.JOINT_INDEX[name]
        place = retargeter.space.positions_from(shown["places"][retargeter.bone_of[joint]])
        np.testing.assert_allclose(place[[0, 2]], places[joint, [0, 2]], atol=1e-4)


def test_arms_of_an_a_pose_rig_point_where_the_canonical_arms_point() -> None:
    frame = make.motion(1, 9)[0]
    retargeter = ref.Retargeter(rigs.mannequin(), rigs.MANNEQUIN_MAP)
    shown = retargeter.space.positions_from(retargeter.retarget(frame)["places"])
    places, _ = skeleton.forward_kinematics(frame.rotations, frame.pelvis)
    for side in ("left", "right"):
        for joint, child in (("shoulder", "elbow"), ("elbow", "wrist")):
            ends = [ref.JOINT_INDEX[f"{side}_{name}"] for name in (joint, child)]
            bone = np.subtract(*(shown[retargeter.bone_of[j]] for j in ends))
            canonical = np.subtract(*(places[j] for j in ends))
            cosine = bone @ canonical / np.linalg.norm(bone) / np.linalg.norm(canonical)
            assert cosine > 1.0 - 1e-6


def test_percentiles_are_at_most_a_32nd_above_the_exact_ones() -> None:
    for case in load()["percentiles"]:
        values = np.minimum(case["values"], ref.Histogram.LARGEST)
        for share, found in zip(case["shares"], case["percentiles"]):
            exact = np.quantile(values, share, method="inverted_cdf") if len(values) else 0
            assert exact <= found <= exact * (1 + 1 / 32)


def test_scripted_lives_reach_every_state_and_origin() -> None:
    steps = [step for case in load()["pacing"] for step in case["steps"]]
    assert {s["state"] for s in steps if "state" in s} == {"Starting", "Streaming", "Easing", "Idle", "Culled"}
    assert {s["request"]["origin"] for s in steps if "request" in s} == {"cold", "continues", "history"}
    results = [a["result"] for s in steps for a in s.get("arrived", ()) if "result" in a]
    assert {r["action"] for r in results} == {"joined", "dropped", "ignored"}
    assert {r["seam"] for r in results if "seam" in r} == {True, False}
