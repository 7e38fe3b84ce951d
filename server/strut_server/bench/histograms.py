"""Latencies of a benchmark: HDR histograms of microseconds with three digits."""

from __future__ import annotations

from collections.abc import Sequence

from hdrh.histogram import HdrHistogram

LONGEST_US = 600_000_000


class Latencies:
    """Durations, kept as a histogram; all in milliseconds outside of it."""

    def __init__(self) -> None:
        self._histogram = HdrHistogram(1, LONGEST_US, 3)

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self._histogram.get_total_count())

    def record(self, nanoseconds: int) -> None:
        """Add one; a negative one counts as 0."""
        self._histogram.record_value(min(max(nanoseconds // 1000, 0), LONGEST_US))

    def add(self, other: Latencies) -> None:
        """Add those of another."""
        self._histogram.add(other._histogram)

    def percentile(self, percent: float) -> float:
        """The value below which ``percent`` of them lie, milliseconds; NaN where there are none."""
        if not self.count:
            return float("nan")
        return float(self._histogram.get_value_at_percentile(percent)) / 1000.0

    def curve(self, percents: Sequence[float]) -> list[float]:
        """Several percentiles, ascending."""
        if not self.count:
            return [float("nan")] * len(percents)
        values = self._histogram.get_percentile_to_value_dict(list(percents))
        return [values[percent] / 1000.0 for percent in percents]

    def share_above(self, milliseconds: float) -> float:
        """Share of them that are longer; NaN where there are none."""
        if not self.count:
            return float("nan")
        limit = milliseconds * 1000.0
        above = sum(
            item.count_at_value_iterated_to
            for item in self._histogram.get_recorded_iterator()
            if item.value_iterated_to > limit
        )
        return float(above / self.count)

    def as_dict(self) -> dict[str, float]:
        """What goes into a report, milliseconds."""
        names = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99_9": 99.9, "max": 100.0}
        return {"count": self.count, **{name: round(self.percentile(p), 3) for name, p in names.items()}}
