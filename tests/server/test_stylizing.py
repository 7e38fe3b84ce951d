"""StylizeClip over a real connection: parts, progress, the clip's own skeleton, refusals, cancelling."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from grpc_status import rpc_status
from tests.model.rigs import Rig, build, t_posed, walking
from tests.server.messages import details

from strut_model.bvh import format_bvh, parse_bvh
from strut_model.frames import FrameEncoding, unpack_frames
from strut_model.motion import Motion
from strut_proto.v1 import controls_pb2, frames_pb2, motion_service_pb2, motion_service_pb2_grpc, skeleton_pb2
from strut_server.local import LocalServer
from strut_server.server_info import CAPABILITIES
from strut_server.style_mixes import PART_OF

FRAMES = 200
BVH = format_bvh(build(Rig(), t_posed(walking(FRAMES - 1)))).encode()
Response = motion_service_pb2.StylizeClipResponse


@pytest.fixture(scope="module")
def stub(server: LocalServer) -> Iterator[motion_service_pb2_grpc.MotionServiceStub]:
    with grpc.insecure_channel(server.address) as channel:
        yield motion_service_pb2_grpc.MotionServiceStub(channel)


@pytest.fixture(scope="module")
def style(stub: motion_service_pb2_grpc.MotionServiceStub) -> controls_pb2.StyleMix:
    name = stub.GetServerInfo(motion_service_pb2.GetServerInfoRequest()).server.model.neutral_style
    return controls_pb2.StyleMix(components=[controls_pb2.StyleComponent(name=name)])


def request(style: controls_pb2.StyleMix, **more: object) -> motion_service_pb2.StylizeClipRequest:
    clip = motion_service_pb2.MotionClip(name="walk", bvh=BVH)
    return motion_service_pb2.StylizeClipRequest(clip=clip, style=style, **more)  # type: ignore[arg-type]


def motion_of(responses: list[Response], encoding: FrameEncoding = FrameEncoding.FLOAT32) -> Motion:
    parts = [r.frames for r in responses if r.HasField("frames")]
    return Motion.concatenate([unpack_frames(p.data, encoding) for p in parts])


def test_the_capability_is_listed() -> None:
    assert motion_service_pb2.CAPABILITY_STYLIZE_CLIP in CAPABILITIES


def test_a_clip_comes_back_in_parts_with_progress(
    stub: motion_service_pb2_grpc.MotionServiceStub, style: controls_pb2.StyleMix
) -> None:
    responses = list(stub.StylizeClip(request(style)))
    parts = [r for r in responses if r.HasField("frames")]
    assert len(parts) > 1
    assert [p.start_frame for p in parts] == [sum(p.frames.count for p in parts[:n]) for n in range(len(parts))]
    assert sum(p.frames.count for p in parts) == FRAMES
    progress = [r.progress for r in responses]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert not any(r.HasField("bvh") for r in responses)
    assert np.isfinite(motion_of(responses).positions()).all()


def test_at_an_amount_of_0_the_file_comes_back_byte_for_byte(
    stub: motion_service_pb2_grpc.MotionServiceStub, style: controls_pb2.StyleMix
) -> None:
    last = list(stub.StylizeClip(request(style, amount=0.0, own_skeleton=True)))[-1]
    assert last.bvh == BVH


def test_the_result_comes_on_the_clips_own_skeleton_in_the_encoding_asked_for(
    stub: motion_service_pb2_grpc.MotionServiceStub, style: controls_pb2.StyleMix
) -> None:
    asked = request(style, own_skeleton=True, encoding=frames_pb2.FRAME_ENCODING_QUAT48)
    responses = list(stub.StylizeClip(asked))
    own = parse_bvh(responses[-1].bvh.decode())
    assert (own.names, own.frames) == (parse_bvh(BVH.decode()).names, FRAMES)
    assert motion_of(responses, FrameEncoding.QUAT48).frames == FRAMES


def test_parts_that_are_not_named_stay(
    stub: motion_service_pb2_grpc.MotionServiceStub, style: controls_pb2.StyleMix
) -> None:
    arm = next(number for number, name in PART_OF.items() if name == "left_arm")
    still = motion_of(list(stub.StylizeClip(request(style, amount=0.0))))
    moved = motion_of(list(stub.StylizeClip(request(style, parts=[arm]))))
    change = np.abs(moved.rotations - still.rotations).max(axis=(0, 2))
    assert change[16] > 1e-3  # the left shoulder
    assert change[17] < 1e-5  # the right one


def test_frames_in_the_place_of_a_file_and_a_second_clip_as_the_style(
    stub: motion_service_pb2_grpc.MotionServiceStub, style: controls_pb2.StyleMix
) -> None:
    frames = next(r.frames for r in stub.StylizeClip(request(style, amount=0.0)) if r.HasField("frames"))
    asked = motion_service_pb2.StylizeClipRequest(
        clip=motion_service_pb2.MotionClip(frames=frames),
        style_clip=motion_service_pb2.MotionClip(bvh=BVH),
        own_skeleton=True,
    )
    responses = list(stub.StylizeClip(asked))
    assert sum(r.frames.count for r in responses) == frames.count
    assert responses[-1].bvh.startswith(b"HIERARCHY")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 1.5}, "amount"),
        ({"parts": [skeleton_pb2.BODY_PART_UNSPECIFIED]}, "parts[0]"),
        ({"steps": 3}, "steps"),
        ({"content": controls_pb2.Content(label="swim")}, "content.label"),
        ({"style_clip": motion_service_pb2.MotionClip(bvh=BVH)}, "style"),
        ({"clip": motion_service_pb2.MotionClip()}, "clip.source"),
        ({"clip": motion_service_pb2.MotionClip(bvh=BVH, bone_map={"hips": "tail"})}, "clip.bone_map['hips']"),
    ],
)
def test_what_is_wrong_is_named(
    stub: motion_service_pb2_grpc.MotionServiceStub,
    style: controls_pb2.StyleMix,
    change: dict[str, object],
    field: str,
) -> None:
    asked = request(style)
    asked.MergeFrom(motion_service_pb2.StylizeClipRequest(**{k: v for k, v in change.items() if k != "clip"}))  # type: ignore[arg-type]
    if "clip" in change:
        asked.clip.CopyFrom(change["clip"])  # type: ignore[arg-type]
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.StylizeClip(asked))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(caught.value)
    assert status is not None
    assert field in details(status)[2]


def test_a_mode_that_is_not_there_names_its_capability(
    stub: motion_service_pb2_grpc.MotionServiceStub, style: controls_pb2.StyleMix
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        list(stub.StylizeClip(request(style, mode=motion_service_pb2.STYLIZE_MODE_FAITHFUL)))
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    status = rpc_status.from_call(caught.value)
    assert status is not None
    reason, metadata, _ = details(status)
    assert (reason, metadata["field"]) == ("CAPABILITY_MISSING", "mode")
    assert metadata["capability"] in set(motion_service_pb2.Capability.keys())


def test_a_broken_file_is_refused_with_where_it_breaks(
    stub: motion_service_pb2_grpc.MotionServiceStub, style: controls_pb2.StyleMix
) -> None:
    asked = request(style)
    asked.clip.bvh = BVH[: len(BVH) // 2]
    with pytest.raises(grpc.RpcError, match="line") as caught:
        list(stub.StylizeClip(asked))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_cancelled_call_leaves_room_for_the_next(
    stub: motion_service_pb2_grpc.MotionServiceStub, style: controls_pb2.StyleMix
) -> None:
    for _ in range(10):
        call = stub.StylizeClip(request(style))
        next(iter(call))
        call.cancel()
    assert list(stub.StylizeClip(request(style)))[-1].progress == 1.0
