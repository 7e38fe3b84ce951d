"""How a data set's file names give content, style and take.

A preset turns a file's path (relative to the imported folder) into labels, and may cut a file into parts. Style and
content names are lower case with dashes, so that names from different sets agree: `walk`, `raise-up-both-hands`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


class PresetError(ValueError):
    """A preset that is unknown, or whose pattern or accompanying file is off."""


@dataclass(frozen=True)
class Labels:
    """Labels of one clip.

    Attributes:
        content, style, take, dataset: see `Clip`.
        name: the clip's name; made of the labels when empty.
        tags: free labels.
        cut: [start, stop) frames of the file at its own frame rate, None for all; stop None for the end.
        standing: the clip is cut into quiet stretches with planted feet (content idle).
    """

    content: str
    style: str
    take: str
    dataset: str
    name: str = ""
    tags: tuple[str, ...] = ()
    cut: tuple[int, int | None] | None = None
    standing: bool = False


class UnlabelledError(ValueError):
    """A file whose name gives no labels; the message says what was expected."""


Labeller = Callable[[PurePosixPath], list[Labels]]


def slug(text: str) -> str:
    """Lower case with single dashes: "Raise Up_Hand" and "RaiseUpHand" become "raise-up-hand"."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", text)
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")


# Data set 1 and 2 share these names for different styles: data set 2 keeps them, having far more takes.
_SHARED_STYLES = frozenset({"active", "feminine", "normal"})


def bandai_namco(path: PurePosixPath) -> list[Labels]:
    """`dataset-1_walk_proud_001.bvh`: set, content, style, take."""
    match = re.fullmatch(r"dataset-([12])_([a-z\-]+)_([a-z\-]+)_(\d+)", path.stem)
    if not match:
        raise UnlabelledError("name is not dataset-D_CONTENT_STYLE_NNN.bvh")
    number, content, style, take = match.groups()
    if number == "1" and style in _SHARED_STYLES:
        style += "-1"
    return [Labels(content, style, take, f"bandai-namco-{number}", name=path.stem)]


# Words of the descriptions, in order: the first that occurs names the content.
_CMU_WORDS: tuple[tuple[str, str], ...] = (
    ("uneven terrain", "walk-uneven"),
    ("basketball", "basketball"),
    ("playground", "playground"),
    ("swordplay", "sword"),
    ("sword play", "sword"),
    ("sword", "sword"),
    ("punch", "punch"),
    ("jump", "jump"),
    ("modern dance", "dance"),
    ("dance", "dance"),
    ("run", "run"),
    ("jog", "run"),
    ("walk", "walk"),
    ("wash", "wash"),
)


def cmu(folder: Path) -> Labeller:
    """`SUBJECT_TRIAL.bvh`; the content is read from `descriptions.csv` where the folder has one."""
    descriptions = _cmu_descriptions(folder / "descriptions.csv")

    def label(path: PurePosixPath) -> list[Labels]:
        match = re.fullmatch(r"(\d+)_(\d+)", path.stem)
        if not match:
            raise UnlabelledError("name is not SUBJECT_TRIAL.bvh")
        text = descriptions.get((int(match[1]), int(match[2])), "")
        content = next((c for word, c in _CMU_WORDS if word in text.lower()), slug(text.split(",")[0]) or "unlabelled")
        return [Labels(content, "normal", f"{match[1]}-{match[2]}", "cmu", name=f"cmu_{path.stem}")]

    return label


def _cmu_descriptions(path: Path) -> dict[tuple[int, int], str]:
    if not path.is_file():
        return {}
    table = {}
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            try:
                key = int(row["Subject"]), int(row["Trial #"])
            except (KeyError, TypeError, ValueError):
                continue
            table[key] = row.get("Motion Description") or ""
    return table


# 100STYLE's movement codes; the transitions (TR) mix starts, stops and changes of direction.
_100STYLE_CONTENTS: Mapping[str, str] = {
    "FW": "walk",
    "FR": "run",
    "BW": "walk-back",
    "BR": "run-back",
    "SW": "walk-side",
    "SR": "run-side",
    "ID": "idle",
    "TR1": "transition",
    "TR2": "transition",
    "TR3": "transition",
}


def hundred_style(folder: Path) -> Labeller:
    """`STYLE_CODE.bvh` with the frames to keep in `Frame_Cuts.csv`, anywhere below the folder."""
    cuts = _frame_cuts(next(iter(sorted(folder.rglob("Frame_Cuts.csv"))), None))

    def label(path: PurePosixPath) -> list[Labels]:
        style, _, code = path.stem.rpartition("_")
        if not style or code.upper() not in _100STYLE_CONTENTS:
            raise UnlabelledError(f"name is not STYLE_CODE.bvh with a code of {', '.join(_100STYLE_CONTENTS)}")
        code = code.upper()
        key = (style.lower(), code)
        if key in cuts and cuts[key] is None:
            raise UnlabelledError(f"Frame_Cuts.csv gives no frames for {style} {code}")
        content = _100STYLE_CONTENTS[code]
        name = slug(style) if style.lower() != "neutral" else "normal"
        return [Labels(content, name, code.lower(), "100style", name=f"100style_{path.stem}", cut=cuts.get(key))]

    return label


def _frame_cuts(path: Path | None) -> dict[tuple[str, str], tuple[int, int] | None]:
    """(style, code) to [start, stop) frames; None where the table says that there are none."""
    if path is None:
        return {}
    table: dict[tuple[str, str], tuple[int, int] | None] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        names = {(n or "").strip().upper(): n for n in reader.fieldnames or ()}
        style_column = names.get("STYLE_NAME") or names.get("STYLE")
        if style_column is None:
            raise PresetError(f"{path}: columns are {', '.join(names)}, expected STYLE_NAME and CODE_START, CODE_STOP")
        for row in reader:
            for code in _100STYLE_CONTENTS:
                start, stop = names.get(f"{code}_START"), names.get(f"{code}_STOP")
                if start is None or stop is None:
                    continue
                try:
                    span = int(float(row[start])), int(float(row[stop]))
                except (TypeError, ValueError):
                    table[row[style_column].strip().lower(), code] = None
                    continue
                table[row[style_column].strip().lower(), code] = span if 0 <= span[0] < span[1] else None
    return table


def react_idle(path: PurePosixPath) -> list[Labels]:
    """`NNN_acted.bvh`, `NNN_genuine.bvh`: people standing idle, from video."""
    match = re.fullmatch(r"(\d+)_(acted|genuine)", path.stem)
    if not match:
        raise UnlabelledError("name is not NNN_acted.bvh or NNN_genuine.bvh")
    return [Labels("idle", "normal", path.stem, "react-idle", name=f"idle_{path.stem}", tags=("idle",), standing=True)]


def folders(path: PurePosixPath) -> list[Labels]:
    """`STYLE/CONTENT_TAKE.bvh`: a folder per style; the last number of the name is the take."""
    if len(path.parts) < 2:
        raise UnlabelledError("file is not in a folder named after its style")
    match = re.fullmatch(r"(.*?)[_\-. ]*(\d*)", path.stem)
    content, take = (match[1], match[2]) if match else (path.stem, "")
    style = path.parts[-2]
    if not slug(content):
        raise UnlabelledError("name gives no content, expected STYLE/CONTENT_TAKE.bvh")
    return [Labels(slug(content), slug(style), take or "1", slug(path.parts[0]) if len(path.parts) > 2 else "folders")]


_FIELDS = ("style", "content", "take", "dataset")


def pattern(text: str) -> Labeller:
    """A labeller for names such as `{style}_{content}_{take}`; `{}` matches what is to be ignored.

    The pattern is held against the file's name without suffix, or, when it contains a slash, against as many folders
    of its path as it has itself. The last field of a name may be empty only if it is the take.

    Raises:
        PresetError: an unknown field, a field twice, or neither style nor content.
    """
    fields = re.findall(r"\{(\w*)\}", text)
    named = [f for f in fields if f]
    unknown = [f for f in named if f not in _FIELDS]
    if unknown:
        raise PresetError(f"pattern: unknown field {{{unknown[0]}}}, allowed: {', '.join(f'{{{f}}}' for f in _FIELDS)}")
    if len(set(named)) != len(named):
        raise PresetError(f"pattern: {text!r} has a field twice")
    if "style" not in named and "content" not in named:
        raise PresetError(f"pattern: {text!r} has neither {{style}} nor {{content}}")
    parts = re.split(r"(\{\w*\})", text)
    expression = "".join(
        re.escape(p) if not p.startswith("{") else (f"(?P<{p[1:-1]}>[^/]+?)" if p != "{}" else "[^/]*?") for p in parts
    )
    compiled = re.compile(expression)
    depth = text.count("/") + 1

    def label(path: PurePosixPath) -> list[Labels]:
        tail = "/".join(path.with_suffix("").parts[-depth:])
        match = compiled.fullmatch(tail)
        if not match:
            raise UnlabelledError(f"name does not match {text}")
        found = match.groupdict()
        return [
            Labels(
                slug(found.get("content") or "motion"),
                slug(found.get("style") or "normal"),
                found.get("take") or "1",
                slug(found.get("dataset") or "pattern"),
            )
        ]

    return label


PRESETS: tuple[str, ...] = ("bandai-namco", "cmu", "100style", "react-idle", "folders", "pattern")


def labeller(preset: str, folder: Path, pattern_text: str | None = None) -> Labeller:
    """The labeller of a preset.

    Raises:
        PresetError: the preset is unknown, or `pattern` has no pattern, or an accompanying file is off.
    """
    if preset == "pattern":
        if not pattern_text:
            raise PresetError("pattern: missing; the preset pattern needs one, such as '{style}_{content}_{take}'")
        return pattern(pattern_text)
    if pattern_text:
        raise PresetError(f"pattern: {pattern_text!r} was given, but the preset is {preset!r}; it goes with `pattern`")
    table: dict[str, Callable[[], Labeller]] = {
        "bandai-namco": lambda: bandai_namco,
        "cmu": lambda: cmu(folder),
        "100style": lambda: hundred_style(folder),
        "react-idle": lambda: react_idle,
        "folders": lambda: folders,
    }
    if preset not in table:
        raise PresetError(f"preset: {preset!r}, allowed: {', '.join(PRESETS)}")
    return table[preset]()
