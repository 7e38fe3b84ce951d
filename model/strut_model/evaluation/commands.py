"""``strut eval``: measures real clips, teacher and student and writes the report; makes judges and switches."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from strut_model.bundle import Bundle
    from strut_model.evaluation.suite import Subject

SUBJECTS = ("real", "teacher", "student_1", "student_2", "student_4")
DEFAULT_SPLIT = Path(__file__).resolve().parents[2] / "splits" / "bandai_namco.json"

_path = click.Path(path_type=Path)
_existing = click.Path(path_type=Path, exists=True)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--bundle", "bundle_path", type=_existing, help="Bundle to measure; the shipped one by default.")
@click.option("--data", type=_existing, help="Packed data set ('strut data import') with the real clips.")
@click.option("--split", "split_path", type=_existing, default=DEFAULT_SPLIT, show_default=True, help="Split file.")
@click.option("--judges", "judges_path", type=_existing, help="Directory of the judges; the project's own by default.")
@click.option("--subjects", default="real,student_1,student_2,student_4", show_default=True,
              help=f"Comma-separated, of {', '.join(SUBJECTS)}.")  # fmt: skip
@click.option("--judged", default="student_2", show_default=True, help="Subject that the targets are for.")
@click.option("--teacher", type=_existing, help="Checkpoint of the teacher, for the subject 'teacher'.")
@click.option("--clips", type=click.IntRange(8), help="Held-out starts at most [default: 400, quick: 48].")
@click.option("--seeds", type=click.IntRange(1, 20), help="Evaluation seeds, from 1 on [default: 3, quick: 1].")
@click.option("--drift-seconds", type=click.IntRange(0, 3600), help="Length of the long rollouts; 0: none.")
@click.option("--quick", is_flag=True, help="A small sample of everything that is quick: a smoke test, no measurement.")
@click.option("--targets", "targets_path", type=_existing, help="YAML of targets; the project's own by default.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of the network.")
@click.option("--pictures/--no-pictures", default=True, show_default=True, help="Contact sheets beside the report.")
@click.option("--out", type=_path, default=Path("reports/eval"), show_default=True, help="Directory of the report.")
@click.pass_context
def evaluate(
    context: click.Context,
    bundle_path: Path | None,
    data: Path | None,
    split_path: Path,
    judges_path: Path | None,
    subjects: str,
    judged: str,
    teacher: Path | None,
    clips: int | None,
    seeds: int | None,
    drift_seconds: int | None,
    quick: bool,
    targets_path: Path | None,
    threads: int,
    pictures: bool,
    out: Path,
) -> None:
    """Measure the quality of motion in closed loop.

    Every figure is measured by the same code for real clips, teacher and student, and stands in one table with its
    interval, its target and a verdict. Writes metrics.json, report.md, breakdown.json (shares by style and content)
    and contact sheets.
    """
    if context.invoked_subcommand is not None:
        return
    from strut_model.bundle import load_bundle
    from strut_model.data.pack import Pack
    from strut_model.data.split import Split
    from strut_model.evaluation.judges import Judges
    from strut_model.evaluation.protocol import Protocol
    from strut_model.evaluation.report import Report, write_sheets
    from strut_model.evaluation.suite import QUICK, Extent, Suite
    from strut_model.evaluation.switches import SwitchList
    from strut_model.evaluation.targets import read_targets

    names = [name.strip() for name in subjects.split(",") if name.strip()]
    unknown = [name for name in names if name not in SUBJECTS]
    if unknown or not names:
        raise click.BadParameter(f"{', '.join(unknown) or 'nothing'}, allowed: {', '.join(SUBJECTS)}",
                                 param_hint="--subjects")  # fmt: skip
    if data is None:
        raise click.UsageError("--data is needed: a packed data set made by 'strut data import'")
    if "teacher" in names and teacher is None:
        raise click.UsageError("--teacher is needed for the subject 'teacher': its checkpoint")

    extent = QUICK if quick else Extent()
    extent = replace(
        extent,
        clips=clips or extent.clips,
        seeds=tuple(range(1, seeds + 1)) if seeds else extent.seeds,
        drift_seconds=extent.drift_seconds if drift_seconds is None else drift_seconds,
    )
    bundle = load_bundle(bundle_path)
    judges = Judges(judges_path)
    protocol = Protocol(bundle, Pack(data), Split.read(split_path), judges.styles, judges.contents)
    suite = Suite(protocol, judges, SwitchList.read(), extent)
    click.echo(f"seeds {list(extent.seeds)}; {len(suite.held_out)} held-out starts; bundle {bundle.manifest.name}")

    figures, breakdown, notes, sheets = {}, {}, [], []
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name == "real":
            outcome = suite.real()
        else:
            outcome = suite.subject(make_subject(name, bundle, teacher, threads))
        figures[name], breakdown[name] = outcome.figures, outcome.breakdown
        notes += outcome.notes
        if pictures and name != "real":
            sheets += write_sheets(out, name, outcome.samples)
    report = Report(
        figures,
        read_targets(targets_path),
        judged if judged in figures else names[-1],
        notes,
        {
            "command": "strut " + " ".join(sys.argv[1:]),
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "seeds": list(extent.seeds),
            "bundle": bundle.manifest.name,
            "student": _digest(bundle.student_path),
            "split": _digest(split_path),
            "judges": {name: row["sha256"][:12] for name, row in judges.record["judges"].items()},
            "extent": "quick" if quick else "full",
        },
    )
    report.write(out)
    (out / "breakdown.json").write_text(json.dumps(breakdown, indent=1) + "\n", encoding="utf-8")
    click.echo(report.markdown())
    for path in [out / "metrics.json", out / "report.md", out / "breakdown.json", *sheets]:
        click.echo(f"wrote {path}")


def make_subject(name: str, bundle: Bundle, teacher: Path | None, threads: int) -> Subject:
    """A subject by its name: the teacher's checkpoint, or the bundle's student at a number of steps."""
    from strut_model.evaluation.suite import Subject
    from strut_model.streaming.engine import Engine, OnnxEngine
    from strut_model.streaming.generator import MotionGenerator

    engine: Engine
    if name == "teacher":
        from strut_model.training.engines import TeacherEngine

        if teacher is None:
            raise ValueError("teacher: a checkpoint is needed for the subject 'teacher'")
        engine, steps = TeacherEngine(teacher), 1
    else:
        engine, steps = OnnxEngine(bundle, threads=threads), int(name.removeprefix("student_"))
    return Subject(name, MotionGenerator(bundle, engine), MotionGenerator(bundle, engine, lock_feet=False), steps)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@evaluate.command("make-switches")
@click.option("--data", type=_existing, required=True, help="Packed data set.")
@click.option("--split", "split_path", type=_existing, default=DEFAULT_SPLIT, show_default=True, help="Split file.")
@click.option("--out", type=_path, required=True, help="JSON file to write.")
def make_switches_command(data: Path, split_path: Path, out: Path) -> None:
    """Draw the fixed list of style and content switches."""
    from strut_model.data.pack import Pack
    from strut_model.data.split import TRAIN, Split
    from strut_model.evaluation.switches import make_switches

    labels = {clip.name: (clip.content, clip.style) for clip in Pack(data).clips}
    pairs = [labels[s.clip] for s in Split.read(split_path).segments(TRAIN) if s.clip in labels]
    switches = make_switches(pairs)
    switches.write(out)
    click.echo(f"{len(switches.styles)} style switches, {len(switches.contents)} content switches in {out}")


@evaluate.command("train-judges")
@click.option("--data", type=_existing, required=True, help="Packed data set.")
@click.option("--split", "split_path", type=_existing, default=DEFAULT_SPLIT, show_default=True, help="Split file.")
@click.option("--out", type=_path, required=True, help="Directory to write to.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads to train with.")
def train_judges_command(data: Path, split_path: Path, out: Path, threads: int) -> None:
    """Train the judges anew (minutes). The project's own are frozen: this shows how they were made."""
    import torch

    from strut_model.data.pack import Pack
    from strut_model.data.split import Split
    from strut_model.evaluation.train_judges import train_judges

    torch.set_num_threads(threads)
    record = train_judges(Pack(data), Split.read(split_path), out)
    for name, row in record["judges"].items():
        click.echo(f"judge {name}: {row['sha256'][:12]} held out {row.get('held_out')}")
