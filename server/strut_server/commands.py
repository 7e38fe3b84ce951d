"""`strut serve`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import platformdirs

from strut_model.bundle import BundleError
from strut_model.streaming.devices import DeviceError
from strut_server.access import Role, callers_yaml, new_token, parse_callers, write_whole
from strut_server.console.page import PageMissingError
from strut_server.logs import FORMATS, configure_logging
from strut_server.server import BindError, StrutServer
from strut_server.settings import DEVICES, ServerSettings, SettingError
from strut_server.storage.database import StorageError

DEFAULTS = ServerSettings()
CONSOLE_PORT = 50080
LIMITS = {
    "max_characters": "Most characters on one stream.",
    "max_streams_per_peer": "Most streams of one caller.",
    "max_calls_per_second": "Most calls a second of one caller.",
    "max_requests_per_second": "Most window requests a second that are read from one connection.",
    "max_styles_per_owner": "Most styles, and most presets, that one caller stores.",
}
CLUSTER = {
    "min_workers": "Least number of workers.",
    "max_workers": "Greatest number of workers.",
    "scale_up_wait_ms": "Mean wait in the queue, in milliseconds, that brings one worker more.",
    "scale_down_seconds": "Seconds without waiting after which one worker goes.",
    "worker_timeout_ms": "Longest wait for a worker's answer, in milliseconds; another one is asked then.",
}
PEM = click.Path(path_type=Path, dir_okay=False, exists=True)


def further_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for every limit, and for every figure of a cluster."""
    for name, text in reversed([*LIMITS.items(), *CLUSTER.items()]):
        option = click.option(
            f"--{name.replace('_', '-')}", default=getattr(DEFAULTS, name), show_default=True, help=text
        )
        command = option(command)
    return command


@click.command()
@click.option("--host", default=DEFAULTS.host, show_default=True, help="Address to bind to.")
@click.option("--port", default=DEFAULTS.port, show_default=True, help="TCP port; 0 for any free one.")
@click.option(
    "--insecure-any-address",
    is_flag=True,
    help="Allow an address that others can reach, although nothing is encrypted.",
)
@click.option("--tls-certificate", type=PEM, help="PEM file of the server's certificate chain; turns TLS on.")
@click.option("--tls-key", type=PEM, help="PEM file of the certificate's key.")
@click.option("--tls-client-ca", type=PEM, help="PEM file of the authorities of clients' certificates (mutual TLS).")
@click.option(
    "--tokens",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="YAML file of callers and their roles, see 'strut token'.  [default: everybody may do everything]",
)
@click.option(
    "--database",
    envvar="STRUT_DATABASE",
    help="SQLAlchemy URL of users' styles and presets.  [default: a SQLite file in the user's data directory; "
    "environment variable: STRUT_DATABASE]",
)
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the model bundle.  [default: the one in the package]",
)
@click.option(
    "--device", type=click.Choice(DEVICES), default=DEFAULTS.device, show_default=True, help="What runs the network."
)
@click.option("--threads", default=DEFAULTS.threads, show_default=True, help="Threads of one network evaluation.")
@click.option(
    "--parallel-batches",
    default=DEFAULTS.parallel_batches,
    show_default=True,
    help="Batches made at the same time; 0 for as many as there are cores for, at most 2.",
)
@click.option("--spin", is_flag=True, help="Let idle threads of an evaluation spin: a little faster, always busy.")
@click.option("--max-batch", default=DEFAULTS.max_batch, show_default=True, help="Most windows evaluated together.")
@click.option(
    "--max-batch-delay-ms",
    default=DEFAULTS.max_batch_delay_ms,
    show_default=True,
    help="Longest wait for company, in milliseconds.",
)
@click.option(
    "--max-batch-ms",
    default=DEFAULTS.max_batch_ms,
    show_default=True,
    help="Longest that a batch should take, in milliseconds.",
)
@click.option(
    "--target-latency-ms",
    default=DEFAULTS.target_latency_ms,
    show_default=True,
    help="Longest that windows should take, in milliseconds; beyond it steps are saved where clients allow it.",
)
@click.option(
    "--queue-capacity",
    default=DEFAULTS.queue_capacity,
    show_default=True,
    help="Most requests that wait.",
)
@click.option("--steps", default=DEFAULTS.default_steps, show_default=True, help="Evaluations by default.")
@click.option(
    "--drain-seconds",
    default=DEFAULTS.drain_seconds,
    show_default=True,
    help="How long streams may go on after SIGTERM.",
)
@click.option(
    "--metrics-port", type=int, help="TCP port, on 127.0.0.1 alone, of the metrics for Prometheus; 0 for any."
)
@click.option("--console", is_flag=True, help="Serve the designer's console, a page for browsers, on the same host.")
@click.option(
    "--console-port",
    type=int,
    help=f"TCP port of the console, which it turns on; 0 for any free one.  [default: {CONSOLE_PORT} with --console]",
)
@click.option(
    "--console-host",
    "console_hosts",
    multiple=True,
    metavar="NAME",
    help="A further name by which browsers reach the console, such as that of a proxy. May be repeated.",
)
@click.option("--otlp-endpoint", help="URL of an OpenTelemetry collector, such as http://localhost:4317; sends traces.")
@click.option("--trace-ratio", default=DEFAULTS.trace_ratio, show_default=True, help="Share of windows traced.")
@click.option(
    "--log-format", type=click.Choice(FORMATS), default="text", show_default=True, help="How the log is written."
)
@click.option("--verbose", is_flag=True, help="Log more.")
@click.option("--cluster", is_flag=True, help="Evaluate on the workers of a Ray cluster; needs the extra [cluster].")
@click.option(
    "--cluster-address",
    help="Of the Ray cluster, such as head:6379.  [default: RAY_ADDRESS, else one on this machine, else a new one]",
)
@further_options
def serve(
    host: str,
    port: int,
    insecure_any_address: bool,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    tokens: Path | None,
    database: str | None,
    bundle: Path | None,
    device: str,
    threads: int,
    parallel_batches: int,
    spin: bool,
    max_batch: int,
    max_batch_delay_ms: float,
    max_batch_ms: float,
    target_latency_ms: float,
    queue_capacity: int,
    steps: int,
    drain_seconds: float,
    metrics_port: int | None,
    console: bool,
    console_port: int | None,
    console_hosts: tuple[str, ...],
    otlp_endpoint: str | None,
    trace_ratio: float,
    log_format: str,
    verbose: bool,
    **further: Any,
) -> None:
    """Serve motion over gRPC until SIGTERM or Ctrl-C.

    SIGHUP loads the bundle's directory anew and serves it without dropping a stream.
    """
    configure_logging(log_format, verbose)
    try:
        settings = ServerSettings(
            host=host,
            port=port,
            insecure_any_address=insecure_any_address,
            tls_certificate=tls_certificate,
            tls_key=tls_key,
            tls_client_ca=tls_client_ca,
            tokens=tokens,
            database=database or default_database(),
            **further,
            bundle=bundle,
            device=device,
            threads=threads,
            parallel_batches=parallel_batches,
            spin=spin,
            max_batch=max_batch,
            max_batch_delay_ms=max_batch_delay_ms,
            max_batch_ms=max_batch_ms,
            target_latency_ms=target_latency_ms,
            queue_capacity=queue_capacity,
            default_steps=steps,
            metrics_port=metrics_port,
            console_port=CONSOLE_PORT if console and console_port is None else console_port,
            console_hosts=console_hosts,
            otlp_endpoint=otlp_endpoint,
            trace_ratio=trace_ratio,
            drain_seconds=drain_seconds,
        )
        asyncio.run(_serve(settings))
    except (SettingError, StorageError, BundleError, BindError, DeviceError, PageMissingError) as error:
        raise click.ClickException(str(error)) from error


def default_database() -> str:
    """The URL of the database that is used unless another is given."""
    return f"sqlite:///{platformdirs.user_data_path('strut', appauthor=False) / 'strut.db'}"


async def _serve(settings: ServerSettings) -> None:
    server = StrutServer(settings)
    loop = asyncio.get_running_loop()
    # The first signal drains, the second stops at once.
    drains: list[asyncio.Task[None]] = []

    def on_signal() -> None:
        drains.append(asyncio.ensure_future(server.stop() if drains else server.drain()))

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, on_signal)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(on_signal))
    switches: set[asyncio.Task[None]] = set()

    def on_hangup() -> None:
        switch = asyncio.ensure_future(_switch(server))
        switches.add(switch)
        switch.add_done_callback(switches.discard)

    async with server:
        if hasattr(signal, "SIGHUP"):
            loop.add_signal_handler(signal.SIGHUP, on_hangup)
        click.echo(ready_line(server))
        if server.observability.metrics_url is not None:
            click.echo(f"metrics at {server.observability.metrics_url}")
        if server.console is not None:
            click.echo(f"console at {server.console.url}")
        await server.wait_for_end()
    click.echo("stopped")


async def _switch(server: StrutServer) -> None:
    """Serve what the bundle's directory holds now."""
    try:
        await server.runtime.switch_model(server.settings.bundle)
    except (BundleError, DeviceError) as error:
        click.echo(f"the model is as it was: {error}", err=True)
        return
    click.echo(f"the model is now {server.runtime.model.name} ({server.runtime.model.hash[:12]})")


def ready_line(server: StrutServer) -> str:
    """What the server says once it is ready."""
    manifest = server.runtime.bundle.manifest
    return (
        f"Strut is ready on {server.address}: model {manifest.name}, {len(manifest.styles)} styles, "
        f"{len(manifest.contents)} contents, {server.runtime.device} with {server.settings.threads} thread(s)"
    )


@click.command()
@click.option("--name", required=True, help="Who will use it, 1 to 64 characters; the owner of what it stores.")
@click.option(
    "--role",
    type=click.Choice([role.name.lower() for role in Role if role is not Role.NONE]),
    default="stream",
    show_default=True,
    help="stream: motion and reading styles; design: making styles, overriding characters; admin: everything.",
)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of callers to add it to, made where there is none.  [default: print the entry]",
)
def token(name: str, role: str, path: Path | None) -> None:
    """Make a token for 'strut serve --tokens'. It is shown once; the file keeps its hash alone."""
    secret, digest = new_token()
    entry = callers_yaml(name, role, digest)
    try:
        before = path.read_text(encoding="utf-8") if path is not None and path.exists() else "callers:\n"
        parse_callers(before + entry, str(path or "tokens"))
        if path is None:
            click.echo(before + entry, nl=False)
        else:
            write_whole(path, before.rstrip() + "\n" + entry)
    except (SettingError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"The token of {name} ({role}), not to be shown again: {secret}")
