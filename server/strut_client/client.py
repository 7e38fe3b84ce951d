"""The synchronous client: characters that walk in about ten lines.

with strut_client.Client("localhost:50051") as client:
    walker = client.character(style="youthful", content="walk")
    for window in walker.walk_along([(0, 3), (2, 5)], speed=1.2):
        print(window.start_frame, window.motion.root_position[-1])
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any

import grpc
from numpy.typing import ArrayLike

from strut_client import query as queries
from strut_client.character import Anchor, Ask, CharacterState, Plan, exchange, new_character
from strut_client.connection import Connection
from strut_client.controls import Content, Controls, Gesture, Scene, Style, TrajectorySample
from strut_client.errors import StrutError
from strut_client.handle import CharacterHandle, going_on
from strut_client.library import StyleLibrary
from strut_client.query import WindowQuery
from strut_client.server_info import ServerInfo
from strut_client.stream import CHANNEL_OPTIONS, ClientSettings, ServerEvent, with_model
from strut_client.walking import PathWalk
from strut_client.window import Window
from strut_model.motion import Motion
from strut_proto.v1 import motion_service_pb2
from strut_proto.v1.motion_service_pb2_grpc import MotionServiceStub
from strut_proto.v1.style_service_pb2_grpc import StyleServiceStub


class Client(StyleLibrary):
    """A connection to a Strut server. Characters may be used from different threads, each from one at a time.

    Args:
        target: gRPC target; see `ClientSettings` for this and for further settings, given by name.
        credentials: for TLS; None for an unencrypted connection.
        on_event: called with the server's events, on a thread of the client's.
        settings: any other field of `ClientSettings`.
    """

    def __init__(
        self,
        target: str = "localhost:50051",
        *,
        credentials: grpc.ChannelCredentials | None = None,
        on_event: Callable[[ServerEvent], None] | None = None,
        **settings: Any,
    ) -> None:
        self._settings = ClientSettings.of(target, settings)
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
        self._motion = MotionServiceStub(self._channel)
        self._styles = StyleServiceStub(self._channel)
        self._on_event = on_event
        self._server: ServerInfo | None = None
        self._connection = Connection(self._motion, self._settings, self._event)
        self._numbers = itertools.count(1)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all characters and the connection."""
        self._connection.close()
        self._channel.close()

    @property
    def server(self) -> ServerInfo:
        """Who serves: model, skeleton, contents, limits, capabilities.

        Raises:
            StrutError: the server cannot be reached.
        """
        if self._server is None:
            request = motion_service_pb2.GetServerInfoRequest()
            self._server = ServerInfo.from_hello(self._call(self._motion.GetServerInfo, request).server)
        return self._server

    def character(
        self,
        style: Style = None,
        content: Content = "idle",
        *,
        position: tuple[float, float] = (0.0, 0.0),
        heading: float = 0.0,
        pose: Motion | None = None,
        name: str = "",
        seed: int | None = None,
        steps: int | None = None,
        min_steps: int | None = None,
        scene: Scene | str | None = None,
        anchor: Anchor | None = None,
        priority: int = 0,
        deadline_ms: int | None = None,
    ) -> Character:
        """A new character, which stands still until its first window.

        Args:
            style: how it moves: a style's name, names with weights, a `StyleMix`, a vector (5, 64); None is neutral.
            content: what it does: a content's label or a content code.
            position: x and z, metres, where it stands.
            heading: radians.
            pose: the frame of which it takes the pose; None for the model's idle pose.
            name: for people, in lists of characters.
            seed: chooses among the motions that fit; None for the character's number.
            steps: network evaluations a window; None for the server's choice.
            min_steps: what a loaded server may go down to; None for no fewer than ``steps``.
            scene: where it is: a preset's name or a `Scene`; None for nowhere in particular.
            anchor: the space of its positions; None for the world itself.
            priority: how much its windows matter where the server is full, 0 most.
            deadline_ms: how long a window is of use; None for the server's default.

        Raises:
            StrutError: the server cannot be reached.
        """
        controls = Controls(content=content, style=style, seed=seed, steps=steps, min_steps=min_steps, scene=scene)
        state = new_character(next(self._numbers), name, controls, self.server, position, heading, pose)
        state.anchor, state.priority, state.deadline_ms = anchor, priority, deadline_ms
        return Character(self, state)

    def advance(self, characters: Sequence[Character], plans: Sequence[Plan] | None = None) -> list[Window]:
        """The next window of several characters, asked for together.

        Args:
            characters: each at most once.
            plans: what each is to do; None for what its controls say.

        Raises:
            StrutError: a request was refused, or the server could not be reached in time.
        """
        wanted = [Plan()] * len(characters) if plans is None else plans
        if len(wanted) != len(characters):
            raise ValueError(
                f"plans: has {len(wanted)} entries, it must have one for each of {len(characters)} characters"
            )
        return self._exchange([character._state for character in characters], wanted)

    def generate_windows(self, windows: Sequence[WindowQuery]) -> list[Window | StrutError]:
        """Windows without a stream, evaluated together; the windows or errors in the order of the queries.

        Raises:
            StrutError: the batch as a whole was refused, or the server cannot be reached.
        """
        request = queries.generate_request(windows, self._settings.encoding)
        return queries.windows_or_errors(self._call(self._motion.GenerateWindows, request))

    def _exchange(self, states: Sequence[CharacterState], plans: Sequence[Plan]) -> list[Window]:
        commands = exchange(states, plans, self._settings.patience)
        answer = None
        while True:
            try:
                command = commands.send(answer)
            except StopIteration as stop:
                return stop.value
            if isinstance(command, Ask):
                answer = self._connection.ask(command.requests)
            else:
                time.sleep(command.seconds)
                answer = None

    def _event(self, event: ServerEvent) -> None:
        if self._server is not None:
            self._server = with_model(self._server, event)
        if self._on_event is not None:
            self._on_event(event)


class Character(CharacterHandle):
    """A character of a client; `Client.character` makes it."""

    def __init__(self, client: Client, state: CharacterState) -> None:
        super().__init__(state, client.server.model)
        self._client = client

    def next(
        self,
        trajectory: Sequence[TrajectorySample] | None = None,
        *,
        start_frame: int | None = None,
        frames: int | None = None,
    ) -> Window:
        """The next window.

        Args:
            trajectory: the path ahead, its times counted from ``start_frame``; None leaves it to the network.
            start_frame: its first frame; None for the one after those held. An earlier one plans anew.
            frames: how many frames; None for the model's window.

        Raises:
            StrutError: the request was refused, or the server could not be reached in time.
        """
        return self._client._exchange([self._state], [Plan(trajectory, start_frame, frames)])[0]

    def walk_along(
        self, points: ArrayLike, speed: float = 1.2, facing: float | None = None, frames: int | None = None
    ) -> Iterator[Window]:
        """Walks along a path and yields the windows until its end is reached; style and content may change on the way.

        Args:
            points: (N, 2) metres, x and z of the path's points.
            speed: metres a second on the way.
            facing: heading kept on the way; None to face along the path.
            frames: frames of each window; None for the model's window. Fewer follow path and changes closer.
        """
        walk = PathWalk(self.placement, points, speed, facing)
        count = self._model.window_frames if frames is None else frames
        while not walk.finished:
            window = self.next(walk.plan(count), frames=frames)
            walk.advance(self.placement, window.motion.frames)
            yield window

    def play(self, content: str, seconds: float | None = None, gesture: Gesture | None = None) -> Iterator[Window]:
        """Plays a content in place and yields its windows; afterwards the character has its former content again.

        Args:
            content: a content's label, such as wave or idle.
            seconds: how long at least; None for the content's usual length.
            gesture: where in the gesture to begin, how long it takes; None for its usual course.
        """
        end = self.frame + round((self._seconds_of(content) if seconds is None else seconds) * self._model.fps)
        former, marks = self.content, self.gesture
        self.content, self.gesture = content, gesture
        place = self._staying()
        try:
            while self.frame < end:
                yield self.next(place)
                self.gesture = going_on(gesture)
        finally:
            self.content, self.gesture = former, marks

    def release(self) -> None:
        """Ends the character on the server; another window of it would go on with its history."""
        self._client._connection.release([self.number])
