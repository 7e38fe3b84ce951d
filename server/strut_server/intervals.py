"""What happened in an interval of time: durations by stage as HDR histograms, outcomes, batches, bytes.

Histograms hold microseconds with two significant digits, up to ten minutes: a percentile is off by a hundredth at most.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hdrh.histogram import HdrHistogram

from strut_proto.v1 import telemetry_service_pb2, timing_pb2
from strut_server.clock import NANOSECONDS, BatchTimes, monotonic_ns

MICROSECOND = 1000
"""Nanoseconds in a microsecond."""
LONGEST_US = 600_000_000
DIGITS = 2
PERCENTILES = (50.0, 95.0, 99.0)

STAGES: dict[int, str] = {
    telemetry_service_pb2.STAGE_QUEUE: "queue",
    telemetry_service_pb2.STAGE_BATCH_WAIT: "batch_wait",
    telemetry_service_pb2.STAGE_FEATURISE: "featurise",
    telemetry_service_pb2.STAGE_INFERENCE: "inference",
    telemetry_service_pb2.STAGE_POSTPROCESS: "postprocess",
    telemetry_service_pb2.STAGE_SERIALISE: "serialise",
    telemetry_service_pb2.STAGE_SERVER_TOTAL: "server_total",
    telemetry_service_pb2.STAGE_WIRE: "wire",
}
"""Names of the contract's stages; a reply's timing has them all, with `_ns` behind, but for the last."""
TIMED = tuple((stage, f"{name}_ns") for stage, name in STAGES.items() if name != "wire")


def new_histogram() -> HdrHistogram:
    """An empty histogram of microseconds."""
    return HdrHistogram(1, LONGEST_US, DIGITS, word_size=4)


def durations_of(timings: Sequence[timing_pb2.Timing]) -> dict[int, Counter[int]]:
    """By stage, the durations of some windows, microseconds, and how often each occurs.

    The windows of a batch share most of their durations, so that few numbers stand for many windows.
    """
    return {stage: Counter(getattr(timing, name) // MICROSECOND for timing in timings) for stage, name in TIMED}


@dataclass(frozen=True)
class PackedDurations:
    """Durations of one stage that are over: the compressed histogram, sum and longest, microseconds."""

    histogram: bytes
    sum_us: int
    max_us: int


class StageDurations:
    """Durations of one stage."""

    def __init__(self) -> None:
        self.histogram = new_histogram()
        self.sum_us = 0
        self.max_us = 0

    def record(self, microseconds: int, count: int) -> None:
        """Add a duration ``count`` times; what is longer than the histogram goes counts as its longest."""
        self.histogram.record_value(min(microseconds, LONGEST_US), count)
        self.sum_us += microseconds * count
        self.max_us = max(self.max_us, microseconds)

    def packed(self) -> PackedDurations:
        """The same in a few hundred bytes."""
        return PackedDurations(self.histogram.encode(), self.sum_us, self.max_us)

    def add(self, other: PackedDurations) -> None:
        """Add the durations of another interval."""
        self.histogram.decode_and_add(other.histogram)
        self.sum_us += other.sum_us
        self.max_us = max(self.max_us, other.max_us)

    def message(self, stage: int) -> telemetry_service_pb2.StageStatistics:
        """The contract's message."""
        count = self.histogram.get_total_count()
        values = self.histogram.get_percentile_to_value_dict(list(PERCENTILES))
        # A percentile is the top of its bucket, which may lie above the longest of all.
        p50, p95, p99 = (min(values[percentile], self.max_us) / 1000.0 for percentile in PERCENTILES)
        return telemetry_service_pb2.StageStatistics(
            stage=stage,  # type: ignore[arg-type]
            count=count,
            mean_ms=self.sum_us / count / 1000.0 if count else 0.0,
            p50_ms=p50,
            p95_ms=p95,
            p99_ms=p99,
            max_ms=self.max_us / 1000.0,
        )


@dataclass
class Counts:
    """What is counted in an interval; all of it adds up."""

    outcomes: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    batched_windows: int = 0
    bytes_sent: int = 0
    late_windows: int = 0
    underruns: int = 0
    model_cpu_ns: int = 0

    def batch(self, times: BatchTimes) -> None:
        """Count a batch that was evaluated."""
        self.batches += 1
        self.batched_windows += times.size
        self.model_cpu_ns += times.inference_cpu

    def add(self, other: Counts) -> None:
        """Add the counts of another interval."""
        self.outcomes.update(other.outcomes)
        self.batches += other.batches
        self.batched_windows += other.batched_windows
        self.bytes_sent += other.bytes_sent
        self.late_windows += other.late_windows
        self.underruns += other.underruns
        self.model_cpu_ns += other.model_cpu_ns


@dataclass(frozen=True)
class PackedInterval:
    """What happened in an interval that is over; see `Interval`."""

    began_ns: int
    cpu_began: float
    counts: Counts
    stages: dict[int, PackedDurations]


class Interval:
    """What happened since some moment.

    Attributes:
        began_ns: the moment, on the server's clock.
        cpu_began: the process' processor time at the moment, seconds.
    """

    def __init__(self) -> None:
        self.began_ns = monotonic_ns()
        self.cpu_began = time.process_time()
        self.counts = Counts()
        self._stages: dict[int, StageDurations] = {}

    def durations(self, stage: int, microseconds: Mapping[int, int]) -> None:
        """Take notice of durations of one stage, each with how often there was such a one."""
        durations = self._stages.get(stage)
        if durations is None:
            durations = self._stages[stage] = StageDurations()
        for duration, count in microseconds.items():
            durations.record(duration, count)

    def packed(self) -> PackedInterval:
        """The same in a few kilobytes."""
        stages = {stage: durations.packed() for stage, durations in self._stages.items()}
        return PackedInterval(self.began_ns, self.cpu_began, self.counts, stages)

    def add(self, other: PackedInterval) -> None:
        """Add what happened in another interval; the earlier beginning counts."""
        if other.began_ns < self.began_ns:
            self.began_ns, self.cpu_began = other.began_ns, other.cpu_began
        self.counts.add(other.counts)
        for stage, durations in other.stages.items():
            mine = self._stages.get(stage)
            if mine is None:
                mine = self._stages[stage] = StageDurations()
            mine.add(durations)

    def message(self) -> telemetry_service_pb2.Statistics:
        """The contract's message, up to now, without what is no matter of the interval."""
        counts = self.counts
        statistics = telemetry_service_pb2.Statistics(
            interval_seconds=max(monotonic_ns() - self.began_ns, 1) / NANOSECONDS,
            mean_batch_size=counts.batched_windows / counts.batches if counts.batches else 0.0,
            stages=[durations.message(stage) for stage, durations in sorted(self._stages.items())],
            bytes_sent=counts.bytes_sent,
            late_windows=counts.late_windows,
            underruns=counts.underruns,
            cpu_seconds=max(time.process_time() - self.cpu_began, 0.0),
            model_cpu_seconds=counts.model_cpu_ns / NANOSECONDS,
        )
        statistics.time.GetCurrentTime()
        for reason, count in sorted(counts.outcomes.items()):
            statistics.outcomes.add(reason=reason, count=count)
        return statistics
