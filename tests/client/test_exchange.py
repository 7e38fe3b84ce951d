"""The exchange that makes windows: what is asked, what is tried again, and what is raised."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2
from tests.client.motions import answer, reply, sliding

from strut_client.character import BACK_OFF, Answer, Ask, CharacterState, Exchange, Plan, Sleep, exchange
from strut_client.controls import Controls, Gesture, TrajectorySample
from strut_client.errors import InvalidRequestError, PreconditionError, UnavailableError
from strut_client.timeline import Placement, Timeline
from strut_client.window import Window
from strut_proto.v1 import motion_service_pb2 as pb


def character(number: int = 1, content: str = "walk") -> CharacterState:
    return CharacterState(number, f"walker {number}", Controls(content=content), Timeline(Placement(), 8))


def refusal(request: pb.WindowRequest, code: int, reason: str, retry_seconds: float | None = None) -> Answer:
    status = status_pb2.Status(code=code, message="refused")
    info = Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="strut"))
    status.details.append(info)
    if retry_seconds is not None:
        retry = Any()
        retry.Pack(error_details_pb2.RetryInfo(retry_delay=Duration(nanos=round(retry_seconds * 1e9))))
        status.details.append(retry)
    return answer(pb.WindowReply(character=request.character, sequence=request.sequence, error=status))


def windows_for(requests: Sequence[pb.WindowRequest], phase: float | None = None) -> list[Answer | None]:
    return [answer(reply(r.sequence, r.timeline.start_frame, sliding(16), r.character, phase)) for r in requests]


def ask(commands: Exchange, answers: Sequence[Answer | None] | None = None) -> list[pb.WindowRequest]:
    command = next(commands) if answers is None else commands.send(answers)
    assert isinstance(command, Ask)
    return command.requests


def finish(commands: Exchange, answers: Sequence[Answer | None]) -> list[Window]:
    with pytest.raises(StopIteration) as stop:
        commands.send(answers)
    return stop.value.value


def advance(state: CharacterState, phase: float | None = None) -> pb.WindowRequest:
    """One window without any trouble; returns its request."""
    commands = exchange([state], [Plan()], patience=1.0)
    requests = ask(commands)
    finish(commands, windows_for(requests, phase))
    return requests[0]


def test_each_window_continues_the_one_before() -> None:
    state = character()
    first, second = advance(state), advance(state)
    assert first.timeline.WhichOneof("origin") == "cold_start"
    assert (first.sequence, second.sequence) == (1, 2)
    assert (second.timeline.start_frame, second.timeline.continues_sequence) == (16, 1)
    assert (first.name, second.name) == ("walker 1", "")


def test_windows_of_several_characters_come_in_their_order() -> None:
    states = [character(1), character(2)]
    commands = exchange(states, [Plan(), Plan()], patience=1.0)
    requests = ask(commands)
    assert [r.character for r in requests] == [1, 2]
    assert [w.sequence for w in finish(commands, windows_for(requests))] == [1, 1]
    assert [state.timeline.end_frame for state in states] == [16, 16]


def test_plan_gives_trajectory_start_and_length() -> None:
    state = character()
    advance(state)
    plan = Plan([TrajectorySample(position=(1.0, 2.0), time=0.5)], start_frame=8, frames=12)
    request = ask(exchange([state], [plan], patience=1.0))[0]
    assert request.timeline.start_frame == 8
    assert request.frames == 12
    sample = request.controls.trajectory.samples[0]
    assert (sample.position.x, sample.position.z, sample.time) == (1.0, 2.0, 0.5)
    assert not sample.HasField("facing")


def test_a_server_that_does_not_remember_is_sent_the_history_at_once() -> None:
    state = character()
    advance(state)
    commands = exchange([state], [Plan()], patience=1.0)
    first = ask(commands)
    again = ask(commands, [refusal(first[0], code_pb2.FAILED_PRECONDITION, "SEQUENCE_UNKNOWN")])
    assert again[0].timeline.history.end_frame == 15
    assert again[0].sequence == 3
    assert finish(commands, windows_for(again))[0].sequence == 3


def test_a_lost_connection_is_followed_by_a_pause_and_the_history() -> None:
    state = character()
    advance(state)
    commands = exchange([state], [Plan()], patience=1.0)
    ask(commands)
    assert commands.send([None]) == Sleep(BACK_OFF[0])
    assert ask(commands, [])[0].timeline.HasField("history")


def test_only_characters_without_a_window_are_asked_for_again() -> None:
    states = [character(1), character(2)]
    commands = exchange(states, [Plan(), Plan()], patience=1.0)
    requests = ask(commands)
    good = windows_for(requests[:1])
    full = refusal(requests[1], code_pb2.RESOURCE_EXHAUSTED, "QUEUE_FULL", retry_seconds=0.25)
    assert commands.send([*good, full]) == Sleep(0.25)
    again = ask(commands, [])
    assert [r.character for r in again] == [2]
    assert len(finish(commands, windows_for(again))) == 2


def test_a_refused_field_is_raised_and_the_timeline_stays() -> None:
    state = character()
    advance(state)
    commands = exchange([state], [Plan()], patience=1.0)
    requests = ask(commands)
    with pytest.raises(InvalidRequestError, match="INVALID_FIELD"):
        commands.send([refusal(requests[0], code_pb2.INVALID_ARGUMENT, "INVALID_FIELD")])
    assert state.timeline.end_frame == 16


def test_a_history_that_is_not_taken_is_raised() -> None:
    state = character()
    advance(state)
    commands = exchange([state], [Plan()], patience=1.0)
    refused = refusal(ask(commands)[0], code_pb2.FAILED_PRECONDITION, "SEQUENCE_UNKNOWN")
    ask(commands, [refused])
    with pytest.raises(PreconditionError):
        commands.send([refused])


def test_patience_ends_with_the_last_error() -> None:
    commands = exchange([character()], [Plan()], patience=0.0)
    requests = ask(commands)
    with pytest.raises(UnavailableError, match="DRAINING"):
        commands.send([refusal(requests[0], code_pb2.UNAVAILABLE, "DRAINING")])


def test_patience_with_a_connection_that_is_lost_again_and_again_ends() -> None:
    commands = exchange([character()], [Plan()], patience=0.0)
    ask(commands)
    with pytest.raises(UnavailableError, match="no reply came"):
        commands.send([None])


def test_a_gesture_that_goes_on_with_its_history_says_its_phase() -> None:
    state = character(content="wave")
    advance(state, phase=0.4)
    remembered = ask(exchange([state], [Plan()], patience=1.0))[0]
    assert not remembered.controls.content.gesture.HasField("phase")
    commands = exchange([state], [Plan()], patience=1.0)
    ask(commands)
    assert isinstance(commands.send([None]), Sleep)
    assert ask(commands, [])[0].controls.content.gesture.phase == pytest.approx(0.4)


def test_another_gesture_begins_anew() -> None:
    state = character(content="wave")
    advance(state, phase=0.4)
    state.controls = Controls(content="bow", gesture=Gesture(duration=2.0))
    commands = exchange([state], [Plan()], patience=1.0)
    ask(commands)
    assert isinstance(commands.send([None]), Sleep)
    gesture = ask(commands, [])[0].controls.content.gesture
    assert not gesture.HasField("phase")
    assert gesture.duration == 2.0
