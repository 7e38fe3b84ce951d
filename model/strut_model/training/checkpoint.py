"""Checkpoints that survive a kill at any moment: written beside, synced, then renamed over the old one."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class CheckpointError(RuntimeError):
    """A checkpoint that is missing, broken or of another kind."""


def save(path: Path, kind: str, state: dict[str, Any]) -> None:
    """Writes ``state`` so that ``path`` always holds either the old or the new checkpoint, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".partial")
    with open(temporary, "wb") as file:
        torch.save({"kind": kind, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load(path: Path, kind: str) -> dict[str, Any]:
    """The checkpoint's state.

    Raises:
        CheckpointError: missing, unreadable, or of another kind.
    """
    if not path.exists():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path}: cannot be read as a checkpoint ({error})") from error
    if state.get("kind") != kind:
        raise CheckpointError(f"{path}: holds a '{state.get('kind')}', expected a '{kind}'")
    return state


def half(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in bfloat16 where they are floating, for keeping."""
    return {k: v.to(torch.bfloat16) if v.is_floating_point() else v for k, v in weights.items()}


class Average:
    """Exponential moving average of a module's weights, warmed up so that early averages are not stuck."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.updates = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Takes in the module's present weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self.module.parameters()), list(module.parameters()), 1 - decay)
