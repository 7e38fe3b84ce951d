"""Edits in words: from a sentence such as *a bit slower, with larger arm swings* to operators.

A sentence is taken clause by clause (commas, *and*, *then*). The words of a clause without its body parts are compared
with how people speak of the operators (``wording.yaml``) in the space of a sentence encoder
(`strut_model.sentences`); the nearest is what is meant, where it is near enough and nearer than what edits are not.
Amounts in numbers and body parts are read as they stand.
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
from strut_model.edit.operators import AMPLITUDE, TEMPO, Amplitude, EditError, Exaggerate, Mirror, Operator, Tempo
from strut_model.skeleton import PART_NAMES

FILE = Path(__file__).with_name("wording.yaml")
MAX_TEXT = 500
"""Characters."""
NEAR = 0.55
"""Cosine from which on words mean an operator."""
_CLAUSES = re.compile(r"[,;]|\.(?!\d)|\band then\b|\bthen\b|\band\b(?! right\b)|\bbut\b")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent\b|per cent\b)")
_TIMES = re.compile(r"(\d+(?:\.\d+)?)\s*(?:x\b|times\b|fold\b)")
_WORDS = {"twice": 2.0, "double": 2.0, "half": 0.5, "three times": 3.0}
_NEGATED = re.compile(r"\b(?:not|don't|do not|never|no)\b")


class NotUnderstoodError(EditError):
    """A sentence in which no edit was found; the message says what can be asked for."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"text: {text!r} asks for no edit that is known; allowed: slower or faster, larger or smaller movements, "
            "mirror, exaggerate, of the whole body or of arms, legs or torso (styles are what 'strut stylize' is for)"
        )


@dataclass(frozen=True)
class Finding:
    """What was understood of a clause.

    Attributes:
        words: the clause.
        phrase: what it was found near to.
        nearness: cosine, at most 1.
        operator: what it means.
    """

    words: str
    phrase: str
    nearness: float
    operator: Operator


@dataclass(frozen=True)
class Reading:
    """A sentence as it was understood.

    Attributes:
        findings: one for each clause that asks for an edit, in their order.
        ignored: clauses that ask for none.
    """

    findings: tuple[Finding, ...]
    ignored: tuple[str, ...]

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The edits, in order."""
        return tuple(finding.operator for finding in self.findings)


@dataclass(frozen=True)
class _Phrases:
    texts: tuple[str, ...]
    kinds: tuple[str, ...]
    amounts: NDArray[np.float64]
    vectors: NDArray[np.float32]


def available() -> bool:
    """Whether sentences can be read: the `text` extra is installed."""
    return sentences.available()


@lru_cache(maxsize=256)
def read(text: str) -> Reading:
    """A sentence as edits.

    Raises:
        NotUnderstoodError: it asks for none.
        EditError: it has no words, or too many characters, or asks for an amount that is out of range.
        TextExtraMissingError: the sentence encoder is not installed.
    """
    if not text.strip() or len(text) > MAX_TEXT:
        raise EditError(f"text: has {len(text.strip())} characters; allowed: 1 to {MAX_TEXT}")
    clauses = [" ".join(part.split()) for part in _CLAUSES.split(text.lower()) if re.search(r"[a-z]", part)]
    if not clauses:
        raise NotUnderstoodError(text)
    findings: list[Finding] = []
    ignored: list[str] = []
    for clause in clauses:
        finding = None if _NEGATED.search(clause) else _finding(clause)
        if finding is None:
            ignored.append(clause)
        else:
            findings.append(finding)
    if not findings:
        raise NotUnderstoodError(text)
    return Reading(tuple(findings), tuple(ignored))


def _finding(clause: str) -> Finding | None:
    parts, rest = _without_parts(clause)
    plain = _plain(rest)
    phrases = _phrases()
    # With its parts and without: "larger arm swings" is near to nothing, "larger" to too much.
    asked = list(dict.fromkeys(words for words in (plain, f"{plain} movements" if parts else plain) if words.strip()))
    if not asked:
        return None
    near = sentences.encode(asked) @ phrases.vectors.T
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    kind, nearness = phrases.kinds[column], float(near[row, column])
    if kind == "none" or nearness < NEAR:
        return None
    operator = _operator(kind, _amount(kind, clause, float(phrases.amounts[column])), parts)
    return Finding(clause, phrases.texts[column], nearness, operator)


def _operator(kind: str, amount: float, parts: tuple[str, ...]) -> Operator:
    chosen = parts or PART_NAMES
    if kind == "mirror":
        return Mirror()
    if kind == "tempo":
        if not parts:
            return Tempo(_held(amount, TEMPO, "tempo"))
        raise EditError(f"tempo.parts: {', '.join(parts)}; allowed: the whole body, whose parts keep one time")
    if kind == "amplitude":
        return Amplitude(_held(amount, AMPLITUDE, "amplitude"), chosen)
    return Exaggerate(_held(amount, AMPLITUDE, "exaggerate"), chosen)


def _held(amount: float, allowed: tuple[float, float], kind: str) -> float:
    if not allowed[0] <= amount <= allowed[1]:
        raise EditError(f"{kind}.factor: {amount:g} is out of range; allowed: {allowed[0]:g} to {allowed[1]:g}")
    return round(amount, 3)


def _amount(kind: str, clause: str, usual: float) -> float:
    """The amount in numbers, where there is one: "20 % slower" is .8, "twice as fast" 2, "1.5 times larger" 1.5."""
    found = _PERCENT.search(clause)
    if found is not None:
        share = float(found[1]) / 100
        return 1 - share if usual < 1 else 1 + share
    found = _TIMES.search(clause)
    factor = float(found[1]) if found is not None else next((v for w, v in _WORDS.items() if w in clause), None)
    if factor is None or factor <= 0:
        return usual
    # "Twice as slow" halves; "half as large" halves, too.
    return 1 / factor if usual < 1 and factor > 1 else factor


def _plain(clause: str) -> str:
    """A clause without its numbers, which the encoder would make something of."""
    out = _TIMES.sub(" ", _PERCENT.sub(" ", clause))
    return " ".join(re.sub(r"\b(?:three times|twice|double|half)\b", " ", out).replace(" as ", " ").split())


def _without_parts(clause: str) -> tuple[tuple[str, ...], str]:
    found: list[str] = []
    # Longer names first: "left arm" is not both arms.
    names = sorted(_part_words().items(), key=lambda item: -len(item[0]))
    for words, parts in names:
        pattern = re.compile(rf"\b(?:(?:the|his|her|their|both|of|on|in|with)\s+)*{words}\b")
        if pattern.search(clause):
            found += [part for part in parts if part not in found]
            clause = pattern.sub(" ", clause)
    return tuple(part for part in PART_NAMES if part in found), " ".join(clause.split())


@cache
def _part_words() -> dict[str, Sequence[str]]:
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {words: parts.split() for parts, names in content["parts"].items() for words in names}


@cache
def _phrases() -> _Phrases:
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    rows = [
        (phrase, kind, float(entry["amount"]))
        for kind in ("tempo", "amplitude", "mirror", "exaggerate", "none")
        for entry in content[kind]
        for phrase in entry["phrases"]
    ]
    texts, kinds, amounts = zip(*rows, strict=True)
    return _Phrases(texts, kinds, np.array(amounts), sentences.encode(texts))
