"""The stored styles by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_status import rpc_status
from tests.bundles import STYLES
from tests.server.messages import details

from strut_model.bundle import load_bundle
from strut_proto.v1 import style_service_pb2, style_service_pb2_grpc
from strut_server.local import LocalServer
from strut_server.styles import BundleStyles, nearest


@pytest.fixture
def stub(server: LocalServer) -> Iterator[style_service_pb2_grpc.StyleServiceStub]:
    with grpc.insecure_channel(server.address) as channel:
        yield style_service_pb2_grpc.StyleServiceStub(channel)


def test_styles_are_listed_by_name_in_pages(stub: style_service_pb2_grpc.StyleServiceStub) -> None:
    names, token = [], ""
    while not names or token:
        page = stub.ListStyles(style_service_pb2.ListStylesRequest(page_size=3, page_token=token))
        assert page.total_size == len(STYLES)
        names += [style.name for style in page.styles]
        token = page.next_page_token
    assert names == sorted(STYLES)


def test_styles_are_found_by_a_part_of_name_or_description(stub: style_service_pb2_grpc.StyleServiceStub) -> None:
    found = stub.ListStyles(style_service_pb2.ListStylesRequest(query="ELD"))
    assert [style.name for style in found.styles] == ["elderly"]
    found = stub.ListStyles(style_service_pb2.ListStylesRequest(query="active gait"))
    assert [style.name for style in found.styles] == ["active"]
    assert not stub.ListStyles(style_service_pb2.ListStylesRequest(query="drunk")).styles


def test_vectors_come_when_asked_for(stub: style_service_pb2_grpc.StyleServiceStub, bundle_path: Path) -> None:
    bundle = load_bundle(bundle_path)
    assert not stub.ListStyles(style_service_pb2.ListStylesRequest()).styles[0].HasField("vector")
    for style in stub.ListStyles(style_service_pb2.ListStylesRequest(with_vectors=True)).styles:
        wanted = bundle.style_vectors[bundle.style_index[style.name]]
        np.testing.assert_array_equal(np.array(style.vector.values, np.float32).reshape(5, 64), wanted)


def test_a_style_says_what_it_is(stub: style_service_pb2_grpc.StyleServiceStub) -> None:
    style = stub.GetStyle(style_service_pb2.GetStyleRequest(name="normal")).style
    assert style.neutral
    assert style.source == style_service_pb2.STYLE_SOURCE_MODEL
    assert style.description == "normal gait"
    assert list(style.contents) == ["walk", "run", "idle"]
    assert len(style.vector.values) == 320


def test_an_unknown_style_is_not_found_and_near_ones_are_named(stub: style_service_pb2_grpc.StyleServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetStyle(style_service_pb2.GetStyleRequest(name="Elderley"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "nearest: elderly" in caught.value.details()
    status = rpc_status.from_call(caught.value)
    assert status is not None
    assert details(status)[0] == "STYLE_UNKNOWN"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (style_service_pb2.ListStylesRequest(page_size=-1), "page_size"),
        (style_service_pb2.ListStylesRequest(page_size=1001), "page_size"),
        (style_service_pb2.ListStylesRequest(page_token="!"), "page_token"),
        (style_service_pb2.ListStylesRequest(query="x" * 101), "query"),
    ],
)
def test_bad_lists_are_refused_by_field(
    stub: style_service_pb2_grpc.StyleServiceStub, asked: style_service_pb2.ListStylesRequest, field: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.ListStyles(asked)
    status = rpc_status.from_call(caught.value)
    assert status is not None
    assert field in details(status)[2]


def test_the_bundles_styles_are_sorted_and_unknown_ones_absent(bundle_path: Path) -> None:
    styles = BundleStyles(load_bundle(bundle_path))
    assert list(styles.names()) == sorted(STYLES)
    assert styles.get("drunk") is None


def test_near_names_come_nearest_first_and_far_ones_not_at_all() -> None:
    assert nearest("oldman", ["old-man", "woman", "proud"])[0] == "old-man"
    assert nearest("xyz", ["old-man", "woman"]) == []
