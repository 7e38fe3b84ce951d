"""Checkpoints that survive a kill at any moment: written beside, synced, then renamed over the old one."""

from __future__ import annotations

import copy
import io
import lzma
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class CheckpointError(RuntimeError):
    """A checkpoint that is missing, broken or of another kind."""


_XZ = b"\xfd7zXZ\x00"


def save(path: Path, kind: str, state: dict[str, Any], compressed: bool = False) -> None:
    """Writes ``state`` so that ``path`` always holds either the old or the new checkpoint, whole.

    Args:
        path: file.
        kind: of the checkpoint.
        state: what it holds.
        compressed: with xz, which takes a quarter off weights in bfloat16, and seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("wb") as file:
        if compressed:
            plain = io.BytesIO()
            torch.save({"kind": kind, **state}, plain)
            file.write(lzma.compress(plain.getbuffer(), preset=9))
        else:
            torch.save({"kind": kind, **state}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path, kind: str) -> dict[str, Any]:
    """The checkpoint's state.

    Raises:
        CheckpointError: missing, unreadable, or of another kind.
    """
    state = _read(path)
    if state.get("kind") != kind:
        raise CheckpointError(f"{path}: holds a '{state.get('kind')}', expected a '{kind}'")
    return state


def _read(path: Path) -> dict[str, Any]:
    """A checkpoint of any kind, compressed or not."""
    if not path.exists():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        with path.open("rb") as file:
            packed = file.read(len(_XZ)) == _XZ
        source = io.BytesIO(lzma.decompress(path.read_bytes())) if packed else path
        state: dict[str, Any] = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(f"{path}: cannot be read as a checkpoint ({error})") from error
    return state


def resumable(path: Path, kind: str) -> dict[str, Any]:
    """The checkpoint's state, with the optimiser's, to go on from.

    Raises:
        CheckpointError: as ``load``, or a slim checkpoint.
    """
    state = load(path, kind)
    if "optimizer" not in state:
        raise CheckpointError(f"{path}: holds weights alone and cannot be resumed; start from it into another folder")
    return state


def half(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights in bfloat16 where they are floating, for keeping."""
    return {k: v.to(torch.bfloat16) if v.is_floating_point() else v for k, v in weights.items()}


_ONLY_TRAINING = ("heads.",)
"""Weights that nothing but their own training uses: the scene encoder's way from motions."""
_KEPT = ("average", "model", "config", "network", "mean", "std", "seen")


SCENE_PATH = "scene."
"""What the weights of a network's path for scenes are called."""


def slim(path: Path, out: Path, scenes_alone: bool = False) -> int:
    """Writes what must outlive a training: averaged weights in bfloat16, without optimiser and raw weights, compressed.

    Args:
        path: a checkpoint of any kind.
        out: the slim checkpoint, which loads like the full one but cannot be resumed, only started from.
        scenes_alone: only the path for scenes, which is a part of a network; see ``joined``.

    Returns:
        Bytes written.

    Raises:
        CheckpointError: ``path`` is missing or unreadable.
    """
    state = _read(path)
    kept = {key: state[key] for key in _KEPT if key in state}
    if "average" in kept:
        kept.pop("model", None)
    for key in ("average", "model"):
        if key in kept:
            kept[key] = half({k: v for k, v in kept[key].items() if not k.startswith(_ONLY_TRAINING)})
    if scenes_alone:
        kept["average"] = _path_of(path, kept.get("average", {}))
    save(out, state["kind"], kept, compressed=True)
    return out.stat().st_size


def joined(base: Path, scenes: Path, out: Path) -> None:
    """Writes a checkpoint of a network and the path for scenes that was trained on it.

    Args:
        base: a checkpoint.
        scenes: of the same kind, with the path, and maybe nothing else.
        out: the whole.

    Raises:
        CheckpointError: missing or unreadable, of two kinds, or without a path.
    """
    state = _read(scenes)
    whole = load(base, state["kind"])
    whole["average"] = {**whole["average"], **_path_of(scenes, state.get("average", {}))}
    for key in ("config", "network"):
        if key in state:
            whole[key] = state[key]
    save(out, state["kind"], {key: whole[key] for key in _KEPT if key in whole and key != "model"})


def _path_of(file: Path, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    found = {name: value for name, value in weights.items() if name.startswith(SCENE_PATH)}
    if not found:
        raise CheckpointError(f"{file}: knows no scenes; expected a checkpoint that was trained with --scenes")
    return found


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
