"""What an evaluation costs on this machine, learned from the batches that were made."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

SMOOTHING = 0.2
"""Share of the newest batch in the running mean of its size."""
FIRST_GUESS = 0.005
"""Seconds of a window's evaluation before anything was measured."""


class Costs:
    """Seconds of one network evaluation by batch size, with all that a batch costs beside the network.

    What was never measured is interpolated between the sizes that were, and grows with the size beyond the largest.
    Thread-safe.

    Args:
        max_batch: the largest size.
    """

    def __init__(self, max_batch: int) -> None:
        self.max_batch = max_batch
        self._measured: dict[int, float] = {}
        self._lock = threading.Lock()
        self._table: npt.NDArray[np.floating] = FIRST_GUESS * np.arange(1, max_batch + 1)

    def observe(self, size: int, steps: int, seconds: float) -> None:
        """Take notice of a batch.

        Args:
            size: windows evaluated together, padding included.
            steps: network evaluations.
            seconds: from the requests to the packed windows.
        """
        each = seconds / steps
        with self._lock:
            known = self._measured.get(size, each)
            self._measured[size] = known + SMOOTHING * (each - known)
            self._tabulate()

    def batch_seconds(self, size: int, steps: int) -> float:
        """How long a batch will take."""
        return float(self._table[min(max(size, 1), self.max_batch) - 1]) * steps

    def window_seconds(self, waiting: int, steps: int) -> float:
        """How long each of ``waiting`` windows will take, made in batches as large as they may be."""
        size = min(max(waiting, 1), self.max_batch)
        return self.batch_seconds(size, steps) / size

    def largest_batch(self, steps: int, seconds: float) -> int:
        """The largest size whose batch takes no longer than ``seconds``; 1 at least."""
        return max(int(np.searchsorted(self._table * steps, seconds, side="right")), 1)

    def _tabulate(self) -> None:
        sizes = sorted(self._measured)
        # What was measured in a bad moment, or long ago, is not believed against the other sizes: a batch costs no more
        # than a larger one does, and a window in it no more than one in a smaller batch.
        seconds = np.minimum.accumulate([self._measured[size] for size in reversed(sizes)])[::-1]
        seconds = np.minimum.accumulate(seconds / sizes) * sizes
        wanted = np.arange(1, self.max_batch + 1)
        table = np.interp(wanted, sizes, seconds)
        beyond = wanted > sizes[-1]
        table[beyond] = seconds[-1] * wanted[beyond] / sizes[-1]
        self._table = table
