"""Before, after and the style's own motion as strips of poses, one under the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from strut_model.bundle import Bundle
from strut_model.clip import Clip
from strut_model.exports.preview import contact_sheet
from strut_model.exports.recording import Recording
from strut_model.motion import Motion
from strut_model.restyle.fast import RUN_UP, Asked, StudentSampler, stretch_of
from strut_model.restyle.recognition import Recognised
from strut_model.streaming.generator import MotionGenerator

POSES = 8


def write_preview(
    path: Path,
    bundle: Bundle,
    before: Clip,
    after: Clip,
    style: str,
    shown: Recognised,
    asked: Asked,
    reference: Clip | None = None,
) -> None:
    """Writes the picture (PNG or WebP).

    Args:
        path: file to write.
        bundle: whose student shows the style where there is no clip that does.
        before, after: the clip and what it became.
        style: what the style is called.
        shown: what the clip shows.
        asked: how it was restyled.
        reference: the clip whose style it was to have.
    """
    sample = generated(bundle, before, shown, asked) if reference is None else reference.motion()
    name = f"{style}, generated" if reference is None else f"style of {reference.name}"
    rows = [
        ("before", Recording(before.motion(), ((0, shown.style_name or "before"),))),
        (f"after: {style}", Recording(after.motion(), ((0, style),))),
        (name, Recording(sample, ((0, style),))),
    ]
    Image.fromarray(contact_sheet(rows, POSES)).save(path, quality=60)


def generated(bundle: Bundle, clip: Clip, shown: Recognised, asked: Asked) -> Motion:
    """What the student makes of a clip's content and path in a style, without the clip."""
    from strut_model.streaming.engine import OnnxEngine  # needs ONNX Runtime

    stretch = stretch_of(clip.motion(), shown, -RUN_UP, clip.frames)
    sampler = StudentSampler(MotionGenerator(bundle, OnnxEngine(bundle)))
    made = sampler.sample(stretch, shown, np.asarray(asked.style[None], np.float32), asked)
    return made[0].slice_frames(RUN_UP, None)
