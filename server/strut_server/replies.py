"""Outcomes as the contract's messages."""

from __future__ import annotations

from collections.abc import Sequence

from strut_model.frames import FrameEncoding
from strut_proto.v1 import frames_pb2, geometry_pb2, motion_service_pb2, skeleton_pb2
from strut_server.clock import monotonic_ns, stamp_sent, timing_message
from strut_server.errors import RequestError
from strut_server.requests import ValidRequest
from strut_server.windows import Outcome, PackedWindow

_CONTACT_JOINTS = (
    skeleton_pb2.CONTACT_JOINT_LEFT_ANKLE,
    skeleton_pb2.CONTACT_JOINT_LEFT_FOOT,
    skeleton_pb2.CONTACT_JOINT_RIGHT_ANKLE,
    skeleton_pb2.CONTACT_JOINT_RIGHT_FOOT,
)

WIRE_ENCODINGS = {
    FrameEncoding.FLOAT32: frames_pb2.FRAME_ENCODING_FLOAT32,
    FrameEncoding.QUAT48: frames_pb2.FRAME_ENCODING_QUAT48,
}
"""The contract's numbers of the encodings."""


def reply_of(outcome: Outcome) -> motion_service_pb2.WindowReply:
    """The reply to a request that came as far as the queue; `sent` completes its timing."""
    request, work = outcome.work.request, outcome.work
    reply = motion_service_pb2.WindowReply(
        character=request.character,
        sequence=request.sequence,
        timing=timing_message(work.received_ns, request.client_send_ns, outcome.times),
        warnings=outcome.warnings,
    )
    if outcome.window is not None:
        reply.window.CopyFrom(_window(request, outcome.window))
    elif outcome.error is not None:
        reply.error.CopyFrom(outcome.error.to_status())
    return reply


def refusal(
    request: motion_service_pb2.WindowRequest, error: RequestError, received_ns: int
) -> motion_service_pb2.WindowReply:
    """The reply to a request that did not come as far as the queue."""
    return motion_service_pb2.WindowReply(
        character=request.character,
        sequence=request.sequence,
        error=error.to_status(),
        timing=timing_message(received_ns, request.client_send_time_ns, None),
    )


def sent(replies: Sequence[motion_service_pb2.WindowReply]) -> None:
    """Stamp replies at the moment in which they are handed to the transport."""
    now = monotonic_ns()
    for reply in replies:
        stamp_sent(reply.timing, now)


def _window(request: ValidRequest, window: PackedWindow) -> motion_service_pb2.Window:
    locks = frames_pb2.FootLocks(lowered=window.lowered[0], lowering=window.lowered[1])
    if window.scene is not None:
        state = window.scene
        locks.scene.SetInParent()
        locks.scene.sunk, locks.scene.sinking = window.sunk
        if state.vector.any():
            locks.scene.codes.extend(state.vector[0].tolist())
            locks.scene.alpha = float(state.alpha[0])
        if window.strides is not None and window.strides.any():
            locks.scene.strides.extend(window.strides.tolist())
    for joint, locked, place in zip(_CONTACT_JOINTS, window.locked, window.lock_places):
        if locked:
            x, y, z = place.tolist()
            locks.locks.add(joint=joint, position=geometry_pb2.Vector3(x=x, y=y, z=z))
    return motion_service_pb2.Window(
        start_frame=request.start_frame,
        anchor_id=request.anchor.anchor_id,
        frames=frames_pb2.PackedFrames(
            encoding=WIRE_ENCODINGS[request.encoding], count=request.frames, data=window.data
        ),
        path_speed_scale=window.path_speed_scale,
        gesture_phase=window.gesture_phase,
        foot_locks=locks,
        steps=window.steps,
    )
