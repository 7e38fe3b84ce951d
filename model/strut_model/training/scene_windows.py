"""Training windows of scenes: clips edited by the scene operators, with the scene as a condition."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from strut_model.features import HISTORY
from strut_model.nn.scene import DescriptorEncoder
from strut_model.training.dataset import Codes, FrameStore, canonical
from strut_model.training.windows import SPAN, Augmentation, FrameGroups, OwnStates, Windows, WindowSampler

SAME_STYLE_SHARE = 0.6
"""Share of the stitches that come from the same style, most of them without a scene."""


class SceneSampler(WindowSampler):
    """Draws windows of clips in scenes. Their histories are their own, or of any other clip: the same style without a
    scene, another scene, another style, so that coming into a scene is learned as well as being in it.

    Args:
        store: frames with scenes.
        codes, augmentation, balance: as for ``WindowSampler``.
        descriptor: trained; gives the scenes' codes.
    """

    def __init__(
        self, store: FrameStore, codes: Codes, augmentation: Augmentation, balance: float, descriptor: DescriptorEncoder
    ) -> None:
        super().__init__(store, codes, augmentation, balance)
        # To the operators a wind keeps its direction from the body, however the clip turns: so does the label.
        self._scenes = descriptor(store.scene).detach() * store.alpha[:, None, None]
        within = torch.arange(len(store.frames), device=store.frames.device) - store.start[store.segment_of]
        whole = (within >= HISTORY - 1) & (store.length[store.segment_of] - 1 - within >= SPAN - HISTORY)
        self._by_segment = FrameGroups(whole, store.segment_of, len(store.length))

    def _segment_weights(self, balance: float) -> Tensor:
        weights = super()._segment_weights(balance) * (self.store.alpha > 0).cpu()
        if float(weights.sum()) == 0:
            raise ValueError("scenes: no clip in a scene is long enough for a window; make them anew")
        return weights / weights.sum()

    def _look(self, segment: Tensor) -> Tensor:
        scene = torch.where(self.store.alpha[segment] > 0, segment + 1, torch.zeros_like(segment))
        return self.store.style[segment] * (len(self.store.length) + 1) + scene

    def _candidates(self, content: Tensor, segment: Tensor) -> Tensor:
        candidates = super()._candidates(content, segment)
        cell = self.store.style[segment] * len(self.store.content_names) + content
        own = (self._uniform(len(cell)) < SAME_STYLE_SHARE) & (self._cells.count[cell] > 0)
        candidates[own] = self._cells.draw(cell[own], candidates.shape[1])
        return candidates

    def _windows(self, segment: Tensor, local: Tensor, rate: Tensor) -> Windows:
        return replace(super()._windows(segment, local, rate), scene=self._scenes[segment])

    def segments(self, batch: int) -> Tensor:
        """(batch,) clips in scenes, as they are drawn for training."""
        return torch.multinomial(self._weights, batch, replacement=True)

    def begin_in(self, batch: int) -> tuple[Tensor, Tensor]:
        """Histories (B, 8, 206) to begin rollouts in scenes from, and the scenes' clips (B,)."""
        segment = self.segments(batch)
        first = self._by_segment.draw(segment, 1)[:, 0] - (HISTORY - 1)
        frames = self.store.gather(first, HISTORY)
        return canonical(frames, frames[:, -1, :3]), segment

    def continuing_in(self, history: Tensor, segment: Tensor) -> tuple[Windows, Tensor]:
        """As ``continuing``, but with windows of the given clips (B,) alone."""
        return self._nearest(history, self._by_segment.draw(segment, self.augmentation.stitch_candidates))


class SceneRollouts(OwnStates):
    """States of the network's own rollouts in scenes; each follows a clip, and now and then goes on to another.

    Args:
        sampler: draws the states and their continuations.
    """

    _sampler: SceneSampler

    def __init__(self, sampler: SceneSampler) -> None:
        self._sampler = sampler
        a = sampler.augmentation
        self.history, self._segment = sampler.begin_in(a.own_states)
        self.depth = torch.randint(0, a.own_windows, (a.own_states,), device=self.history.device)
        self._rows = torch.zeros(0, dtype=torch.long)

    def draw(self, batch: int) -> Windows:
        """See ``OwnStates.draw``."""
        sampler, a = self._sampler, self._sampler.augmentation
        device = self.history.device
        rows = torch.randperm(len(self.history), device=device)[:batch]
        self._restart(rows[self.depth[rows] >= a.own_windows])
        segment = self._segment[rows]
        change = torch.rand(batch, device=device) < 2 * a.own_change
        segment = torch.where(change, sampler.segments(batch), segment)
        windows, distance = sampler.continuing_in(self.history[rows], segment)
        self._segment[rows], self._rows = segment, rows
        if a.own_drop > 0:
            self.depth[rows[distance > torch.quantile(distance, 1 - a.own_drop)]] = a.own_windows
        return windows

    def _restart(self, rows: Tensor) -> None:
        if len(rows):
            self.history[rows], self._segment[rows] = self._sampler.begin_in(len(rows))
            self.depth[rows] = 0
