"""EditClip: a clip comes in, and goes out after named edits, or those of a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from strut_model.bvh import format_bvh
from strut_model.edit import wording
from strut_model.edit.operators import (
    Amplitude,
    Blend,
    EditError,
    Exaggerate,
    Mirror,
    Operator,
    Tempo,
    apply_operators,
)
from strut_model.exports.files import canonical_bvh
from strut_model.exports.recording import Recording
from strut_model.frames import FrameEncoding, pack_frames
from strut_model.skeleton import PART_NAMES
from strut_proto.v1 import frames_pb2, motion_service_pb2, skeleton_pb2
from strut_server import errors
from strut_server.checks import Checker, listed
from strut_server.replies import WIRE_ENCODINGS
from strut_server.style_mixes import PART_OF
from strut_server.stylizing import check_clip, read_clip
from strut_server.validation import read_encoding

MAX_EDITS = 32
MAX_JOBS = 8
"""Clips that wait or are worked on at a time."""
FRAMES_A_PART = 900
"""Frames in one message."""
_ARMS = ("left_arm", "right_arm")

Response = motion_service_pb2.EditClipResponse


class ClipEditor:
    """Edits clips, one after another, on a thread beside the motion. Used on the event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def answer(self, request: motion_service_pb2.EditClipRequest) -> AsyncIterator[Response]:
        """The answers to a call.

        Raises:
            RequestError: the request, or the clip, cannot be used, or too many wait.
        """
        if request.text and not wording.available():
            raise errors.capability_missing("CAPABILITY_EDIT_CLIP_TEXT", "text")
        _check(request)
        encoding = read_encoding(request.encoding, "encoding")
        if self._waiting >= MAX_JOBS:
            raise errors.limit_reached("TOO_MANY_CLIPS", f"{MAX_JOBS} clips are being edited already", 5.0)
        self._waiting += 1
        try:
            async with self._turn:
                responses = await asyncio.to_thread(_responses, request, encoding)
            for response in responses:
                yield response
        finally:
            self._waiting -= 1


def _check(request: motion_service_pb2.EditClipRequest) -> None:
    """Check everything but the clips and amounts."""
    check = Checker()
    check_clip(request.clip, "clip", check)
    check.count("edits", len(request.edits), 0 if request.text.strip() else 1, MAX_EDITS, "edits")
    check.count("text", len(request.text), 0, wording.MAX_TEXT, "characters")
    for index, edit in enumerate(request.edits):
        kind = edit.WhichOneof("edit")
        field = f"edits[{index}]"
        check.require(kind is not None, field, "tempo, amplitude, mirror, blend or exaggerate")
        if kind == "blend":
            check_clip(edit.blend.clip, f"{field}.blend.clip", check)
        parts = getattr(getattr(edit, kind), "parts", ()) if kind else ()
        for number, part in enumerate(parts):
            if part not in PART_OF:
                check.refuse(f"{field}.{kind}.parts[{number}]", part, listed(list(PART_OF.values())))
    check.raise_if_failed()


def _responses(request: motion_service_pb2.EditClipRequest, encoding: FrameEncoding) -> list[Response]:
    """All answers; runs on a worker thread."""
    clip, rigged = read_clip(request.clip, "clip")
    operators: list[Operator] = []
    ignored: Sequence[str] = ()
    for index, edit in enumerate(request.edits):
        with _amounts(f"edits[{index}]"):
            operators.append(_operator(edit, f"edits[{index}]"))
    with _amounts("text" if request.text else "edits"):
        if request.text.strip():
            reading = wording.read(request.text)
            operators += reading.operators
            ignored = reading.ignored
        edited = apply_operators(clip, operators)
    motion = edited.clip.motion().astype(np.float32)
    out = [Response(edits=[message_of(operator) for operator in operators], not_understood=ignored)]
    for start in range(0, motion.frames, FRAMES_A_PART):
        part = motion.slice_frames(start, start + FRAMES_A_PART)
        data = pack_frames(part, encoding).tobytes()
        frames = frames_pb2.PackedFrames(encoding=WIRE_ENCODINGS[encoding], count=part.frames, data=data)
        out.append(Response(start_frame=start, frames=frames))
    if request.own_skeleton:
        last = Response(start_frame=motion.frames)
        if rigged is None:
            last.bvh = format_bvh(canonical_bvh(Recording(motion))).encode()
        else:
            own = rigged.on_own_skeleton(edited.clip, edited.times)
            last.bvh = request.clip.bvh if own is rigged.bvh else format_bvh(own).encode()
        out.append(last)
    return out


@contextmanager
def _amounts(field: str) -> Iterator[None]:
    """Tells what an operator refuses as the contract wants it."""
    try:
        yield
    except EditError as error:
        check = Checker()
        said, _, allowed = str(error).partition("; allowed: ")
        check.note(field, said, allowed)
        check.raise_if_failed()


def _operator(edit: motion_service_pb2.ClipEdit, field: str) -> Operator:
    kind = edit.WhichOneof("edit")
    if kind == "tempo":
        return Tempo(edit.tempo.factor)
    if kind == "amplitude":
        return Amplitude(edit.amplitude.factor, _parts(edit.amplitude.parts, PART_NAMES))
    if kind == "exaggerate":
        return Exaggerate(edit.exaggerate.factor, _parts(edit.exaggerate.parts, PART_NAMES))
    if kind == "blend":
        other, _ = read_clip(edit.blend.clip, f"{field}.blend.clip")
        weight = edit.blend.weight if edit.blend.HasField("weight") else 1.0
        return Blend(other, _parts(edit.blend.parts, _ARMS), weight)
    return Mirror()


def message_of(operator: Operator) -> motion_service_pb2.ClipEdit:
    """An operator as the contract's message; without the clip of a blend."""
    edit = motion_service_pb2.ClipEdit()
    if isinstance(operator, Tempo):
        edit.tempo.factor = operator.factor
    elif isinstance(operator, Amplitude):
        edit.amplitude.factor = operator.factor
        edit.amplitude.parts.extend(_numbers(operator.parts))
    elif isinstance(operator, Exaggerate):
        edit.exaggerate.factor = operator.factor
        edit.exaggerate.parts.extend(_numbers(operator.parts))
    elif isinstance(operator, Blend):
        edit.blend.weight = operator.weight
        edit.blend.parts.extend(_numbers(operator.parts))
    else:
        edit.mirror.SetInParent()
    return edit


def _parts(numbers: Sequence[int], usual: tuple[str, ...]) -> tuple[str, ...]:
    names = {PART_OF[number] for number in numbers}
    return tuple(name for name in PART_NAMES if name in names) or usual


def _numbers(parts: Sequence[str]) -> list[skeleton_pb2.BodyPart.ValueType]:
    return [skeleton_pb2.BodyPart.Value(f"BODY_PART_{name.upper()}") for name in parts]
