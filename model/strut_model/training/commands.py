"""``strut train encoder|teacher``, ``strut distill`` and ``strut export``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import torch

from strut_model.data.pack import PackError
from strut_model.data.split import SplitError
from strut_model.training import checkpoint
from strut_model.training import config as configuration
from strut_model.training.checkpoint import CheckpointError
from strut_model.training.distill import StudentTraining, train_student
from strut_model.training.encoder import EncoderTraining, train_encoder
from strut_model.training.export import ExportError, export_bundle
from strut_model.training.scene_encoder import SceneEncoderTraining, train_scene_encoder
from strut_model.training.teacher import Scenes, TeacherTraining, train_teacher

F = TypeVar("F", bound=Callable[..., Any])

EXISTING = click.Path(exists=True, path_type=Path)
EXPECTED_ERRORS = (configuration.ConfigError, CheckpointError, ExportError, PackError, SplitError, ValueError)


def _common(function: F) -> F:
    options = (
        click.option("--data", "pack", type=EXISTING, required=True, help="Packed data set (strut data import)."),
        click.option("--split", type=EXISTING, required=True, help="Split file of the data set."),
        click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of checkpoints and logs."),
        click.option("--config", type=EXISTING, help="YAML file; unknown keys are refused."),
        click.option("--samples", type=click.IntRange(min=1), help="Windows to see in all (instead of the file's)."),
        click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True),
        click.option("--threads", type=click.IntRange(min=1), help="CPU threads (all by default)."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _scene_options(function: F) -> F:
    options = (
        click.option("--scenes", type=EXISTING, help="Clips in scenes (strut scene synthesise), to train scenes on."),
        click.option("--scene-encoder", type=EXISTING, help="Checkpoint of the scene encoder, with --scenes."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _scenes(clips: Path | None, encoder: Path | None) -> Scenes | None:
    if (clips is None) != (encoder is None):
        raise click.UsageError("--scenes and --scene-encoder go together")
    return None if clips is None or encoder is None else Scenes(clips, encoder)


def _device(wanted: str, threads: int | None) -> str:
    if threads is not None:
        torch.set_num_threads(threads)
    if wanted == "cuda" and not torch.cuda.is_available():
        raise click.ClickException("--device cuda: PyTorch finds no CUDA device here; allowed: auto, cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted


def _run(action: Callable[[], Path]) -> None:
    try:
        path = action()
    except EXPECTED_ERRORS as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {path}")


@click.group()
def train() -> None:
    """Train the motion encoder or the diffusion teacher.

    A run that was stopped goes on where its last checkpoint left it: repeat the command.
    """


@train.command("encoder")
@_common
def encoder_command(
    pack: Path, split: Path, out: Path, config: Path | None, samples: int | None, device: str, threads: int | None
) -> None:
    """Train the style and content encoder."""
    place = _device(device, threads)
    _run(
        lambda: train_encoder(
            pack, split, out, configuration.load(EncoderTraining, config, {"samples": samples}), place
        )
    )


@train.command("scene-encoder")
@_common
@click.option("--encoder", type=EXISTING, required=True, help="Checkpoint of the motion encoder.")
@click.option("--scenes", type=EXISTING, required=True, help="Clips in scenes (strut scene synthesise).")
def scene_encoder_command(
    pack: Path,
    split: Path,
    out: Path,
    config: Path | None,
    samples: int | None,
    device: str,
    threads: int | None,
    encoder: Path,
    scenes: Path,
) -> None:
    """Train the scene encoder: descriptors and motions in scenes to one space. Takes minutes, on the CPU."""
    _device(device, threads)
    _run(
        lambda: train_scene_encoder(
            pack, split, scenes, encoder, out, configuration.load(SceneEncoderTraining, config, {"samples": samples})
        )
    )


@train.command("text")
@click.option("--data", "pack", type=EXISTING, required=True, help="Packed data set (strut data import).")
@click.option("--split", type=EXISTING, required=True, help="Split file of the data set.")
@click.option("--encoder", type=EXISTING, required=True, help="Checkpoint of the encoder.")
@click.option("--bundle", type=EXISTING, help="Bundle with that encoder's graph; the shipped one by default.")
@click.option("--out", type=click.Path(path_type=Path), help="The head's file [default: text.npz in the bundle].")
@click.option("--config", type=EXISTING, help="YAML file; unknown keys are refused.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads (all by default).")
def text_command(
    pack: Path,
    split: Path,
    encoder: Path,
    bundle: Path | None,
    out: Path | None,
    config: Path | None,
    threads: int | None,
) -> None:
    """Train the head that takes sentences to styles and contents. Takes minutes, on the CPU; needs the extra text.

    Learns from the written descriptions in strut_model/styles/wording.yaml; 'strut eval text' measures it on others.
    """
    from strut_model.bundle import load_bundle
    from strut_model.styles.text import HEAD
    from strut_model.training.text_head import TextTraining, train_text_head

    _device("cpu", threads)
    try:
        made_with = load_bundle(bundle)
        target = out or made_with.path / HEAD
        figures = train_text_head(pack, split, encoder, made_with, target, configuration.load(TextTraining, config, {}))
    except (*EXPECTED_ERRORS, ImportError) as error:
        raise click.ClickException(str(error)) from error
    for kind, share in figures.items():
        click.echo(f"held-out wordings of {kind}: {share:.3f} right")
    click.echo(f"wrote {target}: {target.stat().st_size / 1e3:.0f} kB")


@train.command("dimensions")
@click.option("--data", "pack", type=EXISTING, required=True, help="Packed data set (strut data import).")
@click.option("--split", type=EXISTING, required=True, help="Split file of the data set.")
@click.option("--bundle", type=EXISTING, help="Bundle whose encoder is meant; the shipped one by default.")
@click.option("--out", type=click.Path(path_type=Path), help="The file [default: dimensions.npz in the bundle].")
def dimensions_command(pack: Path, split: Path, bundle: Path | None, out: Path | None) -> None:
    """Find the directions along which styles can be turned, such as amplitude. Takes a minute, on the CPU."""
    from strut_model.bundle import load_bundle
    from strut_model.styles.dimensions import FILE
    from strut_model.training.dimensions import train_dimensions

    try:
        made_with = load_bundle(bundle)
        target = out or made_with.path / FILE
        clips = train_dimensions(pack, split, made_with, target)
    except EXPECTED_ERRORS as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {target}: of {clips} clips")


@train.command("teacher")
@_common
@click.option("--encoder", type=EXISTING, required=True, help="Checkpoint of the encoder.")
@click.option("--start-from", type=EXISTING, help="An earlier teacher whose weights to begin with.")
@_scene_options
def teacher_command(
    pack: Path,
    split: Path,
    out: Path,
    config: Path | None,
    samples: int | None,
    device: str,
    threads: int | None,
    encoder: Path,
    start_from: Path | None,
    scenes: Path | None,
    scene_encoder: Path | None,
) -> None:
    """Train the diffusion teacher.

    With --scenes, the teacher to --start-from stays as it is and gets a path for scenes, which is trained.
    """
    place = _device(device, threads)
    _run(
        lambda: train_teacher(
            pack,
            split,
            encoder,
            out,
            configuration.load(TeacherTraining, config, {"samples": samples}),
            place,
            start_from,
            _scenes(scenes, scene_encoder),
        )
    )


@train.command("slim")
@click.argument("checkpoint_file", metavar="CHECKPOINT", type=EXISTING)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The slim checkpoint.")
@click.option("--scenes-alone", is_flag=True, help="Only the path for scenes; 'strut train join' puts it back.")
def slim_command(checkpoint_file: Path, out: Path, scenes_alone: bool) -> None:
    """Keep a checkpoint's averaged weights alone, in bfloat16: a fraction of the size, to share or to start from."""
    try:
        size = checkpoint.slim(checkpoint_file, out, scenes_alone)
    except CheckpointError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {out}: {size / 1e6:.1f} MB")


@train.command("join")
@click.argument("base", type=EXISTING)
@click.argument("scenes", type=EXISTING)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The checkpoint with both.")
def join_command(base: Path, scenes: Path, out: Path) -> None:
    """Put a path for SCENES, kept alone, onto the BASE that it was trained on.

    \b
    strut train join model/weights/teacher.pt model/weights/teacher_scenes.pt --out runs/teacher.pt
    """
    try:
        checkpoint.joined(base, scenes, out)
    except CheckpointError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {out}")


@click.command()
@_common
@click.option("--encoder", type=EXISTING, required=True, help="Checkpoint of the encoder.")
@click.option("--teacher", type=EXISTING, required=True, help="Checkpoint of the teacher.")
@click.option("--start-from", type=EXISTING, help="An earlier student whose weights to begin with.")
@_scene_options
def distill(
    pack: Path,
    split: Path,
    out: Path,
    config: Path | None,
    samples: int | None,
    device: str,
    threads: int | None,
    encoder: Path,
    teacher: Path,
    start_from: Path | None,
    scenes: Path | None,
    scene_encoder: Path | None,
) -> None:
    """Distil the teacher to a consistency student of 1 to 4 steps.

    With --scenes, the student to --start-from stays as it is and only learns scenes, from a teacher that knows them.
    """
    place = _device(device, threads)
    _run(
        lambda: train_student(
            pack,
            split,
            encoder,
            teacher,
            out,
            configuration.load(StudentTraining, config, {"samples": samples}),
            place,
            start_from,
            _scenes(scenes, scene_encoder),
        )
    )


def _training_data(values: tuple[str, ...]) -> list[dict[str, str]]:
    rows = []
    for value in values:
        parts = [part.strip() for part in value.split("|")]
        if len(parts) != 3:
            raise click.BadParameter(f"'{value}': expected 'name | licence | url'", param_hint="--training-data")
        rows.append(dict(zip(("name", "licence", "url"), parts, strict=True)))
    return rows


@click.command()
@click.option("--student", type=EXISTING, required=True, help="Checkpoint of the student.")
@click.option("--encoder", type=EXISTING, required=True, help="Checkpoint of the encoder.")
@click.option("--data", "pack", type=EXISTING, required=True, help="The packed data set that they were trained on.")
@click.option("--split", type=EXISTING, required=True, help="Its split file.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The bundle's directory.")
@click.option("--name", default="strut", show_default=True, help="The bundle's name.")
@click.option("--neutral", default="normal", show_default=True, help="The style at strength 0.")
@click.option("--training-data", multiple=True, help="'name | licence | url' for the manifest; may be repeated.")
@click.option("--licence", default="", help="Licence of the weights, for the manifest.")
@click.option("--metrics", type=EXISTING, help="metrics.json of 'strut eval', for the manifest.")
@click.option("--overwrite", is_flag=True, help="Replace a bundle that is there.")
@click.option("--scene-encoder", type=EXISTING, help="Checkpoint of the scene encoder, for a student with scenes.")
def export(
    student: Path,
    encoder: Path,
    pack: Path,
    split: Path,
    out: Path,
    name: str,
    neutral: str,
    training_data: tuple[str, ...],
    licence: str,
    metrics: Path | None,
    overwrite: bool,
    scene_encoder: Path | None,
) -> None:
    """Write a bundle (ONNX graphs, named styles, manifest with hashes) that `strut serve` can load."""
    rows = _training_data(training_data)
    try:
        measured = json.loads(metrics.read_text(encoding="utf-8")) if metrics is not None else None
        differences = export_bundle(
            student, encoder, pack, split, out, name, neutral, rows, licence, measured, overwrite, scene_encoder
        )
    except EXPECTED_ERRORS as error:
        raise click.ClickException(str(error)) from error
    size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    click.echo(f"wrote {out}: {size:.1f} MB")
    for graph, difference in differences.items():
        click.echo(f"{graph}: ONNX Runtime and PyTorch differ by at most {difference:.1e}")
