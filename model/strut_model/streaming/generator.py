"""The next window of motion for a batch of characters: the one path that server, evaluation and export share.

History and asked trajectory go into the canonical frame (the root of the last history frame is the origin and faces +Z)
and become the student's inputs; its window is decoded, joined to the history, its feet are locked to the ground, and it
goes back to the space that the request came in. All of it is vectorised over the batch, and a row's result depends on
its own request alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle
from strut_model.features import CONTACTS, FEATURES, HISTORY, POSITIONS, ROTATIONS, WINDOW
from strut_model.heights import HeightFields
from strut_model.motion import Motion
from strut_model.skeleton import CONTACT_JOINTS, FPS, JOINTS
from strut_model.streaming import feet, ground
from strut_model.streaming import kinematics as kin
from strut_model.streaming.bearing import Bearings
from strut_model.streaming.engine import Engine, validate_steps
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.ground import Grounds
from strut_model.streaming.noise import noise
from strut_model.streaming.scene_layers import SceneLayers
from strut_model.streaming.scenery import Depths, depths
from strut_model.streaming.seams import SEAM_DECAY, inertialise
from strut_model.streaming.steering import steer

Float = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]

_HEADING = slice(2, 3)  # among the linear channels root x, root z, heading, pelvis x, y, z


WALKING_SPEED = 0.6
"""Metres a second from which on who gestures walks."""


@dataclass(frozen=True)
class WindowRequests:
    """What B characters ask for. Everything with a place is in one space per character, the anchor's.

    Attributes:
        history: (B, 8) frames that end at ``start_frame - 1``; of shorter histories the last ``history_length`` count.
        history_length: (B,) 2 to 8, how many frames at the end of ``history`` are real.
        trajectory_position: (B, 16, 2) metres, the asked root place of each frame of the window.
        trajectory_heading: (B, 16) radians, the asked facing.
        position_mask: (B, 16) whether the place is asked; where not, the network chooses.
        heading_mask: (B, 16) whether the facing is asked.
        content: (B, C) content vectors, zeros for none.
        phase: (B, 3) a gesture's phase at the first frame (0 to 1), its advance a frame, and 1; zeros for none.
        style: (B, 5, S) a style vector per body part, zeros for none.
        guidance: (B, 2) guidance weights of style and content.
        seed: (B,) uint64.
        start_frame: (B,) int64, the window's first frame on the character's own timeline.
        locks: (B,) foot locks at the last history frame.
        steps: network evaluations: 1, 2 or 4.
        ground: the grounds of the characters that are not on a level one at height 0; None where all are.
        scene: (B, 5, 64) the code of each character's scene times its strength, zeros for none; None where nobody is in
            a scene. A student that knows no scenes takes none.
        bearings: what is taken off the histories and put onto the windows, see `streaming.bearing`; None for nothing.
        sink: (B,) metres that feet sink into the ground there; None where nobody's do.
        low: (B, 2) free height and how much one stoops for it, see `SceneConditions.low`; of no concern to who has a
            ground, whose ceilings say it. None where nobody has to.
    """

    history: Motion
    history_length: npt.NDArray[np.int64]
    trajectory_position: Float
    trajectory_heading: Float
    position_mask: Bool
    heading_mask: Bool
    content: Float
    phase: Float
    style: Float
    guidance: Float
    seed: npt.NDArray[np.uint64]
    start_frame: npt.NDArray[np.int64]
    locks: FootLocks
    steps: int = 2
    ground: Grounds | None = None
    scene: Float | None = None
    bearings: Bearings | None = None
    sink: Float | None = None
    low: Float | None = None

    @property
    def batch(self) -> int:
        """Number of characters B."""
        return int(self.seed.shape[0])


@dataclass(frozen=True)
class WindowResults:
    """The windows of B characters, in the space of their requests.

    Attributes:
        motion: (B, 16) frames.
        frame_locks: (B, 16) foot locks at each frame, for a client that continues from inside the window.
        timing: seconds of ``featurise``, ``inference`` and ``postprocess``; ``inference_cpu`` is processor time of this
            thread in the network.
        finite: (B,) False where the network gave a value that is not finite; the row then holds the last pose.
    """

    motion: Motion
    frame_locks: FootLocks
    timing: dict[str, float] = field(default_factory=dict)
    finite: Bool = field(default_factory=lambda: np.ones(0, bool))

    @property
    def locks(self) -> FootLocks:
        """(B,) foot locks at the window's last frame."""
        return self.frame_locks[:, -1]


@dataclass(frozen=True)
class _Canonical:
    """A history in its canonical frame, (B, 8, ...), and the origin's place (B, 2) and heading (B,) in the anchor.

    Where there is a ground the history is laid level, and where feet are in it, it is raised by what they are.
    """

    origin: Float
    heading: Float
    linear: Float  # root x, root z, heading, pelvis x, y, z
    rotations: Float  # (B, 8, 22, 4)
    joints: Float  # (B, 8, 22, 3) positions
    feet: Float  # (B, 2, 4, 3) heels and toes in the last two frames, as they were on screen but for ground and depth
    contacts: Float  # (B, 8, 4)
    features: Float  # normalised
    grounds: _Grounded | None
    depths: Depths | None
    layers: SceneLayers | None


@dataclass(frozen=True)
class _Grounded:
    """The rows with a ground, their grounds in the canonical frames, and their histories as they were on screen."""

    rows: npt.NDArray[np.int64]
    fields: HeightFields
    before: ground.Before


class MotionGenerator:
    """Generates windows with a bundle's student.

    Args:
        bundle: statistics and default borders.
        engine: runs the student.
        borders: frames where the motion is inertialised (see :func:`~strut_model.streaming.seams.inertialise`);
            the bundle's by default. Empty: not even the seam, to measure what inertialisation brings.
        lock_feet: switch the foot locks off to measure what they bring.
        steering: the same for what leads a window to the end of its path.
        seam_decay: spring constant per frame.

    A generator keeps nothing between calls and may be used from several threads when its engine may.
    """

    def __init__(
        self,
        bundle: Bundle,
        engine: Engine,
        borders: Sequence[int] | None = None,
        lock_feet: bool = True,
        steering: bool = True,
        seam_decay: float = SEAM_DECAY,
    ) -> None:
        self.bundle = bundle
        self.engine = engine
        self.borders = tuple(bundle.manifest.borders if borders is None else borders)
        self.lock_feet = lock_feet
        self.steering = steering
        self.seam_decay = seam_decay
        self._mean = np.asarray(bundle.statistics.mean, np.float32)
        self._std = np.asarray(bundle.statistics.std, np.float32)
        self._scene = bundle.student_inputs().get("scene")
        self._inverse_std = (1 / np.asarray(bundle.statistics.std, np.float64)).astype(np.float32)

    def generate(self, requests: WindowRequests) -> WindowResults:
        """The next 16 frames of every character.

        Raises:
            ValueError: ``steps`` is not one that the sampler knows. Everything else is checked where it comes in,
                by :mod:`strut_model.streaming.controls` and the server; here it would cost every batch.
        """
        begin = time.perf_counter()
        steps = validate_steps(requests.steps)
        history = self._canonical(requests)
        conditions = self._conditions(requests, history)
        eps = noise(requests.seed, requests.start_frame, steps, WINDOW, FEATURES)
        featurised = time.perf_counter()
        processor = time.thread_time()
        clean = self.engine.sample(conditions, eps, steps)
        processor = time.thread_time() - processor
        inferred = time.perf_counter()
        motion, locks, finite = self._finish(clean, requests, history)
        finished = time.perf_counter()
        timing = {
            "featurise": featurised - begin,
            "inference": inferred - featurised,
            "postprocess": finished - inferred,
            "inference_cpu": processor,
        }
        return WindowResults(motion, locks, timing, finite)

    def conditions(self, requests: WindowRequests) -> dict[str, Float]:
        """The student's inputs for these requests, but for noise and time; for benchmarks and on-policy training."""
        return self._conditions(requests, self._canonical(requests))

    def _canonical(self, requests: WindowRequests) -> _Canonical:
        motion = requests.history
        origin = np.asarray(motion.root_position[:, -1], np.float32)
        facing = np.asarray(motion.root_heading[:, -1], np.float32)
        batch, frames = motion.root_heading.shape
        linear = np.empty((batch, frames, 6), np.float32)
        cosine, sine = np.cos(facing)[:, None], np.sin(facing)[:, None]
        linear[..., :2] = kin.turn_ground(motion.root_position - origin[:, None], cosine, -sine)
        heading = motion.root_heading - facing[:, None]
        linear[..., 2] = heading
        features = np.empty((batch, frames, FEATURES), np.float32)
        np.cos(heading, out=features[..., 2])
        np.sin(heading, out=features[..., 3])
        features[..., :2] = linear[..., :2]
        relative = np.empty((batch, frames, 3), np.float32)
        relative[..., ::2] = kin.turn_ground(motion.pelvis[..., ::2], features[..., 2], features[..., 3])
        relative[..., 1] = motion.pelvis[..., 1]
        sunken = depths(requests.sink, requests.locks.sunk)
        if sunken is not None:
            relative[..., 1] += sunken.past
        linear[..., 3:] = relative
        linear[..., 3::2] += linear[..., :2]
        rotations = np.array(motion.rotations, np.float32)
        rotations[:, :, 0] = kin.multiply(kin.heading_quaternions(heading), rotations[:, :, 0])
        contacts = np.asarray(motion.contacts, np.float32)
        layers = SceneLayers.of(requests.bearings, requests.locks.strides, _low_without_ground(requests))
        if layers is not None:
            layers.take_off_turns(rotations)
            contacts = layers.contacts(contacts)
        grounds = None
        if requests.ground is not None:
            grounds = _laid_level(requests, contacts, origin, facing, linear, rotations)
            _into(relative, linear, grounds.rows)
        screen = None
        if layers is not None:
            screen = layers.take_off_steps(linear, rotations)
            _into(relative, linear, screen[0])
        rows = kin.rows_of(rotations)
        joints = kin.joint_positions(rows, relative)
        places = joints[:, -2:, CONTACT_JOINTS]
        places[..., ::2] += linear[:, -2:, None, :2]
        if screen is not None:
            places[screen[0]] = screen[1]
        features[..., POSITIONS] = joints.reshape(batch, frames, -1)
        features[..., ROTATIONS] = rows[..., :2, :].reshape(batch, frames, -1)
        features[..., CONTACTS] = contacts
        features -= self._mean
        features *= self._inverse_std
        return _Canonical(
            origin, facing, linear, rotations, joints, places, contacts, features, grounds, sunken, layers
        )

    def _conditions(self, requests: WindowRequests, history: _Canonical) -> dict[str, Float]:
        batch = requests.batch
        mask = (np.arange(HISTORY, 0, -1) <= requests.history_length[:, None]).astype(np.float32)
        trajectory = np.empty((batch, WINDOW, 4), np.float32)
        cosine, sine = np.cos(history.heading)[:, None], np.sin(history.heading)[:, None]
        trajectory[..., :2] = kin.turn_ground(requests.trajectory_position - history.origin[:, None], cosine, -sine)
        heading = requests.trajectory_heading - history.heading[:, None]
        np.cos(heading, out=trajectory[..., 2])
        np.sin(heading, out=trajectory[..., 3])
        masks = np.empty((batch, WINDOW, 2), np.float32)
        masks[..., 0] = requests.position_mask
        masks[..., 1] = requests.heading_mask
        inputs = {
            "history": history.features * mask[..., None],
            "history_mask": mask,
            "trajectory": trajectory,
            "trajectory_mask": masks,
            "content": np.ascontiguousarray(requests.content, np.float32),
            "phase": np.ascontiguousarray(requests.phase, np.float32),
            "style": np.ascontiguousarray(requests.style, np.float32),
            "guidance": np.ascontiguousarray(requests.guidance, np.float32),
        }
        if self._scene is not None:
            none = np.zeros((batch, *(int(size or 0) for size in self._scene[1:])), np.float32)
            inputs["scene"] = none if requests.scene is None else np.ascontiguousarray(requests.scene, np.float32)
        return inputs

    def _finish(self, clean: Float, requests: WindowRequests, history: _Canonical) -> tuple[Motion, FootLocks, Bool]:
        finite: Bool = np.asarray(np.isfinite(clean).all(axis=(1, 2)))
        if not finite.all():
            clean = np.where(finite[:, None, None], clean, history.features[:, -1:])
        linear, rotations, contacts = self._decode(clean)
        if self.steering:
            steer(linear, rotations, *_path_end(requests, history))
        if self.borders:
            previous_linear, previous_rotations = _last_three(requests, history)
            linear, rotations = inertialise(
                linear,
                rotations,
                previous_linear,
                previous_rotations,
                self.borders,
                self.seam_decay,
                angular=_HEADING,
            )
        planned = None
        if history.layers is not None:
            standing = history.contacts[:, -1] > np.float32(0.5)
            standing |= requests.locks.given[:, None] & requests.locks.active
            depth = np.zeros(contacts.shape[:2], np.float32) if history.depths is None else history.depths.ahead[..., 0]
            planned = history.layers.planned(
                linear, rotations, contacts, standing, depth, requests.seed, requests.start_frame
            )
            planned.put_on_steps(linear, rotations, history.joints[:, -1], history.linear[:, -1, :2])
        locks = self._lock(linear, rotations, contacts, requests, history)
        if planned is not None:
            planned.finish(linear, rotations, contacts, locks)
        if history.depths is not None:
            depth = history.depths.ahead
            linear[..., 4] -= depth[..., 0]
            locks.position[..., 1] -= depth[..., :1]
            locks.sunk[...] = depth
        return self._in_anchor(linear, rotations, contacts, history), _locks_in_anchor(locks, history), finite

    def _decode(self, clean: Float) -> tuple[Float, Float, Float]:
        """Linear channels (B, 16, 6), rotations (B, 16, 22, 4) and contacts (B, 16, 4) in the canonical frame."""
        batch = clean.shape[0]
        features = clean * self._std
        features += self._mean
        linear = np.empty((batch, WINDOW, 6), np.float32)
        linear[..., :2] = features[..., :2]
        np.arctan2(features[..., 3], features[..., 2], out=linear[..., 2])
        linear[..., 3:] = features[..., POSITIONS.start : POSITIONS.start + 3]
        linear[..., 3::2] += features[..., :2]
        six = features[..., ROTATIONS].reshape(batch, WINDOW, JOINTS, 6)
        rotations = kin.quaternions_of_six_d(six)
        contacts = np.clip(features[..., CONTACTS], np.float32(0.0), np.float32(1.0))
        return linear, rotations, contacts

    def _lock(
        self, linear: Float, rotations: Float, contacts: Float, requests: WindowRequests, history: _Canonical
    ) -> FootLocks:
        """Lock the feet, in place, and return the locks (B, 16) in the canonical frame."""
        if history.grounds is not None:
            return self._lock_on_grounds(linear, rotations, contacts, requests, history, history.grounds)
        return self._lock_level(linear, rotations, contacts, requests, history, slice(None))

    def _lock_level(
        self,
        linear: Float,
        rotations: Float,
        contacts: Float,
        requests: WindowRequests,
        history: _Canonical,
        rows: slice | npt.NDArray[np.int64],
    ) -> FootLocks:
        """The same for those of the batch's rows whose frames are given."""
        if not self.lock_feet:
            places = np.zeros((*contacts.shape, 3), np.float32)
            return FootLocks(contacts > np.float32(0.5), places, np.zeros(contacts.shape[:2], bool))
        legs = feet.legs_of(rotations, linear[..., 3:])
        corrections, frame_locks = feet.settle(
            legs.contact_positions(),
            contacts,
            history.feet[rows],
            history.contacts[rows, -1],
            _locks_in_canonical(requests.locks, history)[rows],
            _allowed_corrections(linear, np.asarray(requests.phase[rows, 2], np.float32)),
        )
        feet.move_feet(rotations, legs, corrections)
        return frame_locks

    def _lock_on_grounds(
        self,
        linear: Float,
        rotations: Float,
        contacts: Float,
        requests: WindowRequests,
        history: _Canonical,
        grounds: _Grounded,
    ) -> FootLocks:
        """The same where some characters have a ground, which their windows are laid on."""
        batch = len(linear)
        locks = FootLocks(
            np.zeros((batch, WINDOW, 4), bool),
            np.zeros((batch, WINDOW, 4, 3), np.float32),
            np.zeros((batch, WINDOW), bool),
            np.zeros((batch, WINDOW, 2), np.float32),
        )
        level = np.setdiff1d(np.arange(batch), grounds.rows)
        for rows in (level, grounds.rows):
            if len(rows) == 0:
                continue
            # Fancy indices copy: the parts are worked on and put back.
            part, turned = linear[rows], rotations[rows]
            if rows is level:
                found = self._lock_level(part, turned, contacts[rows], requests, history, rows)
            else:
                found = ground.follow(
                    grounds.fields,
                    grounds.before,
                    part,
                    turned,
                    contacts[rows],
                    history.contacts[rows, -1],
                    _locks_in_canonical(requests.locks, history)[rows],
                )
            linear[rows], rotations[rows] = part, turned
            locks.active[rows], locks.position[rows], locks.given[rows] = found.active, found.position, found.given
            locks.lowered[rows] = found.lowered
        return locks

    def _in_anchor(self, linear: Float, rotations: Float, contacts: Float, history: _Canonical) -> Motion:
        heading = linear[..., 2]
        cosine, sine = np.cos(heading), np.sin(heading)
        pelvis = np.empty((*heading.shape, 3), np.float32)
        pelvis[..., ::2] = kin.turn_ground(linear[..., 3::2] - linear[..., :2], cosine, -sine)
        pelvis[..., 1] = linear[..., 4]
        rotations[:, :, 0] = kin.inverse_product(kin.heading_quaternions(heading), rotations[:, :, 0])
        rotations *= np.copysign(np.float32(1.0), rotations[..., 3:])
        turned = heading + history.heading[:, None]
        turned += np.float32(np.pi)
        turned %= np.float32(2 * np.pi)
        turned -= np.float32(np.pi)
        origin_cosine, origin_sine = np.cos(history.heading)[:, None], np.sin(history.heading)[:, None]
        root = kin.turn_ground(linear[..., :2], origin_cosine, origin_sine)
        root += history.origin[:, None]
        return Motion(root, turned, pelvis, rotations, contacts)


def _laid_level(
    requests: WindowRequests, contacts: Float, origin: Float, facing: Float, linear: Float, rotations: Float
) -> _Grounded:
    """Lay the histories of characters with a ground level, in place."""
    assert requests.ground is not None
    rows = requests.ground.rows
    fields = requests.ground.fields.seen_from(origin[rows], facing[rows])
    # What lies before a short history is nothing to be relied on.
    real = np.maximum(np.arange(HISTORY), HISTORY - requests.history_length[rows, None])
    frames = (rows[:, None], real)
    part, turned = linear[frames], rotations[frames]
    before = ground.flattened(fields, part, turned, contacts[frames], requests.locks[rows])
    linear[rows], rotations[rows] = part, turned
    return _Grounded(rows, fields, before)


def _low_without_ground(requests: WindowRequests) -> Float | None:
    """``WindowRequests.low`` of those who have no ground."""
    if requests.low is None or requests.ground is None:
        return requests.low
    low = requests.low.copy()
    low[requests.ground.rows, 0] = np.inf
    return low


def _into(relative: Float, linear: Float, rows: npt.NDArray[np.int64]) -> None:
    """Pelvises from the roots, of rows whose linear channels have changed."""
    relative[rows] = linear[rows, :, 3:]
    relative[rows, :, ::2] -= linear[rows, :, :2]


def _allowed_corrections(linear: Float, gesture: Float) -> Float:
    """(B,) metres, as ``feet.settle`` takes them, of windows (B, 16, 6) and whether they show a gesture (B,)."""
    way = linear[:, -1, :2] - linear[:, 0, :2]
    speed = np.hypot(way[:, 0], way[:, 1]) * np.float32(FPS / (WINDOW - 1))
    standing = gesture * np.clip(1 - speed / np.float32(WALKING_SPEED), 0, 1)
    return np.asarray(feet.MAX_CORRECTION - (feet.MAX_CORRECTION - feet.GESTURE_CORRECTION) * standing, np.float32)


def _path_end(requests: WindowRequests, history: _Canonical) -> tuple[Float, Float, Bool, Bool]:
    """Where the asked path is in the window's last frame, in the canonical frame, as ``steer`` takes it."""
    cosine, sine = np.cos(history.heading), np.sin(history.heading)
    place = kin.turn_ground(requests.trajectory_position[:, -1] - history.origin, cosine, -sine)
    heading = requests.trajectory_heading[:, -1] - history.heading
    return place, heading, requests.position_mask[:, -1], requests.heading_mask[:, -1]


def _last_three(requests: WindowRequests, history: _Canonical) -> tuple[Float, Float]:
    """The last three history frames; a history of two is continued backwards at its own velocity."""
    linear, rotations = history.linear[:, -3:], history.rotations[:, -3:]
    short = requests.history_length < 3
    if short.any():
        linear, rotations = linear.copy(), rotations.copy()
        linear[short, 0] = 2 * linear[short, 1] - linear[short, 2]
        step = kin.quotient(rotations[short, 2], rotations[short, 1])
        rotations[short, 0] = kin.inverse_product(step, rotations[short, 1])
    return linear, rotations


def _locks_in_canonical(locks: FootLocks, history: _Canonical) -> FootLocks:
    position = np.array(locks.position, np.float32)
    cosine, sine = np.cos(history.heading)[:, None], np.sin(history.heading)[:, None]
    position[..., ::2] = kin.turn_ground(position[..., ::2] - history.origin[:, None], cosine, -sine)
    return FootLocks(locks.active, position, locks.given, locks.lowered, locks.sunk, locks.strides)


def _locks_in_anchor(locks: FootLocks, history: _Canonical) -> FootLocks:
    position = locks.position
    cosine, sine = np.cos(history.heading)[:, None, None], np.sin(history.heading)[:, None, None]
    position[..., ::2] = kin.turn_ground(position[..., ::2], cosine, sine)
    position[..., ::2] += history.origin[:, None, None]
    return locks
