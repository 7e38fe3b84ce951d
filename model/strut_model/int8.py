"""A student that computes in int8: the products of tokens and weights, which take two thirds of its time.

Weights are quantised per output channel, what flows into them by fixed scales per tensor, calibrated on characters of
the bundle's own. Fixed, so that a window still depends on its own request alone: scales that follow the data
("dynamic quantisation") would follow the whole batch. What reads poses and writes them stays in float32, since that is
where an error of scale is centimetres.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from strut_model.bundle import ARRAYS, ENCODER, STUDENT, load_bundle, seal_bundle
from strut_model.features import FEATURES, HISTORY, WINDOW
from strut_model.scene.effects import MAX_ALPHA
from strut_model.scene.encoding import SceneEncoder
from strut_model.scene.presets import presets
from strut_model.streaming.benchmark import walking_requests
from strut_model.streaming.engine import SCHEDULE, OnnxEngine
from strut_model.streaming.generator import MotionGenerator, WindowRequests
from strut_model.streaming.graphs import ORDER, gathers_to_products
from strut_model.streaming.noise import noise
from strut_model.streaming.scenery import SceneStates, conditions, scenery_of

Float = npt.NDArray[np.float32]
Inputs = dict[str, Float]

SUFFIX = "-int8"


class QuantisationError(ValueError):
    """A bundle that cannot be quantised."""


@dataclass(frozen=True)
class Speed:
    """How long evaluations take; medians, milliseconds for the whole batch, of both in turns.

    Attributes:
        batch: windows.
        before_ms, after_ms: processor time of one evaluation.
        ratio: median over rounds of after over before.
    """

    batch: int
    before_ms: float
    after_ms: float
    ratio: float


@dataclass(frozen=True)
class Change:
    """How far the joints of a window are from where they were, over all frames of some windows.

    Attributes:
        steps: network evaluations.
        mean_mm, p99_mm: distances.
        yardstick_mm: mean distance between windows of ``steps`` and of one evaluation, before.
    """

    steps: int
    mean_mm: float
    p99_mm: float
    yardstick_mm: float


@dataclass(frozen=True)
class Report:
    """What quantising brought and cost.

    Attributes:
        products: how many were quantised.
        before_bytes, after_bytes: size of the student's file.
        speeds, changes: see there.
    """

    products: int
    before_bytes: int
    after_bytes: int
    speeds: list[Speed]
    changes: list[Change]

    def as_dict(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


def quantise_bundle(
    path: Path | None,
    out: Path,
    batches: Sequence[int] = (1, 8, 32),
    rounds: int = 20,
    windows: int = 256,
    on_step: Callable[[], object] = lambda: None,
) -> Report:
    """Write a bundle that is another one but for its student, and compare the two.

    Args:
        path: of the bundle; None for the one that ships with the package.
        out: directory to be made.
        batches, rounds: of the comparison of speed.
        windows: that the scales are calibrated on, and that motion is compared of.
        on_step: called after each of the four steps, for a progress bar.

    Raises:
        BundleError: the bundle cannot be used.
        QuantisationError: ``out`` is there, or the student has no products to quantise.
        ModuleNotFoundError: onnx is not installed.
    """
    if out.exists():
        raise QuantisationError(f"{out}: exists already; name another directory")
    bundle = load_bundle(path)
    engine = OnnxEngine(bundle)
    generator = MotionGenerator(bundle, engine)
    inputs = list(calibration_inputs(generator, windows))
    on_step()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".quantise-") as folder:
        made = Path(folder) / "bundle"
        made.mkdir()
        products = quantise_student(bundle.student_path, made / STUDENT, inputs)
        for name in (ENCODER, ARRAYS):
            shutil.copyfile(bundle.path / name, made / name)
        document = {key: value for key, value in bundle.manifest.raw.items() if key != "files"}
        # What was measured of the one says nothing of the other.
        seal_bundle(made, {**document, "name": bundle.manifest.name + SUFFIX, "precision": "int8", "metrics": {}})
        load_bundle(made)
        made.rename(out)
    on_step()
    quantised = load_bundle(out)
    after = OnnxEngine(quantised)
    speeds = [compare_speed(engine, after, generator, batch, rounds) for batch in batches]
    on_step()
    made_by = MotionGenerator(quantised, after)
    changes = [compare_motion(generator, made_by, steps, windows) for steps in quantised.manifest.steps]
    on_step()
    return Report(products, bundle.student_path.stat().st_size, quantised.student_path.stat().st_size, speeds, changes)


def varied_requests(generator: MotionGenerator, batch: int, seed: int) -> WindowRequests:
    """Requests of everything that a bundle can do: all contents, gestures at every phase, all styles and strengths,
    guidance over its ranges, short histories, free paths, scenes where its student knows them."""
    bundle = generator.bundle
    draw = np.random.default_rng(seed)
    walking = walking_requests(generator, batch, max(bundle.manifest.steps), seed)
    contents = draw.integers(len(bundle.content_vectors), size=batch)
    gesture = np.array([content.kind == "gesture" for content in bundle.manifest.contents])[contents]
    phase = np.stack((draw.random(batch), draw.uniform(0.005, 0.05, batch), np.ones(batch)), axis=1)
    strength = draw.choice([0.0, 0.5, 1.0, 1.0, 1.0, 1.3], size=(batch, 1, 1))
    ranges = (bundle.manifest.style_guidance, bundle.manifest.content_guidance)
    guidance = np.stack([draw.uniform(r.minimum, r.maximum, batch) for r in ranges], axis=1)
    asked = draw.random((batch, 1)) < 0.85
    if bundle.manifest.scene_dim is not None:
        walking = _in_scenes(walking, SceneEncoder(bundle), draw)
    return replace(
        walking,
        content=bundle.content_vectors[contents],
        phase=np.where(gesture[:, None], phase, 0.0).astype(np.float32),
        style=(bundle.neutral + strength * (walking.style - bundle.neutral)).astype(np.float32),
        guidance=guidance.astype(np.float32),
        history_length=draw.choice([2, 5, HISTORY, HISTORY, HISTORY], size=batch).astype(np.int64),
        position_mask=walking.position_mask & asked,
        heading_mask=walking.heading_mask & asked,
    )


def _in_scenes(requests: WindowRequests, encoder: SceneEncoder, draw: np.random.Generator) -> WindowRequests:
    """Two thirds of the characters in scenes, at any strength."""
    known = [one.descriptor for one in presets().values()]
    chosen = draw.integers(len(known), size=requests.batch)
    alphas = draw.uniform(0.1, MAX_ALPHA, requests.batch) * (draw.random(requests.batch) < 2 / 3)
    scenes = [scenery_of(known[row], float(alpha)) for row, alpha in zip(chosen, alphas)]
    heading = requests.history.root_heading[:, -1]
    told = conditions(encoder, scenes, SceneStates.unknown(requests.batch), heading)
    return replace(requests, scene=told.code)


def calibration_inputs(generator: MotionGenerator, batch: int, seed: int = 0) -> Iterator[Inputs]:
    """The network's inputs at every noise level that the sampler knows."""
    requests = varied_requests(generator, batch, seed)
    conditions = generator.conditions(requests)
    levels = max(len(SCHEDULE[steps]) for steps in generator.bundle.manifest.steps)
    eps = noise(requests.seed, requests.start_frame, levels, WINDOW, FEATURES)
    engine = generator.engine
    assert isinstance(engine, OnnxEngine)
    for steps in generator.bundle.manifest.steps:
        clean = eps[:, 0]
        for step, level in enumerate(SCHEDULE[steps]):
            noisy = clean * np.float32(1.0 - level) + eps[:, step] * np.float32(level) if step else eps[:, 0]
            inputs = {
                **conditions,
                "noisy": np.ascontiguousarray(noisy),
                "time": np.full(batch, level, np.float32),
            }
            yield inputs
            clean = engine.evaluate(inputs)


def quantise_student(source: Path, target: Path, inputs: Sequence[Mapping[str, Float]]) -> int:
    """Write a graph whose products with weights are in int8; returns how many.

    Args:
        source: the student's ONNX file.
        target: to be written.
        inputs: what its scales are calibrated on.

    Raises:
        QuantisationError: there is no such product.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._rest = iter(inputs)

        def get_next(self) -> Mapping[str, Float] | None:
            return next(self._rest, None)

    with tempfile.TemporaryDirectory(prefix="strut-int8-") as folder:
        plain = Path(folder) / "plain.onnx"
        _fold(source, plain)
        model = onnx.load(str(plain))
        gathers_to_products(model)
        onnx.save(model, str(plain))
        weights = {weight.name for weight in model.graph.initializer}
        # By their names: those that permute features (`gathers_to_products`) are exact and stay so.
        products = [
            node.name
            for node in model.graph.node
            if node.op_type == "MatMul" and node.input[1] in weights and not node.input[1].endswith(ORDER)
        ]
        if not products:
            raise QuantisationError(f"{source.name}: has no product with weights")
        quantize_static(
            str(plain),
            str(target),
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=products,
            extra_options={"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["MatMul"]},
        )
    return len(products)


def _fold(source: Path, target: Path) -> None:
    """Write a graph without what is constant in it, such as weights stored in fewer bits."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def compare_speed(before: OnnxEngine, after: OnnxEngine, generator: MotionGenerator, batch: int, rounds: int) -> Speed:
    """Time one evaluation of both, in turns."""
    inputs = next(calibration_inputs(generator, batch, seed=1))
    for engine in (before, after):
        engine.evaluate(inputs)
    times = np.empty((rounds, 2))
    for row in times:
        for column, engine in enumerate((before, after)):
            begin = time.thread_time()
            engine.evaluate(inputs)
            row[column] = time.thread_time() - begin
    before_ms, after_ms = np.median(times, axis=0) * 1e3
    return Speed(batch, float(before_ms), float(after_ms), float(np.median(times[:, 1] / times[:, 0])))


def compare_motion(before: MotionGenerator, after: MotionGenerator, steps: int, windows: int) -> Change:
    """Make the same windows with both."""
    requests = replace(varied_requests(before, windows, seed=2), steps=steps)
    places = before.generate(requests).motion.positions()
    moved = np.linalg.norm(after.generate(requests).motion.positions() - places, axis=-1) * 1e3
    one = before.generate(replace(requests, steps=min(before.bundle.manifest.steps))).motion.positions()
    yardstick = np.linalg.norm(one - places, axis=-1) * 1e3
    return Change(steps, float(moved.mean()), float(np.percentile(moved, 99)), float(yardstick.mean()))
