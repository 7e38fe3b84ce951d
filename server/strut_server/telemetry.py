"""The server's statistics: of the last minute second by second, of the last hour minute by minute, and since it began.

Everything here runs on the event loop. Memory is bounded: what is over is kept as a few histograms, and who watches has
one set of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from strut_proto.v1 import motion_service_pb2, telemetry_service_pb2
from strut_server import errors
from strut_server.clock import NANOSECONDS, BatchTimes, monotonic_ns
from strut_server.intervals import STAGES, Counts, Interval, PackedInterval, durations_of

SECONDS = 60
"""Past seconds, and past minutes, that are kept."""
MAX_WATCHERS = 16
MAX_REPORTED = 1_000_000
"""What a client reports is believed up to here: counts, and milliseconds."""

BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds, in seconds, of the buckets that Prometheus is given."""


@dataclass
class Totals:
    """Since the server began.

    Attributes:
        counts: see `Counts`.
        buckets: by stage, windows whose duration lies in each of `BOUNDS` and beyond them.
        sums: by stage, seconds.
    """

    counts: Counts = field(default_factory=Counts)
    buckets: dict[int, list[int]] = field(default_factory=lambda: {s: [0] * (len(BOUNDS) + 1) for s in STAGES})
    sums: dict[int, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    def duration(self, stage: int, seconds: float, count: int) -> None:
        """Take notice of a duration, ``count`` times."""
        self.buckets[stage][bisect_left(BOUNDS, seconds)] += count
        self.sums[stage] += seconds * count


def added_up(intervals: Sequence[PackedInterval]) -> Interval:
    """One interval of several. Takes some milliseconds for each: nothing for an event loop."""
    total = Interval()
    for interval in intervals:
        total.add(interval)
    return total


class Telemetry:
    """Takes notice of everything that happens, and tells about it."""

    def __init__(self) -> None:
        self.totals = Totals()
        self.began_ns = monotonic_ns()
        self._second = Interval()
        self._seconds: deque[PackedInterval] = deque(maxlen=SECONDS)
        self._minute = Interval()
        self._minutes: deque[PackedInterval] = deque(maxlen=SECONDS)
        self._watchers: set[Interval] = set()

    # What happens.

    def outcome(self, reason: str) -> None:
        """A request was answered: OK, or the reason of its error."""
        for counts in self._counts():
            counts.outcomes[reason] += 1

    def batch(self, times: BatchTimes) -> None:
        """A batch was evaluated."""
        for counts in self._counts():
            counts.batch(times)

    def sent(self, replies: Sequence[motion_service_pb2.WindowReply], size: int) -> None:
        """Replies were handed to the transport, in messages of ``size`` bytes together."""
        for counts in self._counts():
            counts.bytes_sent += size
        windows = [reply.timing for reply in replies if reply.HasField("window")]
        if windows:
            for stage, microseconds in durations_of(windows).items():
                self._durations(stage, microseconds)

    def report(self, report: motion_service_pb2.ClientReport) -> None:
        """A client told what it saw."""
        for counts in self._counts():
            counts.late_windows += min(report.late_windows, MAX_REPORTED)
            counts.underruns += min(report.underruns, MAX_REPORTED)
        if 0.0 < report.mean_wire_ms <= MAX_REPORTED:
            self._durations(telemetry_service_pb2.STAGE_WIRE, {int(report.mean_wire_ms * 1000): 1})

    # What is told.

    def last(self, seconds: float) -> list[PackedInterval]:
        """What happened in about the last seconds, at most an hour; `added_up` makes one interval of it."""
        self._turn()
        since = monotonic_ns() - int(seconds * NANOSECONDS)
        now, past = (self._second, self._seconds) if seconds <= SECONDS else (self._minute, self._minutes)
        return [now.packed(), *(one for one in past if one.began_ns >= since)]

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        """Watch from now on.

        Raises:
            RequestError: RESOURCE_EXHAUSTED when too many watch already.
        """
        if len(self._watchers) >= MAX_WATCHERS:
            raise errors.too_many_watchers(MAX_WATCHERS)
        watcher = Watcher(self._watchers)
        try:
            yield watcher
        finally:
            watcher.end()

    def _durations(self, stage: int, microseconds: Mapping[int, int]) -> None:
        for interval in (self._second, self._minute, *self._watchers):
            interval.durations(stage, microseconds)
        for duration, count in microseconds.items():
            self.totals.duration(stage, duration / 1e6, count)

    def _counts(self) -> list[Counts]:
        self._turn()
        intervals = (self._second, self._minute, *self._watchers)
        return [self.totals.counts, *(interval.counts for interval in intervals)]

    def _turn(self) -> None:
        """Begin a new second, and a new minute, when it is time to."""
        now = monotonic_ns()
        if now - self._second.began_ns < NANOSECONDS:
            return
        # The minute has heard of everything itself: to add up histograms would hold the event loop up.
        self._seconds.append(self._second.packed())
        self._second = Interval()
        if now - self._minute.began_ns >= SECONDS * NANOSECONDS:
            self._minutes.append(self._minute.packed())
            self._minute = Interval()


class Watcher:
    """Statistics from one look to the next."""

    def __init__(self, watchers: set[Interval]) -> None:
        self._watchers = watchers
        self._interval = Interval()
        watchers.add(self._interval)

    def look(self) -> Interval:
        """What happened since the last look."""
        seen = self._interval
        self.end()
        self._interval = Interval()
        self._watchers.add(self._interval)
        return seen

    def end(self) -> None:
        """Watch no longer."""
        self._watchers.discard(self._interval)
