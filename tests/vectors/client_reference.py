"""The reference of what both engine clients compute, in plain numpy: docs/client_core.md says it in words.

Written for clarity, in double precision, one frame and one character at a time. `make_client_vectors` runs it over
scripted cases whose answers the C++ and the C# core must give as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from strut_model.coordinates import ENGINE_SPACES, EngineSpace
from strut_model.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS, PELVIS_REST_HEIGHT, REST_OFFSETS

Array = npt.NDArray[np.float64]

FPS = 30.0
MAX_STEP = 0.25
COMMITTED = 2
MIN_USABLE = 3
MIN_LEAD, MAX_LEAD = 0.2, 0.45
LEAD_MARGIN = 0.0667
INITIAL_LATENCY, INITIAL_DEVIATION = 0.1, 0.05
LATENCY_GAIN, DEVIATION_GAIN = 0.125, 0.25
MAX_AHEAD, MAX_AHEAD_AT_REST = 8, 30
MIN_DEADLINE = 0.05
BACK_OFF = (0.1, 0.2, 0.4, 0.5)
RECENT_REQUESTS = 8
SEAM_DECAY = 0.3
EASE_DECAY = 0.2
SETTLED = 30
FOLLOW_LIMIT, FOLLOW_HALF_LIFE = 0.15, 0.2
NEARLY_PARALLEL = 0.9995
REACH = 0.999
ANKLE_REST_HEIGHT = 0.117
HIP_REST_HEIGHT = PELVIS_REST_HEIGHT - 0.0219


# Quaternions (x, y, z, w).


def multiply(a: Array, b: Array) -> Array:
    """The rotation b, then a."""
    v = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.append(v, a[3] * b[3] - a[:3] @ b[:3])


def inverse(q: Array) -> Array:
    """Of a unit quaternion."""
    return q * np.array([-1.0, -1.0, -1.0, 1.0])


def rotate(q: Array, v: Array) -> Array:
    """A vector turned by a rotation."""
    t = 2.0 * np.cross(q[:3], v)
    return v + q[3] * t + np.cross(q[:3], t)


def slerp(a: Array, b: Array, t: float) -> Array:
    """Along the shorter way; linear and normalised where the two are nearly parallel."""
    dot = float(a @ b)
    if dot < 0.0:
        b, dot = -b, -dot
    if dot > NEARLY_PARALLEL:
        q = a + t * (b - a)
    else:
        angle = math.acos(dot)
        q = (math.sin((1.0 - t) * angle) * a + math.sin(t * angle) * b) / math.sin(angle)
    return q / np.linalg.norm(q)


def logarithm(q: Array) -> Array:
    """The rotation vector of the shorter way, radians."""
    if q[3] < 0.0:
        q = -q
    sine = float(np.linalg.norm(q[:3]))
    if sine < 1e-9:
        return 2.0 * q[:3]
    return q[:3] * (2.0 * math.atan2(sine, q[3]) / sine)


def exponential(v: Array) -> Array:
    """The rotation of a rotation vector."""
    angle = float(np.linalg.norm(v))
    if angle < 1e-9:
        q = np.append(0.5 * v, 1.0)
        return q / np.linalg.norm(q)
    return np.append(v * (math.sin(angle / 2.0) / angle), math.cos(angle / 2.0))


def between(u: Array, v: Array) -> Array:
    """The shortest arc from one direction to another; neither need have length 1."""
    q = np.append(np.cross(u, v), u @ v + np.linalg.norm(u) * np.linalg.norm(v))
    return q / np.linalg.norm(q)


def wrap(angle: float) -> float:
    """To [-pi, pi)."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


# Frames.


@dataclass(frozen=True)
class Frame:
    """One frame: root x and z, heading, pelvis (3,), rotations (22, 4), contacts (4,)."""

    root: Array
    heading: float
    pelvis: Array
    rotations: Array
    contacts: Array

    def numbers(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "root": self.root.tolist(),
            "heading": float(self.heading),
            "pelvis": self.pelvis.tolist(),
            "rotations": self.rotations.tolist(),
            "contacts": self.contacts.tolist(),
        }


def interpolate(a: Frame, b: Frame, t: float) -> Frame:
    """The pose between two frames."""
    return Frame(
        a.root + t * (b.root - a.root),
        a.heading + t * wrap(b.heading - a.heading),
        a.pelvis + t * (b.pelvis - a.pelvis),
        np.stack([slerp(p, q, t) for p, q in zip(a.rotations, b.rotations)]),
        a.contacts + t * (b.contacts - a.contacts),
    )


def spring(x: Any, v: Any, decay: float, t: float) -> Any:
    """A critically damped spring t frames after it had the offset x and the step v."""
    return (x + (v + decay * x) * t) * math.exp(-decay * t)


def ease(a: Frame, b: Frame, idle_pelvis: Array, idle_rotations: Array, t: int) -> Frame:
    """The local frame t frames after a, which came after b."""
    y = EASE_DECAY
    rolled = 2.0 / y - (2.0 / y + t) * math.exp(-y * t)
    rotations = []
    for q, before, idle in zip(a.rotations, b.rotations, idle_rotations):
        r, s = logarithm(multiply(q, inverse(idle))), logarithm(multiply(before, inverse(idle)))
        step = r - s
        if np.linalg.norm(step) > math.pi:
            step = logarithm(multiply(q, inverse(before)))
        rotations.append(multiply(exponential(spring(r, step, y, t)), idle))
    return Frame(
        a.root + (a.root - b.root) * rolled,
        a.heading + wrap(a.heading - b.heading) * rolled,
        idle_pelvis + spring(a.pelvis - idle_pelvis, a.pelvis - b.pelvis, y, t),
        np.stack(rotations),
        np.full(4, 0.0 if t <= SETTLED else 1.0),
    )


def seam(old: list[Frame], new: list[Frame]) -> list[Frame]:
    """New frames that join the last three old ones in position and velocity."""
    old = [old[0]] * (3 - len(old)) + old[-3:]

    def offsets(gap: Array, s1: Array, s2: Array, s4: Array, s5: Array) -> tuple[Array, Array]:
        acceleration = s2 - s1 + s5 - s4
        return gap - acceleration / 2.0, acceleration + s2 - s4

    linear = [np.concatenate((f.root, [f.heading], f.pelvis)) for f in (*old, *new[:3])]
    steps = [after - before for before, after in pairwise(linear)]
    for step in steps:
        step[2] = wrap(step[2])
    moved, pace = offsets(steps[3] - steps[2], steps[0], steps[1], steps[3], steps[4])
    turned = []
    for joint in range(len(JOINT_NAMES)):
        q = [f.rotations[joint] for f in (*old, *new[:3])]
        ratio = [multiply(after, inverse(before)) for before, after in pairwise(q)]
        gap = logarithm(multiply(inverse(ratio[2]), ratio[3]))
        s1, s2, s4, s5 = (logarithm(ratio[i]) for i in (0, 1, 3, 4))
        turned.append(offsets(gap, s1, s2, s4, s5))
    joined = []
    for t, frame in enumerate(new, start=1):
        shift = spring(moved, pace, SEAM_DECAY, t)
        rotations = [
            multiply(exponential(spring(p, v, SEAM_DECAY, t)), q) for (p, v), q in zip(turned, frame.rotations)
        ]
        joined.append(
            replace(
                frame,
                root=frame.root + shift[:2],
                heading=frame.heading + shift[2],
                pelvis=frame.pelvis + shift[3:],
                rotations=np.stack(rotations),
            )
        )
    return joined


@dataclass(frozen=True)
class Move:
    """A rigid motion on the ground: a turn about the origin, then a shift (x, z)."""

    heading: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    def place(self, root: Array) -> Array:
        """Where a place comes to."""
        c, s = math.cos(self.heading), math.sin(self.heading)
        return np.array([c * root[0] + s * root[1], c * root[1] - s * root[0]]) + self.shift

    def frame(self, frame: Frame) -> Frame:
        """The frame, moved."""
        return replace(frame, root=self.place(frame.root), heading=frame.heading + self.heading)

    def after(self, first: Move) -> Move:
        """This move after another one."""
        x, z = self.place(np.array(first.shift))
        return Move(self.heading + first.heading, (float(x), float(z)))

    @staticmethod
    def between(root: Array, heading: float, to_root: Array, to_heading: float) -> Move:
        """The move that takes one placement to another."""
        turn = Move(to_heading - heading)
        x, z = to_root - turn.place(root)
        return Move(turn.heading, (float(x), float(z)))


def follow(
    root: Array, heading: float, place: Array, place_heading: float, dt: float, weight: float = 1.0
) -> tuple[Array, float]:
    """GameDrives (weight 1) and Blend: where the root comes to."""
    keep = 0.5 ** (dt / FOLLOW_HALF_LIFE)
    offset = (root - place) * keep
    length = float(np.linalg.norm(offset))
    if length > FOLLOW_LIMIT:
        offset = offset * (FOLLOW_LIMIT / length)
    turned = place_heading + wrap(heading - place_heading) * keep
    return root + weight * (place + offset - root), heading + weight * wrap(turned - heading)


# Timing.


@dataclass
class LatencyEstimator:
    """Moving mean and deviation of the seconds from request to reply."""

    latency: float = INITIAL_LATENCY
    deviation: float = INITIAL_DEVIATION
    samples: int = 0
    in_flight: int = 1

    def add(self, seconds: float) -> None:
        """Takes a sample, which is one of as many as there are requests in flight."""
        if self.samples == 0:
            self.latency, self.deviation = seconds, seconds / 2.0
        else:
            self.deviation += DEVIATION_GAIN / self.in_flight * (abs(seconds - self.latency) - self.deviation)
            self.latency += LATENCY_GAIN / self.in_flight * (seconds - self.latency)
        self.samples += 1

    @property
    def lead(self) -> float:
        """Wall seconds of motion to have in hand."""
        return min(max(self.latency + 4.0 * self.deviation + LEAD_MARGIN, MIN_LEAD), MAX_LEAD)

    def ahead(self, time_scale: float, most: int = MAX_AHEAD) -> int:
        """Frames from the first that may change to the start of a window asked for now."""
        frames = math.ceil((self.latency + 2.0 * self.deviation) * FPS * time_scale)
        return min(max(frames, 1), most)


class Histogram:
    """Whole microseconds in buckets of 1/32 of an octave."""

    LARGEST = 2**31 - 1

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.maximum = 0

    def add(self, value: int) -> None:
        """Counts a value."""
        value = min(value, self.LARGEST)
        bucket = self.bucket(value)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.count += 1
        self.maximum = max(self.maximum, value)

    @staticmethod
    def bucket(value: int) -> int:
        """The bucket of a value."""
        if value < 64:
            return value
        e = value.bit_length() - 6
        return 64 + 32 * (e - 1) + (value >> e) - 32

    @staticmethod
    def highest(bucket: int) -> int:
        """The highest value of a bucket."""
        if bucket < 64:
            return bucket
        e, row = divmod(bucket - 64, 32)
        return ((row + 32 + 1) << (e + 1)) - 1

    def percentile(self, q: float) -> int:
        """The value that a share q of the values does not exceed."""
        wanted = max(math.ceil(q * self.count), 1)
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= wanted:
                return min(self.highest(bucket), self.maximum)
        return 0


# Pacing.


@dataclass
class Waiting:
    """A request without reply."""

    sequence: int
    start: int
    sent_at: float
    expires_at: float
    intact: bool = True


@dataclass(frozen=True)
class Base:
    """A window that a request may continue."""

    sequence: int
    start: int
    end: int


@dataclass
class Pacer:
    """When to ask for what, and what to do with an answer. Times in seconds of the wall, except ``dt``."""

    character: int = 1
    latency: LatencyEstimator = field(default_factory=LatencyEstimator)
    window_frames: int = 16
    history_frames: int = 8
    min_replan_frames: int = 4
    max_deadline: float = 10.0
    connected: bool = True
    playhead: float = 0.0
    server_end: int = 0
    started: bool = False
    base: Base | None = None
    waiting: list[Waiting] = field(default_factory=list)
    sequence: int = 0
    attempt: int = 0
    not_before: float = 0.0
    replan_wanted: bool = False
    replanned_at: float = -math.inf
    culled: bool = False
    windows: int = 0
    late_frames: int = 0

    @property
    def first(self) -> int:
        return math.floor(self.playhead) + COMMITTED

    @property
    def underrun(self) -> bool:
        return self.server_end < self.first

    @property
    def state(self) -> str:
        if self.culled:
            return "Culled"
        if not self.started:
            return "Starting"
        if self.underrun:
            return "Idle" if self.first - 1 - self.server_end >= SETTLED else "Easing"
        return "Streaming"

    def advance(self, dt: float) -> None:
        """Plays dt seconds of game time."""
        if self.culled:
            return
        self.playhead += min(dt, MAX_STEP) * FPS
        self.late_frames += self.started and self.underrun

    def decide(self, now: float, time_scale: float = 1.0) -> dict[str, Any] | None:
        """The request to be made now, if any."""
        if self.culled or not self.connected or time_scale <= 0.0 or now < self.not_before:
            return None
        pause = not self.started or self.underrun
        ahead = self.first + self.latency.ahead(time_scale, MAX_AHEAD_AT_REST if pause else MAX_AHEAD)
        append = pause or self.server_end - self.playhead <= self.latency.lead * FPS * max(time_scale, 1.0)
        start = ahead if pause else self.server_end
        held_back = bool(self.waiting) and now < self.waiting[-1].expires_at
        replan = False
        if self.replan_wanted and not pause and self.playhead - self.replanned_at >= self.min_replan_frames:
            least = ahead if self.base is None else max(ahead, self.base.start + self.min_replan_frames)
            replan, start = True, min(least, self.server_end)
        if not replan and (not append or held_back):
            return None
        return self._request(start, now, time_scale)

    def _request(self, start: int, now: float, time_scale: float) -> dict[str, Any]:
        origin = "history"
        continued = 0
        if not self.started:
            origin = "cold"
        elif self.base is not None and self._continues(self.base, start):
            origin, continued = "continues", self.base.sequence
        if not self.started or self.underrun:
            self.windows = 0
        spread = self.character % self.window_frames
        frames = self.window_frames - (((spread + 1) // 2, spread // 2)[self.windows] if self.windows < 2 else 0)
        deadline = (start + frames - MIN_USABLE - self.playhead) / FPS / time_scale
        deadline = min(max(deadline, MIN_DEADLINE), self.max_deadline)
        self.sequence += 1
        self.waiting = [*self.waiting, Waiting(self.sequence, start, now, now + deadline)][-RECENT_REQUESTS:]
        self.replan_wanted = False
        self.replanned_at = self.playhead
        return {
            "sequence": self.sequence,
            "start": start,
            "frames": frames,
            "origin": origin,
            "continues": continued,
            "deadline": deadline,
        }

    def _continues(self, base: Base, start: int) -> bool:
        far_enough = start - base.start >= self.min_replan_frames or start == base.end
        return base.start < start <= base.end and far_enough

    def on_window(self, sequence: int, start: int, count: int, now: float) -> dict[str, Any]:
        """What is to be done with a window: ignored, dropped, or joined at a frame, with or without a seam."""
        request = next((w for w in self.waiting if w.sequence == sequence), None)
        if request is None:
            return {"action": "ignored"}
        self.latency.add(now - request.sent_at)
        self.waiting = [w for w in self.waiting if w.sequence > sequence]
        self.attempt, self.not_before = 0, 0.0
        splice = max(start, self.first)
        if start + count - splice < MIN_USABLE:
            self.base = None
            return {"action": "dropped"}
        clean = request.intact and start >= self.first
        for other in self.waiting:
            other.intact = other.intact and splice >= other.start
        late = start < self.first
        self.server_end = start + count
        self.started = True
        self.windows += 1
        self.base = Base(sequence, start, start + count) if clean else None
        return {"action": "joined", "splice": splice, "seam": not clean, "late": late}

    def on_error(self, sequence: int, reason: str, retry: float, now: float) -> None:
        """Takes note of an error that answers a request."""
        request = next((w for w in self.waiting if w.sequence == sequence), None)
        if request is None:
            return
        self.waiting.remove(request)
        if reason in ("SEQUENCE_UNKNOWN", "REPLAN_TOO_SOON"):
            self.base = None
        if reason not in ("SEQUENCE_UNKNOWN", "SUPERSEDED", "RELEASED"):
            self.not_before = now + max(retry, BACK_OFF[min(self.attempt, len(BACK_OFF) - 1)])
            self.attempt += 1

    def on_disconnected(self) -> None:
        """The stream is gone."""
        self.waiting, self.base, self.attempt, self.not_before = [], None, 0, 0.0

    def on_moved(self) -> None:
        """The character was moved, or a pose handed over."""
        self.base = None


# Retargeting.


@dataclass(frozen=True)
class Bone:
    """A bone of a rig: rest pose local to the parent, in the engine's space."""

    name: str
    parent: int
    rotation: Array
    translation: Array


class Retargeter:
    """Puts frames onto a rig.

    Args:
        bones: the rig, parents first.
        rig_map: as docs/client_core.md has it.
    """

    def __init__(self, bones: list[Bone], rig_map: dict[str, Any]) -> None:
        self.bones = bones
        self.space: EngineSpace = ENGINE_SPACES[rig_map["space"]]
        self.index = {bone.name: i for i, bone in enumerate(bones)}
        self.mapped = {
            self.index[entry["bone"]]: (
                JOINT_INDEX[entry["joint"]],
                JOINT_INDEX[entry.get("next", entry["joint"])],
                float(entry.get("share", 0.0)),
            )
            for entry in rig_map["bones"]
        }
        self.bone_of = {joint: bone for bone, (joint, _, share) in self.mapped.items() if share == 0.0}
        self.twists = rig_map.get("twists", [])
        self.rest, self.rest_places = self.forward([bone.rotation for bone in bones])
        corrections = self._corrections(rig_map.get("t_pose", {}))
        self.t_pose = [multiply(a, r) for a, r in zip(corrections, self.rest)]
        hips = [self.rest_places[self.bone_of[JOINT_INDEX[f"{side}_hip"]]] for side in ("left", "right")]
        height = float(np.mean([self._metres(place)[1] for place in hips]))
        self.hip_scale = float(rig_map.get("hip_scale") or height / HIP_REST_HEIGHT)
        self.foot_ik = bool(rig_map.get("foot_ik", True))

    def forward(self, local: list[Array], pelvis_place: Array | None = None) -> tuple[list[Array], list[Array]]:
        """Rotations and places of all bones in component space."""
        rotations: list[Array] = []
        places: list[Array] = []
        for i, bone in enumerate(self.bones):
            if bone.parent < 0:
                rotations.append(local[i])
                places.append(bone.translation)
            else:
                rotations.append(multiply(rotations[bone.parent], local[i]))
                places.append(places[bone.parent] + rotate(rotations[bone.parent], bone.translation))
            if pelvis_place is not None and self.mapped.get(i, (-1, -1, 0.0))[0] == 0 and i == self.bone_of[0]:
                places[i] = pelvis_place
        return rotations, places

    def _rotation(self, q: Array) -> Array:
        return np.asarray(self.space.rotations_to(q))

    def _place(self, p: Array) -> Array:
        return np.asarray(self.space.positions_to(p))

    def _metres(self, p: Array) -> Array:
        return np.asarray(self.space.positions_from(p))

    def _corrections(self, given: dict[str, Any]) -> list[Array]:
        identity = np.array([0.0, 0.0, 0.0, 1.0])
        corrections = [identity for _ in self.bones]
        offsets = REST_OFFSETS.astype(np.float64)
        for side in ("left", "right"):
            for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
                joints = [JOINT_INDEX[f"{side}_{name}"] for name in limb]
                if not all(joint in self.bone_of for joint in joints):
                    continue
                above = identity
                for joint, child in pairwise(joints):
                    bone, end = self.bone_of[joint], self.bone_of[child]
                    u = rotate(above, self.rest_places[end] - self.rest_places[bone])
                    above = multiply(between(u, self._place(offsets[child])), above)
                    corrections[bone] = above
                if limb[0] == "shoulder":
                    corrections[self.bone_of[joints[2]]] = above
        for name, value in given.items():
            corrections[self.index[name]] = np.asarray(value, dtype=np.float64)
        return corrections

    def retarget(self, frame: Frame) -> dict[str, Any]:
        """Local rotations of all bones, the pelvis bone's place in component space, all places."""
        turned: list[Array] = []
        places: list[Array] = []
        for joint, q in enumerate(frame.rotations):
            parent = int(PARENTS[joint])
            if parent < 0:
                turned.append(q)
                places.append(frame.pelvis)
            else:
                turned.append(multiply(turned[parent], q))
                places.append(places[parent] + rotate(turned[parent], REST_OFFSETS[joint].astype(np.float64)))
        world: list[Array] = []
        for i, bone in enumerate(self.bones):
            if i in self.mapped:
                joint, following, share = self.mapped[i]
                q = slerp(turned[joint], turned[following], share) if share > 0.0 else turned[joint]
                world.append(multiply(self._rotation(q), self.t_pose[i]))
            else:
                world.append(bone.rotation if bone.parent < 0 else multiply(world[bone.parent], bone.rotation))
        pelvis_bone = self.bone_of[0]
        rest = np.array([0.0, PELVIS_REST_HEIGHT, 0.0])
        pelvis = self.rest_places[pelvis_bone] + self.hip_scale * (self._place(frame.pelvis) - self._place(rest))
        legs = [[f"{side}_{name}" for name in ("hip", "knee", "ankle")] for side in ("left", "right")]
        if self.foot_ik and all(JOINT_INDEX[name] in self.bone_of for leg in legs for name in leg):
            pelvis = self._feet(world, pelvis, places, legs)
        local = []
        for i, bone in enumerate(self.bones):
            if i in self.mapped and bone.parent >= 0:
                local.append(multiply(inverse(world[bone.parent]), world[i]))
            elif i in self.mapped:
                local.append(world[i])
            else:
                local.append(bone.rotation)
                # What hangs on a bone that the feet have turned turns with it.
                world[i] = bone.rotation if bone.parent < 0 else multiply(world[bone.parent], bone.rotation)
        for twist in self.twists:
            i, source = self.index[twist["bone"]], self.index[twist["source"]]
            axis = np.asarray(twist["axis"], dtype=np.float64)
            delta = multiply(inverse(self.bones[source].rotation), local[source])
            part = np.append(axis * (delta[:3] @ axis), delta[3])
            part = part / np.linalg.norm(part)
            local[i] = multiply(self.bones[i].rotation, slerp(np.array([0.0, 0.0, 0.0, 1.0]), part, twist["share"]))
        _, bone_places = self.forward(local, pelvis)
        return {"rotations": np.stack(local), "pelvis": pelvis, "places": np.stack(bone_places)}

    def _feet(self, world: list[Array], pelvis: Array, places: list[Array], legs: list[list[str]]) -> Array:
        up = self._place(np.array([0.0, 1.0, 0.0]))
        up = up / np.linalg.norm(up)
        chains = []
        drop = 0.0
        for leg in legs:
            hip, knee, ankle = (self.bone_of[JOINT_INDEX[name]] for name in leg)
            at = self._chain_places(world, pelvis)
            h, k, a = at[hip], at[knee], at[ankle]
            canonical = places[JOINT_INDEX[leg[2]]]
            height = self._metres(self.rest_places[ankle])[1] + self.hip_scale * (canonical[1] - ANKLE_REST_HEIGHT)
            target = self._place(np.array([canonical[0], height, canonical[2]]))
            l1, l2 = float(np.linalg.norm(k - h)), float(np.linalg.norm(a - k))
            way = h - target
            rise = float(way @ up)
            across = float(np.linalg.norm(way - rise * up))
            reach = REACH * (l1 + l2)
            drop = max(drop, rise - math.sqrt(max(reach**2 - across**2, 0.0)))
            chains.append((hip, knee, h, k, a, target, l1, l2, reach))
        for hip, knee, h, k, a, target, l1, l2, reach in chains:
            h, k, a = h - drop * up, k - drop * up, a - drop * up
            d = min(max(float(np.linalg.norm(target - h)), abs(l1 - l2) + 1e-4 * l1), reach)
            u, v = k - h, a - k
            n = np.cross(u, v)
            size = float(np.linalg.norm(n))
            flexion = math.atan2(size, float(u @ v))
            if size < 1e-4 * l1 * l2:
                lateral = self._rotation(np.array([1.0, 0.0, 0.0, 0.0]))[:3]
                n = rotate(multiply(world[hip], inverse(self.t_pose[hip])), lateral)
            n = n / np.linalg.norm(n)
            wanted = math.acos(min(max((d * d - l1 * l1 - l2 * l2) / (2.0 * l1 * l2), -1.0), 1.0))
            bend = exponential(n * (wanted - flexion))
            swing = between(k + rotate(bend, v) - h, target - h)
            world[knee] = multiply(swing, multiply(bend, world[knee]))
            world[hip] = multiply(swing, world[hip])
        return pelvis - drop * up

    def _chain_places(self, world: list[Array], pelvis: Array) -> list[Array]:
        """Places of all bones, given their rotations in component space."""
        places: list[Array] = []
        for i, bone in enumerate(self.bones):
            if i == self.bone_of[0]:
                places.append(pelvis)
            elif bone.parent < 0:
                places.append(bone.translation)
            else:
                places.append(places[bone.parent] + rotate(world[bone.parent], bone.translation))
        return places
