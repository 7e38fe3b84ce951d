"""A loaded server over real gRPC: fewer steps where they may be, floods that harm nobody else, models switched."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import grpc
import pytest
from google.rpc import code_pb2
from tests.bundles import tiny_bundle
from tests.server.messages import Stream, controls, details, generate_one, request, retry_seconds

from strut_model.bundle import BundleError
from strut_proto.v1 import controls_pb2, motion_service_pb2, telemetry_service_pb2, telemetry_service_pb2_grpc
from strut_server.local import local_server
from strut_server.server import StrutServer
from strut_server.settings import ServerSettings


def four_steps(least: int | None) -> controls_pb2.Controls:
    wanted = controls(steps=4)
    if least is not None:
        wanted.min_steps = least
    return wanted


def test_a_loaded_server_uses_fewer_steps_where_it_may_and_says_so(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, target_latency_ms=60_000)
    with local_server(settings) as running, Stream(running.address) as stream:
        server = running._server
        assert isinstance(server, StrutServer)
        idle = stream.window(request(character=1, controls=four_steps(1)))
        assert idle.steps == 4
        asked = [request(n, controls=four_steps(least), deadline_ms=1000) for n, least in ((2, None), (3, 2), (4, 1))]
        used = {}
        for one in asked:
            for size in (1, 2, 8, 32) * 100:  # as on a machine where an evaluation takes a fifth of a second
                server.runtime.costs.observe(size, 1, 0.2)
            stream.ask(one)
            (reply,) = stream.replies(1)
            warned = [w.code for w in reply.warnings]
            used[reply.character] = reply.window.steps
            assert (motion_service_pb2.WARNING_CODE_FEWER_STEPS in warned) == (reply.window.steps < 4)
    # Half of a second is there for it: four or two evaluations fit, as far as the client allows.
    assert used == {2: 4, 3: 2, 4: 2}


def test_a_flood_crowds_out_itself_alone(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, queue_capacity=32, max_batch=256, max_batch_ms=1)
    with local_server(settings) as running, Stream(running.address, name="flood") as flood:
        with Stream(running.address, name="quiet") as quiet:
            for sequence in range(1, 11):
                flood.ask(*(request(character=n, sequence=sequence) for n in range(200)))
                start = 16 * (sequence - 1)
                continues = sequence - 1 or None
                assert quiet.window(request(1, sequence, start_frame=start, continues=continues)).frames.count == 16
        replies = flood.replies(2000)
    refused = [r.error for r in replies if r.WhichOneof("result") == "error" and details(r.error)[0] == "QUEUE_FULL"]
    assert refused
    for error in refused:
        seconds = retry_seconds(error)
        assert error.code == code_pb2.RESOURCE_EXHAUSTED
        assert seconds is not None
        assert 0 < seconds <= 5


@pytest.mark.parametrize("flood_deadline_ms", [100, 5000])
def test_a_quiet_stream_is_in_the_next_batch_whatever_another_one_asks_for(
    bundle_path: Path, flood_deadline_ms: int
) -> None:
    # Eight windows a batch, and three hundred that wait at any time, before and after the quiet one's in deadline.
    settings = ServerSettings(port=0, bundle=bundle_path, max_batch=8, target_latency_ms=1)
    characters, rounds = 320, 15
    with local_server(settings) as running, Stream(running.address, name="flood") as flood:
        assert running._server is not None
        runtime = running._server.runtime
        counts = runtime.telemetry.totals.counts
        done = threading.Event()

        def pour() -> None:
            for sequence in range(1, 100_000):
                for first in range(0, characters, 8):
                    numbers = range(first, first + 8)
                    flood.ask(*(request(n, sequence, deadline_ms=flood_deadline_ms) for n in numbers))
                for _ in range(100):
                    if done.is_set():
                        return
                    if len(runtime.queue) < characters // 2:
                        break
                    time.sleep(0.001)

        pouring = threading.Thread(target=pour)
        reading = threading.Thread(target=flood.ending)
        pouring.start()
        reading.start()
        batches, crowds = [], []
        try:
            with Stream(running.address, name="quiet") as quiet:
                for sequence in range(1, rounds + 1):
                    while len(runtime.queue) < characters // 4:
                        time.sleep(0.001)
                    crowds.append(len(runtime.queue))
                    before = counts.batches
                    start, continues = 16 * (sequence - 1), sequence - 1 or None
                    assert quiet.window(request(1, sequence, start, continues)).frames.count == 16
                    batches.append(counts.batches - before)
        finally:
            done.set()
            pouring.join()
            flood.call.cancel()
            reading.join()
    # The one that ran when the request came, the one that it was in, and some that came while the reply was on its way.
    assert sorted(batches)[rounds // 2] <= 6
    assert min(crowds) > 8 * 4


def test_of_a_stream_that_asks_for_too_much_the_nearest_are_served(bundle_path: Path) -> None:
    settings = ServerSettings(
        port=0, bundle=bundle_path, queue_capacity=4, max_batch_delay_ms=500.0, eager_batches=False
    )
    with local_server(settings) as running, Stream(running.address) as stream:
        stream.ask(*(request(character=n, priority=100 - n) for n in range(20)))
        replies = stream.replies(20)
    served = {reply.character for reply in replies if reply.WhichOneof("result") == "window"}
    assert served == {16, 17, 18, 19}


def evaluated_after_leaving(bundle_path: Path) -> bool:
    """Whether anything was evaluated of what a client asked for that left while the batcher waited for company."""
    settings = ServerSettings(
        port=0, bundle=bundle_path, max_batch_delay_ms=1000.0, eager_batches=False, max_deadline_ms=600_000
    )
    with local_server(settings) as running, grpc.insecure_channel(running.address) as channel:
        stub = telemetry_service_pb2_grpc.TelemetryServiceStub(channel)

        def statistics() -> telemetry_service_pb2.Statistics:
            return stub.GetStatistics(telemetry_service_pb2.GetStatisticsRequest(interval_seconds=60)).statistics

        with Stream(running.address) as stream:
            stream.ask(*(request(character=n, deadline_ms=600_000) for n in range(50)))
            while not ((found := statistics()).queue_depth or found.outcomes):
                pass
            stream.call.cancel()
        while (found := statistics()).streams:
            pass
        assert (found.characters, found.queue_depth) == (0, 0)
        assert generate_one(running.address, request()).frames.count == 16
    return found.mean_batch_size > 0


def test_a_client_that_goes_frees_what_it_had_in_the_queue_at_once(bundle_path: Path) -> None:
    # On a busy machine the client may be gone only after the batcher's second has passed: then again.
    assert not all(evaluated_after_leaving(bundle_path) for _ in range(5))


def test_a_single_character_does_not_wait_for_company(bundle_path: Path) -> None:
    delay_ms = 1000.0
    settings = ServerSettings(port=0, bundle=bundle_path, max_batch_delay_ms=delay_ms)
    with local_server(settings) as running, Stream(running.address) as stream:
        stream.ask(request())
        (alone,) = stream.replies(1)
        # Once there are two, the one that comes first does.
        stream.ask(request(2))
        stream.replies(1)
        stream.ask(request(1, 2, start_frame=16, continues=1))
        (first,) = stream.replies(1)
    assert alone.timing.batch_wait_ns < 0.5e6 * delay_ms < first.timing.batch_wait_ns


def test_a_model_is_switched_under_a_stream(bundle_path: Path, tmp_path: Path) -> None:
    other = tiny_bundle(tmp_path / "other", seed=5)
    with local_server(ServerSettings(port=0, bundle=bundle_path)) as running, Stream(running.address) as stream:
        stream.window(request())
        before = stream.window(request(2))
        running.switch_model(other)
        changed = stream.receive().event.model_changed.model
        assert changed.hash != stream.hello.model.hash
        # The timeline goes on, by the new model: its styles have other vectors.
        assert stream.window(request(sequence=2, start_frame=16, continues=1)).frames.count == 16
        after = stream.window(request(3, controls=controls()))
        assert after.frames.data != before.frames.data
        with Stream(running.address) as late:
            assert late.hello.model.hash == changed.hash
        broken = tmp_path / "broken"
        tiny_bundle(broken)
        (broken / "student.onnx").write_bytes(b"no network")
        with pytest.raises(BundleError, match=r"student\.onnx"):
            running.switch_model(broken)
        assert stream.window(request(sequence=3, start_frame=32, continues=2)).frames.count == 16
        with Stream(running.address) as late:
            assert late.hello.model.hash == changed.hash
