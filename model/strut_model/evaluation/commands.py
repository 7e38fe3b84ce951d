"""``strut eval``: measures real clips, teacher and student and writes the report; makes judges and switches."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from strut_model.evaluation.restyle_command import restyle_command
from strut_model.evaluation.scene_commands import scene_command, train_scene_judge_command
from strut_model.evaluation.style_commands import style_command, text_command

if TYPE_CHECKING:
    from strut_model.bundle import Bundle
    from strut_model.data.split import Split
    from strut_model.evaluation.report import Report
    from strut_model.evaluation.suite import Extent, Subject

SUBJECTS = ("real", "teacher", "student_1", "student_2", "student_4")
DEFAULT_SPLIT = Path(__file__).resolve().parents[2] / "splits" / "bandai_namco.json"
"""Of the source tree; a wheel has neither split nor judges, and names them with its options."""

_path = click.Path(path_type=Path)
_existing = click.Path(path_type=Path, exists=True)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--bundle", "bundle_path", type=_existing, help="Bundle to measure; the shipped one by default.")
@click.option("--data", type=_existing, help="Packed data set ('strut data import') with the real clips.")
@click.option("--split", "split_path", type=_existing, help="Split file; the project's own by default.")
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
    split_path: Path | None,
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
    from strut_model.evaluation.suite import QUICK, Extent

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
    run = Run(
        bundle_path, data, split_path, judges_path, targets_path, teacher, names, judged, extent, threads, pictures
    )
    try:
        report = run.write(out)
    except _expected_errors() as error:
        raise click.ClickException(str(error)) from error
    click.echo(report.markdown())
    for path in sorted(out.iterdir()):
        click.echo(f"in {path}")


@dataclass(frozen=True)
class Run:
    """One evaluation; the fields are the command's options."""

    bundle: Path | None
    data: Path
    split: Path | None
    judges: Path | None
    targets: Path | None
    teacher: Path | None
    subjects: list[str]
    judged: str
    extent: Extent
    threads: int
    pictures: bool

    def write(self, out: Path) -> Report:
        """Measures every subject and writes everything into a directory."""
        from strut_model.bundle import load_bundle
        from strut_model.data.pack import Pack
        from strut_model.evaluation.judges import Judges
        from strut_model.evaluation.pictures import write_pictures
        from strut_model.evaluation.protocol import Protocol
        from strut_model.evaluation.report import Report
        from strut_model.evaluation.suite import Suite, one_step_figures
        from strut_model.evaluation.switches import SwitchList
        from strut_model.evaluation.targets import read_targets

        targets = read_targets(self.targets)
        bundle, judges = load_bundle(self.bundle), Judges(self.judges)
        protocol = Protocol(bundle, Pack(self.data), read_split(self.split), judges.styles, judges.contents)
        suite = Suite(protocol, judges, SwitchList.read(), self.extent)
        starts = len(suite.held_out)
        click.echo(f"seeds {list(self.extent.seeds)}; {starts} held-out starts; bundle {bundle.manifest.name}")

        out.mkdir(parents=True, exist_ok=True)
        outcomes = {}
        for name in self.subjects:
            if name == "real":
                outcomes[name] = suite.real()
                continue
            outcomes[name] = suite.subject(make_subject(name, bundle, self.teacher, self.threads))
            if self.pictures:
                write_pictures(out, name, outcomes[name].samples)
            outcomes[name].samples.clear()
        judged = self.judged if self.judged in outcomes else self.subjects[-1]
        one, two = (outcomes[name].hits if name in outcomes else None for name in ("student_1", "student_2"))
        if one is not None and two is not None and judged != "real":
            outcomes[judged].figures |= one_step_figures(one, two)
        report = Report(
            {name: outcome.figures for name, outcome in outcomes.items()},
            targets,
            judged,
            [note for outcome in outcomes.values() for note in outcome.notes],
            {
                "command": "strut " + " ".join(sys.argv[1:]),
                "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
                "seeds": list(self.extent.seeds),
                "clips": starts,
                "bundle": bundle.manifest.name,
                "student": _digest(bundle.student_path),
                "split": _digest(self.split or DEFAULT_SPLIT),
                "judges": {name: row["sha256"][:12] for name, row in judges.record["judges"].items()},
            },
        )
        report.write(out)
        shares = {name: outcome.breakdown for name, outcome in outcomes.items()}
        (out / "breakdown.json").write_text(json.dumps(shares, indent=1) + "\n", encoding="utf-8")
        return report


def _expected_errors() -> tuple[type[Exception], ...]:
    """What is wrong with the input rather than with the program."""
    from strut_model.bundle import BundleError
    from strut_model.data.pack import PackError
    from strut_model.data.split import SplitError
    from strut_model.evaluation.judges import JudgeError
    from strut_model.evaluation.protocol import ProtocolError
    from strut_model.evaluation.targets import TargetError

    return BundleError, PackError, SplitError, JudgeError, ProtocolError, TargetError


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
        engine = TeacherEngine(teacher)
        bundle, steps = replace(bundle, statistics=engine.statistics), 1
    else:
        engine, steps = OnnxEngine(bundle, threads=threads), int(name.removeprefix("student_"))
    return Subject(name, MotionGenerator(bundle, engine), MotionGenerator(bundle, engine, lock_feet=False), steps)


def read_split(path: Path | None) -> Split:
    """A split file, the project's own by default."""
    from strut_model.data.split import Split

    path = path or DEFAULT_SPLIT
    if not path.is_file():
        raise click.UsageError(f"--split is needed: {path} is not there ('strut data split' makes one)")
    return Split.read(path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@evaluate.command("make-switches")
@click.option("--data", type=_existing, required=True, help="Packed data set.")
@click.option("--split", "split_path", type=_existing, help="Split file; the project's own by default.")
@click.option("--out", type=_path, required=True, help="JSON file to write.")
def make_switches_command(data: Path, split_path: Path | None, out: Path) -> None:
    """Draw the fixed list of style and content switches."""
    from strut_model.data.pack import Pack
    from strut_model.data.split import TRAIN
    from strut_model.evaluation.switches import make_switches

    labels = {clip.name: (clip.content, clip.style) for clip in Pack(data).clips}
    pairs = [labels[s.clip] for s in read_split(split_path).segments(TRAIN) if s.clip in labels]
    switches = make_switches(pairs)
    switches.write(out)
    click.echo(f"{len(switches.styles)} style switches, {len(switches.contents)} content switches in {out}")


@evaluate.command("train-judges")
@click.option("--data", type=_existing, required=True, help="Packed data set.")
@click.option("--split", "split_path", type=_existing, help="Split file; the project's own by default.")
@click.option("--out", type=_path, required=True, help="Directory to write to.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads to train with.")
def train_judges_command(data: Path, split_path: Path | None, out: Path, threads: int) -> None:
    """Train the judges anew (minutes). The project's own are frozen: this shows how they were made."""
    import torch

    from strut_model.data.pack import Pack
    from strut_model.evaluation.train_judges import train_judges

    torch.set_num_threads(threads)
    record = train_judges(Pack(data), read_split(split_path), out)
    for name, row in record["judges"].items():
        click.echo(f"judge {name}: {row['sha256'][:12]} held out {row.get('held_out')}")


@evaluate.command("encoder")
@click.option("--encoder", type=_existing, required=True, help="Checkpoint of the encoder.")
@click.option("--data", type=_existing, required=True, help="Packed data set.")
@click.option("--split", "split_path", type=_existing, default=DEFAULT_SPLIT, show_default=True, help="Split file.")
@click.option("--out", type=_path, default=Path("reports/encoder"), show_default=True, help="Directory of the report.")
def encoder_command(encoder: Path, data: Path, split_path: Path, out: Path) -> None:
    """Measure the style and content codes: retrieval, probes, read-outs, and a picture of nearest neighbours."""
    from strut_model.evaluation.encoder_report import write_report
    from strut_model.training.checkpoint import CheckpointError

    try:
        figures = write_report(data, split_path, encoder, out)
    except (CheckpointError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    for name, value in figures.items():
        click.echo(f"{name:42} {value:.3f}")
    click.echo(f"wrote {out / 'encoder.json'}, {out / 'encoder.md'}, {out / 'neighbours.png'}")


evaluate.add_command(scene_command)
evaluate.add_command(train_scene_judge_command)
evaluate.add_command(style_command)
evaluate.add_command(text_command)
evaluate.add_command(restyle_command)
