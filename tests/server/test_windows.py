"""Batches: their padding, and faults of the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from google.rpc import code_pb2
from tests.server.messages import controls, request

from strut_model.bundle import Bundle, load_bundle
from strut_model.frames import FrameEncoding
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_proto.v1 import controls_pb2
from strut_server.memory import CharacterMemory, WindowMemory
from strut_server.settings import ServerSettings
from strut_server.styles import BundleStyles
from strut_server.validation import RequestReader
from strut_server.windows import Outcome, WindowMaker, WindowWork, bucket_size


def test_batches_are_padded_by_an_eighth_at_most_to_few_sizes() -> None:
    sizes = [bucket_size(count) for count in range(1, 1025)]
    assert sizes[:16] == list(range(1, 17))
    for count, size in enumerate(sizes, 1):
        assert count <= size <= count * 9 / 8 + 1
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 16 + 6 * 8


@pytest.fixture(scope="module")
def bundle(bundle_path: Path) -> Bundle:
    return load_bundle(bundle_path)


def works_of(bundle: Bundle, maker: WindowMaker, seeds: list[int]) -> list[WindowWork]:
    reader = RequestReader(bundle, BundleStyles(bundle), ServerSettings())
    requests = [request(character=n, controls=controls(seed=seed)) for n, seed in enumerate(seeds)]
    return [
        WindowWork(
            key=n,
            owner="a stream",
            maker=maker,
            request=reader.read(one, FrameEncoding.FLOAT32, True),
            memory=CharacterMemory(),
            received_ns=0,
            deadline_ns=0,
            done=lambda outcome: None,
        )
        for n, one in enumerate(requests)
    ]


def wave(phase: float, ahead: float | None = None, hold: bool = False) -> controls_pb2.Controls:
    message = controls("wave", ahead=ahead)
    message.content.gesture.CopyFrom(controls_pb2.Gesture(phase=phase, hold=hold))
    return message


class Seen(OnnxEngine):
    """The engine, with the conditions that it was given last."""

    def sample(self, conditions, noise, steps):  # type: ignore[no-untyped-def]
        self.conditions = conditions
        return super().sample(conditions, noise, steps)


@pytest.mark.parametrize(
    ("phase", "ahead", "hold", "shown"),
    [
        (1.0, None, False, "idle"),
        (1.0, 1.2, False, "walk"),
        (1.0, 4.0, False, "run"),
        (1.0, None, True, "wave"),
        (0.97, None, False, "wave"),
    ],
)
def test_a_gesture_that_is_over_goes_on_as_what_is_under_it(
    bundle: Bundle, phase: float, ahead: float | None, hold: bool, shown: str
) -> None:
    engine = Seen(bundle)
    maker = WindowMaker(bundle, MotionGenerator(bundle, engine), WindowMemory(3), 4)
    reader = RequestReader(bundle, BundleStyles(bundle), ServerSettings())
    asked = request(controls=wave(phase, ahead, hold))
    work = replace(works_of(bundle, maker, [7])[0], request=reader.read(asked, FrameEncoding.FLOAT32, True))
    outcome = maker.make([work], 2, 0, 0)[0]
    assert outcome.window is not None
    assert outcome.window.gesture_phase == pytest.approx(phase if hold else min(phase + 16 / 60, 1.0))
    given = engine.conditions["content"][0], engine.conditions["phase"][0]
    np.testing.assert_array_equal(given[0], bundle.content_vectors[bundle.content_index[shown]])
    assert (given[1][2] == 1) == (shown == "wave")


def by_key(outcomes: list[Outcome]) -> dict[object, Outcome]:
    return {outcome.work.key: outcome for outcome in outcomes}


class Faulty(OnnxEngine):
    """A network that fails for one of its rows."""

    def sample(self, conditions, noise, steps):  # type: ignore[no-untyped-def]
        clean = super().sample(conditions, noise, steps)
        clean[1, 3, 7] = np.nan
        return clean


def test_a_row_that_is_not_finite_fails_alone_and_is_not_remembered(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    memory = WindowMemory(3)
    maker = WindowMaker(bundle, MotionGenerator(bundle, Faulty(bundle)), memory, 4)
    works = works_of(bundle, maker, [1, 2, 3])
    outcomes = by_key(maker.make(works, 2, 0, 0))
    assert [outcomes[n].window is not None for n in range(3)] == [True, False, True]
    error = outcomes[1].error
    assert error is not None
    assert (error.code, error.reason) == (code_pb2.INTERNAL, "INTERNAL")
    assert error.metadata["incident"] in caplog.text
    assert [len(work.memory.windows) for work in works if work.memory is not None] == [1, 0, 1]
    assert memory.rows_used == 2


def test_padding_changes_next_to_nothing(bundle: Bundle) -> None:
    maker = WindowMaker(bundle, MotionGenerator(bundle, OnnxEngine(bundle)), WindowMemory(3), 4)
    padded = by_key(maker.make(works_of(bundle, maker, list(range(17))), 2, 0, 0))
    assert padded[0].times is not None
    assert (padded[0].times.size, padded[0].times.padded_size) == (17, 18)
    alone = by_key(maker.make(works_of(bundle, maker, [0]), 2, 0, 0))
    assert padded[0].window is not None
    assert alone[0].window is not None
    frames = [np.frombuffer(o[0].window.data, np.float32) for o in (padded, alone)]  # type: ignore[union-attr]
    contacts = np.arange(len(frames[0])) % 95 == 94
    np.testing.assert_allclose(frames[0][~contacts], frames[1][~contacts], atol=1e-4)
