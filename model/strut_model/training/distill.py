"""Distillation of the teacher to a consistency student with the guidance weights as inputs.

A consistency model maps every point of the sampler's trajectory to its end (Song et al. 2023). Here the end is
computed, by a few guided teacher steps from each noise level that the student is evaluated at (Luhman & Luhman 2021),
instead of being bootstrapped from the student's own average one step below (Luo et al. 2023): the target is the
teacher's from the first sample on. It is on-policy twice over: half of the histories are states of the student's own
rollouts, and half of the noised windows are its own, as it meets both when it streams.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from strut_model.nn.kinematics import consistent
from strut_model.nn.network import Denoiser, DenoiserConfig
from strut_model.training import checkpoint
from strut_model.training.config import ConfigError, from_mapping, to_mapping
from strut_model.training.losses import LossWeights, WindowLoss
from strut_model.training.mixing import StyleMixes, draw_mixes
from strut_model.training.progress import Progress
from strut_model.training.sampling import guided_prediction, step_towards
from strut_model.training.teacher import (
    Scenes,
    load_teacher,
    materials,
    network_inputs,
    schedule,
    states_of,
    with_scene_path,
)
from strut_model.training.windows import Augmentation, Windows, rotation_limits

KIND = "strut-student"


def _augmentation() -> Augmentation:
    # The teacher's guided target needs its conditions, so none is dropped but the path.
    return Augmentation(
        stitched_share=0.44, drop_style=0.0, drop_content=0.0, drop_both=0.0, speed_range=0.15, history_noise=0.05
    )


@dataclass(frozen=True)
class StudentTraining:
    """How the student is distilled.

    Attributes:
        samples: windows to see in all.
        batch: windows a batch.
        learning_rate: of AdamW, flat and then a cosine from ``flat_share`` on.
        warm_up: batches over which the learning rate rises, so that the teacher's weights survive the start.
        average: decay of the moving average of the weights, which ships.
        clip: largest gradient norm.
        grid: noise levels that are learned: 1, 3/4, 1/2 and 1/4 for a grid of 4, as the sampler visits them.
        teacher_steps: guided teacher steps from a noise level down to the clean window.
        pure_noise_share: share of samples at t = 1, where a one-step student starts.
        guidance_low, guidance_high: range of both guidance weights.
        style_swap: share of samples that are asked for another style than their history's.
        strength_share: share of samples that are asked for a strength between the neutral style and theirs, or beyond.
        part_share: share of samples that are asked for another style on some body parts.
        neutral: name of the neutral style.
        self_history: share of batches at states of the student's own rollouts.
        own_noised: share of batches whose lower noise levels are reached as the sampler reaches them, from the
            student's own clean window instead of the real one.
        huber: width of the pseudo-Huber denoising loss, 0 for squares.
        balance: power of the style frequencies.
        augmentation, losses: see there.
        bfloat16: automatic mixed precision.
        checkpoint_seconds: between two checkpoints.
        seed: of everything random.
    """

    samples: int = 480_000
    batch: int = 128
    learning_rate: float = 3e-4
    warm_up: int = 100
    flat_share: float = 0.4
    average: float = 0.995
    clip: float = 1.0
    grid: int = 4
    teacher_steps: int = 2
    pure_noise_share: float = 0.35
    guidance_low: float = 1.0
    guidance_high: float = 3.0
    style_swap: float = 0.2
    strength_share: float = 0.2
    part_share: float = 0.12
    neutral: str = "normal"
    self_history: float = 0.5
    own_noised: float = 0.5
    huber: float = 0.0
    balance: float = 0.4
    augmentation: Augmentation = field(default_factory=_augmentation)
    losses: LossWeights = field(default_factory=lambda: LossWeights(foot_slide=0.1, identity=0.05))
    bfloat16: bool = True
    checkpoint_seconds: float = 120.0
    seed: int = 3


def student_config(teacher: DenoiserConfig) -> DenoiserConfig:
    """The student's network: the teacher's with guidance weights as inputs."""
    return DenoiserConfig(**{**to_mapping(teacher), "guided": True})


def train_student(
    pack: Path,
    split: Path,
    encoder: Path,
    teacher: Path,
    out: Path,
    config: StudentTraining,
    device: str = "cpu",
    start_from: Path | None = None,
    scenes: Scenes | None = None,
) -> Path:
    """Distils (or resumes) the student; returns its checkpoint ``out/student.pt``.

    With scenes, the student that is started from stays as it is, and only its path for scenes is trained, from the
    teacher's.

    Args:
        pack, split: the data set and its split.
        encoder, teacher: checkpoints.
        out: folder of checkpoint and logs.
        config: how.
        device: "cpu" or "cuda".
        start_from: an earlier student to begin with; the teacher's weights otherwise.
        scenes: clips in scenes and their encoder, to train on these alone.

    Raises:
        ConfigError: the data have no style of the neutral one's name, the student to start from has features of other
            statistics than the teacher, or scenes lack a student to start from or a teacher that knows scenes.
    """
    path = out / "student.pt"
    place = torch.device(device)
    torch.manual_seed(config.seed)
    data = materials(pack, split, encoder, place, scenes)
    teacher_network, mean, std = load_teacher(teacher)
    data = replace(data, mean=mean.to(place), std=std.to(place))
    teacher_network.to(place)
    model = Denoiser(student_config(teacher_network.config)).to(place)
    if start_from is not None:
        known, *statistics = load_student(start_from)
        if not all(torch.allclose(a, b, atol=1e-4) for a, b in zip(statistics, (mean, std), strict=True)):
            raise ConfigError(f"{start_from}: its features have other means and spreads than those of {teacher}")
        model.load_state_dict({**model.state_dict(), **known.state_dict()})
    else:
        initial = model.state_dict()
        # The guidance branch starts at nothing, so that the student starts as the teacher.
        inherited = {k: v for k, v in teacher_network.state_dict().items() if not k.startswith("guidance")}
        model.load_state_dict({**initial, **inherited})
        for parameter in model.guidance[2].parameters():
            torch.nn.init.zeros_(parameter)
    model.requires_grad_(True)
    if scenes is not None:
        if start_from is None or teacher_network.scene is None:
            raise ConfigError("scenes: need a student to start from, and a teacher that was trained with scenes")
        assert model.scene is not None
        if known.scene is None:
            model.scene.load_state_dict(teacher_network.scene.state_dict())
        model = with_scene_path(model, teacher_network.config.scene)
    average = checkpoint.Average(model, config.average)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=config.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3)
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
    states = states_of(sampler)
    if config.neutral not in data.codes.style_names:
        raise ConfigError(f"neutral: no style {config.neutral!r}; styles: {', '.join(data.codes.style_names)}")
    neutral = data.codes.style_names.index(config.neutral)
    criterion = WindowLoss(config.losses, data.mean, data.std, rotation_limits(data.store), data.encoder).to(place)

    def save() -> None:
        state: dict[str, Any] = {
            "model": model.state_dict(),
            "average": average.module.state_dict(),
            "updates": average.updates,
            "optimizer": optimizer.state_dict(),
            "seen": seen,
            "network": to_mapping(model.config),
            "config": to_mapping(config),
            "mean": data.mean.cpu(),
            "std": data.std.cpu(),
        }
        checkpoint.save(path, KIND, state)

    def guidance_weights() -> Tensor:
        span = config.guidance_high - config.guidance_low
        return config.guidance_low + span * torch.rand(config.batch, 2, device=place)

    def denoised(noisy: Tensor, t: Tensor, inputs: dict[str, Tensor], guidance: Tensor) -> Tensor:
        with torch.autocast(place.type, torch.bfloat16, enabled=config.bfloat16):
            return model(noisy=noisy, time=t, guidance=guidance, **inputs).float()

    last = time.monotonic()
    with Progress("student", config.samples, seen, out / "logs" / "student") as progress:
        while seen < config.samples:
            for group in optimizer.param_groups:
                warm = min(1.0, (seen / config.batch + 1) / config.warm_up)
                group["lr"] = config.learning_rate * warm * schedule(seen / config.samples, config.flat_share)
            own = bool(torch.rand(()) < config.self_history)
            windows = states.draw(config.batch) if own else sampler.draw(config.batch)
            windows = sampler.conditioned(swapped_styles(windows, data.codes.style_prototypes, config.style_swap))
            inputs = network_inputs(windows, data.mean, data.std, 0.0 if own else config.augmentation.history_noise)
            mixes = draw_mixes(
                windows.style, data.codes.style_prototypes, neutral, config.strength_share, config.part_share
            )
            if mixes is not None:
                inputs["style"] = mixes.asked(inputs["style"])
            clean = (windows.target - data.mean) / data.std
            step = torch.randint(1, config.grid + 1, (config.batch,), device=place)
            pure = torch.rand(config.batch, device=place) < config.pure_noise_share
            t = torch.where(pure, config.grid, step) / config.grid
            guidance = guidance_weights()
            if torch.rand(()) < config.own_noised:
                with torch.no_grad():
                    clean = denoised(torch.randn_like(clean), torch.ones_like(t), inputs, guidance)
            noisy = torch.lerp(clean, torch.randn_like(clean), t[:, None, None])
            with torch.no_grad():
                target = solve(
                    teacher_network, noisy, t, inputs, guidance, config.teacher_steps, config.bfloat16, mixes
                )
                # Guidance extrapolates: positions no longer agree with rotations, which alone reach the character.
                target = (consistent(target * data.std + data.mean) - data.mean) / data.std
            predicted = denoised(noisy, t, inputs, guidance)
            if own:
                states.moved(predicted.detach() * data.std + data.mean, torch.ones_like(pure))
            losses = criterion(predicted, target, windows.history, config.huber)
            optimizer.zero_grad(set_to_none=True)
            losses["total"].backward()
            torch.nn.utils.clip_grad_norm_(trained, config.clip)
            optimizer.step()
            average.update(model)
            seen += config.batch
            progress.update(config.batch, {k: v.detach() for k, v in losses.items()})
            if time.monotonic() - last > config.checkpoint_seconds:
                save()
                last = time.monotonic()
    save()
    return path


def solve(
    teacher: Denoiser,
    noisy: Tensor,
    t: Tensor,
    inputs: dict[str, Tensor],
    guidance: Tensor,
    steps: int,
    bfloat16: bool = False,
    mixes: StyleMixes | None = None,
) -> Tensor:
    """The clean window (B, 16, 206) at the end of the guided teacher's deterministic trajectory.

    Args:
        teacher: the teacher's network.
        noisy: (B, 16, 206) at level t (B,).
        inputs, guidance: as ``guided_prediction``.
        steps: equal steps from t down to 0.
        bfloat16: automatic mixed precision.
        mixes: see ``guided_prediction``.
    """
    clean = guided_prediction(teacher, noisy, t, inputs, guidance, bfloat16, mixes)
    for step in range(1, steps):
        level, below = t * (1 - (step - 1) / steps), t * (1 - step / steps)
        noisy = step_towards(noisy, clean, level, below)
        clean = guided_prediction(teacher, noisy, below, inputs, guidance, bfloat16, mixes)
    return clean


def swapped_styles(windows: Windows, prototypes: Tensor, share: float) -> Windows:
    """Some of the batch asked for another named style, whatever its history."""
    batch, device = len(windows.history), windows.history.device
    swap = torch.rand(batch, device=device) < share
    other = torch.randint(0, len(prototypes), (batch,), device=device)
    style = torch.where(swap[:, None, None], prototypes[other], windows.style)
    return replace(windows, style=style)


def load_student(path: Path) -> tuple[Denoiser, Tensor, Tensor]:
    """The student's averaged network and the features' mean and standard deviation (206,) from a checkpoint.

    Raises:
        CheckpointError: see ``checkpoint.load``.
    """
    state = checkpoint.load(path, KIND)
    model = Denoiser(from_mapping(DenoiserConfig, state["network"]))
    model.load_state_dict({k: v.float() for k, v in state["average"].items()})
    return model.eval().requires_grad_(False), state["mean"].float(), state["std"].float()
