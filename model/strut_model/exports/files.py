"""Motion into a file of any kind, by its suffix; a file is whole or not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from strut_model import rotations as rot
from strut_model.bvh import Bvh, write_bvh
from strut_model.exports.gltf import write_gltf
from strut_model.exports.page import write_page
from strut_model.exports.preview import picture_frames, write_picture, write_video
from strut_model.exports.recording import Recording
from strut_model.skeleton import FPS, JOINT_INDEX, JOINT_NAMES, JOINTS, PARENTS, REST_OFFSETS
from strut_model.smplx_io import write_amass

CENTIMETRES = 100.0

_END_SITES = {
    "head": (0.0, 0.19, 0.0),
    "left_foot": (0.0, -0.01, 0.1),
    "right_foot": (0.0, -0.01, 0.1),
    "left_wrist": (0.17, 0.0, 0.0),
    "right_wrist": (-0.17, 0.0, 0.0),
}
"""Metres from the last joint to the end of head, toes and hands."""


@dataclass(frozen=True)
class FileOptions:
    """How pictures are to be made; files of motion take no options.

    Attributes:
        width, height: pixels of videos.
        fps: pictures a second of videos; None for 30 (MP4) or 15 (GIF).
        poses: how many poses a strip (PNG) shows.
    """

    width: int = 640
    height: int = 360
    fps: float | None = None
    poses: int = 8


Progress = Callable[[int], None]
Writer = Callable[[Recording, Path, FileOptions, Progress], None]


def _write_bvh(recording: Recording, path: Path, options: FileOptions, progress: Progress) -> None:
    write_bvh(path, canonical_bvh(recording))


def _write_npz(recording: Recording, path: Path, options: FileOptions, progress: Progress) -> None:
    write_amass(path, recording.motion)


def _write_gltf(recording: Recording, path: Path, options: FileOptions, progress: Progress) -> None:
    write_gltf(recording, path)


def _write_page(recording: Recording, path: Path, options: FileOptions, progress: Progress) -> None:
    write_page([recording], path)


def _write_video(recording: Recording, path: Path, options: FileOptions, progress: Progress) -> None:
    write_video([recording], path, options.width, options.height, options.fps, progress)


def _write_png(recording: Recording, path: Path, options: FileOptions, progress: Progress) -> None:
    write_picture(recording, path, options.poses)


WRITERS: dict[str, Writer] = {
    ".bvh": _write_bvh,
    ".glb": _write_gltf,
    ".gltf": _write_gltf,
    ".npz": _write_npz,
    ".mp4": _write_video,
    ".gif": _write_video,
    ".png": _write_png,
    ".html": _write_page,
}
"""The kinds of file, by suffix: BVH, glTF (binary and text), AMASS layout, video, GIF, strip of poses, web page."""


def check_suffix(path: Path) -> None:
    """ValueError when no kind of file has the path's suffix."""
    if path.suffix.lower() not in WRITERS:
        raise ValueError(f"{path.name} ends in {path.suffix!r}; allowed: {', '.join(WRITERS)}")


def pictures_in(path: Path, frames: int, options: FileOptions) -> int:
    """How many pictures a video of so many frames has, which is how often ``progress`` is called; 0 otherwise."""
    rates = {".mp4": FPS, ".gif": 15.0}
    rate = rates.get(path.suffix.lower())
    return 0 if rate is None else len(picture_frames(frames, options.fps or rate))


def write_motion(
    recording: Recording,
    path: str | os.PathLike[str],
    options: FileOptions | None = None,
    progress: Progress | None = None,
) -> None:
    """Writes a recording as the kind of file that the suffix says; see :data:`WRITERS`.

    Args:
        recording: the motion.
        path: the file; its folder must exist. What is there is replaced, at the end and in one step.
        options: sizes of pictures.
        progress: called with 1 after each picture of a video.

    Raises:
        ValueError: an unknown suffix, or what the kind of file refuses.
        OSError: the file cannot be written.
    """
    path = Path(path)
    check_suffix(path)
    # The suffix stays last: writers look at it.
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix.lower()}")
    try:
        WRITERS[path.suffix.lower()](recording, part, options or FileOptions(), progress or (lambda _: None))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def canonical_bvh(recording: Recording) -> Bvh:
    """The motion as a BVH hierarchy of the canonical skeleton, in centimetres, rotations in the order Z, Y, X."""
    motion = recording.motion
    angles = rot.to_euler(motion.world_rotations().astype(np.float64), "zyx")
    position = motion.world_pelvis().astype(np.float64) * CENTIMETRES
    turns = ("Zrotation", "Yrotation", "Xrotation")
    channels: list[tuple[str, ...]] = [turns] * JOINTS
    channels[0] = ("Xposition", "Yposition", "Zposition", *turns)
    return Bvh(
        names=list(JOINT_NAMES),
        parents=PARENTS,
        offsets=REST_OFFSETS.astype(np.float64) * CENTIMETRES,
        channels=channels,
        values=np.concatenate((position, angles.reshape(motion.frames, -1)), axis=1),
        frame_time=1 / FPS,
        end_sites={JOINT_INDEX[name]: np.array(end) * CENTIMETRES for name, end in _END_SITES.items()},
    )
