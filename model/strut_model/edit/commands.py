"""``strut edit``: edit operators on a clip, in the order in which they are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from strut_model.edit.files import MAPPING_HELP, OUT_HELP, RIG_HELP, check_outs, read_source, write_result
from strut_model.edit.operators import (
    AMPLITUDE,
    TEMPO,
    Amplitude,
    Blend,
    EditError,
    Exaggerate,
    Mirror,
    Operator,
    Tempo,
    apply_operators,
)
from strut_model.edit.wording import read
from strut_model.sentences import TextExtraMissingError
from strut_model.skeleton import PART_NAMES

PART_GROUPS = {"arms": ("left_arm", "right_arm"), "legs": ("left_leg", "right_leg"), "all": PART_NAMES}
_ORDER = "strut_model.edit.order"
_path = click.Path(path_type=Path, dir_okay=False)
_existing = click.Path(path_type=Path, dir_okay=False, exists=True)


class InOrder(click.Command):
    """A command that knows in which order its options were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click; notes the options' names on the way."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


@click.command(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("clip", type=_existing)
@click.option("--slower", type=click.FloatRange(TEMPO[0], 1), multiple=True, metavar="FACTOR",
              help="To this share of the tempo, .25 to 1; path, steps and contacts stay.")  # fmt: skip
@click.option("--faster", type=click.FloatRange(1, TEMPO[1]), multiple=True, metavar="FACTOR",
              help="So many times as fast, 1 to 4.")  # fmt: skip
@click.option("--larger", type=click.FloatRange(1, AMPLITUDE[1]), multiple=True, metavar="FACTOR",
              help="Movements so many times as large, 1 to 2, about their mean; of --parts.")  # fmt: skip
@click.option("--smaller", type=click.FloatRange(AMPLITUDE[0], 1), multiple=True, metavar="FACTOR",
              help="The same, 0 (still) to 1.")  # fmt: skip
@click.option("--mirror", is_flag=True, multiple=False, help="Left and right swapped.")
@click.option("--blend", type=_existing, multiple=True, metavar="FILE",
              help="Parts as in another BVH clip, in step with this one: --parts [arms], --weight [1].")  # fmt: skip
@click.option("--exaggerate", type=click.FloatRange(*AMPLITUDE), multiple=True, metavar="FACTOR",
              help="The pose so many times as far from standing at ease, 0 to 2; of --parts.")  # fmt: skip
@click.option("--text", "texts", multiple=True, metavar="SENTENCE",
              help="The same in words, such as 'a bit slower, with larger arm swings' (extra [text]).")  # fmt: skip
@click.option("--parts", multiple=True, metavar="PARTS",
              help=f"Of the operator before it, with commas: {', '.join(PART_NAMES)}, arms, legs, all.")  # fmt: skip
@click.option("--weight", type=click.FloatRange(0, 1), multiple=True, help="Weight of the --blend before it.")
@click.option("--mapping", type=_existing, help=MAPPING_HELP)
@click.option("--rig", "rigs", type=_existing, multiple=True, help=RIG_HELP)
@click.option("--out", "outs", type=_path, multiple=True, required=True, help=OUT_HELP)
@click.pass_context
def edit(
    context: click.Context,
    /,
    clip: Path,
    mapping: Path | None,
    rigs: Sequence[Path],
    outs: Sequence[Path],
    **given: Any,
) -> None:
    """Edit a clip (BVH, any skeleton) by named operators, one after the other, in the order given.

    Feet that stand keep standing where they are. The result is on the clip's own skeleton again; bones that Strut does
    not know (fingers, twist bones) keep what they do.

    \b
    strut edit walk.bvh --slower 0.8 --mirror --out edited.bvh
    strut edit walk.bvh --larger 1.4 --parts arms --exaggerate 1.2 --parts torso --out edited.bvh --out edited.mp4
    strut edit walk.bvh --blend wave.bvh --parts right_arm --weight 0.7 --out edited.bvh
    strut edit walk.bvh --text "20 % slower, and exaggerate the arms" --out edited.bvh
    """
    check_outs(outs)
    source = read_source(clip, mapping, rigs)
    operators = _operators(context.meta[_ORDER], given, lambda path: read_source(path, mapping, rigs).clip)
    if not operators:
        raise click.UsageError("no operator is given: --slower, --faster, --larger, --smaller, --mirror, --blend, "
                               "--exaggerate or --text")  # fmt: skip
    try:
        edited = apply_operators(source.clip, operators)
    except EditError as error:
        raise click.ClickException(str(error)) from error
    click.echo("edits: " + ", ".join(operator.describe() for operator in operators))
    write_result(source, edited.clip, edited.times, "", outs)


def parse_parts(text: str) -> tuple[str, ...]:
    """Parts of "torso,arms", in the skeleton's order.

    Raises:
        EditError: a part is unknown.
    """
    asked: set[str] = set()
    for name in text.replace(" ", "").split(","):
        if name not in (*PART_NAMES, *PART_GROUPS):
            raise EditError(f"parts: {name!r}; allowed: {', '.join((*PART_NAMES, *PART_GROUPS))}")
        asked |= set(PART_GROUPS.get(name, (name,)))
    return tuple(part for part in PART_NAMES if part in asked)


def _operators(order: Sequence[str], given: dict[str, Any], load: Callable[[Path], Any]) -> list[Operator]:
    """The operators in the order of their options; parts and weights go to the one before them."""
    left = {name: list(values) for name, values in given.items() if isinstance(values, tuple)}
    rows: list[tuple[str, Any, dict[str, Any]]] = []
    for name in order:
        if name in ("parts", "weight"):
            takers = ("larger", "smaller", "exaggerate", "blend") if name == "parts" else ("blend",)
            if not rows or rows[-1][0] not in takers:
                raise click.UsageError(f"--{name} belongs behind one of --{', --'.join(takers)}")
            value = left[name].pop(0)
            rows[-1][2][name] = _parts_of(value) if name == "parts" else value
        elif name == "mirror":
            rows.append((name, None, {}))
        elif name in left:
            rows.append((name, left[name].pop(0), {}))
    operators: list[Operator] = []
    for name, value, more in rows:
        operators += _made(name, value, more, load)
    return operators


def _made(name: str, value: Any, more: dict[str, Any], load: Callable[[Path], Any]) -> Sequence[Operator]:
    if name in ("slower", "faster"):
        return [Tempo(value)]
    if name in ("larger", "smaller"):
        return [Amplitude(value, **more)]
    if name == "mirror":
        return [Mirror()]
    if name == "exaggerate":
        return [Exaggerate(value, **more)]
    if name == "blend":
        return [Blend(load(value), **more)]
    try:
        reading = read(value)
    except (EditError, TextExtraMissingError) as error:
        raise click.ClickException(str(error)) from error
    for finding in reading.findings:
        click.echo(f"understood {finding.words!r} as {finding.operator.describe()} (like {finding.phrase!r})")
    for clause in reading.ignored:
        click.echo(f"not understood: {clause!r}")
    return reading.operators


def _parts_of(text: str) -> tuple[str, ...]:
    try:
        return parse_parts(text)
    except EditError as error:
        raise click.BadParameter(str(error), param_hint="--parts") from error
