"""Engines that run checkpoints in PyTorch behind the streaming core's interface: the student as a reference for
the exported graph, and the teacher for evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strut_model.features import Statistics
from strut_model.streaming.engine import SCHEDULE, validate_steps
from strut_model.training.distill import load_student
from strut_model.training.sampling import sample_teacher
from strut_model.training.teacher import load_teacher

Float = NDArray[np.float32]


def _tensors(conditions: Mapping[str, Float], device: torch.device) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(value)).to(device) for name, value in conditions.items()}


class TorchEngine:
    """Consistency sampling of a student checkpoint; the same arithmetic as the ONNX engine."""

    def __init__(self, checkpoint: Path, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = load_student(checkpoint)[0].to(self.device)
        self.name = f"torch-{self.device.type}"

    @torch.no_grad()
    def sample(self, conditions: Mapping[str, Float], noise: Float, steps: int) -> Float:
        """See ``streaming.engine.Engine.sample``."""
        inputs = _tensors(conditions, self.device)
        eps = torch.from_numpy(noise).to(self.device)
        clean = torch.zeros_like(eps[:, 0])
        for step, level in enumerate(SCHEDULE[validate_steps(steps)]):
            noisy = clean * (1 - level) + eps[:, step] * level
            clean = self.network(noisy=noisy, time=torch.full((len(eps),), level, device=self.device), **inputs)
        result: Float = clean.cpu().numpy()
        return result


class TeacherEngine:
    """The teacher with classifier-free guidance, ``evaluations`` deterministic steps whatever ``steps`` says.

    Args:
        checkpoint: of the teacher.
        evaluations: steps of the sampler, each evaluating the network under three conditions.
        device: "cpu" or "cuda".

    Attributes:
        statistics: the features' mean and spread that the teacher was trained with, which need not be a bundle's.
    """

    def __init__(self, checkpoint: Path, evaluations: int = 8, device: str = "cpu") -> None:
        self.device = torch.device(device)
        network, mean, std = load_teacher(checkpoint)
        self.network = network.to(self.device)
        self.statistics = Statistics(mean.numpy(), std.numpy())
        self.evaluations = evaluations
        self.name = f"teacher-{self.device.type}-{evaluations}"

    def sample(self, conditions: Mapping[str, Float], noise: Float, steps: int) -> Float:
        """See ``streaming.engine.Engine.sample``; only the first slice of the noise is used."""
        inputs = _tensors(conditions, self.device)
        guidance = inputs.pop("guidance")
        eps = torch.from_numpy(np.ascontiguousarray(noise[:, 0])).to(self.device)
        result: Float = sample_teacher(self.network, eps, inputs, guidance, self.evaluations).cpu().numpy()
        return result
