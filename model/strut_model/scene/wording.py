"""Scenes in words: from a text such as *a windy mountain ridge at night* to a descriptor.

``wording.yaml`` holds how people speak of the presets and of single quantities. A text and its runs of up to
`LONGEST_RUN` words are compared with all of these phrases in the space of a sentence encoder
(`strut_model.sentences`): a preset that a run comes near to gives its quantities, in proportion to how near; a quantity
of which a run speaks is taken from the values of the phrases around, weighted by nearness. Single quantities go over
presets, since they are what was said explicitly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from strut_model import sentences
from strut_model.scene.descriptor import NEUTRAL, SceneDescriptor, SceneError, blend, quantity
from strut_model.scene.presets import preset, presets

FILE = Path(__file__).with_name("wording.yaml")
MAX_TEXT = 500
"""Characters, as the contract has it."""
LONGEST_RUN = 4
LONGER_IS_NEARER = np.float32(0.005)
"""Cosine that each further word of a run is worth."""
PRESET_FROM, PRESET_FULL = 0.68, 0.85
"""Cosines from which on a preset is meant at all, and at which it is meant in full."""
QUANTITY_FROM = 0.72
"""Cosine from which on a quantity is spoken of."""
_SHARPNESS = 25.0
"""How much more a nearer phrase counts: e-fold for each .04 of cosine."""
_SLACK = 0.12
"""Cosine by which a phrase may be further away than the nearest of its quantity to have a say."""
RIVALRY = 0.1
"""Cosine by which words have to be nearer to one meaning to rule out others."""
_ARTICLES = {"a", "an", "the"}
_NEGATIONS = {"no", "not", "without"}
_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")


@dataclass(frozen=True)
class Finding:
    """What was found in a text.

    Attributes:
        words: the run of words that was understood.
        phrase: what it was found near to.
        meaning: the preset's name, or the quantity with its value.
        nearness: cosine, at most 1.
    """

    words: str
    phrase: str
    meaning: str
    nearness: float


@dataclass(frozen=True)
class Reading:
    """A text as it was understood: the descriptor, and what it was made of."""

    descriptor: SceneDescriptor
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Phrases:
    """Phrases with their vectors (N, D), and what each means: a preset's name, or a quantity and its value."""

    texts: tuple[str, ...]
    vectors: NDArray[np.float32]
    presets: tuple[str, ...]
    quantities: tuple[str, ...]
    values: NDArray[np.float64]


def available() -> bool:
    """Whether texts can be read: the `text` extra is installed."""
    return sentences.available()


@lru_cache(maxsize=1024)
def read(text: str) -> Reading:
    """A text as a scene.

    Raises:
        SceneError: the text has no words, or more than `MAX_TEXT` characters.
        TextExtraMissingError: the sentence encoder is not installed.
    """
    if len(text) > MAX_TEXT:
        raise SceneError(f"text: has {len(text)} characters; allowed: 1 to {MAX_TEXT}")
    words = _WORD.findall(text)
    if not words:
        raise SceneError(f"text: is {text!r}; allowed: words")
    runs = _runs(words)
    phrases = _phrases()
    # Of runs that are as near, the longer one says more: "deep snow" rather than "snow".
    longer = np.array([min(run.count(" "), LONGEST_RUN) for run in runs], np.float32)
    near = sentences.encode(runs) @ phrases.vectors.T + LONGER_IS_NEARER * longer[:, None]
    candidates = _preset_findings(runs, near, phrases)
    spoken: dict[Finding, tuple[str, float]] = {}
    for name in dict.fromkeys(filter(None, phrases.quantities)):
        quantity_finding = _quantity(name, runs, near, phrases)
        if quantity_finding is not None:
            finding, value = quantity_finding
            spoken[finding] = (name, value)
    found: list[Finding] = []
    for finding in sorted((*candidates, *spoken), key=lambda f: -f.nearness):
        if not any(_overlap(finding, other) and other.nearness > finding.nearness + RIVALRY for other in found):
            found.append(finding)
    values: dict[str, float] = {}
    for finding in reversed(found):  # the nearest has the last word
        if finding not in spoken:
            values |= _in_part(finding).given()
    values |= dict(spoken[finding] for finding in found if finding in spoken)
    return Reading(SceneDescriptor.of(values), tuple(found))


def _runs(words: Sequence[str]) -> list[str]:
    """All runs of words that neither begin nor end with an article; the whole text first."""
    runs = [" ".join(words)]
    for length in range(1, min(LONGEST_RUN, len(words)) + 1):
        for start in range(len(words) - length + 1):
            run = words[start : start + length]
            # What is denied is not what is meant: of "no wind" the run "wind" says nothing.
            denied = start > 0 and words[start - 1].lower() in _NEGATIONS
            if not denied and run[0].lower() not in _ARTICLES and run[-1].lower() not in _ARTICLES:
                runs.append(" ".join(run))
    return list(dict.fromkeys(runs))


def _preset_findings(runs: list[str], near: NDArray[np.float32], phrases: _Phrases) -> list[Finding]:
    """The presets that a text comes near to, each with the words that do."""
    best: dict[str, Finding] = {}
    for column, name in enumerate(phrases.presets):
        row = int(near[:, column].argmax())
        nearness = float(near[row, column])
        if name and nearness >= PRESET_FROM and (name not in best or nearness > best[name].nearness):
            best[name] = Finding(runs[row], phrases.texts[column], name, nearness)
    chosen: list[Finding] = []
    for finding in sorted(best.values(), key=lambda f: -f.nearness):
        # Words that one preset was made of are not another's as well.
        if not any(_overlap(finding, other) for other in chosen):
            chosen.append(finding)
    return chosen


def _in_part(finding: Finding) -> SceneDescriptor:
    """A preset as much as a text comes near to it."""
    share = float(np.clip((finding.nearness - PRESET_FROM) / (PRESET_FULL - PRESET_FROM), 0.0, 1.0))
    return blend(NEUTRAL, preset(finding.meaning).descriptor, 0.5 + 0.5 * share)


def _overlap(a: Finding, b: Finding) -> bool:
    return bool(set(a.words.lower().split()) & set(b.words.lower().split()))


def _quantity(name: str, runs: list[str], near: NDArray[np.float32], phrases: _Phrases) -> tuple[Finding, float] | None:
    """What a text says of a quantity, and its value; None where it says nothing."""
    columns = np.flatnonzero(np.array([own == name for own in phrases.quantities]))
    table = near[:, columns]
    row, column = np.unravel_index(int(table.argmax()), table.shape)
    best = float(table[row, column])
    if best < QUANTITY_FROM:
        return None
    own = table[row]
    weight = np.where(own > best - _SLACK, np.exp(_SHARPNESS * (own - best)), 0.0)
    known = quantity(name)
    codes = np.array([known.encode(value) for value in phrases.values[columns]])
    value = known.decode(float((weight * codes).sum() / weight.sum()))
    return Finding(runs[row], phrases.texts[columns[column]], f"{name} {value:.3g}", best), value


@cache
def _phrases() -> _Phrases:
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    texts: list[str] = []
    scenes: list[str] = []
    names: list[str] = []
    values: list[float] = []
    for name in presets():
        for phrase in content["presets"][name]:
            texts.append(phrase)
            scenes.append(name)
            names.append("")
            values.append(0.0)
    for entry in content["quantities"]:
        quantity(entry["quantity"]).check(entry["value"])
        for phrase in entry["phrases"]:
            texts.append(phrase)
            scenes.append("")
            names.append(entry["quantity"])
            values.append(float(entry["value"]))
    return _Phrases(tuple(texts), sentences.encode(texts), tuple(scenes), tuple(names), np.array(values))
