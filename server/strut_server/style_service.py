"""StyleService: the stored styles and presets by name, and the making of new ones."""

# ruff: noqa: N802  (the methods are named as in the contract)

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import grpc.aio
import numpy as np

from strut_model.skeleton import JOINT_NAMES
from strut_model.styles import text
from strut_proto.v1 import controls_pb2, frames_pb2, operation_pb2, style_service_pb2, style_service_pb2_grpc
from strut_server import errors
from strut_server.access import current_caller
from strut_server.checks import Checker, listed
from strut_server.errors import RequestError, abort, quoted
from strut_server.paging import page_of
from strut_server.scenes import read_scene_control
from strut_server.storage.database import StorageError
from strut_server.storage.operations import QUEUED, RUNNING
from strut_server.storage.presets import TooManyPresetsError
from strut_server.storage.store import Store
from strut_server.storage.styles import NewStyle, StyleExistsError, TooManyStylesError, encoder_hash
from strut_server.style_making import StyleMaker, Upload, storing_error
from strut_server.style_mixes import StyleReader
from strut_server.styles import StoredStyle, nearest

if TYPE_CHECKING:
    from strut_server.runtime import Runtime

MAX_QUERY = 100
MAX_NAME = 64
MAX_DESCRIPTION = 500
MAX_PROVENANCE = 1000
MAX_FILES = 10
MAX_FILE_NAME = 200
MAX_BONES = 256
MAX_CHUNK = 1 << 20
MAX_ID = 64
WATCH_SECONDS = 0.2
"""How often a watched operation is looked at; another server may be working on it."""

_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_CLIP, _MIX = style_service_pb2.STYLE_SOURCE_CLIP, style_service_pb2.STYLE_SOURCE_MIX
_TEXT = style_service_pb2.STYLE_SOURCE_TEXT
SOURCES = {_CLIP: "clip", _MIX: "mix", _TEXT: "text"}
"""What styles can be made of; of texts where the extra is installed and the bundle has a head for them."""

Context = grpc.aio.ServicerContext
Result = TypeVar("Result")


class StyleService(style_service_pb2_grpc.StyleServiceServicer):
    """Keeps styles and presets.

    Args:
        runtime: the model that serves, and its styles.
        store: users' styles, presets and operations.
        maker: makes styles of clips.
    """

    def __init__(self, runtime: Runtime, store: Store, maker: StyleMaker) -> None:
        self._runtime = runtime
        self._store = store
        self._maker = maker

    async def ListStyles(
        self, request: style_service_pb2.ListStylesRequest, context: Context
    ) -> style_service_pb2.ListStylesResponse:
        """See the contract."""
        wanted = request.query.lower()
        styles = self._runtime.styles
        found = {
            name: style
            for name in styles.names()
            if (style := styles.get(name)) is not None
            and (wanted in style.name.lower() or wanted in style.description.lower())
        }
        try:
            check = Checker()
            check.count("query", len(request.query), 0, MAX_QUERY, "characters")
            check.raise_if_failed()
            page = page_of(list(found), request.page_size, request.page_token)
        except RequestError as error:
            await abort(context, error)
        return style_service_pb2.ListStylesResponse(
            styles=[style_message(found[name], request.with_vectors) for name in page.keys],
            next_page_token=page.next_token,
            total_size=len(found),
        )

    async def GetStyle(
        self, request: style_service_pb2.GetStyleRequest, context: Context
    ) -> style_service_pb2.GetStyleResponse:
        """See the contract."""
        style = self._runtime.styles.get(request.name)
        if style is None:
            await abort(context, self._style_unknown(request.name))
        return style_service_pb2.GetStyleResponse(style=style_message(style, with_vector=True))

    async def CreateStyle(
        self, request_iterator: AsyncIterator[style_service_pb2.CreateStyleRequest], context: Context
    ) -> style_service_pb2.CreateStyleResponse:
        """See the contract."""
        try:
            if self._runtime.draining:
                raise errors.draining(self._runtime.RECONNECT_SECONDS)
            first = await anext(request_iterator, None)
            if first is None or first.WhichOneof("message") != "header":
                check = Checker()
                check.note("message", "is no header", "a header first, and chunks after it")
                check.raise_if_failed()
                raise AssertionError
            header = first.header
            _check_header(header, self._sources())
            if header.source == _MIX:
                operation = await self._create_mix(header, request_iterator)
            elif header.source == _TEXT:
                operation = await self._create_of_text(header, request_iterator)
            else:
                operation = await self._create_of_clips(header, request_iterator)
        except RequestError as error:
            await abort(context, error)
        return style_service_pb2.CreateStyleResponse(operation=operation)

    async def PreviewClip(
        self, request_iterator: AsyncIterator[style_service_pb2.PreviewClipRequest], context: Context
    ) -> style_service_pb2.PreviewClipResponse:
        """See the contract."""
        try:
            if self._runtime.draining:
                raise errors.draining(self._runtime.RECONNECT_SECONDS)
            first = await anext(request_iterator, None)
            check = Checker()
            if first is None or first.WhichOneof("message") != "header":
                check.note("message", "is no header", "a header first, and chunks after it")
                check.raise_if_failed()
                raise AssertionError
            header = first.header
            _check_text("header.file_name", header.file_name, 1, MAX_FILE_NAME, check)
            check.count("header.bone_map", len(header.bone_map), 0, MAX_BONES, "entries")
            check.raise_if_failed()
            joints = _joints_of(header)
            upload = self._maker.open_upload(self._runtime.settings.max_upload_bytes)
            try:
                await _receive(upload, request_iterator, 1)
                if not upload.sizes[0]:
                    check.note("chunk", "is missing", "the file in one or more chunks")
                    check.raise_if_failed()
                encoder = str(self._runtime.bundle.encoder_path.resolve())
                answer = await self._maker.preview(encoder, header.file_name, joints, upload)
            finally:
                self._maker.drop(upload)
        except RequestError as error:
            await abort(context, error)
        clip = answer["clip"]
        return style_service_pb2.PreviewClipResponse(
            frames=frames_pb2.PackedFrames(
                encoding=frames_pb2.FRAME_ENCODING_QUAT48, count=clip["count"], data=base64.b64decode(clip["frames"])
            ),
            total_frames=clip["total"],
            bone_map=answer["bones"],
            vector=controls_pb2.StyleVector(values=answer["vector"]),
        )

    async def DeleteStyle(
        self, request: style_service_pb2.DeleteStyleRequest, context: Context
    ) -> style_service_pb2.DeleteStyleResponse:
        """See the contract."""
        try:
            style = self._runtime.styles.get(request.name)
            if style is not None and style.source == style_service_pb2.STYLE_SOURCE_MODEL:
                raise errors.style_of_model(request.name)
            if "\0" in request.name or not await _stored(self._store.styles.delete, request.name):
                raise self._style_unknown(request.name)
        except RequestError as error:
            await abort(context, error)
        return style_service_pb2.DeleteStyleResponse()

    async def GetOperation(
        self, request: style_service_pb2.GetOperationRequest, context: Context
    ) -> style_service_pb2.GetOperationResponse:
        """See the contract."""
        try:
            operation = await self._operation(request.id)
        except RequestError as error:
            await abort(context, error)
        return style_service_pb2.GetOperationResponse(operation=operation)

    async def CancelOperation(
        self, request: style_service_pb2.CancelOperationRequest, context: Context
    ) -> style_service_pb2.CancelOperationResponse:
        """See the contract."""
        try:
            await self._operation(request.id)
            operation = await _stored(self._store.operations.cancel, request.id)
        except RequestError as error:
            await abort(context, error)
        return style_service_pb2.CancelOperationResponse(operation=operation)

    async def WatchOperation(
        self, request: style_service_pb2.WatchOperationRequest, context: Context
    ) -> AsyncIterator[style_service_pb2.WatchOperationResponse]:
        """See the contract."""
        last: operation_pb2.Operation | None = None
        while last is None or last.state in (QUEUED, RUNNING):
            try:
                operation = await self._operation(request.id)
            except RequestError as error:
                await abort(context, error)
            if operation != last:
                yield style_service_pb2.WatchOperationResponse(operation=operation)
                last = operation
            else:
                await asyncio.sleep(WATCH_SECONDS)

    async def ListPresets(
        self, request: style_service_pb2.ListPresetsRequest, context: Context
    ) -> style_service_pb2.ListPresetsResponse:
        """See the contract."""
        try:
            names = await _stored(self._store.presets.names)
            page = page_of(names, request.page_size, request.page_token)
            presets = await _stored(self._store.presets.read, page.keys)
        except RequestError as error:
            await abort(context, error)
        return style_service_pb2.ListPresetsResponse(presets=presets, next_page_token=page.next_token)

    async def SavePreset(
        self, request: style_service_pb2.SavePresetRequest, context: Context
    ) -> style_service_pb2.SavePresetResponse:
        """See the contract."""
        preset, owner = request.preset, current_caller.get().name
        try:
            check = Checker()
            _check_text("preset.name", preset.name, 1, MAX_NAME, check)
            _check_text("preset.description", preset.description, 0, MAX_DESCRIPTION, check)
            if preset.HasField("style"):
                self._reader().read(preset.style, check, "preset.style")
            if preset.HasField("scene"):
                if self._runtime.serving.scenes is None:
                    raise errors.capability_missing("CAPABILITY_SCENE", "preset.scene")
                controls = controls_pb2.Controls(scene=preset.scene)
                await asyncio.to_thread(
                    read_scene_control, controls, self._runtime.bundle, check, [], "preset.scene"
                )  # a text takes a network
            check.raise_if_failed()
            saved = await _stored(self._store.presets.save, preset, owner)
        except TooManyPresetsError:
            message = f"{quoted(owner)} has as many presets as may be stored"
            await abort(context, errors.limit_reached("TOO_MANY_PRESETS", message))
        except RequestError as error:
            await abort(context, error)
        return style_service_pb2.SavePresetResponse(preset=saved)

    async def DeletePreset(
        self, request: style_service_pb2.DeletePresetRequest, context: Context
    ) -> style_service_pb2.DeletePresetResponse:
        """See the contract."""
        try:
            if "\0" in request.name or not await _stored(self._store.presets.delete, request.name):
                raise errors.not_found("PRESET_UNKNOWN", f"there is no preset {quoted(request.name)}")
        except RequestError as error:
            await abort(context, error)
        return style_service_pb2.DeletePresetResponse()

    async def _create_mix(
        self, header: style_service_pb2.CreateStyleHeader, messages: AsyncIterator[style_service_pb2.CreateStyleRequest]
    ) -> operation_pb2.Operation:
        check = Checker()
        choice = self._reader().read(header.mix, check, "header.mix")
        check.raise_if_failed()
        assert choice is not None
        await _no_chunks(messages, "a mix")
        return await self._stored_at_once(self._new_style(header, _mix_in_words(header.mix), choice.vector))

    async def _create_of_text(
        self, header: style_service_pb2.CreateStyleHeader, messages: AsyncIterator[style_service_pb2.CreateStyleRequest]
    ) -> operation_pb2.Operation:
        await _no_chunks(messages, "a text")
        try:
            # The first sentence takes the seconds in which the sentence encoder is loaded.
            reading = await asyncio.to_thread(text.read_style, self._runtime.bundle, header.text)
        except text.TextError as error:
            check = Checker()
            check.note("header.text", str(error), "1 to 500 characters with words")
            check.raise_if_failed()
            raise
        parts = " + ".join(f"{share:.2f} {name}" for name, share in reading.shares)
        return await self._stored_at_once(
            self._new_style(header, f'"{header.text}": {parts}'[:MAX_PROVENANCE], reading.vector)
        )

    async def _stored_at_once(self, style: NewStyle) -> operation_pb2.Operation:
        """Store a style whose vector is there already; the operation that tells so is done."""
        await self._check_name(style)
        operation = await _stored(self._store.operations.create, "storing")

        def finish(connection: Any) -> None:
            self._store.styles.add(connection, style)

        try:
            await _stored(self._store.operations.succeed, operation.id, style.name, finish)
        except (StyleExistsError, TooManyStylesError) as fault:
            error = storing_error(fault, style)
            await _stored(self._store.operations.fail, operation.id, error.to_status())
            raise error from fault
        await _stored(self._store.styles.refresh)
        return await self._operation(operation.id)

    def _sources(self) -> Sequence[int]:
        """What styles can be made of here and now."""
        readable = text.available() and text.has_head(self._runtime.bundle)
        return [source for source in SOURCES if source != _TEXT or readable]

    async def _create_of_clips(
        self, header: style_service_pb2.CreateStyleHeader, messages: AsyncIterator[style_service_pb2.CreateStyleRequest]
    ) -> operation_pb2.Operation:
        joints = _joints_of(header)
        empty = np.zeros((0,), np.float32)
        style = self._new_style(header, ", ".join(header.file_names)[:MAX_PROVENANCE], empty)
        await self._check_name(style)
        upload = self._maker.open_upload(self._runtime.settings.max_upload_bytes)
        started = False
        try:
            await _receive(upload, messages, len(header.file_names))
            check = Checker()
            whole = sum(1 for size in upload.sizes if size > 0)
            check.count("header.file_names", len(header.file_names), whole, whole, "names; as many files came")
            check.raise_if_failed()
            encoder = str(self._runtime.bundle.encoder_path.resolve())
            try:
                operation = await self._maker.start(style, encoder, header.file_names, joints, upload)
            except StorageError as error:
                raise errors.unavailable(str(error)) from error
            started = True
        finally:
            if not started:
                self._maker.drop(upload)
        return operation

    async def _check_name(self, style: NewStyle) -> None:
        if self._runtime.styles.get(style.name) is not None:
            raise storing_error(StyleExistsError(style.name), style)
        try:
            await _stored(self._store.styles.check, style.name, style.owner)
        except (StyleExistsError, TooManyStylesError) as error:
            raise storing_error(error, style) from error

    async def _operation(self, identity: str) -> operation_pb2.Operation:
        known = None
        if len(identity) <= MAX_ID and "\0" not in identity:
            known = await _stored(self._store.operations.get, identity)
        if known is None:
            raise errors.not_found("OPERATION_UNKNOWN", f"there is no operation {quoted(identity)}")
        return known

    def _new_style(
        self, header: style_service_pb2.CreateStyleHeader, provenance: str, vector: np.ndarray[Any, Any]
    ) -> NewStyle:
        return NewStyle(
            name=header.name,
            description=header.description,
            source=header.source,
            provenance=provenance,
            owner=current_caller.get().name,
            encoder=encoder_hash(self._runtime.bundle),
            vector=vector,
        )

    def _reader(self) -> StyleReader:
        runtime = self._runtime
        return StyleReader(runtime.bundle, runtime.styles, runtime.settings.max_style_components)

    def _style_unknown(self, name: str) -> RequestError:
        near = nearest(name, self._runtime.styles.names())
        suggestion = f"; nearest: {listed(near)}" if near else ""
        return errors.not_found("STYLE_UNKNOWN", f"there is no style {quoted(name)}{suggestion}")


def style_message(style: StoredStyle, with_vector: bool) -> style_service_pb2.Style:
    """The contract's message."""
    message = style_service_pb2.Style(
        name=style.name,
        description=style.description,
        source=style.source,  # type: ignore[arg-type]
        provenance=style.provenance,
        owner=style.owner,
        neutral=style.neutral,
        vector=controls_pb2.StyleVector(values=style.vector.ravel().tolist()) if with_vector else None,
        contents=style.contents,
    )
    if style.create_time is not None:
        message.create_time.FromDatetime(style.create_time)
    return message


async def _stored(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call something of the store on a thread.

    Raises:
        RequestError: UNAVAILABLE where the database does not answer.
    """
    try:
        return await asyncio.to_thread(function, *arguments)
    except StorageError as error:
        raise errors.unavailable(str(error)) from error


async def _no_chunks(messages: AsyncIterator[style_service_pb2.CreateStyleRequest], source: str) -> None:
    """Raise where files come with a source that has none."""
    if await anext(messages, None) is not None:
        check = Checker()
        check.note("chunk", f"came for {source}", "files with sources that are files alone")
        check.raise_if_failed()


def _check_header(header: style_service_pb2.CreateStyleHeader, sources: Sequence[int]) -> None:
    """Raise for a header that no style can be made of.

    Args:
        header: the first message.
        sources: what styles can be made of here.
    """
    check = Checker()
    if not _NAME.fullmatch(header.name):
        check.refuse("header.name", header.name, "1 to 64 of the characters a to z, 0 to 9, hyphen and underscore")
    _check_text("header.description", header.description, 0, MAX_DESCRIPTION, check)
    known = style_service_pb2.StyleSource.values()
    unmade = (style_service_pb2.STYLE_SOURCE_UNSPECIFIED, style_service_pb2.STYLE_SOURCE_MODEL)
    if header.source in unmade or header.source not in known:
        makeable = [style_service_pb2.StyleSource.Name(value) for value in known if value not in unmade]
        check.refuse("header.source", header.source, listed(makeable))
    check.raise_if_failed()
    if header.source not in sources:
        source = style_service_pb2.StyleSource.Name(header.source).removeprefix("STYLE_SOURCE_").lower()
        raise errors.style_source_missing(source, [name for known, name in SOURCES.items() if known in sources])
    for field, owner in (("text", _TEXT), ("base", None)):
        if header.HasField(field) and header.source != owner:  # type: ignore[arg-type]
            check.note(f"header.{field}", "is given", f"nothing with a {SOURCES[header.source]}")
    if header.source == _TEXT:
        _check_text("header.text", header.text, 1, text.MAX_TEXT, check)
    if (header.source == _MIX) != header.HasField("mix"):
        check.note("header.mix", f"is {'missing' if header.source == _MIX else 'given'}", "with STYLE_SOURCE_MIX alone")
    files = (1, MAX_FILES) if header.source == _CLIP else (0, 0)
    check.count("header.file_names", len(header.file_names), *files, "names")
    for index, name in enumerate(header.file_names[:MAX_FILES]):
        _check_text(f"header.file_names[{index}]", name, 1, MAX_FILE_NAME, check)
    check.count("header.bone_map", len(header.bone_map), 0, MAX_BONES if header.source == _CLIP else 0, "entries")
    check.raise_if_failed()


def _check_text(field: str, value: str, low: int, high: int, check: Checker) -> None:
    """A text of some length that can be shown and stored: without control characters."""
    if check.count(field, len(value), low, high, "characters") and not value.replace("\n", "").isprintable():
        check.refuse(field, value, "text without control characters")


async def _receive(
    upload: Upload,
    messages: AsyncIterator[style_service_pb2.CreateStyleRequest] | AsyncIterator[style_service_pb2.PreviewClipRequest],
    files: int,
) -> None:
    """Take in the files of an upload.

    Raises:
        RequestError: a message is out of place, or there are more bytes than may be.
    """
    upload.sizes.extend([0])
    async for message in messages:
        data = _checked_chunk(message, len(upload.sizes) - 1, files)
        if message.chunk.file == len(upload.sizes):
            upload.sizes.append(0)
        if sum(upload.sizes) + len(data) > upload.limit:
            check = Checker()
            check.note("chunk.data", f"makes more than {upload.limit} bytes", f"0 to {upload.limit} in all")
            check.raise_if_failed()
        await asyncio.to_thread(upload.write, data)


def _joints_of(header: style_service_pb2.CreateStyleHeader | style_service_pb2.PreviewClipHeader) -> dict[str, str]:
    """Canonical joint to the file's, from the header's map, which is the other way round."""
    check = Checker()
    joints: dict[str, str] = {}
    for bone, joint in sorted(header.bone_map.items()):
        path = f"header.bone_map[{quoted(bone)}]"
        _check_text(path, bone, 1, MAX_FILE_NAME, check)
        if joint not in JOINT_NAMES:
            check.refuse(path, joint, listed(JOINT_NAMES))
        elif joint in joints:
            check.refuse(path, joint, "each joint of the canonical skeleton once")
        joints[joint] = bone
    check.raise_if_failed()
    return joints


def _checked_chunk(
    message: style_service_pb2.CreateStyleRequest | style_service_pb2.PreviewClipRequest, current: int, files: int
) -> bytes:
    """The bytes of the next chunk, which belongs to the file at hand or to the next one."""
    check = Checker()
    if message.WhichOneof("message") != "chunk":
        check.note("message", f"is a {message.WhichOneof('message') or 'nothing'}", "chunks after the header")
        check.raise_if_failed()
    chunk = message.chunk
    check.number("chunk.file", chunk.file, current, min(current + 1, files - 1))
    check.count("chunk.data", len(chunk.data), 1, MAX_CHUNK, "bytes")
    check.raise_if_failed()
    return chunk.data


def _mix_in_words(mix: controls_pb2.StyleMix) -> str:
    """What a mix is made of, for people."""

    def components(messages: Sequence[controls_pb2.StyleComponent]) -> str:
        return " + ".join(
            f"{c.weight if c.HasField('weight') else 1.0:g} {c.name or 'vector'}" for c in messages
        )  # fmt: skip

    words = components(mix.components) or "neutral"
    if mix.HasField("strength"):
        words += f", strength {mix.strength:g}"
    words += "".join(f", {dimension.name} {dimension.value:+g}" for dimension in mix.dimensions)
    if mix.parts:
        words += f", {len(mix.parts)} part(s) of their own"
    return words[:MAX_PROVENANCE]
