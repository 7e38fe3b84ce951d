"""A model that serves: its bundle with all that is made of it. Several can serve side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from strut_model.bundle import Bundle, BundleError, load_bundle
from strut_model.features import FEATURES, WINDOW
from strut_model.scene.encoding import SceneEncoder
from strut_model.streaming.devices import open_engine
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_proto.v1 import motion_service_pb2
from strut_server.costs import Costs
from strut_server.memory import WindowMemory
from strut_server.server_info import model_message
from strut_server.settings import ServerSettings
from strut_server.styles import StyleRepository
from strut_server.validation import RequestReader
from strut_server.windows import WindowMaker, bucket_size

if TYPE_CHECKING:
    from strut_server.cluster.engine import ClusterEngine
    from strut_server.cluster.pool import WorkerPool

WARM_UP_BATCHES = (1, 2, 8, 32)
WARM_UP_ROUNDS = 2
"""The first evaluation of a size allocates; the second one tells what it costs."""


@dataclass(frozen=True)
class ServingModel:
    """One bundle, ready to serve.

    Attributes:
        bundle: what it was loaded from.
        engine: runs its network.
        styles: what names of styles mean to it.
        reader: checks requests against it.
        maker: makes its windows; the batcher's.
        message: what clients are told of it.
        scenes: encodes scenes; None where its network knows none.
    """

    bundle: Bundle
    engine: OnnxEngine | ClusterEngine
    styles: StyleRepository
    reader: RequestReader
    maker: WindowMaker
    message: motion_service_pb2.ModelInfo
    scenes: SceneEncoder | None

    @staticmethod
    def load(
        path: Path | None,
        settings: ServerSettings,
        memory: WindowMemory,
        styles_of: Callable[[Bundle], StyleRepository],
    ) -> ServingModel:
        """Load a bundle.

        Args:
            path: its directory; None for the one that ships with the package.
            settings: how to serve.
            memory: of all characters, whichever model made their windows.
            styles_of: makes the store of styles.

        Raises:
            BundleError: the bundle cannot be used.
            DeviceError: the device cannot be used.
        """
        bundle = load_bundle(path)
        engine = _engine_of(bundle, settings)
        styles = styles_of(bundle)
        scenes = None if bundle.manifest.scene_dim is None else SceneEncoder(bundle)
        return ServingModel(
            bundle=bundle,
            engine=engine,
            styles=styles,
            reader=RequestReader(bundle, styles, settings),
            maker=WindowMaker(bundle, MotionGenerator(bundle, engine), memory, settings.min_replan_frames, scenes),
            message=model_message(bundle),
            scenes=scenes,
        )

    @property
    def workers(self) -> WorkerPool | None:
        """The workers that evaluate; None where this process does."""
        return None if isinstance(self.engine, OnnxEngine) else self.engine.pool

    def warm_up(self, costs: Costs) -> None:
        """Run the network at a few batch sizes, so that no request pays for what the first evaluation costs.

        Args:
            costs: takes note of what the evaluations cost.

        Raises:
            BundleError: the network gives numbers that are not finite.
            DeviceError: the workers do not start.
        """
        if self.workers is not None:
            self.workers.wait_ready()
        steps = self.reader.default_steps
        # What is captured at its first run is captured now, for every size that there can be.
        sizes = range(1, costs.max_batch + 1) if self.engine.captures else WARM_UP_BATCHES
        for batch in sorted({bucket_size(min(size, costs.max_batch)) for size in sizes}):
            noise = np.zeros((batch, max(self.bundle.manifest.steps), WINDOW, FEATURES), np.float32)
            conditions = {
                name: np.zeros((batch, *(int(size or 0) for size in shape[1:])), np.float32)
                for name, shape in self.bundle.student_inputs().items()
                if name not in ("noisy", "time")
            }
            for _ in range(WARM_UP_ROUNDS):
                begin = perf_counter()
                clean = self.engine.sample(conditions, noise, steps)
                seconds = perf_counter() - begin
            if not np.isfinite(clean).all():
                raise BundleError(f"{self.bundle.student_path.name}: the network gives numbers that are not finite")
            costs.observe(batch, steps, seconds)


def _engine_of(bundle: Bundle, settings: ServerSettings) -> OnnxEngine | ClusterEngine:
    if not settings.cluster:
        return open_engine(bundle, settings.device, settings.threads, settings.spin)
    from strut_server.cluster.engine import ClusterEngine

    # The workers may have devices that the machine of the gRPC front has not.
    return ClusterEngine(bundle, open_engine(bundle, "cpu", settings.threads, settings.spin), settings)
