"""Faithful restyling: the clip inverted through the teacher to a noise level and sampled again in the other style.

Deterministic inversion (DDIM, Song et al. 2021, backwards) under the clip's own style finds the noise that the clip
comes from; from the same noise, the other style keeps what the noise holds: timing, gestures, habits. Windows overlap
and each goes on from the restyled one before, through the same seams as in a server. Needs the ``train`` extra.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from strut_model.bundle import Bundle
from strut_model.features import FEATURES, HISTORY, WINDOW, Statistics, encode
from strut_model.motion import Motion
from strut_model.restyle.fast import REPLAN, Asked, RestyleError, Stretch
from strut_model.restyle.recognition import Recognised
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator, WindowRequests
from strut_model.streaming.noise import noise
from strut_model.training.sampling import guided_prediction, step_towards
from strut_model.training.teacher import load_teacher

Float = NDArray[np.float32]

LEVEL = 0.8
"""Noise level that clips are inverted to: at 1 nothing but conditions is left of them, near 0 all."""
FIRST_LEVEL = 0.05
"""Noise level that inversion begins at: below it the noise cannot be told from the clip."""
DEFAULT_TEACHER = Path(__file__).resolve().parents[2] / "weights" / "teacher.pt"
"""Of the source tree; a wheel has no teacher."""
EVALUATIONS = 6
"""Steps each way."""


class InvertingEngine:
    """The teacher behind the streaming core's engine interface; windows begin at a latent where there is one.

    Args:
        checkpoint: of the teacher.
        level: noise level of latents.
        evaluations: steps of the sampler each way.

    Attributes:
        statistics: the features' mean and spread that the teacher was trained with.
        latent: (B, 16, 206) noisy windows at ``level`` for the next call; None to begin with noise alone.
    """

    def __init__(self, checkpoint: Path, level: float = LEVEL, evaluations: int = EVALUATIONS) -> None:
        if not FIRST_LEVEL < level <= 1:
            raise RestyleError(f"level: {level:g} is out of range; allowed: above {FIRST_LEVEL:g}, up to 1")
        self.network, mean, std = load_teacher(checkpoint)
        self.statistics = Statistics(mean.numpy(), std.numpy())
        self.level, self.evaluations = level, evaluations
        self.latent: Float | None = None
        self.name = "teacher-inverting"

    @torch.no_grad()
    def invert(self, conditions: Mapping[str, Float], clean: Float, eps: Float) -> Float:
        """Windows (B, 16, 206), normalised, at the engine's noise level under conditions."""
        inputs = _tensors(conditions)
        guidance = torch.ones_like(inputs.pop("guidance"))
        levels = torch.linspace(FIRST_LEVEL, self.level, self.evaluations + 1)
        x = torch.lerp(torch.from_numpy(clean), torch.from_numpy(eps), FIRST_LEVEL)
        for now, then in itertools.pairwise(levels):
            x = self._step(x, now, then, inputs, guidance)
        out: Float = x.numpy()
        return out

    @torch.no_grad()
    def sample(self, conditions: Mapping[str, Float], noise: Float, steps: int) -> Float:
        """See ``streaming.engine.Engine.sample``; ``steps`` does not count."""
        inputs = _tensors(conditions)
        guidance = inputs.pop("guidance")
        top = 1.0 if self.latent is None else self.level
        x = torch.from_numpy(np.ascontiguousarray(noise[:, 0] if self.latent is None else self.latent))
        levels = torch.linspace(top, 0, self.evaluations + 1)
        for now, then in itertools.pairwise(levels):
            x = self._step(x, now, then, inputs, guidance)
        out: Float = x.numpy()
        return out

    def _step(self, x: Tensor, now: Tensor, then: Tensor, inputs: dict[str, Tensor], guidance: Tensor) -> Tensor:
        t, s = now.expand(len(x)), then.expand(len(x))
        return step_towards(x, guided_prediction(self.network, x, t, inputs, guidance), t, s)


class TeacherSampler:
    """Stretches of the teacher that begin at what a clip's own windows come from.

    Args:
        bundle: styles and contents, of the teacher's own training.
        checkpoint: of the teacher.
        level: noise level that clips are inverted to.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        RestyleError: the level is out of range.
    """

    def __init__(self, bundle: Bundle, checkpoint: Path, level: float = LEVEL) -> None:
        self.engine = InvertingEngine(checkpoint, level)
        self.bundle = replace(bundle, statistics=self.engine.statistics)
        self._generator = MotionGenerator(self.bundle, self.engine, lock_feet=False)

    def sample(self, stretch: Stretch, shown: Recognised, styles: Float, asked: Asked) -> Motion:
        """See `fast.Sampler`; the clip's own style, under which it is inverted, is what ``shown`` says."""
        count, frames = len(styles), len(stretch.heading)
        recent = Motion.stack([stretch.history] * count).astype(np.float32)
        played: list[Motion] = []
        for start in range(0, frames, REPLAN):
            self.engine.latent = self._latent(stretch, shown, start, asked, count)
            requests = self._requests(stretch, recent, shown, styles, asked, start, HISTORY)
            window = self._generator.generate(requests).motion.slice_frames(0, REPLAN)
            played.append(window)
            recent = Motion.concatenate((recent, window)).slice_frames(-HISTORY, None)
        return Motion.concatenate(played).slice_frames(0, frames)

    def _latent(self, stretch: Stretch, shown: Recognised, start: int, asked: Asked, count: int) -> Float | None:
        """(B, 16, 206) what a window of the source comes from; None where the clip has no such window."""
        inside = stretch.first + start
        length = min(HISTORY, inside)
        if length < 2 or start + WINDOW > len(stretch.heading):
            return None
        source = stretch.source.slice_frames(start, start + HISTORY + WINDOW).astype(np.float32)
        history = Motion.stack([source.slice_frames(0, HISTORY)])
        conditions = self._generator.conditions(
            self._requests(stretch, history, shown, shown.style[None], asked, start, length)
        )
        last = HISTORY - 1
        local = source.relative_to(source.root_position[last], source.root_heading[last]).slice_frames(HISTORY, None)
        clean = self.engine.statistics.normalise(encode(local))[None].astype(np.float32)
        eps = noise(np.array([asked.seed], np.uint64), np.array([inside]), 1, WINDOW, FEATURES)[:, 0]
        return np.repeat(self.engine.invert(conditions, clean, eps), count, axis=0)

    def _requests(
        self,
        stretch: Stretch,
        history: Motion,
        shown: Recognised,
        styles: Float,
        asked: Asked,
        start: int,
        length: int,
    ) -> WindowRequests:
        count = len(styles)
        ahead = np.minimum(np.arange(start, start + WINDOW), len(stretch.heading) - 1)
        everywhere = np.ones((count, WINDOW), bool)
        weights = np.array([asked.style_guidance, self.bundle.manifest.content_guidance.default], np.float32)

        def rows(values: np.ndarray) -> Float:
            return np.repeat(np.asarray(values, np.float32)[None], count, axis=0)

        return WindowRequests(
            history=history,
            history_length=np.full(count, length, np.int64),
            trajectory_position=rows(stretch.position[ahead]),
            trajectory_heading=rows(stretch.heading[ahead]),
            position_mask=everywhere,
            heading_mask=everywhere,
            content=rows(shown.content),
            phase=rows(stretch.phase[start]),
            style=np.asarray(styles, np.float32),
            guidance=rows(weights),
            seed=np.full(count, asked.seed, np.uint64),
            start_frame=np.full(count, start, np.int64),
            locks=FootLocks.unknown(count),
        )


def _tensors(conditions: Mapping[str, Float]) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in conditions.items() if name != "scene"
    }
