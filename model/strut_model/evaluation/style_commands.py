"""``strut eval style`` and ``strut eval text``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from strut_model.evaluation.bootstrap import Figure
    from strut_model.evaluation.style_references import FolderOutcome
    from strut_model.evaluation.style_suite import StyleOutcome

_path = click.Path(path_type=Path)
_existing = click.Path(path_type=Path, exists=True)

COLUMNS = {
    "rank1": "style first",
    "top3": "among first 3",
    "content": "content",
    "style_less_named": "style less named",
    "content_less_named": "content less named",
    "style_less_clip": "style less the original rig",
    "cosine_to_original": "vector's cosine to the original rig's",
    "reference_rank1": "reference's nearest name is right",
    "cosine": "result's cosine to what was asked",
    "encoder_rank": "rank of the style in the encoder's space",
    "content_own_start": "content, all contents, own start",
    "content_own_start_less_named": "the same less named",
}
"""Figures of the table and their titles, in order."""


@click.command("style", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--bundle", "bundle_path", type=_existing, help="Bundle to measure; the shipped one by default.")
@click.option("--data", type=_existing, required=True, help="Packed data set ('strut data import') with real clips.")
@click.option("--split", "split_path", type=_existing, help="Split file; the project's own by default.")
@click.option("--judges", "judges_path", type=_existing, help="Directory of the judges; the project's own by default.")
@click.option("--style", "styles", multiple=True, help="Only this style. Repeatable.  [default: all the judges know]")
@click.option("--references", type=click.IntRange(1), help="Held-out clips of a style [default: 4, quick: 1].")
@click.option("--rig", "rig_file", type=_existing, help="A BVH file, such as one of CMU's: references go onto its rig.")
@click.option("--rigs/--no-rigs", default=None, help="Also made-up rigs of other proportions, rest poses and bones.")
@click.option("--folder", type=_existing, help="BVH files of any kind that must all become styles.")
@click.option("--seeds", type=click.IntRange(1, 20), default=1, show_default=True, help="Evaluation seeds, from 1 on.")
@click.option("--steps", type=click.Choice(["1", "2", "4"]), default="2", show_default=True,
              help="Network evaluations a window.")  # fmt: skip
@click.option("--quick", is_flag=True, help="One reference a style, walking, no other rigs: a smoke test.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of the network.")
@click.option("--out", type=_path, default=Path("reports/style"), show_default=True, help="Directory of the report.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def style_command(
    bundle_path: Path | None,
    data: Path,
    split_path: Path | None,
    judges_path: Path | None,
    styles: tuple[str, ...],
    references: int | None,
    rig_file: Path | None,
    rigs: bool | None,
    folder: Path | None,
    seeds: int,
    steps: str,
    quick: bool,
    threads: int,
    out: Path,
    quiet: bool,
) -> None:
    """Measure styles that are made of clips, zero-shot.

    Held-out clips become styles through the bundle's encoder, as CreateStyle makes them; characters that start from a
    neutral gait are given these styles, and judges trained on real clips name what they see. Beside it the bundle's
    own styles by name, the same references read back from other rigs, and real clips. Styles that the judges know and
    the bundle does not are measured as unseen. Writes style.json and style.md.

    \b
    strut eval style --data packs/all --quick
    strut eval style --data packs/all --rig cmu/007_03.bvh --folder cmu --out reports/style
    """
    from strut_model.bundle import load_bundle
    from strut_model.data.pack import Pack
    from strut_model.evaluation.commands import read_split
    from strut_model.evaluation.judges import Judges
    from strut_model.evaluation.protocol import Protocol
    from strut_model.evaluation.scene_commands import expected_errors
    from strut_model.evaluation.style_suite import QUICK, StyleExtent, StyleSuite
    from strut_model.streaming.engine import OnnxEngine
    from strut_model.streaming.generator import MotionGenerator

    extent = QUICK if quick else StyleExtent()
    extent = replace(
        extent,
        per_style=references or extent.per_style,
        styles=styles,
        rigs=extent.rigs if rigs is None else rigs,
        seeds=tuple(range(1, seeds + 1)),
        steps=int(steps),
    )
    try:
        bundle, judges = load_bundle(bundle_path), Judges(judges_path)
        protocol = Protocol(bundle, Pack(data), read_split(split_path), judges.styles, judges.contents)
        generator = MotionGenerator(bundle, OnnxEngine(bundle, threads=threads))
        suite = StyleSuite(protocol, judges, generator, extent, rig_file, not quiet)
        outcome = suite.measure()
        files = suite.folder(folder) if folder is not None else None
    except expected_errors() as error:
        raise click.ClickException(str(error)) from error
    provenance = {
        "command": "strut " + " ".join(sys.argv[1:]),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "bundle": bundle.manifest.name,
        "seeds": list(extent.seeds),
    }
    text = markdown(outcome, files, provenance)
    out.mkdir(parents=True, exist_ok=True)
    (out / "style.md").write_text(text, encoding="utf-8")
    (out / "style.json").write_text(json.dumps(as_json(outcome, files, provenance), indent=1) + "\n", encoding="utf-8")
    click.echo(text)
    click.echo(f"in {out / 'style.json'}\nin {out / 'style.md'}")


def as_json(outcome: StyleOutcome, files: FolderOutcome | None, provenance: Mapping[str, object]) -> dict[str, object]:
    """The report as JSON: ``metrics`` by the names of `metrics.json`, then every row."""
    from strut_model.evaluation.style_suite import headline

    document: dict[str, object] = {
        "provenance": dict(provenance),
        "metrics": {name: figure.to_json() for name, figure in headline(outcome.figures).items()},
        "rows": {
            row: {name: figure.to_json() for name, figure in figures.items()}
            for row, figures in outcome.figures.items()
        },
        "by_style": {row: {k: round(v, 4) for k, v in table.items()} for row, table in outcome.by_style.items()},
        "notes": outcome.notes,
    }
    if files is not None:
        document["folder"] = {"files": files.files, "made": files.made, "reasons": dict(files.reasons)}
    return document


def markdown(outcome: StyleOutcome, files: FolderOutcome | None, provenance: Mapping[str, object]) -> str:
    """The report as Markdown."""
    lines = ["# Styles of clips", "", *(f"- {key}: {value}" for key, value in provenance.items()), ""]
    used = [name for name in COLUMNS if any(name in figures for figures in outcome.figures.values())]
    lines.append("| | " + " | ".join(COLUMNS[name] for name in used) + " |")
    lines.append("|---" * (len(used) + 1) + "|")
    for row, figures in outcome.figures.items():
        lines.append(f"| {row} | " + " | ".join(_cell(figures.get(name)) for name in used) + " |")
    lines += ["", *(f"- {note}" for note in outcome.notes)]
    if files is not None:
        lines.append(f"- {files.made} of {files.files} files of the folder became styles")
        lines += [f"  - {name}: {reason}" for name, reason in files.reasons]
    lines += ["", "| style first | " + " | ".join(outcome.by_style) + " |", "|---" * (len(outcome.by_style) + 1) + "|"]
    for style in sorted({name for table in outcome.by_style.values() for name in table}):
        cells = (f"{table[style]:.2f}" if style in table else "" for table in outcome.by_style.values())
        lines.append(f"| {style} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(figure: Figure | None) -> str:
    if figure is None or not figure.known:
        return ""
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


@click.command("text", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--bundle", "bundle_path", type=_existing, help="Bundle to measure; the shipped one by default.")
@click.option("--out", type=_path, default=Path("reports/text"), show_default=True, help="Directory of the report.")
def text_command(bundle_path: Path | None, out: Path) -> None:
    """Measure how sentences are read as styles and contents. Needs the extra text.

    100 wordings of styles and 50 of contents that were fixed before any training (evaluation/text_wordings.yaml), with
    a bag of words and the nearest mean sentence vector beside. Writes text.json.
    """
    from strut_model.bundle import BundleError, load_bundle
    from strut_model.evaluation.text_trials import ask, figures
    from strut_model.sentences import TextExtraMissingError
    from strut_model.styles.text import TextError

    try:
        bundle = load_bundle(bundle_path)
        answers = ask(bundle)
    except (BundleError, TextError, TextExtraMissingError) as error:
        raise click.ClickException(str(error)) from error
    found = figures(answers)
    document = {
        "bundle": bundle.manifest.name,
        "metrics": {name: figure.to_json() for name, figure in found.items()},
        "answers": [vars(answer) for answer in answers],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "text.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for name, figure in found.items():
        click.echo(f"{name:30} {_cell(figure)}")
    for answer in answers:
        if answer.said != answer.label:
            click.echo(f"  {answer.label}: {answer.text} -> {answer.said}")
    click.echo(f"in {out / 'text.json'}")
