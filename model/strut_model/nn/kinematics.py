"""Rotations and forward kinematics in PyTorch, differentiable, for the losses."""

from __future__ import annotations

import torch
from torch import Tensor

from strut_model import skeleton
from strut_model.features import CONTACTS, POSITIONS, ROOT, ROTATIONS
from strut_model.skeleton import JOINTS, PARENTS, REST_OFFSETS

_OFFSETS = torch.from_numpy(REST_OFFSETS)


def matrix_from_six_d(six: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of 6D codes (..., 6), by Gram-Schmidt (Zhou et al. 2019)."""
    a, b = six[..., :3], six[..., 3:]
    first = torch.nn.functional.normalize(a, dim=-1, eps=1e-6)
    second = torch.nn.functional.normalize(b - (first * b).sum(-1, keepdim=True) * first, dim=-1, eps=1e-6)
    third = torch.linalg.cross(first, second)
    return torch.stack((first, second, third), dim=-1)


def six_d_from_matrix(matrix: Tensor) -> Tensor:
    """6D codes (..., 6) of rotation matrices (..., 3, 3)."""
    return torch.cat((matrix[..., :, 0], matrix[..., :, 1]), dim=-1)


def forward_kinematics(matrices: Tensor, pelvis: Tensor, offsets: Tensor | None = None) -> Tensor:
    """Joint positions (..., 22, 3) metres.

    Args:
        matrices: (..., 22, 3, 3) local rotations, the pelvis' in the space that the result is wanted in.
        pelvis: (..., 3) metres.
        offsets: (22, 3) or (..., 22, 3) metres; the canonical ones by default.
    """
    if offsets is None:
        offsets = _OFFSETS.to(matrices)
    orientations: list[Tensor] = [matrices[..., 0, :, :]]
    positions: list[Tensor] = [pelvis]
    for joint in range(1, JOINTS):
        parent = int(PARENTS[joint])
        orientation = orientations[parent]
        positions.append(positions[parent] + (orientation @ offsets[..., joint, :, None])[..., 0])
        # The last joint of a chain carries nothing, so its orientation is never needed.
        orientations.append(orientation @ matrices[..., joint, :, :] if joint in _HAS_CHILDREN else orientation)
    return torch.stack(positions, dim=-2)


_HAS_CHILDREN = frozenset(int(p) for p in skeleton.PARENTS if p >= 0)


def feature_positions(features: Tensor) -> Tensor:
    """Joint positions (..., T, 22, 3) in the canonical frame by forward kinematics from features (..., T, 206)."""
    matrices = matrix_from_six_d(features[..., ROTATIONS].unflatten(-1, (JOINTS, 6)))
    pelvis = features[..., POSITIONS.start : POSITIONS.start + 3]
    zero = torch.zeros_like(features[..., :1])
    ground = torch.cat((features[..., 0:1], zero, features[..., 1:2]), dim=-1)
    return forward_kinematics(matrices, pelvis + ground)


def consistent(features: Tensor) -> Tensor:
    """Features (..., T, 206) with orthonormal rotations, a unit heading and positions that agree with them."""
    matrices = matrix_from_six_d(features[..., ROTATIONS].unflatten(-1, (JOINTS, 6)))
    positions = forward_kinematics(matrices, features[..., POSITIONS.start : POSITIONS.start + 3])
    heading = torch.nn.functional.normalize(features[..., 2:4], dim=-1, eps=1e-6)
    return torch.cat(
        (
            features[..., 0:2],
            heading,
            positions.flatten(-2),
            six_d_from_matrix(matrices).flatten(-2),
            features[..., CONTACTS].clamp(0, 1),
        ),
        dim=-1,
    )


def _turn(vectors: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    x, y, z = vectors.unbind(-1)
    return torch.stack((cosine * x + sine * z, y, cosine * z - sine * x), dim=-1)


def rebase(features: Tensor, origin: Tensor) -> Tensor:
    """Features (B, T, 206) seen from another canonical frame.

    Args:
        features: in some canonical frame, not normalised.
        origin: (B, 4) x, z, cos and sin of the new frame's root in the old frame.
    """
    cosine, sine = origin[:, None, 2], -origin[:, None, 3]
    x = features[..., 0] - origin[:, None, 0]
    z = features[..., 1] - origin[:, None, 1]
    heading_cos = features[..., 2] * origin[:, None, 2] + features[..., 3] * origin[:, None, 3]
    heading_sin = features[..., 3] * origin[:, None, 2] - features[..., 2] * origin[:, None, 3]
    root = torch.stack((cosine * x + sine * z, cosine * z - sine * x, heading_cos, heading_sin), dim=-1)
    positions = _turn(features[..., POSITIONS].unflatten(-1, (JOINTS, 3)), cosine[..., None], sine[..., None])
    pelvis = features[..., ROTATIONS.start : ROTATIONS.start + 6].unflatten(-1, (2, 3))
    pelvis = _turn(pelvis, cosine[..., None], sine[..., None])
    return torch.cat(
        (
            root,
            positions.flatten(-2),
            pelvis.flatten(-2),
            features[..., ROTATIONS.start + 6 : ROTATIONS.stop],
            features[..., CONTACTS],
        ),
        dim=-1,
    )


def root_of(features: Tensor, frame: int) -> Tensor:
    """The root (B, 4) [x, z, cos, sin] of one frame, as ``rebase`` takes it."""
    root = features[:, frame, ROOT]
    return torch.cat((root[:, :2], torch.nn.functional.normalize(root[:, 2:4], dim=-1, eps=1e-6)), dim=-1)
