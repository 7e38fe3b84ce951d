"""The store of styles that requests name, behind one small interface.

`BundleStyles` serves the styles of the model bundle, which are read only; `storage.styles.AllStyles` adds users' own
behind the same interface.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from strut_model.bundle import Bundle
from strut_proto.v1 import style_service_pb2

Float = npt.NDArray[np.float32]

SUGGESTIONS = 3


@dataclass(frozen=True)
class StoredStyle:
    """A style with a name.

    Attributes:
        name: what requests call it by.
        description: one line.
        provenance: where it comes from.
        neutral: True for the one that strength 0 means.
        vector: (5, 64), one code per body part.
        contents: names of the contents that its data shows.
        source: a number of the contract's StyleSource.
        owner: who stored it; empty for those of the model.
        create_time: when it was stored; None for those of the model.
    """

    name: str
    description: str
    provenance: str
    neutral: bool
    vector: Float
    contents: tuple[str, ...]
    source: int = style_service_pb2.STYLE_SOURCE_MODEL
    owner: str = ""
    create_time: datetime | None = None


class StyleRepository(Protocol):
    """Styles by name. Called from the event loop: implementations answer from memory."""

    @property
    def version(self) -> int:
        """Changes whenever any style does: what was made of names before has to be made anew."""
        ...

    def names(self) -> Sequence[str]:
        """All names, sorted."""
        ...

    def get(self, name: str) -> StoredStyle | None:
        """The style of that name."""
        ...


class BundleStyles:
    """The styles of a bundle."""

    def __init__(self, bundle: Bundle) -> None:
        known = np.isfinite(bundle.speed_table)
        contents = [content.name for content in bundle.manifest.contents]
        self._styles = {
            style.name: StoredStyle(
                name=style.name,
                description=style.description,
                provenance=style.dataset,
                neutral=style.name == bundle.manifest.neutral_style,
                vector=bundle.style_vectors[row],
                contents=tuple(name for column, name in enumerate(contents) if known[row, column]),
            )
            for row, style in enumerate(bundle.manifest.styles)
        }
        self._names = tuple(sorted(self._styles))

    @property
    def version(self) -> int:
        """See `StyleRepository.version`: a bundle's styles never change."""
        return 0

    def names(self) -> Sequence[str]:
        """See `StyleRepository.names`."""
        return self._names

    def get(self, name: str) -> StoredStyle | None:
        """See `StyleRepository.get`."""
        return self._styles.get(name)


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """The names that are spelt most like ``name``, nearest first; empty where none is near."""
    by_lower = {candidate.lower(): candidate for candidate in names}
    close = difflib.get_close_matches(name[:64].lower(), list(by_lower), n=SUGGESTIONS, cutoff=0.5)
    return [by_lower[match] for match in close]
