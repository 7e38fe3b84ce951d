"""Words to styles and contents, measured on wordings that were fixed before any training.

``text_wordings.yaml`` holds them. A wording is right when its own label is the nearest of all; that two labels are one
word in two data sets ("old" and "elderly") is no excuse in that figure, and is forgiven in the one beside it. The
baseline is a bag of words: naive Bayes on the descriptions that the head is trained on.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from strut_model import sentences
from strut_model.bundle import Bundle
from strut_model.evaluation.bootstrap import Figure, bootstrap_mean
from strut_model.styles.text import read_content, read_style, wordings

FILE = Path(__file__).with_name("text_wordings.yaml")
TWINS: tuple[frozenset[str], ...] = (
    frozenset(("active", "active-1")),
    frozenset(("elderly", "old")),
    frozenset(("exhausted", "tired")),
    frozenset(("feminine", "feminine-1")),
    frozenset(("masculine", "masculinity")),
    frozenset(("normal", "normal-1")),
)
"""Styles of the two data sets that are one word or its synonym."""
_TOKEN = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class Answer:
    """One wording, the label it should get, and what was said first by the head and by the baselines."""

    kind: str
    text: str
    label: str
    said: str
    bag: str
    sentence: str


def fixed_wordings() -> dict[str, dict[str, list[str]]]:
    """The wordings by kind (``styles``, ``contents``) and label."""
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {kind: document[kind] for kind in ("styles", "contents")}


class BagOfWords:
    """Multinomial naive Bayes with add-one smoothing, every label equally likely.

    Args:
        texts: wordings by label.
    """

    def __init__(self, texts: Mapping[str, Sequence[str]]) -> None:
        self._counts = {label: Counter(w for text in rows for w in tokens(text)) for label, rows in texts.items()}
        self._words = {word for counts in self._counts.values() for word in counts}

    def label(self, text: str) -> str:
        """The likeliest label."""
        known = [word for word in tokens(text) if word in self._words]

        def likelihood(label: str) -> float:
            counts = self._counts[label]
            total = counts.total() + len(self._words)
            return sum(math.log((counts[word] + 1) / total) for word in known)

        return max(self._counts, key=likelihood)


def tokens(text: str) -> list[str]:
    """Words in lower case, without punctuation."""
    return _TOKEN.findall(text.lower())


def ask(bundle: Bundle) -> list[Answer]:
    """Every fixed wording whose label the bundle knows.

    Raises:
        TextError: the bundle has no head.
        TextExtraMissingError: the sentence encoder is not installed.
    """
    answers = []
    for kind, names in (("styles", list(bundle.style_index)), ("contents", list(bundle.content_index))):
        described = wordings().styles if kind == "styles" else wordings().contents
        taught = {name: described[name] for name in names if name in described}
        bag = BagOfWords(taught)
        means = np.stack([sentences.encode(list(rows)).mean(axis=0) for rows in taught.values()])
        means /= np.linalg.norm(means, axis=-1, keepdims=True)
        for label, texts in fixed_wordings()[kind].items():
            for text in texts if label in names else ():
                if kind == "styles":
                    said = read_style(bundle, text).nearness[0][0]
                else:
                    said = read_content(bundle, text)[0][0]
                nearest = list(taught)[int((means @ sentences.encode([text])[0]).argmax())]
                answers.append(Answer(kind, text, label, said, bag.label(text), nearest))
    return answers


def figures(answers: Sequence[Answer]) -> dict[str, Figure]:
    """Shares of wordings that get their label, by kind: the head's, with twins forgiven, and the baselines'."""
    found: dict[str, Figure] = {}
    for kind, name in (("styles", "text_style"), ("contents", "text_content")):
        rows = [answer for answer in answers if answer.kind == kind]
        keys = [answer.text for answer in rows]
        for suffix, said in (("", "said"), ("_baseline", "bag"), ("_sentence_baseline", "sentence")):
            found[name + suffix] = bootstrap_mean([float(getattr(r, said) == r.label) for r in rows], keys)
        if kind == "styles":
            found[name + "_twins"] = bootstrap_mean([float(same(r.said, r.label)) for r in rows], keys)
            found[name + "_twins_baseline"] = bootstrap_mean([float(same(r.bag, r.label)) for r in rows], keys)
    found["text_baseline"] = found.pop("text_style_baseline")
    return found


def same(first: str, second: str) -> bool:
    """Whether two styles are the same or twins."""
    return first == second or any({first, second} <= twins for twins in TWINS)
