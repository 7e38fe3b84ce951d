"""A self-contained web page that plays motion: one HTML file that opens from disk and asks the network for nothing.

The viewer (``viewer/*.js``, WebGL 2, no library) and the motion are written into the file: about 6 KB for each
second of a character, rotations in the QUAT48 code.
"""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray

from strut_model.codec import encode_quat48
from strut_model.exports.footprints import footprints
from strut_model.exports.mannequin import limbs
from strut_model.exports.recording import Colour, Recording, style_colours
from strut_model.skeleton import FPS, PARENTS, REST_OFFSETS

VIEWER = Path(__file__).parent / "viewer"
SCRIPTS = ("maths.js", "motion.js", "meshes.js", "shaders.js", "renderer.js", "main.js")


def write_page(
    recordings: Sequence[Recording], path: str | os.PathLike[str], title: str = "", notes: Sequence[str] = ()
) -> None:
    """Writes the page.

    Args:
        recordings: one or several characters on the same floor; the timeline is the first one's.
        path: file to write, ``.html``.
        title: heading; the first recording's title when empty.
        notes: short lines for the upper right corner.

    Raises:
        ValueError: no recording, or another suffix.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"path: {path.name} ends in {path.suffix!r}; allowed is .html")
    path.write_text(build_page(recordings, title, notes), encoding="utf-8")


def build_page(recordings: Sequence[Recording], title: str = "", notes: Sequence[str] = ()) -> str:
    """The page's text; see :func:`write_page`."""
    if not recordings:
        raise ValueError("recordings: one or more expected, got none")
    title = title or recordings[0].title
    colours = style_colours(recordings)
    data = {
        "title": title,
        "notes": list(notes),
        "fps": FPS,
        "skeleton": {"parents": PARENTS.tolist(), "offsets": np.round(REST_OFFSETS.astype(float), 5).tolist()},
        "limbs": [
            {
                "joint": limb.joint,
                "start": limb.start,
                "end": limb.end,
                "radii": (limb.start_radius, limb.end_radius),
                "squeeze": limb.squeeze,
                "tone": limb.tone,
            }
            for limb in limbs()
        ],
        "characters": [_character(recording, colours) for recording in recordings],
    }
    # "<" must not appear, or a title could close the script element.
    encoded = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return Template((VIEWER / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(title or "Motion"),
        style=(VIEWER / "style.css").read_text(encoding="utf-8"),
        recording=encoded,
        script="\n".join((VIEWER / name).read_text(encoding="utf-8") for name in SCRIPTS),
    )


def _character(recording: Recording, colours: dict[str, Colour]) -> dict[str, object]:
    motion = recording.motion
    root = np.concatenate((motion.root_position, motion.root_heading[:, None]), axis=-1)
    bits = ((motion.contacts > 0.5) * np.array([1, 2, 4, 8])).sum(axis=-1)
    prints = [(f.side, f.first, f.last, np.round(f.outline().astype(float), 3).tolist()) for f in footprints(motion)]
    return {
        "title": recording.title,
        "styles": [(start, name, colours[name]) for start, name in recording.styles],
        "footprints": prints,
        "root": _base64(root.astype("<f4")),
        "pelvis": _base64(motion.pelvis.astype("<f4")),
        "rotations": _base64(encode_quat48(motion.rotations).astype("<u2")),
        "contacts": _base64(bits.astype(np.uint8)),
        "path": None if recording.path is None else _base64(np.asarray(recording.path).astype("<f4")),
    }


def _base64(array: NDArray[np.generic]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
