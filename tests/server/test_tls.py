"""Encrypted connections with real certificates."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import grpc
import pytest
import yaml
from tests.server.certificates import Authority
from tests.server.messages import TIMEOUT

from strut_client import AccessError, Client
from strut_proto.v1 import motion_service_pb2, motion_service_pb2_grpc
from strut_server.local import local_server
from strut_server.settings import ServerSettings, SettingError


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path)


def settings(bundle: Path, authority: Authority, **more: object) -> ServerSettings:
    return ServerSettings(
        port=0,
        bundle=bundle,
        tls_certificate=authority.certificate,
        tls_key=authority.key,
        **more,  # type: ignore[arg-type]
    )


def answers(address: str, credentials: grpc.ChannelCredentials | None) -> bool:
    """Whether a client is answered at all."""
    channel = grpc.insecure_channel(address) if credentials is None else grpc.secure_channel(address, credentials)
    with channel:
        stub = motion_service_pb2_grpc.MotionServiceStub(channel)
        try:
            stub.GetServerInfo(motion_service_pb2.GetServerInfoRequest(), timeout=TIMEOUT)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return False
            raise
    return True


def shown_certificate(address: str, authority: Authority) -> bytes:
    """The certificate that the server shows, verified."""
    host, _, port = address.rpartition(":")
    context = ssl.create_default_context(cafile=str(authority.root))
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, int(port)), TIMEOUT) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as wrapped,
    ):
        certificate = wrapped.getpeercert(binary_form=True)
    assert certificate is not None
    return certificate


def test_windows_come_over_tls_to_those_who_trust_the_authority_alone(
    bundle_path: Path, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority.make(tmp_path / "other")
    with local_server(settings(bundle_path, authority)) as running:
        with Client(running.address, credentials=authority.client()) as client:
            assert client.character(content="walk").next().motion.frames == 16
        assert not answers(running.address, stranger.client())
        assert not answers(running.address, None)


def test_a_renewed_certificate_is_served_without_a_restart_and_a_broken_one_is_not(
    bundle_path: Path, authority: Authority
) -> None:
    with local_server(settings(bundle_path, authority)) as running:
        first = shown_certificate(running.address, authority)
        assert shown_certificate(running.address, authority) == first
        authority.renew()
        second = shown_certificate(running.address, authority)
        assert second != first
        authority.certificate.write_text("no certificate")
        assert shown_certificate(running.address, authority) == second


def test_mutual_tls_takes_clients_with_a_certificate_and_their_roles_from_the_file(
    bundle_path: Path, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority.make(tmp_path / "other")
    tokens = tmp_path / "tokens.yaml"
    rows = [{"name": "studio", "role": "design", "certificate": "studio.example"}]
    tokens.write_text(yaml.safe_dump({"callers": rows}))
    options = settings(bundle_path, authority, tls_client_ca=authority.root, tokens=tokens)
    with local_server(options) as running:
        assert not answers(running.address, authority.client())
        mixed = grpc.ssl_channel_credentials(authority.root.read_bytes(), *pair_of(stranger))
        assert not answers(running.address, mixed)
        assert answers(running.address, authority.client("studio.example"))
        with (
            Client(running.address, credentials=authority.client("somebody.example")) as client,
            pytest.raises(AccessError),
        ):
            client.styles()


def pair_of(authority: Authority) -> tuple[bytes, bytes]:
    """A key and a client's certificate of an authority."""
    issued = authority.authority.issue_cert("studio.example")
    return issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes()


def test_any_address_is_taken_with_tls(authority: Authority) -> None:
    taken = ServerSettings(host="0.0.0.0", tls_certificate=authority.certificate, tls_key=authority.key)
    assert taken.encrypted
    assert taken.open_to_all


@pytest.mark.parametrize("field", ["tls_certificate", "tls_key", "tls_client_ca"])
def test_half_of_tls_is_refused(authority: Authority, field: str) -> None:
    with pytest.raises(SettingError, match=field):
        ServerSettings(**{field: authority.certificate})


@pytest.mark.parametrize("field", ["tls_certificate", "tls_key", "tls_client_ca"])
def test_a_file_that_is_no_pem_is_named(bundle_path: Path, authority: Authority, tmp_path: Path, field: str) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    files = {"tls_certificate": authority.certificate, "tls_key": authority.key, "tls_client_ca": authority.root}
    for path in (wrong, tmp_path / "missing.pem"):
        asked = ServerSettings(port=0, bundle=bundle_path, **{**files, field: path})
        with pytest.raises(SettingError, match=f"{field}: .*{path.name}"), local_server(asked):
            pass
