"""StyleService: the stored styles by name. Making, deleting and presets are answered with UNIMPLEMENTED."""

# ruff: noqa: N802  (the methods are named as in the contract)

from __future__ import annotations

import grpc.aio

from strut_proto.v1 import controls_pb2, style_service_pb2, style_service_pb2_grpc
from strut_server import errors
from strut_server.checks import Checker, listed
from strut_server.errors import RequestError, abort
from strut_server.paging import page_of
from strut_server.styles import StoredStyle, StyleRepository, nearest
from strut_server.unavailable import missing_call

MAX_QUERY = 100

Context = grpc.aio.ServicerContext


class StyleService(style_service_pb2_grpc.StyleServiceServicer):
    """Lists and gives styles.

    Args:
        styles: the store.
    """

    def __init__(self, styles: StyleRepository) -> None:
        self._styles = styles

    async def ListStyles(
        self, request: style_service_pb2.ListStylesRequest, context: Context
    ) -> style_service_pb2.ListStylesResponse:
        """See the contract."""
        wanted = request.query.lower()
        found = {
            name: style
            for name in self._styles.names()
            if (style := self._styles.get(name)) is not None
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
        style = self._styles.get(request.name)
        if style is None:
            near = nearest(request.name, self._styles.names())
            suggestion = f"; nearest: {listed(near)}" if near else ""
            await abort(
                context,
                errors.not_found("STYLE_UNKNOWN", f"there is no style {errors.quoted(request.name)}{suggestion}"),
            )
        return style_service_pb2.GetStyleResponse(style=style_message(style, with_vector=True))

    CreateStyle = missing_call("CreateStyle", "CAPABILITY_STYLE_CREATE")
    DeleteStyle = missing_call("DeleteStyle", "CAPABILITY_STYLE_CREATE")
    GetOperation = missing_call("GetOperation", "CAPABILITY_STYLE_CREATE")
    CancelOperation = missing_call("CancelOperation", "CAPABILITY_STYLE_CREATE")
    WatchOperation = missing_call("WatchOperation", "CAPABILITY_STYLE_CREATE")
    ListPresets = missing_call("ListPresets", "CAPABILITY_PRESETS")
    SavePreset = missing_call("SavePreset", "CAPABILITY_PRESETS")
    DeletePreset = missing_call("DeletePreset", "CAPABILITY_PRESETS")


def style_message(style: StoredStyle, with_vector: bool) -> style_service_pb2.Style:
    """The contract's message."""
    return style_service_pb2.Style(
        name=style.name,
        description=style.description,
        source=style_service_pb2.STYLE_SOURCE_MODEL,
        provenance=style.provenance,
        neutral=style.neutral,
        vector=controls_pb2.StyleVector(values=style.vector.ravel().tolist()) if with_vector else None,
        contents=style.contents,
    )
