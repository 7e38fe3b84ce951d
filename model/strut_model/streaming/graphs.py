"""The student's graph cut in two: what follows from conditions alone, and the rest.

Style, content, guidance and scene act through modulations that have nothing to do with the character's motion, and many
characters of a crowd share them. A third of an evaluation's time goes there, so the parts are run apart and the first
one for distinct conditions only. The cut is found from the inputs, whatever the network looks like inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CONDITIONS = frozenset({"time", "content", "phase", "style", "guidance", "scene"})
"""Inputs that say how to move; the others say where from and where to."""
ORDER = ".order"
"""How the names of the matrices end that reorder features."""


@dataclass(frozen=True)
class Halves:
    """The two graphs, serialised, and what goes from one to the other.

    Attributes:
        conditions: from the conditions to what is handed over.
        rest: from that, and the other inputs, to the window.
        handed_over: names of the tensors.
    """

    conditions: bytes
    rest: bytes
    handed_over: tuple[str, ...]


def halves(path: Path) -> Halves | None:
    """Cut a graph; None where nothing in it follows from conditions alone.

    Raises:
        ModuleNotFoundError: onnx is not installed.
    """
    import onnx

    model = onnx.load(str(path))
    gathers_to_products(model)
    graph = model.graph
    weights = {weight.name for weight in graph.initializer}
    sources = {value.name: frozenset({value.name}) for value in graph.input if value.name not in weights}
    early: list[Any] = []
    late: list[Any] = []
    for node in graph.node:
        own = frozenset[str]().union(*(sources.get(name, frozenset()) for name in node.input))
        sources.update(dict.fromkeys(node.output, own))
        (early if own <= CONDITIONS else late).append(node)
    # What follows from nothing is constant, such as weights that are stored in fewer bits: both may need it.
    made = {name for node in early for name in node.output if sources[name]}
    handed_over = list(dict.fromkeys(name for node in late for name in node.input if name in made))
    if not handed_over:
        return None
    first = _graph(model, early, [v for v in graph.input if v.name in CONDITIONS], handed_over)
    constants = [node for node in early if not sources[node.output[0]]]
    others = [value for value in graph.input if value.name not in CONDITIONS]
    second = _graph(model, [*constants, *late], others, [value.name for value in graph.output], handed_over)
    return Halves(first, second, tuple(handed_over))


def gathers_to_products(model: Any) -> None:
    """Reorderings of the last axis as products with a matrix of noughts and ones: the same numbers, in a third of the
    time, since ONNX Runtime gathers number by number.

    Args:
        model: an ``onnx.ModelProto``, changed in place.
    """
    from onnx import helper, numpy_helper

    weights = {weight.name: weight for weight in model.graph.initializer}
    constants = {
        node.output[0]: node.attribute[0].t
        for node in model.graph.node
        if node.op_type == "Constant" and node.attribute[0].name == "value"
    }
    for index, node in enumerate(list(model.graph.node)):
        if node.op_type != "Gather" or node.input[1] not in weights | constants:
            continue
        order = numpy_helper.to_array((weights | constants)[node.input[1]])
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
        if order.ndim != 1 or axis not in (-1, 2) or sorted(order.tolist()) != list(range(len(order))):
            continue
        name = f"{node.input[1]}{ORDER}"
        if name not in {weight.name for weight in model.graph.initializer}:
            matrix = np.eye(len(order), dtype=np.float32)[:, order]
            model.graph.initializer.append(numpy_helper.from_array(matrix, name))
        product = helper.make_node("MatMul", [node.input[0], name], list(node.output), name=f"{node.name}/product")
        model.graph.node.remove(node)
        model.graph.node.insert(index, product)
    used = {name for node in model.graph.node for name in node.input}
    for name, weight in weights.items():
        if name not in used:
            model.graph.initializer.remove(weight)


def _graph(
    model: Any, nodes: Iterable[Any], inputs: Iterable[Any], outputs: Iterable[str], more_inputs: Iterable[str] = ()
) -> bytes:
    """A graph of those of the nodes that its outputs need, serialised."""
    from onnx import TensorProto, helper

    def value(name: str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)

    outputs = list(outputs)
    needed, kept = set(outputs), []
    for node in reversed(list(nodes)):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)
    graph = helper.make_graph(
        kept[::-1],
        "half",
        [*inputs, *map(value, more_inputs)],
        [value(name) for name in outputs],
        [weight for weight in model.graph.initializer if weight.name in needed],
    )
    made = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    data: bytes = made.SerializeToString()
    return data
