"""Importing a folder of BVH files into a packed data set.

Two passes: the first reads skeletons and first frames, maps bones, groups files by rig and calibrates each rig once;
the second brings every file onto the canonical skeleton, in parallel. A file that fails is skipped with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from strut_model.bvh import Bvh, BvhError, peek_bvh, read_bvh
from strut_model.calibration import (
    Calibration,
    CalibrationError,
    RigPoses,
    calibrate,
    check_units,
    guess_units,
    leg_length,
    motion_poses,
    rest_pose,
    rig_signature,
    t_pose_error,
)
from strut_model.clip import Clip
from strut_model.codec import encode_quat48
from strut_model.contacts import foot_contacts
from strut_model.data import presets
from strut_model.data.duplicates import find_duplicates
from strut_model.data.feet import ground_height
from strut_model.data.pack import PackReport, write_pack
from strut_model.data.standing import hands_hang, standing_stretches
from strut_model.mapping import BoneMap, MappingError, MappingFile, map_bones
from strut_model.resampling import resample
from strut_model.retarget import retarget
from strut_model.skeleton import FPS, forward_kinematics

MIN_FRAMES = 10
"""Shortest clip kept, at 30 frames a second."""
MAX_SPEED = 15.0
"""Metres a second: a pelvis that moves faster is a jump in the data (world record sprint: 12.4)."""
GROUND_TOLERANCE = 0.025
"""Metres: a clip whose ground is nearer to height 0 stays as captured, so that a performer on tiptoe stays there."""
_CALIBRATION_FILES = 12

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class ImportOptions:
    """What an import is told.

    Attributes:
        preset: one of `presets.PRESETS`.
        pattern: for the preset `pattern`.
        mapping: bone names, units, vertical and T-pose, as the user says.
        workers: processes; 0 or 1 stays in this one.
        progress: show progress bars.
        held_hands: keep standing stretches whose hands are held before the body.
    """

    preset: str
    pattern: str | None = None
    mapping: MappingFile = field(default_factory=MappingFile)
    workers: int = 1
    progress: bool = True
    held_hands: bool = False


@dataclass(frozen=True)
class Source:
    """A file to import: its path, its path in the folder, its labels."""

    path: Path
    relative: str
    labels: tuple[presets.Labels, ...]


@dataclass
class Rig:
    """Files that one calibration fits.

    Attributes:
        calibration: of the rig.
        bones: naming scheme and unmapped joints, for the report.
        sources: the files.
        unit: the files' unit.
        leg: leg length in file units, of the first file.
    """

    calibration: Calibration
    bones: BoneMap
    sources: list[Source]
    unit: str
    leg: float


@dataclass
class Summary:
    """Result of an import."""

    clips: int
    frames: int
    rigs: list[Rig]
    report: PackReport


def import_folder(folder: str | Path, out: str | Path, options: ImportOptions, overwrite: bool = False) -> Summary:
    """Import every BVH file below a folder into a packed data set.

    Args:
        folder: where the files are.
        out: the pack's folder, made by this.
        options: preset, mapping, workers.
        overwrite: replace a pack that is there already.

    Raises:
        FileNotFoundError: the folder is none, or holds no BVH file.
        PresetError: the preset or its pattern is off.
        PackError: no file could be imported (with the first reasons), or `out` may not be replaced.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    report = PackReport()
    sources = list(_label(folder, options, report))
    rigs = _calibrate_all(sources, options, report)
    jobs = [(source, rig.calibration) for rig in rigs for source in rig.sources]
    order = {source.relative: i for i, source in enumerate(sources)}
    clips: list[tuple[int, int, Clip, str]] = []
    work = partial(_import_file, mapping=options.mapping, held_hands=options.held_hands)
    for (source, _), outcome in zip(jobs, _run(work, jobs, options, "import")):
        if isinstance(outcome, str):
            report.skipped.append({"file": source.relative, "reason": outcome})
            continue
        for part, clip in enumerate(outcome):
            clips.append((order[source.relative], part, clip, source.relative))
    clips.sort(key=lambda c: c[:2])
    report.skipped.sort(key=lambda s: s["file"])
    _unique_names([c for _, _, c, _ in clips])
    report.rigs = [_rig_row(rig) for rig in rigs]
    report.duplicates = [
        d.row()
        for d in find_duplicates([c.name for _, _, c, _ in clips], [encode_quat48(c.rotations) for _, _, c, _ in clips])
    ]
    if not clips:
        reasons = "; ".join(f"{s['file']}: {s['reason'].splitlines()[0]}" for s in report.skipped[:3])
        raise FileNotFoundError(f"{folder}: none of {len(report.skipped)} files could be imported ({reasons})")
    write_pack(out, [c for _, _, c, _ in clips], report, [s for _, _, _, s in clips], overwrite)
    return Summary(len(clips), sum(c.frames for _, _, c, _ in clips), rigs, report)


def _label(folder: Path, options: ImportOptions, report: PackReport) -> Iterator[Source]:
    label = presets.labeller(options.preset, folder, options.pattern)
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".bvh" and p.is_file())
    if not paths:
        raise FileNotFoundError(f"{folder}: no .bvh file in it or below it")
    for path in paths:
        relative = path.relative_to(folder).as_posix()
        try:
            yield Source(path, relative, tuple(label(PurePosixPath(relative))))
        except presets.UnlabelledError as error:
            report.skipped.append({"file": relative, "reason": str(error)})


def _run(work: Callable[[Item], Result], items: Sequence[Item], options: ImportOptions, title: str) -> Iterator[Result]:
    """Map over items, in processes when there are several workers, with a progress bar."""
    bar = partial(tqdm, total=len(items), desc=title, unit="file", disable=not options.progress)
    if options.workers <= 1 or len(items) < 2:
        yield from bar(map(work, items))
        return
    # Spawned, so that threads of whoever calls this are not copied half alive.
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        yield from bar(pool.map(work, items, chunksize=max(1, min(16, len(items) // (4 * options.workers)))))


@dataclass(frozen=True)
class _Peek:
    """What the first pass keeps of a file."""

    signature: str
    bones: BoneMap
    rest: RigPoses
    start: RigPoses
    leg: float


def _peek(source: Source, mapping: MappingFile) -> _Peek | str:
    try:
        bvh = peek_bvh(source.path)
        bones = map_bones(bvh.names, bvh.parents, mapping)
        leg = leg_length(bvh, bones)
        check_units(leg, mapping.units)
        return _Peek(rig_signature(bvh, bones), bones, rest_pose(bvh, bones), motion_poses(bvh, bones), leg)
    except (BvhError, MappingError, CalibrationError, OSError) as error:
        return _reason(error, source)


def _calibrate_all(sources: Sequence[Source], options: ImportOptions, report: PackReport) -> list[Rig]:
    groups: dict[str, list[tuple[Source, _Peek]]] = {}
    peeks = _run(partial(_peek, mapping=options.mapping), sources, options, "skeletons")
    for source, peek in zip(sources, peeks):
        if isinstance(peek, str):
            report.skipped.append({"file": source.relative, "reason": peek})
        else:
            groups.setdefault(peek.signature, []).append((source, peek))
    rigs = []
    for members in groups.values():
        try:
            rigs.append(_calibrate_rig(members, options))
        except CalibrationError as error:
            report.skipped.extend({"file": s.relative, "reason": str(error)} for s, _ in members)
    return rigs


def _calibrate_rig(members: Sequence[tuple[Source, _Peek]], options: ImportOptions) -> Rig:
    # Files spread over the set: one performer's stoop in the first take is not everyone's.
    picks = np.unique(np.linspace(0, len(members) - 1, _CALIBRATION_FILES).astype(int))
    motion = []
    for index in picks:
        source, peek = members[index]
        try:
            bvh = read_bvh(source.path)
        except (BvhError, OSError):
            continue  # its reason is given when its turn comes in the second pass
        motion.append(motion_poses(bvh, peek.bones).frames(slice(None, None, max(1, round(bvh.fps / 30)))))
    first_source, first = members[0]
    if not motion:
        raise CalibrationError(f"{first_source.relative}: no file of this rig can be read to the end")
    calibration = calibrate(
        RigPoses.concatenate([p.rest for _, p in members]),
        RigPoses.concatenate([p.start for _, p in members]),
        RigPoses.concatenate(motion),
        first.bones.profile,
        options.mapping.t_pose,
        options.mapping.up,
        first_source.relative,
    )
    return Rig(calibration, first.bones, [s for s, _ in members], guess_units(first.leg), first.leg)


def _import_file(job: tuple[Source, Calibration], mapping: MappingFile, held_hands: bool = False) -> list[Clip] | str:
    """Clips of one file, or the reason why there is none."""
    source, calibration = job
    try:
        bvh = read_bvh(source.path)
        bones = map_bones(bvh.names, bvh.parents, mapping)
        clips = [c for labels in source.labels for c in _clips(bvh, bones, calibration, labels, held_hands)]
    except (BvhError, MappingError, CalibrationError, OSError, ValueError) as error:
        return _reason(error, source)
    return clips


def _reason(error: Exception, source: Source) -> str:
    """The error's text with the path as the user's folder gives it."""
    return str(error).replace(str(source.path), source.relative)


def _clips(bvh: Bvh, bones: BoneMap, calibration: Calibration, labels: presets.Labels, held_hands: bool) -> list[Clip]:
    bvh = _cut(bvh, bones, calibration, labels)
    pelvis, rotations = retarget(bvh, bones, calibration)
    pelvis, rotations = resample(pelvis, rotations, bvh.fps)
    if len(pelvis) < MIN_FRAMES:
        raise ValueError(f"{len(pelvis)} frames at {FPS:g} frames a second, at least {MIN_FRAMES} are needed")
    name = labels.name or f"{labels.dataset}_{labels.content}_{labels.style}_{labels.take}"
    if labels.standing:
        parts = []
        for number, (_, still, turns) in enumerate(standing_stretches(pelvis, rotations)):
            hang = hands_hang(still, turns)
            if hang or held_hands:
                tags = (*labels.tags, "filtered", *(() if hang else ("hands-held",)))
                part = replace(labels, take=f"{labels.take}-{number:02d}", tags=tags)
                parts.append(_clip(still, turns, f"{name}_{number:02d}", part))
        if not parts:
            raise ValueError("no stretch of 4 s with planted feet, hanging hands and slow joints")
        return parts
    ground = ground_height(pelvis, rotations)
    if np.abs(ground).max() > GROUND_TOLERANCE:
        pelvis = pelvis - ground[:, None] * np.array([0.0, 1.0, 0.0])
    speed = np.linalg.norm(np.diff(pelvis, axis=0), axis=-1).max() * FPS
    if speed > MAX_SPEED:
        raise ValueError(f"the pelvis moves at {speed:.0f} m/s, at most {MAX_SPEED:.0f} is plausible (units, jump?)")
    return [_clip(pelvis, rotations, name, labels)]


def _clip(pelvis: np.ndarray, rotations: np.ndarray, name: str, labels: presets.Labels) -> Clip:
    contacts = foot_contacts(forward_kinematics(rotations, pelvis)[0])
    return Clip(
        name=name,
        pelvis=pelvis.astype(np.float32),
        rotations=rotations.astype(np.float32),
        contacts=contacts,
        content=labels.content,
        style=labels.style,
        take=labels.take,
        dataset=labels.dataset,
        tags=labels.tags,
    )


def _cut(bvh: Bvh, bones: BoneMap, calibration: Calibration, labels: presets.Labels) -> Bvh:
    """The frames that the labels ask for, without a T-pose that stands at the start for calibration."""
    start, stop = labels.cut or (0, None)
    if labels.cut and start >= bvh.frames:
        raise ValueError(f"cut: starts at frame {start}, the file has {bvh.frames}")
    values = bvh.values[start:stop]
    if not labels.cut and len(values) > 1:
        head = replace(bvh, values=values[:2])
        poses = motion_poses(head, bones).turned(calibration.to_y_up)
        # A T-pose that is left at once was put there; a motion that starts in one goes on from it.
        turned = 2 * np.arccos(np.clip(np.abs((poses.orientations[0] * poses.orientations[1]).sum(axis=-1)), 0, 1))
        if t_pose_error(poses)[0] == 0.0 and np.degrees(turned[poses.mapped]).max() > 20:
            values = values[1:]
    return replace(bvh, values=values)


def _unique_names(clips: Sequence[Clip]) -> None:
    """Number clips that would share a name, in place."""
    seen: dict[str, int] = {}
    for clip in clips:
        seen[clip.name] = seen.get(clip.name, 0) + 1
        if seen[clip.name] > 1:
            clip.name = f"{clip.name}-{seen[clip.name]}"


def _rig_row(rig: Rig) -> dict[str, object]:
    return {
        "profile": rig.bones.profile,
        "files": len(rig.sources),
        "t_pose": rig.calibration.method,
        "up": rig.calibration.up,
        "units": rig.unit,
        "leg_in_file_units": round(rig.leg, 4),
        "unmapped": list(rig.bones.unmapped),
    }


def default_workers() -> int:
    """As many processes as there are processors, up to 8: reading files is what bounds it then."""
    return max(1, min(8, os.cpu_count() or 1))
