"""A clip on a skeleton of its own: brought onto the canonical one, changed there, and brought back.

Both ways use the same calibration, so what is not changed comes back as it was: an unchanged clip is the file itself,
bit for bit. Bones that the canonical skeleton does not have (fingers, twist bones, further spine bones) keep their own
rotations, at the times that the changed frames come from.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from strut_model import rotations as rot
from strut_model.bvh import Bvh, parse_bvh, read_bvh
from strut_model.calibration import (
    CANONICAL_LEG,
    Calibration,
    RigPoses,
    calibrate,
    check_units,
    leg_length,
    motion_poses,
    rest_pose,
)
from strut_model.clip import Clip
from strut_model.contacts import foot_contacts
from strut_model.data.feet import ground_height
from strut_model.mapping import BoneMap, MappingFile, map_bones
from strut_model.resampling import resample
from strut_model.retarget import retarget
from strut_model.skeleton import FPS, JOINT_INDEX, forward_kinematics

Array = NDArray[np.floating]

MIN_FRAMES = 8
"""Shortest clip that can be worked on, at 30 frames a second."""
MAX_SPEED = 15.0
"""Metres a second of the pelvis; more is a jump or a wrong unit."""
_POSITION = {"xposition": 0, "yposition": 1, "zposition": 2}
_CONTACTS = ("left_ankle", "left_foot", "right_ankle", "right_foot")


class RigError(ValueError):
    """A file whose motion cannot be worked on; the message says why."""


@dataclass(frozen=True)
class RiggedClip:
    """A file's motion on the canonical skeleton, and what it takes to bring it back.

    Attributes:
        bvh: the file.
        bones: which of its bones are which joints.
        calibration: of its rig.
        clip: the motion on the canonical skeleton at 30 frames a second, standing on height 0.
        ground: (T,) metres, the height of the ground that was taken off each frame of the clip.
        lead: frames at the start of the file that are a pose elsewhere, apart from the motion; they stay as they are.
    """

    bvh: Bvh
    bones: BoneMap
    calibration: Calibration
    clip: Clip
    ground: Array
    lead: int = 0

    @property
    def body(self) -> Bvh:
        """The file without its lead."""
        return self.bvh if self.lead == 0 else replace(self.bvh, values=self.bvh.values[self.lead :])

    @property
    def scale(self) -> float:
        """Canonical metres for one unit of the file."""
        return CANONICAL_LEG / leg_length(self.bvh, self.bones)

    def on_own_skeleton(self, clip: Clip, times: Array | None = None) -> Bvh:
        """A changed clip as a file of this skeleton, at the file's frame rate.

        Args:
            clip: on the canonical skeleton at 30 frames a second.
            times: (T,) which of this clip's frames, in frames, each frame of ``clip`` comes from; the same number by
                default. They say what bones without a canonical joint do, and how high the ground is.

        Returns:
            The file itself where nothing was changed.

        Raises:
            ValueError: ``times`` does not match the clip.
        """
        if times is None:
            times = np.arange(clip.frames, dtype=np.float64)
        if len(times) != clip.frames:
            raise ValueError(f"times: {len(times)} of them; expected {clip.frames}, one a frame of the clip")
        if self._unchanged(clip, times):
            return self.bvh
        fps = self.bvh.fps
        frames = self._frames_of(clip)
        here = np.minimum(np.arange(frames) * FPS / fps, clip.frames - 1)
        source = np.interp(here, np.arange(clip.frames), times)
        pelvis, rotations = _at(clip, here)
        pelvis[:, 1] += np.interp(source, np.arange(len(self.ground)), self.ground)
        _, canonical = forward_kinematics(rotations, pelvis)
        return self._written(pelvis / self.scale, canonical, source * fps / FPS)

    def feet(self, bvh: Bvh) -> Array:
        """(T, 4, 3) metres, canonical size: left heel, left toe, right heel, right toe of a file of this skeleton.

        Heels and toes of the rig itself, of its own proportions, above the clip's ground; a rig without toes has its
        ankles in their place.
        """
        bvh = replace(bvh, values=bvh.values[self.lead :])
        positions, _ = bvh.forward_kinematics()
        bones = [self.bones.joints[JOINT_INDEX[name]] for name in _CONTACTS]
        bones = [bone if bone >= 0 else bones[row - 1] for row, bone in enumerate(bones)]
        up = np.broadcast_to(self.calibration.to_y_up, (bvh.frames, len(bones), 4))
        out = rot.rotate(up, positions[:, bones]) * self.scale
        out[..., 1] -= np.interp(np.arange(bvh.frames) * FPS / bvh.fps, np.arange(len(self.ground)), self.ground)[
            :, None
        ]
        return out

    def _unchanged(self, clip: Clip, times: Array) -> bool:
        own = self.clip
        return (
            clip.frames == own.frames
            and np.array_equal(times, np.arange(own.frames))
            and np.array_equal(clip.pelvis, own.pelvis)
            and np.array_equal(clip.rotations, own.rotations)
        )

    def _frames_of(self, clip: Clip) -> int:
        """Frames at the file's rate: as many as the file has where the clip is as long as it was."""
        if clip.frames == self.clip.frames:
            return self.body.frames
        return max(1, round((clip.frames - 1) * self.bvh.fps / FPS) + 1)

    def _written(self, pelvis: Array, canonical: Array, source: Array) -> Bvh:
        """The file with its mapped bones turned as the canonical joints are.

        Args:
            pelvis: (T, 3) file units, Y up.
            canonical: (T, 22, 4) world orientations of the canonical joints.
            source: (T,) frames of the file that the others bones' rotations come from.
        """
        bvh, frames = self.body, len(pelvis)
        offsets, local = _bones_at(bvh, source)
        down = np.broadcast_to(rot.inverse(self.calibration.to_y_up), (frames, 4))
        wanted: dict[int, Array] = {}
        for joint in np.flatnonzero(self.bones.joints >= 0).tolist():
            pose = np.broadcast_to(self.calibration.t_pose[joint], (frames, 4))
            wanted[int(self.bones.joints[joint])] = rot.multiply(down, rot.multiply(canonical[:, joint], pose))
        hips = int(self.bones.joints[0])
        _place(bvh, offsets, local, hips, rot.rotate(down, pelvis), wanted[hips])
        world = np.empty_like(local)
        for joint, parent in enumerate(bvh.parents.tolist()):
            above = world[:, parent] if parent >= 0 else np.broadcast_to(rot.identity((), float), (frames, 4))
            if joint in wanted:
                world[:, joint] = wanted[joint]
                local[:, joint] = rot.multiply(rot.inverse(above), wanted[joint])
            else:
                world[:, joint] = rot.multiply(above, local[:, joint])
        values = _channel_values(bvh, offsets, rot.normalise(local))
        return replace(bvh, values=np.concatenate((self.bvh.values[: self.lead], values)))


def read_rigged(
    path: str | Path, mapping: MappingFile | None = None, companions: Sequence[str | Path] = ()
) -> RiggedClip:
    """A BVH file's motion, ready to be changed and brought back.

    Args:
        path: the file.
        mapping: bone names, units, vertical and T-pose as the user says.
        companions: further files of the same skeleton, to find its T-pose in; for a clip without an upright frame.

    Raises:
        OSError: the file cannot be opened.
        ValueError: the file is broken, or its rig or motion cannot be used (`RigError` and those of the readers).
    """
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    found = parse_rigged(text, Path(path).stem, mapping, [read_bvh(other) for other in companions])
    found.bvh.source = str(path)
    return found


def parse_rigged(
    text: str,
    name: str,
    mapping: MappingFile | Mapping[str, str] | None = None,
    companions: Sequence[Bvh] = (),
) -> RiggedClip:
    """The text of a BVH file; see `read_rigged`.

    Args:
        text: of the file.
        name: of the clip, and for messages.
        mapping: bone names, units, vertical and T-pose as the user says; or canonical joint to bone alone.
        companions: further files of the same skeleton.
    """
    if not isinstance(mapping, MappingFile):
        mapping = MappingFile(joints=dict(mapping or {}))
    bvh = parse_bvh(text, name)
    bones = map_bones(bvh.names, bvh.parents, mapping)
    check_units(leg_length(bvh, bones), mapping.units)
    family = [bvh, *(other for other in companions if other.hierarchy_hash() == bvh.hierarchy_hash())]
    calibration = calibrate(
        rest_pose(bvh, bones),
        RigPoses.concatenate([motion_poses(replace(one, values=one.values[:1]), bones) for one in family]),
        RigPoses.concatenate([motion_poses(_thinned(one), bones) for one in family]),
        bones.profile,
        t_pose=mapping.t_pose,
        up=mapping.up,
        source=name,
    )
    lead = _lead(bvh, bones)
    pelvis, rotations = resample(*retarget(replace(bvh, values=bvh.values[lead:]), bones, calibration), bvh.fps)
    if len(pelvis) < MIN_FRAMES:
        raise RigError(f"{name}: {len(pelvis)} frames at {FPS:g} a second; allowed: {MIN_FRAMES} or more")
    ground = ground_height(pelvis, rotations)
    pelvis = pelvis - ground[:, None] * np.array([0.0, 1.0, 0.0])
    speed = float(np.linalg.norm(np.diff(pelvis, axis=0), axis=-1).max()) * FPS
    if not speed <= MAX_SPEED:
        raise RigError(f"{name}: the pelvis moves at {speed:.0f} m/s; allowed: up to {MAX_SPEED:.0f}")
    contacts = foot_contacts(forward_kinematics(rotations, pelvis)[0])
    clip = Clip(
        name, pelvis.astype(np.float32), rotations.astype(np.float32), contacts, content="", style="", take="",
        dataset="",
    )  # fmt: skip
    return RiggedClip(bvh, bones, calibration, clip, ground, lead)


def _lead(bvh: Bvh, bones: BoneMap) -> int:
    """1 where the first frame is a pose elsewhere, as exporters put a T-pose before a motion; else 0."""
    if bvh.frames <= MIN_FRAMES:
        return 0
    hips = replace(bvh, values=bvh.values[:3]).forward_kinematics()[0][:, bones.joints[0]]
    speed = np.linalg.norm(np.diff(hips, axis=0), axis=-1) * bvh.fps * CANONICAL_LEG / leg_length(bvh, bones)
    return int(speed[0] > MAX_SPEED >= speed[1])


def _thinned(bvh: Bvh) -> Bvh:
    """Some 30 frames a second of a file."""
    return replace(bvh, values=bvh.values[:: max(1, round(bvh.fps / FPS))])


def _at(clip: Clip, times: Array) -> tuple[Array, Array]:
    """Pelvis (N, 3) and rotations (N, 22, 4) at fractional frames (N,)."""
    if len(times) == clip.frames and np.array_equal(times, np.arange(clip.frames)):
        return clip.pelvis.astype(np.float64), clip.rotations.astype(np.float64)
    low = np.minimum(times.astype(np.int64), max(clip.frames - 2, 0))
    high = np.minimum(low + 1, clip.frames - 1)
    share = (times - low)[:, None]
    pelvis = clip.pelvis[low] * (1 - share) + clip.pelvis[high] * share
    rotations = clip.rotations.astype(np.float64)
    return pelvis, rot.slerp(rotations[low], rotations[high], np.repeat(share, rotations.shape[1], axis=1))


def _bones_at(bvh: Bvh, frames: Array) -> tuple[Array, Array]:
    """Every bone's offset (N, J, 3) and local rotation (N, J, 4) at the nearest frames of the file."""
    nearest = np.clip(np.rint(frames).astype(np.int64), 0, bvh.frames - 1)
    offsets, local = bvh.local()
    return offsets[nearest], local[nearest]


def _place(bvh: Bvh, offsets: Array, local: Array, hips: int, place: Array, turn: Array) -> None:
    """Move the hips to a place (T, 3) in the file's world: by their own position channels, else by the root's."""
    chain = [hips]
    while bvh.parents[chain[-1]] >= 0:
        chain.append(int(bvh.parents[chain[-1]]))
    movable = next((bone for bone in chain if _has_position(bvh, bone)), chain[-1])
    frames = len(place)
    position, world = np.zeros((frames, 3)), np.broadcast_to(rot.identity((), float), (frames, 4))
    above = np.broadcast_to(rot.identity((), float), (frames, 4))
    for bone in reversed(chain):
        if bone == movable:
            above = world
        position = position + rot.rotate(world, offsets[:, bone])
        world = rot.multiply(world, local[:, bone])
    # Between the bone that is moved and the hips nothing but offsets lies, turned as they are.
    offsets[:, movable] += rot.rotate(rot.inverse(above), place - position)


def _has_position(bvh: Bvh, bone: int) -> bool:
    return all(any(name.lower() == axis for name in bvh.channels[bone]) for axis in _POSITION)


def _channel_values(bvh: Bvh, offsets: Array, local: Array) -> NDArray[np.float64]:
    """The frames' channel values (T, C): angles in each joint's own order, without jumps of whole turns."""
    columns: list[Array] = []
    for joint, channels in enumerate(bvh.channels):
        order = "".join(name[0].upper() for name in channels if name.lower() not in _POSITION)
        angles: list[Array] = []
        if len(order) == 3:
            with warnings.catch_warnings():
                # In gimbal lock any third angle will do; SciPy takes 0 and warns.
                warnings.simplefilter("ignore", UserWarning)
                found = Rotation.from_quat(local[:, joint]).as_euler(order, degrees=True)
            angles = list(np.unwrap(found, period=360.0, axis=0).T)
        elif order:
            # Fewer axes than three: what of the rotation those can show.
            vector = np.degrees(rot.to_axis_angle(local[:, joint]))
            angles = [vector[:, "XYZ".index(axis)] for axis in order]
        for name in channels:
            key = name.lower()
            columns.append(offsets[:, joint, _POSITION[key]] if key in _POSITION else angles.pop(0))
    return np.stack(columns, axis=-1)
