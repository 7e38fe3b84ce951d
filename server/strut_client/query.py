"""Requests without a stream: each brings its history, or starts cold."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from strut_client.character import Anchor
from strut_client.controls import Controls, controls_message
from strut_client.errors import StrutError
from strut_client.timeline import Placement, encode_frames
from strut_client.window import Window, window_of_reply
from strut_model.frames import FrameEncoding
from strut_model.motion import Motion
from strut_proto.v1 import frames_pb2
from strut_proto.v1 import motion_service_pb2 as pb


@dataclass(frozen=True)
class WindowQuery:
    """A window that is asked for without a stream.

    Attributes:
        controls: what the character is to do.
        history: the frames before ``start_frame``, at least 2; None to start cold at ``start``.
        foot_locks: those of the window whose last frame the history ends with; None where it ends elsewhere.
        start: where a cold start stands one frame before ``start_frame``.
        pose: the frame of which a cold start takes the pose; None for the model's idle pose.
        start_frame: number of the first frame.
        frames: how many frames; None for the model's window.
        character: number of the character, which is its seed where the controls give none.
        anchor: the window's space; None for the world itself.
    """

    controls: Controls
    history: Motion | None = None
    foot_locks: frames_pb2.FootLocks | None = None
    start: Placement = field(default_factory=Placement)
    pose: Motion | None = None
    start_frame: int = 0
    frames: int | None = None
    character: int = 0
    anchor: Anchor | None = None

    def message(self) -> pb.WindowRequest:
        """The contract's message."""
        timeline = pb.Timeline(start_frame=self.start_frame)
        if self.history is not None:
            history = frames_pb2.History(frames=encode_frames(self.history), end_frame=self.start_frame - 1)
            if self.foot_locks is not None:
                history.foot_locks.CopyFrom(self.foot_locks)
            timeline.history.CopyFrom(history)
        else:
            timeline.cold_start.position.CopyFrom(self.start.ground_point())
            timeline.cold_start.heading = self.start.heading
            if self.pose is not None:
                timeline.cold_start.pose.CopyFrom(encode_frames(self.pose.slice_frames(-1, None)))
        return pb.WindowRequest(
            character=self.character,
            timeline=timeline,
            controls=controls_message(self.controls),
            frames=self.frames,
            anchor=None if self.anchor is None else self.anchor.message(),
            client_send_time_ns=time.monotonic_ns(),
        )


def generate_request(queries: Sequence[WindowQuery], encoding: FrameEncoding) -> pb.GenerateWindowsRequest:
    """The request for a batch of windows."""
    return pb.GenerateWindowsRequest(
        requests=[query.message() for query in queries],
        encoding=int(encoding),  # type: ignore[arg-type]
    )


def windows_or_errors(response: pb.GenerateWindowsResponse) -> list[Window | StrutError]:
    """The window, or the error, of each request in its order."""
    now = time.monotonic_ns()
    results: list[Window | StrutError] = []
    for reply in response.replies:
        try:
            results.append(window_of_reply(reply, now))
        except StrutError as error:
            results.append(error)
    return results
