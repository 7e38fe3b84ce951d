"""The server's statistics, as clients and Prometheus see them."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_status import rpc_status
from prometheus_client.parser import text_string_to_metric_families
from tests.server.messages import Stream, details, generate_one, request

from strut_proto.v1 import motion_service_pb2, telemetry_service_pb2, telemetry_service_pb2_grpc
from strut_server import intervals, telemetry
from strut_server.clock import BatchTimes
from strut_server.intervals import STAGES, Interval
from strut_server.local import LocalServer, local_server
from strut_server.settings import ServerSettings
from strut_server.telemetry import MAX_WATCHERS, Telemetry, added_up

Stub = telemetry_service_pb2_grpc.TelemetryServiceStub
TIMED = [stage for stage, name in STAGES.items() if name != "wire"]


@pytest.fixture
def fresh(bundle_path: Path) -> Iterator[LocalServer]:
    """A server that has done nothing yet."""
    with local_server(ServerSettings(port=0, bundle=bundle_path, metrics_port=0)) as running:
        yield running


@pytest.fixture
def stub(fresh: LocalServer) -> Iterator[Stub]:
    with grpc.insecure_channel(fresh.address) as channel:
        yield Stub(channel)


def statistics(stub: Stub, seconds: float | None = None) -> telemetry_service_pb2.Statistics:
    asked = telemetry_service_pb2.GetStatisticsRequest(interval_seconds=seconds)
    return stub.GetStatistics(asked).statistics


def test_statistics_tell_what_the_replies_timing_told(fresh: LocalServer, stub: Stub) -> None:
    with Stream(fresh.address) as stream:
        stream.ask(*(request(character=number) for number in range(5)), request(character=9, frames=99))
        replies = stream.replies(6)
        found = statistics(stub)
        assert (found.streams, found.characters, found.queue_depth) == (1, 5, 0)
    generate_one(fresh.address, request())
    found = statistics(stub)
    assert {o.reason: o.count for o in found.outcomes} == {"OK": 6, "INVALID_FIELD": 1}
    by_stage = {stage.stage: stage for stage in found.stages}
    assert sorted(by_stage) == TIMED
    for stage, row in by_stage.items():
        assert row.count == 6, STAGES[stage]
        assert 0 <= row.p50_ms <= row.p95_ms <= row.p99_ms <= row.max_ms
        assert row.mean_ms <= row.max_ms
    longest = max(reply.timing.server_total_ns for reply in replies if reply.HasField("window")) / 1e6
    assert by_stage[telemetry_service_pb2.STAGE_SERVER_TOTAL].max_ms > 0.99 * longest
    assert found.bytes_sent > sum(reply.ByteSize() for reply in replies[:5])
    assert 1 <= found.mean_batch_size <= 5
    assert 0 < found.model_cpu_seconds <= found.cpu_seconds
    assert 0 < found.interval_seconds <= found.uptime_seconds + 1
    assert (found.model, found.device) == ("tiny", "onnxruntime-cpu")


def test_what_clients_report_is_passed_on(fresh: LocalServer, stub: Stub) -> None:
    with Stream(fresh.address) as stream:
        for wire in (4.0, float("nan"), 1e30):
            report = motion_service_pb2.ClientReport(late_windows=3, underruns=1, mean_wire_ms=wire)
            stream.send(motion_service_pb2.StreamMotionRequest(report=report))
        stream.window(request())
    found = statistics(stub)
    assert (found.late_windows, found.underruns) == (9, 3)
    (row,) = [stage for stage in found.stages if stage.stage == telemetry_service_pb2.STAGE_WIRE]
    assert (row.count, row.max_ms) == (1, 4.0)


def test_streamed_statistics_cover_what_happened_since_the_last_ones(fresh: LocalServer, stub: Stub) -> None:
    generate_one(fresh.address, request())
    watch = stub.StreamStatistics(telemetry_service_pb2.StreamStatisticsRequest(interval_seconds=0.1))
    next(watch)
    for _ in range(3):
        generate_one(fresh.address, request())
    counted = 0
    while counted < 3:  # each is told once; what came before is not told
        counted += sum(outcome.count for outcome in next(watch).statistics.outcomes)
    assert counted == 3
    assert not next(watch).statistics.outcomes


def test_only_so_many_watch_at_once(fresh: LocalServer, stub: Stub) -> None:
    asked = telemetry_service_pb2.StreamStatisticsRequest(interval_seconds=0.1)
    watches = [stub.StreamStatistics(asked) for _ in range(MAX_WATCHERS)]
    for watch in watches:
        next(watch)
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.StreamStatistics(asked))
    status = rpc_status.from_call(caught.value)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert details(status)[0] == "TOO_MANY_WATCHERS"
    watches[0].cancel()
    for _ in range(600):  # the place is free once the server has seen the end of the call
        with contextlib.suppress(grpc.RpcError):
            assert next(stub.StreamStatistics(asked)).statistics.model == "tiny"
            return
    pytest.fail("the place was never free")


@pytest.mark.parametrize(
    ("call", "seconds", "allowed"),
    [
        ("GetStatistics", 0.5, "1 to 3600"),
        ("GetStatistics", float("nan"), "1 to 3600"),
        ("StreamStatistics", 0.01, "0.1 to 60"),
        ("StreamStatistics", 61.0, "0.1 to 60"),
    ],
)
def test_intervals_out_of_range_are_refused(server: LocalServer, call: str, seconds: float, allowed: str) -> None:
    message = getattr(telemetry_service_pb2, f"{call}Request")(interval_seconds=seconds)
    with grpc.insecure_channel(server.address) as channel, pytest.raises(grpc.RpcError) as caught:
        list(getattr(Stub(channel), call)(message))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(caught.value)
    assert allowed in details(status)[2]["interval_seconds"]


def total_of(message: telemetry_service_pb2.Statistics) -> telemetry_service_pb2.StageStatistics:
    (row,) = [stage for stage in message.stages if stage.stage == telemetry_service_pb2.STAGE_SERVER_TOTAL]
    return row


def test_percentiles_are_those_of_all_durations_within_a_hundredth() -> None:
    durations = np.random.default_rng(5).lognormal(9.0, 1.5, 4000).astype(int)
    parts = [Interval() for _ in range(4)]
    for index, duration in enumerate(durations):
        parts[index % 4].durations(telemetry_service_pb2.STAGE_SERVER_TOTAL, {int(duration): 1})
    union = Interval()
    for part in parts:
        union.add(part.packed())
    row = total_of(union.message())
    assert row.count == len(durations)
    exact = np.percentile(durations, [50, 95, 99], method="inverted_cdf") / 1000
    np.testing.assert_allclose([row.p50_ms, row.p95_ms, row.p99_ms], exact, rtol=0.011)
    np.testing.assert_allclose([row.mean_ms, row.max_ms], [durations.mean() / 1000, durations.max() / 1000])


def test_the_last_hour_is_kept_minute_by_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0
    for module in (telemetry, intervals):
        monkeypatch.setattr(module, "monotonic_ns", lambda: now)
    kept = Telemetry()
    for second in range(2 * 3600):
        now = second * 1_000_000_000
        kept.outcome("OK")
        if second % 600 == 0:
            kept.batch(BatchTimes(0, 0, size=1, padded_size=1))
    for seconds, slack in ((10, 2), (60, 2), (600, 62), (3600, 122)):
        interval = added_up(kept.last(seconds))
        count = interval.counts.outcomes["OK"]
        assert seconds - slack <= count <= seconds + 2, seconds
        assert abs((now - interval.began_ns) / 1e9 - count) <= 2
    assert kept.totals.counts.outcomes["OK"] == 7200
    assert kept.totals.counts.batches == 12


def fetch(url: str, method: str = "GET", path: str | None = None, **headers: str) -> tuple[int, str]:
    """Status and text of a page, with headers as a browser would send them."""
    host, _, own_path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request(method, path or f"/{own_path}", headers=headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def test_prometheus_reads_what_was_counted(fresh: LocalServer) -> None:
    url = fresh.metrics_url
    assert url is not None
    for _ in range(3):
        generate_one(fresh.address, request())
    status, text = fetch(url)
    assert status == 200
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["strut_requests_total", "OK"] == 3
    assert samples["strut_batched_windows_total",] == 3
    assert samples["strut_stage_duration_seconds_count", "inference"] == 3
    buckets = [v for (name, *labels), v in samples.items() if name.endswith("_bucket") and "server_total" in labels]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 3
    assert samples["strut_stage_duration_seconds_sum", "server_total"] > 0
    assert samples["strut_sent_bytes_total",] > 3 * 16 * 380
    assert any(name == "strut_model_info" and "tiny" in labels for name, *labels in samples)


def test_the_metrics_are_for_this_machine_alone(fresh: LocalServer) -> None:
    url = fresh.metrics_url
    assert url is not None
    assert url.startswith("http://127.0.0.1:")
    port = url.split(":")[2].partition("/")[0]
    for host in ("localhost", f"localhost:{port}", "127.0.0.1", f"[::1]:{port}"):
        assert fetch(url, Host=host)[0] == 200
    for host in ("rebound.example.org", f"10.0.0.7:{port}", "", "[", "localhost.example.org"):
        assert fetch(url, Host=host)[0] == 421, host
    assert fetch(url, Origin="https://example.org")[0] == 403
    assert fetch(url, Origin="null")[0] == 403
    assert fetch(url, Origin=f"http://localhost:{port}")[0] == 200
    assert fetch(url, path="/etc/passwd")[0] == 404
    assert fetch(url, method="POST")[0] == 501
