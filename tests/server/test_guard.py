"""Who may call what, and how much of it: over real connections, with and without TLS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
import yaml
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from tests.server.messages import TIMEOUT, Stream, details, request, retry_seconds

from strut_client import AccessError, Client
from strut_proto.v1 import (
    motion_service_pb2,
    motion_service_pb2_grpc,
    scene_service_pb2,
    style_service_pb2,
    style_service_pb2_grpc,
    telemetry_service_pb2,
)
from strut_server.access import Role
from strut_server.guard import ROLE_OF_METHOD
from strut_server.local import LocalServer, local_server
from strut_server.settings import ServerSettings

TOKENS = {role.name.lower(): f"token-of-{role.name}" for role in (Role.STREAM, Role.DESIGN, Role.ADMIN)}


def bearer(role: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {TOKENS.get(role, role)}"),)


@pytest.fixture(scope="module")
def guarded(bundle_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server that asks who calls."""
    path = tmp_path_factory.mktemp("tokens") / "tokens.yaml"
    rows = [
        {"name": role, "role": role, "sha256": hashlib.sha256(token.encode()).hexdigest()}
        for role, token in TOKENS.items()
    ]
    path.write_text(yaml.safe_dump({"callers": rows}))
    with local_server(ServerSettings(port=0, bundle=bundle_path, tokens=path)) as running:
        yield running


def status_of(error: grpc.RpcError) -> status_pb2.Status:
    status = rpc_status.from_call(error)
    assert status is not None
    return status


def refusal(call: object) -> tuple[grpc.StatusCode, str]:
    """Code and reason of a call that is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        call()  # type: ignore[operator]
    return caught.value.code(), details(status_of(caught.value))[0]


def test_every_call_of_the_contract_has_a_role() -> None:
    modules = (motion_service_pb2, style_service_pb2, scene_service_pb2, telemetry_service_pb2)
    for module in modules:
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                assert ROLE_OF_METHOD[f"/{service.full_name}/{method.name}"] in (Role.STREAM, Role.DESIGN, Role.ADMIN)


def test_calls_without_a_known_token_are_refused_and_health_is_not(guarded: LocalServer) -> None:
    with grpc.insecure_channel(guarded.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
        stub = motion_service_pb2_grpc.MotionServiceStub(channel)
        info = motion_service_pb2.GetServerInfoRequest()
        wrong: list[tuple[tuple[str, str], ...]] = [(), bearer("guess"), (("authorization", "Basic abc"),), bearer("")]
        for metadata in wrong:
            found = refusal(lambda metadata=metadata: stub.GetServerInfo(info, metadata=metadata, timeout=TIMEOUT))
            assert found == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
            found = refusal(lambda metadata=metadata: next(stub.StreamMotion(iter(()), metadata=metadata)))
            assert found == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
        assert stub.GetServerInfo(info, metadata=bearer("stream"), timeout=TIMEOUT).server.protocol_version == 1


def test_a_refused_call_is_refused_before_its_message_is_there(guarded: LocalServer) -> None:
    def never() -> Iterator[style_service_pb2.CreateStyleRequest]:
        futures.Future().result()  # type: ignore[var-annotated]
        yield style_service_pb2.CreateStyleRequest()

    with grpc.insecure_channel(guarded.address) as channel:
        stub = style_service_pb2_grpc.StyleServiceStub(channel)
        found = refusal(lambda: stub.CreateStyle(never(), metadata=bearer("stream"), timeout=TIMEOUT))
    assert found == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")


@pytest.mark.parametrize(("role", "allowed"), [("stream", False), ("design", True), ("admin", True)])
def test_roles_include_those_below_them(guarded: LocalServer, role: str, allowed: bool) -> None:
    with grpc.insecure_channel(guarded.address) as channel:
        motion = motion_service_pb2_grpc.MotionServiceStub(channel)
        styles = style_service_pb2_grpc.StyleServiceStub(channel)
        metadata = bearer(role)
        assert styles.ListStyles(style_service_pb2.ListStylesRequest(), metadata=metadata, timeout=TIMEOUT).total_size

        def list_characters() -> None:
            motion.ListCharacters(motion_service_pb2.ListCharactersRequest(), metadata=metadata, timeout=TIMEOUT)

        if allowed:
            list_characters()
        else:
            assert refusal(list_characters) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")


def test_the_client_sends_its_token_and_names_its_refusal(guarded: LocalServer) -> None:
    with Client(guarded.address, metadata=bearer("stream")) as client:
        assert client.character(content="walk").next().motion.frames == 16
    with Client(guarded.address, metadata=bearer("guess")) as client, pytest.raises(AccessError):
        client.character(content="walk").next()


def test_streams_beyond_the_limit_are_refused_until_one_ends(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, max_streams_per_peer=2)
    with local_server(settings) as running, Stream(running.address) as first, Stream(running.address):
        with Stream(running.address, hello=False) as third:
            error = third.ending()
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert details(status_of(error))[:2] == ("TOO_MANY_STREAMS", {"max_streams": "2"})
        first.window(request())
        first.close()
        with pytest.raises(StopIteration):
            first.receive()
        with Stream(running.address) as next_one:
            next_one.window(request())


def test_calls_beyond_the_rate_are_refused_with_a_time_to_come_back(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, max_calls_per_second=1)
    with local_server(settings) as running, grpc.insecure_channel(running.address) as channel:
        stub = motion_service_pb2_grpc.MotionServiceStub(channel)
        info = motion_service_pb2.GetServerInfoRequest()
        many = [stub.GetServerInfo.future(info, timeout=TIMEOUT) for _ in range(20)]
        with pytest.raises(grpc.RpcError) as caught:
            [call.result() for call in many]
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        status = status_of(caught.value)
        assert details(status)[0] == "RATE_LIMITED"
        assert retry_seconds(status) == 1.0
        # Probes are not counted.
        health = health_pb2_grpc.HealthStub(channel)
        for _ in range(20):
            assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING


def test_a_stream_that_sends_more_than_it_may_is_read_later_and_loses_nothing(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, max_batch=2, max_requests_per_second=2)
    with local_server(settings) as running, Stream(running.address) as stream:
        for number in range(3):
            stream.ask(*(request(character=2 * number + k, deadline_ms=5000) for k in range(2)))
        replies = stream.replies(6)
        assert {reply.character for reply in replies} == set(range(6))
        assert all(reply.WhichOneof("result") == "window" for reply in replies)
        arrived = [reply.timing.server_receive_time_ns for reply in replies]
        # Two a second: the last pair was read a second or so after the second one.
        assert (max(arrived) - min(arrived)) / 1e9 > 1.0


def test_a_stream_without_a_hello_is_closed(bundle_path: Path) -> None:
    settings = ServerSettings(port=0, bundle=bundle_path, hello_seconds=0.2)
    with local_server(settings) as running, Stream(running.address, hello=False) as silent:
        error = silent.ending()
        assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert details(status_of(error))[0] == "SILENT"


def test_bytes_that_are_no_message_are_refused_in_every_kind_of_call(server: LocalServer) -> None:
    with grpc.insecure_channel(server.address) as channel:
        for method in ("/strut.v1.MotionService/GenerateWindows", "/strut.v1.StyleService/GetStyle"):
            call = channel.unary_unary(method)
            assert refusal(lambda call=call: call(b"\xff\xff\xff", timeout=TIMEOUT)) == (
                grpc.StatusCode.INVALID_ARGUMENT,
                "INVALID_FIELD",
            )
        stream = channel.stream_unary("/strut.v1.StyleService/GetStyle")
        assert refusal(lambda: stream(iter(()), timeout=TIMEOUT))[0] is grpc.StatusCode.INVALID_ARGUMENT
