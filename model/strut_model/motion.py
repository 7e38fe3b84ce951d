"""Motion: frames of one or many characters on the canonical skeleton, with an explicit root.

The root is a point on the ground and a heading, apart from the pelvis: the smooth path that a game asks for
and moves its actor along. The pelvis is given relative to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d

from strut_model import rotations as rot
from strut_model import skeleton
from strut_model.skeleton import CONTACT_MIRROR, MIRROR, REST_OFFSETS

Array = NDArray[np.floating]

ROOT_SIGMA = 8.0
"""Frames, width of the Gaussian that smooths a clip's hip path into its root path."""


@dataclass(frozen=True)
class Motion:
    """Frames at 30 Hz; the leading axes "..." are any batch axes, T counts frames.

    Attributes:
        root_position: (..., T, 2) metres, x and z of the root on the ground.
        root_heading: (..., T) radians about +Y from +Z towards +X.
        pelvis: (..., T, 3) metres, pelvis relative to the root in the root's heading frame (y is height).
        rotations: (..., T, 22, 4) quaternions local to the parent; the pelvis' is relative to the root.
        contacts: (..., T, 4) in [0, 1]: left heel, left toe, right heel, right toe.
    """

    root_position: Array
    root_heading: Array
    pelvis: Array
    rotations: Array
    contacts: Array

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.root_heading.shape[-1])

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes."""
        return tuple(self.root_heading.shape[:-1])

    def __getitem__(self, key: object) -> Motion:
        """The same frames of some of the batch: ``key`` indexes the leading axes."""
        return Motion(*(getattr(self, f.name)[key] for f in fields(self)))

    def slice_frames(self, start: int | None, stop: int | None = None) -> Motion:
        """Frames [start, stop) of every character; negative numbers count from the end."""
        s = slice(start, stop)
        return Motion(
            self.root_position[..., s, :],
            self.root_heading[..., s],
            self.pelvis[..., s, :],
            self.rotations[..., s, :, :],
            self.contacts[..., s, :],
        )

    @staticmethod
    def concatenate(parts: Sequence[Motion]) -> Motion:
        """One after another in time, in the same space."""
        return Motion(
            np.concatenate([p.root_position for p in parts], axis=-2),
            np.concatenate([p.root_heading for p in parts], axis=-1),
            np.concatenate([p.pelvis for p in parts], axis=-2),
            np.concatenate([p.rotations for p in parts], axis=-3),
            np.concatenate([p.contacts for p in parts], axis=-2),
        )

    @staticmethod
    def stack(parts: Sequence[Motion]) -> Motion:
        """A batch of motions of equal length, along a new first axis."""
        return Motion(*(np.stack([getattr(p, f.name) for p in parts]) for f in fields(Motion)))

    def astype(self, dtype: type) -> Motion:
        """The same motion in another floating type."""
        return Motion(*(getattr(self, f.name).astype(dtype, copy=False) for f in fields(self)))

    def world_pelvis(self) -> Array:
        """(..., T, 3) metres, the pelvis in the space of the root."""
        ground = self.root_position + rot.rotate_ground(self.root_heading, self.pelvis[..., [0, 2]])
        return np.stack((ground[..., 0], self.pelvis[..., 1], ground[..., 1]), axis=-1)

    def world_rotations(self) -> Array:
        """(..., T, 22, 4) local rotations, but the pelvis in the space of the root."""
        out = self.rotations.copy()
        heading = rot.heading_rotation(self.root_heading).astype(out.dtype, copy=False)
        out[..., 0, :] = rot.multiply(heading, out[..., 0, :])
        return out

    def positions(self, offsets: Array = REST_OFFSETS) -> Array:
        """(..., T, 22, 3) metres, joint positions in the space of the root."""
        return skeleton.forward_kinematics(self.world_rotations(), self.world_pelvis(), offsets)[0]

    def transformed(self, position: ArrayLike, heading: ArrayLike) -> Motion:
        """The motion seen from a space in which this motion's origin lies at ``position`` with ``heading``.

        Args:
            position: (..., 2) metres, x and z.
            heading: (...,) radians.
        """
        heading = np.asarray(heading, dtype=self.root_heading.dtype)[..., None]
        position = np.asarray(position, dtype=self.root_position.dtype)[..., None, :]
        return replace(
            self,
            root_position=rot.rotate_ground(heading, self.root_position) + position,
            root_heading=rot.wrap_angle(self.root_heading + heading),
        )

    def relative_to(self, position: ArrayLike, heading: ArrayLike) -> Motion:
        """The motion in the space whose origin lies at ``position`` (..., 2) with ``heading`` (...,)."""
        heading = np.asarray(heading, dtype=self.root_heading.dtype)[..., None]
        position = np.asarray(position, dtype=self.root_position.dtype)[..., None, :]
        return replace(
            self,
            root_position=rot.rotate_ground(-heading, self.root_position - position),
            root_heading=rot.wrap_angle(self.root_heading - heading),
        )

    def mirrored(self) -> Motion:
        """Left and right swapped (reflected at the plane x = 0)."""
        flip = np.array([1, -1, -1, 1], dtype=self.rotations.dtype)
        return Motion(
            self.root_position * np.array([-1, 1], dtype=self.root_position.dtype),
            -self.root_heading,
            self.pelvis * np.array([-1, 1, 1], dtype=self.pelvis.dtype),
            self.rotations[..., MIRROR, :] * flip,
            self.contacts[..., CONTACT_MIRROR],
        )


def explicit_root(
    pelvis: Array,
    rotations: Array,
    contacts: Array,
    sigma: float = ROOT_SIGMA,
) -> Motion:
    """Motion with an explicit root from world-space frames of one clip.

    The root's path is the hips' ground path, its heading the pelvis' facing, both smoothed over time.

    Args:
        pelvis: (T, 3) metres, world.
        rotations: (T, 22, 4) local rotations; the first is the pelvis in the world.
        contacts: (T, 4).
        sigma: frames, standard deviation of the smoothing Gaussian.
    """
    # The facing is the mean of hips and chest: either alone sways with every step.
    _, orientations = skeleton.forward_kinematics(rotations, pelvis)
    left = rot.rotate(orientations[:, [0, 9]], np.array([1.0, 0.0, 0.0], dtype=rotations.dtype)).sum(axis=1)
    facing = np.stack((-left[:, 2], left[:, 0]), axis=-1)  # [x, z]: left crossed with up is forward
    facing /= np.maximum(np.linalg.norm(facing, axis=-1, keepdims=True), 1e-9)
    facing = gaussian_filter1d(facing.astype(np.float64), sigma, axis=0, mode="nearest")
    heading = np.arctan2(facing[:, 0], facing[:, 1]).astype(rotations.dtype)
    ground = _smooth_path(pelvis[:, [0, 2]].astype(np.float64), sigma).astype(rotations.dtype)
    offset = rot.rotate_ground(-heading, pelvis[:, [0, 2]] - ground)
    relative = rotations.copy()
    relative[:, 0] = rot.normalise(
        rot.multiply(rot.heading_rotation(-heading).astype(rotations.dtype), rotations[:, 0])
    )
    return Motion(
        root_position=ground,
        root_heading=heading,
        pelvis=np.stack((offset[:, 0], pelvis[:, 1], offset[:, 1]), axis=-1),
        rotations=relative,
        contacts=contacts.astype(rotations.dtype),
    )


def _smooth_path(path: Array, sigma: float) -> Array:
    """Ground path (T, 2) smoothed; the ends continue in a straight line so that the path does not stall there."""
    pad = int(4 * sigma)
    count = min(len(path) - 1, int(2 * sigma))
    if count < 1:
        return path
    steps = np.arange(1, pad + 1)[:, None]
    before = path[0] - steps[::-1] * (path[count] - path[0]) / count
    after = path[-1] + steps * (path[-1] - path[-1 - count]) / count
    smooth = gaussian_filter1d(np.concatenate((before, path, after)), sigma, axis=0, mode="nearest")
    return smooth[pad : pad + len(path)]
