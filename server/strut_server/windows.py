"""From a batch of valid requests to packed windows: histories, paths, the generator, packing, remembering.

Everything that grows with the number of characters and frames is done in arrays for the whole batch; what is done one
by one is looking up a few numbers for each request.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle
from strut_model.features import HISTORY, WINDOW
from strut_model.frames import pack_frames, record_bytes, unpack_frames
from strut_model.heights import HeightField
from strut_model.motion import Motion
from strut_model.rotations import rotate_ground, wrap_angle
from strut_model.scene.encoding import SceneEncoder
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS, FPS
from strut_model.streaming.controls import (
    MAX_SPEED,
    PathBatch,
    SampledPath,
    after_gesture,
    stack_trajectories,
    trajectory_samples,
)
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator, WindowRequests, WindowResults
from strut_model.streaming.ground import Grounds, laid
from strut_model.streaming.scenery import SceneConditions, Scenery, SceneStates, conditions
from strut_proto.v1 import motion_service_pb2
from strut_server import errors
from strut_server.clock import BatchTimes
from strut_server.errors import RequestError, Violation
from strut_server.leading import led_paths
from strut_server.memory import FRAME, CharacterMemory, Frames, RememberedWindow, WindowMemory, frames_of, motion_of
from strut_server.requests import AnchorPlace, Placement, ValidRequest

Float = npt.NDArray[np.float32]

REACH = 10.0
"""Metres by which a path may begin too far away: a character that was held up, or ran out of motion for seconds, is
behind its path. What is further is a path in another space or unit."""
FREE_SPEED = 1.0
"""Metres a second assumed for a content whose speed nobody has measured."""

OK = "OK"
"""The outcome of a request that was answered with a window."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class WindowWork:
    """A valid request on its way.

    Attributes:
        key: of the character in its stream; newer work of a key supersedes older.
        owner: who shares the server fairly with whom: the stream, or the connection of calls outside of streams.
        maker: of the model that the request was checked against.
        request: what is asked for.
        memory: the character's; None outside of streams.
        received_ns: stamp of its arrival.
        deadline_ns: stamp after which it is of no use.
        done: is called with the outcome, on the event loop.
        queued_ns: stamp of its coming into the queue.
    """

    key: Hashable
    owner: Hashable
    maker: WindowMaker
    request: ValidRequest
    memory: CharacterMemory | None
    received_ns: int
    deadline_ns: int
    done: Callable[[Outcome], None]
    queued_ns: int = 0

    @property
    def group(self) -> Hashable:
        """Work of different models cannot share an evaluation."""
        return self.maker

    @property
    def step_choices(self) -> tuple[int, ...]:
        """Network evaluations that may be used, the wanted number first."""
        return self.request.step_choices

    @property
    def priority(self) -> int:
        """0 matters most."""
        return self.request.priority


@dataclass(frozen=True)
class PackedWindow:
    """A window as it goes onto the wire.

    Attributes:
        data: the records.
        steps: network evaluations that were used.
        gesture_phase: at the frame after the last; None for what is no gesture.
        locked: (4,) which contact joints are locked at the last frame.
        lock_places: (4, 3) metres, where.
        lowered: metres that the ground lowers the pelvis by there, and by how much more each frame.
        path_speed_scale: by what the scene scaled the speed along the path; None where no scene is named.
        scene: (1,) the scene that the character is in there; None where the model knows none.
        sunk: metres that the feet are below the surface there, and by how much more each frame.
        strides: (5,) what the scene does to steps there, see `FootLocks.strides`; None where it does nothing.
    """

    data: bytes
    steps: int
    gesture_phase: float | None
    locked: npt.NDArray[np.bool_]
    lock_places: Float
    lowered: tuple[float, float] = (0.0, 0.0)
    path_speed_scale: float | None = None
    scene: SceneStates | None = None
    sunk: tuple[float, float] = (0.0, 0.0)
    strides: Float | None = None


@dataclass(frozen=True)
class Outcome:
    """How a request ended: with a window or with an error."""

    work: WindowWork
    window: PackedWindow | None = None
    error: RequestError | None = None
    warnings: tuple[motion_service_pb2.Warning, ...] = ()
    times: BatchTimes | None = None

    @property
    def reason(self) -> str:
        """OK, or the reason of the error."""
        return OK if self.error is None else self.error.reason


@dataclass
class _Lookup:
    """Where a request's history comes from, and what follows from the remembered window."""

    row: int = -1
    end: int = 0
    length: int = HISTORY
    locks_known: bool = False
    anchor: AnchorPlace | None = None
    phase: float | None = None


@dataclass
class _Prepared:
    """A batch up to the generator."""

    works: list[WindowWork]
    lookups: list[_Lookup]
    history: Motion
    requests: WindowRequests
    scenes: SceneConditions | None
    warnings: list[tuple[motion_service_pb2.Warning, ...]] = field(default_factory=list)


class WindowMaker:
    """Makes the windows of batches. Belongs to the batcher's threads, which may make batches at the same time.

    Args:
        bundle: idle pose, speeds.
        generator: makes motion.
        memory: of all characters.
        min_replan_frames: least distance between the starts of a window and of the one that re-plans it.
        scenes: encodes scenes; None where the bundle's student knows none.
    """

    def __init__(
        self,
        bundle: Bundle,
        generator: MotionGenerator,
        memory: WindowMemory,
        min_replan_frames: int,
        scenes: SceneEncoder | None = None,
    ) -> None:
        self._bundle = bundle
        self._generator = generator
        self._memory = memory
        self._min_replan_frames = min_replan_frames
        self._scenes = scenes
        known = np.isfinite(bundle.speed_table)
        totals = np.where(known, bundle.speed_table, 0.0).sum(axis=0)
        means = np.where(known.any(axis=0), totals / np.maximum(known.sum(axis=0), 1), FREE_SPEED)
        self._speeds = np.where(known, bundle.speed_table, means)

    def make(self, works: Sequence[WindowWork], steps: int, opened_ns: int, closed_ns: int) -> list[Outcome]:
        """Answer works with ``steps`` network evaluations, one outcome each, in any order."""
        begin = time.perf_counter()
        outcomes: list[Outcome] = []
        prepared = self._prepare(works, steps, outcomes)
        waited = BatchTimes(opened_ns, closed_ns)
        outcomes = [replace(outcome, times=waited) for outcome in outcomes]
        if prepared is None:
            return outcomes
        count = len(prepared.works)
        padded = bucket_size(count)
        planned = time.perf_counter()
        results = self._generator.generate(padded_requests(prepared.requests, padded))
        generated = time.perf_counter()
        windows = self._pack(prepared, results)
        packed = time.perf_counter()
        times = replace(
            waited,
            featurise=_nanoseconds(planned - begin + results.timing["featurise"]),
            inference=_nanoseconds(results.timing["inference"]),
            postprocess=_nanoseconds(generated - planned - results.timing["featurise"] - results.timing["inference"]),
            serialise=_nanoseconds(packed - generated),
            size=count,
            padded_size=padded,
            inference_cpu=_nanoseconds(results.timing["inference_cpu"]),
        )
        for row, (work, window, warnings) in enumerate(zip(prepared.works, windows, prepared.warnings)):
            if results.finite[row]:
                outcomes.append(Outcome(work, window, warnings=warnings, times=times))
            else:
                outcomes.append(
                    Outcome(work, error=incident("the network gave numbers that are not finite"), times=times)
                )
        return outcomes

    def _prepare(self, works: Sequence[WindowWork], steps: int, outcomes: list[Outcome]) -> _Prepared | None:
        """The generator's input; requests that cannot be met are added to ``outcomes``. None when no work is left."""
        kept: list[WindowWork] = []
        lookups: list[_Lookup] = []
        for work in works:
            try:
                lookup = self._look_up(work)
            except RequestError as error:
                outcomes.append(Outcome(work, error=error))
                continue
            kept.append(work)
            lookups.append(lookup)
        if not kept:
            return None
        history, locks = self._histories(kept, lookups)
        position, heading = history.root_position[:, -1], history.root_heading[:, -1]
        warnings = [(*work.request.warnings, *_fewer_steps(work, steps)) for work in kept]
        speeds = self._default_speeds(kept)
        paths = stack_trajectories(led_paths(kept, position, speeds, warnings), position, speeds)
        refused = _out_of_reach(paths, position, kept, warnings)
        if refused:
            outcomes += [Outcome(kept[row], error=error) for row, error in refused.items()]
            return self._prepare([work for row, work in enumerate(kept) if row not in refused], steps, outcomes)
        velocity = (position - history.root_position[:, -2]) * np.float32(FPS)
        turn = wrap_angle(heading - history.root_heading[:, -2]) * np.float32(FPS)
        sampled = trajectory_samples(paths, position, heading, velocity, turn, self._facing_offsets(kept))
        contents, phases = self._contents(kept, lookups, sampled)
        scenes = self._scene_conditions(kept, lookups, heading)
        requests = WindowRequests(
            history=history,
            history_length=np.array([lookup.length for lookup in lookups], np.int64),
            trajectory_position=sampled.positions,
            trajectory_heading=sampled.headings,
            position_mask=sampled.position_mask,
            heading_mask=sampled.heading_mask,
            content=contents,
            phase=phases,
            style=np.stack([work.request.style.vector for work in kept]),
            guidance=np.array([(w.request.style.guidance, w.request.content_guidance) for w in kept], np.float32),
            seed=np.array([work.request.seed for work in kept], np.uint64),
            start_frame=np.array([work.request.start_frame for work in kept], np.int64),
            locks=locks,
            steps=steps,
            ground=Grounds.below(
                [None if work.request.scene is None else work.request.scene.field for work in kept],
                None if scenes is None else scenes.low,
            ),
            scene=None if scenes is None else scenes.code,
            sink=None if scenes is None else scenes.sink,
            bearings=None if scenes is None else scenes.bearings,
            low=None if scenes is None else scenes.low,
        )
        return _Prepared(kept, lookups, history, requests, scenes, warnings)

    def _scene_conditions(
        self, works: list[WindowWork], lookups: list[_Lookup], heading: Float
    ) -> SceneConditions | None:
        """What the model is told of the scenes; None where it knows none."""
        if self._scenes is None:
            return None
        states = SceneStates.unknown(len(works))
        remembered = [row for row, lookup in enumerate(lookups) if lookup.row >= 0]
        if remembered:
            rows = np.array([lookups[row].row for row in remembered])
            ends = np.array([lookups[row].end for row in remembered])
            states[remembered] = self._memory.scenes(rows, ends)
        for row, work in enumerate(works):
            carried, placement = work.request.origin.history, work.request.origin.placement
            if placement is not None:
                states.known[row] = False  # who is put somewhere is there at once
            elif carried is not None:
                states[[row]] = carried.scene
        return conditions(self._scenes, [_scenery(work) for work in works], states, heading)

    def _contents(self, works: list[WindowWork], lookups: list[_Lookup], sampled: SampledPath) -> tuple[Float, Float]:
        """What is shown: contents (B, 64) and phases (B, 3); a gesture that is over goes on as what is under it."""
        contents = np.stack([work.request.content.vector for work in works])
        phases = np.zeros((len(works), 3), np.float32)
        for row, (work, lookup) in enumerate(zip(works, lookups)):
            gesture, phase = work.request.content.gesture, _phase(work.request, lookup)
            if gesture is None or phase is None:
                continue
            phases[row] = (phase, gesture.advance, 1.0)
            if phase == 1.0 and gesture.advance > 0:
                way = np.linalg.norm(sampled.positions[row, -1] - sampled.positions[row, 0])
                speed = float(way) * FPS / (WINDOW - 1) if sampled.position_mask[row, -1] else 0.0
                after = after_gesture(self._bundle, speed)
                if after is not None:
                    contents[row], phases[row] = after, 0.0
        return contents, phases

    def _look_up(self, work: WindowWork) -> _Lookup:
        """Find what a request goes on from.

        Raises:
            RequestError: FAILED_PRECONDITION where the window is not remembered, or does not reach the start.
        """
        request = work.request
        if request.origin.history is not None:
            lookup = _Lookup(length=request.origin.history.length)
        else:
            lookup = self._look_up_window(work)
        gesture = request.content.gesture
        if gesture is not None and gesture.phase is not None:
            lookup.phase = gesture.phase
        return lookup

    def _look_up_window(self, work: WindowWork) -> _Lookup:
        request = work.request
        sequence = request.origin.continues
        assert sequence is not None
        assert work.memory is not None
        window = work.memory.windows.get(sequence)
        if window is None:
            raise errors.sequence_unknown(sequence, "it is not remembered")
        end = request.start_frame - window.start_frame
        if not 0 < end <= window.frames:
            reach = f"{window.start_frame + 1} to {window.start_frame + window.frames}"
            raise errors.sequence_unknown(sequence, f"start_frame is {request.start_frame}, and it is good for {reach}")
        # A window may have been asked for shorter than that: going on at its end is no re-planning.
        if end < self._min_replan_frames and end != window.frames:
            raise errors.replan_too_soon(request.start_frame, window.start_frame + self._min_replan_frames)
        return _Lookup(
            row=window.row,
            end=end,
            length=min(HISTORY, window.history_length + end),
            locks_known=end == window.frames,
            anchor=window.anchor,
            phase=window.phase_at(request.start_frame) if window.content == request.content.key else None,
        )

    def _histories(self, works: list[WindowWork], lookups: list[_Lookup]) -> tuple[Motion, FootLocks]:
        """The histories (B, 8) in the spaces of the requests, and the locks (B,) at their last frames."""
        frames: Frames = np.empty((len(works), HISTORY), FRAME)
        locks = FootLocks.unknown(len(works))
        remembered = [row for row, lookup in enumerate(lookups) if lookup.row >= 0]
        if remembered:
            rows = np.array([lookups[row].row for row in remembered])
            ends = np.array([lookups[row].end for row in remembered])
            frames[remembered], stored = self._memory.history(rows, ends)
            locks.active[remembered], locks.position[remembered] = stored.active, stored.position
            locks.lowered[remembered] = stored.lowered
            locks.sunk[remembered], locks.strides[remembered] = stored.sunk, stored.strides
            locks.given[remembered] = [lookups[row].locks_known for row in remembered]
        for row, work in enumerate(works):
            carried = work.request.origin.history
            if carried is not None:
                frames[row] = frames_of(carried.motion)
                locks.active[row], locks.position[row] = carried.locks.active, carried.locks.position
                locks.given[row] = carried.locks.given
                locks.lowered[row] = carried.locks.lowered
                locks.sunk[row], locks.strides[row] = carried.locks.sunk, carried.locks.strides
        history = motion_of(frames)
        moved = [
            row
            for row, (work, lookup) in enumerate(zip(works, lookups))
            if work.request.origin.placement is not None
            or (lookup.anchor is not None and not lookup.anchor.same_place(work.request.anchor))
        ]
        if moved:
            _move(history, locks, moved, [_way(history, row, works[row].request, lookups[row]) for row in moved])
        for row, work in enumerate(works):
            if work.request.origin.placement is not None:
                _put_down(history, locks, row, work.request)
        return history, locks

    def _facing_offsets(self, works: list[WindowWork]) -> Float:
        """Radians from the direction of travel to the facing, where none is asked: some contents walk backwards."""
        contents = self._bundle.manifest.contents
        rows = [work.request.content.row for work in works]
        return np.array([0.0 if row is None else contents[row].facing_offset for row in rows], np.float32)

    def _default_speeds(self, works: list[WindowWork]) -> list[float]:
        """Metres a second of samples that say neither time nor speed: what the styles' clips of the content do."""
        speeds = []
        for work in works:
            column, rows = work.request.content.row, work.request.style.rows
            if column is None:
                speeds.append(FREE_SPEED)
                continue
            table = self._speeds[:, column]
            total = sum(weight for _, weight in rows)
            speeds.append(
                float(sum(weight * table[row] for row, weight in rows) / total) if total > 0 else float(table.mean())
            )
        return speeds

    def _pack(self, prepared: _Prepared, results: WindowResults) -> list[PackedWindow]:
        """Pack the windows for the wire, and remember them as their clients will decode them."""
        works = prepared.works
        count = len(works)
        motion = results.motion[:count]
        lasts = np.array([work.request.frames for work in works]) - 1
        locks = results.frame_locks[np.arange(count), lasts]
        data: list[bytes] = [b""] * count
        received: Frames = np.empty((count, WINDOW), FRAME)
        for encoding in {work.request.encoding for work in works}:
            rows = [row for row, work in enumerate(works) if work.request.encoding == encoding]
            packed = pack_frames(motion[rows], encoding)
            decoded = frames_of(unpack_frames(packed.tobytes(), encoding, (len(rows),)))
            received[rows] = decoded
            size = record_bytes(encoding)
            for place, row in enumerate(rows):
                data[row] = packed[place, : works[row].request.frames * size].tobytes()
        phases = [_phase(work.request, lookup) for work, lookup in zip(works, prepared.lookups)]
        ends = [_end_phase(work.request, phase) for work, phase in zip(works, phases)]
        self._remember(prepared, results, received, locks, ends)
        steps = prepared.requests.steps
        scenes = None if prepared.scenes is None else prepared.scenes.after(lasts + 1)
        return [
            PackedWindow(
                data[row],
                steps,
                ends[row],
                locks.active[row],
                locks.position[row],
                (float(locks.lowered[row, 0]), float(locks.lowered[row, 1])),
                _speed(works[row]),
                None if scenes is None else scenes[row : row + 1],
                (float(locks.sunk[row, 0]), float(locks.sunk[row, 1])),
                locks.strides[row],
            )
            for row in range(count)
        ]

    def _remember(
        self,
        prepared: _Prepared,
        results: WindowResults,
        received: Frames,
        locks: FootLocks,
        ends: list[float | None],
    ) -> None:
        kept = [row for row, w in enumerate(prepared.works) if w.memory is not None and results.finite[row]]
        if not kept:
            return
        places = self._memory.allocate(len(kept))
        history = frames_of(prepared.history[kept])
        states = None if prepared.scenes is None else (prepared.scenes.states[kept], prepared.scenes.target[kept])
        each = results.frame_locks[kept]
        self._memory.store(np.array(places), history, received[kept], locks[kept], each.sunk, states, each.strides)
        for place, row in zip(places, kept):
            request, memory = prepared.works[row].request, prepared.works[row].memory
            assert memory is not None
            gesture = request.content.gesture
            window = RememberedWindow(
                row=place,
                start_frame=request.start_frame,
                frames=request.frames,
                history_length=prepared.lookups[row].length,
                anchor=request.anchor,
                content=request.content.key,
                phase=_phase(request, prepared.lookups[row]),
                advance=0.0 if gesture is None else gesture.advance,
                end_phase=ends[row],
            )
            self._memory.remember(memory, request.sequence, window)


def bucket_size(count: int) -> int:
    """The size to which a batch is padded: few sizes, so that buffers and plans are reused, and little waste.

    Sizes up to 16 are kept; above, eight sizes to each doubling waste an eighth at most.
    """
    step = 1 << max((count - 1).bit_length() - 4, 0)
    return -(-count // step) * step


def padded_requests(requests: WindowRequests, size: int) -> WindowRequests:
    """Requests filled up with copies of the first one."""
    missing = size - requests.batch
    if missing == 0:
        return requests
    rows = np.concatenate((np.arange(requests.batch), np.zeros(missing, np.int64)))
    return WindowRequests(
        history=requests.history[rows],
        history_length=requests.history_length[rows],
        trajectory_position=requests.trajectory_position[rows],
        trajectory_heading=requests.trajectory_heading[rows],
        position_mask=requests.position_mask[rows],
        heading_mask=requests.heading_mask[rows],
        content=requests.content[rows],
        phase=requests.phase[rows],
        style=requests.style[rows],
        guidance=requests.guidance[rows],
        seed=requests.seed[rows],
        start_frame=requests.start_frame[rows],
        locks=requests.locks[rows],
        steps=requests.steps,
        ground=requests.ground,
        scene=None if requests.scene is None else requests.scene[rows],
        bearings=None if requests.bearings is None else requests.bearings[rows],
        sink=None if requests.sink is None else requests.sink[rows],
        low=None if requests.low is None else requests.low[rows],
    )


def incident(what: str, fault: BaseException | None = None) -> RequestError:
    """An error for a fault of the server, which is logged under the number that the client gets."""
    number = uuid.uuid4().hex[:12]
    log.error("incident %s: %s", number, what, exc_info=fault)
    return errors.internal(number)


@dataclass(frozen=True)
class _Way:
    """A rigid move over the ground: rotate by ``heading`` about the origin, then add; metres and radians."""

    x: float
    y: float
    z: float
    heading: float


def _way(history: Motion, row: int, request: ValidRequest, lookup: _Lookup) -> _Way:
    """How a history gets to where the request wants it."""
    old, new = lookup.anchor or request.anchor, request.anchor
    placement: Placement | None = request.origin.placement
    if placement is not None:
        turn = placement.heading - float(history.root_heading[row, -1])
        last = rotate_ground(np.float64(turn), history.root_position[row, -1].astype(np.float64))
        return _Way(placement.x - float(last[0]), old.y - new.y, placement.z - float(last[1]), turn)
    apart = rotate_ground(np.float64(-new.heading), np.array([old.x - new.x, old.z - new.z], np.float64))
    return _Way(float(apart[0]), old.y - new.y, float(apart[1]), old.heading - new.heading)


def _move(history: Motion, locks: FootLocks, rows: list[int], ways: list[_Way]) -> None:
    """Move some histories and their locks, in place, in doubles."""
    position = np.array([(way.x, way.z) for way in ways])
    heading = np.array([way.heading for way in ways])
    moved = history[rows].astype(np.float64).transformed(position, heading)
    history.root_position[rows] = moved.root_position
    history.root_heading[rows] = moved.root_heading
    height = np.array([way.y for way in ways], np.float32)
    history.pelvis[rows, :, 1] += height[:, None]
    ground = rotate_ground(heading[:, None], locks.position[rows][..., [0, 2]].astype(np.float64)) + position[:, None]
    locks.position[rows] = np.stack((ground[..., 0], locks.position[rows][..., 1], ground[..., 1]), axis=-1)


def _scenery(work: WindowWork) -> Scenery | None:
    return None if work.request.scene is None else work.request.scene.scenery


def _put_down(history: Motion, locks: FootLocks, row: int, request: ValidRequest) -> None:
    """Put a character that was put somewhere onto the ground there and into it as deep as it sinks, in place."""
    scene = request.scene
    sunk = locks.sunk[row, 0]
    if scene is not None and scene.field is not None:
        _put_on_ground(history, row, scene.field)
    elif sunk > 0:
        history.pelvis[row, :, 1] += sunk
    if scene is not None and scene.scenery is not None and scene.scenery.sink > 0:
        history.pelvis[row, :, 1] -= np.float32(scene.scenery.sink)
    locks.sunk[row] = (np.nan, 0.0)
    locks.strides[row] = 0.0


def _put_on_ground(history: Motion, row: int, field: HeightField) -> None:
    """Lay the frames of a character that was put somewhere onto the ground there, in place."""
    own = history[row]
    lowest = (own.positions()[-1, CONTACT_JOINTS, 1] - CONTACT_REST_HEIGHTS).min()
    own.pelvis[:, 1] -= lowest
    there = laid(field, own)
    history.pelvis[row], history.rotations[row] = there.pelvis, there.rotations


def _speed(work: WindowWork) -> float | None:
    return None if work.request.scene is None else work.request.scene.speed


def _phase(request: ValidRequest, lookup: _Lookup) -> float | None:
    """The gesture's phase at the first frame; None for what is no gesture."""
    if request.content.gesture is None:
        return None
    return 0.0 if lookup.phase is None else lookup.phase


def _end_phase(request: ValidRequest, phase: float | None) -> float | None:
    """The gesture's phase at the frame after the last one, rounded as the client gets it."""
    if request.content.gesture is None or phase is None:
        return None
    return float(np.float32(min(phase + request.frames * request.content.gesture.advance, 1.0)))


def _out_of_reach(
    paths: PathBatch,
    position: Float,
    works: list[WindowWork],
    warnings: list[tuple[motion_service_pb2.Warning, ...]],
) -> dict[int, RequestError]:
    """Errors by row for paths that begin where nobody gets in time; those that begin a little off get a warning."""
    if paths.times.shape[1] == 0:
        return {}
    has_place = ~np.isnan(paths.positions[..., 0])
    first = has_place.argmax(axis=1)
    rows = np.arange(len(works))
    distance = np.linalg.norm(paths.positions[rows, first] - position, axis=1)
    allowed = MAX_SPEED * (np.maximum(paths.times[rows, first], 0.0) + 1.0 / FPS)
    refused: dict[int, RequestError] = {}
    for row in np.flatnonzero(has_place[rows, first] & (distance > allowed)):
        speed = f"{distance[row]:.3g} metres from the character at {paths.times[row, first[row]]:.3g} seconds"
        path = f"controls.trajectory.samples[{first[row]}].position"
        if distance[row] > allowed[row] + REACH:
            limit = f"at most {MAX_SPEED:g} metres a second, and {REACH:g} metres more"
            refused[int(row)] = errors.invalid([Violation(path, f"is {speed}", limit)])
        else:
            warning = motion_service_pb2.Warning(
                code=motion_service_pb2.WARNING_CODE_PATH_NOT_REACHABLE, field=path, message=f"the path begins {speed}"
            )
            warnings[row] = (*warnings[row], warning)
    return refused


def _fewer_steps(work: WindowWork, steps: int) -> tuple[motion_service_pb2.Warning, ...]:
    """The warning where a loaded server does with fewer evaluations than were wanted."""
    wanted = work.step_choices[0]
    if steps == wanted:
        return ()
    return (
        motion_service_pb2.Warning(
            code=motion_service_pb2.WARNING_CODE_FEWER_STEPS,
            field="controls.steps",
            message=f"the server is loaded and used {steps} of {wanted} steps",
        ),
    )


def _nanoseconds(seconds: float) -> int:
    return max(int(seconds * 1e9), 0)
