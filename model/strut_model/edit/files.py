"""Clips from files and back into files, for the commands that change them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from strut_model.bvh import write_bvh
from strut_model.clip import Clip
from strut_model.exports.files import WRITERS, FileOptions, write_motion
from strut_model.exports.recording import Recording
from strut_model.mapping import load_mapping_file
from strut_model.rigged import RiggedClip, read_rigged
from strut_model.skeleton import FPS

Array = NDArray[np.floating]

OUT_HELP = (
    "File to write: .bvh on the clip's own skeleton, at its own frame rate; "
    f"{', '.join(kind for kind in WRITERS if kind != '.bvh')} on Strut's. Repeatable."
)
RIG_HELP = "Another file of the same skeleton, to find its T-pose in, for a clip without an upright frame. Repeatable."
MAPPING_HELP = "Mapping file (YAML) for skeletons that are not found by their names; see 'strut data import --help'."


def read_source(path: Path, mapping: Path | None, rigs: Sequence[Path]) -> RiggedClip:
    """A clip from a BVH file.

    Raises:
        click.ClickException: it cannot be read or used.
    """
    try:
        return read_rigged(path, None if mapping is None else load_mapping_file(mapping), rigs)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path}: {error}") from error


def check_outs(outs: Sequence[Path]) -> None:
    """Refuse what cannot be written, before any work is done.

    Raises:
        click.BadParameter: a suffix that is unknown, or a folder that is not there.
    """
    for out in outs:
        if out.suffix.lower() not in WRITERS:
            raise click.BadParameter(
                f"{out.name}; allowed: a name that ends in {', '.join(WRITERS)}", param_hint="--out"
            )
        if not out.parent.is_dir():
            raise click.BadParameter(f"{out}; {out.parent} is no folder", param_hint="--out")


def write_result(source: RiggedClip, clip: Clip, times: Array, style: str, outs: Sequence[Path]) -> None:
    """A changed clip into files.

    Args:
        source: where it comes from.
        clip: as it is now.
        times: (T,) which of the source's frames each frame comes from.
        style: what pictures call it.
        outs: files.

    Raises:
        click.ClickException: a file cannot be written.
    """
    for out in outs:
        try:
            if out.suffix.lower() == ".bvh":
                own = source.on_own_skeleton(clip, times)
                if own is source.bvh:
                    _copy(source, out)
                else:
                    write_bvh(out, own)
            else:
                recording = Recording(clip.motion(), ((0, style),) if style else (), title=source.clip.name)
                write_motion(recording, out, FileOptions())
        except (OSError, ValueError) as error:
            raise click.ClickException(f"{out}: {error}") from error
        click.echo(f"{out}  {clip.frames / FPS:.1f} s, {out.stat().st_size / 1024:.0f} KB")


def _copy(source: RiggedClip, out: Path) -> None:
    """Nothing was changed: the file's own bytes."""
    given = Path(source.bvh.source)
    if given.is_file():
        if not out.exists() or not out.samefile(given):
            out.write_bytes(given.read_bytes())
    else:
        write_bvh(out, source.bvh)
