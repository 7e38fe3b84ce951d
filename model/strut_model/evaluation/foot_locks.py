"""What the foot lock does to a window: the same requests answered with and without it, side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from strut_model.evaluation.bootstrap import Figure, bootstrap_mean
from strut_model.evaluation.feet import foot_stance
from strut_model.evaluation.trials import CountingGenerator
from strut_model.motion import Motion
from strut_model.skeleton import CONTACT_JOINTS, FPS, JOINT_INDEX
from strut_model.streaming.generator import MotionGenerator, WindowRequests, WindowResults

Array = NDArray[np.floating]

_ANKLES = CONTACT_JOINTS[[0, 2]]
_KNEES = [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]]


def knee_angles(motion: Motion) -> Array:
    """How far the knees are bent, (..., T, 2) in degrees."""
    knees = motion.rotations[..., _KNEES, :]
    return np.degrees(2 * np.arccos(np.clip(np.abs(knees[..., 3]), 0, 1)))


class FootLockProbe(CountingGenerator):
    """A generator that answers with foot locks and notes what the locks changed.

    Args:
        locked: the generator as it serves.
        unlocked: the same without foot locks.
    """

    def __init__(self, locked: MotionGenerator, unlocked: MotionGenerator) -> None:
        super().__init__(locked)
        self.unlocked = unlocked
        self._offsets: list[float] = []
        self._bends: list[tuple[float, float]] = []

    def generate(self, requests: WindowRequests) -> WindowResults:
        """See ``MotionGenerator.generate``."""
        results = super().generate(requests)
        bare = self.unlocked.generate(requests).motion
        positions, own = results.motion.positions(), bare.positions()
        moved = np.linalg.norm(positions[..., _ANKLES, :] - own[..., _ANKLES, :], axis=-1)[:, 1:] * 100
        standing = foot_stance(positions)
        for row in range(requests.batch):
            if standing[row].any():
                self._offsets.append(float(moved[row][standing[row]].mean()))
            bends = [
                float(np.percentile(np.abs(np.diff(knee_angles(motion[row]), n=2, axis=0)), 95) * FPS**2)
                for motion in (results.motion, bare)
            ]
            self._bends.append((bends[0], bends[1]))
        return results

    def figures(self) -> dict[str, Figure]:
        """``lock_offset_cm``, mean over windows, and ``knee_jump_ratio``, of means over windows."""
        bends = np.array(self._bends)
        ratio = float(bends[:, 0].mean() / bends[:, 1].mean()) if len(bends) and bends[:, 1].any() else float("nan")
        return {
            "lock_offset_cm": bootstrap_mean(self._offsets, list(range(len(self._offsets)))),
            "knee_jump_ratio": Figure(ratio, ratio, ratio),
        }
