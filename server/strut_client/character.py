"""A character's state on the client, and the exchange of requests and replies that makes its next window.

The exchange is written once, as a generator of commands, and driven by the synchronous and by the asyncio client alike.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import grpc

from strut_client.controls import Content, Controls, TrajectorySample, controls_message
from strut_client.errors import BusyError, LateError, PreconditionError, StrutError, SupersededError, UnavailableError
from strut_client.server_info import ServerInfo
from strut_client.timeline import Placement, Timeline
from strut_client.window import Window, window_of_reply
from strut_model.motion import Motion
from strut_proto.v1 import geometry_pb2
from strut_proto.v1 import motion_service_pb2 as pb

BACK_OFF = (0.1, 0.2, 0.4, 0.5)
"""Seconds between attempts at what may get better by itself; the last one repeats."""


@dataclass(frozen=True)
class Anchor:
    """The place in the world of the space in which a character's positions are given.

    Attributes:
        id: the client's name for it.
        position: x, y, z metres in the world.
        heading: radians.
    """

    id: int
    position: tuple[float, float, float]
    heading: float = 0.0

    def message(self) -> geometry_pb2.Anchor:
        """The contract's message."""
        x, y, z = self.position
        return geometry_pb2.Anchor(id=self.id, x=x, y=y, z=z, heading=self.heading)


@dataclass
class CharacterState:
    """A character.

    Attributes:
        number: its number in the stream.
        name: its name for people.
        controls: what it does, besides the trajectory.
        timeline: its frames.
        priority: how much its windows matter, 0 most.
        deadline_ms: how long a window is of use; None for the server's default.
        anchor: its windows' space; None for the world itself.
        sequence: number of its last request.
        shown: the content of its newest window.
    """

    number: int
    name: str
    controls: Controls
    timeline: Timeline
    priority: int = 0
    deadline_ms: int | None = None
    anchor: Anchor | None = None
    sequence: int = 0
    shown: Content | None = None


@dataclass(frozen=True)
class Plan:
    """What a character's next window shall be.

    Attributes:
        trajectory: the path ahead; None for that of the character's controls.
        start_frame: its first frame; None for the one after those held.
        frames: how many frames; None for the model's window.
    """

    trajectory: Sequence[TrajectorySample] | None = None
    start_frame: int | None = None
    frames: int | None = None


@dataclass(frozen=True)
class Ask:
    """Command: send the requests and bring their replies in the same order, None for those lost with the connection."""

    requests: list[pb.WindowRequest]


@dataclass(frozen=True)
class Sleep:
    """Command: wait."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """A reply and the client's clock when it arrived."""

    reply: pb.WindowReply
    received_ns: int


Exchange = Generator[Ask | Sleep, Sequence[Answer | None] | None, list[Window]]
"""Yields commands; is sent the answers to each Ask and None for each Sleep; returns a window for each character."""


def exchange(states: Sequence[CharacterState], plans: Sequence[Plan], patience: float) -> Exchange:
    """Makes the next window of each character.

    What may get better by itself is tried again: with the history where the server does not remember, after a pause
    where it is full, late or going.

    Args:
        states: the characters, each at most once; updated as their windows come.
        plans: what each of them is to do.
        patience: seconds after which the last error of a character is raised instead of another attempt.

    Raises:
        StrutError: an error that does not get better, or none that did in time. Characters that were answered before
            have their windows.
    """
    windows: list[Window | None] = [None] * len(states)
    errors: dict[int, StrutError] = {}
    with_history = [False] * len(states)
    began = time.monotonic()
    attempt = 0
    while True:
        waiting = [index for index, window in enumerate(windows) if window is None]
        requests = [window_request(states[i], plans[i], with_history[i]) for i in waiting]
        answers = yield Ask(requests)
        assert answers is not None
        pause = 0.0
        for index, request, answer in zip(waiting, requests, answers):
            try:
                if answer is None:
                    # The next stream knows nothing of this one's windows.
                    with_history[index] = True
                    pause = max(pause, back_off(attempt))
                    continue
                window = window_of_reply(answer.reply, answer.received_ns)
            except StrutError as error:
                if not is_passing(error, with_history[index]):
                    raise
                errors[index] = error
                if error.reason == "SEQUENCE_UNKNOWN":
                    with_history[index] = True
                else:
                    pause = max(pause, error.retry_seconds or back_off(attempt))
                continue
            accept(states[index], request, window)
            windows[index] = window
        complete = [window for window in windows if window is not None]
        if len(complete) == len(windows):
            return complete
        attempt += 1
        if time.monotonic() - began > patience:
            raise next(iter(errors.values()), lost_connection(patience))
        if pause > 0.0:
            yield Sleep(pause)


def is_passing(error: StrutError, with_history: bool) -> bool:
    """Whether another attempt may succeed."""
    if isinstance(error, PreconditionError):
        return error.reason == "SEQUENCE_UNKNOWN" and not with_history
    if isinstance(error, BusyError):
        return error.retry_seconds is not None
    return isinstance(error, (LateError, SupersededError, UnavailableError))


def lost_connection(patience: float) -> UnavailableError:
    """The error of a connection that was lost again and again."""
    return UnavailableError(grpc.StatusCode.UNAVAILABLE, f"no reply came within {patience:g} s of trying")


def new_character(
    number: int,
    name: str,
    controls: Controls,
    server: ServerInfo,
    position: tuple[float, float],
    heading: float,
    pose: Motion | None,
) -> CharacterState:
    """A character that stands at a place, in a pose or, with None, in the model's idle pose."""
    timeline = Timeline(Placement(position, heading), server.model.history_frames, pose)
    return CharacterState(number, name, controls, timeline)


def window_request(state: CharacterState, plan: Plan, with_history: bool) -> pb.WindowRequest:
    """The request for a character's next window; counts its sequence up."""
    start_frame = state.timeline.end_frame if plan.start_frame is None else plan.start_frame
    controls = state.controls
    if plan.trajectory is not None:
        controls = replace(controls, trajectory=plan.trajectory)
    state.sequence += 1
    request = pb.WindowRequest(
        character=state.number,
        sequence=state.sequence,
        timeline=state.timeline.origin(start_frame, with_history),
        controls=controls_message(controls),
        frames=plan.frames,
        priority=state.priority,
        deadline_ms=state.deadline_ms,
        anchor=None if state.anchor is None else state.anchor.message(),
        name=state.name if state.sequence == 1 or with_history else "",
    )
    # A gesture goes on by itself only where the server remembers its window.
    origin = request.timeline
    remembered = origin.HasField("continues_sequence") or origin.teleport.HasField("continues_sequence")
    phase = _known_phase(state, start_frame)
    gesture = request.controls.content.gesture
    if phase is not None and not remembered and not gesture.HasField("phase"):
        request.controls.content.gesture.phase = phase
    return request


def accept(state: CharacterState, request: pb.WindowRequest, window: Window) -> None:
    """Takes over the window that answers a request."""
    gesture = request.controls.content.gesture
    known = gesture.phase if gesture.HasField("phase") else _known_phase(state, window.start_frame)
    state.timeline.accept(window, 0.0 if known is None else known)
    state.shown = state.controls.content


def _known_phase(state: CharacterState, start_frame: int) -> float | None:
    """The phase at which a gesture that goes on stands; None for one that begins."""
    same = isinstance(state.shown, str) and state.shown == state.controls.content
    return state.timeline.gesture_phase(start_frame) if same else None


def back_off(attempt: int) -> float:
    """Seconds to wait before attempt number ``attempt`` + 1."""
    return BACK_OFF[min(attempt, len(BACK_OFF) - 1)]
