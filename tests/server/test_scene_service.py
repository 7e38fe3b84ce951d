"""Scene presets, and scenes read into descriptors."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from grpc_status import rpc_status
from tests.server.messages import details

from strut_model.scene import wording
from strut_model.scene.presets import preset, presets
from strut_proto.v1 import controls_pb2, geometry_pb2, motion_service_pb2, scene_service_pb2, scene_service_pb2_grpc
from strut_server.local import LocalServer
from strut_server.scene_service import descriptor_message, read_descriptor
from strut_server.server_info import CAPABILITIES

Request = scene_service_pb2.EncodeSceneRequest


@pytest.fixture
def stub(server: LocalServer) -> Iterator[scene_service_pb2_grpc.SceneServiceStub]:
    with grpc.insecure_channel(server.address) as channel:
        yield scene_service_pb2_grpc.SceneServiceStub(channel)


def test_presets_are_listed_by_name_in_pages(stub: scene_service_pb2_grpc.SceneServiceStub) -> None:
    names, token = [], ""
    while not names or token:
        page = stub.ListScenePresets(scene_service_pb2.ListScenePresetsRequest(page_size=10, page_token=token))
        assert all(entry.description for entry in page.presets)
        names += [entry.name for entry in page.presets]
        token = page.next_page_token
    assert names == sorted(presets())
    assert len(names) >= 24


def test_a_preset_is_encoded_to_its_quantities_and_no_vector(stub: scene_service_pb2_grpc.SceneServiceStub) -> None:
    answer = stub.EncodeScene(Request(preset="blizzard"))
    found = answer.scene_descriptor
    assert (found.wind.z, found.temperature) == (-16, -12)
    assert not found.HasField("slope")
    assert not answer.HasField("vector")
    assert motion_service_pb2.CAPABILITY_SCENE not in CAPABILITIES


def test_quantities_come_back_as_they_were_given(stub: scene_service_pb2_grpc.SceneServiceStub) -> None:
    given = controls_pb2.SceneDescriptor(slope=0.8, step_height=0.25, wind=geometry_pb2.Vector3(x=3, z=-4))
    answer = stub.EncodeScene(Request(scene_descriptor=given))
    assert answer.scene_descriptor == given


@pytest.mark.parametrize("name", sorted(presets()))
def test_every_preset_survives_the_contract(name: str) -> None:
    scene = preset(name).descriptor
    read = read_descriptor(descriptor_message(scene), "scene")
    assert set(read.given()) >= set(scene.given())
    np.testing.assert_allclose(read.vector(), scene.vector(), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "field", "allowed"),
    [
        (controls_pb2.SceneDescriptor(friction=2), "scene_descriptor.friction", "0 to 1.5"),
        (controls_pb2.SceneDescriptor(step_height=0.5), "scene_descriptor.step_height", "0 to 0.4 metres"),
        (controls_pb2.SceneDescriptor(temperature=float("nan")), "scene_descriptor.temperature", "-60 to 60"),
        (
            controls_pb2.SceneDescriptor(wind=geometry_pb2.Vector3(x=50, z=50)),
            "scene_descriptor.wind",
            "0 to 60 metres a second long",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_quantity_out_of_range_is_named_with_its_range(
    stub: scene_service_pb2_grpc.SceneServiceStub, given: controls_pb2.SceneDescriptor, field: str, allowed: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.EncodeScene(Request(scene_descriptor=given))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(caught.value)
    assert status is not None
    violations = dict(details(status)[2])
    assert allowed in violations[field]


def test_an_unknown_preset_is_not_found_and_near_ones_are_named(
    stub: scene_service_pb2_grpc.SceneServiceStub,
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.EncodeScene(Request(preset="desert"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "desert-sand" in caught.value.details()


@pytest.mark.skipif(wording.available(), reason="the text extra is installed")
def test_a_text_needs_a_capability_that_is_not_there(stub: scene_service_pb2_grpc.SceneServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.EncodeScene(Request(text="a windy mountain ridge at night"))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    status = rpc_status.from_call(caught.value)
    assert status is not None
    reason, metadata, _ = details(status)
    assert (reason, metadata["capability"]) == ("CAPABILITY_MISSING", "CAPABILITY_SCENE_TEXT")


@pytest.mark.skipif(not wording.available(), reason="the text extra is not installed")
def test_a_text_is_shown_back_as_a_descriptor(stub: scene_service_pb2_grpc.SceneServiceStub) -> None:
    found = stub.EncodeScene(Request(text="a windy mountain ridge at night")).scene_descriptor
    assert found.wind.z < -5
    assert found.visibility < 50
    assert found.slope > 0.05
    assert motion_service_pb2.CAPABILITY_SCENE_TEXT in CAPABILITIES
    with pytest.raises(grpc.RpcError, match="allowed: words"):
        stub.EncodeScene(Request(text="?!"))


def test_nothing_described_is_refused(stub: scene_service_pb2_grpc.SceneServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.EncodeScene(Request())
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "scene: is missing" in caught.value.details()
