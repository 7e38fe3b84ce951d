"""The losses on a predicted window, shared by the teacher and the student."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from strut_model.features import CONTACTS, FEATURES, POSITIONS, ROOT, ROTATIONS
from strut_model.nn.encoder import MotionEncoder
from strut_model.nn.kinematics import feature_positions, rebase
from strut_model.skeleton import CONTACT_JOINTS, JOINTS
from strut_model.training.dataset import LOCAL
from strut_model.training.encoder import encoder_features


@dataclass(frozen=True)
class LossWeights:
    """Weights of the losses; see ``WindowLoss``."""

    features: float = 1.0
    root: float = 3.0
    contacts: float = 0.3
    positions: float = 0.5
    velocity: float = 0.15
    acceleration: float = 0.05
    foot_slide: float = 0.3
    agreement: float = 0.1
    joint_limits: float = 0.1
    identity: float = 0.1
    identity_share: float = 0.25
    orthogonality: float = 0.01


def localise(features: Tensor) -> Tensor:
    """Stored frames (B, T, 205) of canonical-frame features (B, T, 206): the inverse of ``dataset.canonical``."""
    flat = features.flatten(0, 1)
    own = rebase(flat[:, None], flat[:, ROOT])[:, 0]
    heading = torch.atan2(flat[:, 3], flat[:, 2])[:, None]
    return torch.cat((flat[:, :2], heading, own[:, 4:]), dim=-1).view(*features.shape[:2], LOCAL)


class WindowLoss(nn.Module):
    """Losses of a predicted window against its target.

    Denoising in normalised features (root and contacts weighted apart); positions by forward kinematics (square
    decimetres); velocity and acceleration of the joints over the seam too (square centimetres a frame, and a frame
    squared); slide of the planted feet against the target's own (square centimetres a frame); agreement of predicted
    positions with forward kinematics; joint limits (a hinge on the 6D components beyond those of real frames); identity
    (style and content codes of history and window together, as the encoder reads them, against the target's).

    Args:
        weights: of the losses.
        mean, std: (206,) of the features.
        limits: lowest and highest 6D components (132,).
        encoder: frozen, for the identity loss.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor
    column: Tensor
    feet: Tensor

    def __init__(
        self, weights: LossWeights, mean: Tensor, std: Tensor, limits: tuple[Tensor, Tensor], encoder: MotionEncoder
    ) -> None:
        super().__init__()
        self.weights = weights
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.register_buffer("low", limits[0])
        self.register_buffer("high", limits[1])
        column = torch.ones(FEATURES)
        column[ROOT] = weights.root
        column[CONTACTS] = weights.contacts
        self.register_buffer("column", column)
        self.register_buffer("feet", torch.from_numpy(CONTACT_JOINTS))
        self.encoder = encoder

    def forward(self, predicted: Tensor, target: Tensor, history: Tensor, huber: float = 0.0) -> dict[str, Tensor]:
        """The losses by name, "total" among them.

        Args:
            predicted: (B, 16, 206) normalised.
            target: (B, 16, 206) normalised.
            history: (B, 8, 206) not normalised.
            huber: 0 for squares, otherwise the pseudo-Huber width of the denoising loss (Song & Dhariwal 2023).
        """
        w = self.weights
        error = (predicted - target).square()
        if huber > 0:
            error = ((error + huber**2).sqrt() - huber) * 2
        losses = {"features": (error * self.column).mean()}
        features = predicted * self.std + self.mean
        real = target * self.std + self.mean
        joints = feature_positions(features)
        with torch.no_grad():
            real_joints = _feature_joints(real)
            past = _feature_joints(history[:, -2:])
        # Only the last two frames before the window matter: velocity and acceleration across the seam.
        motion, real_motion = torch.cat((past, joints), 1) * 100, torch.cat((past, real_joints), 1) * 100
        losses["positions"] = ((joints - real_joints) * 10).square().mean()
        velocity, real_velocity = motion.diff(dim=1), real_motion.diff(dim=1)
        losses["velocity"] = (velocity - real_velocity)[:, 1:].square().mean()
        losses["acceleration"] = (velocity.diff(dim=1) - real_velocity.diff(dim=1)).square().mean()
        # Against the target's own velocity: a real heel rolls on while in contact, a pull to zero drags it back.
        feet = (velocity - real_velocity)[:, 1:][:, :, self.feet][..., [0, 2]].square().sum(-1)
        losses["foot_slide"] = (feet * real[..., CONTACTS].clamp(0, 1)).mean()
        ground = torch.cat((features[..., :1], torch.zeros_like(features[..., :1]), features[..., 1:2]), -1)
        relative = features[..., POSITIONS].unflatten(-1, (JOINTS, 3)) + ground[..., None, :]
        losses["agreement"] = ((relative - joints) * 10).square().mean()
        six = features[..., ROTATIONS].flatten(0, 1)[:, 6:]
        beyond = (self.low[6:] - six).clamp(min=0) + (six - self.high[6:]).clamp(min=0)
        losses["joint_limits"] = beyond.square().mean() * 100
        total = sum((getattr(w, name) * value for name, value in losses.items()), torch.zeros((), device=error.device))
        if w.identity > 0 and w.identity_share > 0:
            count = max(2, int(w.identity_share * len(predicted)))
            losses["identity"] = self._identity(features[:count], real[:count], history[:count])
            total = total + w.identity * losses["identity"]
        losses["total"] = total
        return losses

    def _identity(self, features: Tensor, real: Tensor, history: Tensor) -> Tensor:
        style, _, content, _ = self.encoder(encoder_features(localise(torch.cat((history, features), dim=1))))
        with torch.no_grad():
            real_style, _, real_content, _ = self.encoder(encoder_features(localise(torch.cat((history, real), dim=1))))
        return 2 - (style * real_style).sum(-1).mean() - (content * real_content).sum(-1).mean()


def _feature_joints(features: Tensor) -> Tensor:
    """Joint positions (B, T, 22, 3) in the canonical frame as the features hold them."""
    ground = torch.cat((features[..., :1], torch.zeros_like(features[..., :1]), features[..., 1:2]), -1)
    return features[..., POSITIONS].unflatten(-1, (JOINTS, 3)) + ground[..., None, :]
