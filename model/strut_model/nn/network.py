"""The denoiser: a small transformer over body parts that predicts a clean window from a noisy one.

One token for each of five body parts and one global token; a part's token is a linear map of its noisy
16 frames, its history and the asked trajectory, so a window is one patch and there is no border inside it
(the prototype's two patches of 8 frames had nearly all the excess jerk at theirs). Style enters through the
modulation of each part's token (adaptive layer norm, Peebles & Xie 2023), so every part can have its own.
The same network serves as diffusion teacher and, with the guidance weights as inputs, as consistency student.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from strut_model.features import HISTORY, PART_COLUMNS, WINDOW
from strut_model.skeleton import PARTS

STYLE_DIM = 64
CONTENT_DIM = 64
INPUT_NAMES = (
    "noisy",
    "time",
    "history",
    "history_mask",
    "trajectory",
    "trajectory_mask",
    "content",
    "phase",
    "style",
    "guidance",
    "scene",
)
"""Names and order of the network's inputs, in PyTorch and in the exported graph; a network that knows no scenes has no
``scene``."""


@dataclass(frozen=True)
class DenoiserConfig:
    """Size of the denoiser.

    Attributes:
        width: channels of a token.
        layers: transformer blocks.
        heads: attention heads; divides ``width``.
        feedforward: hidden width of the block's network as a multiple of ``width``.
        rank: rank of each block's own term of the modulation.
        guided: whether guidance weights are an input (the student) or ignored (the teacher).
        scene: width of the scene's pathway, 0 for a network that knows no scenes.
        scene_rank: rank of each block's modulation by the scene.
    """

    width: int = 256
    layers: int = 6
    heads: int = 4
    feedforward: float = 2.0
    rank: int = 32
    guided: bool = False
    scene: int = 0
    scene_rank: int = 24

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs of a network of this kind, in order."""
        return INPUT_NAMES if self.scene else INPUT_NAMES[:-1]


class _Modulation(nn.Module):
    """A block's six modulation vectors: a term shared by all blocks, a table of its own and a low-rank term."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(6 * width))
        self.down = nn.Linear(width, rank, bias=False)
        self.up = nn.Linear(rank, 6 * width, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, condition: Tensor, shared: Tensor, scene: Tensor | None) -> tuple[Tensor, ...]:
        total = shared + self.table + self.up(self.down(condition))
        return (total if scene is None else total + scene).chunk(6, dim=-1)


class _Block(nn.Module):
    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        width = config.width
        hidden = int(width * config.feedforward)
        self.heads = config.heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = _Modulation(width, config.rank)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feedforward = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(approximate="tanh"), nn.Linear(hidden, width)
        )

    def _attend(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv[0], qkv[1], qkv[2]
        # Plain matmul and softmax: at six tokens the fused kernels' backward is slower on the CPU.
        weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(width // self.heads), dim=-1)
        return self.out((weights @ value).transpose(1, 2).reshape(batch, tokens, width))

    def forward(self, x: Tensor, condition: Tensor, shared: Tensor, scene: Tensor | None) -> Tensor:
        shift_a, scale_a, gate_a, shift_f, scale_f, gate_f = self.modulation(condition, shared, scene)
        x = x + gate_a * self._attend(self.norm(x) * (1 + scale_a) + shift_a)
        return x + gate_f * self.feedforward(self.norm(x) * (1 + scale_f) + shift_f)


class ScenePath(nn.Module):
    """How a scene acts on the denoiser: on the tokens, their condition, every block's modulation and the output.

    No layer has a bias and the last ones start at zero: a zero scene adds exact zeros, and a network that has learned
    without scenes is unchanged by an untrained path. So a path can be trained while all else is frozen, as adapters
    are (Houlsby et al. 2019; zero-initialised as in ControlNet, Zhang et al. 2023).

    Args:
        config: of the network; ``config.scene`` is above 0.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        width, inner = config.width, config.scene
        self.parts = nn.Linear(STYLE_DIM, inner, bias=False)
        self.whole = nn.Linear(PARTS * STYLE_DIM, inner, bias=False)
        self.condition = nn.Linear(inner, width, bias=False)
        self.tokens = nn.ModuleList(nn.Linear(inner, width, bias=False) for _ in range(PARTS + 1))
        self.down = nn.Linear(inner, config.scene_rank, bias=False)
        self.up = nn.ModuleList(nn.Linear(config.scene_rank, 6 * width, bias=False) for _ in range(config.layers))
        self.out = nn.ModuleList(nn.Linear(inner, WINDOW * len(columns), bias=False) for columns in PART_COLUMNS)
        for layer in (self.condition, *self.tokens, *self.up, *self.out):
            nn.init.zeros_(layer.weight)

    def forward(self, scene: Tensor) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
        """What the scene (B, 5, 64) adds to the tokens (B, 6, width), to their condition (B, 6, width), to each block's
        modulation (B, 6, 6 width) and to each part's window (B, 16 columns).
        """
        # As styles, scenes are of about unit length.
        parts = nn.functional.pad(self.parts(scene * 8.0), (0, 0, 0, 1))
        hidden = nn.functional.silu(parts + self.whole(scene.flatten(1) * 8.0)[:, None])
        tokens = torch.stack([layer(hidden[:, i]) for i, layer in enumerate(self.tokens)], dim=1)
        low = self.down(hidden)
        blocks = [layer(low) for layer in self.up]
        windows = [layer(hidden[:, i]) for i, layer in enumerate(self.out)]
        return tokens, self.condition(hidden), blocks, windows


def time_embedding(time: Tensor, width: int) -> Tensor:
    """Sinusoidal embedding (B, width) of the noise level (B,) in [0, 1]."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, dtype=time.dtype, device=time.device) * (-math.log(1000.0) / half))
    angles = time[:, None] * 1000.0 * frequencies
    return torch.cat((torch.cos(angles), torch.sin(angles)), dim=-1)


class Denoiser(nn.Module):
    """Predicts the clean window (B, 16, 206) from a noisy one and the conditions; see ``forward``."""

    by_part: Tensor
    in_order: Tensor

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        context = HISTORY + WINDOW * 4 + WINDOW * 2
        self.part_in = nn.ModuleList(
            nn.Linear((WINDOW + HISTORY) * len(columns) + context, width) for columns in PART_COLUMNS
        )
        self.global_in = nn.Linear(HISTORY * 4 + context, width)
        self.part_out = nn.ModuleList(nn.Linear(width, WINDOW * len(columns)) for columns in PART_COLUMNS)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.content = nn.Linear(CONTENT_DIM, width)
        self.phase = nn.Sequential(nn.Linear(5, width), nn.SiLU(), nn.Linear(width, width))
        self.style = nn.Linear(STYLE_DIM, width)
        self.style_summary = nn.Linear(PARTS * STYLE_DIM, width)
        self.guidance = nn.Sequential(nn.Linear(2, width), nn.SiLU(), nn.Linear(width, width))
        self.shared = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.final = nn.Linear(width, 2 * width)
        by_part = torch.cat([torch.from_numpy(columns) for columns in PART_COLUMNS])
        self.register_buffer("by_part", by_part, persistent=False)
        self.register_buffer("in_order", torch.argsort(by_part), persistent=False)
        self._sizes = [len(columns) for columns in PART_COLUMNS]
        self.scene = ScenePath(config) if config.scene else None
        for layer in (self.shared, self.final, *self.part_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        noisy: Tensor,
        time: Tensor,
        history: Tensor,
        history_mask: Tensor,
        trajectory: Tensor,
        trajectory_mask: Tensor,
        content: Tensor,
        phase: Tensor,
        style: Tensor,
        guidance: Tensor,
        scene: Tensor | None = None,
    ) -> Tensor:
        """The clean window.

        Args:
            noisy: (B, 16, 206) x_t = (1 - t) x0 + t eps, normalised features.
            time: (B,) noise level t in [0, 1].
            history: (B, 8, 206) normalised features of the frames before; ends at the canonical frame.
            history_mask: (B, 8) 1 where the frame is known.
            trajectory: (B, 16, 4) metres: x, z, cos and sin of the asked root in the canonical frame.
            trajectory_mask: (B, 16, 2) 1 where position and facing are known.
            content: (B, 64) content code, zeros for none.
            phase: (B, 3) a gesture's phase at the first frame, its advance a frame, and 1; zeros for none.
            style: (B, 5, 64) style code of each body part, zeros for none.
            guidance: (B, 2) guidance weights of style and content (student only).
            scene: (B, 5, 64) the scene's code for each body part times its alpha, zeros for none; left out where the
                network knows no scenes.

        Returns:
            (B, 16, 206) normalised features of the clean window.
        """
        history = history * history_mask[..., None]
        position, facing = trajectory[..., :2], trajectory[..., 2:]
        trajectory = torch.cat((position * trajectory_mask[..., :1], facing * trajectory_mask[..., 1:]), dim=-1)
        context = torch.cat((history_mask, trajectory.flatten(1), trajectory_mask.flatten(1)), dim=-1)
        motion = torch.cat((history, noisy), dim=1)[..., self.by_part].split(self._sizes, dim=-1)
        tokens = [
            layer(torch.cat((part.flatten(1), context), dim=-1))
            for layer, part in zip(self.part_in, motion, strict=True)
        ]
        tokens.append(self.global_in(torch.cat((history[..., :4].flatten(1), context), dim=-1)))
        x = torch.stack(tokens, dim=1)

        angle = 2 * math.pi * phase[:, :1]
        phase = torch.cat((phase * phase[:, 2:], torch.cos(angle) * phase[:, 2:], torch.sin(angle) * phase[:, 2:]), -1)
        condition = self.time(time_embedding(time, self.config.width)) + self.content(content * 8.0) + self.phase(phase)
        if self.config.guided:
            condition = condition + self.guidance(guidance)
        # Style codes are unit vectors; scaled so that their entries are of order one.
        parts = self.style(style * 8.0)
        whole = self.style_summary(style.flatten(1) * 8.0)[:, None]
        condition = condition[:, None] + torch.cat((parts, whole), dim=1)
        added: list[Tensor | None] = [None] * len(self.blocks)
        windows: list[Tensor] | None = None
        if self.scene is not None and scene is not None:
            tokens_by_scene, condition_by_scene, by_block, windows = self.scene(scene)
            x, condition, added = x + tokens_by_scene, condition + condition_by_scene, list(by_block)
        condition = nn.functional.silu(condition)

        shared = self.shared(condition)
        for block, by_scene in zip(self.blocks, added, strict=True):
            x = block(x, condition, shared, by_scene)
        shift, scale = self.final(condition).chunk(2, dim=-1)
        x = self.norm(x) * (1 + scale) + shift
        parts_out = [layer(x[:, i]) for i, layer in enumerate(self.part_out)]
        if windows is not None:
            parts_out = [part + by_scene for part, by_scene in zip(parts_out, windows, strict=True)]
        out = torch.cat([part.unflatten(-1, (WINDOW, -1)) for part in parts_out], dim=-1)
        # The window continues the last known pose, so the network only predicts how it leaves it.
        return out[..., self.in_order] + history[:, -1:]
