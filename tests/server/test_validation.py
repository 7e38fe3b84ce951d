"""Bad input: each is answered with the field, its value and the allowed range, and leaves the stream alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.rpc import code_pb2
from grpc_status import rpc_status
from tests.bundles import standing
from tests.server.messages import Stream, controls, details, generate, history_of, packed, request

from strut_model.frames import FrameEncoding
from strut_proto.v1 import (
    controls_pb2,
    frames_pb2,
    geometry_pb2,
    motion_service_pb2,
    skeleton_pb2,
)
from strut_server.local import LocalServer, local_server
from strut_server.settings import ServerSettings

Request = motion_service_pb2.WindowRequest
NAN = float("nan")
INFINITE = float("inf")


def trajectory(*samples: controls_pb2.TrajectorySample) -> Request:
    asked = request()
    del asked.controls.trajectory.samples[:]
    asked.controls.trajectory.samples.extend(samples)
    return asked


def sample(x: float = 0.0, z: float = 1.0, **fields: float) -> controls_pb2.TrajectorySample:
    return controls_pb2.TrajectorySample(position=geometry_pb2.GroundPoint(x=x, z=z), **fields)


def with_history(change: Callable[[frames_pb2.History], None]) -> Request:
    history = history_of(end_frame=15)
    change(history)
    return request(start_frame=16, history=history)


def spoilt(spoil: Callable[[object], None], encoding: FrameEncoding = FrameEncoding.FLOAT32) -> Request:
    """A history with something wrong in one of its frames."""
    motion = standing()
    spoil(motion)
    return request(start_frame=16, history=frames_pb2.History(frames=packed(motion, encoding), end_frame=15))


def put(field: str, where: tuple[int, ...], value: float) -> Callable[[object], None]:
    def spoil(motion: object) -> None:
        getattr(motion, field)[where] = value

    return spoil


def changed(change: Callable[[Request], None], **fields: object) -> Request:
    asked = request(**fields)
    change(asked)
    return asked


def style(change: Callable[[controls_pb2.StyleMix], None]) -> Request:
    return changed(lambda asked: change(asked.controls.style))


def component(**fields: object) -> Callable[[controls_pb2.StyleMix], None]:
    return lambda mix: mix.components.add(**fields)


def part(**fields: object) -> Callable[[controls_pb2.StyleMix], None]:
    return lambda mix: mix.parts.add(**fields)


def gesture(content: str, **fields: float) -> Request:
    asked = request(controls=controls(content, ahead=None))
    asked.controls.content.gesture.SetInParent()
    for name, value in fields.items():
        setattr(asked.controls.content.gesture, name, value)
    return asked


def lock(**fields: object) -> Request:
    return with_history(lambda history: history.foot_locks.locks.add(**fields))


SAMPLES = "controls.trajectory.samples"
DATA = "timeline.history.frames.data"
LEFT_FOOT = skeleton_pb2.CONTACT_JOINT_LEFT_FOOT

# what is wrong: the request, the field, and what the description has to say
BAD: dict[str, tuple[Request, str, tuple[str, ...]]] = {
    "position not finite": (trajectory(sample(x=NAN)), f"{SAMPLES}[0].position.x", ("nan", "-100000 to 100000 metres")),
    "position infinite": (trajectory(sample(z=INFINITE)), f"{SAMPLES}[0].position.z", ("inf",)),
    "facing not finite": (trajectory(sample(facing=NAN)), f"{SAMPLES}[0].facing", ("nan", "-1000 to 1000 radians")),
    "time not finite": (trajectory(sample(time=NAN)), f"{SAMPLES}[0].time", ("nan", "0 to 60 seconds")),
    "time negative": (trajectory(sample(time=-1.0)), f"{SAMPLES}[0].time", ("-1", "0 to 60 seconds")),
    "empty trajectory": (trajectory(), f"{SAMPLES}", ("0 samples", "1 to 256")),
    "too many samples": (trajectory(*[sample()] * 257), f"{SAMPLES}", ("257 samples", "1 to 256")),
    "empty sample": (trajectory(controls_pb2.TrajectorySample(time=1.0)), f"{SAMPLES}[0]", ("a position",)),
    "times out of order": (
        trajectory(sample(z=0.5, time=0.5), sample(z=0.9, time=0.4)),
        f"{SAMPLES}[1].time",
        ("0.4", "later than 0.5"),
    ),
    "absurd speed between samples": (
        trajectory(sample(z=0.5, time=0.5), sample(z=40.0, time=1.0)),
        f"{SAMPLES}[1].position",
        ("79", "at most 12 metres a second"),
    ),
    "absurd speed to the first sample": (
        trajectory(sample(z=100.0, time=0.5)),
        f"{SAMPLES}[0].position",
        ("100 metres from the character at 0.5 seconds", "at most 12 metres a second"),
    ),
    "absurd speed asked for": (
        trajectory(sample(speed=30.0)),
        f"{SAMPLES}[0].speed",
        ("30", "0 to 12 metres a second"),
    ),
    "unknown timing": (
        changed(lambda asked: setattr(asked.controls.trajectory, "timing", 9)),
        "controls.trajectory.timing",
        ("9", "TRAJECTORY_TIMING_FIXED"),
    ),
    "unknown content": (
        request(controls=controls("wlak")),
        "controls.content.label",
        ("'wlak'", "walk, run, wave, idle", "nearest: walk"),
    ),
    "no content": (changed(lambda a: a.controls.ClearField("content")), "controls.content", ("missing", "walk")),
    "content code of the wrong length": (
        changed(lambda asked: asked.controls.content.code.values.extend([0.0] * 63)),
        "controls.content.code.values",
        ("63 values", "allowed: 64"),
    ),
    "content code not finite": (
        changed(lambda asked: asked.controls.content.code.values.extend([0.0] * 63 + [NAN])),
        "controls.content.code.values[63]",
        ("nan", "-1000 to 1000"),
    ),
    "gesture of a locomotion": (gesture("walk", phase=0.5), "controls.content.gesture", ("locomotion 'walk'",)),
    "gesture's phase": (gesture("wave", phase=1.5), "controls.content.gesture.phase", ("1.5", "0 to 1")),
    "gesture's duration": (gesture("wave", duration=0.0), "controls.content.gesture.duration", ("0.2 to 30 seconds",)),
    "unknown style": (
        style(component(name="yuothful")),
        "controls.style.components[1].name",
        ("'yuothful'", "nearest: youthful", "active, elderly, normal, youthful"),
    ),
    "style without name": (style(component(weight=1.0)), "controls.style.components[1].style", ("missing", "name")),
    "style vector of the wrong length": (
        style(component(vector=controls_pb2.StyleVector(values=[0.0] * 64))),
        "controls.style.components[1].vector.values",
        ("64 values", "allowed: 320"),
    ),
    "style vector not finite": (
        style(component(vector=controls_pb2.StyleVector(values=[NAN] * 320))),
        "controls.style.components[1].vector.values[0]",
        ("nan",),
    ),
    "negative weight": (
        style(component(name="elderly", weight=-1.0)),
        "controls.style.components[1].weight",
        ("-1", "0 to 1000"),
    ),
    "no weight at all": (
        style(lambda mix: setattr(mix.components[0], "weight", 0.0)),
        "controls.style.components",
        ("no weight above 0",),
    ),
    "too many styles": (
        style(lambda mix: mix.components.extend([controls_pb2.StyleComponent(name="active")] * 16)),
        "controls.style.components",
        ("17 styles", "0 to 16"),
    ),
    "strength too high": (
        style(lambda mix: setattr(mix, "strength", 2.0)),
        "controls.style.strength",
        ("2", "0 to 1.5"),
    ),
    "strength not finite": (style(lambda mix: setattr(mix, "strength", NAN)), "controls.style.strength", ("nan",)),
    "part without name": (style(part(strength=1.0)), "controls.style.parts[0].part", ("0", "BODY_PART_TORSO")),
    "part twice": (
        style(lambda mix: mix.parts.extend([controls_pb2.PartStyle(part=skeleton_pb2.BODY_PART_TORSO)] * 2)),
        "controls.style.parts[1].part",
        ("BODY_PART_TORSO", "at most once"),
    ),
    "part's strength": (
        style(part(part=skeleton_pb2.BODY_PART_LEFT_ARM, strength=9.0)),
        "controls.style.parts[0].strength",
        ("9", "0 to 1.5"),
    ),
    "part's style": (
        style(part(part=skeleton_pb2.BODY_PART_LEFT_ARM, components=[controls_pb2.StyleComponent(name="drunk")])),
        "controls.style.parts[0].components[0].name",
        ("'drunk'",),
    ),
    "steps": (request(controls=controls(steps=3)), "controls.steps", ("3", "1, 2, 4")),
    "minimum of steps": (
        changed(lambda asked: setattr(asked.controls, "min_steps", 4)),
        "controls.min_steps",
        ("4", "1, 2"),
    ),
    "content's guidance": (
        changed(lambda asked: setattr(asked.controls, "content_guidance", 9.0)),
        "controls.content_guidance",
        ("9", "1 to 3"),
    ),
    "no origin": (changed(lambda a: a.timeline.ClearField("cold_start")), "timeline.origin", ("missing", "cold_start")),
    "start before the beginning": (
        changed(lambda a: setattr(a.timeline, "start_frame", -1)),
        "timeline.start_frame",
        ("-1",),
    ),
    "place of a cold start": (request(place=(NAN, 0.0, 0.0)), "timeline.cold_start.position.x", ("nan",)),
    "heading of a cold start": (request(place=(0.0, 0.0, INFINITE)), "timeline.cold_start.heading", ("inf",)),
    "pose of a cold start": (
        changed(lambda a: a.timeline.cold_start.pose.CopyFrom(packed(standing(2)))),
        "timeline.cold_start.pose.count",
        ("2 frames", "allowed: 1"),
    ),
    "history too short": (
        request(start_frame=16, history=history_of(standing(1), 15)),
        "timeline.history.frames.count",
        ("1 frames", "2 to 8"),
    ),
    "history too long": (
        request(start_frame=16, history=history_of(standing(9), 15)),
        "timeline.history.frames.count",
        ("9 frames", "2 to 8"),
    ),
    "history ends elsewhere": (
        request(start_frame=16, history=history_of(end_frame=12)),
        "timeline.history.end_frame",
        ("12", "15, the frame before timeline.start_frame"),
    ),
    "history without frames": (
        with_history(lambda history: history.ClearField("frames")),
        "timeline.history.frames",
        ("missing", "2 to 8 frames"),
    ),
    "unknown encoding": (
        with_history(lambda history: setattr(history.frames, "encoding", 7)),
        "timeline.history.frames.encoding",
        ("7", "FRAME_ENCODING_QUAT48"),
    ),
    "wrong number of joints": (
        with_history(lambda history: setattr(history.frames, "data", bytes(8 * (28 + 16 * 24)))),
        DATA,
        ("3296 bytes", "3040", "22 joints"),
    ),
    "root not finite": (spoilt(put("root_position", (3, 1), NAN)), DATA, ("frame 3", "root x or z is nan")),
    "heading not finite": (spoilt(put("root_heading", (2,), NAN)), DATA, ("frame 2", "heading is nan")),
    "pelvis not finite": (spoilt(put("pelvis", (7, 1), INFINITE)), DATA, ("frame 7", "pelvis y is inf")),
    "pelvis far away": (spoilt(put("pelvis", (0, 0), 40.0)), DATA, ("frame 0", "40", "-10 to 10 metres")),
    "rotation not finite": (spoilt(put("rotations", (4, 5, 2), NAN)), DATA, ("frame 4, joint 5", "is nan")),
    "rotation not unit": (
        spoilt(put("rotations", (1, 9, 3), 2.0)),
        DATA,
        ("frame 1, joint 9", "length of a quaternion is 2", "0.99 to 1.01"),
    ),
    "QUAT48 root not finite": (
        spoilt(put("root_position", (0, 0), NAN), FrameEncoding.QUAT48),
        DATA,
        ("frame 0", "root x or z is nan"),
    ),
    "lock of no joint": (lock(), "timeline.history.foot_locks.locks[0].joint", ("0", "CONTACT_JOINT_LEFT_FOOT")),
    "lock not finite": (
        lock(joint=LEFT_FOOT, position=geometry_pb2.Vector3(x=NAN)),
        "timeline.history.foot_locks.locks[0].position.x",
        ("nan",),
    ),
    "lock twice": (
        with_history(lambda h: h.foot_locks.locks.extend([frames_pb2.FootLock(joint=LEFT_FOOT)] * 2)),
        "timeline.history.foot_locks.locks[1].joint",
        ("CONTACT_JOINT_LEFT_FOOT", "at most once"),
    ),
    "teleport to nowhere": (
        changed(lambda a: setattr(a.timeline.teleport, "continues_sequence", 1)),
        "timeline.teleport.position",
        ("missing",),
    ),
    "teleport from nowhere": (
        changed(lambda a: a.timeline.teleport.position.SetInParent()),
        "timeline.teleport",
        ("neither", "continues_sequence and history"),
    ),
    "world's anchor elsewhere": (request(anchor=geometry_pb2.Anchor(x=3.0)), "anchor.x", ("3.0", "0 for id 0")),
    "anchor not finite": (request(anchor=geometry_pb2.Anchor(id=1, heading=NAN)), "anchor.heading", ("nan", "finite")),
    "no frames": (request(frames=0), "frames", ("0", "1 to 16 frames")),
    "too many frames": (request(frames=17), "frames", ("17", "1 to 16 frames")),
    "priority": (request(priority=1001), "priority", ("1001", "0 to 1000")),
    "deadline": (request(deadline_ms=0), "deadline_ms", ("0", "1 to 5000 milliseconds")),
    "name": (request(name="x" * 65), "name", ("65 characters", "0 to 64")),
    "no sequence": (request(sequence=0), "sequence", ("0", "1 or more")),
}


@pytest.fixture(scope="module")
def stream(server: LocalServer) -> Iterator[Stream]:
    with Stream(server.address) as opened:
        yield opened


@pytest.mark.parametrize("case", BAD)
def test_bad_input_names_field_value_and_range(stream: Stream, case: str) -> None:
    asked, field, words = BAD[case]
    error = stream.error(asked)
    reason, _, violations = details(error)
    assert (error.code, reason) == (code_pb2.INVALID_ARGUMENT, "INVALID_FIELD"), error.message
    assert field in violations, violations
    for word in words:
        assert word in violations[field], violations[field]
    assert field in error.message


def scene(**fields: object) -> Request:
    return changed(lambda a: a.controls.scene.CopyFrom(controls_pb2.SceneControl(**fields)))


UNIMPLEMENTED: dict[str, tuple[Request, str, str]] = {
    "scene vector": (scene(vector=controls_pb2.SceneVector()), "controls.scene.vector", "CAPABILITY_SCENE"),
    "keyframes": (
        changed(lambda a: a.controls.keyframes.add(time=1.0)),
        "controls.keyframes",
        "CAPABILITY_KEYFRAMES",
    ),
    "content in words": (
        changed(lambda a: setattr(a.controls.content, "text", "walk on")),
        "controls.content.text",
        "CAPABILITY_CONTENT_TEXT",
    ),
    "style dimensions": (
        style(lambda mix: mix.dimensions.add(name="tempo", value=1.0)),
        "controls.style.dimensions",
        "CAPABILITY_STYLE_DIMENSIONS",
    ),
    "style gating": (
        style(lambda mix: setattr(mix, "gating", controls_pb2.STYLE_GATING_AUTOMATIC)),
        "controls.style.gating",
        "CAPABILITY_STYLE_GATING",
    ),
}


@pytest.mark.parametrize("case", UNIMPLEMENTED)
def test_what_is_not_there_yet_is_said_and_never_passed_over(stream: Stream, case: str) -> None:
    asked, field, capability = UNIMPLEMENTED[case]
    error = stream.error(asked)
    reason, metadata, _ = details(error)
    assert (error.code, reason) == (code_pb2.UNIMPLEMENTED, "CAPABILITY_MISSING")
    assert metadata == {"capability": capability, "field": field}
    number = motion_service_pb2.Capability.Value(capability)
    assert number not in stream.hello.capabilities


def test_everything_wrong_with_a_request_is_told_at_once(stream: Stream) -> None:
    asked = request(frames=99, priority=2000, controls=controls("fly", "drunk"))
    _, _, violations = details(stream.error(asked))
    assert set(violations) == {"frames", "priority", "controls.content.label", "controls.style.components[0].name"}


def test_a_bad_request_does_not_touch_its_neighbours(stream: Stream) -> None:
    stream.ask(request(character=50), request(character=51, frames=99), request(character=52))
    replies = {reply.character: reply.WhichOneof("result") for reply in stream.replies(3)}
    assert replies == {50: "window", 51: "error", 52: "window"}


def test_sequences_ascend(stream: Stream) -> None:
    stream.window(request(character=60, sequence=5))
    _, _, violations = details(stream.error(request(character=60, sequence=5)))
    assert "6 or more" in violations["sequence"]


def test_a_character_comes_once_in_a_message(stream: Stream) -> None:
    stream.ask(request(character=61, sequence=1), request(character=61, sequence=2))
    replies = {reply.sequence: reply for reply in stream.replies(2)}
    assert replies[1].WhichOneof("result") == "window"
    assert "at most once" in details(replies[2].error)[2]["character"]


def test_a_message_as_a_whole_is_refused_and_the_stream_goes_on(stream: Stream) -> None:
    stream.ask()
    empty = stream.receive().error
    assert "1 to 256" in details(empty)[2]["requests.requests"]
    stream.ask(*(request(character=number) for number in range(257)))
    large = stream.receive().error
    assert (large.code, details(large)[0]) == (code_pb2.RESOURCE_EXHAUSTED, "BATCH_TOO_LARGE")
    stream.send(motion_service_pb2.StreamMotionRequest())
    assert "message" in details(stream.receive().error)[2]
    assert stream.window(request(character=62)).frames.count == 16


def hello(**fields: object) -> motion_service_pb2.StreamMotionRequest:
    return motion_service_pb2.StreamMotionRequest(hello=motion_service_pb2.ClientHello(**fields))


ENDINGS: dict[str, tuple[list[motion_service_pb2.StreamMotionRequest], grpc.StatusCode, str]] = {
    "no hello": (
        [motion_service_pb2.StreamMotionRequest(requests=motion_service_pb2.WindowRequestBatch(requests=[request()]))],
        grpc.StatusCode.FAILED_PRECONDITION,
        "HELLO_EXPECTED",
    ),
    "second hello": (
        [hello(protocol_version=1), hello(protocol_version=1)],
        grpc.StatusCode.FAILED_PRECONDITION,
        "HELLO_EXPECTED",
    ),
    "other version": ([hello(protocol_version=2)], grpc.StatusCode.FAILED_PRECONDITION, "PROTOCOL_VERSION"),
    "unknown encoding": ([hello(protocol_version=1, encoding=9)], grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"),
    "long name": (
        [hello(protocol_version=1, client_name="x" * 65)],
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_FIELD",
    ),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_a_stream_that_breaks_the_order_is_ended_with_the_reason(server: LocalServer, case: str) -> None:
    messages, code, reason = ENDINGS[case]
    with Stream(server.address, hello=False) as stream:
        for message in messages:
            stream.send(message)
        error = stream.ending()
    assert error.code() is code
    status = rpc_status.from_call(error)
    assert status is not None
    assert details(status)[0] == reason


def test_bytes_that_are_no_message_end_the_stream_with_a_reason(server: LocalServer) -> None:
    hello_bytes = hello(protocol_version=1).SerializeToString()
    with grpc.insecure_channel(server.address) as channel:
        call = channel.stream_stream("/strut.v1.MotionService/StreamMotion")(iter([hello_bytes, b"\xff\xff"]))
        next(call)
        with pytest.raises(grpc.RpcError) as caught:
            next(call)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "cannot be parsed" in caught.value.details()


def test_a_message_that_is_too_large_is_refused(server: LocalServer) -> None:
    with grpc.insecure_channel(server.address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/strut.v1.MotionService/GenerateWindows")(bytes(5_000_000))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_more_characters_than_allowed_are_refused(bundle_path: Path) -> None:
    with (
        local_server(ServerSettings(port=0, bundle=bundle_path, max_characters=2)) as small,
        Stream(small.address) as stream,
    ):
        stream.window(request(character=1))
        stream.window(request(character=2))
        error = stream.error(request(character=3))
        assert (error.code, details(error)[0]) == (code_pb2.RESOURCE_EXHAUSTED, "TOO_MANY_CHARACTERS")
        stream.release(1)
        assert stream.window(request(character=3)).frames.count == 16


def test_only_streams_continue_a_sequence(server: LocalServer) -> None:
    continuing = request(sequence=2, start_frame=16, continues=1)
    teleporting = request(start_frame=16)
    teleporting.timeline.teleport.CopyFrom(
        motion_service_pb2.Teleport(continues_sequence=1, position=geometry_pb2.GroundPoint())
    )
    replies = generate(server.address, [continuing, teleporting])
    fields = [next(iter(details(reply.error)[2])) for reply in replies]
    assert fields == ["timeline.continues_sequence", "timeline.teleport.continues_sequence"]


@pytest.mark.parametrize("count", [0, 257])
def test_a_batch_of_windows_has_a_size(server: LocalServer, count: int) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        generate(server.address, [request()] * count)
    status = rpc_status.from_call(caught.value)
    assert status is not None
    assert details(status)[0] == ("INVALID_FIELD" if count == 0 else "BATCH_TOO_LARGE")


def test_rotations_that_are_nearly_unit_are_taken(server: LocalServer) -> None:
    motion = standing()
    motion.rotations[:] *= np.float32(1.004)
    asked = request(start_frame=16, history=history_of(motion, 15))
    (reply,) = generate(server.address, [asked])
    assert reply.WhichOneof("result") == "window"
