"""``strut scene``: presets, clips in scenes, and whether the scenes move what they must."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from strut_model.clip import Clip
from strut_model.contacts import foot_contacts
from strut_model.data.importing import ImportOptions, import_folder
from strut_model.data.pack import Pack, PackError
from strut_model.data.presets import PresetError
from strut_model.data.split import Split, SplitError
from strut_model.exports.files import WRITERS, check_suffix, write_motion
from strut_model.exports.recording import Recording
from strut_model.mapping import MappingError
from strut_model.scene import wording
from strut_model.scene.apply import FEWEST_FRAMES, apply_scene
from strut_model.scene.descriptor import QUANTITIES, SceneDescriptor, SceneError, quantity
from strut_model.scene.effects import MAX_ALPHA
from strut_model.scene.presets import ScenePreset, preset, presets
from strut_model.scene.synthesis import SceneSynthesisOptions, synthesise
from strut_model.scene.synthesis import report_lines as synthesis_lines
from strut_model.scene.verification import locomotion_clips, report_lines, verify
from strut_model.sentences import TextExtraMissingError
from strut_model.smplx_io import SmplxError, motion_from_parameters, read_amass

_SET_HELP = "A quantity of the scene, such as friction=0.1, in place of the preset's. Repeatable."


@click.group()
def scene() -> None:
    """Scenes and what they do to motion."""


@scene.command("list")
@click.option("--quantities", is_flag=True, help="The quantities with their units and ranges, instead of the presets.")
@click.option("--sources", is_flag=True, help="Also print where each preset's numbers come from.")
def list_command(quantities: bool, sources: bool) -> None:
    """Print the scene presets with what they set."""
    if quantities:
        for q in QUANTITIES:
            click.echo(f"{q.name:<20} {q.low:g} to {q.high:g} {q.unit}, default {q.default:g}: {q.meaning}")
        return
    for entry in presets().values():
        given = ", ".join(f"{name} {value:g}" for name, value in entry.descriptor.given().items())
        click.echo(f"{entry.name:<18} {entry.description}\n{'':<18} {given}")
        if sources:
            click.echo(f"{'':<18} source: {entry.source}")


@scene.command("describe")
@click.argument("text")
def describe_command(text: str) -> None:
    """Read a TEXT as a scene, and print the quantities that were understood. Needs the text extra.

    \b
    strut scene describe "a windy mountain ridge at night"
    """
    try:
        reading = wording.read(text)
    except (SceneError, TextExtraMissingError) as error:
        raise click.ClickException(str(error)) from None
    if not reading.findings:
        click.echo("nothing understood: a level, dry, roomy, mild place in daylight")
        return
    for name, value in reading.descriptor.given().items():
        unit = quantity(name).unit
        click.echo(f"{name:<20} {value:g}{' ' + unit if unit else ''}")
    for finding in reading.findings:
        click.echo(f"  {finding.words!r} is near {finding.phrase!r} ({finding.nearness:.2f}): {finding.meaning}")


@scene.command("apply")
@click.argument("clip")
@click.option("--preset", "preset_name", help="A scene's name, see 'strut scene list'.")
@click.option("--set", "settings", multiple=True, metavar="QUANTITY=VALUE", help=_SET_HELP)
@click.option(
    "--alpha",
    type=click.FloatRange(0, MAX_ALPHA),
    default=1.0,
    show_default=True,
    help="How strongly the scene shows: 0 is the clip as it is, 1 the effects that the sources report.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Chooses when the feet slip.")
@click.option(
    "--pack",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Packed data set of which CLIP is a clip's name.  [default: CLIP is a .bvh or .npz file]",
)
@click.option(
    "--out",
    "outs",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    required=True,
    help=f"File to write; its suffix says the kind: {', '.join(WRITERS)}. Repeatable.",
)
def apply_command(
    clip: str,
    preset_name: str | None,
    settings: Sequence[str],
    alpha: float,
    seed: int,
    pack: Path | None,
    outs: Sequence[Path],
) -> None:
    """Show a CLIP as it would be in a scene, and write it to files.

    \b
    strut scene apply walk.bvh --preset ice --out walk_on_ice.glb
    strut scene apply dataset-1_walk_proud_001 --pack packs/all --set water_depth=0.5 --alpha 0.7 --out wade.bvh
    """
    place = _descriptor(preset_name, settings)
    try:
        for out in outs:
            check_suffix(out)
        source = _load(clip, pack)
        edited = apply_scene(source, place, alpha, seed)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    title = f"{source.name}, {preset_name or 'own scene'}, alpha {alpha:g}"
    recording = Recording(edited.clip.motion(), ((0, preset_name or "scene"),), title=title)
    for out in outs:
        try:
            write_motion(recording, out)
        except (OSError, ValueError, ModuleNotFoundError) as error:
            raise click.ClickException(f"{out}: {error}") from None
        click.echo(f"wrote {out}")
    click.echo(f"{source.frames} frames became {edited.clip.frames}; speed times {edited.effects.speed:.2f}")
    for event in edited.slips:
        foot = ("left", "right")[event.side]
        click.echo(f"slip of the {foot} foot at {event.frame / source.fps:.2f} s, {100 * event.metres:.0f} cm")


@scene.command("verify")
@click.argument("pack", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--preset", "names", multiple=True, help="Only this scene. Repeatable.  [default: all]")
@click.option("--clips", "count", type=click.IntRange(1), default=24, show_default=True, help="How many real clips.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write the table to this file.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def verify_command(pack: Path, names: Sequence[str], count: int, out: Path | None, quiet: bool) -> None:
    """Apply scenes to walks and runs of PACK, and measure whether they move what they must."""
    try:
        scenes = [_preset(name) for name in names] or list(presets().values())
        clips = locomotion_clips(Pack(pack), count)
    except PackError as error:
        raise click.ClickException(str(error)) from None
    if not clips:
        raise click.ClickException(f"{pack}: has no walk or run with enough steps")
    with tqdm(total=len(clips) * len(scenes), desc="verify", unit="clip", disable=quiet) as bar:
        lines = report_lines(verify(clips, scenes, progress=bar.update))
    text = "\n".join(lines)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


@scene.command("synthesise")
@click.argument("pack", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--split", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the new pack. A run that was interrupted is gone on with.",
)
@click.option("--clips", "count", type=click.IntRange(1), default=2000, show_default=True, help="How many clips.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything drawn at random.")
@click.option("--whole", is_flag=True, help="With lean, arms, gaze and stooping, too, which the run time adds itself.")
@click.option("--overwrite", is_flag=True, help="Replace a pack that is there already.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def synthesise_command(
    pack: Path, split: Path, out: Path, count: int, seed: int, whole: bool, overwrite: bool, quiet: bool
) -> None:
    """Make training data of scenes: clips of PACK's training segments in scenes, each with descriptor and alpha.

    The clips show what the student is to learn: how one steps. What the run time adds to it is left out.

    \b
    strut scene synthesise packs/all --split model/splits/bandai_namco.json --out packs/scene
    """
    try:
        real = Pack(pack)
        options = SceneSynthesisOptions(count=count, seed=seed, gait_only=not whole, progress=not quiet)
        labels = synthesise(real, Split.read(split), out, options, overwrite)
    except (PackError, SplitError) as error:
        raise click.ClickException(str(error)) from None
    for line in synthesis_lines(list(labels.values()), real):
        click.echo(line)


@scene.command("pictures")
@click.option("--out", type=click.Path(file_okay=False, exists=True, path_type=Path), required=True, help="Folder.")
def pictures_command(out: Path) -> None:
    """Draw the shipped student on a slope, on stairs, below a ceiling, and paths around obstacles."""
    from strut_model.scene import pictures

    try:
        for path in pictures.draw_all(out):
            click.echo(f"wrote {path}")
    except ImportError as error:
        raise click.ClickException(str(error)) from None


@scene.command("grounds")
@click.option("--bundle", "path", type=click.Path(path_type=Path), help="Bundle directory.  [default: the shipped one]")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def grounds_command(path: Path | None, quiet: bool) -> None:
    """Walk the student over slopes, stairs and steps, and measure what its feet do there."""
    from strut_model.bundle import BundleError, load_bundle
    from strut_model.scene import ground_trials
    from strut_model.streaming.engine import OnnxEngine
    from strut_model.streaming.generator import MotionGenerator

    try:
        bundle = load_bundle(path)
        generator = MotionGenerator(bundle, OnnxEngine(bundle))
    except (BundleError, ImportError) as error:
        raise click.ClickException(str(error)) from None
    with tqdm(total=len(ground_trials.trials()), desc="grounds", unit="ground", disable=quiet) as bar:
        lines = ground_trials.run_all(generator, bar.update)
    click.echo("\n".join(lines))


@scene.command("obstacles")
@click.option("--layouts", type=click.IntRange(1, 10_000), default=96, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(0), default=5, show_default=True, help="Of the layouts.")
@click.option("--bundle", "path", type=click.Path(path_type=Path), help="Bundle directory.  [default: the shipped one]")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def obstacles_command(layouts: int, seed: int, path: Path | None, quiet: bool) -> None:
    """Lead the student through random layouts of obstacles in closed loops, and count what it enters."""
    from strut_model.bundle import BundleError, load_bundle
    from strut_model.scene import obstacle_trials
    from strut_model.streaming.engine import OnnxEngine
    from strut_model.streaming.generator import MotionGenerator

    try:
        bundle = load_bundle(path)
        generator = MotionGenerator(bundle, OnnxEngine(bundle))
    except (BundleError, ImportError) as error:
        raise click.ClickException(str(error)) from None
    with tqdm(total=obstacle_trials.windows_of(layouts), desc="obstacles", unit="window", disable=quiet) as bar:
        trials = obstacle_trials.run(generator, layouts, seed, bar.update)
    click.echo("\n".join(obstacle_trials.report_lines(trials)))


@scene.command("uneven")
@click.argument("pack", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--clip", "name", default="cmu_003_02", show_default=True, help="A captured walk over uneven ground.")
@click.option("--style", default="normal", show_default=True, help="The student's style.")
@click.option("--content", default="walk", show_default=True, help="The student's content.")
def uneven_command(pack: Path, name: str, style: str, content: str) -> None:
    """Compare a captured walk over uneven ground with the shipped student's over the same ground."""
    from strut_model.bundle import load_bundle
    from strut_model.scene import uneven
    from strut_model.streaming.engine import OnnxEngine
    from strut_model.streaming.generator import MotionGenerator

    try:
        bundle = load_bundle()
        real, made = uneven.compare(Pack(pack).clip(name), MotionGenerator(bundle, OnnxEngine(bundle)), style, content)
    except (KeyError, ValueError) as error:
        raise click.ClickException(str(error.args[0])) from None
    for title, found in (("captured", real), ("student", made)):
        clearance = ", ".join(f"{100 * value:.0f}" for value in found.clearance)
        click.echo(
            f"{title:<9} swings clear the higher foothold by {clearance} cm; pelvis moves over "
            f"{100 * found.pelvis_range:.0f} cm, {100 * found.pelvis_over_ground:.1f} cm about the feet's ground"
        )
    together = np.corrcoef(real.pelvis, made.pelvis)[0, 1]
    apart = np.sqrt(np.mean((real.pelvis - made.pelvis - np.mean(real.pelvis - made.pelvis)) ** 2))
    click.echo(f"pelvis heights: correlation {together:.2f}, {100 * apart:.1f} cm apart (RMS, without the mean)")


def _preset(name: str) -> ScenePreset:
    try:
        return preset(name)
    except SceneError as error:
        raise click.ClickException(str(error)) from None


def _descriptor(name: str | None, settings: Sequence[str]) -> SceneDescriptor:
    if name is None and not settings:
        raise click.UsageError("give --preset, or --set with a quantity, or both")
    values = {} if name is None else _preset(name).descriptor.given()
    try:
        for text in settings:
            key, separator, value = text.partition("=")
            known = quantity(key.strip())
            try:
                values[known.name] = float(value)
            except ValueError:
                given = f"is {value!r}" if separator else "has no value"
                raise SceneError(f"{known.name}: {given}; allowed: {known.low:g} to {known.high:g}") from None
        return SceneDescriptor.of(values)
    except SceneError as error:
        raise click.BadParameter(str(error), param_hint="--set") from None


def _load(name: str, pack: Path | None) -> Clip:
    """A clip by name in a pack, or from a file.

    Raises:
        ValueError: there is none, or it cannot be read.
    """
    if pack is not None:
        try:
            return Pack(pack).clip(name)
        except KeyError as error:
            raise ValueError(str(error.args[0])) from None
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"CLIP: is {name!r}, which is no file; allowed: a .bvh or .npz file, or a name with --pack")
    if path.suffix.lower() == ".npz":
        return _from_amass(path)
    if path.suffix.lower() != ".bvh":
        raise ValueError(f"CLIP: {path.name} ends in {path.suffix!r}; allowed: .bvh, .npz")
    return _from_bvh(path)


def _from_bvh(path: Path) -> Clip:
    # One file goes the way of a folder of them: bone mapping, T-pose, ground and contacts are found there.
    with tempfile.TemporaryDirectory() as folder:
        out, files = Path(folder, "pack"), Path(folder, "files", "any")  # its style is of no account
        files.mkdir(parents=True)
        (files / path.name).write_bytes(path.read_bytes())
        try:
            import_folder(files.parent, out, ImportOptions("folders", progress=False))
        except (PresetError, MappingError, PackError, FileNotFoundError) as error:
            raise ValueError(str(error).replace(str(files.parent), str(path.parent)).replace("any/", "")) from None
        return Pack(out).clip(0)


def _from_amass(path: Path) -> Clip:
    try:
        motion = motion_from_parameters(read_amass(path))
    except (SmplxError, OSError, KeyError) as error:
        raise ValueError(f"{path}: {error}") from None
    positions = motion.positions()
    if motion.frames < FEWEST_FRAMES:
        raise ValueError(f"{path}: has {motion.frames} frames; allowed: {FEWEST_FRAMES} or more")
    return Clip(
        name=path.stem,
        pelvis=motion.world_pelvis().astype(np.float32),
        rotations=motion.world_rotations().astype(np.float32),
        contacts=foot_contacts(positions),
        content="",
        style="",
        take="",
        dataset="",
    )
