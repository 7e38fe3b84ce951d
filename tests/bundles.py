"""A tiny but real bundle for tests: ONNX graphs of the right signature whose answer can be worked out by hand.

The student repeats the last history frame, walks its root along the asked trajectory, and adds a thousandth of the
noise and of the style vector's mean, so that seed, steps and style show in the result. One that knows scenes adds a
hundredth of the scene code's mean to the rotations.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from strut_model import bundle as bundles
from strut_model import rotations as rot
from strut_model.features import ENCODER_FEATURES, FEATURES, HISTORY, ROTATIONS, WINDOW, encode
from strut_model.motion import Motion
from strut_model.scene.descriptor import SIZE as SCENE_SIZE
from strut_model.skeleton import JOINT_INDEX, JOINTS, PARTS, PELVIS_REST_HEIGHT
from strut_model.streaming.bearing import CLOSED

STYLE_DIM = 64
CONTENT_DIM = 64
SCENE_DIM = 64
NOISE_SHARE = 0.001
SCENE_SHARE = 0.01
OPSET = 17

STYLES = ("normal", "active", "elderly", "youthful")
CONTENTS = (("walk", "locomotion"), ("run", "locomotion"), ("wave", "gesture"), ("idle", "idle"))


def standing(frames: int = HISTORY) -> Motion:
    """``frames`` frames of standing still at the origin, arms down, feet flat and in contact."""
    rotations = rot.identity((frames, JOINTS))
    for name, degrees in (("left_shoulder", -70.0), ("right_shoulder", 70.0)):
        rotations[:, JOINT_INDEX[name]] = rot.from_axis_angle(np.array([0, 0, np.radians(degrees)], np.float32))
    pelvis = np.zeros((frames, 3), np.float32)
    pelvis[:, 1] = PELVIS_REST_HEIGHT
    return Motion(
        np.zeros((frames, 2), np.float32),
        np.zeros(frames, np.float32),
        pelvis,
        rotations,
        np.ones((frames, 4), np.float32),
    )


def tiny_bundle(directory: Path, seed: int = 0, scene: bool = False) -> Path:
    """Write a bundle into ``directory`` and return its path; with ``scene`` one whose student knows scenes."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    idle = standing()
    mean = encode(idle)[0].astype(np.float32)
    std = np.full(FEATURES, 0.3, np.float32)
    onnx.save(student_graph(mean, std, scene), directory / bundles.STUDENT)
    onnx.save(encoder_graph(generator), directory / bundles.ENCODER)
    style_vectors = generator.normal(size=(len(STYLES), PARTS, STYLE_DIM)).astype(np.float32)
    content_vectors = generator.normal(size=(len(CONTENTS), CONTENT_DIM)).astype(np.float32)
    layers = scene_layers(np.random.default_rng(seed + 1)) if scene else {}
    speeds = np.array([[1.2, 2.8, np.nan, 0.0]] * len(STYLES), np.float32)
    np.savez(
        directory / bundles.ARRAYS,
        feature_mean=mean,
        feature_std=std,
        style_vectors=style_vectors,
        content_vectors=content_vectors,
        speed_table=speeds,
        idle_root_position=idle.root_position,
        idle_root_heading=idle.root_heading,
        idle_pelvis=idle.pelvis,
        idle_rotations=idle.rotations,
        idle_contacts=idle.contacts,
        **layers,
    )
    bundles.seal_bundle(directory, manifest(scene))
    return directory


def scene_layers(generator: np.random.Generator, hidden: int = 16) -> dict[str, np.ndarray]:
    """The arrays of a scene encoder of two layers."""
    sizes = (SCENE_SIZE, hidden, PARTS * SCENE_DIM)
    arrays: dict[str, np.ndarray] = {}
    for number, shape in enumerate(pairwise(sizes)):
        arrays[f"scene_weight_{number}"] = generator.normal(size=shape).astype(np.float32)
        arrays[f"scene_bias_{number}"] = generator.normal(size=shape[1]).astype(np.float32)
    return arrays


def manifest(scene: bool = False) -> dict[str, Any]:
    """The tiny bundle's manifest before sealing."""
    dims = {"style": STYLE_DIM, "parts": PARTS, "content": CONTENT_DIM}
    return {
        **bundles.base_manifest(),
        "name": "tiny",
        "dims": {**dims, "scene": SCENE_DIM} if scene else dims,
        "styles": [{"name": name, "description": f"{name} gait", "dataset": "test"} for name in STYLES],
        "contents": [
            {"name": name, "kind": kind, "mean_seconds": 2.0, "facing_offset": 0.25 if name == "wave" else 0.0}
            for name, kind in CONTENTS
        ],
        "neutral_style": "normal",
        "guidance": {
            "style": {"min": 1.0, "max": 3.0, "default": 2.0},
            "content": {"min": 1.0, "max": 3.0, "default": 2.0},
        },
        "training_data": [],
        "weights_licence": "none: made by a test",
        "metrics": {},
        "opset": OPSET,
    }


def student_graph(mean: np.ndarray, std: np.ndarray, scene: bool = False) -> onnx.ModelProto:
    """The student: last history frame, root on the trajectory, plus a thousandth of noise and style, and a hundredth of
    the scene."""
    shapes: dict[str, tuple[int, ...]] = {
        "noisy": (WINDOW, FEATURES),
        "time": (),
        "history": (HISTORY, FEATURES),
        "history_mask": (HISTORY,),
        "trajectory": (WINDOW, 4),
        "trajectory_mask": (WINDOW, 2),
        "content": (CONTENT_DIM,),
        "phase": (3,),
        "style": (PARTS, STYLE_DIM),
        "guidance": (2,),
        **({"scene": (PARTS, SCENE_DIM)} if scene else {}),
    }
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", *s]) for n, s in shapes.items()]
    output = helper.make_tensor_value_info("clean", TensorProto.FLOAT, ["batch", WINDOW, FEATURES])
    constants = {
        "last": np.array([HISTORY - 1], np.int64),
        "end": np.array([HISTORY], np.int64),
        "frame_axis": np.array([1], np.int64),
        "feature_axis": np.array([2], np.int64),
        "root_stop": np.array([4], np.int64),
        "feature_stop": np.array([FEATURES], np.int64),
        "repeat": np.array([1, WINDOW, 1], np.int64),
        "root_mean": mean[:4].astype(np.float32),
        "root_std": std[:4].astype(np.float32),
        "share": np.array(NOISE_SHARE, np.float32),
        "style_axes": np.array([1, 2], np.int64),
        "time_shape": np.array([-1, 1, 1], np.int64),
        "none": np.array(0.0, np.float32),
    }
    node = helper.make_node
    nodes = [
        node("Slice", ["history", "last", "end", "frame_axis"], ["pose"]),
        node("Tile", ["pose", "repeat"], ["held"]),
        node("Slice", ["held", "root_stop", "feature_stop", "feature_axis"], ["body"]),
        node("Sub", ["trajectory", "root_mean"], ["centred"]),
        node("Div", ["centred", "root_std"], ["root"]),
        node("Concat", ["root", "body"], ["moved"], axis=2),
        node("Mul", ["noisy", "share"], ["jitter"]),
        node("Add", ["moved", "jitter"], ["jittered"]),
        node("ReduceMean", ["style"], ["tone"], axes=[1, 2], keepdims=1),
        node("Mul", ["tone", "share"], ["tint"]),
        node("Add", ["jittered", "tint"], ["tinted"]),
        # The remaining inputs take part with weight zero, so that the graph's signature is the student's.
        node("ReduceSum", ["history_mask", "frame_axis"], ["known"], keepdims=1),
        node("ReduceSum", ["trajectory_mask", "style_axes"], ["asked"], keepdims=0),
        node("ReduceSum", ["content", "frame_axis"], ["deed"], keepdims=1),
        node("ReduceSum", ["phase", "frame_axis"], ["beat"], keepdims=1),
        node("ReduceSum", ["guidance", "frame_axis"], ["weight"], keepdims=1),
        node("Reshape", ["known", "time_shape"], ["known3"]),
        node("Reshape", ["asked", "time_shape"], ["asked3"]),
        node("Reshape", ["deed", "time_shape"], ["deed3"]),
        node("Reshape", ["beat", "time_shape"], ["beat3"]),
        node("Reshape", ["weight", "time_shape"], ["weight3"]),
        node("Reshape", ["time", "time_shape"], ["time3"]),
        node("Sum", ["known3", "asked3", "deed3", "beat3", "weight3", "time3"], ["rest"]),
        node("Mul", ["rest", "none"], ["nothing"]),
        node("Add", ["tinted", "nothing"], ["shown" if scene else "clean"]),
    ]
    if scene:
        turned = np.zeros((1, 1, FEATURES), np.float32)
        turned[..., ROTATIONS] = SCENE_SHARE
        constants["turned"] = turned
        nodes += [
            node("ReduceMean", ["scene"], ["place"], axes=[1, 2], keepdims=1),
            node("Mul", ["place", "turned"], ["effect"]),
            node("Add", ["shown", "effect"], ["clean"]),
        ]
    return _model(nodes, "student", inputs, [output], constants)


def encoder_graph(generator: np.random.Generator) -> onnx.ModelProto:
    """The encoder: fixed linear maps of the mean frame."""
    widths = {"style": PARTS * STYLE_DIM, "content": CONTENT_DIM, "readouts": 2}
    constants: dict[str, np.ndarray] = {
        f"{name}_map": generator.normal(scale=0.1, size=(ENCODER_FEATURES, width)).astype(np.float32)
        for name, width in widths.items()
    }
    constants["style_shape"] = np.array([-1, PARTS, STYLE_DIM], np.int64)
    nodes = [
        helper.make_node("ReduceMean", ["motion"], ["frame"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["frame", "style_map"], ["flat_style"]),
        helper.make_node("Reshape", ["flat_style", "style_shape"], ["style"]),
        helper.make_node("MatMul", ["frame", "content_map"], ["content"]),
        helper.make_node("MatMul", ["frame", "readouts_map"], ["readouts"]),
    ]
    inputs = [helper.make_tensor_value_info("motion", TensorProto.FLOAT, ["batch", "frames", ENCODER_FEATURES])]
    outputs = [
        helper.make_tensor_value_info("style", TensorProto.FLOAT, ["batch", PARTS, STYLE_DIM]),
        helper.make_tensor_value_info("content", TensorProto.FLOAT, ["batch", CONTENT_DIM]),
        helper.make_tensor_value_info("readouts", TensorProto.FLOAT, ["batch", 2]),
    ]
    return _model(nodes, "encoder", inputs, outputs, constants)


def _model(
    nodes: list[Any], name: str, inputs: list[Any], outputs: list[Any], constants: dict[str, np.ndarray]
) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(value, key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def grafted_bundle(source: Path, directory: Path, seed: int = 0) -> Path:
    """The student of a bundle that knows no scenes, with an untrained path that adds to the style's, and all that the
    run time adds in scenes: for what has to hold of any student."""
    directory.mkdir(parents=True)
    for name in bundles.FILES:
        (directory / name).write_bytes((source / name).read_bytes())
    generator = np.random.default_rng(seed)
    model = onnx.load(str(directory / bundles.STUDENT))
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == "style":
                node.input[index] = "style_in_place"
    shape = ["batch", PARTS, SCENE_DIM]
    model.graph.input.append(helper.make_tensor_value_info("scene", TensorProto.FLOAT, shape))
    weight = generator.normal(scale=0.01, size=(SCENE_DIM, STYLE_DIM)).astype(np.float32)
    model.graph.initializer.append(numpy_helper.from_array(weight, "graft"))
    nodes = [
        helper.make_node("MatMul", ["scene", "graft"], ["grafted"]),
        helper.make_node("Add", ["style", "grafted"], ["style_in_place"]),
        *model.graph.node,
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(directory / bundles.STUDENT))
    with np.load(directory / bundles.ARRAYS) as arrays:
        closing = np.ones(len(CLOSED), np.float32)
        np.savez(directory / bundles.ARRAYS, **arrays, **scene_layers(generator), scene_closing=closing)
    document = dict(bundles.load_bundle(source).manifest.raw)
    document["dims"] = {**document["dims"], "scene": SCENE_DIM}
    bundles.seal_bundle(directory, {key: value for key, value in document.items() if key != "files"})
    return directory
