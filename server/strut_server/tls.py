"""TLS of the server: certificates from PEM files that are read again when they change."""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path

import grpc

from strut_server.settings import ServerSettings, SettingError

log = logging.getLogger(__name__)


def server_credentials(settings: ServerSettings) -> grpc.ServerCredentials:
    """Credentials of a server with TLS; with ``tls_client_ca`` clients need a certificate (mutual TLS).

    The files are looked at whenever a client connects, so a renewed certificate needs no restart.

    Raises:
        SettingError: a file cannot be read or holds no PEM of its kind.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        raise SettingError("tls_certificate, tls_key: are not given; both are needed for TLS")
    files = _Files(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    return grpc.dynamic_ssl_server_credentials(
        files.configuration(),
        files.changed_configuration,  # type: ignore[arg-type]  # None says that nothing changed
        require_client_authentication=files.client_ca is not None,
    )


def console_context(settings: ServerSettings) -> ssl.SSLContext:
    """TLS of the console's page, with the files of the gRPC server; they are looked at for every connection, too.

    Raises:
        SettingError: a file cannot be read or holds no PEM of its kind.
    """
    if settings.tls_certificate is None or settings.tls_key is None:
        raise SettingError("tls_certificate, tls_key: are not given; both are needed for TLS")
    files = _Files(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    files.configuration()
    current = files.context()

    def choose(connection: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
        nonlocal current
        if files.changed_configuration() is not None:
            try:
                current = files.context()
            except SettingError as error:
                log.error("the certificates stay as they were: %s", error)
        connection.context = current

    current.sni_callback = choose
    return current


class _Files:
    """The PEM files and their time stamps."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        self.certificate, self.key, self.client_ca = certificate, key, client_ca
        self._stamps = self._stamps_now()

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """What the files hold now."""
        key = _read(self.key, "tls_key", b"PRIVATE KEY-----")
        chain = _read(self.certificate, "tls_certificate", b"-----BEGIN CERTIFICATE-----")
        roots = None
        if self.client_ca is not None:
            roots = _read(self.client_ca, "tls_client_ca", b"-----BEGIN CERTIFICATE-----")
        return grpc.ssl_server_certificate_configuration([(key, chain)], root_certificates=roots)

    def context(self) -> ssl.SSLContext:
        """The same for Python's own TLS.

        Raises:
            SettingError: certificate and key do not belong together.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_ca is not None:
                context.load_verify_locations(self.client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ssl.SSLError) as error:
            raise SettingError(f"tls_certificate, tls_key, tls_client_ca: cannot be used ({error})") from error
        return context

    def changed_configuration(self) -> grpc.ServerCertificateConfiguration | None:
        """What the files hold, or None where that is what they held before. Called by gRPC for each connection."""
        try:
            stamps = self._stamps_now()
            if stamps == self._stamps:
                return None
            configuration = self.configuration()
        except SettingError as error:
            # A renewal in progress: the old certificate serves on.
            log.error("the certificates stay as they were: %s", error)
            return None
        self._stamps = stamps
        log.info("the certificates were read again")
        return configuration

    def _stamps_now(self) -> list[tuple[int, int]]:
        stamps = []
        for name, path in (
            ("tls_certificate", self.certificate),
            ("tls_key", self.key),
            ("tls_client_ca", self.client_ca),
        ):
            if path is not None:
                try:
                    status = os.stat(path)  # noqa: PTH116
                except OSError as error:
                    raise SettingError(f"{name}: {path} cannot be read ({error.strerror})") from error
                stamps.append((status.st_mtime_ns, status.st_size))
        return stamps


def _read(path: Path, name: str, mark: bytes) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingError(f"{name}: {path} cannot be read ({error.strerror})") from error
    if mark not in content:
        raise SettingError(f"{name}: {path} holds no {mark.decode().strip('-').lower()}; allowed: a PEM file")
    return content
