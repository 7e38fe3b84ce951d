"""``strut style``: styles in words, and those that a clip is near to."""

from __future__ import annotations

from pathlib import Path

import click

_existing = click.Path(path_type=Path, exists=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def style() -> None:
    """Find styles: by words, or by a motion clip."""


@style.command("text")
@click.argument("sentence")
@click.option(
    "--bundle", "bundle_path", type=_existing, help="Bundle whose styles are meant; the shipped one by default."
)
@click.option("--content", is_flag=True, help="What is done rather than how.")
@click.option("--count", type=click.IntRange(1), default=5, show_default=True, help="How many of the nearest to show.")
def text_command(sentence: str, bundle_path: Path | None, content: bool, count: int) -> None:
    """Show what style a SENTENCE is read as, or what content. Needs the extra text.

    \b
    strut style text "like an old man with a bad back"
    strut style text --content "beckoning somebody over"
    """
    from strut_model.bundle import BundleError, load_bundle
    from strut_model.sentences import TextExtraMissingError
    from strut_model.styles.text import TextError, read_content, read_style

    try:
        bundle = load_bundle(bundle_path)
        if content:
            nearest = read_content(bundle, sentence)
        else:
            reading = read_style(bundle, sentence)
            nearest = reading.nearness
            click.echo("style: " + " + ".join(f"{share:.2f} {name}" for name, share in reading.shares))
    except (BundleError, TextError, TextExtraMissingError) as error:
        raise click.ClickException(str(error)) from error
    for name, nearness in nearest[:count]:
        click.echo(f"  {name:20} {nearness:.2f}")


@style.command("nearest")
@click.argument("files", nargs=-1, required=True, type=_existing)
@click.option(
    "--bundle", "bundle_path", type=_existing, help="Bundle whose styles are meant; the shipped one by default."
)
@click.option("--count", type=click.IntRange(1), default=5, show_default=True, help="How many of the nearest to show.")
@click.option("--parts", is_flag=True, help="Also each body part by itself.")
def nearest_command(files: tuple[Path, ...], bundle_path: Path | None, count: int, parts: bool) -> None:
    """Show which styles of a bundle the motion in BVH FILES is near to, and how near (cosine, at most 1).

    All files together are one style, as in CreateStyle. Held-out clips of the model's styles have a cosine of .99 to
    their style in the median and of .74 or more in 19 of 20; two different styles of the model have .49 at most.

    \b
    strut style nearest captain_1.bvh captain_2.bvh --parts
    """
    from strut_model.bundle import BundleError, load_bundle
    from strut_model.references import StyleEncoder, clip_of_bvh
    from strut_model.skeleton import PART_NAMES
    from strut_model.styles.vectors import nearest, part_cosines

    try:
        bundle = load_bundle(bundle_path)
        clips = [clip_of_bvh(path.read_text(encoding="utf-8", errors="replace"), path.name, {}) for path in files]
        vector = StyleEncoder(bundle.encoder_path).style(clips)
    except (BundleError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    names = [info.name for info in bundle.manifest.styles]
    for name, cosine in nearest(vector, names, bundle.style_vectors)[:count]:
        click.echo(f"  {name:20} {cosine:.2f}")
    if parts:
        table = part_cosines(vector[None], bundle.style_vectors)[0]
        for part, part_name in enumerate(PART_NAMES):
            order = table[:, part].argsort()[::-1][:count]
            click.echo(f"{part_name}: " + ", ".join(f"{names[i]} {table[i, part]:.2f}" for i in order))
