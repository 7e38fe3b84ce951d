"""A window of motion as the client hands it out."""

from __future__ import annotations

from dataclasses import dataclass

from strut_client.errors import error_of_status
from strut_model.frames import FrameEncoding, unpack_frames
from strut_model.motion import Motion
from strut_proto.v1 import frames_pb2, timing_pb2
from strut_proto.v1 import motion_service_pb2 as pb


@dataclass(frozen=True)
class Timing:
    """Where a window's time went, in nanoseconds; the stages are those of the contract's Timing.

    Attributes:
        queue_ns: waiting in the queue.
        batch_wait_ns: waiting for the batch to fill.
        featurise_ns: turning requests into the network's inputs.
        inference_ns: the network's evaluations.
        postprocess_ns: decoding, seams, foot locks.
        serialise_ns: packing the frames.
        server_total_ns: from the request's arrival to the reply's leaving.
        round_trip_ns: from the request's leaving the client to the reply's arrival.
        batch_size: windows evaluated together.
    """

    queue_ns: int
    batch_wait_ns: int
    featurise_ns: int
    inference_ns: int
    postprocess_ns: int
    serialise_ns: int
    server_total_ns: int
    round_trip_ns: int
    batch_size: int

    @property
    def wire_ns(self) -> int:
        """Both ways on the wire, with the transport's work at either end."""
        return max(self.round_trip_ns - self.server_total_ns, 0)

    @staticmethod
    def from_message(timing: timing_pb2.Timing, received_ns: int) -> Timing:
        """From the contract's message and the client's clock at the reply's arrival."""
        return Timing(
            queue_ns=timing.queue_ns,
            batch_wait_ns=timing.batch_wait_ns,
            featurise_ns=timing.featurise_ns,
            inference_ns=timing.inference_ns,
            postprocess_ns=timing.postprocess_ns,
            serialise_ns=timing.serialise_ns,
            server_total_ns=timing.server_total_ns,
            round_trip_ns=max(received_ns - timing.client_send_time_ns, 0),
            batch_size=timing.batch_size,
        )


@dataclass(frozen=True)
class WindowWarning:
    """What was not done as asked for.

    Attributes:
        code: the contract's WarningCode without its prefix, such as DEADLINE_CLAMPED.
        field: path of the request's field.
        message: for people.
    """

    code: str
    field: str
    message: str


@dataclass(frozen=True)
class Window:
    """Motion of one character.

    Attributes:
        sequence: number of the request that it answers.
        start_frame: number of its first frame on the character's timeline.
        motion: T frames at 30 Hz in the window's space.
        gesture_phase: phase at the frame after the last; None for contents that are no gestures.
        path_speed_scale: by what the scene scaled the speed along the path.
        steps: network evaluations used.
        foot_locks: the joints held at the last frame, as they go back with the history.
        warnings: what was not done as asked for.
        timing: where the time went.
        encoded: the frames as they came, for relays.
    """

    sequence: int
    start_frame: int
    motion: Motion
    gesture_phase: float | None
    path_speed_scale: float
    steps: int
    foot_locks: frames_pb2.FootLocks
    warnings: tuple[WindowWarning, ...]
    timing: Timing
    encoded: bytes

    @property
    def end_frame(self) -> int:
        """Number of the frame after the last."""
        return self.start_frame + self.motion.frames


def decode_frames(frames: frames_pb2.PackedFrames) -> Motion:
    """The motion of packed frames.

    Raises:
        ValueError: the bytes are not the count of records that the message says.
    """
    motion = unpack_frames(frames.data, FrameEncoding(frames.encoding))
    if motion.frames != frames.count:
        raise ValueError(f"frames: count is {frames.count}, but data holds {motion.frames} records")
    return motion


def window_of_reply(reply: pb.WindowReply, received_ns: int) -> Window:
    """The window of a reply.

    Args:
        reply: the contract's message.
        received_ns: the client's clock when it arrived.

    Raises:
        StrutError: the reply holds an error.
    """
    if reply.WhichOneof("result") != "window":
        raise error_of_status(reply.error)
    window = reply.window
    known = pb.WarningCode.DESCRIPTOR.values_by_number
    return Window(
        sequence=reply.sequence,
        start_frame=window.start_frame,
        motion=decode_frames(window.frames),
        gesture_phase=window.gesture_phase if window.HasField("gesture_phase") else None,
        path_speed_scale=window.path_speed_scale if window.HasField("path_speed_scale") else 1.0,
        steps=window.steps,
        foot_locks=window.foot_locks,
        warnings=tuple(
            WindowWarning(known[w.code].name.removeprefix("WARNING_CODE_"), w.field, w.message)
            for w in reply.warnings
            if w.code in known
        ),
        timing=Timing.from_message(reply.timing, received_ns),
        encoded=window.frames.data,
    )
