"""What runs in a worker's process: one engine, made from the bundle's bytes, so that no machine needs its files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle, load_bundle
from strut_model.streaming.devices import open_engine
from strut_server.windows import bucket_size

Float = npt.NDArray[np.float32]


class EngineWorker:
    """One engine. Ray makes an actor of it; it is used by one caller at a time.

    Args:
        files: the bundle's files by name.
        device, threads, spin: see `ServerSettings`.

    Raises:
        BundleError: the bundle cannot be used.
        DeviceError: the device cannot be used on this machine.
    """

    def __init__(self, files: Mapping[str, bytes], device: str, threads: int, spin: bool) -> None:
        # The arrays and the graph are read whole, so that the folder may go afterwards.
        with tempfile.TemporaryDirectory(prefix="strut-worker-") as folder:
            for name, data in files.items():
                (Path(folder) / name).write_bytes(data)
            self._engine = open_engine(load_bundle(folder), device, threads, spin)

    def pid(self) -> int:
        """The worker's process; answered once the engine is there."""
        return os.getpid()

    def sample(self, conditions: Mapping[str, Float], noise: Float, steps: int) -> Float:
        """See `Engine.sample`."""
        size = noise.shape[0]
        if not self._engine.captures:
            return self._engine.sample(conditions, noise, steps)
        # Each size is captured once: few of them.
        rows = np.minimum(np.arange(bucket_size(size)), size - 1)
        filled = {name: values[rows] for name, values in conditions.items()}
        return self._engine.sample(filled, noise[rows], steps)[:size]


def files_of(bundle: Bundle) -> dict[str, bytes]:
    """The files of a bundle by name."""
    return {path.name: path.read_bytes() for path in bundle.path.iterdir() if path.is_file()}
