"""An engine whose evaluations are shared out among the workers of a pool."""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle
from strut_model.streaming.engine import OnnxEngine
from strut_server.cluster.pool import Worker, WorkerPool
from strut_server.settings import ServerSettings

Float = npt.NDArray[np.float32]

LEAST_PART = 8
"""Fewer windows are not worth a worker of their own."""


class ClusterEngine:
    """Evaluates batches on the workers of a Ray cluster, each of them a part of the rows.

    A part whose worker dies, or does not answer in time, goes to another one; where none is left, it is evaluated here.
    So a lost worker costs time and no window. Used by one thread at a time.

    Args:
        bundle: what is evaluated.
        own: an engine of this process, for what no worker takes.
        settings: see `WorkerPool`; the longest wait for a worker.

    Attributes:
        pool: the workers. They end with this engine.
        retried: parts that were evaluated a second time, so far.
    """

    captures = False

    def __init__(self, bundle: Bundle, own: OnnxEngine, settings: ServerSettings) -> None:
        self.pool = WorkerPool(bundle, settings)
        self.retried = 0
        self.name = f"ray-{own.name}"
        self._own = own
        self._timeout = settings.worker_timeout_ms / 1000.0
        # The pool's thread holds the pool: this engine alone says when nobody needs it any more.
        weakref.finalize(self, self.pool.close)

    def sample(self, conditions: Mapping[str, Float], noise: Float, steps: int) -> Float:
        """See `Engine.sample`."""
        workers = self.pool.workers()
        parts = split(len(noise), len(workers))
        clean: list[Float | None] = [None] * len(parts)
        todo = deque(enumerate(workers[: len(parts)]))
        asked: dict[Any, tuple[int, Worker]] = {}
        lost: set[Worker] = set()
        if not workers:
            return self._own.sample(conditions, noise, steps)
        while todo or asked:
            while todo:
                index, worker = todo.popleft()
                rows = parts[index]
                own_rows = {name: values[rows] for name, values in conditions.items()}
                asked[worker.actor.sample.remote(own_rows, noise[rows], steps)] = (index, worker)
            for index, worker, answer in self._answers(asked):
                if isinstance(answer, np.ndarray):
                    clean[index] = answer
                    continue
                lost.add(worker)
                self.pool.lose(worker, answer)
                self.retried += 1
                other = _another(self.pool.workers(), lost, index)
                if other is None:
                    rows = parts[index]
                    clean[index] = self._own.sample(
                        {name: values[rows] for name, values in conditions.items()}, noise[rows], steps
                    )
                else:
                    todo.append((index, other))
        return np.concatenate([part for part in clean if part is not None])

    def _answers(self, asked: dict[Any, tuple[int, Worker]]) -> Iterable[tuple[int, Worker, Float | str]]:
        """Take what is answered, or lost, out of ``asked``: each part with its rows, or with why there are none."""
        ray = self.pool.ray
        begin = time.monotonic()
        done, open_ones = ray.wait(list(asked), num_returns=len(asked), timeout=self._timeout)
        for reference in done:
            index, worker = asked.pop(reference)
            try:
                yield index, worker, ray.get(reference)
            except ray.exceptions.RayTaskError:
                raise  # the evaluation itself failed: another worker would fail alike
            except ray.exceptions.RayError as error:
                yield index, worker, type(error).__name__
        for reference in open_ones:
            index, worker = asked.pop(reference)
            yield index, worker, f"no answer within {time.monotonic() - begin:.1f} s"


def split(count: int, workers: int) -> list[slice]:
    """Rows in parts of about the same size, one for each worker that is worth it."""
    parts = max(min(workers, -(-count // LEAST_PART)), 1)
    edges = [count * part // parts for part in range(parts + 1)]
    return [slice(begin, end) for begin, end in pairwise(edges)]


def _another(workers: Sequence[Worker], lost: set[Worker], index: int) -> Worker | None:
    """A worker for a part whose own is lost; different ones for different parts."""
    left = [worker for worker in workers if worker not in lost]
    return left[index % len(left)] if left else None
