"""Streams: hellos, timelines, and what the server remembers."""

from __future__ import annotations

from pathlib import Path

import grpc
import numpy as np
import pytest
from google.rpc import code_pb2
from tests.bundles import CONTENTS, STYLES, manifest, standing, tiny_bundle
from tests.server.messages import (
    Stream,
    controls,
    details,
    generate_one,
    history_from,
    history_of,
    largest_difference,
    motion_of,
    request,
)

from strut_model.bundle import seal_bundle
from strut_model.frames import FrameEncoding
from strut_model.skeleton import JOINT_INDEX
from strut_proto.v1 import controls_pb2, frames_pb2, geometry_pb2, motion_service_pb2, motion_service_pb2_grpc
from strut_server.local import LocalServer, local_server
from strut_server.settings import ServerSettings

BOTH_ENCODINGS = pytest.mark.parametrize("encoding", list(FrameEncoding))


def test_the_hello_says_who_serves_with_what(server: LocalServer) -> None:
    with Stream(server.address, FrameEncoding.QUAT48) as stream:
        hello = stream.hello
    assert hello.protocol_version == 1
    assert hello.encoding == frames_pb2.FRAME_ENCODING_QUAT48
    assert [content.name for content in hello.model.contents] == [name for name, _ in CONTENTS]
    assert hello.model.style_count == len(STYLES)
    assert (hello.model.history_frames, hello.model.window_frames) == (8, 16)
    assert list(hello.model.steps) == [1, 2, 4]
    assert len(hello.model.hash) == 64
    assert len(hello.model.skeleton.joints) == 22
    assert hello.limits.min_replan_frames == 4
    assert hello.session_id
    assert motion_service_pb2.CAPABILITY_SCENE not in hello.capabilities


def test_server_info_says_what_the_hello_says(server: LocalServer) -> None:
    with Stream(server.address) as stream, grpc.insecure_channel(server.address) as channel:
        stub = motion_service_pb2_grpc.MotionServiceStub(channel)
        info = stub.GetServerInfo(motion_service_pb2.GetServerInfoRequest()).server
        stream.hello.session_id = ""
        assert info == stream.hello


@BOTH_ENCODINGS
def test_a_cold_start_stands_where_it_was_told_and_follows_its_path(
    server: LocalServer, encoding: FrameEncoding
) -> None:
    asked = request(place=(3.0, -2.0, np.pi / 2))
    asked.controls.trajectory.samples[0].position.CopyFrom(geometry_pb2.GroundPoint(x=4.2, z=-2.0))
    with Stream(server.address, encoding) as stream:
        window = stream.window(asked)
    motion = motion_of(window)
    assert motion.frames == 16
    np.testing.assert_allclose(motion.root_position[0], [3.0, -2.0], atol=0.05)
    assert motion.root_position[-1, 0] > 3.2
    np.testing.assert_allclose(motion.root_position[:, 1], -2.0, atol=0.02)
    np.testing.assert_allclose(motion.root_heading, np.pi / 2, atol=0.02)
    np.testing.assert_allclose(np.linalg.norm(motion.rotations, axis=-1), 1.0, atol=1e-4)


def test_a_cold_start_takes_a_given_pose(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        idle = motion_of(stream.window(request(character=1)))
        raised = standing(1)
        raised.rotations[0, JOINT_INDEX["left_shoulder"]] = [0.0, 0.0, 0.0, 1.0]  # straight out
        asked = request(character=2)
        asked.timeline.cold_start.pose.CopyFrom(history_of(raised).frames)
        posed = motion_of(stream.window(asked))
    arm = JOINT_INDEX["left_shoulder"]
    assert posed.rotations[0, arm, 3] > 0.99
    assert idle.rotations[0, arm, 3] < 0.9


def test_a_window_goes_on_from_the_one_before_without_a_step(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        first = motion_of(stream.window(request(sequence=1)))
        second = motion_of(stream.window(request(sequence=2, start_frame=16, continues=1)))
    step = np.linalg.norm(second.positions()[0] - first.positions()[-1], axis=-1).max()
    inside = np.linalg.norm(np.diff(first.positions(), axis=0), axis=-1).max()
    assert step < 2.0 * inside


def test_a_replan_inside_of_a_window_goes_on_from_there(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        first = motion_of(stream.window(request(sequence=1)))
        turned = controls(ahead=None)
        turned.trajectory.samples.add(position=geometry_pb2.GroundPoint(x=1.0, z=0.3), time=1.0)
        again = motion_of(stream.window(request(sequence=2, start_frame=8, continues=1, controls=turned)))
    assert np.linalg.norm(again.root_position[0] - first.root_position[7]) < 0.1
    assert again.root_position[-1, 0] > 0.1
    assert abs(first.root_position[-1, 0]) < 0.02


@pytest.mark.parametrize("start", [1, 3])
def test_a_replan_too_near_to_the_start_is_refused(server: LocalServer, start: int) -> None:
    with Stream(server.address) as stream:
        stream.window(request(sequence=1))
        error = stream.error(request(sequence=2, start_frame=start, continues=1))
    reason, metadata, _ = details(error)
    assert (error.code, reason) == (code_pb2.FAILED_PRECONDITION, "REPLAN_TOO_SOON")
    assert metadata["earliest_start_frame"] == "4"


def test_short_windows_may_follow_each_other_closely(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        stream.window(request(sequence=1, frames=2))
        window = stream.window(request(sequence=2, start_frame=2, continues=1, frames=2))
    assert window.frames.count == 2


@BOTH_ENCODINGS
@pytest.mark.parametrize("end", [16, 8, 5])
def test_a_fresh_server_continues_bit_for_bit_from_the_history(
    server: LocalServer, other_server: LocalServer, encoding: FrameEncoding, end: int
) -> None:
    with Stream(server.address, encoding) as stream:
        first = stream.window(request(sequence=1))
        second = stream.window(request(sequence=2, start_frame=16, continues=1))
        third = stream.window(request(sequence=3, start_frame=16 + end, continues=2))
    count = min(end, 8)
    carried = history_from(second, end, count)
    if end < 8:
        # A client has the frames of the window before, too.
        size = len(first.frames.data) // 16
        carried.frames.data = first.frames.data[(8 + end) * size :] + carried.frames.data
        carried.frames.count = 8
    again = generate_one(other_server.address, request(sequence=3, start_frame=16 + end, history=carried), encoding)
    assert again.frames == third.frames
    assert again.foot_locks == third.foot_locks


def test_a_whole_walk_is_the_same_remembered_and_carried(server: LocalServer, other_server: LocalServer) -> None:
    with Stream(server.address) as stream:
        remembered = [stream.window(request(sequence=1))]
        carried = [generate_one(other_server.address, request(sequence=1))]
        for sequence in range(2, 8):
            start = 16 * (sequence - 1)
            remembered.append(stream.window(request(sequence=sequence, start_frame=start, continues=sequence - 1)))
            history = history_from(carried[-1])
            carried.append(generate_one(other_server.address, request(start_frame=start, history=history)))
    assert [window.frames for window in remembered] == [window.frames for window in carried]


def test_an_older_window_can_still_be_continued(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        stream.window(request(sequence=1))
        stream.window(request(sequence=2, start_frame=16, continues=1))
        window = stream.window(request(sequence=3, start_frame=12, continues=1))
    assert window.start_frame == 12


def test_windows_that_are_not_remembered_are_asked_for_with_their_history(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        stream.window(request(sequence=1))
        unknown = stream.error(request(sequence=2, start_frame=16, continues=99))
        beyond = stream.error(request(sequence=3, start_frame=17, continues=1))
        before = stream.error(request(sequence=4, start_frame=0, continues=1))
    for error in (unknown, beyond, before):
        assert (error.code, details(error)[0]) == (code_pb2.FAILED_PRECONDITION, "SEQUENCE_UNKNOWN")
    assert "1 to 16" in beyond.message


def test_a_window_asked_for_in_part_is_only_good_for_that_part(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        window = stream.window(request(sequence=1, frames=6))
        error = stream.error(request(sequence=2, start_frame=8, continues=1))
        assert window.frames.count == 6
        assert stream.window(request(sequence=3, start_frame=6, continues=1)).frames.count == 16
    assert details(error)[0] == "SEQUENCE_UNKNOWN"


def test_the_newer_of_two_waiting_requests_wins(patient_server: LocalServer) -> None:
    with Stream(patient_server.address) as stream:
        stream.ask(request(sequence=1))
        stream.ask(request(sequence=2, start_frame=0))
        older, newer = stream.replies(2)
    assert (older.sequence, newer.sequence) == (1, 2)
    reason, metadata, _ = details(older.error)
    assert (older.error.code, reason) == (code_pb2.ABORTED, "SUPERSEDED")
    assert metadata["by_sequence"] == "2"
    assert newer.WhichOneof("result") == "window"


def test_a_full_queue_refuses_and_says_when_to_come_again(patient_server: LocalServer) -> None:
    with Stream(patient_server.address) as stream:
        stream.ask(*(request(character=number) for number in range(3)))
        stream.ask(*(request(character=number) for number in range(3, 6)))
        replies = stream.replies(6)
    refused = [reply for reply in replies if reply.WhichOneof("result") == "error"]
    assert len(refused) == 2
    for reply in refused:
        assert (reply.error.code, details(reply.error)[0]) == (code_pb2.RESOURCE_EXHAUSTED, "QUEUE_FULL")


def test_released_characters_are_forgotten_and_their_requests_answered(patient_server: LocalServer) -> None:
    with Stream(patient_server.address) as stream:
        stream.window(request(character=1))
        stream.ask(request(character=1, sequence=2, start_frame=16, continues=1))
        stream.release(1, 77)
        (reply,) = stream.replies(1)
        assert (reply.error.code, details(reply.error)[0]) == (code_pb2.CANCELLED, "RELEASED")
        error = stream.error(request(character=1, sequence=3, start_frame=16, continues=1))
    assert details(error)[0] == "SEQUENCE_UNKNOWN"


def test_a_teleport_takes_pose_and_movement_elsewhere(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        stream.window(request(character=1, sequence=1))
        first = motion_of(stream.window(request(character=2, sequence=1)))
        place, heading = first.root_position[-1], float(first.root_heading[-1])
        here = _walk_to(place[0] + 1.2 * np.sin(heading), place[1] + 1.2 * np.cos(heading))
        stayed = motion_of(stream.window(request(2, 2, start_frame=16, continues=1, controls=here)))
        asked = request(1, 2, start_frame=16, controls=_walk_to(8.8, 5.0))
        asked.timeline.teleport.CopyFrom(
            motion_service_pb2.Teleport(
                continues_sequence=1, position=geometry_pb2.GroundPoint(x=10.0, z=5.0), heading=-np.pi / 2
            )
        )
        moved = motion_of(stream.window(asked))
    # Seen from where it was, each does the same.
    there = moved.relative_to(np.array([10.0, 5.0]), -np.pi / 2)
    assert largest_difference(there, stayed.relative_to(place, heading)) < 1e-3


def test_another_anchor_changes_nothing_in_the_world(server: LocalServer) -> None:
    anchor = geometry_pb2.Anchor(id=1, x=500_000.0, y=2.0, z=-3.0, heading=np.pi / 2)
    with Stream(server.address) as stream:
        for character in (1, 2):
            first = motion_of(stream.window(request(character=character, sequence=1)))
        plain = motion_of(stream.window(request(1, 2, start_frame=16, continues=1, controls=controls(ahead=2.0))))
        # The anchor's space has its origin at (0.5, 0.25) and faces +X there.
        near = geometry_pb2.Anchor(id=1, x=0.5, y=0.25, z=0.5, heading=np.pi / 2)
        there = _walk_to(*_in_anchor(near, 0.0, 2.0))
        window = stream.window(request(2, 2, start_frame=16, continues=1, controls=there, anchor=near))
        # Far away from the character its path cannot begin.
        error = stream.error(request(2, 3, start_frame=32, continues=2, controls=there, anchor=anchor))
    assert window.anchor_id == 1
    moved = motion_of(window)
    assert abs(moved.pelvis[0, 1] + 0.25 - first.pelvis[-1, 1]) < 0.02
    moved.pelvis[:, 1] += 0.25
    in_world = moved.transformed(np.array([0.5, 0.5]), np.pi / 2)
    np.testing.assert_allclose(in_world.root_position, plain.root_position, atol=1e-3)
    assert details(error)[0] == "INVALID_FIELD"


def _in_anchor(anchor: geometry_pb2.Anchor, x: float, z: float) -> tuple[float, float]:
    """A point of the world in the anchor's space, by hand for an anchor that faces +X."""
    return (-(z - anchor.z), x - anchor.x)


def _walk_to(x: float, z: float) -> controls_pb2.Controls:
    """Be at a place in a second."""
    message = controls(ahead=None)
    message.trajectory.samples.add(position=geometry_pb2.GroundPoint(x=x, z=z), time=1.0)
    return message


def test_gestures_go_on_where_the_last_window_left_them(server: LocalServer) -> None:
    wave = controls("wave", ahead=None)
    wave.content.gesture.duration = 4.0
    walk = controls("walk")
    with Stream(server.address) as stream:
        phases = [stream.window(request(sequence=1, controls=wave)).gesture_phase]
        phases.append(stream.window(request(sequence=2, start_frame=16, continues=1, controls=wave)).gesture_phase)
        inside = stream.window(request(sequence=3, start_frame=24, continues=2, controls=wave)).gesture_phase
        wave.content.gesture.hold = True
        held = stream.window(request(sequence=4, start_frame=40, continues=3, controls=wave)).gesture_phase
        wave.content.gesture.hold = False
        wave.content.gesture.phase = 0.9
        ended = stream.window(request(sequence=5, start_frame=56, continues=4, controls=wave)).gesture_phase
        walked = stream.window(request(sequence=6, start_frame=72, continues=5, controls=walk))
        wave.content.gesture.ClearField("phase")
        anew = stream.window(request(sequence=7, start_frame=88, continues=6, controls=wave)).gesture_phase
    frame = 1 / (4.0 * 30)
    np.testing.assert_allclose(phases, [16 * frame, 32 * frame], rtol=1e-5)
    np.testing.assert_allclose([inside, held, ended, anew], [40 * frame, 40 * frame, 1.0, 16 * frame], rtol=1e-5)
    assert not walked.HasField("gesture_phase")


def test_many_characters_share_a_stream_and_its_batches(server: LocalServer) -> None:
    characters = range(1, 61)

    def ask_all(window: int) -> dict[int, motion_service_pb2.WindowReply]:
        start = 16 * (window - 1)
        origin = {"continues": window - 1} if window > 1 else {}
        stream.ask(
            *(
                request(n, window, start, place=(n, 0.0, 0.0), controls=_walk_to(n, window), **origin)
                for n in characters
            )
        )
        return {reply.character: reply for reply in stream.replies(len(characters))}

    with Stream(server.address, FrameEncoding.QUAT48) as stream:
        for window in (1, 2, 3):
            replies = ask_all(window)
    assert sorted(replies) == list(characters)
    for number, reply in replies.items():
        motion = motion_of(reply.window)
        np.testing.assert_allclose(motion.root_position[:, 0], number, atol=0.05)
        assert reply.timing.batch_size > 1
        assert reply.timing.padded_batch_size >= reply.timing.batch_size


def test_streams_share_batches(patient_server: LocalServer) -> None:
    with Stream(patient_server.address) as one, Stream(patient_server.address) as two:
        one.ask(request(character=1))
        two.ask(request(character=1))
        (first,), (second,) = one.replies(1), two.replies(1)
    assert first.timing.batch_size == second.timing.batch_size == 2


def test_the_timing_accounts_for_the_time_in_the_server(patient_server: LocalServer) -> None:
    with Stream(patient_server.address) as stream:
        stream.ask(request(client_send_time_ns=123))
        (reply,) = stream.replies(1)
    timing = reply.timing
    assert timing.client_send_time_ns == 123
    assert timing.server_send_time_ns - timing.server_receive_time_ns == timing.server_total_ns
    stages = (
        timing.queue_ns
        + timing.batch_wait_ns
        + timing.featurise_ns
        + timing.inference_ns
        + timing.postprocess_ns
        + timing.serialise_ns
    )
    assert 0.8 * timing.server_total_ns < stages <= timing.server_total_ns
    # This server waits for company, and nobody came.
    assert timing.batch_wait_ns > 0.5 * timing.server_total_ns


def test_a_deadline_that_has_passed_costs_no_evaluation(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        for attempt in range(20):
            crowd = [request(character=n, sequence=attempt + 1, controls=controls(steps=4)) for n in range(1, 257)]
            stream.ask(*crowd)
            stream.ask(request(character=999, sequence=attempt + 1, deadline_ms=1))
            replies = {reply.character: reply for reply in stream.replies(257)}
            late = replies[999]
            if late.WhichOneof("result") == "error":
                break
        else:
            pytest.fail("no request was ever late behind 256 others")
    assert (late.error.code, details(late.error)[0]) == (code_pb2.DEADLINE_EXCEEDED, "DEADLINE")
    assert late.timing.batch_size == 0
    assert late.timing.inference_ns == 0


def test_a_long_deadline_is_clamped_with_a_warning(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        stream.ask(request(deadline_ms=100_000))
        (reply,) = stream.replies(1)
    (warning,) = reply.warnings
    assert warning.code == motion_service_pb2.WARNING_CODE_DEADLINE_CLAMPED
    assert "5000" in warning.message


def test_a_character_that_is_behind_its_path_gets_a_warning_and_its_window(server: LocalServer) -> None:
    late = controls(ahead=None)
    late.trajectory.samples.add(position=geometry_pb2.GroundPoint(z=4.0), time=0.0)
    late.trajectory.samples.add(position=geometry_pb2.GroundPoint(z=5.0), time=1.0)
    with Stream(server.address) as stream:
        stream.ask(request(controls=late))
        (reply,) = stream.replies(1)
    (warning,) = reply.warnings
    assert warning.code == motion_service_pb2.WARNING_CODE_PATH_NOT_REACHABLE
    assert warning.field == "controls.trajectory.samples[0].position"
    assert motion_of(reply.window).root_position[-1, 1] > 0.5


def test_a_content_that_walks_backwards_faces_against_its_path(tmp_path: Path) -> None:
    directory = tiny_bundle(tmp_path / "backwards")
    document = manifest()
    document["contents"][0]["facing_offset"] = np.pi
    seal_bundle(directory, document)
    with (
        local_server(ServerSettings(port=0, bundle=directory)) as running,
        Stream(running.address) as stream,
    ):
        motion = motion_of(stream.window(request(place=(0.0, 0.0, np.pi))))
    assert motion.root_position[-1, 1] > 0.2
    np.testing.assert_allclose(np.abs(motion.root_heading), np.pi, atol=0.05)


def test_a_content_that_the_style_never_showed_is_made_with_a_warning(server: LocalServer) -> None:
    with Stream(server.address) as stream:
        stream.ask(request(controls=controls("wave", ahead=None)))
        (reply,) = stream.replies(1)
    assert reply.WhichOneof("result") == "window"
    assert [w.code for w in reply.warnings] == [motion_service_pb2.WARNING_CODE_PAIR_NOT_IN_TRAINING_DATA]


def test_a_stream_ends_once_everything_is_answered(patient_server: LocalServer) -> None:
    with Stream(patient_server.address) as stream:
        stream.ask(request())
        stream.close()
        assert stream.replies(1)[0].WhichOneof("result") == "window"
        assert stream.call.code() is grpc.StatusCode.OK


def test_the_characters_of_open_streams_are_listed_page_by_page(other_server: LocalServer) -> None:
    with grpc.insecure_channel(other_server.address) as channel:
        stub = motion_service_pb2_grpc.MotionServiceStub(channel)
        with Stream(other_server.address, name="a game") as stream:
            stream.ask(*(request(character=number, name=f"guard {number}") for number in range(1, 8)))
            stream.replies(7)
            stream.window(request(character=3, sequence=2, start_frame=16, continues=1))
            listed, token = [], ""
            while not listed or token:
                page = stub.ListCharacters(
                    motion_service_pb2.ListCharactersRequest(
                        page_size=3, page_token=token, session_id=stream.hello.session_id
                    )
                )
                assert len(page.characters) <= 3
                listed += page.characters
                token = page.next_page_token
        assert [character.name for character in listed] == [f"guard {number}" for number in range(1, 8)]
        assert [character.start_frame for character in listed] == [0, 0, 16, 0, 0, 0, 0]
        assert {character.client_name for character in listed} == {"a game"}
        assert listed[0].controls.content.label == "walk"
        with pytest.raises(grpc.RpcError) as caught:
            stub.ListCharacters(motion_service_pb2.ListCharactersRequest(page_token="\u00e9"))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
