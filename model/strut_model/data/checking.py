"""What an import would make of one BVH file: mapping, units, vertical, T-pose, heights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from strut_model.bvh import read_bvh
from strut_model.calibration import calibrate, check_units, guess_units, leg_length, motion_poses, rest_pose
from strut_model.data.feet import ground_height
from strut_model.mapping import BoneMap, MappingFile, map_bones
from strut_model.retarget import retarget
from strut_model.skeleton import CONTACT_JOINTS, CONTACT_REST_HEIGHTS, JOINT_INDEX, forward_kinematics


@dataclass(frozen=True)
class FileCheck:
    """Findings on one file.

    Attributes:
        path: the file.
        frames, fps: as it says.
        bones: bones of its skeleton.
        mapping: canonical joint to bone name.
        bone_map: the same by index, with the naming scheme found.
        units: its unit, guessed or said ("0.3 m" when it is none of the usual ones).
        up: its vertical.
        t_pose: how the T-pose was found.
        leg: metres, hip to ankle.
        head_height, foot_height: metres, medians above the clip's ground, on the canonical skeleton.
        travel: metres that the pelvis moves over the ground.
    """

    path: str
    frames: int
    fps: float
    bones: int
    mapping: dict[str, str | None]
    bone_map: BoneMap
    units: str
    up: str
    t_pose: str
    leg: float
    head_height: float
    foot_height: float
    travel: float

    def lines(self) -> list[str]:
        """The findings as text."""
        table = [f"    {joint:<15} {bone or '-'}" for joint, bone in self.mapping.items()]
        return [
            f"{self.path}: {self.frames} frames at {self.fps:.2f} a second, {self.bones} bones",
            f"  naming scheme  {self.bone_map.profile}",
            f"  units          {self.units} (legs {self.leg:.2f} m)",
            f"  vertical       {self.up}",
            f"  T-pose         {self.t_pose}",
            f"  head joint     {self.head_height:.2f} m above the ground (canonical skeleton)",
            f"  lower foot     {self.foot_height:.3f} m from its rest height",
            f"  travels        {self.travel:.2f} m",
            "  mapping",
            *table,
        ]


def check_file(path: str | Path, mapping: MappingFile | None = None) -> FileCheck:
    """Read and retarget one file.

    Raises:
        BvhError, MappingError, CalibrationError: as an import would give as the reason to skip it.
    """
    mapping = mapping or MappingFile()
    bvh = read_bvh(path)
    bones = map_bones(bvh.names, bvh.parents, mapping)
    leg = leg_length(bvh, bones)
    metres = check_units(leg, mapping.units)
    motion = motion_poses(bvh, bones)
    calibration = calibrate(
        rest_pose(bvh, bones),
        motion.frames(slice(0, 1)),
        motion,
        bones.profile,
        mapping.t_pose,
        mapping.up,
        str(path),
    )
    pelvis, rotations = retarget(bvh, bones, calibration)
    positions, _ = forward_kinematics(rotations, pelvis)
    ground = ground_height(pelvis, rotations)
    feet = positions[:, CONTACT_JOINTS, 1] - CONTACT_REST_HEIGHTS
    return FileCheck(
        path=str(path),
        frames=bvh.frames,
        fps=bvh.fps,
        bones=len(bvh.names),
        mapping=bones.names(bvh.names),
        bone_map=bones,
        units=guess_units(leg) if mapping.units is None else f"{mapping.units:g} m",
        up=calibration.up,
        t_pose=calibration.method,
        leg=metres,
        head_height=float(np.median(positions[:, JOINT_INDEX["head"], 1] - ground)),
        foot_height=float(np.median(feet.min(axis=1) - ground)),
        travel=float(np.linalg.norm(np.diff(pelvis[:, [0, 2]], axis=0), axis=-1).sum()),
    )
