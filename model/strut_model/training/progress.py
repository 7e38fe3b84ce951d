"""One progress line with throughput and losses, and the same figures for TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm


class Progress:
    """Reports a training; use as a context manager.

    Args:
        name: what is trained.
        total: samples to see in all.
        done: samples seen before (resumed).
        logs: folder for TensorBoard events.
        every: seconds between two reports.
    """

    def __init__(self, name: str, total: int, done: int, logs: Path, every: float = 5.0) -> None:
        self._bar = tqdm(total=total, initial=done, desc=name, unit="sample", unit_scale=True, mininterval=2.0)
        self._writer = SummaryWriter(str(logs))
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._every = every
        self._last = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        self._writer.close()

    def update(self, samples: int, losses: Mapping[str, Tensor | float]) -> None:
        """Counts a batch and its losses."""
        self._bar.update(samples)
        for key, value in losses.items():
            self._sums[key] = self._sums.get(key, 0.0) + float(value)
            self._counts[key] = self._counts.get(key, 0) + 1
        if time.monotonic() - self._last < self._every:
            return
        self._last = time.monotonic()
        means = {key: self._sums[key] / self._counts[key] for key in self._sums}
        self._bar.set_postfix({key: f"{value:.4f}" for key, value in means.items()})
        for key, value in means.items():
            self._writer.add_scalar(key, value, self._bar.n)
        self._sums, self._counts = {}, {}
