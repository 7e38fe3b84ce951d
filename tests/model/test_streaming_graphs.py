"""The student in two halves: the same windows, and shared conditions computed once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from strut_model.bundle import Bundle, load_bundle
from strut_model.streaming import graphs
from strut_model.streaming.condition_cache import CAPACITY, ROWS, ConditionCache
from strut_model.streaming.engine import OnnxEngine

Inputs = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(None)


@pytest.fixture(scope="module")
def halves(bundle: Bundle) -> graphs.Halves:
    found = graphs.halves(bundle.student_path)
    assert found is not None
    return found


class Counted:
    """A session that says how many rows it computed."""

    def __init__(self, graph: bytes) -> None:
        self._session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        self.get_inputs, self.get_outputs = self._session.get_inputs, self._session.get_outputs
        self.rows = 0

    def run(self, names: None, inputs: Mapping[str, np.ndarray]) -> Any:
        self.rows += len(inputs["time"])
        return self._session.run(names, dict(inputs))


def some_inputs(bundle: Bundle, batch: int, seed: int = 0) -> Inputs:
    generator = np.random.default_rng(seed)
    return {
        name: generator.normal(size=(batch, *shape[1:])).astype(np.float32) * np.float32(0.3)
        for name, shape in bundle.student_inputs().items()
    }


def conditions(inputs: Inputs) -> Inputs:
    return {name: value for name, value in inputs.items() if name in graphs.CONDITIONS}


def rows(inputs: Inputs, chosen: list[int]) -> Inputs:
    return {name: value[chosen] for name, value in inputs.items()}


def same(a: Inputs, b: Inputs) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def copied(handed_over: Inputs) -> Inputs:
    return {name: value.copy() for name, value in handed_over.items()}


@pytest.mark.parametrize("batch", [1, 3, 16, 70])
def test_the_halves_make_the_window_that_the_whole_student_makes(bundle: Bundle, batch: int) -> None:
    whole, cut = OnnxEngine(bundle, halves=False), OnnxEngine(bundle)
    assert cut._conditions is not None
    inputs = some_inputs(bundle, batch)
    for _ in range(2):  # the second time out of what is remembered
        np.testing.assert_allclose(cut.evaluate(inputs), whole.evaluate(inputs), atol=5e-4)


def test_without_onnx_the_whole_student_runs(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    engine = OnnxEngine(bundle)
    assert engine._conditions is None
    assert engine.evaluate(some_inputs(bundle, 2)).shape == (2, 16, 206)


def test_conditions_that_many_share_are_computed_once(bundle: Bundle, halves: graphs.Halves) -> None:
    session = Counted(halves.conditions)
    cache = ConditionCache(session)
    inputs = conditions(rows(some_inputs(bundle, 3), [0, 1, 0, 0, 1, 0, 1, 0, 0, 1]))
    assert all(len(value) == 10 for value in cache.of(inputs).values())
    assert session.rows == ROWS
    cache.of(rows(inputs, [1, 0]))
    assert session.rows == ROWS
    cache.of(conditions(rows(some_inputs(bundle, 3), [2])))
    assert session.rows == 2 * ROWS


def test_what_is_handed_over_does_not_hang_on_the_company(bundle: Bundle, halves: graphs.Halves) -> None:
    inputs = conditions(some_inputs(bundle, 23))
    together = copied(ConditionCache(Counted(halves.conditions)).of(inputs))
    for row in (0, 7, 22):
        alone = ConditionCache(Counted(halves.conditions)).of(rows(inputs, [row]))
        assert same(alone, rows(together, [row]))


def test_what_was_not_used_for_longest_is_forgotten_and_computed_again(bundle: Bundle, halves: graphs.Halves) -> None:
    session = Counted(halves.conditions)
    cache = ConditionCache(session)
    many = conditions(some_inputs(bundle, CAPACITY + ROWS))
    first = list(range(ROWS))
    expected = copied(cache.of(rows(many, first)))
    cache.of(rows(many, list(range(ROWS, CAPACITY))))
    cache.of(rows(many, first[:1]))  # used again: the others of the first go
    cache.of(rows(many, list(range(CAPACITY, CAPACITY + ROWS - 1))))
    computed = session.rows
    assert same(cache.of(rows(many, first[:1])), rows(expected, first[:1]))
    assert session.rows == computed
    assert same(cache.of(rows(many, first[1:])), rows(expected, first[1:]))
    assert session.rows == computed + ROWS


def test_a_crowd_of_individuals_beyond_what_is_remembered_is_computed_as_it_comes(
    bundle: Bundle, halves: graphs.Halves
) -> None:
    session = Counted(halves.conditions)
    cache = ConditionCache(session)
    many = conditions(some_inputs(bundle, CAPACITY + 3))
    found = copied(cache.of(rows(many, [*range(CAPACITY + 3), 0])))
    assert same(rows(found, [CAPACITY + 3]), rows(found, [0]))
    assert same(rows(found, [5]), ConditionCache(Counted(halves.conditions)).of(rows(many, [5])))


def test_threads_share_what_is_remembered(bundle: Bundle, halves: graphs.Halves) -> None:
    cache = ConditionCache(Counted(halves.conditions))
    many = conditions(some_inputs(bundle, 2 * CAPACITY))
    expected = copied(ConditionCache(Counted(halves.conditions)).of(many))
    right: list[bool] = []

    def ask(seed: int) -> None:
        generator = np.random.default_rng(seed)
        for _ in range(15):
            chosen = generator.integers(0, 2 * CAPACITY, 12).tolist()
            right.append(same(cache.of(rows(many, chosen)), rows(expected, chosen)))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 45


def model_of(nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto]) -> onnx.ModelProto:
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 16, 4]) for name in ("noisy", "clean")]
    graph = helper.make_graph(nodes, "graph", value[:1], value[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_a_graph_without_conditions_has_no_halves(tmp_path: Path) -> None:
    onnx.save(model_of([helper.make_node("Tanh", ["noisy"], ["clean"])], []), tmp_path / "plain.onnx")
    assert graphs.halves(tmp_path / "plain.onnx") is None


@pytest.mark.parametrize("stored", ["weight", "node"])
def test_reorderings_become_products_of_the_same_numbers(stored: str) -> None:
    order = numpy_helper.from_array(np.array([2, 0, 3, 1]), "order")
    nodes = [helper.make_node("Gather", ["noisy", "order"], ["clean"], axis=-1)]
    if stored == "node":
        nodes.insert(0, helper.make_node("Constant", [], ["order"], value=order))
    model = model_of(nodes, [order] if stored == "weight" else [])
    before = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    graphs.gathers_to_products(model)
    assert "Gather" not in {node.op_type for node in model.graph.node}
    after = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = {"noisy": np.random.default_rng(0).normal(size=(2, 16, 4)).astype(np.float32)}
    np.testing.assert_array_equal(after.run(None, given)[0], before.run(None, given)[0])
