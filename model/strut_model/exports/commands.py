"""``strut generate``: motion into files, without a server."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from strut_model.bundle import Bundle, BundleError, load_bundle
from strut_model.exports.files import WRITERS, FileOptions, check_suffix, pictures_in, write_motion
from strut_model.exports.generation import Change, NameUnknownError, Plan, find_content, generate_motion, parse_mix
from strut_model.exports.paths import SHAPES, Line, PathError, parse_path
from strut_model.exports.recording import Recording
from strut_model.scene.descriptor import SceneError
from strut_model.scene.effects import MAX_ALPHA
from strut_model.scene.presets import preset, presets
from strut_model.skeleton import FPS, PART_NAMES
from strut_model.streaming.controls import MAX_SPEED, MAX_STRENGTH, ControlError
from strut_model.streaming.generator import MotionGenerator

_PATH_HELP = (
    f"Where to go: {', '.join(SHAPES)}, a .csv file with the columns x and z, or points such as '0,0 0,3 2,5' (x,z in "
    "metres).  [default: straight for locomotion, else stand]"
)
_FACING_HELP = "Degrees from the direction of travel to the facing, positive to the left.  [default: as the content is]"
_SPEED_HELP = "Metres a second.  [default: what is usual for style and content]"
_SWITCH_HELP = "Another style, content or scene from a time on, such as 4s=exhausted, 6=run or 8=ice. Repeatable."
_SCENE_HELP = "Where that is: a scene's name, see 'strut scene list'. For bundles whose student knows scenes."
_PART_HELP = f"Another style for one body part ({', '.join(PART_NAMES)}), such as left_arm=active. Repeatable."
_STYLE_HELP = "A style by name, or a mix such as proud:0.7,angry:0.3.  [default: the neutral style]"


@click.command()
@click.option("--style", default=None, help=_STYLE_HELP)
@click.option("--content", default="walk", show_default=True, help="What is done.")
@click.option("--path", "path", default=None, metavar="PATH", help=_PATH_HELP)
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=10.0, show_default=True, help="Length.")
@click.option("--speed", type=click.FloatRange(0, MAX_SPEED), default=None, help=_SPEED_HELP)
@click.option(
    "--strength",
    type=click.FloatRange(0, MAX_STRENGTH),
    default=1.0,
    show_default=True,
    help="0 is the neutral style, 1 the style, more exaggerates it.",
)
@click.option("--part", "parts", multiple=True, metavar="PART=STYLE", help=_PART_HELP)
@click.option("--switch", "switches", multiple=True, metavar="TIME=NAME", help=_SWITCH_HELP)
@click.option("--scene", default="", metavar="NAME", help=_SCENE_HELP)
@click.option(
    "--alpha",
    type=click.FloatRange(0, MAX_ALPHA),
    default=1.0,
    show_default=True,
    help="How strongly scenes show; 0 is no scene.",
)
@click.option("--facing", type=click.FloatRange(-360, 360), default=None, help=_FACING_HELP)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed is another take.")
@click.option(
    "--steps",
    type=click.Choice(["1", "2", "4"]),
    default="2",
    show_default=True,
    help="Network evaluations a window.",
)
@click.option(
    "--replan",
    type=click.IntRange(4, 16),
    default=8,
    show_default=True,
    help="Frames of each window that are used before the next one is planned.",
)
@click.option(
    "--out",
    "outs",
    type=click.Path(dir_okay=False, path_type=Path),
    multiple=True,
    help=f"File to write; its suffix says the kind: {', '.join(WRITERS)}. Repeatable.",
)
@click.option("--size", default="640x360", show_default=True, metavar="WxH", help="Pixels of videos.")
@click.option("--fps", type=click.FloatRange(1, 60), default=None, help="Of videos.  [default: 30; GIF 15]")
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Model bundle.  [default: the one that comes with Strut]",
)
@click.option("--list", "list_names", is_flag=True, help="Print the bundle's styles and contents, and stop.")
def generate(
    style: str | None,
    content: str,
    path: str | None,
    seconds: float,
    speed: float | None,
    strength: float,
    parts: Sequence[str],
    switches: Sequence[str],
    scene: str,
    alpha: float,
    facing: float | None,
    seed: int,
    steps: str,
    replan: int,
    outs: Sequence[Path],
    size: str,
    fps: float | None,
    bundle_path: Path | None,
    list_names: bool,
) -> None:
    """Generate motion offline and write it to files.

    \b
    strut generate --style youthful --path figure8 --out walk.glb --out walk.mp4
    strut generate --style proud --switch 4s=tired --seconds 8 --out walk.html
    strut generate --style happy --scene ice --switch 5s=deep-snow --out walk.mp4
    """
    bundle = _load(bundle_path)
    if list_names:
        _print_names(bundle)
        return
    options = FileOptions(*_parse_size(size), fps=fps)
    _check_outs(outs, options)
    asked = _parse_path(bundle, path, content)
    plan = Plan(
        style=_parse_style(bundle, style, "--style"),
        content=_parse_content(bundle, content),
        line=asked,
        seconds=seconds,
        speed=speed,
        strength=strength,
        parts=_parse_parts(bundle, parts),
        changes=_parse_switches(bundle, switches, seconds),
        facing=None if facing is None else float(np.radians(facing)),
        seed=seed,
        steps=int(steps),
        frames_per_window=replan,
        scene=_parse_scene(bundle, scene, "--scene"),
        alpha=alpha,
    )
    recording = _generate(bundle, plan)
    for out in outs:
        _write(recording, out, options)


def _load(path: Path | None) -> Bundle:
    try:
        return load_bundle(path)
    except BundleError as error:
        raise click.ClickException(str(error)) from error


def _print_names(bundle: Bundle) -> None:
    click.echo(f"Styles of bundle {bundle.manifest.name} (neutral: {bundle.manifest.neutral_style}):")
    for style in bundle.manifest.styles:
        click.echo(f"  {style.name:<16} {style.description}")
    click.echo("Contents:")
    for content in bundle.manifest.contents:
        click.echo(f"  {content.name:<22} {content.kind}")


def _generate(bundle: Bundle, plan: Plan) -> Recording:
    from strut_model.streaming.engine import OnnxEngine  # needs ONNX Runtime

    frames = round(plan.seconds * FPS)
    # No bar where nobody looks, in a pipe or a log.
    with tqdm(total=frames, unit="frame", desc="generating", leave=False, disable=None) as bar:

        def advance(count: int) -> None:
            bar.update(min(count, frames - bar.n))

        try:
            generator = MotionGenerator(bundle, OnnxEngine(bundle))
            return generate_motion(generator, plan, progress=advance)
        except (ControlError, BundleError) as error:
            raise click.ClickException(str(error)) from error


def _write(recording: Recording, out: Path, options: FileOptions) -> None:
    pictures = pictures_in(out, recording.frames, options)
    with tqdm(total=pictures, unit="picture", desc=out.name, leave=False, disable=None if pictures else True) as bar:

        def advance(count: int) -> None:
            bar.update(count)

        try:
            write_motion(recording, out, options, advance)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"{out}: {error}") from error
    click.echo(f"{out}  {recording.frames / FPS:.1f} s, {out.stat().st_size / 1024:.0f} KB")


# --- options -------------------------------------------------------------------------------------------------


def _check_outs(outs: Sequence[Path], options: FileOptions) -> None:
    """Everything that can be known to go wrong with the files before the motion is made."""
    if not outs:
        raise click.UsageError(f"--out is missing: name a file that ends in one of {', '.join(WRITERS)}.")
    for out in outs:
        try:
            check_suffix(out)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--out") from error
        if not out.absolute().parent.is_dir():
            raise click.BadParameter(f"{out.parent} is no folder; it must exist", param_hint="--out")
        suffix = out.suffix.lower()
        if suffix in (".mp4", ".gif") and importlib.util.find_spec("imageio_ffmpeg") is None:
            raise ModuleNotFoundError("imageio_ffmpeg is needed for videos", name="imageio_ffmpeg")
        if suffix == ".mp4" and (options.width % 2 or options.height % 2):
            raise click.BadParameter(
                f"{options.width}x{options.height}: MP4 needs even numbers of pixels", param_hint="--size"
            )


def _parse_size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", text.strip().lower())
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (64 <= width <= 3840 and 64 <= height <= 2160):
        raise click.BadParameter(f"{text!r}; allowed: 64x64 to 3840x2160, such as 1280x720", param_hint="--size")
    return width, height


def _parse_style(bundle: Bundle, text: str | None, option: str) -> str:
    """The mix as it was typed, once it is known to be right; the neutral style's name for none."""
    text = bundle.manifest.neutral_style if text is None else text
    try:
        parse_mix(bundle, text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error
    return text


def _parse_scene(bundle: Bundle, name: str, option: str) -> str:
    """A scene's name as it was typed, once it is known to be right; empty for none."""
    if not name:
        return ""
    try:
        preset(name)
    except SceneError as error:
        raise click.BadParameter(str(error), param_hint=option) from error
    if bundle.manifest.scene_dim is None:
        raise click.BadParameter(
            f"{name!r}; the bundle {bundle.manifest.name} has a student that knows no scenes", param_hint=option
        )
    return name


def _parse_content(bundle: Bundle, name: str) -> str:
    try:
        return find_content(bundle, name).name
    except NameUnknownError as error:
        raise click.BadParameter(str(error), param_hint="--content") from error


def _parse_path(bundle: Bundle, text: str | None, content: str) -> Line | None:
    if text is None:
        row = bundle.content_index.get(content)
        moves = row is not None and bundle.manifest.contents[row].kind == "locomotion"
        return parse_path("straight") if moves else None
    try:
        return parse_path(text)
    except PathError as error:
        raise click.BadParameter(str(error), param_hint="--path") from error


def _parse_parts(bundle: Bundle, texts: Sequence[str]) -> dict[str, str]:
    parts = {}
    for text in texts:
        part, equals, style = text.partition("=")
        if not equals or part not in PART_NAMES:
            raise click.BadParameter(
                f"{text!r}; allowed: PART=STYLE with PART one of {', '.join(PART_NAMES)}", param_hint="--part"
            )
        parts[part] = _parse_style(bundle, style, "--part")
    return parts


def _parse_switches(bundle: Bundle, texts: Sequence[str], seconds: float) -> list[Change]:
    changes = []
    for text in texts:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*s?\s*=\s*(.+)", text.strip())
        if found is None or not 0 < float(found[1]) < seconds:
            raise click.BadParameter(
                f"{text!r}; allowed: TIME=NAME with a time above 0 and below {seconds:g} s, such as 4s=exhausted",
                param_hint="--switch",
            )
        name = found[2]
        if name in bundle.content_index and name not in bundle.style_index:
            changes.append(Change(float(found[1]), content=name))
            continue
        if name in presets() and name not in bundle.style_index:
            changes.append(Change(float(found[1]), scene=_parse_scene(bundle, name, "--switch")))
            continue
        try:
            parse_mix(bundle, name)
        except NameUnknownError as error:
            known = [*bundle.style_index, *bundle.content_index, *presets()]
            wrong = NameUnknownError("style, content or scene", error.name, known)
            raise click.BadParameter(str(wrong), param_hint="--switch") from error
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--switch") from error
        changes.append(Change(float(found[1]), style=name))
    return sorted(changes, key=lambda change: change.seconds)
