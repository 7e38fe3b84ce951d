"""StylizeClip: a clip comes in, and goes out in another style, in parts as they are made."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass

import numpy as np

from strut_model.bundle import Bundle
from strut_model.bvh import format_bvh
from strut_model.clip import Clip
from strut_model.exports.files import canonical_bvh
from strut_model.exports.recording import Recording
from strut_model.frames import FrameEncoding, pack_frames
from strut_model.motion import Motion
from strut_model.restyle.fast import (
    FEWEST_FRAMES,
    Asked,
    Part,
    StudentSampler,
    part_motion,
    restyle_parts,
    restyled_clip,
)
from strut_model.restyle.recognition import ClipEncoder
from strut_model.rigged import RiggedClip, parse_rigged
from strut_model.skeleton import JOINT_NAMES, PART_NAMES
from strut_model.streaming.engine import OnnxEngine
from strut_model.streaming.generator import MotionGenerator
from strut_proto.v1 import frames_pb2, motion_service_pb2
from strut_server import errors
from strut_server.checks import Checker, listed
from strut_server.errors import quoted
from strut_server.replies import WIRE_ENCODINGS
from strut_server.serving import ServingModel
from strut_server.settings import ServerSettings
from strut_server.style_mixes import PART_OF, StyleReader
from strut_server.validation import read_encoding, read_frames

MAX_JOBS = 8
"""Clips that wait or are worked on at a time."""
MAX_FRAMES = 36000
"""Frames of a clip, as the contract has it."""
MAX_BONES = 256
_END = object()


@dataclass(frozen=True)
class Job:
    """What one call asks for, checked.

    Attributes:
        asked: how the clip is restyled; its style is yet to come where ``style_clip`` is given.
        content: label, or None to recognise it.
        code: (C,) content code that goes over both.
        encoding: of the frames.
    """

    asked: Asked
    content: str | None
    code: np.ndarray | None
    encoding: FrameEncoding


class ClipStylist:
    """Restyles clips, one after another, on a thread beside the motion. Used on the event loop.

    Args:
        settings: the server's limits.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0
        self._tools: tuple[Bundle, StudentSampler, ClipEncoder] | None = None

    async def answer(
        self, request: motion_service_pb2.StylizeClipRequest, serving: ServingModel
    ) -> AsyncGenerator[motion_service_pb2.StylizeClipResponse, None]:
        """The answers to a call, as they are made; closing it stops the work after the part in hand.

        Raises:
            RequestError: the request, or the clip, cannot be used, or too many wait.
        """
        job = self._read(request, serving)
        if self._waiting >= MAX_JOBS:
            raise errors.limit_reached("TOO_MANY_CLIPS", f"{MAX_JOBS} clips are being restyled already", 5.0)
        self._waiting += 1
        stopped = threading.Event()
        work: Iterator[motion_service_pb2.StylizeClipResponse] | None = None
        try:
            async with self._turn:
                work = self._responses(request, job, serving, stopped)
                while (message := await asyncio.to_thread(next, work, _END)) is not _END:
                    yield message  # type: ignore[misc]
        finally:
            stopped.set()
            self._waiting -= 1

    def _read(self, request: motion_service_pb2.StylizeClipRequest, serving: ServingModel) -> Job:
        """Check everything but the clip itself."""
        if request.mode == motion_service_pb2.STYLIZE_MODE_FAITHFUL:
            raise errors.capability_missing("CAPABILITY_STYLIZE_FAITHFUL", "mode")
        if request.content.WhichOneof("content") == "text":
            raise errors.capability_missing("CAPABILITY_CONTENT_TEXT", "content.text")
        check = Checker()
        bundle = serving.bundle
        if request.mode not in motion_service_pb2.StylizeMode.values():
            check.refuse("mode", request.mode, listed(motion_service_pb2.StylizeMode.keys()))
        both = request.HasField("style") == request.HasField("style_clip")
        check.require(not both, "style", "either style or style_clip")
        check_clip(request.clip, "clip", check)
        vector, weight = bundle.neutral, bundle.manifest.style_guidance.default
        if request.HasField("style"):
            reader = StyleReader(bundle, serving.styles, self._settings.max_style_components)
            choice = reader.read(request.style, check, "style")
            if choice is not None:
                vector, weight = choice.vector, choice.guidance
        elif request.HasField("style_clip"):
            check_clip(request.style_clip, "style_clip", check)
        amount = request.amount if request.HasField("amount") else 1.0
        check.number("amount", amount, 0.0, 1.0)
        parts = {PART_OF[part] for part in request.parts if part in PART_OF}
        for index, part in enumerate(request.parts):
            if part not in PART_OF:
                check.refuse(f"parts[{index}]", part, listed(list(PART_OF.values())))
        steps = request.steps if request.HasField("steps") else serving.reader.default_steps
        if steps not in bundle.manifest.steps:
            check.refuse("steps", steps, listed(bundle.manifest.steps))
        content, code = None, None
        if request.content.WhichOneof("content") == "label":
            content = request.content.label
            if content not in bundle.content_index:
                check.refuse("content.label", content, listed(list(bundle.content_index)))
        elif request.content.WhichOneof("content") == "code":
            size = bundle.manifest.content_dim
            if check.count("content.code.values", len(request.content.code.values), size, size, "values"):
                code = np.array(request.content.code.values, np.float32)
                check.values("content.code.values", code, -1000.0, 1000.0)
        check.raise_if_failed()
        encoding = read_encoding(request.encoding, "encoding")
        chosen = tuple(part for part in PART_NAMES if part in parts) or PART_NAMES
        return Job(Asked(vector, weight, amount, chosen, request.seed, steps), content, code, encoding)

    def _responses(
        self,
        request: motion_service_pb2.StylizeClipRequest,
        job: Job,
        serving: ServingModel,
        stopped: threading.Event,
    ) -> Iterator[motion_service_pb2.StylizeClipResponse]:
        """Runs on worker threads, one step after the other."""
        sampler, encoder = self._tools_for(serving.bundle)
        clip, rigged = read_clip(request.clip, "clip")
        yield motion_service_pb2.StylizeClipResponse(progress=0.0)
        asked = job.asked
        if request.HasField("style_clip"):
            reference, _ = read_clip(request.style_clip, "style_clip")
            asked = Asked(encoder.codes([reference])[0], asked.style_guidance, asked.amount, asked.parts,
                          asked.seed, asked.steps)  # fmt: skip
        shown = encoder.recognise(clip, job.content)
        if job.code is not None:
            shown = type(shown)(shown.style, shown.style_name, job.code, None)
        source = clip.motion()
        parts: list[Part] = []
        for part in restyle_parts(clip, shown, asked, sampler):
            if stopped.is_set():
                return
            parts.append(part)
            yield _part_message(part, part_motion(source, part), job.encoding)
        if request.own_skeleton:
            made = clip if asked.amount == 0 else restyled_clip(clip, parts)
            last = motion_service_pb2.StylizeClipResponse(start_frame=clip.frames, progress=1.0)
            if rigged is not None and asked.amount == 0 and request.clip.WhichOneof("source") == "bvh":
                last.bvh = request.clip.bvh
            elif rigged is not None:
                last.bvh = format_bvh(rigged.on_own_skeleton(made)).encode()
            else:
                last.bvh = format_bvh(canonical_bvh(Recording(made.motion()))).encode()
            yield last

    def _tools_for(self, bundle: Bundle) -> tuple[StudentSampler, ClipEncoder]:
        """A network of their own, so that no window waits for a clip's."""
        if self._tools is None or self._tools[0] is not bundle:
            sampler = StudentSampler(MotionGenerator(bundle, OnnxEngine(bundle)))
            self._tools = (bundle, sampler, ClipEncoder(bundle))
        return self._tools[1], self._tools[2]


def read_clip(message: motion_service_pb2.MotionClip, field: str) -> tuple[Clip, RiggedClip | None]:
    """A client's clip, with its own skeleton where it has one.

    Raises:
        RequestError: INVALID_ARGUMENT; it cannot be read.
    """
    name = message.name or "clip"
    if message.WhichOneof("source") == "bvh":
        joints = {joint: bone for bone, joint in message.bone_map.items()}
        try:
            rigged = parse_rigged(message.bvh.decode("utf-8", "replace"), name, joints)
        except ValueError as error:
            raise errors.unreadable_file(f"{field}.bvh: {str(error)[:400]}") from error
        if rigged.clip.frames > MAX_FRAMES:
            raise errors.unreadable_file(f"{field}.bvh: {rigged.clip.frames} frames; allowed: up to {MAX_FRAMES}")
        return rigged.clip, rigged
    check = Checker()
    motion = read_frames(message.frames, FEWEST_FRAMES, MAX_FRAMES, f"{field}.frames", check)
    check.raise_if_failed()
    assert motion is not None
    clip = Clip(name, motion.world_pelvis(), motion.world_rotations(), motion.contacts, "", "", "", "")
    return clip, None


def check_clip(clip: motion_service_pb2.MotionClip, field: str, check: Checker) -> None:
    """Check what a clip can be checked for before it is read."""
    check.require(clip.WhichOneof("source") is not None, f"{field}.source", "a BVH file, or frames")
    check.count(f"{field}.bone_map", len(clip.bone_map), 0, MAX_BONES, "entries")
    check.count(f"{field}.name", len(clip.name), 0, 200, "characters")
    for bone, joint in sorted(clip.bone_map.items()):
        if joint not in JOINT_NAMES:
            check.refuse(f"{field}.bone_map[{quoted(bone)}]", joint, listed(JOINT_NAMES))


def _part_message(part: Part, motion: Motion, encoding: FrameEncoding) -> motion_service_pb2.StylizeClipResponse:
    return motion_service_pb2.StylizeClipResponse(
        start_frame=part.start,
        frames=frames_pb2.PackedFrames(
            encoding=WIRE_ENCODINGS[encoding], count=motion.frames, data=pack_frames(motion, encoding).tobytes()
        ),
        progress=part.progress,
    )
