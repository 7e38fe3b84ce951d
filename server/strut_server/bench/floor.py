"""The bare network: what its evaluations cost without anything around them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from strut_model.bundle import Bundle
from strut_model.features import FEATURES, WINDOW
from strut_model.streaming.engine import OnnxEngine


@dataclass(frozen=True)
class Floor:
    """What a batch costs.

    Attributes:
        batch: windows.
        milliseconds: on the clock, median.
        cpu_milliseconds: of the thread that evaluates, median.
    """

    batch: int
    milliseconds: float
    cpu_milliseconds: float


def measure_floor(bundle: Bundle, engine: OnnxEngine, batch: int, steps: int, rounds: int) -> Floor:
    """Evaluate random inputs.

    Args:
        bundle: says what the inputs are.
        engine: evaluates them.
        batch: windows.
        steps: evaluations a window.
        rounds: how many batches are timed.
    """
    generator = np.random.default_rng(0)
    noise = generator.standard_normal((batch, steps, WINDOW, FEATURES), np.float32)
    conditions = {
        name: generator.standard_normal((batch, *(int(size or 0) for size in shape[1:])), np.float32)
        for name, shape in bundle.student_inputs().items()
        if name not in ("noisy", "time")
    }
    engine.sample(conditions, noise, steps)
    times = np.empty((rounds, 2))
    for row in times:
        wall, cpu = time.perf_counter(), time.thread_time()
        engine.sample(conditions, noise, steps)
        row[:] = time.perf_counter() - wall, time.thread_time() - cpu
    wall_ms, cpu_ms = np.median(times, axis=0) * 1000.0
    return Floor(batch, float(wall_ms), float(cpu_ms))
