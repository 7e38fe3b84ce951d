"""``strut bench model``: the speed of the model as a command."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import click
from tqdm import tqdm

from strut_model.bundle import BundleError, file_hash, load_bundle
from strut_model.scene.descriptor import SceneError
from strut_model.scene.presets import preset
from strut_model.streaming.scenery import scenery_of


def numbers(context: click.Context, parameter: click.Parameter, value: str) -> list[int]:
    """A click callback: 1,8,32 as numbers of 1 or more."""
    try:
        numbers = [int(part) for part in value.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 1,8,32") from error
    if any(number < 1 for number in numbers):
        raise click.BadParameter(f"{value!r} holds a number below 1")
    return numbers


@click.command("model")
@click.option("--bundle", "path", type=click.Path(path_type=Path), help="Bundle directory.  [default: the shipped one]")
@click.option("--batch", default="1,8,32", show_default=True, callback=numbers, help="Batch sizes.")
@click.option("--steps", default="1,2,4", show_default=True, callback=numbers, help="Network evaluations a window.")
@click.option("--threads", default="1", show_default=True, callback=numbers, help="Threads of the network.")
@click.option("--rounds", default=40, show_default=True, type=click.IntRange(3), help="Timed rounds of each row.")
@click.option(
    "--ground",
    type=click.Choice(["level", "slope", "stairs"]),
    default="level",
    show_default=True,
    help="What is walked on. Where it is not level, 'network ms' is the window on level ground, and RATIO is to that.",
)
@click.option(
    "--scene",
    "scene_name",
    default=None,
    help="A scene's name, see 'strut scene list'. 'network ms' is then the window without it, and RATIO is to that.",
)
@click.option("--json", "output", type=click.Path(path_type=Path, dir_okay=False), help="Also write the rows here.")
def bench_model(
    path: Path | None,
    batch: list[int],
    steps: list[int],
    threads: list[int],
    rounds: int,
    ground: str,
    scene_name: str | None,
    output: Path | None,
) -> None:
    """Milliseconds a window, and how that compares with the bare network.

    RATIO is the whole window (features, network, decoding, seams, foot locks) over its network evaluations alone, timed
    in turns in the same rounds.
    """
    try:
        bundle = load_bundle(path)
    except BundleError as error:
        raise click.ClickException(str(error)) from error
    unknown = sorted(set(steps) - set(bundle.manifest.steps))
    if unknown:
        allowed = ", ".join(map(str, bundle.manifest.steps))
        raise click.BadParameter(f"{unknown[0]} is not among this bundle's: {allowed}", param_hint="--steps")
    try:
        scene = None if scene_name is None else scenery_of(preset(scene_name).descriptor)
    except SceneError as error:
        raise click.BadParameter(str(error), param_hint="--scene") from error
    try:
        from strut_model.streaming import benchmark

        with tqdm(total=len(batch) * len(steps) * len(threads), unit="row", leave=False) as bar:
            rows = benchmark.measure(
                bundle, batch, steps, threads, rounds, bar.update, benchmark.ground_field(ground), scene
            )
    except (BundleError, SceneError, ImportError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{bundle.manifest.name}: medians of {rounds} rounds, milliseconds")
    click.echo(benchmark.table(rows))
    if output is not None:
        document = {
            "bundle": bundle.manifest.name,
            "student_sha256": file_hash(bundle.student_path),
            "machine": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "rows": [row.as_dict() for row in rows],
        }
        output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
