"""Controls in Python's terms become the contract's messages."""

from __future__ import annotations

import numpy as np
import pytest

from strut_client.controls import (
    Controls,
    Gesture,
    PartStyle,
    Scene,
    StyleMix,
    TrajectorySample,
    controls_message,
    scene_message,
    scene_of_message,
    style_message,
)
from strut_client.style_making import style_mix
from strut_proto.v1 import skeleton_pb2


def test_a_name_is_a_mix_of_one() -> None:
    message = style_message("youthful")
    assert message is not None
    assert [(c.name, c.weight) for c in message.components] == [("youthful", 1.0)]
    assert not message.HasField("strength")


def test_names_with_weights_are_a_mix() -> None:
    message = style_message({"youthful": 3, "elderly": 1})
    assert message is not None
    assert [(c.name, c.weight) for c in message.components] == [("youthful", 3.0), ("elderly", 1.0)]


def test_a_vector_is_sent_part_after_part() -> None:
    vector = np.arange(320, dtype=np.float32).reshape(5, 64)
    message = style_message(vector)
    assert message is not None
    np.testing.assert_array_equal(message.components[0].vector.values, np.arange(320))


def test_a_whole_mix_has_strength_and_parts() -> None:
    mix = StyleMix(
        {"normal": 1.0},
        strength=0.5,
        parts={"left_arm": PartStyle({"youthful": 1.0}), "torso": PartStyle(strength=1.5)},
    )
    message = style_message(mix)
    assert message is not None
    assert message.strength == 0.5
    assert [p.part for p in message.parts] == [skeleton_pb2.BODY_PART_LEFT_ARM, skeleton_pb2.BODY_PART_TORSO]
    assert message.parts[0].components[0].name == "youthful"
    assert not message.parts[0].HasField("strength")
    assert message.parts[1].strength == 1.5


def test_priorities_and_dimensions_go_with_a_mix_and_come_back() -> None:
    mix = StyleMix({"elderly": 1.0, "waving": 2.0}, priorities={"waving": 3}, dimensions={"amplitude": -1.5})
    message = style_message(mix)
    assert message is not None
    assert [(c.name, c.priority) for c in message.components] == [("elderly", 0), ("waving", 3)]
    assert [(d.name, d.value) for d in message.dimensions] == [("amplitude", -1.5)]
    assert style_mix(message) == mix
    with pytest.raises(ValueError, match="priorities: name proud, must be among the components elderly"):
        style_message(StyleMix({"elderly": 1.0}, priorities={"proud": 1}))


def test_no_style_is_left_to_the_server() -> None:
    assert not controls_message(Controls(content="walk")).HasField("style")


def test_an_unknown_part_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="part: is 'tail', it must be one of torso, left_leg, right_leg"):
        style_message(StyleMix({}, parts={"tail": PartStyle()}))


def test_what_is_not_given_is_absent() -> None:
    message = controls_message(Controls(content="walk", trajectory=[TrajectorySample(speed=1.0)]))
    sample = message.trajectory.samples[0]
    assert sample.HasField("speed")
    assert not any(sample.HasField(name) for name in ("position", "facing", "time"))
    assert not any(message.HasField(name) for name in ("seed", "steps", "min_steps", "scene", "content_guidance"))
    assert not message.content.HasField("gesture")


def test_an_empty_trajectory_is_sent_as_such_for_the_server_to_refuse() -> None:
    message = controls_message(Controls(content="walk", trajectory=[]))
    assert message.HasField("trajectory")
    assert len(message.trajectory.samples) == 0


def test_contents_are_labels_or_codes() -> None:
    gesture = controls_message(Controls(content="wave", gesture=Gesture(phase=0.25, hold=True))).content
    assert (gesture.label, gesture.gesture.phase, gesture.gesture.hold) == ("wave", 0.25, True)
    assert not gesture.gesture.HasField("duration")
    code = controls_message(Controls(content=np.ones(64, np.float32))).content
    assert code.WhichOneof("content") == "code"
    assert len(code.code.values) == 64


@pytest.mark.parametrize(
    "scene",
    [
        Scene(preset="ice", alpha=0.5),
        Scene(text="a frozen lake"),
        Scene(quantities={"friction": 0.25, "wind_x": 3.0, "wind_y": 0.0, "wind_z": -4.0}, alpha=0.0),
    ],
)
def test_a_scene_is_read_back_as_it_was_given(scene: Scene) -> None:
    message = controls_message(Controls(scene=scene)).scene
    assert scene_of_message(message) == scene


def test_a_scene_is_named_or_a_vector_or_none() -> None:
    named = scene_message("ice")
    assert named is not None
    assert (named.preset, named.HasField("alpha")) == ("ice", False)
    vector = np.arange(320, dtype=np.float32).reshape(5, 64)
    given = scene_message(Scene(vector=vector))
    assert given is not None
    np.testing.assert_array_equal(scene_of_message(given).vector, vector)
    assert not controls_message(Controls()).HasField("scene")


@pytest.mark.parametrize(
    ("scene", "words"),
    [(Scene(preset="ice", text="ice"), "several forms"), (Scene(quantities={"fricton": 0.1}), "friction")],
)
def test_a_scene_that_cannot_be_sent_is_refused(scene: Scene, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        scene_message(scene)
