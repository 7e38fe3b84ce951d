"""The alternative to a scene encoder: a scene's text to the nearest style word, by the sentence encoder."""

from __future__ import annotations

import re
from collections.abc import Sequence

from strut_model import sentences
from strut_model.bundle import Bundle
from strut_model.scene.presets import presets

_NUMBER = re.compile(r"[\s-]\d+$")


def nearest_words(bundle: Bundle, scenes: Sequence[str]) -> dict[str, str]:
    """For each preset the bundle's style whose name or description is nearest in meaning to the preset's description.

    Args:
        bundle: its styles.
        scenes: names of presets.

    Raises:
        TextExtraMissingError: the sentence encoder is not installed.
    """
    texts, owners = [], []
    for style in bundle.manifest.styles:
        for text in dict.fromkeys((_NUMBER.sub("", style.name).replace("-", " "), _NUMBER.sub("", style.description))):
            texts.append(text)
            owners.append(style.name)
    near = sentences.encode([presets()[name].description for name in scenes]) @ sentences.encode(texts).T
    return {name: owners[int(row.argmax())] for name, row in zip(scenes, near, strict=True)}
