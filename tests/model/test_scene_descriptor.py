"""Scene descriptors: ranges, vectors, blends, presets."""

from __future__ import annotations

import numpy as np
import pytest

from strut_model.scene.descriptor import NEUTRAL, QUANTITIES, SIZE, SceneDescriptor, SceneError, blend
from strut_model.scene.effects import effects_of
from strut_model.scene.presets import parse_presets, preset, presets
from strut_proto.v1 import controls_pb2


@pytest.mark.parametrize("quantity", QUANTITIES, ids=lambda q: q.name)
def test_both_ends_of_a_range_are_allowed_and_what_lies_beyond_is_named(quantity) -> None:  # type: ignore[no-untyped-def]
    for value in (quantity.low, quantity.high):
        assert SceneDescriptor(**{quantity.name: value})[quantity.name] == value
    for value in (quantity.low - 0.01, quantity.high + 0.01, float("nan")):
        with pytest.raises(
            SceneError, match=rf"{quantity.name}: is .*; allowed: {quantity.low:g} to {quantity.high:g}"
        ):
            SceneDescriptor(**{quantity.name: value})


def test_names_are_those_of_the_contract() -> None:
    contract = {field.name for field in controls_pb2.SceneDescriptor.DESCRIPTOR.fields}
    ours = {q.name for q in QUANTITIES}
    assert ours - contract == {"wind_x", "wind_y", "wind_z"}
    assert contract - ours == {"wind"}


def test_what_is_absent_is_the_neutral_place() -> None:
    assert NEUTRAL["friction"] == 0.8
    assert SceneDescriptor(temperature=-5)["ground_temperature"] == -5
    np.testing.assert_array_equal(NEUTRAL.vector(), np.zeros(SIZE, np.float32))


def test_wind_is_limited_as_a_whole() -> None:
    with pytest.raises(SceneError, match=r"wind: is 70\.7"):
        SceneDescriptor(wind_x=50, wind_z=50)


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_preset_comes_back_from_its_vector_and_does_something(name: str) -> None:
    scene = preset(name).descriptor
    back = SceneDescriptor.from_vector(scene.vector())
    for quantity in QUANTITIES:
        assert back[quantity.name] == pytest.approx(scene[quantity.name], abs=1e-4, rel=1e-4)
    assert not effects_of(scene).neutral


def test_presets_differ_and_tell_their_sources() -> None:
    vectors = np.stack([entry.descriptor.vector() for entry in presets().values()])
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1) + np.eye(len(vectors))
    assert len(vectors) >= 24
    assert apart.min() > 0.02
    assert all(entry.source and entry.description for entry in presets().values())


def test_a_vector_of_another_length_or_not_finite_is_refused() -> None:
    with pytest.raises(SceneError, match=rf"vector: has the shape \(3,\); allowed: \({SIZE},\)"):
        SceneDescriptor.from_vector([0, 0, 0])
    with pytest.raises(SceneError, match="finite"):
        SceneDescriptor.from_vector(np.full(SIZE, np.inf))


def test_a_vector_far_out_is_brought_into_the_ranges() -> None:
    scene = SceneDescriptor.from_vector(np.full(SIZE, 9.0))
    assert np.linalg.norm(scene.wind) == pytest.approx(60)
    assert scene["friction"] == 1.5


def test_a_blend_begins_and_ends_with_the_scenes_themselves() -> None:
    ice, sand = preset("ice").descriptor, preset("desert-sand").descriptor
    assert blend(ice, sand, 0) is ice
    assert blend(ice, sand, 1) is sand
    with pytest.raises(SceneError, match=r"alpha: is 1\.2; allowed: 0 to 1"):
        blend(ice, sand, 1.2)


def test_a_blend_is_half_way_in_the_middle() -> None:
    half = blend(SceneDescriptor(friction=0.2, visibility=10), SceneDescriptor(friction=0.6, visibility=1000), 0.5)
    assert half["friction"] == pytest.approx(0.4)
    # By ratios, not by differences: the mean would be 505.
    assert half["visibility"] == pytest.approx(100, rel=0.02)
    assert half.slope is None


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(SceneError, match=r"'desert', which does not exist; nearest: desert-sand"):
        preset("desert")
    with pytest.raises(SceneError, match="quantity: is 'fricton'; allowed: slope, friction"):
        SceneDescriptor.of({"fricton": 1})


def test_a_wrong_preset_is_named_with_its_field() -> None:
    entry = {"description": "", "source": "", "quantities": {"friction": 2}}
    with pytest.raises(SceneError, match=r"bog.friction: is 2; allowed: 0 to 1.5"):
        parse_presets({"bog": entry})
    with pytest.raises(SceneError, match="bog: has"):
        parse_presets({"bog": {"quantities": {}}})
