"""The store of styles and presets, as the synchronous client calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import grpc

from strut_client import style_making as making
from strut_client import styles as stored
from strut_client.controls import Style
from strut_client.errors import StrutError, error_of_call
from strut_client.stream import ClientSettings
from strut_client.style_making import Clip, OnProgress, Preset
from strut_client.styles import StyleInfo
from strut_proto.v1 import style_service_pb2 as pb
from strut_proto.v1.style_service_pb2_grpc import StyleServiceStub


class StyleLibrary:
    """Calls of the store; a part of `Client`."""

    _settings: ClientSettings
    _styles: StyleServiceStub

    def styles(self, query: str = "", with_vectors: bool = False) -> list[StyleInfo]:
        """The stored styles by name.

        Args:
            query: only those whose name or description holds it.
            with_vectors: bring their vectors too.
        """
        found: list[StyleInfo] = []
        token = ""
        while True:
            page = self._call(self._styles.ListStyles, stored.list_request(query, with_vectors, token))
            found += [stored.style_of_message(style) for style in page.styles]
            token = page.next_page_token
            if not token:
                return found

    def style(self, name: str) -> StyleInfo:
        """One stored style with its vector.

        Raises:
            NotFoundError: there is none of that name.
        """
        return stored.style_of_message((self._call(self._styles.GetStyle, pb.GetStyleRequest(name=name))).style)

    def create_style(
        self,
        name: str,
        style: Style = None,
        *,
        clips: Sequence[Clip] = (),
        text: str | None = None,
        description: str = "",
        bone_map: Mapping[str, str] | None = None,
        on_progress: OnProgress | None = None,
    ) -> StyleInfo:
        """Makes and stores a style, of a mix of others, of motion files or of a sentence, and waits until it is there.

        Args:
            name: what requests will call it by: 1 to 64 of a to z, 0 to 9, hyphen and underscore.
            style: the mix: a name, names with weights, a `StyleMix`, a vector (5, 64).
            clips: in place of a mix, 1 to 10 BVH files: paths, or names with their bytes.
            text: in place of both, a sentence such as "an old man in a hurry"; the server needs the extra `text`.
            description: what it looks like.
            bone_map: the files' joints to joints of the canonical skeleton; None to map them by their names.
            on_progress: is told how far the work is. Where it raises, the work is cancelled.

        Raises:
            PreconditionError: the name is taken.
            InvalidRequestError: a field is refused, or a file cannot be read; see `violations`.
            StrutError: anything else that the server refuses.
        """
        work = making.making(name, style, clips, description, bone_map, text)
        timeout = self._settings.patience + work.upload_seconds
        answer = self._call(self._styles.CreateStyle, work.messages(), timeout=timeout)
        operation = answer.operation
        watched = self._styles.WatchOperation(
            pb.WatchOperationRequest(id=operation.id), metadata=self._settings.metadata
        )
        try:
            for seen in watched:
                operation = seen.operation
                if on_progress is not None:
                    on_progress(operation.progress, operation.message)
        except grpc.RpcError as error:
            raise error_of_call(error) from error
        except BaseException:
            watched.cancel()
            with suppress(StrutError):
                self._call(self._styles.CancelOperation, pb.CancelOperationRequest(id=operation.id))
            raise
        return self.style(making.style_made(operation))

    def delete_style(self, name: str) -> None:
        """Deletes a style that was created.

        Raises:
            NotFoundError: there is none of that name.
            PreconditionError: it came with the model.
        """
        self._call(self._styles.DeleteStyle, pb.DeleteStyleRequest(name=name))

    def presets(self) -> list[Preset]:
        """The stored presets by name."""
        found: list[Preset] = []
        token = ""
        while True:
            request = pb.ListPresetsRequest(page_size=stored.PAGE, page_token=token)
            page = self._call(self._styles.ListPresets, request)
            found += [making.preset_of_message(preset) for preset in page.presets]
            token = page.next_page_token
            if not token:
                return found

    def save_preset(self, preset: Preset) -> Preset:
        """Stores a preset, in place of one of the same name, and gives it back as it was stored.

        Raises:
            InvalidRequestError: a field is refused, such as a style that is not there.
        """
        request = pb.SavePresetRequest(preset=making.preset_message(preset))
        return making.preset_of_message((self._call(self._styles.SavePreset, request)).preset)

    def delete_preset(self, name: str) -> None:
        """Deletes a preset.

        Raises:
            NotFoundError: there is none of that name.
        """
        self._call(self._styles.DeletePreset, pb.DeletePresetRequest(name=name))

    def _call(self, method: Callable[..., Any], request: Any, timeout: float | None = None) -> Any:
        """A call with one answer and typed errors, which waits for the server while patience lasts."""
        seconds = self._settings.patience if timeout is None else timeout
        try:
            return method(request, metadata=self._settings.metadata, timeout=seconds, wait_for_ready=True)
        except grpc.RpcError as error:
            raise error_of_call(error) from error
