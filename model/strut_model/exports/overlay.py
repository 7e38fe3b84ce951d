"""Text and the timeline over a rendered picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

INK, FAINT_INK, PAPER = (38, 43, 52), (112, 120, 132), (255, 255, 255)


@cache
def font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own typeface, so that pictures look the same on every machine."""
    return ImageFont.load_default(size)


@dataclass(frozen=True)
class Tag:
    """A name in a coloured badge whose middle lies at (x, y), in pixels."""

    x: float
    y: float
    text: str
    colour: Colour


def draw_overlay(
    picture: NDArray[np.uint8],
    title: str = "",
    label: str = "",
    label_colour: Colour = INK,
    segments: Sequence[tuple[float, float, Colour]] = (),
    progress: float | None = None,
    tags: Sequence[Tag] = (),
) -> NDArray[np.uint8]:
    """The picture with a label at the top left, a title beside it and a timeline at the bottom.

    Args:
        picture: (h, w, 3) uint8.
        title: plain line of text.
        label: name in a coloured badge, such as the style.
        label_colour: colour of the badge.
        segments: parts of the timeline as (from, to, colour), shares in [0, 1].
        progress: where the playhead stands, in [0, 1]; no timeline when None.
        tags: names at places of the picture.
    """
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    unit = image.height / 360
    for tag in tags:
        half = 0.5 * draw.textlength(tag.text, font=font(12 * unit)) + 7 * unit
        box = (tag.x - half, tag.y - 9 * unit, tag.x + half, tag.y + 9 * unit)
        draw.rounded_rectangle(box, 9 * unit, fill=tag.colour)
        draw.text((tag.x, tag.y), tag.text, fill=PAPER, font=font(12 * unit), anchor="mm")
    x, y = 14 * unit, 12 * unit
    if label:
        text_width = draw.textlength(label, font=font(15 * unit))
        draw.rounded_rectangle((x, y, x + text_width + 18 * unit, y + 24 * unit), 12 * unit, fill=label_colour)
        draw.text((x + 9 * unit, y + 12 * unit), label, fill=PAPER, font=font(15 * unit), anchor="lm")
        x += text_width + 28 * unit
    if title:
        draw.text((x, y + 12 * unit), title, fill=FAINT_INK, font=font(13 * unit), anchor="lm")
    if progress is not None:
        _timeline(draw, image.width, image.height, unit, segments, progress)
    return np.asarray(image)


def _timeline(
    draw: ImageDraw.ImageDraw,
    width: int,
    height: int,
    unit: float,
    segments: Sequence[tuple[float, float, Colour]],
    progress: float,
) -> None:
    left, right = 14 * unit, width - 14 * unit
    top, bottom = height - 14 * unit, height - 9 * unit
    draw.rectangle((left, top, right, bottom), fill=(214, 219, 227))
    for start, stop, colour in segments:
        pale = tuple(round(0.65 * 226 + 0.35 * c) for c in colour)
        draw.rectangle((left + start * (right - left), top, left + stop * (right - left), bottom), fill=pale)
        stop = min(stop, progress)
        if stop > start:
            draw.rectangle((left + start * (right - left), top, left + stop * (right - left), bottom), fill=colour)
    at = left + progress * (right - left)
    middle = 0.5 * (top + bottom)
    draw.ellipse((at - 5 * unit, middle - 5 * unit, at + 5 * unit, middle + 5 * unit), fill=INK)
