"""Styles and contents in words: a sentence to the style vector, or the content, that it is nearest to.

A small head (`training.text_head`) takes the vector of a sentence (`strut_model.sentences`) and the codes of styles
into one space. There a sentence is compared with every style that is known, those of users among them; what comes out
is the mix of the nearest ones, in the style space, so that it is always somewhere between styles that the student has
learned.

The head's codes are those of one encoder, whose hash it holds: a bundle may carry its own (``text.npz``), and the
package holds that of the shipped bundle's encoder, for all bundles with the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from strut_model import sentences
from strut_model.bundle import ENCODER, Bundle

Float = NDArray[np.float32]

FILE = Path(__file__).with_name("wording.yaml")
HEAD = "text.npz"
"""The head's file, in a bundle's directory or here."""
MAX_TEXT = 500
"""Characters, as the contract has it."""
SHARPNESS = 20.0
"""How much more a nearer style counts in the mix: e-fold for each .05 of cosine."""
SLACK = 0.15
"""Cosine by which a style may be further away than the nearest one to have a share."""
MIXED = 3
"""Styles in the mix at most."""
_WORD = re.compile(r"[^\W_]")


class TextError(ValueError):
    """A text that says nothing, or a bundle without a head for texts; the message says which."""


@dataclass(frozen=True)
class Wordings:
    """The written descriptions, by style and by content."""

    styles: Mapping[str, Sequence[str]]
    contents: Mapping[str, Sequence[str]]


@cache
def wordings() -> Wordings:
    """What ``wording.yaml`` holds."""
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return Wordings(document["styles"], document["contents"])


@dataclass(frozen=True)
class Tower:
    """Both maps into one common space.

    Attributes:
        text: (384, K), of sentence vectors.
        code: (D, K), of codes.
    """

    text: Float
    code: Float

    def of_texts(self, vectors: Float) -> Float:
        """(N, K) unit vectors of sentence vectors (N, 384)."""
        return _unit(vectors @ self.text)

    def of_codes(self, codes: Float) -> Float:
        """(N, K) unit vectors of codes (N, D), of any length."""
        return _unit(_unit(codes) @ self.code)


@dataclass(frozen=True)
class TextHead:
    """The towers of styles and of contents, and the SHA-256 of the encoder whose codes they take."""

    style: Tower
    content: Tower
    encoder: str

    def write(self, path: Path) -> None:
        """As an NPZ file of float16."""
        arrays = {
            f"{kind}_{side}": getattr(getattr(self, kind), side).astype(np.float16)
            for kind in ("style", "content")
            for side in ("text", "code")
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, encoder=np.array(self.encoder), **arrays)

    @staticmethod
    def read(path: Path) -> TextHead:
        """From a file that `write` made.

        Raises:
            TextError: it is missing or no such file.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                parts = [arrays[f"{k}_{s}"].astype(np.float32) for k in ("style", "content") for s in ("text", "code")]
                encoder = str(arrays["encoder"])
        except (OSError, KeyError, ValueError) as error:
            raise TextError(f"{path.name}: no head for texts ({error}); 'strut train text' makes one") from error
        return TextHead(Tower(parts[0], parts[1]), Tower(parts[2], parts[3]), encoder)


@dataclass(frozen=True)
class StyleReading:
    """A sentence as it was understood.

    Attributes:
        vector: (5, 64) style vector.
        shares: styles and their shares in it, the largest first.
        nearness: every style's cosine to the sentence in the common space, the nearest first.
    """

    vector: Float
    shares: tuple[tuple[str, float], ...]
    nearness: tuple[tuple[str, float], ...]


def available() -> bool:
    """Whether sentences can be read: the `text` extra is installed."""
    return sentences.available()


def bundle_head(bundle: Bundle) -> TextHead:
    """The head for a bundle's codes.

    Raises:
        TextError: there is none for its encoder.
    """
    wanted = encoder_of(bundle)
    for path in (bundle.path / HEAD, Path(__file__).with_name(HEAD)):
        if path.is_file():
            head = _head(path)
            if head.encoder == wanted:
                return head
    raise TextError(f"{HEAD}: none for the encoder of {bundle.path}; 'strut train text' makes one")


def encoder_of(bundle: Bundle) -> str:
    """SHA-256 of a bundle's encoder, as its manifest has it."""
    return str(bundle.manifest.raw["files"][ENCODER]["sha256"])


def has_head(bundle: Bundle) -> bool:
    """Whether there is a head for a bundle's codes."""
    try:
        bundle_head(bundle)
    except TextError:
        return False
    return True


@lru_cache(maxsize=4)
def _head(path: Path) -> TextHead:
    return TextHead.read(path)


def read_style(bundle: Bundle, text: str, styles: Mapping[str, Float] | None = None) -> StyleReading:
    """A sentence as a style.

    Args:
        bundle: whose codes and head are meant.
        text: 1 to 500 characters.
        styles: styles to choose among, name to vector (5, 64); the bundle's own by default.

    Raises:
        TextError: the text has no words or too many characters, or the bundle has no head.
        TextExtraMissingError: the sentence encoder is not installed.
    """
    _check(text)
    known = styles or {s.name: v for s, v in zip(bundle.manifest.styles, bundle.style_vectors)}
    names, vectors = list(known), np.stack(list(known.values())).astype(np.float32)
    head = bundle_head(bundle)
    shared = head.style.of_codes(vectors.reshape(len(names), -1))
    cosine = (head.style.of_texts(sentences.encode([text])) @ shared.T)[0]
    order = np.argsort(-cosine, kind="stable")
    chosen = [i for i in order[:MIXED] if cosine[i] >= cosine[order[0]] - SLACK]
    weight = np.exp(SHARPNESS * (cosine[chosen] - cosine[order[0]]))
    weight = weight / weight.sum()
    mixed = np.tensordot(weight, vectors[chosen], axes=1)
    mixed *= (bundle.style_norms / np.maximum(np.linalg.norm(mixed, axis=-1), 1e-9))[:, None]
    return StyleReading(
        mixed.astype(np.float32),
        tuple((names[i], float(w)) for i, w in zip(chosen, weight)),
        tuple((names[i], float(cosine[i])) for i in order),
    )


def read_content(bundle: Bundle, text: str) -> tuple[tuple[str, float], ...]:
    """The bundle's contents by nearness to a sentence: names and cosines in the common space, the nearest first.

    Raises:
        TextError, TextExtraMissingError: as `read_style`.
    """
    _check(text)
    head = bundle_head(bundle)
    cosine = (head.content.of_texts(sentences.encode([text])) @ head.content.of_codes(bundle.content_vectors).T)[0]
    return tuple((bundle.manifest.contents[i].name, float(cosine[i])) for i in np.argsort(-cosine, kind="stable"))


def _check(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise TextError(f"text: has {len(text)} characters; allowed: 1 to {MAX_TEXT}")
    if not _WORD.search(text):
        raise TextError(f"text: is {text!r}; allowed: words")


def _unit(vectors: Float) -> Float:
    lengths = np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return np.asarray(vectors / lengths, np.float32)
