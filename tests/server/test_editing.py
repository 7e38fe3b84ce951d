"""EditClip over a real connection: edits in order, edits in words, the clip's own skeleton, refusals."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from grpc_status import rpc_status
from tests.model.rigs import Rig, build, t_posed, walking
from tests.server.messages import details

from strut_model import sentences
from strut_model.bvh import format_bvh, parse_bvh
from strut_proto.v1 import motion_service_pb2, motion_service_pb2_grpc, skeleton_pb2
from strut_server.local import LocalServer
from strut_server.server_info import CAPABILITIES

FRAMES = 80
BVH = format_bvh(build(Rig(), t_posed(walking(FRAMES - 1)))).encode()
CLIP = motion_service_pb2.MotionClip(name="walk", bvh=BVH)
Edit, Request = motion_service_pb2.ClipEdit, motion_service_pb2.EditClipRequest
SLOWER = Edit(tempo=motion_service_pb2.TempoEdit(factor=0.5))
MIRROR = Edit(mirror=motion_service_pb2.MirrorEdit())
ARM = skeleton_pb2.BODY_PART_LEFT_ARM


@pytest.fixture(scope="module")
def stub(server: LocalServer) -> Iterator[motion_service_pb2_grpc.MotionServiceStub]:
    with grpc.insecure_channel(server.address) as channel:
        yield motion_service_pb2_grpc.MotionServiceStub(channel)


def test_the_capability_is_listed() -> None:
    assert motion_service_pb2.CAPABILITY_EDIT_CLIP in CAPABILITIES


def test_edits_are_applied_in_order_and_told(stub: motion_service_pb2_grpc.MotionServiceStub) -> None:
    smaller = Edit(amplitude=motion_service_pb2.AmplitudeEdit(factor=0.5, parts=[ARM]))
    blend = Edit(blend=motion_service_pb2.BlendEdit(clip=CLIP, parts=[ARM], weight=0.5))
    further = Edit(exaggerate=motion_service_pb2.ExaggerateEdit(factor=1.25))
    edits = [smaller, MIRROR, SLOWER, blend, further]
    responses = list(stub.EditClip(Request(clip=CLIP, edits=edits, own_skeleton=True)))
    assert [e.WhichOneof("edit") for e in responses[0].edits] == [e.WhichOneof("edit") for e in edits]
    assert list(responses[0].edits[0].amplitude.parts) == [ARM]
    assert sum(r.frames.count for r in responses) == 2 * FRAMES - 1
    assert parse_bvh(responses[-1].bvh.decode()).frames == 2 * FRAMES - 1


def test_edits_that_change_nothing_give_the_file_back(stub: motion_service_pb2_grpc.MotionServiceStub) -> None:
    same = Edit(tempo=motion_service_pb2.TempoEdit(factor=1.0))
    responses = list(stub.EditClip(Request(clip=CLIP, edits=[same], own_skeleton=True)))
    assert responses[-1].bvh == BVH


@pytest.mark.skipif(not sentences.available(), reason="the text extra is not installed")
def test_a_sentence_is_shown_back_as_edits(stub: motion_service_pb2_grpc.MotionServiceStub) -> None:
    asked = Request(clip=CLIP, edits=[SLOWER], text="don't mirror it, but speed it up")
    first = next(iter(stub.EditClip(asked)))
    assert [round(e.tempo.factor, 3) for e in first.edits] == [0.5, 1.25]
    assert list(first.not_understood) == ["don't mirror it"]
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.EditClip(Request(clip=CLIP, text="make him angry")))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(caught.value)
    assert status is not None
    assert "slower or faster" in details(status)[2]["text"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (Request(clip=CLIP), "edits"),
        (Request(clip=CLIP, edits=[Edit()]), "edits[0]"),
        (Request(clip=CLIP, edits=[MIRROR, Edit(tempo=motion_service_pb2.TempoEdit(factor=9))]), "edits[1]"),
        (Request(clip=CLIP, edits=[Edit(blend=motion_service_pb2.BlendEdit())]), "edits[0].blend.clip.source"),
        (Request(edits=[MIRROR]), "clip.source"),
    ],
)
def test_what_is_wrong_is_named(stub: motion_service_pb2_grpc.MotionServiceStub, asked: Request, field: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.EditClip(asked))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(caught.value)
    assert status is not None
    assert field in details(status)[2]
