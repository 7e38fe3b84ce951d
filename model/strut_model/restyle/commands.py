"""``strut stylize``: a clip in another style, on its own skeleton."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from strut_model.bundle import Bundle, BundleError, load_bundle
from strut_model.clip import Clip
from strut_model.edit.commands import parse_parts
from strut_model.edit.files import MAPPING_HELP, OUT_HELP, RIG_HELP, check_outs, read_source, write_result
from strut_model.edit.operators import EditError
from strut_model.exports.generation import NameUnknownError, find_content, parse_mix
from strut_model.restyle.fast import Asked, RestyleError, Sampler, StudentSampler, restyle_parts, restyled_clip
from strut_model.restyle.recognition import ClipEncoder, Recognised
from strut_model.rigged import RiggedClip
from strut_model.skeleton import PART_NAMES
from strut_model.streaming.controls import MAX_STRENGTH, ControlError, PartStyle, StyleMix, StyleRef, style_vector
from strut_model.streaming.generator import MotionGenerator

_path = click.Path(path_type=Path, dir_okay=False)
_existing = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("clip", type=_existing)
@click.option("--style", default=None, help="A style by name, or a mix such as proud:0.7,angry:0.3.")
@click.option("--style-clip", type=_existing, help="A second clip (BVH), whose style it shall have.")
@click.option("--strength", type=click.FloatRange(0, MAX_STRENGTH), default=1.0, show_default=True,
              help="Of the style: 0 is the neutral style, more than 1 exaggerates it.")  # fmt: skip
@click.option("--part", "part_styles", multiple=True, metavar="PART=STYLE",
              help=f"Another style for one part ({', '.join(PART_NAMES)}). Repeatable.")  # fmt: skip
@click.option("--parts", default="all", show_default=True, metavar="PARTS",
              help="Parts that are restyled, with commas; the others stay: arms, legs, torso, left_arm.")  # fmt: skip
@click.option("--amount", type=click.FloatRange(0, 1), default=1.0, show_default=True,
              help="From the untouched clip at 0 to the fully restyled one at 1.")  # fmt: skip
@click.option("--mode", type=click.Choice(["fast", "faithful"]), default="fast", show_default=True,
              help="fast: made anew by the student, in step with the clip; faithful: inverted through the teacher and "
                   "sampled again (extra [train]).")  # fmt: skip
@click.option("--level", type=click.FloatRange(0.1, 1), default=0.8, show_default=True,
              help="Of faithful: the noise level that the clip is inverted to; lower keeps more of it.")  # fmt: skip
@click.option("--teacher", type=_existing, help="Checkpoint of the teacher, for the faithful mode.  "
              "[default: the source tree's]")  # fmt: skip
@click.option("--content", default=None, help="What the clip shows.  [default: recognised]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed is another take.")
@click.option("--steps", type=click.Choice(["1", "2", "4"]), default="2", show_default=True,
              help="Network evaluations a window.")  # fmt: skip
@click.option("--bundle", "bundle_path", type=click.Path(path_type=Path, file_okay=False), default=None,
              help="Model bundle.  [default: the one that comes with Strut]")  # fmt: skip
@click.option("--mapping", type=_existing, help=MAPPING_HELP)
@click.option("--rig", "rigs", type=_existing, multiple=True, help=RIG_HELP)
@click.option("--out", "outs", type=_path, multiple=True, help=OUT_HELP)
@click.option("--preview", type=_path, help="Picture (.png or .webp): before, after and the style's own, as strips.")
def stylize(
    clip: Path,
    style: str | None,
    style_clip: Path | None,
    strength: float,
    part_styles: Sequence[str],
    parts: str,
    amount: float,
    mode: str,
    level: float,
    teacher: Path | None,
    content: str | None,
    seed: int,
    steps: str,
    bundle_path: Path | None,
    mapping: Path | None,
    rigs: Sequence[Path],
    outs: Sequence[Path],
    preview: Path | None,
) -> None:
    """Restyle a clip (BVH, any skeleton): the same content, path, timing and contacts in another style.

    \b
    strut stylize walk.bvh --style proud --out proud.bvh
    strut stylize walk.bvh --style "proud:0.7,angry:0.3" --parts arms,torso --amount 0.6 --out mixed.bvh
    strut stylize wave.bvh --style happy --mode faithful --level 0.6 --out happy.bvh
    strut stylize walk.bvh --style-clip hero.bvh --out hero_walk.bvh --preview hero.png
    """
    check_outs(outs)
    if preview is not None and preview.suffix.lower() not in (".png", ".webp"):
        raise click.BadParameter(f"{preview.name}; allowed: a name that ends in .png, .webp", param_hint="--preview")
    if not outs and preview is None:
        raise click.UsageError("nothing to write: --out or --preview")
    if (style is None) == (style_clip is None):
        raise click.UsageError("one of --style and --style-clip is needed")
    try:
        bundle = load_bundle(bundle_path)
        source = read_source(clip, mapping, rigs)
        encoder = ClipEncoder(bundle)
        reference = None if style_clip is None else read_source(style_clip, mapping, rigs)
        shown = encoder.recognise(source.clip, None if content is None else find_content(bundle, content).name)
        vector, weight = style_vector(bundle, _mix(bundle, encoder, style, reference, strength, part_styles))
        asked = Asked(vector, weight, amount, parse_parts(parts), seed, int(steps))
        sampler = _student(bundle) if mode == "fast" else _teacher(bundle, teacher, level)
        made = _restyled(source.clip, shown, asked, sampler)
    except (BundleError, ControlError, EditError, RestyleError, NameUnknownError) as error:
        raise click.ClickException(str(error)) from error
    named = style or (style_clip.stem if style_clip is not None else "")
    click.echo(f"{clip.name}: {_shown_text(shown)}; restyled as {named}, amount {amount:g}")
    write_result(source, made, np.arange(made.frames, dtype=np.float64), named, outs)
    if preview is not None:
        from strut_model.restyle.pictures import write_preview

        write_preview(
            preview, bundle, source.clip, made, named, shown, asked, None if reference is None else reference.clip
        )
        click.echo(f"{preview}  {preview.stat().st_size / 1024:.0f} KB")


def _student(bundle: Bundle) -> Sampler:
    from strut_model.streaming.engine import OnnxEngine  # needs ONNX Runtime

    return StudentSampler(MotionGenerator(bundle, OnnxEngine(bundle)))


def _teacher(bundle: Bundle, checkpoint: Path | None, level: float) -> Sampler:
    from strut_model.training.checkpoint import CheckpointError
    from strut_model.training.faithful import DEFAULT_TEACHER, TeacherSampler  # needs torch

    checkpoint = checkpoint or DEFAULT_TEACHER
    if not checkpoint.is_file():
        raise click.UsageError(f"--teacher is needed: {checkpoint} is not there")
    try:
        return TeacherSampler(bundle, checkpoint, level)
    except CheckpointError as error:
        raise click.ClickException(str(error)) from error


def _restyled(clip: Clip, shown: Recognised, asked: Asked, sampler: Sampler) -> Clip:
    if asked.amount == 0:
        return clip
    parts = []
    with tqdm(total=clip.frames, unit="frame", desc="restyling", leave=False, disable=None) as bar:
        for part in restyle_parts(clip, shown, asked, sampler):
            parts.append(part)
            bar.update(part.take.frames)
    return restyled_clip(clip, parts)


def _mix(
    bundle: Bundle,
    encoder: ClipEncoder,
    style: str | None,
    reference: RiggedClip | None,
    strength: float,
    part_styles: Sequence[str],
) -> StyleMix:
    components: list[tuple[StyleRef, float]]
    if reference is not None:
        components = [(encoder.codes([reference.clip])[0], 1.0)]
    else:
        components = list(_named(bundle, style or "", "--style"))
    parts = {}
    for text in part_styles:
        part, equals, name = text.partition("=")
        if not equals or part not in PART_NAMES:
            raise click.BadParameter(
                f"{text!r}; allowed: PART=STYLE with PART one of {', '.join(PART_NAMES)}", param_hint="--part"
            )
        parts[part] = PartStyle(_named(bundle, name, "--part"))
    return replace(StyleMix(components, strength), parts=parts)


def _named(bundle: Bundle, text: str, option: str) -> list[tuple[str, float]]:
    try:
        return parse_mix(bundle, text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def _shown_text(shown: Recognised) -> str:
    what = shown.content_info.name if shown.content_info is not None else "content that has no name"
    return f"{what}, {shown.style_name or 'a style that has no name'}"
