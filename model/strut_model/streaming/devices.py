"""What the network runs on: the CPU or a CUDA device, chosen by name and verified after it was loaded."""

from __future__ import annotations

import logging
from typing import Any

from strut_model.bundle import Bundle, BundleError
from strut_model.streaming.bound_engine import BoundEngine
from strut_model.streaming.engine import OnnxEngine

DEVICES = ("auto", "cpu", "cuda")
CUDA = "CUDAExecutionProvider"

log = logging.getLogger(__name__)


class DeviceError(RuntimeError):
    """A device that was asked for and cannot be used; the message says why and what to do."""


def open_engine(bundle: Bundle, device: str = "auto", threads: int = 1, spin: bool = False) -> OnnxEngine:
    """The engine of a bundle on a device.

    Args:
        bundle: the loaded bundle.
        device: "cpu"; "cuda" to have a CUDA device or an error; "auto" to have one if there is one, else the CPU, with
            the reason in the log.
        threads, spin: see `OnnxEngine`; of the CPU alone.

    Raises:
        BundleError: the bundle's graph is not what its manifest promises.
        DeviceError: CUDA was asked for and cannot be used.
        ValueError: the device or the number of threads is not allowed.
    """
    if device not in DEVICES:
        raise ValueError(f"device: {device!r} is not supported; allowed: {', '.join(DEVICES)}")
    if device != "cpu":
        engine, reason = _open_cuda(bundle)
        if engine is not None:
            return engine
        if device == "cuda":
            raise DeviceError(f"device: 'cuda' cannot be used: {reason}")
        # An ONNX Runtime that was made for CUDA is there because somebody wants it.
        level = logging.WARNING if cuda_is_built_in() else logging.INFO
        log.log(level, "the network runs on the CPU: %s", reason)
    return OnnxEngine(bundle, threads=threads, spin=spin)


def cuda_is_built_in() -> bool:
    """True where the installed ONNX Runtime was built with CUDA, whether or not there is a device."""
    import onnxruntime

    return CUDA in onnxruntime.get_available_providers()


def _open_cuda(bundle: Bundle) -> tuple[BoundEngine | None, str]:
    """The CUDA engine, or None and why there is none."""
    import onnxruntime

    if not cuda_is_built_in():
        return None, (
            "this ONNX Runtime was built without CUDA; pip uninstall onnxruntime, then pip install 'strut-motion[gpu]'"
        )
    # From 1.21 on, ONNX Runtime finds the CUDA libraries that came as Python packages if it is told to look.
    preload: Any = getattr(onnxruntime, "preload_dlls", None)
    if preload is not None:
        preload()
    reason = ""
    for graphs in (True, False):
        try:
            engine = BoundEngine(bundle, CUDA, graphs)
            # ONNX Runtime answers a provider that does not load with a line on standard error and the next provider.
            if engine.provider != CUDA:
                return None, (
                    f"ONNX Runtime has its CUDA provider and fell back to {engine.provider}; its lines above say why "
                    "(usually there is no NVIDIA driver, or CUDA and cuDNN are not of the versions that it needs)"
                )
            engine.try_out()
            return engine, ""
        except BundleError:
            raise
        except Exception as fault:  # ONNX Runtime's exceptions have no base of their own
            reason = f"the network does not run there {'with' if graphs else 'without'} graphs: {fault}"
            log.warning("CUDA: %s", reason)
    return None, reason
