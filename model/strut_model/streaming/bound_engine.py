"""Consistency sampling with inputs and outputs bound to the device's memory: what a CUDA device needs.

Every batch size (the server pads to few of them) has its own buffers, bound once; a run copies the inputs into them.
On CUDA each size is captured as a graph at its first run and replayed afterwards. Evaluations are serialised, since a
captured graph has one set of buffers. On the CPU the same code runs without graphs, which is how it is tested where
there is no CUDA device.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle
from strut_model.streaming.engine import SCHEDULE, OnnxEngine, validate_steps

Float = npt.NDArray[np.float32]

_DEVICE_NAMES = {"CUDAExecutionProvider": "cuda", "CPUExecutionProvider": "cpu"}


@dataclass(frozen=True)
class _Buffers:
    """The bound inputs and the bound output of one batch size."""

    binding: Any
    inputs: dict[str, Any]
    output: Any
    options: Any


class BoundEngine(OnnxEngine):
    """An engine whose inputs and outputs stay on its device. Thread-safe: evaluations wait for one another.

    Args:
        bundle: the loaded bundle.
        provider: ONNX Runtime's name of the execution provider. Where it does not load, `provider` is another one
            afterwards.
        graphs: capture a graph for each batch size; on CUDA alone.

    Attributes:
        captures: whether the first run of a batch size captures a graph, which takes its time.

    Raises:
        BundleError: the graph does not have the promised inputs, outputs or shapes.
    """

    def __init__(self, bundle: Bundle, provider: str, graphs: bool = True) -> None:
        if provider == "CUDAExecutionProvider":
            cuda = (provider, {"enable_cuda_graph": "1" if graphs else "0", "use_tf32": "0"})
            super().__init__(bundle, providers=[cuda, "CPUExecutionProvider"], halves=False)
        else:
            super().__init__(bundle, providers=[provider], halves=False)
        self._device = _DEVICE_NAMES.get(self.provider, "cpu")
        self.captures = graphs and self._device == "cuda"
        self._shapes = bundle.student_inputs()
        self._buffers: dict[int, _Buffers] = {}
        self._lock = threading.Lock()

    def try_out(self) -> None:
        """Evaluate zeros, twice, so that a graph is captured and replayed; raises what ONNX Runtime has against it."""
        zeros = {
            name: np.zeros((1, *(int(size or 0) for size in shape[1:])), np.float32)
            for name, shape in self._shapes.items()
        }
        for _ in range(2):
            self.evaluate(zeros)

    def evaluate(self, inputs: Mapping[str, Float]) -> Float:
        """See `OnnxEngine.evaluate`."""
        with self._lock:
            buffers = self._of_size(len(inputs["noisy"]))
            for name, value in inputs.items():
                buffers.inputs[name].update_inplace(np.ascontiguousarray(value, np.float32))
            return self._evaluate(buffers)

    def _run(self, conditions: Mapping[str, Float], noise: Float, steps: int) -> Float:
        schedule = SCHEDULE[validate_steps(steps)]
        batch = noise.shape[0]
        with self._lock:
            buffers = self._of_size(batch)
            for name, value in conditions.items():
                buffers.inputs[name].update_inplace(np.ascontiguousarray(value, np.float32))
            clean = noise[:, 0]
            for step, level in enumerate(schedule):
                noisy = noise[:, 0] if step == 0 else _noised(clean, noise[:, step], level)
                buffers.inputs["noisy"].update_inplace(np.ascontiguousarray(noisy))
                buffers.inputs["time"].update_inplace(np.full(batch, level, np.float32))
                clean = self._evaluate(buffers)
        return clean

    def _evaluate(self, buffers: _Buffers) -> Float:
        self._session.run_with_iobinding(buffers.binding, buffers.options)
        # A copy: on the CPU this is the bound memory itself, which the next run overwrites.
        output: Float = np.array(buffers.output.numpy(), np.float32)
        return output

    def _of_size(self, batch: int) -> _Buffers:
        buffers = self._buffers.get(batch)
        if buffers is None:
            buffers = self._buffers[batch] = self._bind(batch)
        return buffers

    def _bind(self, batch: int) -> _Buffers:
        import onnxruntime

        binding = self._session.io_binding()
        inputs = {}
        for name, shape in self._shapes.items():
            zeros = np.zeros((batch, *(int(size or 0) for size in shape[1:])), np.float32)
            inputs[name] = onnxruntime.OrtValue.ortvalue_from_numpy(zeros, self._device, 0)
            binding.bind_ortvalue_input(name, inputs[name])
        zeros = np.zeros((batch, *(int(size or 0) for size in self._shapes["noisy"][1:])), np.float32)
        output = onnxruntime.OrtValue.ortvalue_from_numpy(zeros, self._device, 0)
        binding.bind_ortvalue_output("clean", output)
        options = onnxruntime.RunOptions()
        # Graphs are told apart by this number; other providers ignore it.
        options.add_run_config_entry("gpu_graph_id", str(batch))
        return _Buffers(binding, inputs, output, options)


def _noised(clean: Float, noise: Float, level: float) -> Float:
    noisy: Float = clean * np.float32(1.0 - level)
    noisy += noise * np.float32(level)
    return noisy
