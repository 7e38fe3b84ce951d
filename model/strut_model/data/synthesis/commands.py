"""`strut data synthesise`: clips that the data lack, made from real ones."""

from __future__ import annotations

from pathlib import Path

import click

from strut_model.data.pack import Pack, PackError
from strut_model.data.split import Split, SplitError
from strut_model.data.synthesis.making import SynthesisOptions, synthesise
from strut_model.data.synthesis.material import MaterialError
from strut_model.data.synthesis.recipes import RECIPES


@click.command("synthesise")
@click.argument("pack", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new packed data set's folder.")
@click.option(
    "--split",
    "split_path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Split file of PACK: only its training segments are used.",
)
@click.option(
    "--split-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the split with the new clips as training clips, for PACK and the new pack merged.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 0.9, min_open=True, max_open=True),
    default=0.25,
    show_default=True,
    help="Share of all training frames, real and synthetic, that shall be synthetic.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(tuple(RECIPES)),
    help="Make only this kind. Repeatable [default: all kinds].",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all that is drawn at random.")
@click.option("--overwrite", is_flag=True, help="Replace a packed data set that is there already.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def synthesise_command(
    pack: Path,
    out: Path,
    split_path: Path,
    split_out: Path | None,
    share: float,
    kinds: tuple[str, ...],
    seed: int,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Make clips that the data lack from the real clips of PACK.

    Stops and starts, turns in place, curves and corners, facing apart from travel, idle of every style, gestures from
    and back to idle or over a walk. All are tagged `synthetic`; what is rougher than the real clips is dropped.
    'strut data merge PACK OUT' puts both into one pack to train on.
    """
    try:
        split = Split.read(split_path)
        options = SynthesisOptions(share, kinds or tuple(RECIPES), seed, not quiet)
        report = synthesise(Pack(pack), split, out, options, overwrite)
        if split_out is not None:
            split.with_training((c.name, c.frames) for c in Pack(out, synthetic=True).clips).write(split_out)
    except (PackError, SplitError, MaterialError) as error:
        raise click.ClickException(str(error)) from None
    for line in report.lines():
        click.echo(line)
