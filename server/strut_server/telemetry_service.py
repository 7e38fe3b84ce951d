"""TelemetryService: the server's statistics, at once and as a stream."""

# ruff: noqa: N802  (the methods are named as in the contract)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc.aio

from strut_proto.v1 import telemetry_service_pb2, telemetry_service_pb2_grpc
from strut_server.checks import Checker
from strut_server.clock import NANOSECONDS, monotonic_ns
from strut_server.errors import RequestError, abort
from strut_server.intervals import Interval
from strut_server.runtime import Runtime
from strut_server.telemetry import added_up

ONCE_SECONDS = (1.0, 3600.0, 10.0)
STREAM_SECONDS = (0.1, 60.0, 1.0)
"""Lowest, highest and default interval."""

Context = grpc.aio.ServicerContext


class TelemetryService(telemetry_service_pb2_grpc.TelemetryServiceServicer):
    """Tells how the server is doing.

    Args:
        runtime: what serves.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def GetStatistics(
        self, request: telemetry_service_pb2.GetStatisticsRequest, context: Context
    ) -> telemetry_service_pb2.GetStatisticsResponse:
        """See the contract."""
        try:
            seconds = _seconds(request, ONCE_SECONDS)
        except RequestError as error:
            await abort(context, error)
        interval = await asyncio.to_thread(added_up, self._runtime.telemetry.last(seconds))
        statistics = statistics_message(self._runtime, interval)
        return telemetry_service_pb2.GetStatisticsResponse(statistics=statistics)

    async def StreamStatistics(
        self, request: telemetry_service_pb2.StreamStatisticsRequest, context: Context
    ) -> AsyncIterator[telemetry_service_pb2.StreamStatisticsResponse]:
        """See the contract."""
        try:
            seconds = _seconds(request, STREAM_SECONDS)
            with self._runtime.telemetry.watching() as watcher:
                while True:
                    await asyncio.sleep(seconds)
                    statistics = statistics_message(self._runtime, watcher.look())
                    yield telemetry_service_pb2.StreamStatisticsResponse(statistics=statistics)
        except RequestError as error:
            await abort(context, error)


def statistics_message(runtime: Runtime, interval: Interval) -> telemetry_service_pb2.Statistics:
    """An interval's statistics with the state of the server."""
    statistics = interval.message()
    statistics.uptime_seconds = (monotonic_ns() - runtime.telemetry.began_ns) / NANOSECONDS
    statistics.streams = len(runtime.streams)
    statistics.characters = runtime.characters
    statistics.queue_depth = len(runtime.queue)
    statistics.model = runtime.model.name
    statistics.device = runtime.device
    return statistics


def _seconds(
    request: telemetry_service_pb2.GetStatisticsRequest | telemetry_service_pb2.StreamStatisticsRequest,
    allowed: tuple[float, float, float],
) -> float:
    """The interval asked for.

    Raises:
        RequestError: it is out of range.
    """
    low, high, default = allowed
    if not request.HasField("interval_seconds"):
        return default
    check = Checker()
    check.number("interval_seconds", request.interval_seconds, low, high, "seconds")
    check.raise_if_failed()
    return request.interval_seconds
