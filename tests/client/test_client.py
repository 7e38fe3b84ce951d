"""The synchronous client against a real server."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import grpc
import numpy as np
import pytest
from tests.bundles import CONTENTS, STYLES
from tests.client.servers import ServerProcess, free_port, serving

import strut_client
from strut_client import (
    Anchor,
    Client,
    Controls,
    FrameEncoding,
    Gesture,
    Motion,
    PartStyle,
    Placement,
    Plan,
    StyleMix,
    TrajectorySample,
    Window,
    WindowQuery,
)
from strut_model import skeleton
from strut_proto.v1 import frames_pb2
from strut_proto.v1 import motion_service_pb2 as pb
from strut_proto.v1.motion_service_pb2_grpc import MotionServiceStub

FIELDS = ("root_position", "root_heading", "pelvis", "rotations", "contacts")


def assert_same(a: Motion, b: Motion, tolerance: float = 0.0) -> None:
    for name in FIELDS:
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0.0, atol=tolerance, err_msg=name)


def straight(seconds: float = 0.5, speed: float = 1.2) -> list[TrajectorySample]:
    return [TrajectorySample((0.0, speed * t), time=t) for t in np.linspace(0.0, seconds, 5).tolist()]


def test_ten_lines_make_a_walking_character(server: ServerProcess) -> None:
    windows = []
    with strut_client.Client(server.address) as client:
        walker = client.character(style="youthful", content="walk")
        for window in walker.walk_along([(0, 2), (1.5, 3)], speed=1.2):
            windows.append(window)
    motion = Motion.concatenate([window.motion for window in windows])
    assert [window.start_frame for window in windows] == list(range(0, 16 * len(windows), 16))
    assert np.linalg.norm(motion.root_position[-1] - [1.5, 3.0]) < 0.15
    # The tiny bundle walks exactly where it is asked to, but for the spring that joins its windows.
    assert np.linalg.norm(motion.root_position - [0.0, 2.0], axis=1).min() < 0.3
    np.testing.assert_allclose(np.linalg.norm(motion.rotations, axis=-1), 1.0, atol=1e-4)


def test_server_says_who_it_is(client: Client) -> None:
    model = client.server.model
    assert model.joint_names == skeleton.JOINT_NAMES
    np.testing.assert_array_equal(model.parents, skeleton.PARENTS)
    np.testing.assert_allclose(model.rest_offsets[1:], skeleton.REST_OFFSETS[1:])
    assert model.rest_offsets[0].tolist() == pytest.approx([0.0, skeleton.PELVIS_REST_HEIGHT, 0.0])
    assert (model.fps, model.history_frames, model.window_frames) == (30.0, 8, 16)
    assert [(c.name, c.kind) for c in model.contents] == list(CONTENTS)
    assert model.style_count == len(STYLES)
    assert client.server.limits.min_replan_frames >= 1
    assert "QUAT48" in client.server.capabilities


def test_styles_are_listed_searched_and_given(client: Client) -> None:
    assert [style.name for style in client.styles()] == sorted(STYLES)
    assert [style.name for style in client.styles("YOUTH")] == ["youthful"]
    assert client.styles()[0].vector is None
    style = client.style("youthful")
    assert style.vector is not None
    assert style.vector.shape == (5, 64)
    with_vectors = {s.name: s.vector for s in client.styles(with_vectors=True)}
    np.testing.assert_array_equal(with_vectors["youthful"], style.vector)
    assert [s.name for s in client.styles() if s.neutral] == ["normal"]


def test_an_unknown_style_is_not_found(client: Client) -> None:
    with pytest.raises(strut_client.NotFoundError) as caught:
        client.style("sleepy")
    assert caught.value.reason == "STYLE_UNKNOWN"


def test_a_named_style_and_its_vector_give_the_same_motion(client: Client) -> None:
    vector = client.style("elderly").vector
    named = client.character(style="elderly", content="walk", seed=5).next(straight())
    coded = client.character(style=vector, content="walk", seed=5).next(straight())
    assert_same(named.motion, coded.motion, 1e-6)
    other = client.character(style="active", content="walk", seed=5).next(straight())
    assert np.abs(other.motion.rotations - named.motion.rotations).max() > 1e-5


def test_mixes_strength_and_parts_are_understood(client: Client) -> None:
    mix = StyleMix({"youthful": 2, "elderly": 1}, strength=1.2, parts={"left_arm": PartStyle({"active": 1.0})})
    window = client.character(style=mix, content="walk", seed=5).next(straight())
    plain = client.character(style="youthful", content="walk", seed=5).next(straight())
    assert np.abs(window.motion.rotations - plain.motion.rotations).max() > 1e-6


def test_same_seed_same_motion_and_another_seed_another(client: Client) -> None:
    motions = [client.character("normal", "walk", seed=seed).next(straight()).motion for seed in (1, 1, 2)]
    assert_same(motions[0], motions[1])
    assert np.abs(motions[0].rotations - motions[2].rotations).max() > 1e-6


def test_a_character_stands_where_it_was_put(client: Client) -> None:
    walker = client.character(content="idle", position=(3.0, -2.0), heading=1.0)
    assert walker.placement == Placement((3.0, -2.0), 1.0)
    window = next(walker.play("idle", seconds=0.5))
    assert np.linalg.norm(window.motion.root_position - [3.0, -2.0], axis=1).max() < 0.05
    np.testing.assert_allclose(window.motion.root_heading, 1.0, atol=0.05)


def test_planning_anew_inside_of_a_window_keeps_what_was_before(client: Client) -> None:
    walker = client.character("normal", "walk")
    walker.next(straight())
    second = walker.next(straight())
    replanned = walker.next(straight(), start_frame=24)
    assert (replanned.start_frame, walker.frame) == (24, 40)
    held = walker.history
    assert held is not None
    assert_same(held.slice_frames(-16, None), replanned.motion)
    assert_same(held.slice_frames(-24, -16), second.motion.slice_frames(0, 8))


def test_fewer_frames_than_the_models_window(client: Client) -> None:
    walker = client.character("normal", "walk")
    windows = [walker.next(straight(), frames=8) for _ in range(3)]
    assert [w.start_frame for w in windows] == [0, 8, 16]
    assert [w.motion.frames for w in windows] == [8, 8, 8]


def test_teleport_moves_the_root_and_keeps_the_pose(client: Client) -> None:
    walker = client.character("normal", "walk")
    before = walker.next(straight())
    walker.teleport((100.0, 50.0), 2.0)
    after = walker.next([TrajectorySample((100.0, 50.0), 2.0, time=t) for t in (0.0, 0.5)])
    assert np.linalg.norm(after.motion.root_position - [100.0, 50.0], axis=1).max() < 0.5
    np.testing.assert_allclose(after.motion.rotations[0], before.motion.rotations[-1], atol=0.1)
    assert after.start_frame == 16


def test_a_gesture_runs_through_its_windows(client: Client) -> None:
    actor = client.character("normal", "walk")
    mean = next(c.mean_seconds for c in client.server.model.contents if c.name == "wave")
    windows = list(actor.play("wave", gesture=Gesture(phase=0.0)))
    phases = [window.gesture_phase for window in windows if window.gesture_phase is not None]
    assert len(phases) == len(windows)
    assert phases == sorted(phases)
    assert actor.frame >= mean * 30
    assert actor.content == "walk"
    assert actor.gesture is None


def test_several_characters_advance_together(client: Client) -> None:
    characters = [client.character(style, "walk") for style in STYLES]
    windows = client.advance(characters, [Plan(straight()) for _ in characters])
    assert len({window.sequence for window in windows}) == 1
    assert all(window.motion.frames == 16 for window in windows)
    second = client.advance(characters)
    assert [window.start_frame for window in second] == [16] * len(characters)
    with pytest.raises(ValueError, match="plans: has 1 entries"):
        client.advance(characters, [Plan()])


def test_characters_may_be_used_from_several_threads(client: Client) -> None:
    counts = {}

    def walk(number: int) -> None:
        walker = client.character("normal", "walk", seed=9)
        counts[number] = [walker.next(straight()).motion for _ in range(4)]

    threads = [threading.Thread(target=walk, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 1, 2, 3]
    for number in range(1, 4):
        for a, b in zip(counts[0], counts[number]):
            assert_same(a, b, 1e-4)


@pytest.mark.parametrize("encoding", list(FrameEncoding))
def test_windows_without_a_stream_equal_those_of_a_stream(server: ServerProcess, encoding: FrameEncoding) -> None:
    with Client(server.address, encoding=encoding) as client:
        walker = client.character("elderly", "walk", seed=7)
        first, second = walker.next(straight()), walker.next(straight())
        controls = Controls("walk", "elderly", straight(), seed=7)
        query = WindowQuery(
            controls, history=first.motion.slice_frames(-8, None), foot_locks=first.foot_locks, start_frame=16
        )
        cold, warm = client.generate_windows([WindowQuery(controls), query])
    assert isinstance(cold, Window)
    assert isinstance(warm, Window)
    assert_same(cold.motion, first.motion, 1e-4)
    assert_same(warm.motion, second.motion, 1e-4)


def test_a_bad_query_fails_alone(client: Client) -> None:
    good = WindowQuery(Controls("walk", "normal", straight()))
    bad = WindowQuery(Controls("walk", "sleepy", straight()))
    results = client.generate_windows([good, bad])
    assert isinstance(results[0], Window)
    error = results[1]
    assert isinstance(error, strut_client.InvalidRequestError)
    assert [violation.field for violation in error.violations] == ["controls.style.components[0].name"]
    assert "sleepy" in error.violations[0].description


@pytest.mark.parametrize(
    ("controls", "field"),
    [
        ({"style": {"normal": float("nan")}}, "controls.style.components[0].weight"),
        ({"style": StyleMix({"normal": 1.0}, strength=7.0)}, "controls.style.strength"),
        ({"content": "cartwheel"}, "controls.content.label"),
        ({"content": "walk", "steps": 3}, "controls.steps"),
        ({"content": "walk", "steps": 1, "min_steps": 2}, "controls.min_steps"),
    ],
)
def test_refused_fields_are_named_and_the_character_goes_on(client: Client, controls: dict, field: str) -> None:
    walker = client.character(**{"content": "walk", **controls})
    with pytest.raises(strut_client.InvalidRequestError) as caught:
        walker.next(straight())
    assert field in [violation.field for violation in caught.value.violations]
    walker.style, walker.content, walker.steps, walker.min_steps = "normal", "walk", 1, None
    assert walker.next(straight()).steps == 1
    walker.steps, walker.min_steps = 4, 1
    assert walker.next(straight()).steps in (4, 2, 1)


def test_an_empty_trajectory_is_refused(client: Client) -> None:
    with pytest.raises(strut_client.InvalidRequestError, match=r"trajectory\.samples"):
        client.character("normal", "walk").next([])


def test_an_anchor_keeps_positions_small_and_exact_far_away(client: Client) -> None:
    near = client.character("normal", "walk", seed=3)
    far = client.character("normal", "walk", seed=3, anchor=Anchor(7, (1e7, 20.0, -3e6), 0.5))
    for _ in range(2):
        assert_same(near.next(straight()).motion, far.next(straight()).motion, 1e-4)


def test_timing_says_where_the_time_went(client: Client) -> None:
    timing = client.character("normal", "walk").next(straight()).timing
    stages = (timing.queue_ns, timing.featurise_ns, timing.inference_ns, timing.postprocess_ns)
    assert min(stages) > 0
    assert sum(stages) <= timing.server_total_ns <= timing.round_trip_ns
    assert timing.wire_ns == timing.round_trip_ns - timing.server_total_ns
    assert timing.batch_size >= 1


def test_a_released_character_goes_on_with_its_history(client: Client) -> None:
    walker = client.character("normal", "walk")
    walker.next(straight())
    walker.release()
    assert walker.next(straight()).start_frame == 16


def test_unknown_settings_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="settings: unknown patients; known are client_name"):
        Client("localhost:1", patients=1.0)


def test_a_server_that_is_not_there_is_unavailable_after_patience() -> None:
    with Client(f"127.0.0.1:{free_port()}", patience=0.3) as client, pytest.raises(strut_client.StrutError) as caught:
        client.character("normal", "walk")
    assert isinstance(caught.value, (strut_client.UnavailableError, strut_client.LateError))


def test_a_killed_server_is_a_pause(bundle: Path) -> None:
    port = free_port()
    with Client(f"127.0.0.1:{port}", patience=60.0) as client:
        with serving(bundle, port) as first:
            walker = client.character("normal", "walk", seed=4)
            before = [walker.next(straight()) for _ in range(2)]
            first.kill()
        with serving(bundle, port):
            after = walker.next(straight())
    assert after.start_frame == 32
    # The successor has only the history, and goes on just as its predecessor would have.
    with serving(bundle) as other, Client(other.address) as client:
        undisturbed = client.character("normal", "walk", seed=4)
        expected = [undisturbed.next(straight()) for _ in range(3)]
    assert_same(expected[1].motion, before[1].motion, 1e-4)
    assert_same(expected[2].motion, after.motion, 1e-4)


def test_a_draining_server_is_left_for_its_successor(bundle: Path) -> None:
    port = free_port()
    events: list[object] = []
    with Client(f"127.0.0.1:{port}", patience=60.0, on_event=events.append) as client:
        with serving(bundle, port, "--drain-seconds", "1") as first:
            walker = client.character("normal", "walk")
            walker.next(straight())
            first.terminate()
            deadline = time.monotonic() + 30.0
            while not events and time.monotonic() < deadline:
                time.sleep(0.01)
            assert isinstance(events[0], strut_client.Draining)
            answered: list[Window] = []
            thread = threading.Thread(target=lambda: answered.append(walker.next(straight())))
            thread.start()
            first.process.wait()
        with serving(bundle, port):
            thread.join()
    assert answered[0].start_frame == 16


def test_quat48_takes_at_most_five_kilobytes_a_second(server: ServerProcess) -> None:
    requests = [WindowQuery(Controls("idle", "normal"), character=number).message() for number in range(8)]
    with grpc.insecure_channel(server.address) as channel:
        response = MotionServiceStub(channel).GenerateWindows(
            pb.GenerateWindowsRequest(requests=requests, encoding=frames_pb2.FRAME_ENCODING_QUAT48)
        )
    # Standing still is the worst case: every foot is locked. 23 bytes are gRPC's and HTTP/2's around a message.
    for reply in response.replies:
        assert reply.window.frames.count == 16
        assert (reply.ByteSize() + 23) * 30 / 16 <= 5000
