"""Traces, as a collector on loopback receives them."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.server.messages import Stream, request

from strut_proto.v1 import motion_service_pb2, motion_service_pb2_grpc
from strut_server.local import local_server
from strut_server.settings import ServerSettings

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that it is sent."""

    def __init__(self) -> None:
        self.spans: queue.SimpleQueue[Span] = queue.SimpleQueue()

    def Export(  # noqa: N802
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            assert any(
                a.key == "service.name" and a.value.string_value == "strut" for a in resource.resource.attributes
            )
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans.put(span)
        return trace_service_pb2.ExportTraceServiceResponse()

    def received(self) -> list[Span]:
        """All spans so far."""
        return [self.spans.get() for _ in range(self.spans.qsize())]


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    keeper, server = Collector(), grpc.server(futures.ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(keeper, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield keeper, f"http://127.0.0.1:{port}"
    server.stop(None)


def test_a_window_is_a_span_with_its_stages_in_the_callers_trace(
    bundle_path: Path, collector: tuple[Collector, str]
) -> None:
    keeper, endpoint = collector
    settings = ServerSettings(port=0, bundle=bundle_path, otlp_endpoint=endpoint, trace_ratio=0.0)
    with local_server(settings) as running, grpc.insecure_channel(running.address) as channel:
        stub = motion_service_pb2_grpc.MotionServiceStub(channel)
        message = motion_service_pb2.GenerateWindowsRequest(requests=[request(character=5)])
        response = stub.GenerateWindows(message, metadata=(("traceparent", f"00-{TRACE}-{PARENT}-01"),))
        stub.GenerateWindows(message)  # whoever says nothing is traced at the ratio, which is 0
    spans = keeper.received()  # the end of the server sends what is left
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    (whole,) = [span for span in spans if span.name == "strut.window"]
    assert whole.parent_span_id.hex() == PARENT
    stages = [span for span in spans if span is not whole]
    assert {"strut.queue", "strut.featurise", "strut.inference", "strut.postprocess"} <= {s.name for s in stages}
    timing = response.replies[0].timing
    assert whole.end_time_unix_nano - whole.start_time_unix_nano == timing.server_total_ns
    for span in stages:
        assert span.parent_span_id == whole.span_id
        assert whole.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= whole.end_time_unix_nano
        length = getattr(timing, f"{span.name.removeprefix('strut.')}_ns")
        assert span.end_time_unix_nano - span.start_time_unix_nano == length


def test_streams_are_traced_at_the_ratio_and_errors_are_marked(
    bundle_path: Path, collector: tuple[Collector, str]
) -> None:
    keeper, endpoint = collector
    settings = ServerSettings(port=0, bundle=bundle_path, otlp_endpoint=endpoint, trace_ratio=1.0)
    with local_server(settings) as running, Stream(running.address) as stream:
        stream.window(request(character=3))
        stream.error(request(character=4, frames=99))
        session = stream.hello.session_id
    whole = [span for span in keeper.received() if span.name == "strut.window"]
    found = {
        next(a.value.string_value for a in span.attributes if a.key == "strut.character"): span.status.code
        for span in whole
    }
    assert found == {"3": Status.STATUS_CODE_UNSET, "4": Status.STATUS_CODE_ERROR}
    for span in whole:
        assert any(a.key == "strut.session_id" and a.value.string_value == session for a in span.attributes)
