"""The one place where window requests are checked: a protobuf message in, a `ValidRequest` or a RequestError out.

Field paths count from the request on, as docs/contract.md says. What the contract has and this server has not is
answered with UNIMPLEMENTED, never passed over.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle, ContentInfo
from strut_model.features import HISTORY, WINDOW
from strut_model.frames import FrameEncoding, record_bytes, unpack_frames
from strut_model.motion import Motion
from strut_model.scene.effects import MAX_ALPHA
from strut_model.skeleton import CONTACT_REST_HEIGHTS, FPS
from strut_model.streaming.controls import MAX_FACING, MAX_PLACE, MAX_SPEED, MAX_TIME, ControlError, Trajectory
from strut_model.streaming.feet import STRIDES, FootLocks
from strut_model.streaming.scenery import DEEPEST, SceneStates
from strut_proto.v1 import controls_pb2, frames_pb2, geometry_pb2, motion_service_pb2, skeleton_pb2
from strut_server.checks import Checker, listed
from strut_server.errors import capability_missing
from strut_server.requests import (
    AnchorPlace,
    CarriedHistory,
    ContentChoice,
    Gesture,
    Origin,
    Placement,
    ValidRequest,
)
from strut_server.scenes import read_scene_control
from strut_server.settings import ServerSettings
from strut_server.style_mixes import StyleReader
from strut_server.styles import StyleRepository, nearest

MAX_FRAME = 1 << 53
MAX_PELVIS = 10.0
"""Metres from the root to the pelvis, sideways; more is a history in the wrong space."""
MAX_HEIGHT = 10_000.0
MAX_LOWERED = 2.0
UNIT_TOLERANCE = 1e-2
"""How far the length of a quaternion may be from 1; it is brought to 1 where it is nearer."""
ROUNDING = 1e-5
"""How far it may be off by rounding alone."""
MAX_NAME = 64
MAX_PRIORITY = 1000
CODE_LIMIT = 1000.0
GESTURE_SECONDS = (0.2, 30.0)
MAX_SCENE_CODES = 64
SCENE_CODE_LIMIT = 16.0
MAX_STRIDES = 16
STRIDE_LIMIT = 1000.0
"""More than any quantity's code at the end of its range."""
IN_STREAMS_ALONE = "in streams alone, which remember windows; else a history"

Float = npt.NDArray[np.float32]


class RequestReader:
    """Checks window requests against a bundle, a store of styles and the server's limits.

    Args:
        bundle: contents, steps, guidance ranges, idle pose.
        styles: what names of styles mean.
        settings: the limits.
    """

    def __init__(self, bundle: Bundle, styles: StyleRepository, settings: ServerSettings) -> None:
        self._bundle = bundle
        self._settings = settings
        self._styles = StyleReader(bundle, styles, settings.max_style_components)
        steps = bundle.manifest.steps
        # A bundle without the configured number of steps serves with its largest below, else its smallest.
        self._default_steps = max((s for s in steps if s <= settings.default_steps), default=min(steps))
        self._idle = CarriedHistory(bundle.idle.astype(np.float32), HISTORY, FootLocks.unknown(1)[0])

    @property
    def default_steps(self) -> int:
        """Network evaluations for requests that do not say."""
        return self._default_steps

    def read(self, request: motion_service_pb2.WindowRequest, encoding: FrameEncoding, in_stream: bool) -> ValidRequest:
        """Check a request.

        Args:
            request: as it came.
            encoding: of the frames to be sent.
            in_stream: whether windows can be continued by their sequence.

        Raises:
            RequestError: INVALID_ARGUMENT with all that is wrong, or UNIMPLEMENTED.
        """
        _refuse_missing_capabilities(request.controls)
        check = Checker()
        warnings: list[motion_service_pb2.Warning] = []
        if in_stream and request.sequence == 0:
            check.refuse("sequence", request.sequence, "1 or more")
        frames = request.frames if request.HasField("frames") else WINDOW
        check.number("frames", frames, 1, WINDOW, "frames")
        check.number("priority", request.priority, 0, MAX_PRIORITY)
        check.count("name", len(request.name), 0, MAX_NAME, "characters")
        anchor = _read_anchor(request, check)
        origin = self._read_origin(request, check, in_stream)
        trajectory = self._read_trajectory(request.controls, check)
        scene = read_scene_control(request.controls, self._bundle, check, warnings)
        content = self._read_content(request.controls, check)
        style = self._styles.read(request.controls.style, check)
        step_choices, content_guidance = self._read_sampling(request.controls, check)
        deadline = self._read_deadline(request, check, warnings)
        check.raise_if_failed()
        assert origin is not None
        assert content is not None
        assert style is not None
        warning = self._styles.pair_warning(style, content)
        if warning is not None:
            warnings.append(warning)
        return ValidRequest(
            character=request.character,
            sequence=request.sequence,
            start_frame=request.timeline.start_frame,
            frames=frames,
            origin=origin,
            anchor=anchor,
            trajectory=trajectory,
            scene=scene,
            keep_times=request.controls.trajectory.timing == controls_pb2.TRAJECTORY_TIMING_FIXED,
            content=content,
            style=style,
            content_guidance=content_guidance,
            seed=request.controls.seed if request.controls.HasField("seed") else request.character,
            step_choices=step_choices,
            priority=request.priority,
            deadline_ms=deadline,
            encoding=encoding,
            warnings=tuple(warnings),
            client_send_ns=request.client_send_time_ns,
        )

    def _read_origin(self, request: motion_service_pb2.WindowRequest, check: Checker, in_stream: bool) -> Origin | None:
        timeline = request.timeline
        check.number("timeline.start_frame", timeline.start_frame, 0, MAX_FRAME, "frames")
        kind = timeline.WhichOneof("origin")
        if kind == "continues_sequence":
            if not in_stream:
                check.refuse(
                    "timeline.continues_sequence", timeline.continues_sequence, "a stream alone; else a history"
                )
            return Origin(timeline.continues_sequence, None)
        if kind == "history":
            history = _read_history(timeline.history, timeline.start_frame, "timeline.history", check)
            return None if history is None else Origin(None, history)
        if kind == "cold_start":
            return self._read_cold_start(timeline.cold_start, check)
        if kind == "teleport":
            return _read_teleport(timeline, check, in_stream)
        check.require(False, "timeline.origin", "continues_sequence, history, cold_start or teleport")
        return None

    def _read_cold_start(self, start: motion_service_pb2.ColdStart, check: Checker) -> Origin | None:
        path = "timeline.cold_start"
        placement = _read_placement(start.position, start.heading, path, check)
        if not start.HasField("pose"):
            return Origin(None, self._idle, placement)
        pose = read_frames(start.pose, 1, 1, f"{path}.pose", check)
        if pose is None:
            return None
        # One pose is no movement: it is held for as long as the shortest history.
        held = _padded(Motion.concatenate([pose, pose]))
        return Origin(None, CarriedHistory(held, 2, FootLocks.unknown(1)[0]), placement)

    def _read_trajectory(self, controls: controls_pb2.Controls, check: Checker) -> Trajectory | None:
        if not controls.HasField("trajectory"):
            return None
        path = "controls.trajectory"
        samples = controls.trajectory.samples
        if controls.trajectory.timing not in controls_pb2.TrajectoryTiming.values():
            check.refuse(f"{path}.timing", controls.trajectory.timing, listed(controls_pb2.TrajectoryTiming.keys()))
        if not check.count(f"{path}.samples", len(samples), 1, self._settings.max_trajectory_samples, "samples"):
            return None
        rows = [_read_sample(sample, f"{path}.samples[{index}]", check) for index, sample in enumerate(samples)]
        if check.failed:
            return None
        columns = np.array(rows).T
        trajectory = Trajectory(columns[0], columns[1:3].T, columns[3], columns[4])
        try:
            return trajectory.checked(path, self._settings.max_trajectory_samples)
        except ControlError as error:
            check.refuse(error.field, error.value, error.allowed)
            return None

    def _read_content(self, controls: controls_pb2.Controls, check: Checker) -> ContentChoice | None:
        content, path = controls.content, "controls.content"
        kind = content.WhichOneof("content")
        if kind == "label":
            row = self._bundle.content_index.get(content.label)
            if row is None:
                names = list(self._bundle.content_index)
                near = nearest(content.label, names)
                suggestion = f" (nearest: {listed(near)})" if near else ""
                check.refuse(f"{path}.label", content.label, listed(names) + suggestion)
                return None
            info = self._bundle.manifest.contents[row]
            gesture = _read_gesture(content, info, f"{path}.gesture", check)
            return ContentChoice(content.label.encode(), row, self._bundle.content_vectors[row], gesture)
        if kind == "code":
            size = self._bundle.manifest.content_dim
            if not check.count(f"{path}.code.values", len(content.code.values), size, size, "values"):
                return None
            vector = np.array(content.code.values, np.float32)
            check.values(f"{path}.code.values", vector, -CODE_LIMIT, CODE_LIMIT)
            gesture = _read_gesture(content, None, f"{path}.gesture", check)
            return ContentChoice(b"\0" + vector.tobytes(), None, vector, gesture)
        check.require(False, path, f"a label ({listed(list(self._bundle.content_index))}) or a code")
        return None

    def _read_sampling(self, controls: controls_pb2.Controls, check: Checker) -> tuple[tuple[int, ...], float]:
        steps = self._default_steps
        allowed = self._bundle.manifest.steps
        if controls.HasField("steps"):
            steps = controls.steps
            if steps not in allowed:
                check.refuse("controls.steps", steps, listed(allowed))
        least = steps
        if controls.HasField("min_steps"):
            least = controls.min_steps
            if least not in allowed or least > steps:
                check.refuse("controls.min_steps", least, listed([s for s in allowed if s <= steps]))
        choices = tuple(sorted((s for s in allowed if least <= s <= steps), reverse=True))
        guidance = self._bundle.manifest.content_guidance
        weight = guidance.default
        if controls.HasField("content_guidance"):
            weight = controls.content_guidance
            check.number("controls.content_guidance", weight, guidance.minimum, guidance.maximum)
        return choices, weight

    def _read_deadline(
        self,
        request: motion_service_pb2.WindowRequest,
        check: Checker,
        warnings: list[motion_service_pb2.Warning],
    ) -> int:
        if not request.HasField("deadline_ms"):
            return self._settings.default_deadline_ms
        longest = self._settings.max_deadline_ms
        if request.deadline_ms == 0:
            check.refuse("deadline_ms", 0, f"1 to {longest} milliseconds")
        if request.deadline_ms > longest:
            warnings.append(
                motion_service_pb2.Warning(
                    code=motion_service_pb2.WARNING_CODE_DEADLINE_CLAMPED,
                    field="deadline_ms",
                    message=f"the deadline of {request.deadline_ms} ms was shortened to {longest} ms",
                )
            )
        return min(request.deadline_ms, longest)


def read_encoding(encoding: int, field: str) -> FrameEncoding:
    """The encoding asked for, with its default.

    Raises:
        RequestError: INVALID_ARGUMENT for a number that names none.
    """
    if encoding == frames_pb2.FRAME_ENCODING_UNSPECIFIED:
        return FrameEncoding.FLOAT32
    if encoding not in ENCODINGS:
        check = Checker()
        check.refuse(field, encoding, listed(frames_pb2.FrameEncoding.keys()))
        check.raise_if_failed()
    return ENCODINGS[encoding]


def _refuse_missing_capabilities(controls: controls_pb2.Controls) -> None:
    """Raise for the first field that belongs to the contract but not to this server."""
    if controls.keyframes:
        raise capability_missing("CAPABILITY_KEYFRAMES", "controls.keyframes")
    if controls.content.WhichOneof("content") == "text":
        raise capability_missing("CAPABILITY_CONTENT_TEXT", "controls.content.text")


def _read_anchor(request: motion_service_pb2.WindowRequest, check: Checker) -> AnchorPlace:
    if not request.HasField("anchor"):
        return AnchorPlace()
    anchor = request.anchor
    values = {"x": anchor.x, "y": anchor.y, "z": anchor.z, "heading": anchor.heading}
    for name, value in values.items():
        if not np.isfinite(value):
            check.refuse(f"anchor.{name}", value, "any finite number")
        elif anchor.id == 0 and value != 0.0:
            check.refuse(f"anchor.{name}", value, "0 for id 0, which is the world itself")
    return AnchorPlace(anchor.id, anchor.x, anchor.y, anchor.z, anchor.heading)


def _read_placement(position: geometry_pb2.GroundPoint, heading: float, path: str, check: Checker) -> Placement:
    check.number(f"{path}.position.x", position.x, -MAX_PLACE, MAX_PLACE, "metres")
    check.number(f"{path}.position.z", position.z, -MAX_PLACE, MAX_PLACE, "metres")
    check.number(f"{path}.heading", heading, -MAX_FACING, MAX_FACING, "radians")
    return Placement(position.x, position.z, heading)


def _read_teleport(timeline: motion_service_pb2.Timeline, check: Checker, in_stream: bool) -> Origin | None:
    teleport, path = timeline.teleport, "timeline.teleport"
    check.require(teleport.HasField("position"), f"{path}.position", "where the root arrives")
    placement = _read_placement(teleport.position, teleport.heading, path, check)
    continues, carried = teleport.HasField("continues_sequence"), teleport.HasField("history")
    if continues == carried:
        check.note(path, f"has {'both' if carried else 'neither'}", "one of continues_sequence and history")
        return None
    if continues:
        if not in_stream:
            check.refuse(f"{path}.continues_sequence", teleport.continues_sequence, IN_STREAMS_ALONE)
        return Origin(teleport.continues_sequence, None, placement)
    history = _read_history(teleport.history, timeline.start_frame, f"{path}.history", check)
    return None if history is None else Origin(None, history, placement)


def _read_history(history: frames_pb2.History, start_frame: int, path: str, check: Checker) -> CarriedHistory | None:
    if history.end_frame != start_frame - 1:
        check.refuse(
            f"{path}.end_frame", history.end_frame, f"{start_frame - 1}, the frame before timeline.start_frame"
        )
    locks = _read_locks(history, f"{path}.foot_locks", check)
    if not check.require(history.HasField("frames"), f"{path}.frames", f"2 to {HISTORY} frames"):
        return None
    motion = read_frames(history.frames, 2, HISTORY, f"{path}.frames", check)
    if motion is None:
        return None
    return CarriedHistory(_padded(motion), motion.frames, locks, _read_scene_state(history, path, check))


def _read_locks(history: frames_pb2.History, path: str, check: Checker) -> FootLocks:
    if not history.HasField("foot_locks"):
        return FootLocks.unknown(1)[0]
    active, place = np.zeros(4, bool), np.zeros((4, 3), np.float32)
    place[:, 1] = CONTACT_REST_HEIGHTS
    check.count(f"{path}.locks", len(history.foot_locks.locks), 0, 4, "locks")
    for index, lock in enumerate(history.foot_locks.locks[:4]):
        here = f"{path}.locks[{index}]"
        if lock.joint not in _CONTACT_ROWS:
            check.refuse(f"{here}.joint", lock.joint, listed(skeleton_pb2.ContactJoint.keys()[1:]))
            continue
        row = _CONTACT_ROWS[lock.joint]
        if active[row]:
            check.refuse(f"{here}.joint", skeleton_pb2.ContactJoint.Name(lock.joint), "each joint at most once")
        active[row] = True
        place[row] = (lock.position.x, lock.position.y, lock.position.z)
        for name, value in zip("xyz", place[row]):
            check.number(f"{here}.position.{name}", float(value), -MAX_PLACE, MAX_PLACE, "metres")
    lowered = np.array([history.foot_locks.lowered, history.foot_locks.lowering], np.float32)
    check.number(f"{path}.lowered", float(lowered[0]), 0.0, MAX_LOWERED, "metres")
    check.number(f"{path}.lowering", float(lowered[1]), -1.0, 1.0, "metres a frame")
    sunk, strides = _read_sunk(history.foot_locks, path, check), _read_strides(history.foot_locks, path, check)
    return FootLocks(active, place, np.ones((), bool), lowered, sunk, strides)


def _read_sunk(locks: frames_pb2.FootLocks, path: str, check: Checker) -> Float:
    """(2,) how deep the feet are in the ground, and by how much more each frame; NaN where that is not said."""
    if not locks.HasField("scene"):
        return np.array([np.nan, 0.0], np.float32)
    sunk = np.array([locks.scene.sunk, locks.scene.sinking], np.float32)
    check.number(f"{path}.scene.sunk", float(sunk[0]), 0.0, DEEPEST, "metres")
    check.number(f"{path}.scene.sinking", float(sunk[1]), -1.0, 1.0, "metres a frame")
    return sunk


def _read_strides(locks: frames_pb2.FootLocks, path: str, check: Checker) -> Float:
    """(5,) what a scene does to steps; zeros where that is not said."""
    out = np.zeros(STRIDES, np.float32)
    given = locks.scene.strides
    if check.count(f"{path}.scene.strides", len(given), 0, MAX_STRIDES, "values"):
        # Another version of the server may say more, or less: new values only ever come at the end.
        values = np.array(given[:STRIDES], np.float32)
        if check.values(f"{path}.scene.strides", values, -STRIDE_LIMIT, STRIDE_LIMIT):
            out[: len(values)] = values
    return out


def _read_scene_state(history: frames_pb2.History, path: str, check: Checker) -> SceneStates:
    """The scene that one character is in; not known where that is not said."""
    states = SceneStates.unknown(1)
    if not history.foot_locks.HasField("scene"):
        return states
    state = history.foot_locks.scene
    path = f"{path}.foot_locks.scene"
    if not check.count(f"{path}.codes", len(state.codes), 0, MAX_SCENE_CODES, "values"):
        return states
    codes = np.array(state.codes, np.float32)
    check.values(f"{path}.codes", codes, -SCENE_CODE_LIMIT, SCENE_CODE_LIMIT)
    check.number(f"{path}.alpha", state.alpha, 0.0, MAX_ALPHA)
    # Another version of the server may know more quantities, or fewer: new ones only ever come at the end.
    codes = codes[: states.vector.shape[1]]
    states.vector[0, : len(codes)] = codes
    states.alpha[0], states.known[0] = state.alpha, True
    return states


_CONTACT_ROWS: dict[int, int] = {
    skeleton_pb2.CONTACT_JOINT_LEFT_ANKLE: 0,
    skeleton_pb2.CONTACT_JOINT_LEFT_FOOT: 1,
    skeleton_pb2.CONTACT_JOINT_RIGHT_ANKLE: 2,
    skeleton_pb2.CONTACT_JOINT_RIGHT_FOOT: 3,
}


def read_frames(frames: frames_pb2.PackedFrames, least: int, most: int, path: str, check: Checker) -> Motion | None:
    """Packed frames (count,) as motion with unit quaternions; None where something is wrong with them."""
    if frames.encoding not in ENCODINGS:
        check.refuse(f"{path}.encoding", frames.encoding, listed(list(frames_pb2.FrameEncoding.keys())[1:]))
        return None
    encoding = ENCODINGS[frames.encoding]
    if not check.count(f"{path}.count", frames.count, least, most, "frames"):
        return None
    size = record_bytes(encoding)
    if len(frames.data) != frames.count * size:
        allowed = f"{frames.count * size}: count times {size} bytes ({encoding.name}, 22 joints)"
        check.note(f"{path}.data", f"has {len(frames.data)} bytes", allowed)
        return None
    motion = unpack_frames(frames.data, encoding)
    lengths: npt.NDArray[np.floating] = np.linalg.norm(motion.rotations, axis=-1)
    if not _check_motion(motion, lengths, f"{path}.data", check):
        return None
    # Frames that this server made come back bit for bit: they must not be touched by a rounding division.
    uneven = np.abs(lengths - 1.0) > ROUNDING
    motion.rotations[uneven] /= lengths[uneven][:, None]
    return motion


ENCODINGS: dict[int, FrameEncoding] = {
    frames_pb2.FRAME_ENCODING_FLOAT32: FrameEncoding.FLOAT32,
    frames_pb2.FRAME_ENCODING_QUAT48: FrameEncoding.QUAT48,
}


def _check_motion(motion: Motion, lengths: npt.NDArray[np.floating], path: str, check: Checker) -> bool:
    """Finite numbers in their ranges and unit quaternions; the first wrong frame is named."""
    low, high = 1.0 - UNIT_TOLERANCE, 1.0 + UNIT_TOLERANCE
    checks: tuple[tuple[str, npt.NDArray[np.floating], float, float, str], ...] = (
        ("root x or z", motion.root_position, -MAX_PLACE, MAX_PLACE, "metres"),
        ("heading", motion.root_heading[:, None], -MAX_FACING, MAX_FACING, "radians"),
        ("pelvis x or z", motion.pelvis[:, [0, 2]], -MAX_PELVIS, MAX_PELVIS, "metres"),
        ("pelvis y", motion.pelvis[:, 1:2], -MAX_HEIGHT, MAX_HEIGHT, "metres"),
        ("length of a quaternion", lengths, low, high, ""),
    )
    for what, values, least, most, unit in checks:
        wrong = ~((values >= least) & (values <= most))
        if wrong.any():
            frame = int(wrong.any(axis=1).argmax())
            value = float(values[frame][wrong[frame]][0])
            joint = f", joint {int(wrong[frame].argmax())}" if values is lengths else ""
            check.note(
                path, f"frame {frame}{joint}: {what} is {value:g}", f"{least:g} to {most:g}{' ' + unit if unit else ''}"
            )
            return False
    return True


def _padded(motion: Motion) -> Motion:
    """The last 8 frames; shorter motion is filled up in front, where the network will not look."""
    missing = HISTORY - motion.frames
    if missing == 0:
        return motion
    return Motion.concatenate([motion.slice_frames(0, 1)] * missing + [motion])


def _read_sample(
    sample: controls_pb2.TrajectorySample, path: str, check: Checker
) -> tuple[float, float, float, float, float]:
    """A sample as (time, x, z, facing, speed); what is not given is NaN."""
    time = x = z = facing = speed = math.nan
    if sample.HasField("time"):
        time = sample.time
        check.number(f"{path}.time", time, 0.0, MAX_TIME, "seconds")
    if sample.HasField("position"):
        x, z = sample.position.x, sample.position.z
        check.number(f"{path}.position.x", x, -MAX_PLACE, MAX_PLACE, "metres")
        check.number(f"{path}.position.z", z, -MAX_PLACE, MAX_PLACE, "metres")
    if sample.HasField("facing"):
        facing = sample.facing
        check.number(f"{path}.facing", facing, -MAX_FACING, MAX_FACING, "radians")
    if sample.HasField("speed"):
        speed = sample.speed
        check.number(f"{path}.speed", speed, 0.0, MAX_SPEED, "metres a second")
    return time, x, z, facing, speed


def _read_gesture(content: controls_pb2.Content, info: ContentInfo | None, path: str, check: Checker) -> Gesture | None:
    """Where in the gesture the window begins; None for what is no gesture. ``info`` is None for a content code."""
    given = content.HasField("gesture")
    if info is not None and info.kind != "gesture":
        if given:
            check.note(path, f"is given with the {info.kind} {info.name!r}", "contents that are gestures")
        return None
    if info is None and not given:
        return None
    gesture = content.gesture
    phase = None
    if gesture.HasField("phase"):
        phase = gesture.phase
        check.number(f"{path}.phase", phase, 0.0, 1.0)
    seconds = max(info.mean_seconds, GESTURE_SECONDS[0]) if info is not None else 1.0
    if gesture.HasField("duration"):
        seconds = gesture.duration
        check.number(f"{path}.duration", seconds, *GESTURE_SECONDS, "seconds")
    elif info is None:
        check.require(False, f"{path}.duration", "0.2 to 30 seconds, since a content code has no usual length")
    advance = 0.0 if gesture.hold or not seconds > 0 else 1.0 / (seconds * FPS)
    return Gesture(phase, advance)
