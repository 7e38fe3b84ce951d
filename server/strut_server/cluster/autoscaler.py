"""How many workers are wanted, by how long requests wait in the queue."""

from __future__ import annotations

CALM_SHARE = 0.25
"""Below this share of the wait that asks for more workers, one fewer would do."""
CALM_SECONDS = 30.0
"""For how long it has to be calm before a worker goes."""


class Autoscaler:
    """One worker more as long as requests wait too long, one fewer after each calm stretch.

    Args:
        least, most: workers.
        wait_seconds: mean wait of an interval's requests that asks for one more.
        calm_seconds: see `CALM_SECONDS`.

    Attributes:
        target: workers wanted.
    """

    def __init__(self, least: int, most: int, wait_seconds: float, calm_seconds: float = CALM_SECONDS) -> None:
        self.target = least
        self._least = least
        self._most = most
        self._wait_seconds = wait_seconds
        self._calm_seconds = calm_seconds
        self._calm_since: float | None = None

    def observe(self, wait: float | None, ready: int, now: float) -> int:
        """Take notice of an interval.

        Args:
            wait: seconds, mean of its requests; None where there were none.
            ready: workers that evaluate. No further one is asked for before the last one is there.
            now: seconds on any clock.

        Returns:
            The target.
        """
        if wait is not None and wait > self._wait_seconds:
            self._calm_since = None
            if ready >= self.target:
                self.target = min(self.target + 1, self._most)
        elif wait is not None and wait > CALM_SHARE * self._wait_seconds:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= self._calm_seconds:
            self._calm_since = now
            self.target = max(self.target - 1, self._least)
        return self.target
