"""Stored styles as plain Python values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.skeleton import PART_NAMES
from strut_proto.v1 import style_service_pb2 as pb

PAGE = 1000


@dataclass(frozen=True)
class StyleInfo:
    """A stored style.

    Attributes:
        name: what requests call it by.
        description: what it looks like.
        source: what it was made of: model, clip, text, video, image, audio, mix or fine_tuned.
        provenance: which reference it was made of.
        neutral: whether a strength of 0 means this style.
        contents: the contents that its training data shows; empty where that is not known.
        vector: (5, 64) float32, one code per body part; None in lists unless asked for.
        amplitude: how large its movements are, in standard deviations over the stored styles; None if not measured.
        tempo: how quick its movements are, in the same unit; None if not measured.
    """

    name: str
    description: str
    source: str
    provenance: str
    neutral: bool
    contents: tuple[str, ...]
    vector: NDArray[np.float32] | None
    amplitude: float | None
    tempo: float | None


def style_of_message(style: pb.Style) -> StyleInfo:
    """From the contract's message."""
    vector = None
    if style.HasField("vector"):
        vector = np.array(style.vector.values, dtype=np.float32).reshape(len(PART_NAMES), -1)
    return StyleInfo(
        name=style.name,
        description=style.description,
        source=pb.StyleSource.Name(style.source).removeprefix("STYLE_SOURCE_").lower(),
        provenance=style.provenance,
        neutral=style.neutral,
        contents=tuple(style.contents),
        vector=vector,
        amplitude=style.amplitude if style.HasField("amplitude") else None,
        tempo=style.tempo if style.HasField("tempo") else None,
    )


def list_request(query: str, with_vectors: bool, page_token: str) -> pb.ListStylesRequest:
    """The request for a page of styles."""
    return pb.ListStylesRequest(page_size=PAGE, page_token=page_token, query=query, with_vectors=with_vectors)
