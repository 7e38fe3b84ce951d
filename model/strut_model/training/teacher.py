"""Training of the diffusion teacher: x_t = (1 - t) x0 + t eps, predict x0, condition dropout, self-history."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from strut_model.features import FEATURES, WINDOW
from strut_model.nn.encoder import MotionEncoder
from strut_model.nn.network import Denoiser, DenoiserConfig
from strut_model.nn.scene import DescriptorEncoder
from strut_model.training import checkpoint
from strut_model.training.config import ConfigError, from_mapping, to_mapping
from strut_model.training.dataset import Codes, FrameStore, canonical
from strut_model.training.encoder import compute_codes, load_encoder
from strut_model.training.losses import LossWeights, WindowLoss
from strut_model.training.progress import Progress
from strut_model.training.scene_encoder import load_descriptor
from strut_model.training.scene_windows import SceneRollouts, SceneSampler
from strut_model.training.windows import (
    SPAN,
    Augmentation,
    OwnStates,
    Windows,
    WindowSampler,
    rotation_limits,
)

KIND = "strut-teacher"


@dataclass(frozen=True)
class TeacherTraining:
    """How the teacher is trained.

    Attributes:
        network: its size.
        samples: windows to see in all.
        batch: windows a batch.
        learning_rate: of AdamW: flat, then cosine to a hundredth from ``flat_share`` on.
        average: decay of the moving average of the weights.
        clip: largest gradient norm.
        pure_noise_share: share of samples at t = 1.
        self_history_every: every so many batches are drawn at states of the network's own rollouts; 0 for never.
        balance: power of the style frequencies.
        augmentation, losses: see there.
        bfloat16: automatic mixed precision.
        checkpoint_seconds: between two checkpoints.
        scene_width: of the path for scenes, where scenes are trained.
        seed: of everything random.
    """

    network: DenoiserConfig = field(default_factory=DenoiserConfig)
    samples: int = 3_000_000
    batch: int = 128
    learning_rate: float = 1e-3
    flat_share: float = 0.4
    average: float = 0.999
    clip: float = 1.0
    pure_noise_share: float = 0.1
    self_history_every: int = 3
    balance: float = 0.4
    augmentation: Augmentation = field(default_factory=Augmentation)
    losses: LossWeights = field(default_factory=LossWeights)
    bfloat16: bool = True
    checkpoint_seconds: float = 120.0
    scene_width: int = 128
    seed: int = 2


@dataclass(frozen=True)
class Materials:
    """What the teacher and the student are trained on: frames, codes, statistics and the losses made of them."""

    store: FrameStore
    codes: Codes
    mean: Tensor
    std: Tensor
    encoder: MotionEncoder
    descriptor: DescriptorEncoder | None = None

    def sampler(self, augmentation: Augmentation, balance: float) -> WindowSampler:
        """Draws windows: of clips in scenes where there are some, of all others where there are none."""
        if self.descriptor is None:
            return WindowSampler(self.store, self.codes, augmentation, balance)
        return SceneSampler(self.store, self.codes, augmentation, balance, self.descriptor)


@dataclass(frozen=True)
class Scenes:
    """What a scene training takes beside the data.

    Attributes:
        clips: a folder made by ``strut scene synthesise``.
        encoder: checkpoint of the scene encoder.
    """

    clips: Path
    encoder: Path


def materials(pack: Path, split: Path, encoder: Path, device: torch.device, scenes: Scenes | None = None) -> Materials:
    """Loads the training set, its codes and its statistics onto a device."""
    store = FrameStore(pack, split, scenes=None if scenes is None else scenes.clips)
    network = load_encoder(encoder)
    codes = compute_codes(network, store)
    mean, std = feature_statistics(store)
    moved: dict[str, Any] = {
        name: value.to(device) if isinstance(value, Tensor) else value for name, value in vars(codes).items()
    }
    descriptor = None if scenes is None else load_descriptor(scenes.encoder).to(device)
    return Materials(store.to(device), Codes(**moved), mean.to(device), std.to(device), network.to(device), descriptor)


def states_of(sampler: WindowSampler) -> OwnStates:
    """The states that go with a sampler."""
    return SceneRollouts(sampler) if isinstance(sampler, SceneSampler) else OwnStates(sampler)


def with_scene_path(model: Denoiser, width: int) -> Denoiser:
    """A network that knows scenes: the given one, frozen, and a path for scenes, which alone is trained.

    Args:
        model: a network, which may have a path already.
        width: of a new path.
    """
    if model.scene is None:
        wider = Denoiser(replace(model.config, scene=width))
        wider.load_state_dict({**wider.state_dict(), **model.state_dict()})
        model = wider
    assert model.scene is not None
    model.requires_grad_(False)
    model.scene.requires_grad_(True)
    return model


@torch.no_grad()
def feature_statistics(store: FrameStore) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (206,) of the features of windows.

    Columns of one kind share their spread within a joint or the root, so that no quiet column is blown up.
    """
    segments = torch.nonzero(store.length > SPAN)[:, 0]
    picks = segments[torch.linspace(0, len(segments) - 1, 6000).long()]
    first = store.start[picks] + ((store.length[picks] - SPAN) * torch.linspace(0, 1, 6000)).long()
    frames = store.gather(first, SPAN)
    features = canonical(frames, frames[:, 7, :3])[:, -WINDOW:].reshape(-1, FEATURES)
    mean, std = features.mean(0), features.std(0)
    variance = std.square()
    for start, stop, size in ((0, 2, 2), (2, 4, 2), (4, 70, 3), (70, 202, 6)):
        shared = variance[start:stop].unflatten(0, (-1, size)).mean(1, keepdim=True)
        std[start:stop] = shared.expand(-1, size).flatten().sqrt()
    return mean, std.clamp(min=0.02)


def schedule(share: float, flat: float) -> float:
    """Learning rate factor: 1 for the share ``flat`` of the training, then a cosine to 0.01."""
    if share < flat:
        return 1.0
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (share - flat) / (1 - flat))))


def network_inputs(windows: Windows, mean: Tensor, std: Tensor, history_noise: float = 0.0) -> dict[str, Tensor]:
    """The conditions and the normalised history as the network takes them."""
    history = (windows.history - mean) / std
    if history_noise > 0:
        level = torch.rand(len(history), 1, 1, device=history.device) * history_noise
        history = history + level * torch.randn_like(history)
    return {"history": history, **windows.conditions()}


def noise_levels(batch: int, pure_noise_share: float, low: float, device: torch.device) -> Tensor:
    """Noise levels (B,): uniform in [low, 1], some of them 1."""
    t = low + (1 - low) * torch.rand(batch, device=device)
    return torch.where(torch.rand(batch, device=device) < pure_noise_share, torch.ones_like(t), t)


def denoise(
    network: Callable[..., Tensor],
    clean: Tensor,
    t: Tensor,
    inputs: dict[str, Tensor],
    guidance: Tensor,
    bfloat16: bool,
) -> Tensor:
    """Noises normalised windows (B, 16, 206) to level t (B,) and denoises them in one step."""
    noisy = torch.lerp(clean, torch.randn_like(clean), t[:, None, None])
    with torch.autocast(clean.device.type, torch.bfloat16, enabled=bfloat16):
        return network(noisy=noisy, time=t, guidance=guidance, **inputs).float()


def train_teacher(
    pack: Path,
    split: Path,
    encoder: Path,
    out: Path,
    config: TeacherTraining,
    device: str = "cpu",
    start_from: Path | None = None,
    scenes: Scenes | None = None,
) -> Path:
    """Trains (or resumes) the teacher; returns its checkpoint ``out/teacher.pt``.

    With scenes, a path for them is added to the teacher that is started from and trained; all else stays as it is.

    Args:
        pack, split: the data set and its split.
        encoder: checkpoint of the encoder.
        out: folder of checkpoint and logs.
        config: how.
        device: "cpu" or "cuda".
        start_from: weights of an earlier teacher to begin with.
        scenes: clips in scenes and their encoder, to train on these alone.

    Raises:
        ConfigError: scenes without a teacher to start from.
    """
    path = out / "teacher.pt"
    place = torch.device(device)
    torch.manual_seed(config.seed)
    data = materials(pack, split, encoder, place, scenes)
    if scenes is not None:
        if start_from is None:
            raise ConfigError("scenes: a path for scenes is trained on a teacher; name one to start from")
        known, mean, std = load_teacher(start_from)
        data = replace(data, mean=mean.to(place), std=std.to(place))
        model = with_scene_path(known, config.scene_width).to(place)
        config = replace(config, network=model.config)
    else:
        model = Denoiser(config.network).to(place)
        if start_from is not None:
            model.load_state_dict({k: v.float() for k, v in checkpoint.load(start_from, KIND)["average"].items()})
    average = checkpoint.Average(model, config.average)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=1e-2)
    seen = 0
    if path.exists():
        state = checkpoint.resumable(path, KIND)
        model.load_state_dict(state["model"])
        average.module.load_state_dict(state["average"])
        average.updates = int(state["updates"])
        optimizer.load_state_dict(state["optimizer"])
        seen = int(state["seen"])
        torch.manual_seed(config.seed + seen)
    sampler = data.sampler(config.augmentation, config.balance)
    criterion = WindowLoss(config.losses, data.mean, data.std, rotation_limits(data.store), data.encoder).to(place)
    states = states_of(sampler)
    unguided = torch.ones(config.batch, 2, device=place)

    def save() -> None:
        state: dict[str, Any] = {
            "model": model.state_dict(),
            "average": average.module.state_dict(),
            "updates": average.updates,
            "optimizer": optimizer.state_dict(),
            "seen": seen,
            "config": to_mapping(config),
            "mean": data.mean.cpu(),
            "std": data.std.cpu(),
        }
        checkpoint.save(path, KIND, state)

    last, step = time.monotonic(), seen // config.batch
    with Progress("teacher", config.samples, seen, out / "logs" / "teacher") as progress:
        while seen < config.samples:
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * schedule(seen / config.samples, config.flat_share)
            own = config.self_history_every > 0 and step % config.self_history_every == self_turn(config)
            windows = sampler.conditioned((states if own else sampler).draw(config.batch))
            clean = (windows.target - data.mean) / data.std
            t = noise_levels(config.batch, config.pure_noise_share, 0.0, place)
            inputs = network_inputs(windows, data.mean, data.std, 0.0 if own else config.augmentation.history_noise)
            predicted = denoise(model, clean, t, inputs, unguided, config.bfloat16)
            if own:
                # From high noise one step gives a mean over what may come, which no sampler would leave it at.
                states.moved((predicted.detach() * data.std + data.mean), t < 0.8)
            losses = criterion(predicted, clean, windows.history)
            if config.losses.orthogonality > 0 and scenes is None:
                losses["orthogonality"] = condition_overlap(model)
                losses["total"] = losses["total"] + config.losses.orthogonality * losses["orthogonality"]
            optimizer.zero_grad(set_to_none=True)
            losses["total"].backward()
            torch.nn.utils.clip_grad_norm_(trained, config.clip)
            optimizer.step()
            average.update(model)
            seen += config.batch
            step += 1
            progress.update(config.batch, {k: v.detach() for k, v in losses.items()})
            if time.monotonic() - last > config.checkpoint_seconds:
                save()
                last = time.monotonic()
    save()
    return path


def self_turn(config: TeacherTraining) -> int:
    """Which batch of each ``self_history_every`` is the self-history one: the last, so that a run starts plain."""
    return config.self_history_every - 1


def condition_overlap(model: Denoiser) -> Tensor:
    """How far the directions by which style and content act on the network overlap: mean squared cosine."""
    style = torch.nn.functional.normalize(model.style.weight, dim=0)
    content = torch.nn.functional.normalize(model.content.weight, dim=0)
    return (style.T @ content).square().mean() * len(style)


def load_teacher(path: Path) -> tuple[Denoiser, Tensor, Tensor]:
    """The teacher's averaged network and the features' mean and standard deviation (206,) from a checkpoint.

    Raises:
        CheckpointError: see ``checkpoint.load``.
    """
    state = checkpoint.load(path, KIND)
    model = Denoiser(from_mapping(TeacherTraining, state["config"]).network)
    model.load_state_dict({k: v.float() for k, v in state["average"].items()})
    return model.eval().requires_grad_(False), state["mean"].float(), state["std"].float()
