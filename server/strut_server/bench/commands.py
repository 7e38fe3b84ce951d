"""`strut bench`: the model alone, the server under load, for a long time, under attack, and killed."""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from strut_model import sentences
from strut_model.bundle import Bundle, BundleError, file_hash, load_bundle
from strut_model.streaming.commands import bench_model, numbers
from strut_model.streaming.devices import DEVICES, DeviceError, open_engine
from strut_server.bench.failover import SUCCESSORS, failover
from strut_server.bench.fuzzing import LATE_SHARE, fuzz, percentile
from strut_server.bench.measuring import PHASES, Measuring, Plan
from strut_server.bench.musts import verdicts
from strut_server.bench.processes import ProcessError, echo_server, strut_server, troubles, usage
from strut_server.bench.report import LEGEND, aligned, machine, table, write_pictures, write_report, write_soak
from strut_server.bench.soaking import soak

BUNDLE = click.Path(path_type=Path, file_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def bench() -> None:
    """Measure speed: ratios within one run, never a verdict on the machine."""


bench.add_command(bench_model, "model")


@bench.command("serve")
@click.option("--bundle", "path", type=BUNDLE, help="Bundle directory.  [default: the shipped one]")
@click.option("--characters", default="1,16,64,256", show_default=True, callback=numbers, help="How many at a time.")
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0.1), help="Of each phase and round.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="How often the phases take turns.")
@click.option("--steps", type=int, help="Network evaluations a window.  [default: the server's]")
@click.option("--min-steps", type=int, help="Let a loaded server use fewer, down to this.  [default: no fewer]")
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True, help="What runs the network.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Threads of one evaluation.")
@click.option("--serve-option", "further", multiple=True, help="Of 'strut serve', such as '--max-batch-ms=40'.")
@click.option("--check", is_flag=True, help="Fail when a figure is not what docs/server.md promises for two cores.")
@click.option("--out", type=FOLDER, help="Also write serve.md, serve.json and the plots here.")
def bench_serve(
    path: Path | None,
    characters: list[int],
    seconds: float,
    rounds: int,
    steps: int | None,
    min_steps: int | None,
    device: str,
    threads: int,
    further: tuple[str, ...],
    check: bool,
    out: Path | None,
) -> None:
    """Load a live server over loopback: closed loop, in real time, and with controls that change twice a second.

    The server is a process of its own, and so is an echo server that answers the same requests at once: the floor of
    what gRPC costs. The other floor is the bare network. All take turns in the same rounds.
    """
    bundle, engine = _opened(path, device, threads)
    for name, value in (("--steps", steps), ("--min-steps", min_steps)):
        if value is not None and value not in bundle.manifest.steps:
            allowed = ", ".join(map(str, bundle.manifest.steps))
            raise click.BadParameter(f"{value} is not among this bundle's: {allowed}", param_hint=name)
    plan = Plan(characters, seconds, rounds, steps, min_steps)
    options = [*_options(bundle, device, threads, max(characters)), *further]
    try:
        with (
            tqdm(total=len(characters) * rounds * len(PHASES), unit="phase", leave=False) as bar,
            echo_server() as echo,
            strut_server(options) as server,
        ):
            rows = Measuring(plan, bundle, engine, server, echo, bar.update).run()
    except ProcessError as error:
        raise click.ClickException(str(error)) from error
    click.echo(aligned(table(rows)))
    click.echo(f"\n{LEGEND}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        about = {**_about(bundle, engine.name, threads), "seconds": seconds, "rounds": rounds, "steps": steps}
        write_report(out, rows, {**about, "min_steps": min_steps, "serve_options": list(further)})
        try:
            write_pictures(out, rows)
        except ModuleNotFoundError:
            click.echo("no plots: pip install 'strut-motion[bench]' for them", err=True)
    if check:
        found = verdicts(rows, threads)
        click.echo("\n" + "\n".join(verdict.line() for verdict in found))
        missed = sum(not verdict.met for verdict in found)
        if missed:
            raise click.ClickException(f"{missed} of {len(found)} figures are missed or not measured")


@bench.command("soak")
@click.option("--bundle", "path", type=BUNDLE, help="Bundle directory.  [default: the shipped one]")
@click.option("--characters", default=64, show_default=True, type=click.IntRange(1), help="How many at a time.")
@click.option("--windows", default=20_000, show_default=True, type=click.IntRange(1), help="How many to make.")
@click.option("--warm-up", default=5_000, show_default=True, type=click.IntRange(1), help="Windows before that.")
@click.option("--looks", default=20, show_default=True, type=click.IntRange(1), help="How often to look at the memory.")
@click.option("--device", type=click.Choice(DEVICES), default="cpu", show_default=True, help="What runs the network.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Threads of one evaluation.")
@click.option("--max-growth-mb", type=float, help="Fail when the memory grows by more.")
@click.option(
    "--max-later-growth-mb", type=float, help="Fail when it grows by more after the first 20,000 windows, see above."
)
@click.option("--out", type=FOLDER, help="Also write soak.json and a plot here.")
def bench_soak(
    path: Path | None,
    characters: int,
    windows: int,
    warm_up: int,
    looks: int,
    device: str,
    threads: int,
    max_growth_mb: float | None,
    max_later_growth_mb: float | None,
    out: Path | None,
) -> None:
    """Make many windows on one server, streams coming and going, and look at its memory.

    Whether memory goes on growing is asked of the looks after the first 20,000 windows: the median of their last third
    less that of their first. It takes six looks there.
    """
    bundle, engine = _opened(path, device, threads)
    styles = tuple(style.name for style in bundle.manifest.styles)
    try:
        with (
            tqdm(total=warm_up + windows, unit="window", leave=False) as bar,
            strut_server(_options(bundle, device, threads, characters)) as server,
        ):
            found = soak(server, styles, characters, windows, warm_up, looks, bar.update)
    except ProcessError as error:
        raise click.ClickException(str(error)) from error
    cells = [("windows", "memory MB", "p50 ms", "p99 ms")]
    cells += [
        (str(s.windows), f"{s.memory_bytes / 1e6:.1f}", f"{s.p50_ms:.1f}", f"{s.p99_ms:.1f}") for s in found.samples
    ]
    click.echo(aligned(cells))
    grown = found.grown_bytes / 1e6
    click.echo(f"the memory grew by {grown:.1f} MB over {found.samples[-1].windows - found.samples[0].windows} windows")
    later = found.later_grown_bytes / 1e6
    if not math.isnan(later):
        low, high = min(found.settled) / 1e6, max(found.settled) / 1e6
        click.echo(f"after the first 20,000 of them by {later:.2f} MB; the looks lie between {low:.1f} and {high:.1f}")
    if found.result.errors:
        click.echo(f"refused: {dict(found.result.errors)}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_soak(out, found, {**_about(bundle, engine.name, threads), "characters": characters})
    if max_growth_mb is not None and not grown <= max_growth_mb:
        raise click.ClickException(f"the memory grew by {grown:.1f} MB; allowed: {max_growth_mb:g} MB")
    if max_later_growth_mb is not None and not later <= max_later_growth_mb:
        raise click.ClickException(
            f"after the first 20,000 windows the memory grew by {later:.2f} MB; allowed: {max_later_growth_mb:g} MB"
        )


@bench.command("fuzz")
@click.option("--bundle", "path", type=BUNDLE, help="Bundle directory.  [default: the shipped one]")
@click.option("--messages", default=10_000, show_default=True, type=click.IntRange(1), help="How many to send.")
@click.option("--seed", default=0, show_default=True, help="Of everything random; the same seed sends the same.")
@click.option("--out", type=FOLDER, help="Also write fuzz.json and the server's log here.")
def bench_fuzz(path: Path | None, messages: int, seed: int, out: Path | None) -> None:
    """Send hostile messages to a live server while an honest client goes on beside them.

    Bytes that are no message, messages full of nonsense, streams that do not read, close too early or vanish, messages
    that are too large. Fails when the server answers with a fault of its own, ends, or leaves the honest client
    without a window.
    """
    bundle, _ = _opened(path, "cpu", 1)
    log = ""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="strut-fuzz-") as folder,
            tqdm(total=messages, unit="message", leave=False) as bar,
            strut_server([*_options(bundle, "cpu", 1, 1), "--database", f"sqlite:///{folder}/strut.db"]) as server,
        ):
            try:
                before = usage(server).memory_bytes
                found = asyncio.run(fuzz(server.address, messages, seed, bar.update))
                grown = (usage(server).memory_bytes - before) / 1e6
            finally:
                log = server.log_text()
    except (ProcessError, OSError) as error:
        raise click.ClickException(f"the server is gone: {error}\n{troubles(log)}") from error
    cells: list[tuple[str, ...]] = [("honest client", "windows", "late", "refused", "p50 ms", "p99 ms")]
    for name, honest in (("before", found.calm), ("meanwhile", found.attacked)):
        times = [f"{percentile(honest.latencies_ms, share):.1f}" for share in (50, 99)]
        cells.append((name, str(len(honest.latencies_ms)), str(honest.late), str(sum(honest.errors.values())), *times))
    click.echo(aligned(cells))
    encoder = ", of which the sentence encoder is some 500 MB once a text came" if sentences.available() else ""
    click.echo(f"{found.messages} hostile messages, seed {seed}; the server's memory grew by {grown:.1f} MB{encoder}")
    click.echo("answers: " + ", ".join(f"{name} {count}" for name, count in found.answers.most_common()))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        summary = {**found.as_dict(), "seed": seed, "grown_mb": grown}
        (out / "fuzz.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        (out / "fuzz.log").write_text(log, encoding="utf-8")
    for fault in found.faults[:20]:
        click.echo(f"fault: {fault}", err=True)
    if found.faults or found.attacked.errors:
        click.echo(f"the server's log says of it:\n{troubles(log)}", err=True)
    if not found.held:
        raise click.ClickException(
            f"{len(found.faults)} faults, {found.attacked.late} late windows (allowed: {LATE_SHARE:.0%}), "
            f"refused windows: {dict(found.attacked.errors)}"
        )


@bench.command("failover")
@click.option("--bundle", "path", type=BUNDLE, help="Bundle directory.  [default: the shipped one]")
@click.option("--characters", default=64, show_default=True, type=click.IntRange(1), help="How many walk.")
@click.option(
    "--seconds", default=20.0, show_default=True, type=click.FloatRange(0.1), help="Of walking, before and after."
)
@click.option(
    "--successor",
    type=click.Choice(SUCCESSORS),
    default="same",
    show_default=True,
    help="A server started on the same port after the kill, or one that is ready on a second address.",
)
@click.option("--max-resume-seconds", default=1.0, show_default=True, help="From its readiness to the last character.")
@click.option("--max-ratio", default=1.5, show_default=True, help="Of the accelerations, see above.")
@click.option("--out", type=FOLDER, help="Also write failover.json here.")
def bench_failover(
    path: Path | None,
    characters: int,
    seconds: float,
    successor: str,
    max_resume_seconds: float,
    max_ratio: float,
    out: Path | None,
) -> None:
    """Kill a server (SIGKILL) under walking characters, and see them go on at its successor.

    The client does all of it: it connects again and sends the characters' histories. The motion over the resume is
    looked at by the largest joint acceleration of each frame: its maximum over the windows that resumed, over the
    99.9th percentile of all others. The same ratio of windows that nothing happened to stands beside it. Fails when a
    character is lost, or comes back too late or with too much of a jerk.
    """
    bundle, engine = _opened(path, "cpu", 1)
    styles = [style.name for style in bundle.manifest.styles]
    try:
        with tqdm(unit="window", leave=False) as bar:
            result = failover(
                _options(bundle, "cpu", 1, characters), styles, characters, seconds, successor, bar.update
            )
    except ProcessError as error:
        raise click.ClickException(str(error)) from error
    found = result.as_dict()
    resume, outage, ratio = found["resume_s"], found["outage_s"], found.get("ratio", float("nan"))
    click.echo(f"{characters} characters; the successor was ready {found['start_s']:.2f} s after the kill")
    click.echo(f"lost: {found['lost']}, gaps in their timelines: {found['gaps']}, errors: {found['errors'] or 'none'}")
    click.echo(f"back after its readiness: median {resume['p50']:.2f} s, the last one {resume['max']:.2f} s")
    click.echo(f"back after the kill: median {outage['p50']:.2f} s, the last one {outage['max']:.2f} s")
    if "ratio" in found:
        click.echo(
            f"largest joint acceleration over the resume {found['resume_max']:.1f} m/s^2; "
            f"undisturbed 99.9th percentile {found['undisturbed_p99_9']:.1f}, maximum {found['undisturbed_max']:.1f}"
        )
        click.echo(
            f"ratio {ratio:.2f}; of {characters} windows that nothing happened to {found['ordinary_ratio']:.2f} "
            f"(in 95 of 100 draws below {found['ordinary_ratio_p95']:.2f})"
        )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        about = {**machine(), **_about(bundle, engine.name, 1), "successor": successor, "seconds": seconds}
        (out / "failover.json").write_text(json.dumps({**about, **found}, indent=2) + "\n", encoding="utf-8")
    late = not resume["max"] <= max_resume_seconds
    if found["lost"] or found["gaps"] or late or not ratio <= max_ratio:
        raise click.ClickException(
            f"{found['lost']} characters lost, {found['gaps']} gaps; the last one back after {resume['max']:.2f} s "
            f"(allowed: {max_resume_seconds:g}), ratio {ratio:.2f} (allowed: {max_ratio:g})"
        )


def _opened(path: Path | None, device: str, threads: int) -> tuple[Bundle, Any]:
    try:
        bundle = load_bundle(path)
        return bundle, open_engine(bundle, device, threads)
    except (BundleError, DeviceError) as error:
        raise click.ClickException(str(error)) from error


def _options(bundle: Bundle, device: str, threads: int, characters: int) -> list[str]:
    options = ["--bundle", str(bundle.path), "--device", device, "--threads", str(threads)]
    if characters > 1024:
        raise click.BadParameter(f"{characters} is more than one stream carries; allowed: 1 to 1024")
    return options


def _about(bundle: Bundle, engine: str, threads: int) -> dict[str, Any]:
    return {
        "bundle": bundle.manifest.name,
        "student_sha256": file_hash(bundle.student_path),
        "engine": engine,
        "threads": threads,
    }
