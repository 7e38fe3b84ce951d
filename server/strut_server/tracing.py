"""Traces for OpenTelemetry: a span for each sampled window, with one for each stage of its way.

A client that sends a `traceparent` with its call finds its windows' spans in its own trace. Needs the extra `tracing`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from strut_server.clock import monotonic_ns
from strut_server.server_info import server_version

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from strut_proto.v1 import motion_service_pb2

_STAGES = ("queue", "batch_wait", "featurise", "inference", "postprocess", "serialise")


class WindowTracer:
    """Exports spans of windows over OTLP.

    Args:
        endpoint: of the collector, such as http://localhost:4317; https is encrypted, http is not.
        ratio: share of windows that are traced where the client does not say, 0 to 1.

    Raises:
        ModuleNotFoundError: the extra is not installed.
    """

    def __init__(self, endpoint: str, ratio: float) -> None:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create({SERVICE_NAME: "strut", SERVICE_VERSION: server_version()})
        self._provider = TracerProvider(resource=resource, sampler=ParentBasedTraceIdRatio(ratio))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("strut_server")
        self._propagator = TraceContextTextMapPropagator()
        self._api = trace

    def context_of(self, metadata: Mapping[str, str]) -> Context:
        """The caller's trace out of a call's metadata; an empty one where there is none."""
        from opentelemetry.context import Context

        return self._propagator.extract(metadata, Context())

    def window(self, reply: motion_service_pb2.WindowReply, session_id: str, context: Context) -> None:
        """Make the spans of a reply that was handed to the transport, in the caller's trace where it has one."""
        api, timing = self._api, reply.timing
        # The server's clock has no date; it is given one when the reply is there.
        offset = time.time_ns() - monotonic_ns()
        begin = timing.server_receive_time_ns + offset
        span = self._tracer.start_span("strut.window", context, api.SpanKind.SERVER, start_time=begin)
        if span.is_recording():
            span.set_attributes(
                {
                    "strut.session_id": session_id,
                    "strut.character": str(reply.character),
                    "strut.sequence": str(reply.sequence),
                    "strut.batch_size": timing.batch_size,
                    "strut.steps": reply.window.steps,
                }
            )
            if reply.HasField("error"):
                span.set_status(api.Status(api.StatusCode.ERROR, reply.error.message))
            inner = api.set_span_in_context(span, context)
            at = begin
            for stage in _STAGES:
                nanoseconds = getattr(timing, f"{stage}_ns")
                if nanoseconds:
                    child = self._tracer.start_span(f"strut.{stage}", inner, start_time=at)
                    at += nanoseconds
                    child.end(at)
        span.end(begin + timing.server_total_ns)

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
