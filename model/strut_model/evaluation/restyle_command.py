"""``strut eval restyle``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

_path = click.Path(path_type=Path)
_existing = click.Path(path_type=Path, exists=True)


@click.command("restyle", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--bundle", "bundle_path", type=_existing, help="Bundle to measure; the shipped one by default.")
@click.option("--data", type=_existing, help="Packed data set ('strut data import') with the held-out clips.")
@click.option("--files", type=_existing, help="Folder of BVH files without labels: run, feet measured.")
@click.option("--split", "split_path", type=_existing, help="Split file; the project's own by default.")
@click.option("--judges", "judges_path", type=_existing, help="Directory of the judges; the project's own by default.")
@click.option(
    "--teacher", type=_existing, help="Checkpoint of the teacher: measures the faithful mode (extra [train])."
)
@click.option("--clips", type=click.IntRange(1), default=400, show_default=True, help="Clips, or files, at most.")
@click.option("--seconds", type=click.FloatRange(1), default=20.0, show_default=True, help="Of each file at most.")
@click.option("--keep", type=click.FloatRange(0, 1), help="Share of the source's own that is kept.  [default: usual]")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Chooses clips, styles and noise.")
@click.option("--out", type=_path, default=Path("reports/restyle"), show_default=True, help="Directory of the report.")
def restyle_command(
    bundle_path: Path | None,
    data: Path | None,
    files: Path | None,
    split_path: Path | None,
    judges_path: Path | None,
    teacher: Path | None,
    clips: int,
    seconds: float,
    keep: float | None,
    seed: int,
    out: Path,
) -> None:
    """Measure restyling on held-out clips, with a baseline beside: style, content, contacts, path, there and back.

    \b
    strut eval restyle --data packs/all --clips 80
    strut eval restyle --files cmu --clips 50
    """
    from tqdm import tqdm

    from strut_model.bundle import BundleError, load_bundle
    from strut_model.data.pack import Pack, PackError
    from strut_model.data.split import SplitError
    from strut_model.evaluation.commands import read_split
    from strut_model.evaluation.judges import JudgeError, Judges
    from strut_model.evaluation.restyling import Baseline, measure_files, measure_restyling, pairs_of, write_report
    from strut_model.restyle.fast import Sampler, StudentSampler
    from strut_model.streaming.engine import OnnxEngine
    from strut_model.streaming.generator import MotionGenerator

    if data is None and files is None:
        raise click.UsageError("--data or --files is needed")
    try:
        bundle = load_bundle(bundle_path)
        sampler: Sampler
        if teacher is None:
            sampler = StudentSampler(MotionGenerator(bundle, OnnxEngine(bundle)))
        else:
            from strut_model.training.faithful import TeacherSampler

            sampler = TeacherSampler(bundle, teacher)
        figures: dict[str, dict[str, float]] = {}
        if data is not None:
            pack, split = Pack(data), read_split(split_path)
            pairs = pairs_of(pack, split, bundle, clips, seed)
            with tqdm(total=len(pairs), unit="clip", desc="restyling", leave=False, disable=None) as bar:
                figures = measure_restyling(
                    pairs, bundle, sampler, Judges(judges_path), Baseline(pack, split), seed, keep, bar.update
                )
        if files is not None:
            chosen = sorted(files.rglob("*.bvh"))[:clips]
            styles = [style for style in bundle.style_index if style != bundle.manifest.neutral_style]
            with tqdm(total=len(chosen), unit="file", desc="files", leave=False, disable=None) as bar:
                figures["files"] = measure_files(chosen, bundle, sampler, styles, seconds, bar.update)
    except (BundleError, PackError, SplitError, JudgeError) as error:
        raise click.ClickException(str(error)) from error
    more: dict[str, object] = {
        "command": "strut " + " ".join(sys.argv[1:]),
        "seed": seed,
        "bundle": bundle.manifest.name,
    }
    click.echo(write_report(figures, more, out))
    click.echo(f"in {out / 'restyle.json'}, {out / 'restyle.md'}")
