"""`strut quantise`."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import click
from tqdm import tqdm

from strut_model.bundle import BundleError
from strut_model.streaming.commands import numbers

STEPS = 4
"""What the progress bar shows: calibrating, writing, and comparing speed and motion."""


@click.command()
@click.option("--bundle", "path", type=click.Path(path_type=Path), help="Bundle directory.  [default: the shipped one]")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Bundle directory to be made.")
@click.option("--batch", default="1,8,32", show_default=True, callback=numbers, help="Batch sizes to compare.")
@click.option("--rounds", default=20, show_default=True, type=click.IntRange(3), help="Timed rounds of each size.")
@click.option(
    "--windows", default=256, show_default=True, type=click.IntRange(16), help="To calibrate on, and to compare."
)
@click.option("--json", "output", type=click.Path(path_type=Path, dir_okay=False), help="Also write the figures here.")
def quantise(path: Path | None, out: Path, batch: list[int], rounds: int, windows: int, output: Path | None) -> None:
    """Write a bundle whose student computes in int8, and say what that brings and costs.

    Everything but the student is the same. CHANGE is how far joints are from where the student in float32 has them;
    whether motion is still good is for 'strut eval --bundle OUT' to say.
    """
    try:
        from strut_model import int8
    except ImportError as error:
        raise click.ClickException(str(error)) from error
    logging.disable(logging.WARNING)  # ONNX Runtime recommends a step that the graph has been through
    try:
        with tqdm(total=STEPS, unit="step", leave=False) as bar:
            report = int8.quantise_bundle(path, out, batch, rounds, windows, bar.update)
    except (BundleError, int8.QuantisationError, ImportError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        logging.disable(logging.NOTSET)
    click.echo(
        f"{out}: {report.products} products in int8; "
        f"the student has {report.after_bytes / 1e6:.1f} MB, before {report.before_bytes / 1e6:.1f} MB"
    )
    for speed in report.speeds:
        click.echo(
            f"batch {speed.batch}: {speed.after_ms:.2f} ms an evaluation, before {speed.before_ms:.2f}; "
            f"ratio {speed.ratio:.2f}"
        )
    for change in report.changes:
        click.echo(
            f"change with {change.steps} step(s): {change.mean_mm:.1f} mm on average, 99th percentile "
            f"{change.p99_mm:.1f}; from {change.steps} to 1 it is {change.yardstick_mm:.1f} mm on average"
        )
    if output is not None:
        output.write_text(json.dumps(report.as_dict(), indent=2) + "\n", encoding="utf-8")
