"""Scenes in window requests: grounds, obstacles, and the speed along the path."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from google.rpc import code_pb2
from tests.server.messages import TIMEOUT, Stream, controls, details, history_from, motion_of, request, retry_seconds

from strut_model import sentences
from strut_model.scene import wording
from strut_model.scene.effects import effects_of
from strut_model.scene.presets import preset
from strut_proto.v1 import (
    controls_pb2,
    geometry_pb2,
    motion_service_pb2,
    motion_service_pb2_grpc,
    scene_service_pb2,
    scene_service_pb2_grpc,
)
from strut_server import scene_texts
from strut_server.local import LocalServer
from strut_server.server_info import CAPABILITIES

Scene = controls_pb2.SceneControl


@pytest.fixture(scope="module")
def stream(server: LocalServer) -> Iterator[Stream]:
    with Stream(server.address) as opened:
        yield opened


def ground(height: float = 0.0, slope: float = 0.0, ceiling: float | None = None) -> controls_pb2.HeightField:
    """A grid of 12 x 12 m about the origin that rises towards +Z."""
    z = np.repeat(-6.0 + 0.5 * np.arange(25), 25)
    ceilings = [] if ceiling is None else [ceiling] * 625
    return controls_pb2.HeightField(
        origin=geometry_pb2.GroundPoint(x=-6, z=-6),
        spacing=0.5,
        columns=25,
        heights=(height + slope * z).tolist(),
        ceilings=ceilings,
    )


def circle(x: float, z: float, radius: float = 0.5, **heights: float) -> controls_pb2.Obstacle:
    shape = controls_pb2.CircleObstacle(center=geometry_pb2.GroundPoint(x=x, z=z), radius=radius)
    return controls_pb2.Obstacle(circle=shape, **heights)


def asked(scene: Scene, ahead: float = 1.2, **fields: object) -> motion_service_pb2.WindowRequest:
    message = controls(ahead=ahead)
    message.scene.CopyFrom(scene)
    return request(controls=message, **fields)


def reply_of(stream: Stream, message: motion_service_pb2.WindowRequest) -> motion_service_pb2.WindowReply:
    """The reply to a request that is answered with a window."""
    stream.ask(message)
    (reply,) = stream.replies(1)
    assert reply.WhichOneof("result") == "window", reply.error
    return reply


def answered(stream: Stream, scene: Scene, character: int, sequence: int) -> motion_service_pb2.Window:
    """The window of a request whose text may have to be read first: it is asked again as the server says."""
    for again in range(200):
        stream.ask(asked(scene, character=character, sequence=sequence + again))
        (reply,) = stream.replies(1)
        if reply.error.code != code_pb2.UNAVAILABLE:
            assert reply.WhichOneof("result") == "window", reply.error
            return reply.window
        time.sleep(retry_seconds(reply.error) or 0.0)
    raise AssertionError("the text was never read")


def codes(reply: motion_service_pb2.WindowReply) -> list[int]:
    return [warning.code for warning in reply.warnings]


def test_the_server_lists_what_it_can_do() -> None:
    for capability in ("TERRAIN", "OBSTACLES", "SCENE_SPEED"):
        assert motion_service_pb2.Capability.Value(f"CAPABILITY_{capability}") in CAPABILITIES
    assert motion_service_pb2.CAPABILITY_SCENE not in CAPABILITIES


def test_a_character_starts_and_goes_on_on_its_ground(stream: Stream) -> None:
    scene = Scene(height_field=ground(height=5.0, slope=0.2))
    first = reply_of(stream, asked(scene, sequence=1)).window
    feet = motion_of(first).positions()[:, [7, 8], 1]
    assert np.abs(feet - 5.0).max() < 0.6
    # Another request with the history alone, as to another replica, is answered alike.
    second = reply_of(stream, asked(scene, sequence=2, start_frame=16, continues=1)).window
    alone = reply_of(stream, asked(scene, character=2, sequence=1, start_frame=16, history=history_from(first))).window
    np.testing.assert_allclose(motion_of(second).positions(), motion_of(alone).positions(), atol=1e-4)
    both = np.concatenate((motion_of(first).positions(), motion_of(second).positions()))
    steps = np.abs(np.diff(both[:, :, 1], axis=0))
    assert steps[15].max() < 2 * steps.max() + 1e-3
    assert steps[15].max() < 0.12


def test_a_teleport_arrives_on_the_ground_there(stream: Stream) -> None:
    reply_of(stream, asked(Scene(height_field=ground(height=1.0)), character=3, sequence=1))
    message = asked(Scene(height_field=ground(height=-3.0)), character=3, sequence=2, start_frame=16)
    message.timeline.teleport.continues_sequence = 1
    message.timeline.teleport.position.CopyFrom(geometry_pb2.GroundPoint(x=2.0, z=1.0))
    window = reply_of(stream, message).window
    pelvis = motion_of(window).pelvis[:, 1]
    assert np.abs(pelvis + 3.0).max() < 1.6


def test_a_ceiling_lowers_the_head(stream: Stream) -> None:
    high = motion_of(reply_of(stream, asked(Scene(height_field=ground()), character=4)).window).positions()
    low = motion_of(reply_of(stream, asked(Scene(height_field=ground(ceiling=1.3)), character=5)).window).positions()
    assert low[0, 15, 1] < high[0, 15, 1] - 0.2


def test_an_empty_scene_is_no_other_motion_than_none(stream: Stream) -> None:
    plain = motion_of(reply_of(stream, request(character=6)).window).positions()
    empty = motion_of(reply_of(stream, asked(Scene(), character=7)).window).positions()
    np.testing.assert_array_equal(plain, empty)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_a_scene_scales_the_speed_along_the_path_and_says_by_how_much(stream: Stream, alpha: float) -> None:
    reply = reply_of(stream, asked(Scene(preset="deep-snow", alpha=alpha), character=9, sequence=int(10 * alpha) + 1))
    expected = effects_of(preset("deep-snow").descriptor).scaled(alpha).speed
    assert reply.window.path_speed_scale == pytest.approx(expected, rel=1e-5)
    assert codes(reply) == [motion_service_pb2.WARNING_CODE_SCENE_NOT_IN_MODEL]
    plain = motion_of(reply_of(stream, request(character=10, sequence=int(10 * alpha) + 1)).window)
    way = motion_of(reply.window).root_position[-1, 1]
    if alpha == 0:
        np.testing.assert_array_equal(motion_of(reply.window).positions(), plain.positions())
    else:
        assert way < plain.root_position[-1, 1]


def test_fixed_times_are_kept(stream: Stream) -> None:
    message = asked(Scene(preset="deep-snow"), character=11)
    message.controls.trajectory.timing = controls_pb2.TRAJECTORY_TIMING_FIXED
    reply = reply_of(stream, message)
    assert not reply.window.HasField("path_speed_scale")
    plain = motion_of(reply_of(stream, request(character=12)).window)
    np.testing.assert_array_equal(motion_of(reply.window).root_position, plain.root_position)


def test_an_obstacle_on_the_path_is_reported_and_led_around_where_that_is_asked_for(stream: Stream) -> None:
    wall = Scene(obstacles=[circle(0.05, 1.2, 0.4)])
    told = reply_of(stream, asked(wall, ahead=2.4, character=13))
    assert codes(told) == [motion_service_pb2.WARNING_CODE_OBSTACLE_ON_PATH]
    plain = motion_of(reply_of(stream, request(character=14, controls=controls(ahead=2.4))).window)
    np.testing.assert_array_equal(motion_of(told.window).positions(), plain.positions())
    wall.bend_path = True
    led = reply_of(stream, asked(wall, ahead=2.4, character=15))
    assert codes(led) == []
    away = motion_of(led.window).root_position[:, 0]
    assert abs(away[-1]) > 0.05 + abs(plain.root_position[-1, 0])


def test_obstacles_overhead_and_underfoot_are_in_nobodys_way(stream: Stream) -> None:
    beam = Scene(obstacles=[circle(0.0, 0.6, bottom=2.2, top=3.0), circle(0.0, 0.6, top=0.02)], bend_path=True)
    reply = reply_of(stream, asked(beam, character=16))
    plain = motion_of(reply_of(stream, request(character=17)).window)
    np.testing.assert_array_equal(motion_of(reply.window).positions(), plain.positions())
    assert codes(reply) == []


def test_an_end_inside_an_obstacle_is_told(stream: Stream) -> None:
    reply = reply_of(stream, asked(Scene(obstacles=[circle(0.0, 1.2, 1.0)], bend_path=True), character=18))
    assert codes(reply) == [motion_service_pb2.WARNING_CODE_OBSTACLE_ON_PATH]


BAD: dict[str, tuple[Scene, str, str]] = {
    "alpha": (Scene(alpha=2.0), "controls.scene.alpha", "0 to 1.5"),
    "preset": (Scene(preset="dessert-sand"), "controls.scene.preset", "desert-sand"),
    "quantity": (
        Scene(scene_descriptor=controls_pb2.SceneDescriptor(friction=9)),
        "controls.scene.scene_descriptor.friction",
        "0 to 1.5",
    ),
    "no origin": (
        Scene(height_field=controls_pb2.HeightField(spacing=0.5, columns=2, heights=[0] * 4)),
        "controls.scene.height_field.origin",
        "first sample",
    ),
    "spacing": (
        Scene(height_field=controls_pb2.HeightField(spacing=5, columns=2, heights=[0] * 4)),
        "controls.scene.height_field.spacing",
        "0.02 to 2 metres",
    ),
    "columns": (
        Scene(height_field=controls_pb2.HeightField(spacing=1, columns=129, heights=[0] * 4)),
        "controls.scene.height_field.columns",
        "2 to 128",
    ),
    "heights": (
        Scene(height_field=controls_pb2.HeightField(spacing=1, columns=3, heights=[0] * 7)),
        "controls.scene.height_field.heights",
        "2 to 128 rows of 3",
    ),
    "a height": (
        Scene(height_field=controls_pb2.HeightField(spacing=1, columns=2, heights=[0, 0, float("nan"), 0])),
        "controls.scene.height_field.heights[2]",
        "-1000 to 1000 metres",
    ),
    "ceilings": (
        Scene(height_field=controls_pb2.HeightField(spacing=1, columns=2, heights=[0] * 4, ceilings=[2] * 3)),
        "controls.scene.height_field.ceilings",
        "4",
    ),
    "shapeless": (Scene(obstacles=[controls_pb2.Obstacle()]), "controls.scene.obstacles[0].shape", "a circle or a box"),
    "radius": (Scene(obstacles=[circle(0, 3, 0.0)]), "controls.scene.obstacles[0].circle.radius", "0.01 to 100"),
    "upside down": (
        Scene(obstacles=[circle(0, 3, bottom=2.0, top=1.0)]),
        "controls.scene.obstacles[0].top",
        "2 to 1000 metres",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_with_a_scene_is_named(stream: Stream, case: str) -> None:
    scene, field, words = BAD[case]
    error = stream.error(asked(scene, character=19))
    reason, _, violations = details(error)
    assert (error.code, reason) == (code_pb2.INVALID_ARGUMENT, "INVALID_FIELD"), error.message
    assert words in violations[field], violations


def test_a_scene_vector_needs_a_model_that_knows_scenes(stream: Stream) -> None:
    error = stream.error(asked(Scene(vector=controls_pb2.SceneVector(values=[0.0] * 320)), character=20))
    reason, metadata, _ = details(error)
    assert (reason, metadata["capability"]) == ("CAPABILITY_MISSING", "CAPABILITY_SCENE")


@pytest.mark.skipif(not wording.available(), reason="the text extra is not installed")
def test_a_scene_in_words_scales_the_speed(server: LocalServer) -> None:
    text = "wading through waist-deep water"
    expected = effects_of(wording.read(text).descriptor).speed  # loads the encoder: longer than any deadline
    with Stream(server.address) as stream:
        window = answered(stream, Scene(text=text), character=1, sequence=1)
    assert window.path_speed_scale == pytest.approx(expected, rel=1e-5)


@pytest.mark.skipif(not wording.available(), reason="the text extra is not installed")
def test_a_text_that_the_encoder_fails_on_costs_its_request_and_not_the_stream(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The libraries under the encoder are others': what they raise once must not end what a game shows."""
    sound, text = sentences._encoder, "a meadow that nobody has asked for yet"

    def failing() -> object:
        monkeypatch.setattr(sentences, "_encoder", sound)
        raise RuntimeError("a fault of the encoder")

    sound()  # to load it takes longer than any deadline
    monkeypatch.setattr(sentences, "_encoder", failing)
    with Stream(server.address) as stream:
        both = [asked(Scene(text=text), character=1), request(character=2)]
        batch = motion_service_pb2.WindowRequestBatch(requests=both)
        stream.send(motion_service_pb2.StreamMotionRequest(requests=batch))
        replies = {reply.character: reply for reply in stream.replies(2)}
        assert replies[1].error.code == code_pb2.INTERNAL
        assert "incident" in replies[1].error.message
        assert "a fault of the encoder" not in str(replies[1])
        assert replies[2].WhichOneof("result") == "window"
        # The character asks again, as clients do, and the encoder is asked again.
        assert answered(stream, Scene(text=text), character=1, sequence=2).path_speed_scale > 0


@pytest.mark.skipif(not wording.available(), reason="the text extra is not installed")
def test_a_text_that_takes_long_to_read_keeps_no_other_character_waiting(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first text of all loads the encoder: for seconds, in which a game's other characters go on."""
    sound, text, loaded = sentences._encoder, "a heath that nobody has asked for yet", threading.Event()

    def loading() -> object:
        loaded.wait(TIMEOUT)
        return sound()

    sound()
    monkeypatch.setattr(sentences, "_encoder", loading)
    with Stream(server.address) as stream:
        for sequence in (1, 2, 3):
            both = [asked(Scene(text=text), character=1, sequence=sequence), request(character=2, sequence=sequence)]
            batch = motion_service_pb2.WindowRequestBatch(requests=both)
            stream.send(motion_service_pb2.StreamMotionRequest(requests=batch))
            replies = {reply.character: reply for reply in stream.replies(2)}
            assert replies[1].error.code == code_pb2.UNAVAILABLE
            assert retry_seconds(replies[1].error) is not None
            assert replies[2].WhichOneof("result") == "window"
        loaded.set()
        assert answered(stream, Scene(text=text), character=1, sequence=4).path_speed_scale > 0


def test_texts_are_read_once_and_of_too_many_at_a_time_the_rest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    go_on = threading.Event()

    def reading(text: str) -> None:
        go_on.wait(TIMEOUT)
        read.append(text)

    monkeypatch.setattr(wording, "read", reading)
    reader = scene_texts._Reader()
    texts = [f"text {number}" for number in range(scene_texts.MAX_UNDER_WAY + 1)]
    readings = [reader.reading(text) for text in (*texts, *texts)]
    assert readings[len(texts) - 1] is None
    go_on.set()
    for waiting in readings:
        assert waiting is None or waiting.result(TIMEOUT) is None
    assert read == texts[:-1]
    last = reader.reading(texts[-1])
    assert last is not None
    last.result(TIMEOUT)
    assert read == texts


@pytest.mark.skipif(not wording.available(), reason="the text extra is not installed")
def test_a_fault_outside_of_streams_is_told_as_one_and_by_its_number_alone(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> object:
        raise RuntimeError("a fault of the encoder")

    monkeypatch.setattr(sentences, "_encoder", failing)
    with grpc.insecure_channel(server.address) as channel:
        scenes = scene_service_pb2_grpc.SceneServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            scenes.EncodeScene(scene_service_pb2.EncodeSceneRequest(text="a moor in the mist"), timeout=TIMEOUT)
        assert caught.value.code() is grpc.StatusCode.INTERNAL
        assert "incident" in caught.value.details()
        assert "a fault of the encoder" not in caught.value.details()
        motion = motion_service_pb2_grpc.MotionServiceStub(channel)
        texts = [asked(Scene(text="a fen before dawn")), request(character=2)]
        answer = motion.GenerateWindows(motion_service_pb2.GenerateWindowsRequest(requests=texts), timeout=TIMEOUT)
        assert [reply.WhichOneof("result") for reply in answer.replies] == ["error", "window"]


@pytest.mark.skipif(wording.available(), reason="the text extra is installed")
def test_without_the_extra_a_scene_in_words_is_refused(stream: Stream) -> None:
    error = stream.error(asked(Scene(text="a swamp"), character=22))
    assert details(error)[1]["capability"] == "CAPABILITY_SCENE_TEXT"
