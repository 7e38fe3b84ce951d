"""Speed of windows: milliseconds by batch size, steps and threads, each beside the bare network's in the same rounds.

Machines are never quiet, so a window and the bare evaluations it contains are timed in turns, round after round in
changing order, and what is reported is the median and the median of each round's own ratio.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from strut_model.bundle import Bundle
from strut_model.features import FEATURES, HISTORY, WINDOW
from strut_model.heights import HeightField
from strut_model.motion import Motion
from strut_model.scene.encoding import SceneEncoder
from strut_model.streaming.controls import usual_speed
from strut_model.streaming.engine import SCHEDULE, OnnxEngine
from strut_model.streaming.feet import FootLocks
from strut_model.streaming.generator import MotionGenerator, WindowRequests
from strut_model.streaming.ground import Grounds, laid
from strut_model.streaming.noise import noise
from strut_model.streaming.rollout import PATH_KINDS, character_seeds, idle_history, rollout, synthetic_paths
from strut_model.streaming.scenery import Scenery, SceneStates, conditions

_WARM_UP_FRAMES = 3 * WINDOW


@dataclass(frozen=True)
class Measurement:
    """One row of the benchmark; times are medians in milliseconds for the whole batch.

    Attributes:
        batch, steps, threads: what was run.
        window_ms: a window from request to result.
        network_ms: the bare network evaluations that it contains; on a ground or in a scene, the same characters'
            window without it instead.
        ratio: the median over rounds of window over network.
        featurise_ms, inference_ms, postprocess_ms: where the window's time went.
        per_character_ms: window_ms over the batch.
        rounds: how many were timed.
    """

    batch: int
    steps: int
    threads: int
    window_ms: float
    network_ms: float
    ratio: float
    featurise_ms: float
    inference_ms: float
    postprocess_ms: float
    per_character_ms: float
    rounds: int

    def as_dict(self) -> dict[str, float]:
        """The row as a JSON object."""
        return asdict(self)


def ground_field(kind: str) -> HeightField | None:
    """A grid as games send it, 64 x 64 samples 10 cm apart: a `slope` of ten degrees, `stairs` of 17 cm, or None."""
    z = 0.1 * np.arange(64)
    if kind not in ("slope", "stairs"):
        return None
    rise = np.tan(np.radians(10.0)) * z if kind == "slope" else 0.17 * np.floor(z / 0.3)
    return HeightField(np.array([-3.2, -1.0]), np.array(0.0), 0.1, np.repeat(rise[:, None], 64, axis=1))


def walking_requests(
    generator: MotionGenerator,
    batch: int,
    steps: int,
    seed: int = 0,
    field: HeightField | None = None,
    scene: Scenery | None = None,
) -> WindowRequests:
    """Requests of ``batch`` characters in the middle of walking different paths in different styles.

    They have walked there through the generator itself, so that contacts, locks and histories are as in a game; on
    ``field`` and in ``scene``, where one is given. The scene itself is not among the requests: `in_scene` adds it.
    """
    bundle = generator.bundle
    styles = np.arange(batch) % len(bundle.manifest.styles)
    locomotion = [row for row, content in enumerate(bundle.manifest.contents) if content.kind == "locomotion"]
    content = (locomotion or [0])[0]
    speed = usual_speed(bundle, bundle.manifest.neutral_style, bundle.manifest.contents[content].name)
    kinds = [PATH_KINDS[row % len(PATH_KINDS)] for row in range(batch)]
    frames = _WARM_UP_FRAMES + WINDOW
    # Staggered, so that the characters are not in step.
    paths = synthetic_paths(kinds, frames + batch, [speed] * batch, [1.5] * batch)
    shift = np.arange(batch) % 16
    rows = np.arange(batch)[:, None]
    frame = shift[:, None] + np.arange(frames)[None]
    position, heading = paths.position[rows, frame], paths.heading[rows, frame]
    style, codes = bundle.style_vectors[styles], np.repeat(bundle.content_vectors[content][None], batch, axis=0)
    idle = idle_history(generator, batch).transformed(position[:, 0], heading[:, 0])
    ground = None
    if field is not None:
        idle = Motion.stack([laid(field, idle[row]) for row in range(batch)])
        ground = Grounds.of([field] * batch)
    walked = rollout(
        generator,
        idle,
        position[:, :_WARM_UP_FRAMES],
        heading[:, :_WARM_UP_FRAMES],
        style,
        codes,
        seed=seed,
        steps=steps,
        ground=ground,
        scenes=None if scene is None else [scene] * batch,
    )
    guidance = [bundle.manifest.style_guidance.default, bundle.manifest.content_guidance.default]
    return WindowRequests(
        history=Motion.concatenate((idle, walked)).slice_frames(-HISTORY, None),
        history_length=np.full(batch, HISTORY, np.int64),
        trajectory_position=position[:, _WARM_UP_FRAMES:],
        trajectory_heading=heading[:, _WARM_UP_FRAMES:],
        position_mask=np.ones((batch, WINDOW), bool),
        heading_mask=np.ones((batch, WINDOW), bool),
        content=codes,
        phase=np.zeros((batch, 3), np.float32),
        style=style,
        guidance=np.tile(np.array(guidance, np.float32), (batch, 1)),
        seed=character_seeds(seed, batch),
        start_frame=np.full(batch, _WARM_UP_FRAMES, np.int64),
        locks=FootLocks.unknown(batch),
        steps=steps,
        ground=ground,
    )


def in_scene(
    requests: WindowRequests, scene: Scenery, encoder: SceneEncoder, states: SceneStates | None = None
) -> WindowRequests:
    """The requests of characters that are in a scene; in it for a while, unless ``states`` say something else."""
    heading = requests.history.root_heading[:, -1]
    told = conditions(encoder, [scene] * requests.batch, states or SceneStates.unknown(requests.batch), heading)
    return replace(requests, scene=told.code, sink=told.sink, bearings=told.bearings, low=told.low)


def measure(
    bundle: Bundle,
    batches: Sequence[int],
    steps: Sequence[int],
    threads: Sequence[int],
    rounds: int = 40,
    on_row: Callable[[], object] | None = None,
    field: HeightField | None = None,
    scene: Scenery | None = None,
) -> list[Measurement]:
    """Time every combination; ``on_row`` is called after each, for a progress bar.

    With a ``field`` or a ``scene`` the windows are on it or in it, and the ratio is that to the same characters'
    windows without it.

    Raises:
        SceneError: there is a scene, and the bundle's student knows none.
    """
    rows = []
    encoder = None if scene is None else SceneEncoder(bundle)
    for count in threads:
        engine = OnnxEngine(bundle, threads=count, spin=count > 1)
        generator = MotionGenerator(bundle, engine)
        for batch in batches:
            for step in steps:
                rows.append(_measure(generator, engine, batch, step, rounds, field, scene, encoder))
                if on_row is not None:
                    on_row()
    return rows


def _measure(
    generator: MotionGenerator,
    engine: OnnxEngine,
    batch: int,
    steps: int,
    rounds: int,
    field: HeightField | None,
    scene: Scenery | None,
    encoder: SceneEncoder | None,
) -> Measurement:
    requests = walking_requests(generator, batch, steps, field=field, scene=scene)
    level = replace(requests, ground=None)
    eps = noise(requests.seed, requests.start_frame, 1, WINDOW, FEATURES)
    inputs = {**generator.conditions(requests), "noisy": eps[:, 0], "time": np.ones(batch, np.float32)}

    def window() -> tuple[float, float, float]:
        asked = requests
        if scene is not None and encoder is not None:
            asked = in_scene(requests, scene, encoder)  # a window's own share of it
        timing = generator.generate(asked).timing
        return timing["featurise"], timing["inference"], timing["postprocess"]

    def network() -> None:
        if field is not None or scene is not None:
            generator.generate(level)
            return
        for _ in SCHEDULE[steps]:
            engine.evaluate(inputs)

    window()  # allocations and caches
    network()
    times = np.empty((rounds, 5))
    for row, window_first in zip(times, _alternating(rounds), strict=True):
        if not window_first:
            row[1] = _seconds(network)
        begin = time.perf_counter()
        row[2:] = window()
        row[0] = time.perf_counter() - begin
        if window_first:
            row[1] = _seconds(network)
    medians = np.median(times, axis=0) * 1e3
    return Measurement(
        batch=batch,
        steps=steps,
        threads=engine.threads,
        window_ms=float(medians[0]),
        network_ms=float(medians[1]),
        ratio=float(np.median(times[:, 0] / times[:, 1])),
        featurise_ms=float(medians[2]),
        inference_ms=float(medians[3]),
        postprocess_ms=float(medians[4]),
        per_character_ms=float(medians[0]) / batch,
        rounds=rounds,
    )


def _alternating(rounds: int) -> Iterator[bool]:
    for number in range(rounds):
        yield number % 2 == 0


def _seconds(action: Callable[[], None]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def table(rows: Sequence[Measurement]) -> str:
    """The rows as aligned text."""
    heads = (
        "batch",
        "steps",
        "threads",
        "window ms",
        "network ms",
        "ratio",
        "features",
        "network",
        "post",
        "ms/character",
    )
    lines: list[tuple[str, ...]] = [heads]
    for row in rows:
        times = (row.featurise_ms, row.inference_ms, row.postprocess_ms, row.per_character_ms)
        lines.append(
            (
                str(row.batch),
                str(row.steps),
                str(row.threads),
                f"{row.window_ms:.2f}",
                f"{row.network_ms:.2f}",
                f"{row.ratio:.2f}",
                *(f"{value:.2f}" for value in times),
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
