"""The server's settings: one dataclass, checked when it is made."""

from __future__ import annotations

import ipaddress
import math
import os
from dataclasses import dataclass
from pathlib import Path

DEVICES = ("auto", "cpu", "cuda")


MOST_BATCHES = 2
"""Made at the same time by default: what surrounds the network is Python and takes turns with itself."""


class SettingError(ValueError):
    """A setting that cannot be used; the message names it, its value and the allowed range."""


@dataclass(frozen=True)
class ServerSettings:
    """How to serve.

    Attributes:
        host: address to bind to. An address that is not a loopback one needs TLS or ``insecure_any_address``.
        port: TCP port, 0 for any free one.
        insecure_any_address: allow any address without TLS all the same.
        tls_certificate, tls_key: PEM files of the server's certificate chain and its key; both or none. They are read
            again when they change.
        tls_client_ca: PEM file of the authorities that clients' certificates must come from; None asks for none.
        tokens: YAML file of those who may connect and their roles, see `access`; None lets everybody do everything.
        database: SQLAlchemy URL of users' styles and presets; None for one that ends with the server.
        bundle: directory of the model bundle; None for the one that ships with the package.
        device: what the network runs on: "cpu", "cuda", or "auto" for CUDA where it works and else the CPU.
        threads: threads of one network evaluation. One serves the most characters a core.
        parallel_batches: batches that are made at the same time, each by a thread of its own; 0 for as many as the
            machine has cores for, two at most. With workers of a cluster always one.
        spin: let the threads of an evaluation spin while they wait. Shortens a single character's window a little and
            keeps the cores busy all the time.
        max_batch: most windows evaluated together, and most requests in one message.
        max_batch_delay_ms: longest wait for company once the network is free. Characters then share an evaluation, at
            the cost of this much latency.
        eager_batches: nobody waits for company once every streaming character has a request in the queue.
        max_batch_ms: longest that the evaluation of a batch should take, so that what comes meanwhile need not wait for
            long.
        target_latency_ms: longest that windows should take from the arrival of their requests. Where more waits than
            can be made in that time, steps are saved as far as clients allow it, and streams get fair shares.
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
        metrics_port: TCP port, on the loopback address, of the metrics for Prometheus; 0 for any free one, None for no
            metrics.
        console_port: TCP port of the designer's console, on ``host``; 0 for any free one, None for no console.
        console_hosts: names, besides its addresses and its own, by which browsers may reach the console.
        otlp_endpoint: URL of an OpenTelemetry collector that traces go to; None for no traces.
        trace_ratio: share of windows that are traced where the client does not say.
        drain_seconds: how long streams may go on after SIGTERM.
        min_ping_seconds: least distance of a client's keepalive pings. gRPC's own default of five minutes answers
            livelier clients by closing their connection.
        max_streams_per_peer: most streams, of any service, that one caller has open at a time.
        max_calls_per_second: most calls a second and caller, streams counted when they are opened; as many may come
            at once.
        max_requests_per_second: most window requests a second that are read from one connection; a client that sends
            more is read later. Reading one costs a tenth of a millisecond that nobody else gets.
        max_unread_bytes: of replies that wait for a client to read them; beyond, nothing more is read from its stream.
        unread_seconds: longest that a client may go without reading what waits for it; its stream is closed then.
        max_styles_per_owner: most styles, and most presets, that one caller may store.
        max_upload_bytes: most bytes of the files that a style is made of.
        hello_seconds: longest wait for a call's first message, and for the next piece of an upload.
        cluster: batches are evaluated by workers of a Ray cluster, each with ``device`` and ``threads`` of its own.
        cluster_address: of the Ray cluster; None for the one that RAY_ADDRESS names, one on this machine, or a new one.
        min_workers, max_workers: how many workers there are at least and at most.
        scale_up_wait_ms: mean wait of requests in the queue beyond which there is one worker more.
        scale_down_seconds: for how long requests hardly wait before there is one worker fewer.
        worker_timeout_ms: longest wait for a worker's answer; another one is asked then.
    """

    host: str = "127.0.0.1"
    port: int = 50051
    insecure_any_address: bool = False
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    tokens: Path | None = None
    database: str | None = None
    bundle: Path | None = None
    device: str = "auto"
    threads: int = 1
    parallel_batches: int = 0
    spin: bool = False
    max_batch: int = 256
    max_batch_delay_ms: float = 2.0
    eager_batches: bool = True
    max_batch_ms: float = 60.0
    target_latency_ms: float = 120.0
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
    metrics_port: int | None = None
    console_port: int | None = None
    console_hosts: tuple[str, ...] = ()
    otlp_endpoint: str | None = None
    trace_ratio: float = 0.01
    drain_seconds: float = 10.0
    min_ping_seconds: float = 1.0
    max_streams_per_peer: int = 256
    max_calls_per_second: float = 1000.0
    max_requests_per_second: float = 5000.0
    max_unread_bytes: int = 1024 * 1024
    unread_seconds: float = 20.0
    max_styles_per_owner: int = 1000
    max_upload_bytes: int = 64 * 1024 * 1024
    hello_seconds: float = 10.0
    cluster: bool = False
    cluster_address: str | None = None
    min_workers: int = 1
    max_workers: int = 4
    scale_up_wait_ms: float = 30.0
    scale_down_seconds: float = 30.0
    worker_timeout_ms: float = 2000.0

    def __post_init__(self) -> None:
        _check("port", self.port, 0, 65535)
        _check("threads", self.threads, 1, 256)
        _check("parallel_batches", self.parallel_batches, 0, 16)
        _check("max_batch", self.max_batch, 1, 4096)
        _check("max_batch_delay_ms", self.max_batch_delay_ms, 0, 1000)
        _check("max_batch_ms", self.max_batch_ms, 1, 60_000)
        _check("target_latency_ms", self.target_latency_ms, 1, 60_000)
        _check("queue_capacity", self.queue_capacity, 1, 1_000_000)
        _check("max_characters", self.max_characters, 1, 65536)
        _check("max_message_bytes", self.max_message_bytes, 65536, 1 << 30)
        _check("max_unread_bytes", self.max_unread_bytes, 16384, 1 << 30)
        _check("unread_seconds", self.unread_seconds, 0.1, 3600)
        _check("min_replan_frames", self.min_replan_frames, 1, 16)
        _check("max_trajectory_samples", self.max_trajectory_samples, 1, 4096)
        _check("max_style_components", self.max_style_components, 1, 256)
        _check("max_deadline_ms", self.max_deadline_ms, 1, 600_000)
        _check("default_deadline_ms", self.default_deadline_ms, 1, self.max_deadline_ms)
        _check("remembered_windows", self.remembered_windows, 2, 16)
        _check("metrics_port", self.metrics_port or 0, 0, 65535)
        _check("console_port", self.console_port or 0, 0, 65535)
        _check("trace_ratio", self.trace_ratio, 0, 1)
        _check("drain_seconds", self.drain_seconds, 0, 3600)
        _check("min_ping_seconds", self.min_ping_seconds, 0.1, 3600)
        _check("max_streams_per_peer", self.max_streams_per_peer, 1, 1_000_000)
        _check("max_calls_per_second", self.max_calls_per_second, 1, 1_000_000)
        _check("max_requests_per_second", self.max_requests_per_second, self.max_batch, 10_000_000)
        _check("max_styles_per_owner", self.max_styles_per_owner, 0, 100_000)
        _check("max_upload_bytes", self.max_upload_bytes, 1024, 1 << 32)
        _check("hello_seconds", self.hello_seconds, 0.1, 3600)
        _check("max_workers", self.max_workers, 1, 1000)
        _check("min_workers", self.min_workers, 1, self.max_workers)
        _check("scale_up_wait_ms", self.scale_up_wait_ms, 0.01, 60_000)
        _check("scale_down_seconds", self.scale_down_seconds, 0.1, 86_400)
        _check("worker_timeout_ms", self.worker_timeout_ms, 10, 600_000)
        if self.device not in DEVICES:
            raise SettingError(f"device: {self.device!r} is not supported; allowed: {', '.join(DEVICES)}")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise SettingError("tls_certificate, tls_key: only one of them is given; allowed: both or none")
        if self.tls_client_ca is not None and not self.encrypted:
            raise SettingError("tls_client_ca: is given without a certificate of the server's own; allowed: with TLS")
        if not (self.encrypted or self.insecure_any_address or is_loopback(self.host)):
            raise SettingError(
                f"host: {self.host!r} is not a loopback address, and the connection is not encrypted; allowed: "
                "127.0.0.0/8, ::1, localhost, any address with --tls-certificate and --tls-key, or with "
                "--insecure-any-address"
            )

    @property
    def batch_threads(self) -> int:
        """How many batches are made at the same time."""
        if self.cluster:
            return 1
        return self.parallel_batches or max(min(usable_cores() // self.threads, MOST_BATCHES), 1)

    @property
    def encrypted(self) -> bool:
        """True where clients connect by TLS."""
        return self.tls_certificate is not None

    @property
    def open_to_all(self) -> bool:
        """True where others than this machine's users can connect and nobody asks them who they are."""
        return not is_loopback(self.host) and self.tokens is None and self.tls_client_ca is None

    @property
    def address(self) -> str:
        """What gRPC binds to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux; containers and taskset give a process fewer than there are
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
