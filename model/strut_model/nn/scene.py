"""The scene encoder: a scene as a code for each body part, in the style codes' space.

Two ways lead there: from a descriptor's quantities, which is what runs in the product, and from a motion, by heads on
the motion encoder's trunk. Both are trained to agree (contrastively, as Radford et al. 2021 align two kinds of input),
so that the descriptor's codes lie where scenes differ in motion.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from strut_model.nn.encoder import MotionEncoder
from strut_model.nn.network import STYLE_DIM
from strut_model.scene.descriptor import SIZE
from strut_model.skeleton import PARTS


@dataclass(frozen=True)
class SceneEncoderConfig:
    """Size of the scene encoder: channels of the descriptor's hidden layers and of the motion's heads."""

    width: int = 128
    heads: int = 128


class DescriptorEncoder(nn.Module):
    """z = f(v) - f(0): codes (B, 5, 64) of descriptors' vectors (B, 20), exactly zero for the neutral scene."""

    def __init__(self, config: SceneEncoderConfig) -> None:
        super().__init__()
        sizes = (SIZE, config.width, config.width, PARTS * STYLE_DIM)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))

    def _f(self, vector: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            vector = torch.tanh(layer(vector))
        return self.layers[-1](vector)

    def forward(self, vector: Tensor) -> Tensor:
        code = self._f(vector) - self._f(torch.zeros_like(vector[:1]))
        code = code * (vector != 0).any(dim=-1, keepdim=True)
        return code.unflatten(-1, (PARTS, STYLE_DIM))


class SceneHeads(nn.Module):
    """Scene codes (B, 5, 64) of motions, from the motion encoder's pooled trunk (B, 6, P)."""

    def __init__(self, config: SceneEncoderConfig, pooled: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList(
            nn.Sequential(nn.Linear(2 * pooled, config.heads), nn.GELU(), nn.Linear(config.heads, STYLE_DIM))
            for _ in range(PARTS)
        )

    def forward(self, pooled: Tensor) -> Tensor:
        root = pooled[:, -1]
        return torch.stack([head(torch.cat((pooled[:, i], root), -1)) for i, head in enumerate(self.parts)], dim=1)


class SceneEncoder(nn.Module):
    """Both ways to a scene's code.

    Args:
        config: its size.
        encoder: the motion encoder, whose trunk is shared; it stays as it is.
    """

    def __init__(self, config: SceneEncoderConfig, encoder: MotionEncoder) -> None:
        super().__init__()
        self.config = config
        self.descriptor = DescriptorEncoder(config)
        self.heads = SceneHeads(config, 2 * encoder.config.width)

    def of_motion(self, encoder: MotionEncoder, motion: Tensor) -> Tensor:
        """Codes (B, 5, 64), alpha included, of clips (B, T, 267) as the motion encoder takes them."""
        with torch.no_grad():
            pooled = encoder.pooled(motion)
        return self.heads(pooled)
