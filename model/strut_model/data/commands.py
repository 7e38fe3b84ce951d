"""`strut data`: import motion capture, look into packed data sets and single files."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import click

from strut_model.bvh import BvhError
from strut_model.calibration import CalibrationError
from strut_model.data import presets
from strut_model.data.checking import check_file
from strut_model.data.importing import ImportOptions, Summary, default_workers, import_folder
from strut_model.data.pack import Pack, PackError, merge_packs
from strut_model.data.split import SETS, Split, SplitError, SplitRules, make_split, rows_of_index, without_styles
from strut_model.data.synthesis.commands import synthesise_command
from strut_model.mapping import T_POSES, MappingError, MappingFile, load_mapping_file, parse_units

_SHOWN = 10


@click.group()
def data() -> None:
    """Import motion capture into packed data sets, and look into them."""


def _mapping(path: Path | None, units: str | None, up: str | None, t_pose: str | None) -> MappingFile:
    mapping = load_mapping_file(path) if path else MappingFile()
    if units is not None:
        mapping = replace(mapping, units=parse_units(units))
    if up is not None:
        mapping = replace(mapping, up=up)
    if t_pose is not None:
        mapping = replace(mapping, t_pose=t_pose)
    return mapping


_mapping_option = click.option(
    "--mapping", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="YAML file that names the bones."
)
_units_option = click.option("--units", help="m, cm, mm, inch, or metres per file unit [default: guessed].")
_up_option = click.option("--up", type=click.Choice(["y", "z"]), help="The files' vertical [default: guessed].")
_t_pose_option = click.option(
    "--t-pose",
    type=click.Choice(list(T_POSES)),
    help="Where the rig's T-pose is [default: looked for].",
)


@data.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--preset", type=click.Choice(presets.PRESETS), default="folders", show_default=True)
@click.option("--pattern", help="For --preset pattern, such as '{style}_{content}_{take}'.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The packed data set's folder.")
@_mapping_option
@_units_option
@_up_option
@_t_pose_option
@click.option("--held-hands", is_flag=True, help="Keep standing stretches with hands held before the body.")
@click.option("--workers", type=click.IntRange(1, 64), default=default_workers, help="Processes.")
@click.option("--overwrite", is_flag=True, help="Replace a packed data set that is there already.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def import_command(
    folder: Path,
    preset: str,
    pattern: str | None,
    out: Path,
    mapping: Path | None,
    units: str | None,
    up: str | None,
    t_pose: str | None,
    held_hands: bool,
    workers: int,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Import every BVH file below FOLDER into a packed data set.

    A file that cannot be used is skipped; the summary and the pack's index.json give the reason.
    """
    try:
        options = ImportOptions(
            preset, pattern, _mapping(mapping, units, up, t_pose), workers, progress=not quiet, held_hands=held_hands
        )
        summary = import_folder(folder, out, options, overwrite)
    except (presets.PresetError, MappingError, PackError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from None
    for line in summary_lines(summary, out):
        click.echo(line)


def summary_lines(summary: Summary, out: Path) -> list[str]:
    """The text that an import ends with."""
    lines = [f"{summary.clips} clips, {summary.frames} frames ({summary.frames / 1800:.1f} minutes) in {out}"]
    for row in summary.report.rigs:
        unmapped = ", ".join(row["unmapped"]) or "none"
        lines.append(
            f"rig {row['profile']}: {row['files']} files, T-pose {row['t_pose']}, {row['units']}, "
            f"{row['up']} up, joints without a bone: {unmapped}"
        )
    duplicates = summary.report.duplicates
    exact = sum(bool(d["exact"]) for d in duplicates)
    lines.append(f"{len(duplicates)} pairs of takes share frames ({exact} exactly)")
    for d in duplicates[:_SHOWN]:
        places = ", ".join(f"{name} from {start}" for name, start in zip(d["clips"], d["starts"]))
        lines.append(f"  {d['frames']} frames: {places}")
    reasons = Counter(s["reason"].splitlines()[0] for s in summary.report.skipped)
    lines.append(f"{len(summary.report.skipped)} files skipped")
    for skipped in summary.report.skipped[:_SHOWN]:
        lines.append(f"  {skipped['file']}: {skipped['reason'].splitlines()[0]}")
    if len(summary.report.skipped) > _SHOWN:
        lines.append(f"  and {len(summary.report.skipped) - _SHOWN} more ({len(reasons)} reasons, all in index.json)")
    return lines


@data.command("info")
@click.argument("pack", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def info_command(pack: Path, as_json: bool) -> None:
    """Say what a packed data set holds."""
    try:
        opened = Pack(pack, synthetic=True)
    except PackError as error:
        raise click.ClickException(str(error)) from None
    table: Counter[tuple[str, str]] = Counter()
    takes: Counter[tuple[str, str]] = Counter()
    for clip in opened.clips:
        table[clip.style, clip.content] += clip.frames
        takes[clip.style, clip.content] += 1
    styles, contents = sorted({s for s, _ in table}), sorted({c for _, c in table})
    if as_json:
        rows = [{"style": s, "content": c, "clips": takes[s, c], "frames": table[s, c]} for s, c in sorted(table)]
        found = {"clips": len(opened), "frames": opened.frames, "styles": styles, "contents": contents, "pairs": rows}
        click.echo(json.dumps(found, indent=1))
        return
    click.echo(f"{pack}: {len(opened)} clips, {opened.frames} frames ({opened.frames / 1800:.1f} minutes)")
    for title, names, axis in (("styles", styles, 0), ("contents", contents, 1)):
        click.echo(f"{title}:")
        for name in names:
            count = sum(n for key, n in takes.items() if key[axis] == name)
            frames = sum(n for key, n in table.items() if key[axis] == name)
            click.echo(f"  {name:<24} {count:>5} clips {frames:>8} frames")
    report = opened.report()
    click.echo(f"{len(report.duplicates)} pairs of takes share frames, {len(report.skipped)} files were skipped")


@data.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_mapping_option
@_units_option
@_up_option
@_t_pose_option
def check_command(file: Path, mapping: Path | None, units: str | None, up: str | None, t_pose: str | None) -> None:
    """Show what an import would make of one BVH FILE: bone mapping, units, vertical, heights."""
    try:
        found = check_file(file, _mapping(mapping, units, up, t_pose))
    except (BvhError, MappingError, CalibrationError) as error:
        raise click.ClickException(str(error)) from None
    for line in found.lines():
        click.echo(line)


@data.command("merge")
@click.argument("packs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new packed data set's folder.")
@click.option("--overwrite", is_flag=True, help="Replace a packed data set that is there already.")
def merge_command(packs: tuple[Path, ...], out: Path, overwrite: bool) -> None:
    """Put several packed data sets into one, such as a set of styles and a set of idles."""
    try:
        count = merge_packs([Pack(p, synthetic=True) for p in packs], out, overwrite)
    except PackError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{count} clips in {out}")


@data.command("split")
@click.argument("pack", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The split file to write.")
@click.option(
    "--unseen",
    multiple=True,
    metavar="CONTENT:STYLE",
    help="Keep this pair out of training altogether, to measure what the model makes of it. Repeatable.",
)
def split_command(pack: Path, out: Path, unseen: tuple[str, ...]) -> None:
    """Say which clips train and which are held out; the same data set always gives the same split."""
    try:
        rows, duplicates = rows_of_index(Pack(pack).index)
    except PackError as error:
        raise click.ClickException(str(error)) from None
    pairs = {f"{row.content}:{row.style}": (row.content, row.style) for row in rows}
    for text in unseen:
        if text not in pairs:
            near = ", ".join(difflib.get_close_matches(text, sorted(pairs), n=5, cutoff=0.0))
            raise click.BadParameter(
                f"{text!r} is none of the {len(pairs)} pairs, such as {near}", param_hint="--unseen"
            )
    split = make_split(rows, duplicates, SplitRules(unseen_pairs=tuple(pairs[text] for text in unseen)))
    split.write(out)
    for name in SETS:
        segments = split.segments(name)
        click.echo(f"{name:<12} {len(segments):>5} segments {sum(s.frames for s in segments):>8} frames")


@data.command("leave-out")
@click.argument("pack", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--split", "path", required=True, type=click.Path(exists=True, path_type=Path), help="The split file.")
@click.option("--style", "styles", multiple=True, required=True, help="Not to be trained on. Repeatable.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The split file to write.")
def leave_out_command(pack: Path, path: Path, styles: tuple[str, ...], out: Path) -> None:
    """Write a split of PACK that trains without some styles, to measure what a model makes of unseen ones.

    \b
    strut data leave-out packs/all --split model/splits/bandai_namco.json --style old --style elderly --out unseen.json
    """
    try:
        style_of = {clip.name: clip.style for clip in Pack(pack, synthetic=True).clips}
        split = without_styles(Split.read(path), style_of, styles)
    except (PackError, SplitError) as error:
        raise click.ClickException(str(error)) from None
    split.write(out)
    for name in SETS:
        segments = split.segments(name)
        click.echo(f"{name:<12} {len(segments):>5} segments {sum(s.frames for s in segments):>8} frames")


data.add_command(synthesise_command)
