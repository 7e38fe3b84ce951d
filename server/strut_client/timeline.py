"""A character's timeline on the client: the frames that it holds, and how the next request goes on from them.

No connection is known here. A timeline is not thread-safe: whoever owns its character uses it.
"""

from __future__ import annotations

from dataclasses import dataclass

from strut_client.window import Window
from strut_model.frames import FrameEncoding, pack_frames
from strut_model.motion import Motion
from strut_proto.v1 import frames_pb2, geometry_pb2
from strut_proto.v1 import motion_service_pb2 as pb


@dataclass(frozen=True)
class Placement:
    """A place and a heading on the ground.

    Attributes:
        position: x and z, metres in the window's space.
        heading: radians.
    """

    position: tuple[float, float] = (0.0, 0.0)
    heading: float = 0.0

    def ground_point(self) -> geometry_pb2.GroundPoint:
        """The contract's message of the position."""
        return geometry_pb2.GroundPoint(x=self.position[0], z=self.position[1])


class Timeline:
    """The frames of one character, up to what the next window may need.

    Args:
        start: where a cold start stands.
        history_frames: the most frames of history that are of use.
        pose: the frame of which a cold start takes the pose; None for the model's idle pose.
    """

    def __init__(self, start: Placement, history_frames: int, pose: Motion | None = None) -> None:
        self._history_frames = history_frames
        self._pose = pose
        self._start = start
        self._teleport: Placement | None = None
        self._held: Motion | None = None
        self._end = 0
        self._window: Window | None = None
        self._phase_start: float | None = None

    @property
    def end_frame(self) -> int:
        """Number of the frame after the last one held: where the next window starts unless told otherwise."""
        return self._end

    @property
    def held(self) -> Motion | None:
        """The frames held, the last of them at `end_frame` - 1; None before the first window."""
        return self._held

    @property
    def window(self) -> Window | None:
        """The newest window."""
        return self._window

    def placement(self, start_frame: int | None = None) -> Placement:
        """Where the root is one frame before ``start_frame``, by default before the next window."""
        if self._teleport is not None:
            return self._teleport
        if self._held is None:
            return self._start
        index = self._held.frames - 1 - (self._end - (self._end if start_frame is None else start_frame))
        index = min(max(index, 0), self._held.frames - 1)
        x, z = (float(value) for value in self._held.root_position[index])
        return Placement((x, z), float(self._held.root_heading[index]))

    def teleport(self, placement: Placement) -> None:
        """The next window goes on elsewhere; before the first window, it starts there."""
        if self._held is None:
            self._start = placement
        else:
            self._teleport = placement

    def origin(self, start_frame: int, with_history: bool) -> pb.Timeline:
        """What a window from ``start_frame`` on goes on from.

        Args:
            start_frame: its first frame.
            with_history: send the history even where the server should know it.

        Raises:
            ValueError: no frame is held before ``start_frame``.
        """
        message = pb.Timeline(start_frame=start_frame)
        if self._held is None or self._window is None:
            message.cold_start.position.CopyFrom(self._start.ground_point())
            message.cold_start.heading = self._start.heading
            if self._pose is not None:
                message.cold_start.pose.CopyFrom(encode_frames(self._pose.slice_frames(-1, None)))
            return message
        first = self._end - self._held.frames
        if not first + 2 <= start_frame <= self._end:
            raise ValueError(f"start_frame: is {start_frame}, it must be from {first + 2} to {self._end}")
        # A start inside of an older window cannot continue the newest: its history is sent.
        with_history = with_history or start_frame <= self._window.start_frame
        if self._teleport is not None:
            message.teleport.position.CopyFrom(self._teleport.ground_point())
            message.teleport.heading = self._teleport.heading
            if with_history:
                message.teleport.history.CopyFrom(self._history(start_frame))
            else:
                message.teleport.continues_sequence = self._window.sequence
        elif with_history:
            message.history.CopyFrom(self._history(start_frame))
        else:
            message.continues_sequence = self._window.sequence
        return message

    def gesture_phase(self, start_frame: int) -> float | None:
        """The phase that the newest window's gesture has at ``start_frame``; None where there is none to go on with."""
        window = self._window
        if window is None or window.gesture_phase is None or self._phase_start is None:
            return None
        share = (start_frame - window.start_frame) / window.motion.frames
        return min(max(self._phase_start + share * (window.gesture_phase - self._phase_start), 0.0), 1.0)

    def accept(self, window: Window, phase_start: float | None) -> None:
        """Takes a window over: it replaces whatever is held from its first frame on.

        Args:
            window: the window.
            phase_start: phase of its gesture at its first frame; None for contents that are no gestures.
        """
        kept = None
        # After a teleport the frames before it lie elsewhere, and belong to no history.
        if self._held is not None and self._teleport is None:
            kept = self._held.slice_frames(0, self._held.frames - (self._end - window.start_frame))
        held = window.motion if kept is None else Motion.concatenate([kept, window.motion])
        # A window may be replaced from its second frame on: its history is then the frames before it.
        self._held = held.slice_frames(-min(held.frames, self._history_frames + window.motion.frames), None)
        self._end = window.end_frame
        self._window = window
        self._phase_start = phase_start
        self._teleport = None

    def _history(self, start_frame: int) -> frames_pb2.History:
        assert self._held is not None
        assert self._window is not None
        stop = self._held.frames - (self._end - start_frame)
        frames = self._held.slice_frames(max(stop - self._history_frames, 0), stop)
        locks = self._window.foot_locks if start_frame == self._end else None
        return frames_pb2.History(frames=encode_frames(frames), end_frame=start_frame - 1, foot_locks=locks)


def encode_frames(motion: Motion) -> frames_pb2.PackedFrames:
    """A motion (T frames) as the contract's message, in full precision."""
    data = pack_frames(motion, FrameEncoding.FLOAT32).tobytes()
    return frames_pb2.PackedFrames(encoding=frames_pb2.FRAME_ENCODING_FLOAT32, count=motion.frames, data=data)
