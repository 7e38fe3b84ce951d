"""What a clip shows and in which style, as the bundle's encoder sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strut_model.bundle import Bundle, ContentInfo
from strut_model.clip import Clip
from strut_model.features import ENCODER_FRAMES, encode_for_encoder

Float = NDArray[np.float32]

CROP_LENGTHS = (ENCODER_FRAMES, 32, 16)
"""Frames of a crop: the longest that fits into a clip."""
CROPS = 6
SURE = 0.85
"""Cosine from which on a clip's code is taken for that of the nearest named style or content."""


@dataclass(frozen=True)
class Recognised:
    """What a clip shows.

    Attributes:
        style: (5, S) its style; a named one's where it is near enough to that.
        style_name: that name, or empty.
        content: (C,) its content, likewise.
        content_info: that content, or None.
    """

    style: Float
    style_name: str
    content: Float
    content_info: ContentInfo | None


class ClipEncoder:
    """Runs a bundle's encoder on clips.

    Args:
        bundle: its encoder, named styles and contents.
    """

    def __init__(self, bundle: Bundle) -> None:
        import onnxruntime

        self.bundle = bundle
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(bundle.encoder_path), options, providers=["CPUExecutionProvider"]
        )

    def codes(self, clips: Sequence[Clip]) -> tuple[Float, Float]:
        """Style (5, S), of unit length per part, and content (C,) of clips together, each of 16 frames or more."""
        styles, contents = [], []
        for clip in clips:
            motion = clip.motion()
            features = encode_for_encoder(motion)
            if len(features) < CROP_LENGTHS[-1]:
                features = np.pad(features, ((0, CROP_LENGTHS[-1] - len(features)), (0, 0)), mode="edge")
            length = next(length for length in CROP_LENGTHS if length <= len(features))
            starts = np.unique(np.linspace(0, len(features) - length, CROPS).astype(int))
            crops = np.stack([features[start : start + length] for start in starts]).astype(np.float32)
            style, content = self._session.run(["style", "content"], {"motion": crops})
            styles.append(style.mean(axis=0))
            contents.append(content.mean(axis=0))
        vector = np.mean(styles, axis=0)
        return (
            (vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)).astype(np.float32),
            np.mean(contents, axis=0).astype(np.float32),
        )

    def recognise(self, clip: Clip, content: str | None = None, style: str | None = None) -> Recognised:
        """What a clip shows; names that are given are taken as they are.

        Raises:
            KeyError: a name that the bundle does not have.
        """
        bundle = self.bundle
        code, shown = self.codes([clip])
        if style is None:
            near = np.einsum("spd,pd->sp", _unit(bundle.style_vectors), _unit(code)).mean(axis=-1)
            row = int(near.argmax())
            style = bundle.manifest.styles[row].name if near[row] >= SURE else ""
        if style:
            code = bundle.style_vectors[bundle.style_index[style]]
        if content is None:
            near = _unit(bundle.content_vectors) @ _unit(shown)
            row = int(near.argmax())
            content = bundle.manifest.contents[row].name if near[row] >= SURE else ""
        info = None
        if content:
            row = bundle.content_index[content]
            shown, info = bundle.content_vectors[row], bundle.manifest.contents[row]
        else:
            usual = float(np.linalg.norm(bundle.content_vectors, axis=-1).mean())
            shown = (_unit(shown) * usual).astype(np.float32)
        return Recognised(code, style, shown, info)


def _unit(vectors: Float) -> Float:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)
