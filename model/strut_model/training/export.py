"""Export of a bundle: student and encoder as ONNX graphs, named styles and contents, manifest with hashes.

Weights are stored as float16 and widened when the graph is loaded (a Cast that ONNX Runtime folds), which halves the
file; the PyTorch side of the comparison uses the same rounded weights.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from strut_model import bundle as bundles
from strut_model import rotations as rot
from strut_model.data.pack import Pack
from strut_model.data.split import Split
from strut_model.features import ENCODER_FEATURES, FEATURES, HISTORY, WINDOW
from strut_model.motion import Motion
from strut_model.nn.encoder import MotionEncoder
from strut_model.nn.network import CONTENT_DIM, STYLE_DIM, Denoiser
from strut_model.skeleton import PARTS
from strut_model.training.dataset import Codes, FrameStore, content_kind
from strut_model.training.distill import load_student
from strut_model.training.encoder import compute_codes, load_encoder
from strut_model.training.scene_encoder import descriptor_arrays, load_descriptor

OPSET = 18
SCENE_CLOSING = (1.0, 1.0, 1.1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
"""`Bundle.scene_closing` of a student that was trained on `strut scene synthesise`: all of what these clips leave out,
and a little more of the arms, which hang before or behind the body and go out by less than they turn."""
SCENE_QUICKENING = 10.0
"""`Bundle.scene_quickening` of such a student: of 0, 12, 20 and 30, the four presets that quicken the steps meet their
cadence best at 12, on the mean of 16 styles and contents; rain and hot ground alone at 9 to 11 (`strut eval scene`)."""
TOLERANCE = 1e-4
"""Largest difference allowed between PyTorch and ONNX Runtime, in normalised units."""

STYLE_DESCRIPTIONS = {
    "active": "brisk and lively, with wide swings",
    "elderly": "stooped and careful, with short steps",
    "exhausted": "heavy and slow, with hanging arms",
    "feminine": "light, with swaying hips",
    "masculine": "broad and firm",
    "normal": "neutral",
    "youthful": "springy and light-footed",
}


class ExportError(RuntimeError):
    """The exported graph does not agree with the network that it was made from."""


class _EncoderGraph(nn.Module):
    """The encoder with the outputs that a bundle promises."""

    def __init__(self, encoder: MotionEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, motion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        style, _, content, readouts = self.encoder(motion)
        return style, content, readouts


def round_weights(module: nn.Module) -> nn.Module:
    """Rounds the weights to float16 precision in place, as they will be stored."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter.half().float())
    return module


def example_inputs(batch: int, seed: int = 0, scene: bool = False) -> dict[str, Tensor]:
    """Plausible inputs of the student, by name, for tracing and comparing; with a scene where it knows scenes."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    unit = nn.functional.normalize
    inputs = {
        "noisy": normal(batch, WINDOW, FEATURES),
        "time": torch.rand(batch, generator=generator),
        "history": normal(batch, HISTORY, FEATURES),
        "history_mask": (torch.rand(batch, HISTORY, generator=generator) > 0.2).float(),
        "trajectory": normal(batch, WINDOW, 4),
        "trajectory_mask": (torch.rand(batch, WINDOW, 2, generator=generator) > 0.2).float(),
        "content": unit(normal(batch, CONTENT_DIM), dim=-1),
        "phase": torch.rand(batch, 3, generator=generator).round(decimals=2),
        "style": unit(normal(batch, PARTS, STYLE_DIM), dim=-1),
        "guidance": 1 + 2 * torch.rand(batch, 2, generator=generator),
    }
    if scene:
        inputs["scene"] = unit(normal(batch, PARTS, STYLE_DIM), dim=-1)
    return inputs


def _to_onnx(
    module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], path: Path, axes: dict[str, Any]
) -> None:
    with warnings.catch_warnings():
        # The tracer warns of shapes that it records as constants; frames and features are meant to be.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


def store_as_float16(path: Path) -> None:
    """Rewrites a graph's large float32 weights as float16 with a Cast each, in place."""
    model = onnx.load(str(path))
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < 1024:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _difference(path: Path, inputs: dict[str, Tensor], expected: tuple[Tensor, ...]) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    got = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    return max(float(np.abs(a - b.numpy()).max()) for a, b in zip(got, expected, strict=True))


def export_student(network: Denoiser, path: Path) -> float:
    """Writes the student's graph; returns its largest difference from PyTorch.

    Raises:
        ExportError: the difference is above ``TOLERANCE``.
    """
    round_weights(network)
    scene = network.scene is not None
    example = example_inputs(2, scene=scene)
    axes = {name: {0: "batch"} for name in (*network.config.input_names, "clean")}
    _to_onnx(network, example, ["clean"], path, axes)
    store_as_float16(path)
    check = example_inputs(5, seed=1, scene=scene)
    with torch.no_grad():
        expected = network(**check)
    return _accept(path, _difference(path, check, (expected,)))


def export_encoder(network: MotionEncoder, path: Path) -> float:
    """Writes the encoder's graph; returns its largest difference from PyTorch.

    Raises:
        ExportError: the difference is above ``TOLERANCE``.
    """
    round_weights(network)
    graph = _EncoderGraph(network).eval()
    example = {"motion": torch.randn(2, 60, ENCODER_FEATURES) * network.std + network.mean}
    axes = {"motion": {0: "batch", 1: "frames"}, **{n: {0: "batch"} for n in ("style", "content", "readouts")}}
    _to_onnx(graph, example, ["style", "content", "readouts"], path, axes)
    store_as_float16(path)
    check = {"motion": torch.randn(3, 48, ENCODER_FEATURES) * network.std + network.mean}
    with torch.no_grad():
        expected = graph(**check)
    return _accept(path, _difference(path, check, expected))


def _accept(path: Path, difference: float) -> float:
    if not difference <= TOLERANCE:
        raise ExportError(f"{path.name}: differs from PyTorch by {difference:.2e}; allowed {TOLERANCE:.0e}")
    return difference


def speed_table(store: FrameStore) -> np.ndarray:
    """(S, C) metres a second, mean ground speed of each style and content; NaN where the data has none."""
    table = np.full((len(store.style_names), len(store.content_names)), np.nan, np.float32)
    speeds = torch.zeros(len(store.length))
    for i, (start, length) in enumerate(zip(store.start.tolist(), store.length.tolist(), strict=True)):
        speeds[i] = store.frames[start : start + length, :2].diff(dim=0).norm(dim=-1).mean() * 30.0
    for style in range(len(store.style_names)):
        for content in range(len(store.content_names)):
            own = (store.style == style) & (store.content == content) & ~store.synthetic
            if bool(own.any()):
                table[style, content] = float((speeds * store.length)[own].sum() / store.length[own].sum())
    return table


def standing_history(pack: Pack, split: Split, neutral: str) -> Motion:
    """Eight frames of neutral standing, at the origin, facing +Z: the calmest stretch of the idle clips, or else of
    the neutral style's."""
    calmest: tuple[float, Motion] | None = None
    infos = {clip.name: clip for clip in pack.clips}
    segments = [s for s in split.segments("train") if s.clip in infos and s.frames >= HISTORY + 2]
    idle = [s for s in segments if infos[s.clip].content == "idle"]
    chosen = idle or [s for s in segments if infos[s.clip].style == neutral]
    for segment in (chosen or segments)[:40]:
        motion = pack.clip(segment.clip).motion().slice_frames(segment.start, segment.end)
        speed = np.linalg.norm(np.diff(motion.positions(), axis=0), axis=-1).mean(-1)
        calm = np.convolve(speed, np.ones(HISTORY) / HISTORY, "valid")
        at = int(calm.argmin())
        if calmest is None or calm[at] < calmest[0]:
            calmest = (float(calm[at]), motion.slice_frames(at, at + HISTORY))
    assert calmest is not None
    motion = calmest[1]
    motion = motion.relative_to(motion.root_position[-1], motion.root_heading[-1])
    return Motion(
        motion.root_position, motion.root_heading, motion.pelvis, rot.normalise(motion.rotations), motion.contacts
    ).astype(np.float32)


def facing_offsets(store: FrameStore) -> np.ndarray:
    """(C,) radians from the direction of travel to the facing, averaged over a locomotion content's frames.

    Only clear cases count (walking back): within a quarter of a right angle of straight ahead it is 0, as a small
    mean offset is the performer's, not the content's.
    """
    offsets = np.zeros(len(store.content_names), np.float32)
    for content, name in enumerate(store.content_names):
        if content_kind(name) != "locomotion":
            continue
        # Mirrored clips would cancel a sideways offset, and a mirrored content has a row of its own.
        plain = ~torch.from_numpy(store.mirrored).to(store.content.device) & ~store.synthetic
        own = torch.nonzero((store.content == content) & plain)[:, 0]
        total = torch.zeros(2, dtype=torch.float64)
        for segment in own.tolist():
            start, length = int(store.start[segment]), int(store.length[segment])
            frames = store.frames[start : start + length].double()
            step = frames[1:, :2] - frames[:-1, :2]
            moving = step.norm(dim=-1) > 0.005
            angle = frames[1:, 2] - torch.atan2(step[:, 0], step[:, 1])
            total += torch.stack((torch.sin(angle)[moving].sum(), torch.cos(angle)[moving].sum()))
        mean = float(torch.atan2(total[0], total[1]))
        offsets[content] = mean if abs(mean) > np.pi / 8 else 0.0
    return offsets


def mean_seconds(store: FrameStore, content: int) -> float:
    """Mean length in seconds of a content's clips."""
    own = (store.content == content) & ~store.synthetic
    own = own if bool(own.any()) else store.content == content
    return float(store.total[own].float().mean() / 30.0)


def export_bundle(
    student: Path,
    encoder: Path,
    pack: Path,
    split: Path,
    out: Path,
    name: str,
    neutral: str = "normal",
    training_data: list[dict[str, str]] | None = None,
    licence: str = "",
    metrics: dict[str, Any] | None = None,
    overwrite: bool = False,
    scene_encoder: Path | None = None,
) -> dict[str, float]:
    """Writes a bundle, whole or not at all.

    Args:
        student, encoder: checkpoints.
        pack, split: what they were trained on; named styles, contents and speeds come from it.
        out: the bundle's directory.
        name: of the bundle.
        neutral: the style at strength 0.
        training_data: rows of name, licence and url for the manifest.
        licence: of the weights.
        metrics: what `strut eval` measured of this student (its ``metrics.json``).
        overwrite: replace a bundle that is there.
        scene_encoder: checkpoint of the scene encoder, for a student that knows scenes.

    Returns:
        The largest difference between PyTorch and ONNX Runtime of "student" and "encoder".

    Raises:
        ExportError: a graph differs, the neutral style is unknown, the student knows scenes and no scene encoder is
            given (or the other way round), or ``out`` exists and may not be replaced.
    """
    if out.exists() and not (overwrite and (out / bundles.MANIFEST).is_file()):
        raise ExportError(f"{out}: exists already; name another directory or pass --overwrite")
    network, mean, std = load_student(student)
    motion_encoder = load_encoder(encoder)
    if (network.scene is None) != (scene_encoder is None):
        told = "knows scenes: name its scene encoder" if scene_encoder is None else "knows no scenes"
        raise ExportError(f"scene encoder: the student {student} {told}")
    scenes: dict[str, np.ndarray] = {}
    if scene_encoder is not None:
        scenes = descriptor_arrays(load_descriptor(scene_encoder))
        scenes["scene_closing"] = np.array(SCENE_CLOSING, np.float32)
        scenes["scene_quickening"] = np.array([SCENE_QUICKENING], np.float32)
    store = FrameStore(pack, split)
    if neutral not in store.style_names:
        raise ExportError(f"neutral: '{neutral}' is not a style of {pack}; allowed: {', '.join(store.style_names)}")
    codes = compute_codes(motion_encoder, store)
    reader = Pack(pack)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".export-") as temporary:
        folder = Path(temporary) / "bundle"
        folder.mkdir()
        differences = {
            "student": export_student(network, folder / bundles.STUDENT),
            "encoder": export_encoder(motion_encoder, folder / bundles.ENCODER),
        }
        idle = standing_history(reader, Split.read(split), neutral)
        arrays: dict[str, Any] = {
            "feature_mean": mean.numpy().astype(np.float32),
            "feature_std": std.numpy().astype(np.float32),
            "style_vectors": codes.style_prototypes.numpy().astype(np.float32),
            "content_vectors": codes.content_prototypes.numpy().astype(np.float32),
            "speed_table": speed_table(store),
            "idle_root_position": idle.root_position,
            "idle_root_heading": idle.root_heading,
            "idle_pelvis": idle.pelvis,
            "idle_rotations": idle.rotations,
            "idle_contacts": idle.contacts,
            **scenes,
        }
        np.savez_compressed(folder / bundles.ARRAYS, **arrays)
        document = _manifest(name, neutral, store, codes, reader, training_data or [], licence)
        if scenes:
            document["dims"]["scene"] = STYLE_DIM
        bundles.seal_bundle(folder, {**document, "metrics": metrics or {}})
        bundles.load_bundle(folder)
        if out.exists():
            shutil.rmtree(out)
        folder.rename(out)
    return differences


def _manifest(
    name: str,
    neutral: str,
    store: FrameStore,
    codes: Codes,
    reader: Pack,
    training_data: list[dict[str, str]],
    licence: str,
) -> dict[str, Any]:
    datasets: dict[str, str] = {}
    for clip in reader.clips:
        datasets.setdefault(clip.style, clip.dataset)
    return {
        **bundles.base_manifest(),
        "name": name,
        "opset": OPSET,
        "dims": {"style": STYLE_DIM, "parts": PARTS, "content": CONTENT_DIM},
        "styles": [
            {"name": s, "description": STYLE_DESCRIPTIONS.get(s, s.replace("-", " ")), "dataset": datasets.get(s, "")}
            for s in codes.style_names
        ],
        "contents": [
            {
                "name": c,
                "kind": content_kind(c),
                "mean_seconds": round(mean_seconds(store, i), 3),
                "facing_offset": round(float(facing), 4),
            }
            for i, (c, facing) in enumerate(zip(codes.content_names, facing_offsets(store), strict=True))
        ],
        "neutral_style": neutral,
        "guidance": {
            # More of the default sharpens: on the shipped weights 2 and 2 cost variety (docs/training.md).
            "style": {"min": 1.0, "max": 3.0, "default": 1.25},
            "content": {"min": 1.0, "max": 3.0, "default": 1.5},
        },
        "training_data": training_data,
        "weights_licence": licence,
    }
