"""The networks of the two judges (PyTorch)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Standardise(nn.Module):
    """Channels (B, 60, inputs) to zero mean and unit spread, by statistics that are fixed before training."""

    mean: Tensor
    spread: Tensor

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("spread", torch.ones(inputs))

    def fit(self, sample: Tensor) -> None:
        """Takes the statistics of a sample (N, 60, inputs); channels that hardly move are not blown up."""
        rows = sample.reshape(-1, sample.shape[-1])
        self.mean.copy_(rows.mean(0))
        self.spread.copy_(rows.std(0).clamp_min(0.01))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.spread


class JudgeNetwork(nn.Module):
    """What the networks have in common: their input is standardised first."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.standardise = Standardise(inputs)


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class _Heads(nn.Module):
    """Pooled features to an embedding, and from it to style and content."""

    def __init__(self, width: int, embedding: int, styles: int, contents: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Sequential(nn.Linear(width, embedding), nn.LayerNorm(embedding))
        self.dropout = nn.Dropout(dropout)
        self.style = nn.Linear(embedding, styles)
        self.content = nn.Linear(embedding, contents)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        code = self.embedding(pooled)
        hidden = self.dropout(torch.nn.functional.gelu(code))
        return self.style(hidden), self.content(hidden), code


class PositionJudge(JudgeNetwork):
    """Judge ``a``: residual 1D convolutions over joint positions.

    Args:
        inputs: channels of a frame.
        styles: number of styles.
        contents: number of contents.
        embedding: width of the embedding.
        part_of_channel: (inputs,) body part of each channel, for hiding parts.
        width: channels inside.
        dropout: share of activations dropped while training.
    """

    def __init__(
        self,
        inputs: int,
        styles: int,
        contents: int,
        embedding: int,
        part_of_channel: NDArray[np.int64],
        width: int = 112,
        dropout: float = 0.15,
    ) -> None:
        super().__init__(inputs)
        self.register_buffer("part_of_channel", torch.from_numpy(part_of_channel), persistent=False)
        parts = int(part_of_channel.max()) + 1
        self.stem = nn.Conv1d(inputs + parts, width, 5, stride=2, padding=2)
        self.first = _ResidualBlock(width, 5, dropout)
        self.down = nn.Conv1d(width, width, 4, stride=2, padding=1)
        self.blocks = nn.Sequential(*(_ResidualBlock(width, 5, dropout) for _ in range(2)))
        self.heads = _Heads(2 * width, embedding, styles, contents, 2 * dropout)

    def forward(self, x: Tensor, shown: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows (B, 60, inputs) and shown parts (B, 5) to style (B, S), content (B, C), embedding (B, E)."""
        x = self.standardise(x).transpose(1, 2)
        assert isinstance(self.part_of_channel, Tensor)
        x = x * shown[:, self.part_of_channel, None]
        x = torch.cat((x, shown[:, :, None].expand(-1, -1, x.shape[-1])), dim=1)
        x = self.blocks(self.down(torch.relu(self.first(self.stem(x)))))
        x = torch.relu(x)
        heads: tuple[Tensor, Tensor, Tensor] = self.heads(torch.cat((x.mean(-1), x.amax(-1)), dim=1))
        return heads


class _AttentionBlock(nn.Module):
    """Pre-norm transformer layer; plain products, since fused attention is slow backwards at this few tokens."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        b, n, d = x.shape
        q, k, v = self.queries_keys_values(self.before(x)).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5).softmax(-1)
        x = x + self.dropout(self.out((weights @ v).transpose(1, 2).reshape(b, n, d)))
        return x + self.dropout(self.feed_forward(x))


class RotationJudge(JudgeNetwork):
    """Judge ``b``: a small transformer over patches of four frames.

    Args:
        inputs: channels of a frame.
        styles: number of styles.
        contents: number of contents.
        embedding: width of the embedding.
        width: width of a token.
        layers: transformer layers.
        dropout: share of activations dropped while training.
    """

    PATCH = 4

    def __init__(
        self,
        inputs: int,
        styles: int,
        contents: int,
        embedding: int,
        width: int = 128,
        layers: int = 3,
        dropout: float = 0.15,
    ) -> None:
        super().__init__(inputs)
        self.patches = nn.Conv1d(inputs, width, self.PATCH, stride=self.PATCH)
        self.place = nn.Parameter(torch.randn(60 // self.PATCH, width) * 0.02)
        self.layers = nn.Sequential(*(_AttentionBlock(width, 4, dropout) for _ in range(layers)), nn.LayerNorm(width))
        self.heads = _Heads(width, embedding, styles, contents, 2 * dropout)

    def forward(self, x: Tensor, shown: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows (B, 60, inputs) to style (B, S), content (B, C), embedding (B, E); all parts must be shown."""
        x = self.patches(self.standardise(x).transpose(1, 2)).transpose(1, 2) + self.place
        heads: tuple[Tensor, Tensor, Tensor] = self.heads(self.layers(x).mean(dim=1))
        return heads
