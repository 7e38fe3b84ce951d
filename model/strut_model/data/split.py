"""The split: which frames of which clip train, which are held out, and which content-style pairs are never seen.

A split is a file. ``make_split`` makes one from the index of a packed data set, the same one for the same index:

- Whole content-style pairs go to ``unseen_pair``. Only contents that are their own mirror image are used: training
  mirrors clips, so an unseen "left" would be seen as the mirrored "right".
- Where a content-style pair has several takes, blocks of consecutive takes are held out (neighbours were recorded
  together). Takes that share frames, exactly or nearly, stay on one side.
- Where it has one take (data set 1), the end of the take is held out, after a gap that nobody uses.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strut_model.data.pack import SYNTHETIC

TRAIN = "train"
HELD_OUT = "held_out"
UNSEEN_PAIR = "unseen_pair"
SETS = (TRAIN, HELD_OUT, UNSEEN_PAIR)

UNSEEN_PAIRS: tuple[tuple[str, str], ...] = (
    ("wave-both-hands", "active"),
    ("run", "elderly"),
    ("wave-both-hands", "exhausted"),
    ("raise-up-both-hands", "feminine"),
    ("run", "masculine"),
    ("raise-up-both-hands", "normal"),
    ("wave-both-hands", "youthful"),
)
"""(content, style), one for each style of data set 2."""


@dataclass(frozen=True)
class Segment:
    """Frames ``start`` to ``end`` (exclusive) of a clip."""

    clip: str
    start: int
    end: int

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return self.end - self.start


@dataclass(frozen=True)
class ClipRow:
    """What ``make_split`` has to know of a clip."""

    name: str
    content: str
    style: str
    take: str
    dataset: str
    frames: int


@dataclass(frozen=True)
class SplitRules:
    """The numbers behind a split.

    Args:
        held_out_share: share of a pair's takes, or of a single take's frames, that is held out.
        minimum_takes: a pair with fewer takes is split inside its takes instead.
        minimum_held_out: frames, the least that is cut off the end of a single take: eight frames of history and a
            judged window of 60 must fit.
        minimum_left: frames, the least that is left of a single take.
        gap: frames between the two sides of a single take.
        segments_per_style: at most so many single takes of a style are cut.
        unseen_pairs: (content, style) pairs that are left out altogether.
    """

    held_out_share: float = 0.08
    single_take_share: float = 0.2
    minimum_takes: int = 8
    minimum_held_out: int = 76
    minimum_left: int = 55
    gap: int = 15
    segments_per_style: int = 4
    unseen_pairs: tuple[tuple[str, str], ...] = UNSEEN_PAIRS


class SplitError(ValueError):
    """A split file that cannot be used; the message names the clip and what was expected."""


class Split:
    """A split that was read from a file or just made.

    Args:
        table: for each clip's name its segments per set.
    """

    def __init__(self, table: Mapping[str, Sequence[tuple[str, int, int]]]) -> None:
        for clip, rows in table.items():
            last = 0
            for name, start, end in sorted(rows, key=lambda row: row[1]):
                if name not in SETS:
                    raise SplitError(f"{clip}: set is {name!r}, allowed: {', '.join(SETS)}")
                if not last <= start < end:
                    raise SplitError(f"{clip}: frames {start} to {end} overlap or are empty, start must be >= {last}")
                last = end
        self._table = {clip: list(rows) for clip, rows in table.items()}

    def segments(self, name: str) -> list[Segment]:
        """All segments of one set, in the file's order.

        Raises:
            SplitError: there is no such set.
        """
        if name not in SETS:
            raise SplitError(f"set: {name!r}, allowed: {', '.join(SETS)}")
        return [Segment(clip, start, end) for clip, rows in self._table.items() for s, start, end in rows if s == name]

    def clips(self) -> list[str]:
        """Names of all clips, in the file's order."""
        return list(self._table)

    def set_of(self, clip: str, start: int, end: int) -> str | None:
        """The set that holds all of these frames of the clip, or None."""
        for name, first, last in self._table.get(clip, []):
            if first <= start and end <= last:
                return name
        return None

    def with_training(self, clips: Iterable[tuple[str, int]]) -> Split:
        """The split with further clips, name and frames of each, that train as a whole, such as synthetic ones.

        Raises:
            SplitError: a clip is in the split already.
        """
        table = dict(self._table)
        for clip, frames in clips:
            if clip in table:
                raise SplitError(f"{clip}: is in the split already, must be a new clip")
            table[clip] = [(TRAIN, 0, frames)]
        return Split(table)

    def without(self, clips: Iterable[str]) -> Split:
        """The split without some clips; names that it lacks do not matter."""
        left_out = set(clips)
        return Split({clip: rows for clip, rows in self._table.items() if clip not in left_out})

    def write(self, path: Path) -> None:
        """Writes the split as JSON, one clip a line."""
        lines = [
            f"{json.dumps(clip)}: {json.dumps([{'set': s, 'start': a, 'end': b} for s, a, b in rows])}"
            for clip, rows in self._table.items()
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")

    @staticmethod
    def read(path: Path) -> Split:
        """Reads what ``write`` wrote.

        Raises:
            SplitError: the file is not a split.
        """
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise SplitError(f"{path}: must be an object of clips, not {type(data).__name__}")
        try:
            return Split(
                {clip: [(r["set"], int(r["start"]), int(r["end"])) for r in rows] for clip, rows in data.items()}
            )
        except (KeyError, TypeError) as error:
            raise SplitError(f"{path}: every segment needs set, start and end ({error!r})") from error


def make_split(
    clips: Sequence[ClipRow], duplicates: Iterable[Sequence[str]] = (), rules: SplitRules | None = None
) -> Split:
    """The split of a data set.

    Args:
        clips: the clips in the data set's order.
        duplicates: groups of clips' names that share frames.
        rules: numbers to use.
    """
    rules = rules or SplitRules()
    unseen = {c.name for c in clips if (c.content, c.style) in set(rules.unseen_pairs)}
    together = _components([c.name for c in clips], duplicates)
    pairs: dict[tuple[str, str, str], list[ClipRow]] = defaultdict(list)
    for clip in clips:
        if clip.name not in unseen:
            pairs[clip.dataset, clip.content, clip.style].append(clip)

    held_out: set[str] = set()
    singles: dict[tuple[str, str], list[ClipRow]] = defaultdict(list)
    for (dataset, _, style), takes in pairs.items():
        if len(takes) >= rules.minimum_takes:
            held_out |= _block(takes, together, rules)
        else:
            singles[dataset, style] += takes
    # A duplicate of an unseen clip would make the pair seen.
    unseen |= {other for name in unseen for other in together.get(name, ()) if other not in held_out}
    held_out -= unseen
    cut = {name: length for takes in singles.values() for name, length in _ends(takes, together, rules).items()}

    table: dict[str, list[tuple[str, int, int]]] = {}
    for clip in clips:
        if clip.name in unseen:
            table[clip.name] = [(UNSEEN_PAIR, 0, clip.frames)]
        elif clip.name in held_out:
            table[clip.name] = [(HELD_OUT, 0, clip.frames)]
        elif clip.name in cut:
            start = clip.frames - cut[clip.name]
            table[clip.name] = [(TRAIN, 0, start - rules.gap), (HELD_OUT, start, clip.frames)]
        else:
            table[clip.name] = [(TRAIN, 0, clip.frames)]
    return Split(table)


def without_styles(split: Split, style_of: Mapping[str, str], styles: Sequence[str]) -> Split:
    """The split with nothing of some styles among what trains; what is held out of them stays.

    Args:
        split: any.
        style_of: style by clip name.
        styles: to be left out.

    Raises:
        SplitError: a style is none of the clips', or nothing would be left to train on.
    """
    known = sorted(set(style_of.values()))
    unknown = [style for style in styles if style not in known]
    if unknown:
        raise SplitError(f"style: no clips of {', '.join(unknown)}; allowed: {', '.join(known)}")
    gone = {clip for clip, style in style_of.items() if style in styles}
    table: dict[str, list[tuple[str, int, int]]] = {}
    for name in SETS:
        for segment in split.segments(name):
            if name == TRAIN and segment.clip in gone:
                continue
            table.setdefault(segment.clip, []).append((name, segment.start, segment.end))
    left = Split(table)
    if not left.segments(TRAIN):
        raise SplitError("style: without these nothing is left to train on")
    return left


def rows_of_index(index: Mapping[str, Any]) -> tuple[list[ClipRow], list[list[str]]]:
    """Clips and groups of duplicates from the ``index.json`` of a packed data set.

    Synthetic clips are left out: what they are made of may be held out. What makes them adds them to the split that
    it made them by.
    """
    rows = [
        ClipRow(c["name"], c["content"], c["style"], str(c["take"]), str(c["dataset"]), int(c["frames"]))
        for c in index["clips"]
        if SYNTHETIC not in c.get("tags", ())
    ]
    groups = []
    for entry in index.get("duplicates", []):
        names = entry.get("clips") if isinstance(entry, dict) else entry
        groups.append([str(n) for n in names or ()])
    return rows, groups


def _components(names: Sequence[str], groups: Iterable[Sequence[str]]) -> dict[str, set[str]]:
    """For each clip that has duplicates all the clips that it is linked to, itself included."""
    known = set(names)
    component: dict[str, set[str]] = {}
    for group in groups:
        members = set(group) & known
        merged = set(members)
        for name in members:
            merged |= component.get(name, set())
        for name in merged:
            component[name] = merged
    return {name: members for name, members in component.items() if len(members) > 1}


def _rank(text: str) -> int:
    """A fixed number for a text, as random as a hash: the same on every machine and in every run."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _block(takes: list[ClipRow], together: Mapping[str, set[str]], rules: SplitRules) -> set[str]:
    """Names of a block of consecutive takes whose duplicates lie inside the block, or as nearly so as there is."""
    takes = sorted(takes, key=lambda c: (c.take, c.name))
    count = max(2, round(rules.held_out_share * len(takes)))
    blocks = [[c.name for c in takes[i : i + count]] for i in range(len(takes) - count + 1)]
    blocks.sort(key=lambda block: _rank(block[0]))

    def closure(block: list[str]) -> set[str]:
        return set(block).union(*(together.get(name, set()) for name in block))

    best = min(blocks, key=lambda block: len(closure(block)))
    return closure(best)


def _ends(takes: list[ClipRow], together: Mapping[str, set[str]], rules: SplitRules) -> dict[str, int]:
    """Frames to cut off the end of some takes of one style, at most one take of a content, gestures and gaits both."""
    least = rules.minimum_held_out + rules.gap + rules.minimum_left
    long_enough = [c for c in takes if c.frames >= least and c.name not in together]
    longest: dict[str, ClipRow] = {}
    for clip in sorted(long_enough, key=lambda c: (-c.frames, c.name)):
        longest.setdefault(clip.content, clip)
    chosen = sorted(longest.values(), key=lambda c: (-c.frames, c.name))[: rules.segments_per_style]
    return {c.name: max(rules.minimum_held_out, round(rules.single_take_share * c.frames)) for c in chosen}
