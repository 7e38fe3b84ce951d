"""The server's settings: one dataclass, checked when it is made."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from pathlib import Path

DEVICES = ("auto", "cpu")


class SettingError(ValueError):
    """A setting that cannot be used; the message names it, its value and the allowed range."""


@dataclass(frozen=True)
class ServerSettings:
    """How to serve.

    Attributes:
        host: address to bind to. An address that is not a loopback one needs ``insecure_any_address``, because
            nothing encrypts the connection or asks who connects.
        port: TCP port, 0 for any free one.
        insecure_any_address: allow any address all the same.
        bundle: directory of the model bundle; None for the one that ships with the package.
        device: what the network runs on: "auto" or "cpu".
        threads: threads of one network evaluation. One serves the most characters a core.
        max_batch: most windows evaluated together, and most requests in one message.
        max_batch_delay_ms: longest wait for company once the network is free. Characters then share an evaluation, at
            the cost of this much latency.
        queue_capacity: most requests that wait; more are refused.
        default_steps: network evaluations for requests that do not say.
        max_characters: most characters on one stream.
        max_message_bytes: largest message received.
        min_replan_frames: least distance of the starts of a window and of the one that re-plans it.
        max_trajectory_samples: most samples of a trajectory.
        max_style_components: most styles in one mix.
        max_deadline_ms: what longer deadlines are clamped to.
        default_deadline_ms: deadline of requests that give none.
        remembered_windows: windows that are remembered for each character.
        drain_seconds: how long streams may go on after SIGTERM.
        min_ping_seconds: least distance of a client's keepalive pings. gRPC's own default of five minutes answers
            livelier clients by closing their connection.
    """

    host: str = "127.0.0.1"
    port: int = 50051
    insecure_any_address: bool = False
    bundle: Path | None = None
    device: str = "auto"
    threads: int = 1
    max_batch: int = 256
    max_batch_delay_ms: float = 2.0
    queue_capacity: int = 4096
    default_steps: int = 2
    max_characters: int = 1024
    max_message_bytes: int = 4 * 1024 * 1024
    min_replan_frames: int = 4
    max_trajectory_samples: int = 256
    max_style_components: int = 16
    max_deadline_ms: int = 5000
    default_deadline_ms: int = 1000
    remembered_windows: int = 3
    drain_seconds: float = 10.0
    min_ping_seconds: float = 1.0

    def __post_init__(self) -> None:
        _check("port", self.port, 0, 65535)
        _check("threads", self.threads, 1, 256)
        _check("max_batch", self.max_batch, 1, 4096)
        _check("max_batch_delay_ms", self.max_batch_delay_ms, 0, 1000)
        _check("queue_capacity", self.queue_capacity, 1, 1_000_000)
        _check("max_characters", self.max_characters, 1, 65536)
        _check("max_message_bytes", self.max_message_bytes, 65536, 1 << 30)
        _check("min_replan_frames", self.min_replan_frames, 1, 16)
        _check("max_trajectory_samples", self.max_trajectory_samples, 1, 4096)
        _check("max_style_components", self.max_style_components, 1, 256)
        _check("max_deadline_ms", self.max_deadline_ms, 1, 600_000)
        _check("default_deadline_ms", self.default_deadline_ms, 1, self.max_deadline_ms)
        _check("remembered_windows", self.remembered_windows, 2, 16)
        _check("drain_seconds", self.drain_seconds, 0, 3600)
        _check("min_ping_seconds", self.min_ping_seconds, 0.1, 3600)
        if self.device not in DEVICES:
            raise SettingError(f"device: {self.device!r} is not supported; allowed: {', '.join(DEVICES)}")
        if not self.insecure_any_address and not is_loopback(self.host):
            raise SettingError(
                f"host: {self.host!r} is not a loopback address, and the connection is neither encrypted nor asks who "
                "connects; allowed: 127.0.0.0/8, ::1, localhost, or any address with --insecure-any-address"
            )

    @property
    def address(self) -> str:
        """What gRPC binds to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def is_loopback(host: str) -> bool:
    """True where only this machine can connect to ``host``; a name other than localhost counts as not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise SettingError(f"{name}: {value} is out of range; allowed: {low} to {high}")
