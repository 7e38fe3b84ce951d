"""Engines run the student network; everything else about a window is the generator's.

An engine gets arrays and returns arrays. It does not know motion, anchors or characters, so that ONNX Runtime, PyTorch
and a remote machine are interchangeable behind the same few lines.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle, BundleError
from strut_model.streaming import graphs
from strut_model.streaming.condition_cache import ROWS, ConditionCache

Float = npt.NDArray[np.float32]

SCHEDULE: dict[int, tuple[float, ...]] = {1: (1.0,), 2: (1.0, 0.5), 4: (1.0, 0.75, 0.5, 0.25)}
"""Noise levels t at which the student is evaluated, by number of steps."""

log = logging.getLogger(__name__)


class Engine(Protocol):
    """Turns conditions and noise into clean, normalised features."""

    name: str

    def sample(self, conditions: Mapping[str, Float], noise: Float, steps: int) -> Float:
        """Sample one window per row.

        Args:
            conditions: the student's inputs except ``noisy`` and ``time``, each with leading axis B, float32.
            noise: (B, S, frames, features) with S >= steps, standard normal, one slice per step.
            steps: number of network evaluations.

        Returns:
            (B, frames, features) normalised features, float32.
        """
        ...


def validate_steps(steps: int) -> int:
    """Return ``steps`` when the sampler has a schedule for it; ValueError naming the allowed numbers otherwise."""
    if steps not in SCHEDULE:
        raise ValueError(f"steps: {steps!r} is not supported; allowed: {', '.join(map(str, SCHEDULE))}")
    return steps


class OnnxEngine:
    """Consistency sampling of a bundle's ``student.onnx`` with ONNX Runtime.

    Args:
        bundle: the loaded bundle; its graph's inputs and outputs are checked against the manifest.
        threads: intra-op threads. One is the right number when many characters share a machine; more shorten one
            window and cost throughput.
        providers: execution providers in order of preference; default: CPU.
        spin: let idle worker threads spin between windows. Shortens a window by some tens of microseconds with more
            than one thread and burns a core, so a server that shares its machine leaves it off.
        halves: compute what follows from conditions alone once for all windows that share them, where onnx is
            installed. The same numbers to rounding.

    Raises:
        BundleError: the graph does not have the promised inputs, outputs or shapes.
    """

    def __init__(
        self,
        bundle: Bundle,
        threads: int = 1,
        providers: Sequence[str | tuple[str, dict[str, Any]]] | None = None,
        spin: bool = False,
        halves: bool = True,
    ) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(
                "ONNX Runtime is not installed; pip install 'strut-motion[cpu]' (or [gpu] for CUDA, never both)"
            ) from error
        if threads < 1:
            raise ValueError(f"threads: {threads} is out of range; allowed: 1 or more")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
        chosen = list(providers or ["CPUExecutionProvider"])
        self._session: Any = onnxruntime.InferenceSession(str(bundle.student_path), options, providers=chosen)
        # What was loaded, which need not be what was asked for.
        self.provider: str = self._session.get_providers()[0]
        self.name = f"onnxruntime-{self.provider.removesuffix('ExecutionProvider').lower()}"
        self.threads = threads
        self.captures = False
        self._check_graph(bundle)
        self._conditions: ConditionCache | None = None
        self._rest_inputs: tuple[str, ...] = ()
        if halves:
            self._cut(bundle, lambda graph: onnxruntime.InferenceSession(graph, options, providers=chosen))

    def _cut(self, bundle: Bundle, opened: Callable[[bytes], Any]) -> None:
        """Run the graph's halves instead, where it has any."""
        try:
            parts = graphs.halves(bundle.student_path)
        except ModuleNotFoundError:
            log.info("onnx is not installed: characters that share a style do not share its part of the network")
            return
        if parts is None:
            return
        conditions, rest = ConditionCache(opened(parts.conditions)), opened(parts.rest)
        shapes = bundle.student_inputs()
        zeros = {
            name: np.zeros((ROWS, *(int(size or 0) for size in shapes[name][1:])), np.float32)
            for name in graphs.CONDITIONS & set(shapes)
        }
        if conditions.usable(zeros):
            self._conditions, self._session = conditions, rest
            self._rest_inputs = tuple(node.name for node in rest.get_inputs() if node.name not in parts.handed_over)

    def _check_graph(self, bundle: Bundle) -> None:
        expected = bundle.student_inputs()
        given = {node.name: node for node in self._session.get_inputs()}
        if set(given) != set(expected):
            raise BundleError(
                f"{bundle.student_path.name}: inputs {sorted(given)} are not the expected {sorted(expected)}"
            )
        for name, shape in expected.items():
            node = given[name]
            if node.type != "tensor(float)":
                raise BundleError(f"{bundle.student_path.name}: input {name} is {node.type}, expected tensor(float)")
            _check_shape(bundle.student_path.name, name, node.shape, shape)
        outputs = self._session.get_outputs()
        if [node.name for node in outputs] != ["clean"]:
            raise BundleError(
                f"{bundle.student_path.name}: outputs {[node.name for node in outputs]} are not the expected ['clean']"
            )
        _check_shape(bundle.student_path.name, "clean", outputs[0].shape, expected["noisy"])

    def sample(self, conditions: Mapping[str, Float], noise: Float, steps: int) -> Float:
        """See :meth:`Engine.sample`."""
        return self._run(conditions, noise, steps)

    def evaluate(self, inputs: Mapping[str, Float]) -> Float:
        """One bare network evaluation with all inputs given; what benchmarks compare a window with."""
        if self._conditions is not None:
            own = {name: inputs[name] for name in self._rest_inputs}
            inputs = {**own, **self._conditions.of(inputs)}
        output: Float = self._session.run(None, dict(inputs))[0]
        return output

    def _run(self, conditions: Mapping[str, Float], noise: Float, steps: int) -> Float:
        schedule = SCHEDULE[validate_steps(steps)]
        batch = noise.shape[0]
        inputs = dict(conditions)
        clean = noise[:, 0]
        for step, level in enumerate(schedule):
            if step == 0:
                noisy = noise[:, 0]  # at t = 1 the window is noise alone
            else:
                noisy = clean * np.float32(1.0 - level)
                noisy += noise[:, step] * np.float32(level)
            inputs["noisy"] = np.ascontiguousarray(noisy)
            inputs["time"] = np.full(batch, level, np.float32)
            clean = self.evaluate(inputs)
        return clean


def _check_shape(file: str, name: str, shape: Sequence[Any], expected: Sequence[int | None]) -> None:
    """Compare a graph's shape with the expected one; None and symbolic axes match anything."""
    if len(shape) != len(expected) or any(
        isinstance(have, int) and want is not None and have != want for have, want in zip(shape, expected, strict=True)
    ):
        wanted = ["batch" if want is None else want for want in expected]
        raise BundleError(f"{file}: {name} has shape {list(shape)}, expected {wanted}")
    if isinstance(shape[0], int):
        raise BundleError(f"{file}: the batch axis of {name} is fixed at {shape[0]}; it must be dynamic")


def warm_up(engine: Engine, conditions: Mapping[str, Float], noise: Float, steps: int) -> float:
    """Run one window so that the first real one does not pay for allocation; returns its seconds."""
    begin = time.perf_counter()
    engine.sample(conditions, noise, steps)
    return time.perf_counter() - begin
