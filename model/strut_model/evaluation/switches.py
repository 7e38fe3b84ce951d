"""The fixed list of switches: 200 pairs of styles over contents and 100 pairs of contents, kept in a file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from strut_model.evaluation.windows import IDLE, content_kind, mirrored_content

DEFAULT_FILE = Path(__file__).resolve().parents[2] / "splits" / "switches.json"


@dataclass(frozen=True)
class StyleSwitch:
    """From one style to another in the same content."""

    content: str
    first: str
    then: str


@dataclass(frozen=True)
class ContentSwitch:
    """From one content to another in the same style."""

    style: str
    first: str
    then: str


WAYS = (
    "gait to gait",
    "gait to idle",
    "idle to gait",
    "gait to gesture",
    "gesture to gait",
    "idle to gesture",
    "gesture to idle",
)
"""Kinds of content switches, in the order in which they are drawn."""


def switch_way(first: str, then: str) -> str:
    """Which of ``WAYS`` a switch of content is."""
    kinds = ["gait" if kind == "locomotion" else kind for kind in (content_kind(first), content_kind(then))]
    return " to ".join(kinds)


@dataclass(frozen=True)
class SwitchList:
    """All switches that are measured."""

    styles: tuple[StyleSwitch, ...]
    contents: tuple[ContentSwitch, ...]

    def write(self, path: Path) -> None:
        """Writes the list as JSON, one switch a line."""
        blocks = []
        for name, rows in (("styles", self.styles), ("contents", self.contents)):
            lines = ",\n".join(f"  {json.dumps(asdict(row))}" for row in rows)
            blocks.append(f'"{name}": [\n{lines}\n]')
        path.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")

    @staticmethod
    def read(path: Path | None = None) -> SwitchList:
        """Reads a list, the project's own by default."""
        data = json.loads((path or DEFAULT_FILE).read_text(encoding="utf-8"))
        return SwitchList(
            tuple(StyleSwitch(**row) for row in data["styles"]), tuple(ContentSwitch(**row) for row in data["contents"])
        )


def make_switches(
    pairs: Iterable[tuple[str, str]], styles: int = 200, contents: int = 100, seed: int = 7
) -> SwitchList:
    """Draws the list.

    Every ordered pair of styles is used once before any is used twice, and every style is left and entered about
    equally often. Walking takes three of five, since every style has it.

    Args:
        pairs: (content, style) pairs that the training clips have.
        styles: how many switches of style.
        contents: how many switches of content.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    styles_of: dict[str, set[str]] = defaultdict(set)
    contents_of: dict[str, set[str]] = defaultdict(set)
    for content, style in pairs:
        if content != IDLE:
            styles_of[content].add(style)
            contents_of[style].add(content)
    names = sorted(contents_of)

    chosen: list[StyleSwitch] = []
    shifts = rng.permutation(np.arange(1, len(names)))
    for i in range(styles):
        # Walking the cyclic shifts uses each style once as the first and once as the second per shift.
        shift = int(shifts[(i // len(names)) % len(shifts)])
        first = names[i % len(names)]
        then = names[(i + shift) % len(names)]
        # Turns need a path that turns; switches are measured straight on.
        shared = sorted(c for c in contents_of[first] & contents_of[then] if c != "walk" and "turn" not in c)
        walk = "walk" in contents_of[first] & contents_of[then] and (i % 5 < 3 or not shared)
        if not walk and not shared:
            continue
        content = "walk" if walk else shared[int(rng.integers(len(shared)))]
        chosen.append(StyleSwitch(content, first, then))

    switched: list[ContentSwitch] = []
    order = list(rng.permutation(names))
    i = 0
    while len(switched) < contents and i < 20 * contents:
        style = str(order[i % len(order)])
        kind = WAYS[(i + i // len(order)) % len(WAYS)]
        i += 1
        gaits = sorted(c for c in contents_of[style] if c in ("walk", "run", "dash", "walk-back"))
        gestures = sorted(c for c in contents_of[style] if content_kind(c) == "gesture" and mirrored_content(c) == c)
        if not gaits:
            continue
        gait = "walk" if "walk" in gaits and rng.uniform() < 0.6 else gaits[int(rng.integers(len(gaits)))]
        others = [g for g in gaits if g != gait]
        first, then = gait, IDLE
        if kind == "gait to gait":
            if not others:
                continue
            then = others[int(rng.integers(len(others)))]
        elif kind == "idle to gait":
            first, then = IDLE, gait
        elif kind != "gait to idle":
            if not gestures:
                continue
            gesture = gestures[int(rng.integers(len(gestures)))]
            other = gait if "gait" in kind else IDLE
            first, then = (other, gesture) if kind.endswith("gesture") else (gesture, other)
        switched.append(ContentSwitch(style, first, then))
    return SwitchList(tuple(chosen), tuple(switched))
