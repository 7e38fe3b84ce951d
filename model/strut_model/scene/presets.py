"""Named scenes: descriptors with their numbers' sources, read from ``presets.yaml``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from strut_model.scene.descriptor import SceneDescriptor, SceneError

FILE = Path(__file__).with_name("presets.yaml")
_KEYS = {"description", "quantities", "source"}


@dataclass(frozen=True)
class ScenePreset:
    """A named scene.

    Attributes:
        name: lower case, words joined by hyphens; unique.
        description: what it is and what it does to motion.
        descriptor: its quantities.
        source: where the quantities' numbers come from; ``chosen`` marks those that are ours.
    """

    name: str
    description: str
    descriptor: SceneDescriptor
    source: str


@cache
def presets() -> dict[str, ScenePreset]:
    """All presets by name, in alphabetical order."""
    return parse_presets(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def parse_presets(content: Any) -> dict[str, ScenePreset]:
    """Presets of a YAML document: name -> {description, quantities, source}.

    Raises:
        SceneError: an entry is off; the message names preset, field, value and what is allowed.
    """
    if not isinstance(content, dict):
        raise SceneError(f"presets: is {type(content).__name__}; allowed: a mapping of names to presets")
    table = {}
    for name, entry in sorted(content.items()):
        if not isinstance(entry, dict) or set(entry) != _KEYS:
            found = sorted(entry) if isinstance(entry, dict) else entry
            raise SceneError(f"{name}: has {found}; allowed: {', '.join(sorted(_KEYS))}")
        try:
            descriptor = SceneDescriptor.of(entry["quantities"])
        except SceneError as error:
            raise SceneError(f"{name}.{error}") from None
        table[name] = ScenePreset(name, entry["description"], descriptor, entry["source"])
    return table


def preset(name: str) -> ScenePreset:
    """The preset of a name.

    Raises:
        SceneError: there is none; the message names the nearest.
    """
    table = presets()
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name.lower(), table, n=3)
    hint = f"; nearest: {', '.join(near)}" if near else f"; allowed: {', '.join(table)}"
    raise SceneError(f"preset: is {name!r}, which does not exist{hint}")
