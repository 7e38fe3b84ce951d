"""Metrics for Prometheus, over HTTP on the loopback address alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from strut_server.clock import NANOSECONDS, monotonic_ns
from strut_server.intervals import STAGES
from strut_server.loopback_http import Response
from strut_server.telemetry import BOUNDS

if TYPE_CHECKING:
    from strut_server.runtime import Runtime

LOOP_PATIENCE_SECONDS = 5.0
LABELS = (*(f"{bound:g}" for bound in BOUNDS), "+Inf")


class RuntimeCollector(Collector):
    """The state of a runtime; read on its event loop, wherever it is asked for.

    Args:
        runtime: what serves.
        loop: its event loop.
    """

    def __init__(self, runtime: Runtime, loop: asyncio.AbstractEventLoop) -> None:
        self._runtime = runtime
        self._loop = loop

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        return asyncio.run_coroutine_threadsafe(self._collect(), self._loop).result(LOOP_PATIENCE_SECONDS)

    async def _collect(self) -> list[Metric]:
        runtime, totals = self._runtime, self._runtime.telemetry.totals
        counts = totals.counts
        durations = HistogramMetricFamily(
            "strut_stage_duration_seconds", "A window's time in each stage of its way.", labels=["stage"]
        )
        for stage, name in STAGES.items():
            cumulative = accumulate(totals.buckets[stage])
            durations.add_metric([name], list(zip(LABELS, map(float, cumulative))), totals.sums[stage])
        requests = CounterMetricFamily("strut_requests", "Window requests by how they ended.", labels=["outcome"])
        for reason, count in sorted(counts.outcomes.items()):
            requests.add_metric([reason], count)
        model = GaugeMetricFamily("strut_model_info", "The model that serves.", labels=["model", "hash", "device"])
        model.add_metric([runtime.model.name, runtime.model.hash, runtime.device], 1)
        workers = runtime.serving.workers
        cluster: list[Metric] = []
        if workers is not None:
            cluster = [
                GaugeMetricFamily("strut_workers", "Workers that evaluate.", len(workers.workers())),
                CounterMetricFamily("strut_lost_workers", "Workers that died or did not answer.", workers.lost),
            ]
        up_seconds = (monotonic_ns() - runtime.telemetry.began_ns) / NANOSECONDS
        return [
            *cluster,
            durations,
            requests,
            model,
            CounterMetricFamily("strut_batches", "Batches evaluated.", counts.batches),
            CounterMetricFamily("strut_batched_windows", "Windows in these batches.", counts.batched_windows),
            CounterMetricFamily("strut_sent_bytes", "Size of the replies.", counts.bytes_sent),
            CounterMetricFamily("strut_late_windows", "Late windows that clients reported.", counts.late_windows),
            CounterMetricFamily("strut_underruns", "Underruns that clients reported.", counts.underruns),
            CounterMetricFamily(
                "strut_model_cpu_seconds", "Processor time inside the network.", counts.model_cpu_ns / NANOSECONDS
            ),
            GaugeMetricFamily("strut_streams", "Open streams.", len(runtime.streams)),
            GaugeMetricFamily("strut_characters", "Characters on them.", runtime.characters),
            GaugeMetricFamily("strut_queue_depth", "Requests that wait.", len(runtime.queue)),
            GaugeMetricFamily("strut_draining", "1 while the server drains.", int(runtime.draining)),
            GaugeMetricFamily("strut_uptime_seconds", "Time since the server began.", up_seconds),
        ]


class MetricsPage:
    """What Prometheus reads.

    Args:
        runtime: what serves.
        loop: its event loop.
    """

    def __init__(self, runtime: Runtime, loop: asyncio.AbstractEventLoop) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(RuntimeCollector(runtime, loop))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def __call__(self, accept: str) -> Response:
        """The metrics in the format that is wanted."""
        encode, content_type = choose_encoder(accept)
        return Response(encode(self._registry), content_type)
