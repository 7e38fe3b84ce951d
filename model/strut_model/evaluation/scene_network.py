"""The network of the scene judge (PyTorch)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from strut_model.evaluation.judge_networks import Standardise


class _Block(nn.Module):
    """Residual 1D convolutions."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 5, padding=2),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv1d(width, width, 5, padding=2),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class SceneNetwork(nn.Module):
    """Residual 1D convolutions over joints and their velocities, pooled over time.

    Args:
        inputs: channels of a frame.
        classes: number of scenes, none among them.
        effects: number of amounts that are read off, too, while training.
        embedding: width of the pooled code.
        width: channels inside.
        dropout: share of activations dropped while training.
    """

    def __init__(
        self, inputs: int, classes: int, effects: int, embedding: int = 96, width: int = 112, dropout: float = 0.15
    ) -> None:
        super().__init__()
        self.standardise = Standardise(inputs)
        self.stem = nn.Conv1d(inputs, width, 5, stride=2, padding=2)
        self.first = _Block(width, dropout)
        self.down = nn.Conv1d(width, width, 4, stride=2, padding=1)
        self.blocks = nn.Sequential(_Block(width, dropout), _Block(width, dropout))
        self.embedding = nn.Sequential(nn.Linear(3 * width, embedding), nn.LayerNorm(embedding))
        self.dropout = nn.Dropout(2 * dropout)
        self.scene = nn.Linear(embedding, classes)
        self.effects = nn.Linear(embedding, effects)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows (B, T, inputs) to scenes (B, classes), amounts of effects (B, effects) and embedding (B, E)."""
        x = self.standardise(x).transpose(1, 2)
        x = torch.relu(self.blocks(self.down(torch.relu(self.first(self.stem(x))))))
        code = self.embedding(torch.cat((x.mean(-1), x.amax(-1), x.std(-1)), dim=1))
        hidden = self.dropout(torch.nn.functional.gelu(code))
        return self.scene(hidden), self.effects(hidden), code
