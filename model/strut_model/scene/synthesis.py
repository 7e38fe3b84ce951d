"""Training data of scenes: real clips edited by the operators, each with the scene and the alpha that it was edited by.

A training reads (real clip, descriptor, alpha, edited clip). Half of the clips are in a preset, a quarter between two
presets, a quarter in a place of one or two quantities drawn over their ranges, so that an encoder meets the space of
descriptors and not 32 points of it. Styles, contents within a style and presets come in turn.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from strut_model.clip import Clip
from strut_model.data.pack import SYNTHETIC, Pack, PackError, merge_packs, write_pack
from strut_model.data.split import TRAIN, Segment, Split
from strut_model.scene.apply import apply_scene
from strut_model.scene.descriptor import QUANTITIES, SIZE, SceneDescriptor, blend
from strut_model.scene.effects import MAX_ALPHA, effects_of
from strut_model.scene.presets import presets

SCENES = "scenes.json"
"""File of a scene pack beside those of any pack."""
_PART = 50
_DRAWN = tuple(
    quantity.name for quantity in QUANTITIES if quantity.name not in ("compliance", "wind_y", "platform_period")
)
_CODES = {"clearance": (-1.0, -0.86), "footing_width": (-1.35, -1.1), "visibility": (-1.0, -0.4)}
"""Codes that are drawn where a range as a whole holds little that matters."""
_ATTEMPTS = 200


@dataclass(frozen=True)
class SceneSynthesisOptions:
    """What to make.

    Args:
        count: how many edited clips.
        seed: of everything drawn at random; the same seed makes the same pack.
        shortest, longest: frames of the real clips; longer ones are cut.
        alphas: range of how strongly the scenes show.
        gait_only: leave out of the clips what the run time adds to the student's motion itself, as a student's training
            wants it; a judge of scenes wants all of it.
        progress: show a bar.
    """

    count: int = 2000
    seed: int = 0
    shortest: int = 40
    longest: int = 240
    alphas: tuple[float, float] = (0.2, 1.3)
    gait_only: bool = True
    progress: bool = True

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count: is {self.count}; allowed: 1 or more")
        low, high = self.alphas
        if not 0 < low <= high <= MAX_ALPHA:
            raise ValueError(f"alphas: are {low:g} to {high:g}; allowed: above 0 to {MAX_ALPHA:g}")


@dataclass(frozen=True)
class SceneLabel:
    """How one clip of a scene pack came about.

    Attributes:
        clip: its name.
        source: the real clip's name, of which frames [start, end) were edited.
        preset: the scene's name; empty where it is none of the presets.
        quantities: what the scene sets.
        alpha: how strongly it shows.
        vector: `SceneDescriptor.vector` of it, at alpha 1.
        slips: how many there are in the clip.
        gait_only: whether what the run time adds is left out of it.
    """

    clip: str
    source: str
    start: int
    end: int
    preset: str
    quantities: dict[str, float]
    alpha: float
    vector: tuple[float, ...]
    slips: int
    gait_only: bool = False

    def condition(self) -> NDArray[np.float32]:
        """(SIZE,) the descriptor's vector times alpha: what a scene encoder is given."""
        return np.array(self.vector, np.float32) * np.float32(self.alpha)


def read_labels(pack: Path) -> dict[str, SceneLabel]:
    """The labels of a scene pack by clip.

    Raises:
        PackError: the folder is none.
    """
    path = Path(pack) / SCENES
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["clips"]
        labels = [SceneLabel(**{**row, "vector": tuple(row["vector"])}) for row in rows]
    except FileNotFoundError:
        raise PackError(f"{pack}: no {SCENES}, expected a folder made by `strut scene synthesise`") from None
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise PackError(f"{path}: {error!r}; expected labels written by `strut scene synthesise`") from None
    wrong = [label.clip for label in labels if len(label.vector) != SIZE]
    if wrong:
        raise PackError(f"{path}: the vector of {wrong[0]} has not {SIZE} numbers; make the pack anew")
    return {label.clip: label for label in labels}


@dataclass(frozen=True)
class Recipe:
    """One clip to be made: frames of a real clip, a scene, an alpha, and the seed of its slips."""

    name: str
    segment: Segment
    preset: str
    scene: SceneDescriptor
    alpha: float
    seed: int
    gait_only: bool = False


def plan(pack: Pack, split: Split, options: SceneSynthesisOptions) -> list[Recipe]:
    """What is made, the same for the same arguments.

    Raises:
        PackError: no training segment of the split is long enough and in the pack.
    """
    rng = np.random.default_rng(options.seed)
    cells: dict[str, dict[str, list[Segment]]] = defaultdict(lambda: defaultdict(list))
    known = {info.name: info for info in pack.clips}
    for segment in split.segments(TRAIN):
        info = known.get(segment.clip)
        if info is not None and segment.frames >= options.shortest:
            cells[info.style][info.content].append(segment)
    if not cells:
        raise PackError(f"{pack.path}: has no training segment of {options.shortest} frames or more")
    styles = sorted(cells)
    turns = {style: _shuffled(rng, sorted(cells[style])) for style in styles}
    names = list(presets())
    recipes = []
    for number in range(options.count):
        style = styles[number % len(styles)]
        contents = turns[style]
        content = contents[(number // len(styles)) % len(contents)]
        choices = cells[style][content]
        segment = _cut(choices[rng.integers(len(choices))], options, rng)
        name = names[(number * 7 + number // len(names)) % len(names)]
        preset, scene = _scene(name, names, number % 4, rng)
        alpha = float(np.round(rng.uniform(*options.alphas), 3))
        title = f"scene_{number:05d}_{preset or 'mixed'}"
        recipes.append(Recipe(title, segment, preset, scene, alpha, options.seed + number, options.gait_only))
    return recipes


def synthesise(
    pack: Pack, split: Split, out: Path, options: SceneSynthesisOptions | None = None, overwrite: bool = False
) -> dict[str, SceneLabel]:
    """Write a scene pack. What an interrupted run has made is kept in ``OUT.parts`` and gone on from.

    Args:
        pack: real clips.
        split: only its training segments are used.
        out: the new pack's folder.
        options: what to make.
        overwrite: replace a pack that is there already.

    Raises:
        PackError: the folder may not be written, or the parts are those of other options.
    """
    options = options or SceneSynthesisOptions()
    out = Path(out)
    if out.exists() and not overwrite:
        raise PackError(f"{out}: exists already; choose another name, or overwrite a pack explicitly")
    recipes = plan(pack, split, options)
    parts = out.with_name(f"{out.name}.parts")
    _check_parts(parts, recipes)
    with tqdm(total=len(recipes), desc="scenes", unit="clip", disable=not options.progress) as bar:
        for number, first in enumerate(range(0, len(recipes), _PART)):
            own = recipes[first : first + _PART]
            folder = parts / f"{number:04d}"
            if not (folder / SCENES).is_file():
                _make_part(pack, own, folder)
            bar.update(len(own))
    folders = sorted(path for path in parts.iterdir() if path.is_dir())
    labels = {name: label for folder in folders for name, label in read_labels(folder).items()}
    merge_packs([Pack(folder, synthetic=True) for folder in folders], out, overwrite)
    _write_labels(out, list(labels.values()))
    shutil.rmtree(parts)
    return labels


def report_lines(labels: Sequence[SceneLabel], pack: Pack) -> list[str]:
    """What a scene pack holds, as text."""
    styles = {info.name: info.style for info in pack.clips}
    contents = {info.name: info.content for info in pack.clips}
    lines = [f"{len(labels)} clips, {sum(label.slips for label in labels)} slips"]
    for title, counts in (
        ("presets", Counter(label.preset or "mixed" for label in labels)),
        ("styles", Counter(styles[label.source] for label in labels)),
        ("contents", Counter(contents[label.source] for label in labels)),
    ):
        lines.append(f"{title}: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    return lines


def _shuffled(rng: np.random.Generator, names: list[str]) -> list[str]:
    return [names[index] for index in rng.permutation(len(names))]


def _cut(segment: Segment, options: SceneSynthesisOptions, rng: np.random.Generator) -> Segment:
    if segment.frames <= options.longest:
        return segment
    start = segment.start + int(rng.integers(segment.frames - options.longest + 1))
    return Segment(segment.clip, start, start + options.longest)


def draw_scene(rng: np.random.Generator) -> SceneDescriptor:
    """A scene that moves something: a preset, a place between two, or one or two quantities over their ranges."""
    names = list(presets())
    return _scene(names[rng.integers(len(names))], names, int(rng.integers(4)), rng)[1]


def _scene(name: str, names: list[str], kind: int, rng: np.random.Generator) -> tuple[str, SceneDescriptor]:
    """A preset (two of four kinds), a place between it and another, or one of quantities drawn."""
    table = presets()
    if kind < 2:
        return name, table[name].descriptor
    for _ in range(_ATTEMPTS):
        if kind == 2:
            other = names[rng.integers(len(names))]
            scene = blend(table[name].descriptor, table[other].descriptor, float(rng.uniform(0.2, 0.8)))
        else:
            scene = _drawn(rng)
        if not effects_of(scene).neutral:
            return "", scene
    raise AssertionError("scenes that are drawn move something")


def _drawn(rng: np.random.Generator) -> SceneDescriptor:
    by_name = {quantity.name: quantity for quantity in QUANTITIES}
    values: dict[str, float] = {}
    for name in rng.choice(_DRAWN, size=int(rng.integers(1, 3)), replace=False):
        quantity = by_name[str(name)]
        low, high = _CODES.get(quantity.name, (quantity.encode(quantity.low), quantity.encode(quantity.high)))
        values[quantity.name] = quantity.decode(float(np.clip(rng.uniform(low, high), -1.5, 1.5)))
    return SceneDescriptor.of(values)


def _make_part(pack: Pack, recipes: Sequence[Recipe], folder: Path) -> None:
    clips, labels = [], []
    for recipe in recipes:
        edited, label = make(pack, recipe)
        clips.append(edited)
        labels.append(label)
    write_pack(folder, clips, overwrite=True)
    _write_labels(folder, labels)


def make(pack: Pack, recipe: Recipe) -> tuple[Clip, SceneLabel]:
    """The clip of a recipe, and its label."""
    whole, segment = pack.clip(recipe.segment.clip), recipe.segment
    cut = slice(segment.start, segment.end)
    real = replace(
        whole,
        name=recipe.name,
        pelvis=whole.pelvis[cut],
        rotations=whole.rotations[cut],
        contacts=whole.contacts[cut],
    )
    made = apply_scene(real, recipe.scene, recipe.alpha, recipe.seed, recipe.gait_only)
    vector = tuple(float(code) for code in recipe.scene.vector())
    label = SceneLabel(
        recipe.name,
        segment.clip,
        segment.start,
        segment.end,
        recipe.preset,
        recipe.scene.given(),
        recipe.alpha,
        vector,
        len(made.slips),
        recipe.gait_only,
    )
    tags = (*(tag for tag in made.clip.tags if tag not in (SYNTHETIC, "scene")), SYNTHETIC, "scene")
    return replace(made.clip, tags=tags), label


def _write_labels(folder: Path, labels: Sequence[SceneLabel]) -> None:
    # The last file of a folder: where it is, all of it is.
    document = {"size": SIZE, "clips": [asdict(label) for label in labels]}
    temporary = folder / f".{SCENES}"
    temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    temporary.replace(folder / SCENES)


def _check_parts(parts: Path, recipes: Sequence[Recipe]) -> None:
    """Refuse to go on from parts that were made of another plan."""
    outline: list[Any] = [
        [r.name, r.segment.clip, r.segment.start, r.segment.end, r.alpha, r.gait_only] for r in recipes
    ]
    parts.mkdir(parents=True, exist_ok=True)
    path = parts / "plan.json"
    if not path.is_file():
        path.write_text(json.dumps(outline), encoding="utf-8")
    elif json.loads(path.read_text(encoding="utf-8")) != outline:
        raise PackError(f"{parts}: holds parts of a run with other options; remove it, or choose another name")
