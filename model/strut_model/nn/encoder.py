"""The motion encoder: any clip to a style code for each body part, a global style code and a content code.

One temporal convolution trunk is shared by all body parts; parts are not mixed before the part codes, so that
a part's style code speaks of that part alone. Projection heads give unit vectors (SimCLR-like, Chen et al.
2020; supervised contrastive, Khosla et al. 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from strut_model.features import ENCODER_FEATURES, ENCODER_PART_COLUMNS
from strut_model.nn.network import CONTENT_DIM, STYLE_DIM
from strut_model.skeleton import PARTS


@dataclass(frozen=True)
class EncoderConfig:
    """Size of the encoder: channels of the trunk and its residual blocks."""

    width: int = 96
    blocks: int = 3


class _ResidualBlock(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.first = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(nn.functional.gelu(self.first(nn.functional.gelu(self.norm(x)))))


class MotionEncoder(nn.Module):
    """Codes of a clip; see ``forward``."""

    mean: Tensor
    std: Tensor
    by_part: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("mean", torch.zeros(ENCODER_FEATURES))
        self.register_buffer("std", torch.ones(ENCODER_FEATURES))
        self.streams = nn.ModuleList(nn.Linear(len(c), width) for c in ENCODER_PART_COLUMNS)
        self.root_stream = nn.Linear(3, width)
        self.down = nn.Conv1d(width, width, 8, stride=4, padding=2)
        self.trunk = nn.Sequential(*(_ResidualBlock(width, 2**i) for i in range(config.blocks)))
        pooled = 2 * width
        self.part_heads = nn.ModuleList(
            nn.Sequential(nn.Linear(pooled, 2 * width), nn.GELU(), nn.Linear(2 * width, STYLE_DIM))
            for _ in range(PARTS)
        )
        everything = pooled * (PARTS + 1)
        self.global_head = nn.Sequential(
            nn.Linear(pooled * PARTS, 2 * width), nn.GELU(), nn.Linear(2 * width, STYLE_DIM)
        )
        self.content_head = nn.Sequential(
            nn.Linear(everything, 2 * width), nn.GELU(), nn.Linear(2 * width, CONTENT_DIM)
        )
        self.readout_head = nn.Sequential(nn.Linear(everything, width), nn.GELU(), nn.Linear(width, 2))
        by_part = torch.cat([torch.from_numpy(columns) for columns in ENCODER_PART_COLUMNS])
        self.register_buffer("by_part", by_part, persistent=False)
        self._sizes = [len(columns) for columns in ENCODER_PART_COLUMNS]

    def pooled(self, motion: Tensor) -> Tensor:
        """What the trunk sees in clips (B, T, 267): mean and spread over time (B, 6, 2 width), parts then root."""
        motion = (motion - self.mean) / self.std
        parts_in = motion[..., self.by_part].split(self._sizes, dim=-1)
        streams = [layer(part) for layer, part in zip(self.streams, parts_in, strict=True)]
        streams.append(self.root_stream(motion[..., -3:]))
        x = torch.stack(streams, dim=1).flatten(0, 1).transpose(1, 2)
        x = self.trunk(self.down(x))
        return torch.cat((x.mean(-1), x.std(-1, unbiased=False)), dim=-1).view(motion.shape[0], PARTS + 1, -1)

    def forward(self, motion: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Codes of clips of equal length.

        Args:
            motion: (B, T, 267) features of ``features.encode_for_encoder``, T >= 16.

        Returns:
            Part style codes (B, 5, 64), global style code (B, 64) and content code (B, 64), all unit
            vectors, and the read-outs (B, 2): log amplitude (metres) and log tempo (hertz), both standardised.
        """
        pooled = self.pooled(motion)
        parts = torch.stack([head(pooled[:, i]) for i, head in enumerate(self.part_heads)], dim=1)
        whole = self.global_head(pooled[:, :PARTS].flatten(1))
        content = self.content_head(pooled.flatten(1))
        unit = nn.functional.normalize
        return unit(parts, dim=-1), unit(whole, dim=-1), unit(content, dim=-1), self.readout_head(pooled.flatten(1))
